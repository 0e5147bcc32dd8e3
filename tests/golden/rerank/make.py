"""Relevance scores: python make.py

Small random models: a BERT with one label, scored by CrossEncoder of sentence-transformers 6.2, and a Qwen3, scored as the card of
Qwen3-Reranker does. cases.json has for each case the files of its folder (JSON), the stored files that it links to, the call and
the scores. The tokenizers are ../embed/tokenizer.json, and the same with the special tokens of Qwen3. Stored weights stay."""
import json
import os
import shutil
import tempfile

import torch
from safetensors.torch import save_file
from sentence_transformers import CrossEncoder
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast
from transformers import Qwen3Config, Qwen3ForCausalLM

here = os.path.dirname(os.path.abspath(__file__))
QUERY = "find the small dog"
TEXTS = ["the dog runs over the field", "a small dog", "", "the cat sleeps , the dog sleeps : the big fox jump s over the house",
         "a small dog", "fox " * 40]


def randomize(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn(p.shape, generator=generator) * 0.3)
    return {k: v.clone().contiguous() for k, v in model.state_dict().items() if not k.endswith("position_ids")}


def store(name, weights):
    if not os.path.exists(f"{here}/{name}"): save_file(weights, f"{here}/{name}", metadata={"format": "pt"})


plain = json.load(open(f"{here}/../embed/tokenizer.json"))
words = len(plain["model"]["vocab"])
SIZES = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24)
bert = BertConfig(**SIZES, vocab_size=words, max_position_embeddings=48, num_labels=1, pad_token_id=0)
store("bert.safetensors", randomize(BertForSequenceClassification(bert), 1))
keep = ["model_type", "hidden_act", "layer_norm_eps", "pad_token_id", "type_vocab_size", "vocab_size",
        "max_position_embeddings", *SIZES]
bert_config = {k: v for k, v in bert.to_dict().items() if k in keep} | {
    "architectures": ["BertForSequenceClassification"], "id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}

ADDED = ["<|im_start|>", "<|im_end|>", "yes", "no", "<", ">", "Query", "Document", "Instruct", "think", "/", "system",
         "user", "assistant", "Judge", "whether", "\"", "relevant"]
tokens = json.load(open(f"{here}/../embed/tokenizer.json"))
tokens["post_processor"] = None
for word in ADDED: tokens["model"]["vocab"].setdefault(word, len(tokens["model"]["vocab"]))
for word in ADDED[:2]:
    tokens["added_tokens"].append({"id": tokens["model"]["vocab"][word], "content": word, "single_word": False, "lstrip": False,
                                   "rstrip": False, "normalized": False, "special": True})
with open(f"{here}/qwen3-tokenizer.json", "w") as out: json.dump(tokens, out, ensure_ascii=False, indent=1)
ids = tokens["model"]["vocab"]
qwen3 = Qwen3Config(**SIZES, vocab_size=len(ids), max_position_embeddings=128, num_key_value_heads=1, head_dim=10,
                    pad_token_id=3, eos_token_id=3, tie_word_embeddings=True)
weights = randomize(Qwen3ForCausalLM(qwen3), 2)
weights.pop("lm_head.weight")
store("qwen3.safetensors", weights)
keep = ["model_type", "hidden_act", "rms_norm_eps", "pad_token_id", "eos_token_id", "num_key_value_heads", "head_dim",
        "tie_word_embeddings", "rope_parameters", "vocab_size", "max_position_embeddings", *SIZES]
qwen3_config = {k: v for k, v in qwen3.to_dict().items() if k in keep} | {"architectures": ["Qwen3ForCausalLM"]}

SPECIAL = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]",
           "sep_token": "[SEP]", "mask_token": "[MASK]"}
SIGMOID, IDENTITY = "torch.nn.modules.activation.Sigmoid", "torch.nn.modules.linear.Identity"


def cross(name, config=None, longest=512, **more):
    files = {"config.json": bert_config | (config or {}), "tokenizer_config.json": SPECIAL | {"model_max_length": longest}, **more}
    return {"name": name, "files": files, "options": {},
            "links": {"model.safetensors": "rerank/bert.safetensors", "tokenizer.json": "embed/tokenizer.json"}}


def language(name, options=None, longest=512, **more):
    files = {"config.json": qwen3_config, "tokenizer_config.json": {"model_max_length": longest}, **more}
    return {"name": name, "files": files, "options": options or {},
            "links": {"model.safetensors": "rerank/qwen3.safetensors", "tokenizer.json": "rerank/qwen3-tokenizer.json"}}


