"""Transcribes with Whisper (Radford et al., 2022) through faster-whisper and CTranslate2."""

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
    """A loaded Whisper model, on `device` "cuda" or "cpu"; `language` is a code, or "" to detect it."""

    def __init__(self, model: Any, device: str, language: str, load_warning: str = "") -> None:
        self._model, self.device, self._language, self.load_warning = model, device, language, load_warning

    def transcribe(self, audio: AudioClip) -> Generator[str, None, None]:
        """Yields the transcript segment by segment; nothing for audio without speech."""
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
    """Loads the CTranslate2 folder or hub name `options.model`, on the graphics card if it works there.

    Raises `NotAvailableError` where no model is named, and whatever the libraries raise for a broken one."""
    import ctranslate2
    from faster_whisper import WhisperModel

    from assistant.backends import memory_budget

    if not options.model:
        raise NotAvailableError(
            "hear", tr("No Whisper model is chosen."), tr("Get one: hark models get whisper-small.")
        )
    has_gpu = options.device != "cpu" and ctranslate2.get_cuda_device_count() > 0
    name = options.name or "Whisper"
    warning = (
        memory_budget.memory_warning(Path(options.model), options.gpu_memory_limit_gb)
        if has_gpu and options.device == "auto"
        else None
    )
    if has_gpu and not warning:
        model, reason = _load_on_cuda(options.model)
        if model:
            return WhisperTranscriber(model, "cuda", options.language)
        warning = memory_budget.unusable_gpu_warning(name, reason)
    elif not has_gpu and options.device != "cpu":
        warning = memory_budget.unseen_gpu_warning(name)
    model = _match_mels(WhisperModel(options.model, device="cpu", compute_type="int8", local_files_only=True))
    return WhisperTranscriber(model, "cpu", options.language, warning or "")


def _load_on_cuda(folder: str) -> tuple[Any, str]:
    """Loads the model on the GPU and encodes a second of silence there. Returns None and the reason where that fails.

    CTranslate2 looks for its CUDA libraries only at the first use, so loading alone proves nothing."""
    from faster_whisper import WhisperModel

    try:
        with foreign_errors("hear", folder, is_loading=True):
            preload_cublas()
            model = _match_mels(WhisperModel(folder, device="cuda", compute_type="float16", local_files_only=True))
            model.encode(model.feature_extractor(np.zeros(vad.SAMPLE_RATE_HZ, np.float32)))
    except AssistantError as error:
        _log.info("CUDA is not used for Whisper: %s. Cure: pip install nvidia-cublas-cu12", error.__cause__)
        return None, first_line(error.__cause__ or error, 120)
    return model, ""


def _match_mels(model: Any) -> Any:
    """Gives the model's feature extractor as many mel bands as its weights have, where no config file says how many."""
    from faster_whisper.feature_extractor import FeatureExtractor

    if len(model.feature_extractor.mel_filters) != model.model.n_mels:
        model.feature_extractor = FeatureExtractor(feature_size=model.model.n_mels)
    return model


def preload_cublas() -> None:
    """Loads CUDA 12's cuBLAS, which CTranslate2 then finds by name; torch brings another version."""
    import ctypes

    from assistant import gpu

    for library in gpu.cublas_libraries():
        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
