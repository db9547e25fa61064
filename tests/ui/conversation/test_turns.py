"""A turn in the window: its messages as they come, its state, its times."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from assistant import events
from assistant.events import TurnTimings
from assistant.setting_change import SettingChange
from tests.support.window_harness import WindowHarness
from ui import texts
from ui.conversation import markdown_document
from ui.conversation.delegate import MessageDelegate
from ui.input_bar import timings


def test_a_turn_is_shown_as_it_comes(harness: WindowHarness) -> None:
    harness.on(
        events.StateChanged("thinking"), events.TurnStarted(1), events.Heard("What is it?"), events.Wrote("A red "),
        events.Wrote("circle."), events.StateChanged("speaking"),
        events.TurnEnded("interrupted", "What is it?", "A red circle.", "tiny", TurnTimings(transcribe=0.3), 5, 1),
        events.StateChanged("ready"),
    )  # fmt: skip
    assert [harness.messages.item_at(row).speech_text for row in range(harness.messages.rowCount())] == [
        "You said: What is it?", "Hark · stopped: A red (not heard: circle.)",
    ]  # fmt: skip
    assert harness.status_text() == "Stopped." and not harness.window.input_bar.stop_button.isEnabled()


def test_of_an_answer_that_grows_only_the_last_state_is_kept(harness: WindowHarness) -> None:
    harness.on(events.TurnStarted(1), events.Heard("What is it?"))
    view = harness.window.conversation_view
    delegate = view.itemDelegate()
    assert isinstance(delegate, MessageDelegate)
    for number in range(500):
        harness.on(events.Wrote(f"piece {number} "))
        assert not view.grab().isNull()
    assert {item.text[:7] for item, _ in delegate.documents} >= {"What is", "piece 0"}
    assert len(delegate.documents) <= 6 and len(delegate.heights) <= 6
    harness.on(events.TurnEnded("answered", "What is it?", view.messages.item_at(1).text))


def test_a_note_in_mid_answer_does_not_split_it(harness: WindowHarness) -> None:
    harness.on(
        events.TurnStarted(1), events.Heard("q"), events.Wrote("One. "), events.Notice("a picture was refused"),
        events.Wrote("Two."), events.TurnEnded("interrupted", "q", "One. Two.", "x", heard_until=5),
    )  # fmt: skip
    assert harness.texts() == ["q", "One. Two.", "a picture was refused"]
    assert harness.messages.item_at(1).heard_letters == 5


def test_reading_aloud_is_no_answer(harness: WindowHarness) -> None:
    harness.on(events.StateChanged("ready"))
    before = harness.status_text()
    harness.on(events.TurnEnded("answered", is_read_aloud=True))
    assert harness.status_text() == before and harness.window.input_bar.timings_bar.isHidden()


def test_the_talk_button_shows_whether_hark_listens(harness: WindowHarness) -> None:
    talk = harness.window.input_bar.talk_button
    for state, listens in (("speaking", False), ("ready", False), ("hearing", True), ("thinking", False)):
        harness.on(events.StateChanged(state))
        assert ("listening" in talk.accessibleName()) == listens


@pytest.mark.parametrize(
    "by, level, read", [("reader", "all", ["One.", "Two."]), ("reader", "first", ["One."]), ("hark", "all", [])]
)
def test_answer_is_spoken_by_voice_or_screen_reader_but_not_both(
    harness: WindowHarness, announced: list[str], by: str, level: str, read: list[str]
) -> None:
    harness.app.settings_store.change_setting(SettingChange("voice", "speaker", by))
    harness.app.settings_store.change_setting(SettingChange("window", "announcement_level", level))
    harness.on(
        events.TurnStarted(1), events.Heard("count"), events.Wrote("On"), events.Wrote("e. Tw"), events.Wrote("o."),
        events.TurnEnded("answered", "count", "One. Two.", "x", heard_until=9),
    )  # fmt: skip
    assert [announcement for announcement in announced if announcement in ("One.", "Two.")] == read
    assert announced[-1] == "Done"
    harness.app.voice.read_aloud("Again.")
    assert (announced[-1] == "Again.") is (by == "reader") and (harness.calls[-1] == ("read_aloud", "Again.")) is (
        by == "hark"
    )


def test_a_very_long_text_is_taken_or_refused_and_kept(harness: WindowHarness) -> None:
    field = harness.window.input_bar.question_field
    field.setPlainText("word " * 190_000)
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert harness.calls[-1][0] == "ask" and len(harness.calls[-1][1]) == 949_999
    harness.on(events.Heard(harness.calls[-1][1]))
    assert len(harness.messages.index(0).data()) == 20_000
    harness.window.grab()
    field.setPlainText("word " * 300_000)
    calls = len(harness.calls)
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert len(harness.calls) == calls and "million letters" in harness.status_text()
    assert len(field.toPlainText()) == 1_500_000, "nothing is lost"


def test_the_times_of_a_turn_are_a_bar_that_opens_into_a_table(harness: WindowHarness) -> None:
    bar = harness.window.input_bar.timings_bar
    assert not bar.isVisible()
    times = TurnTimings(
        load=0.5, transcribe=0.2, open_pictures=0.1, first_word=0.6, answer=1.6, first_sound=0.7, total=4.0
    )
    harness.on(events.TurnStarted(1), events.Heard("a"), events.Wrote("b"))
    harness.on(events.TurnEnded("answered", "a", "b", timings=times))
    assert bar.isVisible() and "heard in 0.20 s" in bar.accessibleDescription()
    assert [round(seconds, 3) for _, seconds in timings.stage_spans(times)] == [0.5, 0.1, 0.2, 0.4, 1.0]
    assert not bar.grab().isNull()
    QTest.keyClick(bar, Qt.Key.Key_Space)
    table = harness.window.findChild(timings.TimingsTable).table
    rows = [[table.item(row, column).text() for column in (0, 1)] for row in range(table.rowCount())]
    assert ["Hearing", "0.20"] in rows and ["Writing the rest", "1.00"] in rows and rows[-1][1] == "4.00"
    harness.window.findChild(timings.TimingsTable).accept()


def test_turn_timings_are_written_in_words() -> None:
    assert texts.timings_text(TurnTimings(transcribe=0.32, first_word=0.4, first_sound=0.5)) == (
        "Heard in 0.32 s, first word at 0.40 s, first sound at 0.50 s."
    )
    assert texts.timings_text(TurnTimings()) == ""


def test_an_answer_that_grows_is_drawn_once_for_all_words_that_come_meanwhile(
    qtbot: QtBot, harness: WindowHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths: list[int] = []
    document = markdown_document.render_markdown
    monkeypatch.setattr(
        markdown_document, "render_markdown", lambda text, *more: (lengths.append(len(text)), document(text, *more))[1]
    )
    harness.on(events.TurnStarted(1), events.Heard("q"), *[events.Wrote("word ")] * 300)
    qtbot.waitUntil(lambda: 1_500 in lengths)
    assert len(lengths) < 10, lengths
    harness.on(*[events.Wrote("QUJD" * 10_000)] * 4)
    qtbot.waitUntil(lambda: lengths[-1] > 100_000)
    qtbot.waitUntil(harness.window.conversation_view.is_at_end)
    count = len(lengths)
    for _ in range(5):  # beyond what is drawn
        harness.on(events.Wrote("QUJD" * 10_000))
        qtbot.wait(30)
    assert len(lengths) <= count + 1, "no more for each of them"
    assert harness.texts()[-1].endswith("QUJD" * 90_000), "and all of it is there to be copied"


def test_what_is_typed_is_seen_while_the_engine_does_not_take_it(qtbot: QtBot, harness: WindowHarness) -> None:
    harness.app.conversation.ask(" still there? ")
    qtbot.waitUntil(lambda: harness.texts() == ["still there?"])
    harness.on(
        events.StateChanged("restarting"), events.ConversationOpened(None), events.TurnStarted(7, "1", 1, ("d",)),
        events.Heard("still there?"), events.Wrote("Yes."), events.TurnEnded("answered", "still there?", "Yes.", id=7),
    )  # fmt: skip
    assert harness.texts() == ["still there?", "Yes."], "once"
    assert harness.messages.item_at(0).turn_id == 7 and harness.messages.item_at(0).picture_digests == ("d",)
    harness.app.conversation.ask("still there?")
    harness.on(events.TurnStarted(8, "2", 1), events.Heard("still there?"))
    with qtbot.assertNotEmitted(harness.messages.rowsInserted, wait=400):
        pass
    assert harness.texts() == ["still there?", "Yes.", "still there?"], "it was taken: it is not shown again"


def test_frozen_and_long_working_engines_are_shown_in_the_status(harness: WindowHarness) -> None:
    harness.on(events.StateChanged("thinking"), events.StateChanged("working"))
    assert "Still working" in harness.status_text() and harness.window.input_bar.stop_button.isEnabled()
    harness.on(events.StateChanged("frozen"))
    assert "does not answer" in harness.status_text() and harness.window.input_bar.stop_button.isEnabled()
    assert all(texts.state_announcement(state) for state in ("working", "frozen"))
