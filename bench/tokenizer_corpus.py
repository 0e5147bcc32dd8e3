"""Compares heed's tokenizers with the tokenizers package on every line of text in a folder: ids, offsets, types and decoded text.

    python bench/tokenizer_corpus.py [--data DATA] [--every N] [TOKENIZER ...]

TOKENIZER is a tokenizer.json, compressed or not, or a folder with one; by default those of ../shared/fixtures/tokenizers and
../shared/data/tokenizers. DATA is searched for text in .gz files; by default ../shared/data. --every N takes every Nth line.
Pairs are each line with the next one. What heed saves is compared with what it read: tokenizers must open both as the same.
Run it from a built tree. Needs: tokenizers (made with 0.23.3). Exit 1 if anything differs.
"""
import argparse
import gzip
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tokenizers import Tokenizer

root = Path(__file__).resolve().parent.parent
tool = root / "build/tests/tool-tokenizer"


def lines_of(data, every):
    lines = []
    for path in sorted(data.rglob("*.gz")):
        if "tokenizers" in path.parts[len(data.parts):] or path.suffixes[:-1] in ([".json"], [".npz"]):
            continue
        with gzip.open(path, "rt", encoding="utf-8", newline="\n", errors="replace") as file:
            lines += file.read().split("\n")
    return list(dict.fromkeys(lines))[::every]


def escape(text):
    return "".join({"\t": "\\t", "\n": "\\n", "\\": "\\\\"}.get(c, c if ord(c) >= 32 else f"\\x{ord(c):02x}") for c in text)


def written(encoding):
    return " ".join(f"{i}:{a}:{b}:{t}" for i, (a, b), t in zip(encoding.ids, encoding.offsets, encoding.type_ids))


def run(path, lines):
    done = subprocess.run([tool, "exact", path], input="".join(line + "\n" for line in lines).encode(), capture_output=True)
    return done.stdout.decode().split("\n")[:-1] if done.returncode == 0 else done.stderr.decode().strip()


def flat(part, key):
    """The components of a sequence of sequences."""
    if part is None:
        return []
    return [x for item in part[key] for x in flat(item, key)] if part["type"] == "Sequence" else [part]


def meaning(path):
    """A tokenizer.json without differences that mean nothing: sequences of one, null and empty affixes."""
    document = json.loads(Tokenizer.from_file(str(path)).to_str())
    for part, key in (("normalizer", "normalizers"), ("pre_tokenizer", "pretokenizers"), ("decoder", "decoders"), ("post_processor", "processors")):
        document[part] = flat(document[part], key)
    for key in ("dropout", "continuing_subword_prefix", "end_of_word_suffix"):
        document["model"][key] = document["model"].get(key) or None
    return document


def compare(name, path, lines, folder):
    opened = run(path, [])
    if isinstance(opened, str):
        print(f"{name}: NOT OPENED: {opened}", flush=True)
        return 1
    document = json.loads(path.read_text(encoding="utf-8"))
    document["model"].pop("dropout", None)  # heed ignores it
    tokenizer = Tokenizer.from_str(json.dumps(document))
    tokenizer.no_padding()  # heed never pads
    expected, given = [], []
    for line, after in zip(lines, lines[1:] + [""]):
        for words in ((line,), (line, after)):
            try:
                encoding = tokenizer.encode(*words)
            except Exception as error:  # a truncation that the strategy cannot reach
                expected.append("! " + str(error))
                given.append("\t".join(map(escape, words)))
                continue
            expected.append(written(encoding))
            given.append("\t".join(map(escape, words)))
            if len(words) == 1:
                expected.append(escape(tokenizer.decode(encoding.ids)))
                given.append("\t\t" + " ".join(map(str, encoding.ids)))
    got = run(path, given)
    got = [g.replace("\\x09", "\\t").replace("\\x0a", "\\n").replace("\\x5c", "\\\\") for g in got]
    wrong = [(a, e, g) for a, e, g in zip(given, expected, got, strict=True) if e != g and not (e[:2] == g[:2] == "! ")]
    copy = folder / "copy.json"
    subprocess.run([tool, "copy", path, copy], check=True)
    saved = meaning(copy) == meaning(path)
    print(f"{name}: {len(lines)} lines, {len(given)} comparisons, {len(wrong)} differ; saved "
          f"{'the same' if saved else 'DIFFERENTLY'}", flush=True)
    for line in wrong[:3]:
        print(*("    " + part[:300] for part in line), sep="\n")
    return len(wrong) + (not saved)


def default_tokenizers(shared):
    found = sorted((shared / "fixtures/tokenizers").glob("*/tokenizer.json.gz"))
    return found + sorted((shared / "data/tokenizers").glob("*/tokenizer.json.gz"))


def main():
    shared = root.parent / "shared"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=shared / "data")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("tokenizer", type=Path, nargs="*")
    options = parser.parse_args()
    lines = lines_of(options.data, options.every)
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for given in options.tokenizer or default_tokenizers(shared):
            path = next(p for p in (given / "tokenizer.json", given / "tokenizer.json.gz") if p.exists()) if given.is_dir() else given
            plain = Path(folder) / "tokenizer.json"
            plain.write_bytes(gzip.open(path).read() if path.suffix == ".gz" else path.read_bytes())
            wrong += compare(path.parent.name if path.name.startswith("tokenizer.json") else path.name, plain, lines, Path(folder))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
