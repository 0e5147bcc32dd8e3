"""Pipelines return what those of transformers return."""

from __future__ import annotations

import json
import math
import pathlib
import shutil
import threading
from typing import Any

import cases
import heed
import pytest

HERE = pathlib.Path(__file__).resolve().parent


def recorded(name: str, chosen: list[cases.Case]) -> list[Any]:
    answers = json.loads((HERE / name).read_text(encoding="utf-8"))["answers"]
    assert len(answers) == len(chosen), "make.py was not run after cases.py changed"
    return [
        pytest.param(case, answer, id=f"{i}-{case[0]}-{case[1]}")
        for i, (case, answer) in enumerate(zip(chosen, answers))
    ]


def differences(found: Any, expected: Any, place: str = "") -> list[str]:
    if isinstance(expected, float) and isinstance(found, float):
        return (
            []
            if math.isclose(found, expected, rel_tol=1e-4, abs_tol=1e-4)
            else [f"{place}: {found}, expected {expected}"]
        )
    if type(found) is not type(expected):
        return [f"{place}: {found!r}, expected {expected!r}"]
    if isinstance(expected, dict):
        if list(found) != list(expected):
            return [f"{place}: keys {list(found)}, expected {list(expected)}"]
        return [line for key in expected for line in differences(found[key], expected[key], f"{place}.{key}")]
    if isinstance(expected, list):
        if len(found) != len(expected):
            return [f"{place}: {len(found)} items, expected {len(expected)}: {found}, expected {expected}"]
        return [line for i, pair in enumerate(zip(found, expected)) for line in differences(*pair, f"{place}[{i}]")]
    return [] if found == expected else [f"{place}: {found!r}, expected {expected!r}"]


def check(trained: Any, case: cases.Case, answer: Any) -> None:
    model, task, init, given, call = case
    if "min_length" in call and "min-new-tokens" not in heed.options("translate"):
        pytest.skip("this library has no option min-new-tokens")
    pipe = heed.pipeline(task, model=trained[model], **init)
    if isinstance(given, list) and given[0] == "generator":
        results = pipe((text for text in given[1]), **call)
        assert not isinstance(results, list), "an iterator gives an iterator"
        found = list(results)
    else:
        found = pipe(given, **call)
    assert differences(found, answer) == []


@pytest.mark.parametrize("case, answer", recorded("transformers5.json", cases.TRANSFORMERS_5))
def test_transformers_5(trained: Any, case: cases.Case, answer: Any) -> None:
    check(trained, case, answer)


@pytest.mark.parametrize("case, answer", recorded("transformers4.json", cases.TRANSFORMERS_4))
def test_transformers_4(trained: Any, case: cases.Case, answer: Any) -> None:
    check(trained, case, answer)


@pytest.mark.filterwarnings("ignore")
def test_all_scores_are_in_the_order_of_labels(trained: Any) -> None:
    pipe = heed.pipeline("text-classification", model=trained["classifier"], return_all_scores=True)
    row = pipe(cases.LINES)[0]
    assert [one["label"] for one in row] == heed.Model(trained["classifier"]).labels


