"""Calls of pipelines that are compared with transformers: (model, task, arguments of pipeline(), input, arguments of the
call). The input of a case may be ["generator", [texts]]. make.py records what transformers returns."""

from __future__ import annotations

from typing import Any

LINE = "the old dog sees a tree"
LINES = ["the old dog sees a tree", "a big cat finds the house", "zebra Über, 12!"]
NAMED = "Anna Smithson left Romeville Bernstein today"
NAMED_LINES = [NAMED, "Annabel Smith left Bern", "Über  Annabelsmith-Rome\nSmithville, Ann."]

Case = tuple[str, str, dict[str, Any], Any, dict[str, Any]]

_text: list[Case] = [
    ("classifier", "text-classification", {}, LINE, {}),
    ("classifier", "sentiment-analysis", {}, [LINE], {}),
    ("classifier", "text-classification", {}, LINES, {}),
    ("classifier", "text-classification", {}, ["generator", LINES], {}),
    ("classifier", "text-classification", {}, LINE, {"top_k": 1}),
    ("classifier", "text-classification", {}, LINE, {"top_k": 2}),
    ("classifier", "text-classification", {}, LINES, {"top_k": None}),
    ("classifier", "text-classification", {}, LINES, {"top_k": 2, "batch_size": 2}),
    ("classifier", "text-classification", {"top_k": None}, LINE, {}),
    ("classifier", "text-classification", {"top_k": 2}, LINES, {}),
    ("classifier", "text-classification", {}, LINE, {"function_to_apply": "sigmoid", "top_k": None}),
    ("classifier", "text-classification", {}, LINE, {"function_to_apply": "none", "top_k": None}),
    ("classifier", "text-classification", {"function_to_apply": "softmax"}, LINES, {}),
    ("classifier", "text-classification", {}, {"text": LINE}, {}),
    ("multilabel", "text-classification", {}, LINES, {"top_k": None}),
    ("multilabel", "text-classification", {}, LINES, {}),
    ("regression", "text-classification", {}, LINES, {"top_k": None}),
    ("regression", "text-classification", {}, LINE, {"function_to_apply": "softmax"}),
]

_tokens: list[Case] = [
    (model, task, init, text, call)
    for model in ("tagger", "byte-tagger")
    for task, init, text, call in (
        ("token-classification", {}, NAMED, {}),
        ("ner", {}, NAMED_LINES, {}),
        ("ner", {}, [NAMED], {"ignore_labels": []}),
        ("ner", {}, NAMED_LINES, {"ignore_labels": ["O", "B-LOC"]}),
        ("ner", {"aggregation_strategy": "simple"}, NAMED, {}),
        ("ner", {"aggregation_strategy": "simple"}, NAMED_LINES, {}),
        ("ner", {}, NAMED_LINES, {"aggregation_strategy": "first"}),
        ("ner", {}, NAMED_LINES, {"aggregation_strategy": "average"}),
        ("ner", {}, NAMED_LINES, {"aggregation_strategy": "max"}),
        ("ner", {"aggregation_strategy": "average"}, ["generator", NAMED_LINES], {}),
        ("ner", {"aggregation_strategy": "simple"}, NAMED_LINES, {"ignore_labels": ["LOC"]}),
        ("ner", {"aggregation_strategy": "max"}, NAMED_LINES, {"ignore_labels": []}),
    )
]

_masks: list[Case] = [
    (model, "fill-mask", init, text, call)
    for model, mask in (("filler", "[MASK]"), ("roberta", "<mask>"))
    for init, text, call in (
        ({}, f"the old {mask} sees a tree", {}),
        ({}, [f"the old {mask} sees a tree"], {}),
        ({}, [f"the old {mask} sees a tree", f"a {mask} cat"], {}),
        ({}, f"the old {mask} sees a tree", {"top_k": 2}),
        ({"top_k": 1}, f"the old {mask} sees a tree", {}),
        ({}, f"the {mask} dog sees a {mask}", {"top_k": 2}),
        ({}, [f"the {mask} dog sees a {mask}", f"{mask} cat"], {"top_k": 3}),
        ({}, ["generator", [f"the old {mask}", f"a {mask} cat"]], {"top_k": 1}),
    )
] + [
    ("filler", "fill-mask", {}, "the old [MASK] sees a tree", {"targets": ["dog", "cat", "tree"]}),
    ("filler", "fill-mask", {"targets": "dog"}, "the old [MASK] sees a tree", {}),
    ("filler", "fill-mask", {}, "the [MASK] dog sees a [MASK]", {"targets": ["dog", "cat", "tree"], "top_k": 2}),
]

