"""Compares heed's tokenizers with the tokenizers package on every line of Multi30k, raw and tokenized, and on tinyshakespeare.

Trains the same tokenizers with both, of each kind, compares vocabulary and merges, encodes every line with the tokenizers of
both and compares ids, offsets and decoded text, and times the two. Then the same for BERT's and GPT-2's own tokenizers, with
pairs of sentences and tinyshakespeare as one text. Run it from a built tree:

    python bench/tokenizer.py [DATA]        # DATA: multi30k/, lm/ and tokenizers/; by default ../shared/data
    python bench/tokenizer.py --speed [GEMMA]      # the table of speeds; GEMMA: Gemma 3's tokenizer.json, to open it

Needs: tokenizers (made with 0.23.3), for --speed also tiktoken and sentencepiece. Exit 1 if anything differs.
"""
import concurrent.futures
import gzip
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import sentencepiece
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root / "tests/golden/text"))
import make as reference  # the goldens are trained by it too

tool = root / "build/tests/tool-tokenizer"
data = Path(sys.argv[1] if len(sys.argv) > 1 and sys.argv[1] != "--speed" else root.parent / "shared/data")
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
            ours += float(run(lines, "time", path, 1, 1).split()[0])
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


def published_files(folder):
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
    return bert, gpt2


def published(folder):
    bert, gpt2 = published_files(folder)
    wrong = 0
    for name, path, languages in ("bert-base-uncased", bert, ()), ("gpt2", gpt2, ("de", "en", "fr", "shakespeare")):
        wrong += encode(name, path, languages) + encode_pairs(name, path) + encode_whole(name, path)
    return wrong


# ---- speed ---------------------------------------------------------------------------------------------------------


def corpus():
    """Every text of DATA, one line after the other."""
    files = [file for file in sorted(data.rglob("*.gz")) if "tokenizers" not in file.parts]
    return [line for file in files for line in gzip.open(file, "rt", encoding="utf-8", newline="\n").read().split("\n")[:-1]]


def heed_seconds(text, path, threads, command="time", rounds=3):
    done = subprocess.run([tool, command, str(path), str(rounds), str(threads)], input=text, capture_output=True, check=True)
    return statistics.median(float(word) for word in done.stdout.split()[:rounds])


def seconds_of(call, rounds=3):
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def same_ids(path, lines, ids):
    got = run(lines, "plain", path).split("\n")[:-1]
    return all([int(token.split(":")[0]) for token in g.split()] == list(i) for g, i in zip(got, ids, strict=True))


def tiktoken_gpt2():
    import tiktoken
    alphabet = dict(zip(*gpt2_alphabet()))
    vocabulary = json.load(gzip.open(data / "tokenizers/gpt2/vocab.json.gz"))
    ranks = {bytes(alphabet[c] for c in token): i for token, i in vocabulary.items() if token != "<|endoftext|>"}
    pattern = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"""
    return tiktoken.Encoding("gpt2-file", pat_str=pattern, mergeable_ranks=ranks, special_tokens={"<|endoftext|>": 50256})


def gpt2_alphabet():
    """The characters that represent bytes, and these bytes."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return [chr(byte) for byte in shown] + [chr(256 + i) for i in range(len(hidden))], shown + hidden


def throughput(name, path, peers):
    """heed against each peer (name, encode one line to ids), over the whole corpus, with one thread and two."""
    lines = corpus()
    text = "".join(line + "\n" for line in lines).encode()
    rates = {"heed": [len(text) / heed_seconds(text, path, threads) / 1e6 for threads in (1, 2)]}
    wrong = 0
    for peer, encode_line in peers.items():
        ids = []

        def share(part, keep):
            out = [encode_line(line) for line in part]
            if keep:
                ids.extend(out)

        rates[peer] = [len(text) / seconds_of(lambda: share(lines, not ids), 1) / 1e6]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            halves = [lines[::2], lines[1::2]]
            rates[peer].append(len(text) / seconds_of(lambda: list(pool.map(lambda half: share(half, False), halves)), 1) / 1e6)
        wrong += not same_ids(path, lines, ids)
    for peer, rate in rates.items():
        print(f"{name}: {peer}: {rate[0]:.1f} MB/s with one thread, {rate[1]:.1f} with two; heed is "
              f"{rates['heed'][0] / rate[0]:.1f} and {rates['heed'][1] / rate[1]:.1f} times as fast", flush=True)
    return wrong


