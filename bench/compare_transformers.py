#!/usr/bin/env python3
"""Compares heed with transformers in float32 on one model folder: the output of beam search, and with --logits the logits.

    compare_transformers.py MODEL_FOLDER --source FILE [--sentences 100] [--beams 5] [--logits PROGRAM]

PROGRAM is a debugging program of this project that is called as `PROGRAM MODEL_FOLDER`, reads lines of
"source ids | decoder ids" and writes a line of numbers for each, the logits as [decoder ids, vocabulary]. Without one,
logits are left out. Exit 1 if more than one sentence in a hundred differs or a logit differs by more than 1e-4.
"""
import argparse
import subprocess
import sys

import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

from common import add_heed, heed_translate, read_lines, transformers_translate

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("model")
parser.add_argument("--source", required=True)
parser.add_argument("--sentences", type=int, default=100)
parser.add_argument("--beams", type=int, default=5)
parser.add_argument("--logits", metavar="PROGRAM")
add_heed(parser)
options = parser.parse_args()
lines = read_lines(options.source, options.sentences)
failed = False

theirs, _ = transformers_translate(options.model, lines, options.beams, options.threads)
ours, _ = heed_translate(options.heed, options.model, lines, options.beams, options.threads)
same = sum(a == b for a, b in zip(ours, theirs))
for number, (source, a, b) in enumerate(zip(lines, ours, theirs), 1):
    if a != b:
        print(f"line {number}: {source}\n  heed          {a}\n  transformers  {b}")
print(f"beam {options.beams}: the same text for {same} of {len(lines)} sentences")
failed |= same < 0.99 * len(lines)

if options.logits:
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    model = AutoModelForSeq2SeqLM.from_pretrained(options.model, dtype=torch.float32).eval()
    cases = []
    for source, target in zip(lines, theirs):
        if source.strip():
            cases.append((tokenizer(source).input_ids,
                          [model.config.decoder_start_token_id] + tokenizer(target).input_ids[:-1]))
    asked = "".join(" ".join(map(str, s)) + " | " + " ".join(map(str, t)) + "\n" for s, t in cases)
    told = subprocess.run([options.logits, options.model], input=asked, capture_output=True, text=True, check=True)
    answers = told.stdout.split("\n")[:-1]
    assert len(answers) == len(cases), f"{len(cases)} cases, {len(answers)} answers"
    worst = 0.0
    for (source, target), answer in zip(cases, answers):
        with torch.no_grad():
            expected = model(input_ids=torch.tensor([source]), decoder_input_ids=torch.tensor([target])).logits[0]
        got = torch.tensor([float(x) for x in answer.split()]).reshape(expected.shape)
        worst = max(worst, (got - expected).abs().max().item())
    print(f"logits: the largest difference over {len(cases)} sentences is {worst:.3g} (at most 1e-4)")
    failed |= not worst <= 1e-4
else:
    print("logits: not compared (no --logits PROGRAM)")
sys.exit(failed)
