#!/usr/bin/env python3
"""Converts a model folder with CTranslate2, translates with it and with heed, and compares BLEU and time.

    compare_ctranslate2.py MODEL_FOLDER --source FILE --reference FILE [--beams 5]

Exit 1 if the two BLEU differ by more than 0.1.
"""
import argparse
import sys

from sacrebleu.metrics import BLEU

from common import add_heed, ctranslate2_translate, heed_translate, read_lines

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("model")
parser.add_argument("--source", required=True)
parser.add_argument("--reference", required=True)
parser.add_argument("--beams", type=int, default=5)
add_heed(parser)
options = parser.parse_args()
lines, reference = read_lines(options.source), read_lines(options.reference)
if len(lines) != len(reference):
    parser.error(f"{len(lines)} lines in {options.source}, {len(reference)} in {options.reference}")

scores = {}
for name, (texts, seconds) in {
        "heed": heed_translate(options.heed, options.model, lines, options.beams, options.threads),
        "CTranslate2": ctranslate2_translate(options.model, lines, options.beams, options.threads)}.items():
    bleu = BLEU()
    scores[name] = bleu.corpus_score(texts, [reference]).score
    part = "whole process" if name == "heed" else "without starting Python and opening the model"
    print(f"{name:12} BLEU {scores[name]:.2f}   {seconds:.2f} s ({part})   {bleu.get_signature()}")
difference = abs(scores["heed"] - scores["CTranslate2"])
print(f"difference   {difference:.2f} BLEU (at most 0.1)")
sys.exit(difference > 0.1)
