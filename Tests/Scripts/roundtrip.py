"""What becomes of other people's pictures on their way through `ldm`.

    roundtrip.py LDM FOLDER...      every PNG, JPEG, WebP and PNM below; as a table in Markdown

Each goes through `ldm inpaint` under a mask that repaints nothing, so that every pixel is to come out as it went in, and is
compared with what Pillow reads of the input: turned by its EXIF, in its own colours. Formats with loss are written as PNG, so
that one decoder is compared with the other.
"""
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".ppm", ".pgm", ".pnm", ".pbm", ".pam"}
LARGEST = 1 << 20


def expected(path):
    """What kind of picture it is, and its pixels as RGBA; of 16 bits the upper eight."""
    image = Image.open(path)
    kind = f"{image.format} {image.mode}"
    if image.size[0] * image.size[1] > LARGEST:
        return None
    image.load()
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        return kind, np.asarray(image).astype(np.uint32) // 257
    return kind, np.asarray(image.convert("RGBA")).astype(int)


def difference(path, pixels):
    image = Image.open(path)
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image).astype(np.uint32) // 257).astype(np.uint8))
    found = np.asarray(image.convert("RGBA")).astype(int)
    if pixels.ndim == 2:
        pixels = np.dstack([pixels] * 3 + [np.full_like(pixels, 255)])
    if found.shape != pixels.shape:
        return None
    # What is wholly transparent has no colour.
    seen = (pixels[..., 3:] > 0) | (found[..., 3:] > 0)
    return int((np.abs(found - pixels) * seen).max())


def main():
    ldm, *folders = sys.argv[1:]
    files = sorted(p for f in folders for p in Path(f).rglob("*") if p.suffix.lower() in SUFFIXES)
    rows = defaultdict(lambda: defaultdict(int))
    with tempfile.TemporaryDirectory() as work:
        known, names = {}, []
        for path in files:
            try:
                known[path] = expected(path)
            except Exception:
                known[path] = ("damaged, to Pillow", None)
            if known[path]:
                names.append(path)
        report = Path(work) / "report"
        (Path(work) / "names").write_bytes(b"".join(bytes(p.resolve()) + b"\0" for p in names))
        subprocess.run([ldm, "inpaint", "-q", "--steps", "1", "--seed", "1", "--strip", "--mask-from", "color:#fe01fd~0", "-f", "png",
                        "-o", f"{work}/{{n}}.png", "--report", report, "--files0-from", f"{work}/names"])
        done = {}
        for line in report.read_text().splitlines():
            entry = json.loads(line)
            done.setdefault(Path(entry["in"]).resolve(), entry)
        for path in names:
            kind, pixels = known[path]
            entry = done.get(path.resolve())
            row = rows[kind]
            row["files"] += 1
            if entry is None or entry["status"] != 0:
                row["refused"] += 1
                if pixels is not None:
                    print(f"refused: {path}: {entry and entry.get('message')}", file=sys.stderr)
                continue
            worst = None if pixels is None else difference(entry["out"], pixels)
            if pixels is None:
                row["read nonetheless"] += 1
            elif worst is None:
                row["another size"] += 1
                print(f"another size: {path}", file=sys.stderr)
            else:
                row["exact" if worst == 0 else "within 2" if worst <= 2 else "farther"] += 1
                if worst > 2:
                    print(f"{worst} levels: {path}", file=sys.stderr)
    columns = ("files", "exact", "within 2", "farther", "another size", "refused", "read nonetheless")
    print("| kind | " + " | ".join(columns) + " |\n|---|" + "---|" * len(columns))
    for kind, row in sorted(rows.items()):
        print(f"| {kind} | " + " | ".join(str(row[c] or "") for c in columns) + " |")


main()
