#!/usr/bin/env python3
"""Holes that a built-in model fills in held-out pictures, for the eye and in figures.

  python3 holes.py --ldm .build/release/ldm --model OUT --data PACK --sheet holes.png [--count 100] [--seed 3]

Half photographs, half drawings, with square holes of a sixteenth to a quarter of the picture; the same ones for every
model. The sheet has columns of hole, filled, truth. Means over the holes, of

  colour  error of a hole's mean colour, of 255
  pixels  root mean square error of its pixels, of 255: of a guess that is one of many, larger than of their mean
  seam    how far the step across the border is from that in the truth, of 255
  detail  what the Laplacian finds in it, for each that it finds in the truth: a blurred guess has little
"""
import argparse
import random
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from sheets import SIDE, ldm, picture
from table import captions, short

MARGIN, COLUMNS = 8, 10


def holes(pack, kind, count, chance):
    """(picture of 128 x 128, caption, left, top, side of its hole)"""
    known = {path: short(caption) for path, caption in captions(pack).items() if path.startswith(f"val/{kind}/")}
    for path in chance.sample(sorted(known), count):
        side = chance.randint(SIDE // 4, SIDE // 2)
        left, top = (chance.randint(MARGIN, SIDE - side - MARGIN) for _ in range(2))
        yield Image.open(pack / path).convert("RGB").resize((SIDE, SIDE), Image.BOX), known[path], left, top, side


def filled(arguments, folder, truth, caption, box):
    mask = Image.new("L", truth.size)
    mask.paste(255, box)
    mask.save(folder / "mask.png")
    truth.save(folder / "truth.png")
    with open(folder / "truth.png", "rb") as stdin:
        data = ldm(arguments, "inpaint", "--mask", folder / "mask.png", "-p", caption, "--seed", str(arguments.seed),
                   *arguments.options, stdin=stdin)
    return picture(data, folder / "filled.png")


def seam(x, left, top, side):
    """Mean absolute step across the border of the hole."""
    right, bottom = left + side, top + side
    sides = (x[top:bottom, left] - x[top:bottom, left - 1], x[top:bottom, right] - x[top:bottom, right - 1],
             x[top, left:right] - x[top - 1, left:right], x[bottom, left:right] - x[bottom - 1, left:right])
    return np.abs(np.concatenate(sides)).mean()


def detail(x):
    """Mean absolute Laplacian of [H, W, 3]."""
    return np.abs(4 * x[1:-1, 1:-1] - x[:-2, 1:-1] - x[2:, 1:-1] - x[1:-1, :-2] - x[1:-1, 2:]).mean()


def figures(truth, guess, left, top, side):
    x, y = (np.asarray(p, dtype=np.float64) for p in (truth, guess))
    inside = slice(top, top + side), slice(left, left + side)
    error = (y - x)[inside]
    return (np.abs(error.mean(axis=(0, 1))).mean(), np.sqrt(np.square(error).mean()),
            abs(seam(y, left, top, side) - seam(x, left, top, side)), detail(y[inside]), detail(x[inside]))


def sheet(rows):
    """rows: (hole, filled, truth) of every picture."""
    lines = -(-len(rows) // COLUMNS)
    whole = Image.new("RGB", (SIDE * COLUMNS, SIDE * 3 * lines))
    for i, row in enumerate(rows):
        for j, cell in enumerate(row):
            whole.paste(cell, (SIDE * (i % COLUMNS), SIDE * (3 * (i // COLUMNS) + j)))
    return whole


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ldm", default="ldm")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sheet", type=Path, required=True)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=3, help="of the noise (default: %(default)s)")
    parser.add_argument("options", nargs="*", help="more options of ldm inpaint, after --")
    arguments = parser.parse_args()
    chance, rows = random.Random(5), []
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("photo", "art"):
            found = []
            for truth, caption, left, top, side in holes(arguments.data, kind, arguments.count // 2, chance):
                box = (left, top, left + side, top + side)
                guess = filled(arguments, Path(folder), truth, caption, box)
                found.append(figures(truth, guess, left, top, side))
                hole = truth.copy()
                hole.paste((128, 128, 128), box)
                rows.append((hole, guess, truth))
            *errors, own, wanted = np.mean(found, axis=0)
            print("{}: colour {:.2f}, pixels {:.2f}, seam {:.2f}, detail {:.2f}".format(kind, *errors, own / wanted), flush=True)
    sheet(rows).save(arguments.sheet)


if __name__ == "__main__":
    main()
