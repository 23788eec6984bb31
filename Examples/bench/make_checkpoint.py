#!/usr/bin/env python3
"""Writes Stable Diffusion 1.5 with random weights, f16, in diffusers' layout: a checkpoint of full size for benchmarks.

    make_checkpoint.py FOLDER

Needs torch, diffusers and transformers from PyPI (Tests/Reference/requirements.txt). 2 GB on disk, 4 GB of memory.
"""
import json
import sys
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel


def tokenizer(folder):
    """A vocabulary of CLIP's size whose merges never apply: bytes, their word ends, then names for the rest."""
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    bytes_ = [chr(c) for c in visible] + [chr(256 + i) for i in range(256 - len(visible))]
    merges = [f"{a} {b}" for a in bytes_ for b in bytes_][: 49408 - 2 - 512]
    entries = bytes_ + [b + "</w>" for b in bytes_] + [m.replace(" ", "") for m in merges]
    entries += ["<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(entries)}))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    end = "<|endoftext|>"
    config = dict(model_max_length=77, bos_token="<|startoftext|>", eos_token=end, pad_token=end, unk_token=end)
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def main():
    out = Path(sys.argv[1])
    torch.manual_seed(0)
    UNet2DConditionModel(
        sample_size=64, cross_attention_dim=768, attention_head_dim=8, block_out_channels=(320, 640, 1280, 1280)
    ).half().save_pretrained(out / "unet")
    AutoencoderKL(
        block_out_channels=(128, 256, 512, 512), layers_per_block=2, latent_channels=4, sample_size=512,
        down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4,
    ).half().save_pretrained(out / "vae")
    CLIPTextModel(CLIPTextConfig(
        vocab_size=49408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12,
        max_position_embeddings=77, hidden_act="quick_gelu", projection_dim=768,
    )).half().save_pretrained(out / "text_encoder")
    text = out / "text_encoder/model.safetensors"
    weights = {k if k.startswith("text_model.") else "text_model." + k: v for k, v in load_file(text).items()}
    save_file(weights, text, metadata={"format": "pt"})
    DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False,
        steps_offset=1,
    ).save_pretrained(out / "scheduler")
    tokenizer(out / "tokenizer")
    parts = dict(
        vae=["diffusers", "AutoencoderKL"], text_encoder=["transformers", "CLIPTextModel"],
        tokenizer=["transformers", "CLIPTokenizer"], unet=["diffusers", "UNet2DConditionModel"],
        scheduler=["diffusers", "DDIMScheduler"], safety_checker=[None, None], feature_extractor=[None, None],
    )
    (out / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionPipeline", **parts}))


main()
