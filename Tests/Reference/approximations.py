"""What the authors' own code makes of the approximations, on the small random networks of modules.py and pipelines.py.

  python approximations.py     writes Tests/ModelsTests/Golden/approximations, Tests/LatentDiffusionTests/Golden/approximations

DeepCache by its helper for diffusers (PyPI: DeepCache), token merging by PyPI's tomesd with the first token of each square as
the destination (its random choice is torch's own), limited guidance by diffusers' callback at the end of each step.
"""
from types import SimpleNamespace

import numpy as np
import tomesd
import torch
from DeepCache import DeepCacheSDHelper
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel, CLIPTokenizer

from common import TESTS, fresh

TIMESTEPS = [999, 801, 641, 420, 21]
SHARES = {"sd1": 0.5, "sd2": 0.75, "odd": 0.4}


def network(name):
    folder = TESTS / "ModelsTests/Golden/unet" / name
    unet = UNet2DConditionModel.from_pretrained(folder, torch_dtype=torch.float32).eval()
    io = load_file(folder / "io.safetensors")
    more = dict(encoder_hidden_states=io["context"])
    if "pooled" in io:
        more["added_cond_kwargs"] = dict(text_embeds=io["pooled"], time_ids=io["micro"])
    return unet, io["latents"], more


def merged(name, share):
    unet, latents, more = network(name)
    tomesd.apply_patch(unet, ratio=share, use_rand=False)
    return unet(latents, torch.tensor(801.0), **more).sample


def cached(name, interval):
    """The outputs of a run whose latents are scaled at each step, so that each has its own."""
    unet, latents, more = network(name)
    helper = DeepCacheSDHelper(SimpleNamespace(unet=unet, scheduler=SimpleNamespace(timesteps=torch.tensor(TIMESTEPS))))
    helper.set_params(cache_interval=interval, cache_branch_id=0)
    helper.enable()
    return torch.stack([
        unet(latents * (1 - 0.1 * i), torch.tensor(t), **more).sample for i, t in enumerate(TIMESTEPS)])


def pipeline():
    model = TESTS / "LatentDiffusionTests/Golden/text/model"
    config = DDIMScheduler.load_config(model / "scheduler")
    pipe = StableDiffusionPipeline(
        unet=UNet2DConditionModel.from_pretrained(model / "unet", torch_dtype=torch.float32),
        vae=AutoencoderKL.from_pretrained(model / "vae", torch_dtype=torch.float32),
        text_encoder=CLIPTextModel.from_pretrained(model / "text_encoder", torch_dtype=torch.float32),
        tokenizer=CLIPTokenizer(
            str(model / "tokenizer/vocab.json"), str(model / "tokenizer/merges.txt"), model_max_length=16),
        scheduler=DDIMScheduler.from_config(config), safety_checker=None, feature_extractor=None,
        requires_safety_checker=False)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def picture(pipe, **more):
    image = pipe(
        prompt="a red apple", negative_prompt="house", height=32, width=48, num_inference_steps=8, guidance_scale=7.5,
        generator=torch.Generator("cpu").manual_seed(7), output_type="pil", **more).images[0]
    return dict(output=torch.from_numpy(np.asarray(image).copy()))


def within_interval(low, high):
    """Guidance from the second step on where low < sigma <= high; the first step is guided, so high must be above it."""
    pipe = pipeline()
    sigma = lambda t: ((1 - pipe.scheduler.alphas_cumprod[t]) / pipe.scheduler.alphas_cumprod[t]).sqrt()

    def after(pipe, step, timestep, tensors):
        timesteps = pipe.scheduler.timesteps
        if step + 1 < len(timesteps) and pipe._guidance_scale > 1 and not low < sigma(timesteps[step + 1]) <= high:
            pipe._guidance_scale = 1.0
            tensors["prompt_embeds"] = tensors["prompt_embeds"][-1:]
        return tensors

    return picture(pipe, callback_on_step_end=after, callback_on_step_end_tensor_inputs=["prompt_embeds"])


def main():
    folder = fresh(TESTS / "ModelsTests/Golden/approximations")
    with torch.no_grad():
        save_file({name: merged(name, share) for name, share in SHARES.items()}, folder / "token-merging.safetensors")
        save_file({name: cached(name, 3) for name in ("sd1", "built-in", "sdxl")}, folder / "deep-cache.safetensors")
    folder = fresh(TESTS / "LatentDiffusionTests/Golden/approximations")
    save_file(within_interval(3.0, 20.0), folder / "guidance-interval.safetensors")
    pipe = pipeline()
    helper = DeepCacheSDHelper(pipe)
    helper.set_params(cache_interval=3, cache_branch_id=0)
    helper.enable()
    save_file(picture(pipe), folder / "deep-cache.safetensors")


if __name__ == "__main__":
    main()
