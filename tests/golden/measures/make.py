#!/usr/bin/env python3
"""Labels of words and of texts, drawn at random, and what seqeval and scikit-learn make of them, in heed's tables.

    python make.py        # needs seqeval and scikit-learn
"""
import random

from seqeval.metrics import accuracy_score, classification_report
from sklearn.metrics import accuracy_score as text_accuracy
from sklearn.metrics import precision_recall_fscore_support

random.seed(7)


def sentence(labels, weights):
    return random.choices(labels, weights, k=random.randint(1, 12))


def line(numbers, count, name):
    return "".join(f"{100 * n:9.2f}" for n in numbers) + f"{count:9d}  {name}\n"


def head(noun, what):
    return f"precision   recall       F1 {noun:>8}  {what}\n"


def blur(words, labels, weights):
    return [random.choices(labels, weights)[0] if random.random() < 0.25 else label for label in words]


def spans(name, labels, weights, sentences=150):
    wanted = [sentence(labels, weights) for _ in range(sentences)]
    found = [blur(words, labels, weights) for words in wanted]
    for side, sentences in (("wanted", wanted), ("found", found)):
        with open(f"{name}-{side}", "w") as out:
            for words in sentences:
                out.write("".join(f"w{i} {label}\n" for i, label in enumerate(words)) + "\n")
    report = classification_report(wanted, found, output_dict=True, zero_division=0)
    rows = [(key, report[key]) for key in sorted(report) if not key.endswith("avg")] + [("all", report["micro avg"])]
    with open(f"{name}-expected", "w") as out:
        out.write(
            f"span F1 {100 * report['micro avg']['f1-score']:.2f}  accuracy {100 * accuracy_score(wanted, found):.2f}"
            f"  ({sum(map(len, wanted))} words)\n" + head("spans", "type")
        )
        for key, row in rows:
            out.write(line((row["precision"], row["recall"], row["f1-score"]), int(row["support"]), key))


def texts():
    labels, weights = ["bad", "fine", "good", "odd"], [4, 3, 4, 1]
    wanted = random.choices(labels, weights, k=200)
    found = blur(wanted, labels + ["new"], weights + [1])
    for side, all_labels in (("wanted", wanted), ("found", found)):
        with open(f"texts-{side}", "w") as out:
            out.write("".join(label + "\n" for label in all_labels))
    names = sorted(set(wanted) | set(found))
    numbers = list(zip(*precision_recall_fscore_support(wanted, found, labels=names, zero_division=0)))
    with open("texts-expected", "w") as out:
        macro = sum(row[2] for row in numbers) / len(numbers)
        out.write(
            f"accuracy {100 * text_accuracy(wanted, found):.2f}  macro F1 {100 * macro:.2f}  ({len(wanted)} texts)\n"
            + head("texts", "label")
        )
        for name, row in zip(names, numbers):
            out.write(line(row[:3], int(row[3]), name))


spans("bio", ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-MISC", "I-MISC"], [6, 2, 2, 2, 2, 1, 1])
spans("io", ["O", "I-PER", "I-LOC", "I-ORG"], [4, 2, 2, 1])
texts()
spans("ioe", ["O", "I-PER", "E-PER", "I-LOC", "E-LOC"], [4, 2, 2, 2, 2], 60)
spans("bioes", ["O"] + [f"{tag}-{kind}" for kind in ("PER", "e-mail") for tag in "BIES"], [5] + 8 * [1], 60)
spans("bilou", ["O"] + [f"{tag}-{kind}" for kind in ("PER", "LOC") for tag in "BILU"], [5] + 8 * [1], 60)
spans("bare", ["O", "B", "I"], [2, 1, 2], 60)
spans("mixed", ["O", "PER", "LOC", "B-é", "I-é", "é-PER", "PER-B", "I-", "E", "U", "."], [5] + 10 * [1], 60)
