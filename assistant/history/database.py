"""The SQLite database of conversations: schema, migrations, connections and transactions."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Each migration brings the schema to the next version; once released, they are only appended.
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
    "ALTER TABLE turn ADD COLUMN heard INTEGER;",  # characters of the answer that were spoken; null: all
    # Trigrams find Chinese, which has no spaces, and parts of words. `deleted`: when, in seconds since 1970.
    """
ALTER TABLE conversation ADD COLUMN deleted REAL;
CREATE INDEX picture_of ON turn_picture(digest);
CREATE VIRTUAL TABLE turn_fts USING fts5(question, answer, tokenize='trigram');
INSERT INTO turn_fts(rowid, question, answer) SELECT id, question, answer FROM turn;
""",
    # Parts of the last picture that the question is about, as JSON: left, top, right, bottom in pixels.
    "ALTER TABLE turn ADD COLUMN regions TEXT NOT NULL DEFAULT '[]';",
)
SCHEMA_VERSION = len(MIGRATIONS)
FILE_NAME = "history.sqlite"
_LOCK_TIMEOUT_S = 5.0  # for another process's transaction
DAMAGE_MARK = "history.damaged"  # an empty file that makes the next opening repair the database
# Queries are aborted after this time: a foreign schema can contain endless views.
_READ_LIMIT_S, _WRITE_LIMIT_S, _UPGRADE_LIMIT_S = 15.0, 60.0, 600.0
_STEPS_BETWEEN_CHECKS = 20_000  # SQLite instructions between two checks of the deadline: under a millisecond
_MAX_VALUE_BYTES = 64 * 1024**2  # of one text or blob; functions in a foreign schema can create large ones


class NewerHistoryError(Exception):
    """The database was written by a newer Hark."""


class Database:
    """A connection to the database, for one thread at a time; several processes may use the same database (WAL).

    `folder`: the folder of the database; it is created.
    `read_only`: changes nothing, and can also read newer databases.

    Raises `NewerHistoryError` and `sqlite3.Error`. Damage makes the next opening repair the database."""

    def __init__(self, folder: Path, read_only: bool = False) -> None:
        self.is_read_only, self._folder, self._deadline = read_only, folder, QueryDeadline(_READ_LIMIT_S)
        if read_only:
            uri = f"{(folder / FILE_NAME).absolute().as_uri()}?mode=ro"
            self._connection = open_connection(uri, self._deadline, isolation_level=None, check_same_thread=False)
            return
        folder.mkdir(parents=True, exist_ok=True)
        self._connection = open_connection(
            folder / FILE_NAME, self._deadline, isolation_level=None, check_same_thread=False
        )
        try:
            _enable_wal(self._connection)
            for pragma in ("synchronous=FULL", "foreign_keys=ON", "cache_size=-512"):
                self._connection.execute(f"PRAGMA {pragma}")
            self._upgrade_schema()
        except BaseException:
            self._connection.close()
            raise

    def query(self, query: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        """Runs a query and returns all rows."""
        with self._marking_damage():
            self._deadline.restart_timer(_READ_LIMIT_S)
            return self._connection.execute(query, values).fetchall()

    @contextlib.contextmanager
    def transaction(self, seconds: float = _WRITE_LIMIT_S) -> Iterator[sqlite3.Connection]:
        """Runs the block in a transaction that is committed at its end, and rolled back on an error or after
        `seconds`."""
        with self._marking_damage():
            self._deadline.restart_timer(seconds)
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                if self._connection.in_transaction:  # after the deadline SQLite has rolled it back already
                    self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def index_turn(self, connection: sqlite3.Connection, turn: int) -> None:
        """Updates the full-text index for a turn. (SQLite allows no virtual tables in triggers of untrusted
        schemas.)"""
        connection.execute("DELETE FROM turn_fts WHERE rowid = ?", (turn,))
        connection.execute(
            "INSERT INTO turn_fts(rowid, question, answer) SELECT id, question, answer FROM turn WHERE id = ?", (turn,)
        )

    def close(self) -> None:
        """Closes the connection."""
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
            return  # without a write transaction
        with self.transaction(_UPGRADE_LIMIT_S) as connection:
            version = int(connection.execute("PRAGMA user_version").fetchone()[0])
            if version > SCHEMA_VERSION:
                raise NewerHistoryError
            for migration in MIGRATIONS[version:]:
                for statement in migration.split(";"):
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


class QueryDeadline:
    """The time after which a connection's query is aborted."""

    def __init__(self, seconds: float) -> None:
        self.restart_timer(seconds)

    def restart_timer(self, seconds: float) -> None:
        """Sets the deadline to `seconds` from now."""
        self._end = time.monotonic() + seconds

    def is_over(self) -> bool:
        """Whether the deadline has passed."""
        return time.monotonic() > self._end


def open_connection(location: Path | str, deadline: QueryDeadline, **options: Any) -> sqlite3.Connection:
    """Opens a database, possibly from elsewhere, by its path, or by its URI if it is a string.

    Its schema is not trusted, queries are aborted at the deadline, and invalid UTF-8 is replaced. Temporary data stay
    in memory, so that no words of the user are left in temporary files. `options` are those of `sqlite3.connect`."""
    connection = sqlite3.connect(location, uri=isinstance(location, str), timeout=_LOCK_TIMEOUT_S, **options)
    connection.set_progress_handler(deadline.is_over, _STEPS_BETWEEN_CHECKS)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE_BYTES)
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    for pragma in ("temp_store=MEMORY", "trusted_schema=OFF"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def result_code(error: sqlite3.Error) -> int:
    """SQLite's primary result code of an error."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _enable_wal(connection: sqlite3.Connection) -> None:
    """Switches to WAL mode, with retries: if two processes do so at once, SQLite refuses one of them without
    waiting."""
    deadline = time.monotonic() + _LOCK_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
