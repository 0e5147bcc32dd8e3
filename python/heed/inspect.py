"""Attention weights and other pictures of a model."""

from __future__ import annotations

import ctypes
import os
from typing import Any, Callable, NamedTuple, Optional, Union

import numpy as np

from ._arrays import view
from ._library import Handle, check, closed, lib, quick, run
from ._options import open_options, pointer_of


class AttentionMap(NamedTuple):
    """The weights of one kind of attention: "encoder", "decoder" or "cross".

    weights: [layers, heads, queries, keys] of float32; those of a query sum to 1. A read-only view of the library's memory.
    queries, keys: the labels of the rows and columns."""

    kind: str
    weights: np.ndarray
    queries: list[str]
    keys: list[str]


class _Drawable:
    """What the library draws as text, SVG, HTML, JSON or .npy. One thread at a time may use it."""

    _draw: Callable[..., Any]
    _save: Callable[..., Any]

    def __init__(self, handle: Handle, context: Handle) -> None:
        self._handle = handle
        self._context = context  # that it was made with, and nothing else

    def draw(self, color: bool = False, columns: int = 0, **options: Any) -> Union[str, bytes]:
        """The picture in the option `format`, as text; bytes for "npy"."""
        context = self._context
        opened = open_options(context, "attend", options)
        data, size = ctypes.c_void_p(), ctypes.c_size_t()
        status = run(
            type(self)._draw,
            self._handle.pointer,
            pointer_of(opened),
            color,
            columns,
            ctypes.byref(data),
            ctypes.byref(size),
        )
        check(context.pointer, status)
        try:
            drawn = ctypes.string_at(data, size.value)
        finally:
            quick.heed_free(context.pointer, data)
        return drawn if options.get("format") == "npy" else drawn.decode()

    def save(self, path: Union[str, "os.PathLike[str]"], **options: Any) -> None:
        """Draws into a file, completely or not at all. The ending of its name selects the format."""
        opened = open_options(self._context, "attend", options)
        status = run(type(self)._save, self._handle.pointer, pointer_of(opened), os.fsencode(path))
        check(self._context.pointer, status)

    def close(self) -> None:
        """Closes it when the arrays of its weights are gone too."""
        self._handle = closed


class Attention(_Drawable):
    """The attention weights of every head of every layer over one text."""

    _draw = lib.heed_attention_draw
    _save = lib.heed_attention_save

    @property
    def source(self) -> str:
        return (quick.heed_attention_source(self._handle.pointer) or b"").decode(errors="replace")

    @property
    def target(self) -> str:
        """The translation, or ""."""
        return (quick.heed_attention_target(self._handle.pointer) or b"").decode(errors="replace")

    @property
    def maps(self) -> list[AttentionMap]:
        return [self._map(i) for i in range(quick.heed_attention_maps(self._handle.pointer))]

    def map(self, kind: str) -> Optional[AttentionMap]:
        """The map of a kind, or None."""
        return next((found for found in self.maps if found.kind == kind), None)

    def _map(self, index: int) -> AttentionMap:
        pointer = self._handle.pointer
        shape = (ctypes.c_int64 * 4)()
        weights = quick.heed_attention_weights(pointer, index, shape)
        return AttentionMap(
            quick.heed_attention_kind(pointer, index).decode(),
            view(self._handle, weights, tuple(shape)),
            [quick.heed_attention_query(pointer, index, i).decode(errors="replace") for i in range(shape[2])],
            [quick.heed_attention_key(pointer, index, i).decode(errors="replace") for i in range(shape[3])],
        )


class States:
    """The hidden states of one forward pass over a text, as output_hidden_states in transformers, and the logits that follow
    from the last ones. A side is "encoder" or "decoder". Arrays are read-only views of the library's memory."""

    def __init__(self, handle: Handle, context: Handle) -> None:
        self._handle = handle
        self._context = context

    def layers(self, side: str) -> int:
        """The number of layers of a side; -1 if the model has no such side."""
        return quick.heed_states_layers(self._handle.pointer, side.encode())

    @property
    def sides(self) -> list[str]:
        return [side for side in ("encoder", "decoder") if self.layers(side) >= 0]

    def layer(self, side: str, layer: int) -> np.ndarray:
        """The states after `layer` layers of a side, [tokens, width]. Layer 0 has the embeddings, and the last layer includes
        the norm after it: last_hidden_state in transformers."""
        shape = (ctypes.c_int64 * 2)()
        address = quick.heed_states_layer(self._handle.pointer, side.encode(), layer, shape)
        if not address:
            raise IndexError(f"there is no layer {layer} of side {side!r}")
        return view(self._handle, address, tuple(shape))

    def hidden(self, side: str) -> list[np.ndarray]:
        """All layers of a side: [layers + 1] arrays of [tokens, width]."""
        return [self.layer(side, i) for i in range(self.layers(side) + 1)]

    @property
    def last(self) -> np.ndarray:
        """The last states of the decoder, or of a model without one, of the encoder."""
        side = self.sides[-1]
        return self.layer(side, self.layers(side))

    def ids(self, side: str) -> np.ndarray:
        """The token ids of a side, [tokens] of int32."""
        count = ctypes.c_size_t()
        address = quick.heed_states_ids(self._handle.pointer, side.encode(), ctypes.byref(count))
        return view(self._handle, address, (count.value,), np.int32)

    @property
    def logits(self) -> np.ndarray:
        """The outputs of the model's head: [tokens, vocabulary], [tokens, labels], or [1, labels] of a model that classifies
        texts."""
        address, shape = ctypes.c_void_p(), (ctypes.c_int64 * 2)()
        check(self._context.pointer, run(lib.heed_states_logits, self._handle.pointer, ctypes.byref(address), shape))
        return view(self._handle, address.value, tuple(shape))

    def close(self) -> None:
        """Closes it when its arrays are gone too."""
        self._handle = closed


class Picture(_Drawable):
    """A picture of a model's inside."""

    _draw = lib.heed_picture_draw
    _save = lib.heed_picture_save

    def __str__(self) -> str:
        return str(self.draw())
