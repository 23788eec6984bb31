"""Tiny random pipelines in diffusers' layout, and what diffusers' own pipelines make of them.

  python pipelines.py     writes Tests/LatentDiffusionTests/Golden/{text,inpaint,upscaler,upscaler-notext}

Each folder holds `model/`, `cases.json` (all arguments of each case) and one safetensors file a case: the picture and mask
that went in (u8), the final latents (f32) and the picture that came out (u8).
"""
import json

import numpy as np
import torch
from diffusers import (
    AutoencoderKL, DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler, EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler, HeunDiscreteScheduler, PNDMScheduler, StableDiffusionImg2ImgPipeline,
    StableDiffusionInpaintPipeline, StableDiffusionPipeline, StableDiffusionUpscalePipeline, UNet2DConditionModel)
from PIL import Image
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from common import TESTS, fresh, randomize, save_component, write_json

GOLDEN = TESTS / "LatentDiffusionTests/Golden"
PLAIN, CROSS = ["DownBlock2D"], ["CrossAttnDownBlock2D"]
PLAIN_UP, CROSS_UP = ["UpBlock2D"], ["CrossAttnUpBlock2D"]
SD1 = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1, set_alpha_to_one=False,
           clip_sample=False)
ZERO = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="v_prediction",
            rescale_betas_zero_snr=True, timestep_spacing="trailing", set_alpha_to_one=False, clip_sample=False)
SAMPLERS = {
    "ddim": (DDIMScheduler, {}), "euler": (EulerDiscreteScheduler, {}), "euler-a": (EulerAncestralDiscreteScheduler, {}),
    "heun": (HeunDiscreteScheduler, {}), "pndm": (PNDMScheduler, dict(skip_prk_steps=True)),
    "dpm++2m": (DPMSolverMultistepScheduler, {})}


def tokenizer(folder):
    """The bytes, the bytes that end a word, a few merges."""
    from tokenizers.pre_tokenizers import ByteLevel
    folder.mkdir(parents=True)
    alphabet = sorted(ByteLevel.alphabet())
    merges = ["a p", "ap p", "l e</w>", "app le</w>", "r e", "re d</w>", "h o", "ho u", "s e</w>", "hou se</w>"]
    tokens = alphabet + [b + "</w>" for b in alphabet] + [m.replace(" ", "") for m in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(tokens)}, ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    write_json(folder / "tokenizer_config.json", dict(
        tokenizer_class="CLIPTokenizer", model_max_length=16, bos_token="<|startoftext|>", eos_token="<|endoftext|>",
        pad_token="<|endoftext|>", unk_token="<|endoftext|>"))
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=16), len(tokens)


def unet(seed, inputs, text=True, **more):
    shape = dict(block_out_channels=(8, 16), norm_num_groups=4, layers_per_block=1, in_channels=inputs, out_channels=4,
                 sample_size=16)
    if text:
        shape |= dict(down_block_types=CROSS + PLAIN, up_block_types=PLAIN_UP + CROSS_UP, cross_attention_dim=16,
                      attention_head_dim=4)
    else:
        shape |= dict(down_block_types=PLAIN * 2, up_block_types=PLAIN_UP * 2, mid_block_type="UNetMidBlock2D")
    return randomize(UNet2DConditionModel(**shape | more), seed)


def vae(seed, levels, scaling):
    channels = (8,) * (levels - 1) + (16,)
    return randomize(AutoencoderKL(
        block_out_channels=channels, down_block_types=["DownEncoderBlock2D"] * levels,
        up_block_types=["UpDecoderBlock2D"] * levels, layers_per_block=1, norm_num_groups=4, scaling_factor=scaling), seed)


def text_encoder(seed, vocabulary):
    return randomize(CLIPTextModel(CLIPTextConfig(
        vocab_size=vocabulary, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=16, bos_token_id=vocabulary - 2, eos_token_id=vocabulary - 1,
        pad_token_id=vocabulary - 1)), seed)


