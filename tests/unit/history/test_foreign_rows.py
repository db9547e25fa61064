"""Rows and links made by other programs: every readable turn is shown, and no link is followed."""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant.history import conversation_store, database, export, turn_recorder
from tests.unit.history.test_foreign_history import ALL, change, folder, opened, picture, questions

__all__ = ["folder"]


@pytest.mark.parametrize(
    "statements",
    [
        ["ALTER TABLE turn RENAME TO x", "ALTER TABLE x RENAME TO TURN"],
        ["CREATE TABLE x AS SELECT id, conversation, asked, question AS QUESTION, answer AS Answer FROM turn",
         "DROP TABLE turn", "ALTER TABLE x RENAME TO turn"],
        ["DELETE FROM conversation WHERE id = 1"],
        ["UPDATE turn SET conversation = 77 WHERE conversation = 2"],
    ],
    ids=lambda statements: statements[-1],
)  # fmt: skip
def test_turns_without_a_listed_conversation_are_recovered(folder: Path, statements: list[str]) -> None:
    change(folder, *statements)
    store, note = opened(folder)
    assert questions(store) == ALL and "damaged" in note
    assert conversation_store.open_store(folder).warning is None, "it is mended once"


def test_orphaned_pictures_are_not_attached_to_another_turn(folder: Path) -> None:
    change(folder, "DELETE FROM turn", "DELETE FROM turn_fts")
    store, note = opened(folder)
    assert "damaged" in note and [
        turn.pictures for conversation in store.list_conversations() for turn in store.last_turns(conversation.id)
    ] == [()]
    writer = turn_recorder.TurnRecorder(folder)
    turn = writer.add_turn(writer.start_conversation("x"), "Which?", (picture(),))
    assert [new_turn.pictures for new_turn in [writer.find_turn(turn)] if new_turn] == [(picture().digest,)]
    writer.close()


@pytest.mark.parametrize("deleted", ["yesterday", b"\0", 9e99, float("inf"), -5.0])
def test_conversation_with_an_invalid_deletion_time_is_listed(folder: Path, deleted: object) -> None:
    change(folder, "UPDATE conversation SET deleted = ? WHERE id = 1", values=(deleted,))
    store, _ = opened(folder)
    store.purge_deleted()
    assert questions(store) == ALL


@pytest.mark.parametrize("control", ["\0", "\x07", "\x1b"])
def test_digest_with_a_control_character_is_ignored(folder: Path, tmp_path: Path, control: str) -> None:
    digest = picture().digest
    change(folder, "UPDATE turn_picture SET digest = ?", values=(digest[:3] + control + digest[3:],))
    store, _ = opened(folder)
    for form in export.EXPORT_SUFFIXES:
        export.export_conversation(store, 1, tmp_path / f"out{form}")
    assert store.last_turns(1)[0].pictures == ()


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal"])
def test_a_link_beside_the_history_is_not_written_through(folder: Path, suffix: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_bytes(b"precious")
    (folder / f"{database.FILE_NAME}{suffix}").symlink_to(outside)
    store, _ = opened(folder)
    assert outside.read_bytes() == b"precious" and questions(store) == ALL


def test_a_link_in_place_of_the_folder_to_mend_in_is_not_followed(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (folder / "history.mending").symlink_to(outside)
    change(folder, "DROP TABLE turn_fts")
    store, _ = opened(folder)
    assert questions(store) == ALL and not list(outside.iterdir())
