"""Streamers, with the names and the arguments of transformers'. A text-generation pipeline passes them text as it is
generated. Streamers of transformers that have on_finalized_text work too."""

from __future__ import annotations

import queue
from typing import Any, Iterator, Optional


class TextStreamer:
    """Prints text as it is generated.

    skip_prompt: whether the prompt is left out. `tokenizer` is accepted for transformers' sake: the library decodes."""

    def __init__(self, tokenizer: Any = None, skip_prompt: bool = False) -> None:
        self.skip_prompt = skip_prompt

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        print(text, flush=True, end="\n" if stream_end else "")


class TextIteratorStreamer(TextStreamer):
    """An iterator of the text, for another thread than the one that runs the pipeline.

    timeout: seconds without text after which queue.Empty is raised; None waits without limit."""

    def __init__(self, tokenizer: Any = None, skip_prompt: bool = False, timeout: Optional[float] = None) -> None:
        super().__init__(tokenizer, skip_prompt)
        self.text_queue: "queue.Queue[Optional[str]]" = queue.Queue()
        self.stop_signal = None
        self.timeout = timeout

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        self.text_queue.put(text, timeout=self.timeout)
        if stream_end:
            self.text_queue.put(self.stop_signal, timeout=self.timeout)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        text = self.text_queue.get(timeout=self.timeout)
        if text is self.stop_signal:
            raise StopIteration
        return text
