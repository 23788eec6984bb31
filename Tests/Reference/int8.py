"""Weights as 8-bit integers, for WeightsTests: python3 int8.py [--check FILE SOURCE]

Writes f32 weights, their integers and scales by the public recipe (symmetric, a scale a row, as compressed-tensors has it),
and their products by numpy. With --check, compares a safetensors file of `ldm models convert --type int8` with the
file that it was made from: integers and scales must be the recipe's, all other tensors the same bytes.
"""
import sys

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from common import TESTS, fresh


def quantize(weight):
    rows = weight.astype(np.float32).reshape(weight.shape[0], -1)
    top = np.abs(rows).max(axis=1, keepdims=True)
    unit = np.divide(rows, top, out=np.zeros_like(rows), where=top > 0)
    shape = [len(rows)] + [1] * (weight.ndim - 1)
    integers = np.rint(unit * np.float32(127)).astype(np.int8)
    return integers.reshape(weight.shape), (top / np.float32(127)).reshape(shape)


def write():
    draw = np.random.default_rng(5)
    weights = {"matrix": draw.standard_normal((6, 10)), "point": draw.standard_normal((4, 6, 1, 1)), "tiny": draw.standard_normal((3, 5)) * 1e-30}
    weights["matrix"][2] = 0
    tensors = {}
    for name, weight in weights.items():
        weight = weight.astype(np.float32)
        q, scale = quantize(weight)
        tensors.update({f"{name}.weight": q, f"{name}.weight_scale": scale, f"{name}.source": weight, f"{name}.product": q * scale})
    save_file(tensors, fresh(TESTS / "WeightsTests/Fixtures/int8") / "weights.safetensors")


def check(file, source):
    with safe_open(file, "np") as a, safe_open(source, "np") as b:
        names, all, count, error = set(a.keys()), len(b.keys()), 0, 0.0
        assert names - {f"{n}_scale" for n in names} == set(b.keys()), "other tensors"
        for name in b.keys():
            x, y = a.get_tensor(name), b.get_tensor(name)
            if x.dtype != np.int8:
                assert x.dtype == y.dtype and x.tobytes() == y.tobytes(), name
                continue
            q, scale = quantize(y)
            assert q.tobytes() == x.tobytes() and scale.tobytes() == a.get_tensor(f"{name}_scale").tobytes(), name
            error = max(error, float(np.abs(x * scale - y.astype(np.float32)).max() / np.abs(y).max()))
            count += 1
    print(f"{count} of {all} tensors are 8-bit integers, the recipe's; largest error {error:.1e} of the largest weight")


if __name__ == "__main__":
    check(*sys.argv[2:]) if sys.argv[1:2] == ["--check"] else write()
