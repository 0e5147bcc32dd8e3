from __future__ import annotations

import math
import pathlib
from typing import Any

import heed
import models
import pytest


@pytest.fixture()
def lines(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "lines"
    path.write_text("\n".join(models.sentences(20)) + "\n")
    return path


def test_training_reports_stops_and_resumes(tmp_path: pathlib.Path, lines: pathlib.Path) -> None:
    options = {
        **models.SMALL,
        "objective": "language",
        "family": "llama",
        "train_source": lines,
        "steps": 30,
        "log_every": 5,
    }
    seen: list[heed.Progress] = []

    def stop_at_ten(state: heed.Progress) -> bool:
        seen.append(state)
        return state.step < 10

    with pytest.raises(heed.Stopped):
        heed.train(tmp_path / "stopped", progress=stop_at_ten, **options)
    assert seen[-1].step == 10 and seen[-1].steps == 30 and seen[-1].loss > 0 and seen[-1].line
    assert math.isnan(seen[0].bleu)
    heed.train(tmp_path / "stopped", resume=True, **options)
    heed.train(tmp_path / "whole", **options)
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("stopped", "whole")]
    assert weights[0] == weights[1], "a resumed run ends with the same weights"
    report = heed.evaluate_training(tmp_path / "whole", curve="loss", picture=tmp_path / "loss.svg")
    assert report["trainings"][0]["step"] and (tmp_path / "loss.svg").exists()
    with pytest.raises(heed.ArgumentError):
        heed.train(tmp_path / "whole", **options)


def test_exceptions_of_progress_end_the_run(tmp_path: pathlib.Path, lines: pathlib.Path) -> None:
    def fail(state: heed.Progress) -> None:
        raise ZeroDivisionError("from progress")

    with pytest.raises(ZeroDivisionError, match="from progress"):
        heed.train(tmp_path / "model", progress=fail, objective="language", train_source=lines, **models.SMALL)


def test_evaluation(tmp_path: pathlib.Path, lines: pathlib.Path, trained: Any) -> None:
    report = heed.evaluate_bleu(lines, reference=lines)
    assert report["score"] == pytest.approx(100)
    assert heed.evaluate_bleu_by_length([lines], reference=[lines])["buckets"]
    perplexity = heed.evaluate_perplexity(heed.Model(trained["language"]), lines)
    assert perplexity["perplexity"] > 1 and perplexity["tokens"] > 0
    labels = tmp_path / "labels"
    labels.write_text("dog\n" * 20)
    accuracy = heed.evaluate_accuracy(lines, heed.Model(trained["classifier"]), reference=labels)
    assert 0 <= accuracy["accuracy"] <= 1
    assert heed.evaluate_accuracy(labels, reference=labels)["accuracy"] == 1
    tags = tmp_path / "tags"
    tags.write_text(models.tagged(10))
    assert heed.evaluate_span_f1(tags, reference=tags)["overall_f1"] == 1
    assert "overall_f1" in heed.evaluate_span_f1(tags, heed.Model(trained["tagger"]))


def test_tokenizer_training(tmp_path: pathlib.Path, lines: pathlib.Path) -> None:
    path = heed.train_tokenizer(tmp_path / "tokenizer.json", input=[lines, lines], vocabulary_size=80)
    assert heed.Tokenizer(path).decode(heed.Tokenizer(path).encode("the old dog").ids) == "the old dog"


def test_chat_templates() -> None:
    tokenizer = heed.Tokenizer("shakespeare")
    messages = [{"role": "user", "content": "Good", "name": None}]
    template = "{{ messages }}{{ x }}{{ tools | length if tools }}{{ add_generation_prompt }}"
    text = tokenizer.apply_chat_template(messages, tools=[{}], chat_template=template, tokenize=False, x="ü")
    assert text == "[{'role': 'user', 'content': 'Good'}]ü1False"
    assert tokenizer.apply_chat_template(messages, chat_template="Good") == tokenizer.encode("Good").ids.tolist()
    with pytest.raises(heed.Error, match="line 1: no"):
        tokenizer.apply_chat_template(messages, chat_template="{{ raise_exception('no') }}")
    with pytest.raises(heed.Error, match="no chat template"):
        tokenizer.apply_chat_template(messages)


def test_models_info_and_conversion(tmp_path: pathlib.Path, trained: Any) -> None:
    shipped = [entry for entry in heed.models() if entry.is_shipped]
    assert {"sst2", "multi30k-en-de"} <= {entry.name for entry in shipped}
    assert all(entry.bytes > 1000 and pathlib.Path(entry.folder).is_dir() for entry in shipped)
    assert heed.find("sst2") == next(entry.folder for entry in shipped if entry.name == "sst2")
    assert heed.info(trained["language"])["model_type"] == "llama"
    heed.convert(trained["language"], tmp_path / "half", dtype="f16")
    assert heed.info(tmp_path / "half")["weight_bytes"].keys() == {"F16"}
    with pytest.raises(heed.FileError):
        heed.info(tmp_path / "nothing")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text('{"model_type": "none-such"}')
    assert "none-such" in heed.info(tmp_path / "broken")["problem"]


def test_the_hub_is_not_asked_offline(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    with pytest.raises(heed.Error, match="owner/none"):
        heed.pull("owner/none")
    with pytest.raises(heed.Error, match="owner/none"):
        heed.pipeline("fill-mask", model="owner/none")
