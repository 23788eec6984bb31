"""Stage 3: text to image and inpainting, one network (Rombach et al. 2021, sections 3.3 and 4.5), and its text encoder.

Writes OUT/base, goes on from what is there. On a processor first at 64 pixels, where a picture costs an eighth and what words
mean is learned soonest; then, and on a GPU at once, at 64 and 128 by turns, so that the smaller size is not forgotten.
"""
import itertools
import json

import torch
from diffusers.models.resnet import ResnetBlock2D
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import CLIPTokenizer

import networks
from diffusion import STEPS, Loss, frozen_autoencoder, spread
from latents import Latents
from loop import DEVICE, Training, options, prepare
from pictures import Pictures

# Pictures of 64 pixels that are windows of such of 128: holes as large as those of the full size, at an eighth of its price.
WINDOWS = "windows"
ART = {32: 0.75, 64: 0.75, 128: 0.5, WINDOWS: 0.5}  # the share of drawings, by the pictures' side
# The shares of drawings and photographs that keep a part: holes are for the full size, small pictures for words.
PARTIAL = {32: (0.0, 0.0), 64: (0.1, 0.3), 128: (0.6, 0.9), WINDOWS: (1.0, 1.0)}
# Text to image makes a small picture, and of it a large one from strength 0.4 on: the times at which each is wanted, and how
# much of the pictures without a hole is shown at these alone.
TIMES, WANTED = {32: (150, STEPS), 64: (150, STEPS), 128: (0, 420)}, 0.85

EVERY = 500  # Steps from one judgement to the next.


def tokenizer(out):
    """Captions to ids [N, 32], and the size of the vocabulary."""
    folder = out / "base/tokenizer"
    tokens = CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=networks.TOKENS)
    size = len(json.loads((folder / "vocab.json").read_text(encoding="utf-8")))
    return lambda captions: tokens(captions, truncation=True, padding="max_length", max_length=networks.TOKENS,
                                   return_tensors="pt").input_ids, size


class Network:
    """dropout: the part of the features inside of ResNet blocks that training drops: with time enough the pictures are
    learned by heart."""

    def __init__(self, out, vocabulary, dropout, compiles):
        self.unet = networks.base(out / "base/unet").to(DEVICE)
        self.text = networks.text_encoder(out / "base/text_encoder", vocabulary).to(DEVICE)
        self.compiled = torch.compile(self.unet, dynamic=False) if compiles else self.unet
        for part in self.unet.modules():
            if isinstance(part, ResnetBlock2D):
                part.dropout.p = dropout

    def loss(self, criterion, batch, time=None):
        z, condition, ids, places = batch
        context = self.text(ids).last_hidden_state
        # Batches that are judged have other sizes, not worth compiling for.
        run = self.compiled if self.unet.training else self.unet
        return criterion(
            lambda x, t: run(torch.cat([x, condition], 1), t, context, return_dict=False)[0], z, places, time)

    def save(self, out):
        self.unet.half().save_pretrained(out / "base/unet")
        self.text.half().save_pretrained(out / "base/text_encoder")
        public_names(out / "base/text_encoder/model.safetensors")
        networks.schedule().save_pretrained(out / "base/scheduler")


def times(batch, side):
    """[N]: those of pictures without a hole mostly where their size is used."""
    time = spread(len(batch[0]))
    low, high = TIMES.get(side, (0, STEPS))
    whole = batch[1][:, 0].mean(dim=(1, 2)).cpu() == 1
    wanted = whole & (torch.rand(len(time)) < WANTED)
    return torch.where(wanted, low + time * (high - low) // STEPS, time)


def public_names(file):
    """transformers 5 leaves out the `text_model.` that the names in public folders begin with."""
    from safetensors.torch import load_file, save_file
    tensors = {name if name.startswith("text_model.") else "text_model." + name: x for name, x in load_file(file).items()}
    save_file(tensors, file, metadata={"format": "pt"})


def main():
    parser = options(__doc__.splitlines()[0], minutes=60, batch=64 if DEVICE.type == "cpu" else 512, rate=7e-4)
    parser.add_argument("--side", type=lambda side: side if side == WINDOWS else int(side), nargs="+", choices=tuple(ART),
                        default=[64],
                        help="of the pictures; several take turns, and a batch of half the side has four times as many; "
                             "windows: 64 of 128 pixels, for holes (default: 64)")
    parser.add_argument("--dropout", type=float, default=0.0, help="the part of the features that is dropped (default: 0)")
    parser.add_argument("--parts", type=int, default=1, help="take a step's pictures in so many parts, for memory")
    arguments = prepare(parser.parse_args())
    ids, vocabulary = tokenizer(arguments.out)
    autoencoder = frozen_autoencoder(arguments.out)
    pictures = [Pictures(arguments.data, split, DEVICE) for split in ("train", "val")]
    pixels = {side: 64 if side == WINDOWS else side for side in arguments.side}
    data, held_out = ({side: Latents(split, autoencoder, pixels[side], ids, moves, 128 if side == WINDOWS else None)
                       for side in dict.fromkeys(arguments.side)} for split, moves in zip(pictures, (True, False)))
    network = Network(arguments.out, vocabulary, arguments.dropout, arguments.compile)
    # About as long as a cooldown, on a GPU some 700 steps: at 0.998 half of what ended a run of 350 was from before it.
    average = 0.99 if DEVICE.type == "cpu" else 0.998
    training = Training("base", [network.unet, network.text], arguments, average)
    criterion = Loss()

    def judge():
        """The loss on the same held-out pictures, six in ten drawings, masks, times and noise each time: of whole ones, and
        inside of holes alone."""
        network.unet.eval()
        for side, latents in held_out.items():
            with torch.random.fork_rng(), torch.no_grad():
                torch.manual_seed(0)
                whole, holes = ([latents.batch(64, 0.6, (share, share), 0) for _ in range(2)] for share in (0, 1))
                holes = [(z, condition, ids, condition[:, :1]) for z, condition, ids, _ in holes]
                losses = [[network.loss(criterion, batch).item() for batch in batches] for batches in (whole, holes)]
            print("held out, {}: {:.4f}, in holes {:.4f} at step {}".format(
                side, *(sum(part) / len(part) for part in losses), training.step), flush=True)
        network.unet.train()

    judge()
    # Attention over so few places is quicker written out.
    with sdpa_kernel(SDPBackend.MATH if DEVICE.type == "cpu" else [SDPBackend.FLASH_ATTENTION, SDPBackend.MATH]):
        for side in itertools.cycle(arguments.side):
            if not training.running():
                break
            count, total = arguments.batch * (max(pixels.values()) // pixels[side]) ** 2, 0
            for _ in range(arguments.parts):
                batch = data[side].batch(count // arguments.parts, ART[side], PARTIAL[side])
                loss = network.loss(criterion, batch, times(batch, side))
                (loss / arguments.parts).backward()
                total = total + loss.detach() / arguments.parts
            training.apply(total)
            if training.step % EVERY == 0:
                judge()
    # The average reaches back over several sizes. Where the rate has come down, half of it is better than all or none:
    # about 0.263 held out at 128 pixels, not 0.2655 or 0.2642.
    training.finish(average=0.5 if arguments.cooldown else 1.0)
    judge()
    network.save(arguments.out)


if __name__ == "__main__":
    main()
