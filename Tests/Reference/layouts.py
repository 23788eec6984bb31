"""Names and shapes of the public checkpoints, for WeightsTests: PYTHONPATH=LIBRARIES python3 layouts.py

The single-file side is CompVis' and Stability's own networks (PyPI: stable-diffusion-sdkit, einops; configs as in their
YAML files), the folder side diffusers' and transformers' networks from this package's family configs. Lists are front
coded: each line is how many characters it shares with the one before, the rest of the name, the shape.
"""
import json
import sys
import types

import torch
import diffusers
import transformers
from diffusers.pipelines.latent_diffusion.pipeline_latent_diffusion import LDMBertConfig, LDMBertModel

from common import TESTS, fresh

OUT = TESTS / "WeightsTests/Fixtures/layouts"
FAMILIES = TESTS.parent / "Sources/Weights/Families"

# Of the networks: imported, and not needed for names.
for name in ["cv2", "omegaconf", "omegaconf.listconfig"]:
    sys.modules.setdefault(name, types.ModuleType(name)).ListConfig = list
from ldm.modules.diffusionmodules import model as compvis, openaimodel  # noqa: E402

V1 = dict(image_size=32, in_channels=4, out_channels=4, model_channels=320, attention_resolutions=[4, 2, 1], num_res_blocks=2,
          channel_mult=[1, 2, 4, 4], num_heads=8, use_spatial_transformer=True, transformer_depth=1, context_dim=768, legacy=False)
V2 = dict(V1, num_heads=-1, num_head_channels=64, context_dim=1024, use_linear_in_transformer=True)
X4 = dict(V1, in_channels=7, model_channels=256, attention_resolutions=[2, 4, 8], channel_mult=[1, 2, 2, 4], num_classes=1000,
          disable_self_attentions=[True, True, True, False], context_dim=1024, use_linear_in_transformer=True)
XL = dict(V2, context_dim=2048, attention_resolutions=[4, 2], channel_mult=[1, 2, 4])
REFINER = dict(XL, context_dim=1280, model_channels=384, channel_mult=[1, 2, 4, 4])
TEXT = dict(V1, context_dim=1280)
CLASS = dict(V1, in_channels=3, out_channels=3, model_channels=192, attention_resolutions=[8, 4, 2], channel_mult=[1, 2, 3, 5],
             num_heads=1, context_dim=512)
SR = dict(image_size=64, in_channels=6, out_channels=3, model_channels=160, attention_resolutions=[16, 8], num_res_blocks=2,
          channel_mult=[1, 2, 2, 4], num_head_channels=32)
INPAINTING = dict(SR, in_channels=7, model_channels=256, attention_resolutions=[8, 4, 2], channel_mult=[1, 2, 3, 4],
                  num_head_channels=-1, num_heads=8, resblock_updown=True)
UNCONDITIONAL = dict(SR, in_channels=3, model_channels=224, attention_resolutions=[8, 4, 2], channel_mult=[1, 2, 3, 4])
CHURCHES = dict(SR, in_channels=4, out_channels=4, model_channels=192, attention_resolutions=[1, 2, 4, 8],
                channel_mult=[1, 2, 2, 4, 4], num_head_channels=-1, num_heads=8, use_scale_shift_norm=True, resblock_updown=True)
CLASS_F8 = dict(CLASS, in_channels=4, out_channels=4, model_channels=256, attention_resolutions=[4, 2, 1], channel_mult=[1, 2, 4],
                num_heads=-1, num_head_channels=32)
TEXT_VQ = dict(CLASS, num_heads=-1, num_head_channels=32, context_dim=640)
UNETS = {"sd1": V1, "sd2": V2, "x4-upscaler": X4, "sdxl": XL, "sdxl-refiner": REFINER, "ldm-text": TEXT, "ldm-class": CLASS,
         "ldm-sr": SR, "ldm": UNCONDITIONAL, "ldm-inpainting": INPAINTING, "ldm-churches": CHURCHES, "ldm-class-f8": CLASS_F8,
         "ldm-text-vq": TEXT_VQ}

