"""What transformers makes of the settings of a folder: python make.py, in this folder.

    llama/       a tiny model whose next token depends on the last one alone, and its tokenizer
    cases.json   per case the keys of config.json and of generation_config.json (null: no such file), and the continuations
                 of the texts, or the translations by ../marian; of a beam search all num_return_sequences alternatives with
                 their sequences_scores; "refused" is what heed's message names instead

Written with torch 2.13.0 and transformers 5.24.0.
"""
import functools
import json
import os
import shutil
import tempfile

import torch
import transformers
from safetensors.torch import save_file
from transformers.generation.stopping_criteria import StopStringCriteria

HERE = os.path.dirname(os.path.abspath(__file__))
SPECIAL = ["<unk>", "<s>", "</s>", "<pad>", "<end>"]
VOCABULARY = {word: i for i, word in enumerate(SPECIAL + "a b c d e f g h i j k".split())}
TEXTS = ["a", "b c", "f g a", "d d e"]
EOS, PAD, END, A, B, C, D, E, F = (VOCABULARY[t] for t in ["</s>", "<pad>", "<end>", "a", "b", "c", "d", "e", "f"])
OWN = {"bos_token_id": 1, "eos_token_id": EOS, "max_new_tokens": 8}


def make_model(folder):
    size = len(VOCABULARY)
    logits = torch.randn(size, size, generator=torch.Generator().manual_seed(5)) * 1.5
    logits[:, EOS] += 1.5
    logits[:, PAD] += 0.5
    logits[:, END] += 1.0
    layer = "model.layers.0."
    zeros = {f"{layer}self_attn.{n}_proj.weight": (size, size) for n in "qkvo"}
    zeros |= {f"{layer}mlp.gate_proj.weight": (4, size), f"{layer}mlp.up_proj.weight": (4, size),
              f"{layer}mlp.down_proj.weight": (size, 4)}
    tensors = {name: torch.zeros(shape) for name, shape in zeros.items()}
    for name in ["model.norm", f"{layer}input_layernorm", f"{layer}post_attention_layernorm"]:
        tensors[f"{name}.weight"] = torch.ones(size)
    tensors["model.embed_tokens.weight"] = torch.eye(size)
    tensors["lm_head.weight"] = (logits.T / size ** 0.5).contiguous()
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": size, "hidden_size": size,
              "intermediate_size": 4, "num_hidden_layers": 1, "num_attention_heads": 2, "hidden_act": "silu",
              "max_position_embeddings": 64, "rms_norm_eps": 1e-6, "tie_word_embeddings": False, "bos_token_id": 1,
              "eos_token_id": EOS, "dtype": "float32"}
    added = [{"id": i, "content": token, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
              "special": True} for i, token in enumerate(SPECIAL)]
    tokenizer = {"version": "1.0", "added_tokens": added, "pre_tokenizer": {"type": "WhitespaceSplit"},
                 "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": False},
                 "model": {"type": "WordPiece", "unk_token": "<unk>", "continuing_subword_prefix": "##",
                           "max_input_chars_per_word": 100, "vocab": VOCABULARY}}
    os.makedirs(folder, exist_ok=True)
    save_file(tensors, f"{folder}/model.safetensors", metadata={"format": "pt"})
    for name, content in {"config": config, "tokenizer": tokenizer,
                          "tokenizer_config": {"tokenizer_class": "PreTrainedTokenizerFast"}}.items():
        with open(f"{folder}/{name}.json", "w") as file: json.dump(content, file)


def own(**keys): return {"generation": {**OWN, **keys}}