CASES = [
    cross("sigmoid"),
    cross("raw", {"sentence_transformers": {"activation_fn": IDENTITY, "version": "4.1.0"}}),
    cross("raw-old", {"sbert_ce_default_activation_function": IDENTITY}),
    cross("old-null", {"sbert_ce_default_activation_function": None}),
    cross("both", {"sentence_transformers": {"activation_fn": SIGMOID}, "sbert_ce_default_activation_function": IDENTITY}),
    cross("other-file", {"sentence_transformers": {"activation_fn": SIGMOID}},
          **{"config_sentence_transformers.json": {"model_type": "CrossEncoder", "activation_fn": IDENTITY, "prompts": {}}}),
    cross("other-file-of-modules", {"sentence_transformers": {"activation_fn": SIGMOID}},
          **{"config_sentence_transformers.json": {"model_type": "CrossEncoder", "activation_fn": IDENTITY, "prompts": {}},
             "modules.json": [{"idx": 0, "name": "0", "path": "",
                               "type": "sentence_transformers.base.modules.transformer.Transformer"}],
             "sentence_bert_config.json": {"transformer_task": "sequence-classification"}}),
    cross("not-of-torch", {"sentence_transformers": {"activation_fn": "my.Function"}}),
    cross("short", longest=16),
    cross("types", **{"tokenizer_config.json": SPECIAL | {"tokenizer_class": "BertTokenizer", "model_max_length": 512}}),
    cross("types-listed", **{"tokenizer_config.json": SPECIAL | {"model_input_names": ["input_ids", "token_type_ids", "attention_mask"]}}),
    language("yes-no"),
    language("instruction", {"instruction": "find the relevant dog"}),
    language("logit-score", **{
        "modules.json": [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"},
                         {"idx": 1, "name": "1", "path": "1_LogitScore",
                          "type": "sentence_transformers.cross_encoder.modules.logit_score.LogitScore"}],
        "1_LogitScore/config.json": {"true_token_id": ids["relevant"], "false_token_id": None},
        "config_sentence_transformers.json": {"model_type": "CrossEncoder", "activation_fn": IDENTITY}}),
    language("short-prompt", longest=90),
]

PREFIX = ("<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. Note "
          "that the answer can only be \"yes\" or \"no\".<|im_end|>\n<|im_start|>user\n")
SUFFIX = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"


def score_prompt(folder, c):
    t = PreTrainedTokenizerFast(tokenizer_file=f"{folder}/tokenizer.json")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    prefix, suffix = (t.encode(x, add_special_tokens=False) for x in (PREFIX, SUFFIX))
    most = min(c["files"]["tokenizer_config.json"]["model_max_length"], 128) - len(prefix) - len(suffix)
    instruction = c["options"].get("instruction", "Given a web search query, retrieve relevant passages that answer the query")
    scoring = c["files"].get("1_LogitScore/config.json", {"true_token_id": ids["yes"], "false_token_id": ids["no"]})
    raw = "1_LogitScore/config.json" in c["files"]
    scores = []
    for text in TEXTS:
        middle = t.encode(f"<Instruct>: {instruction}\n<Query>: {QUERY}\n<Document>: {text}", add_special_tokens=False)[:most]
        with torch.inference_mode(): logits = model(torch.tensor([prefix + middle + suffix])).logits[0, -1]
        score = logits[scoring["true_token_id"]]
        if scoring["false_token_id"] is not None: score = score - logits[scoring["false_token_id"]]
        scores.append(float(score if raw else torch.sigmoid(score)))
    return scores


for c in CASES:
    with tempfile.TemporaryDirectory() as folder:
        for path, value in c["files"].items():
            os.makedirs(os.path.dirname(f"{folder}/{path}"), exist_ok=True)
            json.dump(value, open(f"{folder}/{path}", "w"))
        for path, source in c["links"].items(): shutil.copy(f"{here}/../{source}", f"{folder}/{path}")
        if "qwen3" in c["links"]["model.safetensors"]:
            scores = score_prompt(folder, c)
        else:
            ranking = CrossEncoder(folder, device="cpu").rank(QUERY, TEXTS)
            c["order"] = [r["corpus_id"] for r in ranking]
            scores = [r["score"] for r in sorted(ranking, key=lambda r: r["corpus_id"])]
    c["scores"] = [float(f"{x:.7g}") for x in scores]
with open(f"{here}/cases.json", "w") as out:
    json.dump({"query": QUERY, "texts": TEXTS, "cases": CASES}, out, indent=1)
    out.write("\n")
