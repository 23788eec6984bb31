"""Every family at full size with random weights in its published layout: diffusers (or CompVis' networks) against the real
`ldm`, both in f32.

  PYTHONPATH=LIBRARIES python families.py [--folder FOLDER] [--ldm .build/release/ldm] [--steps 3] [--keep] [FAMILY ...]

Prints a line a family: max|a - b| / max|b| of what the network gave (guided) at its first call, of the latents at the end,
the largest difference of 8-bit pixels, the peak memory of `ldm`, and what came of the single file that
`ldm models convert` makes of the folder: `ldm`'s picture of it, and whether diffusers reads the folder's weights back from
it. Exit status 1 where a number passes 1e-3, a pixel differs by more than one level, or a single file is not the same model.

A model takes 1 to 11 GB on disk (SDXL's, packed, up to 30 more), removed again unless --keep, and at most 14 GiB of
memory. LIBRARIES holds PyPI's stable-diffusion-sdkit and einops, for CompVis' own networks alone; a C compiler builds
trace.c.
"""
import argparse
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from common import TESTS
from full_models import COMPVIS

PROMPT, NEGATIVE, SEED = "a photograph of a red apple on the table", "blurry, low quality", 7
#: task, side of the result in pixels, guidance, and arguments of `ldm` beside those
FAMILIES = {
    "ldm": ("txt2img", 256, 1, []),
    "ldm-class": ("txt2img", 256, 3, []),
    "ldm-class-f8": ("txt2img", 256, 3, []),
    "ldm-churches": ("txt2img", 256, 1, []),
    "ldm-text-vq": ("txt2img", 256, 5, []),
    "ldm-text": ("txt2img", 256, 5, []),
    "ldm-inpainting": ("inpaint", 256, 1, []),
    "ldm-sr": ("upscale", 256, 1, []),
    "sd1": ("txt2img", 256, 7.5, []),
    "sd1-inpainting": ("inpaint", 256, 7.5, []),
    "sd2-base": ("txt2img", 256, 7.5, []),
    "sd2": ("txt2img", 256, 7.5, []),
    "sd2-inpainting": ("inpaint", 256, 7.5, []),
    "sd2-depth": ("img2img", 256, 7.5, ["--strength", "0.8"]),
    "x4-upscaler": ("upscale", 256, 9, ["--noise-level", "20"]),
    "lcm": ("txt2img", 256, 8.5, []),
    "taesd": ("txt2img", 256, 7.5, []),
    "sdxl": ("txt2img", 256, 5, []),
    "sdxl-inpainting": ("inpaint", 256, 5, []),
    "sdxl-refiner": ("img2img", 256, 5, ["--strength", "0.8"]),
}
#: Memory for weights that take 14 and 20 GiB once they are packed in f32: they lie on the disk, and come and go.
MEMORY = {"sdxl": "9G", "sdxl-inpainting": "9G", "sdxl-refiner": "9G"}
#: Decoded from a codebook's entries.
CODEBOOK = ("ldm", "ldm-class", "ldm-class-f8", "ldm-text-vq", "ldm-inpainting", "ldm-sr")
#: The class that guidance steers away from, where a model has none of all pictures.
UNWANTED = {"ldm-class-f8": 9}


def photograph(size):
    """Smooth, with edges and noise: nothing special to any codec."""
    y, x = np.mgrid[0:size, 0:size] / size
    rng = np.random.default_rng(1)
    planes = [0.5 + 0.4 * np.sin(9 * x + 4 * y), x * y, np.hypot(x - 0.5, y - 0.4) < 0.3]
    return Image.fromarray((255 * (0.9 * np.stack(planes, 2) + 0.1 * rng.random((size, size, 3)))).astype(np.uint8))