def picture(seed, size):
    """Smooth colours with some noise, [size, size, 3] u8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:size, 0:size] / size
    smooth = np.stack([x, y, 1 - x * y], -1) * 200 + rng.normal(0, 20, (size, size, 3))
    return smooth.clip(0, 255).round().astype(np.uint8)


def hole(size):
    mask = np.zeros((size, size), np.uint8)
    mask[size // 4:size * 3 // 4, size // 4:size // 2] = 255
    return mask


class Pipeline:
    """One folder: a model and the cases run on it."""

    def __init__(self, name, scheduler, parts, extra=None):
        self.folder, self.scheduler, self.parts, self.cases = fresh(GOLDEN / name), scheduler, parts, []
        model = self.folder / "model"
        if "text_encoder" in parts:
            self.tokenizer, size = tokenizer(model / "tokenizer")
            parts["text_encoder"] = text_encoder(11, size)
        prefix = lambda k: "text_model." + k.removeprefix("text_model.")
        for part, module in parts.items():
            save_component(module, model / part, prefix if part == "text_encoder" else lambda k: k)
        scheduler.save_pretrained(model / "scheduler")
        write_json(model / "model_index.json", extra or {})

    def run(self, cls, name, task, more=None, seed=7, steps=4, guidance=7.5, sampler=None, schedule=None, **arguments):
        config = {k: v for k, v in self.scheduler.config.items() if not k.startswith("_")}
        written = json.loads((self.folder / "model/scheduler/scheduler_config.json").read_text())
        cls_, extra = SAMPLERS[sampler or "ddim"]
        if schedule == "karras":
            extra = dict(extra, use_karras_sigmas=True)
        keys = {k: v for k, v in config.items() if k in self.keys(written)}
        scheduler = cls_.from_config({**keys, **extra})
        everything = dict(self.parts, scheduler=scheduler, tokenizer=self.tokenizer, **(more or {}))
        if cls is not StableDiffusionUpscalePipeline:
            everything |= dict(safety_checker=None, feature_extractor=None, requires_safety_checker=False)
        pipe = cls(**everything)
        pipe.set_progress_bar_config(disable=True)
        inputs = {k: Image.fromarray(v) for k, v in arguments.items() if isinstance(v, np.ndarray)}
        options = {k: v for k, v in arguments.items() if not isinstance(v, np.ndarray)}
        call = lambda kind: pipe(
            prompt="a red apple", negative_prompt="house", num_inference_steps=steps, guidance_scale=guidance,
            generator=torch.Generator("cpu").manual_seed(seed), output_type=kind, **inputs, **options).images
        latents, image = call("latent"), np.asarray(call("pil")[0])
        self.store(name, task, latents, image, arguments, seed, steps, guidance, sampler, schedule, options)

    def keys(self, written):
        return set(self.scheduler_keys) if hasattr(self, "scheduler_keys") else set(written)

    def store(self, name, task, latents, image, arguments, seed, steps, guidance, sampler, schedule, options):
        tensors = {k: torch.from_numpy(v.copy()) for k, v in arguments.items() if isinstance(v, np.ndarray)}
        tensors |= dict(latents=latents.contiguous(), output=torch.from_numpy(image.copy()))
        save_file(tensors, self.folder / f"{name}.safetensors")
        self.cases.append(dict(
            name=name, task=task, prompt="a red apple", negative="house", seed=seed, steps=steps, guidance=guidance,
            sampler=sampler, schedule=schedule, width=image.shape[1], height=image.shape[0],
            strength=options.get("strength"), rescale=options.get("guidance_rescale", 0), noise_level=options.get("noise_level")))
        write_json(self.folder / "cases.json", self.cases)


def write_scheduler(pipeline, config):
    """Only the keys that a public checkpoint writes: a key that is not written takes each sampler's own default."""
    pipeline.scheduler_keys = set(config) | {"num_train_timesteps", "prediction_type"}
    write_json(pipeline.folder / "model/scheduler/scheduler_config.json",
               {"_class_name": "DDIMScheduler", "num_train_timesteps": 1000, **config})


