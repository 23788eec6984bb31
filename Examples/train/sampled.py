"""Latents as super-resolution samples them, for the decoder to learn from."""
import torch
import torch.nn.functional as F

import networks
from diffusion import noised
from errors import grids
from loop import DEVICE, mixed_precision

LEVEL = 5  # of noise on the small picture, as at work


class Sampled:
    """Latents that the upscaler samples. What is decoded from them cannot equal the truth, but must have no grid."""

    def __init__(self, out):
        self.unet = networks.upscaler(out / "upscaler/unet").to(DEVICE).eval().requires_grad_(False)
        self.schedule = networks.schedule()
        self.signal = networks.low_resolution_schedule().alphas_cumprod[LEVEL].to(DEVICE)

    @torch.no_grad()
    def latents(self, x, steps=4):
        """Of pictures [N, 3, H, W], seen at a quarter of their size."""
        small = F.interpolate(x, scale_factor=0.25, mode="bicubic", antialias=True).clamp(-1, 1)
        small = noised(small, torch.randn_like(small), self.signal)
        z = torch.randn(len(x), 4, *small.shape[2:], device=DEVICE)
        level = torch.full((len(x),), LEVEL, device=DEVICE)
        self.schedule.set_timesteps(steps)
        for time in self.schedule.timesteps:
            with mixed_precision():
                v = self.unet(torch.cat([z, small], 1), time.to(DEVICE), None, class_labels=level).sample
            z = self.schedule.step(v.float(), time, z).prev_sample
        return z

    def loss(self, model, x):
        return grids(model.decode(self.latents(x)).sample - x)
