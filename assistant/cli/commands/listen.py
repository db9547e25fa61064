"""The command `listen`: a spoken conversation in the terminal."""

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
_LEVEL_BAR_LETTERS = 12
_STATE_SENTENCES = {
    "loading": "Getting ready …",
    "ready": "Listening. Speak; Ctrl-C ends.",
    "hearing": "Hearing you …",
    "thinking": "Thinking …",
    "speaking": "Answering. Speak to interrupt.",
}


def run_listen(options: Any, settings: Settings, paths: AppPaths, console: CommandConsole) -> int:
    """Runs `hark listen` until Ctrl-C.

    Raises `NotAvailableError`, before any model is loaded, where there is no microphone at the start."""
    PORTAUDIO_CHECK.start_check()
    settings = choose_models(options, settings)
    if options.voice:
        settings = replace(settings, voice=replace(settings.voice, id=options.voice))
    if options.headphones:
        settings = replace(settings, audio=replace(settings.audio, headphones=True))
    from assistant.engine.engine import Engine  # in parallel to the check of the sound system

    view = _ListenView(console)
    engine = Engine(replace(settings, memory=replace(settings.memory, preload=False)), paths, view.on_event)
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
    """Prints captions on standard output, and below them in a terminal a line with Hark's state and the input level."""

    def __init__(self, console: CommandConsole) -> None:
        self._console = console
        self._is_terminal = sys.stderr.isatty()
        self._state, self._caption, self._level = "loading", "", 0.0
        self._closed = threading.Event()
        self._error: Exception | None = None
        self._was_ready = False

    def wait_for_microphone(self) -> None:
        """Waits until it is open. Raises `NotAvailableError` without one, or where the sound system does not answer."""
        end = time.monotonic() + _MICROPHONE_TIMEOUT_S
        while not self._was_ready and not self._closed.wait(0.05):
            if time.monotonic() > end:
                raise NotAvailableError("listen", "The sound system does not answer.", "Start the sound server again.")
        self._raise_error()

    def run_until_closed(self) -> None:
        """Waits for Ctrl-C, or raises the error where the microphone or standard output is gone."""
        while not self._closed.wait(0.2):  # on Windows an endless wait cannot be interrupted by Ctrl-C
            pass
        self._raise_error()

    def _raise_error(self) -> None:
        if self._error:
            raise self._error

    def on_event(self, event: Event) -> None:
        try:
            self._show_event(event)
        except (OSError, AssistantError) as error:  # standard output is gone: end the command, not the engine's thread
            self._error = self._error or error
            self._closed.set()

    def _show_event(self, event: Event) -> None:
        match event:
            case StateChanged("ready") if not self._was_ready:
                pass  # models are loaded only after the microphone is open
            case StateChanged(state):
                self._state, self._caption = state, ""
                self._console.emit_json("state", state=state)
            case PartialTranscript(text):
                self._caption = text
                self._console.emit_json("hearing", text=text)
            case InputLevel(value):
                self._level = value
            case MicrophoneState(microphone, hands_free, fault):
                self._handle_microphone(microphone and hands_free, fault)
            case ModelLoading():
                pass
            case _:
                self.clear_line()
                self._console.print_event(event)
        self._draw_status()

    def clear_line(self) -> None:
        """Removes the status line from the terminal."""
        if self._is_terminal:
            print_error("\r\x1b[K", end="")

    def _handle_microphone(self, is_listening: bool, fault: str) -> None:
        if is_listening and not self._is_terminal and not self._was_ready:
            self._console.print_line(_STATE_SENTENCES["ready"])
        self._was_ready = self._was_ready or is_listening
        if not fault:
            return
        if self._was_ready:
            self._console.print_event(ErrorOccurred("listen", fault, ""))
        else:
            sentence, _, hint = fault.partition(". ")
            self._error = NotAvailableError("listen", sentence + ".", hint or "Connect one.")
            self._closed.set()

    def _draw_status(self) -> None:
        if self._is_terminal:
            bar = "▮" * min(_LEVEL_BAR_LETTERS, round(self._level * 2 * _LEVEL_BAR_LETTERS))
            line = f"{bar:<{_LEVEL_BAR_LETTERS}} {self._caption or _STATE_SENTENCES.get(self._state, self._state)}"
            print_error(f"\r\x1b[K{line[:100]}", end="")
