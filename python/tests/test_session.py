"""Sessions: the results of Model.generate and Model.translate, whatever else is in the session."""

from __future__ import annotations

import pathlib
import threading
from typing import Any

import heed
import pytest

TEXTS = ["the old", "a big cat", "the", "a new tree likes the old house"]


def test_results_are_those_of_generate(trained: Any) -> None:
    model = heed.Model(trained["language"])
    expected = model.generate(TEXTS, max_new_tokens=9)
    with heed.Session(model) as session:
        ids = [session.add(text, max_new_tokens=9) for text in TEXTS]
        found = {finished.id: finished.results for finished in session}
        assert [found[id] for id in ids] == expected and not session.is_busy
        later = session.add(TEXTS[0], max_new_tokens=9)
        assert [finished.id for finished in session] == [later]


def test_options_belong_to_a_request(trained: Any) -> None:
    model = heed.Model(trained["language"])
    with heed.Session(model) as session:
        session.add("the old", max_new_tokens=4)
        session.add("the old", max_new_tokens=6, beams=3, best=2)
        session.add("the old", number=7, sample=True, seed=3, max_new_tokens=5)
        found = {finished.id: finished.results for finished in session}
        with pytest.raises(heed.ArgumentError, match="beamz"):
            session.add("the", beamz=3)
    assert found[0] == model.generate("the old", max_new_tokens=4)
    assert found[1] == model.generate("the old", max_new_tokens=6, beams=3, best=2)
    assert found[2] == model.generate("the old", first=7, sample=True, seed=3, max_new_tokens=5)


def test_translators(trained: Any) -> None:
    model = heed.Model(trained["translator"])
    with heed.Session(model) as session:
        for text in TEXTS:
            session.add(text)
        found = {finished.id: finished.results for finished in session}
    assert [found[i][0].text for i in range(len(TEXTS))] == [row[0].text for row in model.translate(TEXTS)]


def test_alignments(trained: Any) -> None:
    model = heed.Model(trained["translator"])
    with heed.Session(model) as session:
        session.add(TEXTS[0], alignment=True)
        assert next(iter(session)).results == model.translate(TEXTS[0], alignment=True)


def test_streams(trained: Any) -> None:
    model = heed.Model(trained["language"])
    whole = model.generate("the old", max_new_tokens=12)[0].text
    pieces = list(model.stream("the old", max_new_tokens=12))
    assert len(pieces) > 1 and "".join(pieces) == whole
    with heed.Session(model) as session:
        other = session.add("a big", max_new_tokens=30)
        assert "".join(session.stream("the old", max_new_tokens=12)) == whole
        stream = session.stream("the old", max_new_tokens=30)
        next(stream)
        stream.close()  # cancels the text
        assert [finished.id for finished in session] == [other]


def test_cancelled_requests_have_no_results(trained: Any) -> None:
    with heed.Session(heed.Model(trained["language"])) as session:
        first = session.add("the old", max_new_tokens=20)
        second = session.add("a big", max_new_tokens=5)
        session.step()
        session.cancel(first)
        with pytest.raises(ValueError):
            session.cancel(first)
        assert [finished.id for finished in session] == [second]
        with pytest.raises(ValueError):
            session.cancel(second)


def test_words_may_end_a_text_and_raise(trained: Any) -> None:
    def fail(text: str) -> None:
        raise KeyError("from words")

    with heed.Session(heed.Model(trained["language"])) as session:
        session.add("the old", words=lambda text: False, max_new_tokens=40)
        assert len(next(iter(session)).results[0].text.split()) < 10
        session.add("the old", words=fail, max_new_tokens=10)
        with pytest.raises(KeyError, match="from words"):
            list(session)


def test_other_threads_add_while_one_steps(trained: Any) -> None:
    model = heed.Model(trained["language"], heed.Context(threads=1))
    expected = {text: model.generate(text, max_new_tokens=6) for text in TEXTS}
    session = heed.Session(model)
    asked: dict[int, str] = {}
    lock = threading.Lock()

    def add(text: str) -> None:
        for _ in range(10):
            with lock:
                asked[session.add(text, max_new_tokens=6)] = text

    threads = [threading.Thread(target=add, args=(text,)) for text in TEXTS]
    for thread in threads:
        thread.start()
    found: dict[int, Any] = {}
    while any(thread.is_alive() for thread in threads) or session.is_busy:
        found.update((finished.id, finished.results) for finished in session)
    found.update((finished.id, finished.results) for finished in session)
    assert len(found) == 40
    assert all(results == expected[asked[id]] for id, results in found.items())


