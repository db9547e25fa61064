"""What a new engine is told when it takes the place of one that died: nothing that was asked or shown is lost."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from assistant.events import (
    Event,
    Failed,
    Forgotten,
    Heard,
    Loading,
    Said,
    Shown,
    StateChanged,
    TurnEnded,
    TurnStarted,
    Wrote,
)

Call = tuple[str, dict[str, Any], bytes]
MAX_PAGES = 10  # of a file, that are shown with it
_FOLLOWING = ("interrupt", "open")  # calls that are kept only behind a question that waits
_MOST_RETRIES = 2  # of a picture that was on its way when an engine died


class SessionState:
    """Follows calls and events of one window. `turn` is what is known of the turn under way, `loading` the part that is
    being loaded, `state` what the engine told last, "" for nothing yet. `conversation` and `private` are those of the
    oldest question that is not acknowledged, else of what is open now."""

    def __init__(self) -> None:
        self.conversation: int | None = None
        self.private = self.hands_free = False
        self.turn: TurnEnded | None = None
        self.loading = self.state = ""
        self._tickets = itertools.count(1)
        self._asked: dict[int, Call] = {}  # ticket to question, until it is acknowledged
        self._showing: dict[str, list[Call]] = {}  # ticket to the calls that led to a picture
        self._tray: dict[str, str] = {}  # digest to ticket
        self._coming: dict[int, Call] = {}  # ticket to call, of pictures that were neither shown nor refused yet
        self._retries: Counter[int] = Counter()  # of these, by ticket: one of them may be what ends the engines
        self._leaving: set[str] = set()  # digests of what is to be let go

    @property
    def awaited(self) -> bool:
        """Whether the user waits for something."""
        return self.turn is not None or bool(self._asked)

    def question(self, call: str, facts: dict[str, Any]) -> Call:
        """The call that asks it, to be sent."""
        ticket = next(self._tickets)
        self._asked[ticket] = call, {**facts, "ticket": str(ticket)}, b""
        return self._asked[ticket]

    def stop(self) -> None:
        """What was asked and is not acknowledged is not to be answered."""
        if self._asked:
            self._asked[next(self._tickets)] = "interrupt", {}, b""

    def open(self, conversation: int | None, private: bool) -> None:
        """Pictures on their way to the one before are let go with it. A question that is not acknowledged stays with
        the conversation that it was asked in."""
        ticket = next(self._tickets)
        opening = "open", {"conversation": conversation, "private": private}, b""
        if self._asked:
            self._asked[ticket] = opening
        else:
            self._leave(ticket, opening)

    def show(self, call: str, facts: dict[str, Any], raw: bytes = b"", before: Sequence[Call] = ()) -> Call:
        """The call that shows a picture, to be sent; `before` are those that made what it changes."""
        ticket = next(self._tickets)
        made = call, {**facts, "ticket": str(ticket)}, raw
        self._showing[str(ticket)] = [*before, made]
        self._coming[ticket] = made
        return made

    def show_pages(self, event: Shown) -> list[Call]:
        """The calls that show the other pages of a file whose first page has come; none when it comes again."""
        first = self._showing.get(event.ticket, [("", {}, b"")])[0]
        path = first[1].get("path", "")
        if first[0] != "show" or "#page=" in path or event.ticket in self._tray.values():
            return []
        return [
            self.show("show", {"path": f"{path}#page={page}"}) for page in range(2, min(event.pages, MAX_PAGES) + 1)
        ]

    def rework(self, digest: str, facts: dict[str, Any]) -> Call:
        return self.show(
            "rework", {"digest": digest, **facts}, before=self._showing.get(self._tray.get(digest, ""), [])
        )

    def forget(self, digest: str) -> Call:
        self._leaving.add(digest)
        return "forget", {"digest": digest}, b""

    def follow(self, event: Event) -> None:
        """Remembers what an event tells."""
        match event:
            case TurnStarted(id_, ticket, conversation, _):
                self._acknowledge(int(ticket or 0))
                self.conversation = conversation
                self.turn = TurnEnded("interrupted", id=id_)
                self._pass_over_answered()
            case Heard(text) if self.turn:
                self.turn = replace(self.turn, heard=text)
            case Wrote(text) if self.turn:
                self.turn = replace(self.turn, answer=self.turn.answer + text)
            case Said(_, until) if self.turn:
                self.turn = replace(self.turn, heard_until=until)
            case TurnEnded():
                self.turn = None
            case Failed("ask" | "hear" | "look" as stage):
                self._refuse(stage)
            case _:
                self._follow_things(event)

    def repeat(self) -> Iterator[Call]:
        """The calls that a new engine gets, after its start."""
        yield "listen", {"hands_free": self.hands_free}, b""
        if self.private:
            yield "open", {"conversation": None, "private": True}, b""
        for ticket in list(self._tray.values()):
            for call, facts, raw in self._showing.get(ticket, ()):
                yield call, facts if call == "rework" else {**facts, "again": True}, raw
        for digest in list(self._leaving):
            yield "forget", {"digest": digest}, b""
        self._retries.update(list(self._coming))
        coming = {ticket: call for ticket, call in self._coming.items() if self._retries[ticket] <= _MOST_RETRIES}
        waiting = {**self._asked, **coming}  # in their order: a question is about the pictures before it
        yield from (waiting[ticket] for ticket in sorted(waiting))

    def _acknowledge(self, ticket: int) -> None:
        """Also what was asked before: it was interrupted before it began."""
        for older in [one for one in self._asked if one <= ticket]:
            self._leave(older, self._asked.pop(older))

    def _pass_over_answered(self) -> None:
        """What followed the questions that are answered needs no telling by itself."""
        while self._asked and next(iter(self._asked.values()))[0] in _FOLLOWING:
            ticket = next(iter(self._asked))
            self._leave(ticket, self._asked.pop(ticket))

    def _leave(self, ticket: int, call: Call) -> None:
        """Another conversation is open from this call on, if it is one that opens."""
        if call[0] == "open":
            self.conversation, self.private = call[1]["conversation"], call[1]["private"]
            self._coming = {later: coming for later, coming in self._coming.items() if later > ticket}

    def _refuse(self, stage: str) -> None:
        """The oldest question was refused and never begins, or the oldest picture; they were taken up in this order."""
        if stage == "look":
            self._coming.pop(next(iter(self._coming), 0), None)
            return
        ticket = next((one for one, call in self._asked.items() if call[0] not in _FOLLOWING), None)
        if ticket is not None and (stage == "ask" or self._asked[ticket][0] == "hear"):
            self._acknowledge(ticket)
            self._pass_over_answered()

    def _follow_things(self, event: Event) -> None:
        match event:
            case Shown() if event.ticket in self._showing:
                self._coming.pop(int(event.ticket), None)
                self._showing.pop(self._tray.pop(event.instead, ""), None)
                self._tray[event.digest] = event.ticket
            case Forgotten(digest):
                self._leaving.discard(digest)
                self._showing.pop(self._tray.pop(digest, ""), None)
            case Loading(what, done):
                self.loading = "" if done else what
            case StateChanged(state):
                self.state = state
