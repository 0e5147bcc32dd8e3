"""Small models of each kind for the tests, trained in a second each. heed trains the same bits on every machine, so their
weights need not be stored."""

from __future__ import annotations

import json
import pathlib
from typing import Any, Callable

import heed

SMALL = dict(
    width=16,
    heads=2,
    encoder_layers=1,
    decoder_layers=1,
    ffn_width=32,
    vocabulary_size=120,
    batch_tokens=200,
    steps=60,
    lr=0.01,
    warmup=5,
    max_positions=48,
)
WORDS = "the a old new big red dog cat house tree sees likes finds".split()
NAMES = ["Anna", "Annabel", "Smith", "Smithson", "Rome", "Romeville", "Bern", "Bernstein"]


def sentences(count: int = 80) -> list[str]:
    w = WORDS
    return [
        f"{w[i % 2]} {w[2 + i % 4]} {w[6 + i % 3]} {w[10 + i % 3]} {w[i % 2]} {w[6 + (i * 3) % 4]}"
        for i in range(count)
    ]


def tagged(count: int = 60) -> str:
    """Sentences in CoNLL format. Names share their beginnings, so that subwords of a word are labelled differently."""
    lines = []
    for i in range(count):
        first, last, place = NAMES[i % 2], NAMES[2 + i % 2], NAMES[4 + i % 4]
        lines += [
            f"{first} B-PER",
            f"{last} I-PER",
            "left O",
            f"{place} B-LOC",
            f"{NAMES[6 + i % 2]} B-LOC",
            "today O",
            "",
        ]
    return "\n".join(lines) + "\n"


def _write(path: pathlib.Path, text: str) -> pathlib.Path:
    path.write_text(text, encoding="utf-8")
    return path


def _lines(folder: pathlib.Path) -> pathlib.Path:
    return _write(folder / "lines", "\n".join(sentences()) + "\n")


def _targets(folder: pathlib.Path) -> pathlib.Path:
    return _write(folder / "targets", "\n".join(" ".join(reversed(line.split())) for line in sentences()) + "\n")


def _labels(folder: pathlib.Path) -> pathlib.Path:
    kinds = ["dog" if "dog" in line else "cat" if "cat" in line else "other" for line in sentences()]
    return _write(folder / "labels", "\n".join(kinds) + "\n")


def _tags(folder: pathlib.Path) -> pathlib.Path:
    return _write(folder / "tags", tagged())


def _edit(path: pathlib.Path, **values: Any) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    content.update(values)
    _write(path, json.dumps(content, indent=2) + "\n")


def _train(work: pathlib.Path, folder: pathlib.Path, **options: Any) -> None:
    heed.train(folder, **{**SMALL, **options})


def _filler(work: pathlib.Path, folder: pathlib.Path) -> None:
    _train(work, folder, objective="masked", train_source=_lines(work))


def _roberta(work: pathlib.Path, folder: pathlib.Path) -> None:
    _train(
        work, folder, objective="masked", family="roberta", tokenizer_kind="mask-byte-bpe", train_source=_lines(work)
    )


def _classifier(work: pathlib.Path, folder: pathlib.Path) -> None:
    _train(work, folder, objective="classify", train_source=_lines(work), train_target=_labels(work), steps=20)


def _multilabel(work: pathlib.Path, folder: pathlib.Path) -> None:
    _classifier(work, folder)
    _edit(folder / "config.json", problem_type="multi_label_classification")


def _regression(work: pathlib.Path, folder: pathlib.Path) -> None:
    _classifier(work, folder)
    _edit(folder / "config.json", problem_type="regression")


def _inference(work: pathlib.Path, folder: pathlib.Path) -> None:
    """Natural language inference by name only: labels of single sentences, which are called so."""
    names = {"dog": "entailment", "cat": "neutral", "other": "contradiction"}
    labels = [names[line] for line in _labels(work).read_text(encoding="utf-8").split()]
    path = _write(work / "inference", "\n".join(labels) + "\n")
    _train(work, folder, objective="classify", train_source=_lines(work), train_target=path, steps=20)


