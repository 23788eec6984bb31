"""PyTorch checkpoints, sound and hostile, for WeightsTests: python3 checkpoints.py

Sound ones are written by torch.save. Hostile ones are written by hand: a pickle, opcode by opcode, in a zip as torch lays
it out; `hostile.json` holds what the refusal must name.
"""
import io
import pickle
import struct
import sys
import types
import warnings
import zipfile
from argparse import Namespace
from collections import OrderedDict, defaultdict

import numpy
import torch
from safetensors.torch import save_file

from common import TESTS, fresh, write_json

warnings.filterwarnings("ignore")
OUT = TESTS / "WeightsTests/Fixtures/torch"


def trainer_leftovers():
    """What pytorch_lightning leaves in a checkpoint, without pytorch_lightning."""
    module = types.ModuleType("pytorch_lightning.callbacks.model_checkpoint")
    module.ModelCheckpoint = type("ModelCheckpoint", (), {"__module__": module.__name__})
    for name in ["pytorch_lightning", "pytorch_lightning.callbacks"]:
        sys.modules[name] = types.ModuleType(name)
    sys.modules[module.__name__] = module
    callback = module.ModelCheckpoint()
    callback.path, callback.best = "/tmp/x", {"step": 3}
    return {
        "callbacks": {module.ModelCheckpoint: {"best_model_score": numpy.float64(0.5), "monitor": None}},
        "hparams": Namespace(lr=1e-4, dims=(1, 2)), "callback": callback, "counts": defaultdict(int, a=1),
        "scale": numpy.arange(3, dtype=numpy.float32), "flags": {1, 2}, "blob": b"\x00\xff", "big": 2**80, "small": -2,
    }


def sound():
    g = torch.Generator().manual_seed(3)
    base = torch.randn(6, 4, generator=g)
    tensors = OrderedDict(
        f32=base, f16=base.half(), bf16=base.bfloat16(), f64=base.double(), i64=torch.arange(5), u8=torch.arange(7, dtype=torch.uint8),
        flag=torch.tensor([True, False]), scalar=torch.tensor(2.5), empty=torch.zeros(0, 3),
        transposed=base.t(), rows=base[2:5], columns=base[:, 1:3], expanded=base[:1].expand(3, 4), tied=base,
    )
    tensors["param"] = torch.nn.Parameter(base[0].clone())
    tensors._metadata = OrderedDict({"": {"version": 1}})
    whole = {"state_dict": tensors, "global_step": 840000, "epoch": 12, **trainer_leftovers()}
    torch.save(whole, OUT / "mixed.pt")
    torch.save(whole, OUT / "mixed-legacy.pt", _use_new_zipfile_serialization=False)
    torch.save(dict(tensors), OUT / "bare.bin", pickle_protocol=4)
    torch.save({"string_to_token": {"*": 265}, "string_to_param": {"*": base[:2].clone()}, "name": "x"}, OUT / "embedding.pt")
    save_file({k: v.detach().clone().contiguous() for k, v in tensors.items()}, OUT / "mixed.safetensors")


def archive(pkl, storages={"0": b"\0" * 16}, top="archive", method=zipfile.ZIP_STORED, extra={}):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as z:
        for name, content in {f"{top}/data.pkl": pkl, **{f"{top}/data/{k}": v for k, v in storages.items()}, **extra}.items():
            z.writestr(zipfile.ZipInfo(name), content, method)
    return data.getvalue()


def text(s):
    return b"X" + struct.pack("<I", len(s)) + s.encode()


def glob(module, name):
    return f"c{module}\n{name}\n".encode()


def number(n):
    return b"J" + struct.pack("<i", n)


def storage(kind="FloatStorage", key="0", count=4):
    return b"(" + text("storage") + glob("torch", kind) + text(key) + text("cpu") + number(count) + b"tQ"


def tensor(offset=0, size=(4,), stride=(1,), **options):
    tuple_ = lambda v: b"(" + b"".join(v) + b"t"
    return (glob("torch._utils", "_rebuild_tensor_v2") + b"(" + storage(**options) + number(offset)
            + tuple_(number(n) for n in size) + tuple_(number(n) for n in stride) + b"\x89}tR")


def state(value, key="w"):
    return b"\x80\x02}" + text(key) + value + b"s."


