"""Makes tiny random models of kinds that are no translators, and what transformers computes with them: python make.py, in
this folder.

    FAMILY-HEAD/config.json, model.safetensors    a folder without a tokenizer
    FAMILY-HEAD/expected.json                     token ids of some texts, and the logits of each, one after the other

Written with torch 2.13.0 and transformers 5.23.0.
"""
import json
import os

import torch
from transformers import (BertConfig, BertForMaskedLM, BertForSequenceClassification, BertForTokenClassification,
                          GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM)

torch.set_num_threads(1)
TEXTS = [[2, 5, 9, 3], [2, 3], [2, 17, 17, 4, 30, 31, 32, 8, 9, 10, 11, 12, 3], [7]]
BERT = dict(vocab_size=37, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40,
            max_position_embeddings=16, layer_norm_eps=1e-12, hidden_act="gelu")
LLAMA = dict(vocab_size=37, hidden_size=24, num_hidden_layers=2, intermediate_size=40, max_position_embeddings=32,
             bos_token_id=1, eos_token_id=2)
MODELS = {
    "bert-masked": BertForMaskedLM(BertConfig(**BERT)),
    "bert-text": BertForSequenceClassification(BertConfig(**BERT, id2label={0: "bad", 1: "good", 2: "neither"})),
    "bert-tokens": BertForTokenClassification(BertConfig(**BERT, id2label={0: "O", 1: "PER", 2: "LOC", 3: "ORG"})),
    "gpt2": GPT2LMHeadModel(GPT2Config(vocab_size=37, n_embd=24, n_layer=2, n_head=3, n_positions=16, bos_token_id=1,
                                       eos_token_id=1)),
    "llama": LlamaForCausalLM(LlamaConfig(**LLAMA, num_attention_heads=3)),
    "llama-grouped": LlamaForCausalLM(LlamaConfig(**LLAMA, num_attention_heads=6, num_key_value_heads=2,
                                                  tie_word_embeddings=True, rope_theta=500.0)),
}
for number, (name, model) in enumerate(MODELS.items()):
    draw = torch.Generator().manual_seed(number)
    with torch.no_grad():
        for key, weight in model.named_parameters():  # so that every weight matters
            noise = torch.randn(weight.shape, generator=draw)
            norm = "norm" in key.lower() or ".ln_" in key
            weight.copy_(noise * 0.1 + 1 if norm and key.endswith("weight") else noise * 0.2)
        model.eval()
        logits = [model(torch.tensor([text])).logits[0] for text in TEXTS]
    model.save_pretrained(name)
    for extra in ("generation_config.json",):
        if os.path.exists(f"{name}/{extra}"): os.remove(f"{name}/{extra}")
    with open(f"{name}/expected.json", "w") as file:
        rows = [[round(v, 6) for v in row] for one in logits for row in (one if one.dim() > 1 else one[None]).tolist()]
        json.dump({"texts": TEXTS, "logits": rows}, file)
        file.write("\n")
