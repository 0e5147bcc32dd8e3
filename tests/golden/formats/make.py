"""Writes the small safetensors files of this folder with the reference library. Run it here:

    python make.py        (needs torch, numpy and safetensors)
"""
import json
import struct

import torch
from safetensors.torch import save_file

every = {
    "f64": torch.tensor([1.5, -2.25], dtype=torch.float64),
    "f32": torch.arange(6, dtype=torch.float32).reshape(2, 3) / 4,
    "f16": torch.tensor([[0.5, 65504.0], [6e-8, float("inf")]], dtype=torch.float16),
    "bf16": torch.tensor([1.0, -3.0, 1e30], dtype=torch.bfloat16),
    "i64": torch.tensor([-(2**40), 7]),
    "i32": torch.tensor([-5], dtype=torch.int32),
    "i16": torch.tensor([300, -300], dtype=torch.int16),
    "i8": torch.tensor([-128, 127], dtype=torch.int8),
    "u8": torch.tensor([255], dtype=torch.uint8),
    "bool": torch.tensor([True, False, True]),
    "scalar": torch.tensor(42.0),
    "empty": torch.zeros(0, 5),
    "größe": torch.tensor([1.0]),
}
save_file(every, "every.safetensors", metadata={"format": "pt", "made by": "make.py"})

# A header of odd length, so that the floats lie at an odd address; legal, and older writers did it.
header = json.dumps({"x": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]}}).encode()
header += b" " * (1 - len(header) % 2)
with open("odd.safetensors", "wb") as file:
    file.write(struct.pack("<Q", len(header)) + header + struct.pack("<3f", 1.0, 2.0, 3.0))
