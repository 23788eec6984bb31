#!/usr/bin/env python3
"""The drawings of the pack, 128 x 128 on white: python3 art.py --out PACK [--work FOLDER]

From Debian packages, and from repositories of emoji. Needs apt-get, dpkg-deb, git, rsvg-convert; Python with pillow,
numpy, fonttools. Writes PACK/{train,val}/art/NNNNN.webp and PACK/art-captions.tsv (path, caption, source, licence). One
in twenty, by its name, is held out.
"""
import argparse
import re
from pathlib import Path

import numpy as np
from PIL import Image

from clipart import clipart
from cuts import on_white
from emoji import emoji
from emojisets import emojisets
from half import Half
from icons import icons
from packages import PICTURES, Packages, digest
from stamps import stamps


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("pack-work"), help="for the sources (default: %(default)s)")
    arguments = parser.parse_args()
    packages, seen, half = Packages(arguments.work), set(), Half(arguments.out, "art", first=0)
    for source in (emoji, stamps, icons, clipart, emojisets):
        for picture, caption, package, name in source(packages):
            square = on_white(picture, margin=0 if source is emoji else 4, crop=source not in (emoji, emojisets))
            if square is None:
                continue
            signature = (np.asarray(square.resize((16, 16), Image.BOX)).astype(int) // 24).tobytes()
            if signature in seen:
                continue
            seen.add(signature)
            half.add(square, digest(name) % 20 == 0, re.sub(r"\s+", " ", caption), package, PICTURES[package])
        print(source.__name__, dict(half.count), flush=True)
    half.finish()


if __name__ == "__main__":
    main()
