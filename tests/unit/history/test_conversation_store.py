"""The conversation store: search, rename, delete and undo, branch; damaged, older and newer databases."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from assistant.history import conversation_store, database, repair
from assistant.history.conversation_store import ConversationStore, TurnRecord
from assistant.history.turn_recorder import TurnRecorder, load_messages
from assistant.pictures import Picture


def picture(shade: int) -> Picture:
    return Picture(8, 8, bytes([shade]) * 192, f"{shade}.png")


@pytest.fixture
def history(tmp_path: Path) -> TurnRecorder:
    """Three conversations: tea, 火车 and %."""
    recorder = TurnRecorder(tmp_path)
    for title, question, answer in (
        ("Tea", "Which tea is it?", "It is **green** tea from Hangzhou."),
        ("火车", "去上海的火车几点开？", "十四点零五分，第四站台。"),
        ("A price", "How much is off?", "50% of it."),
    ):
        turn = recorder.add_turn(recorder.start_conversation(title), question, (picture(len(title)), picture(9)))
        recorder.update_turn(turn, question, answer, "tiny", "answered")
    return recorder


def titles(store: ConversationStore, sought: str = "") -> list[str]:
    return [conversation.title for conversation in store.list_conversations(sought)]


@pytest.mark.parametrize(
    ("sought", "expected"),
    [
        ("", ["A price", "火车", "Tea"]), ("green", ["Tea"]), ("GREEN tea", ["Tea"]), ("hangz", ["Tea"]),
        ("上海", ["火车"]), ("火车几点", ["火车"]), ("站", ["火车"]), ("is", ["A price", "Tea"]), ("0%", ["A price"]),
        ("_", []), ("tea 火车", []), ('"', []), ("green OR price", []), ("gre*", []), ("' --", []),
    ],
)  # fmt: skip
def test_search_finds_all_words_in_any_language(history: TurnRecorder, sought: str, expected: list[str]) -> None:
    assert titles(history.store, sought) == expected


def test_search_follows_what_changes(history: TurnRecorder) -> None:
    store = history.store
    turn = store.last_turns(1)[0]
    history.update_turn(turn.id, turn.question, "It is black tea.", "tiny", "answered")
    assert titles(store, "green") == [] and titles(store, "black") == ["Tea"]


def test_conversation_list_gives_title_pictures_and_time(history: TurnRecorder) -> None:
    history.add_turn(1, "And this?", (picture(9),))
    first = history.store.list_conversations()[0]
    assert (first.title, first.picture_count) == ("Tea", 2)
    assert abs(first.changed_at - time.time()) < 5


def test_renamed_conversation_has_the_cleaned_title(history: TurnRecorder) -> None:
    history.store.rename_conversation(2, "  a\nb\x00  ")
    history.store.rename_conversation(1, "   ")
    assert titles(history.store) == ["A price", "a b", "Tea"]


def test_deletion_can_be_undone_until_it_is_purged(history: TurnRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
    store = history.store
    store.delete_conversation(1)
    store.purge_deleted()
    assert titles(store) == ["A price", "火车"] and titles(store, "green") == []
    store.restore_conversation(1)
    assert "Tea" in titles(store) and titles(store, "green") == ["Tea"]
    store.delete_conversation(1)
    monkeypatch.setattr(conversation_store, "UNDO_SECONDS", -1.0)
    store.purge_deleted()
    store.restore_conversation(1)
    assert titles(store) == ["A price", "火车"] and not store.last_turns(1)
    assert not store.picture_file(picture(3).digest).exists(), "its own picture went with it"
    assert store.picture_file(picture(9).digest).exists(), "others show this one too"


def test_branch_contains_the_earlier_turns(history: TurnRecorder) -> None:
    for number in range(3):
        turn = history.add_turn(1, f"q{number}", regions=[(number, 0, 9, 9)])
        history.update_turn(turn, f"q{number}", f"a{number}", "tiny", "answered")
    turns = history.store.last_turns(1)
    new = history.store.branch_before(turns[2].id)
    assert [branch_turn.question for branch_turn in history.store.last_turns(new)] == ["Which tea is it?", "q0"]
    assert [branch_turn.regions for branch_turn in history.store.last_turns(new)] == [(), ((0, 0, 9, 9),)]
    assert len(history.store.last_turns(1)) == 4, "the old one stays"
    past = load_messages(history, new)
    assert [message.text for message in past][2:] == ["q0", "a0"]
    assert [sent_picture.name for sent_picture in past[0].pictures] == ["3.png", "9.png"]


def test_pages_of_a_long_conversation(tmp_path: Path) -> None:
    recorder = TurnRecorder(tmp_path)
    conversation = recorder.start_conversation("long")
    ids = [recorder.add_turn(conversation, f"q{number}") for number in range(25)]
    last = recorder.store.last_turns(conversation, limit=10)
    assert [turn.id for turn in last] == ids[-10:]
    assert [turn.id for turn in recorder.store.last_turns(conversation, last[0].id, 10)] == ids[5:15]
    assert [turn.id for turn in recorder.store.last_turns(conversation, ids[3], 10)] == ids[:3]


def test_turn_is_found_by_its_number(history: TurnRecorder) -> None:
    again = history.add_turn(1, "And this?", (picture(9), picture(3)))
    assert history.store.find_turn(again) == history.store.last_turns(1)[1]
    assert history.store.find_turn(99) is None


def test_older_database_is_migrated(tmp_path: Path) -> None:
    old = sqlite3.connect(tmp_path / database.FILE_NAME)
    for step in database.MIGRATIONS[:2]:
        old.executescript(step)
    old.executescript(
        "PRAGMA user_version = 2; INSERT INTO conversation VALUES (1, 'old', 0);"
        "INSERT INTO turn(conversation, asked, question) VALUES (1, 5.0, 'an old question');"
    )
    old.close()
    store, note = conversation_store.open_store(tmp_path)
    assert store and not note and titles(store, "old question") == ["old"]


def test_a_newer_database_is_read_and_not_changed(history: TurnRecorder, tmp_path: Path) -> None:
    history.close()
    with sqlite3.connect(tmp_path / database.FILE_NAME) as newer:
        newer.execute("PRAGMA user_version = 99")
    store, note = conversation_store.open_store(tmp_path)
    assert store and store.is_read_only and "newer Hark" in note
    assert titles(store, "green") == ["Tea"]
    with pytest.raises(sqlite3.OperationalError):
        store.rename_conversation(1, "x")


@pytest.mark.parametrize("where", ["header", "middle", "all", "empty"])
def test_a_damaged_database_is_set_aside_and_read_as_far_as_it_goes(tmp_path: Path, where: str) -> None:
    recorder = TurnRecorder(tmp_path)
    for number in range(400):
        turn = recorder.add_turn(
            recorder.start_conversation(f"c{number}") if number % 20 == 0 else number // 20 + 1,
            f"question {number} " * 20,
        )
        recorder.update_turn(turn, f"question {number}", "answer " * 40, "x", "answered")
    recorder.close()
    file = tmp_path / database.FILE_NAME
    data = bytearray(file.read_bytes())
    if where == "header":
        data[:16] = b"not a database.."
    elif where == "middle":
        data[len(data) // 2 : len(data) // 2 + 9000] = b"\xff" * 9000
    else:
        data = bytearray(b"x" * 5000 if where == "all" else b"\0" * 4096)
    file.write_bytes(data)
    store, note = conversation_store.open_store(tmp_path)
    assert store and "damaged" in note and list(tmp_path.glob("history.damaged-*.sqlite"))
    assert conversation_store.open_store(tmp_path).warning is None, "once is enough"
    turns = sum(len(store.last_turns(conversation.id)) for conversation in store.list_conversations())
    assert turns > 100 if where == "middle" else turns == 0
    assert not titles(store, "question") or where == "middle"


def test_every_connection_keeps_its_temporary_tables_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[list[str]] = []

    class RecordingConnection(sqlite3.Connection):
        def execute(self, query: str, *values: object) -> sqlite3.Cursor:
            self.queries.append(query)
            return super().execute(query, *values)

        def __init__(self, *arguments: Any, **named: Any) -> None:
            self.queries: list[str] = []
            opened.append(self.queries)
            super().__init__(*arguments, **named)

    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda *arguments, **named: connect(*arguments, factory=RecordingConnection, **named)
    )
    database.Database(tmp_path).close()
    (tmp_path / "history.damaged").touch()
    repair.repair_if_damaged(tmp_path)
    repair.repair_if_damaged(tmp_path)
    database.Database(tmp_path, read_only=True).close()
    assert len(opened) >= 5, "to write, to mend from and into, to check, and to read"
    assert {queries[0] for queries in opened} == {"PRAGMA temp_store=MEMORY"}


def test_repair_keeps_deletions_and_heard_letters(history: TurnRecorder, tmp_path: Path) -> None:
    history.set_heard_letters(1, 5)
    history.store.delete_conversation(2)
    history.close()
    (tmp_path / database.DAMAGE_MARK).touch()
    store, note = conversation_store.open_store(tmp_path)
    assert store and "3 turns" in note and titles(store) == ["A price", "Tea"]
    assert store.last_turns(1)[0].heard_letters == 5 and store.last_turns(3)[0].heard_letters is None
    store.restore_conversation(2)
    assert titles(store, "火车") == ["火车"]


def test_a_damaged_older_database_is_mended_too(tmp_path: Path) -> None:
    old = sqlite3.connect(tmp_path / database.FILE_NAME)
    old.executescript(database.MIGRATIONS[0])
    old.executescript(
        "PRAGMA user_version = 1; INSERT INTO conversation VALUES (1, 'old', 0);"
        "INSERT INTO turn(conversation, asked, question) VALUES (1, 5.0, 'an old question');"
    )
    old.close()
    (tmp_path / database.DAMAGE_MARK).touch()
    store, note = conversation_store.open_store(tmp_path)
    assert store and "1 turns" in note and titles(store, "old question") == ["old"]


def test_damage_in_a_large_database_is_repaired_after_the_first_read_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repair, "_MAX_CHECKED_BYTES", 0)
    recorder = TurnRecorder(tmp_path)
    turns = [TurnRecord(0, 0, number, f"question {number}", "an answer " * 40, "", "") for number in range(400)]
    conversation = recorder.store.add_conversation("many", turns, {})
    recorder.close()
    file = tmp_path / database.FILE_NAME
    data = bytearray(file.read_bytes())
    data[len(data) // 4 : len(data) // 2] = b"\xff" * (len(data) // 2 - len(data) // 4)
    file.write_bytes(data)
    store, note = conversation_store.open_store(tmp_path)
    assert store and not note, "it is too large to be checked"
    with pytest.raises(sqlite3.DatabaseError, match="malformed"):
        store.last_turns(conversation)
    store.close()
    store, note = conversation_store.open_store(tmp_path)
    assert store and "damaged" in note and 0 < len(store.last_turns(conversation)) < 400
    store.close()
    assert conversation_store.open_store(tmp_path).warning is None, "once is enough"


def test_history_folder_that_is_a_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "no").write_text("a file where a folder should be")
    store, why = conversation_store.open_store(tmp_path / "no")
    assert store is None and "cannot be opened" in why


def test_ten_thousand_turns_are_listed_and_searched(tmp_path: Path) -> None:
    recorder = TurnRecorder(tmp_path)
    turns = [TurnRecord(0, 0, number, f"question {number} 问题", "an answer " * 30, "", "") for number in range(10_000)]
    conversation = recorder.store.add_conversation("many", turns, {})
    store = recorder.store
    assert titles(store, "question 9999") == ["many"] and titles(store, "题") == ["many"]
    assert len(store.last_turns(conversation)) == 10_000 and len(store.last_turns(conversation, limit=50)) == 50
