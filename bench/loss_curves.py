#!/usr/bin/env python3
"""Trains the same models on the same batches from the same weights with heed and with PyTorch, and compares the losses.

    loss_curves.py [NAME ...] [--data FOLDER] [--steps 200] [--jobs 2] [--plot FILE.svg]

tests/tool/batches.c writes heed's initial weights and its batches, and `heed train` takes the steps: AdamW with a warm-up, a
schedule, clipping and weight decay, no dropout, float32. PyTorch takes the same steps with the classes of transformers, or for
recurrent models with those of tests/golden/recurrent/recurrent.py. A loss is that of a step's batch before the step: the mean KL
divergence from the (smoothed) targets, or with a CRF the negative log-likelihood divided by the number of labels. Printed: the
largest difference, and the distances of heed and of PyTorch from PyTorch in float64, which distinguish rounding from mistakes.
Exit 1 if heed differs by more than 1e-3 from float64. NAMEs select cases. --jobs cases run in parallel with one thread each
(heed: `--threads`).
"""
import argparse
import collections
import itertools
import json
import math
import multiprocessing
import pathlib
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor

import torch
import transformers
from numpy import float32
from safetensors.torch import load_file
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from common import PROJECT, add_heed, read_lines

sys.path.append(str(PROJECT / "tests/golden/recurrent"))
from recurrent import Recurrent

MOST = 1e-3
COMMON = {"dropout": 0, "width": 64, "heads": 4, "ffn-width": 128, "encoder-layers": 2, "decoder-layers": 2,
          "vocabulary-size": 2000, "max-positions": 128, "batch-tokens": 600, "chunk-tokens": 200, "lr": 0.001,
          "warmup": 20, "weight-decay": 0.01, "clip": 1, "log-every": 1, "save-every": 10 ** 9}
RECURRENT = {"family": "heed-rnn", "encoder-layers": 1, "decoder-layers": 1, "batch-tokens": 300}
TRANSLATE = {"objective": "translate", "train-source": "train.en", "train-target": "train.de"}
LANGUAGE = {"objective": "language", "train-source": "shakespeare", "whole-file": "true", "max-tokens": 64}
CLASSIFY = {"objective": "classify", "train-source": "reviews", "train-target": "labels"}
TAG = {"objective": "tag", "train-source": "entities"}
CASES = {
    "translate-marian": TRANSLATE | {"activation": "silu"},
    "translate-marian-relu": TRANSLATE,
    "translate-gru-bahdanau": TRANSLATE | RECURRENT | {"cell": "gru", "memory": "bahdanau"},
    "translate-lstm-luong": TRANSLATE | RECURRENT | {"cell": "lstm", "memory": "luong-general"},
    "language-gpt2": LANGUAGE | {"family": "gpt2", "schedule": "cosine"},
    "language-llama": LANGUAGE | {"family": "llama", "schedule": "cosine", "key-heads": 2},
    "masked-bert": {"objective": "masked", "train-source": "reviews", "schedule": "linear", "accumulate": 2},
    "classify-bert": CLASSIFY | {"schedule": "linear"},
    "classify-lstm": CLASSIFY | RECURRENT | {"schedule": "constant"},
    "tag-bert": TAG | {"schedule": "linear"},
    "tag-lstm-crf": TAG | RECURRENT | {"crf": "true"},
}
DEFAULTS = {"schedule": "inverse-square-root", "beta1": float32(0.9), "beta2": float32(0.98), "adam-epsilon": 1e-9}


def unpack_data(data, folder):
    """The text files that the cases name."""
    reviews = [line.split("\t") for line in read_lines(data / "sst2/train.tsv.gz")[1:]]
    files = {"train.en": read_lines(data / "multi30k/tok/train.en.gz"), "train.de": read_lines(data / "multi30k/tok/train.de.gz"),
             "shakespeare": read_lines(data / "lm/tinyshakespeare.txt.gz"), "entities": read_lines(data / "ner/wikigold.conll.gz"),
             "reviews": [text for text, _ in reviews], "labels": [label for _, label in reviews]}
    for name, lines in files.items():
        (folder / name).write_text("".join(line + "\n" for line in lines), encoding="utf-8")


# ---- models: batches of [source ids, target ids] to logits [targets, classes] and the targets

