"""Small textual inversions in the layouts that people have, and what diffusers' pipelines make of prompts with them.

Made with torch 2.15.0, diffusers 0.42.1, transformers 5.23.0:
    python3 embeddings.py     writes Tests/LatentDiffusionTests/Golden/embeddings
Needs Golden/text and Golden/sdxl (pipelines.py, family_pipelines.py).
"""
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from safetensors.torch import save_file
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from common import TESTS, fresh, write_json

GOLDEN = TESTS / "LatentDiffusionTests/Golden"
FOLDER = fresh(GOLDEN / "embeddings")
generator = torch.Generator().manual_seed(5)
draw = lambda *shape: torch.randn(shape, generator=generator)


def towers(model, classes):
    for suffix, cls in zip(("", "_2"), classes):
        yield (CLIPTokenizer.from_pretrained(GOLDEN / model / f"model/tokenizer{suffix}"),
               cls.from_pretrained(GOLDEN / model / f"model/text_encoder{suffix}").eval())


def pipeline():
    (tokenizer, encoder), = towers("text", [CLIPTextModel])
    return StableDiffusionPipeline(
        vae=None, text_encoder=encoder, tokenizer=tokenizer, unet=None, scheduler=None, safety_checker=None,
        feature_extractor=None, requires_safety_checker=False)


width = 16
vectors = draw(2, width)
# AUTOMATIC1111's, as its trainer saves it: an old ParameterDict's state is a Module's; newer ones hold a plain tensor.
torch.save({"string_to_token": {"*": torch.tensor(265)}, "string_to_param": {"*": vectors}, "name": "ink",
            "step": 500, "sd_checkpoint": "0123abcd", "sd_checkpoint_name": "small"}, FOLDER / "ink-wash.pt")
parameters = torch.nn.ParameterDict({"*": torch.nn.Parameter(vectors)})
torch.save({"string_to_token": {"*": 265}, "string_to_param": parameters, "name": "old"}, FOLDER / "older.pt")
torch.save({"<cat-toy>": draw(width)}, FOLDER / "learned_embeds.bin")
save_file({"emb_params": draw(3, width)}, FOLDER / "three.safetensors")
save_file({"emb_params": draw(2, 2 * width)}, FOLDER / "wide.safetensors")

prompts = ["a red apple", "a ink-wash house", "<cat-toy> on a red house, <cat-toy>", "three, ink-wash, <cat-toy>"]
result, expected = {}, []
pipe = pipeline()
pipe.load_textual_inversion(str(FOLDER / "ink-wash.pt"), token="ink-wash")
pipe.load_textual_inversion(str(FOLDER / "learned_embeds.bin"))
pipe.load_textual_inversion(str(FOLDER / "three.safetensors"), token="three")
with torch.no_grad():
    for i, prompt in enumerate(prompts):
        result[f"text.{i}"] = pipe.encode_prompt(prompt, "cpu", 1, False)[0]

(first, l), (second, g) = towers("sdxl", [CLIPTextModel, CLIPTextModelWithProjection])
pair = {"clip_l": draw(2, l.config.hidden_size), "clip_g": draw(2, g.config.hidden_size)}
save_file(pair, FOLDER / "pair.safetensors")
xl = StableDiffusionXLPipeline(
    vae=None, text_encoder=l, text_encoder_2=g, tokenizer=first, tokenizer_2=second, unet=None, scheduler=None)
xl.load_textual_inversion(pair["clip_l"], token="pair", text_encoder=l, tokenizer=first)
xl.load_textual_inversion(pair["clip_g"], token="pair", text_encoder=g, tokenizer=second)
with torch.no_grad():
    tokens, _, pooled, _ = xl.encode_prompt("a red pair, pair", device="cpu", do_classifier_free_guidance=False)
result |= {"sdxl.tokens": tokens, "sdxl.pooled": pooled}
save_file({k: v.contiguous() for k, v in result.items()}, FOLDER / "io.safetensors")
write_json(FOLDER / "prompts.json", prompts)
