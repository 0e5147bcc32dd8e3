"""Records what the pipelines of transformers return for the cases of cases.py.

    HEED_LIBRARY=build/libheed.so PYTHONPATH=python python3 python/tests/make.py

The models are trained by heed, as in the tests. With transformers 5.24 this writes transformers5.json, with 4.57 the tasks
that version 5 dropped, in transformers4.json."""

from __future__ import annotations

import json
import pathlib
import sys
import tempfile
from typing import Any

import transformers

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import cases  # noqa: E402
from models import Models  # noqa: E402


def plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


def run(models: Models, case: cases.Case) -> Any:
    model, task, init, given, call = case
    pipe = transformers.pipeline(task, model=models[model], device="cpu", **init)
    if isinstance(given, list) and given[0] == "generator":
        return plain(list(pipe((text for text in given[1]), **call)))
    return plain(pipe(given, **call))


def main() -> None:
    major = int(transformers.__version__.split(".")[0])
    chosen = cases.TRANSFORMERS_4 if major == 4 else cases.TRANSFORMERS_5
    transformers.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as folder:
        models = Models(pathlib.Path(folder))
        answers = [run(models, case) for case in chosen]
    path = HERE / f"transformers{major}.json"
    with open(path, "w", encoding="utf-8") as out:
        out.write(f'{{"version": {json.dumps(transformers.__version__)}, "answers": [\n')
        out.write(",\n".join(json.dumps(answer, ensure_ascii=False) for answer in answers))
        out.write("\n]}\n")


if __name__ == "__main__":
    main()
