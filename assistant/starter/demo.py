"""The picture and the spoken question of `hark demo`.

The questions were recorded once with flite's voices (Black and Lenzo, 2001), by running this file as a script: the
starter kit's transcriber does not understand eSpeak's voices, and flite is in no Python package."""

from __future__ import annotations

import random
import subprocess
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from PIL import Image

from assistant.starter.questions import ShapeSubject, colour_answer, shape_answer, where_answer
from assistant.starter.scene import KINDS, draw_scene, random_scene

QUESTIONS = {
    "shape": "What shape is this?",
    **{f"colour-{kind}": f"What colour is the {kind}?" for kind in KINDS},
    **{f"where-{kind}": f"Where is the {kind}?" for kind in KINDS},
}
_VOICES = ("slt", "rms", "awb")


@dataclass(frozen=True)
class DemoQuestion:
    """A picture and a recorded question about it."""

    picture: Image.Image
    question: str  # name of the recording, a key of `QUESTIONS`
    answer: str  # the right one

    @property
    def spoken_question(self) -> str:
        """The words of the recording."""
        return QUESTIONS[self.question]

    def question_recording(self) -> AbstractContextManager[Path]:
        """The file of the recording, which exists at least as long as the context is open."""
        return resources.as_file(resources.files("resources") / "samples" / f"{self.question}.flac")


def make_demo(seed: int) -> DemoQuestion:
    """A random demonstration; the same seed gives the same picture and question."""
    rng = random.Random(seed)
    scene = random_scene(rng, (rng.choice((320, 400, 480, 640)), rng.choice((320, 400, 480))), 1, is_plain=True)
    shape_kind = scene.shapes[0].kind
    question_sort = rng.choice(("shape", "colour", "where"))
    subject = ShapeSubject(kind=shape_kind)
    answers = {
        "shape": ("shape", shape_answer(scene, subject)),
        "colour": (f"colour-{shape_kind}", colour_answer(scene, subject)),
        "where": (f"where-{shape_kind}", where_answer(scene, subject)),
    }
    name, answer = answers[question_sort]
    return DemoQuestion(draw_scene(scene), name, answer or "")


def record_questions(folder: Path) -> None:
    """Records every question with flite as a FLAC file in `folder`; needs the programs flite and sox."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (name, words) in enumerate(QUESTIONS.items()):
        wav = folder / f"{name}.wav"
        subprocess.run(["flite", "-voice", _VOICES[number % 3], "-t", words, str(wav)], check=True)
        subprocess.run(["sox", str(wav), str(folder / f"{name}.flac")], check=True)
        wav.unlink()


if __name__ == "__main__":
    record_questions(Path(__file__).parents[2] / "resources" / "samples")
