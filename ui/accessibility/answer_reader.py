"""Answers for the screen reader, sentence by sentence, where it speaks and not Hark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from assistant.text.sentence_splitter import SentenceSplitter
from assistant.text.speech_text import to_speech_text

if TYPE_CHECKING:
    from assistant.settings import Settings


class AnswerReader:
    """Gives `read_text` each sentence of an answer when it is whole, as far as the settings want it read."""

    def __init__(self, read_text: Callable[[str], None], settings: Callable[[], Settings]) -> None:
        self._read_text, self._settings = read_text, settings
        self.begin_answer()

    def begin_answer(self) -> None:
        """Another answer."""
        self._splitter, self._count = SentenceSplitter(), 0

    def add_text(self, text: str) -> None:
        """A piece of the answer, as it is written."""
        self._read_sentences(self._splitter.add_text(text))

    def end_answer(self) -> None:
        """The answer is whole."""
        self._read_sentences(self._splitter.finish())
        self.begin_answer()

    def _read_sentences(self, sentences: Iterator[str]) -> None:
        settings = self._settings()
        limit = {"all": None, "first": 1}.get(settings.window.announcement_level, 0)
        for sentence in sentences:
            if settings.voice.speaker == "reader" and (limit is None or self._count < limit):
                self._read_text(to_speech_text(sentence))
            self._count += 1
