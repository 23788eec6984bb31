"""Damaged pictures and weights through the real `ldm`.

  python fuzz.py [--ldm .build/release/ldm] [--count 2000] [--seed 1] [--keep FOLDER]

Cut, flipped, spliced and lying files of every format the filter reads, a hundred a process. Each must end as a picture of
the size that its header says, or as status 65 with exactly one line that names it; no process may crash, hang, or need
more memory than `--max-pixels` allows. Prints what broke these rules and exits with 1; --keep leaves those files there.
"""
import argparse
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.numpy import save

TESTS = Path(__file__).resolve().parent.parent
#: The largest picture, in pixels, and the memory in bytes that a process may need beyond what a sound file needs.
MAX_PIXELS, SLACK = 4096, 256 << 20
BATCH, TIMEOUT = 100, 600


def sound_pictures():
    """A few small files of each format, metadata and all: (suffix, bytes)."""
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (13, 19, 4), np.uint8)
    rgb, rgba = Image.fromarray(pixels[..., :3]), Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x0112], exif[0x010f] = 6, "ACME cameras"
    icc = (TESTS / "ImagesTests/Fixtures/srgb.icc").read_bytes()
    more = dict(exif=exif.tobytes(), icc_profile=icc)

    def saved(image, kind, **options):
        out = io.BytesIO()
        image.save(out, kind, **options)
        return out.getvalue()

    files = [("jpg", saved(rgb, "JPEG", **more)), ("jpg", saved(rgb, "JPEG", progressive=True)), ("jpg", saved(rgb.convert("L"), "JPEG")),
             ("jpg", saved(rgb.convert("CMYK"), "JPEG")), ("png", saved(rgba, "PNG", **more)), ("png", saved(rgb.convert("P"), "PNG")),
             ("png", saved(Image.fromarray(pixels[..., 0].astype(np.uint16) * 257), "PNG")), ("webp", saved(rgb, "WEBP", **more)),
             ("webp", saved(rgba, "WEBP", lossless=True)), ("webp", saved(rgb, "WEBP", save_all=True, append_images=[rgb])),
             ("pnm", saved(rgb, "PPM")), ("pnm", saved(rgb.convert("L"), "PPM")), ("pnm", saved(rgb.convert("1"), "PPM")),
             ("pnm", b"P3 19 13 15\n" + b" ".join(b"%d" % (v % 16) for v in pixels[..., :3].flatten())),
             ("pnm", b"P7\nWIDTH 19\nHEIGHT 13\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n" + pixels.tobytes())]
    return files


def sound_latents():
    latents = np.random.default_rng(2).standard_normal((1, 4, 4, 6)).astype(np.float32)
    return [("safetensors", save({"latents": latents}, {"width": "40", "height": "28"})),
            ("safetensors", save({"latents": latents.astype(np.float16), "other": np.zeros(3, np.int64)})),
            ("safetensors", save({"latents": latents * np.float32(3e38)}))]


