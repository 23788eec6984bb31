#!/usr/bin/env python3
"""What a precision costs the picture: the PSNR in dB of each against f32, of the built-in model in all its modes.

    fidelity.py PHOTO... [--ldm .build/release/ldm] [--seeds 1,2,3] [--precisions auto,int8] [--mark 40]
    fidelity.py PHOTO... --options=--deep-cache=3 --options=--token-merge=0.5 [--modes txt2img,upscale]

With --options, what each of them costs against none of them, and the share of the seconds a picture that is left.

Each photo is cut to its middle and scaled to 256x256 first (128x128 to upscale). Prints the least and the mean PSNR of
a mode over photos and seeds; exits with 1 where `auto` falls below the mark. Of inpainting it is that of the whole
picture, though only a fifth of it, the hole, differs: 7 dB more than the hole's own. Needs numpy and Pillow (from PyPI).
"""
import argparse
import json
import math
import shlex
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
from PIL import Image, ImageDraw, ImageOps

PROMPTS = ["photo of a lake among mountains", "clip art of a red apple", "emoji of a smiling cat"]


def prepared(photo, folder, side):
    path = folder / f"{photo.stem}-{side}.png"
    ImageOps.fit(Image.open(photo).convert("RGB"), (side, side)).save(path)
    return path


def mask(folder):
    picture = Image.new("L", (256, 256))
    ImageDraw.Draw(picture).ellipse((64, 64, 192, 192), fill=255)
    picture.save(folder / "mask.png")
    return folder / "mask.png"


def commands(photos, folder):
    """(mode, arguments) of every picture to make, less seed and precision."""
    hole = mask(folder)
    for prompt in PROMPTS:
        yield "txt2img", ["txt2img", prompt]
    for photo in photos:
        small, large = prepared(photo, folder, 128), prepared(photo, folder, 256)
        yield "img2img", ["img2img", "--prompt", PROMPTS[0], large]
        yield "inpaint", ["inpaint", "--prompt", PROMPTS[0], "--mask", hole, large]
        yield "upscale", ["upscale", small]


def picture(ldm, arguments, seed, precision, path):
    command = [ldm, *arguments, "--quiet", "--seed", seed, "--precision", precision, "-o", path]
    subprocess.run([str(word) for word in command], check=True)
    return numpy.asarray(Image.open(path).convert("RGB"), dtype=float)


def timed(ldm, arguments, seed, options, folder):
    """The picture, and its seconds after the model is loaded."""
    report = folder / "report"
    report.unlink(missing_ok=True)
    found = picture(ldm, [*arguments, "--report", report, *options], seed, "auto", folder / "other.png")
    return found, json.loads(report.read_text())["seconds"]


def prices(options, folder):
    found = {}
    for mode, arguments in commands(options.photos, folder):
        for seed in options.seeds.split(",") if mode in options.modes else []:
            exact, whole = timed(options.ldm, arguments, seed, [], folder)
            for more in options.options:
                if mode == "upscale" and "token" in more:
                    continue  # Its model has no tokens.
                other, left = timed(options.ldm, arguments, seed, shlex.split(more), folder)
                found.setdefault((mode, more), []).append((psnr(exact, other), left / whole))
    print(f"{'mode':10}{'options':32}{'pictures':>9}{'least dB':>10}{'mean dB':>10}{'seconds left':>14}")
    for (mode, more), values in sorted(found.items()):
        losses, shares = zip(*values)
        print(f"{mode:10}{more:32}{len(values):9}{min(losses):10.1f}{statistics.mean(losses):10.1f}"
              f"{statistics.median(shares):14.2f}")


def psnr(a, b):
    error = numpy.mean((a - b) ** 2)
    return math.inf if error == 0 else 10 * math.log10(255 ** 2 / error)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--ldm", default=".build/release/ldm")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--precisions", default="auto,int8")
    parser.add_argument("--mark", type=float, default=40)
    parser.add_argument("--options", action="append", default=[])
    parser.add_argument("--modes", default="txt2img,img2img,inpaint,upscale")
    options = parser.parse_args()
    if options.options:
        with tempfile.TemporaryDirectory() as name:
            return prices(options, Path(name))
    precisions, found = options.precisions.split(","), {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for mode, arguments in commands(options.photos, folder):
            for seed in options.seeds.split(",") if mode in options.modes else []:
                exact = picture(options.ldm, arguments, seed, "f32", folder / "exact.png")
                for precision in precisions:
                    other = picture(options.ldm, arguments, seed, precision, folder / "other.png")
                    found.setdefault((mode, precision), []).append(psnr(exact, other))
    print(f"{'mode':10}{'precision':11}{'pictures':>9}{'least dB':>10}{'mean dB':>10}")
    for (mode, precision), values in found.items():
        print(f"{mode:10}{precision:11}{len(values):9}{min(values):10.1f}{statistics.mean(values):10.1f}")
    return any(min(values) < options.mark for (_, precision), values in found.items() if precision == "auto")


if __name__ == "__main__":
    sys.exit(main())
