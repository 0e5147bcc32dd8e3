#!/usr/bin/env python3
"""Times heed continuing prompts with greedy search: together in one call, and one after the other, alternating, in one run.

    decoding.py MODEL_FOLDER [MODEL_FOLDER ...] --input FILE [--prompts 64] [--new-tokens 64] [--alone 8] [--rounds 5]

FILE has one prompt per line. Only the first --alone prompts are run one after the other. Continuations must be equal both ways.
With several folders, such as the same model stored in float32 and in bfloat16, each is also compared with the first. A
continuation that ends early counts as --new-tokens tokens, so models should not end early. Reading the prompts counts as well.
Each figure is the median of the rounds, with the lowest and the highest. Nothing else should run.
"""
import argparse
import time

from common import add_heed, read_lines, spread
from libheed import Heed

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("models", nargs="+", metavar="MODEL_FOLDER")
parser.add_argument("--input", required=True)
parser.add_argument("--prompts", type=int, default=64)
parser.add_argument("--new-tokens", type=int, default=64)
parser.add_argument("--alone", type=int, default=8)
parser.add_argument("--rounds", type=int, default=5)
add_heed(parser)
options = parser.parse_args()
prompts = [line for line in read_lines(options.input) if line.strip()][:options.prompts]
opened = {folder: Heed(options.heed, folder, options.threads) for folder in options.models}


def generate(heed, groups):
    """The continuations, and new tokens per second."""
    start, out = time.perf_counter(), []
    for group in groups:
        out += heed.generate(group, options.new_tokens)
    return out, len(out) * options.new_tokens / (time.perf_counter() - start)


together = {folder: [] for folder in opened}
alone = {folder: [] for folder in opened}
for round in range(options.rounds + 1):
    for folder, heed in opened.items():
        all_texts, fast = generate(heed, [prompts])
        some_texts, slow = generate(heed, [[prompt] for prompt in prompts[:options.alone]])
        assert all_texts[:len(some_texts)] == some_texts, f"{folder}: a continuation depends on the others"
        if round:  # the first one warms up
            together[folder].append(fast)
            alone[folder].append(slow)

print(f"{len(prompts)} prompts, {options.new_tokens} new tokens each, {options.threads} threads, tokens/s:")
first = options.models[0]
for folder in options.models:
    print(f"{folder}")
    print(f"  together             {spread(together[folder])}")
    print(f"  one after the other  {spread(alone[folder])}")
    print(f"  ratio                {spread([a / b for a, b in zip(together[folder], alone[folder])])}")
    if folder != first:
        print(f"  together, to {first}: {spread([a / b for a, b in zip(together[folder], together[first])])}")
        print(f"  alone, to {first}: {spread([a / b for a, b in zip(alone[folder], alone[first])])}")