CASES = {
    "eos-list": own(eos_token_id=[EOS, END]),
    "eos-other": own(eos_token_id=END),
    "eos-word": own(eos_token_id=[C, D, EOS]),
    "eos-null": own(eos_token_id=None),
    "eos-missing": {"generation": {"max_new_tokens": 8}},
    "eos-list-beams": own(eos_token_id=[EOS, END, C], num_beams=3),
    "eos-in-config": {"config": {"eos_token_id": [EOS, END], "max_new_tokens": 8}},
    "eos-of-one-in-config": {"config": {"eos_token_id": [END], "max_new_tokens": 8}},
    "generation-config-wins": {"config": {"eos_token_id": END, "no_repeat_ngram_size": 1}, **own()},
    "legacy": {"config": {"max_length": 9, "bad_words_ids": [[B], [C, D]], "no_repeat_ngram_size": 2, "min_length": 5}},
    "legacy-beams": {"config": {"max_length": 9, "num_beams": 4, "length_penalty": 2.0, "early_stopping": True}},
    "pad-is-eos": {"config": {"pad_token_id": EOS}, **own(pad_token_id=EOS)},
    "pad-minus-one": {"config": {"pad_token_id": -1}, **own()},
    "pad-last": {"config": {"pad_token_id": len(VOCABULARY) - 1}, **own(pad_token_id=len(VOCABULARY) - 1)},
    "pad-may-come": {"config": {"pad_token_id": PAD}, **own(pad_token_id=PAD, eos_token_id=None)},
    "min-length": own(min_length=6),
    "min-length-list": own(min_length=6, eos_token_id=[EOS, END]),
    "min-new-tokens": own(min_new_tokens=4),
    "min-new-tokens-beams": own(min_new_tokens=4, num_beams=3),
    "max-length": {"generation": {"eos_token_id": EOS, "max_length": 5}},
    "bad-words": own(bad_words_ids=[[EOS], [A], [E, F], [B, C, D]]),
    "bad-words-beams": own(bad_words_ids=[[EOS], [A], [E, F]], num_beams=3),
    "sequence-bias": own(sequence_bias=[[[A], -4.0], [[EOS], 1.5], [[B, C], 6.0]]),
    "sequence-bias-beams": own(sequence_bias=[[[A], -4.0], [[E, F], 3.0]], num_beams=3),
    "suppress": own(suppress_tokens=[A, EOS, 999]),
    "suppress-none": own(suppress_tokens=[], begin_suppress_tokens=[]),
    "suppress-first": own(begin_suppress_tokens=[EOS, END, A]),
    "forced-eos": own(forced_eos_token_id=EOS, max_new_tokens=3),
    "forced-eos-list": own(forced_eos_token_id=[F, EOS], max_new_tokens=3),
    "forced-bos": own(forced_bos_token_id=D),
    "forced-bos-and-first": own(forced_bos_token_id=D, begin_suppress_tokens=[EOS, A]),
    "decay": own(exponential_decay_length_penalty=[1, 1.6]),
    "decay-beams": own(exponential_decay_length_penalty=[2, 0.8], num_beams=3),
    "repetition": own(repetition_penalty=1.7),
    "repetition-beams": own(repetition_penalty=1.7, num_beams=3),
    "source-repetition": own(encoder_repetition_penalty=2.5),
    "source-repetition-beams": own(encoder_repetition_penalty=2.5, num_beams=3),
    "no-repeat": own(no_repeat_ngram_size=2, eos_token_id=None),
    "no-source-repeat": own(encoder_no_repeat_ngram_size=2, eos_token_id=None),
    "renormalize": own(renormalize_logits=True, num_beams=3, bad_words_ids=[[A], [B]]),
    "renormalize-repetition": own(renormalize_logits=True, num_beams=3, repetition_penalty=1.5),
    "remove-invalid": own(remove_invalid_values=True, num_beams=2),
    "all": own(sequence_bias=[[[A], -2.0]], repetition_penalty=1.2, encoder_repetition_penalty=1.1, min_new_tokens=2,
               bad_words_ids=[[B]], suppress_tokens=[C], exponential_decay_length_penalty=[2, 1.2],
               renormalize_logits=True, num_beams=4, length_penalty=0.7, early_stopping="never"),
    "samples-one": own(do_sample=True, top_k=1, temperature=0.7),
    "unknown-keys": own(no_such_key=[3], transformers_version="4.20"),
    "without-effect": own(max_time=100.0, guidance_scale=1.0, diversity_penalty=0.0, num_beam_groups=1, use_cache=False,
                          temperature=0.0, top_p=0.3, typical_p=0.5, output_scores=False, token_healing=False),
    "one-in-array": own(eos_token_id=[END], forced_eos_token_id=[EOS]),
    "floats": {"config": {"rope_scaling": {"rope_type": "default"}}, **own(num_beams=2)},
    "linear-by-one": {"config": {"rope_scaling": {"type": "linear", "factor": 1.0}}, **own()},
    "base-model": {"config": {"architectures": ["LlamaModel"]}, **own()},
    "own-head": {"config": {"tie_word_embeddings": True}, **own()},
    "eos-beyond": {"config": {"eos_token_id": 999, "max_new_tokens": 5}},
    "guidance": {**own(guidance_scale=1.5), "refused": "guidance_scale"},
    "stop-string": own(stop_strings="d", eos_token_id=None),
    "stop-strings": own(stop_strings=["h d k", "g j", "e f", " i"], eos_token_id=None),
    "stop-strings-of-prompt": own(stop_strings=["c g", "a h", "e f"], eos_token_id=None),
    "stop-strings-beams": own(stop_strings=["d k", "f"], num_beams=4, num_return_sequences=3),
    "best": own(num_beams=4, num_return_sequences=4),
    "best-penalty": own(num_beams=5, num_return_sequences=3, length_penalty=2.0),
    "best-negative-penalty": own(num_beams=3, num_return_sequences=3, length_penalty=-0.5, early_stopping=True),
    "watermark": {**own(watermarking_config={"bias": 2.5}), "refused": "watermarking_config"},
    "dola": {**own(dola_layers="low"), "refused": "dola_layers"},
    "contrast": {**own(penalty_alpha=0.6, top_k=4), "refused": "penalty_alpha"},
    "groups": {**own(num_beams=4, num_beam_groups=2, diversity_penalty=0.5), "refused": "num_beam_groups"},
    "force-words": {**own(force_words_ids=[[A]]), "refused": "force_words_ids"},
    "beam-sample": {**own(num_beams=2, do_sample=True), "refused": "do_sample"},
    "top-h": {**own(do_sample=True, top_h=0.4), "refused": "top_h"},
    "bad-word-beyond": {**own(bad_words_ids=[[999]]), "refused": "bad_words_ids"},
    "best-of-one": {**own(num_return_sequences=2), "refused": "best is 2"},
    "quantized": {"config": {"quantization_config": {"quant_method": "gptq", "bits": 4}}, **own(),
                  "refused": "quantization_config"},
    "dynamic": {"config": {"rope_parameters": {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 10000.0}}, **own()},
    "proportional": {"config": {"rope_parameters": {"rope_type": "proportional", "rope_theta": 10000.0}}, **own(),
                     "refused": "rope_parameters"},
}
SOURCES = ["tok 5 9 tok 7", "a quick test", "b"]
MARIAN = {"eos_token_id": 0, "pad_token_id": 71, "decoder_start_token_id": 71, "max_length": 14}


