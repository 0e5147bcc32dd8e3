"""Every declaration of heed.h has types, and the library has every function."""

from __future__ import annotations

import ctypes
import re

from heed import _library


def test_every_function_is_declared() -> None:
    text = _library._candidates  # the header that the library was opened with
    header = next(iter(text()))[1].read_text(encoding="utf-8")
    names = set(re.findall(r"^HEED_API .*?\b(heed_\w+)\(", re.sub(r"/\*.*?\*/", "", header, flags=re.S), re.M))
    assert names == set(_library.header.functions)
    assert len(names) > 100


def test_types() -> None:
    functions = _library.header.functions
    generate = functions["heed_generate"]
    assert generate.returns_status and generate.result is ctypes.c_int
    assert dict(zip(generate.names, generate.arguments))["first"] is ctypes.c_uint64
    assert functions["heed_results_score"].result is ctypes.c_float
    assert functions["heed_model_open"].arguments[1] is ctypes.c_char_p
    assert functions["heed_attention_weights"].arguments[2] is ctypes.c_void_p  # an array
    assert functions["heed_tokenizer_encode"].names[-1] == "encoding"
    assert functions["heed_version"].arguments == []
    assert _library.header.constants["HEED_OK"] == 0
    assert _library.header.constants["HEED_STOPPED"] == 8


def test_every_status_has_an_exception() -> None:
    from heed import _errors

    statuses = {name for name in _library.header.constants if _library.header.constants[name]}
    assert statuses == set(_errors.BY_CONSTANT)
    for name, value in _library.header.constants.items():
        if value:
            assert _errors.BY_CONSTANT[name].status == _library.quick.heed_status_name(value).decode()
