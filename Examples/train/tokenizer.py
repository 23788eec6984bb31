"""Stage 0: the vocabulary, byte pairs of the captions in CLIP's format.

Only for a model from nothing: a new vocabulary needs a new text encoder. Writes OUT/base/tokenizer and the descriptions of
both pipelines.
"""
import argparse
import json
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from networks import TOKENS
from table import captions

WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
END = "</w>"
BASE = {
    "_class_name": "StableDiffusionInpaintPipeline", "vae": ["networks", "PatchAutoencoderKL"],
    "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"], "scheduler": ["diffusers", "DDIMScheduler"],
    "safety_checker": [None, None], "feature_extractor": [None, None], "requires_safety_checker": False}
UPSCALER = {
    "_class_name": "StableDiffusionUpscalePipeline", "vae": ["networks", "PatchAutoencoderKL"], "text_encoder": [None, None],
    "tokenizer": [None, None], "unet": ["diffusers", "UNet2DConditionModel"], "scheduler": ["diffusers", "DDIMScheduler"],
    "low_res_scheduler": ["diffusers", "DDPMScheduler"], "max_noise_level": 350}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=4096, help="tokens learned, at most (default: %(default)s)")
    arguments = parser.parse_args()
    tokens = Tokenizer(models.BPE(end_of_word_suffix=END))
    tokens.normalizer = normalizers.Lowercase()
    tokens.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(WORDS), "removed", invert=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens.train_from_iterator(captions(arguments.data).values(), trainers.BpeTrainer(
        vocab_size=arguments.size, initial_alphabet=alphabet, end_of_word_suffix=END, min_frequency=2, show_progress=False))
    folder = arguments.out / "base/tokenizer"
    folder.mkdir(parents=True, exist_ok=True)
    tokens.model.save(str(folder))
    lines = (folder / "merges.txt").read_text(encoding="utf-8").split("\n")
    merges = [line for line in lines if line and not line.startswith("#version")]
    # In CLIP's order: bytes, bytes that end a word, merges, the two marks.
    names = alphabet + [b + END for b in alphabet] + [m.replace(" ", "") for m in merges]
    names = list(dict.fromkeys(names)) + ["<|startoftext|>", "<|endoftext|>"]
    ids = json.dumps({name: i for i, name in enumerate(names)}, ensure_ascii=False)
    (folder / "vocab.json").write_text(ids, encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", encoding="utf-8")
    end = "<|endoftext|>"
    (folder / "tokenizer_config.json").write_text(json.dumps(dict(
        tokenizer_class="CLIPTokenizer", model_max_length=TOKENS, bos_token="<|startoftext|>", eos_token=end, pad_token=end,
        unk_token=end), indent=1))
    (arguments.out / "upscaler").mkdir(exist_ok=True)
    for name, index in (("base", BASE), ("upscaler", UPSCALER)):
        (arguments.out / name / "model_index.json").write_text(json.dumps(index, indent=1))
    print(len(names), "tokens")


if __name__ == "__main__":
    main()