def marian(**keys): return {"model": "marian", "generation": {**MARIAN, **keys}}


CASES |= {
    "marian-greedy": marian(),
    "marian-eos-list": marian(eos_token_id=[0, 5, 9]),
    "marian-eos-list-beams": marian(eos_token_id=[0, 5, 9], num_beams=4, bad_words_ids=[[71]]),
    "marian-forced-bos": marian(forced_bos_token_id=12, num_beams=3, begin_suppress_tokens=[30, 31]),
    "marian-forced-both": marian(forced_bos_token_id=12, forced_eos_token_id=0, num_beams=2, max_length=6),
    "marian-source": marian(encoder_no_repeat_ngram_size=1, num_beams=3),
    "marian-source-penalty": marian(encoder_repetition_penalty=1.5, num_beams=3),
    "marian-decay": marian(exponential_decay_length_penalty=[3, 0.7], num_beams=3),
    "marian-bias": marian(sequence_bias=[[[9], -5.0], [[4, 5], 4.0]], num_beams=3),
    "marian-min": marian(min_length=9, num_beams=3),
    "marian-renormalize": marian(renormalize_logits=True, bad_words_ids=[[71]], num_beams=4, forced_eos_token_id=0),
    "marian-best": marian(num_beams=4, num_return_sequences=4, bad_words_ids=[[71]]),
    "marian-suppress": marian(suppress_tokens=list(range(20, 60)), num_beams=3),
    "marian-bos-starts": {"model": "marian", "generation": {"eos_token_id": 0, "bos_token_id": 71, "max_length": 9}},
    "marian-legacy": {"model": "marian", "config": {"num_beams": 3, "max_length": 11, "no_repeat_ngram_size": 2,
                                                    "bad_words_ids": [[71], [3]], "forced_eos_token_id": 0}},
    "marian-legacy-bos": {"model": "marian", "config": {"max_length": 9, "bos_token_id": 7,
                                                        "force_bos_token_to_be_generated": True}},
}


def make_folder(folder, case):
    base = os.path.join(HERE, "..", "marian") if case.get("model") == "marian" else os.path.join(HERE, "llama")
    for name in ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]:
        shutil.copy(os.path.join(base, name), folder)
    with open(f"{folder}/config.json") as file: config = json.load(file)
    with open(f"{folder}/config.json", "w") as file: json.dump({**config, **case.get("config", {})}, file)
    if "generation" in case:
        with open(f"{folder}/generation_config.json", "w") as file: json.dump(case["generation"], file)


def compute(folder, case):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    translates = case.get("model") == "marian"
    kind = transformers.AutoModelForSeq2SeqLM if translates else transformers.AutoModelForCausalLM
    model, results = kind.from_pretrained(folder, dtype=torch.float32).eval(), []
    for text in SOURCES if translates else TEXTS:
        ids = tokenizer(text, return_tensors="pt").input_ids
        out = model.generate(ids, attention_mask=torch.ones_like(ids), tokenizer=tokenizer, return_dict_in_generate=True,
                             output_scores=True)
        # the whole text without the prompt, as the pipeline does it
        before = "" if translates else tokenizer.decode(ids[0], skip_special_tokens=True)
        rows = [tokenizer.decode(row, skip_special_tokens=True)[len(before):] for row in out.sequences]
        scores = getattr(out, "sequences_scores", None)
        results.append(rows[0] if scores is None else [[row, float(f"{score:.7g}")]
                                                       for row, score in zip(rows, scores.tolist())])
    return results


if __name__ == "__main__":
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    # the vocabulary has no "abcdef"
    StopStringCriteria.clean_tokenizer_vocab = staticmethod(
        functools.partial(StopStringCriteria.clean_tokenizer_vocab, static_prefix="a"))
    make_model(os.path.join(HERE, "llama"))
    for name, case in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            make_folder(folder, case)
            case["texts"] = SOURCES if case.get("model") == "marian" else TEXTS
            if "refused" not in case: case["expected"] = compute(folder, case)
    with open(os.path.join(HERE, "cases.json"), "w") as file:
        file.write("{\n" + ",\n".join(f"{json.dumps(n)}: {json.dumps(c)}" for n, c in CASES.items()) + "\n}\n")
