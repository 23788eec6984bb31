"""Layers with adaptations merged by LyCORIS' own functions: LoHa, LoKr, with and without cores, and DoRA on them; OFT, (IA)³,
GLoRA and whole differences by its modules.

Made with lycoris-lora 4.1.3, torch 2.15.0:
    python3 lycoris_merging.py     writes Tests/WeightsTests/Fixtures/lycoris
"""
import torch
from lycoris.functional.general import weight_decompose
from lycoris.functional.loha import diff_weight as loha
from lycoris.functional.lokr import kron_weight as lokr
from lycoris.modules.diag_oft import DiagOFTModule
from lycoris.modules.full import FullModule
from lycoris.modules.glora import GLoRAModule
from lycoris.modules.ia3 import IA3Module
from safetensors.torch import save_file

from common import TESTS, fresh

FOLDER = fresh(TESTS / "WeightsTests/Fixtures/lycoris")
generator = torch.Generator().manual_seed(8)
draw = lambda *shape: torch.randn(shape, generator=generator)
LINEAR, CONV = (12, 10), (12, 8, 3, 3)
cases = {}


def case(name, shape, factors, delta, strength=1.0, lengths=None):
    weight = draw(*shape)
    merged = weight + delta
    if lengths is not None:
        by_output = lengths.shape[0] == shape[0]
        merged = weight_decompose(merged, lengths, 1, by_output)
    merged = weight + strength * (merged - weight)
    cases[name] = {"weight": weight, "merged": merged, "strength": torch.tensor(strength), **factors}


def loha_factors(shape, rank, core):
    out, inputs, *kernel = shape
    a = [draw(rank, out) if core else draw(out, rank) for _ in range(2)]
    flat = 1
    for k in ([] if core else kernel):
        flat *= k
    b = [draw(rank, inputs * flat) for _ in range(2)]
    t = [draw(rank, rank, *kernel) for _ in range(2)] if core else [None, None]
    return a, b, t


def add_loha(name, shape, rank, alpha, core=False, **more):
    (a1, a2), (b1, b2), (t1, t2) = loha_factors(shape, rank, core)
    view = lambda b: b if core or len(shape) == 2 else b.view(rank, *shape[1:])
    delta = loha(view(b1), a1, view(b2), a2, t1, t2, gamma=torch.tensor(alpha / rank)).reshape(shape)
    factors = {"x.hada_w1_a": a1, "x.hada_w1_b": b1, "x.hada_w2_a": a2, "x.hada_w2_b": b2, "x.alpha": torch.tensor(alpha)}
    if core:
        factors |= {"x.hada_t1": t1, "x.hada_t2": t2}
    if (m := more.get("lengths")) is not None:
        factors["x.dora_scale"] = m
    case(name, shape, factors, delta, **more)


def add_lokr(name, shape, first, rank, alpha, whole1=True, whole2=False, core=False, strength=1.0):
    (o1, i1), kernel = first, shape[2:]
    o2, i2 = shape[0] // o1, shape[1] // i1
    parts = dict(w1=None, w1a=None, w1b=None, w2=None, w2a=None, w2b=None, t=None)
    if whole1:
        parts["w1"] = draw(o1, i1)
    else:
        parts |= {"w1a": draw(o1, rank), "w1b": draw(rank, i1)}
    if whole2:
        parts["w2"] = draw(o2, i2, *kernel)
    elif core:
        parts |= {"w2a": draw(rank, o2), "w2b": draw(rank, i2), "t": draw(rank, rank, *kernel)}
    else:
        parts |= {"w2a": draw(o2, rank), "w2b": draw(rank, i2, *kernel)}
    gamma = 1.0 if whole1 and whole2 else alpha / rank
    delta = lokr(*parts.values(), scale=gamma).reshape(shape)
    names = dict(w1="lokr_w1", w1a="lokr_w1_a", w1b="lokr_w1_b", w2="lokr_w2", w2a="lokr_w2_a", w2b="lokr_w2_b", t="lokr_t2")
    factors = {f"x.{names[k]}": v for k, v in parts.items() if v is not None} | {"x.alpha": torch.tensor(alpha)}
    case(name, shape, factors, delta, strength=strength)


def add_dora(name, shape, rank, alpha, lengths, key="x.dora_scale", ends=("lora_down", "lora_up"), strength=1.0):
    a, b = draw(rank, *shape[1:]), draw(shape[0], rank, *[1] * (len(shape) - 2))
    delta = alpha / rank * (b.flatten(1) @ a.flatten(1)).reshape(shape)
    factors = {f"x.{ends[0]}.weight": a, f"x.{ends[1]}.weight": b, "x.alpha": torch.tensor(alpha), key: lengths}
    case(name, shape, factors, delta, strength, lengths.reshape(-1, *[1] * (len(shape) - 1)) if lengths.ndim == 1 else lengths)


