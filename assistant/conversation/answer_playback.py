"""The audio of one answer on its way to the speaker, aligned with the answer's letters."""

from __future__ import annotations

from assistant.audio.clip import AudioClip
from assistant.audio.playback import AudioPlayback
from assistant.conversation.speech_alignment import SpeechAlignment

_MAX_BUFFERED_SECONDS = 2.0  # of audio that waits to be played: with more a turn does not go on


class AnswerPlayback:
    """`playback`: the audio; None where there is no speaker: everything then counts as heard."""

    def __init__(self, playback: AudioPlayback | None) -> None:
        self.playback = playback
        self._alignment = SpeechAlignment()

    @property
    def is_full(self) -> bool:
        """Whether enough audio waits to be played."""
        return self.playback is not None and self.playback.buffered_seconds >= _MAX_BUFFERED_SECONDS

    @property
    def is_finished(self) -> bool:
        """Whether all that was queued was played, or it was stopped."""
        return self.playback is None or self.playback.is_stopped or self.playback.wait_until_played(0)

    @property
    def is_stopped(self) -> bool:
        """Whether it was stopped before its end."""
        return self.playback is not None and self.playback.is_stopped

    @property
    def sentence_start(self) -> int:
        """The first sample of the sentence that is being played."""
        return self._alignment.piece_start(self.playback.played_samples) if self.playback else 0

    def begin_piece(self, written_end: int) -> None:
        """Audio that is queued from now on belongs to a piece that ends at this letter of the written answer."""
        self._alignment.add_piece(written_end)

    def queue_audio(self, audio: AudioClip) -> bool:
        """Plays it after what is queued already. Returns whether there is a speaker."""
        if self.playback is None:
            return False
        self.playback.queue_audio(audio)
        self._alignment.add_samples(self.playback.written_samples)
        return True

    def seek_sentence(self, sentences: int) -> None:
        """Plays on from the sentence so many after the current one, or before it."""
        if self.playback and not self.playback.is_stopped:
            self.playback.seek_to_sample(self._alignment.neighbor_piece_start(self.playback.played_samples, sentences))

    def hold_audio(self) -> None:
        """Pauses it."""
        if self.playback:
            self.playback.hold_audio()

    def resume_audio(self) -> None:
        """Goes on after `hold_audio`."""
        if self.playback:
            self.playback.resume_audio()

    def stop_audio(self) -> None:
        """Ends it."""
        if self.playback:
            self.playback.stop()

    def heard_letters(self, answer: str) -> int | None:
        """Letters of the written answer that were played so far; None where there is no speaker."""
        return self._alignment.heard_letters(self.playback.played_samples, answer) if self.playback else None
