"""Decoding sessions: requests that come and go, decoded together."""

from __future__ import annotations

import ctypes
import os
from typing import Any, Callable, Iterator, NamedTuple, Optional, Union

from . import results as _results
from ._errors import ArgumentError, TextError
from ._library import Handle, check, closed, header, lib, produce, quick, run, utf8
from ._options import open_options, pointer_of
from .model import Model
from .results import Generated

_words_type = header.callbacks["heed_words_function"]


class Finished(NamedTuple):
    """A request that has finished: its alternatives, the best first, or the problem why it has none."""

    id: int
    results: list[Generated]
    problem: Optional[str]
    note: Optional[str]


def _finished(id: int, results: int) -> Finished:
    problem, note = (
        None if text is None else text.decode(errors="replace")
        for text in (quick.heed_results_problem(results, 0), quick.heed_results_note(results, 0))
    )
    read = _results.aligned if quick.heed_results_alignment(results, 0, 0) is not None else _results.generated
    return Finished(id, read(results, 0), problem, note)


class Session:
    """Texts that a language model continues or a translator translates, many at once. A step is one forward pass for all that
    are running. The results of a request are those that Model.generate or Model.translate gives it.

    One thread steps; any thread may add and cancel at the same time.

        session = heed.Session(model)
        for text in texts:
            session.add(text, max_new_tokens=20)
        for finished in session:
            print(finished.id, finished.results[0].text)"""

    def __init__(self, model: Model) -> None:
        context = model.context.fork()  # a context that no other call uses: any one thread may step
        self._start(model, context, lib.heed_session_open)

    def _start(self, model: Model, context: Handle, function: Callable[..., Any], *arguments: Any) -> None:
        shared = model.share(context)
        pointer = produce(context, lib.heed_session_close, function, shared.pointer, *arguments)
        self.model = model
        self._context = context
        self._handle = Handle(pointer, lib.heed_session_close, shared)
        self._listeners: dict[int, Any] = {}
        self._finished: dict[int, Finished] = {}
        self._error: Optional[BaseException] = None

    @classmethod
    def load(cls, model: Model, path: Union[str, "os.PathLike[str]"]) -> "Session":
        """Opens a session from a file of `save`. Its requests keep their ids, and their results have the bits that the saved
        session would have had. Options that name files, such as `grammar`, are read again. A file of another model is refused.
        Functions are not saved: set them again with `listen`."""
        session = cls.__new__(cls)
        session._start(model, model.context.fork(), lib.heed_session_load, os.fsencode(path))
        return session

    def save(self, path: Union[str, "os.PathLike[str]"]) -> None:
        """Writes the unfinished requests to a file, between steps, after next() has returned what has finished. The session
        stays as it is. The file appears whole or not at all."""
        self._collect()
        if self._finished:
            raise ArgumentError("a session with results that next() has not returned cannot be saved")
        check(self._context.pointer, run(lib.heed_session_save, self._handle.pointer, os.fsencode(path)))

    def listen(self, id: int, words: Optional[Callable[[str], Any]]) -> None:
        """Sets the function that is called with the next words of an unfinished request, as in `add`. Its first call has all
        words since the last call before the session was saved."""
        listener = _words_type(self._listener(words)) if words else None
        check(self._context.pointer, lib.heed_session_listen(self._handle.pointer, id, listener, None))
        if listener:
            self._listeners[id] = listener
        else:
            self._listeners.pop(id, None)

    def add(self, text: str, number: int = 0, words: Optional[Callable[[str], Any]] = None, **options: Any) -> int:
        """Adds a text and returns its id.

        number: with the option `seed`, the key of its random numbers.
        words: called during steps with the text's next words; False ends the text."""
        raw = utf8(text)
        here = self.model.context.here()  # the message of a failure is in the context of the options
        opened = open_options(here, "session", {"seed": None, **options})
        listener = _words_type(self._listener(words)) if words else None
        number_of = ctypes.c_uint64()
        status = lib.heed_session_add(
            self._handle.pointer, pointer_of(opened), raw, len(raw), number, listener, None, ctypes.byref(number_of)
        )
        check(here.pointer, status)
        if listener:
            self._listeners[number_of.value] = listener  # the library calls it until the request has finished
        return number_of.value

    def _listener(self, words: Callable[[str], Any]) -> Callable[..., bool]:
        def pass_on(user: Any, index: int, text: int, size: int) -> bool:
            try:
                return words(ctypes.string_at(text, size).decode(errors="replace")) is not False
            except BaseException as error:
                self._error = error
                return False

        return pass_on

    def cancel(self, id: int) -> None:
        """Drops a request: it will have no results."""
        status = lib.heed_session_cancel(self._handle.pointer, id)
        if status:
            raise ValueError(f"request {id} has finished, was cancelled, or never was")

    @property
    def is_busy(self) -> bool:
        """Whether there is a request that has neither finished nor been cancelled."""
        return lib.heed_session_is_busy(self._handle.pointer)

    def step(self) -> None:
        """Runs one step. Some requests read a part of their prompts, the others generate a token."""
        status = run(lib.heed_session_step, self._handle.pointer)
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        check(self._context.pointer, status)

    def next(self) -> Optional[Finished]:
        """A request that has finished and was not returned yet, in the order of finishing; None if there is none."""
        self._collect()
        return self._finished.pop(next(iter(self._finished))) if self._finished else None

    def _collect(self) -> None:
        """Moves the requests that have finished from the library to self._finished."""
        id, pointer = ctypes.c_uint64(), ctypes.c_void_p()
        while True:
            status = lib.heed_session_next(self._handle.pointer, ctypes.byref(id), ctypes.byref(pointer))
            check(self._context.pointer, status)
            if not pointer.value:
                return
            self._listeners.pop(id.value, None)
            try:
                self._finished[id.value] = _finished(id.value, pointer.value)
            finally:
                quick.heed_results_close(pointer)

    def __iter__(self) -> Iterator[Finished]:
        """Steps until no request is left, and yields each request when it has finished."""
        while True:
            finished = self.next()
            if finished is not None:
                yield finished
            elif self.is_busy:
                self.step()
            else:
                return

    def stream(self, text: str, number: int = 0, **options: Any) -> Iterator[str]:
        """Adds a text and yields its words while they are generated. Other requests of the session continue meanwhile, and next()
        returns them. A generator that is closed before its end cancels the text."""
        words: list[str] = []
        id = self.add(text, number, words.append, **options)
        try:
            while id not in self._finished:
                self.step()
                self._collect()
                yield from words
                words.clear()
            problem = self._finished.pop(id).problem
            if problem is not None:
                raise TextError(problem, 0, [None])
        finally:
            if self._listeners.pop(id, None) is not None:
                lib.heed_session_cancel(self._handle.pointer, id)

    def close(self) -> None:
        """Drops what is unfinished."""
        self._handle = closed

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *reason: object) -> None:
        self.close()
