"""Models: texts in, answers out. Methods mirror heed.h; their keyword arguments are the library's options."""

from __future__ import annotations

import ctypes
import json
import os
import threading
from typing import Any, Callable, Iterator, Mapping, Optional, Sequence, Union, overload

import numpy as np

from . import results as _results
from ._arrays import view
from ._context import Context, default
from ._library import (
    Handle,
    check,
    closed,
    error_of,
    header,
    lib,
    produce,
    quick,
    size_array,
    string_array,
    take_text,
    utf8,
)
from ._options import open_options, pointer_of
from .inspect import Attention, Picture, States
from .results import Answer, Entity, Generated, Label, Next, Ranked, Word
from .tokenizer import Tokenizer

Texts = Union[str, Sequence[str]]
Ids = Union[Sequence[int], np.ndarray]

_words_type = header.callbacks["heed_words_function"]


class Model:
    """An open model: a Hugging Face folder, a shipped model by its name, or owner/name in the hub's cache.

    Any number of threads may use a model at the same time and get the results that one thread gets. A method takes one text
    and returns its result, or takes a list of texts and returns a list of results. Options are keyword arguments with the
    names of the command line, with "_" for "-": `beams=5`; heed.options(verb) describes them.

    draft: a smaller model with the same tokenizer, which proposes the next tokens of texts with one hypothesis. Results do
    not change by one bit, only the time does (speculative decoding)."""

    def __init__(
        self, name: Union[str, "os.PathLike[str]"], context: Optional[Context] = None, draft: Optional["Model"] = None
    ) -> None:
        self.context = context or default()
        self._draft = draft
        self.name = os.fsdecode(name)
        opened = self.context.fork()
        pointer = produce(opened, lib.heed_model_close, lib.heed_model_open, opened.pointer, os.fsencode(name))
        self._handle = Handle(pointer, lib.heed_model_close, opened)
        self._local = threading.local()
        self._description: Optional[dict[str, Any]] = None
        self._tokenizer: Optional[Tokenizer] = None
        if draft is not None:
            self.here()  # a draft that does not fit is refused now

    # ---- handles

    def share(self, context: Handle) -> Handle:
        """A handle on the model for a thread that uses this context."""
        pointer = ctypes.c_void_p()
        status = lib.heed_model_share(self._handle.pointer, context.pointer, ctypes.byref(pointer))
        if status:
            raise error_of(context.pointer, status)
        if self._draft is None:
            return Handle(pointer.value, lib.heed_model_close, context)
        draft = self._draft._handle
        shared = Handle(pointer.value, lib.heed_model_close, context, draft)
        check(context.pointer, lib.heed_model_set_draft(shared.pointer, draft.pointer))
        return shared

    def here(self) -> Handle:
        """The calling thread's handle on the model."""
        try:
            return self._local.handle
        except AttributeError:
            self._local.handle = handle = self.share(self.context.here())
            return handle

    def close(self) -> None:
        """Closes the model when what was made with it is closed too. The memory is freed when other threads that used the
        model have ended."""
        self._handle = closed
        self._local = threading.local()

    def __enter__(self) -> "Model":
        return self

    def __exit__(self, *reason: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"heed.Model({self.name!r})"

    def _call(
        self,
        read: Callable[[int, int], Any],
        function: Callable[..., Any],
        texts: Texts,
        kind: str,
        settings: dict[str, Any],
        between: Sequence[Any] = (),
        seconds: Optional[Texts] = None,
    ) -> Any:
        """Calls function(model, options, texts, sizes, [seconds, sizes,] count, [between,] results) and reads the
        results."""
        context, model = self.context.here(), self.here()
        raw = [utf8(texts)] if isinstance(texts, str) else [utf8(text) for text in texts]
        pairs: list[Any] = []
        if seconds is not None:
            others = [utf8(seconds)] if isinstance(seconds, str) else [utf8(text) for text in seconds]
            if isinstance(seconds, str) != isinstance(texts, str) or len(others) != len(raw):
                raise ValueError("there is not one second text for each text")
            pairs = [string_array(others), size_array(others)]
        options = self.context.options(kind, settings)
        pointer = produce(
            context,
            quick.heed_results_close,
            function,
            model.pointer,
            options,
            string_array(raw),
            size_array(raw),
            *pairs,
            len(raw),
            *between,
        )
        try:
            rows = _results.collect(pointer, len(raw), read)
        finally:
            quick.heed_results_close(pointer)
        return rows[0] if isinstance(texts, str) else rows

    # ---- description

    def describe(self) -> dict[str, Any]:
        """What `heed info --json` says of an open model: type, architecture, sizes, tokenizer, generation settings."""
        if self._description is None:
            text = take_text(self.context.here(), lib.heed_model_describe, self.here().pointer, True)
            self._description = json.loads(text)
        return self._description

    @property
    def folder(self) -> str:
        return self.describe()["folder"]

    @property
    def labels(self) -> list[str]:
        """The labels of a classifier, in the order of its config."""
        return self.describe().get("labels", [])

    @property
    def languages(self) -> list[str]:
        """The codes of the languages that a translation model of several languages takes as `from_` and `to`; or, of a model
        whose config.json has tasks, pairs such as "en to de"."""
        return take_text(self.context.here(), lib.heed_model_languages, self.here().pointer).splitlines()

    @property
    def styles(self) -> list[str]:
        """The styles that `rewrite` takes as `to`."""
        return take_text(self.context.here(), lib.heed_model_styles, self.here().pointer).splitlines()

    @property
    def tokenizer(self) -> Tokenizer:
        if self._tokenizer is None:
            self._tokenizer = Tokenizer(self.folder, self.context)
        return self._tokenizer

    # ---- text to text

    @overload
    def translate(self, texts: str, **options: Any) -> list[Generated]: ...  # type: ignore[overload-overlap]
    @overload
    def translate(self, texts: Sequence[str], **options: Any) -> list[list[Generated]]: ...
    def translate(self, texts: Texts, **options: Any) -> Any:
        """Translates with an encoder-decoder: a list of heed.Generated per text, the best first. With document=True, the
        layout of each text is kept."""
        read = _results.aligned if options.get("alignment") else _results.generated
        return self._call(read, lib.heed_translate, texts, "translate", options)

    @overload
    def summarize(self, texts: str, **options: Any) -> list[Generated]: ...  # type: ignore[overload-overlap]
    @overload
    def summarize(self, texts: Sequence[str], **options: Any) -> list[list[Generated]]: ...
    def summarize(self, texts: Texts, **options: Any) -> Any:
        """Summarizes with an encoder-decoder: a list of heed.Generated per text, the best first."""
        return self._call(_results.generated, lib.heed_summarize, texts, "summarize", options)

    @overload
    def rewrite(self, texts: str, **options: Any) -> list[Generated]: ...  # type: ignore[overload-overlap]
    @overload
    def rewrite(self, texts: Sequence[str], **options: Any) -> list[list[Generated]]: ...
    def rewrite(self, texts: Texts, **options: Any) -> Any:
        """Rewrites with an encoder-decoder, in the style `to`: a list of heed.Generated per text, the best first."""
        return self._call(_results.generated, lib.heed_rewrite, texts, "rewrite", options)

    @overload
    def generate(  # type: ignore[overload-overlap]
        self, texts: str, first: int = 0, words: Optional[Callable[[int, str], Any]] = None, **options: Any
    ) -> list[Generated]: ...
    @overload
    def generate(
        self, texts: Sequence[str], first: int = 0, words: Optional[Callable[[int, str], Any]] = None, **options: Any
    ) -> list[list[Generated]]: ...
    def generate(
        self, texts: Texts, first: int = 0, words: Optional[Callable[[int, str], Any]] = None, **options: Any
    ) -> Any:
        """Continues texts with a language model: a list of heed.Generated per text, the best first; without the prompt.

        first: the number of the first text. Samples depend on the seed and on the text's number alone.
        words: called with a text's number and its next words while they are generated; False stops that text."""
        read = _results.with_tokens if options.get("logprobs") or options.get("top_logprobs") else _results.generated
        if words is None:
            return self._call(read, lib.heed_generate, texts, "generate", options, (first, None, None))
        listener = _Listener(words)
        try:
            return self._call(
                _results.generated, lib.heed_generate, texts, "generate", options, (first, listener.function, None)
            )
        finally:
            listener.raise_error()

    def chat(
        self,
        messages: Sequence[Mapping[str, Any]],
        words: Optional[Callable[[int, str], Any]] = None,
        variables: Optional[Mapping[str, Any]] = None,
        chat_template: Optional[str] = None,
        **options: Any,
    ) -> Generated:
        """Answers the last of the messages by the model's chat template, or by `chat_template`.

        words: called with 0 and the next words of the answer; False stops it.
        variables: of the template, such as tools and enable_thinking."""
        from .chat import Chat

        with Chat(self, messages, chat_template, variables) as chat:
            return chat.answer(None, None if words is None else lambda text: words(0, text), **options)

    def next(self, text: str, best: int = 10, **options: Any) -> Next:
        """The distribution over the next token of a language model: the `best` tokens with the largest logits, and their
        probabilities in each stage, such as "model", "temperature" and "top-k"."""
        context, model, raw = self.context.here(), self.here(), utf8(text)
        pointer = produce(
            context,
            lib.heed_next_close,
            lib.heed_next_open,
            model.pointer,
            self.context.options("generate", options),
            raw,
            len(raw),
        )
        try:
            return _results.read_next(pointer, best)
        finally:
            lib.heed_next_close(pointer)

    def stream(self, text: str, number: int = 0, **options: Any) -> Iterator[str]:
        """Yields the words of a continuation or a translation while they are generated. Options are those of sessions."""
        from .session import Session

        with Session(self) as session:
            yield from session.stream(text, number, **options)

    # ---- labels, entities, masked words

    @overload
    def classify(  # type: ignore[overload-overlap]
        self, texts: str, seconds: Optional[str] = None, **options: Any
    ) -> list[Label]: ...
    @overload
    def classify(
        self, texts: Sequence[str], seconds: Optional[Sequence[str]] = None, **options: Any
    ) -> list[list[Label]]: ...
    def classify(self, texts: Texts, seconds: Optional[Texts] = None, **options: Any) -> Any:
        """The labels of each text as a list of heed.Label, the most probable first.

        seconds: the second text of each pair. With the option `label`, a list, texts are classified by these labels
        (zero-shot classification with a model of natural language inference)."""
        function = lib.heed_classify if seconds is None else lib.heed_classify_pairs
        return self._call(_results.labels, function, texts, "classify", options, seconds=seconds)

    @overload
    def tag(self, texts: str, **options: Any) -> list[Entity]: ...  # type: ignore[overload-overlap]
    @overload
    def tag(self, texts: Sequence[str], **options: Any) -> list[list[Entity]]: ...
    def tag(self, texts: Texts, **options: Any) -> Any:
        """The named entities of each text as a list of heed.Entity, in order."""
        return self._call(_results.entities, lib.heed_tag, texts, "tag", options)

    @overload
    def fill(self, texts: str, **options: Any) -> list[Word]: ...  # type: ignore[overload-overlap]
    @overload
    def fill(self, texts: Sequence[str], **options: Any) -> list[list[Word]]: ...
    def fill(self, texts: Texts, **options: Any) -> Any:
        """The most probable words for each mask of each text as a list of heed.Word."""
        return self._call(_results.words, lib.heed_fill, texts, "fill", options)

    @overload
    def answer(self, questions: str, contexts: str, **options: Any) -> list[Answer]: ...  # type: ignore[overload-overlap]
    @overload
    def answer(self, questions: Sequence[str], contexts: Sequence[str], **options: Any) -> list[list[Answer]]: ...
    def answer(self, questions: Texts, contexts: Texts, **options: Any) -> Any:
        """The answers to each question as a list of heed.Answer, the most probable first, from its context."""
        return self._call(_results.answers, lib.heed_answer, questions, "answer", options, seconds=contexts)

    # ---- arrays

    def embed(self, texts: Texts, **options: Any) -> np.ndarray:
        """The vector of a text, [columns] of float32, or of each text of a list, [count, columns]."""
        context, model = self.context.here(), self.here()
        raw = [utf8(texts)] if isinstance(texts, str) else [utf8(text) for text in texts]
        arguments = (
            model.pointer,
            self.context.options("embed", options),
            string_array(raw),
            size_array(raw),
            len(raw),
        )
        pointer = produce(context, quick.heed_results_close, lib.heed_embed, *arguments)
        handle = Handle(pointer, quick.heed_results_close, model)
        vectors = _results.collect(pointer, len(raw), lambda results, i: _vector(handle, i))
        if isinstance(texts, str):
            return vectors[0]
        return np.stack(vectors) if vectors else np.empty((0, 0), np.float32)

    def similarity(
        self, firsts: Texts, seconds: Texts, metric: Optional[str] = None, **options: Any
    ) -> Union[float, list[float]]:
        """The similarity of two texts, or of the texts of two lists of equal length. `metric` is "cosine", "dot", "euclidean"
        or "manhattan"; None: that of the model's folder. Options are those of embed."""
        one = isinstance(firsts, str)
        pairs = [[utf8(text) for text in ([side] if isinstance(side, str) else side)] for side in (firsts, seconds)]
        if len(pairs[0]) != len(pairs[1]):
            raise ValueError(f"{len(pairs[0])} texts, but {len(pairs[1])} to compare them with")
        context, settings = self.context.here(), self.context.options("embed", options)
        sides = [array for side in pairs for array in (string_array(side), size_array(side))]
        name = None if metric is None else metric.encode()
        arguments = (self.here().pointer, settings, name, *sides, len(pairs[0]))
        scores = self._scores(context, len(pairs[0]), lib.heed_similarity, *arguments)
        return scores[0] if one else scores

    def rerank(self, query: str, texts: Sequence[str], top: Optional[int] = None, **options: Any) -> list[Ranked]:
        """The texts in the order of their relevance to a query, the most relevant first. Options: instruction, scores."""
        context, settings = self.context.here(), self.context.options("rerank", options)
        raw, raw_query = [utf8(text) for text in texts], utf8(query)
        arguments = (self.here().pointer, settings, raw_query, len(raw_query), string_array(raw), size_array(raw), len(raw))
        scores = self._scores(context, len(raw), lib.heed_rerank, *arguments)
        order = sorted(range(len(raw)), key=lambda index: -scores[index])
        return [Ranked(index, scores[index], texts[index]) for index in order[:top]]

    def _scores(self, context: Handle, count: int, function: Callable[..., Any], *arguments: Any) -> list[float]:
        pointer = produce(context, quick.heed_results_close, function, *arguments)
        try:
            return _results.collect(pointer, count, lambda results, i: quick.heed_results_score(results, i, 0))
        finally:
            quick.heed_results_close(pointer)

    def attend(self, text: str, **options: Any) -> Attention:
        """The attention weights of every head of every layer over a text."""
        raw = utf8(text)
        return Attention(*self._draw(lib.heed_attend, lib.heed_attention_close, options, raw, len(raw)))

    def states(self, text: str, **options: Any) -> States:
        """The hidden states of every layer over a text, and the logits. An encoder-decoder reads the option `target`, or its
        own translation."""
        raw = utf8(text)
        return States(*self._draw(lib.heed_inspect_states, lib.heed_states_close, options, raw, len(raw)))

    def states_of_ids(self, ids: Ids, target: Optional[Ids] = None) -> States:
        """The same for token ids, to which nothing is added. `target` are the ids of an encoder-decoder's decoder, its start
        token first; without them it reads the start token and all ids but the last."""
        context = self.context.fork()
        model = self.share(context)
        arrays = [np.ascontiguousarray(one, dtype=np.int32) for one in (ids, () if target is None else target)]
        arguments: list[Any] = [model.pointer, arrays[0].ctypes.data, arrays[0].size]
        arguments += [None, 0] if target is None else [arrays[1].ctypes.data, arrays[1].size]
        pointer = produce(context, lib.heed_states_close, lib.heed_inspect_ids, *arguments)
        return States(Handle(pointer, lib.heed_states_close, model), context)

    def embeddings(self, side: str) -> np.ndarray:
        """The embedding matrix [vocabulary, width] of a side, "encoder" or "decoder"."""
        context, shape = self.context.here(), (ctypes.c_int64 * 2)()
        rows = ctypes.c_void_p()
        status = lib.heed_model_embeddings(self.here().pointer, side.encode(), ctypes.byref(rows), shape)
        check(context.pointer, status)
        owner = Handle(rows.value, lambda pointer: quick.heed_free(context.pointer, pointer), context)
        return view(owner, rows.value, tuple(shape))

    # ---- pictures

    def inspect_steps(self, text: str, **options: Any) -> Picture:
        """The steps of a recurrent encoder-decoder while it translates a text, or of an attention head of a Transformer."""
        raw = utf8(text)
        return Picture(*self._draw(lib.heed_inspect_steps, lib.heed_picture_close, options, raw, len(raw)))

    def inspect_embeddings(self, text: Optional[str] = None, **options: Any) -> Picture:
        """The embeddings of a text's tokens, or of the first words of the vocabulary."""
        raw = None if text is None else utf8(text)
        return Picture(*self._draw(lib.heed_inspect_embeddings, lib.heed_picture_close, options, raw, len(raw or b"")))

    def inspect_positions(self, **options: Any) -> Picture:
        """The positional encoding of a transformer."""
        return Picture(*self._draw(lib.heed_inspect_positions, lib.heed_picture_close, options))

    def inspect_nearest(self, word: str, **options: Any) -> Picture:
        """The words whose embeddings have the largest cosine similarity with that of `word`."""
        return Picture(*self._draw(lib.heed_inspect_nearest, lib.heed_picture_close, options, utf8(word)))

    def _draw(
        self, function: Callable[..., Any], close: Callable[..., Any], options: dict[str, Any], *arguments: Any
    ) -> tuple[Handle, Handle]:
        """A picture and its own context, so that another thread may draw it."""
        context = self.context.fork()
        model = self.share(context)
        opened = open_options(context, "attend", options)
        pointer = produce(context, close, function, model.pointer, pointer_of(opened), *arguments)
        return Handle(pointer, close, model), context


def _vector(results: Handle, index: int) -> np.ndarray:
    columns = ctypes.c_size_t()
    address = quick.heed_results_vector(results.pointer, index, ctypes.byref(columns))
    return view(results, address, (columns.value,))


class _Listener:
    """A heed_words_function around a function of Python. An exception of the function stops the text, and is raised after
    the call."""

    def __init__(self, words: Callable[[int, str], Any]) -> None:
        self._error: Optional[BaseException] = None
        self._words = words
        self.function = _words_type(self._pass_on)

    def _pass_on(self, user: Any, index: int, text: int, size: int) -> bool:
        try:
            return self._words(index, ctypes.string_at(text, size).decode(errors="replace")) is not False
        except BaseException as error:
            self._error = error
            return False

    def raise_error(self) -> None:
        if self._error is not None:
            raise self._error
