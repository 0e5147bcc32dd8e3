"""Compares heed with the pipelines of transformers on two models that introductions name, at full size:

    python bench/introductions.py [--heed build/heed] [--data ../shared/data] [--texts 40] [--threads 2]

dslim/bert-base-NER in `heed tag` and siebert/sentiment-roberta-large-english in `heed classify`. The weights are random, from a
fixed seed, and large enough that answers differ between texts. The configs are those of the models, the tokenizers those of DATA
(the entities are read with the uncased vocabulary, since DATA has no cased one). Prints how many answers differ, and exits with 1
if one does. The folders take 1.9 GB while the script runs.
"""
import argparse
import collections
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
import transformers

from common import PROJECT, add_heed

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
ENTITIES = ["O", "B-MISC", "I-MISC", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]
BERT_BASE_NER = {
    "_num_labels": 9, "architectures": ["BertForTokenClassification"], "attention_probs_dropout_prob": 0.1,
    "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "hidden_size": 768,
    "id2label": {str(i): name for i, name in enumerate(ENTITIES)}, "initializer_range": 0.02, "intermediate_size": 3072,
    "label2id": {name: i for i, name in enumerate(ENTITIES)}, "layer_norm_eps": 1e-12, "max_position_embeddings": 512,
    "model_type": "bert", "num_attention_heads": 12, "num_hidden_layers": 12, "output_past": True, "pad_token_id": 0,
    "type_vocab_size": 2, "vocab_size": 30522}


def unpack(source, folder):
    for path in source.glob("*.gz"):
        with gzip.open(path) as file: (folder / path.stem).write_bytes(file.read())


def make(kind, folder, seed):
    """Random weights for the config in the folder."""
    torch.manual_seed(seed)
    with open(folder / "config.json") as file: config = kind.config_class.from_dict(json.load(file))
    model = kind(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() == 2 and "embeddings" not in name: weight.mul_(2)
            if name.startswith("classifier"): weight.mul_(4)
    model.save_pretrained(folder)


def lines_of(path):
    with gzip.open(path, "rt", encoding="utf-8") as file: return file.read().split("\n")


def texts_of(data, count):
    """Sentences with entities, and sentences of film reviews."""
    sentences, words = ["George Washington went to Washington.", "Zürich: it's 5 o'clock somewhere (e-mail: a@b.org)"], []
    for line in lines_of(data / "ner/wnut17.dev.conll.gz"):
        if line:
            words.append(line.split("\t")[0])
        elif words:
            sentences.append(" ".join(words))
            words = []
    reviews = [line.split("\t")[0].strip() for line in lines_of(data / "sst2/dev.tsv.gz")[1:]]
    return sentences[:count], [review for review in reviews if review][:count]


def run(heed, verb, folder, texts, threads):
    done = subprocess.run([heed, verb, "-m", str(folder), "--json", "-t", str(threads)], input="\n".join(texts) + "\n",
                          capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def close(a, b): return abs(a - b) < 1e-4


def compare_entities(heed, folder, texts, threads):
    expected = transformers.pipeline("token-classification", model=str(folder), aggregation_strategy="first")
    different = entities = 0
    for text, found in zip(texts, run(heed, "tag", folder, texts, threads), strict=True):
        other = expected(text)
        same = len(found) == len(other) and all(
            (f["entity_group"], f["start"], f["end"]) == (o["entity_group"], o["start"], o["end"]) and
            close(f["score"], o["score"]) for f, o in zip(found, other))
        if not same: print(f"{text!r}:\n  heed {found}\n  transformers {other}")
        different += not same
        entities += len(other)
    print(f"bert-base-NER: {different} of {len(texts)} texts differ, with {entities} entities")
    return different


def compare_labels(heed, folder, texts, threads):
    expected = transformers.pipeline("text-classification", model=str(folder))
    different, labels = 0, collections.Counter()
    for text, found in zip(texts, run(heed, "classify", folder, texts, threads), strict=True):
        other, first = expected(text)[0], found[0] if isinstance(found, list) else found
        same = first["label"] == other["label"] and close(first["score"], other["score"])
        if not same: print(f"{text!r}:\n  heed {first}\n  transformers {other}")
        different += not same
        labels[other["label"]] += 1
    print(f"sentiment-roberta-large-english: {different} of {len(texts)} texts differ, with {dict(labels)}")
    return different


def main():
    parser = argparse.ArgumentParser()
    add_heed(parser)
    parser.add_argument("--data", type=pathlib.Path, default=PROJECT.parent / "shared/data")
    parser.add_argument("--texts", type=int, default=40)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    sentences, opinions = texts_of(arguments.data, arguments.texts)
    different = 0
    with tempfile.TemporaryDirectory() as work:
        ner, sentiment = pathlib.Path(work) / "bert-base-NER", pathlib.Path(work) / "sentiment-roberta-large-english"
        ner.mkdir(), sentiment.mkdir()
        unpack(arguments.data / "tokenizers/bert-base-uncased", ner)
        (ner / "config.json").write_text(json.dumps(BERT_BASE_NER))
        make(transformers.BertForTokenClassification, ner, 1)
        different += compare_entities(arguments.heed, ner, sentences, arguments.threads)
        unpack(arguments.data / "tokenizers/roberta-large-sentiment", sentiment)
        make(transformers.RobertaForSequenceClassification, sentiment, 2)
        different += compare_labels(arguments.heed, sentiment, opinions, arguments.threads)
    return different > 0


if __name__ == "__main__": sys.exit(main())
