"""Vectors of texts by sentence-transformers 6.2: python make.py

Small random models of BERT, RoBERTa and Qwen3, a dense layer, and cases.json: for each case the files of its folder (JSON), the
stored files that it links to, the call, and the vectors that sentence-transformers returns. What is there already stays: weights
that are stored, and the vectors of cases that are the same."""
import json
import os
import shutil
import tempfile

import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, Qwen3Config, Qwen3Model, RobertaConfig, RobertaModel

here = os.path.dirname(os.path.abspath(__file__))
WIDTH = 16
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + sorted(
    "a the dog cat runs sleeps small big query : , . ! ##s ##ing ##er over field house find me good bad word quick brown"
    " fox jump lazy Dog THE é".split())
TEXTS = ["The dog runs over the field.", "a small cat sleeps", "", "Dog, dog ! find me the big brown fox jumping é",
         "dog " * 40]


def tokenizer():
    t = Tokenizer(models.WordPiece({w: i for i, w in enumerate(WORDS)}, unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(lowercase=False)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    t.add_special_tokens(WORDS[:5])
    return t


def randomize(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn(p.shape, generator=generator) * 0.3)
    return {k: v.clone().contiguous() for k, v in model.state_dict().items() if not k.endswith("position_ids")}


def store(name, weights):
    if not os.path.exists(f"{here}/{name}"): save_file(weights, f"{here}/{name}", metadata={"format": "pt"})


SIZES = dict(vocab_size=len(WORDS), hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
             max_position_embeddings=32)
bert = BertConfig(**SIZES, pad_token_id=0)
roberta = RobertaConfig(**{**SIZES, "max_position_embeddings": 33}, pad_token_id=0, type_vocab_size=1)
qwen3 = Qwen3Config(**SIZES, num_key_value_heads=1, head_dim=10, pad_token_id=3, eos_token_id=3, tie_word_embeddings=True)
configs = {}
for name, config, kind in (("bert", bert, BertModel), ("roberta", roberta, RobertaModel)):
    store(f"{name}.safetensors", randomize(kind(config), len(name)))
    configs[name] = json.loads(config.to_json_string(use_diff=False))
    keep = ["model_type", "hidden_act", "layer_norm_eps", "pad_token_id", "type_vocab_size", *SIZES]
    configs[name] = {k: configs[name][k] for k in keep} | {"architectures": [kind.__name__]}
# Qwen3-Embedding has the class of a language model, and the names of a model without a head.
store("qwen3.safetensors", randomize(Qwen3Model(qwen3), 3))
keep = ["model_type", "hidden_act", "rms_norm_eps", "pad_token_id", "eos_token_id", "num_key_value_heads", "head_dim",
        "tie_word_embeddings", "rope_parameters", *SIZES]
configs["qwen3"] = {k: v for k, v in qwen3.to_dict().items() if k in keep} | {"architectures": ["Qwen3ForCausalLM"]}
generator = torch.Generator().manual_seed(7)
save_file({"linear.weight": torch.randn(6, WIDTH, generator=generator) * 0.5, "linear.bias": torch.randn(6, generator=generator)},
          f"{here}/dense.safetensors")
save_file({"linear.weight": torch.randn(4, 6, generator=generator)}, f"{here}/dense-plain.safetensors")
tokenizer().save(f"{here}/tokenizer.json")
TOKENIZER_CONFIG = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]", "unk_token": "[UNK]",
                    "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]", "model_max_length": 512}

ST = "sentence_transformers.models."
OLD = ["cls_token", "max_tokens", "mean_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"]


def old(*modes, **more):
    return {"word_embedding_dimension": WIDTH, **{f"pooling_mode_{m}": m in modes for m in OLD}, **more}


def new(*modes, **more):
    return {"embedding_dimension": WIDTH, "pooling_mode": modes[0] if len(modes) == 1 else list(modes), **more}


def dense(activation, size=(WIDTH, 6), bias=True):
    return {"in_features": size[0], "out_features": size[1], "bias": bias, "activation_function": activation}


def case(name, pooling, steps=(), model="bert", folder="", bert_config=None, settings=None, config=None, call=None):
    prefix = folder + "/" if folder else ""
    files = {prefix + "config.json": config or configs[model], prefix + "tokenizer_config.json": TOKENIZER_CONFIG,
             "1_Pooling/config.json": pooling}
    links = {prefix + "model.safetensors": model + ".safetensors", prefix + "tokenizer.json": "tokenizer.json"}
    modules = [("Transformer", folder), ("Pooling", "1_Pooling")]
    for i, step in enumerate(steps):
        kind, value = step if isinstance(step, tuple) else (step, None)
        path = f"{i + 2}_{kind}"
        modules.append((kind, path))
        if kind == "Dense":
            files[path + "/config.json"] = value[0]
            links[path + "/model.safetensors"] = value[1]
    files["modules.json"] = [{"idx": i, "name": str(i), "path": p, "type": ST + k} for i, (k, p) in enumerate(modules)]
    files[prefix + "sentence_bert_config.json"] = bert_config or {"max_seq_length": 24, "do_lower_case": False}
    if settings:
        files["config_sentence_transformers.json"] = settings
    return {"name": name, "files": files, "links": links, "options": call or {}, "texts": TEXTS}


