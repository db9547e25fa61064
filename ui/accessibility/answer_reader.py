"""Has the screen reader read answers sentence by sentence, where it speaks instead of Hark's voice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from assistant.text.sentence_splitter import SentenceSplitter
from assistant.text.speech_text import to_speech_text

if TYPE_CHECKING:
    from assistant.settings import Settings


class AnswerReader:
    """Collects an answer as it is written, and passes every complete sentence to `read_text` if the settings want it
    read."""

    def __init__(self, read_text: Callable[[str], None], get_settings: Callable[[], Settings]) -> None:
        self._read_text, self._get_settings = read_text, get_settings
        self.begin_answer()

    def begin_answer(self) -> None:
        """Forgets what was left of the last answer."""
        self._splitter, self._sentence_count = SentenceSplitter(), 0

    def add_text(self, text: str) -> None:
        """Adds the next piece of the answer."""
        self._read_sentences(self._splitter.add_text(text))

    def end_answer(self) -> None:
        """Reads the rest of the answer, which is complete now."""
        self._read_sentences(self._splitter.finish())
        self.begin_answer()

    def _read_sentences(self, sentences: Iterator[str]) -> None:
        settings = self._get_settings()
        max_sentences = {"all": None, "first": 1}.get(settings.window.announcement_level, 0)
        for sentence in sentences:
            if settings.voice.speaker == "reader" and (max_sentences is None or self._sentence_count < max_sentences):
                self._read_text(to_speech_text(sentence))
            self._sentence_count += 1
