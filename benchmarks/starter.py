"""What the starter kit's tiny model shows: right answers, phrasings, refusals. Knows nothing of its training."""

from __future__ import annotations

import random
from collections.abc import Iterator

from PIL import Image

from assistant import backends
from assistant.backends.starter import CANNOT_TELL, StarterResponder
from assistant.interfaces import LoadOptions
from assistant.messages import Message
from assistant.pictures import Picture
from assistant.starter import questions
from assistant.starter.jsgf import starter_grammar
from assistant.starter.negatives import other_picture
from assistant.starter.questions import QuestionGenerator, ShapeSubject
from assistant.starter.scene import COLOURS, KINDS, Scene, draw_scene, random_scene
from benchmarks import peers
from benchmarks.phrasings import NEVER_TRAINED, OTHER, TRAINED
from benchmarks.scores import Score

SORTS = ("colour", "shape", "count", "where", "yesno")


def _ask(starter: StarterResponder, image: Image.Image, question: str) -> str:
    return "".join(starter.reply([Message("user", question, (Picture.from_image(image),))]))


def _size(rng: random.Random) -> tuple[int, int]:
    """160 to 1,000 pixels, up to 4:1."""
    ratio = rng.uniform(1, 4) if rng.random() < 0.5 else rng.uniform(1, 1.5)
    short = rng.randint(160, int(1000 / ratio))
    return (round(short * ratio), short) if rng.random() < 0.5 else (short, round(short * ratio))


def fresh(starter: StarterResponder, count: int, seed: int = 90001) -> Iterator[Score]:
    """Fresh pictures of the script, 1 to 5 shapes, each sort of question in any of the grammar's wordings."""
    rng = random.Random(seed)
    asker = QuestionGenerator(starter_grammar(), rng)
    total = Score("fresh pictures, all questions", 0.95)
    for sort in (*SORTS, "describe"):
        score = Score(f"fresh pictures, {sort}", 0.95)
        for _ in range(count):
            scene = random_scene(rng, _size(rng), rng.choice((1, 1, 1, 2, 2, 3, 4, 5)))
            asked = asker.ask_about(scene, sort)
            got = _ask(starter, draw_scene(scene, rng), asked.question)
            told = f"{asked.question} → {got} (right: {asked.answer})"
            score.add(got == asked.answer, told)
            total.add(got == asked.answer, told)
        yield score
    yield total


def others(starter: StarterResponder, count: int, seed: int = 90002) -> Iterator[Score]:
    """Single shapes drawn by matplotlib, Qt and a font: kind, colour and place in three questions each."""
    rng = random.Random(seed)
    total = Score("drawn by others, all", 0.9)
    for maker in (peers.by_matplotlib, peers.by_qt, peers.by_font):
        score = Score(f"drawn by others, {maker.__name__[3:]}", 0.9)
        for _ in range(count):
            image, kind, colour, place = maker(rng)
            asked = (
                ("What shape is this?", kind),
                (f"What colour is the {kind}?", colour),
                (f"Where is the {kind}?", place),
            )
            for question, word in asked:
                got = _ask(starter, image, question)
                told = f"{question} → {got} (a {colour} {kind}, {place})"
                good = got.endswith(f" {word}.") and got.rstrip(".").split(" the ")[-1].split(" is ")[-1] in (
                    word,
                    got[:-1],
                )
                score.add(good or got == f"It is a {word}.", told)
                total.add(good or got == f"It is a {word}.", told)
        yield score
    yield total


def _right(sort: str, scene: Scene, subject: ShapeSubject) -> str | None:
    whole = ShapeSubject()
    answers = {
        "colour": lambda: questions.colour_answer(scene, ShapeSubject(kind=subject.kind)),
        "shape": lambda: questions.shape_answer(scene, ShapeSubject(hue=scene.shapes[0].colour)),
        "count": lambda: questions.count_answer(scene, whole),
        "where": lambda: questions.where_answer(scene, subject),
        "yesno": lambda: questions.exists_answer(scene, subject),
    }
    return answers[sort]()


def phrasings(starter: StarterResponder, each: int, seed: int = 90003) -> Iterator[Score]:
    """Thirty phrasings for each sort of question, ten of them never trained on, `each` pictures a phrasing."""
    rng = random.Random(seed)
    for sort in SORTS:
        for label, phrased in (("trained", TRAINED[sort]), ("never trained", NEVER_TRAINED[sort])):
            score = Score(f"phrasings, {sort}, {label}", 0.9)
            for phrase in phrased:
                for _ in range(each):
                    scene, subject, right = _scene_for(rng, sort)
                    named = questions.with_articles(phrase.format(k=subject.kind, c=subject.hue, n=subject.with_noun()))
                    got = _ask(starter, draw_scene(scene, rng), named)
                    score.add(got == questions.with_articles(right), f"{named} → {got} (right: {right})")
            yield score


def _scene_for(rng: random.Random, sort: str) -> tuple[Scene, ShapeSubject, str]:
    while True:
        scene = random_scene(rng, _size(rng), 1 if sort == "shape" else rng.choice((1, 2, 3)))
        shape = rng.choice(scene.shapes)
        subject = ShapeSubject(shape.kind, shape.colour)
        if sort == "yesno" and rng.random() < 0.5:
            subject = ShapeSubject(rng.choice(KINDS), rng.choice(tuple(COLOURS)))
        right = _right(sort, scene, subject)
        if right:
            return scene, subject, right


def refusals(starter: StarterResponder, seed: int = 90004) -> Iterator[Score]:
    """200 pictures without a plain shape, and 100 other questions about pictures that have them."""
    rng = random.Random(seed)
    asker = QuestionGenerator(starter_grammar(), rng)
    made = [other_picture(rng, _size(rng)) for _ in range(60)]
    made += peers.photographs()
    made += [peers.plot(rng) for _ in range(55)]
    made += [peers.texture(rng) for _ in range(200 - len(made))]
    score = Score("pictures without a shape: cannot tell", 0.95)
    for image in made:
        question = asker.ask_about(random_scene(rng, (300, 300), 1), rng.choice(SORTS)).question
        got = _ask(starter, image, question)
        score.add(got == CANNOT_TELL, f"{question} → {got}")
    yield score
    score = Score("other questions: cannot tell", 0.95)
    for question in OTHER:
        got = _ask(starter, draw_scene(random_scene(rng, _size(rng), rng.choice((1, 2, 3))), rng), question)
        score.add(got == CANNOT_TELL, f"{question} → {got}")
    yield score


def run(quick: bool = False) -> Iterator[Score]:
    """All scores. `quick` asks a fifth as much."""
    starter = backends.load_responder("starter", LoadOptions())
    assert isinstance(starter, StarterResponder)
    yield from fresh(starter, 20 if quick else 100)
    yield from others(starter, 10 if quick else 50)
    yield from phrasings(starter, 1 if quick else 5)
    yield from refusals(starter)