def add_module(name, shape, make, factors, strength=1.0):
    """What a LyCORIS module with these tensors makes of a layer."""
    layer = torch.nn.Linear(*shape[1::-1], bias=False) if len(shape) == 2 else torch.nn.Conv2d(
        shape[1], shape[0], shape[2:], bias=False)
    with torch.no_grad():
        layer.weight.copy_(draw(*shape))
        merged = make(layer, factors).get_merged_weight(strength, shape)[0]
    names = {f"x.{k}": v for k, v in factors.items()}
    cases[name] = {"weight": layer.weight.detach(), "merged": merged.detach(), "strength": torch.tensor(strength), **names}


def ia3(layer, factors):
    module = IA3Module("x", layer, 1, train_on_input=bool(factors["on_input"]))
    module.weight.data.copy_(factors["weight"])
    return module


def glora(layer, factors):
    return GLoRAModule.make_module_from_state_dict(
        "x", layer, *(factors[f"{k}.weight"] for k in ("a1", "a2", "b1", "b2")), None, factors["alpha"])


def oft(layer, factors):
    size = factors["oft_blocks"].shape[1]
    module = DiagOFTModule("x", layer, 1, lora_dim=size, constraint=float(factors["alpha"]), rescaled="rescale" in factors)
    assert module.oft_blocks.shape == factors["oft_blocks"].shape
    module.oft_blocks.data.copy_(factors["oft_blocks"])
    if "rescale" in factors:
        module.rescale.data.copy_(factors["rescale"])
    return module


def glora_factors(shape, rank):
    out, inputs, *kernel = shape
    ones = [1] * len(kernel)
    return {"a1.weight": draw(inputs, rank, *ones), "a2.weight": draw(rank, inputs, *ones), "b1.weight": draw(out, rank, *ones),
            "b2.weight": draw(rank, inputs, *kernel), "alpha": torch.tensor(1.5)}


full = lambda layer, factors: FullModule.make_module_from_state_dict("x", layer, factors["diff"], None)
add_loha("loha", LINEAR, 4, 2.0, strength=0.7)
add_loha("loha-convolution", CONV, 3, 1.0)
add_loha("loha-core", CONV, 3, 1.5, core=True)
add_loha("loha-lengths", LINEAR, 2, 1.0, lengths=draw(1, 10).abs())
add_lokr("lokr", LINEAR, (3, 2), 2, 1.0, strength=-0.4)
add_lokr("lokr-both", LINEAR, (4, 5), 2, 3.0, whole1=False)
add_lokr("lokr-whole", LINEAR, (3, 5), 2, 9.0, whole2=True)
add_lokr("lokr-convolution", CONV, (3, 4), 2, 1.0)
add_lokr("lokr-convolution-whole", CONV, (2, 2), 2, 1.0, whole1=False, whole2=True)
add_lokr("lokr-core", CONV, (4, 2), 2, 1.0, core=True)
add_dora("dora", LINEAR, 3, 1.0, draw(1, 10).abs())
add_dora("dora-by-output", LINEAR, 3, 2.0, draw(12, 1).abs(), strength=0.6)
add_dora("dora-convolution", CONV, 3, 2.0, draw(1, 8, 1, 1).abs())
add_dora("dora-convolution-by-output", CONV, 3, 2.0, draw(12, 1, 1, 1).abs())
add_dora("dora-peft", LINEAR, 3, 3.0, draw(12).abs(), "x.lora_magnitude_vector", ("lora_A", "lora_B"))
add_module("full", LINEAR, full, {"diff": draw(*LINEAR)}, 0.7)
add_module("full-convolution", CONV, full, {"diff": draw(*CONV)})
add_module("ia3-inputs", LINEAR, ia3, {"weight": draw(10), "on_input": torch.tensor(1)}, 0.6)
add_module("ia3-outputs", LINEAR, ia3, {"weight": draw(12), "on_input": torch.tensor(0)})
add_module("ia3-convolution", CONV, ia3, {"weight": draw(1, 8, 1, 1), "on_input": torch.tensor(1)})
add_module("glora", LINEAR, glora, glora_factors(LINEAR, 3), 0.8)
add_module("glora-convolution", CONV, glora, glora_factors(CONV, 2))
add_module("oft", LINEAR, oft, {"oft_blocks": draw(4, 3, 3), "alpha": torch.tensor(0.0)})
add_module("oft-part", LINEAR, oft, {"oft_blocks": draw(4, 3, 3), "alpha": torch.tensor(0.0)}, 0.4)
add_module("oft-bounded", LINEAR, oft, {"oft_blocks": draw(4, 3, 3), "alpha": torch.tensor(0.05)})
add_module("oft-convolution", CONV, oft, {"oft_blocks": draw(4, 3, 3), "alpha": torch.tensor(0.0), "rescale": draw(12, 1, 1, 1)}, 0.5)
for name, tensors in cases.items():
    save_file({k: v.contiguous() for k, v in tensors.items()}, FOLDER / f"{name}.safetensors")