def pad(rows, value=0):
    return pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=value)


class Transformer:
    """A class of transformers on padded batches."""

    def __init__(self, folder, config):
        self.model = getattr(transformers, config["architectures"][0]).from_pretrained(folder, attn_implementation="eager")
        self.model.eval()
        self.start = config.get("decoder_start_token_id")

    def answer(self, objective, pairs):
        sources, targets = zip(*pairs)
        more = {}
        if objective == "translate": more = {"decoder_input_ids": pad([[self.start] + target[:-1] for target in targets])}
        if objective == "language": sources, targets = [t[:-1] for t in targets], [t[1:] for t in targets]
        mask = pad([[1] * len(source) for source in sources])
        logits = self.model(input_ids=pad(sources), attention_mask=mask, **more).logits
        wanted = pad(targets, -1).squeeze(1) if objective == "classify" else pad(targets, -1)
        return logits[wanted >= 0], wanted[wanted >= 0]


class RecurrentNetwork:
    """Sequences of the same lengths at a time, without padding."""

    def __init__(self, folder, config):
        self.model = Recurrent(config)
        self.model.load(load_file(folder / "model.safetensors"))
        self.start = config["decoder_start_token_id"]

    def groups(self, objective, pairs):
        """Logits [target tokens, sequences, classes] and targets [target tokens, sequences], −1 where there is none."""
        groups = collections.defaultdict(list)
        for source, target in pairs: groups[len(source), len(target)].append((source, target))
        for group in groups.values():
            source, target = (torch.tensor(side).T for side in zip(*group))
            if objective == "classify": yield self.model.classify(source)[None], target
            elif objective == "tag": yield self.model.tag(source), target
            else: yield self.model(source, torch.cat([torch.full_like(target[:1], self.start), target[:-1]])), target

    def answer(self, objective, pairs):
        parts = [(logits[target >= 0], target[target >= 0]) for logits, target in self.groups(objective, pairs)]
        return [torch.cat(side) for side in zip(*parts)]

    def field_loss(self, pairs):
        """Of a tagger with a conditional random field, a tag."""
        asked = [(rows[labels >= 0], labels[labels >= 0]) for logits, target in self.groups("tag", pairs)
                 for rows, labels in zip(logits.unbind(1), target.unbind(1)) if labels.max() >= 0]
        return sum(self.model.field_loss(*one) for one in asked) / sum(len(labels) for _, labels in asked)


def divergence(logits, wanted, smoothing):
    """The mean KL divergence from targets of which a share is spread over all classes: cross entropy less an entropy."""
    classes = logits.shape[1]
    share = smoothing / classes
    peak = 1 - smoothing + share
    entropy = -peak * math.log(peak) - (classes - 1) * share * math.log(share) if smoothing else 0
    return F.cross_entropy(logits, wanted, label_smoothing=smoothing) - entropy


# ---- training

def learning_rate(recipe, step):
    """Of step 1, 2, …: a linear warm-up, then the schedule."""
    warmup = recipe["warmup"]
    if step <= warmup: return recipe["lr"] * step / warmup
    done = (step - 1 - warmup) / (recipe["steps"] - warmup)
    return recipe["lr"] * {"inverse-square-root": math.sqrt(warmup / step), "linear": 1 - done, "constant": 1,
                           "cosine": (1 + math.cos(math.pi * done)) / 2}[recipe["schedule"]]