# Parts of each family's file: list, prefix. "+" joins lists of one network.
VAE, CLIP, OPEN = ("vae", "first_stage_model."), ("clip-l", "cond_stage_model.transformer."), ("openclip-h", "cond_stage_model.model.")
XL_VAE = ("vae", "first_stage_model.")
FILES = {
    "sd1": [("unet-sd1", "model.diffusion_model."), VAE, CLIP],
    "sd1-inpainting": [("unet-sd1", "model.diffusion_model.", 9), VAE, CLIP],
    "sd2": [("unet-sd2", "model.diffusion_model."), VAE, OPEN],
    "sd2-inpainting": [("unet-sd2", "model.diffusion_model.", 9), VAE, OPEN],
    "sd2-depth": [("unet-sd2", "model.diffusion_model.", 5), VAE, OPEN],
    "x4-upscaler": [("unet-x4-upscaler", "model.diffusion_model."), ("vae-x4", "first_stage_model."), OPEN],
    "sdxl": [("unet-sdxl", "model.diffusion_model."), XL_VAE, ("clip-l", "conditioner.embedders.0.transformer."),
             ("openclip-g", "conditioner.embedders.1.model.")],
    "sdxl-inpainting": [("unet-sdxl", "model.diffusion_model.", 9), XL_VAE, ("clip-l", "conditioner.embedders.0.transformer."),
                        ("openclip-g", "conditioner.embedders.1.model.")],
    "sdxl-refiner": [("unet-sdxl-refiner", "model.diffusion_model."), XL_VAE, ("openclip-g", "conditioner.embedders.0.model.")],
    "ldm-text": [("unet-ldm-text", "model.diffusion_model."), VAE, ("bert", "cond_stage_model.transformer.")],
    "ldm-class": [("unet-ldm-class", "model.diffusion_model."), ("vq-f4", "first_stage_model."),
                  ("classes", "cond_stage_model.")],
    "ldm-class-f8": [("unet-ldm-class-f8", "model.diffusion_model."), ("vq-f8", "first_stage_model."),
                     ("classes-f8", "cond_stage_model.")],
    "ldm-text-vq": [("unet-ldm-text-vq", "model.diffusion_model."), ("vq-f4", "first_stage_model."),
                    ("bert-640", "cond_stage_model.transformer.")],
    "ldm-churches": [("unet-ldm-churches", "model.diffusion_model."), VAE],
    "ldm-sr": [("unet-ldm-sr", "model.diffusion_model."), ("vq-f4", "first_stage_model.")],
    "ldm": [("unet-ldm", "model.diffusion_model."), ("vq-f4", "first_stage_model.")],
    "ldm-inpainting": [("unet-ldm-inpainting", "model.diffusion_model."), ("vq-f4-noattn", "first_stage_model.")],
}
# Which list of the folder side a part equals, by family; the family's own name where it has one.
SAME = {"sd1-inpainting": "sd1", "sd2-inpainting": "sd2", "sd2-depth": "sd2", "sdxl-inpainting": "sdxl"}


def write(name, tensors):
    lines, before = [], ""
    for key in sorted(tensors):
        shared = next((i for i, (a, b) in enumerate(zip(key, before)) if a != b), min(len(key), len(before)))
        shape = "x".join(map(str, tensors[key]))
        lines.append(f"{shared} {key[shared:]} {shape or '-'}")
        before = key
    (OUT / f"{name}.keys").write_text("\n".join(lines) + "\n")


def shapes(module):
    return {name: list(value.shape) for name, value in module.state_dict().items()}


def unet(name, options):
    """Depth by level where Stability's network takes a list."""
    options = dict(options)
    plain = openaimodel.SpatialTransformer
    depths = {"sdxl": {640: 2, 1280: 10}, "sdxl-refiner": {768: 4, 1536: 4}}.get(name)
    if depths:
        context = options["context_dim"]
        openaimodel.SpatialTransformer = lambda c, *a, depth, context_dim, **k: plain(
            c, *a, depth=depths[c], context_dim=[context] * depths[c], **k)
    network = openaimodel.UNetModel(**options)
    openaimodel.SpatialTransformer = plain
    result = shapes(network)
    pooled = {"sdxl": 2816, "sdxl-refiner": 2560}.get(name)
    if pooled:
        width = 4 * options["model_channels"]
        result |= {"label_emb.0.0.weight": [width, pooled], "label_emb.0.0.bias": [width], "label_emb.0.2.weight": [width, width],
                   "label_emb.0.2.bias": [width]}
    return result


def autoencoder(mult, z, double, vq=None, attention="vanilla", attends=()):
    options = dict(ch=128, out_ch=3, ch_mult=mult, num_res_blocks=2, attn_resolutions=attends, in_channels=3, resolution=256,
                   z_channels=z, attn_type=attention)
    result = {f"encoder.{k}": v for k, v in shapes(compvis.Encoder(double_z=double, **options)).items()}
    result |= {f"decoder.{k}": v for k, v in shapes(compvis.Decoder(**options)).items()}
    moments = 2 * z if double else z
    for key, n in [("quant_conv", moments), ("post_quant_conv", z)]:
        result |= {f"{key}.weight": [n, n, 1, 1], f"{key}.bias": [n]}
    return result | ({"quantize.embedding.weight": [vq, z]} if vq else {})


def taesd(half):
    """A chain by number, as `taesd.py` has it (github.com/madebyollin/taesd); the decoder's bends its input first."""
    conv = lambda n, out, inputs, bias=True: {f"{n}.weight": [out, inputs, 3, 3], **({f"{n}.bias": [out]} if bias else {})}
    block = lambda n: {k: v for i in (0, 2, 4) for k, v in conv(f"{n}.conv.{i}", 64, 64).items()}
    if half == "encoder":
        plan = "i" + "b" + "sbbb" * 3 + "o"
        sizes = {"i": (64, 3), "o": (4, 64)}
    else:
        plan = "ci" + "-" + "bbb^s" * 3 + "b" + "o"
        sizes = {"i": (64, 4), "o": (3, 64)}
    result = {}
    for n, kind in enumerate(plan):
        result |= block(n) if kind == "b" else conv(n, 64, 64, False) if kind == "s" else conv(n, *sizes[kind]) if kind in sizes else {}
    return result


