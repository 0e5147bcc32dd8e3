"""Makes tiny random recurrent translators, and what PyTorch computes with them: python make.py, in this folder.

    cases.json         of each case: config, source and target ids
    NAME.safetensors   its weights under heed's names, logits [target tokens, vocabulary] of the targets shifted right,
                       and under "gradient." the gradient of each weight by the summed cross entropy

recurrent.py is the model. A file that is there stays as it is. Written with torch 2.13.0.
"""
import json
import os

import torch
from safetensors.torch import save_file
from torch import nn

from recurrent import Recurrent

torch.set_num_threads(1)
VOCABULARY, WIDTH, PAD, EOS, MOST = 37, 12, 36, 0, 9
SOURCES = [[5, 7, 0], [1, 2, 3, 4, 9, 30, 8, 0], [0], [11, 12, 11, 0]]
TARGETS = [[3, 4, 5, 6, 0], [8, 0], [20, 21, 20, 0], [9, 1, 2, 3, 4, 5, 0]]
CASES = {
    "elman-last": dict(cell="elman", memory="last", encoder_layers=1, decoder_layers=1, bidirectional=False),
    "lstm-last": dict(cell="lstm", memory="last", encoder_layers=2, decoder_layers=2, bidirectional=True),
    "gru-mean": dict(cell="gru", memory="mean", encoder_layers=1, decoder_layers=1, bidirectional=True),
    "lstm-concatenated": dict(cell="lstm", memory="concatenated", encoder_layers=1, decoder_layers=1,
                              bidirectional=False),
    "gru-bahdanau": dict(cell="gru", memory="bahdanau", encoder_layers=1, decoder_layers=1, bidirectional=True),
    "lstm-bahdanau": dict(cell="lstm", memory="bahdanau", encoder_layers=1, decoder_layers=2, bidirectional=True),
    "lstm-luong-dot": dict(cell="lstm", memory="luong-dot", encoder_layers=1, decoder_layers=1, bidirectional=True),
    "gru-luong-general": dict(cell="gru", memory="luong-general", encoder_layers=2, decoder_layers=2,
                              bidirectional=False),
    "elman-luong-concat": dict(cell="elman", memory="luong-concat", encoder_layers=1, decoder_layers=1,
                               bidirectional=True),
    "lstm-language-model": dict(cell="lstm", memory="last", encoder_layers=0, decoder_layers=2, bidirectional=False),
    "gru-direct": dict(cell="gru", memory="last", encoder_layers=1, decoder_layers=2, bidirectional=True, direct_states=True,
                       tie_word_embeddings=False),
    "gru-self-attention": dict(cell="gru", memory="last", encoder_layers=0, decoder_layers=2, bidirectional=False,
                               self_attention=True),
    "gru-bahdanau-copy": dict(cell="gru", memory="bahdanau", encoder_layers=1, decoder_layers=1, bidirectional=True, copy=True),
    "lstm-luong-general-copy": dict(cell="lstm", memory="luong-general", encoder_layers=1, decoder_layers=2,
                                    bidirectional=True, copy=True),
}


def cut(value, columns):
    return (value if columns is None else value[..., columns]).detach().clone().contiguous()


cases = []
for number, (name, options) in enumerate(CASES.items()):
    torch.manual_seed(number)
    config = {"model_type": "heed-rnn", "vocab_size": VOCABULARY, "hidden_size": WIDTH,
              "max_position_embeddings": MOST, "dropout": 0.0, "pad_token_id": PAD, "eos_token_id": EOS,
              "decoder_start_token_id": PAD} | options
    model = Recurrent(config)
    logits = torch.cat([model(torch.tensor(source), torch.tensor([PAD] + target[:-1]))
                        for source, target in zip(SOURCES, TARGETS)])
    nn.functional.cross_entropy(logits, torch.tensor(sum(TARGETS, [])), reduction="sum").backward()
    stored = {"logits": logits.detach()}
    for key, (value, columns) in model.tensors().items():
        stored[key] = cut(value, columns)
        stored["gradient." + key] = cut(value.grad, columns)
    stored["output.bias"] = torch.zeros(1, VOCABULARY)
    if not os.path.exists(f"{name}.safetensors"): save_file(stored, f"{name}.safetensors")
    cases.append({"name": name, "config": config})
with open("cases.json", "w") as file:
    json.dump({"sources": SOURCES, "targets": TARGETS, "cases": cases}, file, indent=1)
    file.write("\n")
