"""Writes states.json: what transformers returns as output_hidden_states for the first text of every folder of ../families:

    python make.py

    {FOLDER: {"encoder": [...], "decoder": [...]}}    for each side that the model has, and for each layer from the embeddings
                                                      on, the digest (../families/measure.py) of all states [tokens · width]
"""
import json
import os
import sys

import torch
import transformers

HERE = os.path.dirname(os.path.abspath(__file__))
FAMILIES = os.path.join(HERE, "..", "families")
sys.path.insert(0, FAMILIES)
from measure import digest  # noqa: E402


def rows(states): return [[round(v, 6) for v in digest(x.reshape(1, -1))[0].tolist()] for x in states]


def measure(folder):
    with open(f"{folder}/config.json") as file: kind = getattr(transformers, json.load(file)["architectures"][0])
    with open(f"{folder}/expected.json") as file: expected = json.load(file)
    model = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    text = expected["texts"][0]
    given = dict(input_ids=torch.tensor([text]), attention_mask=torch.ones(1, len(text), dtype=torch.int64))
    if "targets" in expected:
        given["decoder_input_ids"] = torch.tensor([[model.config.decoder_start_token_id] + expected["targets"][0]])
    with torch.no_grad(): out = model(**given, output_hidden_states=True)
    if model.config.is_encoder_decoder and hasattr(out, "decoder_hidden_states"):
        return {"encoder": rows(out.encoder_hidden_states), "decoder": rows(out.decoder_hidden_states)}
    return {"all": rows(out.hidden_states)}


def main():
    result = {}
    for name in sorted(os.listdir(FAMILIES)):
        if os.path.exists(f"{FAMILIES}/{name}/expected.json"): result[name] = measure(f"{FAMILIES}/{name}")
    with open(f"{HERE}/states.json", "w") as file:
        file.write("{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(one, separators=(',', ':'))}"
                                      for name, one in result.items()) + "\n}\n")


if __name__ == "__main__": main()
