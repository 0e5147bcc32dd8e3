"""Makes the goldens of tests/unit/sentencepiece.c beside this file: NAME/ has the files of a tokenizer, NAME/goldens.json what
tokenizers or transformers makes of them.

    make.py [NAME ...]        (default: all)

models/ has small SentencePiece models, trained on the lines of ../text/corpus.txt; folders link to them. Models that exist are kept.

Needs tokenizers, transformers, sentencepiece and protobuf (made with 0.23.3, 5.24.0, 0.2.3 and 7.35.1). A golden is
{"text", "ids", "offsets", "decoded"}: ids and offsets (in characters; null where the tokenizer has none) with the special tokens of the
template, and the text decoded from the ids without special tokens.
"""
import json
import os
import random
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
    "\U0010fffd\U000e0100", "1234 5,678.90", "``quoted''", "ÀÉÎõü ÇA", "<extra_id_0> x <extra_id_99>", ">>fra<< hello", "a >>fra<< b >>fra<<", ">>fra<<>>fra<<a▁", "②\u200bx ﬁ\u200b\u0007y \u200b", "\u200b\u0007②b", "en_XX hello __en__ eng_Latn", "[CLS] a [SEP]",
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


def write(name, texts, encode, decode, file="goldens.json"):
    goldens = []
    for text in texts:
        ids, offsets = encode(text)
        goldens.append({"text": text, "ids": ids, "offsets": offsets, "decoded": decode(ids)})
    with open(here / name / file, "w") as file:
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

    write(name, texts, encode, tokenizer.decode)


def old(contents):
    for key in ["type", "byte_fallback"]:
        del contents["model"][key]


def train(name, **options):
    import sentencepiece

    if (here / "models" / (name + ".model")).exists():
        return
    rules = here / "models" / "rules.tsv"
    rules.parent.mkdir(exist_ok=True)
    codes = lambda text: " ".join("%X" % ord(character) for character in text)
    rules.write_text("".join(codes(source) + "\t" + codes(target) + "\n" for source, target in MAP.items() if source != "ab"))
    sentencepiece.SentencePieceTrainer.train(
        input=str(here / "../text/corpus.txt"), model_prefix=str(here / "models" / name), normalization_rule_tsv=str(rules), minloglevel=2,
        num_threads=1, **options)
    rules.unlink()
    (here / "models" / (name + ".vocab")).unlink()


llama = dict(vocab_size=420, model_type="bpe", byte_fallback=True, unk_id=0, remove_extra_whitespaces=False)
models_ = {
    "fairseq": dict(vocab_size=150),
    "t5": dict(vocab_size=150, pad_id=0, eos_id=1, unk_id=2, bos_id=-1),
    "albert": dict(vocab_size=150, pad_id=0, unk_id=1, bos_id=-1, eos_id=-1, control_symbols=["[CLS]", "[SEP]", "[MASK]"]),
    "deberta": dict(vocab_size=150, pad_id=0, bos_id=1, eos_id=2, unk_id=3, pad_piece="[PAD]", bos_piece="[CLS]", eos_piece="[SEP]", unk_piece="[UNK]"),
    "bpe": dict(vocab_size=200, model_type="bpe"),
    "llama": llama,
    "gemma": dict(llama, pad_id=0, eos_id=1, bos_id=2, unk_id=3, pad_piece="<pad>", bos_piece="<bos>", eos_piece="<eos>", add_dummy_prefix=False,
                  user_defined_symbols=["<mask>", "the", "\n\n", "<start_of_turn>"]),
}


def folder(name, model, file, model_type, options=None, target=None, **files):
    """A folder as on the hub before tokenizer.json, with what transformers makes of it. Of a translator whose targets have another model, `target`,
    targets.json has what it makes of them."""
    from transformers import AutoTokenizer

    train(model, **models_[model])
    (here / name).mkdir(exist_ok=True)
    for file in [file] + ["target.spm"] * (file == "source.spm"):
        (here / name / file).unlink(missing_ok=True)
        os.symlink("../models/" + (target if target and file == "target.spm" else model) + ".model", here / name / file)
    files = dict(files, config={"model_type": model_type})
    if options is not None:
        files["tokenizer_config"] = options
    for key, value in files.items():
        (here / name / (key + ".json")).write_text(json.dumps(value) + "\n")
    tokenizer = AutoTokenizer.from_pretrained(str(here / name))

    def encode(text):
        if not tokenizer.is_fast:
            return tokenizer(text)["input_ids"], None
        encoding = tokenizer(text, return_offsets_mapping=True)
        return encoding["input_ids"], encoding["offset_mapping"]

    decode = lambda ids: tokenizer.decode(ids, skip_special_tokens=True)
    separate = getattr(tokenizer, "separate_vocabs", False)  # sources cannot be decoded
    write(name, texts[4::2] + texts[-8:], encode, (lambda ids: None) if separate else decode)
    if target:
        encode_target = lambda text: (tokenizer(text_target=text)["input_ids"], None)
        write(name, texts[4::2] + texts[-8:], encode_target, decode, "targets.json")


def listed(model, seed, more):
    """A vocab.json with the pieces in an order of its own, some of them missing."""
    import sentencepiece

    train(model, **models_[model])
    processor = sentencepiece.SentencePieceProcessor(model_file=str(here / "models" / (model + ".model")))
    pieces = [processor.id_to_piece(i) for i in range(3, processor.get_piece_size())]
    random.Random(seed).shuffle(pieces)
    return {piece: i for i, piece in enumerate(["</s>", "<unk>", "<s>"] + pieces[5:] + more + ["<pad>"])}


