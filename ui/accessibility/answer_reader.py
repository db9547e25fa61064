"""Answers for the screen reader, sentence by sentence, where it speaks and not Hark. Knows nothing of events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from assistant.text.sentence_splitter import SentenceSplitter
from assistant.text.speech_text import to_speech_text

if TYPE_CHECKING:
    from ui.accessibility.announcer import Announcer
    from ui.engine_bridge import EngineBridge


class AnswerReader:
    """One answer after another. Never tokens: a sentence is read when it is whole."""

    def __init__(self, announcer: Announcer, bridge: EngineBridge) -> None:
        self._announcer, self._bridge = announcer, bridge
        self.begin_answer()

    def begin_answer(self) -> None:
        """Another answer."""
        self._cutter, self._count = SentenceSplitter(), 0

    def add_text(self, text: str) -> None:
        """A piece of the answer, as it is written."""
        self._read_pieces(self._cutter.add_text(text))

    def end_answer(self) -> None:
        """The answer is whole."""
        self._read_pieces(self._cutter.finish())
        self.begin_answer()

    def _read_pieces(self, pieces: Iterator[str]) -> None:
        settings = self._bridge.settings
        most = {"all": None, "first": 1}.get(settings.window.announcement_level, 0)
        for piece in pieces:
            if settings.voice.speaker == "reader" and (most is None or self._count < most):
                self._announcer.read_text(to_speech_text(piece))
            self._count += 1