def open_clip(width, layers):
    """open_clip's text side (`transformer.py`): fused projections, the last one written for multiplication from the right."""
    result = {"positional_embedding": [77, width], "token_embedding.weight": [49408, width], "text_projection": [width, width],
              "logit_scale": [], "ln_final.weight": [width], "ln_final.bias": [width]}
    for i in range(layers):
        block = {"ln_1.weight": [width], "ln_1.bias": [width], "ln_2.weight": [width], "ln_2.bias": [width],
                 "attn.in_proj_weight": [3 * width, width], "attn.in_proj_bias": [3 * width], "attn.out_proj.weight": [width, width],
                 "attn.out_proj.bias": [width], "mlp.c_fc.weight": [4 * width, width], "mlp.c_fc.bias": [4 * width],
                 "mlp.c_proj.weight": [width, 4 * width], "mlp.c_proj.bias": [width]}
        result |= {f"transformer.resblocks.{i}.{k}": v for k, v in block.items()}
    return result


def bert(d=1280):
    """x-transformers' encoder as CompVis had it (`ldm/modules/x_transformer.py`): attention and feed-forward by turns."""
    inner = 512
    result = {"token_emb.weight": [30522, d], "pos_emb.emb.weight": [77, d], "norm.weight": [d], "norm.bias": [d],
              "to_logits.weight": [30522, d], "to_logits.bias": [30522]}
    for i in range(32):
        a, f = f"attn_layers.layers.{2 * i}", f"attn_layers.layers.{2 * i + 1}"
        result |= {f"{a}.0.0.weight": [d], f"{a}.0.0.bias": [d], **{f"{a}.1.to_{x}.weight": [inner, d] for x in "qkv"},
                   f"{a}.1.to_out.weight": [d, inner], f"{a}.1.to_out.bias": [d], f"{f}.0.0.weight": [d], f"{f}.0.0.bias": [d],
                   f"{f}.1.net.0.0.weight": [4 * d, d], f"{f}.1.net.0.0.bias": [4 * d], f"{f}.1.net.2.weight": [d, 4 * d],
                   f"{f}.1.net.2.bias": [d]}
    return result


def folder_part(part, config):
    if part in ("unet", "vae", "vqvae"):
        return shapes(getattr(diffusers, config["_class_name"]).from_config(config))
    if part == "bert":
        return shapes(LDMBertModel(LDMBertConfig(**{k: v for k, v in config.items() if k not in ("architectures", "model_type")})))
    kind = config["architectures"][0]
    settings = transformers.CLIPTextConfig(**{k: v for k, v in config.items() if k not in ("architectures", "model_type")})
    result = shapes(getattr(transformers, kind)(settings))
    # transformers 5 saves a bare tower without the prefix that every public folder has.
    return {k if k.startswith("text_") else f"text_model.{k}": v for k, v in result.items() if not k.endswith("position_ids")}


def main():
    fresh(OUT)
    with torch.device("meta"):
        for name, options in UNETS.items():
            write(f"unet-{name}", unet(name, options))
        write("vae", autoencoder((1, 2, 4, 4), 4, True))
        write("vae-x4", autoencoder((1, 2, 4), 4, True))
        write("vq-f4", autoencoder((1, 2, 4), 3, False, vq=8192))
        write("vq-f4-noattn", autoencoder((1, 2, 4), 3, False, vq=8192, attention="none"))
        write("vq-f8", autoencoder((1, 2, 2, 4), 4, False, vq=16384, attends=[32]))
        write("openclip-h", open_clip(1024, 24))
        write("openclip-g", open_clip(1280, 32))
        write("bert", bert())
        write("bert-640", bert(640))
        write("classes", {"embedding.weight": [1001, 512]})
        write("classes-f8", {"embedding.weight": [1000, 512]})
        write("taesd-encoder", taesd("encoder"))
        write("taesd-decoder", taesd("decoder"))
        write("folder-taesd", shapes(diffusers.AutoencoderTiny()))
        seen = {}
        folders = {}
        for family in FILES:
            parts = json.loads((FAMILIES / f"{family}.json").read_text())["parts"]
            folders[family] = {}
            for part, config in parts.items():
                if part.startswith(("scheduler", "low_res", "tokenizer")):
                    continue
                found = folder_part(part, config)
                key = json.dumps(found, sort_keys=True)
                if key not in seen:
                    seen[key] = f"folder-{part}-{family}"
                    write(seen[key], found)
                folders[family][part] = seen[key]
        clip = folder_part("text_encoder", json.loads((FAMILIES / "sd1.json").read_text())["parts"]["text_encoder"])
        write("clip-l", clip | {"text_model.embeddings.position_ids": [1, 77]})
    index = {f: {"file": [{"keys": p[0], "prefix": p[1], "inputs": (p + (None,))[2]} for p in parts], "folder": folders[f]}
             for f, parts in FILES.items()}
    (OUT / "index.json").write_text(json.dumps(index, indent=1) + "\n")


if __name__ == "__main__":
    main()
