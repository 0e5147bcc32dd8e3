from __future__ import annotations

import gc
import logging
import pathlib
from typing import Any

import heed
import numpy as np
import pytest

PROJECT = pathlib.Path(__file__).resolve().parent.parent.parent
LINES = ["the old dog sees a tree", "a big cat finds the house", ""]


def test_one_text_and_many(trained: Any) -> None:
    model = heed.Model(trained["classifier"])
    one = model.classify(LINES[0])
    assert isinstance(one[0], heed.Label) and {label.label for label in one} == {"dog", "cat", "other"}
    assert model.classify(LINES)[0] == one
    assert model.classify([]) == []
    assert sum(label.score for label in one) == pytest.approx(1)


def test_texts_of_any_characters(trained: Any) -> None:
    model = heed.Model(trained["language"])
    text = "the old \0 dog 🐕 Ü"
    assert model.generate(text, max_new_tokens=3)[0].text == model.generate([text], max_new_tokens=3)[0][0].text
    with pytest.raises(TypeError):
        model.generate(b"bytes")
    with pytest.raises(TypeError):
        model.generate([None])


def test_options_are_those_of_the_command(trained: Any) -> None:
    model = heed.Model(trained["translator"])
    assert len(model.translate(LINES[0], beams=4, best=3)) == 3
    assert model.translate(LINES[0], alignment=True)[0].alignment is not None
    assert model.translate(LINES[0])[0].alignment is None
    with pytest.raises(heed.ArgumentError, match="did you mean"):
        model.translate(LINES[0], beamz=4)
    with pytest.raises(heed.ArgumentError, match="beams is"):
        model.translate(LINES[0], beams=0)
    with pytest.raises(TypeError, match="beams"):
        model.translate(LINES[0], beams=object())
    assert heed.options("translate")["beams"].argument == "NUMBER"
    assert heed.options("translate")["early-stopping"].argument == "unlikely|full|never"
    assert heed.options("translate")["alignment"].argument is None and heed.options("translate")["beams"].about
    assert "--beams" in heed.options_help("translate")


def test_log_probabilities_and_the_next_token(trained: Any) -> None:
    model = heed.Model(trained["language"])
    plain = model.generate(LINES[0], max_new_tokens=5)[0]
    one = model.generate(LINES[0], max_new_tokens=5, logprobs=True, top_logprobs=2)[0]
    assert plain.tokens is None and one.text == plain.text and one.tokens
    assert "".join(token.text for token in one.tokens) == one.text
    assert all(token.top[0].id == token.id and token.top[0].log_prob == token.log_prob for token in one.tokens)
    assert all(len(token.top) == 2 for token in one.tokens)
    following = model.next(LINES[0], best=4, temperature=0.5, top_k=2)
    assert following.stages == ["model", "temperature", "top-k"] and following.probabilities.shape == (3, 4)
    assert following.ids[0] == one.tokens[0].id
    assert following.probabilities[0, 0] == pytest.approx(np.exp(one.tokens[0].log_prob), rel=1e-5)
    assert following.probabilities[2, 2:].tolist() == [0, 0] and following.probabilities[2].sum() == pytest.approx(1)


def test_errors_have_classes_and_messages(tmp_path: pathlib.Path, trained: Any) -> None:
    with pytest.raises(heed.FileError, match="no-such-model") as caught:
        heed.Model("no-such-model")
    assert isinstance(caught.value, OSError) and caught.value.status == "file"
    (tmp_path / "config.json").write_text('{"model_type": "heed-none"}')
    with pytest.raises(heed.UnsupportedError, match="heed-none"):
        heed.Model(tmp_path)
    with pytest.raises(NotImplementedError):
        heed.Model(trained["classifier"]).generate("a")
    with pytest.raises(heed.ArgumentError):
        heed.Context(threads=-1)
    with pytest.raises(ValueError):
        heed.Context(compute="f8")


def test_masks_and_entities(trained: Any) -> None:
    words = heed.Model(trained["filler"]).fill("the old [MASK] sees", top=3)
    assert len(words) == 3 and (words[0].start, words[0].end) == (8, 14)
    assert words[0].text == f"the old {words[0].word} sees"
    text = "Ü Anna Smith left Rome"
    for entity in heed.Model(trained["tagger"]).tag(text):
        assert text[entity.start : entity.end] == entity.text
    with pytest.raises(heed.TextError, match="mask"):
        heed.Model(trained["filler"]).fill("no such word")


def test_vectors(trained: Any) -> None:
    model = heed.Model(trained["filler"])
    one, many = model.embed(LINES[0]), model.embed(LINES)
    assert one.dtype == np.float32 and one.shape == (16,) and many.shape == (3, 16)
    assert np.array_equal(many[0], one)
    assert not one.flags.writeable and not one.flags.owndata, "a view of the library's memory"
    assert model.embed([]).shape[0] == 0
    kept = [model.embed(line) for line in LINES]
    copies = [vector.copy() for vector in kept]
    model.close()
    del model
    gc.collect()
    assert all(np.array_equal(vector, copy) for vector, copy in zip(kept, copies)), "an array keeps its owner"


def test_notes_go_to_the_logger(trained: Any, caplog: Any) -> None:
    with caplog.at_level(logging.WARNING, logger="heed"):
        heed.Model(trained["filler"]).embed("the dog")
        heed.Model(trained["filler"]).embed("dog " * 1000)
    assert any("modules.json" in line for line in caplog.messages)
    assert any("cut after" in line for line in caplog.messages)


