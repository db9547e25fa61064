"""The window without a screen: what it shows for hostile text, and what it does not load."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEvent, QMimeData, Qt, QUrl
from PySide6.QtGui import QKeyEvent, QTextTable
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel

from assistant import events
from assistant.events import Timings
from assistant.settings import Folders, Settings
from assistant.settings import Window as Look
from tests.test_words import FORMULAS
from ui import answer, stages, style, words
from ui.bridge import Bridge
from ui.messages import Entry
from ui.window import Window

WIDE = 600.0


@pytest.fixture(scope="module")
def application() -> QApplication:
    made = QApplication.instance() or QApplication([])
    assert isinstance(made, QApplication)
    return made


@pytest.fixture
def window(application: QApplication, home: Path) -> Iterator[Window]:
    """A window whose engine is not started: events are given to it by hand, calls are noted."""
    made = Window(Bridge(Settings(window=Look(welcomed=True)), Folders.find()))
    calls: list[tuple[str, tuple[object, ...]]] = []
    for name in (
        "ask",
        "show",
        "show_image",
        "forget",
        "interrupt",
        "press",
        "tap",
        "release",
        "listen",
        "say",
        "stop",
    ):
        setattr(made.engine, name, lambda *given, name=name: calls.append((name, given)))
    made.calls = calls  # type: ignore[attr-defined]
    made.show()
    yield made
    made.hide()
    made.deleteLater()


def drawn(text: str, heard: int | None = None) -> str:
    made = answer.document(text, heard, style.LIGHT)
    made.setTextWidth(WIDE)
    assert made.size().height() >= 0
    return made.toPlainText()


def test_a_table_is_a_table_and_what_follows_stands_below_it(application: QApplication) -> None:
    made = answer.document("| name | size |\n|:--|--:|\n| **oak** | 30 m |\n| ash | 9 m |\n\nEnd", None, style.LIGHT)
    table = next(one for one in made.rootFrame().childFrames() if isinstance(one, QTextTable))
    cells = [
        [table.cellAt(row, column).firstCursorPosition().block() for column in range(table.columns())]
        for row in range(table.rows())
    ]
    assert [[one.text() for one in row] for row in cells] == [["name", "size"], ["oak", "30 m"], ["ash", "9 m"]]
    assert cells[1][1].blockFormat().alignment() & Qt.AlignmentFlag.AlignRight
    assert made.toPlainText().rstrip().endswith("End") and made.lastBlock().text() == "End"


def test_a_table_that_never_ends_is_written_row_by_row(application: QApplication) -> None:
    start = time.monotonic()
    shown = drawn("| a | b |\n|---|---|\n" + "| one | two |\n" * 4000)
    assert shown.count("two") == 4000 and time.monotonic() - start < 20


@pytest.mark.parametrize(
    "text, readable",
    [
        ("So $x^2 + a_1$ it is", "So x² + a₁ it is"),
        (r"\[ x = \frac{-b \pm \sqrt{b^2-4ac}}{2a} \]", "x = (-b ±√(b²-4ac))/2a"),
        (r"If \(a \leq \beta\), stop", "If a ≤β, stop"),
        (r"The sign $\sqrt$ and $\overline\sqrt$ and $\footnote$", r"The sign \sqrt and \overline\sqrt and \footnote"),
        ("It costs $5 and $6.", "It costs $5 and $6."),
        (r"Bad $\frac$ and $\input{/etc/passwd}$", r"Bad \frac and \input/etc/passwd"),
        ("$" + "{" * 490 + "$", "{" * 490),
        *FORMULAS,
    ],
)
def test_formulas_are_made_readable(application: QApplication, text: str, readable: str) -> None:
    assert " ".join(drawn(text).split()) == readable


def test_markdown_is_drawn_without_its_marks_and_without_losing_a_word(application: QApplication) -> None:
    lists = "1. one\n2. two\n\n- dot\n\n```\nx = 1\n```\n\n"
    text = "# Title\n\nSome **bold** and *soft* `code`.\n\n" + lists + "| a | b |\n|---|---|\n| c | d |"
    shown = drawn(text)
    for word in ("Title", "bold", "soft", "code", "1.  one", "2.  two", "•  dot", "x = 1", "a", "b", "c", "d"):
        assert word in shown, (word, shown)
    assert answer.code(text) == "x = 1"
    assert "**" not in shown and "#" not in shown and "|" not in shown


@pytest.mark.parametrize(
    "text",
    [
        "![x](file:///etc/passwd)", "<img src='file:///etc/passwd'>", "<table>" * 200, "[a](javascript:alert(1))",
        ">" * 5_000 + " deep", "- " * 3_000 + "deep", "[" * 5_000, "a" * 300_000, "*" * 20_000, "`" * 9_999,
        "|a|\n|-|\n" + "|b|\n" * 2_000, "\u202e right to left \u2066", "\0\1\2",
    ],
)  # fmt: skip
def test_hostile_text_is_drawn_soon_and_loads_nothing(application: QApplication, text: str) -> None:
    start = time.monotonic()
    shown = drawn(text)
    assert time.monotonic() - start < 3.0
    assert "root:" not in shown


@pytest.mark.parametrize(
    "text",
    ["图" * 3000, "a" * 3000, "图" * 499 + "**很大**" + "图" * 600, "图" * 498 + "`是`表" * 200, "第一行吧。\n" * 200],
)
def test_a_text_without_spaces_gets_none(application: QApplication, text: str) -> None:
    assert drawn(text).replace("。 ", "。\n").rstrip() == re.sub(r"[*`]", "", text).rstrip()


def test_what_was_not_heard_is_muted_from_its_letter_on(application: QApplication) -> None:
    made = answer.document("图" * 1200 + "表" * 30, 1200, style.LIGHT)
    parts = [part.fragment() for part in made.firstBlock()]
    assert [part.text()[0] for part in parts] == ["图", "表"] and [part.length() for part in parts] == [1200, 30]


@pytest.mark.parametrize("text", ["a" * 100_000, "- a\n" * 25_000, "| a |\n|-|\n" + "| b |\n" * 20_000])
def test_an_answer_that_is_not_shown_whole_says_so(application: QApplication, text: str) -> None:
    told = "… The rest is not shown; Copy gives all of it."
    assert told not in drawn(text[:100_000]) and told not in answer.plain(text[:100_000], style.LIGHT).toPlainText()
    more = answer.document(text[:100_000] + "b", None, style.LIGHT)
    assert more.lastBlock().text() == told and more.lastBlock().blockFormat().leftMargin() == 0
    assert answer.plain(text[:100_000] + "b", style.LIGHT).lastBlock().text() == told


def test_a_document_loads_no_resource(application: QApplication, tmp_path: Path) -> None:
    made = answer.SafeDocument()
    (tmp_path / "x.css").write_text("p { color: red }")
    assert made.resource(2, QUrl.fromLocalFile(str(tmp_path / "x.css"))) is None


def test_a_link_shows_where_it_leads(application: QApplication) -> None:
    assert drawn("[here](https://example.org/a?b)") == "here (example.org)"
    assert drawn("[here](ftp://example.org)") == "here"


def test_what_was_not_heard_is_muted_and_told(application: QApplication) -> None:
    made = answer.document("One two. Three four.", 8, style.LIGHT)
    colours = set()
    block = made.begin()
    while block.isValid():
        colours |= {part.fragment().charFormat().foreground().color().name() for part in block}
        block = block.next()
    assert colours == {style.LIGHT.text, style.LIGHT.muted}
    assert Entry("hark", "One two. Three four.", heard=8).spoken == "Hark: One two. (not heard: Three four.)"


def test_every_label_is_plain_text(window: Window) -> None:
    labels = window.findChildren(QLabel)
    hostile = [label for label in labels if label.textFormat() != Qt.TextFormat.PlainText and label.text()]
    assert len(labels) >= 6 and not [label.text() for label in hostile]


def test_a_turn_is_shown_as_it_comes(window: Window) -> None:
    for event in (
        events.StateChanged("thinking"), events.TurnStarted(1), events.Heard("What is it?"), events.Wrote("A red "),
        events.Wrote("circle."), events.StateChanged("speaking"),
        events.TurnEnded("interrupted", "What is it?", "A red circle.", "tiny", Timings(hear=0.3), 5, 1),
        events.StateChanged("ready"),
    ):  # fmt: skip
        window.presenter.on_event(event)
    messages = window.conversation.messages
    assert [messages.at(row).spoken for row in range(messages.rowCount())] == [
        "You said: What is it?", "Hark · stopped: A red (not heard: circle.)",
    ]  # fmt: skip
    assert window.bar.status.text() == "Stopped." and not window.bar.stop.isEnabled()


def test_of_an_answer_that_grows_only_the_last_state_is_kept(window: Window) -> None:
    window.presenter.on_event(events.TurnStarted(1))
    window.presenter.on_event(events.Heard("What is it?"))
    painter, view = window.conversation._painter, window.conversation
    for number in range(500):
        window.presenter.on_event(events.Wrote(f"piece {number} "))
        assert not view.grab().isNull()
    assert {item.text[:7] for item, _ in painter._kept} >= {"What is", "piece 0"}
    assert len(painter._kept) <= 6 and len(painter._heights) <= 6
    window.presenter.on_event(events.TurnEnded("answered", "What is it?", view.messages.at(1).text))


def _luminance(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    """WCAG 2.2."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    "theme, least", [(style.LIGHT, 4.5), (style.DARK, 4.5), (style.CONTRAST_LIGHT, 7), (style.CONTRAST_DARK, 7)]
)
def test_every_text_can_be_read_on_what_it_stands_on(theme: style.Theme, least: float) -> None:
    pairs = [(text, on) for text in (theme.text, theme.muted) for on in (theme.ground, theme.raised, theme.chosen)]
    pairs += [(theme.text, theme.accent_soft), (theme.on_accent, theme.accent), (theme.warm, theme.warm_soft)]
    pairs += [(theme.accent, theme.ground)]
    assert not [(one, on, _contrast(one, on)) for one, on in pairs if _contrast(one, on) < least]


