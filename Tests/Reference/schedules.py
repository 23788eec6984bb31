"""Trajectories along the schedules that come as lists of sigma, and of DPM++ 3M SDE, by k-diffusion's samplers on the
analytic model; see ScheduleTests.swift.

Made with torch 2.15.0, diffusers 0.42.1, scipy, and k-diffusion 0.1.1.post1 with torchsde and torchdiffeq (installed
without their other dependencies):
    python3 Tests/Reference/schedules.py > Tests/DiffusionTests/Golden/schedules.json
"""
import importlib.util
import json
import sys
import types

import numpy as np
import scipy.stats
import torch
from diffusers import EulerDiscreteScheduler
from diffusers.schedulers import AysSchedules

# k_diffusion/__init__ imports training code; its samplers need one function of it.
package = types.ModuleType("k_diffusion")
package.__path__ = list(importlib.util.find_spec("k_diffusion").submodule_search_locations)
utils = types.ModuleType("k_diffusion.utils")
utils.append_dims = lambda x, n: x[(...,) + (None,) * (n - x.ndim)]
sys.modules.update({"k_diffusion": package, "k_diffusion.utils": utils})
package.utils = utils
from k_diffusion import external, sampling  # noqa: E402

SHAPE = (1, 4, 2, 2)
base = EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
table = ((1 - base.alphas_cumprod) / base.alphas_cumprod) ** 0.5
discrete = external.DiscreteSchedule(table, quantize=False)
SAMPLERS = {
    "euler": (sampling.sample_euler, False), "euler-a": (sampling.sample_euler_ancestral, False),
    "lms": (sampling.sample_lms, False), "dpm++2m": (sampling.sample_dpmpp_2m, True),
    "dpm++2m-sde": (sampling.sample_dpmpp_2m_sde, True), "dpm++3m-sde": (sampling.sample_dpmpp_3m_sde, True),
}


def aligned(name, n):
    # diffusers writes 0 for the last of the authors' levels, 0.029, which stretching needs.
    levels = np.log(np.array(AysSchedules[name][:-1] + [0.029]))
    out = np.exp(np.interp(np.linspace(0, 1, n + 1), np.linspace(0, 1, len(levels)), levels))
    out[-1] = 0
    return torch.tensor(out, dtype=torch.float32)


def sigmas(schedule, n):
    last = len(table) - 1
    if schedule == "normal":
        return discrete.get_sigmas(n)
    if schedule == "sgm-uniform":
        return sampling.append_zero(discrete.t_to_sigma(torch.linspace(last, 0, n + 1)[:-1]))
    if schedule == "simple":
        return sampling.append_zero(torch.stack([table[-(1 + int(i * (len(table) / n)))] for i in range(n)]))
    if schedule == "ddim-uniform":
        return sampling.append_zero(table[1::len(table) // n].flip(0))
    if schedule == "beta":
        t = np.rint(scipy.stats.beta.ppf(1 - np.linspace(0, 1, n, endpoint=False), 0.6, 0.6) * last).astype(int)
        return sampling.append_zero(table[torch.tensor([v for i, v in enumerate(t) if i == 0 or v != t[i - 1]])])
    if schedule == "align-your-steps":
        return aligned("StableDiffusionSigmas", n)
    if schedule == "align-your-steps-xl":
        return aligned("StableDiffusionXLSigmas", n)
    if schedule == "karras":
        return sampling.get_sigmas_karras(n, table[0].item(), table[-1].item())
    if schedule == "exponential":
        return sampling.get_sigmas_exponential(n, table[0].item(), table[-1].item())
    return torch.tensor([14.0, 5.5, 2.25, 1.0, 0.3][:n] + [0.0])  # by hand


def run(name, schedule, n, skip=0):
    function, preserving = SAMPLERS[name]
    levels = sigmas(schedule, n)
    generator = torch.Generator("cpu").manual_seed(7)
    times = []

    def denoise(x, sigma):
        t = discrete.sigma_to_t(sigma.flatten()[:1])[0]
        times.append(t.item())
        return x - sigma[0] * (0.6 * x / (sigma[0] ** 2 + 1) ** 0.5 + 0.2 * torch.sin(t / 100))

    # Latents that preserve variance start from unit noise; k-diffusion's from noise times sigma.
    start = torch.linspace(-0.5, 0.5, 16).reshape(SHAPE)
    scale = (levels[0] ** 2 + 1) ** 0.5 if preserving else levels[0]
    seen = []
    kwargs = dict(callback=lambda d: seen.append(d["x"].clone()), disable=True)
    if name in ("euler-a", "dpm++2m-sde", "dpm++3m-sde"):
        kwargs["noise_sampler"] = lambda *_: torch.randn(SHAPE, generator=generator)
    if name == "dpm++2m-sde":
        kwargs["solver_type"] = "midpoint"
    last = function(denoise, start * scale, levels, **kwargs)
    path = [x / ((s ** 2 + 1) ** 0.5 if preserving else 1) for x, s in zip(seen[1:] + [last], levels[1:])]
    return dict(sampler=name, schedule=schedule, steps=n, timesteps=[float(f"{t:.7g}") for t in times],
                first=[float(f"{x.flatten()[0].item():.7g}") for x in path],
                last=[float(f"{v:.7g}") for v in path[-1].flatten().tolist()])


cases = [run(name, schedule, n)
         for schedule in ("normal", "sgm-uniform", "simple", "ddim-uniform", "beta", "align-your-steps",
                          "align-your-steps-xl", "by hand")
         for name in SAMPLERS for n in ((5,) if schedule == "by hand" else (4, 10, 23))]
cases += [run("euler-a", schedule, n) for schedule in ("karras", "exponential") for n in (4, 10)]
print("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]")
