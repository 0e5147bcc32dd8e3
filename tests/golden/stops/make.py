"""Where transformers' StopStringCriteria ends a text: python make.py, in this folder.

    cases.json    per tokenizer of ../text: stop strings, token ids, and for each length from 1 on whether a stop string ends in
                  the last token

Written with torch 2.13.0 and transformers 5.24.0.
"""
import json
import random

import torch
from transformers import PreTrainedTokenizerFast
from transformers.generation.stopping_criteria import StopStringCriteria

TEXTS = ["The stop sign was seen by the stopper, who stopped at the last stop.", "one, two; three.\n\nAnd\tfour é ü 東京 !",
         "Stop! stop. STOP it", "aaaa aaab aab", "it's don't ... \u2019quoted\u2019 end"]
STOPS = [["stop"], ["t s"], ["."], ["\n\n"], ["top", " the"], ["aab", "é"], ["東京"], ["京"], ["er, w"], ["'s"], ["aaa"],
         [" "], ["st", "stop sign"], ["no such text", "it"]]

cases = []
for name in ["gpt2", "llama", "llama-3", "bert", "marian", "roberta", "metaspace-first", "metaspace-never", "whitespace"]:
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=f"../text/{name}.json", clean_up_tokenization_spaces=False)
    draw = random.Random(name)
    for stops in STOPS:
        try:
            criteria = StopStringCriteria(tokenizer, stops)
        except ValueError:  # no token of the vocabulary has a character of the stop string
            continue
        ids = []
        for text in draw.sample(TEXTS, 2): ids += tokenizer(text, add_special_tokens=False)["input_ids"]
        ends = [bool(criteria(torch.tensor([ids[:length]]), None)[0]) for length in range(1, len(ids) + 1)]
        cases.append({"tokenizer": name, "stops": stops, "ids": ids, "ends": "".join("01"[end] for end in ends)})
print(len(cases), "cases,", sum(case["ends"].count("1") for case in cases), "ends")
with open("cases.json", "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]\n")
