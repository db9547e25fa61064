"""Prints a turn as text or JSON lines, and plays its audio or writes it to a file."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.audio import clip
from assistant.audio.clip import AudioClip
from assistant.audio.portaudio_check import PORTAUDIO_CHECK
from assistant.cli.json_events import event_to_json, finding_to_json
from assistant.errors import AssistantError, InvalidInputError, NotAvailableError
from assistant.events import AudioProduced, ErrorOccurred, Event, Heard, Notice, RegionPointed, TurnEnded, Wrote
from assistant.text.sanitize import sanitize

if TYPE_CHECKING:
    from assistant.audio.playback import AudioPlayback
    from assistant.audio.speaker import Speaker
    from assistant.doctor import DoctorFinding


class CommandConsole:
    """Writes to standard output, and redirects to standard error whatever libraries print there.

    end_reason and heard: of the `TurnEnded` that `close` prints where no turn has ended by itself."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._has_ended = False
        self.end_reason, self.heard = "failed", ""
        self._is_mid_line = self._is_output_lost = False
        sys.stdout.flush()
        self._saved_stdout = os.dup(1)
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")
        os.dup2(2, 1)

    def close(self) -> None:
        """Restores standard output. With JSON the last line is always an `ended` event."""
        with contextlib.suppress(OSError, AssistantError):  # the reader of the output may be gone
            if self._as_json and not self._has_ended:
                self.print_event(TurnEnded(self.end_reason, self.heard))
        with contextlib.suppress(OSError):
            self._out.close()
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        os.dup2(self._saved_stdout, 1)
        os.close(self._saved_stdout)

    def emit_json(self, name: str, **values: str) -> None:
        """Prints an event that is not one of a turn's; nothing without JSON."""
        if self._as_json:
            self._write_json({"event": name, **values})

    def print_line(self, line: str) -> None:
        """Prints a line of text; nothing with JSON."""
        if not self._as_json:
            self._write_line(line)

    def print_notice(self, sentence: str) -> None:
        """Prints a sentence for the user on standard error; with JSON an event `noted` too."""
        if self._as_json:
            self._write_json({"event": "noted", "message": sentence})
        print_error(sanitize(sentence))

    def print_error(self, error: AssistantError) -> None:
        """Prints a failure that happened outside of a turn."""
        self.print_event(ErrorOccurred.from_error(error))

    def print_finding(self, finding: DoctorFinding) -> None:
        """Prints one result of `hark doctor`."""
        if self._as_json:
            self._write_json(finding_to_json(finding))
        else:
            mark = {"ok": "✓", "note": "·", "missing": "✗"}[finding.state]
            self._write_line(
                f"{mark} {finding.subject}: {finding.message}" + (f" {finding.hint}" if finding.hint else "")
            )

    def print_event(self, event: Event) -> None:
        """Prints one event of a turn."""
        if isinstance(event, ErrorOccurred):
            self._end_line()
            print_error(sanitize(f"{event.message} {event.hint}"))
        if isinstance(event, Notice):
            self.print_notice(event.message)
        elif self._as_json:
            self._print_json_event(event)
        else:
            self._print_text_event(event)

    def _print_json_event(self, event: Event) -> None:
        line = event_to_json(event)
        if line:
            self._has_ended = self._has_ended or isinstance(event, TurnEnded)
            self._write_json(line)

    def _print_text_event(self, event: Event) -> None:
        match event:
            case Heard(text) if text:
                self._write_line(f"You: {text}")
            case Wrote(text):
                self._write_text(text if self._is_mid_line else f"Hark: {text}")
                self._is_mid_line = True
            case RegionPointed(label, _, left, top, right, bottom):
                self._end_line()
                self._write_line(f"({label or 'there'}: {left},{top} to {right},{bottom})")
            case TurnEnded(reason="nothing heard"):
                self._write_line("I heard no speech.")
            case TurnEnded():
                self._end_line()

    def _end_line(self) -> None:
        if self._is_mid_line:
            self._write_line("")
        self._is_mid_line = False

    def _write_line(self, line: str) -> None:
        self._write_text(sanitize(line) + "\n")

    def _write_text(self, text: str) -> None:
        """Raises `BrokenPipeError` when the reader is gone, `AssistantError` when writing fails; only once."""
        if self._is_output_lost:
            return
        try:
            self._out.write(text)
            self._out.flush()
        except BrokenPipeError:
            self._is_output_lost = True
            raise
        except OSError as error:
            self._is_output_lost = True
            message = f"The output cannot be written: {error.strerror}."
            raise AssistantError("output", message, "Free some space, or send it elsewhere.") from None

    def _write_json(self, event: dict[str, Any] | None) -> None:
        self._write_line(json.dumps(event, ensure_ascii=False))


