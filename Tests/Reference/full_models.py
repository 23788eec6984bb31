"""Models of full size with random weights, in the layouts that are published. families.py writes them, runs them and
compares.

Folders in diffusers' layout come from this package's own configs (Sources/Weights/Families); the models of 2021 that were
only ever a checkpoint of CompVis' come from CompVis' networks (PyPI: stable-diffusion-sdkit, einops), f32, with the averages
and buffers that lie in the published files.
"""
import json
import sys
import types

import torch
from safetensors.torch import save_file

from common import TESTS, fresh, randomize, write_json

FAMILIES = TESTS.parent / "Sources/Weights/Families"
LCM_SCHEDULER = dict(
    _class_name="LCMScheduler", beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
    num_train_timesteps=1000, original_inference_steps=50, prediction_type="epsilon", set_alpha_to_one=True, steps_offset=0,
    timestep_spacing="leading", rescale_betas_zero_snr=False)


def family(name):
    """Configs by part and the index; of families that have no file of their own, as their folders say it."""
    based = {"sd2-base": "sd2", "lcm": "sd1", "taesd": "sd1"}
    file = json.loads((FAMILIES / f"{based.get(name, name)}.json").read_text())
    parts, index = file["parts"], file["index"]
    if name == "sd2-base":
        parts["unet"] |= dict(sample_size=64, upcast_attention=None)
        parts["scheduler"] |= dict(_class_name="PNDMScheduler", prediction_type="epsilon")
        index["scheduler"] = ["diffusers", "PNDMScheduler"]
    elif name == "lcm":
        parts["unet"]["time_cond_proj_dim"] = 256
        parts["scheduler"] = LCM_SCHEDULER
        index |= dict(_class_name="LatentConsistencyModelPipeline", scheduler=["diffusers", "LCMScheduler"])
    elif name == "taesd":
        parts["vae"] = dict(_class_name="AutoencoderTiny")
        index["vae"] = ["diffusers", "AutoencoderTiny"]
    return parts, index


def module(part, config):
    """On no device: only its shapes exist."""
    import diffusers
    import transformers
    from diffusers.pipelines.latent_diffusion.pipeline_latent_diffusion import LDMBertConfig, LDMBertModel
    with torch.device("meta"):
        if part == "bert":
            return LDMBertModel(LDMBertConfig(**{k: v for k, v in config.items() if k not in ("architectures", "model_type")}))
        if "architectures" in config:
            settings = transformers.CLIPTextConfig(**{k: v for k, v in config.items() if k != "model_type"})
            return getattr(transformers, config["architectures"][0])(settings)
        return getattr(diffusers, config["_class_name"]).from_config(config)


def write_part(part, config, folder, seed):
    """f16, never held in f32: SDXL's UNet would take 10 GB."""
    made = randomize(module(part, config).half().to_empty(device="cpu"), seed)
    isText = "architectures" in config
    tensors = {k: v.contiguous() for k, v in made.state_dict().items() if v.is_floating_point()}
    if part.startswith("text_encoder"):
        # As every public folder has them; transformers 5 leaves them out.
        tensors = {k if k.startswith("text_") else f"text_model.{k}": v for k, v in tensors.items()}
        tensors["text_model.embeddings.position_ids"] = torch.arange(77)[None]
    folder.mkdir(parents=True)
    write_json(folder / "config.json", config)
    save_file(tensors, folder / ("model.safetensors" if isText else "diffusion_pytorch_model.safetensors"),
              metadata={"format": "pt"})


def write_folder(name, folder):
    """The model as published: a folder a part."""
    parts, index = family(name)
    fresh(folder)
    for seed, (part, config) in enumerate(parts.items()):
        if part.endswith("scheduler"):
            (folder / part).mkdir()
            write_json(folder / part / "scheduler_config.json", config)
        elif part.startswith("tokenizer"):
            write_clip_vocabulary(folder / part, config)
        else:
            write_part(part, config, folder / part, seed + 1)
    if "bert" in parts:
        write_bert_vocabulary(folder / "tokenizer", parts["bert"]["vocab_size"])
        index["tokenizer"] = ["transformers", "BertTokenizer"]
    write_json(folder / "model_index.json", index)


