"""What the engine's process has to be told again after a crash, so that no question and no picture is lost."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

from assistant.engine_commands import (
    AskAgain,
    AskAudioFile,
    AttachFile,
    AttachmentCommand,
    EditPicture,
    EngineCommand,
    Interrupt,
    OpenConversation,
    QuestionCommand,
    RemovePicture,
    SetHandsFree,
)
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

MAX_PAGES = 10  # of a file, that are attached together
_MAX_ATTACH_RETRIES = 2
_Question = TypeVar("_Question", bound=QuestionCommand)


class SessionState:
    """Follows the commands and events of one window.

    A question is unacknowledged until its `TurnStarted` or the error that refuses it; a picture is pending until its
    `PictureAdded` or the error.

    `opened`: the conversation to begin a new process with: that of the oldest unacknowledged question, or else the open
    one.
    `is_hands_free`: what the window chose last.
    `current_turn`: what is known of the turn under way, None between turns.
    `loading_role`: the model that is being loaded, or "".
    `engine_state`: the last `StateChanged`, "" before the first."""

    def __init__(self) -> None:
        self.opened = OpenConversation(None)
        self.is_hands_free = False
        self.current_turn: TurnEnded | None = None
        self.loading_role = self.engine_state = ""
        self._request_ids = itertools.count(1)
        self._unacknowledged: dict[int, EngineCommand] = {}  # by request: questions, and what the user did after them
        self._attach_commands: dict[str, list[AttachmentCommand]] = {}  # by request, the commands that made a picture
        self._attachments: dict[str, str] = {}  # by digest, the request that the picture came from
        self._pending_attachments: dict[int, AttachmentCommand] = {}
        self._attach_retries: Counter[int] = Counter()  # by request: an attachment may be what crashes the engine
        self._removing: set[str] = set()  # digests that were removed while no `PictureRemoved` has come

    @property
    def is_awaited(self) -> bool:
        """Whether the user waits for something."""
        return self.current_turn is not None or bool(self._unacknowledged)

    def record_question(self, question: _Question) -> _Question:
        """Numbers a question; returns the command to send."""
        request_id = next(self._request_ids)
        numbered = replace(question, request_id=str(request_id))
        self._unacknowledged[request_id] = numbered
        return numbered

    def cancel_questions(self) -> None:
        """The user interrupts: unacknowledged questions need no answer."""
        if self._unacknowledged:
            self._unacknowledged[next(self._request_ids)] = Interrupt()

    def record_opening(self, command: OpenConversation) -> None:
        """Pictures that are pending are dropped with the conversation that they were for. An unacknowledged question
        stays with the conversation that it was asked in."""
        request_id = next(self._request_ids)
        if self._unacknowledged:
            self._unacknowledged[request_id] = command
        else:
            self._apply_opening(request_id, command)

    def record_attachment(self, command: AttachmentCommand) -> AttachmentCommand:
        """Numbers a picture to attach or edit; returns the command to send."""
        request_id = next(self._request_ids)
        numbered = replace(command, request_id=str(request_id))
        earlier_commands = (
            self._attach_commands.get(self._attachments.get(command.digest, ""), [])
            if isinstance(command, EditPicture)
            else []
        )
        self._attach_commands[str(request_id)] = [*earlier_commands, numbered]
        self._pending_attachments[request_id] = numbered
        return numbered

    def attach_other_pages(self, event: PictureAdded) -> list[AttachmentCommand]:
        """The commands that attach the other pages of a file when its first page was attached for the first time."""
        first_command = next(iter(self._attach_commands.get(event.request_id, ())), None)
        if (
            not isinstance(first_command, AttachFile)
            or "#page=" in first_command.path
            or event.request_id in self._attachments.values()
        ):
            return []
        return [
            self.record_attachment(AttachFile(f"{first_command.path}#page={page}"))
            for page in range(2, min(event.pages, MAX_PAGES) + 1)
        ]

    def record_removal(self, digest: str) -> RemovePicture:
        """Returns the command to send."""
        self._removing.add(digest)
        return RemovePicture(digest)

    def track_event(self, event: Event) -> None:
        """Updates the state by what the engine tells."""
        match event:
            case TurnStarted():
                self._start_turn(event)
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
            case ModelLoading(role, done):
                self.loading_role = "" if done else role
            case StateChanged(state):
                self.engine_state = state
            case _:
                self._track_attachment(event)

    def replay_commands(self) -> Iterator[EngineCommand]:
        """The commands that a new process gets after its start."""
        yield SetHandsFree(self.is_hands_free)
        for request_id in list(self._attachments.values()):
            for command in self._attach_commands.get(request_id, ()):
                yield command if isinstance(command, EditPicture) else replace(command, is_restored=True)
        for digest in list(self._removing):
            yield RemovePicture(digest)
        self._attach_retries.update(list(self._pending_attachments))
        retryable = {
            request_id: command
            for request_id, command in self._pending_attachments.items()
            if self._attach_retries[request_id] <= _MAX_ATTACH_RETRIES
        }
        pending_commands = {**self._unacknowledged, **retryable}
        # In the order of the window's calls: a question is about the pictures attached before it.
        yield from (pending_commands[request_id] for request_id in sorted(pending_commands))

    def _start_turn(self, event: TurnStarted) -> None:
        self._acknowledge_until(int(event.request_id or 0))
        is_private = self.opened.is_private and event.conversation is None
        self.opened = OpenConversation(event.conversation, is_private, event.opening_id)
        self.current_turn = TurnEnded("interrupted", id=event.id, opening_id=event.opening_id)
        self._drop_follow_ups()

    def _acknowledge_until(self, request_id: int) -> None:
        """Questions asked before this one are acknowledged too: they were interrupted before they began."""
        for older_id in [asked_id for asked_id in self._unacknowledged if asked_id <= request_id]:
            self._apply_opening(older_id, self._unacknowledged.pop(older_id))

    def _drop_follow_ups(self) -> None:
        """Commands at the head of the list that are not questions: the engine has carried them out by now."""
        while self._unacknowledged:
            request_id, command = next(iter(self._unacknowledged.items()))
            if isinstance(command, QuestionCommand):
                return
            self._apply_opening(request_id, self._unacknowledged.pop(request_id))

    def _apply_opening(self, request_id: int, command: EngineCommand) -> None:
        """The engine has carried out a command; some open a conversation."""
        if isinstance(command, AskAgain):
            self.opened = replace(self.opened, opening_id=command.opening_id)
        if isinstance(command, OpenConversation):
            self.opened = command
            self._pending_attachments = {
                later_id: pending for later_id, pending in self._pending_attachments.items() if later_id > request_id
            }

    def _record_refusal(self, stage: str) -> None:
        """The oldest question was refused, or the oldest picture: the engine takes them up in order."""
        if stage == "look":
            self._pending_attachments.pop(next(iter(self._pending_attachments), 0), None)
            return
        request_id = next(
            (asked_id for asked_id, command in self._unacknowledged.items() if isinstance(command, QuestionCommand)),
            None,
        )
        if request_id is not None and (stage == "ask" or isinstance(self._unacknowledged[request_id], AskAudioFile)):
            self._acknowledge_until(request_id)
            self._drop_follow_ups()

    def _track_attachment(self, event: Event) -> None:
        match event:
            case PictureAdded() if event.request_id in self._attach_commands:
                self._pending_attachments.pop(int(event.request_id), None)
                self._attach_commands.pop(self._attachments.pop(event.replaces, ""), None)
                self._attachments[event.digest] = event.request_id
            case PictureRemoved(digest):
                self._removing.discard(digest)
                self._attach_commands.pop(self._attachments.pop(digest, ""), None)