def hostile_pickles():
    call = lambda module, name, argument="echo hello": state(glob(module, name) + b"(" + text(argument) + b"tR")
    stack_global = lambda module, name: b"\x80\x04}" + text("w") + text(module) + text(name) + b"\x93(" + text("id") + b"tRs."
    inner = archive(state(tensor()))
    yield "os-system", call("os", "system"), "os.system"
    yield "posix-system", call("posix", "system"), "posix.system"
    yield "eval", call("builtins", "eval", "1"), "builtins.eval"
    yield "exec", call("__builtin__", "exec", "1"), "__builtin__.exec"
    yield "compile", call("builtins", "compile"), "builtins.compile"
    yield "getattr", state(glob("builtins", "getattr") + b"(" + glob("builtins", "object") + text("__subclasses__") + b"tR"), "builtins.getattr"
    yield "import", call("builtins", "__import__", "os"), "builtins.__import__"
    yield "stack-global", stack_global("os", "system"), "os.system"
    yield "popen", state(glob("subprocess", "Popen") + b"(" + text("id") + b"t\x81"), "subprocess.Popen"
    yield "torch-load", call("torch", "load", "x.pt"), "torch.load"
    yield "torch-hub", call("torch.hub", "load"), "torch.hub.load"
    yield "load-from-bytes", state(glob("torch.storage", "_load_from_bytes") + b"(B" + struct.pack("<I", len(inner)) + inner + b"tR"), "torch.storage._load_from_bytes"
    yield "unpickle", call("_pickle", "loads"), "_pickle.loads"
    yield "numpy-load", call("numpy", "load"), "numpy.load"
    yield "runpy", call("runpy", "_run_code"), "runpy._run_code"
    yield "operator", call("operator", "attrgetter", "system"), "operator.attrgetter"
    yield "attribute-walk", stack_global("pytorch_lightning", "utilities.os.system"), "pytorch_lightning.utilities.os.system"
    yield "dunder", stack_global("pytorch_lightning", "__builtins__"), "pytorch_lightning.__builtins__"
    yield "lookalike", call("pytorch_lightningx", "run"), "pytorch_lightningx.run"
    yield "module-trick", call("torch._utils\\os", "system"), "torch._utils\\os.system"
    yield "inst", b"\x80\x02}" + text("w") + b"(ios\nsystem\ns.", "INST"
    yield "obj", b"\x80\x02}" + text("w") + b"(" + glob("collections", "OrderedDict") + b"os.", "OBJ"
    yield "ext", b"\x80\x02}" + text("w") + b"\x82\x01s.", "EXT1"
    yield "persid", b"\x80\x02}" + text("w") + b"Pabc\ns.", "PERSID"
    yield "next-buffer", b"\x80\x05}" + text("w") + b"\x97s.", "NEXT_BUFFER"
    yield "protocol-0", b"(dp0\nS'w'\nI1\ns.", "PUT"
    yield "call-a-tensor", state(tensor() + b")R"), "no name"
    yield "call-a-storage", state(glob("torch", "FloatStorage") + b")R"), "storage's class"
    yield "rebuild-without-storage", state(glob("torch._utils", "_rebuild_tensor_v2") + b"(" + text("os") + text("system") + b"tR"), "damaged"
    yield "rebuild-nothing", state(glob("torch._utils", "_rebuild_parameter") + b")R"), "damaged"
    yield "persistent-call", state(b"(" + text("module") + glob("torch", "FloatStorage") + b"tQ"), "damaged"
    yield "outside", state(tensor(size=(5,))), "outside of its storage"
    yield "offset", state(tensor(offset=1)), "outside of its storage"
    yield "overflow", state(tensor(size=(2**31 - 1,) * 4, stride=(2**31 - 1,) * 4)), "outside of its storage"
    yield "expanded", state(tensor(size=(2**31 - 1, 2**31 - 1), stride=(0, 0))), "outside of its storage"
    yield "negative", state(tensor(offset=-1)), "outside of its storage"
    yield "negative-stride", state(tensor(offset=3, stride=(-1,))), "damaged"
    yield "longer-than-its-bytes", state(tensor(count=400)), "too short"
    yield "no-such-storage", state(tensor(key="9")), "missing"
    yield "storage-path", state(tensor(key="../data.pkl")), "missing"
    yield "endless-text", b"\x80\x04}\x8d" + b"\xff" * 7 + b"\x7fab", "cut short"
    yield "endless-bytes", b"\x80\x04}\x8e" + b"\xff" * 8, "cut short"
    yield "no-stop", b"\x80\x02}", "cut short"
    yield "underflow", b"\x80\x02.", "damaged"
    yield "pop-below-mark", b"\x80\x02}(s.", "damaged"
    yield "no-memo", b"\x80\x02j\xff\xff\xff\xff.", "damaged"
    yield "no-tensors", state(number(1)), "without tensors"
    laughs = b"\x80\x02]q\x00" + b"".join(b"]" + b"(" + b"h" + bytes([i]) * 1 + (b"h" + bytes([i])) * 9 + b"eq" + bytes([i + 1]) for i in range(60))
    yield "laughs", laughs.replace(b"\x80\x02", b"\x80\x02}" + text("w"), 1) + b"1.", "damaged"