def clip(parameters, most):
    """torch's clip_grad_norm_ without the 1e-6 that it adds to the norm."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    scale = min(1.0, most / torch.nn.utils.get_total_norm(gradients).item())
    for gradient in gradients: gradient.mul_(scale)


def train_pytorch(folder, recipe, batches, double):
    config = json.loads((folder / "config.json").read_text())
    network = (RecurrentNetwork if config["model_type"] == "heed-rnn" else Transformer)(folder, config)
    if double: network.model.double()
    objective, pad_id, vocabulary = recipe["objective"], config["pad_token_id"], config["vocab_size"]
    tells_tokens = objective in ("translate", "language", "masked")
    classes = pad_id if tells_tokens and pad_id == vocabulary - 1 else None  # no target is padding
    parameters = [p for p in network.model.parameters() if p.requires_grad]
    groups = [{"params": [p for p in parameters if (p.dim() == 2) == decays], "weight_decay": decays * recipe["weight-decay"]}
              for decays in (True, False)]
    optimizer = torch.optim.AdamW(groups, betas=(float(recipe["beta1"]), float(recipe["beta2"])), eps=recipe["adam-epsilon"])
    losses = []
    for step, pairs in enumerate(batches, 1):
        if recipe.get("crf"):
            loss = network.field_loss(pairs)
        else:
            logits, wanted = network.answer(objective, pairs)
            loss = divergence(logits[:, :classes], wanted, 0.1 if objective == "translate" else 0)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        clip(parameters, recipe["clip"])
        for group in optimizer.param_groups: group["lr"] = learning_rate(recipe, step)
        optimizer.step()
    return losses


def compare(name, folder):
    """The losses of heed, of PyTorch, and of PyTorch in float64."""
    recipe = COMMON | CASES[name] | {"steps": options.steps}
    file = folder / f"{name}.ini"
    file.write_text("".join(f"{key} = {folder / str(value) if key.startswith('train-') else value}\n"
                            for key, value in recipe.items()))
    begun = subprocess.run([options.batches, file, folder / name], stdout=subprocess.PIPE, text=True, check=True)
    batches = [json.loads(line) for line in begun.stdout.splitlines()]
    trained = folder / f"{name}-trained"
    subprocess.run([options.heed, "train", file, "--output", trained, "-t", str(options.threads), "-q"], check=True)
    ours = [json.loads(line)["loss"] for line in (trained / "log.jsonl").read_text().splitlines()]
    assert len(ours) == len(batches) == options.steps
    return ours, *(train_pytorch(folder / name, DEFAULTS | recipe, batches, double) for double in (False, True))


def largest(a, b):
    return max(abs(x - y) for x, y in zip(a, b))


def plot(curves, path):
    import matplotlib
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "heed"
    from matplotlib import pyplot
    figure, (losses, differences) = pyplot.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    for name, (ours, theirs, _) in curves.items():
        steps = range(1, len(ours) + 1)
        line, = losses.plot(steps, ours, linewidth=1, label=name)
        losses.plot(steps[::10], theirs[::10], ".", color=line.get_color(), markersize=4)
        differences.plot(steps, [max(abs(a - b), 1e-9) for a, b in zip(ours, theirs)], linewidth=0.8)
    losses.set(title="loss: heed (lines) and PyTorch (dots)", xlabel="step", yscale="log")
    differences.axhline(MOST, color="black", linestyle="--", linewidth=1)
    differences.set(title="difference", xlabel="step", yscale="log")
    losses.legend(fontsize=7)
    figure.savefig(path, metadata={"Date": None})


parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *CASES], help=", ".join(CASES))
parser.add_argument("--data", type=pathlib.Path, default=PROJECT.parent / "shared/data")
parser.add_argument("--steps", type=int, default=200)
parser.add_argument("--jobs", type=int, default=2)
parser.add_argument("--plot")
parser.add_argument("--batches", default=PROJECT / "build/tests/tool-batches", help="tests/tool/batches.c, built")
add_heed(parser)
options = parser.parse_args()
torch.set_num_threads(1)
transformers.utils.logging.disable_progress_bar()
curves = {}
print("| case | first loss | last loss, heed | PyTorch | largest difference | heed, from float64 | PyTorch, from float64 |\n"
      + "| --- " * 7 + "|", flush=True)
processes = multiprocessing.get_context("fork")
with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(options.jobs, processes) as pool:
    scratch = pathlib.Path(folder)
    unpack_data(options.data, scratch)
    names = options.names or list(CASES)
    for name, losses in zip(names, pool.map(compare, names, itertools.repeat(scratch))):
        ours, theirs, exact = curves[name] = losses
        print(f"| {name} | {ours[0]:.4f} | {ours[-1]:.6f} | {theirs[-1]:.6f} | {largest(ours, theirs):.1e} "
              f"| {largest(ours, exact):.1e} | {largest(theirs, exact):.1e} |", flush=True)
if options.plot: plot(curves, options.plot)
sys.exit(any(largest(ours, exact) > MOST for ours, _, exact in curves.values()))
