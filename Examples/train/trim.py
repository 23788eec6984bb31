"""Stage 1b: a decoder cut down to the lowest level of a whole one, for large pictures.

Reads OUT/base/vae, an AutoencoderKL, and writes a PatchAutoencoderKL there: its latents and what the decoder does with them at
their own size are kept; the last convolution, which makes the pixels of 4 x 4 squares, is fitted by least squares. Then
autoencoder.py --decoder-only.
"""
import argparse
from itertools import zip_longest
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch import nn

from autoencoder import judge
from loop import DEVICE
from networks import PatchAutoencoderKL
from pictures import Pictures


@torch.no_grad()
def trimmed(whole):
    """ResNet blocks that `whole` has not in that level start as the identity."""
    model = PatchAutoencoderKL()
    for part in ("encoder", "quant_conv", "post_quant_conv", "decoder.conv_in", "decoder.mid_block"):
        model.get_submodule(part).load_state_dict(whole.get_submodule(part).state_dict())
    pairs = zip_longest(model.decoder.up_blocks[0].resnets, whole.decoder.up_blocks[0].resnets)
    for block, known in pairs:
        if known is None:
            nn.init.zeros_(block.conv2.weight), nn.init.zeros_(block.conv2.bias)
        else:
            block.load_state_dict(known.state_dict())
    return model.to(DEVICE)


@torch.no_grad()
def fit(model, pictures, batches=24):
    """The last convolution, by ridge regression of squares on the maps before it."""
    last, seen = model.decoder.conv_out, []
    hook = last.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    products = targets = 0
    for _ in range(batches):
        x = pictures.mixed(8, 0.3, 0.4)
        model.decode(model.encode(x).latent_dist.mean)
        maps = F.unfold(seen.pop(), 3, padding=1).mT.flatten(0, 1).double()
        maps = torch.cat([maps, torch.ones_like(maps[:, :1])], dim=1)
        squares = F.pixel_unshuffle(x, model.decoder.patch).flatten(2).mT.flatten(0, 1).double()
        products, targets = products + maps.mT @ maps, targets + maps.mT @ squares
    hook.remove()
    ridge = 1e-3 * products.diagonal().mean() * torch.eye(len(products), dtype=products.dtype, device=products.device)
    weights = torch.linalg.solve(products + ridge, targets).float()
    last.weight.copy_(weights[:-1].mT.reshape(last.weight.shape))
    last.bias.copy_(weights[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the pack of pictures")
    parser.add_argument("--out", type=Path, required=True, help="the model")
    parser.add_argument("--seed", type=int, default=1, help="of the choice of pictures (default: %(default)s)")
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    folder = arguments.out / "base/vae"
    if AutoencoderKL.load_config(folder)["_class_name"] != "AutoencoderKL":
        parser.error(f"{folder} is no AutoencoderKL: it is trimmed already")
    model = trimmed(AutoencoderKL.from_pretrained(folder, torch_dtype=torch.float32))
    fit(model, Pictures(arguments.data, "train", DEVICE))
    judge(model, Pictures(arguments.data, "val", DEVICE))
    model.half().save_pretrained(folder)
    for name in ("autoencoder", "decoder"):  # States of other networks.
        (arguments.out / f"{name}.state.pt").unlink(missing_ok=True)


if __name__ == "__main__":
    main()
