#!/usr/bin/env python3
"""sacreBLEU's score and signature, to compare with `heed evaluate bleu`.

    bleu.py HYPOTHESES REFERENCES... [--lowercase] [--tokenize 13a|intl|char|none]
"""
import argparse

from sacrebleu.metrics import BLEU

from common import read_lines

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("hypotheses")
parser.add_argument("references", nargs="+")
parser.add_argument("--lowercase", action="store_true")
parser.add_argument("--tokenize", default="13a")
options = parser.parse_args()
hypotheses, references = read_lines(options.hypotheses), [read_lines(path) for path in options.references]
for path, lines in zip(options.references, references):
    if len(lines) != len(hypotheses):
        parser.error(f"{path} has {len(lines)} lines, {options.hypotheses} has {len(hypotheses)}")
bleu = BLEU(lowercase=options.lowercase, tokenize=options.tokenize)
score = bleu.corpus_score(hypotheses, references)
print(score.format(width=2, signature=str(bleu.get_signature())))
