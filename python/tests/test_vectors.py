"""Search, similarity, ranking and groups."""

from __future__ import annotations

import json
import pathlib
import shutil
from typing import Any

import numpy as np
import pytest

import heed

GOLDEN = pathlib.Path(__file__).resolve().parent.parent.parent / "tests" / "golden"
LINES = ["the dog runs", "", "a small cat sleeps", "the house"]


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((300, 20)).astype(np.float32)


def test_search_equals_numpy(vectors: np.ndarray, tmp_path: pathlib.Path) -> None:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for dtype, error in (("f32", 1e-6), ("f16", 2e-3)):
        index = heed.Index.of(vectors, tmp_path / dtype, dtype=dtype)
        rows, scores = index.arrays(vectors[:5], 7)
        expected = -np.sort(-(unit[:5] @ unit.T), axis=1)[:, :7]
        assert np.abs(scores - expected).max() < error
        assert rows[:, 0].tolist() == list(range(5))
        again = heed.Index(tmp_path / dtype)
        assert np.array_equal(again.arrays(vectors[:5], 7)[1], scores)
        assert len(again) == 300 and again.columns == 20 and again.text(0) is None
        assert np.abs(again.vector(3) - unit[3]).max() < error
        assert again.search(vectors[4], top=1)[0].row == 4
    with pytest.raises(ValueError):
        again.arrays(vectors[0, :3])
    with pytest.raises(heed.FormatError):
        (tmp_path / "bad").write_text("text")
        heed.Index(tmp_path / "bad")


def test_lines_of_a_file(trained: Any, tmp_path: pathlib.Path) -> None:
    model = heed.Model(trained["filler"])
    (tmp_path / "lines").write_text("\n".join(LINES), encoding="utf-8")
    index = heed.Index.build(model, tmp_path / "lines", tmp_path / "index")
    hits = index.search(model.embed(LINES[2]), top=5)
    assert [hits[0].row, hits[0].text] == [2, LINES[2]]
    assert sorted(hit.row for hit in hits) == [0, 2, 3]
    assert abs(hits[0].score - 1) < 1e-5


def test_similarity(trained: Any) -> None:
    model = heed.Model(trained["filler"])
    one = model.similarity(LINES[0], LINES[2])
    a, b = model.embed(LINES[0]), model.embed(LINES[2])
    assert isinstance(one, float)
    assert abs(one - float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))) < 1e-5
    assert model.similarity(LINES[:1], LINES[2:3]) == [one]
    assert abs(model.similarity(LINES[0], LINES[2], metric="manhattan") + float(np.abs(a - b).sum())) < 1e-3


def test_rerank(tmp_path: pathlib.Path) -> None:
    golden = json.loads((GOLDEN / "rerank" / "cases.json").read_text(encoding="utf-8"))
    case = golden["cases"][0]
    for name, value in case["files"].items():
        (tmp_path / name).write_text(json.dumps(value), encoding="utf-8")
    for name, source in case["links"].items():
        shutil.copy(GOLDEN / source, tmp_path / name)
    ranked = heed.Model(tmp_path).rerank(golden["query"], golden["texts"])
    assert [one.score for one in ranked] == sorted((one.score for one in ranked), reverse=True)
    for one in ranked:
        assert abs(one.score - case["scores"][one.corpus_id]) < 1e-5
        assert one.text == golden["texts"][one.corpus_id]
    assert heed.Model(tmp_path).rerank(golden["query"], golden["texts"], top=2) == ranked[:2]


def test_cluster(vectors: np.ndarray) -> None:
    x = np.concatenate([vectors[:60] * 0.1 + np.eye(20, dtype=np.float32)[i] * 3 for i in range(3)])
    texts = [f"word{i // 60} the" for i in range(180)]
    found = heed.cluster(x, texts)
    assert found.sizes == [60, 60, 60]
    assert [len(set(found.labels[i : i + 60].tolist())) for i in (0, 60, 120)] == [1, 1, 1]
    assert sorted(words[0] for words in found.words) == ["word0", "word1", "word2"]
    assert 0 < found.silhouette <= 1
    assert heed.cluster(x, clusters=2).words == [[], []]
    with pytest.raises(heed.ArgumentError):
        heed.cluster(x[:2], clusters=3)
