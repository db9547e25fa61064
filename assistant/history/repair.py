"""Repairs the history: a damaged database, or one with a foreign schema, is set aside and its rows copied to a new one.

A schema is foreign if it lacks, or adds, a table, column, index, trigger or view."""

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

from assistant.history.database import (
    DAMAGE_MARK,
    FILE_NAME,
    MIGRATIONS,
    SCHEMA_VERSION,
    Database,
    QueryDeadline,
    open_connection,
    result_code,
)
from assistant.history.rows import TABLE_COLUMNS
from assistant.text.i18n import tr

_MAX_CHECKED_BYTES = 50_000_000  # larger databases are not checked at every opening
_MAX_FULLY_CHECKED_BYTES = 10_000_000  # of larger ones, indexes are not compared with their tables
_CHECK_TIMEOUT_S, _SALVAGE_TIMEOUT_S, _LOCK_TIMEOUT_S = 10.0, 120.0, 180.0
_INCONCLUSIVE_CODES = {  # busy, or not readable: no sign of damage
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_FULL, sqlite3.SQLITE_PROTOCOL,
}  # fmt: skip


def repair_if_damaged(folder: Path) -> str | None:
    """Repairs the database of a folder if it is damaged; returns a report for the user, or None if it was intact.

    The damaged file is kept under another name. Raises `sqlite3.Error` and `OSError`."""
    path = folder / FILE_NAME
    if _is_intact(path):
        return None
    from filelock import FileLock

    with FileLock(folder / "history.lock", timeout=_LOCK_TIMEOUT_S):  # engine and window open it at the same time
        return None if _is_intact(path) else _rebuild_database(folder, path)


def _rebuild_database(folder: Path, path: Path) -> str:
    """Builds a new database beside the old one, then exchanges them; returns the report."""
    for name in _find_obstacles(path):
        Path(name).replace(f"{name}.damaged-{time.time_ns()}")
    new_folder = folder / "history.mending"
    if new_folder.is_symlink():
        new_folder.unlink()
    shutil.rmtree(new_folder, ignore_errors=True)
    database = Database(new_folder)
    try:
        turns = salvage_rows(path, database) if path.is_file() else 0
    finally:
        database.close()
    aside_path = path.with_name(f"history.damaged-{int(time.time())}.sqlite")
    while aside_path.exists():
        aside_path = path.with_name(f"history.damaged-{time.time_ns()}.sqlite")
    for suffix in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            Path(f"{path}{suffix}").replace(f"{aside_path}{suffix}")
    (new_folder / FILE_NAME).replace(path)
    (folder / DAMAGE_MARK).unlink(missing_ok=True)
    shutil.rmtree(new_folder, ignore_errors=True)
    return tr("The history was damaged. {turns} turns could be read; the damaged file was kept as {name}.").format(
        turns=turns, name=aside_path.name
    )


def _is_intact(path: Path) -> bool:
    """Whether no damage is known; a missing or busy database counts as intact.

    Of a large one only the schema is checked; damage further inside is known from `DAMAGE_MARK`."""
    if not path.exists():
        return True
    if not path.is_file() or path.with_name(DAMAGE_MARK).exists() or _find_obstacles(path):
        return False
    try:
        with contextlib.closing(
            open_connection(f"{path.absolute().as_uri()}?mode=ro", QueryDeadline(_CHECK_TIMEOUT_S))
        ) as connection:
            return _is_own_database(connection, path.stat().st_size)
    except sqlite3.Error as error:
        return result_code(error) in _INCONCLUSIVE_CODES


def _find_obstacles(path: Path) -> list[str]:
    """Folders and links in place of SQLite's side files: the first make opening fail, through the second SQLite would
    write to other files."""
    side_files = (f"{path}{suffix}" for suffix in ("-wal", "-shm", "-journal"))
    return [name for name in side_files if os.path.lexists(name) and (os.path.islink(name) or not os.path.isfile(name))]