def _tagger(work: pathlib.Path, folder: pathlib.Path) -> None:
    _train(work, folder, objective="tag", train_source=_tags(work), steps=25, vocabulary_size=60)


def _byte_tagger(work: pathlib.Path, folder: pathlib.Path) -> None:
    _train(
        work,
        folder,
        objective="tag",
        family="roberta",
        tokenizer_kind="mask-byte-bpe",
        train_source=_tags(work),
        steps=25,
        vocabulary_size=300,
    )


QUESTIONS = [
    {
        "question": f"where is the {w}?",
        "context": f"the {v} is in {place}. the {w} is at the {other}, {place}!",
        "answers": {"text": [f"the {other}"], "answer_start": [len(f"the {v} is in {place}. the {w} is at ")]},
    }
    for w in ("dog", "cat", "house", "tree")
    for v, place, other in (("old zebra", "Rome", "station"), ("bird", "Smithville", "big market"))
] + [{"question": "who sees?", "context": "the zebra is at the station.", "answers": {"text": [], "answer_start": []}}]


def _reader(work: pathlib.Path, folder: pathlib.Path) -> None:
    lines = "".join(json.dumps(one) + "\n" for one in QUESTIONS)
    _train(
        work,
        folder,
        objective="answer",
        train_source=_write(work / "questions", lines),
        tokenizer_kind="wordpiece",
        lowercase=True,
        steps=40,
    )


def _language(work: pathlib.Path, folder: pathlib.Path) -> None:
    _train(work, folder, objective="language", family="llama", train_source=_lines(work))


def _sampling(work: pathlib.Path, folder: pathlib.Path) -> None:
    _language(work, folder)
    _edit(folder / "generation_config.json", do_sample=True, temperature=0.5, top_k=3, max_new_tokens=7)


CHAT_TEMPLATE = """{%- for message in messages %}
    {%- if message['role'] == 'system' %}{{ 'old ' + message['content'] + ' ' }}
    {%- else %}{{ message['content'] + (' sees ' if message['role'] == 'user' else ' ') }}{% endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{ 'the' }}{% endif %}"""


def _chat(work: pathlib.Path, folder: pathlib.Path) -> None:
    _train(work, folder, objective="language", family="llama", train_source=_lines(work), max_positions=128)
    _write(folder / "chat_template.jinja", CHAT_TEMPLATE)


def _translator(work: pathlib.Path, folder: pathlib.Path) -> None:
    _train(work, folder, train_source=_lines(work), train_target=_targets(work), steps=150)


def _without_beams(work: pathlib.Path, folder: pathlib.Path) -> None:
    _translator(work, folder)
    path = folder / "generation_config.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    for name in ("num_beams", "max_length", "length_penalty", "early_stopping"):
        content.pop(name, None)
    _write(path, json.dumps(content, indent=2) + "\n")


def _with_tasks(work: pathlib.Path, folder: pathlib.Path) -> None:
    _translator(work, folder)
    _edit(
        folder / "config.json",
        task_specific_params={
            "summarization": {"prefix": "the old ", "num_beams": 3, "max_length": 6, "length_penalty": 2.0},
            "translation_en_to_de": {"prefix": "a new ", "num_beams": 2, "max_length": 9},
        },
    )


MODELS: dict[str, Callable[[pathlib.Path, pathlib.Path], None]] = {
    "filler": _filler,
    "roberta": _roberta,
    "classifier": _classifier,
    "multilabel": _multilabel,
    "regression": _regression,
    "inference": _inference,
    "tagger": _tagger,
    "byte-tagger": _byte_tagger,
    "reader": _reader,
    "language": _language,
    "sampling": _sampling,
    "chat": _chat,
    "translator": _translator,
    "without-beams": _without_beams,
    "with-tasks": _with_tasks,
}


class Models:
    """Trains each model when it is first used."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder

    def __getitem__(self, name: str) -> str:
        folder = self._folder / name
        if not folder.exists():
            work = self._folder / f"{name}-data"
            work.mkdir()
            MODELS[name](work, folder)
        return str(folder)
