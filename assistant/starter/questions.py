"""Generates questions about a scene with their right answers."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from assistant.starter.jsgf import JsgfGrammar
from assistant.starter.scene import COLOURS, KINDS, PLACES, Scene, SceneShape
from assistant.starter.wording import as_written

CANNOT_TELL_ANSWER = "cannot tell"
DESCRIBE_QUESTION = "Describe this picture."
NUMBER_WORDS = ("no", "one", "two", "three", "four", "five")
_MIDDLE_WORDINGS = ("in the middle", "in the centre", "in the center")


@dataclass(frozen=True)
class QuestionAnswer:
    """A question about a scene and its answer."""

    sort: str  # "colour", "shape", "count", "where", "yesno" or "describe"
    question: str
    answer: str  # the only right one


@dataclass(frozen=True)
class ShapeSubject:
    """The shapes that a question is about."""

    kind: str = ""  # "" for every kind
    hue: str = ""  # "" for every colour

    def matching_shapes(self, scene: Scene) -> list[SceneShape]:
        """The shapes in a scene that it describes."""
        return [s for s in scene.shapes if self.kind in ("", s.kind) and self.hue in ("", s.colour)]

    def with_noun(self, noun: str = "shape") -> str:
        """The subject in words; `noun` stands for a shape of any kind."""
        return f"{self.hue} {self.kind or noun}".strip()


class QuestionGenerator:
    """Generates random questions from a grammar."""

    def __init__(self, grammar: JsgfGrammar, rng: random.Random) -> None:
        self._grammar, self._rng = grammar, rng
        self._sorts: dict[str, Callable[[Scene], QuestionAnswer | None]] = {
            "colour": self.ask_colour,
            "shape": self.ask_shape,
            "count": self.ask_count,
            "where": self.ask_where,
            "yesno": self.ask_yes_no,
            "describe": self.ask_description,
        }

    def ask_about(self, scene: Scene, sort: str | None = None) -> QuestionAnswer:
        """A question of the given sort, or of any, that has exactly one right answer for this scene."""
        while True:
            name = sort or self._rng.choice(
                ("colour", "shape", "count", "where", "where", "yesno", "yesno", "describe")
            )
            generated = self._sorts[name](scene)
            if generated:
                return QuestionAnswer(
                    name, as_written(with_articles(generated.question), self._rng), with_articles(generated.answer)
                )

    def ask_colour(self, scene: Scene) -> QuestionAnswer | None:
        """Asks for the colour of a kind of shape. This and the other sorts return None for an ambiguous question."""
        if len(scene.shapes) == 1 and self._rng.random() < 0.5:
            return self._make_question("colour_one", {}, colour_answer(scene, ShapeSubject(scene.shapes[0].kind)))
        subject = ShapeSubject(kind=self._pick_kind(scene))
        return self._make_question("colour", {"kind": subject.kind}, colour_answer(scene, subject))

    def ask_shape(self, scene: Scene) -> QuestionAnswer | None:
        """Asks for the kind of a shape of some colour."""
        if len(scene.shapes) == 1 and self._rng.random() < 0.5:
            return self._make_question("shape_one", {}, shape_answer(scene, ShapeSubject(hue=scene.shapes[0].colour)))
        subject = ShapeSubject(hue=self._pick_hue(scene))
        return self._make_question("shape", {"hue": subject.hue}, shape_answer(scene, subject))

    def ask_count(self, scene: Scene) -> QuestionAnswer:
        """Asks how many shapes there are, of all or of some kind or colour."""
        form = self._rng.choice(("all", "all", "kind", "hue", "both"))
        subject = ShapeSubject(
            self._pick_kind(scene) if form in ("kind", "both") else "",
            self._pick_hue(scene) if form in ("hue", "both") else "",
        )
        plural = self._rng.choice(("shapes", "shapes", "figures", "objects", "things"))
        subject_words = f"{subject.hue} {subject.kind + 's' if subject.kind else plural}".strip()
        slots = {"countable": subject_words, "hue": subject.hue, "kinds": f"{subject.kind}s"}
        question = self._grammar.generate("count", self._rng, slots)
        # "how many are <hue>" and the like fill a slot of their own: use them only where that is this subject.
        if subject_words not in question:
            expected_word = {"hue": subject.hue, "kind": subject.kind}.get(form)
            if not expected_word or expected_word not in question:
                return self.ask_count(scene)
        elif (
            not subject.kind and "s" in question.split()
        ):  # "how many of them are <kinds>", for a subject without a kind
            return self.ask_count(scene)
        return QuestionAnswer("", question, count_answer(scene, subject))

    def ask_where(self, scene: Scene) -> QuestionAnswer | None:
        """Asks for the place of a shape."""
        if len(scene.shapes) == 1 and self._rng.random() < 0.4:
            return self._make_question("where_one", {}, where_answer(scene, ShapeSubject(kind=scene.shapes[0].kind)))
        subject, subject_words = self._pick_subject(scene)
        return self._make_question("where", {"subject": subject_words}, where_answer(scene, subject))

    def ask_yes_no(self, scene: Scene) -> QuestionAnswer | None:
        """Asks whether a shape exists, or about its colour, place or kind, or the number of shapes."""
        is_single = len(scene.shapes) == 1
        form = self._rng.choice(("exists", "exists", "colour", "place", "count" if not is_single else "shape"))
        if form == "exists":
            subject, subject_words = self._pick_subject(scene)
            question = self._grammar.generate(
                "yes_exists", self._rng, {"subject": subject_words, **_subject_slots(subject)}
            )
            if subject_words not in question and not (subject.kind and f"{subject.with_noun()}s" in question):
                return None
            return QuestionAnswer("", question, exists_answer(scene, subject))
        if form == "place":
            subject, subject_words = self._pick_subject(scene)
            place = self._pick_place(scene, subject)
            answer = is_place_answer(scene, subject, place)
            return self._make_question(
                "yes_place", {"subject": subject_words, "place": self._place_wording(place)}, answer
            )
        if form == "count":
            number = self._rng.choice((len(scene.shapes), self._rng.randint(1, 5)))
            return self._make_question("yes_count", {"number": NUMBER_WORDS[number]}, is_count_answer(scene, number))
        if form == "shape":
            kind = self._pick_kind(scene)
            return self._make_question("yes_shape", {"kind": kind}, is_kind_answer(scene, kind))
        kind = self._pick_kind(scene)
        shapes = ShapeSubject(kind=kind).matching_shapes(scene)
        hue = shapes[0].colour if shapes and self._rng.random() < 0.5 else self._rng.choice(tuple(COLOURS))
        return self._make_question("yes_colour", {"kind": kind, "hue": hue}, is_colour_answer(scene, kind, hue))

    def ask_description(self, scene: Scene) -> QuestionAnswer:
        """Asks for a description of the scene."""
        question = DESCRIBE_QUESTION if self._rng.random() < 0.4 else self._grammar.generate("describe", self._rng)
        return QuestionAnswer("", question, describe_scene(scene))

    def _make_question(self, rule: str, slots: dict[str, str], answer: str | None) -> QuestionAnswer | None:
        return (answer and QuestionAnswer("", self._grammar.generate(rule, self._rng, slots), answer)) or None

    def _pick_kind(self, scene: Scene) -> str:
        return self._rng.choice(scene.shapes).kind if self._rng.random() < 0.8 else self._rng.choice(KINDS)

    def _pick_hue(self, scene: Scene) -> str:
        hues = tuple(COLOURS)
        return self._rng.choice(scene.shapes).colour if self._rng.random() < 0.8 else self._rng.choice(hues)

    def _pick_subject(self, scene: Scene) -> tuple[ShapeSubject, str]:
        form = self._rng.choice(("kind", "hue", "both"))
        if form == "kind":
            subject = ShapeSubject(kind=self._pick_kind(scene))
        elif form == "hue":
            subject = ShapeSubject(hue=self._pick_hue(scene))
        else:
            shape = self._rng.choice(scene.shapes)
            is_present = self._rng.random() < 0.6
            subject = (
                ShapeSubject(shape.kind, shape.colour)
                if is_present
                else ShapeSubject(self._pick_kind(scene), self._pick_hue(scene))
            )
        return subject, subject.with_noun(self._rng.choice(("one", "shape", "figure", "object", "thing")))

    def _pick_place(self, scene: Scene, subject: ShapeSubject) -> str:
        shapes = subject.matching_shapes(scene)
        if shapes and self._rng.random() < 0.5:
            return scene.place_of(shapes[0])
        return self._rng.choice(self._rng.choice(PLACES))

    def _place_wording(self, place: str) -> str:
        if place == "in the middle":
            return self._rng.choice(_MIDDLE_WORDINGS)
        wordings = [place, place + " corner"] if place.count(" ") == 3 else [place]
        wordings += [place.replace("at", "in", 1) + end for end in ("", " corner") if place.count(" ") == 3]
        return self._rng.choice([*wordings, place + " side"] if place.startswith("on") else wordings)


def _subject_slots(subject: ShapeSubject) -> dict[str, str]:
    return {"kinds": f"{subject.kind}s", "hue": subject.hue} if subject.kind else {}


def _none_answer(subject: ShapeSubject) -> str:
    return f"There is no {subject.with_noun()}."


def colour_answer(scene: Scene, subject: ShapeSubject) -> str | None:
    """Which colour the shape of some kind has; None where there are several. The other answers are alike."""
    hues = sorted({shape.colour for shape in subject.matching_shapes(scene)})
    if not hues:
        return _none_answer(subject)
    return f"The {subject.kind} is {hues[0]}." if len(subject.matching_shapes(scene)) == 1 else None


def shape_answer(scene: Scene, subject: ShapeSubject) -> str | None:
    """Which kind of shape it is."""
    shapes = subject.matching_shapes(scene)
    if not shapes:
        return _none_answer(subject)
    return f"It is a {shapes[0].kind}." if len(shapes) == 1 else None


def count_answer(scene: Scene, subject: ShapeSubject) -> str:
    """How many such shapes there are."""
    number, noun = len(subject.matching_shapes(scene)), subject.with_noun()
    if number == 1:
        return f"There is one {noun}."
    return f"There are {NUMBER_WORDS[number]} {noun}s."


def where_answer(scene: Scene, subject: ShapeSubject) -> str | None:
    """In which part of the picture the shape is."""
    shapes = subject.matching_shapes(scene)
    if not shapes:
        return _none_answer(subject)
    return f"The {subject.with_noun()} is {scene.place_of(shapes[0])}." if len(shapes) == 1 else None


def exists_answer(scene: Scene, subject: ShapeSubject) -> str:
    """Whether there is such a shape."""
    return (
        f"Yes, there is a {subject.with_noun()}."
        if subject.matching_shapes(scene)
        else f"No, there is no {subject.with_noun()}."
    )


def is_colour_answer(scene: Scene, kind: str, hue: str) -> str | None:
    """Whether the shape of this kind has this colour."""
    hues = {shape.colour for shape in ShapeSubject(kind=kind).matching_shapes(scene)}
    if len(hues) > 1:
        return None
    if not hues:
        return f"No, there is no {kind}."
    return f"Yes, the {kind} is {hue}." if hue in hues else f"No, the {kind} is {hues.pop()}."


def is_kind_answer(scene: Scene, kind: str) -> str:
    """Whether the only shape is of this kind."""
    actual_kind = scene.shapes[0].kind
    return f"Yes, it is a {actual_kind}." if kind == actual_kind else f"No, it is a {actual_kind}."


def is_place_answer(scene: Scene, subject: ShapeSubject, place: str) -> str | None:
    """Whether the shape is in this part of the picture, one of `PLACES`."""
    shapes = subject.matching_shapes(scene)
    if len(shapes) > 1:
        return None
    if not shapes:
        return f"No, there is no {subject.with_noun()}."
    actual_place = scene.place_of(shapes[0])
    return (
        f"Yes, the {subject.with_noun()} is {actual_place}."
        if actual_place == place
        else f"No, the {subject.with_noun()} is {actual_place}."
    )


def is_count_answer(scene: Scene, number: int) -> str:
    """Whether there are so many shapes."""
    actual_count = len(scene.shapes)
    start = "Yes" if actual_count == number else "No"
    return (
        f"{start}, there is one shape."
        if actual_count == 1
        else f"{start}, there are {NUMBER_WORDS[actual_count]} shapes."
    )


def describe_scene(scene: Scene) -> str:
    """Names all shapes in reading order of their places, so that a scene has exactly one description."""
    order = [place for row in PLACES for place in row]
    shapes = sorted(scene.shapes, key=lambda s: (order.index(scene.place_of(s)), s.colour, s.kind))
    sentence = "; ".join(f"a {s.colour} {s.kind} {scene.place_of(s)}" for s in shapes) + "."
    return sentence[0].upper() + sentence[1:]


def with_articles(text: str) -> str:
    """The text with "an" in place of "a" before "orange"."""
    return text.replace("a orange", "an orange").replace("A orange", "An orange")
