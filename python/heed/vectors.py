"""Search among vectors, and groups of them."""

from __future__ import annotations

import ctypes
import os
from typing import Any, NamedTuple, Optional, Sequence, Union

import numpy as np

from ._context import Context, default
from ._library import Handle, check, closed, lib, produce, quick, size_array, string_array, utf8
from ._options import open_options, pointer_of
from .model import Model

Path = Union[str, "os.PathLike[str]"]


class Hit(NamedTuple):
    """A vector that was found: its row, its score, and the line that it is of (None in an index without text)."""

    row: int
    score: float
    text: Optional[str]


class Index:
    """Vectors to be searched, in a file that is mapped. Index.build makes one of the lines of a text file, Index.of one of an
    array. Options are those of heed_index_options: dtype, metric, prompt, prompt_name, dims."""

    def __init__(self, path: Path, context: Optional[Context] = None) -> None:
        owner = (context or default()).fork()
        self._open(owner, produce(owner, lib.heed_index_close, lib.heed_index_open, owner.pointer, os.fsencode(path)))

    def _open(self, context: Handle, pointer: Any, *needs: Handle) -> None:
        self._context = context
        self._handle = Handle(pointer, quick.heed_index_close, context, *needs)

    @classmethod
    def build(cls, model: Model, texts: Path, path: Optional[Path] = None, **options: Any) -> "Index":
        """The index of the lines of a file, written to `path`; None: to a file without a name."""
        index, context = cls.__new__(cls), model.context.fork()
        handle = model.share(context)
        opened = open_options(context, "index", options)
        target = None if path is None else os.fsencode(path)
        arguments = (handle.pointer, pointer_of(opened), os.fsencode(texts), None, None, target)
        index._open(context, produce(context, lib.heed_index_close, lib.heed_index_build, *arguments), handle)
        return index

    @classmethod
    def of(
        cls, vectors: Any, path: Optional[Path] = None, context: Optional[Context] = None, **options: Any
    ) -> "Index":
        """The index of an array [rows, columns]."""
        index, owner = cls.__new__(cls), (context or default()).fork()
        array = np.ascontiguousarray(vectors, np.float32)
        if array.ndim != 2:
            raise ValueError(f"vectors has {array.ndim} dimensions, expected 2")
        opened = open_options(owner, "index", options)
        target = None if path is None else os.fsencode(path)
        arguments = (owner.pointer, pointer_of(opened), array.ctypes.data, *array.shape, target)
        index._open(owner, produce(owner, lib.heed_index_close, lib.heed_index_build_vectors, *arguments))
        return index

    def __len__(self) -> int:
        return quick.heed_index_rows(self._handle.pointer)

    @property
    def columns(self) -> int:
        return quick.heed_index_columns(self._handle.pointer)

    def text(self, row: int) -> Optional[str]:
        """The line of a row; None if there is none."""
        size = ctypes.c_size_t()
        pointer = quick.heed_index_text(self._handle.pointer, row, ctypes.byref(size))
        return ctypes.string_at(pointer, size.value).decode(errors="replace") if pointer else None

    def vector(self, row: int) -> np.ndarray:
        """A copy of a stored vector, of length 1 in an index with the metric cosine."""
        found = np.empty(self.columns, np.float32)
        check(self._context.pointer, quick.heed_index_vector(self._handle.pointer, row, found.ctypes.data))
        return found

    def arrays(self, queries: Any, top: int = 10) -> tuple[np.ndarray, np.ndarray]:
        """Rows and scores [queries, top] of the nearest vectors; −1 and −∞ where there are fewer."""
        array = np.atleast_2d(np.ascontiguousarray(queries, np.float32))
        if array.ndim != 2 or array.shape[1] != self.columns:
            raise ValueError(f"queries are {array.shape}, expected {self.columns} columns")
        rows = np.empty((len(array), top), np.uintp)
        scores = np.empty((len(array), top), np.float32)
        pointers = (array.ctypes.data, len(array), top, rows.ctypes.data, scores.ctypes.data)
        check(self._context.pointer, lib.heed_index_search(self._handle.pointer, *pointers))
        return rows.astype(np.int64), scores

    def search(self, query: Any, top: int = 10) -> list[Hit]:
        """The vectors that are nearest to one query, the nearest first."""
        rows, scores = self.arrays(query, top)
        return [Hit(int(row), float(score), self.text(int(row))) for row, score in zip(rows[0], scores[0]) if row >= 0]

    def close(self) -> None:
        self._handle = closed


class Clusters(NamedTuple):
    """Groups of vectors, by descending size.

    labels: [rows], the group of each vector; −1 for one that is not finite. distances: [rows], to the center of its group.
    sizes, nearest: [groups], the number of vectors, and the row that is nearest to the center. words: the characteristic words
    of each group. silhouette: that of the chosen number of groups, or NaN."""

    labels: np.ndarray
    distances: np.ndarray
    sizes: list[int]
    nearest: list[int]
    words: list[list[str]]
    silhouette: float


def cluster(
    vectors: Any, texts: Optional[Sequence[str]] = None, context: Optional[Context] = None, **options: Any
) -> Clusters:
    """Groups the vectors [rows, columns] of texts by k-means. Options: clusters, most_clusters, starts, seed, normalize."""
    owner = (context or default()).here()
    array = np.ascontiguousarray(vectors, np.float32)
    if array.ndim != 2:
        raise ValueError(f"vectors has {array.ndim} dimensions, expected 2")
    if texts is not None and len(texts) != len(array):
        raise ValueError(f"{len(texts)} texts, but {len(array)} vectors")
    opened = open_options(owner, "cluster", options)
    arguments = (owner.pointer, pointer_of(opened), array.ctypes.data, *array.shape)
    pointer = produce(owner, lib.heed_clusters_close, lib.heed_cluster, *arguments)
    try:
        if texts is not None:
            raw = [utf8(text) for text in texts]
            check(owner.pointer, lib.heed_clusters_name(pointer, string_array(raw), size_array(raw)))
        return _read(pointer, len(array))
    finally:
        quick.heed_clusters_close(pointer)


def _read(pointer: int, rows: int) -> Clusters:
    groups = range(quick.heed_clusters_count(pointer))
    words: list[list[str]] = []
    for group in groups:
        words.append([])
        while (word := quick.heed_clusters_word(pointer, group, len(words[-1]))) is not None:
            words[-1].append(word.decode(errors="replace"))
    return Clusters(
        np.array([quick.heed_clusters_group(pointer, row) for row in range(rows)], np.int32),
        np.array([quick.heed_clusters_distance(pointer, row) for row in range(rows)], np.float64),
        [quick.heed_clusters_size(pointer, group) for group in groups],
        [quick.heed_clusters_nearest(pointer, group) for group in groups],
        words,
        quick.heed_clusters_silhouette(pointer),
    )
