"""heed: Transformers in C, for Python.

`heed.pipeline` takes and returns what the pipelines of transformers do. Below it, Model, Tokenizer and Session mirror the C
interface (heed.h)."""

from ._context import Context
from ._errors import (
    ArgumentError,
    Error,
    FileError,
    FormatError,
    LengthError,
    MemoryError,
    NumericError,
    Stopped,
    TextError,
    UnsupportedError,
)
from ._library import header as _header
from ._options import Option
from .chat import Chat
from .inspect import Attention, AttentionMap, Picture, States
from .model import Model
from .pipelines import Pipeline, pipeline, set_seed
from .results import Answer, Entity, Generated, Label, Next, Ranked, Token, Word
from .session import Finished, Session
from .streamers import TextIteratorStreamer, TextStreamer
from .tokenizer import Encoding, Tokenizer
from .tools import (
    ModelEntry,
    Progress,
    bench,
    convert,
    evaluate_accuracy,
    evaluate_bleu,
    evaluate_bleu_by_length,
    evaluate_perplexity,
    evaluate_span_f1,
    evaluate_training,
    find,
    hub_library,
    info,
    inspect_gradients,
    models,
    options,
    options_help,
    pull,
    push,
    train,
    train_tokenizer,
    version,
)
from .vectors import Clusters, Hit, Index, cluster

__version__ = _header.version

__all__ = [
    "Answer",
    "ArgumentError",
    "Attention",
    "AttentionMap",
    "Chat",
    "Clusters",
    "Context",
    "Encoding",
    "Entity",
    "Error",
    "FileError",
    "Finished",
    "FormatError",
    "Generated",
    "Hit",
    "Index",
    "Label",
    "LengthError",
    "MemoryError",
    "Model",
    "ModelEntry",
    "Next",
    "NumericError",
    "Option",
    "Picture",
    "Pipeline",
    "Progress",
    "Ranked",
    "Session",
    "States",
    "Stopped",
    "TextError",
    "TextIteratorStreamer",
    "TextStreamer",
    "Token",
    "Tokenizer",
    "UnsupportedError",
    "Word",
    "bench",
    "cluster",
    "convert",
    "evaluate_accuracy",
    "evaluate_bleu",
    "evaluate_bleu_by_length",
    "evaluate_perplexity",
    "evaluate_span_f1",
    "evaluate_training",
    "find",
    "hub_library",
    "info",
    "inspect_gradients",
    "models",
    "options",
    "options_help",
    "pipeline",
    "pull",
    "push",
    "set_seed",
    "train",
    "train_tokenizer",
    "version",
]
