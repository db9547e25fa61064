"""The command `listen`: a spoken conversation in the terminal. Knows nothing of sound or models."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import replace
from typing import Any

from assistant.audio.portaudio_check import PORTAUDIO_CHECK
from assistant.cli.commands.choices import choose_models
from assistant.cli.console import CommandConsole, print_error
from assistant.errors import AssistantError, NotAvailableError
from assistant.events import (
    ErrorOccurred,
    Event,
    InputLevel,
    MicrophoneState,
    ModelLoading,
    PartialTranscript,
    StateChanged,
)
from assistant.paths import AppPaths
from assistant.settings import Settings

_MICROPHONE_TIMEOUT_S = 15.0
_BAR = 12
_STATES = {
    "loading": "Getting ready …",
    "ready": "Listening. Speak; Ctrl-C ends.",
    "hearing": "Hearing you …",
    "thinking": "Thinking …",
    "speaking": "Answering. Speak to interrupt.",
}


def run_listen(options: Any, settings: Settings, folders: AppPaths, console: CommandConsole) -> int:
    """Talks until Ctrl-C. Raises `Missing` when there is no microphone to begin with, before models are loaded."""
    PORTAUDIO_CHECK.start_check()
    settings = choose_models(options, settings)
    if options.voice:
        settings = replace(settings, voice=replace(settings.voice, id=options.voice))
    if options.headphones:
        settings = replace(settings, audio=replace(settings.audio, headphones=True))
    from assistant.engine.engine import Engine  # beside the check of the sound system

    view = _ListenView(console)
    engine = Engine(replace(settings, memory=replace(settings.memory, preload=False)), folders, view.on_event)
    engine.start()
    try:
        engine.set_hands_free(hands_free=True)
        view.wait_for_microphone()
        if settings.memory.preload:
            engine.apply_settings(settings)
        for picture in options.picture:
            engine.attach_file(str(picture))
        view.run_until_closed()
    finally:
        engine.stop()
        view.clear_line()
    return 0


class _ListenView:
    """Captions on standard output; what Hark does now, and how loud it is, in one line of the terminal below."""

    def __init__(self, console: CommandConsole) -> None:
        self._console = console
        self._live = sys.stderr.isatty()
        self._state, self._caption, self._level = "loading", "", 0.0
        self._over = threading.Event()
        self._error: Exception | None = None
        self._heard_once = False

    def wait_for_microphone(self) -> None:
        """Until it is open. Raises `Missing` when there is none, or the sound system says nothing."""
        end = time.monotonic() + _MICROPHONE_TIMEOUT_S
        while not self._heard_once and not self._over.wait(0.05):
            if time.monotonic() > end:
                raise NotAvailableError("listen", "The sound system does not answer.", "Start the sound server again.")
        self._raise_error()

    def run_until_closed(self) -> None:
        """Until Ctrl-C, or until there is nothing to listen with or to show on."""
        while not self._over.wait(0.2):  # a wait without end would not see Ctrl-C on Windows
            pass
        self._raise_error()

    def _raise_error(self) -> None:
        if self._error:
            raise self._error

    def on_event(self, event: Event) -> None:
        try:
            self._show_event(event)
        except (OSError, AssistantError) as error:  # standard output is gone; the command ends for it, not the engine
            self._error = self._error or error
            self._over.set()

    def _show_event(self, event: Event) -> None:
        match event:
            case StateChanged("ready") if not self._heard_once:
                pass  # nothing is loaded before there is a microphone
            case StateChanged(state):
                self._state, self._caption = state, ""
                self._console.emit_json("state", state=state)
            case PartialTranscript(text):
                self._caption = text
                self._console.emit_json("hearing", text=text)
            case InputLevel(value):
                self._level = value
            case MicrophoneState(microphone, hands_free, why_not):
                self._handle_microphone(microphone and hands_free, why_not)
            case ModelLoading():
                pass
            case _:
                self.clear_line()
                self._console.print_event(event)
        self._draw_status()

    def clear_line(self) -> None:
        if self._live:
            print_error("\r\x1b[K", end="")

    def _handle_microphone(self, there: bool, why_not: str) -> None:
        if there and not self._live and not self._heard_once:
            self._console.print_line(_STATES["ready"])
        self._heard_once = self._heard_once or there
        if not why_not:
            return
        if self._heard_once:
            self._console.print_event(ErrorOccurred("listen", why_not, ""))
        else:
            sentence, _, hint = why_not.partition(". ")
            self._error = NotAvailableError("listen", sentence + ".", hint or "Connect one.")
            self._over.set()

    def _draw_status(self) -> None:
        if self._live:
            bar = "▮" * min(_BAR, round(self._level * 2 * _BAR))
            line = f"{bar:<{_BAR}} {self._caption or _STATES.get(self._state, self._state)}"
            print_error(f"\r\x1b[K{line[:100]}", end="")
