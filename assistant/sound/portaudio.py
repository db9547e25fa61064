"""Which sound devices there are, and how PortAudio opens them. Knows nothing of what is played or recorded."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import sys
import time
from collections.abc import Callable
from typing import Any, Literal

from assistant.errors import Missing
from assistant.words.tongue import mark, tr

RATE = 48_000  # tried first; a device that cannot is opened at its own
BLOCK_SECONDS = 0.01
PATIENCE = 1.5  # seconds without a callback after which a device counts as gone

Kind = Literal["input", "output"]
_STAGES = {"input": "listen", "output": "speak"}
_NAMES = {"input": mark("microphone"), "output": mark("speaker")}


class Heartbeat:
    """Whether a stream still calls back. A frozen sound server ends no stream: it only falls silent."""

    def __init__(self) -> None:
        self._last, self._ended = time.monotonic(), False

    def tick(self) -> None:
        self._last = time.monotonic()

    def end(self) -> None:
        self._ended = True

    @property
    def alive(self) -> bool:
        return not self._ended and time.monotonic() - self._last < PATIENCE


def library(stage: str) -> Any:
    """The module sounddevice. Raises `Missing` when PortAudio is not installed."""
    try:
        import sounddevice
    except OSError:
        raise Missing(
            stage, tr("PortAudio is not installed."), tr("On Debian and Ubuntu: apt install libportaudio2")
        ) from None
    _hush()
    return sounddevice


@functools.cache
def _hush() -> object:
    """Keeps ALSA from writing on the terminal about every device that it tries. What matters PortAudio returns."""
    if sys.platform != "linux":
        return None
    nothing = ctypes.CFUNCTYPE(None)(lambda: None)
    with contextlib.suppress(OSError):
        ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler(nothing)
    return nothing  # cached, so that it lives as long as ALSA may call it


def errors() -> tuple[type[Exception], ...]:
    """What opening a stream may raise."""
    import sounddevice

    return (sounddevice.PortAudioError, ValueError)


def names(kind: Kind) -> list[str]:
    """The devices that can be chosen in the settings; [] without PortAudio."""
    try:
        sounddevice = library(_STAGES[kind])
    except Missing:
        return []
    try:
        found = sounddevice.query_devices()
    except (ValueError, sounddevice.PortAudioError):
        return []
    return list(dict.fromkeys(one["name"] for one in found if one[f"max_{kind}_channels"] > 0))


def choose(kind: Kind, name: str) -> tuple[str | None, int, int]:
    """The device for a name of the settings ("" for the system's): PortAudio's name, rate and channels.

    Raises `Missing` when there is no such device."""
    stage, what = _STAGES[kind], _NAMES[kind]
    sounddevice = library(stage)
    try:
        facts = sounddevice.query_devices(name or None, kind)
    except (ValueError, sounddevice.PortAudioError):
        if name:
            hint = tr("Connect it, or choose another in the settings.")
            raise Missing(
                stage, tr("The {what} “{name}” is not connected.").format(what=tr(what), name=name), hint
            ) from None
        raise Missing(
            stage,
            tr("There is no {what}.").format(what=tr(what)),
            tr("Connect one; typed questions and files work without."),
        ) from None
    check = sounddevice.check_input_settings if kind == "input" else sounddevice.check_output_settings
    # Of a microphone two, where it has two: mixing them elsewhere may leave nothing (see `Downmix`).
    first, second = (2, 1) if kind == "input" and facts["max_input_channels"] > 1 else (1, 2)
    for rate, channels in ((RATE, first), (RATE, second), (int(facts["default_samplerate"]), first)):
        try:
            check(device=name or None, channels=channels, samplerate=rate, dtype="float32")
            return name or None, rate, channels
        except (ValueError, sounddevice.PortAudioError):
            continue
    return name or None, int(facts["default_samplerate"]), int(facts[f"max_{kind}_channels"])


def opener(stream: str, device: str | None, rate: int, channels: int) -> Callable[..., Any]:
    """Opens a stream with a small buffer when called with its callbacks."""
    import sounddevice

    kind = getattr(sounddevice, stream)
    block = int(rate * BLOCK_SECONDS)
    return functools.partial(
        kind, device=device, samplerate=rate, channels=channels, blocksize=block, latency="low", dtype="float32"
    )


def refresh() -> None:
    """Makes PortAudio look at the machine's devices again. Only while no stream is open."""
    sounddevice = library("listen")
    sounddevice._terminate()
    sounddevice._initialize()
