"""The database of conversations: its schema, opened with care. Knows nothing of turns."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Each step brings the schema to the next version; steps are only ever added.
MIGRATIONS = (
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
    "ALTER TABLE turn ADD COLUMN heard INTEGER;",  # letters of the answer that were heard; null: all of them
    # Trigrams find Chinese, which has no spaces, and any part of a word. `deleted`: when; it can be undone for a while.
    """
ALTER TABLE conversation ADD COLUMN deleted REAL;
CREATE INDEX picture_of ON turn_picture(digest);
CREATE VIRTUAL TABLE found USING fts5(question, answer, tokenize='trigram');
INSERT INTO found(rowid, question, answer) SELECT id, question, answer FROM turn;
""",
    # Parts of the last picture that were asked about, as JSON: left, top, right, bottom in its pixels.
    "ALTER TABLE turn ADD COLUMN regions TEXT NOT NULL DEFAULT '[]';",
)
SCHEMA_VERSION = len(MIGRATIONS)
FILE_NAME = "history.sqlite"
_LOCK_TIMEOUT_S = 5.0  # seconds for another process's write
DAMAGE_MARK = "history.damaged"  # an empty file: damage was met, so that the next opening mends
_READ_LIMIT_S, _WRITE_LIMIT_S, _UPGRADE_LIMIT_S = 15.0, 60.0, 600.0  # SQLite gives up then: a view can be endless
_STEPS_BETWEEN_LOOKS = 20_000  # of SQLite's machine, between two looks at the clock: under a millisecond
_MAX_VALUE_BYTES = 64 * 1024**2  # of one text or blob; functions in a foreign schema can make them from nothing


class NewerHistoryError(Exception):
    """The database was written by a newer Hark."""


class Database:
    """A connection, for one thread at a time. Several processes may use the same database at once (WAL, 5 s of
    patience).

    Raises `NewerHistory`, and what sqlite3 raises; damage that is met is mended at the next opening. `read_only`
    changes nothing, and can read newer ones."""

    def __init__(self, folder: Path, read_only: bool = False) -> None:
        self.is_read_only, self._folder, self._deadline = read_only, folder, QueryDeadline(_READ_LIMIT_S)
        if read_only:
            where = f"{(folder / FILE_NAME).absolute().as_uri()}?mode=ro"
            self._connection = open_connection(where, self._deadline, isolation_level=None, check_same_thread=False)
            return
        folder.mkdir(parents=True, exist_ok=True)
        self._connection = open_connection(
            folder / FILE_NAME, self._deadline, isolation_level=None, check_same_thread=False
        )
        try:
            _to_wal(self._connection)
            for pragma in ("synchronous=FULL", "foreign_keys=ON", "cache_size=-512"):
                self._connection.execute(f"PRAGMA {pragma}")
            self._upgrade_schema()
        except BaseException:
            self._connection.close()
            raise

    def query(self, query: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        """All rows of a question to the database."""
        with self._marking_damage():
            self._deadline.restart_timer(_READ_LIMIT_S)
            return self._connection.execute(query, values).fetchall()

    @contextlib.contextmanager
    def transaction(self, seconds: float = _WRITE_LIMIT_S) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it or nothing."""
        with self._marking_damage():
            self._deadline.restart_timer(seconds)
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                if self._connection.in_transaction:  # what takes too long has been rolled back already
                    self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def index_turn(self, into: sqlite3.Connection, turn: int) -> None:
        """Makes a turn's words findable. (A trigger could, if SQLite let virtual tables into those of a schema that is
        not trusted.)"""
        into.execute("DELETE FROM found WHERE rowid = ?", (turn,))
        into.execute(
            "INSERT INTO found(rowid, question, answer) SELECT id, question, answer FROM turn WHERE id = ?", (turn,)
        )

    def close(self) -> None:
        self._connection.close()

    @contextlib.contextmanager
    def _marking_damage(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if result_code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) and not self.is_read_only:
                with contextlib.suppress(OSError):
                    (self._folder / DAMAGE_MARK).touch()
            raise

    def _upgrade_schema(self) -> None:
        if int(self._connection.execute("PRAGMA user_version").fetchone()[0]) == SCHEMA_VERSION:
            return  # nothing to write, and no disk to wait for
        with self.transaction(_UPGRADE_LIMIT_S) as base:
            version = int(base.execute("PRAGMA user_version").fetchone()[0])
            if version > SCHEMA_VERSION:
                raise NewerHistoryError
            for step in MIGRATIONS[version:]:
                for statement in step.split(";"):
                    base.execute(statement)
            base.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


class QueryDeadline:
    """When whatever a connection does is given up, `seconds` from now."""

    def __init__(self, seconds: float) -> None:
        self.restart_timer(seconds)

    def restart_timer(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def is_over(self) -> bool:
        return time.monotonic() > self._end


def open_connection(where: Path | str, deadline: QueryDeadline, **options: Any) -> sqlite3.Connection:
    """Opens a database, which may be somebody else's, by its path or, for a string, its URI.

    Nothing in its schema is trusted or runs for longer than the deadline; a text that is not UTF-8 is read as far as it
    goes. What SQLite sorts stays in memory: in a temporary file it would leave words of the user on a disk that nobody
    looks after."""
    connection = sqlite3.connect(where, uri=isinstance(where, str), timeout=_LOCK_TIMEOUT_S, **options)
    connection.set_progress_handler(deadline.is_over, _STEPS_BETWEEN_LOOKS)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE_BYTES)
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    for pragma in ("temp_store=MEMORY", "trusted_schema=OFF"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def result_code(error: sqlite3.Error) -> int:
    """SQLite's code of an error, without the part that says where."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _to_wal(base: sqlite3.Connection) -> None:
    """Of two processes that change the mode at once SQLite lets one wait, and refuses the other without waiting."""
    end = time.monotonic() + _LOCK_TIMEOUT_S
    while True:
        try:
            base.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)