def damaged(data, rng):
    """One of the ways in which files go bad."""
    data = bytearray(data)
    kind = rng.randrange(7)
    at = rng.randrange(len(data))
    # Headers decide most, and are short.
    near = rng.randrange(min(len(data), 64)) if rng.random() < 0.5 else at
    if kind == 0:
        return bytes(data[:at])
    if kind == 1:
        for _ in range(rng.randint(1, 8)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif kind == 2:
        data[near] = rng.randrange(256)
    elif kind == 3:  # a number at its extremes, in either byte order
        value = rng.choice([0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x10000, rng.randrange(1 << 32)])
        data[near:near + 4] = value.to_bytes(4, rng.choice(["little", "big"]))
    elif kind == 4:
        end = min(len(data), at + rng.randint(1, 40))
        data[at:end] = bytes(end - at) if rng.random() < 0.5 else b""
    elif kind == 5:
        data[at:at] = data[near:near + rng.randint(1, 40)]
    else:
        data[at:at] = rng.randbytes(rng.randint(1, 40))
    return bytes(data)


def hostile_headers(rng):
    """Safetensors whose header lies."""
    number = lambda: rng.choice([0, 1, 2, -1, 4, 96, 384, 1.5, True, None, "4", [], {}, 2**31, 2**53, 2**62, 2**63, 2**64, 10**30])
    entry = dict(dtype=rng.choice(["F32", "F16", "BF16", "F64", "I64", "F8_E4M3", "X", 3, None]),
                 shape=rng.choice([[1, 4, 4, 6], [1, 4, number(), number()], [number() for _ in range(rng.randrange(9))], number()]),
                 data_offsets=rng.choice([[0, 384], [0, 96], [0, 192], [number(), number()], [384, 0], [8, 392], number()]))
    header = {"latents": entry, "other": dict(entry, data_offsets=[0, number()])} if rng.random() < 0.3 else {"latents": entry}
    if rng.random() < 0.3:
        header["__metadata__"] = rng.choice([{"width": "99999999999999999999", "height": "-1"}, {"width": 4}, 3, [], None])
    text = json.dumps(header).encode()
    if rng.random() < 0.2:
        text = rng.choice([b"[" * 100000, b"{" * 5000, b'{"a":' * 3000, b"\xff\xfe{}", text + b"}", text[:-1], text + b" " * 64])
    length = rng.choice([len(text)] * 8 + [0, 7, len(text) + 1, len(text) + 400, 2**32, 2**63, 2**64 - 1])
    return length.to_bytes(8, "little") + text + bytes(rng.choice([384, 384, 192, 96, 0, 383, 385]))


def sizes(data):
    """What Pillow reads from the header, turned too where there is EXIF: of a damaged block, readers make what they can."""
    try:
        image = Image.open(io.BytesIO(data))
    except Exception:
        return None
    return {image.size, image.size[::-1]} if "exif" in image.info else {image.size}


class Fuzzer:
    def __init__(self, ldm, work, keep):
        self.ldm, self.work, self.keep = ldm, work, keep
        self.memory, self.broken, self.done, self.pictures = {}, 0, 0, 0

    def complain(self, what, file=None):
        self.broken += 1
        print(f"{file.name if file else ''}: {what}", flush=True)
        if file and self.keep:
            self.keep.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, self.keep)

    def launch(self, command, files):
        """Exit status (negative: a signal; None: it hung), stderr's lines, peak memory."""
        with tempfile.TemporaryFile() as words:
            start = time.monotonic()
            child = subprocess.Popen([self.ldm, *command, *files], stdout=subprocess.DEVNULL, stderr=words)
            status = None
            while status is None and time.monotonic() - start < TIMEOUT:
                pid, raw, usage = os.wait4(child.pid, os.WNOHANG)
                status = os.waitstatus_to_exitcode(raw) if pid else None
                time.sleep(0.005)
            if status is None:
                child.kill()
                _, _, usage = os.wait4(child.pid, 0)
            words.seek(0)
            return status, words.read().decode(errors="replace").splitlines(), usage.ru_maxrss << 10

    def batch(self, name, command, files, sized):
        """One process over many files; after a crash, another one over the rest."""
        out, report = self.work / "out", self.work / "report"
        while files:
            shutil.rmtree(out, ignore_errors=True)
            report.unlink(missing_ok=True)
            status, lines, memory = self.launch([*command, "-d", out, "--report", report], files)
            done = [json.loads(line) for line in report.read_text(errors="replace").splitlines()] if report.exists() else []
            for file, entry in zip(files, done):
                self.check(file, entry, [line for line in lines if file.name in line], out / f"{file.stem}.png", sized)
            if memory > self.memory[name] + SLACK:
                self.complain(f"a process needed {memory >> 20} MiB, {self.memory[name] >> 20} for a sound file", files[0])
            failed = [e for e in done if e["status"] != 0]
            if len(done) == len(files):
                if status != (0 if not failed else failed[0]["status"] if len(files) == 1 else 1) or len(lines) != len(failed):
                    self.complain(f"status {status} and {len(lines)} lines for {len(failed)} failures: {lines[:3]}", files[0])
                return
            self.complain(f"the process ended with {status} here: {lines[-1:]}", files[len(done)])
            files = files[len(done) + 1:]

    def check(self, file, entry, lines, picture, sized):
        self.done += 1
        if entry["status"] == 65:
            if len(lines) != 1 or not lines[0].startswith("ldm: "):
                self.complain(f"{len(lines)} lines: {lines}", file)
            if picture.exists():
                self.complain("failed, and left a picture", file)
            return
        if entry["status"] != 0:
            return self.complain(f"status {entry['status']}: {lines}", file)
        self.pictures += 1
        if lines:
            self.complain(f"done, and yet: {lines}", file)
        expected = sizes(file.read_bytes()) if sized else None
        found = Image.open(picture).size
        if expected and found not in expected:
            self.complain(f"{found} for a header of {expected}", file)

    def fuzz(self, name, command, sound, contents, sized=False):
        folder = self.work / name
        folder.mkdir()
        well = folder / f"sound.{sound[0]}"
        well.write_bytes(sound[1])
        status, lines, self.memory[name] = self.launch([*command, "-d", self.work / "out"], [well])
        if status != 0:
            sys.exit(f"{name}: a sound file gives {status}: {lines}")
        files = []
        for i, (suffix, data) in enumerate(contents):
            files.append(folder / f"{name}-{i:04}.{suffix}")
            files[-1].write_bytes(data)
        for i in range(0, len(files), BATCH):
            self.batch(name, command, files[i:i + BATCH], sized)

    def models(self, rng, count):
        """Weights in a model's folder: a process each, since a bad model stops all."""
        model = self.work / "model"
        shutil.copytree(TESTS / "LatentDiffusionTests/Golden/text/model", model)
        file = model / "unet/diffusion_pytorch_model.safetensors"
        sound = file.read_bytes()
        header = 8 + int.from_bytes(sound[:8], "little")
        command = ["txt2img", "-q", "-t", "1", "-m", model, "--steps", "1", "--seed", "1", "--size", "16x16", "-o", self.work / "x.png", "a"]
        for i in range(count):
            data = hostile_headers(rng) if i % 4 == 0 else damaged(sound[:header], rng) + sound[header:]
            # Renamed over, never written into: the file of the run before may still be mapped.
            (model / "new").write_bytes(data)
            (model / "new").rename(file)
            status, lines, _ = self.launch(command, [])
            self.done += 1
            if not (status == 65 and len(lines) == 1 or status == 0 and not lines):
                shutil.copy(file, self.work / f"model-{i:04}.safetensors")
                self.complain(f"status {status}: {lines[:3]}", self.work / f"model-{i:04}.safetensors")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ldm", type=Path, default=TESTS.parent / ".build/release/ldm")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as work:
        fuzzer = Fuzzer(options.ldm.resolve(), Path(work), options.keep)
        pictures, latents = sound_pictures(), sound_latents()
        shares = {"pictures": options.count * 3 // 4, "latents": options.count * 3 // 20}
        chosen = [rng.choice([p for p in pictures if p[0] == suffix])
                  for i in range(shares["pictures"]) for suffix in [("jpg", "png", "webp", "pnm")[i % 4]]]
        # Nothing is sampled at strength 0: the picture is read, encoded, decoded and written.
        fuzzer.fuzz("pictures", ["img2img", "-q", "-t", "1", "--work", "input", "--strength", "0", "--steps", "1",
                                 "--seed", "1", "-p", "a", "-f", "png", "--max-pixels", str(MAX_PIXELS)],
                    pictures[0], [(suffix, damaged(data, rng)) for suffix, data in chosen], True)
        fuzzer.fuzz("latents", ["decode", "-q", "-t", "1", "-f", "png"], latents[0],
                    [("safetensors", hostile_headers(rng) if i % 2 else damaged(rng.choice(latents)[1], rng))
                     for i in range(shares["latents"])])
        fuzzer.models(rng, options.count - sum(shares.values()))
    print(f"{fuzzer.done} files, {fuzzer.pictures} of them still pictures, {fuzzer.broken} broke the rules")
    sys.exit(1 if fuzzer.broken else 0)


if __name__ == "__main__":
    main()
