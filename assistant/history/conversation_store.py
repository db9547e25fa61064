"""Lists, searches, renames, deletes, restores and branches saved conversations."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from assistant.history.database import Database, NewerHistoryError
from assistant.history.repair import repair_if_damaged
from assistant.history.rows import TABLE_COLUMNS, Digest, RegionBox, is_digest, parse_regions, to_text
from assistant.text.i18n import tr
from assistant.text.sanitize import sanitize
from assistant.typed_reader import read_as

UNDO_SECONDS = 30.0  # for so long a deleted conversation can be restored
_MIN_TRIGRAM_CHARACTERS = 3  # the shortest word that the trigram index can find
_MAX_TITLE_CHARACTERS = 80
_TURN_COLUMNS = TABLE_COLUMNS["turn"]
_TIME_COLUMN = TABLE_COLUMNS["turn"]["asked"]


@dataclass(frozen=True)
class TurnRecord:
    """A saved question with its answer."""

    id: int
    conversation: int  # the conversation's id
    asked_at: float  # seconds since 1970
    question: str
    answer: str  # Markdown
    model_name: str  # of the model that answered
    state: str  # a `TurnState`: asked, answering, answered, failed or interrupted
    heard_letters: int | None = None  # characters of the answer that were spoken, None for all
    pictures: tuple[str, ...] = ()  # their digests
    regions: tuple[RegionBox, ...] = ()  # parts of the last picture that the question is about


@dataclass(frozen=True)
class ConversationSummary:
    """A conversation in the list."""

    id: int
    title: str
    changed_at: float  # when its last turn was asked, in seconds since 1970
    picture_count: int


class ConversationStore:
    """The conversations of one folder. All methods raise `sqlite3.Error` or `OSError` if the database fails."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database, self._pictures_folder = database, folder / "pictures"

    @property
    def is_read_only(self) -> bool:
        """Whether nothing can be changed."""
        return self._database.is_read_only

    def list_conversations(self, query: str = "") -> list[ConversationSummary]:
        """The conversations whose title, questions or answers contain all words of `query`, the last changed first."""
        conditions = ["ifnull(c.deleted BETWEEN 0 AND 4e9, 0) = 0"]  # other values are no time: not deleted
        values: list[object] = []
        for word in query.split()[:20]:
            pattern = "%" + re.sub(r"([\\%_])", r"\\\1", word) + "%"
            matching_turns = "SELECT rowid FROM turn_fts WHERE turn_fts MATCH ?"
            if len(word) < _MIN_TRIGRAM_CHARACTERS:
                matching_turns = r"SELECT id FROM turn WHERE question || char(10) || answer LIKE ? ESCAPE '\'"
            in_turns = f"c.id IN (SELECT conversation FROM turn WHERE id IN ({matching_turns}))"
            conditions.append(rf"(c.title LIKE ? ESCAPE '\' OR {in_turns})")
            values += [pattern, pattern if len(word) < _MIN_TRIGRAM_CHARACTERS else '"' + word.replace('"', '""') + '"']
        rows: list[Any] = self._database.query(
            "SELECT c.id, c.title, coalesce(max(t.asked), c.created),"
            " (SELECT count(DISTINCT digest) FROM turn_picture WHERE turn IN"
            "  (SELECT id FROM turn WHERE conversation = c.id))"
            " FROM conversation c LEFT JOIN turn t ON t.conversation = c.id"
            f" WHERE {' AND '.join(conditions)} GROUP BY c.id ORDER BY 3 DESC, c.id DESC",
            tuple(values),
        )
        return [
            ConversationSummary(conversation, to_text(title), _TIME_COLUMN.read_value(changed_at), picture_count)
            for conversation, title, changed_at, picture_count in rows
        ]

    def last_turns(self, conversation: int, before: int = 0, limit: int = -1) -> list[TurnRecord]:
        """The last `limit` turns (-1: all) of a conversation, before turn `before` (0: to the end), oldest first."""
        condition = "conversation = ? AND (? = 0 OR id < ?) ORDER BY id DESC LIMIT ?"
        return self._select_turns(condition, conversation, before, before, limit)[::-1]

    def turns_after(self, conversation: int, after: int, limit: int) -> list[TurnRecord]:
        """The first `limit` turns of a conversation after turn `after` (0: from the start), oldest first."""
        return self._select_turns("conversation = ? AND id > ? ORDER BY id LIMIT ?", conversation, after, limit)

    def find_turn(self, number: int) -> TurnRecord | None:
        """The turn with this id, or None."""
        return next(iter(self._select_turns("id = ?", number)), None)

    def find_title(self, conversation: int) -> str:
        """A conversation's title, "" if there is no such conversation."""
        rows = self._database.query("SELECT title FROM conversation WHERE id = ?", (conversation,))
        return to_text(rows[0][0]) if rows else ""

    def rename_conversation(self, conversation: int, title: str) -> None:
        """Changes the title, cleaned and shortened; an empty one changes nothing."""
        title = " ".join(sanitize(title).split())[:_MAX_TITLE_CHARACTERS]
        if title:
            with self._database.transaction() as connection:
                connection.execute("UPDATE conversation SET title = ? WHERE id = ?", (title, conversation))

    def delete_conversation(self, conversation: int) -> None:
        """Hides a conversation; `restore_conversation` undoes it, until `purge_deleted` runs after `UNDO_SECONDS`."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE conversation SET deleted = ? WHERE id = ?", (time.time(), conversation))

    def restore_conversation(self, conversation: int) -> None:
        """Undoes `delete_conversation`."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE conversation SET deleted = NULL WHERE id = ?", (conversation,))

    def purge_deleted(self) -> None:
        """Removes conversations deleted more than `UNDO_SECONDS` ago, and pictures that only they used."""
        with self._database.transaction() as connection:
            expired = "SELECT id FROM conversation WHERE deleted BETWEEN 0 AND ?"
            values = (time.time() - UNDO_SECONDS,)
            digests = [row[0] for row in connection.execute(
                "SELECT DISTINCT digest FROM turn_picture WHERE turn IN"
                f" (SELECT id FROM turn WHERE conversation IN ({expired}))", values
            )]  # fmt: skip
            turns = f"SELECT id FROM turn WHERE conversation IN ({expired})"
            connection.execute(f"DELETE FROM turn_fts WHERE rowid IN ({turns})", values)
            connection.execute("DELETE FROM conversation WHERE deleted BETWEEN 0 AND ?", values)
            used_digests = {row[0] for row in connection.execute("SELECT DISTINCT digest FROM turn_picture")}
            for digest in filter(is_digest, set(digests) - used_digests):
                with contextlib.suppress(OSError):
                    self.picture_file(digest).unlink()

    def branch_before(self, turn: int) -> int:
        """Copies the turns before `turn` into a new conversation; returns its id."""
        with self._database.transaction() as connection:
            (source, title), = connection.execute(
                "SELECT c.id, c.title FROM conversation c JOIN turn t ON t.conversation = c.id WHERE t.id = ?", (turn,)
            ).fetchall()  # fmt: skip
            branch = insert_conversation(connection, title)
            earlier_turns = connection.execute(
                "SELECT id FROM turn WHERE conversation = ? AND id < ? ORDER BY id", (source, turn)
            )
            for (earlier_turn,) in earlier_turns.fetchall():
                copy = connection.execute(
                    "INSERT INTO turn(conversation, asked, question, answer, by, state, heard, regions)"
                    " SELECT ?, asked, question, answer, by, state, heard, regions FROM turn WHERE id = ?",
                    (branch, earlier_turn),
                ).lastrowid  # fmt: skip
                connection.execute(
                    "INSERT INTO turn_picture SELECT ?, place, digest, name FROM turn_picture WHERE turn = ?",
                    (copy, earlier_turn),
                )
                self._database.index_turn(connection, int(copy or 0))
        return branch

    def add_conversation(self, title: str, turns: Sequence[TurnRecord], names: dict[str, str]) -> int:
        """Adds an imported conversation; `names` maps the digests of its pictures to their names. Returns its id."""
        with self._database.transaction() as connection:
            conversation = insert_conversation(connection, title)
            for turn in turns:
                turn_id = connection.execute(
                    "INSERT INTO turn(conversation, asked, question, answer, by, state, heard, regions)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        conversation,
                        turn.asked_at,
                        sanitize(turn.question),
                        sanitize(turn.answer),
                        sanitize(turn.model_name),
                        turn.state,
                        turn.heard_letters,
                        json.dumps(turn.regions),
                    ),
                ).lastrowid
                picture_rows = [
                    (turn_id, place, digest, sanitize(names[digest])) for place, digest in enumerate(turn.pictures)
                ]
                connection.executemany("INSERT INTO turn_picture VALUES (?, ?, ?, ?)", picture_rows)
                self._database.index_turn(connection, int(turn_id or 0))
        return conversation

    def picture_names(self, conversation: int) -> dict[str, str]:
        """The names of a conversation's pictures by digest."""
        rows: list[Any] = self._database.query(
            "SELECT p.digest, p.name FROM turn_picture p JOIN turn t ON p.turn = t.id WHERE t.conversation = ?",
            (conversation,),
        )
        return {digest: to_text(name) for digest, name in rows if is_digest(digest)}

    def picture_file(self, digest: str) -> Path:
        """The path of a saved picture (PNG). Raises `InvalidValueError` if `digest` is none, so that no other path
        results."""
        return self._pictures_folder / f"{read_as(Digest, digest, 'digest')}.png"

    def close(self) -> None:
        """Closes the database."""
        self._database.close()

    def _select_turns(self, condition: str, *values: int) -> list[TurnRecord]:
        rows = self._database.query(f"SELECT {', '.join(_TURN_COLUMNS)} FROM turn WHERE {condition}", values)
        return [self._make_turn(row) for row in rows]

    def _make_turn(self, row: tuple[object, ...]) -> TurnRecord:
        values = {
            name: column.read_value(value) for (name, column), value in zip(_TURN_COLUMNS.items(), row, strict=True)
        }
        return TurnRecord(
            id=values["id"],
            conversation=values["conversation"],
            asked_at=values["asked"],
            question=values["question"],
            answer=values["answer"],
            model_name=values["by"],
            state=values["state"],
            heard_letters=values["heard"],
            pictures=self._select_digests(values["id"]),
            regions=parse_regions(values["regions"]),
        )

    def _select_digests(self, turn: int) -> tuple[str, ...]:
        rows = self._database.query("SELECT digest FROM turn_picture WHERE turn = ? ORDER BY place", (turn,))
        return tuple(str(row[0]) for row in rows if is_digest(row[0]))


