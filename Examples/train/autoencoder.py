"""Stage 1: the autoencoder, four times smaller each way, four channels (Rombach et al. 2021, section 3.1).

Writes OUT/base/vae, goes on from what is there. --new-decoder begins with the encoder that is there and no more; it waits for
the new decoder. --decoder-only leaves the latents as they are, so that the networks which live in them need not be
trained again, and learns from those of OUT/upscaler as well.
"""
from contextlib import nullcontext

import torch

import networks
from errors import error, grid, psnr
from loop import DEVICE, Training, mixed_precision, options, prepare
from pictures import Pictures, unit
from sampled import Sampled

# The encoder waits for a new decoder so long, of the time.
WAIT = 0.4
# The greatest deviation of what is added to latents: those that are sampled are never quite right.
NOISE = 0.15


@torch.no_grad()
def normalize(model, pictures):
    """Folds mean and deviation of each latent channel into the 1 x 1 convolutions beside them: latents of unit variance
    and a scaling factor of 1, the same function."""
    z = torch.cat([model.encode(pictures.mixed(32, 0.5, 0.4)).latent_dist.mean for _ in range(8)])
    mean, deviation = z.mean(dim=(0, 2, 3)), z.std(dim=(0, 2, 3))
    before, after = model.quant_conv, model.post_quant_conv
    before.weight[:4] /= deviation[:, None, None, None]
    before.bias[:4] = (before.bias[:4] - mean) / deviation
    before.bias[4:] -= 2 * deviation.log()
    after.bias += after.weight[:, :, 0, 0] @ mean
    after.weight *= deviation[None, :, None, None]
    model.register_to_config(scaling_factor=1.0)


@torch.no_grad()
def judge(model, held_out):
    for name, x in (("art", held_out.art[:64]), ("photo", held_out.photo[:64])):
        y = torch.cat([model.decode(model.encode(unit(part)).latent_dist.mean).sample for part in x.split(8)])
        e = 127.5 * (y.clamp(-1, 1) - unit(x))
        tint = e.mean(dim=(2, 3)).abs().mean(dim=0)
        print(f"held out, {name}: PSNR {psnr(y, unit(x)):.2f} dB, grid {grid(e):.2f}, mean error of a channel",
              " ".join(f"{t:.2f}" for t in tint.tolist()), flush=True)


class Codec:
    """The autoencoder while it is trained: its compiled pass, and which part of it learns."""

    def __init__(self, model, arguments):
        self.model, self.arguments = model, arguments
        self.encoder = [w for part in (model.encoder, model.quant_conv) for w in part.parameters()]
        if arguments.decoder_only:
            for weight in self.encoder:
                weight.requires_grad_(False)
        self.run = torch.compile(self.passed) if arguments.compile else self.passed

    def passed(self, x, deviation):
        """x: [N, 3, H, W]. deviation: [N, 1, 1, 1]."""
        with mixed_precision():
            q = self.model.encode(x).latent_dist
            mean, logvar = q.mean.float(), q.logvar.float()
            z = mean + (torch.exp(0.5 * logvar) + deviation) * torch.randn_like(mean)
        # What is left to learn by then is smaller than the steps of bfloat16.
        with nullcontext() if self.arguments.decoder_only else mixed_precision():
            y = self.model.decode(z).sample
        return y.float(), mean, logvar

    def loss(self, x):
        deviation = NOISE * (2 * torch.rand(len(x), 1, 1, 1, device=DEVICE) - 1).clamp(min=0)
        y, mean, logvar = self.run(x, deviation)
        divergence = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()  # Kullback-Leibler, from a unit normal
        return error(y, x) + 2e-4 * divergence

    def wait(self, done):
        """Keeps the encoder as it is until a new decoder has learned to read it. By its gradients: to freeze it and free it
        again would compile the pass anew."""
        if self.arguments.new_decoder and done < WAIT:
            for weight in self.encoder:
                weight.grad = None


def main():
    parser = options(__doc__.splitlines()[0], minutes=45, batch=8 if DEVICE.type == "cpu" else 192, rate=5e-4)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--decoder-only", action="store_true", help="leave the encoder as it is")
    which.add_argument("--new-decoder", action="store_true", help="forget the decoder that is there, and how far training was; "
                                                                "to go on later, leave this out")
    arguments = prepare(parser.parse_args())
    pictures, held_out = Pictures(arguments.data, "train", DEVICE), Pictures(arguments.data, "val", DEVICE)
    folder = arguments.out / "base/vae"
    model = networks.autoencoder(folder).to(DEVICE)
    if arguments.new_decoder:
        model = networks.with_new_decoder(model).to(DEVICE)
    codec = Codec(model, arguments)
    judge(model, held_out)
    # What is trained differs, so each way has a state; the other's is out of date once this one has run, and both are of
    # another decoder than a new one.
    names = ("decoder", "autoencoder") if arguments.decoder_only else ("autoencoder", "decoder")
    for name in names if arguments.new_decoder else names[1:]:
        (arguments.out / f"{name}.state.pt").unlink(missing_ok=True)
    training = Training(names[0], [model], arguments, average=0.995)
    sampled = Sampled(arguments.out) if arguments.decoder_only and (arguments.out / "upscaler/unet").exists() else None
    while training.running():
        loss = codec.loss(pictures.mixed(arguments.batch, 0.3, 0.4))
        if sampled:
            loss = loss + sampled.loss(model, pictures.mixed(arguments.batch // 2, 0.1, 0.1))
        loss.backward()
        codec.wait(training.done())
        training.apply(loss.detach())
    training.finish()
    if not arguments.decoder_only:
        normalize(model, pictures)
    judge(model, held_out)
    model.half().save_pretrained(folder)


if __name__ == "__main__":
    main()
