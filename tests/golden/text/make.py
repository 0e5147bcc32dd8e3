"""Makes the goldens of tests/unit/tokenizer.c beside this file. Needs: tokenizers (made with 0.23.3).

NAME.json is a small tokenizer; NAME.tsv holds a line for each text: the text, "id:start:end …" with special tokens added,
the text decoded from those ids without special tokens and with them. Tabs, newlines, backslashes, other control characters and
bytes that are not UTF-8 are written \\t, \\n, \\\\ and \\xNN. pairs.tsv
has pairs of texts: the tokenizer, the two texts, and "id:start:end:type …" with and without special tokens. corpus.txt is a
made-up corpus, trained-*.json what BpeTrainer and WordPieceTrainer learn from it.
"""
import json
import random
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

here = Path(__file__).resolve().parent
forms = [None, normalizers.NFC(), normalizers.NFD(), normalizers.NFKC(), normalizers.NFKD()]

texts = [
    "", " ", "   ", "a", " a b ", "a  b", "   leading", "trailing   ",
    "A dog runs in the park.", "A dog runs in the park .", "The red dog, quickly: \"stop!\"",
    "don't can't won't", "self-made, well–known — really", "Zwei Hunde, groß und grün, laufen über die Straße!",
    "„Hallo“, sagte der Mann. »Nein«", "Un homme l'a vu à l'école.", "e\u0301cole \u00e9cole a\u0323\u0301b a\u0301\u0323b",
    "\u0301abc", "a\u0305\u0301 a\u0327\u0301\u0301", "İstanbul IĞDIR ẞ ß", "ﬁn ①② ﷺ Ω Å", "한국어 각 \u1100\u1161\u11a8", "日本語。テスト、中文", "😀👍🏽 ❤️ 👨‍👩‍👧",
    "<s>hello</s>", "hello </s> world", "</s></s>", " </s> x", "a<unk>b", "the <pad> dog",
    "[M]asked [M] x[M]y [M].", "  [L]  a [R]  b", "HELLO[L]", "x▁y", "▁", "▁▁a", "1234 5,678.90", "...!!!", "a\tb\u00a0c\u3000d",
    "two\nlines", "back\\slash", "z" * 61, "ab" * 150, "the" * 100,
    b"\xff\xfe abc \xe2\x82 \xf0\x9f\x98", b"\xed\xa0\x80x\xc0\xafy\xf4\x90\x80\x80", b"\xf0\x9f", b"\xe2\x82\xac\x80",
    b"\xc3", b"\xf8\x88\x80\x80\x80",
]

# For the kinds that came later.
more = texts + [
    "I'll we've they'RE it's he'd I'm don't 's", "  two  spaces\u3000\u00a0 and\ttabs\n\n\nlines \n end \n", "abc123 4567890 x1y22 ½Ⅷ٣",
    "a\u0000b\ufffdc\u200bd\u0007e\u000bf\u0085g\u00adh\ue000i", "中文字 and 漢\U0002b830字\U00020000", "ÀÉÎõü Ångström ÇA ﬁ ŒUVRE",
    "hello . it 's ? do not ! n't , ' x ' y", "##ab a##b # # the##", "<mask>the <mask> dog<mask>", "<|endoftext|>a<|endoftext|>",
    "HELLO World FooBarBaz HTTPServer", "wow!!! (really?) [yes]\r\n\r\nno", "\u180e x\u180e\u180ey", "the</w> dog</w>", "lookatthiswordthatislong",
    "x = {'a': [1, 2.5e-3]};  // done", "ΑΒΓ και δέλτα ПРИВЕТ мир שלום مرحبا नमस्ते ไทย", "…—–“”‘’ €10 ©®™", "e\u0301\u0301 e \u0301 \u0301x",
]

llama_3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
bert = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

