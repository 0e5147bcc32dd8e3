"""Compares heed's tokenizers with the tokenizers package on every line of Multi30k, raw and tokenized, and on tinyshakespeare.

Trains the same tokenizers with both, of each kind, compares vocabulary and merges, encodes every line with the tokenizers of
both and compares ids, offsets and decoded text, and times the two. Then the same for BERT's and GPT-2's own tokenizers, with
pairs of sentences and tinyshakespeare as one text. Run it from a built tree:

    python bench/tokenizer.py [DATA]        # DATA: multi30k/, lm/ and tokenizers/; by default ../shared/data

Needs: tokenizers (made with 0.23.3). Exit 1 if anything differs.
"""
import gzip
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root / "tests/golden/text"))
import make as reference  # the goldens are trained by it too

tool = root / "build/tests/tool-tokenizer"
data = Path(sys.argv[1] if len(sys.argv) > 1 else root.parent / "shared/data")
forms = ["none", "NFC", "NFD", "NFKC", "NFKD"]
kinds = ["bpe", "wordpiece", "byte-bpe", "characters"]


def lines_of(path):
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        return file.read().split("\n")[:-1]


def files_of(language):
    """The files in a language, by the second part of their names; tinyshakespeare's is "shakespeare"."""
    if language == "shakespeare":
        return [data / "lm/tinyshakespeare.txt.gz"]
    return sorted((data / "multi30k").glob(f"*.{language}.gz")) + sorted((data / "multi30k/tok").glob(f"*.{language}.gz"))


def run(lines, *words, end="\n"):
    text = "".join(line + end for line in lines)
    return subprocess.run([tool, *map(str, words)], input=text.encode(), capture_output=True, check=True).stdout.decode()


def written(encoded, types=False):
    if types:
        return " ".join(f"{i}:{a}:{b}:{t}" for i, (a, b), t in zip(encoded.ids, encoded.offsets, encoded.type_ids))
    return " ".join(f"{i}:{a}:{b}" for i, (a, b) in zip(encoded.ids, encoded.offsets))


def encode(name, path, languages):
    """Every line of every language; those of `languages` are what the tokenizer was made for."""
    tokenizer = Tokenizer.from_file(str(path))
    count = wrong = lost = known = 0
    ours = theirs = 0.0
    for language in ("de", "en", "fr", "shakespeare"):
        for file in files_of(language):
            lines = lines_of(file)
            start = time.time()
            expected = [tokenizer.encode(line) for line in lines]
            theirs += time.time() - start
            got = run(lines, "encode", path).split("\n")[:-1]
            ours += float(run(lines, "time", path).split()[-2]) / 10
            text = run([" ".join(map(str, e.ids)) for e in expected], "decode", path).split("\n")[:-1]
            assert len(got) == len(text) == len(lines)
            for line, e, g, t in zip(lines, expected, got, text):
                wrong += written(e) != g or tokenizer.decode(e.ids) != t
                lost += language in languages and t != line
            known += len(lines) if language in languages else 0
            count += len(lines)
    print(f"{name}: {count} lines, {wrong} differ; of {known} lines in its languages {lost} are not given "
          f"back as they were; "
          f"seconds to encode: heed {ours:.2f}, tokenizers {theirs:.2f}", flush=True)
    return wrong


def encode_pairs(name, path):
    tokenizer = Tokenizer.from_file(str(path))
    pairs = list(zip(lines_of(data / "multi30k/train.en.gz"), lines_of(data / "multi30k/train.de.gz")))
    got = run(["\t".join(pair) for pair in pairs], "pairs", path).split("\n")[:-1]
    wrong = sum(written(tokenizer.encode(*pair), True) != g for pair, g in zip(pairs, got, strict=True))
    print(f"{name}: {len(pairs)} pairs, {wrong} differ", flush=True)
    return wrong