def write_clip_vocabulary(folder, config):
    """OpenAI's 49,408 tokens follow from its merges."""
    merges = (FAMILIES / "clip-merges.txt").read_text().rstrip("\n").split("\n")
    merges = [m for m in merges if not m.startswith("#version")]
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = [chr(b) for b in printable] + [chr(256 + i) for i in range(256 - len(printable))]
    tokens = letters + [c + "</w>" for c in letters] + [m.replace(" ", "") for m in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    assert len(tokens) == 49408
    folder.mkdir()
    (folder / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(tokens)}, ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    # In the public folders the config says another padding than the map, which transformers believes.
    write_json(folder / "tokenizer_config.json", config | dict(pad_token="<|endoftext|>"))
    write_json(folder / "special_tokens_map.json", {k: config[k] for k in ("bos_token", "eos_token", "pad_token", "unk_token")})


def write_bert_vocabulary(folder, size):
    """Of BERT's size, with some of its words: the rest is never met."""
    words = ["[PAD]", *(f"[unused{i}]" for i in range(99)), "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words += "a of red on the table apple photo ##graph blur ##ry , low quality".split()
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(words + [f"word{i}" for i in range(size - len(words))]) + "\n")
    write_json(folder / "tokenizer_config.json", dict(do_lower_case=True, tokenizer_class="BertTokenizer", model_max_length=77))


# CompVis' own: configs/latent-diffusion/cin256-v2.yaml and the config.yaml of models/ldm/{cin256,inpainting_big,
# lsun_churches256}.
VQ_F4 = dict(z_channels=3, ch_mult=(1, 2, 4), attn_resolutions=[], codebook=8192)
VQ_F8 = dict(z_channels=4, ch_mult=(1, 2, 2, 4), attn_resolutions=[32], codebook=16384)
KL_F8 = dict(z_channels=4, ch_mult=(1, 2, 4, 4), attn_resolutions=[])
CLASSES = dict(
    unet=dict(image_size=64, in_channels=3, out_channels=3, model_channels=192, attention_resolutions=[8, 4, 2],
              num_res_blocks=2, channel_mult=[1, 2, 3, 5], num_heads=1, use_spatial_transformer=True, transformer_depth=1,
              context_dim=512),
    first=VQ_F4, betas=(0.0015, 0.0195), classes=1001)
CLASSES_F8 = dict(
    unet=CLASSES["unet"] | dict(image_size=32, in_channels=4, out_channels=4, model_channels=256, channel_mult=[1, 2, 4],
                                attention_resolutions=[4, 2, 1], num_heads=-1, num_head_channels=32),
    first=VQ_F8, betas=(0.0015, 0.0195), classes=1000)
INPAINTING = dict(
    unet=dict(image_size=64, in_channels=7, out_channels=3, model_channels=256, attention_resolutions=[8, 4, 2],
              num_res_blocks=2, channel_mult=[1, 2, 3, 4], num_heads=8, resblock_updown=True),
    first=VQ_F4 | dict(attn_type="none"), betas=(0.0015, 0.0205), averages=True)
CHURCHES = dict(
    unet=dict(image_size=32, in_channels=4, out_channels=4, model_channels=192, attention_resolutions=[1, 2, 4, 8],
              num_res_blocks=2, channel_mult=[1, 2, 2, 4, 4], num_heads=8, use_scale_shift_norm=True, resblock_updown=True),
    first=KL_F8, betas=(0.0015, 0.0155), averages=True, factor=0.22765929)
COMPVIS = {"ldm-class": CLASSES, "ldm-class-f8": CLASSES_F8, "ldm-inpainting": INPAINTING, "ldm-churches": CHURCHES}


class FirstStage(torch.nn.Module):
    """`VQModelInterface` or `AutoencoderKL` without its trainer: CompVis' encoder and decoder, around a codebook or none."""

    def __init__(self, z_channels, codebook=None, attn_type="vanilla", **more):
        super().__init__()
        from ldm.modules.diffusionmodules.model import Decoder, Encoder
        shape = dict(attn_type=attn_type, double_z=codebook is None, z_channels=z_channels, resolution=256, in_channels=3,
                     out_ch=3, ch=128, num_res_blocks=2, dropout=0.0) | more
        self.encoder, self.decoder = Encoder(**shape), Decoder(**shape)
        if codebook:
            self.quantize = torch.nn.Module()
            self.quantize.embedding = torch.nn.Embedding(codebook, z_channels)
        moments = z_channels if codebook else 2 * z_channels
        self.quant_conv = torch.nn.Conv2d(moments, moments, 1)
        self.post_quant_conv = torch.nn.Conv2d(z_channels, z_channels, 1)

    def encode(self, x):
        return self.quant_conv(self.encoder(x))

    def decode(self, z):
        if hasattr(self, "quantize"):
            flat, table = z.permute(0, 2, 3, 1).reshape(-1, z.shape[1]), self.quantize.embedding.weight
            nearest = table[torch.cdist(flat.double(), table.double()).argmin(1)]
            z = nearest.reshape(1, *z.shape[2:], z.shape[1]).permute(0, 3, 1, 2)
        return self.decoder(self.post_quant_conv(z))


def compvis(name, unet_seed=1):
    """UNet, first stage and, where the model has one, the table of classes."""
    for absent in ["cv2", "omegaconf", "omegaconf.listconfig"]:  # imported, and not needed
        sys.modules.setdefault(absent, types.ModuleType(absent)).ListConfig = list
    from ldm.modules.diffusionmodules.openaimodel import UNetModel
    options = COMPVIS[name]
    unet = randomize(UNetModel(**options["unet"]), unet_seed)
    first = randomize(FirstStage(**options["first"]), 2)
    table = randomize(torch.nn.Embedding(options["classes"], 512), 3) if "classes" in options else None
    return unet, first, table


def write_checkpoint(name, path):
    """As pytorch_lightning saved CompVis' `LatentDiffusion`."""
    unet, first, table = compvis(name)
    state = {f"model.diffusion_model.{k}": v for k, v in unet.state_dict().items()}
    if COMPVIS[name].get("averages"):
        averages, _, _ = compvis(name, unet_seed=4)
        state |= {"model_ema.decay": torch.tensor(0.9999), "model_ema.num_updates": torch.tensor(5, dtype=torch.int)}
        state |= {"model_ema.diffusion_model" + k.replace(".", ""): v for k, v in averages.state_dict().items()}
    state |= {f"first_stage_model.{k}": v for k, v in first.state_dict().items()}
    if name == "ldm-inpainting":  # __is_first_stage__
        state |= {f"cond_stage_model.{k}": v for k, v in first.state_dict().items()}
    if table is not None:
        state["cond_stage_model.embedding.weight"] = table.weight
    if "factor" in COMPVIS[name]:  # scale_by_std
        state["scale_factor"] = torch.tensor(COMPVIS[name]["factor"])
    start, end = COMPVIS[name]["betas"]
    betas = torch.linspace(start**0.5, end**0.5, 1000, dtype=torch.float64) ** 2
    state |= {"betas": betas.float(), "alphas_cumprod": (1 - betas).cumprod(0).float()}
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"state_dict": {k: v.detach() for k, v in state.items()}, "global_step": 1, "epoch": 0}, path)
