"""Many threads use one model, and Ctrl-C ends a long call."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import heed
import numpy as np
import pytest

TEXTS = [f"the {'old ' * (i % 5)}dog sees a tree" for i in range(40)]


def test_eight_threads_get_the_results_of_one(trained: Any) -> None:
    context = heed.Context(threads=1)
    classifier = heed.Model(trained["classifier"], context)
    language = heed.Model(trained["language"], context)
    filler = heed.Model(trained["filler"], context)

    def work(_: int) -> Any:
        return [
            (
                classifier.classify(text),
                language.generate(text, max_new_tokens=5, sample=True, seed=3),
                filler.embed(text).tobytes(),
                filler.tokenizer.encode(text).ids.tobytes(),
                [one.weights.tobytes() for one in filler.attend(text).maps],
            )
            for text in TEXTS
        ]

    expected = work(0)
    with ThreadPoolExecutor(8) as pool:
        assert all(found == expected for found in pool.map(work, range(8)))


def test_threads_that_end_free_their_handles(trained: Any) -> None:
    model = heed.Model(trained["classifier"], heed.Context(threads=1))
    expected = model.classify(TEXTS[0])
    arrays: list[np.ndarray] = []

    def work() -> None:
        assert model.classify(TEXTS[0]) == expected
        arrays.append(heed.Model(trained["filler"], model.context).embed(TEXTS[0]))

    for _ in range(20):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert all(np.array_equal(array, arrays[0]) for array in arrays)
    opened = model._handle
    model.close()
    del model
    assert opened._users <= 1


def test_the_gil_is_released_during_a_call(trained: Any) -> None:
    model = heed.Model(trained["language"], heed.Context(threads=1))
    counted, done = 0, threading.Event()
    thread = threading.Thread(target=lambda: (model.generate(TEXTS * 20, max_new_tokens=30), done.set()))
    thread.start()
    while not done.is_set():
        counted += 1
    thread.join()
    assert counted > 1000


INTERRUPTED = """
import heed
options = dict(objective="language", family="llama", train_source={lines!r}, steps=10**7, width=16, heads=2, decoder_layers=1,
    ffn_width=16, vocabulary_size=60, max_positions=24, batch_tokens=60, log_every=5)
steps = []
print("begun", flush=True)
try:
    heed.train({folder!r}, progress=lambda state: (steps.append(state.step), print(state.step, flush=True)), **options)
except KeyboardInterrupt:
    print("interrupted", flush=True)
def stop(state):
    print(state.step >= steps[-1], flush=True)
    return False
try:
    heed.train({folder!r}, progress=stop, resume=True, **options)
except heed.Stopped:
    print("stopped", flush=True)
"""


def test_control_c_ends_a_long_call(tmp_path: pathlib.Path) -> None:
    lines = tmp_path / "lines"
    lines.write_text("the old dog sees a tree\n" * 40)
    folder = str(tmp_path / "model")
    program = INTERRUPTED.format(folder=folder, lines=str(lines))
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=os.environ)
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    process.stdout.readline()  # a step: the run is on
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out.splitlines()[-3:] == ["interrupted", "True", "stopped"], "the run continues from its checkpoint"


@pytest.mark.parametrize("call", ["classify", "embed", "generate", "translate", "tag"])
def test_control_c_ends_a_call_for_many_texts(trained: Any, call: str) -> None:
    """The call ends before its texts are done, and the model can be used again."""
    name = {"classify": "classifier", "embed": "filler", "generate": "language", "translate": "translator", "tag": "tagger"}
    method = getattr(heed.Model(trained[name[call]]), call)
    texts = TEXTS * 25000
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        method(texts)
    assert time.monotonic() - began < 60
    assert len(method(TEXTS[:2])) == 2


def test_control_c_with_a_handler_of_the_program(trained: Any) -> None:
    """The program's handler runs after the call, and its exception is not lost."""
    model = heed.Model(trained["language"])

    def handler(number: int, frame: Any) -> None:
        raise RuntimeError("from the handler")

    found = signal.signal(signal.SIGINT, handler)
    try:
        timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(RuntimeError, match="from the handler"):
            for _ in range(10**6):
                model.generate(TEXTS, max_new_tokens=30)
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, found)


def test_exceptions_of_callbacks(trained: Any) -> None:
    model = heed.Model(trained["language"])

    def words(index: int, text: str) -> None:
        raise KeyError("from the callback")

    with pytest.raises(KeyError, match="from the callback"):
        model.generate("the old", max_new_tokens=5, words=words)
    assert model.generate("the old", max_new_tokens=5, words=lambda index, text: None)[0].text
