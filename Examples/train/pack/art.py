#!/usr/bin/env python3
"""The drawings of the pack, 128 x 128 on white, from Debian packages: python3 art.py --out PACK [--work FOLDER]

Needs apt-get, dpkg-deb, rsvg-convert; Python with pillow, numpy, fonttools. Writes PACK/{train,val}/art/NNNNN.webp and
PACK/art-captions.tsv (path, caption, package, licence). One in twenty, by its name, is held out.
"""
import argparse
import collections
import re
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from clipart import clipart
from cuts import QUALITY, on_white
from emoji import emoji
from icons import icons
from packages import PICTURES, Packages, digest
from stamps import stamps


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("pack-work"), help="for the packages (default: %(default)s)")
    arguments = parser.parse_args()
    for split in ("train", "val"):
        shutil.rmtree(arguments.out / split / "art", ignore_errors=True)
        (arguments.out / split / "art").mkdir(parents=True)
    packages, seen, count, rows = Packages(arguments.work), set(), collections.Counter(), []
    for source in (emoji, stamps, icons, clipart):
        for picture, caption, package, name in source(packages):
            square = on_white(picture, margin=0 if source is emoji else 4, crop=source is not emoji)
            if square is None:
                continue
            signature = (np.asarray(square.resize((16, 16), Image.BOX)).astype(int) // 24).tobytes()
            if signature in seen:
                continue
            seen.add(signature)
            split = "val" if digest(name) % 20 == 0 else "train"
            path = f"{split}/art/{count[split]:05d}.webp"
            count[split] += 1
            square.save(arguments.out / path, quality=QUALITY, method=4)
            rows.append((path, re.sub(r"\s+", " ", caption), package, PICTURES[package]))
        print(source.__name__, dict(count), flush=True)
    text = "".join("\t".join(row) + "\n" for row in rows)
    (arguments.out / "art-captions.tsv").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
