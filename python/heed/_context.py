"""Contexts: settings of calls. A thread of Python has a fork of its own, so that any threads may use one Context."""

from __future__ import annotations

import ctypes
import threading
from typing import Any, Mapping, Optional

from ._library import Handle, check, error_of, is_main_thread, lib, log, quick, stop_on_interrupt
from ._options import OptionCache


class Context:
    """Settings that models, tokenizers and calls share.

    threads: threads that one call computes with; 0 means one per core.
    compute: the arithmetic of matrix products, "f32" or "bf16", of models that are opened afterwards.
    special_tokens: "parse" takes a special token that a text spells out for the token, "text" for text.
    verbose: whether the logger "heed" also receives details.

    Any number of threads may use the same context. Each thread has a fork of it, which ends with the thread."""

    def __init__(
        self, threads: int = 0, compute: str = "f32", special_tokens: str = "parse", verbose: bool = False
    ) -> None:
        pointer = ctypes.c_void_p()
        status = lib.heed_context_open(ctypes.byref(pointer))
        # The fork source: only this class uses it, under the lock, since a context is used by one thread at a time.
        self._source = Handle(pointer.value, lib.heed_context_close)
        check(self._source.pointer, status)
        self._lock = threading.Lock()
        self._local = threading.local()
        source = self._source.pointer
        quick.heed_context_set_log(source, log, None)
        quick.heed_context_set_verbose(source, verbose)
        check(source, quick.heed_context_set_threads(source, threads))
        check(source, quick.heed_context_set_compute(source, compute.encode()))
        check(source, quick.heed_context_set_special_tokens(source, special_tokens.encode()))

    def fork(self) -> Handle:
        """A new fork, for one thread at a time."""
        pointer = ctypes.c_void_p()
        with self._lock:
            status = lib.heed_context_fork(self._source.pointer, ctypes.byref(pointer))
            if status:
                raise error_of(self._source.pointer, status)
        # The fork has settings of its own, and memory from the same allocator: it does not need its source.
        return Handle(pointer.value, lib.heed_context_close)

    def here(self) -> Handle:
        """The fork of the calling thread."""
        try:
            return self._local.handle
        except AttributeError:
            handle = self.fork()
            if is_main_thread():
                stop_on_interrupt(handle.pointer)
            self._local.handle = handle
            return handle

    def options(self, kind: str, settings: Mapping[str, Any]) -> Optional[int]:
        """The calling thread's options of heed_KIND_options with these settings, for a call that follows at once."""
        if not settings:
            return None
        here = self.here()
        try:
            cache = self._local.options
        except AttributeError:
            cache = self._local.options = OptionCache()
        return cache.pointer(here, kind, settings)

    @property
    def threads(self) -> int:
        return quick.heed_context_threads(self._source.pointer)

    @property
    def instruction_set(self) -> str:
        """ "portable", "avx2", "avx512", "avx512bf16" or "neon"."""
        return quick.heed_context_instruction_set(self._source.pointer).decode()

    def __repr__(self) -> str:
        return f"heed.Context(threads={self.threads}, instruction_set={self.instruction_set!r})"


_default: Optional[Context] = None
_default_lock = threading.Lock()


def default() -> Context:
    """The context of calls that name none."""
    global _default
    if _default is None:
        with _default_lock:
            if _default is None:
                _default = Context()
    return _default