def _is_own_database(connection: sqlite3.Connection, size: int) -> bool:
    connection.execute("BEGIN")  # another process may be running a migration
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version <= SCHEMA_VERSION and _read_schema(connection) != _expected_schema(version):
        return False
    connection.execute("COMMIT")
    if size > _MAX_CHECKED_BYTES:
        return True
    check_pragma = "integrity_check" if size <= _MAX_FULLY_CHECKED_BYTES else "quick_check"
    if connection.execute(f"PRAGMA {check_pragma}(1)").fetchall() != [("ok",)]:
        return False
    if version <= SCHEMA_VERSION and connection.execute("PRAGMA foreign_key_check").fetchone():
        return False  # orphaned turns, or pictures that a new turn would inherit
    if version != SCHEMA_VERSION:
        return True
    connection.execute(
        "SELECT rowid FROM turn_fts WHERE turn_fts MATCH '\"a b\"'"
    ).fetchone()  # raises where the index is damaged
    return bool(
        connection.execute("SELECT (SELECT count(*) FROM turn) = (SELECT count(*) FROM turn_fts_docsize)").fetchone()[0]
    )


def _read_schema(connection: sqlite3.Connection) -> set[tuple[str, str, str]]:
    """Everything in a database as (type, name, definition without spaces). The definitions of FTS5's own tables, which
    differ among SQLite versions, are left out."""
    rows = connection.execute(
        "SELECT type, name, coalesce(sql, '') FROM sqlite_master WHERE substr(name, 1, 7) <> 'sqlite_'"
    )
    return {
        (kind, name, "" if name.startswith("turn_fts_") else re.sub(r"\s+", "", sql).lower())
        for kind, name, sql in rows
    }


@cache
def _expected_schema(version: int) -> set[tuple[str, str, str]] | None:
    """The schema of a version; None if there is no such version."""
    if version < 0:
        return None
    with contextlib.closing(open_connection(Path(":memory:"), QueryDeadline(_CHECK_TIMEOUT_S))) as connection:
        for migration in MIGRATIONS[:version]:
            connection.executescript(migration)
        return _read_schema(connection)


def salvage_rows(path: Path, database: Database) -> int:
    """Copies the readable rows to a new database; returns the number of turns."""
    with (
        contextlib.closing(open_connection(path, QueryDeadline(_SALVAGE_TIMEOUT_S))) as damaged,
        database.transaction(2 * _SALVAGE_TIMEOUT_S) as connection,
    ):
        with contextlib.suppress(sqlite3.Error):
            damaged.execute("PRAGMA writable_schema=ON")  # otherwise one invalid entry of the schema hides all others
        connection.execute("PRAGMA defer_foreign_keys = ON")
        for table, columns in TABLE_COLUMNS.items():
            names, placeholders = ", ".join(columns), ", ".join("?" * len(columns))
            for row in _read_rows(damaged, table):
                values = [column.read_value(value) for column, value in zip(columns.values(), row, strict=True)]
                connection.execute(f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({placeholders})", values)
        connection.execute(
            "INSERT OR IGNORE INTO conversation (id, title, created)"
            " SELECT DISTINCT conversation, '…', asked FROM turn"
            " WHERE conversation NOT IN (SELECT id FROM conversation)"
        )
        connection.execute("DELETE FROM turn_picture WHERE turn NOT IN (SELECT id FROM turn)")
        connection.execute("INSERT INTO turn_fts(rowid, question, answer) SELECT id, question, answer FROM turn")
        return int(connection.execute("SELECT count(*) FROM turn").fetchone()[0])


def _read_rows(damaged: sqlite3.Connection, table: str) -> Iterator[tuple[object, ...]]:
    """Yields the rows of a real table from both ends until a page cannot be read; without row ids, from the start."""
    with contextlib.suppress(sqlite3.Error):
        table_query = (
            "SELECT 1 FROM sqlite_master WHERE type = 'table' AND lower(name) = ? AND sql NOT LIKE 'CREATE VIRTUAL%'"
        )
        if not damaged.execute(table_query, (table,)).fetchone():
            return
        present_columns = {row[1].lower() for row in damaged.execute(f"PRAGMA table_info({table})")}
        names = ", ".join(
            name if name in present_columns else column.missing_sql for name, column in TABLE_COLUMNS[table].items()
        )
        for order in ("ORDER BY rowid", "ORDER BY rowid DESC", ""):
            with contextlib.suppress(sqlite3.Error):
                yield from damaged.execute(f"SELECT {names} FROM {table} {order}")
                return
