"""Muon (Jordan et al. 2024): momentum whose update of a matrix is made orthogonal.

On these small networks a step of Muon is worth several of AdamW: every direction of a weight learns at the same pace,
the rare ones too. A kernel of a convolution counts as the matrix [out, in * height * width].
"""
import torch

# Of the quintic x <- a x + b x^3 + c x^5, which five times over takes every singular value near 1 (Jordan et al. 2024).
QUINTIC = (3.4445, -4.7750, 2.0315)


def orthogonal(matrix, steps=5):
    """The nearest matrix with equal singular values, about 1, by Newton and Schulz's iteration. matrix: [rows,
    columns].

    The iteration runs on the small square x x^T alone, of which every factor is a polynomial: for the kernel of a 3 x 3
    convolution that is less than half the work.
    """
    a, b, c = QUINTIC
    x = matrix / (matrix.norm() + 1e-7)
    wide = x.shape[0] <= x.shape[1]
    x = x if wide else x.T
    square, product = x @ x.T, None
    for step in range(steps):
        factor = b * square + c * square @ square
        factor.diagonal().add_(a)
        product = factor if product is None else factor @ product
        if step < steps - 1:
            square = factor @ square @ factor
    x = product @ x
    return x if wide else x.T


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, made orthogonal. An update has a root mean square of 0.2 times the rate, as AdamW's has about,
    so that both take the same rate (Liu et al. 2025, arXiv 2502.16982)."""

    def __init__(self, parameters, lr, momentum=0.95, weight_decay=0.01):
        super().__init__(parameters, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state["momentum"] = torch.zeros_like(weight)
                average = state["momentum"].lerp_(weight.grad, 1 - group["momentum"])
                nesterov = weight.grad.lerp(average, group["momentum"])
                update = orthogonal(nesterov.reshape(len(weight), -1)).view(weight.shape)
                scale = 0.2 * max(len(weight), weight[0].numel()) ** 0.5
                weight.mul_(1 - group["lr"] * group["weight_decay"]).add_(update, alpha=-group["lr"] * scale)


def optimizers(modules, lr):
    """Muon for the matrices inside the networks; AdamW for embeddings, norms, biases and the first and last layers,
    which are no maps between hidden features."""
    edges = ("conv_in.", "conv_out.", "embedding", "quant_conv.")
    inner, outer = [], []
    for name, weight in (pair for module in modules for pair in module.named_parameters()):
        if weight.requires_grad:
            (inner if weight.ndim >= 2 and not any(e in name for e in edges) else outer).append(weight)
    return [Muon(inner, lr), torch.optim.AdamW(outer, lr, betas=(0.9, 0.98), weight_decay=0.01)]
