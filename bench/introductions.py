"""Compares heed with transformers on three models that introductions name, at full size:

    python bench/introductions.py [--heed build/heed] [--data ../shared/data] [--texts 40] [--threads 2]

dslim/bert-base-NER in `heed tag`, siebert/sentiment-roberta-large-english in `heed classify` and VietAI/envit5-translation, by
greedy and by beam search, in `heed translate`. A translation that differs counts only if float64 gives that of float32. The weights are random, from a
fixed seed, and large enough that answers differ between texts. The configs are those of the models, the tokenizers those of DATA
(the entities are read with the uncased vocabulary, since DATA has no cased one). Prints how many answers differ, and exits with 1
if one does. The folders take 2.9 GB while the script runs.
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


def run(heed, verb, folder, texts, threads, *options):
    done = subprocess.run([heed, verb, "-m", str(folder), "--json", "-t", str(threads), *options],
                          input="\n".join(texts) + "\n", capture_output=True, text=True, check=True)
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


def make_translator(folder):
    """Random weights as transformers initializes them, with an output table of its own as the model's file has one."""
    torch.manual_seed(3)
    with open(folder / "config.json") as file: config = transformers.T5Config.from_dict(json.load(file))
    model = transformers.T5ForConditionalGeneration(config)
    with torch.no_grad():
        model.lm_head.weight = torch.nn.Parameter(torch.randn_like(model.lm_head.weight) * 0.2)
        for name, weight in model.named_parameters():
            if "relative_attention_bias" in name: weight.copy_(torch.randn_like(weight))
    model.save_pretrained(folder)


def compare_translations(heed, folder, texts, threads):
    """New tokens are few, since nothing that random weights say comes to an end."""
    # T5's class of transformers 5 expects a unigram model, but this file has merges: it is opened as what it is
    special = {name: json.loads((folder / "special_tokens_map.json").read_text())[name]
               for name in ("eos_token", "pad_token", "unk_token")}
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), **special)
    model = transformers.T5ForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
    beams, different, rounded, words = (1, 4), 0, 0, set()
    found = {n: run(heed, "translate", folder, texts, threads, "--beams", str(n), "--max-new-tokens", "12")
             for n in beams}

    def translate(text, n):
        ids = tokenizer(text, return_tensors="pt", return_token_type_ids=False)
        with torch.no_grad():
            out = model.generate(**ids, num_beams=n, max_new_tokens=12, do_sample=False, early_stopping=False)
        return tokenizer.decode(out[0], skip_special_tokens=True)

    expected = {(i, n): translate(text, n) for i, text in enumerate(texts) for n in beams}
    model.double()
    for (i, n), other in expected.items():
        answer = found[n][i][0] if isinstance(found[n][i], list) else found[n][i]
        answer = answer["translation_text"]
        words.add(other)
        if answer == other: continue
        if translate(texts[i], n) != other:
            rounded += 1
            continue
        print(f"{texts[i]!r}, {n} beams:\n  heed {answer!r}\n  transformers {other!r}")
        different += 1
    print(f"envit5-translation: {different} of {len(expected)} translations differ and {rounded} hang on rounding; "
          f"{len(words)} are distinct")
    return different


def main():
    parser = argparse.ArgumentParser()
    add_heed(parser)
    parser.add_argument("--data", type=pathlib.Path, default=PROJECT.parent / "shared/data")
    parser.add_argument("--texts", type=int, default=40)
    parser.add_argument("--only", choices=["tag", "classify", "translate"])
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    sentences, opinions = texts_of(arguments.data, arguments.texts)
    different = 0
    with tempfile.TemporaryDirectory() as work:
        names = {"tag": "bert-base-NER", "classify": "sentiment-roberta-large-english", "translate": "envit5-translation"}
        folders = {verb: pathlib.Path(work) / name for verb, name in names.items()}
        for folder in folders.values(): folder.mkdir()
        ner, sentiment, translator = folders.values()
        if arguments.only in (None, "tag"):
            unpack(arguments.data / "tokenizers/bert-base-uncased", ner)
            (ner / "config.json").write_text(json.dumps(BERT_BASE_NER))
            make(transformers.BertForTokenClassification, ner, 1)
            different += compare_entities(arguments.heed, ner, sentences, arguments.threads)
        if arguments.only in (None, "classify"):
            unpack(arguments.data / "tokenizers/roberta-large-sentiment", sentiment)
            make(transformers.RobertaForSequenceClassification, sentiment, 2)
            different += compare_labels(arguments.heed, sentiment, opinions, arguments.threads)
        if arguments.only in (None, "translate"):
            unpack(arguments.data / "tokenizers/envit5", translator)
            make_translator(translator)
            sources = ["en: " + sentence for sentence in sentences]
            different += compare_translations(arguments.heed, translator, sources, arguments.threads)
    return different > 0


if __name__ == "__main__": sys.exit(main())
