"""Tiny random models of the first latent diffusion paper, and what diffusers' pipelines make of them; where it has none
(classes, inpainting) CompVis' loop is written out.

  python ldm_pipelines.py     writes Tests/LatentDiffusionTests/Golden/{ldm-unconditional,ldm-text,ldm-classes,ldm-upscale,
                              ldm-inpaint}
"""
import shutil

import numpy as np
import torch
from diffusers import (
    DDIMScheduler, LDMPipeline, LDMSuperResolutionPipeline, LDMTextToImagePipeline, UNet2DModel, VQModel)
from diffusers.pipelines.latent_diffusion.pipeline_latent_diffusion import LDMBertConfig, LDMBertModel
from PIL import Image
from safetensors.torch import save_file
from transformers import BertTokenizer

from common import TESTS, randomize, write_json
from family_pipelines import Family
from pipelines import hole, picture, unet, vae

LDM = dict(beta_start=0.0015, beta_end=0.0195, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False,
           steps_offset=1)


def vq(seed, scaling=1.0):
    return randomize(VQModel(
        block_out_channels=(8, 8, 16), down_block_types=["DownEncoderBlock2D"] * 3, up_block_types=["UpDecoderBlock2D"] * 3,
        layers_per_block=1, norm_num_groups=4, latent_channels=3, num_vq_embeddings=64, vq_embed_dim=3,
        scaling_factor=scaling), seed)


def plain(seed, inputs, **more):
    return randomize(UNet2DModel(**dict(
        sample_size=8, in_channels=inputs, out_channels=3, block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4,
        down_block_types=["DownBlock2D", "AttnDownBlock2D"], up_block_types=["AttnUpBlock2D", "UpBlock2D"],
        attention_head_dim=8) | more), seed)


def family(name, parts, index):
    return Family(name, DDIMScheduler(**LDM), LDM, parts, dict(_class_name=index))


def store(p, name, task, result, steps, guidance=1.0, prompt="", **arguments):
    result = np.asarray(result)
    p.store(name, task, torch.zeros(1), result, arguments, 7, steps, guidance, None, None, {})
    p.cases[-1] |= dict(prompt=prompt, negative="")
    write_json(p.folder / "cases.json", p.cases)


def pixels(y):
    return (255 * (y / 2 + 0.5).clamp(0, 1))[0].permute(1, 2, 0).round().to(torch.uint8).numpy()


def generator():
    return torch.Generator("cpu").manual_seed(7)


def run(pipe, **arguments):
    pipe.set_progress_bar_config(disable=True)
    return pipe(generator=generator(), **arguments).images[0]


def unconditional():
    p = family("ldm-unconditional", dict(unet=plain(51, 3), vqvae=vq(52, 0.8)), "LDMPipeline")
    image = run(LDMPipeline(p.parts["vqvae"], p.parts["unet"], DDIMScheduler(**LDM)), num_inference_steps=4)
    store(p, "txt2img", "txt2img", image, 4)


def text():
    source = TESTS / "ModelsTests/Golden/families/wordpiece"
    bert = randomize(LDMBertModel(LDMBertConfig(
        vocab_size=60, encoder_layers=2, encoder_ffn_dim=32, encoder_attention_heads=2, head_dim=8, d_model=16)), 54)
    p = family("ldm-text", dict(unet=unet(53, 4), vqvae=vae(55, 4, 0.18215), bert=bert), "LDMTextToImagePipeline")
    target = p.folder / "model/tokenizer"
    target.mkdir()
    for name in ("vocab.txt", "tokenizer_config.json"):
        shutil.copy(source / name, target / name)
    pipe = LDMTextToImagePipeline(p.parts["vqvae"], bert, BertTokenizer(str(source / "vocab.txt")), p.parts["unet"],
                                  DDIMScheduler(**LDM))
    image = run(pipe, prompt="a red apple", height=32, width=48, num_inference_steps=4, guidance_scale=5.0)
    store(p, "txt2img", "txt2img", image, 4, 5.0, "a red apple")


def ddim(network, z, context=None, guidance=1.0, channels=None, steps=4):
    scheduler = DDIMScheduler(**LDM)
    scheduler.set_timesteps(steps)
    with torch.no_grad():
        for t in scheduler.timesteps:
            x = z if channels is None else torch.cat([z, channels], 1)
            if context is None:
                e = network(x, t).sample
            else:
                without, with_ = network(torch.cat([x] * 2), t, context).sample.chunk(2)
                e = without + guidance * (with_ - without)
            z = scheduler.step(e, t, z).prev_sample
    return z


def classes():
    """As CompVis samples ImageNet: the last row of the table is what guidance steers away from."""
    p = family("ldm-classes", dict(
        unet=unet(57, 3, out_channels=3, cross_attention_dim=16, attention_head_dim=1), vqvae=vq(58)), "LDMClassPipeline")
    table = torch.randn(11, 16, generator=torch.Generator().manual_seed(59)).half()
    folder = p.folder / "model/class_embedder"
    folder.mkdir()
    write_json(folder / "config.json", dict(_class_name="ClassEmbedder", num_classes=11, embed_dim=16))
    save_file({"embedding.weight": table}, folder / "model.safetensors")
    for name, row in (("txt2img", 3), ("txt2img-last", 9)):
        z = torch.randn(1, 3, 16, 16, generator=generator())
        z = ddim(p.parts["unet"], z, table.float()[[10, row]][:, None], 3.0)
        store(p, name, "txt2img", pixels(p.parts["vqvae"].decode(z).sample.detach()), 4, 3.0, str(row))


def upscale():
    p = family("ldm-upscale", dict(unet=plain(61, 6), vqvae=vq(62, 0.18215)), "LDMSuperResolutionPipeline")
    low = picture(63, 32)
    pipe = LDMSuperResolutionPipeline(p.parts["vqvae"], p.parts["unet"], DDIMScheduler(**LDM))
    store(p, "upscale", "upscale", run(pipe, image=Image.fromarray(low), num_inference_steps=4), 4, image=low)


def inpaint():
    """CompVis' inpaint.py: the hole is black, the mask -1 and 1, and the picture's latents are never noised in."""
    p = family("ldm-inpaint", dict(unet=plain(65, 7), vqvae=vq(66)), "LDMInpaintPipeline")
    image, mask = picture(67, 32), hole(32)
    x = torch.from_numpy(image.copy()).permute(2, 0, 1)[None] / 255
    m = (torch.from_numpy(mask)[None, None] / 255 >= 0.5).float()
    with torch.no_grad():
        kept = p.parts["vqvae"].encode((1 - m) * x * 2 - 1).latents
    channels = torch.cat([kept, torch.nn.functional.interpolate(m * 2 - 1, size=kept.shape[-2:])], 1)
    z = ddim(p.parts["unet"], torch.randn(kept.shape, generator=generator()), channels=channels)
    store(p, "inpaint", "inpaint", pixels(p.parts["vqvae"].decode(z).sample.detach()), 4, image=image, mask_image=mask)


if __name__ == "__main__":
    unconditional(), text(), classes(), upscale(), inpaint()
