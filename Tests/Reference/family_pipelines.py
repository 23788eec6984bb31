"""Tiny random pipelines of the families beside Stable Diffusion 1 and 2, and what diffusers makes of them.

  python family_pipelines.py [NAME ...]     writes Tests/LatentDiffusionTests/Golden/NAME (all without a name)

The folders are as those of pipelines.py.
"""
import json
import sys

import torch
from diffusers import (
    EulerDiscreteScheduler, StableDiffusionXLImg2ImgPipeline, StableDiffusionXLInpaintPipeline, StableDiffusionXLPipeline)
from transformers import CLIPTextConfig, CLIPTextModelWithProjection, CLIPTokenizer

from common import randomize, save_component, write_json
from pipelines import CROSS, CROSS_UP, GOLDEN, PLAIN, PLAIN_UP, Pipeline, hole, picture, tokenizer, unet, vae

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


class XL_(Family):
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
    import numpy as np
    from PIL import Image
    inputs = {k: Image.fromarray(v) if isinstance(v, np.ndarray) else v for k, v in arguments.items()}
    call = lambda kind: pipe(
        prompt="a red apple", negative_prompt=negative or None, num_inference_steps=steps, guidance_scale=guidance,
        generator=torch.Generator("cpu").manual_seed(seed), output_type=kind, **inputs).images
    latents, image = call("latent"), np.asarray(call("pil")[0])
    family.store(name, task, latents, image, arguments, seed, steps, guidance, None, None, arguments)
    family.cases[-1] |= dict(negative=negative, **more)
    write_json(family.folder / "cases.json", family.cases)


def sdxl():
    p = XL_("sdxl", xl_unet(31, 4, 32, 6))
    size = dict(height=32, width=48)
    p.case(StableDiffusionXLPipeline, "txt2img", "txt2img", **size)
    p.case(StableDiffusionXLPipeline, "txt2img-zeros", "txt2img", negative="", **size)
    p.case(StableDiffusionXLPipeline, "txt2img-plain", "txt2img", guidance=1.0, **size)
    p.case(StableDiffusionXLImg2ImgPipeline, "img2img", "img2img", image=picture(3, 32), strength=0.6, steps=5)


def sdxl_refiner():
    p = XL_("sdxl-refiner", xl_unet(33, 4, 16, 5), base=False)
    p.case(StableDiffusionXLImg2ImgPipeline, "img2img", "img2img", image=picture(4, 32), strength=0.6, steps=5)
    p.case(StableDiffusionXLImg2ImgPipeline, "img2img-empty", "img2img", image=picture(4, 32), strength=0.6, steps=5, negative="")


def sdxl_inpaint():
    p = XL_("sdxl-inpaint", xl_unet(35, 9, 32, 6))
    size = dict(height=32, width=32, image=picture(6, 32), mask_image=hole(32))
    for strength in (1.0, 0.6):
        p.case(StableDiffusionXLInpaintPipeline, f"inpaint-{strength}", "inpaint", strength=strength, steps=5, **size)


ALL = dict([("sdxl", sdxl), ("sdxl-refiner", sdxl_refiner), ("sdxl-inpaint", sdxl_inpaint)])

if __name__ == "__main__":
    for name in sys.argv[1:] or ALL:
        ALL[name]()
