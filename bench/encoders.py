#!/usr/bin/env python3
"""Times text classification by heed, ONNX Runtime and PyTorch in float32 with the same weights, alternating, in one run.

    encoders.py MODEL_FOLDER --input FILE [--rounds 5] [--one-at-a-time 64]

MODEL_FOLDER is a BERT-like classifier, FILE has one text per line. Each program gets the texts one at a time and all together:
heed in one call, the others in batches of 32 that are padded to their longest text, in the order of length. Tokens of the
others are prepared beforehand and their time does not include tokenization; heed's does. ONNX Runtime runs the graph that
torch.onnx exports, optimized at its highest level. All use the same number of threads. Largest differences of probabilities
are printed first. Each figure is the median of the rounds, with the lowest and the highest. Nothing else should run.
"""
import argparse
import tempfile
import time
import warnings

import onnxruntime
import torch
from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerFast

from common import add_heed, read_lines, spread
from libheed import Heed

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("model")
parser.add_argument("--input", required=True)
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--one-at-a-time", type=int, default=64, metavar="TEXTS", help="texts that are run one at a time")
add_heed(parser)
options = parser.parse_args()
torch.set_num_threads(options.threads)
torch.set_grad_enabled(False)
warnings.filterwarnings("ignore")  # of the exporter

lines = [line for line in read_lines(options.input) if line.strip()]
tokenizer = PreTrainedTokenizerFast(tokenizer_file=f"{options.model}/tokenizer.json", pad_token="[PAD]")
tokens = [tokenizer(line).input_ids for line in lines]
model = AutoModelForSequenceClassification.from_pretrained(options.model, dtype=torch.float32,
                                                           attn_implementation="sdpa").eval()


def batches(size, count):
    """(ids, mask), padded; texts of similar length together."""
    order = sorted(range(count), key=lambda i: len(tokens[i])) if size > 1 else range(count)
    for at in range(0, count, size):
        some = [tokens[i] for i in list(order)[at:at + size]]
        longest = max(map(len, some))
        ids = torch.tensor([one + [0] * (longest - len(one)) for one in some])
        mask = torch.tensor([[1] * len(one) + [0] * (longest - len(one)) for one in some])
        yield ids, mask


def open_onnx(folder):
    path = f"{folder}/model.onnx"
    exported = AutoModelForSequenceClassification.from_pretrained(options.model, dtype=torch.float32,
                                                                  attn_implementation="eager").eval()
    ids, mask = next(batches(2, 2))
    torch.onnx.export(exported, (ids, mask), path, input_names=["ids", "mask"], output_names=["logits"],
                      dynamic_axes={name: {0: "batch", 1: "length"} for name in ("ids", "mask")}, dynamo=False)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    return onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])


def run_torch(ids, mask):
    return model(ids, mask).logits


def run_onnx(ids, mask):
    return torch.from_numpy(session.run(None, {"ids": ids.numpy(), "mask": mask.numpy()})[0])


def time_others(run, size, count):
    some = list(batches(size, count))
    start = time.perf_counter()
    for ids, mask in some:
        run(ids, mask)
    return count / (time.perf_counter() - start)


def time_heed(size, count):
    start = time.perf_counter()
    for at in range(0, count, size):
        heed.classify(lines[at:at + size])
    return count / (time.perf_counter() - start)


with tempfile.TemporaryDirectory() as scratch:
    session = open_onnx(scratch)
    heed = Heed(options.heed, options.model, options.threads)
    ours = heed.classify(lines)
    for name, run in (("ONNX Runtime", run_onnx), ("PyTorch", run_torch)):
        worst = 0.0
        for i, (ids, mask) in enumerate(batches(1, min(32, len(lines)))):
            for label, p in enumerate(run(ids, mask).softmax(-1)[0].tolist()):
                worst = max(worst, abs(ours[i][model.config.id2label[label]] - p))
        print(f"probabilities of heed and {name}: largest difference {worst:.2g}")

    def measure(title, count, programs):
        figures = {name: [] for name in programs}
        for round in range(options.rounds + 1):
            for name, run in programs.items():
                figure = run()
                if round:  # the first one warms up
                    figures[name].append(figure)
        print(f"{title}, {count} texts, {options.threads} threads, texts/s:")
        for name, values in figures.items():
            print(f"  {name:24} {spread(values)}")
        best = [max(values) for values in zip(*(v for name, v in figures.items() if name != "heed"))]
        print(f"  ratio to the best        {spread([a / b for a, b in zip(figures['heed'], best)])}", flush=True)

    one = min(options.one_at_a_time, len(lines))
    measure("one at a time", one, {"heed": lambda: time_heed(1, one),
                                   "ONNX Runtime": lambda: time_others(run_onnx, 1, one),
                                   "PyTorch": lambda: time_others(run_torch, 1, one)})
    every = len(lines)
    measure("together", every, {"heed": lambda: time_heed(every, every),
                                "ONNX Runtime, batch 32": lambda: time_others(run_onnx, 32, every),
                                "ONNX Runtime, batch 1": lambda: time_others(run_onnx, 1, every),
                                "PyTorch, batch 32": lambda: time_others(run_torch, 32, every)})
