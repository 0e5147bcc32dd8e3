"""Makes tiny random recurrent translators, and what PyTorch computes with them: python make.py, in this folder.

    cases.json         of each case: config, source and target ids
    NAME.safetensors   its weights under heed's names, logits [target tokens, vocabulary] of the targets shifted right,
                       and under "gradient." the gradient of each weight by the summed cross entropy

Encoder and decoder are torch.nn.RNN, GRU and LSTM, one sentence at a time. Written with torch 2.13.0.
"""
import json

import torch
from safetensors.torch import save_file
from torch import nn

torch.set_num_threads(1)
VOCABULARY, WIDTH, PAD, EOS, MOST = 37, 12, 36, 0, 9
SOURCES = [[5, 7, 0], [1, 2, 3, 4, 9, 30, 8, 0], [0], [11, 12, 11, 0]]
TARGETS = [[3, 4, 5, 6, 0], [8, 0], [20, 21, 20, 0], [9, 1, 2, 3, 4, 5, 0]]
KINDS = {"elman": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
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
}


class Layer(nn.Module):
    """One layer of a cell under heed's names; `context` columns come first layer's gates besides its input."""

    def __init__(self, kind, width, out, context=0):
        super().__init__()
        self.context = context
        self.cell = KINDS[kind](width + context, out)

    def forward(self, x, state=None):
        return self.cell(x, state)

    def save(self, name, tensors, context_name=None, backwards=None):
        for of, suffix in (("input", "ih"), ("state", "hh")):
            for part in ("weight", "bias"):
                value = getattr(self.cell, f"{part}_{suffix}_l0")
                columns = value.shape[-1] - (self.context if suffix == "ih" else 0)
                if self.context and suffix == "ih" and part == "weight":
                    tensors[context_name] = value, slice(columns, None)
                    tensors[f"{name}.{of}.{part}"] = value, slice(0, columns)
                else:
                    tensors[f"{name}.{of}.{part}"] = value, None


