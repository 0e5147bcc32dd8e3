"""Answers of models, copied from the library's results."""

from __future__ import annotations

import ctypes
from typing import Any, Callable, NamedTuple, Optional, TypeVar

import numpy as np

from ._errors import TextError
from ._library import logger, quick


class Label(NamedTuple):
    """A label of a text with its probability, or what a regression model predicts."""

    label: str
    score: float


class Entity(NamedTuple):
    """A named entity: its words, and its span in the text in characters, the first and one after the last. With the option
    `aggregation`, `position` is that of its first token."""

    label: str
    score: float
    text: str
    start: int
    end: int
    position: int


class Ranked(NamedTuple):
    """A text with the score of its relevance to a query. `corpus_id` is its index in the list."""

    corpus_id: int
    score: float
    text: str


class Word(NamedTuple):
    """A word for a mask. `text` is the whole text with it; the span is that of the mask, in characters. `token` is its id."""

    word: str
    score: float
    text: str
    start: int
    end: int
    token: int


class Answer(NamedTuple):
    """An answer to a question, and its span in the context in characters, the first and one after the last."""

    text: str
    score: float
    start: int
    end: int


class Token(NamedTuple):
    """A generated token with its log-probability under the model's own distribution. `text` is what it adds to the text; bytes
    that are a part of a character are U+FFFD. `top` are the most probable tokens in its place (option `top_logprobs`)."""

    id: int
    log_prob: float
    text: str
    top: list["Token"]


class Generated(NamedTuple):
    """A translation or a continuation. `score` is log p / length^penalty. `tokens` is None without the option `logprobs`."""

    text: str
    score: float
    alignment: Optional[str] = None
    tokens: Optional[list[Token]] = None


def text_of(results: int, index: int, alternative: int) -> str:
    pointer = quick.heed_results_text(results, index, alternative)
    if not pointer:
        return ""
    return ctypes.string_at(pointer, quick.heed_results_size(results, index, alternative)).decode(errors="replace")


def _label_of(results: int, index: int, alternative: int) -> str:
    return (quick.heed_results_label(results, index, alternative) or b"").decode(errors="replace")


def labels(results: int, index: int) -> list[Label]:
    return [
        Label(_label_of(results, index, i), quick.heed_results_score(results, index, i))
        for i in range(quick.heed_results_alternatives(results, index))
    ]


class Next(NamedTuple):
    """The distribution over the next token, the most probable tokens first.

    ids, logits: [tokens]. texts: what each token adds to a text. stages: the names of the stages of decoding.
    probabilities: [stages, tokens]; 0 for a token that a stage leaves out."""

    ids: np.ndarray
    texts: list[str]
    logits: np.ndarray
    stages: list[str]
    probabilities: np.ndarray


def read_next(pointer: int, best: int) -> Next:
    count = min(best, quick.heed_next_count(pointer))
    ranks, stages, texts = range(count), range(quick.heed_next_stages(pointer)), []
    size = ctypes.c_size_t()
    for rank in ranks:
        text = quick.heed_next_text(pointer, rank, ctypes.byref(size))
        texts.append(ctypes.string_at(text, size.value).decode(errors="replace") if text else "")
    return Next(
        np.array([quick.heed_next_token(pointer, rank) for rank in ranks], np.int32),
        texts,
        np.array([quick.heed_next_logit(pointer, rank) for rank in ranks], np.float32),
        [quick.heed_next_stage(pointer, stage).decode() for stage in stages],
        np.array([[quick.heed_next_probability(pointer, rank, stage) for rank in ranks] for stage in stages]),
    )


def _spans(kind: Any, last: Callable[[int, int, int], int]) -> Callable[[int, int], list[Any]]:
    """A reader of all alternatives of a text as Entity or Word. `last` reads their last field."""

    def read(results: int, index: int) -> list[Any]:
        start, end = ctypes.c_size_t(), ctypes.c_size_t()
        places = ctypes.byref(start), ctypes.byref(end)
        found = []
        for i in range(quick.heed_results_alternatives(results, index)):
            quick.heed_results_span(results, index, i, *places)
            score = quick.heed_results_score(results, index, i)
            text = text_of(results, index, i)
            found.append(
                kind(_label_of(results, index, i), score, text, start.value, end.value, last(results, index, i))
            )
        return found

    return read


def answers(results: int, index: int) -> list[Answer]:
    start, end = ctypes.c_size_t(), ctypes.c_size_t()
    found = []
    for i in range(quick.heed_results_alternatives(results, index)):
        quick.heed_results_span(results, index, i, ctypes.byref(start), ctypes.byref(end))
        score = quick.heed_results_score(results, index, i)
        found.append(Answer(text_of(results, index, i), score, start.value, end.value))
    return found


entities: Callable[[int, int], list[Entity]] = _spans(Entity, quick.heed_results_position)
words: Callable[[int, int], list[Word]] = _spans(Word, quick.heed_results_label_token)


def _generated(results: int, index: int, alternative: int) -> Generated:
    return Generated(text_of(results, index, alternative), quick.heed_results_score(results, index, alternative))


def generated(results: int, index: int) -> list[Generated]:
    return [_generated(results, index, i) for i in range(quick.heed_results_alternatives(results, index))]


def aligned(results: int, index: int) -> list[Generated]:
    """The same with their word alignments."""
    return [
        one._replace(alignment=(quick.heed_results_alignment(results, index, i) or b"").decode())
        for i, one in enumerate(generated(results, index))
    ]


def _token(results: int, index: int, alternative: int, token: int, rank: int, top: list[Token]) -> Token:
    place, size = (results, index, alternative, token, rank), ctypes.c_size_t()
    text = quick.heed_results_token_text(*place, ctypes.byref(size))
    return Token(
        quick.heed_results_token(*place),
        quick.heed_results_log_prob(*place),
        ctypes.string_at(text, size.value).decode(errors="replace") if text else "",
        top,
    )


def _tokens(results: int, index: int, alternative: int) -> list[Token]:
    found = []
    for token in range(quick.heed_results_tokens(results, index, alternative)):
        top: list[Token] = []
        while quick.heed_results_token(results, index, alternative, token, len(top) + 1) >= 0:
            top.append(_token(results, index, alternative, token, len(top) + 1, []))
        found.append(_token(results, index, alternative, token, 0, top))
    return found


def with_tokens(results: int, index: int) -> list[Generated]:
    """The same with the log-probabilities of their tokens."""
    return [one._replace(tokens=_tokens(results, index, i)) for i, one in enumerate(generated(results, index))]


T = TypeVar("T")


def collect(results: int, count: int, read: Callable[[int, int], T]) -> list[T]:
    """What `read` returns for each text. TextError if some text has no result; notes go to the logger."""
    found: list[Any] = []
    failed: Optional[tuple[int, str]] = None
    for i in range(count):
        note = quick.heed_results_note(results, i)
        if note is not None:
            logger.warning("text %d: %s", i, note.decode(errors="replace"))
        problem = quick.heed_results_problem(results, i)
        if problem is None:
            found.append(read(results, i))
            continue
        found.append(None)
        failed = failed or (i, problem.decode(errors="replace"))
    if failed:
        raise TextError(failed[1] if count == 1 else f"text {failed[0]}: {failed[1]}", failed[0], found)
    return found
