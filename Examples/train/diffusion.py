"""What both diffusion stages share: the autoencoder they work in, and their loss."""
import torch

import networks
from loop import DEVICE, MIXED, mixed_precision

STEPS = 1000


def frozen_autoencoder(out):
    """In bfloat16 where that is fast."""
    model = networks.PatchAutoencoderKL.from_pretrained(out / "base/vae", torch_dtype=torch.float32)
    model.eval().requires_grad_(False)
    return model.to(DEVICE, torch.bfloat16 if MIXED else torch.float32, memory_format=torch.channels_last)


@torch.no_grad()
def encoded(autoencoder, x):
    """[N, 3, H, W] in [-1, 1] to the means of the latents, [N, 4, H/4, W/4]."""
    return autoencoder.encode(x.to(autoencoder.dtype)).latent_dist.mean.float() * autoencoder.config.scaling_factor


def spread(count):
    """Times [count], each uniform, but spread evenly over a step's pictures: less noise in the gradient at no cost
    (Kingma et al. 2021, arXiv 2107.00630, appendix I.1)."""
    return ((torch.randperm(count) + torch.rand(count)) * (STEPS / count)).long().clamp(max=STEPS - 1)


def noised(x, noise, signal):
    """x with noise, at a power of the signal that broadcasts against them (Ho et al. 2020, arXiv 2006.11239, eq. 4)."""
    return signal.sqrt() * x + (1 - signal).sqrt() * noise


class Loss:
    """The squared error of v (Salimans and Ho 2022, arXiv 2202.00512, appendix D) at uniform times.

    Unweighted: the weights of min-SNR-5 (arXiv 2303.09556) taught the layout of a picture, which comes at low signal,
    far more slowly.
    """

    def __init__(self):
        self.signal = networks.schedule().alphas_cumprod.to(DEVICE)

    def __call__(self, network, z, places=None, time=None):
        """network: (noised latents, times) -> v. places: [N, 1, h, w], how much a place counts; all the same without
        it. time: [N], if not all alike."""
        time = (spread(len(z)) if time is None else time).to(DEVICE)
        noise = torch.randn_like(z)
        signal = self.signal[time].view(-1, 1, 1, 1)
        v = signal.sqrt() * noise - (1 - signal).sqrt() * z
        with mixed_precision():
            guess = network(noised(z, noise, signal), time)
        error = (guess.float() - v).square()
        return error.mean() if places is None else (error * places).mean() / places.mean()
