"""Hears with Whisper (Radford et al., 2022) through faster-whisper. Knows nothing of microphones or of other models."""

from __future__ import annotations

import logging
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np

from assistant.audio import vad
from assistant.audio.clip import AudioClip
from assistant.backends.boundary import foreign_errors
from assistant.errors import AssistantError, NotAvailableError, first_line
from assistant.interfaces import LoadOptions, Transcriber
from assistant.text.i18n import tr

_log = logging.getLogger(__name__)


class WhisperTranscriber(Transcriber):
    """A loaded model. `device` is where it runs: "cuda" or "cpu"."""

    def __init__(self, model: Any, device: str, language: str, note: str = "") -> None:
        self._model, self.device, self._language, self.load_warning = model, device, language, note

    def transcribe(self, audio: AudioClip) -> Generator[str, None, None]:
        """Yields the transcript segment by segment; nothing for sound without speech."""
        if not vad.has_speech(audio):
            return
        segments, _ = self._model.transcribe(
            audio.resample(vad.SAMPLE_RATE_HZ),
            language=self._language or None,
            beam_size=1,
            vad_filter=True,
            condition_on_previous_text=False,
        )
        for segment in segments:
            yield segment.text


def load_transcriber(options: LoadOptions) -> WhisperTranscriber:
    """Loads the CTranslate2 folder or hub name `options.model`. Raises `Missing` when it cannot be loaded here."""
    import ctranslate2
    from faster_whisper import WhisperModel

    from assistant.backends import memory_budget

    if not options.model:
        raise NotAvailableError(
            "hear", tr("No Whisper model is chosen."), tr("Get one: hark models get whisper-small.")
        )
    on_card = options.device != "cpu" and ctranslate2.get_cuda_device_count() > 0
    name = options.name or "Whisper"
    note = (
        memory_budget.memory_warning(Path(options.model), options.gpu_memory_limit_gb)
        if on_card and options.device == "auto"
        else ""
    )
    if on_card and not note:
        model, reason = _load_on_cuda(options.model)
        if model:
            return WhisperTranscriber(model, "cuda", options.language)
        note = memory_budget.unusable_gpu_warning(name, reason)
    elif not on_card and options.device != "cpu":
        note = memory_budget.unseen_gpu_warning(name)
    model = _match_mels(WhisperModel(options.model, device="cpu", compute_type="int8", local_files_only=True))
    return WhisperTranscriber(model, "cpu", options.language, note)


def _load_on_cuda(folder: str) -> tuple[Any, str]:
    """The model on the GPU, or None and the reason: only when a one-second probe was really encoded there.

    CTranslate2 finds its CUDA libraries at the first use, so that loading alone proves nothing."""
    from faster_whisper import WhisperModel

    try:
        with foreign_errors("hear", folder, is_loading=True):
            _preload_cublas()
            model = _match_mels(WhisperModel(folder, device="cuda", compute_type="float16", local_files_only=True))
            model.encode(model.feature_extractor(np.zeros(vad.SAMPLE_RATE_HZ, np.float32)))
    except AssistantError as error:
        _log.info("CUDA is not used for Whisper: %s. Cure: pip install nvidia-cublas-cu12", error.__cause__)
        return None, first_line(error.__cause__ or error, 120)
    return model, ""


def _match_mels(model: Any) -> Any:
    """Where no preprocessor_config.json says how many mel bands the weights hear, they say it themselves."""
    from faster_whisper.feature_extractor import FeatureExtractor

    if len(model.feature_extractor.mel_filters) != model.model.n_mels:
        model.feature_extractor = FeatureExtractor(feature_size=model.model.n_mels)
    return model


def _preload_cublas() -> None:
    """CTranslate2 asks the loader for CUDA 12's cuBLAS by name; torch brings another version."""
    import ctypes

    from assistant import gpu

    for library in gpu.cublas_libraries():
        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
