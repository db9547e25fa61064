"""How the command line shows and plays a turn: words or JSON lines, speaker or file. Knows nothing of models."""

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
    """Standard output kept for ourselves: whatever a library prints goes to standard error instead."""

    def __init__(self, as_json: bool) -> None:
        self._json = as_json
        self._has_ended = False
        # Of a turn that never ended by itself: why, and what was typed.
        self.end_reason, self.heard = "failed", ""
        self._is_mid_line = self._lost = False
        sys.stdout.flush()
        self._saved_stdout = os.dup(1)
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")
        os.dup2(2, 1)

    def close(self) -> None:
        """Gives standard output back. With JSON the last line is always `ended`."""
        with contextlib.suppress(OSError, AssistantError):  # a reader that went away has taken all it wanted
            if self._json and not self._has_ended:
                self.print_event(TurnEnded(self.end_reason, self.heard))
        with contextlib.suppress(OSError):
            self._out.close()
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        os.dup2(self._saved_stdout, 1)
        os.close(self._saved_stdout)

    def emit_json(self, name: str, **facts: str) -> None:
        """An event beside those of a turn; nothing without JSON."""
        if self._json:
            self._write_json({"event": name, **facts})

    def print_line(self, line: str) -> None:
        if not self._json:
            self._write_line(line)

    def print_notice(self, sentence: str) -> None:
        """Something to know, on standard error; with JSON an event too."""
        if self._json:
            self._write_json({"event": "noted", "message": sentence})
        print_error(sanitize(sentence))

    def print_error(self, error: AssistantError) -> None:
        """A failure before or outside of a turn."""
        self.print_event(ErrorOccurred.from_error(error))

    def print_finding(self, finding: DoctorFinding) -> None:
        if self._json:
            self._write_json(finding_to_json(finding))
        else:
            mark = {"ok": "✓", "note": "·", "missing": "✗"}[finding.state]
            self._write_line(
                f"{mark} {finding.subject}: {finding.message}" + (f" {finding.hint}" if finding.hint else "")
            )

    def print_event(self, event: Event) -> None:
        """Shows one event of a turn."""
        if isinstance(event, ErrorOccurred):
            self._end_line()
            print_error(sanitize(f"{event.message} {event.hint}"))
        if isinstance(event, Notice):
            self.print_notice(event.message)
        elif self._json:
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
        """Raises `BrokenPipeError` when nobody reads any more, `AssistantError` when it cannot be written; once."""
        if self._lost:
            return
        try:
            self._out.write(text)
            self._out.flush()
        except BrokenPipeError:
            self._lost = True
            raise
        except OSError as error:
            self._lost = True
            message = f"The output cannot be written: {error.strerror}."
            raise AssistantError("output", message, "Free some space, or send it elsewhere.") from None

    def _write_json(self, event: dict[str, Any] | None) -> None:
        self._write_line(json.dumps(event, ensure_ascii=False))


def print_error(line: str, end: str = "\n") -> None:
    """Says it on standard error; who closed that, or let it fill up, does not want to know."""
    with contextlib.suppress(OSError, ValueError):
        print(line, end=end, file=sys.stderr, flush=True)


class AnswerOutput:
    """Takes a turn's events: shows them, and plays or writes their sound."""

    def __init__(self, device: str, target: Path | None, console: CommandConsole, aloud: bool = False) -> None:
        self._device, self._target, self._console = device, target, console
        self._blocks: list[AudioClip] = []
        self._speaker: Speaker | None = None
        self._playback: AudioPlayback | None = None
        self._is_muted = target is not None and not aloud
        if not self._is_muted:
            PORTAUDIO_CHECK.start_check()  # beside the models' loading
        self._turn_ended: TurnEnded | None = None

    def __enter__(self) -> AnswerOutput:
        return self

    def __exit__(self, *_: object) -> None:
        if self._speaker:
            self._speaker.close()

    def on_event(self, event: Event) -> None:
        if isinstance(event, AudioProduced):
            self._take_audio(event.audio)
        elif isinstance(event, TurnEnded) and event.reason != "interrupted":
            self._turn_ended = event  # shown when its sound is safe: it is always last, also after a failure
        else:
            self._console.print_event(event)

    def finish(self) -> AssistantError | None:
        """Writes the file (none when nothing was said), shows the turn's end and waits for the speaker.

        Returns what went wrong with the file."""
        failure = self._write_target()
        if failure:
            self._console.print_error(failure)
        if self._turn_ended:
            self._console.print_event(self._turn_ended)
        if self._playback:
            # A sound server that dies calls back no more: do not wait for it for ever.
            self._playback.wait_until_played(self._playback.buffered_seconds + 5.0)
        return failure

    def _write_target(self) -> AssistantError | None:
        whole = clip.join_clips(self._blocks)
        if self._target and whole:
            try:
                clip.write_wav(self._target, whole)
            except OSError as error:
                reason = f"“{self._target}” cannot be written: {error.strerror}."
                return InvalidInputError("speak", reason, "Choose another file.")
        elif self._target:
            with contextlib.suppress(OSError):
                self._target.unlink()  # an older answer must not be taken for this one's
        return None

    def _take_audio(self, sound: AudioClip) -> None:
        if self._target:
            self._blocks.append(sound)
        self.play_audio(sound)

    def play_audio(self, sound: AudioClip) -> None:
        """Plays sound that is not the answer's, where there is a speaker and sound is wanted."""
        if self._speaker is None and not self._is_muted:
            from assistant.audio.portaudio import SoundSystemError
            from assistant.audio.speaker import open_speaker

            try:
                self._speaker = open_speaker(self._device)
                self._playback = self._speaker.open_playback()
            except NotAvailableError as error:
                self._is_muted = True  # no speaker is no error: the words are on the screen
                if isinstance(error, SoundSystemError):
                    self._console.print_notice(str(error))
        if self._playback:
            self._playback.queue_audio(sound)
