"""Exceptions: one class per heed_status, each also the Python class that a caller expects."""

from __future__ import annotations

import builtins
from typing import Any


class Error(Exception):
    """A call failed. The text is the library's message; `status` is the name of the heed_status."""

    status = "unknown"


class ArgumentError(Error, ValueError):
    status = "argument"


class MemoryError(Error, builtins.MemoryError):
    status = "out of memory"


class FileError(Error, OSError):
    status = "file"


class FormatError(Error, ValueError):
    status = "format"


class UnsupportedError(Error, NotImplementedError):
    status = "unsupported"


class LengthError(Error, ValueError):
    status = "length"


class NumericError(Error, ArithmeticError):
    status = "numeric"


class Stopped(Error):
    status = "stopped"


class TextError(Error, ValueError):
    """A text has no result. `index` is its number among the texts of the call, and `results` has the results of the
    others; it has None in place of each text that failed."""

    status = "text"

    def __init__(self, message: str, index: int, results: list[Any]) -> None:
        super().__init__(message)
        self.index = index
        self.results = results


BY_CONSTANT = {
    "HEED_ARGUMENT": ArgumentError,
    "HEED_MEMORY": MemoryError,
    "HEED_FILE": FileError,
    "HEED_FORMAT": FormatError,
    "HEED_UNSUPPORTED": UnsupportedError,
    "HEED_LENGTH": LengthError,
    "HEED_NUMERIC": NumericError,
    "HEED_STOPPED": Stopped,
}

for _class in (Error, TextError, *BY_CONSTANT.values()):
    _class.__module__ = "heed"
