"""JPEG files whose colours are stored in unusual ways, with the pixels that Pillow decodes, for Tests/ImagesTests.

  python colours.py     writes Tests/ImagesTests/Fixtures
"""
import numpy as np
from PIL import Image

from common import TESTS

FOLDER = TESTS / "ImagesTests/Fixtures"


def smooth(channels, width=45, height=37):
    y, x, c = np.mgrid[0:height, 0:width, 0:channels]
    return (127 + 100 * np.sin(x / 9 + c) * np.cos(y / 7 - c)).astype(np.uint8)


def main():
    for name, mode, options in [
        ("cmyk", "CMYK", {}),
        ("half-colour", "RGB", {"subsampling": "4:2:2"}),
        ("cmyk-progressive", "CMYK", {"progressive": True}),
    ]:
        picture = Image.fromarray(smooth(len(mode)), mode)
        path = FOLDER / f"{name}.jpg"
        picture.save(path, quality=90, **options)
        Image.open(path).convert("RGB").save(f"{path}.png")
    # The same file read as YCCK: Adobe's marker says so in its last byte.
    data = bytearray((FOLDER / "cmyk.jpg").read_bytes())
    data[data.index(b"Adobe") + 11] = 2
    path = FOLDER / "ycck.jpg"
    path.write_bytes(data)
    Image.open(path).convert("RGB").save(f"{path}.png")


if __name__ == "__main__":
    main()