def test_attention(trained: Any, tmp_path: pathlib.Path) -> None:
    attention = heed.Model(trained["translator"]).attend("the old dog")
    kinds = [found.kind for found in attention.maps]
    assert "cross" in kinds and attention.source == "the old dog"
    cross = attention.map("cross")
    assert cross is not None and cross.weights.shape == (1, 2, len(cross.queries), len(cross.keys))
    assert np.allclose(cross.weights.sum(-1), 1, atol=1e-5)
    assert "the" in attention.draw() and attention.draw(format="svg").startswith("<svg")
    assert attention.draw(format="npy")[:6] == b"\x93NUMPY"
    attention.save(tmp_path / "map.npy")
    assert np.load(tmp_path / "map.npy").ndim == 4
    with pytest.raises(heed.ArgumentError, match="layer"):
        attention.draw(layer=7)
    weights, copy = cross.weights, cross.weights.copy()
    del attention, cross
    gc.collect()
    assert np.array_equal(weights, copy)


def test_states_and_logits(trained: Any) -> None:
    model = heed.Model(trained["classifier"])
    states = model.states("the old dog")
    assert states.sides == ["encoder"] and states.layers("encoder") == 1 and states.layers("decoder") == -1
    first, last = states.hidden("encoder")
    assert first.shape == last.shape == (len(states.ids("encoder")), 16) and not last.flags.owndata
    assert np.array_equal(states.last, last)
    with pytest.raises(IndexError):
        states.layer("encoder", 2)
    logits = states.logits
    assert logits.shape == (1, 3)
    softmax = np.exp(logits[0]) / np.exp(logits[0]).sum()
    scores = {label.label: label.score for label in model.classify("the old dog")}
    assert [scores[label] for label in model.labels] == pytest.approx(softmax.tolist(), abs=1e-6)
    same = model.states_of_ids(states.ids("encoder"))
    assert np.array_equal(same.last, last) and np.array_equal(same.logits, logits)
    copy = last.copy()
    del states, model, first
    gc.collect()
    assert np.array_equal(last, copy)


def test_states_of_a_translator(trained: Any) -> None:
    model = heed.Model(trained["translator"])
    states = model.states("the old dog", target="dog old")
    assert states.sides == ["encoder", "decoder"]
    assert states.logits.shape == (len(states.ids("decoder")), len(model.tokenizer))
    shifted = model.states_of_ids(states.ids("encoder"))
    assert shifted.ids("decoder")[1:].tolist() == states.ids("encoder")[:-1].tolist()
    given = model.states_of_ids(states.ids("encoder"), states.ids("decoder"))
    assert np.array_equal(given.logits, states.logits)
    with pytest.raises(heed.ArgumentError):
        model.states_of_ids([10**6])


def test_embeddings(trained: Any) -> None:
    model = heed.Model(trained["filler"])
    rows = model.embeddings("encoder")
    assert rows.shape == (len(model.tokenizer), 16) and not rows.flags.owndata
    with pytest.raises(heed.ArgumentError):
        model.embeddings("left")


def test_pictures(trained: Any) -> None:
    language = heed.Model(trained["language"])
    assert str(language.inspect_embeddings("the old dog")).startswith("Embedding")
    assert language.inspect_positions(format="svg").draw(format="svg").startswith("<svg")
    curve = heed.inspect_gradients([language], [" ".join(LINES * 4)])
    assert curve.draw(format="json")
    assert language.inspect_steps("the old dog", word="1").draw().startswith("Decoder self-attention, layer 1 of ")
    with pytest.raises(heed.ArgumentError):
        language.inspect_steps("the old dog", word="no such word")


def test_tokenizer(trained: Any) -> None:
    tokenizer = heed.Tokenizer(trained["tagger"])
    text = "Ünd Anna Smith"
    encoding = tokenizer.encode(text)
    assert encoding.ids.dtype == np.int32 and len(encoding) == len(encoding.tokens) == len(encoding.offsets)
    assert tokenizer.decode(encoding.ids).endswith("Smith")
    assert len(tokenizer.encode(text, special=False)) == len(encoding) - 2
    assert [one.tokens for one in tokenizer.encode([text, "Rome"])] == [
        tokenizer.encode(one).tokens for one in (text, "Rome")
    ]
    assert tokenizer.decode_batch([encoding.ids, encoding.ids.tolist()]) == [tokenizer.decode(encoding.ids)] * 2
    start, end = encoding.offsets[-2]
    assert text[start:end] in "Smith"
    assert tokenizer.token(len(tokenizer) + 5) is None and tokenizer.token(-1) is None
    assert tokenizer.encode([]) == []
    ids = encoding.ids
    copy = ids.copy()
    tokenizer.close()
    del tokenizer, encoding
    gc.collect()
    assert np.array_equal(ids, copy)


def test_closed_handles(trained: Any) -> None:
    with heed.Model(trained["classifier"]) as model:
        model.classify("the dog")
    with pytest.raises(ValueError, match="closed"):
        model.classify("the dog")
    model.close()


def test_finalizers_in_any_order(trained: Any) -> None:
    """The garbage collector finalizes the objects of a cycle in any order."""
    for _ in range(20):
        model = heed.Model(trained["filler"])
        cycle: dict[str, Any] = {"model": model, "vector": model.embed("the dog"), "tokenizer": model.tokenizer}
        cycle["attention"] = model.attend("the dog").maps
        cycle["self"] = cycle
        del model, cycle
        gc.collect()


def test_description(trained: Any) -> None:
    model = heed.Model(trained["classifier"])
    assert model.describe()["architecture"] == "BertForSequenceClassification"
    assert model.folder == trained["classifier"] and model.languages == []
    assert heed.version().startswith("heed ")
    assert heed.Context(threads=3).threads == 3


def test_results_do_not_depend_on_threads(trained: Any) -> None:
    texts = LINES * 40
    one = heed.Model(trained["classifier"], heed.Context(threads=1)).classify(texts)
    assert heed.Model(trained["classifier"], heed.Context(threads=4)).classify(texts) == one
