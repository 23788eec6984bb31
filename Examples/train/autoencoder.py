"""Stage 1: the autoencoder, four times smaller each way, four channels (Rombach et al. 2021, section 3.1).

Writes OUT/base/vae, goes on from what is there. --decoder-only leaves the latents as they are, so that the networks
which live in them need not be trained again.
"""
import torch
import torch.nn.functional as F

import networks
from loop import DEVICE, Training, mixed_precision, options, prepare
from pictures import Pictures, unit

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
    places = F.pixel_unshuffle(e, 4)
    for size, weight in PLACES:
        total = total + weight * F.avg_pool2d(places, size).abs().mean()
    return total


def psnr(y, x):
    return (10 * torch.log10(4 / (y.clamp(-1, 1) - x).square().mean(dim=(1, 2, 3)))).mean().item()


def grid(e):
    """How much the 16 places of 4 x 4 squares differ in their mean errors: the root of the mean square."""
    places = F.pixel_unshuffle(e, 4).mean(dim=(2, 3)).unflatten(1, (3, 16))
    return (places - places.mean(dim=2, keepdim=True)).square().mean().sqrt().item()


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


def main():
    parser = options(__doc__.splitlines()[0], minutes=45, batch=8 if DEVICE.type == "cpu" else 96, rate=5e-4)
    parser.add_argument("--decoder-only", action="store_true", help="leave the encoder as it is")
    arguments = prepare(parser.parse_args())
    pictures, held_out = Pictures(arguments.data, "train", DEVICE), Pictures(arguments.data, "val", DEVICE)
    folder = arguments.out / "base/vae"
    model = networks.autoencoder(folder).to(DEVICE)
    if arguments.decoder_only:
        model.encoder.requires_grad_(False)
        model.quant_conv.requires_grad_(False)
    judge(model, held_out)
    # What is trained differs, so each way has a state; the other's is out of date once this one has run.
    names = ("decoder", "autoencoder") if arguments.decoder_only else ("autoencoder", "decoder")
    (arguments.out / f"{names[1]}.state.pt").unlink(missing_ok=True)
    training = Training(names[0], [model], arguments, average=0.995)

    def pass_through(x):
        q = model.encode(x).latent_dist
        z = q.mean + torch.exp(0.5 * q.logvar) * torch.randn_like(q.mean)
        return model.decode(z).sample, q.mean, q.logvar

    run = torch.compile(pass_through) if arguments.compile else pass_through
    while training.running():
        x = pictures.mixed(arguments.batch, 0.3, 0.4)
        with mixed_precision():
            y, mean, logvar = run(x)
        mean, logvar = mean.float(), logvar.float()
        divergence = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()  # Kullback-Leibler, from a unit normal
        training.update(error(y.float(), x) + 2e-4 * divergence)
    training.finish()
    if not arguments.decoder_only:
        normalize(model, pictures)
    judge(model, held_out)
    model.half().save_pretrained(folder)


if __name__ == "__main__":
    main()
