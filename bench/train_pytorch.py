#!/usr/bin/env python3
"""Trains the small encoder-decoder in PyTorch and measures its speed: the baseline for `heed train`.

    train_pytorch.py [--data FOLDER] [--tokenizer tokenizer.json | --vocabulary 10000] [--compile] [--bf16]
                     [--steps 30] [--warm-up 5] [--threads 2] [--width 128] [--recurrent]

The model is heed's Transformer-Tiny: 4+4 layers, width 128, feed-forward 256, 4 heads, post-norm, ReLU, one embedding
for source, target and output; float32, or with --bf16 automatic mixed precision in bfloat16; Adam(0.9, 0.98), label smoothing 0.1, dropout 0.3. A batch has sentences of
similar length, with about 4,096 target tokens (end tokens included, padding not counted). With another --width, the feed-forward
width is twice the width, and there is one head per 32 columns. Printed: target tokens per second (median over the steps after
warm-up, and the range), milliseconds per step, peak resident memory in MiB, the loss. Reading, tokenizing and batching are not
timed. --recurrent trains the architecture of heed-rnn instead: a bidirectional
nn.LSTM as encoder, each direction half as wide, and an nn.LSTMCell with Bahdanau's attention as decoder, one layer each.
"""
import argparse
import math
import pathlib
import random

import torch
from torch import nn
from torch.nn import functional as F

from common import PROJECT, read_lines, report_training

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("--data", type=pathlib.Path, default=PROJECT.parent / "shared/data/multi30k")
parser.add_argument("--tokenizer", help="a tokenizer.json; else a BPE is trained on the data")
parser.add_argument("--vocabulary", type=int, default=10000)
parser.add_argument("--compile", action="store_true", help="torch.compile in place of eager mode")
parser.add_argument("--bf16", action="store_true", help="torch.autocast to bfloat16")
parser.add_argument("--steps", type=int, default=30)
parser.add_argument("--warm-up", type=int, default=5)
parser.add_argument("--batch-tokens", type=int, default=4096)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--width", type=int, default=128)
parser.add_argument("--recurrent", action="store_true")
options = parser.parse_args()
torch.set_num_threads(options.threads)
torch.manual_seed(1)
WIDTH, FFN, HEADS = options.width, 2 * options.width, options.width // 32
LAYERS, DROPOUT, SMOOTHING = 4, 0.3, 0.1


def load_tokenizer(sides):
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    if options.tokenizer:
        return Tokenizer.from_file(options.tokenizer)
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation()])
    tokenizer.train_from_iterator(sides[0] + sides[1], trainers.BpeTrainer(
        vocab_size=options.vocabulary - 1, special_tokens=["</s>", "<unk>"], show_progress=False))
    tokenizer.add_special_tokens(["<pad>"])
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 0)])
    return tokenizer


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))

    def forward(self, x, memory, mask, causal=False):
        q, k, v = (layer(y).view(*y.shape[:2], HEADS, -1).transpose(1, 2)
                   for layer, y in ((self.q, x), (self.k, memory), (self.v, memory)))
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
        return self.out(y.transpose(1, 2).flatten(2))


class Layer(nn.Module):
    def __init__(self, cross):
        super().__init__()
        self.attend, self.cross = Attention(), Attention() if cross else None
        self.up, self.down = nn.Linear(WIDTH, FFN), nn.Linear(FFN, WIDTH)
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(3 if cross else 2))
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, x, mask, memory=None, memory_mask=None):
        # The padding of a target comes after its tokens, so the causal mask excludes it.
        x = self.norms[0](x + self.dropout(self.attend(x, x, mask, causal=self.cross is not None)))
        if self.cross is not None:
            x = self.norms[1](x + self.dropout(self.cross(x, memory, memory_mask)))
        return self.norms[-1](x + self.dropout(self.down(F.relu(self.up(x)))))


class Translator(nn.Module):
    def __init__(self, vocabulary, longest):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, WIDTH, padding_idx=vocabulary - 1)
        nn.init.normal_(self.embedding.weight, std=WIDTH ** -0.5)
        at = torch.arange(longest)[:, None] / 10000 ** (torch.arange(0, WIDTH, 2) / WIDTH)
        self.register_buffer("positions", torch.cat([at.sin(), at.cos()], 1))
        self.encoder = nn.ModuleList(Layer(False) for _ in range(LAYERS))
        self.decoder = nn.ModuleList(Layer(True) for _ in range(LAYERS))
        self.dropout = nn.Dropout(DROPOUT)

    def embed(self, ids):
        return self.dropout(self.embedding(ids) * math.sqrt(WIDTH) + self.positions[:ids.shape[1]])

    def forward(self, source, target, labels):
        mask = (source != self.embedding.padding_idx)[:, None, None]
        memory, x = self.embed(source), self.embed(target)
        for layer in self.encoder: memory = layer(memory, mask)
        for layer in self.decoder: x = layer(x, None, memory, mask)
        return F.cross_entropy((x @ self.embedding.weight.T).flatten(0, 1), labels.flatten(), ignore_index=-100,
                               label_smoothing=SMOOTHING)


