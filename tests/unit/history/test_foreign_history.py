"""Histories made by other programs or damaged on disk: every readable turn survives, nothing blocks, and no path leads
out of the folder."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from pathlib import Path

import pytest
from PIL import Image

from assistant.history import conversation_store, database, export, repair, turn_recorder
from assistant.history.conversation_store import ConversationStore
from assistant.history.turn_recorder import TurnRecorder
from assistant.pictures import Picture
from assistant.typed_reader import InvalidValueError
from tests.support.paths import SHARED_FILES

ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two conversations; the first has two turns and a picture, the second one turn."""
    recorder = TurnRecorder(tmp_path)
    first, second = recorder.start_conversation("First"), recorder.start_conversation("Second")
    turn = recorder.add_turn(first, "What colour?", (picture(),))
    recorder.update_turn(turn, "What colour?", "It is red.", "tiny", "answered")
    recorder.add_turn(first, "And then?")
    recorder.add_turn(second, "Something else?")
    recorder.close()
    return tmp_path


def picture() -> Picture:
    return Picture.from_image(Image.new("RGB", (20, 10), (90, 0, 0)), "red.png")


def change(folder: Path, *statements: str, values: tuple[object, ...] = ()) -> None:
    """Change the database as another program could."""
    with sqlite3.connect(folder / database.FILE_NAME) as stranger:
        stranger.execute("PRAGMA writable_schema=ON")
        for statement in statements:
            stranger.execute(statement, values if "?" in statement else ())
    stranger.close()


def opened(folder: Path) -> tuple[ConversationStore, str]:
    """Open the store within a few seconds and check that a new turn is saved and found again."""
    begin = time.monotonic()
    store, note = conversation_store.open_store(folder)
    assert store and not store.is_read_only, note
    writer, _ = turn_recorder.open_recorder(folder)
    assert writer
    conversation = writer.start_conversation("New")
    turn = writer.add_turn(conversation, "A new question?")
    writer.update_turn(turn, "A new question?", "A new answer.", "tiny", "answered")
    writer.close()
    assert [result.title for result in store.list_conversations("new answer")] == ["New"]
    assert time.monotonic() - begin < 60
    return store, note


def questions(store: ConversationStore) -> list[str]:
    return sorted(turn.question for row in store.list_conversations() for turn in store.last_turns(row.id))


ALL = ["A new question?", "And then?", "Something else?", "What colour?"]


@pytest.mark.parametrize(
    "statements",
    [
        ["DROP TABLE turn_fts"],
        ["DROP TABLE turn_fts", "CREATE TABLE turn_fts(question, answer)"],
        ["DROP TABLE turn_fts", "CREATE VIEW found AS SELECT question, answer FROM turn"],
        ["DELETE FROM turn_fts_data"],
        ["DELETE FROM turn_fts_docsize"],
        ["DELETE FROM turn_fts"],
        ["DROP INDEX turn_of"],
        ["CREATE UNIQUE INDEX once ON turn(conversation, state)"],
        ["ALTER TABLE turn DROP COLUMN heard"],
        ["ALTER TABLE turn DROP COLUMN by"],
        ["ALTER TABLE turn ADD COLUMN more TEXT"],
        ["ALTER TABLE turn ADD COLUMN more TEXT NOT NULL DEFAULT ''"],
        ["ALTER TABLE conversation ADD COLUMN more AS (title || title)"],
        ["CREATE TABLE more(a)"],
        ["CREATE VIEW more AS " + ENDLESS],
        ["CREATE TRIGGER t AFTER INSERT ON turn BEGIN DELETE FROM turn; END"],
        [f"CREATE TRIGGER t AFTER INSERT ON turn BEGIN INSERT INTO conversation(title, created) {ENDLESS}, x; END"
         .replace("SELECT x FROM c, x", "SELECT 'a', x FROM c")],
        [f"CREATE TRIGGER t BEFORE UPDATE ON turn BEGIN SELECT count(*) FROM ({ENDLESS}); END"],
        ["INSERT INTO sqlite_master VALUES ('table', 'x', 'x', 3, 'CREATE nonsense')"],
        ["INSERT INTO sqlite_master VALUES ('trigger', 'x', 'turn', 0, 'CREATE TRIGGER x AFTER INSERT ON turn BEGIN')"],
        ["PRAGMA user_version = -1"],
        ["PRAGMA user_version = 0"],
        ["PRAGMA user_version = 2"],
    ],
    ids=lambda statements: statements[-1][:50],
)  # fmt: skip
def test_a_history_with_another_schema_is_mended_with_all_its_turns(folder: Path, statements: list[str]) -> None:
    change(folder, *statements)
    store, note = opened(folder)
    assert questions(store) == ALL and "damaged" in note
    assert len(list(folder.glob("history.damaged-*.sqlite"))) == 1 and not (folder / "history.mending").exists()
    assert [conversation.title for conversation in store.list_conversations("colour")] == ["First"]
    [turn] = [turn for turn in store.last_turns(1) if turn.pictures]
    assert turn.pictures == (picture().digest,) and store.picture_names(1) == {picture().digest: "red.png"}
    assert conversation_store.open_store(folder).warning is None, "it is mended once"


