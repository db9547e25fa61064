"""The starter kit's responder: a text reader (OCR) and a tiny Qwen2-VL that knows plain coloured shapes.

It never guesses. Where neither of the two knows an answer, it says so and names a model to install."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib import resources
from typing import TYPE_CHECKING, Any, cast

from assistant import backends
from assistant.interfaces import LoadOptions, Responder
from assistant.messages import Message, PictureCost
from assistant.pictures import Picture
from assistant.starter.questions import CANNOT_TELL_ANSWER, DESCRIBE_QUESTION
from assistant.text.i18n import is_chinese, tr_noop, translate_like

if TYPE_CHECKING:
    from assistant.backends.ocr import TextReader
    from assistant.backends.qwen2_vl import Qwen2VLResponder

CANNOT_TELL = tr_noop(
    "The starter kit cannot tell. Qwen2-VL can: get it under Models, or with “hark models get qwen2-vl-2b”."
)
NO_PICTURE = tr_noop(
    "The starter kit cannot tell without a picture: it answers questions about pictures. "
    "Qwen2-VL can: get it under Models, or with “hark models get qwen2-vl-2b”."
)
CANNOT_TELL_TO_USE = tr_noop(
    "The starter kit cannot tell. Qwen2-VL can, and is here: use it under Models, or with “hark models use {name}”."
)
NO_PICTURE_TO_USE = tr_noop(
    "The starter kit cannot tell without a picture: it answers questions about pictures. "
    "Qwen2-VL can, and is here: use it under Models, or with “hark models use {name}”."
)
NO_TEXT = tr_noop("There is no text in this picture.")
_PICTURE_NUMBER = tr_noop("Picture {n}:")
MAX_SHAPE_SIDE_RATIO = (
    4  # the model was trained up to this ratio of the sides; in longer strips it would invent a shape
)
MIN_PROBABILITY = 0.5  # of an answer's least certain token; below it the model is guessing

READ_PATTERN = re.compile(
    r"\b(read|reads|written|writing|text|words|letters|spelled|caption)\b|\bdo(es)? .*\bsay\b|写|字|读|念",
    re.IGNORECASE,
)
DESCRIBE_PATTERN = re.compile(
    r"^(please )?(describe|what( is|'s| do you see| can you see)? (in|here|there|this|does))\b"
    r"|描述|描绘|形容|[看见][到出]?了?(些|一些)?(什么|啥)"
    r"|^(请问)?[这那]?[里儿个张幅]?(图|图片|图像|照片|画|画面|屏幕|截图)?[里中上]?面?(画的|显示的)?[有是](些|一些)?(什么|啥)"
    r"(东西|内容)?[呢啊呀]?[？?。]?$",
    re.IGNORECASE,
)


class StarterResponder(Responder):
    """Answers with the text reader or the tiny model, which are loaded at the first use.

    After a reply `model_name` is "reader" or "tiny". `find_installed` returns the name of an installed model that can
    answer more, or ""."""

    def __init__(self, find_installed: Callable[[], str] = lambda: "") -> None:
        self.model_name = "tiny"
        self._find_installed = find_installed

    def reply(self, messages: Sequence[Message]) -> Generator[str, None, None]:
        """Yields the answer about the newest message's pictures; several pictures are answered one by one."""
        pictures = next((m.pictures for m in reversed(messages) if m.pictures), ())
        question = messages[-1].text
        if not pictures:
            self.model_name = "tiny"
            yield self._refusal_text(question, NO_PICTURE, NO_PICTURE_TO_USE)
        for number, picture in enumerate(pictures, 1):
            if len(pictures) > 1:
                yield " " * (number > 1) + translate_like(question, _PICTURE_NUMBER).format(n=number) + " "
            yield from self._reply_about(picture, question)

    def prepare(self, messages: Sequence[Message]) -> Generator[None, None, None]:
        """Encodes the pictures of the last message."""
        for picture in messages[-1].pictures:
            yield from self._tiny_model.prepare([Message("user", "", (picture,))])

    def estimate_cost(self, picture: Picture) -> PictureCost | None:
        """What it costs to show a picture to the tiny model."""
        return self._tiny_model.estimate_cost(picture)

    def forget_picture(self, digest: str) -> None:
        """Drops the encoded picture with this digest."""
        self._tiny_model.forget_picture(digest)

    def warm_up(self) -> None:
        """Loads the tiny model and the reader, and runs each once."""
        blank = Picture(64, 64, b"\xff" * (64 * 64 * 3))
        self._reply_from_model(blank, DESCRIBE_QUESTION)
        list(self._reader.read_text(blank))

    def _reply_about(self, picture: Picture, question: str) -> Generator[str, None, None]:
        if READ_PATTERN.search(question):
            yield from self._reply_with_text(picture, question)
            return
        is_description = DESCRIBE_PATTERN.search(question)
        # The tiny model knows no Chinese: it can only be asked, in English, for a description.
        english_question = (DESCRIBE_QUESTION if is_description else "") if is_chinese(question) else question
        answer = self._reply_from_model(picture, english_question) if english_question else CANNOT_TELL_ANSWER
        if CANNOT_TELL_ANSWER not in answer:
            self.model_name = "tiny"
            yield answer
            return
        lines = []
        for line in self._reader.read_steps(picture) if is_description else ():
            lines += [line] if line else []
            yield ""
        self.model_name = "reader" if lines else "tiny"
        yield "\n".join(lines) if lines else self._refusal_text(question, CANNOT_TELL, CANNOT_TELL_TO_USE)

    def _refusal_text(self, question: str, download_text: str, use_text: str) -> str:
        """The sentence that names a model that can answer: an installed one to use, or else one to download."""
        name = self._find_installed()
        return translate_like(question, use_text).format(name=name) if name else translate_like(question, download_text)

    def _reply_with_text(self, picture: Picture, question: str) -> Generator[str, None, None]:
        self.model_name = "reader"
        is_first = True
        for line in self._reader.read_steps(picture):
            yield line if is_first or not line else "\n" + line
            is_first = is_first and not line
        if is_first:
            yield translate_like(question, NO_TEXT)

    def _reply_from_model(self, picture: Picture, question: str) -> str:
        """The tiny model's answer, or "cannot tell" where it was not sure of every token or the picture is a strip."""
        if max(picture.width, picture.height) > MAX_SHAPE_SIDE_RATIO * min(picture.width, picture.height):
            return CANNOT_TELL_ANSWER
        words = list(self._tiny_model.generate_words([Message("user", question, (picture,))]))
        is_sure = min((word.probability for word in words), default=0.0) >= MIN_PROBABILITY
        return "".join(word.text for word in words) if is_sure else CANNOT_TELL_ANSWER

    @cached_property
    def _reader(self) -> TextReader:
        with self._measure_loading():
            return backends.load_reader()

    @cached_property
    def _tiny_model(self) -> Qwen2VLResponder:
        with self._measure_loading(), resources.as_file(resources.files("resources") / "starter" / "tiny") as folder:
            options = LoadOptions(model=str(folder), device="cpu", dtype="float32", max_new_tokens=96)
            return cast("Any", backends.load_responder("qwen2-vl", options))

    @contextmanager
    def _measure_loading(self) -> Iterator[None]:
        start = time.monotonic()
        try:
            yield
        finally:
            self.late_loading_seconds += time.monotonic() - start


def load_responder(options: LoadOptions) -> StarterResponder:
    """Loads the starter kit. Its models come with Hark, so only `options.find_installed` is used."""
    return StarterResponder(options.find_installed)
