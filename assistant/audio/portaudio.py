"""Lists, chooses and opens sound devices with PortAudio (through sounddevice)."""

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
PREFERRED_RATE_HZ = 48_000  # tried first, before the device's default rate
BLOCK_SECONDS = 0.01
CALLBACK_TIMEOUT_S = 1.5  # a device whose stream calls back less often counts as gone

DeviceKind = Literal["input", "output"]
_STAGES = {"input": "listen", "output": "speak"}
_DEVICE_NOUNS = {"input": tr_noop("microphone"), "output": tr_noop("speaker")}


class StreamHeartbeat:
    """Watches whether a stream still calls back. A frozen sound server does not end its streams, it only stops
    calling."""

    def __init__(self) -> None:
        self._last_tick, self._ended = time.monotonic(), False

    def record_tick(self) -> None:
        """Notes a callback."""
        self._last_tick = time.monotonic()

    def mark_ended(self) -> None:
        """Notes that the stream has finished."""
        self._ended = True

    @property
    def is_alive(self) -> bool:
        """Whether the stream has not finished and called back within `CALLBACK_TIMEOUT_S`."""
        return not self._ended and time.monotonic() - self._last_tick < CALLBACK_TIMEOUT_S


class SoundSystemError(NotAvailableError):
    """The sound system itself does not work, whatever devices there are."""


@contextlib.contextmanager
def guard_portaudio(replacement: NotAvailableError) -> Iterator[None]:
    """Raises `replacement` for any error of PortAudio or sounddevice; a `NotAvailableError` passes."""
    try:
        yield
    except NotAvailableError:
        raise
    except Exception as error:  # noqa: BLE001 - a foreign library; the errors it raises are not documented
        _log.info("PortAudio raised %s: %s", type(error).__name__, first_line(error))
        raise replacement from None


def load_sounddevice(stage: str) -> Any:
    """Imports sounddevice, which initialises PortAudio, and returns the module.

    Raises `NotAvailableError` if PortAudio is not installed, or would abort or hang this process (see
    `portaudio_check`). `stage` is the error's stage."""
    outcome = PORTAUDIO_CHECK.wait_for_outcome()
    if outcome == "silent":
        hint = tr("Start the sound server again; typed questions and files work without it.")
        raise SoundSystemError(stage, tr("The sound server does not answer."), hint)
    hint = tr(
        "Check the configuration of ALSA and PulseAudio (~/.asoundrc, /etc/asound.conf, client.conf); "
        "typed questions and files work without it."
    )
    start_error = SoundSystemError(stage, tr("The sound system cannot be started."), hint)
    if outcome:
        raise start_error
    with guard_portaudio(start_error):
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
    """Stops ALSA from printing messages about every device it tries; PortAudio reports real errors."""
    if sys.platform != "linux":
        return None
    handler = ctypes.CFUNCTYPE(None)(lambda: None)
    with contextlib.suppress(OSError):
        ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler(handler)
    return handler  # cached, because ALSA may call it at any time


def device_names(kind: DeviceKind) -> list[str]:
    """Names of the devices that can be chosen in the settings; [] without PortAudio."""
    list_error = NotAvailableError(_STAGES[kind], "", "")
    try:
        sounddevice = load_sounddevice(_STAGES[kind])
        with guard_portaudio(list_error):
            devices = sounddevice.query_devices()
    except NotAvailableError:
        return []
    return list(dict.fromkeys(device["name"] for device in devices if device[f"max_{kind}_channels"] > 0))


def choose_device(kind: DeviceKind, name: str) -> tuple[str | None, int, int]:
    """Resolves a device name of the settings, "" for the system's default.

    Returns PortAudio's name (None for the default), a sample rate in Hz and a number of channels that the device can
    open. Raises `NotAvailableError` if there is no such device."""
    stage, noun = _STAGES[kind], tr(_DEVICE_NOUNS[kind])
    sounddevice = load_sounddevice(stage)
    message, hint = (
        tr("There is no {what}.").format(what=noun),
        tr("Connect one; typed questions and files work without."),
    )
    if name:
        message = tr("The {what} “{name}” is not connected.").format(what=noun, name=name)
        hint = tr("Connect it, or choose another in the settings.")
    with guard_portaudio(NotAvailableError(stage, message, hint)):
        info = sounddevice.query_devices(name or None, kind)
        default_rate, max_channels = int(info["default_samplerate"]), int(info[f"max_{kind}_channels"])
    check = sounddevice.check_input_settings if kind == "input" else sounddevice.check_output_settings
    # Both channels of a stereo microphone: the sound server might mix them to silence (see `ChannelDownmix`).
    preferred_channels, other_channels = (2, 1) if kind == "input" and max_channels > 1 else (1, 2)
    for rate, channels in (
        (PREFERRED_RATE_HZ, preferred_channels),
        (PREFERRED_RATE_HZ, other_channels),
        (default_rate, preferred_channels),
    ):
        with contextlib.suppress(NotAvailableError), guard_portaudio(NotAvailableError(stage, message, hint)):
            check(device=name or None, channels=channels, samplerate=rate, dtype="float32")
            return name or None, rate, channels
    return name or None, default_rate, max_channels


def stream_opener(class_name: str, device: str | None, rate: int, channels: int) -> Callable[..., Any]:
    """Returns a function that opens a low-latency float32 stream; it takes the callbacks. `class_name` is
    sounddevice's."""
    import sounddevice

    stream_class = getattr(sounddevice, class_name)
    block_frames = int(rate * BLOCK_SECONDS)
    return functools.partial(
        stream_class,
        device=device,
        samplerate=rate,
        channels=channels,
        blocksize=block_frames,
        latency="low",
        dtype="float32",
    )


def close_stream(stream: Any, after_last_samples: bool = False) -> None:
    """Stops and closes a stream, at once or after its last samples. Errors are ignored."""
    with contextlib.suppress(NotAvailableError), guard_portaudio(NotAvailableError("sound", "", "")):
        if after_last_samples:
            stream.stop()
        else:
            stream.abort()
        stream.close()


def refresh_devices() -> None:
    """Makes PortAudio list the devices anew; only while no stream is open. Raises `NotAvailableError`."""
    sounddevice = load_sounddevice("listen")
    with guard_portaudio(
        NotAvailableError("listen", tr("The sound system cannot be started."), tr("Start the computer again."))
    ):
        sounddevice._terminate()
        sounddevice._initialize()