def m2m_codes():
    from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES

    return FAIRSEQ_LANGUAGE_CODES["m2m100"]


def saved(content, **flags):
    """An added token as transformers 4 saved it."""
    return dict({"content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}, **flags)


def trained(size):
    """What UnigramTrainer makes of a corpus: 4000 leaves room for all pieces that are expected often enough, fewer needs pruning."""
    from tokenizers import trainers

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    trainer = trainers.UnigramTrainer(vocab_size=size, unk_token="<unk>", special_tokens=["<pad>", "</s>", "<unk>"], show_progress=False)
    tokenizer.train([str(here / "../text/corpus.txt")], trainer)
    pieces = json.loads(tokenizer.to_str())["model"]["vocab"]
    (here / f"trained-{size}.json").write_text(json.dumps(pieces, ensure_ascii=True, indent=0) + "\n")


cases = {
    "trained-4000": lambda: trained(4000),
    "trained-130": lambda: trained(130),
    "trained-90": lambda: trained(90),
    "t5": lambda: folder("t5", "t5", "spiece.model", "t5", {"extra_ids": 10}, special_tokens_map={
        "eos_token": "</s>", "unk_token": saved("<unk>", lstrip=True, normalized=True), "additional_special_tokens": ["<lost>"]},
        added_tokens={"<new>": 160, "<lost>": 161}),
    "xlm-roberta": lambda: folder("xlm-roberta", "fairseq", "sentencepiece.bpe.model", "xlm-roberta", {
        "tokenizer_class": "XLMRobertaTokenizerFast", "mask_token": dict(saved("<mask>", lstrip=True), __type="AddedToken"), "add_prefix_space": False}),
    "camembert": lambda: folder("camembert", "fairseq", "sentencepiece.bpe.model", "camembert"),
    "mbart": lambda: folder("mbart", "fairseq", "sentencepiece.bpe.model", "mbart", {"tokenizer_class": "MBartTokenizer", "src_lang": "de_DE"}),
    "mbart50": lambda: folder("mbart50", "fairseq", "sentencepiece.bpe.model", "mbart", {"tokenizer_class": "MBart50Tokenizer"}),
    "nllb": lambda: folder("nllb", "bpe", "sentencepiece.bpe.model", "m2m_100", {
        "tokenizer_class": "NllbTokenizer", "src_lang": "deu_Latn", "additional_special_tokens": ["ace_Arab", "deu_Latn", "eng_Latn"]}),
    "albert": lambda: folder("albert", "albert", "spiece.model", "albert", {"mask_token": dict(saved("[MASK]", lstrip=True), __type="AddedToken")}),
    "deberta": lambda: folder("deberta", "deberta", "spm.model", "deberta-v2", {"do_lower_case": True, "split_by_punct": True}, added_tokens={"[MASK]": 150}),
    "pegasus": lambda: folder("pegasus", "t5", "spiece.model", "pegasus", {"offset": 8, "mask_token": "<mask_2>", "mask_token_sent": "<mask_1>"}),
    "llama": lambda: folder("llama", "llama", "tokenizer.model", "llama", {
        "tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "add_eos_token": True, "legacy": None, "eos_token": "<end>", "added_tokens_decoder": {
            "0": saved("<unk>"), "1": saved("<s>"), "420": saved("<end>", rstrip=True), "421": saved("[M]", special=False, normalized=True)}}),
    "gemma": lambda: folder("gemma", "gemma", "tokenizer.model", "gemma2", {"add_bos_token": True}),
    "marian": lambda: folder("marian", "fairseq", "source.spm", "marian", {"source_lang": "en", "target_lang": "fr"}, vocab=listed(
        "fairseq", 1, [">>fra<<", "Ω", "中"])),
    "marian-targets": lambda: folder("marian-targets", "fairseq", "source.spm", "marian", target="bpe", vocab=dict(
        {piece: i for i, piece in enumerate({**listed("fairseq", 1, []), **listed("bpe", 2, [])})})),
    "marian-separate": lambda: folder("marian-separate", "fairseq", "source.spm", "marian", {"separate_vocabs": True}, target="bpe", vocab=dict(
        listed("fairseq", 1, [">>fra<<"]), **{"<pad>": 250}), target_vocab=dict(listed("bpe", 2, ["Ω"]), **{"<pad>": 250})),
    "m2m": lambda: folder("m2m", "bpe", "sentencepiece.bpe.model", "m2m_100", {
        "tokenizer_class": "M2M100Tokenizer", "src_lang": "de", "additional_special_tokens": ["__%s__" % code for code in m2m_codes()]},
        vocab=listed("bpe", 2, [])),
    # A class that transformers lacks: what the model itself says.
    "own": lambda: folder("own", "gemma", "tokenizer.model", "other", {"tokenizer_class": "OtherTokenizer", "add_bos_token": True}),
    "own-unigram": lambda: folder("own-unigram", "fairseq", "tokenizer.model", "other", {"tokenizer_class": "OtherTokenizer", "legacy": False}),
    "own-renamed": lambda: folder("own-renamed", "llama", "tokenizer.model", "mistral", {
        "tokenizer_class": "LlamaTokenizer", "added_tokens_decoder": {"270": saved("<renamed>", normalized=True)}}),
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