def text():
    p = Pipeline("text", DDIMScheduler(**SD1), dict(unet=unet(1, 4), vae=vae(2, 3, 0.18215), text_encoder=None))
    write_scheduler(p, SD1)
    base = dict(height=32, width=48)
    p.run(StableDiffusionPipeline, "txt2img-guided", "txt2img", **base)
    p.run(StableDiffusionPipeline, "txt2img-plain", "txt2img", guidance=1.0, **base)
    p.run(StableDiffusionPipeline, "txt2img-rescaled", "txt2img", guidance_rescale=0.7, **base)
    for sampler, schedule in (("euler", None), ("euler-a", None), ("heun", None), ("pndm", None), ("dpm++2m", "karras")):
        p.run(StableDiffusionPipeline, f"txt2img-{sampler}", "txt2img", sampler=sampler, schedule=schedule, **base)
    start = picture(3, 32)
    for sampler, strength in (("ddim", 0.6), ("ddim", 1.0), ("euler", 0.75)):
        p.run(StableDiffusionImg2ImgPipeline, f"img2img-{sampler}-{strength}", "img2img", sampler=sampler, image=start,
              strength=strength, steps=5)
    size = dict(height=32, width=32, image=start, mask_image=hole(32))
    for sampler, strength in (("ddim", 1.0), ("ddim", 0.7), ("euler-a", 0.7)):
        p.run(StableDiffusionInpaintPipeline, f"inpaint-{sampler}-{strength}", "inpaint", sampler=sampler, strength=strength,
              steps=5, **size)


def inpaint():
    p = Pipeline("inpaint", DDIMScheduler(**ZERO), dict(unet=unet(4, 9), vae=vae(5, 3, 0.18215), text_encoder=None))
    write_scheduler(p, ZERO)
    size = dict(height=32, width=32, image=picture(6, 32), mask_image=hole(32))
    for strength in (1.0, 0.6):
        p.run(StableDiffusionInpaintPipeline, f"inpaint-{strength}", "inpaint", strength=strength, steps=5, **size)


def upscaler():
    low = DDPMScheduler(beta_start=0.0001, beta_end=0.02, beta_schedule="scaled_linear")
    p = Pipeline("upscaler", DDIMScheduler(**SD1 | dict(prediction_type="v_prediction")), dict(
        unet=unet(7, 7, num_class_embeds=360), vae=vae(8, 3, 0.08333), text_encoder=None), dict(max_noise_level=350))
    write_scheduler(p, SD1 | dict(prediction_type="v_prediction"))
    low.save_pretrained(p.folder / "model/low_res_scheduler")
    for level in (20, 100):
        p.run(StableDiffusionUpscalePipeline, f"upscale-{level}", "upscale", more=dict(low_res_scheduler=low, max_noise_level=350),
              guidance=9.0, image=picture(9, 16), noise_level=level)


def upscaler_without_text():
    """diffusers has no such pipeline: its loop is written out, in the order of draws of the one with text."""
    scheduler = DDIMScheduler(**ZERO)
    low = DDPMScheduler(beta_start=0.0001, beta_end=0.02, beta_schedule="squaredcos_cap_v2")
    p = Pipeline("upscaler-notext", scheduler, dict(unet=unet(10, 7, text=False, num_class_embeds=360), vae=vae(12, 3, 1.0)))
    write_scheduler(p, ZERO)
    low.save_pretrained(p.folder / "model/low_res_scheduler")
    image, level, generator = picture(13, 16), 5, torch.Generator("cpu").manual_seed(7)
    x = torch.from_numpy(image.copy()).permute(2, 0, 1)[None] / 127.5 - 1
    with torch.no_grad():
        noisy = low.add_noise(x, torch.randn(x.shape, generator=generator), torch.tensor([level]))
        z = torch.randn(1, 4, 16, 16, generator=generator)
        scheduler.set_timesteps(4)
        for t in scheduler.timesteps:
            v = p.parts["unet"](torch.cat([z, noisy], 1), t, None, class_labels=torch.tensor([level])).sample
            z = scheduler.step(v, t, z).prev_sample
        y = p.parts["vae"].decode(z).sample
    out = (255 * (y / 2 + 0.5).clamp(0, 1))[0].permute(1, 2, 0).round().to(torch.uint8).numpy()
    p.store("upscale-5", "upscale", z, out, dict(image=image), 7, 4, 1.0, None, None, dict(noise_level=level))


if __name__ == "__main__":
    text(), inpaint(), upscaler(), upscaler_without_text()