@pytest.mark.parametrize(
    "task, model, arguments, name",
    [
        ("text-classification", "classifier", {"truncation": "only_first"}, "truncation"),
        ("text-classification", "classifier", {"max_size": 3}, "max_size"),
        ("text-generation", "language", {"assistant_model": "x"}, "assistant_model"),
        ("text-generation", "language", {"return_tensors": True}, "return_tensors"),
        ("text-generation", "language", {"early_stopping": "soon"}, "early_stopping"),
        ("text-generation", "language", {"guidance_scale": 2.0}, "guidance_scale"),
        ("token-classification", "tagger", {"aggregation_strategy": "word"}, "aggregation_strategy"),
        ("token-classification", "tagger", {"stride": 3, "aggregation_strategy": "none"}, "stride"),
        ("token-classification", "tagger", {"stride": -1}, "stride"),
        ("token-classification", "tagger", {"stride": 48, "aggregation_strategy": "max"}, "stride"),
        ("token-classification", "tagger", {"is_split_into_words": True}, "is_split_into_words"),
        ("zero-shot-classification", "inference", {"candidate_labels": []}, "at least one label"),
        ("zero-shot-classification", "inference", {"candidate_labels": "a", "hypothesis_template": "x"}, "template"),
        ("zero-shot-classification", "inference", {"candidate_labels": "a", "hypothesis_template": "{a}"}, "template"),
        ("zero-shot-classification", "classifier", {"candidate_labels": "a"}, "entailment"),
        ("fill-mask", "filler", {"tokenizer_kwargs": {"truncation": True}}, "tokenizer_kwargs"),
        ("translation", "translator", {"temperature": 0.5}, "temperature"),
    ],
)
def test_what_heed_lacks_is_refused_by_name(
    trained: Any, task: str, model: str, arguments: dict[str, Any], name: str
) -> None:
    errors = (TypeError, ValueError, heed.UnsupportedError)
    with pytest.raises(errors, match=name):
        heed.pipeline(task, model=trained[model])("the old [MASK]", **arguments)
    with pytest.raises(errors, match=name):
        heed.pipeline(task, model=trained[model], **arguments)("the old [MASK]")


def test_places_other_than_the_cpu_are_refused(trained: Any) -> None:
    for arguments in (
        {"device": 0},
        {"device": "cuda"},
        {"device_map": "cuda"},
        {"revision": "abc"},
        {"dtype": "float16"},
    ):
        with pytest.raises(ValueError):
            heed.pipeline("fill-mask", model=trained["filler"], **arguments)
    assert heed.pipeline("fill-mask", model=trained["filler"], device=-1, dtype="float32", use_fast=True)


def test_unknown_tasks_and_models(trained: Any) -> None:
    with pytest.raises(KeyError, match="image-classification"):
        heed.pipeline("image-classification")
    with pytest.raises(ValueError, match="no model ships"):
        heed.pipeline("zero-shot-classification")
    with pytest.raises(RuntimeError):
        heed.pipeline()
    with pytest.raises(heed.FileError, match="no-such-model"):
        heed.pipeline("fill-mask", model="./no-such-model")
    with pytest.raises(heed.UnsupportedError):
        heed.pipeline("fill-mask", model=trained["language"])("the")


def test_inputs_that_are_no_texts(trained: Any) -> None:
    pipe = heed.pipeline("text-classification", model=trained["classifier"])
    with pytest.raises(TypeError):
        pipe(3)
    with pytest.raises(TypeError):
        pipe(["a", 3])
    for wrong in (["a", "b"], {"text_pair": "b"}, {"text": "a", "truncation": True}):
        with pytest.raises(ValueError, match="text_pair"):
            pipe([wrong])
    with pytest.raises(ValueError, match="second text"):
        pipe.model.classify(["a", "b"], ["c"])
    with pytest.raises(heed.Error, match="no chat template"):
        heed.pipeline("text-generation", model=trained["language"])([{"role": "user", "content": "a"}])


