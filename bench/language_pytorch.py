#!/usr/bin/env python3
"""Trains a small character-level GPT-2 in PyTorch and measures its speed: the baseline for heed's language models.

    language_pytorch.py TEXT [--layers 4] [--width 128] [--heads 4] [--context 64] [--batch 12] [--dropout 0] [--compile]
                        [--steps 30] [--warm-up 5] [--threads 2]

The model is nanoGPT's: pre-norm, GELU, learned positions, one product for queries, keys and values, tied input
and output embeddings, torch's own attention and fused AdamW, gradients clipped at 1, float32. A batch has --batch windows of the
text with --context characters each. Printed: target tokens per second and milliseconds per step (medians over the steps after warm-up,
with ranges), peak resident memory in MiB, the loss.
"""
import argparse

import torch
from torch import nn
from torch.nn import functional as F

from common import report_training

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("text")
parser.add_argument("--layers", type=int, default=4)
parser.add_argument("--width", type=int, default=128)
parser.add_argument("--heads", type=int, default=4)
parser.add_argument("--context", type=int, default=64)
parser.add_argument("--batch", type=int, default=12)
parser.add_argument("--dropout", type=float, default=0)
parser.add_argument("--compile", action="store_true", help="torch.compile in place of eager mode")
parser.add_argument("--steps", type=int, default=30)
parser.add_argument("--warm-up", type=int, default=5)
parser.add_argument("--threads", type=int, default=2)
options = parser.parse_args()
torch.set_num_threads(options.threads)
torch.manual_seed(1)
WIDTH = options.width


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(2))
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        self.dropout = nn.Dropout(options.dropout)

    def forward(self, x):
        q, k, v = (y.unflatten(2, (options.heads, -1)).transpose(1, 2)
                   for y in self.qkv(self.norms[0](x)).split(WIDTH, 2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True, dropout_p=options.dropout)
        x = x + self.dropout(self.out(y.transpose(1, 2).flatten(2)))
        return x + self.dropout(self.down(F.gelu(self.up(self.norms[1](x)), approximate="tanh")))


class LanguageModel(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocabulary, WIDTH), nn.Embedding(options.context, WIDTH)
        for table in (self.tokens, self.positions): nn.init.normal_(table.weight, std=0.02)
        self.layers = nn.ModuleList(Layer() for _ in range(options.layers))
        self.norm, self.dropout = nn.LayerNorm(WIDTH), nn.Dropout(options.dropout)

    def forward(self, ids, targets):
        x = self.dropout(self.tokens(ids) + self.positions.weight)
        for layer in self.layers: x = layer(x)
        return F.cross_entropy((self.norm(x) @ self.tokens.weight.T).flatten(0, 1), targets.flatten())


text = open(options.text, encoding="utf-8").read()
number_of = {character: number for number, character in enumerate(sorted(set(text)))}
ids = torch.tensor([number_of[character] for character in text])
model = LanguageModel(len(number_of))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1, fused=True)
step = torch.compile(model) if options.compile else model


def take_step(number):
    starts = torch.randint(len(ids) - options.context, (options.batch, 1))
    pieces = ids[starts + torch.arange(options.context + 1)]
    loss = step(pieces[:, :-1], pieces[:, 1:])
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss.item()


parameters = sum(p.numel() for p in model.parameters())
report_training(take_step, [options.batch * options.context] * (options.warm_up + options.steps), options.warm_up,
                f"PyTorch {torch.__version__} {'compiled' if options.compile else 'eager'} f32, {options.threads} threads, "
                f"{parameters:,} parameters, vocabulary {len(number_of):,}")
