"""Calls of pipelines that are compared with transformers: (model, task, arguments of pipeline(), input, arguments of the
call). The input of a case may be ["generator", [texts]]. make.py records what transformers returns."""

from __future__ import annotations

from typing import Any

LINE = "the old dog sees a tree"
LINES = ["the old dog sees a tree", "a big cat finds the house", "zebra Über, 12!"]
NAMED = "Anna Smithson left Romeville Bernstein today"
NAMED_LINES = [NAMED, "Annabel Smith left Bern", "Über  Annabelsmith-Rome\nSmithville, Ann."]

LONG = " ".join(LINES[:2] * 8)
LONG_NAMED = " ".join([*NAMED_LINES[:2], "today, Smithson and Anna Smith"] * 8)
PAIR = {"text": LINES[0], "text_pair": LINES[1]}

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
    ("classifier", "text-classification", {}, PAIR, {}),
    ("classifier", "text-classification", {}, PAIR, {"top_k": None}),
    ("classifier", "text-classification", {}, [PAIR, {"text": LINE}, {"text": "a", "text_pair": LINE}], {}),
    ("classifier", "text-classification", {}, [PAIR, PAIR], {"top_k": 2}),
    ("classifier", "text-classification", {}, ["generator", [PAIR, {"text": "a", "text_pair": LINE}]], {}),
    ("classifier", "text-classification", {}, [[list(PAIR.values())]], {}),
    ("classifier", "text-classification", {}, LONG, {"truncation": True, "top_k": None}),
    ("classifier", "text-classification", {}, {"text": LONG, "text_pair": LONG}, {"truncation": True, "top_k": None}),
    ("classifier", "text-classification", {}, {"text": LINE, "text_pair": LONG}, {"truncation": True, "top_k": None}),
    ("multilabel", "text-classification", {}, LINES, {"top_k": None}),
    ("multilabel", "text-classification", {}, LINES, {}),
    ("regression", "text-classification", {}, LINES, {"top_k": None}),
    ("regression", "text-classification", {}, LINE, {"function_to_apply": "softmax"}),
]

LABELS = ["dog", "cat", "old house", "zebra"]
_zero_shot: list[Case] = [
    ("inference", "zero-shot-classification", init, text, call)
    for init, text, call in (
        ({}, LINE, {"candidate_labels": LABELS}),
        ({}, LINE, {"candidate_labels": "dog, cat,tree , ,"}),
        ({}, [LINE], {"candidate_labels": LABELS}),
        ({}, LINES, {"candidate_labels": LABELS, "multi_label": True}),
        ({}, LINES, {"candidate_labels": ["dog"]}),
        ({"candidate_labels": LABELS}, LINES, {"hypothesis_template": "the {{old}} {0} is a {0}"}),
        ({"hypothesis_template": "{}"}, LINE, {"candidate_labels": ["a, b", "x{}"], "multi_label": True}),
        ({}, ["generator", LINES], {"candidate_labels": LABELS}),
        ({}, LONG, {"candidate_labels": ["dog", "big old cat and house"]}),
    )
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
        ("ner", {}, NAMED_LINES, {"ignore_labels": []}),
        ("ner", {"stride": 4}, NAMED_LINES, {"aggregation_strategy": "simple"}),
        ("ner", {"aggregation_strategy": "simple", "stride": 0}, LONG_NAMED, {}),
        ("ner", {"aggregation_strategy": "simple", "stride": 9}, [LONG_NAMED, NAMED], {}),
        ("ner", {"aggregation_strategy": "first", "stride": 7}, LONG_NAMED, {}),
        ("ner", {"aggregation_strategy": "average", "stride": 20}, LONG_NAMED, {"ignore_labels": []}),
        ("ner", {"aggregation_strategy": "max", "stride": 30}, LONG_NAMED, {}),
        ("ner", {"stride": 5}, LONG_NAMED, {}),
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
    ("filler", "fill-mask", {}, "the old [MASK] sees a tree", {"targets": ["dog", "doghouse", "cat house"]}),
    ("filler", "fill-mask", {}, "[PAD] old [MASK] sees a tree", {}),
    ("filler", "fill-mask", {}, "[PAD] old [MASK] sees [MASK] [PAD]", {"top_k": 4}),
    ("filler", "fill-mask", {}, "[MASK] [MASK]", {"top_k": 3, "targets": ["[PAD]", "[MASK]", "dog"]}),
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

USER = [{"role": "user", "content": "the old dog"}]
TURNS = [
    {"role": "system", "content": "big"},
    {"role": "user", "content": "a cat"},
    {"role": "assistant", "content": "a tree"},
    {"role": "user", "content": "the house"},
]
_chats: list[Case] = [
    ("chat", "text-generation", {}, given, {**GREEDY, "max_new_tokens": 9, **call})
    for given, call in (
        (USER, {}),
        (TURNS, {}),
        (TURNS, {"return_full_text": False}),
        ([USER, TURNS], {}),
        ([USER], {"return_full_text": False}),
        (TURNS, {"repetition_penalty": 1.5}),
        (TURNS, {"num_beams": 3}),
        (USER, {"num_beams": 3, "num_return_sequences": 2}),
        ([USER, TURNS], {"num_beams": 3, "num_return_sequences": 2, "return_full_text": False}),
    )
]

TRANSFORMERS_5: list[Case] = _text + _zero_shot + _tokens + _masks + _features + _language + _chats

WHERE = {"question": "where is the dog?", "context": "the old dog is at the station. the cat is in Rome, Über 12!"}
LONG = {"question": "where is the cat?", "context": ("the dog is at the big market. " * 9 + "the Cat is in SMITHVILLE. ") * 2}

_answers: list[Case] = [
    ("reader", "question-answering", init, given, call)
    for init, given, call in (
        ({}, WHERE, {}),
        ({}, [WHERE], {}),
        ({}, [WHERE, LONG], {}),
        ({}, [WHERE, LONG], {"top_k": 3}),
        ({"top_k": 2}, WHERE, {"handle_impossible_answer": True}),
        ({}, [WHERE, LONG], {"handle_impossible_answer": True}),
        ({}, LONG, {"top_k": 2, "align_to_words": False}),
        ({}, LONG, {"top_k": 4, "max_answer_len": 2}),
        ({}, LONG, {"top_k": 2, "max_seq_len": 24, "doc_stride": 3, "max_question_len": 5}),
        ({}, {"question": "who?", "context": "Rome"}, {}),
        ({}, ["generator", [WHERE, LONG]], {"top_k": 2}),
    )
]

# Tasks that transformers 5 dropped.
TRANSFORMERS_4: list[Case] = _answers + [
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
