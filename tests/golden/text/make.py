"""Makes the goldens of tests/unit/tokenizer.c beside this file. Needs: tokenizers (made with 0.23.3).

NAME.json is a small tokenizer; NAME.tsv holds a line for each text: the text, "id:start:end …" with special tokens added,
the text decoded from those ids without special tokens and with them. Tabs, newlines, backslashes and bytes that are not
UTF-8 are written \\t, \\n, \\\\ and \\xNN. corpus.txt is a made-up corpus, trained-*.json what BpeTrainer learns from it.
"""
import json
import random
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

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
        out += {"\t": "\\t", "\n": "\\n", "\\": "\\\\"}.get(c, c)
    return out


def save(name, tokenizer, change=None):
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


if __name__ == "__main__":
    main()