def insert_conversation(connection: sqlite3.Connection, title: str) -> int:
    """Inserts a conversation and returns its id."""
    cursor = connection.execute(
        "INSERT INTO conversation(title, created) VALUES (?, ?)", (sanitize(title)[:_MAX_TITLE_CHARACTERS], time.time())
    )
    return int(cursor.lastrowid or 0)


class OpenedStore(NamedTuple):
    """The result of `open_store`."""

    store: ConversationStore | None  # None if the history cannot be opened
    warning: str | None  # a sentence for the user: why not, or what is limited or was repaired; None if all is well


def open_store(folder: Path) -> OpenedStore:
    """Opens the history of a folder, after repairing it if it is damaged."""
    try:
        repair_report = repair_if_damaged(folder)
        return OpenedStore(ConversationStore(Database(folder), folder), repair_report)
    except NewerHistoryError:
        warning = tr("The history was written by a newer Hark: it can be read, and nothing in it is changed.")
        try:
            return OpenedStore(ConversationStore(Database(folder, read_only=True), folder), warning)
        except sqlite3.Error as error:
            return OpenedStore(None, tr("The history cannot be read: {why}.").format(why=error))
    except (sqlite3.Error, OSError) as error:
        warning = tr("The history cannot be opened: {why}. Check the disk and the folder “{folder}”.")
        return OpenedStore(None, warning.format(why=error, folder=folder))
