"""Writes small PyTorch files, and the same tensors as safetensors, in this folder:

    python make.py        (needs torch, transformers and safetensors)

    tensors.safetensors   every element type, shapes, and what views of all kinds contain
    zip.bin legacy.bin protocol4.bin deflated.bin big.bin    the same tensors, the views as views
    nested.bin            the same under "state_dict"
    unread.bin            types that heed does not read, and a conjugated view
    bomb.bin expanded.bin numbers that take far more memory than the file
    cut.bin               an archive with a storage that is shorter than the pickle says
    script.bin            a TorchScript program
    model/                a GPT-2, its weights as model.safetensors, zip.bin, legacy.bin, and index.json with shards
"""
import io
import json
import os
import zipfile

import torch
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel

os.chdir(os.path.dirname(os.path.abspath(__file__)))
torch.manual_seed(0)

base = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4) / 8 - 1
halves = torch.arange(12).to(torch.bfloat16).reshape(3, 4)
TENSORS = {
    "f64": torch.tensor([1.5, -2.25, 1e300], dtype=torch.float64),
    "f32": base,
    "f16": torch.tensor([[0.5, 65504.0], [6e-8, float("inf")]], dtype=torch.float16),
    "bf16": halves,
    "i64": torch.tensor([-(2**40), 7]),
    "i32": torch.tensor([-5, 2**30], dtype=torch.int32),
    "i16": torch.tensor([300, -300], dtype=torch.int16),
    "i8": torch.tensor([-128, 127], dtype=torch.int8),
    "u8": torch.tensor([255, 0], dtype=torch.uint8),
    "bool": torch.tensor([True, False, True]),
    "u64": torch.tensor([2**60, 3], dtype=torch.uint64),
    "u32": torch.tensor([2**31, 3], dtype=torch.uint32),
    "u16": torch.tensor([2**15, 3], dtype=torch.uint16),
    "f8_e4m3": torch.tensor([0.0, 448.0, -1.125, 2**-9]).to(torch.float8_e4m3fn),
    "f8_e5m2": torch.tensor([0.0, 57344.0, -1.25, 2**-16]).to(torch.float8_e5m2),
    "scalar": torch.tensor(42.0),
    "empty": torch.zeros(0, 5),
    "größe": torch.tensor([1.0]),
    "transposed": base.transpose(0, 2),
    "slice": base[1, :, 1:3],
    "step": base[:, ::2, 3],
    "row": base[1],
    "expanded": torch.tensor([[2.0], [3.0]]).expand(2, 5),
    "tied": base,
    "halves": halves.t(),
    "parameter": torch.nn.Parameter(torch.tensor([4.0, 5.0])),
    "last": torch.tensor([7.0]),
}


def rezip(source, target, change, method=zipfile.ZIP_STORED):
    """Copies an archive; `change` gets the name in its folder and the bytes of each entry, and returns its bytes."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", method) as new:
        for name in old.namelist():
            information = zipfile.ZipInfo(name)
            information.compress_type = method
            new.writestr(information, change(name.split("/", 1)[1], old.read(name)))


def swap(name, data):
    if name == "byteorder": return b"big"
    size = SIZES.get(name.removeprefix("data/"), 1) if name.startswith("data/") else 1
    return b"".join(data[i:i + size][::-1] for i in range(0, len(data), size))


save_file({name: t.detach().clone().contiguous() for name, t in TENSORS.items()}, "tensors.safetensors")
torch.save(TENSORS, "zip.bin")
NEW = ["u64", "u32", "u16", "f8_e4m3", "f8_e5m2"]  # which torch writes into an old file, but cannot read from it
torch.save({name: t for name, t in TENSORS.items() if name not in NEW}, "legacy.bin", _use_new_zipfile_serialization=False)
torch.save(TENSORS, "protocol4.bin", pickle_protocol=4)
rezip("zip.bin", "deflated.bin", lambda name, data: data, zipfile.ZIP_DEFLATED)

# Storages are numbered in the order of their first tensors.
SIZES, seen = {}, set()
for tensor in TENSORS.values():
    storage = tensor.untyped_storage()._cdata
    if storage not in seen: SIZES[str(len(seen))] = tensor.element_size()
    seen.add(storage)
rezip("zip.bin", "big.bin", swap)

# A key twice: the last counts, as in Python. Values that are no tensors are ignored.
torch.save({"epoch": 3, "args": ["x", {"y": None}, 1.5, True, 2**70], "state_dict": TENSORS}, "nested.bin")
torch.save({"complex": torch.zeros(2, dtype=torch.complex64), "conjugated": torch.zeros(2, dtype=torch.complex64).conj().imag,
            "read": torch.tensor([1.0])}, "unread.bin")
torch.save({"x": torch.zeros(5 << 20)}, "plain.bin")
rezip("plain.bin", "bomb.bin", lambda name, data: data, zipfile.ZIP_DEFLATED)
os.remove("plain.bin")
torch.save({"x": torch.zeros(1).expand(1 << 20, 1 << 20)}, "expanded.bin")
rezip("zip.bin", "cut.bin", lambda name, data: data[:-4] if name == "data/1" else data)
torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), "script.bin")

model = GPT2LMHeadModel(GPT2Config(vocab_size=37, n_embd=8, n_layer=1, n_head=2, n_positions=16, bos_token_id=1, eos_token_id=1))
os.makedirs("model", exist_ok=True)
model.save_pretrained("model")
if os.path.exists("model/generation_config.json"): os.remove("model/generation_config.json")
weights = model.state_dict()
torch.save(weights, "model/zip.bin")
torch.save(weights, "model/legacy.bin", _use_new_zipfile_serialization=False)
names = list(weights)
shards = {"pytorch_model-00001-of-00002.bin": names[:5], "pytorch_model-00002-of-00002.bin": names[5:]}
for shard, inside in shards.items(): torch.save({name: weights[name] for name in inside}, f"model/{shard}")
with open("model/pytorch_model.bin.index.json", "w") as file:
    json.dump({"metadata": {}, "weight_map": {name: shard for shard, inside in shards.items() for name in inside}}, file)
    file.write("\n")
