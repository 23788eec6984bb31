"""Small pictures as other programs write them, and resampled numbers, for Tests/ImagesTests.

  python images.py     writes Tests/ImagesTests/Fixtures anew; colours.py and watermark.py then add theirs

PNG files hold the pattern (7 x + 13 y + 31 c) mod 2^depth, which the tests compute again; JPEG and WebP come with the
pixels that Pillow decodes. resampled.json has what Pillow (in its float mode) and PyTorch make of one 7x5 plane.
"""
import struct
import zlib

import numpy as np
import torch
from PIL import Image, ImageCms

from common import TESTS, fresh, write_json

FOLDER = TESTS / "ImagesTests/Fixtures"
WIDTH, HEIGHT = 11, 7
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def pattern(channels, depth):
    y, x, c = np.mgrid[0:HEIGHT, 0:WIDTH, 0:channels]
    return (7 * x + 13 * y + 31 * c) % (1 << depth)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def rows(values, depth):
    """Filtered (by none) rows of packed samples."""
    result = b""
    for row in values:
        bits = "".join(format(v, f"0{depth}b") for v in row.flatten())
        bits += "0" * (-len(bits) % 8)
        result += b"\0" + int(bits, 2).to_bytes(len(bits) // 8, "big")
    return result


def png(name, colour, channels, depth, interlaced=False, extra=b""):
    """By hand: Pillow writes neither 16-bit colour nor interlaced files."""
    values = pattern(channels, depth)
    data = b""
    for x, y, dx, dy in ADAM7 if interlaced else [(0, 0, 1, 1)]:
        part = values[y::dy, x::dx]
        data += rows(part, depth) if part.size else b""
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, colour, 0, 0, int(interlaced))
    (FOLDER / f"{name}.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b""))


def pngs():
    grey, rgb, palette, grey_alpha, rgba = 0, 2, 3, 4, 6
    for depth in (1, 2, 4, 8, 16):
        png(f"grey{depth}", grey, 1, depth)
    for depth in (8, 16):
        png(f"rgb{depth}", rgb, 3, depth)
        png(f"rgba{depth}", rgba, 4, depth)
        png(f"grey-alpha{depth}", grey_alpha, 2, depth)
    for name, colour, channels, depth in (("grey1", grey, 1, 1), ("rgb8", rgb, 3, 8), ("rgba16", rgba, 4, 16)):
        png(f"{name}-interlaced", colour, channels, depth, True)
    colours = bytes(v % 256 for i in range(16) for v in (i * 16, 255 - i * 5, i * 3))
    png("palette4", palette, 1, 4, extra=chunk(b"PLTE", colours))
    png("palette4-transparent", palette, 1, 4, extra=chunk(b"PLTE", colours) + chunk(b"tRNS", bytes(range(0, 256, 17))))
    png("grey8-key", grey, 1, 8, extra=chunk(b"tRNS", struct.pack(">H", 20)))


def lossy():
    """Photographs' kind of content, larger than a block, no multiple of one."""
    y, x = np.mgrid[0:37, 0:45]
    smooth = np.stack([128 + 100 * np.sin(x / 9 + y / 7), 255 * x / 45, 255 * y / 37], 2).astype(np.uint8)
    image = Image.fromarray(smooth)
    alpha = image.copy()
    alpha.putalpha(Image.fromarray((255 * (x > 20)).astype(np.uint8)))
    files = {
        "baseline.jpg": (image, dict(quality=90)), "progressive.jpg": (image, dict(quality=90, progressive=True)),
        "full-colour.jpg": (image, dict(quality=90, subsampling=0)), "grey.jpg": (image.convert("L"), dict(quality=90)),
        "restarts.jpg": (image, dict(quality=90, restart_marker_blocks=2)),
        "lossy.webp": (image, dict(quality=80)), "lossless.webp": (image, dict(lossless=True)),
        "alpha.webp": (alpha, dict(lossless=True)),
        "animation.webp": (image, dict(save_all=True, append_images=[Image.new("RGB", image.size)], lossless=True)),
    }
    for name, (picture, options) in files.items():
        picture.save(FOLDER / name, **options)
        decoded = Image.open(FOLDER / name)
        decoded.convert("RGBA" if decoded.mode == "RGBA" else "RGB").save(FOLDER / f"{name}.png")
    (FOLDER / "srgb.icc").write_bytes(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())


def resampled():
    rng = np.random.default_rng(1)
    plane = rng.random((5, 7)).astype(np.float32)
    cases = []
    pillow = dict(bicubicAntialiased=Image.BICUBIC, lanczos3=Image.LANCZOS)
    torch_modes = dict(nearest="nearest", bilinear="bilinear", bicubic="bicubic")
    for width, height in ((3, 2), (16, 9), (7, 11), (5, 5), (1, 1), (2, 5)):
        for name, kind in pillow.items():
            cases.append((name, np.asarray(Image.fromarray(plane).resize((width, height), kind))))
        for name, mode in torch_modes.items():
            corners = {} if mode == "nearest" else dict(align_corners=False)
            cases.append((name, torch.nn.functional.interpolate(
                torch.from_numpy(plane)[None, None], (height, width), mode=mode, **corners)[0, 0].numpy()))
    wide = rng.random((6, 8)).astype(np.float32)
    numbers = lambda a: [float(f"{v:.7g}") for v in a.flatten()]
    write_json(FOLDER / "resampled.json", dict(
        width=7, height=5, source=numbers(plane), area=dict(
            source=numbers(wide), target=numbers(np.asarray(Image.fromarray(wide).resize((4, 2), Image.BOX)))),
        cases=[dict(filter=n, width=v.shape[1], height=v.shape[0], values=numbers(v)) for n, v in cases]))


if __name__ == "__main__":
    fresh(FOLDER)
    pngs(), lossy(), resampled()