def test_the_times_of_a_turn_are_a_bar_that_opens_into_a_table(window: Window) -> None:
    bar = window.bar.stages
    assert not bar.isVisible()
    times = Timings(load=0.5, hear=0.2, look=0.1, first_word=0.6, answer=1.6, first_sound=0.7, total=4.0)
    for event in (events.TurnStarted(1), events.Heard("a"), events.Wrote("b"), events.TurnEnded("answered", "a", "b")):
        window.presenter.on_event(replace(event, timings=times) if isinstance(event, events.TurnEnded) else event)
    assert bar.isVisible() and "heard in 0.20 s" in bar.accessibleDescription()
    assert [round(seconds, 3) for _, seconds in stages.spans(times)] == [0.5, 0.1, 0.2, 0.4, 1.0]
    assert not bar.grab().isNull()
    QTest.keyClick(bar, Qt.Key.Key_Space)
    table = window.findChild(stages.Table).table
    shown = [[table.item(row, column).text() for column in (0, 1)] for row in range(table.rowCount())]
    assert ["Hearing", "0.20"] in shown and ["Writing the rest", "1.00"] in shown and shown[-1][1] == "4.00"
    window.findChild(stages.Table).accept()


def test_the_code_of_a_message_is_copied_by_itself(window: Window) -> None:
    messages, view = window.conversation.messages, window.conversation
    told: list[str] = []
    view.told.connect(told.append)
    messages.add(Entry("hark", "Try:\n\n```python\nx = 1\n  y = 2\n```\nand\n\n    z = 3\n"))
    QTest.keyClick(view, Qt.Key.Key_End)
    QTest.qWait(10)
    shown = [button.text() for button in window.actions_row.buttons if button.isVisible()]
    assert "Copy code" in shown and "Links" not in shown
    QTest.keyClick(view, Qt.Key.Key_B)
    assert QApplication.clipboard().text() == "x = 1\n  y = 2\n\nz = 3" and told == ["Code copied"]
    messages.add(Entry("hark", "See [it](https://example.org)."))
    QTest.keyClick(view, Qt.Key.Key_End)
    QTest.qWait(10)
    shown = [button.text() for button in window.actions_row.buttons if button.isVisible()]
    assert "Copy code" not in shown and "Links" in shown