def test_chats(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "chatty"
    shutil.copytree(heed.Model("shakespeare").folder, folder)
    (folder / "chat_template.jinja").write_text("{{ messages[-1].content }}")
    pipe = heed.pipeline("text-generation", model=str(folder), do_sample=False, max_new_tokens=9)
    chat = [{"role": "system", "content": "S"}, {"role": "user", "content": "ROMEO:"}]
    text = pipe("ROMEO:", return_full_text=False)[0]["generated_text"]
    assert pipe(chat) == [{"generated_text": [*chat, {"role": "assistant", "content": text}]}]
    assert pipe([chat, chat], return_full_text=False) == 2 * [[{"generated_text": text}]]
    parts: list[str] = []
    answer = pipe.model.chat(chat, words=lambda _, part: parts.append(part), max_new_tokens=9)
    assert answer.text == text == "".join(parts)
    with pytest.raises(ValueError, match="chats"):
        pipe([chat, "a text"])


def test_labels_are_named_or_follow_the_text(trained: Any) -> None:
    pipe = heed.pipeline("zero-shot-classification", model=trained["inference"])
    expected = pipe(cases.LINE, candidate_labels=["dog", "cat"])
    assert pipe(cases.LINE, "dog,cat") == expected
    assert pipe(sequences=cases.LINE, candidate_labels=("dog", "cat")) == expected
    with pytest.raises(ValueError, match="at least one label"):
        pipe(cases.LINE)
    with pytest.raises(ValueError, match="at least one sequence"):
        pipe("", "dog")


def test_a_data_set_gives_an_iterator(trained: Any) -> None:
    class Data:
        def __len__(self) -> int:
            return len(cases.LINES)

        def __getitem__(self, index: int) -> str:
            return cases.LINES[index]

    pipe = heed.pipeline("text-classification", model=trained["classifier"])
    assert list(pipe(Data())) == pipe(cases.LINES)
    assert pipe([]) == []
    taken: list[int] = []

    def texts() -> Any:
        for i in range(100):
            taken.append(i)
            yield "the dog"

    next(pipe(texts()))
    assert len(taken) == 1, "an iterator is read one text at a time"
    assert len(list(pipe(texts(), batch_size=16))) == 100


@pytest.mark.parametrize(
    "model, task",
    [
        ("classifier", "text-classification"),
        ("tagger", "token-classification"),
        ("filler", "fill-mask"),
        ("language", "text-generation"),
        ("translator", "translation"),
    ],
)
def test_the_task_of_a_model(trained: Any, model: str, task: str) -> None:
    assert heed.pipeline(model=trained[model]).task == task


def test_sampling_depends_on_the_seed_alone(trained: Any) -> None:
    def samples(**arguments: Any) -> Any:
        pipe = heed.pipeline("text-generation", model=trained["language"], **arguments)
        return [pipe("the old", max_new_tokens=12), pipe(["the old", "a"], max_new_tokens=12, num_return_sequences=3)]

    first = samples(seed=5)
    assert samples(seed=5) == first
    assert samples(seed=6) != first
    assert first[0] != first[1][0][:1], "another call has other samples"
    heed.set_seed(5)
    assert samples() == first


def test_shipped_models() -> None:
    assert heed.pipeline("sentiment-analysis")("A film to be seen twice.")[0]["label"] == "positive"
    assert heed.pipeline("translation_en_to_de")("A dog runs through the snow.") == [
        {"translation_text": "Ein Hund rennt durch den Schnee."}
    ]
    assert heed.pipeline("translation_en_to_fr").model.name == "multi30k-en-fr"


def test_streamers(trained: Any, capsys: Any) -> None:
    pipe = heed.pipeline("text-generation", model=trained["language"], do_sample=False, max_new_tokens=6)
    whole = pipe("the old")[0]["generated_text"]
    assert pipe("the old", streamer=heed.TextStreamer())[0]["generated_text"] == whole
    assert capsys.readouterr().out == whole + "\n"
    streamer = heed.TextIteratorStreamer(skip_prompt=True, timeout=30)
    thread = threading.Thread(target=pipe, args=("the old",), kwargs={"streamer": streamer})
    thread.start()
    assert "the old" + "".join(streamer) == whole
    thread.join()
    with pytest.raises(ValueError, match="streamer"):
        pipe(["a", "b"], streamer=heed.TextStreamer())


def test_a_text_that_is_too_long(trained: Any) -> None:
    pipe = heed.pipeline("text-classification", model=trained["classifier"])
    with pytest.raises(heed.TextError) as caught:
        pipe(["the dog", "dog " * 1000])
    assert caught.value.index == 1
    assert caught.value.results[0] and caught.value.results[1] is None


def test_sentence_embeddings(trained: Any) -> None:
    pipe = heed.pipeline("sentence-embeddings", model=trained["filler"])
    vectors = pipe(cases.LINES, normalize=True)
    assert [vector.shape for vector in vectors] == [(16,)] * 3
    assert abs(float((vectors[0] ** 2).sum()) - 1) < 1e-5
