"""Makes the goldens of tests/unit/vocabulary_folder.c beside this file: NAME/ has the files of a tokenizer without a
tokenizer.json, NAME/goldens.json what transformers makes of them.

    make.py [NAME ...]        (default: all)

The vocabularies are trained on the lines of ../text/corpus.txt. Needs tokenizers and transformers (made with 0.23.3 and 5.24.0). A golden
is {"text", "ids", "offsets", "decoded"}: ids and offsets in characters (null where the tokenizer has none) with special tokens, and the
text decoded from the ids without them.
"""
import json
import sys
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer

here = Path(__file__).resolve().parent
lines = (here / "../text/corpus.txt").read_text().split("\n")

texts = [
    "", " ", "   ", "a", " a b ", "a  b", "trailing   ", "A dog runs in the park.", "don't CAN'T stop", "Zwei Hunde, groß und grün!",
    "Un homme l'a vu à l'école. E\u0301COLE", "ﬁn Ω Å", "日本語。テスト、中文", "😀👍🏽 ❤️ 👨‍👩‍👧", "<s>hello</s>", "hello </s> world", "a<unk>b",
    "[CLS] a [SEP]", "a [MASK] b[MASK]", "the <mask> dog<mask>", "[UNK] [unk] x", "<pad>", "<|endoftext|>a<|endoftext|>", "<|startoftext|> a",
    "a\tb\u00a0c\u3000d", "two\nlines\r\nthree", "z" * 120, "1234 5,678.90", "a\u200bb\u00adc\ufeffd\u0007e", "<new> word <special> x", "<S> <MASK> </S>",
    "<extra_id_0> x <extra_id_124>", "un<new>der", " <mask> ",
]


def wordpiece(folder, specials, lowercase=True, **options):
    tokenizer = Tokenizer(models.WordPiece(unk_token=specials[1]))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(lines, trainers.WordPieceTrainer(vocab_size=300, special_tokens=specials, show_progress=False))
    vocabulary = tokenizer.get_vocab()
    # The prefixed characters come in the order of a hash table: sorted, so that the file is the same again.
    tokens = specials + sorted(set(vocabulary) - set(specials))
    (folder / "vocab.txt").write_text("".join(token + "\n" for token in tokens))


def byte_level(folder, specials, suffix=None):
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix=suffix or ""))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(lines, trainers.BpeTrainer(
        vocab_size=400, special_tokens=specials, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False,
        end_of_word_suffix=suffix or ""))
    model = json.loads(tokenizer.to_str())["model"]
    vocabulary = model["vocab"]
    if suffix:
        for byte in pre_tokenizers.ByteLevel.alphabet():
            vocabulary.setdefault(byte + suffix, len(vocabulary))
    (folder / "vocab.json").write_text(json.dumps(dict(sorted(vocabulary.items(), key=lambda item: item[1])), ensure_ascii=False))
    merges = [" ".join(merge) if isinstance(merge, list) else merge for merge in model["merges"]]
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(merge + "\n" for merge in merges))


BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
MPNET = ["<s>", "<pad>", "</s>", "[UNK]", "<mask>"]
ROBERTA = ["<s>", "<pad>", "</s>", "<unk>"]
GPT2 = ["<|endoftext|>"]
CLIP = ["<|startoftext|>", "<|endoftext|>"]
mask = {"__type": "AddedToken", "content": "<mask>", "single_word": False, "lstrip": True, "rstrip": False, "normalized": False}

# name: how the vocabulary is made, and the JSON files beside it
folders = {
    "bert": (lambda f: wordpiece(f, BERT), {"config.json": {"model_type": "bert"}}),
    "bert-cased": (lambda f: wordpiece(f, BERT, False),
                   {"tokenizer_config.json": {"tokenizer_class": "BertTokenizer", "do_lower_case": False, "tokenize_chinese_chars": False,
                                              "strip_accents": True, "model_max_length": 512}}),
    "distilbert": (lambda f: wordpiece(f, BERT),
                   {"tokenizer_config.json": {"tokenizer_class": "DistilBertTokenizerFast", "strip_accents": False},
                    "special_tokens_map.json": {"mask_token": dict(mask, content="[MASK]")}, "added_tokens.json": {"<new>": 300}}),
    "electra": (lambda f: wordpiece(f, BERT), {"config.json": {"model_type": "electra"}, "tokenizer_config.json": {"do_lower_case": True}}),
    "mpnet": (lambda f: wordpiece(f, MPNET), {"tokenizer_config.json": {"tokenizer_class": "MPNetTokenizer"}}),
    "gpt2": (lambda f: byte_level(f, GPT2), {"config.json": {"model_type": "gpt2"}}),
    "gpt2-marks": (lambda f: byte_level(f, GPT2 + ["</s>", "<pad>"]),
                   {"tokenizer_config.json": {"tokenizer_class": "GPT2Tokenizer", "add_bos_token": True, "add_prefix_space": True,
                                              "bos_token": "</s>", "pad_token": "<pad>", "additional_special_tokens": ["<special>"]}}),
    "roberta": (lambda f: byte_level(f, ROBERTA),
                {"config.json": {"model_type": "roberta"}, "special_tokens_map.json": {"mask_token": mask}, "added_tokens.json": {"<mask>": 400}}),
    "bart": (lambda f: byte_level(f, ROBERTA + ["<mask>"]),
             {"tokenizer_config.json": {"tokenizer_class": "BartTokenizer", "add_prefix_space": True, "trim_offsets": False,
                                        "added_tokens_decoder": {"4": {"content": "<mask>", "lstrip": True, "rstrip": False, "normalized": True,
                                                                       "single_word": False, "special": True},
                                                                 "400": {"content": "<new>", "lstrip": False, "rstrip": True, "normalized": True,
                                                                         "single_word": True, "special": False}}}}),
    "clip": (lambda f: byte_level(f, CLIP, "</w>"), {"tokenizer_config.json": {"tokenizer_class": "CLIPTokenizer"}}),
    "qwen2": (lambda f: byte_level(f, GPT2), {"config.json": {"model_type": "qwen2"},
                                               "tokenizer_config.json": {"tokenizer_class": "Qwen2Tokenizer", "eos_token": "<|im_end|>"}}),
    "byt5": (lambda f: None, {"config.json": {"model_type": "byt5"}, "tokenizer_config.json": {"tokenizer_class": "ByT5Tokenizer"}}),
}


def make(name):
    folder = here / name
    folder.mkdir(exist_ok=True)
    build, files = folders[name]
    build(folder)
    for file, contents in files.items():
        (folder / file).write_text(json.dumps(contents) + "\n")
    if not (folder / "config.json").exists():
        (folder / "config.json").write_text(json.dumps({"model_type": "bert" if (folder / "vocab.txt").exists() else "gpt2"}) + "\n")
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    goldens = []
    for text in texts:
        if name == "byt5" and text.endswith("</s>"):
            continue  # transformers adds no second one, with a warning that it will do so; heed adds it to every text
        if tokenizer.is_fast:
            encoding = tokenizer(text, return_offsets_mapping=True)
            offsets = encoding["offset_mapping"]
        else:
            encoding, offsets = tokenizer(text), None
        ids = encoding["input_ids"]
        goldens.append({"text": text, "ids": ids, "offsets": offsets,
                        "decoded": tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)})
    with open(folder / "goldens.json", "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(golden, ensure_ascii=True) for golden in goldens) + "\n]\n")
    print(name, type(tokenizer).__name__, len(tokenizer))


for name in sys.argv[1:] or folders:
    make(name)
