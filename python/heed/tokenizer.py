"""Tokenizers: text to ids and back."""

from __future__ import annotations

import ctypes
import json
import os
from typing import Any, Mapping, Optional, Sequence, Union, overload

import numpy as np

from ._arrays import view
from ._context import Context, default
from ._library import Handle, check, closed, lib, produce, quick, run, size_array, string_array, utf8


class Encoding:
    """The tokens of a text. The arrays are read-only views of the library's memory.

    ids: [count] of int32.
    starts, ends: [count] of uint32, the span of each token in the text: the first character, and one after the last."""

    def __init__(self, tokenizer: "Tokenizer", handle: Handle) -> None:
        self._tokenizer = tokenizer
        pointer = handle.pointer
        shape = (quick.heed_encoding_count(pointer),)
        self.ids: np.ndarray = view(handle, quick.heed_encoding_ids(pointer), shape, np.int32)
        self.starts: np.ndarray = view(handle, quick.heed_encoding_starts(pointer), shape, np.uint32)
        self.ends: np.ndarray = view(handle, quick.heed_encoding_ends(pointer), shape, np.uint32)

    @property
    def tokens(self) -> list[str]:
        """The text of each token in the vocabulary, such as "▁dog"."""
        return [self._tokenizer.token(i) or "" for i in self.ids.tolist()]

    @property
    def offsets(self) -> list[tuple[int, int]]:
        return list(zip(self.starts.tolist(), self.ends.tolist()))

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"heed.Encoding({self.tokens})"


class Tokenizer:
    """The tokenizer of a tokenizer.json file, or of a model, named as in heed.Model. Any threads may use it."""

    def __init__(self, name: Union[str, "os.PathLike[str]"], context: Optional[Context] = None) -> None:
        self.context = context or default()
        self._name = name
        opened = self.context.fork()
        pointer = produce(opened, lib.heed_tokenizer_close, lib.heed_tokenizer_open, opened.pointer, os.fsencode(name))
        self._handle = Handle(pointer, lib.heed_tokenizer_close, opened)

    @overload
    def encode(self, text: str, special: bool = True) -> Encoding: ...  # type: ignore[overload-overlap]
    @overload
    def encode(self, text: Sequence[str], special: bool = True) -> list[Encoding]: ...
    def encode(self, text: Union[str, Sequence[str]], special: bool = True) -> Union[Encoding, list[Encoding]]:
        """The tokens of one text, or of each text of a list. `special` adds the tokens of the tokenizer's template, such as
        </s>."""
        context = self.context.here()
        if isinstance(text, str):
            raw = utf8(text)
            pointer = ctypes.c_void_p()
            status = lib.heed_tokenizer_encode(
                self._handle.pointer, context.pointer, raw, len(raw), special, ctypes.byref(pointer)
            )
            check(context.pointer, status)
            return Encoding(self, self._encoding(pointer.value, context))
        return self._encode_all(context, [utf8(one) for one in text], special)

    def _encoding(self, pointer: Any, context: Handle) -> Handle:
        return Handle(pointer, quick.heed_encoding_close, self._handle, context)

    def _encode_all(self, context: Handle, texts: list[bytes], special: bool) -> list[Encoding]:
        pointers = (ctypes.c_void_p * len(texts))()
        try:
            status = run(
                lib.heed_tokenizer_encode_all,
                self._handle.pointer,
                context.pointer,
                string_array(texts),
                size_array(texts),
                len(texts),
                special,
                pointers,
            )
        finally:
            handles = [self._encoding(pointer, context) for pointer in pointers]
        check(context.pointer, status)
        return [Encoding(self, handle) for handle in handles]

    def decode(self, ids: Union[Sequence[int], np.ndarray]) -> str:
        """The text of ids, without special tokens."""
        context = self.context.here()
        array = np.ascontiguousarray(ids, dtype=np.int32)
        if array.ndim != 1:
            raise ValueError(f"ids have {array.ndim} dimensions, expected 1")
        text, size = ctypes.c_void_p(), ctypes.c_size_t()
        status = lib.heed_tokenizer_decode(
            self._handle.pointer,
            context.pointer,
            array.ctypes.data,
            len(array),
            ctypes.byref(text),
            ctypes.byref(size),
        )
        check(context.pointer, status)
        try:
            return ctypes.string_at(text, size.value).decode(errors="replace")
        finally:
            quick.heed_free(context.pointer, text)

    def decode_batch(self, sequences: Sequence[Union[Sequence[int], np.ndarray]]) -> list[str]:
        return [self.decode(ids) for ids in sequences]

    def apply_chat_template(
        self,
        conversation: Sequence[Mapping[str, Any]],
        tools: Optional[Sequence[Mapping[str, Any]]] = None,
        documents: Optional[Sequence[Mapping[str, Any]]] = None,
        chat_template: Optional[str] = None,
        add_generation_prompt: bool = False,
        tokenize: bool = True,
        **variables: Any,
    ) -> Union[str, list[int]]:
        """The text that the model's chat template makes of messages, or its ids, as in transformers with return_dict=False.
        `chat_template` is used in place of the model's; further keywords are variables of the template."""
        context = self.context.here()
        pointer = produce(
            context, lib.heed_chat_close, lib.heed_chat_open_template, context.pointer, os.fsencode(self._name)
        )
        chat = Handle(pointer, lib.heed_chat_close, context)
        if chat_template is not None:
            raw = utf8(chat_template)
            check(context.pointer, lib.heed_chat_set_template(chat.pointer, b"chat_template", raw, len(raw)))
        for name, value in {**variables, "tools": tools, "documents": documents}.items():
            raw = json.dumps(value).encode()
            check(context.pointer, lib.heed_chat_set(chat.pointer, utf8(name), raw, len(raw)))
        raw = json.dumps(list(conversation)).encode()
        check(context.pointer, lib.heed_chat_add_json(chat.pointer, raw, len(raw)))
        out, size = ctypes.c_void_p(), ctypes.c_size_t()
        status = lib.heed_chat_render(chat.pointer, add_generation_prompt, ctypes.byref(out), ctypes.byref(size))
        check(context.pointer, status)
        try:
            text = ctypes.string_at(out, size.value).decode(errors="replace")
        finally:
            quick.heed_free(context.pointer, out)
        return self.encode(text, special=False).ids.tolist() if tokenize else text

    def token(self, id: int) -> Optional[str]:
        """The token's text in the vocabulary, such as "▁dog"; None for an id that is not used."""
        if not 0 <= id < 2**31:
            return None
        text = quick.heed_tokenizer_token(self._handle.pointer, id)
        return None if text is None else text.decode(errors="replace")

    def __len__(self) -> int:
        """The largest id + 1."""
        return quick.heed_tokenizer_size(self._handle.pointer)

    def close(self) -> None:
        """Closes the tokenizer when its encodings are closed too."""
        self._handle = closed

    def __enter__(self) -> "Tokenizer":
        return self

    def __exit__(self, *reason: object) -> None:
        self.close()