_features: list[Case] = [
    ("filler", "feature-extraction", {}, LINE, {}),
    ("filler", "feature-extraction", {}, LINES, {}),
    ("classifier", "feature-extraction", {}, [LINE], {}),
    ("language", "feature-extraction", {}, LINE, {}),
]

GREEDY = {"do_sample": False}
_language: list[Case] = [
    ("language", "text-generation", {}, "the old", {**GREEDY, "max_new_tokens": 8}),
    ("language", "text-generation", {}, ["the old"], {**GREEDY, "max_new_tokens": 8}),
    ("language", "text-generation", {}, ["the old", "a big cat"], {**GREEDY, "max_new_tokens": 8}),
    ("language", "text-generation", {}, "the old", {**GREEDY, "max_new_tokens": 8, "return_full_text": False}),
    ("language", "text-generation", {"max_new_tokens": 5, **GREEDY}, ["the old", "a big"], {"return_full_text": False}),
    (
        "language",
        "text-generation",
        {},
        "the old",
        {**GREEDY, "max_new_tokens": 6, "num_beams": 3, "num_return_sequences": 2},
    ),
    (
        "language",
        "text-generation",
        {},
        ["the old", "a"],
        {**GREEDY, "max_new_tokens": 6, "num_beams": 3, "num_return_sequences": 3},
    ),
    ("language", "text-generation", {}, "the old", {**GREEDY, "max_new_tokens": 12, "repetition_penalty": 1.5}),
    ("language", "text-generation", {}, "the old", {**GREEDY, "max_new_tokens": 12, "no_repeat_ngram_size": 2}),
    ("language", "text-generation", {}, "the old", {**GREEDY, "max_new_tokens": 8, "prefix": "a dog sees "}),
    (
        "language",
        "text-generation",
        {},
        "the old",
        {**GREEDY, "max_new_tokens": 8, "num_beams": 4, "length_penalty": 2.0, "early_stopping": True},
    ),
    ("language", "text-generation", {}, ["generator", ["the old", "a big"]], {**GREEDY, "max_new_tokens": 4}),
    ("language", "text-generation", {}, "the old", {"do_sample": True, "top_k": 1, "max_new_tokens": 6}),
    ("sampling", "text-generation", {}, "the old", {**GREEDY}),
    ("sampling", "text-generation", {}, "the old", {"top_k": 1}),
]

TRANSFORMERS_5: list[Case] = _text + _tokens + _masks + _features + _language

# Tasks that transformers 5 dropped.
TRANSFORMERS_4: list[Case] = [
    ("translator", "translation", {}, LINE, {}),
    ("translator", "translation", {}, LINES[:2], {}),
    ("translator", "translation_en_to_de", {}, [LINE], {}),
    ("translator", "translation", {}, LINE, {"num_beams": 3, "num_return_sequences": 2}),
    ("translator", "translation", {}, LINES[:2], {"num_beams": 3, "num_return_sequences": 2}),
    ("translator", "translation", {"max_length": 5}, LINE, {}),
    ("translator", "translation", {}, LINE, {"max_new_tokens": 3, "num_beams": 1}),
    ("translator", "translation", {}, ["generator", LINES[:2]], {}),
    ("translator", "text2text-generation", {}, LINE, {}),
    ("translator", "text2text-generation", {}, LINES[:2], {"num_beams": 1}),
    ("translator", "summarization", {}, LINE, {"min_length": 2, "max_length": 20}),
    ("translator", "summarization", {}, LINES[:2], {"max_length": 4}),
    ("without-beams", "translation", {}, LINE, {}),
    ("without-beams", "text2text-generation", {}, LINES[:2], {}),
    ("with-tasks", "summarization", {}, "dog sees a tree", {}),
    ("with-tasks", "summarization", {}, "dog sees a tree", {"num_beams": 1}),
    ("with-tasks", "translation_en_to_de", {}, ["dog sees a tree"], {}),
    ("with-tasks", "translation", {}, "dog sees a tree", {}),
    ("with-tasks", "text2text-generation", {}, "dog sees a tree", {}),
]