def print_error(line: str, end: str = "\n") -> None:
    """Prints on standard error, and ignores that it may be closed or full."""
    with contextlib.suppress(OSError, ValueError):
        print(line, end=end, file=sys.stderr, flush=True)


class AnswerOutput:
    """Takes the events of a turn, prints them, and plays their audio or writes it to a file.

    device: the speaker's name, "" for the default.
    target: the WAV file to write; None plays the audio.
    also_plays: play it even where there is a target."""

    def __init__(self, device: str, target: Path | None, console: CommandConsole, also_plays: bool = False) -> None:
        self._device, self._target, self._console = device, target, console
        self._blocks: list[AudioClip] = []
        self._speaker: Speaker | None = None
        self._playback: AudioPlayback | None = None
        self._is_muted = target is not None and not also_plays
        if not self._is_muted:
            PORTAUDIO_CHECK.start_check()  # in parallel to loading the models
        self._turn_ended: TurnEnded | None = None

    def __enter__(self) -> AnswerOutput:
        return self

    def __exit__(self, *_: object) -> None:
        if self._speaker:
            self._speaker.close()

    def on_event(self, event: Event) -> None:
        """Prints one event of the turn; plays or stores its audio."""
        if isinstance(event, AudioProduced):
            self._take_audio(event.audio)
        elif isinstance(event, TurnEnded) and event.reason != "interrupted":
            self._turn_ended = event  # printed by `finish`, after the file is written: it is always the last line
        else:
            self._console.print_event(event)

    def finish(self) -> AssistantError | None:
        """Writes the file (none when nothing was said), prints the turn's end and waits until the speaker has finished.

        Returns the error if the file could not be written."""
        failure = self._write_target()
        if failure:
            self._console.print_error(failure)
        if self._turn_ended:
            self._console.print_event(self._turn_ended)
        if self._playback:
            # A sound server that dies no longer calls back, so the wait needs an end.
            self._playback.wait_until_played(self._playback.buffered_seconds + 5.0)
        return failure

    def _write_target(self) -> AssistantError | None:
        audio = clip.join_clips(self._blocks)
        if self._target and audio:
            try:
                clip.write_wav(self._target, audio)
            except OSError as error:
                message = f"“{self._target}” cannot be written: {error.strerror}."
                return InvalidInputError("speak", message, "Choose another file.")
        elif self._target:
            with contextlib.suppress(OSError):
                self._target.unlink()  # an older file must not be taken for this answer
        return None

    def _take_audio(self, audio: AudioClip) -> None:
        if self._target:
            self._blocks.append(audio)
        self.play_audio(audio)

    def play_audio(self, audio: AudioClip) -> None:
        """Plays audio, unless it only goes to a file or there is no speaker."""
        if self._speaker is None and not self._is_muted:
            from assistant.audio.portaudio import SoundSystemError
            from assistant.audio.speaker import open_speaker

            try:
                self._speaker = open_speaker(self._device)
                self._playback = self._speaker.open_playback()
            except NotAvailableError as error:
                self._is_muted = True  # not an error without a speaker: the text is on the screen
                if isinstance(error, SoundSystemError):
                    self._console.print_notice(str(error))
        if self._playback:
            self._playback.queue_audio(audio)
