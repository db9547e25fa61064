"""Measures the starter kit's transcriber with flite's voices: forty questions and forty other sentences."""

from __future__ import annotations

import random
import subprocess
import tempfile
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from assistant import backends
from assistant.audio import clip, decode
from assistant.backends.sphinx import SphinxTranscriber
from assistant.interfaces import LoadOptions
from assistant.messages import Message
from assistant.pictures import Picture
from assistant.starter import questions
from assistant.starter.jsgf import JsgfGrammar
from assistant.starter.questions import ShapeSubject
from assistant.starter.scene import draw_scene, random_scene
from benchmarks.phrasings import OTHER_SPOKEN, SPOKEN
from benchmarks.scores import Score

FLITE_VOICES = ("slt", "rms", "awb")


def speak_with_flite(text: str, voice: str) -> clip.AudioClip:
    """A sentence spoken by a voice of the program flite, which has to be installed."""
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "said.wav"
        subprocess.run(["flite", "-voice", voice, "-t", text, str(wav)], check=True)
        return decode.read_audio(wav)


def _make_question(rng: random.Random, phrase: str) -> tuple[Picture, str, str]:
    """A random picture, the question for a phrase of `SPOKEN`, and the right answer."""
    scene = random_scene(rng, (400, 320), 1 if "shape " in phrase else rng.choice((1, 2)))
    while len({shape.kind for shape in scene.shapes}) < len(scene.shapes):
        scene = random_scene(rng, (400, 320), 2)
    shape = scene.shapes[0]
    subject = ShapeSubject(shape.kind, shape.colour)
    question = questions.with_articles(phrase.format(k=shape.kind, c=shape.colour))
    if "{c} {k}" in phrase:
        answer = (
            questions.where_answer(scene, subject) if "Where" in phrase else questions.exists_answer(scene, subject)
        )
    elif phrase.startswith("Is the"):
        answer = questions.is_colour_answer(scene, shape.kind, shape.colour)
    elif phrase.startswith("How many"):
        answer = questions.count_answer(scene, ShapeSubject())
    elif "colo" in phrase:
        answer = questions.colour_answer(scene, ShapeSubject(kind=shape.kind))
    elif phrase.startswith("Where"):
        answer = questions.where_answer(scene, ShapeSubject(kind=shape.kind))
    else:
        answer = questions.shape_answer(scene, ShapeSubject(hue=shape.colour))
    return Picture.from_image(draw_scene(scene)), question, questions.with_articles(answer or "")


def score_transcriber(seed: int = 90005) -> Iterator[Score]:
    """Yields the transcriber's two scores."""
    rng = random.Random(seed)
    transcriber = backends.load_transcriber("sphinx", LoadOptions())
    assert isinstance(transcriber, SphinxTranscriber)
    starter = backends.load_responder("starter", LoadOptions())
    score = Score("spoken questions lead to the right answer", 0.9)
    for number in range(40):
        phrase = SPOKEN[number % len(SPOKEN)]
        picture, question, right_answer = _make_question(rng, phrase)
        heard = "".join(transcriber.transcribe(speak_with_flite(question, FLITE_VOICES[number % 3])))
        answer = "".join(starter.reply([Message("user", heard, (picture,))]))
        score.add_answer(answer == right_answer, f"{question} → “{heard}” → {answer}")
    yield score
    grammar = JsgfGrammar((resources.files("resources") / "starter" / "spoken.jsgf").read_text("utf-8"))
    score = Score("other sentences stay other sentences", 0.98)
    for number, sentence in enumerate(OTHER_SPOKEN):
        heard = "".join(transcriber.transcribe(speak_with_flite(sentence, FLITE_VOICES[number % 3])))
        score.add_answer(not grammar.matches("question", heard), f"{sentence} → “{heard}”")
    yield score
