"""One turn: transcribe, answer, speak. A turn is an iterator: to run it is to answer, to close it is to interrupt.

It has no thread, file, clock or model of its own. Read this module first."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.errors import AssistantError
from assistant.events import AudioProduced, Event, Heard, Notice, RegionPointed, Said, Wrote
from assistant.interfaces import Backends, Voice
from assistant.messages import Detection, Message, PictureRegion
from assistant.text.sanitize import sanitize
from assistant.text.sentence_splitter import SentenceSplitter
from assistant.text.speech_text import to_speech_text

if TYPE_CHECKING:
    from assistant.audio.clip import AudioClip
    from assistant.pictures import Picture


@dataclass(frozen=True)
class EmptyStep:
    """A step of a turn that led to no event. It is yielded so that the turn can be interrupted after it."""


@dataclass(frozen=True)
class TurnInput:
    """What a turn answers."""

    text: str = ""  # what was typed
    audio: AudioClip | None = None  # what was spoken; then the text is not used
    pictures: tuple[Picture, ...] = ()
    regions: tuple[PictureRegion, ...] = ()  # parts of the last picture that the question is about
    default_prompt: str = ""  # for the responder where nothing was typed: "Describe this picture."


def run_turn(
    turn_input: TurnInput, history: Sequence[Message], backends: Backends
) -> Generator[Event | EmptyStep, None, None]:
    """Runs one turn after the messages of `history`.

    Audio without speech, such as a cough, is not answered: the turn ends after `Heard("")`. Raises `AssistantError`
    when the transcriber or the responder fails; when the voice fails, the answer goes on in writing."""
    question = turn_input.text.strip()
    if turn_input.audio is not None:
        question = yield from _transcribe(turn_input.audio, backends)
    yield Heard(question)
    if turn_input.audio is not None and not question:
        return
    message = Message("user", question or turn_input.default_prompt, turn_input.pictures, turn_input.regions)
    splitter, speech = SentenceSplitter(), SpeechOutput(backends.voice)
    with closing(backends.responder.reply([*history, message])) as reply:
        for piece in reply:
            if isinstance(piece, Detection):
                yield from _region_event(piece, [*history, message])
                continue
            text = sanitize(piece)
            yield Wrote(text) if text else EmptyStep()
            for sentence in splitter.add_text(text):
                yield from speech.speak(sentence, splitter.emitted_letters)
    for sentence in splitter.finish():
        yield from speech.speak(sentence, splitter.emitted_letters)


def _transcribe(audio: AudioClip, backends: Backends) -> Generator[EmptyStep, None, str]:
    """Returns the transcript. Long audio is transcribed in several steps."""
    pieces: list[str] = []
    with closing(backends.transcriber.transcribe(audio)) as transcript:
        for piece in transcript:
            if pieces:
                yield EmptyStep()
            pieces.append(piece)
    return sanitize("".join(pieces)).strip()


def _region_event(detection: Detection, messages: Sequence[Message]) -> Iterator[RegionPointed]:
    """The event for a place in the picture whose region was asked about, or else in the newest picture."""
    picture = next((picture for message in reversed(messages) for picture in reversed(message.pictures)), None)
    if messages[-1].regions:
        picture = messages[-1].regions[-1].picture
    if picture:
        sides = (picture.width, picture.height, picture.width, picture.height)
        pixels = (round(share * side) for share, side in zip(detection.box, sides, strict=True))
        yield RegionPointed(detection.label, picture.digest, *pixels)


def read_aloud(text: str, voice: Voice) -> Generator[Event, None, None]:
    """Speaks a text sentence by sentence. Raises `AssistantError` when the voice fails."""
    splitter = SentenceSplitter()
    for sentence in (*splitter.add_text(sanitize(text)), *splitter.finish()):
        yield from _synthesize(voice, sentence, splitter.emitted_letters)


def _synthesize(voice: Voice, sentence: str, written_end: int) -> Generator[Event, None, None]:
    """`written_end`: letters of the written answer up to the end of the sentence."""
    text = to_speech_text(sentence)
    if text:
        yield Said(text, written_end)
        with closing(voice.synthesize(text)) as clips:
            for clip in clips:
                yield AudioProduced(clip)


class SpeechOutput:
    """Speaks the sentences of one answer. When the voice fails it says so once and is silent from then on."""

    def __init__(self, voice: Voice) -> None:
        self._voice, self._has_failed = voice, False

    def speak(self, sentence: str, written_end: int) -> Generator[Event, None, None]:
        """`written_end`: letters of the written answer up to the end of the sentence."""
        if self._has_failed:
            return
        try:
            yield from _synthesize(self._voice, sentence, written_end)
        except AssistantError as error:
            self._has_failed = True
            yield Notice(str(error))
