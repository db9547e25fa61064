"""A database that is not what Hark makes is set aside, and what can be read of it goes into a new one.

It may be damaged, or made by somebody else: a table, column or index too few or too many, a trigger, a view."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sqlite3
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from assistant.library.base import FILE, MARK, SCHEMA, STEPS, Base, Deadline, connect, result_code
from assistant.library.rows import COLUMNS
from assistant.words.tongue import tr

_CHECKED = 50_000_000  # bytes of the largest database that is checked whenever it is opened
_CHECKED_WHOLE = 10_000_000  # bytes of the largest one whose indexes are compared with their tables
_CHECKING, _SALVAGING, _LOCKED = 10.0, 120.0, 180.0  # seconds
_NOTHING_KNOWN = {  # busy, or no right to read it: that says nothing against a database
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_FULL, sqlite3.SQLITE_PROTOCOL,
}  # fmt: skip


def mend(folder: Path) -> str:
    """Where the database is damaged it is set aside, and what can be read of it goes into a new one. Returns what a
    person should know of it, or ""."""
    path = folder / FILE
    if _intact(path):
        return ""
    from filelock import FileLock

    with FileLock(folder / "history.lock", timeout=_LOCKED):  # engine and window open it at the same time
        return "" if _intact(path) else _mended(folder, path)


def _mended(folder: Path, path: Path) -> str:
    """The new one is made beside the old one, which is set aside when nothing can go wrong any more."""
    for name in _obstacles(path):
        Path(name).replace(f"{name}.damaged-{time.time_ns()}")
    making = folder / "history.mending"
    if making.is_symlink():
        making.unlink()
    shutil.rmtree(making, ignore_errors=True)
    base = Base(making)
    try:
        turns = _salvaged(path, base) if path.is_file() else 0
    finally:
        base.close()
    aside = path.with_name(f"history.damaged-{int(time.time())}.sqlite")
    while aside.exists():
        aside = path.with_name(f"history.damaged-{time.time_ns()}.sqlite")
    for suffix in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            Path(f"{path}{suffix}").replace(f"{aside}{suffix}")
    (making / FILE).replace(path)
    (folder / MARK).unlink(missing_ok=True)
    shutil.rmtree(making, ignore_errors=True)
    return tr("The history was damaged. {turns} turns could be read; the damaged file was kept as {name}.").format(
        turns=turns, name=aside.name
    )


def _intact(path: Path) -> bool:
    """Whether nothing is known against a database; one that is not there, or busy, is intact. Of a large one, which
    would take long to check, only the schema is read: of damage further in a mark tells, once it was met."""
    if not path.exists():
        return True
    if not path.is_file() or path.with_name(MARK).exists() or _obstacles(path):
        return False
    try:
        with contextlib.closing(connect(f"{path.absolute().as_uri()}?mode=ro", Deadline(_CHECKING))) as base:
            return _is_ours(base, path.stat().st_size)
    except sqlite3.Error as error:
        return result_code(error) in _NOTHING_KNOWN


def _obstacles(path: Path) -> list[str]:
    """What stands where SQLite needs a file beside the database: with a folder there it opens nothing, and through a
    link it would write to a file of somebody else."""
    beside = (f"{path}{suffix}" for suffix in ("-wal", "-shm", "-journal"))
    return [name for name in beside if os.path.lexists(name) and (os.path.islink(name) or not os.path.isfile(name))]


def _is_ours(base: sqlite3.Connection, size: int) -> bool:
    base.execute("BEGIN")  # another process may just be bringing it up to date
    version = int(base.execute("PRAGMA user_version").fetchone()[0])
    if version <= SCHEMA and _schema(base) != _expected(version):
        return False
    base.execute("COMMIT")
    if size > _CHECKED:
        return True
    check = "integrity_check" if size <= _CHECKED_WHOLE else "quick_check"
    if base.execute(f"PRAGMA {check}(1)").fetchall() != [("ok",)]:
        return False
    if version <= SCHEMA and base.execute("PRAGMA foreign_key_check").fetchone():
        return False  # turns that no list shows, or pictures that the next turn would get
    if version != SCHEMA:
        return True
    base.execute("SELECT rowid FROM found WHERE found MATCH '\"a b\"'").fetchone()  # raises where the index is damaged
    return bool(base.execute("SELECT (SELECT count(*) FROM turn) = (SELECT count(*) FROM found_docsize)").fetchone()[0])


def _schema(base: sqlite3.Connection) -> set[tuple[str, str, str]]:
    """Everything in a database, by type, name and definition without its spaces. SQLite's versions define their own
    tables, and those of the index of words, in different ways."""
    rows = base.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master WHERE substr(name, 1, 7) <> 'sqlite_'")
    return {
        (kind, name, "" if name.startswith("found_") else re.sub(r"\s+", "", sql).lower()) for kind, name, sql in rows
    }


@cache
def _expected(version: int) -> set[tuple[str, str, str]] | None:
    """The schema of a version, None where there is none such."""
    if version < 0:
        return None
    with contextlib.closing(connect(Path(":memory:"), Deadline(_CHECKING))) as base:
        for step in STEPS[:version]:
            base.executescript(step)
        return _schema(base)


def _salvaged(path: Path, base: Base) -> int:
    """Copies what can be read, row by row; returns how many turns came over."""
    with (
        contextlib.closing(connect(path, Deadline(_SALVAGING))) as damaged,
        base.write(2 * _SALVAGING) as into,
    ):
        with contextlib.suppress(sqlite3.Error):
            damaged.execute("PRAGMA writable_schema=ON")  # else one entry that makes no sense hides all others
        into.execute("PRAGMA defer_foreign_keys = ON")
        for table, columns in COLUMNS.items():
            names, marks = ", ".join(columns), ", ".join("?" * len(columns))
            for row in _rows(damaged, table):
                values = [column.read(value) for column, value in zip(columns.values(), row, strict=True)]
                into.execute(f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})", values)
        into.execute(
            "INSERT OR IGNORE INTO conversation (id, title, created)"
            " SELECT DISTINCT conversation, '…', asked FROM turn"
            " WHERE conversation NOT IN (SELECT id FROM conversation)"
        )
        into.execute("DELETE FROM turn_picture WHERE turn NOT IN (SELECT id FROM turn)")
        into.execute("INSERT INTO found(rowid, question, answer) SELECT id, question, answer FROM turn")
        return int(into.execute("SELECT count(*) FROM turn").fetchone()[0])


def _rows(damaged: sqlite3.Connection, table: str) -> Iterator[tuple[object, ...]]:
    """The rows of a real table, from both ends until a page cannot be read; one without row numbers from its start."""
    with contextlib.suppress(sqlite3.Error):
        real = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND lower(name) = ? AND sql NOT LIKE 'CREATE VIRTUAL%'"
        if not damaged.execute(real, (table,)).fetchone():
            return
        there = {row[1].lower() for row in damaged.execute(f"PRAGMA table_info({table})")}
        names = ", ".join(name if name in there else column.missing for name, column in COLUMNS[table].items())
        for order in ("ORDER BY rowid", "ORDER BY rowid DESC", ""):
            with contextlib.suppress(sqlite3.Error):
                yield from damaged.execute(f"SELECT {names} FROM {table} {order}")
                return
