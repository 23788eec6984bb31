"""What every stage shares: its options, its device, and a training loop bounded by the clock that can go on later."""
import argparse
import time
from pathlib import Path

import torch

from muon import optimizers

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def bfloat16_is_fast():
    """On a processor without instructions for bfloat16 the products are eight times slower than in f32."""
    if DEVICE.type == "cuda":
        return True
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    return "avx512_bf16" in flags or "amx_bf16" in flags


MIXED = bfloat16_is_fast()


def mixed_precision():
    return torch.autocast(DEVICE.type, torch.bfloat16, enabled=MIXED)


def options(description, minutes, batch, rate):
    """The options that all stages have, with this stage's defaults."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, required=True, help="the pack of pictures")
    parser.add_argument("--out", type=Path, required=True, help="the model: its folders are read where they exist, then written")
    parser.add_argument("--minutes", type=float, default=minutes, help="time to train (default: %(default)s)")
    parser.add_argument("--steps", type=int, help="end after so many steps, if time allows")
    parser.add_argument("--batch", type=int, default=batch, help="pictures a step (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=rate, help="learning rate (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers (default: %(default)s)")
    parser.add_argument("--cooldown", type=float, default=0.4,
                        help="the part at the end in which the rate falls to 0 (default: %(default)s; 0 to go on later)")
    parser.add_argument("--compile", action="store_true", help="compile the networks (a minute, then a third faster)")
    return parser


def prepare(arguments):
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(arguments.seed)
    torch.set_float32_matmul_precision("high")
    return arguments


class Training:
    """Weights, their moving average, the optimizers and the clock of one stage.

    OUT/NAME.state.pt holds all that is needed to go on, OUT/NAME.curve.tsv the loss against steps and minutes.
    """

    def __init__(self, name, modules, arguments, average=0.998):
        self.arguments, self.average_rate = arguments, average
        self.state_file, self.curve = arguments.out / f"{name}.state.pt", arguments.out / f"{name}.curve.tsv"
        self.weights = [w for m in modules for w in m.parameters() if w.requires_grad]
        self.average = [w.detach().clone() for w in self.weights]
        self.optimizers = optimizers(modules, arguments.rate)
        self.step, self.losses, self.start = 0, [], time.time()
        self.resume()
        self.first, self.saved = self.step, time.time()
        print(f"{name}: {sum(w.numel() for w in self.weights) / 1e6:.2f} M parameters, from step {self.step}", flush=True)

    def resume(self):
        if not self.state_file.exists():
            return
        state = torch.load(self.state_file, map_location=DEVICE, weights_only=True)
        self.step = state["step"]
        with torch.no_grad():
            for mine, saved in zip(self.weights + self.average, state["weights"] + state["average"], strict=True):
                mine.copy_(saved)
        for mine, saved in zip(self.optimizers, state["optimizers"], strict=True):
            mine.load_state_dict(saved)

    def done(self):
        """The part of the time, or of the steps, that is over."""
        time_part = (time.time() - self.start) / (60 * self.arguments.minutes)
        steps = self.arguments.steps
        return max(time_part, (self.step - self.first) / steps if steps else 0)

    def running(self):
        return self.done() < 1

    def update(self, loss):
        """One step down this loss."""
        loss.backward()
        self.apply(loss.detach())

    def apply(self, loss):
        """One step along the gradients that are there."""
        warm = min(1, (self.step - self.first + 1) / (20 if self.first else 100))
        cool = min(1, (1 - self.done()) / max(self.arguments.cooldown, 1e-9))
        torch.nn.utils.clip_grad_norm_(self.weights, 1.0)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self.arguments.rate * warm * max(cool, 0.01)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        with torch.no_grad():
            torch._foreach_lerp_(self.average, self.weights, 1 - min(self.average_rate, (1 + self.step) / (10 + self.step)))
        self.record(loss)

    def record(self, loss):
        self.losses.append(loss)
        if self.step % 20 == 0:
            mean, self.losses = torch.stack(self.losses).mean().item(), []
            line = f"{self.step}\t{(time.time() - self.start) / 60:.1f}\t{mean:.5f}"
            print(line, flush=True)
            with open(self.curve, "a", encoding="ascii") as file:
                file.write(line + "\n")
        if time.time() - self.saved > 480:
            self.save()

    def save(self):
        state = dict(step=self.step, weights=self.weights, average=self.average,
                     optimizers=[o.state_dict() for o in self.optimizers])
        torch.save(state, self.state_file.with_suffix(".new"))
        self.state_file.with_suffix(".new").replace(self.state_file)
        self.saved = time.time()

    def finish(self, average=1.0):
        """Saves the state; the networks then hold what ships: so much of the moving average, the rest of the last
        weights."""
        self.save()
        with torch.no_grad():
            for weight, mean in zip(self.weights, self.average):
                weight.lerp_(mean, average)
