#!/usr/bin/env python3
"""Writes train.txt and valid.txt, the sentences that models/encoder was trained on, one per line:

    prepare.py DATA

DATA has multi30k/train.en, sst2/train.tsv, style/shakespeare.train.{modern,original}, lm/tinyshakespeare.txt, lm/botchan.txt and
ner/{wikigold,btc.a,…}.conll, each packed with gzip (.gz). README.md says where they are from. One sentence in a hundred of each
source is for validation. The last tenth of Shakespeare and of the entities is left out, since it is for testing.
"""
import gzip
import pathlib
import random
import re
import sys

DATA = pathlib.Path(sys.argv[1])


def lines_of(name):
    with gzip.open(DATA / (name + ".gz"), "rt", encoding="utf-8") as file:
        return file.read().split("\n")


def natural(text):
    """The text without the spaces that a tokenizer of words put before punctuation."""
    text = re.sub(r" ([.,!?;:)'])", r"\1", text).replace("( ", "(").replace(" n't", "n't")
    return text.replace("`` ", '"').replace(" ''", '"').strip()


def distinct(texts):
    """The longest texts first, and of the others those that share at most half of their runs of five words with them."""
    kept, seen = [], set()
    for text in sorted(texts, key=lambda text: (-len(text), text)):
        words = text.split()
        runs = {tuple(words[i:i + 5]) for i in range(max(1, len(words) - 4))}
        if len(runs & seen) <= len(runs) / 2:
            seen |= runs
            kept.append(text)
    return kept


def film_reviews():
    texts = [line.split("\t")[0] for line in lines_of("sst2/train.tsv")[1:]]
    return distinct({natural(text) for text in texts if len(text.split()) >= 6})


def shakespeare():
    speeches = "\n".join(lines_of("lm/tinyshakespeare.txt")).split("\n\n")
    texts = [" ".join(line for line in speech.split("\n") if not line.endswith(":")) for speech in speeches]
    return texts[:int(len(texts) * 0.9)]


def entities(name):
    sentences, words = [], []
    for line in lines_of(f"ner/{name}.conll"):
        fields = line.split()
        if fields:
            words.append(fields[0])
        elif words:
            sentences.append(natural(" ".join(words)))
            words = []
    return sentences[:int(len(sentences) * 0.9)]


sources = {
    "multi30k": lines_of("multi30k/train.en"),
    "sst2": film_reviews(),
    "style": [natural(x) for side in ("modern", "original") for x in lines_of(f"style/shakespeare.train.{side}")],
    "shakespeare": shakespeare(),
    "botchan": re.split(r"(?<=[.!?]) +", " ".join(lines_of("lm/botchan.txt"))),
    "ner": [x for name in ("wikigold", "btc.a", "btc.b", "btc.e", "btc.f", "btc.g", "btc.h") for x in entities(name)],
}
train, valid = [], []
for name, texts in sources.items():
    texts = [" ".join(text.split()) for text in texts if len(text.split()) >= 3]
    random.Random(name).shuffle(texts)
    held_out = max(50, len(texts) // 100)
    valid += texts[:held_out]
    train += texts[held_out:]
random.Random(3).shuffle(train)
pathlib.Path("train.txt").write_text("\n".join(train) + "\n", encoding="utf-8")
pathlib.Path("valid.txt").write_text("\n".join(valid) + "\n", encoding="utf-8")
