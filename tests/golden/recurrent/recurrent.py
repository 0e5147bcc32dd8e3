"""heed's recurrent networks (src/layers/recurrent.h) of torch.nn.RNN, GRU and LSTM, on one sequence, ids [tokens], or on
several of one length, ids [tokens, sequences]: no padding, no masks. For make.py here and for bench/loss_curves.py.
"""
import torch
from torch import nn

KINDS = {"elman": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


class Layer(nn.Module):
    """One layer of a cell under heed's names; `context` columns come first layer's gates besides its input."""

    def __init__(self, kind, width, out, context=0):
        super().__init__()
        self.context = context
        self.cell = KINDS[kind](width + context, out)

    def forward(self, x, state=None):
        return self.cell(x, state)

    def save(self, name, tensors, context_name=None):
        for of, suffix in (("input", "ih"), ("state", "hh")):
            for part in ("weight", "bias"):
                value = getattr(self.cell, f"{part}_{suffix}_l0")
                columns = value.shape[-1] - (self.context if suffix == "ih" else 0)
                if self.context and suffix == "ih" and part == "weight":
                    tensors[context_name] = value, slice(columns, None)
                    tensors[f"{name}.{of}.{part}"] = value, slice(0, columns)
                else:
                    tensors[f"{name}.{of}.{part}"] = value, None


class Recurrent(nn.Module):
    """`config` is what a folder's config.json says."""

    def __init__(self, config):
        super().__init__()
        cell, layers, width = config["cell"], config["decoder_layers"], config["hidden_size"]
        self.memory, self.lstm, self.width, self.pad = config["memory"], cell == "lstm", width, config["pad_token_id"]
        self.most, bidirectional = config["max_position_embeddings"], config["bidirectional"]
        half = width // 2 if bidirectional else width
        encoder = range(config["encoder_layers"])
        self.embedding = nn.Parameter(torch.randn(config["vocab_size"], width) * 0.5)
        self.encoder = nn.ModuleList(Layer(cell, width, half) for _ in encoder)
        self.backwards = nn.ModuleList(Layer(cell, width, half) for _ in encoder if bidirectional)
        self.attends = len(encoder) > 0 and layers > 0 and self.memory not in ("last", "mean", "concatenated")
        context = width if self.attends else 0
        self.decoder = nn.ModuleList(Layer(cell, width, width, 0 if i else context) for i in range(layers))
        self.direct = config.get("direct_states", False)
        if not config.get("tie_word_embeddings", True):
            self.output = nn.Parameter(torch.randn(config["vocab_size"], width) * 0.5)
        if len(encoder) and layers and not self.direct:
            given = width * self.most if self.memory == "concatenated" else width
            self.bridge_h = nn.ModuleList(nn.Linear(given, width) for _ in range(layers))
            self.bridge_c = nn.ModuleList(nn.Linear(given, width) for _ in range(layers if self.lstm else 0))
            self.combine = nn.Linear(2 * width if self.attends else width, width)
        if config.get("copy"): self.copy = nn.Linear(width, width)
        self.additive = self.memory in ("bahdanau", "luong-concat")
        if self.attends and self.additive:
            self.query, self.scorer = nn.Linear(width, width), nn.Parameter(torch.randn(width))
        self.self_attends = config.get("self_attention", False)
        if self.self_attends: self.key, self.combine = nn.Linear(width, width, bias=False), nn.Linear(2 * width, width)
        if self.attends and self.memory != "luong-dot": self.key = nn.Linear(width, width, bias=False)
        labels, head = len(config.get("id2label", [])), config.get("architectures", [""])[0]
        if head.endswith("ForSequenceClassification"): self.pooler = nn.Linear(width, width)
        if labels: self.classifier = nn.Linear(width, labels)
        if config.get("crf"):
            self.transitions = nn.Parameter(torch.zeros(labels, labels))
            self.start, self.end = nn.Parameter(torch.zeros(labels)), nn.Parameter(torch.zeros(labels))

    def embed(self, ids):
        return nn.functional.embedding(ids, self.embedding, padding_idx=self.pad if self.pad >= 0 else None)

    def encode(self, ids):
        x = self.embed(ids)
        for i, layer in enumerate(self.encoder):
            y = layer(x)[0]
            if len(self.backwards): y = torch.cat([y, self.backwards[i](x.flip(0))[0].flip(0)], -1)
            x = y
        return x

    def attend(self, h, states):
        keys = states if self.memory == "luong-dot" else self.key(states)
        scores = torch.tanh(self.query(h) + keys) @ self.scorer if self.additive else (keys * h).sum(-1)
        return (torch.softmax(scores, 0)[..., None] * states).sum(0)

    def begin(self, states):
        if self.memory == "mean": given = states.mean(0)
        elif self.memory == "concatenated":
            missing = states.new_zeros(self.most - len(states), *states.shape[1:])
            given = torch.cat([*states, *missing], -1)
        elif len(self.backwards): given = torch.cat([states[-1, ..., :self.width // 2], states[0, ..., self.width // 2:]], -1)
        else: given = states[-1]
        if self.direct: return [given[None].contiguous() for _ in self.decoder]
        h = [torch.tanh(bridge(given))[None] for bridge in self.bridge_h]
        return list(zip(h, [bridge(given)[None] for bridge in self.bridge_c])) if self.lstm else h

    def layers(self, x, state):
        for i, layer in enumerate(self.decoder):
            x, state[i] = layer(x, state[i])
        return x

    def attend_to_itself(self, h):
        scores = h @ self.key(h).T / self.width**0.5
        weights = torch.softmax(scores.masked_fill(torch.ones_like(scores).triu(1) > 0, float("-inf")), -1)
        return torch.tanh(self.combine(torch.cat([h, weights @ h], -1)))

    def forward(self, source, fed):
        if not len(self.encoder):
            h = self.layers(self.embed(fed), [None] * len(self.decoder))
            return (self.attend_to_itself(h) if self.self_attends else h) @ self.embedding.T
        states = self.encode(source)
        state, previous, out = self.begin(states), torch.zeros_like(states[0]), []
        for token in fed:
            x = self.embed(token)
            if not self.attends:
                h = self.layers(x[None], state)[0]
                out.append(h if self.direct else torch.tanh(self.combine(h)))
                continue
            if self.memory == "bahdanau":
                top = state[-1][0][0] if self.lstm else state[-1][0]
                context = self.attend(top, states)
                h = self.layers(torch.cat([x, context], -1)[None], state)[0]
            else:
                h = self.layers(torch.cat([x, previous], -1)[None], state)[0]
                context = self.attend(h, states)
            previous = torch.tanh(self.combine(torch.cat([h, context], -1)))
            out.append(previous)
        out = torch.stack(out)
        logits = out @ getattr(self, "output", self.embedding).T
        return self.add_copies(logits, self.copy(out) @ states.T, source) if hasattr(self, "copy") else logits

    def add_copies(self, logits, scores, source):
        """Logits [tokens, vocabulary] and scores [tokens, source tokens] have one softmax (Gu et al., 2016); of one sequence."""
        most = torch.maximum(logits.amax(-1, True), scores.amax(-1, True)).detach()
        copied = torch.exp(scores - most) @ nn.functional.one_hot(source, logits.shape[-1]).to(scores.dtype)
        return torch.log(torch.exp(logits - most) + copied) + most

    def classify(self, ids):
        """Logits [..., labels] of texts."""
        return self.classifier(torch.tanh(self.pooler(self.encode(ids).mean(0))))

    def tag(self, ids):
        """Logits [tokens, ..., labels]."""
        return self.classifier(self.encode(ids))

    def field_loss(self, logits, labels):
        """Minus the log-likelihood of a sequence's labels under the conditional random field."""
        score, sums = self.start[labels[0]] + logits[0, labels[0]], self.start + logits[0]
        for row, before, label in zip(logits[1:], labels, labels[1:]):
            score = score + self.transitions[before, label] + row[label]
            sums = torch.logsumexp(sums[:, None] + self.transitions, 0) + row
        return torch.logsumexp(sums + self.end, 0) - score - self.end[labels[-1]]

    def tensors(self):
        """Each weight under heed's name: the parameter, and which of its columns."""
        found = {"embedding.weight": (self.embedding, None)}
        for i, layer in enumerate(self.encoder): layer.save(f"encoder.layers.{i}", found)
        for i, layer in enumerate(self.backwards): layer.save(f"encoder.layers.{i}.backwards", found)
        for i, layer in enumerate(self.decoder): layer.save(f"decoder.layers.{i}", found, "decoder.layers.0.context.weight")
        modules = {f"bridge.{i}.h": m for i, m in enumerate(getattr(self, "bridge_h", []))}
        modules |= {f"bridge.{i}.c": m for i, m in enumerate(getattr(self, "bridge_c", []))}
        names = {"attention.query": "query", "attention.key": "key", "combine": "combine", "copy": "copy", "pooler": "pooler",
                 "classifier": "classifier"}
        modules |= {name: getattr(self, at) for name, at in names.items() if hasattr(self, at)}
        for name, module in modules.items():
            found |= {f"{name}.{part}": (value, None) for part, value in module.named_parameters()}
        names = {"output.weight": "output", "attention.scorer": "scorer", "crf.transitions": "transitions", "crf.start": "start", "crf.end": "end"}
        found |= {name: (getattr(self, at), None) for name, at in names.items() if hasattr(self, at)}
        return found

    def load(self, stored):
        """Takes heed's weights over."""
        for name, (value, columns) in self.tensors().items():
            part = value.data if columns is None else value.data[..., columns]
            part.copy_(stored[name].view_as(part))
