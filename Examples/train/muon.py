"""Muon (Jordan et al. 2024): momentum whose update of a matrix is made orthogonal.

On these small networks a step of Muon is worth several of AdamW: every direction of a weight learns at the same pace,
the rare ones too. A kernel of a convolution counts as the matrix [out, in * height * width].
"""
from collections import defaultdict

import torch

# Of the quintic x <- a x + b x^3 + c x^5, which five times over takes every singular value near 1 (Jordan et al. 2024).
QUINTIC = (3.4445, -4.7750, 2.0315)


def orthogonal(matrices, steps=5):
    """The nearest matrices with equal singular values, about 1, by Newton and Schulz's iteration. matrices: [count, rows,
    columns].

    The iteration runs on the small squares x x^T alone, of which every factor is a polynomial: for the kernel of a 3 x 3
    convolution that is less than half the work.
    """
    a, b, c = QUINTIC
    x = matrices / (matrices.norm(dim=(1, 2), keepdim=True) + 1e-7)
    wide = x.shape[1] <= x.shape[2]
    x = x if wide else x.mT
    square, product = x @ x.mT, None
    for step in range(steps):
        factor = b * square + c * square @ square
        factor.diagonal(dim1=1, dim2=2).add_(a)
        product = factor if product is None else factor @ product
        if step < steps - 1:
            square = factor @ square @ factor
    x = product @ x
    return x if wide else x.mT


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, made orthogonal. An update has a root mean square of 0.2 times the rate, as AdamW's has about,
    so that both take the same rate (Liu et al. 2025, arXiv 2502.16982)."""

    def __init__(self, parameters, lr, momentum=0.95, weight_decay=0.01):
        super().__init__(parameters, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            # Matrices of one shape in one product: a GPU waits else for the launch of each.
            alike = defaultdict(list)
            for weight in group["params"]:
                if weight.grad is not None:
                    alike[len(weight), weight[0].numel()].append(weight)
            for (rows, columns), weights in alike.items():
                for weight in weights:
                    if not self.state[weight]:
                        self.state[weight]["momentum"] = torch.zeros_like(weight)
                averages, gradients = [self.state[w]["momentum"] for w in weights], [w.grad for w in weights]
                torch._foreach_lerp_(averages, gradients, 1 - group["momentum"])
                nesterov = torch._foreach_lerp(gradients, averages, group["momentum"])
                updates = orthogonal(torch.stack([x.reshape(rows, columns) for x in nesterov]))
                updates = [update.view(w.shape) for update, w in zip(updates, weights)]
                torch._foreach_mul_(weights, 1 - group["lr"] * group["weight_decay"])
                torch._foreach_add_(weights, updates, alpha=-group["lr"] * 0.2 * max(rows, columns) ** 0.5)


def optimizers(modules, lr):
    """Muon for the matrices inside the networks; AdamW for embeddings, norms, biases and the first and last layers,
    which are no maps between hidden features."""
    edges = ("conv_in.", "conv_out.", "embedding", "quant_conv.")
    inner, outer = [], []
    for name, weight in (pair for module in modules for pair in module.named_parameters()):
        if weight.requires_grad:
            (inner if weight.ndim >= 2 and not any(e in name for e in edges) else outer).append(weight)
    return [Muon(inner, lr), torch.optim.AdamW(outer, lr, betas=(0.9, 0.98), weight_decay=0.01)]
