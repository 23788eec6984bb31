"""Latents of the training pictures, each made once, when first met: the encoder would else take a fifth of every
step."""
import torch
import torch.nn.functional as F

from diffusion import encoded
from loop import DEVICE
from pictures import Pictures, unit
from table import weights, wordings

HOLE = 5  # how much more a place to fill counts than one to keep


def masks(count, side, device):
    """[count, 1, side, side], 1 where to repaint: unions of one to four boxes, now and then all but these."""
    line = torch.arange(side, device=device)

    def span():
        start = torch.randint(-2, side - 2, (count, 4, 1), device=device)
        return (line >= start) & (line < start + torch.randint(2, side * 5 // 8 + 1, (count, 4, 1), device=device))

    some = torch.arange(4, device=device)[None] < torch.randint(1, 5, (count, 1), device=device)
    boxes = span()[..., :, None] & span()[..., None, :] & some[..., None, None]
    union = boxes.any(1, keepdim=True)
    inverted = torch.rand(count, 1, 1, 1, device=device) > 0.95
    return (union ^ inverted).float()


def exposed(x):
    """Half of these photographs [N, 3, H, W] in [-1, 1], darker or lighter, with a tint: what surrounds a hole, not what
    most photographs are like, has to tell how bright the hole is."""
    power = (0.3 + 0.5 * torch.randn(len(x), 1, 1, 1) + 0.1 * torch.randn(len(x), 3, 1, 1)).exp().to(x.device)
    other = ((x + 1) / 2).clamp(0, 1) ** power * 2 - 1
    return torch.where((torch.rand(len(x), 1, 1, 1) < 0.5).to(x.device), other, x)


class Latents:
    """One split at one size: pictures, captions as token ids, latents.

    side: of the pictures, pixels. ids: captions to token ids [N, 32]. Each caption comes in one of several wordings; a
    tenth of them is left out, for classifier-free guidance (Ho and Salimans 2022, arXiv 2207.12598).
    """

    def __init__(self, pictures, autoencoder, side, ids):
        self.autoencoder = autoencoder
        sources = ((pictures.art, pictures.art_captions), (pictures.photo, pictures.photo_captions))
        self.pictures = [x if x.shape[-1] == side else torch.cat([Pictures.shrunk(p, side) for p in x.split(64)])
                         for x, _ in sources]
        self.ids = [torch.stack([ids(wording) for wording in zip(*map(wordings, captions))]).to(DEVICE)
                    for _, captions in sources]
        self.weights = [torch.tensor(weights(captions)) for _, captions in sources]
        self.nothing = ids([""]).to(DEVICE)
        self.latents = [torch.zeros(2, len(x), 4, side // 4, side // 4, device=DEVICE) for x in self.pictures]
        self.known = [torch.zeros(2, len(x), dtype=torch.bool, device=DEVICE) for x in self.pictures]
        self.grey = encoded(autoencoder, torch.zeros(1, 3, side, side, device=DEVICE))

    def pixels(self, kind, mirrored, index):
        x = unit(self.pictures[kind][index])
        return torch.where(mirrored.bool()[:, None, None, None], x.flip(-1), x)

    def encoded(self, kind, mirrored, index):
        """Latents of drawings (kind 0) or photographs (1), [N, 4, h, w]. mirrored, index: [N]."""
        latents, known = self.latents[kind], self.known[kind]
        new = ~known[mirrored, index]
        if new.any():
            latents[mirrored[new], index[new]] = encoded(self.autoencoder, self.pixels(kind, mirrored[new], index[new]))
            known[mirrored[new], index[new]] = True
        return latents[mirrored, index]

    def some(self, kind, count, partial, dropped):
        """Latents, masks, latents of the masked pictures and token ids of drawings (kind 0) or photographs (1)."""
        index = torch.multinomial(self.weights[kind], count, replacement=True).to(DEVICE)
        mirrored = (torch.rand(count) < (0.3, 0.5)[kind]).long().to(DEVICE)
        z = self.encoded(kind, mirrored, index)
        mask = torch.ones(count, 1, *z.shape[2:], device=DEVICE)
        around = self.grey.repeat(count, 1, 1, 1)
        holes = round(count * partial)
        if holes:
            mask[:holes] = masks(holes, z.shape[-1], DEVICE)
            x = self.pixels(kind, mirrored[:holes], index[:holes])
            if kind == 1:
                x = exposed(x)
                z[:holes] = encoded(self.autoencoder, x)
            keep = 1 - F.interpolate(mask[:holes], size=x.shape[-1])
            around[:holes] = encoded(self.autoencoder, x * keep)
        wording = torch.randint(len(self.ids[kind]), (count,)).to(DEVICE)
        ids = torch.where((torch.rand(count, 1) < dropped).to(DEVICE), self.nothing, self.ids[kind][wording, index])
        return z, mask, around, ids

    def batch(self, count, art, partial, dropped=0.1):
        """A share `art` of drawings. partial: the shares (drawings, photographs) that keep something of the picture."""
        drawings = round(count * art)
        parts = self.some(0, drawings, partial[0], dropped), self.some(1, count - drawings, partial[1], dropped)
        z, mask, around, ids = (torch.cat(pair) for pair in zip(*parts))
        whole = mask.mean(dim=(1, 2, 3), keepdim=True) == 1
        return z, torch.cat([mask, around], 1), ids, torch.where(whole, 1, (1 + (HOLE - 1) * mask) / HOLE)


