"""What a new engine is told when it takes the place of one that died: nothing that was asked or shown is lost."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from assistant.events import (
    ErrorOccurred,
    Event,
    Heard,
    ModelLoading,
    PictureAdded,
    PictureRemoved,
    Said,
    StateChanged,
    TurnEnded,
    TurnStarted,
    Wrote,
)

EngineCall = tuple[str, dict[str, Any], bytes]
MAX_PAGES = 10  # of a file, that are shown with it
_FOLLOW_UP_CALLS = ("interrupt", "open_conversation")  # calls that are kept only behind a question that waits
_MAX_ATTACH_RETRIES = 2  # of a picture that was on its way when an engine died


class SessionState:
    """Follows calls and events of one window. `turn` is what is known of the turn under way, `loading` the part that is
    being loaded, `state` what the engine told last, "" for nothing yet. `conversation` and `private` are those of the
    oldest question that is not acknowledged, else of what is open now."""

    def __init__(self) -> None:
        self.conversation: int | None = None
        self.is_private = self.is_hands_free = False
        self.current_turn: TurnEnded | None = None
        self.loading_role = self.engine_state = ""
        self._request_ids = itertools.count(1)
        self._unacknowledged: dict[int, EngineCall] = {}  # ticket to question, until it is acknowledged
        self._attach_calls: dict[str, list[EngineCall]] = {}  # ticket to the calls that led to a picture
        self._attachments: dict[str, str] = {}  # digest to ticket
        self._pending_attachments: dict[
            int, EngineCall
        ] = {}  # ticket to call, of pictures that were neither shown nor refused yet
        self._attach_retries: Counter[int] = Counter()  # of these, by ticket: one of them may be what ends the engines
        self._removing: set[str] = set()  # digests of what is to be let go

    @property
    def is_awaited(self) -> bool:
        """Whether the user waits for something."""
        return self.current_turn is not None or bool(self._unacknowledged)

    def record_question(self, call_name: str, fields: dict[str, Any]) -> EngineCall:
        """The call that asks it, to be sent."""
        request_id = next(self._request_ids)
        self._unacknowledged[request_id] = call_name, {**fields, "ticket": str(request_id)}, b""
        return self._unacknowledged[request_id]

    def cancel_questions(self) -> None:
        """What was asked and is not acknowledged is not to be answered."""
        if self._unacknowledged:
            self._unacknowledged[next(self._request_ids)] = "interrupt", {}, b""

    def open_conversation(self, conversation: int | None, is_private: bool) -> None:
        """Pictures on their way to the one before are let go with it. A question that is not acknowledged stays with
        the conversation that it was asked in."""
        request_id = next(self._request_ids)
        open_call = "open_conversation", {"conversation": conversation, "private": is_private}, b""
        if self._unacknowledged:
            self._unacknowledged[request_id] = open_call
        else:
            self._apply_open_call(request_id, open_call)

    def record_attachment(
        self, call_name: str, fields: dict[str, Any], payload: bytes = b"", earlier_calls: Sequence[EngineCall] = ()
    ) -> EngineCall:
        """The call that shows a picture, to be sent; `before` are those that made what it changes."""
        request_id = next(self._request_ids)
        attach_call = call_name, {**fields, "ticket": str(request_id)}, payload
        self._attach_calls[str(request_id)] = [*earlier_calls, attach_call]
        self._pending_attachments[request_id] = attach_call
        return attach_call

    def attach_other_pages(self, event: PictureAdded) -> list[EngineCall]:
        """The calls that show the other pages of a file whose first page has come; none when it comes again."""
        first_call = self._attach_calls.get(event.request_id, [("", {}, b"")])[0]
        path = first_call[1].get("path", "")
        if first_call[0] != "attach_file" or "#page=" in path or event.request_id in self._attachments.values():
            return []
        return [
            self.record_attachment("attach_file", {"path": f"{path}#page={page}"})
            for page in range(2, min(event.pages, MAX_PAGES) + 1)
        ]

    def edit_picture(self, digest: str, fields: dict[str, Any]) -> EngineCall:
        return self.record_attachment(
            "edit_picture",
            {"digest": digest, **fields},
            earlier_calls=self._attach_calls.get(self._attachments.get(digest, ""), []),
        )

    def remove_picture(self, digest: str) -> EngineCall:
        self._removing.add(digest)
        return "remove_picture", {"digest": digest}, b""

    def track_event(self, event: Event) -> None:
        """Remembers what an event tells."""
        match event:
            case TurnStarted(id_, ticket, conversation):
                self._acknowledge_until(int(ticket or 0))
                self.conversation = conversation
                self.current_turn = TurnEnded("interrupted", id=id_, opening_id=event.opening_id)
                self._drop_follow_up_calls()
            case Heard(text) if self.current_turn:
                self.current_turn = replace(self.current_turn, heard=text)
            case Wrote(text) if self.current_turn:
                self.current_turn = replace(self.current_turn, answer=self.current_turn.answer + text)
            case Said(_, until) if self.current_turn:
                self.current_turn = replace(self.current_turn, heard_until=until)
            case TurnEnded():
                self.current_turn = None
            case ErrorOccurred("ask" | "hear" | "look" as stage):
                self._record_refusal(stage)
            case _:
                self._track_attachment(event)

    def replay_calls(self) -> Iterator[EngineCall]:
        """The calls that a new engine gets, after its start."""
        yield "set_hands_free", {"hands_free": self.is_hands_free}, b""
        if self.is_private:
            yield "open_conversation", {"conversation": None, "private": True}, b""
        for request_id in list(self._attachments.values()):
            for call_name, fields, payload in self._attach_calls.get(request_id, ()):
                yield call_name, fields if call_name == "edit_picture" else {**fields, "again": True}, payload
        for digest in list(self._removing):
            yield "remove_picture", {"digest": digest}, b""
        self._attach_retries.update(list(self._pending_attachments))
        retryable = {
            ticket: call
            for ticket, call in self._pending_attachments.items()
            if self._attach_retries[ticket] <= _MAX_ATTACH_RETRIES
        }
        pending_calls = {
            **self._unacknowledged,
            **retryable,
        }  # in their order: a question is about the pictures before it
        yield from (pending_calls[ticket] for ticket in sorted(pending_calls))

    def _acknowledge_until(self, request_id: int) -> None:
        """Also what was asked before: it was interrupted before it began."""
        for older_id in [asked_id for asked_id in self._unacknowledged if asked_id <= request_id]:
            self._apply_open_call(older_id, self._unacknowledged.pop(older_id))

    def _drop_follow_up_calls(self) -> None:
        """What followed the questions that are answered needs no telling by itself."""
        while self._unacknowledged and next(iter(self._unacknowledged.values()))[0] in _FOLLOW_UP_CALLS:
            request_id = next(iter(self._unacknowledged))
            self._apply_open_call(request_id, self._unacknowledged.pop(request_id))

    def _apply_open_call(self, request_id: int, call: EngineCall) -> None:
        """Another conversation is open from this call on, if it is one that opens."""
        if call[0] == "open_conversation":
            self.conversation, self.is_private = call[1]["conversation"], call[1]["private"]
            self._pending_attachments = {
                later: coming for later, coming in self._pending_attachments.items() if later > request_id
            }

    def _record_refusal(self, stage: str) -> None:
        """The oldest question was refused and never begins, or the oldest picture; they were taken up in this order."""
        if stage == "look":
            self._pending_attachments.pop(next(iter(self._pending_attachments), 0), None)
            return
        request_id = next(
            (asked_id for asked_id, call in self._unacknowledged.items() if call[0] not in _FOLLOW_UP_CALLS), None
        )
        if request_id is not None and (stage == "ask" or self._unacknowledged[request_id][0] == "ask_audio_file"):
            self._acknowledge_until(request_id)
            self._drop_follow_up_calls()

    def _track_attachment(self, event: Event) -> None:
        match event:
            case PictureAdded() if event.request_id in self._attach_calls:
                self._pending_attachments.pop(int(event.request_id), None)
                self._attach_calls.pop(self._attachments.pop(event.replaces, ""), None)
                self._attachments[event.digest] = event.request_id
            case PictureRemoved(digest):
                self._removing.discard(digest)
                self._attach_calls.pop(self._attachments.pop(digest, ""), None)
            case ModelLoading(what, done):
                self.loading_role = "" if done else what
            case StateChanged(state):
                self.engine_state = state
