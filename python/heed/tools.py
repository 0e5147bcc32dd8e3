"""Training, evaluation, conversion, the hub, and the list of models: the functions of heed.h that take files and folders.
Keyword arguments are options of the command line, with "_" for "-"."""

from __future__ import annotations

import ctypes
import json
import os
from typing import Any, Callable, NamedTuple, Optional, Sequence, Union

from ._context import Context, default
from ._library import Handle, check, header, lib, produce, quick, run, size_array, string_array, take_text, utf8
from ._options import Option, describe_options, open_options, option_help, pointer_of
from .inspect import Picture
from .model import Model

Path = Union[str, "os.PathLike[str]"]


def _paths(paths: Union[Path, Sequence[Path]]) -> list[bytes]:
    return [os.fsencode(paths)] if isinstance(paths, (str, os.PathLike)) else [os.fsencode(path) for path in paths]


class _Callback:
    """A callback of the library around a function of Python: None or True continue, False ends the call. An exception ends
    the call too, and is raised after it."""

    def __init__(
        self, name: str, function: Optional[Callable[..., Any]], convert: Callable[..., tuple[Any, ...]]
    ) -> None:
        self._error: Optional[BaseException] = None
        self._function = function
        self._convert = convert
        self.pointer = None if function is None else header.callbacks[name](self._run)

    def _run(self, user: Any, *arguments: Any) -> bool:
        try:
            return self._function(*self._convert(*arguments)) is not False  # type: ignore[misc]
        except BaseException as error:
            self._error = error
            return False

    def check(self, context: Handle, status: int) -> None:
        if self._error is not None:
            raise self._error
        check(context.pointer, status)


# ---- training ---------------------------------------------------------------------------------------------------


class Progress(NamedTuple):
    """The state of a training run. A value that is not known is NaN."""

    step: int
    steps: int
    loss: float
    lr: float
    tokens_per_second: float
    seconds_left: float
    validation_loss: float
    bleu: float
    line: str


_VALUES = ("loss", "lr", "tokens_per_second", "seconds_left", "validation_loss", "bleu")


def _progress(pointer: int) -> tuple[Progress]:
    values: Any = [quick.heed_progress_value(pointer, name.encode()) for name in _VALUES]
    line = (quick.heed_progress_line(pointer) or b"").decode(errors="replace")
    return (Progress(quick.heed_progress_step(pointer), quick.heed_progress_steps(pointer), *values, line),)


def train(
    folder: Path,
    progress: Optional[Callable[[Progress], Any]] = None,
    context: Optional[Context] = None,
    **options: Any,
) -> str:
    """Trains a model in `folder` and returns the folder. With resume=True the run continues from its last checkpoint.

    progress: called during the run; False saves a checkpoint and stops the run, which raises heed.Stopped. Ctrl-C does the
    same, with KeyboardInterrupt."""
    here = (context or default()).here()
    opened = open_options(here, "train", options)
    callback = _Callback("heed_progress_function", progress, _progress)
    status = run(lib.heed_train, here.pointer, pointer_of(opened), os.fsencode(folder), callback.pointer, None)
    callback.check(here, status)
    return os.fspath(folder)


def train_tokenizer(path: Path, context: Optional[Context] = None, **options: Any) -> str:
    """Trains a tokenizer on the lines of the files `input` and writes it to `path`, a tokenizer.json."""
    here = (context or default()).here()
    opened = open_options(here, "tokenizer_train", options)
    check(here.pointer, run(lib.heed_tokenizer_train, here.pointer, pointer_of(opened), os.fsencode(path)))
    return os.fspath(path)


# ---- evaluation -------------------------------------------------------------------------------------------------


def _report(
    kind: str, options: dict[str, Any], context: Optional[Context], function: Any, *arguments: Any
) -> dict[str, Any]:
    """Calls a function of evaluation, and returns its JSON report. `arguments` may contain the options as _OPTIONS."""
    here = (context or default()).here()
    opened = open_options(here, kind, options)
    filled = [pointer_of(opened) if argument is _OPTIONS else argument for argument in arguments]
    return json.loads(take_text(here, function, here.pointer, *filled))


_OPTIONS = object()


def evaluate_bleu(translations: Path, context: Optional[Context] = None, **options: Any) -> dict[str, Any]:
    """Corpus BLEU of a file of translations against the files `reference`, as sacreBLEU computes it."""
    return _report("bleu", options, context, lib.heed_evaluate_bleu, _OPTIONS, os.fsencode(translations), True)


