"""Stage 2: super-resolution, four times each way (Rombach et al. 2021, section 4.4). Needs the autoencoder.

Writes OUT/upscaler, goes on from what is there. The small picture is noised by a known amount (Ho et al. 2021, arXiv
2106.15282), so that at work the amount tells how much to invent.
"""
import random

import torch
import torch.nn.functional as F

import networks
from diffusion import Loss, encoded, frozen_autoencoder
from loop import DEVICE, Training, options, prepare
from pictures import Pictures

LEVELS = 351  # of noise on the small picture


def quarter(x):
    """A picture as cameras, editors and web sites make it smaller: bicubic, by the area, bilinear with or without
    smoothing."""
    chance = random.random()
    if chance < 0.6:
        small = F.interpolate(x, scale_factor=0.25, mode="bicubic", antialias=True)
    elif chance < 0.85:
        small = F.avg_pool2d(x, 4)
    else:
        small = F.interpolate(x, scale_factor=0.25, mode="bilinear", antialias=chance < 0.92)
    return small.clamp(-1, 1)


def noised(small, signal):
    """The small pictures with noise, half of them with little; and the levels, [N]."""
    levels = torch.randint(LEVELS, (len(small),), device=DEVICE)
    levels = torch.where(torch.rand(len(small), device=DEVICE) < 0.5, levels // 8, levels)
    part = signal[levels].view(-1, 1, 1, 1)
    return part.sqrt() * small + (1 - part).sqrt() * torch.randn_like(small), levels


def main():
    parser = options(__doc__.splitlines()[0], minutes=30, batch=16 if DEVICE.type == "cpu" else 256, rate=7e-4)
    arguments = prepare(parser.parse_args())
    random.seed(arguments.seed)
    pictures, autoencoder = Pictures(arguments.data, "train", DEVICE), frozen_autoencoder(arguments.out)
    unet = networks.upscaler(arguments.out / "upscaler/unet").to(DEVICE)
    training, criterion = Training("upscaler", [unet], arguments), Loss()
    signal = networks.low_resolution_schedule().alphas_cumprod.to(DEVICE)
    run = torch.compile(unet) if arguments.compile else unet
    while training.running():
        x = pictures.mixed(arguments.batch, 0.2, 0.1)
        small, levels = noised(quarter(x), signal)
        training.update(criterion(lambda z, t: run(torch.cat([z, small], 1), t, None, class_labels=levels,
                                                   return_dict=False)[0], encoded(autoencoder, x)))
    training.finish()
    unet.half().save_pretrained(arguments.out / "upscaler/unet")
    networks.schedule().save_pretrained(arguments.out / "upscaler/scheduler")
    networks.low_resolution_schedule().save_pretrained(arguments.out / "upscaler/low_res_scheduler")


if __name__ == "__main__":
    main()
