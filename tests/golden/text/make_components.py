"""Makes components.txt beside this file, for tests/unit/tokenizer_components.c. Needs: tokenizers (made with 0.23.3).

components.txt has a tiny tokenizer for each component and each value of its options, and what it makes of adversarial texts. Its
lines have columns with tabs between them, with the escapes of make.py:

    model      JSON
    tokenizer  NAME  tokenizer.json, whose model is that of the last such line
    text       TEXT  "id:start:end:type ..."
    pair       TEXT  TEXT  "id:start:end:type ..."
    ids        "id ..."  decoded text

A text for which tokenizers raises an error is left out.
"""
import json
import os
from pathlib import Path

from tokenizers import Tokenizer, pre_tokenizers

from make import escape

here = Path(__file__).resolve().parent
null = os.open(os.devnull, os.O_WRONLY)
os.dup2(null, 2)  # the panics of tokenizers

texts = [
    "", " ", "   x", " \t\n\r\n\u00a0\u3000\u2028 ", "A dog  runs, don't it? ", "  Zwei [M] x[M]y [M].", "<s>in </s> a<mask> b<s> ",
    "e\u0301 \u00e9 a\u0323\u0301 a\u0301\u0323 \u0301\u0301 \ufb01\u2460\u00bd\u0130\u00df\u1e9e", "\u2581a\u2581\u2581b \u2581 _",
    "\uac01 \u1100\u1161\u11a8 \u65e5\u672c\u3072\u3089\u30ab\u30bf\u30fc\u4e2d\U00020000\U0002b830", "\u0391\u03b2\u0413\u0434 \u05e9\u05dc\u05d5\u05dd \u0645\u064b\u0631 \u0939\u093f \u0e44\u0e17\u0e22",
    "\U0001f600 \U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f \U0001f1e9\U0001f1ea", "\x00\x01\x07\x0b\x0c\x7f\x85\x8f\x9f\u00ad\u200b\u200e\ufeff\ufffd\ue000\U000e0001\U0010ffff\u0378",
    "12,345.60 \u0663\u2167 x1y22", "ABCabc HTTPServer --a--B- 'S's", "\u2014\u201cq\u201d\u2026 \u20ac$^+~`|<>", "abababab hello</w> ##a",
]
pairs = [("a dog", "two cats run"), (" ", ""), ("", "a b c d e f g h"), ("A dog  runs, don't it? ", "<s>x"), ("one two three four five", " six")]

alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
specials = ["<unk>", "<s>", "</s>"]
added = [{"id": None, "content": content, "single_word": single, "lstrip": left, "rstrip": right, "normalized": normalized, "special": special}
         for content, single, left, right, normalized, special in [
             ("<s>", False, False, False, False, True), ("</s>", False, False, True, False, True),
             ("<mask>", False, True, False, False, True), ("[M]", True, False, False, True, False)]]
merged = [("a", "b"), ("ab", "ab"), ("h", "e"), ("l", "l"), ("he", "ll"), ("hell", "o"), ("\u0120", "a"), ("\u0120a", "b"), ("\u2581", "a"), ("\u0120", "\u0120")]


def bpe(characters=(), merges=merged, **fields):
    vocabulary = list(dict.fromkeys([*specials, *alphabet, "\u2581", *characters, *(a + b for a, b in merges)]))
    return {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None, "end_of_word_suffix": None,
            "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
            "vocab": {token: i for i, token in enumerate(vocabulary)}, "merges": [list(pair) for pair in merges], **fields}


def words(kind="WordLevel", **fields):
    """Each piece of a pre-tokenizer is one token, so that its cuts and offsets show."""
    vocabulary = [*specials, "a", "dog", "\u0120a", "\u2581a", " ", ",", "12", "##b", "ab", "hello"]
    return {"type": kind, "unk_token": "<unk>", "vocab": {token: i for i, token in enumerate(vocabulary)}, **fields}


def document(model, **parts):
    vocabulary = model["vocab"]
    tokens, following = [], len(vocabulary)
    for token in parts.pop("added_tokens", added):
        id_ = vocabulary.get(token["content"], following)
        following += token["content"] not in vocabulary
        tokens.append({**token, "id": id_})
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": tokens, "normalizer": None,
            "pre_tokenizer": None, "post_processor": None, "decoder": None, "model": model, **parts}