def evaluate_bleu_by_length(
    files: Union[Path, Sequence[Path]],
    picture: Optional[Path] = None,
    context: Optional[Context] = None,
    **options: Any,
) -> dict[str, Any]:
    """BLEU for each bucket of sentences of similar length. `picture` is an SVG file to draw."""
    names = _paths(files)
    drawn = None if picture is None else os.fsencode(picture)
    function = lib.heed_evaluate_bleu_by_length
    return _report("bleu", options, context, function, _OPTIONS, string_array(names), len(names), True, drawn)


def evaluate_perplexity(model: Model, files: Union[Path, Sequence[Path]] = (), **options: Any) -> dict[str, Any]:
    """The perplexity of a model on files of text, the loss per token, and bits per byte and per character."""
    here, names = model.context.here(), _paths(files)
    opened = open_options(here, "perplexity", options)
    arguments = (model.here().pointer, pointer_of(opened), string_array(names), len(names), True)
    return json.loads(take_text(here, lib.heed_evaluate_perplexity, *arguments))


def _with_model(model: Optional[Model], context: Optional[Context]) -> tuple[Any, Optional[Context]]:
    return (None, context) if model is None else (model.here().pointer, model.context)


def evaluate_accuracy(
    file: Path, model: Optional[Model] = None, context: Optional[Context] = None, **options: Any
) -> dict[str, Any]:
    """The accuracy of labels, those of `file` or those that a model predicts for its texts, against the file `reference`."""
    pointer, context = _with_model(model, context)
    return _report("accuracy", options, context, lib.heed_evaluate_accuracy, pointer, _OPTIONS, os.fsencode(file), True)


def evaluate_span_f1(
    file: Path, model: Optional[Model] = None, context: Optional[Context] = None, **options: Any
) -> dict[str, Any]:
    """Precision, recall and F1 of labelled spans of words in files in CoNLL format, as seqeval computes them."""
    pointer, context = _with_model(model, context)
    return _report("span_f1", options, context, lib.heed_evaluate_span_f1, pointer, _OPTIONS, os.fsencode(file), True)


def evaluate_training(
    folders: Union[Path, Sequence[Path]],
    picture: Optional[Path] = None,
    context: Optional[Context] = None,
    **options: Any,
) -> dict[str, Any]:
    """One value (option `curve`) of the logs of training runs against the step. `picture` is an SVG file to draw."""
    names = _paths(folders)
    drawn = None if picture is None else os.fsencode(picture)
    function = lib.heed_evaluate_training
    return _report("training", options, context, function, _OPTIONS, string_array(names), len(names), True, drawn)


def bench(what: str, context: Optional[Context] = None, **options: Any) -> list[str]:
    """Runs the benchmark "machine", "kernels", "train" or "translate" and returns the lines of its report."""
    here = (context or default()).here()
    opened = open_options(here, "bench", options)
    lines: list[str] = []
    line = header.callbacks["heed_log_function"](lambda user, text: lines.append(text.decode(errors="replace")))
    check(here.pointer, run(lib.heed_bench, here.pointer, pointer_of(opened), what.encode(), line, None))
    return lines


# ---- pictures of several models ---------------------------------------------------------------------------------


def inspect_gradients(models: Sequence[Model], texts: Sequence[str], **options: Any) -> Picture:
    """One curve per language model: the norm of the gradient of a token's loss with respect to the embedding of the token d
    positions before it, against d."""
    if not models:
        raise ValueError("models is empty")
    context = models[0].context.fork()
    shared = [model.share(context) for model in models]
    raw = [utf8(text) for text in texts]
    opened = open_options(context, "attend", options)
    pointers = (ctypes.c_void_p * len(shared))(*[model.pointer for model in shared])
    arguments = (pointers, len(shared), pointer_of(opened), string_array(raw), size_array(raw), len(raw))
    pointer = produce(context, lib.heed_picture_close, lib.heed_inspect_gradients, *arguments)
    return Picture(Handle(pointer, lib.heed_picture_close, *shared), context)


# ---- folders, files and the hub ---------------------------------------------------------------------------------


class ModelEntry(NamedTuple):
    """A model that heed.Model opens by its name. `family` is the "model_type" of its config.json."""

    name: str
    family: str
    folder: str
    bytes: int
    is_shipped: bool


