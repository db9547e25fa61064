"""Saves turns while they happen, in SQLite, and their pictures as PNG files named by digest.

A turn is committed when it is asked and updated as it goes on, so that a crash loses no question."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from assistant.errors import InvalidInputError, first_line
from assistant.history.conversation_store import ConversationStore, TurnRecord, insert_conversation
from assistant.history.database import Database, NewerHistoryError
from assistant.history.repair import repair_if_damaged
from assistant.history.rows import RegionBox
from assistant.messages import Message
from assistant.pictures import Picture, open_picture
from assistant.text.i18n import tr
from assistant.text.sanitize import sanitize

MAX_PIXEL_BYTES = 1_000_000_000  # of the pictures of a conversation that are loaded into memory


class TurnRecorder:
    """Writes turns to the history of one folder. `store` reads the same history.

    All methods raise `sqlite3.Error` or `OSError` if the database or the disk fails."""

    def __init__(self, folder: Path) -> None:
        self._database = Database(folder)
        self.store = ConversationStore(self._database, folder)
        (folder / "pictures").mkdir(exist_ok=True)

    def start_conversation(self, title: str) -> int:
        """Adds a conversation and returns its id."""
        with self._database.transaction() as connection:
            return insert_conversation(connection, title)

    def add_turn(
        self, conversation: int, question: str, pictures: tuple[Picture, ...] = (), regions: Sequence[RegionBox] = ()
    ) -> int:
        """Commits a question with its pictures; returns the turn's id. `regions`: parts of the last picture."""
        with self._database.transaction() as connection:
            for picture in pictures:  # inside the transaction, so that `purge_deleted` cannot run meanwhile
                self._save_picture(picture)
            cursor = connection.execute(
                "INSERT INTO turn(conversation, asked, question, regions) VALUES (?, ?, ?, ?)",
                (conversation, time.time(), sanitize(question), json.dumps(regions)),
            )
            turn = int(cursor.lastrowid or 0)
            picture_rows = [
                (turn, place, picture.digest, sanitize(picture.name)) for place, picture in enumerate(pictures)
            ]
            connection.executemany("INSERT INTO turn_picture VALUES (?, ?, ?, ?)", picture_rows)
            self._database.index_turn(connection, turn)
        return turn

    def update_turn(self, turn: int, question: str, answer: str, model_name: str, state: str) -> None:
        """Saves the current state of a turn; `state` is a `TurnState`."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE turn SET question = ?, answer = ?, by = ?, state = ? WHERE id = ?",
                (sanitize(question), sanitize(answer), sanitize(model_name), state, turn),
            )
            self._database.index_turn(connection, turn)

    def set_heard_letters(self, turn: int, letters: int) -> None:
        """Saves how many characters of the answer were spoken."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE turn SET heard = ? WHERE id = ?", (letters, turn))

    def mark_unfinished(self, conversation: int) -> None:
        """Marks turns that a crash left unfinished as interrupted."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE turn SET state = 'interrupted' WHERE conversation = ? AND state IN ('asked', 'answering')",
                (conversation,),
            )

    def find_turn(self, number: int) -> TurnRecord | None:
        """The turn with this id, or None."""
        return self.store.find_turn(number)

    def load_pictures(self, turn: TurnRecord) -> Iterator[Picture]:
        """Opens a turn's pictures; those whose file is missing or damaged are left out."""
        names = self.store.picture_names(turn.conversation)
        for digest in turn.pictures:
            with contextlib.suppress(InvalidInputError):
                yield replace(open_picture(self.store.picture_file(digest), is_own=True), name=names[digest])

    def close(self) -> None:
        """Closes the database."""
        self._database.close()

    def _save_picture(self, picture: Picture) -> None:
        path = self.store.picture_file(picture.digest)
        if not path.exists():
            # Renamed when complete, so that other processes never see a partial picture.
            partial_path = path.with_suffix(f".{os.getpid()}.part")
            picture.save_png(partial_path)
            partial_path.replace(path)


class OpenedRecorder(NamedTuple):
    """The result of `open_recorder`."""

    recorder: TurnRecorder | None  # None if nothing can be saved
    warning: str | None  # a sentence for the user: why not, or what was repaired; None if all is well


def open_recorder(folder: Path) -> OpenedRecorder:
    """Opens the history of a folder for writing, after repairing it if it is damaged."""
    try:
        repair_report = repair_if_damaged(folder)
        return OpenedRecorder(TurnRecorder(folder), repair_report)
    except NewerHistoryError:
        return OpenedRecorder(None, tr("The history was written by a newer Hark; this conversation is not saved."))
    except (sqlite3.Error, OSError) as error:
        sentence = tr("This conversation is not saved: the history cannot be opened ({why}).")
        hint = tr("Set HARK_HOME to a folder of yours.")
        return OpenedRecorder(None, f"{sentence.format(why=first_line(error))} {hint}")


def load_messages(history: TurnRecorder, conversation: int) -> list[Message]:
    """Loads a conversation as messages, answers only as far as they were spoken.

    Missing pictures are left out, and so are the oldest ones beyond `MAX_PIXEL_BYTES` in all."""
    history.mark_unfinished(conversation)
    messages: list[Message] = []
    pixel_bytes = 0
    for turn in reversed(history.store.last_turns(conversation)):
        heard_answer = turn.answer[: turn.heard_letters]
        if heard_answer:
            pictures = []
            for picture in history.load_pictures(turn) if pixel_bytes < MAX_PIXEL_BYTES else ():
                pictures.append(picture)
                pixel_bytes += len(picture.rgb)
                if pixel_bytes >= MAX_PIXEL_BYTES:
                    break
            messages += [Message("assistant", heard_answer), Message("user", turn.question, tuple(pictures))]
    return messages[::-1]
