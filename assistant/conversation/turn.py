"""One turn: hear, answer, speak. A turn is an iterator: to answer is to run it, to interrupt is to close it.

Knows no threads, files, clocks or models. Read this first."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.errors import AssistantError
from assistant.events import AudioProduced, Event, Heard, Notice, RegionPointed, Said, Wrote
from assistant.interfaces import Backends, Voice
from assistant.messages import Detection, Message, PictureRegion
from assistant.text import sentence_splitter, speech_text
from assistant.text.sanitize import sanitize

if TYPE_CHECKING:
    from assistant.audio.clip import AudioClip
    from assistant.pictures import Picture


@dataclass(frozen=True)
class TurnInput:
    """What came in: text or sound, and pictures. `describe` is asked for when pictures come with no words."""

    text: str = ""
    audio: AudioClip | None = None
    pictures: tuple[Picture, ...] = ()
    regions: tuple[PictureRegion, ...] = ()
    describe: str = ""


def run_turn(asked: TurnInput, history: Sequence[Message], parts: Backends) -> Generator[Event, None, None]:
    """Runs one turn. Sound in which nothing is heard ends it after `Heard("")`: a cough is never answered."""
    question = asked.text.strip()
    if asked.audio is not None:
        pieces: list[str] = []
        with closing(parts.transcriber.transcribe(asked.audio)) as transcript:
            for piece in transcript:
                if pieces:
                    yield Wrote("")  # long sound is heard step by step, so that it can be stopped
                pieces.append(piece)
        question = sanitize("".join(pieces)).strip()
    yield Heard(question)
    if asked.audio is not None and not question:
        return
    message = Message("user", question or asked.describe, asked.pictures, asked.regions)
    cutter, mouth = sentence_splitter.SentenceSplitter(), SpeechOutput(parts.voice)
    with closing(parts.responder.reply([*history, message])) as reply:
        for raw in reply:
            if isinstance(raw, Detection):
                yield from _region_event(raw, [*history, message])
                continue
            delta = sanitize(raw)
            yield Wrote(delta)  # of no text, after a step that wrote none
            for piece in cutter.add_text(delta):
                yield from mouth.speak_piece(piece, cutter.emitted_letters)
    for piece in cutter.finish():
        yield from mouth.speak_piece(piece, cutter.emitted_letters)


def _region_event(box: Detection, messages: Sequence[Message]) -> Iterator[RegionPointed]:
    """A place in the picture whose region was asked about, or else in the newest one."""
    picture = next((one for message in reversed(messages) for one in reversed(message.pictures)), None)
    if messages[-1].regions:
        picture = messages[-1].regions[-1].picture
    if picture:
        sides = (picture.width, picture.height, picture.width, picture.height)
        yield RegionPointed(
            box.label, picture.digest, *(round(at * side) for at, side in zip(box.box, sides, strict=True))
        )


def read_aloud(text: str, voice: Voice) -> Generator[Event, None, None]:
    """Speaks a text that was written before, piece by piece. Raises `AssistantError` when the voice fails."""
    cutter = sentence_splitter.SentenceSplitter()
    for piece in (*cutter.add_text(sanitize(text)), *cutter.finish()):
        yield from _synthesize_piece(voice, piece, cutter.emitted_letters)


def _synthesize_piece(voice: Voice, piece: str, until: int) -> Generator[Event, None, None]:
    text = speech_text.to_speech_text(piece)
    if text:
        yield Said(text, until)
        with closing(voice.synthesize(text)) as sound:
            for audio in sound:
                yield AudioProduced(audio)


class SpeechOutput:
    """Speaks pieces with one voice. When the voice fails the answer goes on in writing."""

    def __init__(self, voice: Voice) -> None:
        self._voice, self._is_muted = voice, False

    def speak_piece(self, piece: str, until: int) -> Generator[Event, None, None]:
        if self._is_muted:
            return
        try:
            yield from _synthesize_piece(self._voice, piece, until)
        except AssistantError as error:
            self._is_muted = True
            yield Notice(str(error))
