"""Writes tensors.json: the tensors that transformers saves of the models of real configs, without making their weights:

    python make.py SHARED       the folder with fixtures/configs and data/tokenizers

    {FOLDER: {"class": NAME, "tensors": {PATTERN: [SHAPE, FIRST, END]}}}

A tensor per layer is one pattern, in which {} is the layer's number, from FIRST to END − 1. Without a layer there is one tensor
of this name.

tests/unit/real_configs.c opens each config with files of such tensors. Written with transformers 5.24.0.
"""
import gzip
import json
import os
import re
import sys

import torch
import transformers

HERE = os.path.dirname(os.path.abspath(__file__))
OTHERS = ["vit-minc", "nb-whisper-small", "trocr"]  # which heed does not open


def read(path):
    with (gzip.open if path.endswith(".gz") else open)(path, "rt") as file: return json.load(file)


def patterns(tensors):
    result = {}
    for name, shape in tensors:
        found = re.search(r"\.(\d+)\.", name)
        layer = int(found[1]) if found else 0
        pattern = re.sub(r"\.(\d+)\.", ".{}.", name, count=1)
        known, first, end = result.setdefault(pattern, [shape, layer, layer])
        assert known == shape and end == layer, name
        result[pattern] = [shape, first, layer + 1]
    return result


def tensors(keys):
    config = transformers.AutoConfig.for_model(**keys)
    with torch.device("meta"): model = getattr(transformers, keys["architectures"][0])(config)
    state = model.state_dict()
    left_out = set(model.all_tied_weights_keys)
    ignored = model._keys_to_ignore_on_save or []
    return [(name, list(tensor.shape)) for name, tensor in state.items()
            if name not in left_out and not any(re.search(pattern, name) for pattern in ignored)]


if __name__ == "__main__":
    result = {}
    for parent in ("fixtures/configs", "data/tokenizers"):
        for name in sorted(os.listdir(f"{sys.argv[1]}/{parent}")):
            paths = [f"{sys.argv[1]}/{parent}/{name}/config.json{ending}" for ending in ("", ".gz")]
            path = next(filter(os.path.exists, paths), None)
            if not path or name in OTHERS: continue
            keys = read(path)
            result[f"{parent}/{name}"] = keys["architectures"][0], patterns(tensors(keys))
    with open(f"{HERE}/tensors.json", "w") as file:
        file.write("{\n" + ",\n".join(f' "{name}": {{"class": "{kind}", "tensors": {{\n' + ",\n".join(
            f'  "{pattern}": {json.dumps(shape)}' for pattern, shape in found.items()) + "\n }}"
            for name, (kind, found) in result.items()) + "\n}\n")
