"""Whole trajectories of every sampler, from diffusers, on an analytic model; see TrajectoryTests.swift.

Made with torch 2.15.0, diffusers 0.42.1, scipy (any):
    python3 Tests/Reference/samplers.py > Tests/DiffusionTests/Golden/trajectories.json
"""
import json
import warnings

import torch
import diffusers as d

warnings.filterwarnings("ignore")
BASE = dict(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
            steps_offset=1, clip_sample=False, set_alpha_to_one=False, skip_prk_steps=True)
CLASSES = {
    "ddim": (d.DDIMScheduler, {}), "ddpm": (d.DDPMScheduler, {}), "pndm": (d.PNDMScheduler, {}),
    "euler": (d.EulerDiscreteScheduler, {}), "euler-a": (d.EulerAncestralDiscreteScheduler, {}),
    "heun": (d.HeunDiscreteScheduler, {}), "dpm2": (d.KDPM2DiscreteScheduler, {}),
    "dpm2-a": (d.KDPM2AncestralDiscreteScheduler, {}), "lms": (d.LMSDiscreteScheduler, {}),
    "dpm++2m": (d.DPMSolverMultistepScheduler, {}),
    "dpm++2m-sde": (d.DPMSolverMultistepScheduler, {"algorithm_type": "sde-dpmsolver++"}),
    "dpm++sde": (d.DPMSolverSinglestepScheduler, {"algorithm_type": "sde-dpmsolver++"}),
    "unipc": (d.UniPCMultistepScheduler, {}), "lcm": (d.LCMScheduler, {}),
    "deis": (d.DEISMultistepScheduler, {}), "tcd": (d.TCDScheduler, {}),
}
CURVED = ["euler", "heun", "dpm2", "dpm2-a", "lms", "dpm++2m", "dpm++2m-sde", "dpm++sde", "unipc", "deis"]
ZERO_SNR = ["ddim", "ddpm", "euler", "euler-a", "dpm++2m", "dpm++2m-sde", "unipc", "lcm", "tcd"]
NO_SAMPLE = ["pndm", "euler-a", "dpm2", "dpm2-a"]
SHAPE = (1, 4, 2, 2)


def model(x, t):
    return 0.6 * x + 0.2 * torch.sin(torch.as_tensor(t, dtype=torch.float32) / 100)


def run(name, n, spacing=None, prediction="epsilon", schedule="discrete", strength=1.0, zero=False, eta=0.0):
    cls, extra = CLASSES[name]
    config = dict(BASE, prediction_type={"v": "v_prediction"}.get(prediction, prediction), **extra)
    if spacing:
        config["timestep_spacing"] = spacing
    if zero:
        config["rescale_betas_zero_snr"] = True
    if schedule != "discrete":
        config[f"use_{schedule.removesuffix('-sigmas')}_sigmas"] = True
    s = cls.from_config(config)
    s.set_timesteps(n)
    skip = n - min(int(n * strength), n)
    timesteps = s.timesteps[skip * s.order:]
    if hasattr(s, "set_begin_index"):
        s.set_begin_index(skip * s.order)
    g = torch.Generator("cpu").manual_seed(7)
    if strength < 1:
        z = torch.linspace(-1, 1, 16).reshape(SHAPE)
        x = s.add_noise(z, torch.linspace(2, -1, 16).reshape(SHAPE), timesteps[:1])
    else:
        x = torch.linspace(-0.5, 0.5, 16).reshape(SHAPE) * s.init_noise_sigma
    out = []
    for t in timesteps:
        y = model(s.scale_model_input(x, t), t)
        kwargs = {}
        if name in ("ddpm", "euler-a", "dpm2-a", "dpm++2m-sde", "dpm++sde", "lcm", "ddim", "tcd"):
            kwargs["generator"] = g
        if name in ("ddim", "tcd"):
            kwargs["eta"] = eta
        x = s.step(y, t, x, **kwargs).prev_sample
        out.append(x)
    if not all(torch.isfinite(x).all() for x in out):
        return None
    last = [float(f"{v:.7g}") for v in out[-1].flatten().tolist()]
    return dict(sampler=name, steps=n, spacing=spacing, prediction=prediction, schedule=schedule, strength=strength,
                zero=zero, eta=eta, timesteps=[float(f"{float(t):.7g}") for t in timesteps],
                first=[float(f"{x.flatten()[0].item():.7g}") for x in out], last=last)


cases = []
for name in CLASSES:
    for n in (4, 7, 20):
        if name in ("lcm", "tcd") and n == 20:
            continue
        spacings = [None] if name in ("dpm++sde", "lcm", "tcd") else ["leading", "trailing", "linspace"]
        for spacing in spacings:
            for strength in (1.0, 0.6):
                cases.append(dict(name=name, n=n, spacing=spacing, strength=strength))
        for prediction in ("v", "sample"):
            if not (prediction == "sample" and name in NO_SAMPLE):
                cases.append(dict(name=name, n=n, prediction=prediction))
        if name in CURVED:
            for schedule in ("karras", "exponential", "beta-sigmas"):
                for strength in (1.0, 0.6):
                    cases.append(dict(name=name, n=n, schedule=schedule, strength=strength))
        if name in ZERO_SNR:
            cases.append(dict(name=name, n=n, zero=True, prediction="v", spacing=None if name in ("lcm", "tcd") else "trailing"))
        if name == "tcd":
            cases += [dict(name=name, n=n, eta=0.3), dict(name=name, n=n, eta=1.0, strength=0.6)]
        if name == "ddim":
            cases.append(dict(name=name, n=n, eta=1.0))
            cases.append(dict(name=name, n=n, eta=0.5, strength=0.6))
done = [run(**c) for c in cases]
print("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in done if c) + "\n]")
