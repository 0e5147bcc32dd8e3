"""Makes tiny random translators with tokenizers, and the translations of transformers, in this folder:

    python make.py [NAME ...]        (default: all)

    NAME/config.json, model.safetensors, the files of a tokenizer, most of them links to ../sentencepiece or ../folders
    NAME/expected.json   {"from", "to", "text", "ids", "greedy", "beams"}: the languages, or null; the ids of the source; the
                         translations by greedy and by beam search with 4 beams

Weights are bfloat16. Translations that computing in float64 changes are left out. small100 has the tokenizer class of
SMaLL-100's authors, which transformers lacks: as M2M-100's, with the target language's token in front of the source.
Made with transformers 5.24.0, torch 2.13.0, tokenizers 0.23.3 and sentencepiece 0.2.3.
"""
import json
import os
import sys
import warnings
import zlib
from pathlib import Path

import torch
import transformers
from transformers import AutoTokenizer

warnings.simplefilter("ignore")
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
torch.set_num_threads(1)
here = Path(__file__).resolve().parent
BEAMS, NEW = 4, 12
TEXTS = ["A dog runs in the park.", "the dog", "Zwei Hunde laufen über die Straße!", "don't stop </s> here", "한국어 日本語", "a  b"]
SIZES = dict(d_model=12, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=12,
             decoder_ffn_dim=12, max_position_embeddings=96)


def link(name, files):
    """Links to files of other goldens; values that are no paths are JSON."""
    (here / name).mkdir(exist_ok=True)
    for file, value in files.items():
        path = here / name / file
        path.unlink(missing_ok=True)
        if isinstance(value, str):
            os.symlink("../../" + value, path)
        else:
            path.write_text(json.dumps(value) + "\n")


def save_model(name, kind, sizes=SIZES, **config):
    torch.manual_seed(zlib.crc32(name.encode()))
    model = getattr(transformers, kind)
    model = model(model.config_class(**{**sizes, **config}))
    with torch.no_grad():
        for key, weight in model.named_parameters():
            if "Sinusoidal" in key or not weight.requires_grad: continue
            norm = "norm" in key and key.endswith("weight")
            weight.copy_(torch.randn(weight.shape) * (0.1 if norm else 0.5) + norm)
        bias = dict(model.named_buffers()).get("final_logits_bias")
        if bias is not None: bias.copy_(torch.randn(bias.shape))
    model.generation_config = transformers.GenerationConfig(
        decoder_start_token_id=model.config.decoder_start_token_id, eos_token_id=model.config.eos_token_id, max_new_tokens=NEW,
        pad_token_id=model.config.pad_token_id, **config.get("generation", {}))
    model.to(torch.bfloat16).save_pretrained(here / name)