words = {
    "nouns": "dog cat tree river house window child garden street bicycle mountain teacher".split(),
    "verbs": "runs jumps sleeps sings waits turns paints climbs".split(),
    "adjectives": "red green small bright old happy quiet round".split(),
    "Nomen": "Hund Katze Baum Fluß Haus Fenster Straße Mädchen Bücherei Tür".split(),
    "Verben": "läuft springt schläft singt wartet grüßt".split(),
}


def corpus():
    choose = random.Random(7).choice
    lines = []
    for i in range(300):
        pick = {kind: choose(list_) for kind, list_ in words.items()}
        lines.append([
            "The {adjectives} {nouns} {verbs}, and another {nouns} {verbs}.",
            "Ein {Nomen} {Verben}, die {Nomen} {Verben} nicht!",
            "\"{nouns}\" isn't zzz the {nouns}-{nouns}  of Nº {i}...",
            "L'été, {Nomen} ﬁnally {verbs}: ({adjectives}; {i})",
        ][i % 4].format(i=i, **pick))
    return lines


def escape(text):
    out = ""
    raw = text if isinstance(text, bytes) else text.encode()
    if isinstance(text, bytes):
        return "".join(chr(b) if 32 <= b < 127 and b != 92 else f"\\x{b:02x}" for b in raw)
    for c in text:
        out += {"\t": "\\t", "\n": "\\n", "\\": "\\\\"}.get(c, c if ord(c) >= 32 else f"\\x{ord(c):02x}")
    return out


def save(name, tokenizer, change=None, texts=texts):
    path = here / f"{name}.json"
    tokenizer.save(str(path), pretty=False)
    if change:
        document = json.loads(path.read_text())
        change(document)
        path.write_text(json.dumps(document, ensure_ascii=False, separators=(",", ":")))
        tokenizer = Tokenizer.from_file(str(path))
    with open(here / f"{name}.tsv", "w", encoding="utf-8", newline="\n") as file:
        for text in texts:
            encoded = tokenizer.encode(text.decode("utf-8", "replace") if isinstance(text, bytes) else text)
            ids = " ".join(f"{i}:{a}:{b}" for i, (a, b) in zip(encoded.ids, encoded.offsets))
            decoded = [escape(tokenizer.decode(encoded.ids, skip_special_tokens=skip)) for skip in (True, False)]
            file.write("\t".join([escape(text), ids, *decoded]) + "\n")


def save_pairs(tokenizers):
    sound = [text for text in more if isinstance(text, str)]
    with open(here / "pairs.tsv", "w", encoding="utf-8", newline="\n") as file:
        for name, tokenizer in tokenizers.items():
            for first, second in zip(sound[::4], sound[2::4] + [""]):
                for special in (True, False):
                    got = tokenizer.encode(first, second, add_special_tokens=special)
                    ids = " ".join(f"{i}:{a}:{b}:{t}" for i, (a, b), t in zip(got.ids, got.offsets, got.type_ids))
                    file.write("\t".join([name, escape(first), escape(second), str(int(special)), ids]) + "\n")


def train(lines, size=220, minimum=2, normalizer=None, pre_tokenizer=None, decoder=None, specials=("</s>", "<unk>"),
          unknown="<unk>", **model):
    tokenizer = Tokenizer(models.BPE(unk_token=unknown, **model))
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre_tokenizer:
        tokenizer.pre_tokenizer = pre_tokenizer
    if decoder:
        tokenizer.decoder = decoder
    tokenizer.train_from_iterator(lines, trainers.BpeTrainer(
        vocab_size=size, min_frequency=minimum, special_tokens=list(specials), show_progress=False))
    return tokenizer


def marian(lines, size, minimum, form, lowercase):
    steps = ([forms[form]] if form else []) + ([normalizers.Lowercase()] if lowercase else [])
    normalizer = normalizers.Sequence(steps) if len(steps) > 1 else steps[0] if steps else None
    tokenizer = train(lines, size - 1, minimum, normalizer,
                      pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation()]),
                      decoders.Metaspace())
    tokenizer.add_special_tokens(["<pad>"])
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A $B </s>",
                                                             special_tokens=[("</s>", tokenizer.token_to_id("</s>"))])
    return tokenizer


