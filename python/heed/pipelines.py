"""heed.pipeline: takes and returns what the pipelines of transformers do, so that a program changes one import.

Arguments have transformers' names. Each is mapped to an option of the library, or it is refused with its name: none is
ignored. The defaults are those of transformers 5, and for translation, summarization, text2text-generation and question-answering, which version
5 dropped, those of 4.57."""

from __future__ import annotations

import itertools
import json
import os
import pathlib
from typing import Any, Callable, Iterable, Iterator, Mapping, Optional, Sequence, Union

from ._context import Context
from ._errors import FileError
from ._library import logger
from .chat import Chat
from .model import Model
from .tokenizer import Tokenizer
from .tools import options as option_names
from .tools import pull

_ABSENT: Any = object()

# ---- arguments of generation ------------------------------------------------------------------------------------

_EARLY = {False: "unlikely", True: "full", "never": "never", None: None}

# transformers' name -> the option, and what becomes of the value.
_GENERATION: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "max_new_tokens": ("max-new-tokens", int),
    "min_new_tokens": ("min-new-tokens", int),
    "max_length": ("max-length", int),
    "min_length": ("min-length", int),
    "num_beams": ("beams", int),
    "num_return_sequences": ("best", int),
    "do_sample": ("sample", bool),
    "temperature": ("temperature", float),
    "top_k": ("top-k", int),
    "top_p": ("top-p", float),
    "min_p": ("min-p", float),
    "typical_p": ("typical-p", float),
    "repetition_penalty": ("repetition-penalty", float),
    "no_repeat_ngram_size": ("no-repeat-ngram", int),
    "length_penalty": ("length-penalty", float),
    "early_stopping": ("early-stopping", _EARLY.__getitem__),
    "stop_strings": ("stop", lambda value: value),
}
_SAMPLING = ("temperature", "top_k", "top_p", "min_p", "typical_p")

# Arguments without an effect on results: caches, and padding, which heed does not need.
_WITHOUT_EFFECT = {"use_cache", "pad_token_id", "num_workers", "padding", "use_fast"}

# Arguments with one value that heed has.
_FIXED: dict[str, tuple[Any, ...]] = {
    "truncation": (None, False, "do_not_truncate"),
    "return_tensors": (None, False),
    "return_text": (None, True),
    "clean_up_tokenization_spaces": (None,),
    "skip_special_tokens": (None, True),
    "add_special_tokens": (None, True),
    "handle_long_generation": (None,),
    "continue_final_message": (None,),
    "tokenizer_encode_kwargs": (None, {}),
    "tokenize_kwargs": (None, {}),
    "tokenizer_kwargs": (None, {}),
    "return_type": (None,),
    "offset_mapping": (None,),
    "is_split_into_words": (False, None),
    "delimiter": (None,),
    "tools": (None,),
    "documents": (None,),
    "generation_config": (None,),
    "num_beam_groups": (None, 1),
    "penalty_alpha": (None, 0),
    "renormalize_logits": (None, False),
    "return_dict_in_generate": (None, False),
    "output_scores": (None, False),
}


def _refuse(task: str, name: str, value: Any) -> Exception:
    if name in _FIXED:
        return ValueError(f"{name}={value!r}: heed's {task} pipeline has only {name}={_FIXED[name][0]!r}")
    return TypeError(f"heed's {task} pipeline has no argument {name!r}")


