"""What transformers' beam search with forced words generates: python make.py, in this folder.

    cases.json    per case the model (../generation/llama, or ../marian), its generation_config.json, the texts, and for each text
                  the alternatives with their sequences_scores

Constrained beam search left the package transformers with release 4.55; in 4.57 it is a repository of the hub that calls
the same classes (generation/beam_constraints.py, generation/beam_search.py). Written with torch 2.13.0 and transformers 4.53.3.
"""
import json
import os
import random
import shutil
import tempfile

import torch
import transformers

HERE = os.path.dirname(os.path.abspath(__file__))
EOS, PAD, A = 2, 3, 5  # of llama: a is 5, b is 6 and so on
TEXTS, SOURCES = ["a", "b c", "f g a", "d d e"], ["tok 5 9 tok 7", "a quick test", "b"]
LLAMA = {"bos_token_id": 1, "eos_token_id": EOS, "pad_token_id": PAD, "max_new_tokens": 8, "num_beams": 4}
MARIAN = {"eos_token_id": 0, "pad_token_id": 71, "decoder_start_token_id": 71, "max_length": 14, "num_beams": 4}


def llama(force, **keys): return {"model": "llama", "generation": {**LLAMA, "force_words_ids": force, **keys}}
def marian(force, **keys): return {"model": "marian", "generation": {**MARIAN, "force_words_ids": force, **keys}}


CASES = {
    "one": llama([[A + 4]]),
    "one-of-prompt": llama([[A]]),
    "two": llama([[A + 4], [A + 9]]),
    "phrase": llama([[A + 4, A + 5, A + 8]]),
    "phrase-twice": llama([[A + 4, A + 4]]),
    "phrases": llama([[A + 4, A + 5], [A + 9, A + 1]]),
    "phrase-that-breaks-off": llama([[A + 1, A + 2, A + 1, A + 3]]),
    "alternatives": llama([[[A + 4], [A + 7]]]),
    "alternatives-of-phrases": llama([[[A + 4, A + 5], [A + 7, A + 8, A + 2]], [A + 9]]),
    "common-beginning": llama([[[A + 4, A + 5], [A + 4, A + 6], [A + 3]]]),
    "same-first": llama([[A + 4, A + 5], [A + 4, A + 6]]),
    "best": llama([[A + 4], [A + 6]], num_return_sequences=3),
    "early": llama([[A + 4]], early_stopping=True, num_return_sequences=2),
    "never": llama([[A + 4]], early_stopping="never", length_penalty=2.0, num_return_sequences=2),
    "short-penalty": llama([[A + 4]], length_penalty=-1.0, num_return_sequences=2),
    "fills-the-limit": llama([[A + 4, A + 5, A + 6, A + 7]], max_new_tokens=4),
    "two-beams": llama([[A + 4, A + 5], [A + 8]], num_beams=2),
    "min-new-tokens": llama([[A + 4]], min_new_tokens=6),
    "no-repeat": llama([[A + 4, A + 5]], no_repeat_ngram_size=2),
    "repetition": llama([[A + 4, A + 5]], repetition_penalty=1.4),
    "suppressed": llama([[A + 4]], suppress_tokens=[A + 1, A + 2]),
    "two-ends": llama([[A + 4]], eos_token_id=[EOS, 4], num_return_sequences=4),
    "marian-one": marian([[9]]),
    "marian-phrase": marian([[30, 31, 12]], bad_words_ids=[[71]]),
    "marian-alternatives": marian([[[9, 4], [30]], [[12], [13, 14]]], bad_words_ids=[[71]], num_return_sequences=2),
    "marian-forced-ends": marian([[9, 30]], forced_eos_token_id=0, num_return_sequences=2),
    "marian-forced-bos": marian([[9, 30]], forced_bos_token_id=12),
    "marian-early": marian([[40], [41]], early_stopping=True, bad_words_ids=[[71]]),
}
for number in range(24):
    draw = random.Random(number)
    translates = number % 3 == 0
    lowest, highest = (1, 70) if translates else (A, A + 10)

    def word(): return [draw.randint(lowest, highest) for _ in range(draw.randint(1, 3))]

    def group():
        words = [word() for _ in range(draw.randint(2, 3))]
        begins = any(a != b and b[:len(a)] == a for a in words for b in words) or len(set(map(tuple, words))) < len(words)
        return words[0] if begins or draw.random() < 0.5 else words

    make = marian if translates else llama
    force = [group() for _ in range(draw.randint(1, 3))]
    CASES[f"random-{number}"] = make(force, num_beams=draw.randint(2, 6), num_return_sequences=2,
                                     early_stopping=draw.choice([True, False, "never"]),
                                     length_penalty=draw.choice([0.5, 1.0, 2.0]))


def make_folder(folder, case):
    base = os.path.join(HERE, "..", "marian" if case["model"] == "marian" else "generation/llama")
    for name in ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]:
        shutil.copy(os.path.join(base, name), folder)
    with open(f"{folder}/generation_config.json", "w") as file:
        json.dump({name: value for name, value in case["generation"].items() if name != "force_words_ids"}, file)


def compute(folder, case):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    translates = case["model"] == "marian"
    kind = transformers.AutoModelForSeq2SeqLM if translates else transformers.AutoModelForCausalLM
    model, results = kind.from_pretrained(folder, torch_dtype=torch.float32).eval(), []
    for text in SOURCES if translates else TEXTS:
        ids = tokenizer(text, return_tensors="pt").input_ids
        out = model.generate(ids, attention_mask=torch.ones_like(ids), force_words_ids=case["generation"]["force_words_ids"],
                             return_dict_in_generate=True, output_scores=True)
        before = "" if translates else tokenizer.decode(ids[0], skip_special_tokens=True)
        results.append([[tokenizer.decode(row, skip_special_tokens=True)[len(before):], float(f"{score:.7g}")]
                        for row, score in zip(out.sequences, out.sequences_scores.tolist())])
    return results


if __name__ == "__main__":
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    for name, case in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            make_folder(folder, case)
            case["texts"] = SOURCES if case["model"] == "marian" else TEXTS
            case["expected"] = compute(folder, case)
    with open(os.path.join(HERE, "cases.json"), "w") as file:
        file.write("{\n" + ",\n".join(f"{json.dumps(n)}: {json.dumps(c)}" for n, c in CASES.items()) + "\n}\n")
