"""Makes tiny random models of kinds that are no translators, and what transformers computes with them, in this folder:

    python make.py              every golden that is not there yet
    python make.py --only NAME  that one, anew

    FAMILY-HEAD/config.json, model.safetensors    a folder without a tokenizer
    FAMILY-HEAD/expected.json                     token ids of some texts, and the logits of each, one after the other

The seed of a model follows from its name. bert, gpt2, llama and llama-grouped were written with transformers 5.23.0 and with
their number in the table as the seed; the others with 5.24.0; all with torch 2.13.0.
"""
import argparse
import json
import os
import zlib

import torch
from transformers import (BertConfig, BertForMaskedLM, BertForSequenceClassification, BertForTokenClassification,
                          GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, OPTConfig, OPTForCausalLM,
                          Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM, RobertaConfig,
                          RobertaForMaskedLM, RobertaForSequenceClassification, RobertaForTokenClassification)

HERE = os.path.dirname(os.path.abspath(__file__))
FIRST = ["bert-masked", "bert-text", "bert-tokens", "gpt2", "llama", "llama-grouped"]  # their seeds are their numbers
TEXTS = [[2, 5, 9, 3], [2, 3], [2, 17, 17, 4, 30, 31, 32, 8, 9, 10, 11, 12, 3], [7]]
PADDED = TEXTS + [[1, 5, 1, 1, 9], [2, 1, 7, 1, 3]]  # with the padding token of RoBERTa
LONG = TEXTS + [[2] + [4 + 11 * i % 33 for i in range(70)] + [3]]  # past the blocks of 64 keys
BERT = dict(vocab_size=37, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40,
            max_position_embeddings=16, layer_norm_eps=1e-12, hidden_act="gelu")
ROBERTA = dict(BERT, max_position_embeddings=82, type_vocab_size=1, layer_norm_eps=1e-5)
OPT = dict(vocab_size=37, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, ffn_dim=40,
           max_position_embeddings=80, word_embed_proj_dim=24)
LLAMA = dict(vocab_size=37, hidden_size=24, num_hidden_layers=2, intermediate_size=40, max_position_embeddings=32,
             bos_token_id=1, eos_token_id=2)
WIDE = dict(LLAMA, num_attention_heads=6, num_key_value_heads=2, max_position_embeddings=80)
TEXT, TOKENS = {0: "bad", 1: "good", 2: "neither"}, {0: "O", 1: "PER", 2: "LOC", 3: "ORG"}
MODELS = {
    "bert-masked": lambda: BertForMaskedLM(BertConfig(**BERT)),
    "bert-text": lambda: BertForSequenceClassification(BertConfig(**BERT, id2label=TEXT)),
    "bert-tokens": lambda: BertForTokenClassification(BertConfig(**BERT, id2label=TOKENS)),
    "gpt2": lambda: GPT2LMHeadModel(GPT2Config(vocab_size=37, n_embd=24, n_layer=2, n_head=3, n_positions=16,
                                               bos_token_id=1, eos_token_id=1)),
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**LLAMA, num_attention_heads=3)),
    "llama-grouped": lambda: LlamaForCausalLM(LlamaConfig(**LLAMA, num_attention_heads=6, num_key_value_heads=2,
                                                          tie_word_embeddings=True, rope_theta=500.0)),
    "llama-wide": lambda: LlamaForCausalLM(LlamaConfig(**WIDE, head_dim=10)),
    "roberta-masked": lambda: RobertaForMaskedLM(RobertaConfig(**dict(ROBERTA, hidden_act="relu"))),
    "roberta-text": lambda: RobertaForSequenceClassification(RobertaConfig(**ROBERTA, id2label=TEXT)),
    "roberta-tokens": lambda: RobertaForTokenClassification(RobertaConfig(**ROBERTA, id2label=TOKENS)),
    "roberta-padded": lambda: RobertaForMaskedLM(RobertaConfig(**ROBERTA)),
    "opt": lambda: OPTForCausalLM(OPTConfig(**OPT)),
    "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**WIDE)),
    "qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**WIDE, head_dim=10)),
}


def make(name):
    folder = os.path.join(HERE, name)
    seed = FIRST.index(name) if name in FIRST else zlib.crc32(name.encode())
    texts = TEXTS if name in FIRST else PADDED if name.endswith("padded") else LONG
    model, draw = MODELS[name](), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for key, weight in model.named_parameters():  # so that every weight matters
            noise = torch.randn(weight.shape, generator=draw)
            norm = "norm" in key.lower() or ".ln_" in key
            weight.copy_(noise * 0.1 + 1 if norm and key.endswith("weight") else noise * 0.2)
        model.eval()
        logits = [model(torch.tensor([text]), attention_mask=torch.ones(1, len(text))).logits[0] for text in texts]
    model.save_pretrained(folder)
    if os.path.exists(f"{folder}/generation_config.json"): os.remove(f"{folder}/generation_config.json")
    with open(f"{folder}/expected.json", "w") as file:
        rows = [[round(v, 6) for v in row] for one in logits for row in (one if one.dim() > 1 else one[None]).tolist()]
        json.dump({"texts": texts, "logits": rows}, file)
        file.write("\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=MODELS)
    only = parser.parse_args().only
    for name in [only] if only else MODELS:
        if only or not os.path.exists(os.path.join(HERE, name)): make(name)
