"""The starter kit's answers: a reader for text and a tiny Qwen2-VL for plain shapes. Knows only which of them to ask.

It never guesses: what neither part can tell, it says it cannot tell, and what to install."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from functools import cached_property
from importlib import resources
from typing import TYPE_CHECKING, Any, cast

from assistant import backends
from assistant.errors import BadInput
from assistant.pictures import Picture
from assistant.roles import Cost, Message, Options
from assistant.starter.questions import CANNOT, DESCRIBE

if TYPE_CHECKING:
    from assistant.backends.qwen2_vl import Qwen2VL
    from assistant.backends.reader import Reader

CANNOT_TELL = "The starter kit cannot tell. Qwen2-VL can: get it with “hark models get qwen2-vl-2b”."
NO_PICTURE = "The starter kit cannot tell without a picture: it answers questions about pictures. " + CANNOT_TELL[29:]
NO_TEXT = "There is no text in this picture."
LEAST_CHANCE = 0.5  # of an answer's least certain token; below it the model would be guessing

_READ = re.compile(
    r"\b(read|reads|written|writing|text|words|letters|spelled|caption)\b|\bdo(es)? .*\bsay\b|写|字|读|念",
    re.IGNORECASE,
)
_DESCRIBE = re.compile(
    r"^(please )?(describe|what( is|'s| do you see| can you see)? (in|here|there|this|does))\b", re.IGNORECASE
)


class Starter:
    """Both parts are loaded when first asked. `by` is "reader" or "tiny" after a reply."""

    def __init__(self) -> None:
        self.by = "tiny"

    def reply(self, messages: Sequence[Message]) -> Generator[str, None, None]:
        """Yields the answer about the newest pictures; one after another when there are several."""
        pictures = next((m.pictures for m in reversed(messages) if m.pictures), ())
        question = messages[-1].text
        if not pictures:
            self.by = "tiny"
            yield NO_PICTURE
        for number, picture in enumerate(pictures, 1):
            if len(pictures) > 1:
                yield f"{' ' if number > 1 else ''}Picture {number}: "
            yield from self._about(picture, question)

    def prepare(self, messages: Sequence[Message]) -> Generator[None, None, None]:
        """Encodes the pictures of the next question."""
        for picture in messages[-1].pictures:
            yield from self._tiny.prepare([Message("user", "", (picture,))])

    def cost(self, picture: Picture) -> Cost | None:
        """What it takes to encode a picture; None for one that only the reader can take."""
        try:
            return self._tiny.cost(picture)
        except BadInput:
            return None

    def forget(self, digest: str) -> None:
        """Lets a picture go."""
        self._tiny.forget(digest)

    def warm(self) -> None:
        """Loads both parts and runs each once."""
        blank = Picture(64, 64, b"\xff" * (64 * 64 * 3))
        self._look(blank, DESCRIBE)
        list(self._reader.read(blank))

    def _about(self, picture: Picture, question: str) -> Generator[str, None, None]:
        if _READ.search(question):
            yield from self._read(picture)
            return
        answer = self._look(picture, question)
        if CANNOT not in answer:
            self.by = "tiny"
            yield answer
            return
        lines = list(self._reader.read(picture)) if question == DESCRIBE or _DESCRIBE.match(question) else []
        self.by = "reader" if lines else "tiny"
        yield "\n".join(lines) if lines else CANNOT_TELL

    def _read(self, picture: Picture) -> Generator[str, None, None]:
        self.by = "reader"
        first = True
        for line in self._reader.read(picture):
            yield line if first else "\n" + line
            first = False
        if first:
            yield NO_TEXT

    def _look(self, picture: Picture, question: str) -> str:
        """The tiny model's own words, or "cannot tell" where it was not sure of each of them."""
        words = list(self._tiny.words([Message("user", question, (picture,))]))
        sure = min((word.chance for word in words), default=0.0) >= LEAST_CHANCE
        return "".join(word.text for word in words) if sure else CANNOT

    @cached_property
    def _reader(self) -> Reader:
        return backends.load_reader()

    @cached_property
    def _tiny(self) -> Qwen2VL:
        with resources.as_file(resources.files("resources") / "starter" / "tiny") as folder:
            options = Options(model=str(folder), device="cpu", dtype="float32", max_new_tokens=96)
            return cast("Any", backends.load_responder("qwen2-vl", options))


def load(options: Options) -> Starter:
    """The starter kit; its models come with Hark, so that `options` change nothing."""
    return Starter()
