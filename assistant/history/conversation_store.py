"""Conversations as a person keeps them: listed, searched, renamed, deleted and brought back, branched.

Knows nothing of windows and opens no picture."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.history.database import Database, NewerHistoryError
from assistant.history.repair import repair_if_damaged
from assistant.history.rows import TABLE_COLUMNS, Digest, RegionBox, is_digest, parse_regions, to_text
from assistant.text.i18n import tr
from assistant.text.sanitize import sanitize
from assistant.typed_reader import read_as

UNDO_SECONDS = 30.0  # seconds in which a deleted conversation can be brought back
_MIN_TRIGRAM_LETTERS = 3  # letters of the shortest word that the index can find
_MAX_TITLE_LETTERS = 80  # letters
_TURN = TABLE_COLUMNS["turn"]
_MOMENT = TABLE_COLUMNS["turn"]["asked"]


@dataclass(frozen=True)
class TurnRecord:
    """One question and its answer. `asked` in seconds since 1970; `state` asked, answering, answered, failed or
    interrupted; `heard`: so many letters of the answer were heard, None for all; `pictures`: their digests; `regions`:
    the parts of the last one that were asked about."""

    id: int
    conversation: int
    asked_at: float
    question: str
    answer: str
    model_name: str
    state: str
    heard_letters: int | None = None
    pictures: tuple[str, ...] = ()
    regions: tuple[RegionBox, ...] = ()


@dataclass(frozen=True)
class ConversationSummary:
    """`changed`: when its last turn was asked, in seconds since 1970."""

    id: int
    title: str
    changed_at: float
    picture_count: int


class ConversationStore:
    """The conversations in one folder. What fails raises sqlite3's errors or `OSError`."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database, self._pictures = database, folder / "pictures"

    @property
    def is_read_only(self) -> bool:
        return self._database.is_read_only

    def list_conversations(self, query: str = "") -> list[ConversationSummary]:
        """Those in which all words that are `sought` occur, in title, questions or answers; last changed first."""
        where, values = ["ifnull(c.deleted BETWEEN 0 AND 4e9, 0) = 0"], list[object]()  # whatever else is no time
        for word in query.split()[:20]:
            pattern = "%" + re.sub(r"([\\%_])", r"\\\1", word) + "%"
            inside = "SELECT rowid FROM found WHERE found MATCH ?"
            if len(word) < _MIN_TRIGRAM_LETTERS:
                inside = r"SELECT id FROM turn WHERE question || char(10) || answer LIKE ? ESCAPE '\'"
            where.append(
                rf"(c.title LIKE ? ESCAPE '\' OR c.id IN (SELECT conversation FROM turn WHERE id IN ({inside})))"
            )
            values += [pattern, pattern if len(word) < _MIN_TRIGRAM_LETTERS else '"' + word.replace('"', '""') + '"']
        rows: list[Any] = self._database.query(
            "SELECT c.id, c.title, coalesce(max(t.asked), c.created),"
            " (SELECT count(DISTINCT digest) FROM turn_picture WHERE turn IN"
            "  (SELECT id FROM turn WHERE conversation = c.id))"
            " FROM conversation c LEFT JOIN turn t ON t.conversation = c.id"
            f" WHERE {' AND '.join(where)} GROUP BY c.id ORDER BY 3 DESC, c.id DESC",
            tuple(values),
        )
        return [
            ConversationSummary(id_, to_text(title), _MOMENT.read_value(at), count) for id_, title, at, count in rows
        ]

    def last_turns(self, conversation: int, before: int = 0, limit: int = -1) -> list[TurnRecord]:
        """Turns of a conversation, oldest first: the last `most` ones, of those before turn `before` if given."""
        last = "conversation = ? AND (? = 0 OR id < ?) ORDER BY id DESC LIMIT ?"
        return self._select_turns(last, conversation, before, before, limit)[::-1]

    def turns_after(self, conversation: int, after: int, limit: int) -> list[TurnRecord]:
        """The first `most` turns of a conversation that come after turn `after`; 0: from its start."""
        return self._select_turns("conversation = ? AND id > ? ORDER BY id LIMIT ?", conversation, after, limit)

    def find_turn(self, number: int) -> TurnRecord | None:
        """One turn, if there is such a one."""
        return next(iter(self._select_turns("id = ?", number)), None)

    def find_title(self, conversation: int) -> str:
        rows = self._database.query("SELECT title FROM conversation WHERE id = ?", (conversation,))
        return to_text(rows[0][0]) if rows else ""

    def rename_conversation(self, conversation: int, title: str) -> None:
        """An empty title changes nothing."""
        title = " ".join(sanitize(title).split())[:_MAX_TITLE_LETTERS]
        if title:
            with self._database.transaction() as base:
                base.execute("UPDATE conversation SET title = ? WHERE id = ?", (title, conversation))

    def delete_conversation(self, conversation: int) -> None:
        """It is gone from lists; `restore` brings it back, until `purge` comes after `UNDO` seconds."""
        with self._database.transaction() as base:
            base.execute("UPDATE conversation SET deleted = ? WHERE id = ?", (time.time(), conversation))

    def restore_conversation(self, conversation: int) -> None:
        with self._database.transaction() as base:
            base.execute("UPDATE conversation SET deleted = NULL WHERE id = ?", (conversation,))

    def purge_deleted(self) -> None:
        """What was deleted and can no longer be undone goes for good, with pictures that nothing else shows."""
        with self._database.transaction() as base:
            gone = "SELECT id FROM conversation WHERE deleted BETWEEN 0 AND ?"
            past = (time.time() - UNDO_SECONDS,)
            digests = [row[0] for row in base.execute(
                "SELECT DISTINCT digest FROM turn_picture WHERE turn IN"
                f" (SELECT id FROM turn WHERE conversation IN ({gone}))", past
            )]  # fmt: skip
            turns = f"SELECT id FROM turn WHERE conversation IN ({gone})"
            base.execute(f"DELETE FROM found WHERE rowid IN ({turns})", past)
            base.execute("DELETE FROM conversation WHERE deleted BETWEEN 0 AND ?", past)
            kept = {row[0] for row in base.execute("SELECT DISTINCT digest FROM turn_picture")}
            for digest in filter(is_digest, set(digests) - kept):
                with contextlib.suppress(OSError):
                    self.picture_file(digest).unlink()

    def branch_before(self, turn: int) -> int:
        """A new conversation with all that was said before this turn; returns its id."""
        with self._database.transaction() as base:
            (old, title), = base.execute(
                "SELECT c.id, c.title FROM conversation c JOIN turn t ON t.conversation = c.id WHERE t.id = ?", (turn,)
            ).fetchall()  # fmt: skip
            new = insert_conversation(base, title)
            before = base.execute("SELECT id FROM turn WHERE conversation = ? AND id < ? ORDER BY id", (old, turn))
            for (one,) in before.fetchall():
                copied = base.execute(
                    "INSERT INTO turn(conversation, asked, question, answer, by, state, heard, regions)"
                    " SELECT ?, asked, question, answer, by, state, heard, regions FROM turn WHERE id = ?", (new, one)
                ).lastrowid  # fmt: skip
                base.execute(
                    "INSERT INTO turn_picture SELECT ?, place, digest, name FROM turn_picture WHERE turn = ?",
                    (copied, one),
                )
                self._database.index_turn(base, int(copied or 0))
        return new

    def add_conversation(self, title: str, turns: Sequence[TurnRecord], names: dict[str, str]) -> int:
        """A conversation from elsewhere, its pictures named by their digests; returns its id."""
        with self._database.transaction() as base:
            new = insert_conversation(base, title)
            for turn in turns:
                row = base.execute(
                    "INSERT INTO turn(conversation, asked, question, answer, by, state, heard, regions)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        new,
                        turn.asked_at,
                        sanitize(turn.question),
                        sanitize(turn.answer),
                        sanitize(turn.model_name),
                        turn.state,
                        turn.heard_letters,
                        json.dumps(turn.regions),
                    ),
                ).lastrowid
                named = [(row, place, one, sanitize(names[one])) for place, one in enumerate(turn.pictures)]
                base.executemany("INSERT INTO turn_picture VALUES (?, ?, ?, ?)", named)
                self._database.index_turn(base, int(row or 0))
        return new

    def picture_names(self, conversation: int) -> dict[str, str]:
        """The pictures of a conversation: digest to name."""
        rows: list[Any] = self._database.query(
            "SELECT p.digest, p.name FROM turn_picture p JOIN turn t ON p.turn = t.id WHERE t.conversation = ?",
            (conversation,),
        )
        return {digest: to_text(name) for digest, name in rows if is_digest(digest)}

    def picture_file(self, digest: str) -> Path:
        """Where a kept picture lies, as PNG. Raises `InvalidValueError` for what is no digest: no other path."""
        return self._pictures / f"{read_as(Digest, digest, 'digest')}.png"

    def close(self) -> None:
        self._database.close()

    def _select_turns(self, which: str, *values: int) -> list[TurnRecord]:
        rows = self._database.query(f"SELECT {', '.join(_TURN)} FROM turn WHERE {which}", values)
        return [self._make_turn(row) for row in rows]

    def _make_turn(self, row: tuple[object, ...]) -> TurnRecord:
        values = {name: column.read_value(value) for (name, column), value in zip(_TURN.items(), row, strict=True)}
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


def insert_conversation(base: sqlite3.Connection, title: str) -> int:
    """A new conversation's id."""
    made = base.execute(
        "INSERT INTO conversation(title, created) VALUES (?, ?)", (sanitize(title)[:_MAX_TITLE_LETTERS], time.time())
    )
    return int(made.lastrowid or 0)


def open_store(folder: Path) -> tuple[ConversationStore | None, str]:
    """The archive of a folder and what a person should know of it, or None and why it cannot be opened."""
    try:
        note = repair_if_damaged(folder)
        return ConversationStore(Database(folder), folder), note
    except NewerHistoryError:
        why = tr("The history was written by a newer Hark: it can be read, and nothing in it is changed.")
        try:
            return ConversationStore(Database(folder, read_only=True), folder), why
        except sqlite3.Error as error:
            return None, tr("The history cannot be read: {why}.").format(why=error)
    except (sqlite3.Error, OSError) as error:
        return None, tr("The history cannot be opened: {why}. Check the disk and the folder “{folder}”.").format(
            why=error, folder=folder
        )