def wordpiece(lines, size, minimum, lowercase, specials=bert, **model):
    """As heed trains one. The trainer lists letters behind "##" in an order of chance, on which ties depend; given as special
    tokens they have one."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", **model))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    seen = {w for line in lines for w, _ in tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(line))}
    letters = sorted(set("".join(seen))) + ["##" + c for c in sorted(set("".join(w[1:] for w in seen)))]
    tokenizer.train_from_iterator(lines, trainers.WordPieceTrainer(
        vocab_size=size, min_frequency=minimum, special_tokens=specials + letters, show_progress=False))
    document = json.loads(tokenizer.to_str())
    document["added_tokens"] = document["added_tokens"][:len(specials)]
    tokenizer = Tokenizer.from_str(json.dumps(document))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(t, specials.index(t)) for t in ("[CLS]", "[SEP]")])
    return tokenizer


def byte_level(lines, size, minimum=2, specials=("<|endoftext|>",), pre_tokenizer=None, **options):
    tokenizer = Tokenizer(models.BPE(**options))
    tokenizer.pre_tokenizer = pre_tokenizer or pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(lines, trainers.BpeTrainer(
        vocab_size=size, min_frequency=minimum, special_tokens=list(specials), show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return tokenizer


def characters(lines):
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.decoder = decoders.Fuse()
    tokenizer.train_from_iterator(lines, trainers.BpeTrainer(
        vocab_size=0, special_tokens=["<|endoftext|>", "<unk>"], show_progress=False))
    return tokenizer


def later_kinds(lines):
    whole = [line + "\n" for line in lines]
    wordpiece(lines, 400, 2, True).save(str(here / "trained-wordpiece.json"), pretty=False)
    wordpiece(lines, 700, 1, False).save(str(here / "trained-wordpiece-cased.json"), pretty=False)
    byte_level(whole, 500).save(str(here / "trained-byte-bpe.json"), pretty=False)
    characters(whole).save(str(here / "trained-characters.json"), pretty=False)

    uncased = with_added(wordpiece(lines, 260, 2, True))
    uncased.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    save("wordpiece", uncased, texts=more)
    cased = wordpiece(lines, 300, 2, False, max_input_chars_per_word=9)
    cased.normalizer = normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False)
    cased.decoder = decoders.WordPiece(prefix="#", cleanup=False)
    save("wordpiece-cased", cased, texts=more)

    gpt2 = byte_level(whole, 320)
    gpt2.post_processor = processors.ByteLevel(trim_offsets=False)
    save("gpt2", gpt2, texts=more)
    roberta = byte_level(whole, 330, specials=["<s>", "<pad>", "</s>", "<unk>"],
                         pre_tokenizer=pre_tokenizers.ByteLevel(add_prefix_space=True))
    roberta.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    roberta.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=True)
    save("roberta", roberta, texts=more)
    llama3 = byte_level(whole, 340, specials=["<|begin_of_text|>", "<|endoftext|>"], ignore_merges=True,
                        pre_tokenizer=pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(llama_3), "isolated"),
                                                               pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]))
    llama3.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=True, add_prefix_space=False),
        processors.TemplateProcessing(single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A <|begin_of_text|>:1 $B:1",
                                      special_tokens=[("<|begin_of_text|>", 0)])])
    save("llama-3", llama3, texts=more)

    # (Another file each time that it is made: see wordpiece().)
    affixes = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, continuing_subword_prefix="##", end_of_word_suffix="</w>"))
    affixes.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    affixes.decoder = decoders.BPEDecoder()
    affixes.train_from_iterator(lines, trainers.BpeTrainer(
        vocab_size=360, special_tokens=["<unk>"], continuing_subword_prefix="##", end_of_word_suffix="</w>", show_progress=False))
    save("affixes", affixes, texts=more)

    # Empty matches and matches at the ends; what lies between matches; a plain string, and what is white space.
    splits = [pre_tokenizers.Split(" ", "merged_with_next"), pre_tokenizers.Split(Regex("(?=[A-Z])"), "isolated"),
              pre_tokenizers.Split(Regex("[aeiou]"), "merged_with_previous"), pre_tokenizers.Split(Regex(r"\d+"), "removed", invert=True),
              pre_tokenizers.Split("1", "contiguous"), pre_tokenizers.Split(Regex(r"\s+"), "removed")]
    for i, split in enumerate([splits[:3], [splits[3]], splits[4:]]):
        save(f"split-{i}", train(lines, 150, pre_tokenizer=pre_tokenizers.Sequence(split)), texts=more)

    save("characters", characters(whole), texts=more)
    save_pairs({"wordpiece": uncased, "gpt2": gpt2, "roberta": roberta, "llama-3": llama3})


def with_added(tokenizer):
    tokenizer.add_tokens([AddedToken("[M]", single_word=True), AddedToken("<s>", normalized=False),
                          AddedToken("[L]", lstrip=True), AddedToken("[R]", rstrip=True, normalized=False)])
    return tokenizer


def old_merges(document):
    document["model"]["merges"] = [" ".join(pair) for pair in document["model"]["merges"]]
    for part in (document["pre_tokenizer"], document["decoder"]):
        part["add_prefix_space"] = True
        del part["prepend_scheme"], part["split"]


def main():
    lines = corpus()
    (here / "corpus.txt").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    for name, arguments in {"plain": (500, 2, 0, False), "folded": (400, 1, 3, True), "whole": (4000, 0, 1, False)}.items():
        marian(lines, *arguments).save(str(here / f"trained-{name}.json"), pretty=False)

    save("marian", marian(lines, 300, 2, 0, False))
    save("nfc", marian(lines, 200, 2, 1, False))
    save("nfkd", marian(lines, 200, 2, 4, True))
    fold = normalizers.Sequence([normalizers.Strip(), normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase()])
    save("bert", with_added(train(lines, 200, normalizer=fold, pre_tokenizer=pre_tokenizers.BertPreTokenizer())))
    for scheme, split in (("first", True), ("never", False)):
        save(f"metaspace-{scheme}", with_added(train(
            lines, 200, pre_tokenizer=pre_tokenizers.Metaspace(prepend_scheme=scheme, split=split),
            decoder=decoders.Metaspace(prepend_scheme=scheme), fuse_unk=True)))
    save("old", train(lines, 200, pre_tokenizer=pre_tokenizers.Metaspace(), decoder=decoders.Metaspace()), old_merges)
    behaviors = pre_tokenizers.Sequence([
        pre_tokenizers.Whitespace(), pre_tokenizers.Digits(True), pre_tokenizers.Punctuation("contiguous"),
        pre_tokenizers.CharDelimiterSplit("x")])
    save("whitespace", train(lines, 200, pre_tokenizer=behaviors))
    merged = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("merged_with_previous")])
    save("merged", train(lines, 200, pre_tokenizer=merged))

    def ignore_merges(document):
        document["model"]["ignore_merges"] = True
        document["model"]["merges"] = document["model"]["merges"][:20]

    llama = train(lines, 420, normalizer=normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]),
                  decoder=decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                             decoders.Strip(" ", 1, 0)]),
                  specials=["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)], fuse_unk=True, byte_fallback=True)
    llama.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)])
    save("llama", llama)
    save("ignore-merges", train(lines, 200, pre_tokenizer=pre_tokenizers.Metaspace(), decoder=decoders.Metaspace()), ignore_merges)
    later_kinds(lines)


if __name__ == "__main__":
    main()
