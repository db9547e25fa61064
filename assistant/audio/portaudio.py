"""Which sound devices there are, and how PortAudio opens them. Knows nothing of what is played or recorded."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import logging
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

from assistant.audio.portaudio_check import PORTAUDIO_CHECK
from assistant.errors import NotAvailableError, first_line
from assistant.text.i18n import tr, tr_noop

_log = logging.getLogger(__name__)
PREFERRED_RATE_HZ = 48_000  # tried first; a device that cannot is opened at its own
BLOCK_SECONDS = 0.01
CALLBACK_TIMEOUT_S = 1.5  # seconds without a callback after which a device counts as gone

DeviceKind = Literal["input", "output"]
_STAGES = {"input": "listen", "output": "speak"}
_NAMES = {"input": tr_noop("microphone"), "output": tr_noop("speaker")}


class StreamHeartbeat:
    """Whether a stream still calls back. A frozen sound server ends no stream: it only falls silent."""

    def __init__(self) -> None:
        self._last, self._ended = time.monotonic(), False

    def record_tick(self) -> None:
        self._last = time.monotonic()

    def mark_ended(self) -> None:
        self._ended = True

    @property
    def is_alive(self) -> bool:
        return not self._ended and time.monotonic() - self._last < CALLBACK_TIMEOUT_S


class SoundSystemError(NotAvailableError):
    """There may be devices, but the system that leads to them does not work."""


@contextlib.contextmanager
def guard_portaudio(error: NotAvailableError) -> Iterator[None]:
    """The one guard at PortAudio's door: whatever it raises becomes this sentence."""
    try:
        yield
    except NotAvailableError:
        raise
    except Exception as error:  # noqa: BLE001 - it is a foreign library; what it raises cannot be listed
        _log.info("PortAudio raised %s: %s", type(error).__name__, first_line(error))
        raise error from None


def load_sounddevice(stage: str) -> Any:
    """The module sounddevice, with PortAudio initialised.

    Raises `Missing` where PortAudio is not installed, or would abort or hang this process (see `portaudio_check`)."""
    outcome = PORTAUDIO_CHECK.wait_for_outcome()
    if outcome == "silent":
        hint = tr("Start the sound server again; typed questions and files work without it.")
        raise SoundSystemError(stage, tr("The sound server does not answer."), hint)
    hint = tr(
        "Check the configuration of ALSA and PulseAudio (~/.asoundrc, /etc/asound.conf, client.conf); "
        "typed questions and files work without it."
    )
    failed = SoundSystemError(stage, tr("The sound system cannot be started."), hint)
    if outcome:
        raise failed
    with guard_portaudio(failed):
        try:
            import sounddevice
        except OSError:
            raise NotAvailableError(
                stage, tr("PortAudio is not installed."), tr("On Debian and Ubuntu: apt install libportaudio2")
            ) from None
        _silence_alsa()
        return sounddevice


@functools.cache
def _silence_alsa() -> object:
    """Keeps ALSA from writing on the terminal about every device that it tries. What matters PortAudio returns."""
    if sys.platform != "linux":
        return None
    nothing = ctypes.CFUNCTYPE(None)(lambda: None)
    with contextlib.suppress(OSError):
        ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler(nothing)
    return nothing  # cached, so that it lives as long as ALSA may call it


def device_names(kind: DeviceKind) -> list[str]:
    """The devices that can be chosen in the settings; [] without PortAudio."""
    nothing = NotAvailableError(_STAGES[kind], "", "")
    try:
        sounddevice = load_sounddevice(_STAGES[kind])
        with guard_portaudio(nothing):
            devices = sounddevice.query_devices()
    except NotAvailableError:
        return []
    return list(dict.fromkeys(device["name"] for device in devices if device[f"max_{kind}_channels"] > 0))


def choose_device(kind: DeviceKind, name: str) -> tuple[str | None, int, int]:
    """The device for a name of the settings ("" for the system's): PortAudio's name, rate and channels.

    Raises `Missing` when there is no such device."""
    stage, what = _STAGES[kind], tr(_NAMES[kind])
    sounddevice = load_sounddevice(stage)
    message, hint = (
        tr("There is no {what}.").format(what=what),
        tr("Connect one; typed questions and files work without."),
    )
    if name:
        message = tr("The {what} “{name}” is not connected.").format(what=what, name=name)
        hint = tr("Connect it, or choose another in the settings.")
    with guard_portaudio(NotAvailableError(stage, message, hint)):
        facts = sounddevice.query_devices(name or None, kind)
        default, most = int(facts["default_samplerate"]), int(facts[f"max_{kind}_channels"])
    check = sounddevice.check_input_settings if kind == "input" else sounddevice.check_output_settings
    # Of a microphone two, where it has two: mixing them elsewhere may leave nothing (see `Downmix`).
    first, second = (2, 1) if kind == "input" and most > 1 else (1, 2)
    for rate, channels in ((PREFERRED_RATE_HZ, first), (PREFERRED_RATE_HZ, second), (default, first)):
        with contextlib.suppress(NotAvailableError), guard_portaudio(NotAvailableError(stage, message, hint)):
            check(device=name or None, channels=channels, samplerate=rate, dtype="float32")
            return name or None, rate, channels
    return name or None, default, most


def stream_opener(class_name: str, device: str | None, rate: int, channels: int) -> Callable[..., Any]:
    """Opens a stream with a small buffer when called with its callbacks."""
    import sounddevice

    kind = getattr(sounddevice, class_name)
    block = int(rate * BLOCK_SECONDS)
    return functools.partial(
        kind, device=device, samplerate=rate, channels=channels, blocksize=block, latency="low", dtype="float32"
    )


def close_stream(stream: Any, after_last_samples: bool = False) -> None:
    """Ends a stream: after its last samples, or at once. One that cannot be ended is left alone."""
    with contextlib.suppress(NotAvailableError), guard_portaudio(NotAvailableError("sound", "", "")):
        if after_last_samples:
            stream.stop()
        else:
            stream.abort()
        stream.close()


def refresh_devices() -> None:
    """Makes PortAudio look at the machine's devices again. Only while no stream is open. Raises `Missing`."""
    sounddevice = load_sounddevice("listen")
    with guard_portaudio(
        NotAvailableError("listen", tr("The sound system cannot be started."), tr("Start the computer again."))
    ):
        sounddevice._terminate()
        sounddevice._initialize()
