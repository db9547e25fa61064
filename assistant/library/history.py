"""Conversations on disk: SQLite, and pictures by the hash of what they show. Knows nothing of models or windows.

A turn is committed when it is asked and completed as it goes, so that a crash loses no question."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from assistant.errors import BadInput
from assistant.pictures import Picture, open_picture
from assistant.roles import Message
from assistant.words.clean import clean

# Each step brings the schema to the next version; steps are only ever added.
_STEPS = (
    """
CREATE TABLE conversation (id INTEGER PRIMARY KEY, title TEXT NOT NULL, created REAL NOT NULL);
CREATE TABLE turn (
    id INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL REFERENCES conversation(id) ON DELETE CASCADE,
    asked REAL NOT NULL,
    question TEXT NOT NULL,
    answer TEXT NOT NULL DEFAULT '',
    by TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL DEFAULT 'asked'
);
CREATE TABLE turn_picture (
    turn INTEGER NOT NULL REFERENCES turn(id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    digest TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (turn, place)
);
CREATE INDEX turn_of ON turn(conversation, id);
""",
    "ALTER TABLE turn ADD COLUMN heard INTEGER",  # letters of the answer that were heard; null: all of them
)
SCHEMA = len(_STEPS)


class NewerHistory(Exception):
    """The database was written by a newer Hark."""


_PATIENCE = 5.0  # seconds for another process's write


@dataclass(frozen=True)
class Turn:
    """One question and its answer. `asked` in seconds since 1970; `state` asked, answering, answered, failed or
    interrupted; `heard`: so many letters of the answer were heard, None for all."""

    id: int
    conversation: int
    asked: float
    question: str
    answer: str
    by: str
    state: str
    heard: int | None = None
    pictures: tuple[str, ...] = ()


class History:
    """The conversations in one folder. Several processes may use it at once (WAL, 5 s of patience)."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._pictures = folder / "pictures"
        self._pictures.mkdir(exist_ok=True)
        self._base = sqlite3.connect(folder / "history.sqlite", timeout=_PATIENCE, isolation_level=None)
        _to_wal(self._base)
        for pragma in ("synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"):
            self._base.execute(f"PRAGMA {pragma}")
        self._upgrade()

    def start(self, title: str) -> int:
        """A new conversation's id."""
        with self._write() as base:
            row = base.execute(
                "INSERT INTO conversation(title, created) VALUES (?, ?)", (clean(title)[:80], time.time())
            )
            return int(row.lastrowid or 0)

    def ask(self, conversation: int, question: str, pictures: tuple[Picture, ...] = ()) -> int:
        """Commits a question with its pictures; returns the turn's id."""
        for picture in pictures:
            self._keep(picture)
        with self._write() as base:
            row = base.execute(
                "INSERT INTO turn(conversation, asked, question) VALUES (?, ?, ?)",
                (conversation, time.time(), clean(question)),
            )
            turn = int(row.lastrowid or 0)
            named = [(turn, place, picture.digest, clean(picture.name)) for place, picture in enumerate(pictures)]
            base.executemany("INSERT INTO turn_picture VALUES (?, ?, ?, ?)", named)
        return turn

    def update(self, turn: int, question: str, answer: str, by: str, state: str) -> None:
        """Writes what is known of a turn so far."""
        with self._write() as base:
            base.execute(
                "UPDATE turn SET question = ?, answer = ?, by = ?, state = ? WHERE id = ?",
                (clean(question), clean(answer), clean(by), state, turn),
            )

    def heard_until(self, turn: int, letters: int) -> None:
        """Only so much of the answer was heard."""
        with self._write() as base:
            base.execute("UPDATE turn SET heard = ? WHERE id = ?", (letters, turn))

    def mend(self, conversation: int) -> None:
        """Marks what a crash left unfinished as interrupted."""
        with self._write() as base:
            base.execute(
                "UPDATE turn SET state = 'interrupted' WHERE conversation = ? AND state IN ('asked', 'answering')",
                (conversation,),
            )

    def turns(self, conversation: int) -> list[Turn]:
        """The turns of a conversation, oldest first."""
        rows = self._base.execute(
            "SELECT id, conversation, asked, question, answer, by, state, heard FROM turn"
            " WHERE conversation = ? ORDER BY id",
            (conversation,),
        )
        return [Turn(*row, pictures=self._digests(row[0])) for row in rows.fetchall()]  # type: ignore[misc]

    def conversations(self) -> list[tuple[int, str]]:
        """Ids and titles, newest first."""
        return self._base.execute("SELECT id, title FROM conversation ORDER BY id DESC").fetchall()

    def picture_file(self, digest: str) -> Path:
        """Where a kept picture lies, as PNG."""
        return self._pictures / f"{digest}.png"

    def close(self) -> None:
        self._base.close()

    def _digests(self, turn: int) -> tuple[str, ...]:
        rows = self._base.execute("SELECT digest FROM turn_picture WHERE turn = ? ORDER BY place", (turn,))
        return tuple(row[0] for row in rows.fetchall())

    def _keep(self, picture: Picture) -> None:
        path = self.picture_file(picture.digest)
        if not path.exists():
            # Written aside and renamed, so that another process never sees half a picture.
            part = path.with_suffix(f".{os.getpid()}.part")
            picture.save(part)
            part.replace(path)

    def _upgrade(self) -> None:
        with self._write() as base:
            version = int(base.execute("PRAGMA user_version").fetchone()[0])
            if version > SCHEMA:
                raise NewerHistory
            for step in _STEPS[version:]:
                for statement in step.split(";"):
                    base.execute(statement)
            base.execute(f"PRAGMA user_version = {SCHEMA}")

    @contextlib.contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        self._base.execute("BEGIN IMMEDIATE")
        try:
            yield self._base
        except BaseException:
            self._base.execute("ROLLBACK")
            raise
        self._base.execute("COMMIT")


def opened(folder: Path) -> tuple[History | None, str]:
    """The history, or why it cannot be opened."""
    try:
        return History(folder), ""
    except NewerHistory:
        return None, "The history was written by a newer Hark; this conversation is not saved."
    except (sqlite3.Error, OSError) as error:
        return None, f"This conversation is not saved: the history cannot be opened ({error})."


def messages(history: History, conversation: int) -> list[Message]:
    """What was said in a conversation so far, as far as it was heard. Pictures that are gone are left out."""
    history.mend(conversation)
    past: list[Message] = []
    for turn in history.turns(conversation):
        heard = turn.answer[: turn.heard]
        if heard:
            pictures = tuple(_pictures(history, turn))
            past += [Message("user", turn.question, pictures), Message("assistant", heard)]
    return past


def _to_wal(base: sqlite3.Connection) -> None:
    """Of two processes that change the mode at once SQLite lets one wait, and refuses the other without waiting."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            base.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def _pictures(history: History, turn: Turn) -> Iterator[Picture]:
    for digest in turn.pictures:
        with contextlib.suppress(BadInput):
            yield open_picture(history.picture_file(digest), ours=True)
