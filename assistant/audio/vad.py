"""Voice activity detection with Silero VAD v6 (Silero Team, 2021), as shipped with faster-whisper."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from assistant.audio.clip import AudioClip

SAMPLE_RATE_HZ, FRAME_SAMPLES, _CONTEXT_SAMPLES = 16_000, 512, 64
_MARGIN_SAMPLES = 3 * SAMPLE_RATE_HZ // 10


@cache
def _load_session() -> Any:
    import onnxruntime

    # The weights are in faster-whisper's package; importing it would load CTranslate2.
    spec = importlib.util.find_spec("faster_whisper")
    assert spec and spec.origin
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    options.log_severity_level = 4
    weights = Path(spec.origin).parent / "assets" / "silero_vad_v6.onnx"
    return onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])


def speech_probabilities(audio: AudioClip) -> npt.NDArray[np.float32]:
    """The probability of speech in each 32 ms frame, shape (frames,)."""
    samples = audio.resample(SAMPLE_RATE_HZ)
    samples = np.pad(samples, (0, -len(samples) % FRAME_SAMPLES))
    frames = samples.reshape(-1, FRAME_SAMPLES)
    context = np.roll(frames[:, -_CONTEXT_SAMPLES:], 1, axis=0)
    context[:1] = 0
    state = np.zeros((1, 1, 128), np.float32)
    probabilities, _, _ = _load_session().run(
        None, {"input": np.concatenate([context, frames], axis=1), "h": state, "c": state}
    )
    return np.asarray(probabilities, np.float32).reshape(-1)


def trim_silence(audio: AudioClip, threshold: float = 0.5, min_speech_frames: int = 5) -> AudioClip | None:
    """Cuts off what comes before the first and after the last speech, with a margin of 0.3 s; the result is at 16 kHz.

    None if fewer than `min_speech_frames` frames of 32 ms have a probability over `threshold`, as with a click or
    hum."""
    if audio.seconds < 0.1 or float(np.abs(audio.samples).max(initial=0.0)) < 1e-3:
        return None
    speech = np.flatnonzero(speech_probabilities(audio) > threshold)
    if len(speech) < min_speech_frames:
        return None
    start, end = FRAME_SAMPLES * speech[0] - _MARGIN_SAMPLES, FRAME_SAMPLES * (speech[-1] + 1) + _MARGIN_SAMPLES
    return AudioClip(audio.resample(SAMPLE_RATE_HZ)[max(0, start) : end], SAMPLE_RATE_HZ)


def has_speech(audio: AudioClip) -> bool:
    """Whether the clip contains speech."""
    return trim_silence(audio) is not None


class SileroVad:
    """Silero VAD for a stream, frame by frame. Frames with an RMS below `min_rms` skip the network."""

    def __init__(self, min_rms: float = 0.002) -> None:
        self._min_rms = min_rms
        self._state = [np.zeros((1, 1, 128), np.float32), np.zeros((1, 1, 128), np.float32)]
        self._context = np.zeros((1, _CONTEXT_SAMPLES), np.float32)

    def speech_probability(self, frame: npt.NDArray[np.float32]) -> float:
        """The probability of speech, 0 to 1, in a frame of 512 samples at 16 kHz, shape (512,)."""
        row = frame.reshape(1, FRAME_SAMPLES)
        context, self._context = self._context, row[:, -_CONTEXT_SAMPLES:]
        if float(np.sqrt(np.mean(row * row))) < self._min_rms:
            return 0.0
        probability, *self._state = _load_session().run(
            None, {"input": np.concatenate([context, row], axis=1), "h": self._state[0], "c": self._state[1]}
        )
        return float(probability.reshape(-1)[0])
