"""Whether the windows that pictures were made in can be seen.

    seams.py upscale INPUT RESULT [INPUT RESULT ...]      windows and tiles of `ldm upscale` by 4 on the built-in model
    seams.py img2img INPUT RESULT [INPUT RESULT ...]      those of `ldm img2img` on photographs

At each column and row where a window begins, ends or is half blended, the mean absolute step between neighbouring pixels is
divided by that of the input (enlarged by bicubic) at the same place, and compared with the same ratio a few lines off. The
same is done at lines that are no edges: their spread says what chance does to as many lines. Prints, a direction and a kind
of edge, the mean and its interval of 95 %; exits with 1 where one is beyond 2 % and beyond chance, so that the interval does
not reach 2 %.
"""
import sys

import numpy as np
from PIL import Image

Image.MAX_IMAGE_PIXELS = None
KINDS = ("begin", "middle", "end")
MARK = 2.0
# Of the autoencoder: it encodes in tiles of 128 latents, and decodes in larger ones what has more latents than WHOLE.
ENCODED, DECODED, WHOLE = (128, 16, True), (323, 16, True), 724 ** 2


def spans(length, side, overlap, trimmed):
    """As Sources/LatentDiffusion/Windows.swift has them."""
    if length <= side:
        return [(0, length)]
    step = side - overlap
    count = (length - overlap + step - 1) // step
    if trimmed:
        side = -(-(length + (count - 1) * overlap) // count)
    starts = [i * (length - side) // (count - 1) for i in range(count)]
    return [(start, start + side) for start in starts]


def edges(length, cuts, margin, factor):
    """Lines of pixels by kind: where a window begins, where it is half blended, where it ends."""
    found = {kind: set() for kind in KINDS}
    for cut in cuts:
        windows = spans(length, *cut)
        for (_, end), (start, _) in zip(windows, windows[1:]):
            for kind, place in zip(KINDS, (start, (start + end) / 2, end)):
                found[kind].add(int((place - margin) * factor))
    return found


def steps(picture, axis):
    """Mean absolute difference of neighbours along `axis`, a number for each border between two lines."""
    parts = np.array_split(np.arange(picture.shape[1 - axis]), 16)
    take = (lambda p: picture[p]) if axis == 1 else (lambda p: picture[:, p])
    return sum(np.abs(np.diff(take(p).astype(np.float32), axis=axis)).mean(axis=(1 - axis, 2)) * len(p) for p in parts)


def contrasts(ratio, factor, lines, near):
    """By how many percent the three borders about each line differ from those of the same phase that are no edges' own.

    The model's own grid has a period of `factor` pixels: hence the phase.
    """
    found = []
    for line in lines:
        here = [line + d - 1 for d in (-1, 0, 1)]
        others = [b + factor * k for b in here for k in range(-12, 13) if k != 0]
        others = [b for b in others if 0 <= b < len(ratio) and b not in near and abs(b - line) > 4]
        if len(others) >= 12 and 0 <= min(here) and max(here) < len(ratio):
            found.append(100 * (np.mean(ratio[here]) / np.mean(ratio[others]) - 1))
    return found


def measure(mode, before, after):
    """(direction, kind or "chance") → contrasts, of one picture."""
    result, source = Image.open(after).convert("RGB"), Image.open(before).convert("RGB")
    factor, margin, cuts = (4, 8, [(128, 32, False)]) if mode == "upscale" else (4, 0, [(48, 12, False), ENCODED])
    sizes = [n + 2 * margin if mode == "upscale" else -(-n // factor) for n in source.size]
    if sizes[0] * sizes[1] > WHOLE:
        cuts.append(DECODED)
    reference = np.asarray(source.resize(result.size, Image.BICUBIC) if mode == "upscale" else source)
    result = np.asarray(result)
    found = {}
    for axis, name in ((1, "columns"), (0, "rows")):
        ratio = steps(result, axis) / np.maximum(steps(reference, axis), 1e-3)
        kinds = edges(sizes[1 - axis], cuts, margin, factor)
        near = {line + d - 1 for lines in kinds.values() for line in lines for d in range(-4, 5)}
        for kind in KINDS:
            found[name, kind] = contrasts(ratio, factor, kinds[kind], near)
        free = [line for line in range(8, len(ratio) - 8, factor) if not near & {line - 2, line - 1, line}]
        found[name, "chance"] = contrasts(ratio, factor, free, near)
    return found


def main():
    mode, *files = sys.argv[1:]
    pooled = {}
    for before, after in zip(files[::2], files[1::2]):
        for key, values in measure(mode, before, after).items():
            pooled.setdefault(key, []).extend(values)
    seen = False
    for name in ("columns", "rows"):
        chance = pooled[name, "chance"]
        kinds = {kind: pooled[name, kind] for kind in KINDS}
        kinds["all edges"] = [v for kind in KINDS for v in kinds[kind]]
        for kind, values in kinds.items():
            if not values:
                continue
            difference = np.mean(values) - np.mean(chance)
            reach = 1.96 * np.std(chance) / len(values) ** 0.5
            print(f"{name}, {kind}: {len(values)} lines, steps {difference:+.2f} % of elsewhere, chance ±{reach:.2f}")
            seen |= abs(difference) - reach > MARK
    sys.exit(int(seen))


main()
