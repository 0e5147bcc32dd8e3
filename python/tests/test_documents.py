"""The examples of the documents print what the documents say."""

from __future__ import annotations

import doctest
import pathlib
import re
import types
from typing import Any

import heed
import pytest

PROJECT = pathlib.Path(__file__).resolve().parent.parent.parent


DOCUMENTS = sorted(
    str(path.relative_to(PROJECT))
    for path in [*PROJECT.glob("docs/**/*.md"), PROJECT / "README.md", PROJECT / "python" / "README.md"]
    if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_examples(name: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(PROJECT / "examples")
    monkeypatch.setattr("heed.pipelines._seed", None)
    names: dict[str, Any] = {}
    text = (PROJECT / name).read_text(encoding="utf-8")
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for block in re.finditer(r"^```python\n(.*?)^```", text, re.S | re.M):
        if ">>>" not in block[1]:
            continue
        line = text[: block.start(1)].count("\n")
        test = doctest.DocTestParser().get_doctest(block[1], names, name, name, line)
        runner.run(test, clear_globs=False)
        names = test.globs
    assert runner.summarize().failed == 0


def test_the_names_of_the_module() -> None:
    public = {name for name, value in vars(heed).items() if name[0] != "_" and not isinstance(value, types.ModuleType)}
    assert public == set(heed.__all__)
