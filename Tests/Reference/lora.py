"""What diffusers computes with LoRAs fused into the small UNet and text tower of Golden/unet/sd1 and Golden/text/quick-gelu.

Made with torch 2.15.0, diffusers 0.42.1, transformers 5.23.0, peft (any):
    python3 lora.py     writes Tests/ModelsTests/Golden/lora
"""
import json
import re

import torch
from diffusers import UNet2DConditionModel
from diffusers.loaders import StableDiffusionLoraLoaderMixin as Loader
from diffusers.loaders import lora_conversion_utils as conversion
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel

from common import TESTS

GOLDEN = TESTS / "ModelsTests/Golden"
FOLDER = GOLDEN / "lora"
FOLDER.mkdir(exist_ok=True)
generator = torch.Generator().manual_seed(11)
draw = lambda *shape: (0.3 * torch.randn(shape, generator=generator)).half()


def unet():
    return UNet2DConditionModel.from_pretrained(GOLDEN / "unet/sd1").eval()


def layers(model):
    """Attention, feed-forward and 3x3 convolutions: every second of each kind."""
    kinds = {}
    for name, module in model.named_modules():
        if isinstance(module, (torch.nn.Linear, torch.nn.Conv2d)) and ("blocks" in name or "mid_block" in name):
            kinds.setdefault(name.split(".")[-1], []).append((name, module))
    return [layer for kind in kinds.values() for layer in kind[::2]]


def factors(module, rank):
    a = draw(rank, *module.weight.shape[1:])
    return a, draw(module.weight.shape[0], rank, *([1] * (module.weight.ndim - 2)))


def compute(model):
    io = load_file(GOLDEN / "unet/sd1/io.safetensors")
    with torch.no_grad():
        return model(io["latents"], io["timesteps"][0], io["context"]).sample


def kohya(model):
    out = {}
    for name, module in layers(model):
        a, b = factors(module, 4)
        key = "lora_unet_" + name.replace(".", "_")
        out.update({f"{key}.lora_down.weight": a, f"{key}.lora_up.weight": b, f"{key}.alpha": torch.tensor(2.0)})
    return out


def peft(model):
    out = {}
    for name, module in layers(model):
        if isinstance(module, torch.nn.Linear):
            a, b = factors(module, 3)
            out.update({f"unet.{name}.lora_A.weight": a, f"unet.{name}.lora_B.weight": b})
    return out


def fused(state, scale):
    model = unet()
    float32 = {k: v.float() for k, v in state.items()}
    converted, alphas = Loader.lora_state_dict(dict(float32))[:2]
    Loader.load_lora_into_unet(converted, alphas, model)
    model.fuse_lora(lora_scale=scale)
    return model


first, second = kohya(unet()), peft(unet())
result = {"kohya": compute(fused(first, 0.7)), "peft": compute(fused(second, 1.0)), "plain": compute(unet())}

# Both at once: the sum of what each adds. LoCon's core by its definition, a chain of convolutions, for diffusers has none.
sum_of_both, plain, other = fused(first, 0.7), dict(unet().named_parameters()), fused(second, 1.0)
base = lambda model: {k.replace(".base_layer", ""): v for k, v in model.named_parameters() if ".lora_" not in k}
both = unet()
with torch.no_grad():
    for (name, p), x, y in zip(both.named_parameters(), base(sum_of_both).values(), base(other).values()):
        p.copy_(x + y - plain[name])
result["both"] = compute(both)

