#!/usr/bin/env python3
"""How the cost of a picture grows with its pixels and with the number of pictures, in ldm and in PyTorch + diffusers.

    growth.py CHECKPOINT FOLDER [--sizes 256,512,...] [--batches 1,2,4,8] [--engines ldm,torch-bf16] [--rounds 1]
    growth.py --plot FOLDER

CHECKPOINT: as for compare.py. Measures, each point in a process of its own: seconds of a guided step of the UNet and of
decoding, and the largest resident memory of the process. ldm makes the pictures of a batch one after another (--count),
diffusers at once. Each round adds to FOLDER/growth.json what is not there yet, or keeps the lesser seconds of two rounds;
a point that takes more than --limit seconds in all, or more than --memory GiB, is noted as such, and larger ones are
left out. --plot draws FOLDER/growth.png and growth.svg.

Needs torch and diffusers for measuring, matplotlib for plotting (all from PyPI).
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

LARGE = 1100  # From this side on a run makes one step, not two.


def run_ldm(options, side, batch):
    """Times of the events that the program tells, seconds since its start."""
    steps = 1 if side > LARGE else 2
    process = subprocess.Popen(
        [options.ldm, "txt2img", "a cat", "-m", str(options.checkpoint), "--size", f"{side}x{side}", "--steps", str(steps),
         "--seed", "1", "--count", str(batch), "--progress", "json", "-f", "pnm",
         "-o", os.devnull if batch == 1 else os.path.join(options.folder, "growth-{n}.ppm")],
        stderr=subprocess.PIPE, text=True)
    start, sampled, decoding = time.perf_counter(), [], []
    for line in process.stderr:
        if line.startswith("{") and (stage := json.loads(line).get("stage")) in ("sampling", "decoding"):
            (sampled if stage == "sampling" else decoding).append(time.perf_counter() - start)
    _, status, usage = os.wait4(process.pid, 0)
    end = time.perf_counter() - start
    for file in Path(options.folder).glob("growth-*.ppm"):
        file.unlink()
    if status != 0:
        raise SystemExit(f"ldm failed with status {status}")
    # All steps are alike; the first comes after the start, the rest of the time is decoding.
    step = sampled[0] if steps == 1 else statistics.median(b - a for a, b in zip(sampled[::2], sampled[1::2]))
    decode = end - sampled[0] + step - steps * batch * step if steps > 1 else end - decoding[0]
    step *= batch
    return dict(step=step, decode=decode, peak=usage.ru_maxrss << 10)


def run_torch(options, side, batch):
    import torch
    from diffusers import StableDiffusionPipeline
    pipe = StableDiffusionPipeline.from_pretrained(
        options.checkpoint, torch_dtype=torch.bfloat16, safety_checker=None, requires_safety_checker=False)
    pipe.set_progress_bar_config(disable=True)
    steps, times = 1 if side > LARGE else 2, []

    def note(pipe, step, timestep, tensors):
        times.append(time.perf_counter())
        return tensors

    times.append(time.perf_counter())
    pipe("a cat", height=side, width=side, num_inference_steps=steps, num_images_per_prompt=batch, output_type="np",
         callback_on_step_end=note)
    times.append(time.perf_counter())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    return dict(step=times[-2] - times[-3], decode=times[-1] - times[-2], peak=peak)


def watch(process, options, verdict):
    """Ends the process where it takes too long or too much."""
    start = time.perf_counter()
    while process.poll() is None:
        time.sleep(0.5)
        try:
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            pages = max(int(Path(f"/proc/{p}/statm").read_text().split()[1]) for p in [str(process.pid), *children])
        except (OSError, ValueError, IndexError):
            continue
        if time.perf_counter() - start > options.limit:
            verdict.append("time")
        elif pages * resource.getpagesize() > options.memory * 2**30:
            verdict.append("memory")
        if verdict:
            for child in children:
                os.kill(int(child), 9)
            process.kill()


def in_own_process(options, engine, side, batch):
    process = subprocess.Popen(
        [sys.executable, __file__, str(options.checkpoint), str(options.folder), "--ldm", options.ldm,
         "--one", f"{engine},{side},{batch}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    verdict = []
    watcher = threading.Thread(target=watch, args=(process, options, verdict))
    watcher.start()
    out, error = process.communicate()
    watcher.join()
    if verdict:
        return dict(over=verdict[0])
    if process.returncode != 0:
        raise SystemExit(f"{engine} at {side}, {batch}: {(error.strip().splitlines() or ['failed'])[-1]}")
    return json.loads(out.splitlines()[-1])


def points(options):
    for engine in options.engines.split(","):
        for kind, values in (("pixels", options.sizes), ("batch", options.batches)):
            for value in sorted(int(v) for v in values.split(",") if v):
                yield engine, kind, *((value, 1) if kind == "pixels" else (512, value))


def measure(options):
    file = Path(options.folder) / "growth.json"
    data = json.loads(file.read_text()) if file.exists() else {}
    stopped = set()
    for engine, kind, side, batch in [p for _ in range(options.rounds) for p in points(options)]:
        key, known = f"{side},{batch}", data.setdefault(engine, {})
        if (engine, kind) in stopped or "over" in known.get(key, {}):
            continue
        point = in_own_process(options, engine, side, batch)
        if "over" in point:
            stopped.add((engine, kind))
        elif key in known:
            point |= {part: min(point[part], known[key][part]) for part in ("step", "decode")}
        known[key] = point
        print(engine, side, batch, point, flush=True)
        file.write_text(json.dumps(data, indent=1) + "\n")


def plot(folder):
    import matplotlib
    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "growth"
    matplotlib.rcParams["svg.fonttype"] = "none"
    from matplotlib import pyplot
    data = json.loads((Path(folder) / "growth.json").read_text())
    figure, axes = pyplot.subplots(2, 2, figsize=(9, 6.5), constrained_layout=True)
    names = {"ldm": "ldm", "torch-bf16": "PyTorch + diffusers, bf16"}
    for engine, colour in zip(data, ("tab:blue", "tab:orange")):
        found = {tuple(map(int, key.split(","))): p for key, p in data[engine].items() if "over" not in p}
        for row, (chosen, place) in enumerate(((lambda s, b: b == 1, 0), (lambda s, b: s == 512, 1))):
            kept = sorted((key[place], p) for key, p in found.items() if chosen(*key))
            x = [value * value if place == 0 else value for value, _ in kept]
            time_axis, memory_axis = axes[row]
            time_axis.plot(x, [p["step"] for _, p in kept], "o-", color=colour, label=f"{names[engine]}: guided step")
            time_axis.plot(x, [p["decode"] for _, p in kept], "s--", color=colour, label=f"{names[engine]}: decode")
            memory_axis.plot(x, [p["peak"] / 2**30 for _, p in kept], "o-", color=colour, label=names[engine])
    sides = sorted({int(key.split(",")[0]) for points in data.values() for key in points})
    for row, what in enumerate(("side of a square picture, pixels", "pictures of 512x512")):
        for axis, unit in zip(axes[row], ("seconds", "peak memory, GiB")):
            axis.set(xlabel=what, ylabel=unit)
            if row == 0:
                axis.set(xscale="log")
                axis.set_xticks([side * side for side in sides], [str(side) for side in sides])
                axis.minorticks_off()
            if unit == "seconds" and row == 0:
                axis.set(yscale="log")
                axis.yaxis.set_major_formatter("{x:g}")
            else:
                axis.set_ylim(bottom=0)
            axis.grid(True, alpha=0.3)
    axes[0][0].legend(fontsize=8)
    axes[0][1].legend(fontsize=8)
    figure.savefig(Path(folder) / "growth.png", dpi=110)
    figure.savefig(Path(folder) / "growth.svg", metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path, nargs="?")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--ldm", default=".build/release/ldm")
    parser.add_argument("--sizes", default="256,512,768,1024,1536,2048")
    parser.add_argument("--batches", default="1,2,4,8")
    parser.add_argument("--engines", default="ldm,torch-bf16")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--limit", type=float, default=900)
    parser.add_argument("--memory", type=float, default=16)
    parser.add_argument("--plot", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.plot:
        return plot(options.folder)
    if options.one:
        engine, side, batch = options.one.split(",")
        run = run_ldm if engine == "ldm" else run_torch
        return print(json.dumps(run(options, int(side), int(batch))))
    return measure(options)


main()