class RecurrentTranslator(nn.Module):
    def __init__(self, vocabulary, longest):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, WIDTH, padding_idx=vocabulary - 1)
        nn.init.normal_(self.embedding.weight, std=WIDTH ** -0.5)
        self.encoder = nn.LSTM(WIDTH, WIDTH // 2, bidirectional=True, batch_first=True)
        self.decoder = nn.LSTMCell(2 * WIDTH, WIDTH)
        self.bridge_h, self.bridge_c = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.query, self.key = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH, bias=False)
        self.scorer, self.combine = nn.Linear(WIDTH, 1, bias=False), nn.Linear(2 * WIDTH, WIDTH)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, source, target, labels):
        mask = source != self.embedding.padding_idx
        packed = nn.utils.rnn.pack_padded_sequence(self.dropout(self.embedding(source)), mask.sum(1), batch_first=True,
                                                   enforce_sorted=False)
        states, (last, _) = self.encoder(packed)
        states = nn.utils.rnn.pad_packed_sequence(states, batch_first=True)[0]
        keys, given = self.key(states), last.transpose(0, 1).flatten(1)
        h, c, out = torch.tanh(self.bridge_h(given)), self.bridge_c(given), []
        for x in self.dropout(self.embedding(target)).unbind(1):
            scores = self.scorer(torch.tanh(self.query(h)[:, None] + keys)).squeeze(2)
            weights = scores.masked_fill(~mask, -torch.inf).softmax(1)
            context = (weights[:, None] @ states).squeeze(1)
            h, c = self.decoder(torch.cat([x, context], 1), (h, c))
            out.append(torch.tanh(self.combine(torch.cat([h, context], 1))))
        x = self.dropout(torch.stack(out, 1))
        return F.cross_entropy((x @ self.embedding.weight.T).flatten(0, 1), labels.flatten(), ignore_index=-100,
                               label_smoothing=SMOOTHING)


def make_batches(pairs, pad):
    draw = random.Random(1)
    pairs = sorted(pairs, key=lambda pair: (len(pair[1]), len(pair[0])))
    batches, batch, tokens = [], [], 0
    for pair in pairs:
        if batch and tokens + len(pair[1]) > options.batch_tokens:
            batches.append(batch)
            batch, tokens = [], 0
        batch.append(pair)
        tokens += len(pair[1])
    draw.shuffle(batches)

    def rows(some, value):
        return nn.utils.rnn.pad_sequence([torch.tensor(ids) for ids in some], batch_first=True, padding_value=value)
    for batch in batches:
        yield (rows([s for s, _ in batch], pad), rows([[pad] + t[:-1] for _, t in batch], pad),
               rows([t for _, t in batch], -100))


sides = [read_lines(next(options.data.glob(f"train.{language}*"))) for language in ("en", "de")]
tokenizer = load_tokenizer(sides)
pad = tokenizer.get_vocab_size() - 1
source, target = ([code.ids for code in tokenizer.encode_batch(side)] for side in sides)
batches = list(make_batches(list(zip(source, target)), pad))
model = (RecurrentTranslator if options.recurrent else Translator)(pad + 1, max(map(len, source + target)) + 1)
optimizer = torch.optim.Adam(model.parameters(), lr=5e-4, betas=(0.9, 0.98), eps=1e-9)
step = torch.compile(model, dynamic=True) if options.compile else model


def take_step(number):
    batch = batches[number % len(batches)]
    with torch.autocast("cpu", torch.bfloat16, enabled=options.bf16):
        loss = step(*batch)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss.item()


tokens = [(batches[number % len(batches)][2] != -100).sum().item() for number in range(options.warm_up + options.steps)]
parameters = sum(p.numel() for p in model.parameters())
report_training(take_step, tokens, options.warm_up,
                f"PyTorch {torch.__version__} {'compiled' if options.compile else 'eager'} {'bf16' if options.bf16 else 'f32'}, "
                f"{options.threads} threads, {parameters:,} parameters, vocabulary {pad + 1:,}")