def hostile():
    expected = {}

    def put(name, data, names):
        (OUT / "hostile" / f"{name}.pt").write_bytes(data)
        expected[name] = names

    for name, pkl, names in hostile_pickles():
        put(name, archive(pkl), names)
    good = state(tensor())
    put("compressed", archive(good, {"0": b"\0" * (1 << 20)}, method=zipfile.ZIP_DEFLATED), "compressed")
    put("traversal", archive(good, extra={"archive/../../evil": b"x"}), "leaves it")
    put("absolute", archive(good, extra={"/etc/evil": b"x"}), "leaves it")
    put("twice", archive(good, extra={"archive/data/1": b"abcd"}).replace(b"archive/data/1", b"archive/data/0"), "two entries")
    whole = archive(good, extra={"archive/data/1": b"x" * 16})
    put("two-names", whole.replace(b"archive/data/1", b"archive/data/2", 1), "two names")
    put("nested", archive(b"", {}, extra={"inner.zip": archive(good)}).replace(b"archive/data.pkl", b"archive/data.xyz"), "no data.pkl")
    put("two-pickles", archive(good, extra={"other/data.pkl": good}), "not a PyTorch checkpoint")
    put("script", archive(good, extra={"archive/constants.pkl": b"x"}), "TorchScript")
    put("big-endian", archive(good, extra={"archive/byteorder": b"big"}), "big-endian")
    put("cut", whole[:-30], "cut short")
    put("empty-zip", b"PK\5\6" + b"\0" * 18, "not a PyTorch checkpoint")
    directory = whole.index(b"PK\1\2")
    edit = lambda at, value: whole[:at] + value + whole[at + len(value):]
    put("encrypted", edit(directory + 8, b"\1"), "encrypted")
    put("size-2-gib", edit(directory + 20, b"\xfe\xff\xff\xfe" * 2), "cut short")
    put("header-far-away", edit(directory + 42, b"\xfe\xff\xff\xfe"), "cut short")
    put("zip64-without-size", edit(directory + 20, b"\xff" * 8), "cut short")
    put("directory-outside", whole[:-6] + b"\xfe\xff\xff\x7f\0\0", "outside of it")
    pickled = lambda value: pickle.dumps(value, 2)
    legacy = pickled(0x1950A86A20F9469CFC6C) + pickled(1001) + pickled({"little_endian": True})
    put("legacy-os-system", legacy + state(glob("os", "system") + b"(" + text("id") + b"tR"), "os.system")
    view = state(tensor())
    put("legacy-cut", legacy + view + pickled(["0"]) + struct.pack("<q", 4) + b"\0" * 8, "cut short")
    put("legacy-length", legacy + view + pickled(["0"]) + struct.pack("<q", 2**62) + b"\0" * 8, "cut short")
    put("legacy-version", pickled(0x1950A86A20F9469CFC6C) + pickled(7), "unknown version")
    put("plain-pickle", pickled({"a": 1}) + b" " * 16, "PyTorch did not write")
    put("page", b"<!DOCTYPE html><html>not found</html>", "web page")
    put("lfs", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "Git LFS")
    put("gguf", b"GGUF\3\0\0\0" + b"\0" * 16, "GGUF")
    put("text", b"hello, this is no model at all", "neither safetensors nor")
    write_json(OUT / "hostile.json", expected)


if __name__ == "__main__":
    fresh(OUT)
    (OUT / "hostile").mkdir()
    sound()
    hostile()
