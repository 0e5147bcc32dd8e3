"""Options of the library by keyword: `no_repeat_ngram=3` sets the option "no-repeat-ngram"."""

from __future__ import annotations

import ctypes
import numbers
import os
from typing import Any, Iterable, Mapping, NamedTuple, Optional

from ._library import Handle, check, error_of, quick, take_text


def _value(name: str, value: Any) -> bytes:
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, numbers.Integral):
        return str(int(value)).encode()
    if isinstance(value, numbers.Real):
        return repr(float(value)).encode()
    if isinstance(value, os.PathLike):
        return os.fsencode(value)
    raise TypeError(f"{name} is a {type(value).__name__}, expected text, a number or a path")


def _name(keyword: str) -> bytes:
    """An option that is a keyword of Python has "_" after its name: from_."""
    return keyword.rstrip("_").encode()


def _settings(settings: Mapping[str, Any]) -> list[tuple[bytes, bytes]]:
    """Names and values as the library takes them. None as a value leaves an option unset. A list sets an option once per
    item."""
    found = []
    for keyword, value in settings.items():
        if value is None:
            continue
        name = _name(keyword)
        for item in value if isinstance(value, (list, tuple)) else (value,):
            found.append((name, _value(keyword, item)))
    return found


def _open(context: Handle, kind: str, settings: Iterable[tuple[bytes, bytes]] = ()) -> Handle:
    pointer = ctypes.c_void_p()
    status = getattr(quick, f"heed_{kind}_options")(context.pointer, ctypes.byref(pointer))
    if status:
        raise error_of(context.pointer, status)
    options = Handle(pointer.value, quick.heed_options_close, context)
    for name, value in settings:
        check(context.pointer, quick.heed_options_set(options.pointer, name, value))
    return options


def open_options(context: Handle, kind: str, settings: Mapping[str, Any]) -> Optional[Handle]:
    """The options of heed_KIND_options with these settings; None for the defaults."""
    return _open(context, kind, _settings(settings)) if settings else None


def pointer_of(options: Optional[Handle]) -> Any:
    return None if options is None else options.pointer


class OptionCache:
    """The last options of a thread: programs make many calls with the same ones."""

    _MOST = 16

    def __init__(self) -> None:
        self._opened: dict[Any, Handle] = {}

    def pointer(self, context: Handle, kind: str, settings: Mapping[str, Any]) -> Optional[int]:
        """The pointer of open_options, which lives until the next calls of this thread."""
        if not settings:
            return None
        values = _settings(settings)
        key = (kind, *values)
        options = self._opened.pop(key, None) or _open(context, kind, values)
        if len(self._opened) >= self._MOST:
            del self._opened[next(iter(self._opened))]  # the one that was used longest ago
        self._opened[key] = options
        return options.pointer


class Option(NamedTuple):
    """An option of a call. `argument` is the kind of its value, such as "NUMBER", or its possible values "a|b|c"; None for an
    option that is true or false."""

    argument: Optional[str]
    about: str


def describe_options(context: Handle, kind: str) -> dict[str, Option]:
    options = _open(context, kind)
    found: dict[str, Option] = {}
    while True:
        name = quick.heed_options_name(options.pointer, len(found))
        if name is None:
            return found
        flag = quick.heed_options_is_flag(options.pointer, name)
        argument = None if flag else take_text(context, quick.heed_options_argument, options.pointer, name)
        found[name.decode()] = Option(argument, (quick.heed_options_about(options.pointer, name) or b"").decode())


def option_help(context: Handle, kind: str) -> str:
    """The options as `heed VERB --help` prints them."""
    options = _open(context, kind)
    return take_text(context, quick.heed_options_help, options.pointer)