def models(context: Optional[Context] = None) -> list[ModelEntry]:
    """The shipped models, sorted by name, and then those in the hub's cache."""
    here = (context or default()).here()
    pointer = produce(here, quick.heed_models_close, lib.heed_models_open, here.pointer)
    entries = Handle(pointer, quick.heed_models_close, here)
    return [
        ModelEntry(
            quick.heed_models_name(pointer, i).decode(errors="replace"),
            quick.heed_models_family(pointer, i).decode(errors="replace"),
            os.fsdecode(quick.heed_models_folder(pointer, i)),
            quick.heed_models_bytes(pointer, i),
            quick.heed_models_is_shipped(pointer, i),
        )
        for i in range(quick.heed_models_count(entries.pointer))
    ]


def find(name: Path, context: Optional[Context] = None) -> str:
    """The folder that heed.Model would open."""
    here = (context or default()).here()
    return take_text(here, lib.heed_model_find, here.pointer, os.fsencode(name))


def info(name: Path, context: Optional[Context] = None, **options: Any) -> dict[str, Any]:
    """Describes a model's folder, or one file of weights or tokenizer.json. When heed cannot open it, "problem" says why."""
    here = (context or default()).here()
    opened = open_options(here, "info", options)
    text = ctypes.c_void_p()
    status = run(lib.heed_info, here.pointer, pointer_of(opened), os.fsencode(name), True, ctypes.byref(text))
    if not text.value:
        check(here.pointer, status)
    try:
        return json.loads(ctypes.string_at(text.value or 0))
    finally:
        quick.heed_free(here.pointer, text)


def convert(model: Path, folder: Path, context: Optional[Context] = None, **options: Any) -> str:
    """Writes a model folder to a new folder, with another element type (`dtype`) or in files of another size."""
    here = (context or default()).here()
    opened = open_options(here, "convert", options)
    status = run(lib.heed_convert, here.pointer, pointer_of(opened), os.fsencode(model), os.fsencode(folder))
    check(here.pointer, status)
    return os.fspath(folder)


Transfer = Callable[[str, int, int], Any]


def _transfer(file: bytes, done: int, total: int) -> tuple[str, int, int]:
    return file.decode(errors="replace"), done, total


def pull(name: str, progress: Optional[Transfer] = None, context: Optional[Context] = None, **options: Any) -> str:
    """Fetches the repository owner/name from the hub into its cache, and returns the folder.

    progress: called with a file's name, and the bytes so far and in total; False ends the call with heed.Stopped."""
    return _exchange("pull", progress, context, options, name)


def push(
    folder: Path, name: str, progress: Optional[Transfer] = None, context: Optional[Context] = None, **options: Any
) -> str:
    """Uploads a model folder to the repository owner/name, and returns the repository's address."""
    return _exchange("push", progress, context, options, folder, name)


def _exchange(
    kind: str, progress: Optional[Transfer], context: Optional[Context], options: dict[str, Any], *names: Path
) -> str:
    here = (context or default()).here()
    opened = open_options(here, kind, options)
    callback = _Callback("heed_transfer_function", progress, _transfer)
    result = ctypes.c_void_p()
    status = run(
        getattr(lib, f"heed_{kind}"),
        here.pointer,
        pointer_of(opened),
        *map(os.fsencode, names),
        callback.pointer,
        None,
        ctypes.byref(result),
    )
    callback.check(here, status)
    try:
        return os.fsdecode(ctypes.string_at(result.value or 0))
    finally:
        quick.heed_free(here.pointer, result)


# ---- versions and options ---------------------------------------------------------------------------------------


def version() -> str:
    """The library's version, bit epoch, and the libraries that it was built with."""
    return quick.heed_version().decode()


def hub_library(context: Optional[Context] = None) -> str:
    """The versions of libcurl and its libraries, which pull and push load."""
    here = (context or default()).here()
    return take_text(here, lib.heed_hub_library, here.pointer)


def options(kind: str, context: Optional[Context] = None) -> dict[str, Option]:
    """The options of a call by their names: "translate", "generate", "embed", "attend", "train", "bleu" and so on."""
    return describe_options((context or default()).here(), kind)


def options_help(kind: str, context: Optional[Context] = None) -> str:
    """The options of a call with a line of help each, as `heed VERB --help` prints them."""
    return option_help((context or default()).here(), kind)
