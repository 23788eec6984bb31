"""Tiny random pipelines of the families beside Stable Diffusion 1 and 2, and what diffusers makes of them.

  python family_pipelines.py [NAME ...]     writes Tests/LatentDiffusionTests/Golden/NAME (all without a name)

The folders are as those of pipelines.py.
"""
import json
import sys

import numpy as np
import torch
from diffusers import (
    AutoencoderTiny, DDIMScheduler, EulerDiscreteScheduler, LatentConsistencyModelPipeline, LCMScheduler,
    StableDiffusionDepth2ImgPipeline, StableDiffusionPipeline, StableDiffusionXLImg2ImgPipeline,
    StableDiffusionXLInpaintPipeline, StableDiffusionXLPipeline)
from PIL import Image
from transformers import CLIPTextConfig, CLIPTextModelWithProjection, CLIPTokenizer

from common import randomize, save_component, write_json
from pipelines import CROSS, CROSS_UP, PLAIN, PLAIN_UP, SD1, Pipeline, hole, picture, tokenizer, unet, vae

XL = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1, timestep_spacing="leading",
          interpolation_type="linear", use_karras_sigmas=False)


class Family(Pipeline):
    """A pipeline whose cases name their own class and arguments."""

    def __init__(self, name, scheduler, keys, parts, index, second_tower=False):
        super().__init__(name, scheduler, parts, index)
        self.scheduler_keys = set(keys) | {"num_train_timesteps", "prediction_type"}
        write_json(self.folder / "model/scheduler/scheduler_config.json",
                   {"_class_name": type(scheduler).__name__, "num_train_timesteps": 1000, **keys})


def second_tower(folder):
    """OpenCLIP's tower with its projection; its tokenizer pads by "!", id 0."""
    _, size = tokenizer(folder / "tokenizer_2")
    config = json.loads((folder / "tokenizer_2/tokenizer_config.json").read_text())
    write_json(folder / "tokenizer_2/tokenizer_config.json", config | dict(pad_token="!"))
    tower = randomize(CLIPTextModelWithProjection(CLIPTextConfig(
        vocab_size=size, hidden_size=16, intermediate_size=32, num_hidden_layers=3, num_attention_heads=2,
        max_position_embeddings=16, bos_token_id=size - 2, eos_token_id=size - 1, pad_token_id=0, projection_dim=12,
        hidden_act="gelu")), 21)
    save_component(tower, folder / "text_encoder_2",
                   lambda k: k if k.startswith("text_projection") else "text_model." + k.removeprefix("text_model."))
    return tower, CLIPTokenizer(str(folder / "tokenizer_2/vocab.json"), str(folder / "tokenizer_2/merges.txt"),
                                model_max_length=16, pad_token="!")


def xl_unet(seed, inputs, width, numbers, **more):
    return unet(seed, inputs, down_block_types=PLAIN + CROSS, up_block_types=CROSS_UP + PLAIN_UP, cross_attention_dim=width,
                attention_head_dim=[2, 4], transformer_layers_per_block=[1, 2], use_linear_projection=True,
                addition_embed_type="text_time", addition_time_embed_dim=8,
                projection_class_embeddings_input_dim=12 + numbers * 8, **more)


class XL_Family(Family):
    """SDXL: base with two towers, or the refiner with the second alone."""

    def __init__(self, name, network, base=True):
        parts = dict(unet=network, vae=vae(2, 3, 0.13025))
        if base:
            parts["text_encoder"] = None
        index = dict(_class_name="StableDiffusionXLPipeline" if base else "StableDiffusionXLImg2ImgPipeline",
                     force_zeros_for_empty_prompt=base, **({} if base else dict(requires_aesthetics_score=True)))
        super().__init__(name, EulerDiscreteScheduler(**XL), XL, parts, index)
        self.base = base
        self.tower, self.second = second_tower(self.folder / "model")

    def pipe(self, cls):
        pipe = cls(
            vae=self.parts["vae"], text_encoder=self.parts.get("text_encoder"), text_encoder_2=self.tower,
            tokenizer=self.tokenizer if self.base else None, tokenizer_2=self.second, unet=self.parts["unet"],
            scheduler=EulerDiscreteScheduler(**XL), force_zeros_for_empty_prompt=self.base,
            add_watermarker=False, **({} if cls is StableDiffusionXLPipeline else dict(requires_aesthetics_score=not self.base)))
        pipe.set_progress_bar_config(disable=True)
        return pipe

    def case(self, cls, name, task, seed=7, steps=4, guidance=5.0, negative="house", **arguments):
        finish(self, self.pipe(cls), name, task, seed, steps, guidance, negative, arguments)


def finish(family, pipe, name, task, seed, steps, guidance, negative, arguments, **more):
    """Runs the pipeline for its latents and its picture, and stores the case."""
    pipe.set_progress_bar_config(disable=True)
    inputs = {k: Image.fromarray(v) if isinstance(v, np.ndarray) else v for k, v in arguments.items()}
    words = {} if negative is None else dict(negative_prompt=negative or None)
    call = lambda kind: pipe(
        prompt="a red apple", **words, num_inference_steps=steps, guidance_scale=guidance,
        generator=torch.Generator("cpu").manual_seed(seed), output_type=kind, **inputs).images
    latents, image = call("latent"), np.asarray(call("pil")[0])
    family.store(name, task, latents, image, arguments, seed, steps, guidance, None, None, arguments)
    family.cases[-1] |= dict(negative=negative or "", **more)
    write_json(family.folder / "cases.json", family.cases)


