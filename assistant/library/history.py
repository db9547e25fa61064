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
from assistant.library.archive import Archive, Turn, begin
from assistant.library.base import Base, NewerHistory
from assistant.library.repair import mend
from assistant.library.rows import Box
from assistant.pictures import Picture, open_picture
from assistant.roles import Message
from assistant.words.clean import clean
from assistant.words.tongue import tr

MAX_PIXEL_BYTES = 1_000_000_000  # of all pictures of a conversation that are held in memory


class History:
    """The conversations in one folder, as a turn writes them. `archive` lists and changes them."""

    def __init__(self, folder: Path) -> None:
        self._base = Base(folder)
        self.archive = Archive(self._base, folder)
        (folder / "pictures").mkdir(exist_ok=True)

    def start(self, title: str) -> int:
        """A new conversation's id."""
        with self._base.write() as base:
            return begin(base, title)

    def ask(
        self, conversation: int, question: str, pictures: tuple[Picture, ...] = (), regions: Sequence[Box] = ()
    ) -> int:
        """Commits a question with its pictures, and the parts of the last one that it is about; returns the turn's
        id."""
        with self._base.write() as base:
            for picture in pictures:  # inside: whoever throws pictures away has to wait
                self._keep(picture)
            row = base.execute(
                "INSERT INTO turn(conversation, asked, question, regions) VALUES (?, ?, ?, ?)",
                (conversation, time.time(), clean(question), json.dumps(regions)),
            )
            turn = int(row.lastrowid or 0)
            named = [(turn, place, picture.digest, clean(picture.name)) for place, picture in enumerate(pictures)]
            base.executemany("INSERT INTO turn_picture VALUES (?, ?, ?, ?)", named)
            self._base.index(base, turn)
        return turn

    def update(self, turn: int, question: str, answer: str, by: str, state: str) -> None:
        """Writes what is known of a turn so far."""
        with self._base.write() as base:
            base.execute(
                "UPDATE turn SET question = ?, answer = ?, by = ?, state = ? WHERE id = ?",
                (clean(question), clean(answer), clean(by), state, turn),
            )
            self._base.index(base, turn)

    def heard_until(self, turn: int, letters: int) -> None:
        """Only so much of the answer was heard."""
        with self._base.write() as base:
            base.execute("UPDATE turn SET heard = ? WHERE id = ?", (letters, turn))

    def mend(self, conversation: int) -> None:
        """Marks what a crash left unfinished as interrupted."""
        with self._base.write() as base:
            base.execute(
                "UPDATE turn SET state = 'interrupted' WHERE conversation = ? AND state IN ('asked', 'answering')",
                (conversation,),
            )

    def turns(self, conversation: int) -> list[Turn]:
        """The turns of a conversation, oldest first."""
        return self.archive.turns(conversation)

    def turn(self, number: int) -> Turn | None:
        """One turn, if there is such a one."""
        return self.archive.turn(number)

    def pictures(self, turn: Turn) -> Iterator[Picture]:
        """A turn's pictures, by their names; those that are gone are left out."""
        names = self.archive.names(turn.conversation)
        for digest in turn.pictures:
            with contextlib.suppress(InvalidInputError):
                yield replace(open_picture(self.archive.picture_file(digest), ours=True), name=names[digest])

    def close(self) -> None:
        self._base.close()

    def _keep(self, picture: Picture) -> None:
        path = self.archive.picture_file(picture.digest)
        if not path.exists():
            # Written aside and renamed, so that another process never sees half a picture.
            part = path.with_suffix(f".{os.getpid()}.part")
            picture.save(part)
            part.replace(path)


def opened(folder: Path) -> tuple[History | None, str]:
    """The history and what a person should know of it, or None and why it cannot be opened."""
    try:
        note = mend(folder)
        return History(folder), note
    except NewerHistory:
        return None, tr("The history was written by a newer Hark; this conversation is not saved.")
    except (sqlite3.Error, OSError) as error:
        sentence = tr("This conversation is not saved: the history cannot be opened ({why}).")
        return None, f"{sentence.format(why=first_line(error))} {tr('Set HARK_HOME to a folder of yours.')}"


def messages(history: History, conversation: int) -> list[Message]:
    """What was said in a conversation so far, as far as it was heard. Pictures that are gone are left out, and the
    oldest ones where all would take more than `MAX_PIXEL_BYTES`: a small file holds many large pictures."""
    history.mend(conversation)
    past: list[Message] = []
    taken = 0
    for turn in reversed(history.archive.turns(conversation)):
        heard = turn.answer[: turn.heard]
        if heard:
            pictures = []
            for picture in history.pictures(turn) if taken < MAX_PIXEL_BYTES else ():
                pictures.append(picture)
                taken += len(picture.rgb)
                if taken >= MAX_PIXEL_BYTES:
                    break
            past += [Message("assistant", heard), Message("user", turn.question, tuple(pictures))]
    return past[::-1]
