"""What a window or a command line can ask of the engine, wherever it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from assistant.settings import Settings


class EngineApi(Protocol):
    """The calls of `Engine`, in this process, and of `EngineClient`, which sends them to a process of its own.

    Every call returns at once; what it leads to comes as events. A call that cannot be carried out leads to
    `ErrorOccurred`. Boxes are left, top, right and bottom, in pixels of the picture."""

    def start(self, conversation_id: int | None = None) -> None:
        """Opens the audio devices, loads the models that the settings name, and goes on with a conversation of the
        history, or begins a new one."""

    def stop(self) -> None:
        """Ends the turn under way, closes devices and models, and waits until all has ended."""

    def ask(self, text: str, picture: str = "", box: Sequence[int] = ()) -> None:
        """Asks a typed question about the attached pictures; with no text they are described.

        With `picture`, a digest, and `box` the question is about this part of it."""

    def ask_again(self, turn_id: int, text: str, opening_id: int = 0) -> None:
        """Asks a question of the history again, with other words if `text` is not empty, in a new conversation that
        branches off before it. Its events carry the `opening_id`, as do those that come after a failure to do so."""

    def ask_audio_file(self, path: str) -> None:
        """Asks the question that is spoken in an audio file."""

    def read_aloud(self, text: str) -> None:
        """Speaks a text as it was written. Ends in a `TurnEnded` that `is_read_aloud`."""

    def skip_sentences(self, sentences: int) -> None:
        """Moves in what is being spoken: 1 to the next sentence, -1 to the one before, 0 to the start of this one."""

    def attach_file(self, path: str) -> None:
        """Attaches a picture or video file to the next question: `PictureAdded`."""

    def attach_encoded_picture(self, data: bytes, name: str) -> None:
        """Attaches an encoded picture, such as a PNG from the clipboard: `PictureAdded`."""

    def edit_picture(self, digest: str, quarter_turns: int = 0, box: Sequence[int] = ()) -> None:
        """Replaces an attached picture by one that is turned clockwise and then, if there is a box, cut to it:
        `PictureAdded`."""

    def remove_picture(self, digest: str) -> None:
        """Removes a picture from the attachments and from the conversation so far: `PictureRemoved`."""

    def interrupt(self) -> None:
        """Ends the turn under way; the speaker is silent at once."""

    def set_hands_free(self, hands_free: bool) -> None:
        """Whether speech itself begins a question; the talk key always does."""

    def press_talk_key(self) -> None:
        """The talk key went down: interrupts the turn under way and listens."""

    def tap_talk_key(self) -> None:
        """The talk key was only tapped: the question ends with the speech, or at the next press."""

    def release_talk_key(self) -> None:
        """The talk key came up: what was said is the question."""

    def test_microphone(self) -> None:
        """Records a few seconds and plays them: `MicrophoneTestResult`."""

    def apply_settings(self, settings: Settings) -> None:
        """Uses other settings from the next turn on, for audio devices at once. Where a new model cannot be loaded the
        one before stays."""

    def rescan_models(self) -> None:
        """Looks again for models and voices: some were installed or deleted."""

    def open_conversation(self, conversation_id: int | None, is_private: bool = False, opening_id: int = 0) -> None:
        """Goes on with a conversation of the history, with its pictures attached, or begins a new one for None; a
        private one is not saved. Interrupts the turn under way. Leads to `ConversationOpened`; this and all events
        after it carry the `opening_id`."""
