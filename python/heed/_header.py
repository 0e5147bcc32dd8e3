"""Declarations of heed.h. The header is the only list of the library's functions: their types are read from it."""

from __future__ import annotations

import ctypes
import re
from typing import Any, NamedTuple

_COMMENT = re.compile(r"/\*.*?\*/|^\s*#.*?(?<!\\)$", re.S | re.M)
_FUNCTION = re.compile(r"\bHEED_API\s+([\w\s*]+?)\b(heed_\w+)\s*\(([^;{}]*)\)\s*;")
_CALLBACK = re.compile(r"\btypedef\s+([\w\s*]+?)\b(heed_\w+_function)\s*\(([^;{}]*)\)\s*;")
_ENUM = re.compile(r"\btypedef\s+enum\s+\w+\s*\{([^}]*)\}\s*(\w+)\s*;")
_VERSION = re.compile(r"^#define HEED_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)$", re.M)

_SCALARS = {
    "void": None,
    "bool": ctypes.c_bool,
    "int": ctypes.c_int,
    "float": ctypes.c_float,
    "double": ctypes.c_double,
    "size_t": ctypes.c_size_t,
    "int32_t": ctypes.c_int32,
    "uint32_t": ctypes.c_uint32,
    "int64_t": ctypes.c_int64,
    "uint64_t": ctypes.c_uint64,
}


class Function(NamedTuple):
    """The types of a function: of its result, and of its arguments with their names."""

    result: Any
    arguments: list[Any]
    names: list[str]
    returns_status: bool


class Header(NamedTuple):
    version: str
    functions: dict[str, Function]
    callbacks: dict[str, Any]  # name -> ctypes function type
    constants: dict[str, int]  # of the enums


def _type(text: str, enums: set[str]) -> Any:
    """The ctypes type of "const char *", "size_t" and so on. All pointers but those to one text are c_void_p."""
    words = [word for word in re.findall(r"\w+|\*", text) if word not in ("const", "struct", "enum")]
    if "*" not in words:
        return ctypes.c_int if words[0] in enums else _SCALARS[words[0]]
    return ctypes.c_char_p if words == ["char", "*"] and "const" in text else ctypes.c_void_p


def _parameter(text: str, enums: set[str]) -> tuple[Any, str]:
    """The type and the name of one parameter, such as "int64_t shape[4]"."""
    match = re.fullmatch(r"\s*(.*?)(\w+)\s*((?:\[\w*\])?)\s*", text, re.S)
    assert match, text
    return (ctypes.c_void_p if match[3] else _type(match[1], enums)), match[2]


def _parameters(text: str, enums: set[str]) -> list[tuple[Any, str]]:
    return [] if text.strip() == "void" else [_parameter(one, enums) for one in text.split(",")]


def parse(text: str) -> Header:
    version = ".".join(_VERSION.findall(text))
    code = _COMMENT.sub(" ", text)
    constants: dict[str, int] = {}
    enums: set[str] = set()
    for match in _ENUM.finditer(code):
        enums.add(match[2])
        value = -1
        for item in filter(None, (part.strip() for part in match[1].split(","))):
            name, _, number = item.partition("=")
            value = int(number, 0) if number.strip() else value + 1
            constants[name.strip()] = value
    functions = {}
    for match in _FUNCTION.finditer(code):
        parameters = _parameters(match[3], enums)
        functions[match[2]] = Function(
            _type(match[1], enums),
            [p[0] for p in parameters],
            [p[1] for p in parameters],
            match[1].split() == ["heed_status"],
        )
    callbacks = {}
    for match in _CALLBACK.finditer(code):
        parameters = _parameters(match[3], enums)
        types = [kind for kind, _ in parameters]
        for i, (_, name) in enumerate(parameters[1:]):
            if name == "size" and types[i] is ctypes.c_char_p:
                types[i] = ctypes.c_void_p  # c_char_p would end the text at its first zero byte
        callbacks[match[2]] = ctypes.CFUNCTYPE(_type(match[1], enums), *types)
    return Header(version, functions, callbacks, constants)
