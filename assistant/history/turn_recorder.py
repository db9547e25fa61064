"""Turns as they happen, on disk: SQLite, and pictures by the hash of what they show. Knows nothing of models.

A turn is committed when it is asked and completed as it goes, so that a crash loses no question."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from assistant.errors import InvalidInputError, first_line
from assistant.history.conversation_store import ConversationStore, TurnRecord, insert_conversation
from assistant.history.database import Database, NewerHistoryError
from assistant.history.repair import repair_if_damaged
from assistant.history.rows import RegionBox
from assistant.messages import Message
from assistant.pictures import Picture, open_picture
from assistant.text.i18n import tr
from assistant.text.sanitize import sanitize

MAX_PIXEL_BYTES = 1_000_000_000  # of all pictures of a conversation that are held in memory


class TurnRecorder:
    """The conversations in one folder, as a turn writes them. `archive` lists and changes them."""

    def __init__(self, folder: Path) -> None:
        self._database = Database(folder)
        self.store = ConversationStore(self._database, folder)
        (folder / "pictures").mkdir(exist_ok=True)

    def start_conversation(self, title: str) -> int:
        """A new conversation's id."""
        with self._database.transaction() as base:
            return insert_conversation(base, title)

    def add_turn(
        self, conversation: int, question: str, pictures: tuple[Picture, ...] = (), regions: Sequence[RegionBox] = ()
    ) -> int:
        """Commits a question with its pictures, and the parts of the last one that it is about; returns the turn's
        id."""
        with self._database.transaction() as base:
            for picture in pictures:  # inside: whoever throws pictures away has to wait
                self._keep_picture(picture)
            row = base.execute(
                "INSERT INTO turn(conversation, asked, question, regions) VALUES (?, ?, ?, ?)",
                (conversation, time.time(), sanitize(question), json.dumps(regions)),
            )
            turn = int(row.lastrowid or 0)
            named = [(turn, place, picture.digest, sanitize(picture.name)) for place, picture in enumerate(pictures)]
            base.executemany("INSERT INTO turn_picture VALUES (?, ?, ?, ?)", named)
            self._database.index_turn(base, turn)
        return turn

    def update_turn(self, turn: int, question: str, answer: str, model_name: str, state: str) -> None:
        """Writes what is known of a turn so far."""
        with self._database.transaction() as base:
            base.execute(
                "UPDATE turn SET question = ?, answer = ?, by = ?, state = ? WHERE id = ?",
                (sanitize(question), sanitize(answer), sanitize(model_name), state, turn),
            )
            self._database.index_turn(base, turn)

    def set_heard_letters(self, turn: int, letters: int) -> None:
        """Only so much of the answer was heard."""
        with self._database.transaction() as base:
            base.execute("UPDATE turn SET heard = ? WHERE id = ?", (letters, turn))

    def mark_unfinished(self, conversation: int) -> None:
        """Marks what a crash left unfinished as interrupted."""
        with self._database.transaction() as base:
            base.execute(
                "UPDATE turn SET state = 'interrupted' WHERE conversation = ? AND state IN ('asked', 'answering')",
                (conversation,),
            )

    def list_turns(self, conversation: int) -> list[TurnRecord]:
        """The turns of a conversation, oldest first."""
        return self.store.last_turns(conversation)

    def find_turn(self, number: int) -> TurnRecord | None:
        """One turn, if there is such a one."""
        return self.store.find_turn(number)

    def load_pictures(self, turn: TurnRecord) -> Iterator[Picture]:
        """A turn's pictures, by their names; those that are gone are left out."""
        names = self.store.picture_names(turn.conversation)
        for digest in turn.pictures:
            with contextlib.suppress(InvalidInputError):
                yield replace(open_picture(self.store.picture_file(digest), is_own=True), name=names[digest])

    def close(self) -> None:
        self._database.close()

    def _keep_picture(self, picture: Picture) -> None:
        path = self.store.picture_file(picture.digest)
        if not path.exists():
            # Written aside and renamed, so that another process never sees half a picture.
            part = path.with_suffix(f".{os.getpid()}.part")
            picture.save_png(part)
            part.replace(path)


def open_recorder(folder: Path) -> tuple[TurnRecorder | None, str]:
    """The history and what a person should know of it, or None and why it cannot be opened."""
    try:
        note = repair_if_damaged(folder)
        return TurnRecorder(folder), note
    except NewerHistoryError:
        return None, tr("The history was written by a newer Hark; this conversation is not saved.")
    except (sqlite3.Error, OSError) as error:
        sentence = tr("This conversation is not saved: the history cannot be opened ({why}).")
        return None, f"{sentence.format(why=first_line(error))} {tr('Set HARK_HOME to a folder of yours.')}"


def load_messages(history: TurnRecorder, conversation: int) -> list[Message]:
    """What was said in a conversation so far, as far as it was heard. Pictures that are gone are left out, and the
    oldest ones where all would take more than `MAX_PIXEL_BYTES`: a small file holds many large pictures."""
    history.mark_unfinished(conversation)
    past: list[Message] = []
    taken = 0
    for turn in reversed(history.store.last_turns(conversation)):
        heard = turn.answer[: turn.heard_letters]
        if heard:
            pictures = []
            for picture in history.load_pictures(turn) if taken < MAX_PIXEL_BYTES else ():
                pictures.append(picture)
                taken += len(picture.rgb)
                if taken >= MAX_PIXEL_BYTES:
                    break
            past += [Message("assistant", heard), Message("user", turn.question, tuple(pictures))]
    return past[::-1]
