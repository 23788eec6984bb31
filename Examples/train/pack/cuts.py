"""From a drawing to a square on white, from a photograph to squares and details."""
import io
import subprocess

import numpy as np
from PIL import Image

Image.MAX_IMAGE_PIXELS = None
DRAWING, PHOTO, QUALITY = 128, 256, 90


def opened(file):
    """A picture with its transparency; None where it cannot be read."""
    try:
        return Image.open(file).convert("RGBA")
    except (OSError, ValueError, SyntaxError):
        return None


def rendered(svg, size=192):
    """A drawing from its file, or from the bytes of it; None where it cannot be read."""
    data, file = (svg, []) if isinstance(svg, bytes) else (None, [svg])
    command = ["rsvg-convert", "-a", "-w", str(size), "-h", str(size), *file]
    try:
        run = subprocess.run(command, input=data, capture_output=True, timeout=20)
    except subprocess.TimeoutExpired:
        return None
    return opened(io.BytesIO(run.stdout)) if run.stdout else None


def on_white(picture, margin, crop):
    """A square on white, cropped to what is drawn; None if it is empty, long and thin, too small or too faint."""
    rgba = picture.convert("RGBA")
    rgb = Image.alpha_composite(Image.new("RGBA", rgba.size, (255, 255, 255, 255)), rgba).convert("RGB")
    rows, columns = np.where(255 - np.asarray(rgb).min(axis=2) > 16)
    if len(columns) < 40:
        return None
    if crop:
        rgb = rgb.crop((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
    long, short = max(rgb.size), min(rgb.size)
    if long / max(1, short) > 3.2 or long < 56:
        return None
    scale = (DRAWING - 2 * margin) / long
    rgb = rgb.resize([max(1, round(side * scale)) for side in rgb.size], Image.LANCZOS)
    square = Image.new("RGB", (DRAWING, DRAWING), (255, 255, 255))
    square.paste(rgb, ((DRAWING - rgb.width) // 2, (DRAWING - rgb.height) // 2))
    values = np.asarray(square).astype(float)
    faint = values.std() < 12 or (values.min(axis=2) < 225).mean() < 0.03
    return None if faint or (values.max(axis=2) < 20).mean() > 0.9 else square


def gradients(picture):
    """Luma, and the sum of its absolute differences to the left and above."""
    luma = np.asarray(picture.convert("L"), dtype=np.float32)
    gradient = np.zeros_like(luma)
    gradient[:, 1:] += np.abs(np.diff(luma, axis=1))
    gradient[1:] += np.abs(np.diff(luma, axis=0))
    return luma, gradient


def smaller(picture, size, factor):
    return picture.resize(size, Image.BOX if factor >= 2 else Image.LANCZOS)


def squares(photo, count):
    """The largest square, where the gradients are and near the middle; for a count of 2 one at either end, if there is
    room."""
    width, height = photo.size
    side, room = min(photo.size), max(photo.size) - min(photo.size)
    if count == 2 and room >= 0.45 * side:
        offsets = [0.04 * room, 0.96 * room]
    elif room == 0:
        offsets = [0]
    else:
        thumbnail = photo.copy()
        thumbnail.thumbnail((160, 160), Image.BOX)
        line = gradients(thumbnail)[1].sum(axis=0 if width >= height else 1)
        length, window = len(line), max(1, round(len(line) * side / max(photo.size)))
        sums = np.concatenate([[0], np.cumsum(line)])

        def worth(i):
            return (sums[i + window] - sums[i]) / (sums[-1] + 1e-6) - 0.25 * abs(i - (length - window) / 2) / length

        offsets = [room * max(range(length - window + 1), key=worth) / max(1, length - window)]
    for offset in map(int, offsets):
        box = (offset, 0, offset + side, side) if width >= height else (0, offset, side, offset + side)
        yield smaller(photo.crop(box), (PHOTO, PHOTO), side / PHOTO)


def details(photo, count, random):
    """Windows with structure, at several scales, that overlap little."""
    def worth(deviation, mean, busy, luma):
        if structured(deviation, mean, busy):
            return random.random() + min(mean, 25) / 25 + min(deviation, 60) / 60 + min(busy * 2, 1)

    return windows(photo, count, random, worth)


def calm(photo, count, random):
    """Windows with little structure (sky, water, sand, snow, walls, what is out of focus), rather the bright and the
    rough ones: what restores details must learn where there are few."""
    def worth(deviation, mean, busy, luma):
        clipped = float(((luma < 6) | (luma > 250)).mean())
        if 3 <= deviation < 40 and clipped < 0.3 and not structured(deviation, mean, busy):
            return random.random() + float(luma.mean()) / 512 + min(mean, 10) / 20

    return windows(photo, count, random, worth)


def structured(deviation, mean, busy):
    """Whether a window has details, by the deviation of its luma, its mean gradient, and how much of it is busy."""
    return deviation >= 22 and mean >= 5 and busy >= 0.16


def windows(photo, count, random, worth):
    """The best windows among some at several scales, with little overlap; worth is from the deviation of the luma, the
    mean gradient, how much is busy, and the luma, None for a window not to take."""
    candidates, scaled = [], {}
    for factor in scales(min(photo.size)):
        size = [max(PHOTO, round(side / factor)) for side in photo.size]
        scaled[factor] = smaller(photo, size, factor)
        luma, gradient = gradients(scaled[factor])
        for _ in range(60):
            x, y = (random.randint(0, side - PHOTO) for side in size)
            window = slice(y, y + PHOTO), slice(x, x + PHOTO)
            rise = gradient[window]
            value = worth(float(luma[window].std()), float(rise.mean()), float((rise > 8).mean()), luma[window])
            if value is not None:
                candidates.append((value, factor, x, y))
    used = []
    for _, factor, x, y in sorted(candidates, reverse=True):
        if len(used) == count:
            return
        area = [factor * v for v in (x, y, x + PHOTO, y + PHOTO)]
        if all(overlap(area, other) <= 0.3 for other in used):
            used.append(area)
            yield scaled[factor].crop((x, y, x + PHOTO, y + PHOTO))


def scales(short):
    return [f for f in (2, 3, 4) if short / f >= 340] or [f for f in (1.25, 1.5) if short / f >= 300] or [1]


def overlap(a, b):
    """The common part of two squares (left, top, right, bottom), of the smaller one."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return max(0, width) * max(0, height) / min(a[2] - a[0], b[2] - b[0]) ** 2
