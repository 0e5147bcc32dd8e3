"""NumPy arrays over memory of the library."""

from __future__ import annotations

import ctypes
import math
from typing import Any

import numpy as np

from ._library import Handle


def view(owner: Handle, address: Any, shape: tuple[int, ...], kind: Any = np.float32) -> np.ndarray:
    """A read-only array of this memory, without a copy. It keeps the owner open."""
    count = math.prod(shape)
    if not address or not count:
        return np.empty(shape, kind)
    memory: Any = (ctypes.c_uint32 * count).from_address(address)  # all kinds of numbers here have 32 bits
    memory.owner = owner
    array = np.frombuffer(memory, kind)
    array.flags.writeable = False
    return array if len(shape) == 1 else array.reshape(shape)