def expect(name, kind, pairs, inputs, forced):
    """`inputs(from, to, text)` gives source ids, `forced(to)` settings of generation."""
    tokenizer = AutoTokenizer.from_pretrained(here / name)
    model = getattr(transformers, kind).from_pretrained(here / name, dtype=torch.float32, attn_implementation="eager").eval()
    rows = []
    for source, target in pairs:
        for text in TEXTS:
            ids = inputs(tokenizer, source, target, text)
            found = {}
            for beams in [1, BEAMS]:
                both = []
                for precision in [torch.float32, torch.float64]:
                    model.to(precision)
                    out = model.generate(torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.int64), num_beams=beams,
                                         do_sample=False, **forced(tokenizer, target))
                    both.append(tokenizer.decode(out[0], skip_special_tokens=True))
                found["greedy" if beams == 1 else "beams"] = both[0] if both[0] == both[1] else None
            if None not in found.values(): rows.append({"from": source, "to": target, "text": text, "ids": ids, **found})
    assert len(rows) > len(pairs) * len(TEXTS) // 2
    with open(here / name / "expected.json", "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
    print(name, len(rows), "translations")


def with_source(tokenizer, source, target, text):
    if source: tokenizer.src_lang = source
    return tokenizer(text)["input_ids"]


def first(tokenizer, target):
    return {"forced_bos_token_id": tokenizer.convert_tokens_to_ids(target)} if target else {}


def plain(tokenizer, source, target, text): return tokenizer(text)["input_ids"]


def nothing(tokenizer, target): return {}


def vocabulary(name): return len(AutoTokenizer.from_pretrained(here / name))


def bart():
    link("bart", {"vocab.json": "folders/bart/vocab.json", "merges.txt": "folders/bart/merges.txt",
                  "tokenizer_config.json": {"tokenizer_class": "BartTokenizer"}, "config.json": {"model_type": "bart"}})
    tokenizer = AutoTokenizer.from_pretrained(here / "bart")
    save_model("bart", "BartForConditionalGeneration", vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id, bos_token_id=tokenizer.bos_token_id,
               eos_token_id=tokenizer.eos_token_id, decoder_start_token_id=tokenizer.eos_token_id,
               generation=dict(forced_bos_token_id=tokenizer.bos_token_id, forced_eos_token_id=tokenizer.eos_token_id, no_repeat_ngram_size=3))
    expect("bart", "BartForConditionalGeneration", [(None, None)], plain, nothing)


def pegasus():
    link("pegasus", {"spiece.model": "sentencepiece/models/t5.model", "config.json": {"model_type": "pegasus"},
                     "tokenizer_config.json": "sentencepiece/pegasus/tokenizer_config.json"})
    save_model("pegasus", "PegasusForConditionalGeneration", vocab_size=vocabulary("pegasus"), pad_token_id=0, eos_token_id=1, decoder_start_token_id=0,
               activation_function="relu", scale_embedding=True, generation=dict(num_beams=4, length_penalty=0.6))
    expect("pegasus", "PegasusForConditionalGeneration", [(None, None)], plain, nothing)


def byt5():
    link("byt5", {"config.json": {"model_type": "t5"}, "tokenizer_config.json": "folders/byt5/tokenizer_config.json"})
    sizes = dict(d_model=12, d_kv=6, d_ff=12, num_layers=2, num_decoder_layers=1, num_heads=2)
    save_model("byt5", "T5ForConditionalGeneration", sizes, vocab_size=384, feed_forward_proj="gated-gelu", tie_word_embeddings=False,
               tokenizer_class="ByT5Tokenizer", decoder_start_token_id=0)
    expect("byt5", "T5ForConditionalGeneration", [(None, None)], plain, nothing)


def marian(name, extra):
    separate = name == "marian-separate"
    names = ["source.spm", "target.spm", "vocab.json"] + ["target_vocab.json"] * separate
    link(name, {**{file: f"sentencepiece/{extra}/{file}" for file in names}, "config.json": {"model_type": "marian"},
                "tokenizer_config.json": {"tokenizer_class": "MarianTokenizer", "separate_vocabs": separate}})
    tokenizer = AutoTokenizer.from_pretrained(here / name)
    sizes = [max(json.loads((here / name / file).read_text()).values()) + 1 for file in names[2:]]
    pad = tokenizer.pad_token_id
    save_model(name, "MarianMTModel", vocab_size=sizes[0], decoder_vocab_size=sizes[-1], share_encoder_decoder_embeddings=not separate, pad_token_id=pad,
               eos_token_id=0, decoder_start_token_id=pad, activation_function="swish", scale_embedding=True,
               generation=dict(bad_words_ids=[[pad]], forced_eos_token_id=0))
    code = lambda tokenizer, source, target, text: tokenizer((f">>{target}<< " if target else "") + text)["input_ids"]
    pairs = [(None, None)] + [(None, "fra")] * (not separate)
    expect(name, "MarianMTModel", pairs, code, nothing)


def mbart():
    link("mbart", {"sentencepiece.bpe.model": "sentencepiece/models/fairseq.model", "config.json": {"model_type": "mbart"},
                   "tokenizer_config.json": {"tokenizer_class": "MBartTokenizer", "src_lang": "de_DE"}})
    tokenizer = AutoTokenizer.from_pretrained(here / "mbart")
    save_model("mbart", "MBartForConditionalGeneration", vocab_size=len(tokenizer), scale_embedding=True,
               decoder_start_token_id=tokenizer.convert_tokens_to_ids("ro_RO"))
    start = lambda tokenizer, target: {"decoder_start_token_id": tokenizer.convert_tokens_to_ids(target)} if target else {}
    expect("mbart", "MBartForConditionalGeneration", [(None, None), ("en_XX", None), ("en_XX", "fr_XX")], with_source, start)


def mbart50():
    link("mbart50", {"sentencepiece.bpe.model": "sentencepiece/models/fairseq.model", "config.json": {"model_type": "mbart"},
                     "tokenizer_config.json": {"tokenizer_class": "MBart50Tokenizer", "src_lang": "en_XX", "tgt_lang": "gl_ES"}})
    save_model("mbart50", "MBartForConditionalGeneration", vocab_size=vocabulary("mbart50"), scale_embedding=True, decoder_start_token_id=2,
               generation=dict(forced_eos_token_id=2))
    default = lambda tokenizer, target: first(tokenizer, target or "gl_ES")
    expect("mbart50", "MBartForConditionalGeneration", [(None, None), ("fr_XX", "sl_SI")], with_source, default)


def m2m_tokenizer():
    from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES

    codes = FAIRSEQ_LANGUAGE_CODES["m2m100"]
    return {"tokenizer_class": "M2M100Tokenizer", "additional_special_tokens": ["__%s__" % code for code in codes]}


def m2m_size(name):
    """Pieces, languages and eight words that fairseq adds."""
    return max(AutoTokenizer.from_pretrained(here / name).lang_code_to_id.values()) + 1 + 8


def m2m():
    link("m2m", {"sentencepiece.bpe.model": "sentencepiece/models/bpe.model", "vocab.json": "sentencepiece/m2m/vocab.json",
                 "config.json": {"model_type": "m2m_100"}, "tokenizer_config.json": m2m_tokenizer()})
    save_model("m2m", "M2M100ForConditionalGeneration", vocab_size=m2m_size("m2m"), generation=dict(no_repeat_ngram_size=2))
    target = lambda tokenizer, target: {"forced_bos_token_id": tokenizer.get_lang_id(target)}
    expect("m2m", "M2M100ForConditionalGeneration", [(None, "fr"), ("de", "zu"), ("zh", "af")], with_source, target)


def small100():
    files = {"sentencepiece.bpe.model": "sentencepiece/models/bpe.model", "vocab.json": "sentencepiece/m2m/vocab.json", "config.json": {"model_type": "m2m_100"}}
    link("small100", {**files, "tokenizer_config.json": m2m_tokenizer()})
    save_model("small100", "M2M100ForConditionalGeneration", vocab_size=m2m_size("small100"), encoder_layers=3, decoder_layers=1,
               generation=dict(num_beams=5))
    default = lambda tokenizer, source, target, text: with_source(tokenizer, target or "th", None, text)
    expect("small100", "M2M100ForConditionalGeneration", [(None, None), (None, "fr")], default, nothing)
    config = dict(m2m_tokenizer(), tokenizer_class="SMALL100Tokenizer", src_lang=None, tgt_lang="th")
    (here / "small100" / "tokenizer_config.json").write_text(json.dumps(config) + "\n")


def nllb(name, legacy):
    """The tokenizer.json has another template than the class makes."""
    link(name, {"sentencepiece.bpe.model": "sentencepiece/models/bpe.model", "config.json": {"model_type": "m2m_100"},
                "tokenizer_config.json": {"tokenizer_class": "NllbTokenizer", "additional_special_tokens": ["deu_Latn", "eng_Latn", "fra_Latn", "zul_Latn"]}})
    tokenizer = AutoTokenizer.from_pretrained(here / name)
    tokenizer._tokenizer.save(str(here / name / "tokenizer.json"), pretty=False)
    contents = json.loads((here / name / "tokenizer.json").read_text())
    contents["post_processor"] = {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}], "pair": [
        {"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}], "special_tokens": {}}
    (here / name / "tokenizer.json").write_text(json.dumps(contents) + "\n")
    (here / name / "sentencepiece.bpe.model").unlink()
    config = {"tokenizer_class": "NllbTokenizerFast", "src_lang": "deu_Latn", "legacy_behaviour": legacy}
    (here / name / "tokenizer_config.json").write_text(json.dumps(config) + "\n")
    size = len(AutoTokenizer.from_pretrained(here / name))
    chosen = dict(forced_bos_token_id=tokenizer.convert_tokens_to_ids("zul_Latn")) if legacy else {}
    save_model(name, "M2M100ForConditionalGeneration", vocab_size=size, generation=chosen)
    pairs = [(None, None), ("eng_Latn", None)] if legacy else [(None, "fra_Latn"), ("eng_Latn", "deu_Latn")]
    expect(name, "M2M100ForConditionalGeneration", pairs, with_source, first)


cases = {"bart": bart, "byt5": byt5, "pegasus": pegasus, "marian": lambda: marian("marian", "marian"), "marian-separate": lambda: marian("marian-separate", "marian-separate"),
         "mbart": mbart, "mbart50": mbart50, "m2m": m2m, "small100": small100, "nllb": lambda: nllb("nllb", False),
         "nllb-legacy": lambda: nllb("nllb-legacy", True)}

if __name__ == "__main__":
    for name in sys.argv[1:] or cases: cases[name]()
