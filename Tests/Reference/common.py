"""What the reference scripts share: small random weights that make every branch matter, and how fixtures are stored."""
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

TESTS = Path(__file__).resolve().parent.parent


def randomize(module, seed, gain=1.0):
    """Redraws all parameters: matrices with deviation gain/sqrt(fan in), norms near one, biases 0.1; rounded to f16.

    Default initialisation hides mistakes: zero biases, and last layers that all but vanish.
    """
    generator = torch.Generator().manual_seed(seed)
    draw = lambda p: torch.randn(p.shape, generator=generator)
    norms = {id(p) for m in module.modules() if "Norm" in type(m).__name__ for p in m.parameters(recurse=False)}
    with torch.no_grad():
        for name, p in module.named_parameters():
            if id(p) in norms:
                p.copy_(1 + 0.1 * draw(p) if name.endswith("weight") else 0.1 * draw(p))
            elif p.ndim > 1:
                fan = 1 if "embed" in name and p.ndim == 2 and "linear" not in name else p[0].numel()
                p.copy_(gain * draw(p) / fan**0.5)
            else:
                p.copy_(0.1 * draw(p))
            p.copy_(p.half().float())
    return module.eval()


def save_component(module, folder, rename=lambda name: name, extra=None):
    """Writes config.json and f16 weights in the public layout, with tensors renamed or reshaped as old files have them."""
    folder.mkdir(parents=True, exist_ok=True)
    module.save_pretrained(folder, safe_serialization=True)
    file = next(folder.glob("*.safetensors"))
    tensors = {rename(k): v.half() if v.is_floating_point() else v for k, v in load_file(file).items()}
    save_file({**tensors, **(extra or {})}, file, metadata={"format": "pt"})


def save_io(folder, **tensors):
    save_file({k: v.detach().contiguous() for k, v in tensors.items()}, folder / "io.safetensors")


def fresh(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1) + "\n")