name = "mid_block.resnets.0.conv1"
locon = unet()
module = locon.get_submodule(name)
o, i, k, _ = module.weight.shape
down, core, up = draw(4, i, 1, 1), draw(4, 4, k, k), draw(o, 4, 1, 1)
with torch.no_grad():
    impulses = torch.eye(i)[:, :, None, None] * torch.nn.functional.pad(torch.ones(1, 1, 1, 1), (k, k, k, k))
    conv = torch.nn.functional.conv2d
    y = conv(conv(conv(impulses, down.float()), core.float(), padding=k // 2), up.float())
    # The answer to an impulse is the kernel, mirrored.
    kernel = y[:, :, k - k // 2:k + k // 2 + 1, k - k // 2:k + k // 2 + 1].flip(2, 3).transpose(0, 1)
    module.weight += 0.5 * (1.0 / 4) * kernel
result["locon"] = compute(locon)
key = "lora_unet_" + name.replace(".", "_")
third = {f"{key}.lora_down.weight": down, f"{key}.lora_mid.weight": core, f"{key}.lora_up.weight": up,
         f"{key}.alpha": torch.tensor(1.0), "lora_unet_no_such_layer.lora_down.weight": draw(2, 2),
         "lora_unet_no_such_layer.lora_up.weight": draw(2, 2)}
for file, state in (("kohya", first), ("peft", second), ("locon", third)):
    save_file({k: v.contiguous() for k, v in state.items()}, FOLDER / f"{file}.safetensors")
save_file({k: v.contiguous() for k, v in result.items()}, FOLDER / "io.safetensors")

# The text tower of Golden/text/quick-gelu, by kohya's names and by PEFT's.
text = CLIPTextModel.from_pretrained(GOLDEN / "text/quick-gelu").eval()
towers = {"kohya": {}, "peft": {}}
with torch.no_grad():
    for place, (name, module) in enumerate(
            (n, m) for n, m in text.named_modules() if isinstance(m, torch.nn.Linear)):
        full = "text_model." + name.removeprefix("text_model.")
        a, b = factors(module, 2)
        module.weight += 0.5 * (0.7 if place % 2 else 1.0) * b.float() @ a.float()
        if place % 2:
            key = "lora_te_" + full.replace(".", "_")
            towers["kohya"] |= {f"{key}.lora_down.weight": a, f"{key}.lora_up.weight": b, f"{key}.alpha": torch.tensor(1.0)}
        else:
            towers["peft"] |= {f"text_encoder.{full}.lora_A.weight": a, f"text_encoder.{full}.lora_B.weight": b,
                               f"text_encoder.{full}.alpha": torch.tensor(1.0)}
    ids = load_file(GOLDEN / "text/quick-gelu/io.safetensors")["ids"].long()
    tokens = text(ids).last_hidden_state
save_file({"tokens": tokens.contiguous()}, FOLDER / "text.safetensors")
for name, state in towers.items():
    save_file({k: v.contiguous() for k, v in state.items()}, FOLDER / f"text-{name}.safetensors")

# SDXL's layers in the original layout, as kohya names them, and what diffusers takes them for.
names, last = [], ""
for line in (TESTS / "WeightsTests/Fixtures/layouts/unet-sdxl.keys").read_text().splitlines():
    shared, rest, _ = line.split(" ")
    last = last[:int(shared)] + rest
    names.append(last)
names = [n.removesuffix(".weight") for n in names if n.endswith(".weight")]
wanted = re.compile(r"(to_[qkv]|to_out\.0|net\.0\.proj|net\.2|proj_in|proj_out|layers\.[23]|emb_layers\.1|op|conv|skip_connection)$")
names = [n for n in names if "_blocks." in n or "middle_block" in n]
names = [n for n in names if wanted.search(n) and not re.search(r"transformer_blocks\.[1-9]", n)]
state = {}
for i, n in enumerate(names):
    key = "lora_unet_" + n.replace(".", "_")
    state |= {f"{key}.lora_down.weight": torch.full((1, 1), float(i)), f"{key}.lora_up.weight": torch.ones(1, 1),
              f"{key}.alpha": torch.tensor(1.0)}
mapped = conversion._maybe_map_sgm_blocks_to_diffusers(state, UNet2DConditionModel(**json.loads(
    (GOLDEN / "unet/sdxl/config.json").read_text()) | {"layers_per_block": 2}).config)
converted, _ = conversion._convert_non_diffusers_lora_to_diffusers(mapped)
pairs = {names[int(v)]: re.split(r"[._]lora", k.removeprefix("unet."))[0]
         for k, v in converted.items() if re.search("lora_A|down", "lora" + k.split("lora")[-1])}
# Its names of processors are diffusers' older ones.
pairs = {k: re.sub(r"\.processor(\.to_(out|.))$", lambda m: m[1] + ".0" * (m[2] == "out"), v) for k, v in pairs.items()}
(FOLDER / "sdxl-names.json").write_text(json.dumps(pairs, indent=0) + "\n")

# diffusers' file with PEFT's config beside it: another α for some layers, and scaling by √r (arXiv:2312.03732).
state = peft(unet())
targets = [k.removeprefix("unet.").removesuffix(".lora_A.weight") for k in state if k.endswith("lora_A.weight")]
metadata = {"unet.r": 3, "unet.lora_alpha": 6, "unet.use_rslora": True, "unet.alpha_pattern": {"attn1.to_k": 2.0},
            "unet.target_modules": targets}
scaled = unet()
Loader.load_lora_into_unet({k: v.float() for k, v in state.items()}, None, scaled, metadata=metadata)
scaled.fuse_lora(lora_scale=0.4)
save_file({"output": compute(scaled).contiguous()}, FOLDER / "peft-config-output.safetensors")
save_file({k: v.contiguous() for k, v in state.items()}, FOLDER / "peft-config.safetensors",
          metadata={"format": "pt", "lora_adapter_metadata": json.dumps({k: v for k, v in metadata.items() if v != targets})})