REQUESTS: list[dict[str, Any]] = [
    {"max_new_tokens": 9},
    {"max_new_tokens": 9, "beams": 3, "best": 2},
    {"max_new_tokens": 12, "sample": True, "seed": 3, "best": 2},
    {"max_new_tokens": 12, "sample": True, "grammar": 'root ::= [a-z]+ (" " [a-z]+)*'},
]


@pytest.mark.parametrize("kind", ["language", "translator"])
def test_a_saved_session_goes_on(trained: Any, tmp_path: pathlib.Path, kind: str) -> None:
    model = heed.Model(trained[kind])
    requests = REQUESTS if kind == "language" else [{"beams": 1}, {"beams": 3, "best": 2}]

    def start(heard: dict[int, str]) -> heed.Session:
        session = heed.Session(model)
        for i, options in enumerate(requests):
            session.add(TEXTS[i % 2], i, lambda text, i=i: hear(heard, i, text), **options)  # type: ignore[misc]
        return session

    def hear(heard: dict[int, str], i: int, text: str) -> None:
        heard[i] = heard.get(i, "") + text

    expected_words: dict[int, str] = {}
    expected = {finished.id: finished for finished in start(expected_words)}
    words: dict[int, str] = {}
    found: dict[int, heed.Finished] = {}
    session = start(words)
    while session.is_busy:
        session.step()
        while (finished := session.next()) is not None:
            found[finished.id] = finished
        session.save(tmp_path / "session")
        session = heed.Session.load(model, tmp_path / "session")
        for i in set(range(len(requests))) - set(found):
            session.listen(i, lambda text, i=i: hear(words, i, text))  # type: ignore[misc]
    assert found == expected and words == expected_words and words


def test_what_cannot_be_saved_or_loaded(trained: Any, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "session"
    with heed.Session(heed.Model(trained["language"])) as session:
        session.add("the old", max_new_tokens=3)
        session.save(path)
        for _ in range(9):
            session.step()
        with pytest.raises(heed.ArgumentError, match="has not returned"):
            session.save(path)
        assert session.next() is not None
        session.save(path)
        with pytest.raises(heed.ArgumentError, match="no request 0"):
            session.listen(0, print)
        with pytest.raises(heed.FileError, match="absent"):
            session.save(tmp_path / "absent" / "session")
    with pytest.raises(heed.FormatError, match="another model"):
        heed.Session.load(heed.Model(trained["translator"]), path)
    with pytest.raises(heed.FileError, match="absent"):
        heed.Session.load(heed.Model(trained["language"]), tmp_path / "absent")


def test_a_draft_changes_no_result(trained: Any, tmp_path: pathlib.Path) -> None:
    plain = heed.Model(trained["language"])
    model = heed.Model(trained["language"], draft=heed.Model(trained["sampling"]))
    for options in ({"max_new_tokens": 30}, {"max_new_tokens": 20, "sample": True, "seed": 5}):
        assert model.generate(TEXTS, **options) == plain.generate(TEXTS, **options)
        assert "".join(model.stream(TEXTS[0], **options)) == plain.generate(TEXTS[0], **options)[0].text
    session = heed.Session(model)
    session.add(TEXTS[0], max_new_tokens=30)
    session.step()
    session.save(tmp_path / "session")
    (finished,) = heed.Session.load(model, tmp_path / "session")
    assert finished.results == plain.generate(TEXTS[0], max_new_tokens=30)
    with pytest.raises(heed.ArgumentError, match="the draft model translates"):
        heed.Model(trained["language"], draft=heed.Model(trained["translator"]))


def test_a_text_with_a_problem(trained: Any) -> None:
    with heed.Session(heed.Model(trained["translator"])) as session:
        session.add("dog " * 2000)
        finished = next(iter(session))
        assert finished.results == [] and finished.problem
        with pytest.raises(heed.TextError):
            list(session.stream("dog " * 2000))
