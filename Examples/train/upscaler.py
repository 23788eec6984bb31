"""Stage 2: super-resolution, four times each way (Rombach et al. 2021, section 4.4). Needs the autoencoder.

Writes OUT/upscaler, goes on from what is there. The small picture is noised by a known amount (Ho et al. 2021, arXiv
2106.15282), so that at work the amount tells how much to invent.
"""
import random

import torch
import torch.nn.functional as F

import networks
from diffusion import Loss, encoded, frozen_autoencoder, noised
from loop import DEVICE, Training, options, prepare
from pictures import Pictures

LEVELS = 351  # of noise on the small picture
COMPRESSED = 0.25  # the share of small pictures that come out of JPEG
# Luma and both differences of colour of red, green and blue (ITU-R BT.601).
YCC = torch.tensor([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
# JPEG's tables at a quality of 50, about: [3, 8, 8], luma and colours, by frequency down and across.
FREQUENCY = torch.arange(8.0)[:, None] + torch.arange(8.0)
QUANTIZATION = torch.stack([10 + 6 * FREQUENCY, 18 + 12 * FREQUENCY, 18 + 12 * FREQUENCY]).clamp(max=100)


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


def cosines():
    """[8, 8], the discrete cosine transform of a row of eight."""
    place = torch.arange(8, dtype=torch.float32)
    rows = torch.cos(torch.pi / 8 * (place + 0.5) * place[:, None]) / 2
    rows[0] /= 2 ** 0.5
    return rows


def compressed(x):
    """Pictures [N, 3, H, W] in [-1, 1], a share of them with what JPEG leaves (ITU-T T.81): squares of eight pixels,
    the higher frequencies in larger steps, colour most of all."""
    quality = 60 + 35 * torch.rand(len(x), 1, 1, 1, 1, 1, device=x.device)
    scale = (200 - 2 * quality) / 100
    coarse, transform = QUANTIZATION.to(x.device), cosines().to(x.device)
    values = torch.einsum("ij,njhw->nihw", YCC.to(x.device), 127.5 * x)
    squares = values.unflatten(3, (-1, 8)).unflatten(2, (-1, 8)).transpose(3, 4)
    table = (coarse[:, None, None] * scale).clamp(min=1)
    waves = ((transform @ squares @ transform.mT) / table).round() * table
    values = (transform.mT @ waves @ transform).transpose(3, 4).flatten(4).flatten(2, 3)
    y = torch.einsum("ij,njhw->nihw", YCC.inverse().to(x.device), values) / 127.5
    return torch.where(torch.rand(len(x), 1, 1, 1, device=x.device) < COMPRESSED, y.clamp(-1, 1), x)


def levels(count):
    """[count], of noise: half of them low."""
    some = torch.randint(LEVELS, (count,), device=DEVICE)
    return torch.where(torch.rand(count, device=DEVICE) < 0.5, some // 8, some)


def main():
    parser = options(__doc__.splitlines()[0], minutes=30, batch=16 if DEVICE.type == "cpu" else 256, rate=7e-4)
    arguments = prepare(parser.parse_args())
    random.seed(arguments.seed)
    pictures, autoencoder = Pictures(arguments.data, "train", DEVICE), frozen_autoencoder(arguments.out)
    unet = networks.upscaler(arguments.out / "upscaler/unet").to(DEVICE)
    training, criterion = Training("upscaler", [unet], arguments), Loss()
    signal = networks.low_resolution_schedule().alphas_cumprod.to(DEVICE)
    run = torch.compile(unet, dynamic=False) if arguments.compile else unet
    while training.running():
        x = pictures.mixed(arguments.batch, 0.2, 0.1)
        small, level = compressed(quarter(x)), levels(len(x))
        small = noised(small, torch.randn_like(small), signal[level].view(-1, 1, 1, 1))
        training.update(criterion(lambda z, t: run(torch.cat([z, small], 1), t, None, class_labels=level,
                                                   return_dict=False)[0], encoded(autoencoder, x)))
    training.finish()
    unet.half().save_pretrained(arguments.out / "upscaler/unet")
    networks.schedule().save_pretrained(arguments.out / "upscaler/scheduler")
    networks.low_resolution_schedule().save_pretrained(arguments.out / "upscaler/low_res_scheduler")


if __name__ == "__main__":
    main()
