#!/usr/bin/env python3
"""Times heed continuing prompts with greedy search, alternating, in one run: together in one call, in one session to which they
are added at random times, and one after the other.

    decoding.py MODEL_FOLDER [MODEL_FOLDER ...] --input FILE [--prompts 64] [--new-tokens 64] [--alone 8] [--rounds 5]

FILE has one prompt per line. Only the first --alone prompts are run one after the other. The random times are uniform over half of
the time that the prompts took together, from a fixed seed. Continuations must be equal in all three ways.
With several folders, such as the same model stored in float32 and in bfloat16, each is also compared with the first. A
continuation that ends early counts as --new-tokens tokens, so models should not end early. Reading the prompts counts as well.
Each figure is the median of the rounds, with the lowest and the highest. Nothing else should run.
"""
import argparse
import random
import time

from common import add_heed, read_lines, spread
from libheed import Heed, Session

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


def generate_arriving(heed, times):
    """The continuations of the prompts, which are added to one session at these times, in seconds; new tokens per second."""
    start, out, added = time.perf_counter(), {}, 0
    session = Session(heed, {"max-new-tokens": options.new_tokens})
    while len(out) < len(prompts):
        while added < len(prompts) and times[added] <= time.perf_counter() - start:
            session.add(prompts[added], added)
            added += 1
        if session.is_busy():
            session.step()
            out |= session.finished()
    seconds = time.perf_counter() - start
    session.close()
    return [out[i] for i in range(len(prompts))], len(prompts) * options.new_tokens / seconds


chance = random.Random(1)
together = {folder: [] for folder in opened}
arriving = {folder: [] for folder in opened}
alone = {folder: [] for folder in opened}
for round in range(options.rounds + 1):
    for folder, heed in opened.items():
        all_texts, fast = generate(heed, [prompts])
        window = len(prompts) * options.new_tokens / fast / 2
        times = sorted(chance.uniform(0, window) for _ in prompts)
        arriving_texts, random_fast = generate_arriving(heed, times)
        assert arriving_texts == all_texts, f"{folder}: a continuation depends on the arrivals"
        some_texts, slow = generate(heed, [[prompt] for prompt in prompts[:options.alone]])
        assert all_texts[:len(some_texts)] == some_texts, f"{folder}: a continuation depends on the others"
        if round:  # the first one warms up
            together[folder].append(fast)
            arriving[folder].append(random_fast)
            alone[folder].append(slow)

print(f"{len(prompts)} prompts, {options.new_tokens} new tokens each, {options.threads} threads, tokens/s:")
first = options.models[0]
for folder in options.models:
    print(f"{folder}")
    print(f"  together             {spread(together[folder])}")
    print(f"  at random times      {spread(arriving[folder])}")
    print(f"  one after the other  {spread(alone[folder])}")
    print(f"  together, ratio      {spread([a / b for a, b in zip(together[folder], alone[folder])])}")
    print(f"  at random, ratio     {spread([a / b for a, b in zip(arriving[folder], alone[folder])])}")
    if folder != first:
        print(f"  together, to {first}: {spread([a / b for a, b in zip(together[folder], together[first])])}")
        print(f"  alone, to {first}: {spread([a / b for a, b in zip(alone[folder], alone[first])])}")