class Translator(nn.Module):
    def __init__(self, cell, memory, encoder_layers, decoder_layers, bidirectional):
        super().__init__()
        self.kind, self.memory, self.lstm = cell, memory, cell == "lstm"
        half = WIDTH // 2 if bidirectional else WIDTH
        self.embedding = nn.Parameter(torch.randn(VOCABULARY, WIDTH) * 0.5)
        self.encoder = nn.ModuleList(Layer(cell, WIDTH, half) for _ in range(encoder_layers))
        self.backwards = nn.ModuleList(Layer(cell, WIDTH, half) for _ in range(encoder_layers if bidirectional else 0))
        self.attends = encoder_layers > 0 and memory not in ("last", "mean", "concatenated")
        context = WIDTH if self.attends else 0
        self.decoder = nn.ModuleList(Layer(cell, WIDTH, WIDTH, 0 if i else context) for i in range(decoder_layers))
        if encoder_layers:
            given = WIDTH * MOST if memory == "concatenated" else WIDTH
            self.bridge_h = nn.ModuleList(nn.Linear(given, WIDTH) for _ in range(decoder_layers))
            self.bridge_c = nn.ModuleList(nn.Linear(given, WIDTH) for _ in range(decoder_layers if self.lstm else 0))
            self.combine = nn.Linear(2 * WIDTH if self.attends else WIDTH, WIDTH)
        self.additive = memory in ("bahdanau", "luong-concat")
        if self.attends and self.additive:
            self.query, self.scorer = nn.Linear(WIDTH, WIDTH), nn.Parameter(torch.randn(WIDTH))
        if self.attends and memory != "luong-dot": self.key = nn.Linear(WIDTH, WIDTH, bias=False)

    def embed(self, ids):
        return nn.functional.embedding(ids, self.embedding, padding_idx=PAD)

    def encode(self, ids):
        x = self.embed(ids)
        for i, layer in enumerate(self.encoder):
            y = layer(x)[0]
            if len(self.backwards): y = torch.cat([y, self.backwards[i](x.flip(0))[0].flip(0)], 1)
            x = y
        return x

    def attend(self, h, states):
        keys = states if self.memory == "luong-dot" else self.key(states)
        scores = torch.tanh(self.query(h) + keys) @ self.scorer if self.additive else keys @ h
        return torch.softmax(scores, 0) @ states

    def begin(self, states):
        if self.memory == "mean": given = states.mean(0)
        elif self.memory == "concatenated":
            given = torch.cat([states.flatten(), torch.zeros(MOST * WIDTH - states.numel())])
        elif len(self.backwards): given = torch.cat([states[-1, :WIDTH // 2], states[0, WIDTH // 2:]])
        else: given = states[-1]
        h = [torch.tanh(bridge(given))[None] for bridge in self.bridge_h]
        return list(zip(h, [bridge(given)[None] for bridge in self.bridge_c])) if self.lstm else h

    def layers(self, x, state):
        for i, layer in enumerate(self.decoder):
            x, state[i] = layer(x, state[i])
        return x

    def forward(self, source, fed):
        if not len(self.encoder): return self.layers(self.embed(fed), [None] * len(self.decoder)) @ self.embedding.T
        states = self.encode(source)
        state, previous, out = self.begin(states), torch.zeros(WIDTH), []
        for token in fed:
            x = self.embed(token)
            if not self.attends:
                out.append(torch.tanh(self.combine(self.layers(x[None], state)[0])))
                continue
            if self.memory == "bahdanau":
                top = state[-1][0][0] if self.lstm else state[-1][0]
                context = self.attend(top, states)
                h = self.layers(torch.cat([x, context])[None], state)[0]
            else:
                h = self.layers(torch.cat([x, previous])[None], state)[0]
                context = self.attend(h, states)
            previous = torch.tanh(self.combine(torch.cat([h, context])))
            out.append(previous)
        return torch.stack(out) @ self.embedding.T

    def tensors(self):
        """Each weight under heed's name: the parameter, and which of its columns."""
        found = {"embedding.weight": (self.embedding, None)}
        for i, layer in enumerate(self.encoder): layer.save(f"encoder.layers.{i}", found)
        for i, layer in enumerate(self.backwards): layer.save(f"encoder.layers.{i}.backwards", found)
        for i, layer in enumerate(self.decoder): layer.save(f"decoder.layers.{i}", found, "decoder.layers.0.context.weight")
        modules = {f"bridge.{i}.h": m for i, m in enumerate(getattr(self, "bridge_h", []))}
        modules |= {f"bridge.{i}.c": m for i, m in enumerate(getattr(self, "bridge_c", []))}
        modules |= {name: getattr(self, at) for name, at in (("attention.query", "query"), ("attention.key", "key"),
                                                             ("combine", "combine")) if hasattr(self, at)}
        for name, module in modules.items():
            found |= {f"{name}.{part}": (value, None) for part, value in module.named_parameters()}
        if hasattr(self, "scorer"): found["attention.scorer"] = (self.scorer, None)
        return found


def cut(value, columns):
    return (value if columns is None else value[..., columns]).detach().clone().contiguous()


cases = []
for number, (name, options) in enumerate(CASES.items()):
    torch.manual_seed(number)
    model = Translator(**options)
    logits = torch.cat([model(torch.tensor(source), torch.tensor([PAD] + target[:-1]))
                        for source, target in zip(SOURCES, TARGETS)])
    nn.functional.cross_entropy(logits, torch.tensor(sum(TARGETS, [])), reduction="sum").backward()
    stored = {"logits": logits.detach()}
    for key, (value, columns) in model.tensors().items():
        stored[key] = cut(value, columns)
        stored["gradient." + key] = cut(value.grad, columns)
    stored["output.bias"] = torch.zeros(1, VOCABULARY)
    save_file(stored, f"{name}.safetensors")
    config = {"model_type": "heed-rnn", "vocab_size": VOCABULARY, "hidden_size": WIDTH,
              "max_position_embeddings": MOST, "dropout": 0.0, "pad_token_id": PAD, "eos_token_id": EOS,
              "decoder_start_token_id": PAD} | options
    cases.append({"name": name, "config": config})
with open("cases.json", "w") as file:
    json.dump({"sources": SOURCES, "targets": TARGETS, "cases": cases}, file, indent=1)
    file.write("\n")