@pytest.mark.parametrize(
    "view",
    [
        "CREATE VIEW turn AS SELECT x AS id, 1 AS conversation, 0.0 AS asked, 'q' AS question, 'a' AS answer, '' AS by,"
        f" 'asked' AS state, NULL AS heard, '[]' AS regions FROM ({ENDLESS})",
        "CREATE VIEW turn AS SELECT * FROM turn",
        "CREATE VIRTUAL TABLE turn USING fts5(question, answer)",
    ],
)
def test_view_in_place_of_a_table_leaves_the_other_tables_readable(folder: Path, view: str) -> None:
    change(folder, "DROP TABLE turn", view)
    store, note = opened(folder)
    assert questions(store) == ["A new question?"] and "damaged" in note
    assert {"First", "Second"} <= {conversation.title for conversation in store.list_conversations()}


def test_a_table_without_row_numbers_or_some_columns_is_read(folder: Path) -> None:
    change(
        folder,
        "CREATE TABLE other(id PRIMARY KEY, question, asked) WITHOUT ROWID",
        "INSERT INTO other SELECT id, CAST(question AS BLOB), 'yesterday' FROM turn",
        "DROP TABLE turn",
        "ALTER TABLE other RENAME TO turn",
    )
    store, _ = opened(folder)
    assert questions(store) == ALL


@pytest.mark.parametrize("cut", [1, 100, 4096, 4097])
def test_a_history_that_was_cut_is_mended_as_far_as_it_goes(folder: Path, cut: int) -> None:
    file = folder / database.FILE_NAME
    file.write_bytes(file.read_bytes()[:-cut])
    store, note = opened(folder)
    assert "damaged" in note and set(questions(store)) <= set(ALL) and "A new question?" in questions(store)


def test_a_folder_in_place_of_the_history_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / database.FILE_NAME / "x").mkdir(parents=True)
    store, note = opened(tmp_path)
    assert questions(store) == ["A new question?"] and "damaged" in note


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal"])
def test_a_folder_where_sqlite_needs_a_file_is_set_aside(folder: Path, suffix: str) -> None:
    (folder / f"{database.FILE_NAME}{suffix}" / "x").mkdir(parents=True)
    store, _ = opened(folder)
    assert questions(store) == ALL and len(list(folder.glob("history.sqlite-*.damaged-*"))) == 1


def test_a_turn_that_an_index_does_not_know_is_found(folder: Path) -> None:
    with sqlite3.connect(folder / database.FILE_NAME) as stranger:
        index = stranger.execute("SELECT * FROM sqlite_master WHERE name = 'turn_of'").fetchone()
    stranger.close()
    change(folder, "DELETE FROM sqlite_master WHERE name = 'turn_of'")
    change(folder, "UPDATE turn SET conversation = 2 WHERE id = 1")
    change(folder, "INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", values=index)
    store, _ = opened(folder)
    assert {turn.question for turn in store.last_turns(2)} == {"What colour?", "Something else?"}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("question", b"\xff\xfeWhat"), ("answer", b"\xc3("), ("by", b"\x80"), ("state", "dancing"), ("state", b"asked"),
        ("asked", "yesterday"), ("asked", float("inf")), ("asked", -1e300), ("asked", b"1"), ("heard", "some"),
        ("heard", -5), ("heard", 2.5), ("heard", b"9"), ("regions", "[" * 100_000), ("regions", '[[1,2,3,"4"]]'),
        ("regions", "5"), ("regions", "not json"), ("regions", "[[1,2,3,99999999999999999999]]"), ("regions", b"\xff"),
        ("question", "a\0b"),
    ],
)  # fmt: skip
def test_value_of_the_wrong_type_is_skipped(folder: Path, column: str, value: object, tmp_path: Path) -> None:
    change(folder, f"UPDATE turn SET {column} = ? WHERE id = 1", values=(value,))
    if isinstance(value, bytes):  # as a text, too, which is no UTF-8
        change(folder, f"UPDATE turn SET {column} = CAST({column} AS TEXT) WHERE id = 2")
        change(folder, f"UPDATE turn SET {column} = CAST(? AS TEXT) WHERE id = 3", values=(value,))
    store, _ = opened(folder)
    [first, second] = store.last_turns(1)
    assert column == "question" or first.question == "What colour?"
    assert second.question == "And then?" and first.pictures and isinstance(first.answer, str)
    for form in export.EXPORT_SUFFIXES:
        export.export_conversation(store, 1, tmp_path / f"out{form}")
    store.rename_conversation(1, "Third")
    assert store.branch_before(2)


