"""Makes the goldens of tests/unit/sentencepiece.c beside this file: NAME/ has the files of a tokenizer, NAME/goldens.json what
tokenizers or transformers makes of them.

    make.py [NAME ...]        (default: all)

Needs tokenizers, transformers, sentencepiece and protobuf (made with 0.23.3, 5.24.0, 0.2.3 and 7.35.1). A golden is
{"text", "ids", "offsets", "decoded"}: ids and offsets (in characters; null where the tokenizer has none) with the special tokens of the
template, and the text decoded from the ids without special tokens.
"""
import base64
import json
import struct
import sys
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

here = Path(__file__).resolve().parent

texts = [
    "", " ", "   ", "a", " a b ", "a  b", "   leading", "trailing   ", "A dog runs in the park.", "The red dog, quickly: \"stop!\"",
    "don't can't", "Zwei Hunde, groß und grün, laufen über die Straße!", "Un homme l'a vu à l'école.", "e\u0301cole \u00e9cole", "\u0301abc",
    "Ａ\u0301b", "①\u0301\u0302x ②", "ﬁn ﷺ Ω Å", "한국어 각 \u1100\u1161\u11a8 \u1100\u0301", "日本語。テスト、中文", "😀👍🏽 ❤️ 👨‍👩‍👧 ©\u200d😀\u0301 🇩🇪",
    "<s>hello</s>", "hello </s> world", "</s></s>", " </s> x", "a<unk>b", "the <pad> dog", "<mask>the <mask> dog<mask>", "x▁y", "▁", "▁▁a",
    "a\tb\u00a0c\u3000d", "two\nlines\r\nthree", "z" * 61, "the" * 50, "\u0600ab \u0600\u0301", "a\u200bb\u00adc\ufeffd\u0007e\u0000f", "क\u094dष \u0e33 \u0903a",
    "\U0010fffd\U000e0100", "1234 5,678.90", "``quoted''", "ÀÉÎõü ÇA", "<extra_id_0> x <extra_id_99>", ">>fra<< hello", "②\u200bx ﬁ\u200b\u0007y \u200b", "\u200b\u0007②b", "en_XX hello __en__ eng_Latn", "[CLS] a [SEP]",
]


def charsmap(entries):
    """The stored form of a character map: a double array (darts-clone) and the replacements."""
    strings, trie, units = b"", {}, {0: 0}
    for source, target in entries.items():
        node = trie
        for byte in source.encode():
            node = node.setdefault(byte, {})
        node[-1] = len(strings)
        strings += target.encode() + b"\0"
    used, bases = {0}, set()

    def place(at, node):
        labels = ([0] if -1 in node else []) + sorted(byte for byte in node if byte >= 0)
        if not labels:
            return
        base = 1
        while base in bases or any(base ^ label in used for label in labels):
            base += 1
        bases.add(base)
        used.update(base ^ label for label in labels)
        units[at] = units.get(at, 0) | (at ^ base) << 10 | (0x100 if -1 in node else 0)
        if -1 in node:
            units[base] = 1 << 31 | node[-1]
        for byte in labels:
            if byte:
                units[base ^ byte] = byte
        for byte in labels:
            if byte:
                place(base ^ byte, node[byte])

    place(0, trie)
    size = (max(units) // 256 + 1) * 256
    return struct.pack("<I%dI" % size, 4 * size, *[units.get(i, 0) for i in range(size)]) + strings


MAP = {"\t": " ", "\n": " ", "\r\n": " ", "\u00a0": " ", "\u3000": " ", "\u200b": "", "\u0007": "", "Ａ": "A", "①": "1", "②": "(2)", "ﬁ": "fi", "ﷺ": "abc",
       "e\u0301": "é", "\u1100\u1161\u11a8": "각", "\u1100": "ㄱ", "©": "(c)", "\u0600": "#", "ab": "X", "\u0e33": "\u0e4d\u0e32", "😀": ":)"}


def pieces():
    words = ["▁the", "▁dog", "▁", "▁a", "the", "ing", "un", "▁Un", "ab", "▁Straße", "▁über", "lo", "hel", "▁hel", "한국어", "日本語", "fi", "zz", "zzz", "é", "éc"]
    letters = sorted(set("abcdefghiklmnoprstuvwxyzTAZHD.,!'ßü▁1234()"))
    scored = [(word, -2.0 - i / 7) for i, word in enumerate(words)] + [(letter, -7.5 - i / 64) for i, letter in enumerate(letters) if letter not in words]
    return scored


def write(name, tokenizer, encode, decode):
    goldens = []
    for text in texts:
        ids, offsets = encode(text)
        goldens.append({"text": text, "ids": ids, "offsets": offsets, "decoded": decode(ids)})
    with open(here / name / "goldens.json", "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(golden, ensure_ascii=True) for golden in goldens) + "\n]\n")


def unigram(name, model, normalizer=None, pre_tokenizer=None, edit=None):
    tokenizer = Tokenizer(model)
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer or pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.add_special_tokens(["</s>", "<pad>"])
    (here / name).mkdir(exist_ok=True)
    contents = json.loads(tokenizer.to_str())
    if edit:
        edit(contents)
    path = here / name / "tokenizer.json"
    path.write_text(json.dumps(contents, ensure_ascii=True, indent=None) + "\n")
    tokenizer = Tokenizer.from_file(str(path))

    def encode(text):
        encoding = tokenizer.encode(text)
        return encoding.ids, encoding.offsets

    write(name, tokenizer, encode, tokenizer.decode)


def old(contents):
    for key in ["type", "byte_fallback"]:
        del contents["model"][key]


cases = {
    # The later of two equal pieces counts, the empty one never; ties between paths; the unknown piece in the text.
    "plain": lambda: unigram("plain", models.Unigram([("<unk>", 0.0)] + pieces() + [("", -1.0), ("lo", -2.5), ("xy", -16.0), ("x▁y", -4.0)], 0)),
    "old": lambda: unigram("old", models.Unigram(pieces()[:-1] + [("<unk>", -3.0)], len(pieces()) - 1), edit=old),
    "bytes": lambda: unigram("bytes", models.Unigram([("<unk>", 0.0)] + [("<0x%02X>" % i, -12.0) for i in range(256) if i != 0xF0] + pieces(), 0, True)),
    # Scores above zero: an unknown character costs less than nothing, and two of them can be worth more than a piece.
    "positive": lambda: unigram("positive", models.Unigram([("<unk>", 20.0), ("do", 20.0), ("th", 20.0), ("e", 21.0), ("▁", 20.0)], 0)),
    "mapped": lambda: unigram(
        "mapped", models.Unigram([("<unk>", 0.0)] + pieces() + [(":)", -3.0), ("X", -5.0), ("#", -6.0)], 0), normalizers.Precompiled(charsmap(MAP)),
        pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])),
}

if __name__ == "__main__":
    for name in sys.argv[1:] or cases:
        cases[name]()