def mask(size):
    """Block-aligned: other rules for holes than diffusers' agree with it there."""
    hole = np.zeros((size, size), np.uint8)
    hole[size // 4:3 * size // 4, size // 8:size // 2] = 255
    return Image.fromarray(hole)


def apart(function, *arguments):
    """In a process of its own: its memory is gone when `ldm` runs."""
    child = multiprocessing.get_context("spawn").Process(target=function, args=arguments)
    child.start()
    child.join()
    if child.exitcode != 0:
        sys.exit(f"{function.__name__} of {arguments[0]} failed")


def build_trace(folder):
    library = folder / "trace.so"
    header = TESTS.parent / "Sources/CPlugin/include"
    subprocess.run([os.environ.get("CC", "cc"), "-O2", "-fPIC", "-shared", "-I", header, "-o", library,
                    TESTS / "Reference/trace.c"], check=True)
    return library


class Ours:
    """`ldm` on one model: every call's output and latents, the picture, the peak of its memory in bytes."""

    def __init__(self, name, model, folder, steps, ldm, trace, extra=()):
        task, size, guidance, more = FAMILIES[name]
        traced, out = folder / "trace", folder / "out.png"
        shutil.rmtree(traced, ignore_errors=True)
        traced.mkdir()
        command = [ldm, task, "-m", model, "--seed", SEED, "--steps", steps, "--guidance", guidance, "--precision", "f32",
                   "--quiet", "-o", out, "--plugin", f"{trace}:folder={traced}", "--no-watermark", *more, *extra]
        command += ["--max-memory", MEMORY[name], "--cache-size", "30G"] if name in MEMORY else ["--no-cache"]
        if task == "inpaint":
            command.remove("--no-watermark")
        prompt = "7" if name.startswith("ldm-class") else "" if name in ("ldm", "ldm-churches") else PROMPT
        if not name.startswith("ldm") and name != "lcm":
            command += ["--negative", NEGATIVE]
        if name in UNWANTED:
            command += ["--negative", UNWANTED[name]]
        if task == "txt2img":
            command += ["--size", f"{size}x{size}", prompt]
        else:
            command += ["--raw", "--work", "input"]
            command += ["-p", prompt] if name not in ("ldm-inpainting", "ldm-sr") else []
            command += ["--mask", folder / "mask.png"] if task == "inpaint" else []
            command += ["--depth-map", folder / "depth.png"] if name == "sd2-depth" else []
            command += [folder / "in.png"]
        environment = os.environ | {"XDG_CACHE_HOME": str(folder / "cache")}
        child = subprocess.Popen([str(c) for c in command], stderr=subprocess.PIPE, text=True, env=environment)
        words = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
        if status != 0:
            raise RuntimeError(f"ldm ended with {status}: {words.strip()}")
        self.peak, self.picture = usage.ru_maxrss << 10, np.asarray(Image.open(out).convert("RGB")).astype(int)
        calls = len(list(traced.glob("*.output")))
        read = lambda what: [np.fromfile(traced / f"{i}.{what}", np.float32) for i in range(calls)]
        self.outputs, self.latents = read("output"), read("latents")


def distance(a, b):
    return float(np.abs(a - b.reshape(-1)).max() / np.abs(b).max()) if a.size == b.size else float("nan")


def decoded(model, folder, latents, ldm):
    """What `ldm decode` makes of the reference's latents."""
    from safetensors.numpy import save_file
    save_file({"latents": latents}, folder / "latents.safetensors")
    command = [ldm, "decode", "-m", model, "--precision", "f32", "--no-cache", "-o", folder / "decoded.png",
               folder / "latents.safetensors"]
    subprocess.run([str(c) for c in command], check=True)
    return np.asarray(Image.open(folder / "decoded.png").convert("RGB")).astype(int)


def compare(name, folder, options, trace):
    import full_references as references
    model = folder / ("model.ckpt" if name in COMPVIS else "model")
    folder.mkdir(parents=True, exist_ok=True)
    apart(references.write, name, model)
    task, size, *_ = FAMILIES[name]
    side = size // 4 if task == "upscale" else size
    photograph(side).save(folder / "in.png"), mask(side).save(folder / "mask.png")
    photograph(side).getchannel(2).save(folder / "depth.png")
    apart(references.run, name, model, folder, options.steps)
    theirs = np.load(folder / "reference.npz")
    try:
        ours = Ours(name, model, folder, options.steps, options.ldm, trace)
    except RuntimeError as error:
        print(f"{name:15} {error}  <-- DIFFERS", flush=True)
        return False
    calls = (len(ours.outputs), int(theirs["calls"]))
    first, last = distance(ours.outputs[0], theirs["output"]), distance(ours.latents[-1], theirs["latents"])
    levels, note = np.abs(ours.picture - theirs["picture"]), ""
    most = levels.max()
    if most > 1 and name in CODEBOOK:
        # A latent half way between two entries of the codebook falls to another for a rounding error.
        most = np.abs(decoded(model, folder, theirs["latents"], options.ldm) - theirs["picture"]).max()
        note = f", of the same latents {most}"
    single, good = "", calls[0] == calls[1] and first <= 1e-3 and last <= 1e-3 and most <= 1
    if name not in COMPVIS:
        single, same = one_file(name, model, folder, options, trace, ours)
        good = good and same
    print(f"{name:15} {task:8} {ours.picture.shape[1]}x{ours.picture.shape[0]}, {calls[0]} calls: first output {first:.1e}, "
          f"latents {last:.1e}, pixels {levels.max()} of 255 ({100 * (levels > 0).mean():.3f} %){note}, deviation "
          f"{theirs['picture'].std():.0f}; peak {ours.peak / 2**30:.1f} GiB{single}{'' if good else '  <-- DIFFERS'}", flush=True)
    if not options.keep:
        shutil.rmtree(folder)
    return good


def write_halves(path, folder):
    from safetensors.numpy import load_file, save_file
    tensors = load_file(path)
    for half, first in (("encoder", 0), ("decoder", 1)):  # the decoder's first layer has no weights, and diffusers no number for it
        layers = {}
        for name, value in tensors.items():
            side, _, number, rest = name.split(".", 3)
            if side == half:
                layers[f"{int(number) + first}.{rest}"] = value
        save_file(layers, folder / f"taesd_{half}.safetensors")
    return folder / "taesd_decoder.safetensors"


def one_file(name, model, folder, options, trace, ours):
    """The folder as a single file, and what reads it; of TAESD its author's two files, in place of the folder's part."""
    import full_references as references
    if name == "taesd":
        halves = write_halves(model / "vae/diffusion_pytorch_model.safetensors", folder)
        found = Ours(name, model, folder, options.steps, options.ldm, trace, ["--vae", halves]).picture
        same = np.array_equal(found, ours.picture)
        return f"; its author's two files: {'same' if same else 'ANOTHER'} picture", same
    path = folder / "single.safetensors"
    made = subprocess.run([options.ldm, "models", "convert", model, path], capture_output=True, text=True)
    if made.returncode != 0:
        return f"; no single file: {made.stderr.strip()}", False
    if name.startswith("ldm-text"):
        shutil.copy(model / "tokenizer/vocab.txt", folder)
    try:
        same = np.array_equal(Ours(name, path, folder, options.steps, options.ldm, trace).picture, ours.picture)
    except RuntimeError as error:
        return f"; single file: {error}", False
    words = f"; single file: {'same' if same else 'ANOTHER'} picture"
    if name in references.READS_SINGLE:
        apart(references.check_single, name, path, model, folder / "single.txt")
        found = (folder / "single.txt").read_text()
        return f"{words}, diffusers {found}", same and found == "reads it"
    return words, same


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", default=list(FAMILIES), choices=list(FAMILIES), metavar="FAMILY")
    parser.add_argument("--folder", type=Path, help="where models are written; default: a temporary folder")
    parser.add_argument("--ldm", type=Path, default=TESTS.parent / ".build/release/ldm")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--keep", action="store_true", help="keep the models")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    trace = build_trace(folder)
    good = [compare(name, folder / name, options, trace) for name in options.families]
    if not options.folder and not options.keep:
        shutil.rmtree(folder)
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
