"""`heed VERB --json` prints what the pipelines of transformers return: the same names, nesting and order, one value per line,
whatever the other options."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
from typing import Any, Optional

import cases
import pytest
from test_pipelines import differences, recorded

COMMAND = pathlib.Path(os.environ.get("HEED_LIBRARY", "")).resolve().parent / "heed"
VERBS = {
    "text-classification": "classify",
    "sentiment-analysis": "classify",
    "zero-shot-classification": "classify",
    "token-classification": "tag",
    "ner": "tag",
    "fill-mask": "fill",
    "text-generation": "generate",
    "translation": "translate",
    "translation_en_to_de": "translate",
}
# Arguments of a call as options; those of None are no options.
OPTIONS: dict[str, Optional[str]] = {
    "batch_size": None,
    "do_sample": None,
    "function_to_apply": "--scores",
    "truncation": "--truncate",
    "candidate_labels": "--label",
    "hypothesis_template": "--template",
    "multi_label": "--multi-label",
    "aggregation_strategy": "--aggregation",
    "ignore_labels": "--ignore",
    "stride": "--stride",
    "targets": "--target",
    "max_new_tokens": "--max-new-tokens",
    "num_beams": "--beams",
    "num_return_sequences": "--best",
    "repetition_penalty": "--repetition-penalty",
    "no_repeat_ngram_size": "--no-repeat-ngram",
    "length_penalty": "--length-penalty",
}


def options_of(verb: str, name: str, value: Any) -> list[str]:
    if name == "top_k":
        return ["--all"] if value is None else ["--top", str(value)]
    if name == "candidate_labels" and isinstance(value, str):
        return ["--labels", value]
    option = OPTIONS[name]
    if option is None or value is None:
        return []
    if value is True:
        return [option]
    values = value if isinstance(value, list) else [value]
    return [word for one in values or [""] for word in (option, str(one))]


def line_of(case: cases.Case) -> Optional[tuple[list[str], list[str]]]:
    """The options and the texts of a case; None if the command has no such call."""
    model, task, init, given, call = case
    arguments = {**init, **call}
    verb = VERBS.get(task)
    known = set(OPTIONS) | {"top_k"}
    if verb is None or not set(arguments) <= known or arguments.get("top_k", 0) is None and verb == "fill":
        return None
    if verb == "generate" and (arguments.get("do_sample", True) or model == "sampling"):
        return None  # it samples, with numbers of its own
    if verb in ("tag", "generate") and "top_k" in arguments:
        return None
    words = [verb, "--json"]
    if verb == "tag" and "aggregation_strategy" not in arguments:
        words += ["--aggregation", "none"]
    for name, value in arguments.items():
        words += options_of(verb, name, value)
    if isinstance(given, list) and given[0] == "generator":
        given = given[1]
    texts = given if isinstance(given, list) else [given]
    if all(isinstance(one, dict) and "text_pair" in one for one in texts):
        words.append("--pair")
        texts = [f"{one['text']}\t{one['text_pair']}" for one in texts]
    return (words, texts) if all(isinstance(one, str) for one in texts) else None


def values_of(case: cases.Case, answer: Any, count: int) -> list[Any]:
    """The value of each text: transformers leaves out lists of one item in some calls."""
    _, task, init, given, call = case
    many = isinstance(given, list)
    if task == "zero-shot-classification":
        return answer if many else [answer]
    if task == "fill-mask" and many and count == 1 and given[0] != "generator":
        return [answer]
    if task == "text-classification" and isinstance(given, str) and isinstance(answer[0], list):
        return answer
    if not many:
        return [answer if isinstance(answer, list) else [answer]]
    return [one if isinstance(one, list) else [one] for one in answer]


CHOSEN = [
    param
    for name, all_cases in (("transformers5.json", cases.TRANSFORMERS_5), ("transformers4.json", cases.TRANSFORMERS_4))
    for param in recorded(name, all_cases)
    if line_of(param.values[0]) is not None
]


def run(trained: Any, case: cases.Case) -> list[Any]:
    line = line_of(case)
    assert line
    words, texts = line
    command = [str(COMMAND), words[0], "-m", trained[case[0]], *words[1:], "--", *texts]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.skipif(not COMMAND.exists(), reason="the command is not beside the library")
@pytest.mark.parametrize("case, answer", CHOSEN)
def test_json_of_the_command(trained: Any, case: cases.Case, answer: Any) -> None:
    found = run(trained, case)
    assert differences(found, values_of(case, answer, len(found))) == []


def test_most_cases_are_calls_of_the_command() -> None:
    counts = {verb: sum(VERBS[param.values[0][1]] == verb for param in CHOSEN) for verb in set(VERBS.values())}
    assert min(counts.values()) >= 5 and len(CHOSEN) > 80, counts