def growth(path):
    """Time per byte of a text of 100 MB against one of 1 MB: prose, and a word without an end."""
    prose = ("".join(line + "\n" for line in corpus()) * 5).encode()
    random.seed(1)
    word = "".join(random.choices("etaoinshrdlucmfwypvbgk", k=1_000_000)).encode() * 100
    for name, text in {"prose": prose, "one word": word}.items():
        small = heed_seconds(text[:1_000_000].decode(errors="ignore").encode(), path, 1, "time-whole", 5)
        large = heed_seconds(text[:100_000_000].decode(errors="ignore").encode(), path, 1, "time-whole", 1)
        print(f"{name}: {small * 1000:.1f} ns per byte at 1 MB, {large * 10:.1f} at 100 MB", flush=True)


def training():
    lines = [line for language in ("en", "de") for line in lines_of(data / f"multi30k/train.{language}.gz")]
    with tempfile.TemporaryDirectory() as folder:
        ours = seconds_of(lambda: run(lines, "train", Path(folder) / "ours.json", 0, 10000, 2, 0, 0, 0))
        theirs = seconds_of(lambda: reference.marian(lines, 10000, 2, 0, False))
        source = Path(folder) / "lines"
        source.write_text("".join(line + "\n" for line in lines))
        third = seconds_of(lambda: sentencepiece.SentencePieceTrainer.train(
            input=str(source), model_prefix=f"{folder}/m", vocab_size=10000, model_type="bpe", minloglevel=2))
    print(f"training of 10,000 tokens on Multi30k: heed {ours:.2f} s, tokenizers {theirs:.2f} s, sentencepiece {third:.2f} s")


def speed(folder, gemma):
    """The table of speeds."""
    bert, gpt2 = published_files(folder)
    unigram = folder / "unigram.json"
    unigram.write_bytes(gzip.open(data / "tokenizers/envit5/tokenizer.json.gz").read())
    wrong = 0
    for name, path in {"byte-level BPE (gpt2)": gpt2, "WordPiece (bert)": bert, "Unigram (envit5)": unigram}.items():
        tokenizer = Tokenizer.from_file(str(path))
        peers = {"tokenizers": lambda line, t=tokenizer: t.encode(line, add_special_tokens=False).ids}
        if path == gpt2:
            peers["tiktoken"] = tiktoken_gpt2().encode_ordinary
        wrong += throughput(name, path, peers)
    model = sentencepiece.SentencePieceProcessor(model_file=str(data / "tokenizers/spm-unigram/test_model.model"))
    spm = folder / "spm"
    spm.mkdir()
    (spm / "spiece.model").write_bytes((data / "tokenizers/spm-unigram/test_model.model").read_bytes())
    heed = root / "build/heed"
    lines = corpus()
    text = "".join(line + "\n" for line in lines).encode()
    start = time.perf_counter()
    subprocess.run([heed, "tokenize", "-m", spm, "--ids", "-t", "1"], input=text, capture_output=True, check=True)
    ours = time.perf_counter() - start
    theirs = seconds_of(lambda: [model.encode(line) for line in lines], 1)
    print(f"Unigram (sentencepiece's test model): heed tokenize with printing {len(text) / ours / 1e6:.1f} MB/s, "
          f"sentencepiece {len(text) / theirs / 1e6:.1f} MB/s")
    growth(gpt2)
    training()
    if gemma:
        done = subprocess.run([tool, "open", gemma, "5"], capture_output=True, check=True)
        print(f"opening {gemma}: {statistics.median(map(float, done.stdout.split())):.2f} s")
    return wrong


def main():
    if "--speed" in sys.argv:
        with tempfile.TemporaryDirectory() as folder:
            return 1 if speed(Path(folder), sys.argv[sys.argv.index("--speed") + 1:][:1] and sys.argv[-1]) else 0
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