@pytest.mark.parametrize("value", [b"\xff\xfe", "a\0b", b"title"])
def test_title_that_is_not_text_is_shown_as_text(folder: Path, value: object) -> None:
    change(folder, "UPDATE conversation SET title = ?, created = 'x' WHERE id = 1", values=(value,))
    store, _ = opened(folder)
    assert all(isinstance(row.title, str) and 0 <= row.changed_at < 4e9 for row in store.list_conversations())
    assert isinstance(store.find_title(1), str)


@pytest.mark.parametrize(
    "digest", ["../../secret", "/etc/passwd", "a" * 63, "A" * 64, "", "a" * 64 + "\n", b"x", "..", 5]
)
def test_a_digest_that_is_a_path_reads_copies_and_deletes_nothing(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, digest: object
) -> None:
    inner = folder / "a" / "b"
    inner.mkdir(parents=True)
    for name in (database.FILE_NAME, "pictures"):
        (folder / name).rename(inner / name)
    secret = folder / "a" / "secret.png"
    secret.write_bytes((inner / "pictures" / f"{picture().digest}.png").read_bytes())
    change(inner, "UPDATE turn_picture SET digest = ?", values=(digest,))
    store, _ = opened(inner)
    assert store.last_turns(1)[0].pictures == () and store.picture_names(1) == {}
    out = tmp_path_factory.mktemp("out")
    for form in export.EXPORT_SUFFIXES:
        export.export_conversation(store, 1, out / f"out{form}")
    assert json.loads((out / "out.json").read_text())["pictures"] == [] and not list(out.glob("* pictures"))
    change(inner, "UPDATE conversation SET deleted = 1.0")
    store.purge_deleted()
    assert secret.exists() and not store.last_turns(1)
    with pytest.raises(InvalidValueError):
        store.picture_file(digest)  # type: ignore[arg-type]


def test_a_picture_that_is_a_link_out_of_the_folder_is_not_exported(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    file = folder / "pictures" / f"{picture().digest}.png"
    file.rename(secret)
    file.symlink_to(secret)
    store, _ = opened(folder)
    export.export_conversation(store, 1, tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text())["pictures"] == []


def test_endless_query_is_interrupted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_READ_LIMIT_S", 0.2)
    with sqlite3.connect(folder / database.FILE_NAME) as newer:
        newer.execute("PRAGMA user_version = 99")
        newer.execute(f"CREATE VIEW endless AS {ENDLESS}")
    newer.close()
    reader = database.Database(folder, read_only=True)
    with pytest.raises(sqlite3.OperationalError, match="interrupted"):
        reader.query("SELECT max(x) FROM endless")
    assert reader.query("SELECT count(*) FROM turn") == [(3,)]
    reader.close()
    change(folder, "PRAGMA user_version = 4")
    writer = database.Database(folder)
    with pytest.raises(sqlite3.OperationalError, match="interrupted"), writer.transaction(0.2) as into:
        into.execute("INSERT INTO conversation(title, created) SELECT 'a', x FROM endless")
    assert writer.query("SELECT count(*) FROM conversation") == [(2,)]
    writer.close()


def test_a_history_that_cannot_be_mended_for_want_of_room_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change(folder, "DROP TABLE turn_fts")
    before = (folder / database.FILE_NAME).read_bytes()

    def full(*_: object) -> int:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(repair, "salvage_rows", full)
    store, why = conversation_store.open_store(folder)
    assert store is None and "disk is full" in why and (folder / database.FILE_NAME).read_bytes() == before
    monkeypatch.undo()
    assert questions(opened(folder)[0]) == ALL


@pytest.mark.parametrize("case", sorted(SHARED_FILES.glob("database-*")), ids=lambda case: case.name)
def test_a_history_of_the_collection_is_opened_with_its_turn(case: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(case, folder)
    for path in (folder, *folder.iterdir()):
        path.chmod(0o755)
    store, _ = opened(folder)
    assert "what" in questions(store)


def test_a_conversation_with_a_number_beyond_32_bits_can_be_opened(folder: Path, qapp: object) -> None:
    from ui.sidebar.conversation_list import ConversationPanel

    number = 2**40
    change(folder, "PRAGMA foreign_keys=OFF", f"UPDATE conversation SET id = {number} WHERE id = 1")
    change(folder, f"UPDATE turn SET conversation = {number} WHERE conversation = 1")
    store, _ = opened(folder)
    requested: list[int] = []
    past = ConversationPanel()
    past.open_requested.connect(requested.append)
    past.show_conversations([row for row in store.list_conversations() if row.id == number], number)
    past.conversation_list.open_requested.emit(number)
    assert requested == [number] and len(store.last_turns(number)) == 2
