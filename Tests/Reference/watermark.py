"""The invisible watermark: each side reads the other's; see WatermarkTests.swift.

Made with invisible-watermark 0.2.0 (pip install --no-deps invisible-watermark), opencv-python-headless 5.0, pywavelets 1.8:
    python3 Tests/Reference/watermark.py marked Tests/ImagesTests/Fixtures/watermark   writes what the package marks
    python3 Tests/Reference/watermark.py read PICTURE...                               reads, with the package, what ldm marked
"""
import pathlib
import sys
import types

import cv2
import numpy as np

try:
    import torch  # noqa: F401: the package imports it for a method that is not used here
except ImportError:
    sys.modules["torch"] = types.ModuleType("torch")
from imwatermark import WatermarkDecoder, WatermarkEncoder

WORDS = b"StableDiffusionV1"  # CompVis, scripts/txt2img.py
STABILITY = [int(bit) for bit in f"{0b101100111110110010010000011110111011000110011110:048b}"]  # diffusers, SDXL


def picture():
    """256x256 of a sample photograph."""
    photo = cv2.imread(str(pathlib.Path(__file__).parents[2] / "Examples/photos/otter.jpg"))
    return cv2.resize(photo, (256, 256), interpolation=cv2.INTER_CUBIC)


def marked(folder):
    words, bits = WatermarkEncoder(), WatermarkEncoder()
    words.set_watermark("bytes", WORDS)
    bits.set_watermark("bits", STABILITY)
    results = {
        "words": words.encode(picture(), "dwtDct"),
        # diffusers marks pictures of floating point.
        "bits": np.clip(bits.encode(picture().astype(np.float32), "dwtDct").round(), 0, 255).astype(np.uint8),
    }
    for name, image in results.items():
        cv2.imwrite(f"{folder}/{name}.webp", image, [cv2.IMWRITE_WEBP_QUALITY, 101])  # above 100: lossless


def read(names):
    for name in names:
        payload = WatermarkDecoder("bytes", 8 * len(WORDS)).decode(cv2.imread(name), "dwtDct")
        print(name, payload)
        if payload != WORDS:
            sys.exit(f"{name} does not bear {WORDS}")


if __name__ == "__main__":
    marked(sys.argv[2]) if sys.argv[1] == "marked" else read(sys.argv[2:])