def _json_of(path: pathlib.Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


# ---- pipelines --------------------------------------------------------------------------------------------------


class Pipeline:
    """A task of a model. Call it with a text, a list of texts, or an iterator of texts, which gives an iterator."""

    task = ""
    shipped: Optional[str] = None  # the model that ships for the task
    parameters: Mapping[str, Any] = {}  # the task's own arguments and their defaults

    def __init__(self, model: Model, task: str = "", batch_size: Optional[int] = None, **parameters: Any) -> None:
        self.model = model
        self.requested_task = task or self.task
        self._batch_size = batch_size
        self._parameters = self._check(parameters)

    @property
    def tokenizer(self) -> Tokenizer:
        return self.model.tokenizer

    def __repr__(self) -> str:
        return f"heed.{type(self).__name__}({self.model.name!r})"

    def _accepts(self, name: str) -> bool:
        return name in self.parameters

    def _check(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        accepted = {}
        for name, value in parameters.items():
            if self._accepts(name):
                accepted[name] = value
            elif name not in _WITHOUT_EFFECT and not any(value is one or value == one for one in _FIXED.get(name, ())):
                raise _refuse(self.task, name, value)
        return accepted

    def __call__(self, inputs: Any, *, batch_size: Optional[int] = None, **parameters: Any) -> Any:
        given = self._check(parameters)
        merged = {**self.parameters, **self._parameters, **given}
        return self._run(inputs, batch_size or self._batch_size, given, merged)

    def _run(self, inputs: Any, batch_size: Optional[int], given: Mapping[str, Any], parameters: dict[str, Any]) -> Any:
        if self._is_single(inputs):
            return self._shape_single(self._predict([self._text(inputs)], parameters)[0], inputs, given)
        if isinstance(inputs, (list, tuple)):
            return self._shape_list(self._predict([self._text(one) for one in inputs], parameters), inputs)
        if not isinstance(inputs, Iterable) and not hasattr(inputs, "__getitem__"):
            raise TypeError(f"the input is a {type(inputs).__name__}, expected a text or texts")
        return self._iterate(inputs, batch_size or (64 if hasattr(inputs, "__len__") else 1), parameters)

    def _iterate(self, inputs: Any, batch_size: int, parameters: dict[str, Any]) -> Iterator[Any]:
        """Results of an iterator of texts, `batch_size` texts at a time."""
        source = iter(inputs) if isinstance(inputs, Iterable) else (inputs[i] for i in range(len(inputs)))
        while True:
            batch = [self._text(one) for one in itertools.islice(source, batch_size)]
            if not batch:
                return
            yield from self._predict(batch, parameters)

    def _is_single(self, inputs: Any) -> bool:
        return isinstance(inputs, str)

    def _text(self, one: Any) -> str:
        if not isinstance(one, str):
            raise TypeError(f"heed's {self.task} pipeline has no input of type {type(one).__name__}, expected str")
        return one

    def _shape_single(self, result: Any, inputs: Any, given: Mapping[str, Any]) -> Any:
        return result

    def _shape_list(self, results: list[Any], inputs: Sequence[Any]) -> Any:
        return results

    def _predict(self, texts: list[str], parameters: dict[str, Any]) -> list[Any]:
        """One result per text, as transformers' pipeline returns it for one text of a list."""
        raise NotImplementedError

    def predict(self, X: Any) -> Any:
        return self(X)

    transform = predict


class TextClassificationPipeline(Pipeline):
    """Texts, or pairs of texts as {"text": …, "text_pair": …}."""

    task = "text-classification"
    shipped = "sst2"
    parameters = {"top_k": "", "function_to_apply": None, "return_all_scores": None, "truncation": None}

    def _check(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        accepted = super()._check(parameters)
        function = accepted.get("function_to_apply")
        if function is not None:
            accepted["function_to_apply"] = str(getattr(function, "value", function)).lower()
        if accepted.get("truncation") not in (None, True, False):
            raise ValueError(f"truncation={accepted['truncation']!r}: heed's {self.task} pipeline has only True and False")
        return accepted

    def _is_single(self, inputs: Any) -> bool:
        return isinstance(inputs, (str, dict))

    def _text(self, one: Any) -> Any:
        """A text, or the two texts of a pair."""
        if isinstance(one, dict):
            unknown = set(one) - {"text", "text_pair"}
            if unknown or "text" not in one:
                raise ValueError(f"a text of the {self.task} pipeline has the keys text and text_pair, not {list(one)}")
            text, other = super()._text(one["text"]), one.get("text_pair")
            return text if other is None else (text, super()._text(other))
        if isinstance(one, list) and len(one) == 1 and isinstance(one[0], list) and len(one[0]) == 2:
            return super()._text(one[0][0]), super()._text(one[0][1])
        if isinstance(one, (list, tuple)):
            raise ValueError('a pair of texts is {"text": …, "text_pair": …}')
        return super()._text(one)

    def _classify(self, texts: list[Any], options: dict[str, Any]) -> list[Any]:
        """Labels of texts and pairs, in order."""
        found: list[Any] = [None] * len(texts)
        for paired in (False, True):
            places = [i for i, one in enumerate(texts) if isinstance(one, tuple) == paired]
            if not places:
                continue
            chosen = [texts[i] for i in places]
            seconds = [one[1] for one in chosen] if paired else None
            rows = self.model.classify([one[0] for one in chosen] if paired else chosen, seconds, **options)
            for i, row in zip(places, rows):
                found[i] = [{"label": label.label, "score": label.score} for label in row]
        return found

    def _predict(self, texts: list[Any], parameters: dict[str, Any]) -> list[Any]:
        top_k, all_scores = parameters["top_k"], parameters["return_all_scores"]
        legacy = not (top_k is None or isinstance(top_k, int))
        function = parameters["function_to_apply"]
        options = {} if function is None else {"scores": function}
        if parameters["truncation"]:
            options["truncate"] = True
        rows = self._classify(texts, options)
        if not legacy:
            return [row if top_k is None else row[:top_k] for row in rows]
        if all_scores:  # in the order of the labels, not of the scores
            order = {label: i for i, label in enumerate(self.model.labels)}
            return [sorted(row, key=lambda one: order[one["label"]]) for row in rows]
        return [row[0] for row in rows]

    def _shape_single(self, result: Any, inputs: Any, given: Mapping[str, Any]) -> Any:
        return [result] if isinstance(inputs, str) and "top_k" not in given else result


class ZeroShotClassificationPipeline(Pipeline):
    """Texts with labels of the caller's choice, by a model of natural language inference."""

    task = "zero-shot-classification"
    parameters = {"candidate_labels": None, "hypothesis_template": None, "multi_label": False}

    def __call__(  # type: ignore[override]
        self, sequences: Any, candidate_labels: Any = _ABSENT, **parameters: Any
    ) -> Any:
        if candidate_labels is not _ABSENT:
            parameters["candidate_labels"] = candidate_labels
        return super().__call__(sequences, **parameters)

    def _text(self, one: Any) -> str:
        text = super()._text(one)
        if not text:
            raise ValueError("You must include at least one label and at least one sequence.")
        return text

    def _predict(self, texts: list[str], parameters: dict[str, Any]) -> list[Any]:
        labels = parameters["candidate_labels"]
        if isinstance(labels, str):
            labels = [label.strip() for label in labels.split(",") if label.strip()]
        if not labels:
            raise ValueError("You must include at least one label and at least one sequence.")
        options = {"template": parameters["hypothesis_template"], "multi_label": bool(parameters["multi_label"])}
        rows = self.model.classify(texts, label=list(labels), **options)
        return [
            {"sequence": text, "labels": [one.label for one in row], "scores": [one.score for one in row]}
            for text, row in zip(texts, rows)
        ]


class TokenClassificationPipeline(Pipeline):
    task = "token-classification"
    shipped = "entities"
    parameters = {"aggregation_strategy": "none", "ignore_labels": ["O"], "stride": None}
    _strategies = ("none", "simple", "first", "average", "max")

    def _check(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        accepted = super()._check(parameters)
        if "aggregation_strategy" in accepted:
            strategy = accepted["aggregation_strategy"]
            strategy = str(getattr(strategy, "value", "none" if strategy is None else strategy)).lower()
            if strategy not in self._strategies:
                raise ValueError(f"aggregation_strategy is {strategy!r}, expected one of {', '.join(self._strategies)}")
            accepted["aggregation_strategy"] = strategy
        stride = accepted.get("stride")
        if stride is not None and (not isinstance(stride, int) or stride < 0):
            raise ValueError(f"stride is {stride!r}, expected a whole number of tokens")
        if stride is not None and accepted.get("aggregation_strategy") == "none":
            raise ValueError("stride needs another aggregation_strategy than 'none'")
        return accepted

    def _predict(self, texts: list[str], parameters: dict[str, Any]) -> list[Any]:
        strategy = parameters["aggregation_strategy"]
        ignored = ["O"] if parameters["ignore_labels"] is None else list(parameters["ignore_labels"])
        key = "entity" if strategy == "none" else "entity_group"
        rows = []
        options = {"aggregation": strategy, "ignore": ignored or [""], "stride": parameters["stride"]}
        for entities in self.model.tag(texts, **options):
            row = []
            for one in entities:
                found = {key: one.label, "score": one.score}
                if strategy == "none":
                    found["index"] = one.position
                found.update(word=one.text, start=one.start, end=one.end)
                row.append(found)
            rows.append(row)
        return rows


class FillMaskPipeline(Pipeline):
    task = "fill-mask"
    shipped = "encoder"
    parameters = {"top_k": 5, "targets": None}

    def _predict(self, texts: list[str], parameters: dict[str, Any]) -> list[Any]:
        top_k, targets = parameters["top_k"], parameters["targets"]
        options: dict[str, Any] = {"top": 5 if top_k is None else top_k, "keep_masks": True}
        if targets is not None:
            options["target"] = [targets] if isinstance(targets, str) else list(targets)
        return [_masks(words) for words in self.model.fill(texts, **options)]

    def _shape_list(self, results: list[Any], inputs: Sequence[Any]) -> Any:
        return results[0] if isinstance(inputs, list) and len(inputs) == 1 else results


def _masks(words: list[Any]) -> list[Any]:
    """A list of words for the only mask of a text, or one such list per mask."""
    rows = [
        [{"score": one.score, "token": one.token, "token_str": one.word, "sequence": one.text} for one in group]
        for _, group in itertools.groupby(words, key=lambda one: one.start)
    ]
    return rows[0] if len(rows) == 1 else rows


class QuestionAnsweringPipeline(Pipeline):
    """Called with question= and context=, each a text or a list, with {"question": …, "context": …}, or with a list of these.
    One answer is a dict, several are a list."""

    task = "question-answering"
    shipped = "reading"
    parameters = {
        "top_k": 1,
        "topk": None,
        "doc_stride": None,
        "max_answer_len": 15,
        "max_seq_len": None,
        "max_question_len": None,  # without an effect, as with the fast tokenizers of transformers
        "handle_impossible_answer": False,
        "align_to_words": True,
    }

    def __call__(self, *inputs: Any, batch_size: Optional[int] = None, **parameters: Any) -> Any:
        given: Any = inputs[0] if inputs else None
        if len(inputs) == 2 and all(isinstance(one, str) for one in inputs):
            given = {"question": inputs[0], "context": inputs[1]}
        elif len(inputs) > 1:
            given = list(inputs)
        for name in ("X", "data"):
            given = parameters.pop(name, given)
        if "question" in parameters and "context" in parameters:
            given = self._pairs(parameters.pop("question"), parameters.pop("context"))
        if isinstance(given, (list, tuple)) and len(given) == 1:
            given = given[0]
        return super().__call__(given, batch_size=batch_size, **parameters)

    def _pairs(self, questions: Any, contexts: Any) -> Any:
        if isinstance(questions, str) and isinstance(contexts, str):
            return {"question": questions, "context": contexts}
        if isinstance(questions, list) and isinstance(contexts, str):
            contexts = [contexts] * len(questions)
        if not isinstance(questions, list) or not isinstance(contexts, list):
            raise ValueError("Arguments can't be understood")
        if len(questions) != len(contexts):
            raise ValueError("Questions and contexts don't have the same lengths")
        return [{"question": question, "context": context} for question, context in zip(questions, contexts)]

    def _is_single(self, inputs: Any) -> bool:
        return isinstance(inputs, dict)

    def _text(self, one: Any) -> Any:
        """The question and the context."""
        if not isinstance(one, dict):
            raise ValueError(f"{one} argument needs to be a dict with the keys question and context")
        for key in ("question", "context"):
            if key not in one:
                raise KeyError("You need to provide a dictionary with keys {question:..., context:...}")
            if not isinstance(one[key], str) or not one[key]:
                raise ValueError(f"`{key}` cannot be {'empty' if one[key] == '' else one[key]}")
        return one["question"], one["context"]

    def _predict(self, texts: list[Any], parameters: dict[str, Any]) -> list[Any]:
        top_k = parameters["topk"] if parameters["topk"] is not None else parameters["top_k"]
        for name, value in (("top_k", top_k), ("max_answer_len", parameters["max_answer_len"])):
            if value < 1:
                raise ValueError(f"{name} parameter should be >= 1 (got {value})")
        options = {
            "top": top_k,
            "max_answer_tokens": parameters["max_answer_len"],
            "no_answer": bool(parameters["handle_impossible_answer"]),
            "subwords": not parameters["align_to_words"],
            "window": parameters["max_seq_len"] or 0,
            "stride": -1 if parameters["doc_stride"] is None else parameters["doc_stride"],
        }
        questions, contexts = [one[0] for one in texts], [one[1] for one in texts]
        rows = [
            [{"score": one.score, "start": one.start, "end": one.end, "answer": one.text} for one in answers]
            for answers in self.model.answer(questions, contexts, **options)
        ]
        return [row[0] if len(row) == 1 else row for row in rows]


class FeatureExtractionPipeline(Pipeline):
    task = "feature-extraction"
    parameters = {"return_tensors": None}

    def _predict(self, texts: list[str], parameters: dict[str, Any]) -> list[Any]:
        states = [self.model.states_of_ids(self.tokenizer.encode(text).ids).last[None] for text in texts]
        return states if parameters["return_tensors"] else [one.tolist() for one in states]


class SentenceEmbeddingsPipeline(Pipeline):
    """The vectors of texts, as SentenceTransformer.encode returns them: an array per text. transformers has no such
    pipeline."""

    task = "sentence-embeddings"
    parameters = {"normalize": None, "prompt": None, "prompt_name": None, "dims": None}

    def _predict(self, texts: list[str], parameters: dict[str, Any]) -> list[Any]:
        return list(self.model.embed(texts, **{name: value for name, value in parameters.items() if value is not None}))


# ---- generation -------------------------------------------------------------------------------------------------


class _GenerationPipeline(Pipeline):
    """Maps transformers' arguments of generation to options."""

    kind = ""  # of the library's options
    defaults: Mapping[str, Any] = {}  # of arguments that neither the caller nor the model's files set

    def __init__(self, model: Model, task: str = "", batch_size: Optional[int] = None, **parameters: Any) -> None:
        super().__init__(model, task, batch_size, **parameters)
        self._options = set(option_names(self.kind, model.context))
        folder = pathlib.Path(model.folder)
        config = _json_of(folder / "config.json")
        stored = _json_of(folder / "generation_config.json") or config
        tasks = config.get("task_specific_params") or {}
        if self.requested_task == "translation":  # as in transformers, it means the first one
            self.requested_task = next((name for name in tasks if name.startswith("translation")), "translation")
        of_task = tasks.get(self.requested_task) or {}
        self._prefix = of_task.get("prefix", config.get("prefix")) or ""
        # The task's own settings are not read by the library: they replace the model's.
        self._of_task = {name: value for name, value in of_task.items() if name in _GENERATION}
        self._stored = {name for name in _GENERATION if stored.get(name) is not None}

    def _accepts(self, name: str) -> bool:
        return name in self.parameters or name in _GENERATION

    def _settings(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The library's options for these arguments."""
        given = {name: value for name, value in parameters.items() if name in _GENERATION and value is not None}
        merged = {**self._of_task, **given}
        known = self._stored | set(merged)
        for name, value in self.defaults.items():
            limited = name == "max_new_tokens" and "max_length" in known
            if name not in known and not limited:
                merged[name] = value
        if merged.get("max_new_tokens") is not None:
            merged.pop("max_length", None)
        if not merged.get("do_sample", "do_sample" in self._stored):
            for name in _SAMPLING:
                if name not in given:
                    merged.pop(name, None)
        return self._options_of(merged)

    def _options_of(self, merged: Mapping[str, Any]) -> dict[str, Any]:
        options = {}
        for name, value in merged.items():
            option, convert = _GENERATION[name]
            if option not in self._options:
                raise ValueError(f"heed's {self.task} pipeline has no argument {name!r}")
            try:
                options[option] = convert(value)
            except (TypeError, ValueError, KeyError):
                raise ValueError(f"{name} is {value!r}, which heed's {self.task} pipeline does not have") from None
        return options


_seed: Optional[int] = None


def set_seed(seed: int) -> None:
    """Sets the random seed of sampling in all text-generation pipelines of this process. Their samples then depend on the
    seed, and on how many texts a pipeline has continued before."""
    global _seed
    _seed = int(seed)


def _is_chat(one: Any) -> bool:
    """A list of messages."""
    return isinstance(one, (list, tuple)) and bool(one) and all(isinstance(m, Mapping) and "role" in m for m in one)


class TextGenerationPipeline(_GenerationPipeline):
    task = "text-generation"
    kind = "generate"
    shipped = "shakespeare"
    parameters = {
        "return_full_text": None,
        "return_text": None,
        "prefix": None,
        "stop_sequence": None,
        "streamer": None,
        "seed": None,
    }
    # transformers samples unless the model's files say otherwise; 50 is its default of top_k.
    defaults = {"max_new_tokens": 256, "do_sample": True, "temperature": 0.7, "top_k": 50}

    def __init__(self, *arguments: Any, **parameters: Any) -> None:
        self._continued = 0  # texts so far: each has random numbers of its own
        super().__init__(*arguments, **parameters)

    def _is_single(self, inputs: Any) -> bool:
        return super()._is_single(inputs) or _is_chat(inputs)

    def _text(self, one: Any) -> Any:
        return one if _is_chat(one) else super()._text(one)

    def _check(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        accepted = super()._check(parameters)
        if accepted.get("return_full_text") is not None and accepted.get("return_text") is not None:
            raise ValueError("`return_text` is mutually exclusive with `return_full_text`")
        return accepted

    def _predict(self, texts: list[str], parameters: dict[str, Any]) -> list[Any]:
        settings = self._settings(parameters)
        if parameters["stop_sequence"] is not None:
            settings.update(self._options_of({"stop_strings": parameters["stop_sequence"]}))
        seed = parameters["seed"] if parameters["seed"] is not None else _seed
        if seed is not None and settings.get("sample", "do_sample" in self._stored):
            settings["seed"] = seed
        if any(map(_is_chat, texts)):
            return [self._answer(one, settings, parameters) for one in texts]
        prefix = self._prefix if parameters["prefix"] is None else parameters["prefix"]
        rows = self._generate([prefix + text for text in texts], texts, settings, parameters["streamer"])
        full = parameters["return_full_text"] is not False
        return [
            [{"generated_text": text + one.text if full else one.text} for one in row] for text, row in zip(texts, rows)
        ]

    def _answer(self, messages: Any, settings: dict[str, Any], parameters: Mapping[str, Any]) -> list[Any]:
        if not _is_chat(messages) or parameters["streamer"] is not None:
            raise ValueError("heed's text-generation pipeline takes texts or chats, and streams no chats")
        if messages[-1]["role"] == "assistant":
            raise ValueError("heed's text-generation pipeline answers chats, and continues no message of the assistant")
        with Chat(self.model, messages) as chat:
            texts = [one.text for one in chat.answers(**settings)]
        full = parameters["return_full_text"] is not False
        return [
            {"generated_text": [*messages, {"role": "assistant", "content": text}] if full else text} for text in texts
        ]

    def _generate(self, prompts: list[str], texts: list[str], settings: dict[str, Any], streamer: Any) -> list[Any]:
        first, self._continued = self._continued, self._continued + len(prompts)
        if streamer is None:
            return self.model.generate(prompts, first=first, **settings)
        if len(prompts) > 1 or settings.get("best", 1) > 1 or settings.get("beams", 1) > 1:
            raise ValueError("a streamer needs one text, one sequence and one beam")
        if not hasattr(streamer, "on_finalized_text"):
            raise ValueError("the streamer has no method on_finalized_text: use heed.TextStreamer")
        if not getattr(streamer, "skip_prompt", False):
            streamer.on_finalized_text(texts[0])
        try:
            return self.model.generate(
                prompts, first=first, words=lambda index, text: streamer.on_finalized_text(text), **settings
            )
        finally:
            streamer.on_finalized_text("", stream_end=True)


class Text2TextGenerationPipeline(_GenerationPipeline):
    task = "text2text-generation"
    kind = "rewrite"
    return_name = "generated"
    shipped = "formal"
    parameters = {"return_text": None}

    def _predict(self, texts: list[str], parameters: dict[str, Any]) -> list[Any]:
        settings = {**self._settings(parameters), **self._languages(parameters), "prefix": self._prefix}
        rows = getattr(self.model, self.kind)(texts, **settings)
        return [[{f"{self.return_name}_text": one.text} for one in row] for row in rows]

    def _languages(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    def _options_of(self, merged: Mapping[str, Any]) -> dict[str, Any]:
        """An output begins with one token that is not counted as new: max_length is max_new_tokens + 1."""
        merged = dict(merged)
        if "max_length" in merged:
            merged.setdefault("max_new_tokens", max(int(merged.pop("max_length")) - 1, 0))
        return super()._options_of(merged)

    def _shape_list(self, results: list[Any], inputs: Sequence[Any]) -> Any:
        return [row[0] for row in results] if all(len(row) == 1 for row in results) else results


class SummarizationPipeline(Text2TextGenerationPipeline):
    task = "summarization"
    kind = "summarize"
    return_name = "summary"
    shipped = "reports"


class TranslationPipeline(Text2TextGenerationPipeline):
    task = "translation"
    kind = "translate"
    return_name = "translation"
    shipped = "multi30k-en-de"
    parameters = {"return_text": None, "src_lang": None, "tgt_lang": None}
    defaults = {"max_new_tokens": 256, "num_beams": 4}

    def _languages(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        source, target = parameters["src_lang"], parameters["tgt_lang"]
        items = self.requested_task.split("_")
        if source is None and target is None and len(items) == 4 and self.model.languages:
            source, target = items[1], items[3]
        return {name: value for name, value in (("from", source), ("to", target)) if value is not None}


# ---- the list of tasks ------------------------------------------------------------------------------------------

_TASKS: dict[str, type[Pipeline]] = {
    one.task: one
    for one in (
        TextClassificationPipeline,
        ZeroShotClassificationPipeline,
        TokenClassificationPipeline,
        FillMaskPipeline,
        QuestionAnsweringPipeline,
        FeatureExtractionPipeline,
        SentenceEmbeddingsPipeline,
        TextGenerationPipeline,
        Text2TextGenerationPipeline,
        SummarizationPipeline,
        TranslationPipeline,
    )
}
_ALIASES = {"sentiment-analysis": "text-classification", "ner": "token-classification"}
# The task of a model that is opened without one, by the end of its class.
_BY_CLASS = {
    "ForSequenceClassification": "text-classification",
    "ForTokenClassification": "token-classification",
    "ForMaskedLM": "fill-mask",
    "ForQuestionAnswering": "question-answering",
    "ForCausalLM": "text-generation",
    "LMHeadModel": "text-generation",
    "MarianMTModel": "translation",
    "ForConditionalGeneration": "text2text-generation",
}


def _task_class(task: str) -> type[Pipeline]:
    name = _ALIASES.get(task, task)
    items = name.split("_")
    if len(items) == 4 and items[0] == "translation" and items[2] == "to":
        name = "translation"
    if name not in _TASKS:
        raise KeyError(
            f"Unknown task {task}, available tasks are {sorted([*_TASKS, *_ALIASES])}, 'translation_XX_to_YY'"
        )
    return _TASKS[name]


def _shipped_model(task: str, kind: type[Pipeline]) -> str:
    name = "multi30k-en-fr" if task == "translation_en_to_fr" else kind.shipped
    if name is None or task not in (kind.task, "translation_en_to_de", "translation_en_to_fr", *_ALIASES):
        raise ValueError(f"no model ships for {task}: pass model=")
    return name


def _open_model(name: Union[str, "os.PathLike[str]"], context: Optional[Context]) -> Model:
    """Opens a model; one that is neither a folder nor in the cache is fetched from the hub."""
    try:
        return Model(name, context)
    except FileError:
        parts = os.fspath(name).split("/")
        if len(parts) != 2 or not all(parts) or parts[0] in (".", "..", "~") or os.path.exists(name):
            raise
    logger.info("fetching %s from the hub", name)
    return Model(pull(os.fspath(name), context=context), context)


def _check_place(**arguments: Any) -> None:
    """Refuses arguments for what heed does not have: it computes on the CPU with its own code."""
    allowed: dict[str, tuple[Any, ...]] = {
        "framework": (None, "pt"),
        "device": (None, -1, "cpu"),
        "device_map": (None, "auto", "cpu"),
        "revision": (None, "main"),
        "trust_remote_code": (None, False),
        "config": (None,),
        "feature_extractor": (None,),
        "image_processor": (None,),
        "processor": (None,),
        "token": (None,),
        "model_kwargs": (None, {}),
    }
    for name, value in arguments.items():
        if getattr(value, "type", None) == "cpu":  # torch.device
            continue
        if not any(value is one or value == one for one in allowed[name]):
            raise ValueError(f"{name}={value!r}: heed has only {name}={allowed[name][-1]!r}")


_COMPUTE = {
    "auto": "f32",
    "float32": "f32",
    "torch.float32": "f32",
    "f32": "f32",
    "bfloat16": "bf16",
    "torch.bfloat16": "bf16",
    "bf16": "bf16",
}


def _context_of(context: Optional[Context], dtype: Any, threads: Optional[int]) -> Optional[Context]:
    if dtype is None and threads is None:
        return context
    if context is not None:
        raise ValueError("context excludes dtype and threads: it has them")
    if dtype is not None and str(dtype) not in _COMPUTE:
        raise ValueError(f"dtype={dtype!r}: heed computes in float32 or bfloat16")
    return Context(threads=threads or 0, compute=_COMPUTE[str(dtype or "auto")])


def pipeline(
    task: Optional[str] = None,
    model: Union[Model, str, "os.PathLike[str]", None] = None,
    *,
    tokenizer: Any = None,
    dtype: Any = None,
    torch_dtype: Any = None,
    threads: Optional[int] = None,
    context: Optional[Context] = None,
    config: Any = None,
    feature_extractor: Any = None,
    image_processor: Any = None,
    processor: Any = None,
    framework: Optional[str] = None,
    revision: Optional[str] = None,
    use_fast: bool = True,
    token: Any = None,
    device: Any = None,
    device_map: Any = None,
    trust_remote_code: Optional[bool] = None,
    model_kwargs: Optional[dict[str, Any]] = None,
    **parameters: Any,
) -> Any:
    """A pipeline of transformers, run by heed.

    task: "text-classification" ("sentiment-analysis"), "zero-shot-classification", "token-classification" ("ner"),
      "fill-mask", "question-answering", "text-generation", "text2text-generation", "summarization", "translation",
      "translation_XX_to_YY", "feature-extraction", or "sentence-embeddings". None takes the task of the model's class.
    model: a folder, a shipped model's name, owner/name on the hub, which is fetched when it is not in the cache, or a
      heed.Model. None takes the model that ships for the task.
    dtype: "float32" or "bfloat16", the arithmetic of matrix products.
    threads: threads that a call computes with; the default is one per core.
    Other arguments are those of the task, and defaults for its calls."""
    _check_place(
        framework=framework,
        device=device,
        device_map=device_map,
        revision=revision,
        trust_remote_code=trust_remote_code,
        config=config,
        feature_extractor=feature_extractor,
        image_processor=image_processor,
        processor=processor,
        token=token,
        model_kwargs=model_kwargs,
    )
    if task is None and model is None:
        raise RuntimeError("pipeline needs a task or a model")
    kind = None if task is None else _task_class(task)
    if model is None:
        assert task is not None and kind is not None
        model = _shipped_model(task, kind)
    if tokenizer is not None and not (isinstance(tokenizer, Tokenizer) or tokenizer == model):
        raise ValueError("tokenizer: heed uses the model's own tokenizer")
    if not isinstance(model, Model):
        model = _open_model(model, _context_of(context, dtype if dtype is not None else torch_dtype, threads))
    if kind is None:
        architecture = model.describe()["architecture"]
        task = next((name for end, name in _BY_CLASS.items() if architecture.endswith(end)), "feature-extraction")
        kind = _TASKS[task]
    return kind(model, task=task or "", **parameters)
