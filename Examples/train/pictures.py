"""The pack of training pictures: {train,val}/{art,photo}/*.webp and captions.tsv."""
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from table import captions

SIDE = 128  # of a training picture, pixels


def unit(x):
    """Bytes to [-1, 1]."""
    return x.float().div(127.5).sub(1)


def flipped(x, share):
    """Mirrors a share of the pictures left to right."""
    return torch.where((torch.rand(len(x), device=x.device) < share)[:, None, None, None], x.flip(-1), x)


def turned(x):
    """Squares in one of the eight ways to lay them, all of these the same: details have no up and down."""
    x = x if torch.rand(()) < 0.5 else x.mT
    return x.rot90(int(torch.randint(4, ())), (-2, -1))


def cut(x, tops, lefts, side):
    """Windows [N, C, side, side] of pictures [N, C, H, W], each at its own place. tops, lefts: [N]."""
    line = torch.arange(side, device=x.device)
    number, channel = (torch.arange(n, device=x.device) for n in x.shape[:2])
    return x[number[:, None, None, None], channel[:, None, None], (tops[:, None] + line)[:, None, :, None],
             (lefts[:, None] + line)[:, None, None]]


def opened(file):
    """[H, W, 3] as bytes."""
    return np.asarray(Image.open(file).convert("RGB"))


class Pictures:
    """One split, whole on the device: art [N, 3, 128, 128] and photo [M, 3, 256, 256] as bytes, with a caption each."""

    def __init__(self, pack, split, device):
        known = captions(pack)

        def kind(name):
            files = sorted((pack / split / name).glob("*.webp"))
            with ThreadPoolExecutor() as pool:
                x = torch.from_numpy(np.stack(list(pool.map(opened, files))))
            return x.permute(0, 3, 1, 2).contiguous().to(device), [known[f"{split}/{name}/{f.name}"] for f in files]

        self.device = device
        (self.art, self.art_captions), (self.photo, self.photo_captions) = kind("art"), kind("photo")

    @cached_property
    def small(self):
        """The photographs whole, [M, 3, 128, 128] as bytes."""
        return torch.cat([self.shrunk(x, SIDE) for x in self.photo.split(64)])

    @staticmethod
    def shrunk(x, side):
        """Bytes at a smaller size, by the area."""
        return F.interpolate(x.float(), (side, side), mode="area").round().to(torch.uint8)

    def drawings(self, count):
        """[count, 3, 128, 128]: drawings, some of them mirrored."""
        return flipped(self.art[torch.randint(len(self.art), (count,), device=self.device)], 0.3)

    def crops(self, count, whole):
        """[count, 3, 128, 128]: windows of photographs; a share `whole` of them whole photographs made smaller."""
        index = torch.randint(len(self.photo), (count,), device=self.device)
        places = torch.randint(self.photo.shape[-1] - SIDE + 1, (2, count), device=self.device)
        windows = turned(cut(self.photo[index], *places, SIDE))
        entire = (torch.rand(count, device=self.device) < whole)[:, None, None, None]
        return flipped(torch.where(entire, self.small[index], windows), 0.5)

    def mixed(self, count, art, whole):
        """[count, 3, 128, 128] in [-1, 1]: a share `art` of them drawings, the rest photographs."""
        drawings = round(count * art)
        return unit(torch.cat([self.drawings(drawings), self.crops(count - drawings, whole)]))
