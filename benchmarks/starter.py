"""Measures the starter kit's tiny model: right answers, phrasings and refusals."""

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

QUESTION_SORTS = ("colour", "shape", "count", "where", "yesno")


def _ask(starter: StarterResponder, image: Image.Image, question: str) -> str:
    return "".join(starter.reply([Message("user", question, (Picture.from_image(image),))]))


def _random_size(rng: random.Random) -> tuple[int, int]:
    """160 to 1,000 pixels, up to 4:1."""
    ratio = rng.uniform(1, 4) if rng.random() < 0.5 else rng.uniform(1, 1.5)
    short = rng.randint(160, int(1000 / ratio))
    return (round(short * ratio), short) if rng.random() < 0.5 else (short, round(short * ratio))


def score_fresh_pictures(starter: StarterResponder, count: int, seed: int = 90001) -> Iterator[Score]:
    """New random scenes of 1 to 5 shapes, with each sort of question in any wording of the grammar."""
    rng = random.Random(seed)
    asker = QuestionGenerator(starter_grammar(), rng)
    total = Score("fresh pictures, all questions", 0.95)
    for sort in (*QUESTION_SORTS, "describe"):
        score = Score(f"fresh pictures, {sort}", 0.95)
        for _ in range(count):
            scene = random_scene(rng, _random_size(rng), rng.choice((1, 1, 1, 2, 2, 3, 4, 5)))
            generated = asker.ask_about(scene, sort)
            answer = _ask(starter, draw_scene(scene, rng), generated.question)
            example = f"{generated.question} → {answer} (right: {generated.answer})"
            score.add_answer(answer == generated.answer, example)
            total.add_answer(answer == generated.answer, example)
        yield score
    yield total


def score_foreign_pictures(starter: StarterResponder, count: int, seed: int = 90002) -> Iterator[Score]:
    """Single shapes drawn by matplotlib, Qt and a font, with questions about kind, colour and place."""
    rng = random.Random(seed)
    total = Score("drawn by others, all", 0.9)
    for draw in (peers.draw_with_matplotlib, peers.draw_with_qt, peers.draw_with_font):
        score = Score(f"drawn by others, {draw.__name__.removeprefix('draw_with_')}", 0.9)
        for _ in range(count):
            image, kind, colour, place = draw(rng)
            questions_and_words = (
                ("What shape is this?", kind),
                (f"What colour is the {kind}?", colour),
                (f"Where is the {kind}?", place),
            )
            for question, word in questions_and_words:
                answer = _ask(starter, image, question)
                example = f"{question} → {answer} (a {colour} {kind}, {place})"
                is_right = answer.endswith(f" {word}.") and answer.rstrip(".").split(" the ")[-1].split(" is ")[-1] in (
                    word,
                    answer[:-1],
                )
                score.add_answer(is_right or answer == f"It is a {word}.", example)
                total.add_answer(is_right or answer == f"It is a {word}.", example)
        yield score
    yield total


def _right_answer(sort: str, scene: Scene, subject: ShapeSubject) -> str | None:
    whole = ShapeSubject()
    answers = {
        "colour": lambda: questions.colour_answer(scene, ShapeSubject(kind=subject.kind)),
        "shape": lambda: questions.shape_answer(scene, ShapeSubject(hue=scene.shapes[0].colour)),
        "count": lambda: questions.count_answer(scene, whole),
        "where": lambda: questions.where_answer(scene, subject),
        "yesno": lambda: questions.exists_answer(scene, subject),
    }
    return answers[sort]()


def score_phrasings(starter: StarterResponder, each: int, seed: int = 90003) -> Iterator[Score]:
    """Thirty phrasings for each sort of question, ten of them not in training, with `each` pictures a phrasing."""
    rng = random.Random(seed)
    for sort in QUESTION_SORTS:
        for label, phrases in (("trained", TRAINED[sort]), ("never trained", NEVER_TRAINED[sort])):
            score = Score(f"phrasings, {sort}, {label}", 0.9)
            for phrase in phrases:
                for _ in range(each):
                    scene, subject, right = _scene_with_answer(rng, sort)
                    question = questions.with_articles(
                        phrase.format(k=subject.kind, c=subject.hue, n=subject.with_noun())
                    )
                    answer = _ask(starter, draw_scene(scene, rng), question)
                    score.add_answer(
                        answer == questions.with_articles(right), f"{question} → {answer} (right: {right})"
                    )
            yield score


def _scene_with_answer(rng: random.Random, sort: str) -> tuple[Scene, ShapeSubject, str]:
    while True:
        scene = random_scene(rng, _random_size(rng), 1 if sort == "shape" else rng.choice((1, 2, 3)))
        shape = rng.choice(scene.shapes)
        subject = ShapeSubject(shape.kind, shape.colour)
        if sort == "yesno" and rng.random() < 0.5:
            subject = ShapeSubject(rng.choice(KINDS), rng.choice(tuple(COLOURS)))
        right = _right_answer(sort, scene, subject)
        if right:
            return scene, subject, right


def score_refusals(starter: StarterResponder, seed: int = 90004) -> Iterator[Score]:
    """200 pictures without a plain shape, and 100 unanswerable questions about pictures with shapes."""
    rng = random.Random(seed)
    asker = QuestionGenerator(starter_grammar(), rng)
    pictures = [other_picture(rng, _random_size(rng)) for _ in range(60)]
    pictures += peers.load_photographs()
    pictures += [peers.draw_plot(rng) for _ in range(55)]
    pictures += [peers.make_texture(rng) for _ in range(200 - len(pictures))]
    score = Score("pictures without a shape: cannot tell", 0.95)
    for image in pictures:
        question = asker.ask_about(random_scene(rng, (300, 300), 1), rng.choice(QUESTION_SORTS)).question
        answer = _ask(starter, image, question)
        score.add_answer(answer == CANNOT_TELL, f"{question} → {answer}")
    yield score
    score = Score("other questions: cannot tell", 0.95)
    for question in OTHER:
        answer = _ask(starter, draw_scene(random_scene(rng, _random_size(rng), rng.choice((1, 2, 3))), rng), question)
        score.add_answer(answer == CANNOT_TELL, f"{question} → {answer}")
    yield score


def score_answers(quick: bool = False) -> Iterator[Score]:
    """Yields all scores; `quick` asks a fifth of the questions."""
    starter = backends.load_responder("starter", LoadOptions())
    assert isinstance(starter, StarterResponder)
    yield from score_fresh_pictures(starter, 20 if quick else 100)
    yield from score_foreign_pictures(starter, 10 if quick else 50)
    yield from score_phrasings(starter, 1 if quick else 5)
    yield from score_refusals(starter)
