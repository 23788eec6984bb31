"""What is wrong with a decoded picture: the loss of the autoencoder, and figures of it."""
import torch
import torch.nn.functional as F

# Pooling and weight: colour and shading, which sharp edges hide.
COARSE = ((2, 0.5), (4, 1.0), (8, 1.5), (16, 1.5), (64, 2.0))
# The same for each of the 16 places in squares of 4 x 4 pixels: what is off alike in square after square is a grid.
PLACES = ((2, 0.25), (4, 0.5), (8, 0.5), (16, 0.5), (32, 0.5))


def error(y, x):
    """Absolute and squared differences, of values, of edges, and of means over squares and places in them. x, y: [N, 3,
    128, 128] in [-1, 1]."""
    e = y - x
    edges = (e[..., 1:] - e[..., :-1]).abs().mean() + (e[..., 1:, :] - e[..., :-1, :]).abs().mean()
    total = 0.5 * e.abs().mean() + 4 * e.square().mean() + 0.25 * edges
    for size, weight in COARSE:
        total = total + weight * F.avg_pool2d(e, size).abs().mean()
    return total + grids(e)


def grids(e):
    """The part of the loss that squares of 4 x 4 pixels which look alike add to it. e: differences, [N, 3, H, W]."""
    places = F.pixel_unshuffle(e, 4)
    return sum(weight * F.avg_pool2d(places, size).abs().mean() for size, weight in PLACES)


def psnr(y, x):
    return (10 * torch.log10(4 / (y.clamp(-1, 1) - x).square().mean(dim=(1, 2, 3)))).mean().item()


def grid(e):
    """How much the 16 places of 4 x 4 squares differ in their mean errors: the root of the mean square."""
    places = F.pixel_unshuffle(e, 4).mean(dim=(2, 3)).unflatten(1, (3, 16))
    return (places - places.mean(dim=2, keepdim=True)).square().mean().sqrt().item()