def of_normalizer(name, *parts):
    """The bytes of the normalized text are its tokens."""
    normalizer = parts[0] if len(parts) == 1 else {"type": "Sequence", "normalizers": list(parts)}
    return name, document(bpe(merges=[]), normalizer=normalizer, pre_tokenizer={"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False})


def of_pre_tokenizer(name, *parts):
    pre_tokenizer = parts[0] if len(parts) == 1 else {"type": "Sequence", "pretokenizers": list(parts)}
    return name, document(words(), pre_tokenizer=pre_tokenizer)


def of_decoder(name, *parts):
    decoder = parts[0] if len(parts) == 1 else {"type": "Sequence", "decoders": list(parts)}
    model = bpe(characters=["##", "##a", "</w>", "a</w>", " .", "n't", " do not", "<0xC3>", "<0xA9>", "<0x41>", "\u00e9", "'s", ".", "b"], fuse_unk=True)
    return name, document(model, pre_tokenizer={"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}, decoder=decoder)


def of_post_processor(name, part, trunk=None, scheme="ByteLevel"):
    pre_tokenizer = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    if scheme != "ByteLevel":
        pre_tokenizer = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}
    return name, document(bpe(), pre_tokenizer=pre_tokenizer, post_processor=part, truncation=trunk)


def special(name, kind=0):
    return {"SpecialToken": {"id": name, "type_id": kind}}


def text(name, kind=0):
    return {"Sequence": {"id": name, "type_id": kind}}


def template(single, pair):
    return {"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": {
        "x": {"id": "x", "ids": [1], "tokens": ["<s>"]}, "y": {"id": "y", "ids": [2, 1], "tokens": ["</s>", "<s>"]}}}


def tokenizers():
    boolean = (False, True)
    for form in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt", "ByteLevel"):
        yield of_normalizer(form, {"type": form})
    for left in boolean:
        for right in boolean:
            yield of_normalizer(f"Strip {left} {right}", {"type": "Strip", "strip_left": left, "strip_right": right})
    for name, fields in {"clean": (True, False, False, False), "chinese": (False, True, False, False), "accents": (False, False, True, False),
                         "lowercase": (False, False, None, True), "no accents": (True, True, False, True), "all": (True, True, None, True)}.items():
        keys = ("clean_text", "handle_chinese_chars", "strip_accents", "lowercase")
        yield of_normalizer(f"BertNormalizer {name}", {"type": "BertNormalizer", **dict(zip(keys, fields))})
    patterns = [{"String": " "}, {"String": "ab"}, {"String": ""}, {"Regex": r"\s+"}, {"Regex": r"(?=[A-Z])"}, {"Regex": r"^"}, {"Regex": r"\p{M}"}]
    for pattern in patterns:
        yield of_normalizer(f"Replace {pattern}", {"type": "Replace", "pattern": pattern, "content": "\u2581"})
    yield of_normalizer("Replace by nothing", {"type": "Replace", "pattern": {"Regex": "[ a]"}, "content": ""})
    yield of_normalizer("Replace by more", {"type": "Replace", "pattern": {"String": "\u00e9"}, "content": "xyz"})
    yield of_normalizer("Prepend", {"type": "Prepend", "prepend": "\u2581"})
    yield of_normalizer("Prepend two", {"type": "Prepend", "prepend": "\u00e9 "})
    yield of_normalizer("Sequence, Llama", {"type": "Prepend", "prepend": "\u2581"}, {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"})
    yield of_normalizer("Sequence, accents", {"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Lowercase"}, {"type": "NFC"})
    yield of_normalizer("Sequence, stripped front", {"type": "Strip", "strip_left": True, "strip_right": False}, {"type": "Replace", "pattern": {"Regex": "^"}, "content": "\u2581"})
    yield of_normalizer("Sequence, nested", {"type": "Sequence", "normalizers": [{"type": "Nmt"}, {"type": "Sequence", "normalizers": [{"type": "NFKC"}]}]},
                        {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "})
    yield of_normalizer("Sequence of none", {"type": "Sequence", "normalizers": []})

    for kind in ("BertPreTokenizer", "Whitespace", "WhitespaceSplit", "UnicodeScripts"):
        yield of_pre_tokenizer(kind, {"type": kind})
    for individual in boolean:
        yield of_pre_tokenizer(f"Digits {individual}", {"type": "Digits", "individual_digits": individual})
    for delimiter in ("a", " ", "\u2014"):
        yield of_pre_tokenizer(f"CharDelimiterSplit {delimiter}", {"type": "CharDelimiterSplit", "delimiter": delimiter})
    for length in (1, 3):
        yield of_pre_tokenizer(f"FixedLength {length}", {"type": "FixedLength", "length": length})
    for scheme in ("always", "first", "never"):
        for split in boolean:
            yield of_pre_tokenizer(f"Metaspace {scheme} {split}", {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": scheme, "split": split})
    yield of_pre_tokenizer("Metaspace old", {"type": "Metaspace", "replacement": "_", "add_prefix_space": True, "str_rep": "_"})
    yield of_pre_tokenizer("Metaspace old never", {"type": "Metaspace", "replacement": "_", "add_prefix_space": False, "prepend_scheme": "never", "str_rep": "_"})
    for prefix in boolean:
        for pattern in boolean:
            yield of_pre_tokenizer(f"ByteLevel {prefix} {pattern}", {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": pattern})
    yield of_pre_tokenizer("ByteLevel old", {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True})
    for behavior in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        yield of_pre_tokenizer(f"Punctuation {behavior}", {"type": "Punctuation", "behavior": behavior})
        for invert in boolean:
            for pattern in ({"String": "a"}, {"Regex": r"\p{L}+|\s"}):
                yield of_pre_tokenizer(f"Split {behavior} {invert} {pattern}", {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert})
    yield of_pre_tokenizer("Punctuation old", {"type": "Punctuation"})
    yield of_pre_tokenizer("Split empty matches", {"type": "Split", "pattern": {"Regex": "x*"}, "behavior": "MergedWithNext", "invert": False})
    yield of_pre_tokenizer("Split nothing", {"type": "Split", "pattern": {"String": ""}, "behavior": "Isolated", "invert": False})
    yield of_pre_tokenizer("Sequence", {"type": "WhitespaceSplit"}, {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "first", "split": True},
                           {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, {"type": "Punctuation", "behavior": "Contiguous"}]})

    rest = {"pre_tokenizer": {"type": "WhitespaceSplit"}, "decoder": {"type": "BPEDecoder", "suffix": "</w>"}}
    bytes_ = [f"<0x{i:02X}>" for i in range(256)]
    affixed = [p + c + s for c in "abcdeghnorstu" for p in ("", "##") for s in ("", "</w>")]
    for fuse in boolean:
        yield f"BPE fuse {fuse}", document(bpe(fuse_unk=fuse), **rest)
        yield f"BPE bytes {fuse}", document(bpe(characters=bytes_, merges=[("a", "b"), ("<0xC3>", "<0xA9>")], byte_fallback=True, fuse_unk=fuse,
                                                vocab={t: i for i, t in enumerate([*specials, *bytes_, "a", "b", "ab", "<0xC3><0xA9>"])}), **rest)
    yield "BPE prefix", document(bpe(characters=affixed, merges=[("a", "##b"), ("ab", "##a")], continuing_subword_prefix="##", vocab={
        t: i for i, t in enumerate([*specials, *affixed, "ab", "aba"])}), **rest)
    yield "BPE suffix", document(bpe(characters=affixed, merges=[("a", "b"), ("a", "b</w>"), ("ab", "ab</w>")], end_of_word_suffix="</w>", vocab={
        t: i for i, t in enumerate([*specials, *affixed, "ab", "ab</w>", "abab</w>"])}), **rest)
    yield "BPE both", document(bpe(characters=affixed, merges=[("a", "##b"), ("d", "##o"), ("do", "##g</w>")], continuing_subword_prefix="##", end_of_word_suffix="</w>",
                                   vocab={t: i for i, t in enumerate([*specials, *affixed, "ab", "do", "dog</w>"])}), **rest)
    yield "BPE ignore_merges", document(bpe(characters=["dog", "runs,"], ignore_merges=True), **rest)
    yield "BPE dropout 0", document(bpe(dropout=0.0), **rest)
    old = bpe()
    del old["type"], old["ignore_merges"], old["byte_fallback"]
    old["merges"] = ["#version: 0.2"] + [" ".join(pair) for pair in old["merges"]]
    yield "BPE old", document(old, **rest)
    for prefix in ("##", "", "_"):
        yield f"WordPiece {prefix}", document(words("WordPiece", continuing_subword_prefix=prefix, max_input_chars_per_word=100), pre_tokenizer={"type": "BertPreTokenizer"},
                                              decoder={"type": "WordPiece", "prefix": prefix, "cleanup": True})
    yield "WordPiece short", document(words("WordPiece", continuing_subword_prefix="##", max_input_chars_per_word=3), pre_tokenizer={"type": "BertPreTokenizer"})
    old = words("WordPiece", continuing_subword_prefix="##", max_input_chars_per_word=100)
    del old["type"]
    yield "WordPiece old", document(old, pre_tokenizer={"type": "BertPreTokenizer"})
    old = words()
    del old["type"]
    yield "WordLevel old", document(old, pre_tokenizer={"type": "Whitespace"})

    yield of_decoder("decoder ByteLevel", {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True})
    yield of_decoder("decoder Fuse", {"type": "Fuse"})
    yield of_decoder("decoder ByteFallback", {"type": "ByteFallback"})
    for scheme in ("always", "first", "never"):
        yield of_decoder(f"decoder Metaspace {scheme}", {"type": "Metaspace", "replacement": "\u0120", "prepend_scheme": scheme, "split": True})
    yield of_decoder("decoder Metaspace old", {"type": "Metaspace", "replacement": "\u0120", "add_prefix_space": True, "str_rep": "\u0120"})
    for cleanup in boolean:
        for prefix in ("##", "", "\u0120"):
            yield of_decoder(f"decoder WordPiece {prefix} {cleanup}", {"type": "WordPiece", "prefix": prefix, "cleanup": cleanup})
    for suffix in ("</w>", "a", ""):
        yield of_decoder(f"decoder BPEDecoder {suffix}", {"type": "BPEDecoder", "suffix": suffix})
    for pattern in patterns:
        yield of_decoder(f"decoder Replace {pattern}", {"type": "Replace", "pattern": pattern, "content": "_"})
    for start, stop in ((0, 0), (1, 0), (2, 1)):
        yield of_decoder(f"decoder Strip {start} {stop}", {"type": "Fuse"}, {"type": "Strip", "content": "\u0120", "start": start, "stop": stop})
    yield of_decoder("decoder Sequence, Llama", {"type": "Replace", "pattern": {"String": "\u0120"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
                     {"type": "Strip", "content": " ", "start": 1, "stop": 0})
    yield of_decoder("decoder Sequence of none", {"type": "Sequence", "decoders": []})
    yield "decoder none", document(bpe(), pre_tokenizer={"type": "Whitespace"})

    sep, cls = ["</s>", 2], ["<s>", 1]
    bert = {"type": "BertProcessing", "sep": sep, "cls": cls}
    yield of_post_processor("BertProcessing", bert)
    for trims in boolean:
        for prefix in boolean:
            yield of_post_processor(f"RobertaProcessing {trims} {prefix}", {"type": "RobertaProcessing", "sep": sep, "cls": cls, "trim_offsets": trims, "add_prefix_space": prefix})
            yield of_post_processor(f"post ByteLevel {trims} {prefix}", {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": trims, "use_regex": True})
    trim = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    around = template([special("x"), text("A", 3), special("y", 4)], [special("x"), text("A"), special("x"), text("B", 1), special("y", 1)])
    yield of_post_processor("TemplateProcessing", around)
    yield of_post_processor("TemplateProcessing swapped", template([text("A"), text("A", 1)], [text("B", 2), special("y"), text("A")]))
    yield of_post_processor("post Sequence", {"type": "Sequence", "processors": [trim, around]})
    yield of_post_processor("post Sequence twice", {"type": "Sequence", "processors": [trim, bert, trim, {"type": "Sequence", "processors": []}]})
    yield of_post_processor("post Sequence of none", {"type": "Sequence", "processors": []})
    for strategy in ("LongestFirst", "OnlyFirst", "OnlySecond"):
        for direction in ("Left", "Right"):
            for length in (5, 6, 9):
                yield of_post_processor(f"truncation {strategy} {direction} {length}", {"type": "Sequence", "processors": [trim, bert]},
                                        {"direction": direction, "max_length": length, "strategy": strategy, "stride": 0})

    for flag in ("single_word", "lstrip", "rstrip", "normalized", "special"):
        for value in boolean:
            tokens = [{**{key: False for key in ("single_word", "lstrip", "rstrip", "normalized", "special")}, "content": content, flag: value}
                      for content in ("dog", "<s>", "\u00c9", " a", "ab", "abab", "\u2581")]
            yield f"added {flag} {value}", document(bpe(), added_tokens=tokens, normalizer={"type": "Lowercase"}, pre_tokenizer={"type": "Whitespace"},
                                                    decoder={"type": "Fuse"})


def line(*columns):
    return "\t".join(columns) + "\n"


def written(value):
    return escape(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def main():
    with open(here / "components.txt", "w", encoding="utf-8", newline="\n") as file:
        count, last = 0, None
        for name, parts in tokenizers():
            tokenizer = Tokenizer.from_str(json.dumps(parts))
            model = parts.pop("model")
            if model != last:
                file.write(line("model", written(model)))
            last = model
            file.write(line("tokenizer", name, written(parts)))
            several = parts["post_processor"] or parts["truncation"]
            for case in [(t,) for t in texts] + (pairs if several else []):
                try:
                    got = tokenizer.encode(*case)
                    ids = " ".join(f"{i}:{a}:{b}:{t}" for i, (a, b), t in zip(got.ids, got.offsets, got.type_ids))
                    file.write(line("pair" if len(case) > 1 else "text", *map(escape, case), ids))
                    if (parts["decoder"] and not parts["normalizer"]) or name == "decoder none":
                        file.write(line("ids", " ".join(map(str, got.ids)), escape(tokenizer.decode(got.ids))))
                except BaseException:
                    continue
            count += 1
    print(f"{count} tokenizers")


if __name__ == "__main__":
    main()
