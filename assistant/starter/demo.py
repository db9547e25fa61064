"""What `hark demo` shows: a drawn picture and a spoken question about it. Knows nothing of who answers.

The questions are recordings of flite's voices (Black and Lenzo, 2001), made once by this file run as a script: the
starter kit's ear does not understand eSpeak's voices, and flite is in no Python package."""

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
    """A picture, the name of a recorded question, and the right answer."""

    picture: Image.Image
    question: str
    answer: str

    @property
    def spoken_question(self) -> str:
        return QUESTIONS[self.question]

    def question_recording(self) -> AbstractContextManager[Path]:
        """The spoken question's file, for as long as the context is open."""
        return resources.as_file(resources.files("resources") / "samples" / f"{self.question}.flac")


def make_demo(seed: int) -> DemoQuestion:
    """The demonstration of a seed: the same seed gives the same picture and question."""
    rng = random.Random(seed)
    scene = random_scene(rng, (rng.choice((320, 400, 480, 640)), rng.choice((320, 400, 480))), 1, plain=True)
    kind = scene.shapes[0].kind
    sort = rng.choice(("shape", "colour", "where"))
    subject = ShapeSubject(kind=kind)
    answers = {
        "shape": ("shape", shape_answer(scene, subject)),
        "colour": (f"colour-{kind}", colour_answer(scene, subject)),
        "where": (f"where-{kind}", where_answer(scene, subject)),
    }
    name, answer = answers[sort]
    return DemoQuestion(draw_scene(scene), name, answer or "")


def record_questions(folder: Path) -> None:
    """Speaks every question with flite and keeps it as FLAC (needs the programs flite and sox)."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (name, words) in enumerate(QUESTIONS.items()):
        wav = folder / f"{name}.wav"
        subprocess.run(["flite", "-voice", _VOICES[number % 3], "-t", words, str(wav)], check=True)
        subprocess.run(["sox", str(wav), str(folder / f"{name}.flac")], check=True)
        wav.unlink()


if __name__ == "__main__":
    record_questions(Path(__file__).parents[2] / "resources" / "samples")