def test_a_drop_takes_files_pixels_or_says_why_not(window: Window, tmp_path: Path) -> None:
    urls, pixels, page, nothing = QMimeData(), QMimeData(), QMimeData(), QMimeData()
    urls.setUrls([QUrl.fromLocalFile(str(tmp_path / "a.png")), QUrl.fromLocalFile(str(tmp_path / "b.png"))])
    pixels.setData("image/png", b"bytes")
    page.setUrls([QUrl("https://example.org/a.png")])
    assert [window.tray.take(data) == "" for data in (urls, pixels, page, nothing)] == [True, True, False, False]
    assert [name for name, _ in window.calls] == ["show", "show", "show_image"]  # type: ignore[attr-defined]


def test_a_copied_file_is_a_picture_and_copied_text_is_text(window: Window, tmp_path: Path) -> None:
    file, text, pixels = QMimeData(), QMimeData(), QMimeData()
    file.setUrls([QUrl.fromLocalFile(str(tmp_path / "a.png"))])
    text.setText("hello")
    pixels.setData("image/png", b"bytes")
    assert [window.tray.wants(data) for data in (file, text, pixels)] == [True, False, True]


def test_enter_asks_and_shift_enter_is_a_new_line(window: Window) -> None:
    QTest.keyClicks(window.bar.field, "one")
    QTest.keyClick(window.bar.field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClicks(window.bar.field, "two")
    QTest.keyClick(window.bar.field, Qt.Key.Key_Return)
    assert window.calls == [("ask", ("one\ntwo",))]  # type: ignore[attr-defined]
    assert window.bar.field.toPlainText() == ""


def key(window: Window, kind: QEvent.Type, which: Qt.Key, repeat: bool = False) -> None:
    QApplication.sendEvent(window.bar.field, QKeyEvent(kind, which, Qt.KeyboardModifier.NoModifier, "", repeat))


def test_ctrl_alone_stops_and_with_another_key_does_not(window: Window) -> None:
    down, up = QEvent.Type.KeyPress, QEvent.Type.KeyRelease
    for keys in ([(down, "A"), (up, "A")], [], [(down, "C"), (up, "C")]):
        key(window, down, Qt.Key.Key_Control)
        for kind, name in keys:
            key(window, kind, getattr(Qt.Key, f"Key_{name}"))
        key(window, up, Qt.Key.Key_Control)
    assert [name for name, _ in window.calls] == ["interrupt"]  # type: ignore[attr-defined]


def test_f9_held_is_one_press_whatever_its_repeats_look_like(window: Window) -> None:
    down, up = QEvent.Type.KeyPress, QEvent.Type.KeyRelease
    key(window, down, Qt.Key.Key_F9)
    for repeat in (True, False, True):
        key(window, up, Qt.Key.Key_F9, repeat)
        key(window, down, Qt.Key.Key_F9, repeat)
    QTest.qWait(400)
    key(window, up, Qt.Key.Key_F9)
    QTest.qWait(100)
    assert [name for name, _ in window.calls] == ["press", "release"]  # type: ignore[attr-defined]


def test_times_are_words() -> None:
    assert words.times(Timings(hear=0.32, first_word=0.4, first_sound=0.5)) == (
        "Heard in 0.32 s, first word at 0.40 s, first sound at 0.50 s."
    )
    assert words.times(Timings()) == ""


def test_the_window_loads_no_model_library() -> None:
    code = (
        "import sys; from ui.window import Window; import ui.start;"
        "print([m for m in ('torch', 'numpy', 'pydantic', 'transformers', 'sounddevice', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_a_display_it_says_what_to_do() -> None:
    bare = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    done = subprocess.run([sys.executable, "-m", "ui"], env=bare, capture_output=True, text=True)
    assert done.returncode == 4 and "hark listen" in done.stderr


def test_a_picture_tells_what_it_costs(window: Window) -> None:
    window.presenter.on_event(events.Shown("d", "p.png", 3, 2, 1, 1, b"\0\0\0"))
    window.presenter.on_event(events.Weighed("d", 896, 896, 1024, 29.4, 14.2))
    item = window.tray.list.item(0)
    assert "1,024 tokens · 29 MB · ready in about 14.2 s" in item.toolTip()
    assert item.data(Qt.ItemDataRole.AccessibleDescriptionRole) == "1,024 tokens · 29 MB · ready in about 14.2 s"


def test_alt_up_and_down_change_the_speed(window: Window) -> None:
    window.activateWindow()
    assert QTest.qWaitForWindowActive(window)
    QTest.keyClick(window, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    QTest.keyClick(window, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert window.bridge.settings.speak.speed == 1.2
    for _ in range(12):
        QTest.keyClick(window, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert window.bridge.settings.speak.speed == 0.5
