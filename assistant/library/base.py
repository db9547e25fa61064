"""The database of conversations: its schema, opened with care, mended as far as it goes. Knows nothing of turns."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assistant.words.tongue import tr

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
SCHEMA = len(_STEPS)
FILE = "history.sqlite"
_PATIENCE = 5.0  # seconds for another process's write
_CHECKED = 50_000_000  # bytes of the largest database that is checked whenever it is opened
_MARK = "history.damaged"  # an empty file: damage was met, so that the next opening mends
_TABLES = {  # an older database lacks some of these columns
    "conversation": ("id", "title", "created", "deleted"),
    "turn": ("id", "conversation", "asked", "question", "answer", "by", "state", "heard", "regions"),
    "turn_picture": ("turn", "place", "digest", "name"),
}


class NewerHistory(Exception):
    """The database was written by a newer Hark."""


class Base:
    """A connection, for one thread at a time. Several processes may use the same database at once (WAL, 5 s of
    patience).

    Raises `NewerHistory`, and what sqlite3 raises; damage that is met is mended at the next opening. `read_only`
    changes nothing, and can read newer ones."""

    def __init__(self, folder: Path, read_only: bool = False) -> None:
        self.read_only, self._folder = read_only, folder
        if read_only:
            where = f"{(folder / FILE).absolute().as_uri()}?mode=ro"
            self._connection = _connect(where, isolation_level=None, check_same_thread=False)
            return
        folder.mkdir(parents=True, exist_ok=True)
        self._connection = _connect(folder / FILE, isolation_level=None, check_same_thread=False)
        try:
            _to_wal(self._connection)
            for pragma in ("synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF", "cache_size=-512"):
                self._connection.execute(f"PRAGMA {pragma}")
            self._upgrade()
        except BaseException:
            self._connection.close()
            raise

    def rows(self, query: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        """All rows of a question to the database."""
        with self._noting():
            return self._connection.execute(query, values).fetchall()

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it or nothing."""
        with self._noting():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def index(self, into: sqlite3.Connection, turn: int) -> None:
        """Makes a turn's words findable. (A trigger could, if SQLite let virtual tables into those of a schema that is
        not trusted.)"""
        into.execute("DELETE FROM found WHERE rowid = ?", (turn,))
        into.execute(
            "INSERT INTO found(rowid, question, answer) SELECT id, question, answer FROM turn WHERE id = ?", (turn,)
        )

    def close(self) -> None:
        self._connection.close()

    @contextlib.contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest says in which part
            if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) and not self.read_only:
                with contextlib.suppress(OSError):
                    (self._folder / _MARK).touch()
            raise

    def _upgrade(self) -> None:
        if int(self._connection.execute("PRAGMA user_version").fetchone()[0]) == SCHEMA:
            return  # nothing to write, and no disk to wait for
        with self.write() as base:
            version = int(base.execute("PRAGMA user_version").fetchone()[0])
            if version > SCHEMA:
                raise NewerHistory
            for step in _STEPS[version:]:
                for statement in step.split(";"):
                    base.execute(statement)
            base.execute(f"PRAGMA user_version = {SCHEMA}")


def mend(folder: Path) -> str:
    """Where the database is damaged it is set aside, and what can be read of it goes into a new one. Returns what a
    person should know of it, or ""."""
    path = folder / FILE
    if _intact(path):
        return ""
    from filelock import FileLock

    with FileLock(folder / "history.lock"):  # engine and window open it at the same time
        return "" if _intact(path) else _mended(folder, path)


def _mended(folder: Path, path: Path) -> str:
    aside = path.with_name(f"history.damaged-{int(time.time())}.sqlite")
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            Path(f"{path}{suffix}").replace(f"{aside}{suffix}")
    (folder / _MARK).unlink(missing_ok=True)
    base = Base(folder)
    turns = _salvaged(aside, base)
    base.close()
    return tr("The history was damaged. {turns} turns could be read; the damaged file was kept as {name}.").format(
        turns=turns, name=aside.name
    )


def _intact(path: Path) -> bool:
    """Whether nothing is known against a database; one that is not there, or busy, is intact. Of a large one, which
    would take long to check, only the beginning is read: of damage further in a mark tells, once it was met."""
    if not path.is_file():
        return True
    if path.with_name(_MARK).exists():
        return False
    try:
        base = _connect(f"{path.absolute().as_uri()}?mode=ro")
        with contextlib.closing(base):
            base.execute("SELECT count(*) FROM sqlite_master").fetchall()
            return path.stat().st_size > _CHECKED or base.execute("PRAGMA quick_check(1)").fetchall() == [("ok",)]
    except sqlite3.OperationalError:
        return True  # locked, or no right to read: nothing is known against it
    except sqlite3.DatabaseError:
        return False


def _salvaged(aside: Path, base: Base) -> int:
    """Copies row by row until a page cannot be read, from both ends; returns how many turns came over."""
    with contextlib.closing(_connect(aside)) as damaged, base.write() as into:
        into.execute("PRAGMA defer_foreign_keys = ON")
        for table, known in _TABLES.items():
            for order in ("ASC", "DESC"):
                with contextlib.suppress(sqlite3.DatabaseError):
                    there = {row[1] for row in damaged.execute(f"PRAGMA table_info({table})")}
                    columns = [one for one in known if one in there]
                    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
                    for row in damaged.execute(f"SELECT {names} FROM {table} ORDER BY rowid {order}"):
                        into.execute(f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})", row)
        into.execute(
            "INSERT OR IGNORE INTO conversation (id, title, created)"
            " SELECT DISTINCT conversation, '…', asked FROM turn"
            " WHERE conversation NOT IN (SELECT id FROM conversation)"
        )
        into.execute("DELETE FROM turn_picture WHERE turn NOT IN (SELECT id FROM turn)")
        into.execute("INSERT INTO found(rowid, question, answer) SELECT id, question, answer FROM turn")
        return int(into.execute("SELECT count(*) FROM turn").fetchone()[0])


def _connect(where: Path | str, **options: Any) -> sqlite3.Connection:
    """Opens a database by its path or, for a string, its URI. What SQLite sorts stays in memory: in a temporary file it
    would leave words of the user on a disk that nobody looks after."""
    connection = sqlite3.connect(where, uri=isinstance(where, str), timeout=_PATIENCE, **options)
    connection.execute("PRAGMA temp_store=MEMORY")
    return connection


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
