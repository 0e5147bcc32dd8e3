"""Conversations with a model that has a chat template."""

from __future__ import annotations

import ctypes
import json
from typing import Any, Callable, Iterable, Mapping, Optional

from . import results as _results
from ._library import Handle, check, closed, header, is_main_thread, lib, produce, quick, stop_on_interrupt, take_text, utf8
from ._options import open_options, pointer_of
from .model import Model
from .results import Generated

_words_type = header.callbacks["heed_words_function"]


class Chat:
    """Messages that the model's chat template turns into a text, and the model continues. One thread at a time uses it. What was
    computed for the messages is kept, so that an answer computes what is new since the last one alone.

        chat = heed.Chat(heed.Model("heed-chat"))
        print(chat.answer("Hi!").text)
        print(chat.answer("How do I translate a text?").text)

    chat_template: in place of the model's own.
    variables: of the template, such as tools and enable_thinking."""

    def __init__(
        self,
        model: Model,
        messages: Iterable[Mapping[str, Any]] = (),
        chat_template: Optional[str] = None,
        variables: Optional[Mapping[str, Any]] = None,
    ) -> None:
        self._context = model.context.fork()
        if is_main_thread():
            stop_on_interrupt(self._context.pointer)
        shared = model.share(self._context)
        pointer = produce(self._context, lib.heed_chat_close, lib.heed_chat_open, shared.pointer)
        self._handle = Handle(pointer, lib.heed_chat_close, shared)
        if chat_template is not None:
            raw = utf8(chat_template)
            self._check(lib.heed_chat_set_template(pointer, b"chat_template", raw, len(raw)))
        for name, value in (variables or {}).items():
            self.set(name, value)
        self.add(*messages)

    def _check(self, status: int) -> None:
        check(self._context.pointer, status)

    def set(self, name: str, value: Any) -> None:
        """Sets a variable of the template, such as tools; None removes it."""
        raw = b"" if value is None else json.dumps(value).encode()
        self._check(lib.heed_chat_set(self._handle.pointer, utf8(name), None if value is None else raw, len(raw)))

    def add(self, *messages: Mapping[str, Any]) -> None:
        """Adds messages, such as {"role": "user", "content": "Hi!"}."""
        raw = json.dumps(list(messages)).encode()
        self._check(lib.heed_chat_add_json(self._handle.pointer, raw, len(raw)))

    @property
    def messages(self) -> list[dict[str, Any]]:
        return json.loads(take_text(self._context, lib.heed_chat_messages, self._handle.pointer))

    def reset(self, keep_system: bool = False) -> None:
        """Removes all messages, or all but the system message that begins the conversation."""
        lib.heed_chat_reset(self._handle.pointer, keep_system)

    def answer(
        self, text: Optional[str] = None, words: Optional[Callable[[str], Any]] = None, **options: Any
    ) -> Generated:
        """Adds a message of the user, if `text` is given, and answers the last message. The answer becomes a message.

        words: called with the next words of the answer; False stops it."""
        return self.answers(text, words, **options)[0]

    def answers(
        self, text: Optional[str] = None, words: Optional[Callable[[str], Any]] = None, **options: Any
    ) -> list[Generated]:
        """The same with all alternatives, the best first: as many as the option `best`."""
        errors: list[BaseException] = []

        def pass_on(user: Any, index: int, text: int, size: int) -> bool:
            try:
                return words is None or words(ctypes.string_at(text, size).decode(errors="replace")) is not False
            except BaseException as error:
                errors.append(error)
                return False

        if text is not None:
            self.add({"role": "user", "content": text})
        opened = open_options(self._context, "generate", options)
        listener = None if words is None else _words_type(pass_on)
        arguments = (self._handle.pointer, pointer_of(opened), listener, None)
        pointer = produce(self._context, quick.heed_results_close, lib.heed_chat_answer, *arguments)
        try:
            if errors:
                raise errors[0]
            return _results.generated(pointer, 0)
        finally:
            quick.heed_results_close(pointer)

    def close(self) -> None:
        self._handle = closed

    def __enter__(self) -> "Chat":
        return self

    def __exit__(self, *reason: object) -> None:
        self.close()
