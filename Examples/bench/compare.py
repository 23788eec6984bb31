#!/usr/bin/env python3
"""Times one checkpoint in ldm, PyTorch + diffusers and OpenVINO on this machine, in turn, and prints the ratios.

    compare.py CHECKPOINT [--ldm .build/release/ldm] [--rounds 3] [--engines ldm,torch-bf16,openvino-bf16,...]

CHECKPOINT: a Stable Diffusion 1.x folder in diffusers' layout (make_checkpoint.py makes one with random weights). Parts:
a guided step of the UNet (two rows, 64x64 latents), the VAE's decoder and encoder at 512x512. Each engine runs in a
process of its own, once a round; the figure is the median over rounds of a process's median of three. Machines drift: only
ratios of one run count. Engines that are not installed are left out.

Where `sd-cli` (stable-diffusion.cpp) is on the PATH, a whole `txt2img` of 20 steps at 512x512 is compared last, from the
start of the process to its end. Its steps take so long that only pictures of one and of two are made: their difference is
a step, and 19 of them are added to the first.

Needs torch and diffusers, openvino and nncf for their engines (from PyPI). Converted models are kept in CHECKPOINT/openvino.
"""
import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

PARTS = ["unet_step", "vae_decode", "vae_encode"]
ENGINES = [
    "ldm", "ldm-f32", "ldm-int8", "torch-f32", "torch-bf16", "openvino-f32", "openvino-bf16", "openvino-int8",
]


def median(call, runs=3):
    call()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


# ---- one engine in one process: prints {part: seconds}

def run_torch(checkpoint, precision):
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel
    torch.set_grad_enabled(False)
    kind = torch.float32 if precision == "f32" else torch.bfloat16
    unet = UNet2DConditionModel.from_pretrained(checkpoint / "unet", torch_dtype=kind).eval()
    inputs = torch.randn(2, 4, 64, 64, dtype=kind), 500, torch.randn(2, 77, 768, dtype=kind)
    result = {"unet_step": median(lambda: unet(*inputs))}
    del unet
    vae = AutoencoderKL.from_pretrained(checkpoint / "vae", torch_dtype=kind).eval()
    latents, picture = torch.randn(1, 4, 64, 64, dtype=kind), torch.rand(1, 3, 512, 512, dtype=kind)
    result["vae_decode"] = median(lambda: vae.decode(latents))
    result["vae_encode"] = median(lambda: vae.encode(picture))
    return result


def converted(checkpoint, int8):
    """The UNet as OpenVINO's static model; int8: NNCF's post-training quantisation of weights and activations."""
    import openvino as ov
    file = checkpoint / "openvino" / ("unet-int8.xml" if int8 else "unet.xml")
    if file.exists():
        return file
    if int8:
        import nncf
        import numpy as np
        random = np.random.default_rng(0)
        sample = [random.standard_normal((2, 4, 64, 64), np.float32), np.float32(500),
                  random.standard_normal((2, 77, 768), np.float32)]
        model = ov.Core().read_model(converted(checkpoint, False))
        model = nncf.quantize(model, nncf.Dataset([sample]), model_type=nncf.ModelType.TRANSFORMER, subset_size=1)
    else:
        import torch
        from diffusers import UNet2DConditionModel
        torch.set_grad_enabled(False)
        unet = UNet2DConditionModel.from_pretrained(checkpoint / "unet", torch_dtype=torch.float32).eval()

        class Plain(torch.nn.Module):
            def forward(self, latents, timestep, context):
                return unet(latents, timestep, context, return_dict=False)[0]

        example = torch.randn(2, 4, 64, 64), torch.tensor(500.0), torch.randn(2, 77, 768)
        model = ov.convert_model(Plain(), example_input=example, input=[[2, 4, 64, 64], [], [2, 77, 768]])
    file.parent.mkdir(exist_ok=True)
    ov.save_model(model, file, compress_to_fp16=not int8)
    return file


def run_openvino(checkpoint, precision):
    import numpy as np
    import openvino as ov
    options = {"INFERENCE_PRECISION_HINT": "f32" if precision == "f32" else "bf16"}
    unet = ov.Core().compile_model(converted(checkpoint, precision == "int8"), "CPU", options)
    random = np.random.default_rng(0)
    inputs = [random.standard_normal((2, 4, 64, 64), np.float32), np.float32(500),
              random.standard_normal((2, 77, 768), np.float32)]
    return {"unet_step": median(lambda: unet(inputs))}


def run_ldm(checkpoint, ldm, precision):
    command = [ldm, "bench", "--json", "-m", checkpoint, "--size", "512x512", "--runs", "3", "--precision", precision]
    parts = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {part: parts[part]["seconds"] for part in PARTS} | {"peak_bytes": parts["peak_bytes"]}


def process(*command):
    start = time.perf_counter()
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
    return time.perf_counter() - start


def pictures(options, steps=20):
    """Whole processes of ldm, packed weights in its cache, and of sd-cli."""
    picture = options.checkpoint / "compared.png"
    def ours(steps):
        return process(options.ldm, "txt2img", "a cat", "-m", options.checkpoint, "--size", "512x512", "--steps", steps,
                       "--seed", "1", "-o", picture)
    def theirs(steps):
        return process("sd-cli", "-m", options.checkpoint, "-p", "a cat", "-W", "512", "-H", "512", "--cfg-scale", "7.5",
                       "--steps", steps, "-s", "1", "-o", picture)
    ours(1)
    one, two, whole = theirs(1), theirs(2), ours(steps)
    picture.unlink()
    estimate = one + (steps - 1) * (two - one)
    print(f"txt2img, {steps} steps: ldm {whole:.1f} s, sd-cli {estimate:.0f} s (one step {one:.1f} s, two {two:.1f} s), "
          f"ratio {estimate / whole:.1f}")


def measure(engine, checkpoint, ldm):
    kind, _, precision = engine.partition("-")
    if kind == "torch":
        return run_torch(checkpoint, precision)
    if kind == "openvino":
        return run_openvino(checkpoint, precision)
    return run_ldm(checkpoint, ldm, precision or "auto")


# ---- the rounds

def in_own_process(engine, options):
    command = [sys.executable, __file__, str(options.checkpoint), "--ldm", options.ldm, "--one", engine]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        print(f"{engine}: left out: {(done.stderr.strip().splitlines() or ['failed'])[-1]}", file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def table(figures):
    print(f"{'engine':15}" + "".join(f"{part:>14}" for part in PARTS) + "   ratio ldm / engine")
    for engine, rounds in figures.items():
        medians = {p: statistics.median(r[p] for r in rounds) for p in PARTS if p in rounds[0]}
        kind = engine.rpartition("-")[2]
        ours = f"ldm-{kind}" if f"ldm-{kind}" in figures else "ldm"
        ratios = [
            f"{p} {statistics.median(a[p] / b[p] for a, b in zip(figures[ours], rounds)):.2f}"
            for p in medians if ours in figures and not engine.startswith("ldm")]
        print(f"{engine:15}" + "".join(f"{medians[p]:12.3f} s" if p in medians else " " * 14 for p in PARTS)
              + "   " + ", ".join(ratios))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--ldm", default=".build/release/ldm")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options.checkpoint, options.ldm)))
        return
    engines = [e for e in options.engines.split(",") if e]
    figures = {}
    for _ in range(options.rounds):
        for engine in list(engines):
            result = in_own_process(engine, options)
            if result is None:
                engines.remove(engine)
                figures.pop(engine, None)
            else:
                figures.setdefault(engine, []).append(result)
    if figures:
        table(figures)
    if shutil.which("sd-cli"):
        pictures(options)


main()