def encode_whole(name, path):
    tokenizer = Tokenizer.from_file(str(path))
    text = "".join(line + "\n" for line in lines_of(data / "lm/tinyshakespeare.txt.gz"))
    expected = tokenizer.encode(text)
    got = run([text], "whole", path, end="")[:-1]
    back = run([" ".join(map(str, expected.ids))], "decode", path)[:-1]
    wrong = got != written(expected) or back != tokenizer.decode(expected.ids).replace("\n", "\\n")
    kept = tokenizer.decode(expected.ids) == text
    print(f"{name}: tinyshakespeare as one text, {len(expected.ids)} tokens, {'DIFFERENT' if wrong else 'the same'}, "
          f"{'given back as it was' if kept else 'not given back as it was'}", flush=True)
    return wrong


def train_reference(kind, lines, size, minimum, form, lowercase):
    if kind == "bpe":
        return reference.marian(lines, size, minimum, form, lowercase)
    if kind == "wordpiece":
        return reference.wordpiece(lines, size, minimum, lowercase)
    whole = [line + "\n" for line in lines]
    return reference.byte_level(whole, size, minimum) if kind == "byte-bpe" else reference.characters(whole)


def train(kind, languages, size, minimum, form, lowercase, folder):
    lines = [line for language in languages.split()
             for line in lines_of(data / ("lm/tinyshakespeare.txt.gz" if language == "shakespeare" else
                                          f"multi30k/train.{language}.gz"))]
    ours, theirs = folder / "ours.json", folder / "theirs.json"
    start = time.time()
    run(lines, "train", ours, kinds.index(kind), size, minimum, form, int(lowercase), 0)
    middle = time.time()
    train_reference(kind, lines, size, minimum, form, lowercase).save(str(theirs))
    a, b = json.load(open(ours)), json.load(open(theirs))
    vocabulary = {**b["model"]["vocab"], **{t["content"]: t["id"] for t in b["added_tokens"]}}
    same = a["model"]["vocab"] == vocabulary and a["model"].get("merges") == b["model"].get("merges")
    print(f"train {kind} on {languages}, {size} tokens, {forms[form]}, lowercase {lowercase}: {len(lines)} lines, "
          f"{len(vocabulary)} tokens, {'the same' if same else 'DIFFERENT'}; "
          f"seconds: heed {middle - start:.2f}, tokenizers {time.time() - middle:.2f}", flush=True)
    wrong = not same
    for name, path in {"  heed's file": ours, "  tokenizers' file": theirs}.items():
        wrong += encode(name, path, languages.split())
        if kind != "bpe":
            wrong += encode_pairs(name, path) + encode_whole(name, path)
    return wrong


def published(folder):
    """BERT's tokenizer, and GPT-2's of its two files."""
    bert, gpt2 = folder / "bert.json", folder / "gpt2.json"
    bert.write_bytes(gzip.open(data / "tokenizers/bert-base-uncased/tokenizer.json.gz").read())
    vocabulary = json.load(gzip.open(data / "tokenizers/gpt2/vocab.json.gz"))
    merges = [tuple(line.split(" ")) for line in lines_of(data / "tokenizers/gpt2/merges.txt.gz") if not line.startswith("#version")]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, continuing_subword_prefix="", end_of_word_suffix=""))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.add_special_tokens(["<|endoftext|>"])
    tokenizer.save(str(gpt2))
    wrong = 0
    for name, path, languages in ("bert-base-uncased", bert, ()), ("gpt2", gpt2, ("de", "en", "fr", "shakespeare")):
        wrong += encode(name, path, languages) + encode_pairs(name, path) + encode_whole(name, path)
    return wrong


def main():
    plans = [("wordpiece", "en", 8000, 2, 0, True), ("wordpiece", "de fr", 5000, 0, 0, False),
             ("byte-bpe", "shakespeare", 2000, 2, 0, False), ("byte-bpe", "de en", 8000, 0, 0, False),
             ("characters", "shakespeare", 1000, 0, 0, False), ("characters", "en de", 1000, 0, 0, False),
             ("bpe", "en de", 10000, 2, 0, False), ("bpe", "en fr", 8000, 2, 3, True),
             ("bpe", "en de fr", 4000, 0, 1, False), ("bpe", "de", 30000, 0, 2, True)]
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        wrong += published(Path(folder))
        for plan in plans:
            wrong += train(*plan, Path(folder))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
