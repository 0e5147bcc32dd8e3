"""Conversations: answers, messages, and what is kept between answers."""

from __future__ import annotations

import logging
from typing import Any

import heed
import pytest


def test_answers_are_those_of_the_whole_conversation(trained: Any) -> None:
    model = heed.Model(trained["chat"])
    with heed.Chat(model, [{"role": "system", "content": "big"}]) as chat:
        for text in ("the old dog", "a cat", "the house"):
            before = [*chat.messages, {"role": "user", "content": text}]
            answer = chat.answer(text, max_new_tokens=6)
            assert answer == model.chat(before, max_new_tokens=6)
            assert chat.messages == [*before, {"role": "assistant", "content": answer.text}]
        chat.reset(keep_system=True)
        assert chat.messages == [{"role": "system", "content": "big"}]
        chat.add({"role": "user", "content": "the old dog"})
        assert len(chat.answers(beams=3, best=2, max_new_tokens=4)) == 2


def test_what_was_computed_is_kept(trained: Any, caplog: pytest.LogCaptureFixture) -> None:
    chat = heed.Chat(heed.Model(trained["chat"], heed.Context(verbose=True)))
    with caplog.at_level(logging.WARNING, "heed"):
        chat.answer("the old dog", max_new_tokens=4)
        assert "computed before" not in caplog.text
        chat.answer("a cat", max_new_tokens=4)
        assert "tokens of the conversation were computed before" in caplog.text


def test_words_templates_and_variables(trained: Any) -> None:
    chat = heed.Chat(heed.Model(trained["chat"]), chat_template="{{ x }} {{ messages[-1].content }}", variables={"x": "the"})
    parts: list[str] = []
    answer = chat.answer("old", parts.append, max_new_tokens=7)
    assert "".join(parts) == answer.text == heed.Model(trained["chat"]).generate("the old", max_new_tokens=7)[0].text
    chat.set("x", None)
    chat.reset()

    def fail(text: str) -> None:
        raise KeyError("from words")

    with pytest.raises(KeyError, match="from words"):
        chat.answer("old", fail)
    with pytest.raises(heed.FormatError):
        heed.Chat(heed.Model(trained["chat"]), chat_template="{% if %}")
    with pytest.raises(heed.UnsupportedError, match="no chat template"):
        heed.Chat(heed.Model(trained["language"])).answer("old")
    chat.close()
    with pytest.raises(ValueError):
        chat.answer("old")
