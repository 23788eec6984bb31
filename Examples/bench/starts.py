#!/usr/bin/env python3
"""How long a process of ldm takes to its first step beyond a step, and the memory it peaks at.

    starts.py CHECKPOINT [--ldm .build/release/ldm] [--rounds 3]

Prints, for a 512x512 picture of a Stable Diffusion checkpoint, the seconds of (load + first step) - median step: with
packed weights in the cache and their pages in memory, with their pages on the disk alone, and without a cache. Then the
largest resident memory, private and mapped together, of whole pictures. Medians over the rounds. The cache is one of its own
beside CHECKPOINT's parts, and is filled first; it takes about 5 GB, 14 GB with f32.
"""
import argparse
import json
import os
import statistics
import subprocess
import time
from pathlib import Path

STEPS = 4


def run(options, *arguments):
    """Seconds of the first step beyond the median one, the median, and peak MiB."""
    command = [
        options.ldm, "txt2img", "a cat", "-m", str(options.checkpoint), "--size", "512x512", "--steps", str(STEPS),
        "--seed", "1", "--progress", "json", "-o", os.devnull, "-f", "png", *arguments]
    start = time.perf_counter()
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=os.environ | {"XDG_CACHE_HOME": str(cache(options))})
    times = [
        time.perf_counter() - start for line in process.stderr
        if line.startswith("{") and json.loads(line).get("stage") == "sampling"]
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{' '.join(command)}: failed")
    step = statistics.median(b - a for a, b in zip(times, times[1:]))
    return times[0] - step, step, usage.ru_maxrss / 1024


def cache(options):
    return options.checkpoint / "packed"


def drop(folder):
    """Lets the system forget the pages of the files below."""
    for path in folder.rglob("*"):
        if path.is_file():
            with open(path, "rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--ldm", default=".build/release/ldm")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"{'start':24}{'beyond a step':>16}{'step':>10}{'peak':>12}")
    kinds = {
        "first, cache filled": [], "pages in memory": [], "pages on disk": [], "--no-cache": ["--no-cache"],
        "--max-memory 3G": ["--max-memory", "3G"],
        "f32, cache filled": ["--precision", "f32"], "f32, pages in memory": ["--precision", "f32"],
    }
    for name, arguments in kinds.items():
        rounds = []
        for _ in range(1 if name.endswith("filled") else options.rounds):
            if name == "pages on disk":
                drop(options.checkpoint)
            rounds.append(run(options, *arguments))
        beyond, step, peak = (statistics.median(column) for column in zip(*rounds))
        print(f"{name:24}{beyond:14.2f} s{step:8.2f} s{peak:8.0f} MiB")


main()
