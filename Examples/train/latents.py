"""Latents of the training pictures, kept from when they are first met: the encoder would else take a fifth of every
step. Now and then a picture is moved and made anew: the same few thousand, seen thirty times, are learned by heart."""
import torch
import torch.nn.functional as F

from diffusion import encoded
from loop import DEVICE
from pictures import cut, unit
from table import mirrors, weights, wordings

HOLE = 5  # how much more a place to fill counts than one to keep
# Shares: of kept pictures that are made anew when shown, of those that are moved then.
RENEWED, MOVED = 0.2 if DEVICE.type == "cpu" else 0.4, 0.75


def masks(count, side, device):
    """[count, 1, side, side], 1 where to repaint, in pixels: unions of one to four boxes, now and then all but these."""
    line = torch.arange(side, device=device)

    def span():
        start = torch.randint(-8, side - 8, (count, 4, 1), device=device)
        return (line >= start) & (line < start + torch.randint(8, side * 5 // 8 + 1, (count, 4, 1), device=device))

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


def moved(x, kind):
    """Most of these pictures [N, 3, H, W]: drawings (kind 0) smaller or larger, wider, elsewhere; windows of photographs
    (1)."""
    count = len(x)
    scale, place = (0.12 * torch.randn(count)).exp(), 0.08 * torch.randn(2, count)
    if kind == 1:
        scale = 1 - 0.4 * torch.rand(count)
        place = (2 * torch.rand(2, count) - 1) * (1 - scale)
    wider = (0.06 * torch.randn(count)).exp() if kind == 0 else torch.ones(count)
    zero = torch.zeros(count)
    rows = [scale * wider, zero, place[0]], [zero, scale / wider, place[1]]
    theta = torch.stack([torch.stack(row, 1) for row in rows], 1)
    grid = F.affine_grid(theta.to(x.device), x.shape, align_corners=False)
    other = F.grid_sample(x, grid, mode="bicubic", padding_mode="border", align_corners=False)
    return torch.where((torch.rand(count, 1, 1, 1) < MOVED).to(x.device), other, x)


def windows(x, side, busiest):
    """Windows [N, 3, side, side] of pictures [N, 3, H, W]: of so many by chance, those with the most in them."""
    some = [cut(x, *(torch.randint(length - side + 1, (len(x),)).to(x.device) for length in x.shape[2:]), side)
            for _ in range(busiest)]
    most = torch.stack([part.flatten(1).std(dim=1) for part in some]).argmax(0)
    return torch.stack(some)[most, torch.arange(len(x), device=x.device)]


class Latents:
    """One split at one size: pictures, captions as token ids, latents.

    side: of the pictures, pixels. whole: of those whose windows they are; none: they are no windows. ids: captions to
    token ids [N, 32]. Each caption comes in one of several wordings; a tenth of them is left out, for classifier-free
    guidance (Ho and Salimans 2022, arXiv 2207.12598). moves: pictures come in ever other places and sizes; held-out
    ones as they are.
    """

    def __init__(self, pictures, autoencoder, side, ids, moves=False, whole=None):
        self.autoencoder, self.side, self.moves, self.whole = autoencoder, side, moves, whole
        sources = ((pictures.art, pictures.art_captions), (pictures.photo, pictures.photo_captions))
        self.pictures = [x for x, _ in sources]
        # Two versions of each, as it is and mirrored.
        self.shown = [torch.zeros(2, len(x), 3, side, side, dtype=torch.uint8, device=DEVICE) for x in self.pictures]
        self.ids = [torch.stack([ids(wording) for wording in zip(*map(wordings, captions))]).to(DEVICE)
                    for _, captions in sources]
        self.weights = [torch.tensor(weights(captions)) for _, captions in sources]
        self.mirrors = [torch.tensor([mirrors(caption) for caption in captions]).to(DEVICE) for _, captions in sources]
        self.nothing = ids([""]).to(DEVICE)
        self.latents = [torch.zeros(2, len(x), 4, side // 4, side // 4, device=DEVICE) for x in self.pictures]
        self.known = [torch.zeros(2, len(x), dtype=torch.bool, device=DEVICE) for x in self.pictures]
        self.grey = encoded(autoencoder, torch.zeros(1, 3, side, side, device=DEVICE))

    def version(self, kind, mirrored, index):
        """Pictures as bytes [N, 3, side, side]."""
        x = unit(self.pictures[kind][index])
        side = self.whole or self.side
        x = F.interpolate(moved(x, kind) if self.moves else x, (side, side), mode="area")
        if self.whole:
            # Drawings are mostly paper.
            x = windows(x, self.side, busiest=(3, 1)[kind])
        x = torch.where(mirrored.bool()[:, None, None, None], x.flip(-1), x)
        return x.add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)

    def encoded(self, kind, mirrored, index):
        """Drawings (kind 0) or photographs (1), [N, 3, side, side] in [-1, 1], and their latents [N, 4, h, w]. mirrored,
        index: [N]."""
        shown, latents, known = self.shown[kind], self.latents[kind], self.known[kind]
        new = ~known[mirrored, index]
        if self.moves:
            new |= (torch.rand(len(index)) < RENEWED).to(DEVICE)
        if new.any():
            places = mirrored[new], index[new]
            shown[places] = self.version(kind, *places)
            latents[places] = encoded(self.autoencoder, unit(shown[places]))
            known[places] = True
        return unit(shown[mirrored, index]), latents[mirrored, index]

    def some(self, kind, count, partial, dropped):
        """Latents, masks, latents of the masked pictures and token ids of drawings (kind 0) or photographs (1)."""
        index = torch.multinomial(self.weights[kind], count, replacement=True).to(DEVICE)
        mirrored = ((torch.rand(count) < (0.3, 0.5)[kind]).to(DEVICE) & self.mirrors[kind][index]).long()
        x, z = self.encoded(kind, mirrored, index)
        mask = torch.ones(count, 1, *z.shape[2:], device=DEVICE)
        around = self.grey.repeat(count, 1, 1, 1)
        holes = round(count * partial)
        if holes:
            # In pixels, as masks are: a cell that is repainted may hold pixels that are known.
            hole = masks(holes, x.shape[-1], DEVICE)
            mask[:holes] = F.max_pool2d(hole, x.shape[-1] // z.shape[-1])
            x = x[:holes]
            if kind == 1:
                x = exposed(x)
                z[:holes] = encoded(self.autoencoder, x)
            around[:holes] = encoded(self.autoencoder, x * (1 - hole))
        wording = torch.randint(len(self.ids[kind]), (count,)).to(DEVICE)
        ids = torch.where((torch.rand(count, 1) < dropped).to(DEVICE), self.nothing, self.ids[kind][wording, index])
        return z, mask, around, ids

    def batch(self, count, art, partial, dropped=0.1):
        """A share `art` of drawings. partial: the shares (drawings, photographs) that keep something of the picture."""
        drawings = round(count * art)
        parts = self.some(0, drawings, partial[0], dropped), self.some(1, count - drawings, partial[1], dropped)
        z, mask, around, ids = (torch.cat(pair) for pair in zip(*parts))
        # A picture counts as much with a hole as without.
        places = 1 + (HOLE - 1) * mask
        places = (places / places.mean(dim=(1, 2, 3), keepdim=True)).clamp(max=HOLE - 1)
        return z, torch.cat([mask, around], 1), ids, places


