"""Tells speech from other sound with Silero VAD (Silero Team, 2021). Knows nothing of words or devices."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from assistant.audio.clip import AudioClip

SAMPLE_RATE_HZ, FRAME_SAMPLES, _CONTEXT = 16_000, 512, 64
_AROUND = 3 * SAMPLE_RATE_HZ // 10


@cache
def _load_session() -> Any:
    import onnxruntime

    # The weights lie in faster-whisper's package; found without importing it, which would load CTranslate2.
    spec = importlib.util.find_spec("faster_whisper")
    assert spec and spec.origin
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    options.log_severity_level = 4
    weights = Path(spec.origin).parent / "assets" / "silero_vad_v6.onnx"
    return onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])


def speech_probabilities(audio: AudioClip) -> npt.NDArray[np.float32]:
    """How likely each 32 ms frame is speech, shape (frames,)."""
    samples = audio.resample(SAMPLE_RATE_HZ)
    samples = np.pad(samples, (0, -len(samples) % FRAME_SAMPLES))
    frames = samples.reshape(-1, FRAME_SAMPLES)
    before = np.roll(frames[:, -_CONTEXT:], 1, axis=0)
    before[:1] = 0
    state = np.zeros((1, 1, 128), np.float32)
    out, _, _ = _load_session().run(None, {"input": np.concatenate([before, frames], axis=1), "h": state, "c": state})
    return np.asarray(out, np.float32).reshape(-1)


def trim_silence(audio: AudioClip, threshold: float = 0.5, min_speech_frames: int = 5) -> AudioClip | None:
    """The sound at 16 kHz from the first to the last speech in it, with 0.3 s around; None where fewer than `frames`
    (160 ms) of it are speech: a click or hum never gets so far."""
    if audio.seconds < 0.1 or float(np.abs(audio.samples).max(initial=0.0)) < 1e-3:
        return None
    speech = np.flatnonzero(speech_probabilities(audio) > threshold)
    if len(speech) < min_speech_frames:
        return None
    start, end = FRAME_SAMPLES * speech[0] - _AROUND, FRAME_SAMPLES * (speech[-1] + 1) + _AROUND
    return AudioClip(audio.resample(SAMPLE_RATE_HZ)[max(0, start) : end], SAMPLE_RATE_HZ)


def has_speech(audio: AudioClip) -> bool:
    """Whether anything is said in it."""
    return trim_silence(audio) is not None


class SileroVad:
    """Silero frame by frame, for sound that is still coming. Quiet frames are not even shown to the network."""

    def __init__(self, min_rms: float = 0.002) -> None:
        self._quiet = min_rms
        self._state = [np.zeros((1, 1, 128), np.float32), np.zeros((1, 1, 128), np.float32)]
        self._before = np.zeros((1, _CONTEXT), np.float32)

    def speech_probability(self, frame: npt.NDArray[np.float32]) -> float:
        """How likely this frame of 512 samples at 16 kHz is speech, 0 to 1."""
        row = frame.reshape(1, FRAME_SAMPLES)
        before, self._before = self._before, row[:, -_CONTEXT:]
        if float(np.sqrt(np.mean(row * row))) < self._quiet:
            return 0.0
        out, *self._state = _load_session().run(
            None, {"input": np.concatenate([before, row], axis=1), "h": self._state[0], "c": self._state[1]}
        )
        return float(out.reshape(-1)[0])