PROMPTS = {"prompts": {"query": "query : ", "find": "find me : "}, "default_prompt_name": "find", "similarity_fn_name": "dot"}
D1, D2 = ("Dense", (dense("torch.nn.modules.activation.Tanh"), "dense.safetensors")), (
    "Dense", (dense("torch.nn.modules.linear.Identity", (6, 4), False), "dense-plain.safetensors"))
CASES = [case(mode, old(mode)) for mode in OLD]
CASES += [
    case("new-mean", new("mean")),
    case("joined-old", old("cls_token", "mean_tokens", "lasttoken")),
    case("joined-new", new("weightedmean", "max", "mean_sqrt_len_tokens")),
    case("normalized", old("mean_tokens"), ["Normalize"]),
    case("tanh", old("mean_tokens"), [D1]),
    case("gelu", old("cls_token"), [("Dense", (dense("torch.nn.modules.activation.GELU"), "dense.safetensors"))]),
    case("relu", old("max_tokens"), [("Dense", (dense("torch.nn.modules.activation.ReLU"), "dense.safetensors"))]),
    case("dense-default", old("mean_tokens"), [("Dense", ({"in_features": WIDTH, "out_features": 6}, "dense.safetensors"))]),
    case("dense-two-normalized", new("mean"), [D1, D2, "Normalize"]),
    case("normalized-first", old("mean_tokens"), ["Normalize", "Dropout", D1][0:1] + [D1]),
    case("subfolder", old("mean_tokens"), ["Normalize"], folder="0_Transformer"),
    case("lowercase", old("mean_tokens"), bert_config={"max_seq_length": 24, "do_lower_case": True}),
    case("no-limit", old("mean_tokens"), bert_config={"max_seq_length": None, "do_lower_case": False}),
    case("prompt-default", old("mean_tokens"), settings=PROMPTS),
    case("prompt-name", old("mean_tokens"), settings=PROMPTS, call={"prompt-name": "query"}),
    case("prompt-empty-name", old("mean_tokens"), settings=PROMPTS, call={"prompt-name": "document"}),
    case("prompt-text", old("mean_tokens"), settings=PROMPTS, call={"prompt": "the big : "}),
    case("roberta", old("mean_tokens"), model="roberta"),
    case("headless", old("cls_token"), config=configs["bert"] | {"architectures": ["BertForMaskedLM"]}),
    case("dims", old("mean_tokens"), ["Normalize"], call={"dims": "5", "normalize": None}),
]
INSTRUCT = {"prompts": {"query": "find : the big dog\nquery :", "document": ""}, "default_prompt_name": None,
            "similarity_fn_name": "cosine"}
CASES += [
    case("decoder", old("lasttoken", include_prompt=True), ["Normalize"], model="qwen3", settings=INSTRUCT),
    case("decoder-query", old("lasttoken", include_prompt=True), ["Normalize"], model="qwen3", settings=INSTRUCT,
         call={"prompt-name": "query"}),
    case("decoder-headless", old("lasttoken", include_prompt=True), model="qwen3", settings=INSTRUCT,
         config=configs["qwen3"] | {"architectures": ["Qwen3Model"]}),
    case("decoder-mean", old("mean_tokens"), model="qwen3"),
    case("decoder-weighted", old("weightedmean_tokens"), model="qwen3"),
]
CASES += [case("without-prompt-" + m, old(m, include_prompt=False), settings=PROMPTS, call={"prompt-name": "query"}) for m in OLD]

known = {}
if os.path.exists(f"{here}/cases.json"):
    with open(f"{here}/cases.json") as file: known = {c["name"]: c for c in json.load(file)}
for c in CASES:
    old_case = known.get(c["name"], {})
    if all(old_case.get(key) == c[key] for key in c):
        c["vectors"] = old_case["vectors"]
        continue
    with tempfile.TemporaryDirectory() as folder:
        for path, value in c["files"].items():
            os.makedirs(os.path.dirname(f"{folder}/{path}"), exist_ok=True)
            json.dump(value, open(f"{folder}/{path}", "w"))
        for entry in c["files"]["modules.json"]:
            os.makedirs(f"{folder}/{entry['path']}", exist_ok=True)
        for path, source in c["links"].items():
            shutil.copy(f"{here}/{source}", f"{folder}/{path}")
        model = SentenceTransformer(folder, device="cpu")
        if c["name"] == "no-limit":
            model.max_seq_length = 32  # more would be past the model's positions
        options = c["options"]
        vectors = model.encode(c["texts"], prompt=options.get("prompt"), prompt_name=options.get("prompt-name"),
                               truncate_dim=int(options["dims"]) if "dims" in options else None,
                               normalize_embeddings="normalize" in options)
    c["vectors"] = [[float(f"{x:.7g}") for x in v] for v in vectors.tolist()]
with open(f"{here}/cases.json", "w") as out:
    out.write("[\n" + ",\n".join(json.dumps(c) for c in CASES) + "\n]\n")
