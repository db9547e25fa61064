"""How the command line shows and plays a turn: words or JSON lines, speaker or file. Knows nothing of models."""

from __future__ import annotations

import contextlib
import json
import logging
import logging.handlers
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.errors import AssistantError, BadInput, Missing
from assistant.events import Event, Failed, Heard, Noted, Pointed, Sound, TurnEnded, Wrote
from assistant.json_events import finding_to_json, to_json
from assistant.settings import Folders
from assistant.sound import audio
from assistant.sound.audio import Audio
from assistant.sound.portaudio_check import CHECK
from assistant.words.clean import clean

if TYPE_CHECKING:
    from assistant.doctor import Finding
    from assistant.sound.speaker import Playback, Speaker


class Console:
    """Standard output kept for ourselves: whatever a library prints goes to standard error instead."""

    def __init__(self, as_json: bool) -> None:
        self._json = as_json
        self._ended = False
        # Of a turn that never ended by itself: why, and what was typed.
        self.reason, self.heard = "failed", ""
        self._writing = self._lost = False
        sys.stdout.flush()
        self._saved = os.dup(1)
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")
        os.dup2(2, 1)

    def close(self) -> None:
        """Gives standard output back. With JSON the last line is always `ended`."""
        with contextlib.suppress(OSError, AssistantError):  # a reader that went away has taken all it wanted
            if self._json and not self._ended:
                self.event(TurnEnded(self.reason, self.heard))
        with contextlib.suppress(OSError):
            self._out.close()
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        os.dup2(self._saved, 1)
        os.close(self._saved)

    def tell(self, name: str, **facts: str) -> None:
        """An event beside those of a turn; nothing without JSON."""
        if self._json:
            self._line({"event": name, **facts})

    def say(self, line: str) -> None:
        if not self._json:
            self._print(line)

    def note(self, sentence: str) -> None:
        """Something to know, on standard error; with JSON an event too."""
        if self._json:
            self._line({"event": "noted", "message": sentence})
        print_error(clean(sentence))

    def fail(self, error: AssistantError) -> None:
        """A failure before or outside of a turn."""
        self.event(Failed.of(error))

    def finding(self, finding: Finding) -> None:
        if self._json:
            self._line(finding_to_json(finding))
        else:
            mark = {"ok": "✓", "note": "·", "missing": "✗"}[finding.state]
            self._print(f"{mark} {finding.what}: {finding.message}" + (f" {finding.hint}" if finding.hint else ""))

    def event(self, event: Event) -> None:
        """Shows one event of a turn."""
        if isinstance(event, Failed):
            self._end_line()
            print_error(clean(f"{event.message} {event.hint}"))
        if isinstance(event, Noted):
            self.note(event.message)
        elif self._json:
            self._json_event(event)
        else:
            self._text_event(event)

    def _json_event(self, event: Event) -> None:
        line = to_json(event)
        if line:
            self._ended = self._ended or isinstance(event, TurnEnded)
            self._line(line)

    def _text_event(self, event: Event) -> None:
        match event:
            case Heard(text) if text:
                self._print(f"You: {text}")
            case Wrote(text):
                self._write(text if self._writing else f"Hark: {text}")
                self._writing = True
            case Pointed(label, _, left, top, right, bottom):
                self._end_line()
                self._print(f"({label or 'there'}: {left},{top} to {right},{bottom})")
            case TurnEnded(reason="nothing heard"):
                self._print("I heard no speech.")
            case TurnEnded():
                self._end_line()

    def _end_line(self) -> None:
        if self._writing:
            self._print("")
        self._writing = False

    def _print(self, line: str) -> None:
        self._write(clean(line) + "\n")

    def _write(self, text: str) -> None:
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

    def _line(self, event: dict[str, Any] | None) -> None:
        self._print(json.dumps(event, ensure_ascii=False))


def print_error(line: str, end: str = "\n") -> None:
    """Says it on standard error; who closed that, or let it fill up, does not want to know."""
    with contextlib.suppress(OSError, ValueError):
        print(line, end=end, file=sys.stderr, flush=True)


class Played:
    """Takes a turn's events: shows them, and plays or writes their sound."""

    def __init__(self, device: str, target: Path | None, console: Console, aloud: bool = False) -> None:
        self._device, self._target, self._console = device, target, console
        self._blocks: list[Audio] = []
        self._speaker: Speaker | None = None
        self._playback: Playback | None = None
        self._mute = target is not None and not aloud
        if not self._mute:
            CHECK.begin()  # beside the models' loading
        self._last: TurnEnded | None = None

    def __enter__(self) -> Played:
        return self

    def __exit__(self, *_: object) -> None:
        if self._speaker:
            self._speaker.close()

    def on_event(self, event: Event) -> None:
        if isinstance(event, Sound):
            self._sound(event.audio)
        elif isinstance(event, TurnEnded) and event.reason != "interrupted":
            self._last = event  # shown when its sound is safe: it is always last, also after a failure
        else:
            self._console.event(event)

    def finish(self) -> AssistantError | None:
        """Writes the file (none when nothing was said), shows the turn's end and waits for the speaker.

        Returns what went wrong with the file."""
        failure = self._write()
        if failure:
            self._console.fail(failure)
        if self._last:
            self._console.event(self._last)
        if self._playback:
            # A sound server that dies calls back no more: do not wait for it for ever.
            self._playback.drain(self._playback.ahead + 5.0)
        return failure

    def _write(self) -> AssistantError | None:
        whole = audio.join(self._blocks)
        if self._target and whole:
            try:
                audio.write_wav(self._target, whole)
            except OSError as error:
                reason = f"“{self._target}” cannot be written: {error.strerror}."
                return BadInput("speak", reason, "Choose another file.")
        elif self._target:
            with contextlib.suppress(OSError):
                self._target.unlink()  # an older answer must not be taken for this one's
        return None

    def _sound(self, sound: Audio) -> None:
        if self._target:
            self._blocks.append(sound)
        self.play(sound)

    def play(self, sound: Audio) -> None:
        """Plays sound that is not the answer's, where there is a speaker and sound is wanted."""
        if self._speaker is None and not self._mute:
            from assistant.sound.portaudio import SoundSystemError
            from assistant.sound.speaker import open_speaker

            try:
                self._speaker = open_speaker(self._device)
                self._playback = self._speaker.open()
            except Missing as error:
                self._mute = True  # no speaker is no error: the words are on the screen
                if isinstance(error, SoundSystemError):
                    self._console.note(str(error))
        if self._playback:
            self._playback.write(sound)


def quiet() -> None:
    """Keeps libraries from warning on the terminal; what else they would say `environment` has switched off."""
    warnings.simplefilter("ignore")


def to_log(folders: Folders) -> None:
    """Sends the log to a rotating file that holds no words of the user, and nowhere else."""
    root = logging.getLogger()
    root.setLevel(logging.WARNING)
    for handler in [one for one in root.handlers if isinstance(one, _LogFile)]:
        root.removeHandler(handler)
        handler.close()
    try:
        folders.logs.mkdir(parents=True, exist_ok=True)
        made = _LogFile(folders.logs / "hark.log", maxBytes=1_000_000, backupCount=2, encoding="utf-8", delay=True)
        made.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        root.addHandler(made)
    except OSError:
        root.addHandler(logging.NullHandler())


class _LogFile(logging.handlers.RotatingFileHandler):
    """Hark's own log file."""
