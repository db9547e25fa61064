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

from assistant.library.base import Base, NewerHistory
from assistant.library.repair import mend
from assistant.library.rows import COLUMNS, Box, Digest, is_digest, regions_of, text_of
from assistant.typed_reader import read_as
from assistant.words.clean import clean
from assistant.words.tongue import tr

UNDO = 30.0  # seconds in which a deleted conversation can be brought back
_TRIGRAM = 3  # letters of the shortest word that the index can find
_TITLE = 80  # letters
_TURN = COLUMNS["turn"]
_MOMENT = COLUMNS["turn"]["asked"]


@dataclass(frozen=True)
class Turn:
    """One question and its answer. `asked` in seconds since 1970; `state` asked, answering, answered, failed or
    interrupted; `heard`: so many letters of the answer were heard, None for all; `pictures`: their digests; `regions`:
    the parts of the last one that were asked about."""

    id: int
    conversation: int
    asked: float
    question: str
    answer: str
    by: str
    state: str
    heard: int | None = None
    pictures: tuple[str, ...] = ()
    regions: tuple[Box, ...] = ()


@dataclass(frozen=True)
class Conversation:
    """`changed`: when its last turn was asked, in seconds since 1970."""

    id: int
    title: str
    changed: float
    pictures: int


class Archive:
    """The conversations in one folder. What fails raises sqlite3's errors or `OSError`."""

    def __init__(self, base: Base, folder: Path) -> None:
        self._base, self._pictures = base, folder / "pictures"

    @property
    def read_only(self) -> bool:
        return self._base.read_only

    def conversations(self, sought: str = "") -> list[Conversation]:
        """Those in which all words that are `sought` occur, in title, questions or answers; last changed first."""
        where, values = ["ifnull(c.deleted BETWEEN 0 AND 4e9, 0) = 0"], list[object]()  # whatever else is no time
        for word in sought.split()[:20]:
            pattern = "%" + re.sub(r"([\\%_])", r"\\\1", word) + "%"
            inside = "SELECT rowid FROM found WHERE found MATCH ?"
            if len(word) < _TRIGRAM:
                inside = r"SELECT id FROM turn WHERE question || char(10) || answer LIKE ? ESCAPE '\'"
            where.append(
                rf"(c.title LIKE ? ESCAPE '\' OR c.id IN (SELECT conversation FROM turn WHERE id IN ({inside})))"
            )
            values += [pattern, pattern if len(word) < _TRIGRAM else '"' + word.replace('"', '""') + '"']
        rows: list[Any] = self._base.rows(
            "SELECT c.id, c.title, coalesce(max(t.asked), c.created),"
            " (SELECT count(DISTINCT digest) FROM turn_picture WHERE turn IN"
            "  (SELECT id FROM turn WHERE conversation = c.id))"
            " FROM conversation c LEFT JOIN turn t ON t.conversation = c.id"
            f" WHERE {' AND '.join(where)} GROUP BY c.id ORDER BY 3 DESC, c.id DESC",
            tuple(values),
        )
        return [Conversation(id_, text_of(title), _MOMENT.read(at), count) for id_, title, at, count in rows]

    def turns(self, conversation: int, before: int = 0, most: int = -1) -> list[Turn]:
        """Turns of a conversation, oldest first: the last `most` ones, of those before turn `before` if given."""
        last = "conversation = ? AND (? = 0 OR id < ?) ORDER BY id DESC LIMIT ?"
        return self._turns(last, conversation, before, before, most)[::-1]

    def turns_after(self, conversation: int, after: int, most: int) -> list[Turn]:
        """The first `most` turns of a conversation that come after turn `after`; 0: from its start."""
        return self._turns("conversation = ? AND id > ? ORDER BY id LIMIT ?", conversation, after, most)

    def turn(self, number: int) -> Turn | None:
        """One turn, if there is such a one."""
        return next(iter(self._turns("id = ?", number)), None)

    def title(self, conversation: int) -> str:
        rows = self._base.rows("SELECT title FROM conversation WHERE id = ?", (conversation,))
        return text_of(rows[0][0]) if rows else ""

    def rename(self, conversation: int, title: str) -> None:
        """An empty title changes nothing."""
        title = " ".join(clean(title).split())[:_TITLE]
        if title:
            with self._base.write() as base:
                base.execute("UPDATE conversation SET title = ? WHERE id = ?", (title, conversation))

    def delete(self, conversation: int) -> None:
        """It is gone from lists; `restore` brings it back, until `purge` comes after `UNDO` seconds."""
        with self._base.write() as base:
            base.execute("UPDATE conversation SET deleted = ? WHERE id = ?", (time.time(), conversation))

    def restore(self, conversation: int) -> None:
        with self._base.write() as base:
            base.execute("UPDATE conversation SET deleted = NULL WHERE id = ?", (conversation,))

    def purge(self) -> None:
        """What was deleted and can no longer be undone goes for good, with pictures that nothing else shows."""
        with self._base.write() as base:
            gone = "SELECT id FROM conversation WHERE deleted BETWEEN 0 AND ?"
            past = (time.time() - UNDO,)
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

    def branch(self, turn: int) -> int:
        """A new conversation with all that was said before this turn; returns its id."""
        with self._base.write() as base:
            (old, title), = base.execute(
                "SELECT c.id, c.title FROM conversation c JOIN turn t ON t.conversation = c.id WHERE t.id = ?", (turn,)
            ).fetchall()  # fmt: skip
            new = begin(base, title)
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
                self._base.index(base, int(copied or 0))
        return new

    def add(self, title: str, turns: Sequence[Turn], names: dict[str, str]) -> int:
        """A conversation from elsewhere, its pictures named by their digests; returns its id."""
        with self._base.write() as base:
            new = begin(base, title)
            for turn in turns:
                row = base.execute(
                    "INSERT INTO turn(conversation, asked, question, answer, by, state, heard, regions)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        new, turn.asked, clean(turn.question), clean(turn.answer), clean(turn.by), turn.state,
                        turn.heard, json.dumps(turn.regions),
                    ),
                ).lastrowid  # fmt: skip
                named = [(row, place, one, clean(names[one])) for place, one in enumerate(turn.pictures)]
                base.executemany("INSERT INTO turn_picture VALUES (?, ?, ?, ?)", named)
                self._base.index(base, int(row or 0))
        return new

    def names(self, conversation: int) -> dict[str, str]:
        """The pictures of a conversation: digest to name."""
        rows: list[Any] = self._base.rows(
            "SELECT p.digest, p.name FROM turn_picture p JOIN turn t ON p.turn = t.id WHERE t.conversation = ?",
            (conversation,),
        )
        return {digest: text_of(name) for digest, name in rows if is_digest(digest)}

    def picture_file(self, digest: str) -> Path:
        """Where a kept picture lies, as PNG. Raises `InvalidValueError` for what is no digest: no other path."""
        return self._pictures / f"{read_as(Digest, digest, 'digest')}.png"

    def close(self) -> None:
        self._base.close()

    def _turns(self, which: str, *values: int) -> list[Turn]:
        rows = self._base.rows(f"SELECT {', '.join(_TURN)} FROM turn WHERE {which}", values)
        return [self._turn(row) for row in rows]

    def _turn(self, row: tuple[object, ...]) -> Turn:
        values = {name: column.read(value) for (name, column), value in zip(_TURN.items(), row, strict=True)}
        return Turn(**{**values, "regions": regions_of(values["regions"])}, pictures=self._digests(values["id"]))

    def _digests(self, turn: int) -> tuple[str, ...]:
        rows = self._base.rows("SELECT digest FROM turn_picture WHERE turn = ? ORDER BY place", (turn,))
        return tuple(str(row[0]) for row in rows if is_digest(row[0]))


def begin(base: sqlite3.Connection, title: str) -> int:
    """A new conversation's id."""
    made = base.execute("INSERT INTO conversation(title, created) VALUES (?, ?)", (clean(title)[:_TITLE], time.time()))
    return int(made.lastrowid or 0)


def opened(folder: Path) -> tuple[Archive | None, str]:
    """The archive of a folder and what a person should know of it, or None and why it cannot be opened."""
    try:
        note = mend(folder)
        return Archive(Base(folder), folder), note
    except NewerHistory:
        why = tr("The history was written by a newer Hark: it can be read, and nothing in it is changed.")
        try:
            return Archive(Base(folder, read_only=True), folder), why
        except sqlite3.Error as error:
            return None, tr("The history cannot be read: {why}.").format(why=error)
    except (sqlite3.Error, OSError) as error:
        return None, tr("The history cannot be opened: {why}. Check the disk and the folder “{folder}”.").format(
            why=error, folder=folder
        )
