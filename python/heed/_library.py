"""The shared library: where it is, its functions with their types, handles, errors, and Ctrl-C.

`lib` releases the GIL during a call, for functions that compute. `quick` keeps it, for functions that only read or set a
value: releasing it would cost more than the function."""

from __future__ import annotations

import ctypes
import logging
import os
import pathlib
import threading
from typing import Any, Callable, Iterable, Sequence

import _signal  # type: ignore[import-not-found]  # without the enums of the module signal, which cost more than a short call

from . import _errors, _header

_HERE = pathlib.Path(__file__).resolve().parent
logger = logging.getLogger("heed")


# ---- the library ------------------------------------------------------------------------------------------------


def _candidates() -> Iterable[tuple[str, pathlib.Path]]:
    """Libraries that may be opened, each with its header: the one that HEED_LIBRARY names, the one in this package, the one
    that was found when this package was built, and the one of a build in the source tree."""
    packaged, source = _HERE / "heed.h", _HERE.parent.parent / "include" / "heed" / "heed.h"
    header = packaged if packaged.exists() else source
    if "HEED_LIBRARY" in os.environ:
        yield os.environ["HEED_LIBRARY"], header
        return
    if packaged.exists():
        for path in _HERE.glob("libheed.so*"):
            yield str(path), packaged
        installed = _HERE / "libheed.path"
        if installed.exists():
            yield installed.read_text().strip(), packaged
    elif source.exists():
        yield str(source.parent.parent.parent / "build" / "libheed.so"), source
    yield "libheed.so.0", header


def _open() -> tuple[ctypes.CDLL, ctypes.PyDLL, _header.Header]:
    tried = []
    for path, header in _candidates():
        try:
            return ctypes.CDLL(path), ctypes.PyDLL(path), _header.parse(header.read_text(encoding="utf-8"))
        except OSError as error:
            tried.append(str(error))
    raise ImportError("the library of heed was not found: " + "; ".join(tried))


lib, quick, header = _open()


def _declare(library: ctypes.CDLL) -> None:
    for name, function in header.functions.items():
        try:
            symbol = getattr(library, name)
        except AttributeError:
            raise ImportError(f"{library._name} lacks {name}: it is not of heed {header.version}") from None
        symbol.restype, symbol.argtypes = function.result, function.arguments
    # These have sizes, and may contain zero bytes.
    for function in ("heed_results_text", "heed_results_token_text", "heed_next_text", "heed_index_text"):
        getattr(library, function).restype = ctypes.c_void_p


_declare(lib)
_declare(quick)


# ---- errors -----------------------------------------------------------------------------------------------------

_ERRORS = {value: _errors.BY_CONSTANT.get(name, _errors.Error) for name, value in header.constants.items()}


def error_of(context: int, status: int) -> _errors.Error:
    """The exception for the last failure in a context."""
    message = quick.heed_context_message(context) or quick.heed_status_name(status)
    return _ERRORS.get(status, _errors.Error)(message.decode(errors="replace"))


def check(context: int, status: int) -> None:
    if status:
        raise error_of(context, status)


# ---- Ctrl-C -----------------------------------------------------------------------------------------------------
#
# Python calls the handler of a signal in the main thread, when that thread runs Python code. During a call of the library
# this is the case in callbacks, where an exception would be lost. So the handler only sets a flag during a call. The library
# reads the flag (heed_context_set_stop), and Python's own handler runs after the call.

_interrupted = False
_main = threading.main_thread().ident
_SIGINT = int(_signal.SIGINT)


def _note_interrupt(number: int, frame: Any) -> None:
    global _interrupted
    _interrupted = True


def _is_interrupted(user: Any) -> bool:
    return _interrupted


_stop = header.callbacks["heed_stop_function"](_is_interrupted)


def is_main_thread() -> bool:
    return threading.get_ident() == _main


def stop_on_interrupt(context: int) -> None:
    """Long calls of a context that the main thread uses end after Ctrl-C."""
    quick.heed_context_set_stop(context, _stop, None)


def run(function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a function of the library. After Ctrl-C, KeyboardInterrupt is raised when the call has ended."""
    global _interrupted
    if threading.get_ident() != _main:
        return function(*arguments)
    handler = _signal.getsignal(_SIGINT)
    if not callable(handler) or handler is _note_interrupt:
        return function(*arguments)
    _signal.signal(_SIGINT, _note_interrupt)
    try:
        return function(*arguments)
    finally:
        _signal.signal(_SIGINT, handler)
        if _interrupted:
            _interrupted = False
            handler(_SIGINT, None)


# ---- handles ----------------------------------------------------------------------------------------------------

_counting = threading.RLock()  # the garbage collector may run a finalizer while the lock is held


class Handle:
    """A handle of the library, closed when Python has no reference to it. The garbage collector finalizes the objects of a
    cycle in any order: a handle that others need is then closed after them."""

    __slots__ = ("pointer", "needs", "_close", "_users")

    def __init__(self, pointer: Any, close: Callable[[Any], Any], *needs: "Handle") -> None:
        self.pointer = pointer
        self.needs = needs
        self._close = close
        self._users = 1
        with _counting:
            for handle in needs:
                handle._users += 1

    def __del__(self) -> None:
        self._leave()

    def _leave(self) -> None:
        with _counting:
            self._users -= 1
            if self._users:
                return
        self._close(self.pointer)
        for handle in self.needs:
            handle._leave()


class _Closed:
    """In place of a handle whose owner was closed."""

    @property
    def pointer(self) -> Any:
        raise ValueError("it is closed")


closed: Any = _Closed()


def produce(context: Handle, close: Callable[[Any], Any], function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a function whose last argument receives a pointer, and returns that pointer. An interrupted call leaves none."""
    result = ctypes.c_void_p()
    try:
        status = run(function, *arguments, ctypes.byref(result))
    except BaseException:
        if result.value:
            close(result)
        raise
    if status:
        if result.value:
            close(result)
        raise error_of(context.pointer, status)
    return result.value


def take_text(context: Handle, function: Callable[..., Any], *arguments: Any) -> str:
    """Calls a function whose last argument receives a text, which is copied and released."""
    pointer = produce(context, lambda text: quick.heed_free(context.pointer, text), function, *arguments)
    try:
        return ctypes.string_at(pointer).decode(errors="replace") if pointer else ""
    finally:
        quick.heed_free(context.pointer, pointer)


def utf8(text: Any) -> bytes:
    if not isinstance(text, str):
        raise TypeError(f"a text is a {type(text).__name__}, expected str")
    return text.encode()


def string_array(texts: Sequence[bytes]) -> Any:
    return (ctypes.c_char_p * len(texts))(*texts)


def size_array(texts: Sequence[bytes]) -> Any:
    return (ctypes.c_size_t * len(texts))(*map(len, texts))


# ---- notes ------------------------------------------------------------------------------------------------------


def _log_line(user: Any, line: bytes) -> None:
    logger.warning("%s", line.decode(errors="replace"))


log = header.callbacks["heed_log_function"](_log_line)
