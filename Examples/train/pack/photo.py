#!/usr/bin/env python3
"""The photographs of the pack, 256 x 256: python3 photo.py --table photos.tsv --out PACK [--work FOLDER]

Needs apt-get, dpkg-deb, git; Python with pillow, numpy. The table has a row a photograph: key, source, rev, path,
licence, author, nwhole, ndetail, box, caption. A source is deb:PACKAGE (a path with #N is the picture N inside a
resource file of Qt) or git:OWNER/NAME on GitHub at the commit rev; nwhole and ndetail are the squares and the most
details to cut (with many details come calm windows); box is the part used, as fractions left,top,right,bottom. Writes
PACK/{train,val}/photo/NNNNN.webp and PACK/photo-captions.tsv. One group of keys in twenty is held out whole.
"""
import argparse
import csv
import hashlib
import io
import random
import re
import struct
import subprocess
import sys
from pathlib import Path

from PIL import Image, ImageOps

from cuts import calm, details, squares
from half import Half
from packages import Packages
from repositories import from_git

MANY = 6  # Details; from so many on calm windows come too.


def inside_resource(data, number):
    """A picture in a .rcc file: each is preceded by its length."""
    found = -1
    for match in re.finditer(rb"\xff\xd8\xff|RIFF....WEBP|\x89PNG\r\n\x1a\n", data, re.S):
        start = match.start()
        size = struct.unpack(">I", data[start - 4:start])[0] if start >= 4 else 0
        if 1000 < size <= len(data) - start:
            found += 1
            if found == number:
                return data[start:start + size]
    raise OSError("no such picture in the resource file")


def photograph(row, packages):
    """The part used, upright, on white."""
    kind, name = row["source"].split(":", 1)
    path, _, number = row["path"].partition("#")
    if kind == "deb":
        data = packages.path(name, path).read_bytes()
    else:
        data = from_git(name, row["rev"], row["path"], packages.folder)
    photo = ImageOps.exif_transpose(Image.open(io.BytesIO(inside_resource(data, int(number)) if number else data)))
    if photo.mode in ("RGBA", "LA", "P", "PA"):
        photo = photo.convert("RGBA")
        photo = Image.alpha_composite(Image.new("RGBA", photo.size, "white"), photo)
    photo = photo.convert("RGB")
    if row["box"]:
        corners = zip(map(float, row["box"].split(",")), photo.size * 2)
        photo = photo.crop([int(part * side) for part, side in corners])
    return photo


def near_by(photo, count, key):
    """The details, and where there are to be many a calm window to three of them."""
    yield from details(photo, count, random.Random(key))
    if count >= MANY:
        yield from calm(photo, count // 3, random.Random(key + " calm"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("pack-work"), help="for the sources (default: %(default)s)")
    arguments = parser.parse_args()
    packages, half = Packages(arguments.work), Half(arguments.out, "photo", first=1)
    with open(arguments.table, encoding="utf-8") as table:
        rows = list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))
    for row in rows:
        try:
            photo = photograph(row, packages)
        except (subprocess.CalledProcessError, OSError) as error:
            print(f"left out: {row['key']}: {error}", file=sys.stderr)
            continue
        group = re.sub(r"[-_ ]*\d*$", "", row["key"])
        held_out = int(hashlib.sha256(group.encode()).hexdigest(), 16) % 20 == 0
        cuts = [(cut, row["caption"]) for cut in squares(photo, int(row["nwhole"]))]
        near = near_by(photo, int(row["ndetail"]), row["key"])
        for cut, caption in cuts + [(cut, "detail of a " + row["caption"]) for cut in near]:
            half.add(cut, held_out, caption, row["source"].split(":", 1)[1], row["licence"])
    half.finish()
    print(f"{len(half.lines)} pictures")


if __name__ == "__main__":
    main()
