"""Compares heed's tokenizer with the tokenizers package on every line of Multi30k, raw and tokenized.

Trains the same tokenizers with both, compares vocabulary and merges, encodes every line with the tokenizers of both and
compares ids, offsets and decoded text, and times the two. Run it from a built tree:

    python bench/tokenizer.py [DATA]        # DATA: a folder with multi30k/, by default ../shared/data

Needs: tokenizers (made with 0.23.3). Exit 1 if anything differs.
"""
import gzip
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

root = Path(__file__).resolve().parent.parent
tool = root / "build/tests/tool-tokenizer"
data = Path(sys.argv[1] if len(sys.argv) > 1 else root.parent / "shared/data") / "multi30k"
forms = ["none", "NFC", "NFD", "NFKC", "NFKD"]


def lines_of(path):
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        return file.read().split("\n")[:-1]


def run(lines, *words):
    text = "".join(line + "\n" for line in lines)
    return subprocess.run([tool, *map(str, words)], input=text.encode(), capture_output=True, check=True).stdout.decode()


def train_reference(lines, size, minimum, form, lowercase):
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    steps = [getattr(normalizers, forms[form])()] if form else []
    steps += [normalizers.Lowercase()] if lowercase else []
    if steps:
        tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation()])
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=size - 1, min_frequency=minimum, special_tokens=["</s>", "<unk>"],
                                  show_progress=False)
    start = time.time()
    tokenizer.train_from_iterator(lines, trainer)
    seconds = time.time() - start
    tokenizer.add_special_tokens(["<pad>"])
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A $B </s>",
                                                             special_tokens=[("</s>", 0)])
    return tokenizer, seconds


def compare(name, path, files, languages):
    tokenizer = Tokenizer.from_file(str(path))
    count = wrong = lost = known = 0
    ours = theirs = 0.0
    for file in files:
        lines = lines_of(file)
        known_language = file.name.split(".")[1] in languages
        start = time.time()
        expected = [tokenizer.encode(line) for line in lines]
        theirs += time.time() - start
        got = run(lines, "encode", path).split("\n")[:-1]
        ours += float(run(lines, "time", path).split()[-2]) / 10
        text = run([" ".join(map(str, e.ids)) for e in expected], "decode", path).split("\n")[:-1]
        assert len(got) == len(text) == len(lines)
        for line, e, g, t in zip(lines, expected, got, text):
            want = " ".join(f"{i}:{a}:{b}" for i, (a, b) in zip(e.ids, e.offsets))
            wrong += want != g or tokenizer.decode(e.ids) != t
            lost += known_language and t != line
        known += known_language * len(lines)
        count += len(lines)
    print(f"{name}: {count} lines, {wrong} differ; of {known} lines in its languages {lost} are not given "
          f"back as they were; "
          f"seconds to encode: heed {ours:.2f}, tokenizers {theirs:.2f}", flush=True)
    return wrong


def main():
    files = sorted(data.glob("*.gz")) + sorted((data / "tok").glob("*.gz"))
    wrong = 0
    plans = [("en de", 10000, 2, 0, 0), ("en fr", 8000, 2, 3, 1), ("en de fr", 4000, 0, 1, 0), ("de", 30000, 0, 2, 1)]
    with tempfile.TemporaryDirectory() as folder:
        for languages, size, minimum, form, lowercase in plans:
            lines = [line for language in languages.split() for line in lines_of(data / f"train.{language}.gz")]
            ours, theirs = Path(folder) / "ours.json", Path(folder) / "theirs.json"
            start = time.time()
            run(lines, "train", ours, size, minimum, form, lowercase, 0)
            ours_seconds = time.time() - start
            tokenizer, theirs_seconds = train_reference(lines, size, minimum, form, lowercase)
            tokenizer.save(str(theirs))
            a, b = json.load(open(ours)), json.load(open(theirs))
            vocabulary = {**b["model"]["vocab"], **{t["content"]: t["id"] for t in b["added_tokens"]}}
            same = a["model"]["vocab"] == vocabulary and a["model"]["merges"] == b["model"]["merges"]
            wrong += not same
            print(f"train {languages}, {size} tokens, {forms[form]}, lowercase {lowercase}: {len(lines)} lines, "
                  f"{len(a['model']['merges'])} merges, {'the same' if same else 'DIFFERENT'}; "
                  f"seconds: heed {ours_seconds:.2f}, tokenizers {theirs_seconds:.2f}", flush=True)
            wrong += compare("  heed's file", ours, files, languages.split())
            wrong += compare("  tokenizers' file", theirs, files, languages.split())
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
