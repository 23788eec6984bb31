#!/usr/bin/env python3
"""Figures of a built-in model on photographs that it never saw.

  python3 evaluate.py --ldm .build/release/ldm --model OUT [--steps 4] [--crops 3] PHOTO ...

For windows of 256 x 256: the autoencoder's reconstruction (diffusers), and `ldm upscale` of the window at a quarter of
its size against bicubic enlargement. Means over the windows, of

  psnr      dB, of RGB
  gmsd      gradient magnitude similarity deviation of luma (Xue et al. 2014, arXiv 1308.3052); 0 is the same
  spectrum  mean absolute difference of power by frequency, of 64 x 64 patches, dB; 0 is the same
  tint      greatest mean error of a channel, of 255
"""
import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from networks import PatchAutoencoderKL

WINDOW, PATCH = 256, 64


def windows(file, count):
    """Windows across a photograph, at half its size: a camera's own pixels are interpolated."""
    photo = Image.open(file).convert("RGB")
    photo = photo.resize([max(WINDOW, side // 2) for side in photo.size], Image.BOX)
    for i in range(count):
        left, top = ((side - WINDOW) * (i + 1) // (count + 1) for side in photo.size)
        yield photo.crop((left, top, left + WINDOW, top + WINDOW))


def luma(x):
    return x @ np.array([0.299, 0.587, 0.114])


def gmsd(x, y):
    def magnitude(luma):
        small = luma.reshape(WINDOW // 2, 2, WINDOW // 2, 2).mean(axis=(1, 3))
        across = (small[:, 2:] - small[:, :-2]) / 3
        down = (small[2:] - small[:-2]) / 3
        across, down = across[:-2] + across[1:-1] + across[2:], down[:, :-2] + down[:, 1:-1] + down[:, 2:]
        return np.hypot(across, down)

    a, b = magnitude(luma(x)), magnitude(luma(y))
    return ((2 * a * b + 170) / (a * a + b * b + 170)).std()


def spectrum(x):
    """Power of patches by the distance from zero frequency, dB, [patches, PATCH // 2]."""
    n = WINDOW // PATCH
    patches = luma(x).reshape(n, PATCH, n, PATCH).swapaxes(1, 2).reshape(-1, PATCH, PATCH)
    patches = patches - patches.mean(axis=(1, 2), keepdims=True)
    taper = np.hanning(PATCH)
    power = np.abs(np.fft.fft2(patches * taper[:, None] * taper)) ** 2
    line = np.fft.fftfreq(PATCH, 1 / PATCH)
    ring = np.hypot(line[:, None], line).astype(int)
    rings = [power[:, ring == r].mean(axis=1) for r in range(1, PATCH // 2)]
    return 10 * np.log10(np.stack(rings, axis=1) + 1)


def figures(truth, picture):
    x, y = (np.asarray(p, dtype=np.float64) for p in (truth, picture))
    return np.array([10 * np.log10(255 ** 2 / np.square(x - y).mean()), gmsd(x, y),
                     np.abs(spectrum(x) - spectrum(y)).mean(), np.abs((y - x).mean(axis=(0, 1))).max()])


@torch.no_grad()
def reconstructed(autoencoder, picture):
    x = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 127.5 - 1
    y = autoencoder.decode(autoencoder.encode(x).latent_dist.mean).sample
    return ((y[0].clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).numpy()


def upscaled(arguments, pictures):
    """All small pictures through one `ldm upscale`."""
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for i, picture in enumerate(pictures):
            files.append(Path(folder) / f"{i:04d}.png")
            picture.save(files[-1])
        subprocess.run([arguments.ldm, "upscale", "-m", arguments.model, "--steps", str(arguments.steps),
                        "--seed", "1", "-q", "--no-watermark", "-d", f"{folder}/out", *files], check=True)
        return [Image.open(f).convert("RGB") for f in sorted(Path(f"{folder}/out").iterdir())]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", nargs="+")
    parser.add_argument("--ldm", default="ldm")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--crops", type=int, default=3)
    parser.add_argument("--sheet", type=Path, help="write what was compared: rows of truth, bicubic, ldm")
    arguments = parser.parse_args()
    truth = [w for file in arguments.photos for w in windows(file, arguments.crops)]
    small = [w.resize((WINDOW // 4, WINDOW // 4), Image.BICUBIC) for w in truth]
    autoencoder = PatchAutoencoderKL.from_pretrained(arguments.model / "base/vae", torch_dtype=torch.float32)
    bicubic = [w.resize((WINDOW, WINDOW), Image.BICUBIC) for w in small]
    results = {"autoencoder": [reconstructed(autoencoder, w) for w in truth], "bicubic": bicubic,
               f"ldm, {arguments.steps} steps": upscaled(arguments, small)}
    print(f"{len(truth)} windows    psnr   gmsd  spectrum  tint")
    for name, pictures in results.items():
        mean = np.mean([figures(t, p) for t, p in zip(truth, pictures, strict=True)], axis=0)
        print("{:<14} {:6.2f}  {:.4f}  {:7.2f}  {:5.2f}".format(name, *mean))
    if arguments.sheet:
        rows = [truth, bicubic, list(results.values())[-1]]
        sheet = Image.new("RGB", (WINDOW * len(truth), WINDOW * len(rows)))
        for i, row in enumerate(rows):
            for j, picture in enumerate(row):
                sheet.paste(picture, (WINDOW * j, WINDOW * i))
        sheet.save(arguments.sheet)


if __name__ == "__main__":
    main()
