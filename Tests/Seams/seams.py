"""Whether the windows that a picture was made in can be seen.

    seams.py upscale INPUT RESULT       windows and tiles of `ldm upscale` by 4 on the built-in model
    seams.py img2img INPUT RESULT       those of `ldm img2img` on a photograph

At each column and row that is a window's edge, the mean absolute step between neighbouring pixels is divided by that of the
input (enlarged by bicubic) at the same place, and compared with the same ratio elsewhere. Prints one line a direction; exits
with 1 where edges differ from elsewhere by more than 2 %.
"""
import sys

import numpy as np
from PIL import Image

Image.MAX_IMAGE_PIXELS = None


def spans(length, side, overlap):
    """As Sources/LatentDiffusion/Windows.swift has them."""
    if length <= side:
        return [(0, length)]
    step = side - overlap
    count = (length - overlap + step - 1) // step
    starts = [i * (length - side) // (count - 1) for i in range(count)]
    return [(start, start + side) for start in starts]


def edges(length, cuts, margin, factor):
    """Pixels where a window begins, ends, or is half blended."""
    found = set()
    for side, overlap in cuts:
        windows = spans(length, side, overlap)
        for (_, end), (start, _) in zip(windows, windows[1:]):
            for place in (start, (start + end) / 2, end):
                found.add(int((place - margin) * factor))
    return sorted(found)


def steps(picture, axis):
    """Mean absolute difference of neighbours along `axis`, a number for each border between two lines."""
    parts = np.array_split(np.arange(picture.shape[1 - axis]), 16)
    take = (lambda p: picture[p]) if axis == 1 else (lambda p: picture[:, p])
    return sum(np.abs(np.diff(take(p).astype(np.float32), axis=axis)).mean(axis=(1 - axis, 2)) * len(p) for p in parts)


def main():
    mode, before, after = sys.argv[1:]
    result = Image.open(after).convert("RGB")
    source = Image.open(before).convert("RGB")
    if mode == "upscale":
        factor, margin, cuts = 4, 8, [(128, 32), (128, 16)]
    else:
        factor, margin, cuts = 4, 0, [(48, 12), (128, 16)]
    sizes = [n + 2 * margin if mode == "upscale" else -(-n // factor) for n in source.size]
    reference = np.asarray(source.resize(result.size, Image.BICUBIC) if mode == "upscale" else source)
    result = np.asarray(result)
    worst = 0
    for axis, name in ((1, "columns"), (0, "rows")):
        at = [e for e in edges(sizes[1 - axis], cuts, margin, factor) if 8 <= e < result.shape[axis] - 8]
        ratio = steps(result, axis) / np.maximum(steps(reference, axis), 1e-3)
        # The model's own grid has a period of `factor` pixels: edges are compared with borders of the same phase.
        here = [ratio[e + d - 1] for e in at for d in (-1, 0, 1)]
        near = set(e + d - 1 for e in at for d in range(-4, 5))
        others = [ratio[e + d - 1 + factor * k] for e in at for d in (-1, 0, 1) for k in range(-12, 13)
                  if 0 <= e + d - 1 + factor * k < len(ratio) and e + d - 1 + factor * k not in near]
        difference = 100 * (np.mean(here) / np.mean(others) - 1) if at else 0.0
        print(f"{name}: {len(at)} edges, steps {difference:+.2f} % of elsewhere")
        worst = max(worst, abs(difference))
    sys.exit(worst > 2)


main()
