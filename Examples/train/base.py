"""Stage 3: text to image and inpainting, one network (Rombach et al. 2021, sections 3.3 and 4.5), and its text encoder.

Writes OUT/base, goes on from what is there. First at 64 pixels, where a picture costs an eighth and what words mean is
learned soonest; then at 64 and 128 by turns, so that the smaller size is not forgotten.
"""
import itertools
import json

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import CLIPTokenizer

import networks
from diffusion import Loss, frozen_autoencoder
from latents import Latents
from loop import DEVICE, Training, options, prepare
from pictures import Pictures

ART = {32: 0.75, 64: 0.75, 128: 0.5}  # the share of drawings, by the pictures' side
# The shares of drawings and photographs that keep a part: holes are for the full size, small pictures for words.
PARTIAL = {32: (0.0, 0.0), 64: (0.25, 0.5), 128: (0.6, 0.9)}


def tokenizer(out):
    """Captions to ids [N, 32], and the size of the vocabulary."""
    folder = out / "base/tokenizer"
    tokens = CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=networks.TOKENS)
    size = len(json.loads((folder / "vocab.json").read_text(encoding="utf-8")))
    return lambda captions: tokens(captions, truncation=True, padding="max_length", max_length=networks.TOKENS,
                                   return_tensors="pt").input_ids, size


class Network:
    def __init__(self, out, vocabulary):
        self.unet = networks.base(out / "base/unet").to(DEVICE)
        self.text = networks.text_encoder(out / "base/text_encoder", vocabulary).to(DEVICE)

    def loss(self, criterion, batch):
        z, condition, ids, places = batch
        context = self.text(ids).last_hidden_state
        return criterion(lambda x, t: self.unet(torch.cat([x, condition], 1), t, context, return_dict=False)[0], z, places)

    def save(self, out):
        self.unet.half().save_pretrained(out / "base/unet")
        self.text.half().save_pretrained(out / "base/text_encoder")
        public_names(out / "base/text_encoder/model.safetensors")
        networks.schedule().save_pretrained(out / "base/scheduler")


def public_names(file):
    """transformers 5 leaves out the `text_model.` that the names in public folders begin with."""
    from safetensors.torch import load_file, save_file
    tensors = {name if name.startswith("text_model.") else "text_model." + name: x for name, x in load_file(file).items()}
    save_file(tensors, file, metadata={"format": "pt"})


def main():
    parser = options(__doc__.splitlines()[0], minutes=60, batch=64 if DEVICE.type == "cpu" else 512, rate=7e-4)
    parser.add_argument("--side", type=int, nargs="+", choices=(32, 64, 128), default=[64],
                        help="of the pictures; several take turns, and a batch of half the side has four times as many "
                             "(default: 64)")
    parser.add_argument("--parts", type=int, default=1, help="take a step's pictures in so many parts, for memory")
    arguments = prepare(parser.parse_args())
    ids, vocabulary = tokenizer(arguments.out)
    autoencoder = frozen_autoencoder(arguments.out)
    pictures = [Pictures(arguments.data, split, DEVICE) for split in ("train", "val")]
    data, held_out = ({side: Latents(split, autoencoder, side, ids, moves) for side in arguments.side}
                      for split, moves in zip(pictures, (True, False)))
    network = Network(arguments.out, vocabulary)
    training = Training("base", [network.unet, network.text], arguments)
    if arguments.compile:
        network.unet.forward = torch.compile(network.unet.forward)
    criterion = Loss()

    def judge():
        """The loss on the same held-out pictures, six in ten drawings, masks, times and noise each time."""
        random = torch.get_rng_state()
        for side, latents in held_out.items():
            torch.manual_seed(0)
            with torch.no_grad():
                losses = [network.loss(criterion, latents.batch(64, 0.6, (0, 0), 0)).item() for _ in range(4)]
            print(f"held out, {side} pixels: {sum(losses) / len(losses):.4f} at step {training.step}", flush=True)
        torch.set_rng_state(random)

    judge()
    # Attention over so few places is quicker written out.
    with sdpa_kernel(SDPBackend.MATH if DEVICE.type == "cpu" else [SDPBackend.FLASH_ATTENTION, SDPBackend.MATH]):
        for side in itertools.cycle(arguments.side):
            if not training.running():
                break
            count, total = arguments.batch * (max(arguments.side) // side) ** 2, 0
            for _ in range(arguments.parts):
                batch = data[side].batch(count // arguments.parts, ART[side], PARTIAL[side])
                loss = network.loss(criterion, batch)
                (loss / arguments.parts).backward()
                total = total + loss.detach() / arguments.parts
            training.apply(total)
    # The average reaches back over several sizes. Where the rate has come down, half of it is better than all or none:
    # about 0.263 held out at 128 pixels, not 0.2655 or 0.2642.
    training.finish(average=0.5 if arguments.cooldown else 1.0)
    judge()
    network.save(arguments.out)


if __name__ == "__main__":
    main()