def sdxl(p):
    size = dict(height=32, width=48)
    p.case(StableDiffusionXLPipeline, "txt2img", "txt2img", **size)
    p.case(StableDiffusionXLPipeline, "txt2img-zeros", "txt2img", negative="", **size)
    p.case(StableDiffusionXLPipeline, "txt2img-plain", "txt2img", guidance=1.0, **size)
    p.case(StableDiffusionXLImg2ImgPipeline, "img2img", "img2img", image=picture(3, 32), strength=0.6, steps=5)


def sdxl_refiner(p):
    p.case(StableDiffusionXLImg2ImgPipeline, "img2img", "img2img", image=picture(4, 32), strength=0.6, steps=5)
    p.case(StableDiffusionXLImg2ImgPipeline, "img2img-empty", "img2img", image=picture(4, 32), strength=0.6, steps=5, negative="")


def sdxl_inpaint():
    p = XL_Family("sdxl-inpaint", xl_unet(35, 9, 32, 6))
    size = dict(height=32, width=32, image=picture(6, 32), mask_image=hole(32))
    for strength in (1.0, 0.6):
        p.case(StableDiffusionXLInpaintPipeline, f"inpaint-{strength}", "inpaint", strength=strength, steps=5, **size)


def relay(share=0.5):
    """The base's first steps, the refiner's last; one generator for both. Stored with the base."""
    base, refiner = XL_Family("sdxl", xl_unet(31, 4, 32, 6)), XL_Family("sdxl-refiner", xl_unet(33, 4, 16, 5), base=False)
    first, second = base.pipe(StableDiffusionXLPipeline), refiner.pipe(StableDiffusionXLImg2ImgPipeline)
    # The refiner starts from latents: its own autoencoder stands in for the base's in the decoding alone.
    second.register_modules(vae=base.parts["vae"])

    class Relay:
        set_progress_bar_config = staticmethod(lambda disable: None)

        def __call__(self, prompt, negative_prompt, num_inference_steps, guidance_scale, generator, output_type, **size):
            common = dict(prompt=prompt, negative_prompt=negative_prompt, num_inference_steps=num_inference_steps,
                          guidance_scale=guidance_scale, generator=generator)
            latents = first(output_type="latent", denoising_end=1 - share, **common, **size).images
            return second(image=latents, denoising_start=1 - share, output_type=output_type, **common)

    sdxl(base), sdxl_refiner(refiner)
    finish(base, Relay(), "txt2img-refined", "txt2img", 7, 6, 5.0, "house", dict(height=32, width=48),
           refiner="sdxl-refiner", share=share)


def one_tower(name, scheduler, keys, network, levels=3, **parts):
    return Family(name, scheduler, keys, dict(unet=network, vae=vae(2, levels, 0.18215), text_encoder=None, **parts), {})


def stable(family, cls, scheduler, **more):
    parts = {k: v for k, v in family.parts.items() if k in ("unet", "vae", "text_encoder")} | more
    if cls is not StableDiffusionDepth2ImgPipeline:
        parts |= dict(safety_checker=None, feature_extractor=None, requires_safety_checker=False)
    return cls(scheduler=scheduler, tokenizer=family.tokenizer, **parts)


def depth():
    p = one_tower("depth", DDIMScheduler(**SD1), SD1, unet(41, 5))
    pipe = stable(p, StableDiffusionDepth2ImgPipeline, DDIMScheduler(**SD1), depth_estimator=None, feature_extractor=None)
    for name, size in (("img2img", 8), ("img2img-scaled", 20)):
        map_ = picture(9, size)[:, :, 2]
        given = torch.from_numpy(map_.astype(np.float32))[None]
        finish(p, pipe, name, "img2img", 7, 5, 7.5, "house", dict(image=picture(8, 32), depth_map=given, strength=0.8))
        # What is stored is what went in, as grey levels.
        from safetensors.torch import load_file, save_file
        file = p.folder / f"{name}.safetensors"
        save_file({**load_file(file), "depth_map": torch.from_numpy(map_.copy())}, file)


def lcm():
    scheduler = LCMScheduler(**{k: v for k, v in SD1.items() if k != "steps_offset"})
    keys = {k: v for k, v in SD1.items() if k != "steps_offset"}
    p = one_tower("lcm", scheduler, keys, unet(43, 4, time_cond_proj_dim=16))
    finish(p, stable(p, LatentConsistencyModelPipeline, scheduler), "txt2img", "txt2img", 7, 4, 8.5, None,
           dict(height=32, width=32))


def turbo():
    keys = {k: v for k, v in XL.items()} | dict(timestep_spacing="trailing")
    p = one_tower("turbo", EulerDiscreteScheduler(**keys), keys, unet(45, 4))
    pipe = stable(p, StableDiffusionPipeline, EulerDiscreteScheduler(**keys))
    for steps in (1, 4):
        finish(p, pipe, f"txt2img-{steps}", "txt2img", 7, steps, 0.0, None, dict(height=32, width=32))
    tiny = randomize(AutoencoderTiny(
        encoder_block_out_channels=(8,) * 3, decoder_block_out_channels=(8,) * 3, num_encoder_blocks=(1, 1, 1),
        num_decoder_blocks=(1, 1, 1)), 47)
    save_component(tiny, p.folder / "tiny")
    finish(p, stable(p, StableDiffusionPipeline, EulerDiscreteScheduler(**keys), vae=tiny), "txt2img-tiny", "txt2img", 7, 2, 0.0,
           None, dict(height=32, width=32), vae="turbo/tiny")


ALL = {"sdxl": relay, "sdxl-inpaint": sdxl_inpaint, "depth": depth, "lcm": lcm, "turbo": turbo}

if __name__ == "__main__":
    for name in sys.argv[1:] or ALL:
        ALL[name]()
