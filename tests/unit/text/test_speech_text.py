"""Splitting of text into sentences to speak, and the spoken form of Markdown."""

from __future__ import annotations

import pytest

from assistant.errors import first_line
from assistant.text import i18n
from assistant.text.sanitize import sanitize
from assistant.text.sentence_splitter import SentenceSplitter
from assistant.text.speech_text import spell_out, to_speech_text

FORMULAS = [
    (r"\[ E=mc^2 \] (1)", "E=mc² (1)"),
    ("\\[ E=mc^2 \\]\n\n(where m is its mass)", "E=mc² (where m is its mass)"),
    (r"\[x\] is it.", "x is it."),
    ("\\[\nx\n\ny\n\\]\nEnd", "x y End"),
    ("So:\n\\[\nx\n\\]\nit is.", "So: x it is."),
    ("> \\[x\n> = y\\]\n> z\n\nEnd", "x = y z End"),
    ("> \\[x\n\nEnd \\]", "[x End ]"),
    ("$$x$$ (2) and\n\n$$y$$", "x (2) and y"),
    ("$$\nx\n$$ where x is\n\nit: $$y$$", "x where x is it: y"),
    (r"\(a\) and \[b\] and \( and \[ and \\[2pt]", r"a and b and ( and [ and \[2pt]"),
    (r"\[50% of x\]", "50% of x"),
]


def cut(text: str, step: int = 3) -> list[str]:
    cutter, pieces = SentenceSplitter(), []
    for at in range(0, len(text), step):
        pieces += cutter.add_text(text[at : at + step])
    return [*pieces, *cutter.finish()]


@pytest.mark.parametrize("step", [1, 3, 1000])
@pytest.mark.parametrize(
    "text",
    [
        "One. Two! Three?", "It costs 3.50 euros. Dr. Smith paid.", "你好。这是一个圆！是吗？", "No stop at all",
        "First line\nsecond line", "A long first sentence, with a clause that goes on and on; then an end. Next.",
        "x" * 2000, "Code:\n```\nprint(1)\n```\nDone.",
    ],
)  # fmt: skip
def test_splitting_loses_no_letter(text: str, step: int) -> None:
    assert "".join(cut(text, step)).replace(" ", "") == text.replace(" ", "")


def test_sentences_are_cut_in_english_and_chinese() -> None:
    assert [piece.strip() for piece in cut("One. Two! Three?")] == ["One.", "Two!", "Three?"]
    assert cut("你好。这是圆！") == ["你好。", "这是圆！"]
    assert cut("It costs 3.50 here.") == ["It costs 3.50 here."]


def test_the_first_piece_ends_early_at_a_clause() -> None:
    pieces = cut("The picture that you sent me shows a red circle, and a long rest of the sentence follows here.")
    assert pieces[0].endswith("circle,")


@pytest.mark.parametrize(
    ("piece", "said"),
    [
        ("**Bold** and *thin* words", "Bold and thin words"),
        ("# Title", "Title"),
        ("- one\n- two", "one two"),
        ("Use `ls -l` now", "Use ls -l now"),
        ("[a link](http://x.y)", "a link"),
        ("```py\na\nb\n```\n", "Code, 2 lines, skipped."),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "a b 1 2"),
        ("[bracketed] words stay", "[bracketed] words stay"),
        ("a < b & c > d", "a < b & c > d"),
        ("<b>html</b> stays words", "<b>html</b> stays words"),
        ("***", ""),
        ("17 June", "17 June"),
        *FORMULAS,
    ],
)
def test_markdown_becomes_its_spoken_form(piece: str, said: str) -> None:
    assert to_speech_text(piece) == said


def test_error_message_is_reduced_to_one_line() -> None:
    assert first_line(OSError("\n No space left.\nTraceback\n")) == "No space left"
    assert first_line(ValueError()) == "ValueError" and first_line(ValueError("x" * 300), 120) == "x" * 120


def test_what_a_voice_skips_is_said_in_the_users_language() -> None:
    i18n.choose_language(["zh"])
    try:
        for piece in ("```\na\n```", "![](a.png)"):
            assert i18n.is_chinese(to_speech_text(piece)), to_speech_text(piece)
    finally:
        i18n.choose_language([])
    assert (
        to_speech_text("```\na\n```") == "Code, 1 line, skipped."
        and to_speech_text("![a cat](a.png)") == "picture: a cat"
    )


@pytest.mark.parametrize(
    ("text", "chinese"),
    [("这是什么？", True), ("Qwen2-VL 是什么", True), ("What does 出口 mean?", False), ("", False), ("9", False)],
)
def test_chinese_text_is_recognised(text: str, chinese: bool) -> None:
    assert i18n.is_chinese(text) is chinese


def test_sanitize_removes_control_and_surrogate_characters() -> None:
    assert sanitize("a\x00b\ud800c\x1b[31m\n") == "ab?c[31m\n"


def test_a_text_is_spelled_letter_by_letter() -> None:
    assert spell_out("Gate 7b!\n站") == "capital G, a, t, e; 7, b, exclamation mark; 站"
    assert to_speech_text(spell_out("1 # a")) == "1; number sign; a"
    assert spell_out("") == "" and len(spell_out("a" * 10_000)) < 1000
