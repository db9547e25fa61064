"""Speaks with Piper's voices: VITS models (Kim et al., 2021) in ONNX that read eSpeak NG's phonemes."""

from __future__ import annotations

import os
import re
import threading
import unicodedata
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from onnxruntime.capi.onnxruntime_pybind11_state import Fail

from assistant.audio.clip import AudioClip, to_mono
from assistant.backends.espeak import CHINESE_VOICES, EspeakVoice, is_chinese
from assistant.backends.voice_errors import speaker_number
from assistant.errors import NotAvailableError
from assistant.interfaces import LoadOptions, Voice
from assistant.text.i18n import tr
from assistant.typed_reader import parse_json, read_as

_THREAD_COUNT = min(4, os.cpu_count() or 1)
_MAX_CONFIG_BYTES = 1_000_000
_INPUT_NAMES = ("input", "input_lengths", "scales")
_LANGUAGE_SWITCH = re.compile(r"\([^)]+\)")  # eSpeak's mark of a word in another language, such as "(fr)"
_CLAUSE_TAIL = re.compile(r"(\W*)\w?$")  # group 1: the marks after a clause, before the one letter read ahead
# The marks that the voices were trained with. They do not know Chinese and Indian marks, which still end sentences.
_VOICE_MARKS = {**{mark: mark for mark in ".,:;!?"}, "–": ";", "—": ";", "،": ",", "؛": ";", "؟": "?"}
_SENTENCE_ENDS = (".", "!", "?", "。", "！", "？", "।")
_VALID_RATES, _VALID_SPEAKER_COUNTS, _VALID_IDS = range(2_000, 192_001), range(10_001), range(1_000_000)
_EXTERNAL_LOCATION = b"\x0a\x08location"  # how ONNX encodes that weights lie in another file (external_data)
_SENTENCE_LIMIT_S, _PHONEME_LIMIT_S = 20.0, 0.2  # ends an endless loop in the model; slow processors need a tenth


class PiperVoice(Voice):
    """One speaker of a Piper voice. Chinese text for an English voice, and the reverse, is spoken by eSpeak instead.

    `phoneme_ids`: the numbers that stand for each phoneme in the model's input.
    `sample_rate_hz`: of the audio it makes."""

    def __init__(self, session: onnxruntime.InferenceSession, config: dict[str, Any], speaker: int | None) -> None:
        self._session, self._speaker = session, speaker
        self.sample_rate_hz = int(config["audio"]["sample_rate"])
        defaults = config.get("inference", {})
        self._noise_scale, self._length_scale = (
            float(defaults.get("noise_scale", 0.667)),
            float(defaults.get("length_scale", 1)),
        )
        self._duration_noise = float(defaults.get("noise_w", 0.8))
        self.phoneme_ids = {
            str(name): [int(number) for number in ids] for name, ids in config["phoneme_id_map"].items()
        }
        self._pad, self._begin, self._end = (self.phoneme_ids[name] for name in "_^$")
        if self.sample_rate_hz not in _VALID_RATES or not all(
            number in _VALID_IDS for ids in self.phoneme_ids.values() for number in ids
        ):
            raise ValueError("its config names no sound that can be")
        if {node.name for node in session.get_inputs()} != {*_INPUT_NAMES, *(["sid"] if speaker is not None else [])}:
            raise ValueError("its weights want something else than its config says")
        self._reads_letters = config.get("phoneme_type") == "text"
        language = config.get("language", {}).get("code", "en")
        self._espeak = EspeakVoice("en-us" if self._reads_letters else str(config["espeak"]["voice"]))
        self._is_chinese = language.startswith("zh") if self._reads_letters else self._espeak.language in CHINESE_VOICES
        self._fallback_voice = EspeakVoice("en-us")  # also speaks Chinese

    def synthesize(self, text: str) -> Generator[AudioClip, None, None]:
        """Yields the audio of each sentence; nothing for text that the voice cannot pronounce. Raises
        `AssistantError`, and `TimeoutError` where the model does not come to an end."""
        if is_chinese(text, otherwise=self._is_chinese) != self._is_chinese:
            self._fallback_voice.speed = self.speed
            yield from self._fallback_voice.synthesize(text)
            return
        for ids in self.split_sentences(text):
            sound = to_mono(np.clip(self._run_model(ids), -1, 1), self.sample_rate_hz)
            if len(sound.samples):
                yield sound

    def close(self) -> None:
        """Ends eSpeak's child processes."""
        self._espeak.close()
        self._fallback_voice.close()

    def split_sentences(self, text: str) -> Iterator[list[int]]:
        """The ids of each sentence as the voice was trained: begin, phonemes and marks with a pad after each, end.

        For a voice that reads letters, the letters of the text stand for phonemes."""
        if self._reads_letters:
            yield from self._with_boundaries(self._ids_of(text))
            return
        ids: list[int] = []
        for phonemes, read_text in self._espeak.phonemize_clauses(text):
            mark, ends_sentence = closing_marks(read_text)
            spoken = _LANGUAGE_SWITCH.sub("", phonemes) + mark + " " * (mark in (",", ":", ";"))
            ids += self._ids_of(spoken)
            if ends_sentence:
                yield from self._with_boundaries(ids)
                ids = []
        yield from self._with_boundaries(ids)

    def _ids_of(self, phonemes: str) -> list[int]:
        ids_by_letter = [
            self.phoneme_ids[letter] for letter in unicodedata.normalize("NFD", phonemes) if letter in self.phoneme_ids
        ]
        return [number for ids in ids_by_letter for number in (*ids, *self._pad)]

    def _with_boundaries(self, ids: list[int]) -> Iterator[list[int]]:
        if ids:
            yield [*self._begin, *self._pad, *ids, *self._end]

    def _run_model(self, ids: list[int]) -> Any:
        scales = [self._noise_scale, self._length_scale / self.speed, self._duration_noise]
        inputs: dict[str, Any] = {
            "input": np.array([ids], np.int64),
            "input_lengths": np.array([len(ids)], np.int64),
            "scales": np.array(scales, np.float32),
        }
        if self._speaker is not None:
            inputs["sid"] = np.array([self._speaker], np.int64)
        run_options = onnxruntime.RunOptions()
        run_options.log_severity_level = 4
        timer = threading.Timer(
            _SENTENCE_LIMIT_S + _PHONEME_LIMIT_S * len(ids), setattr, (run_options, "terminate", True)
        )
        timer.start()
        try:
            return np.asarray(self._session.run(None, inputs, run_options)[0], np.float32).reshape(-1)
        except Fail as error:
            if run_options.terminate:
                raise TimeoutError(tr("its weights did not come to an end")) from error
            raise
        finally:
            timer.cancel()
            timer.join()


def closing_marks(read_text: str) -> tuple[str, bool]:
    """The mark after a clause, or "", and whether it ends the sentence; as in Piper, three dots do not.

    read_text: what eSpeak read for the clause, see `EspeakVoice.phonemize_clauses`."""
    match = _CLAUSE_TAIL.search(read_text)
    tail = match[1] if match else ""
    mark = (
        next((letter for letter in tail if letter in _VOICE_MARKS or letter in _SENTENCE_ENDS), "")
        if "..." not in tail
        else ""
    )
    return _VOICE_MARKS.get(mark, ""), _VOICE_MARKS.get(mark, mark) in _SENTENCE_ENDS


def load_voice(options: LoadOptions) -> PiperVoice:
    """Loads the folder `options.model` (one `*.onnx` and its `*.onnx.json`), or an `*.onnx` in it, with its speaker
    `options.speaker`.

    The weights are read into memory, and refused where they refer to another file. Raises `NotAvailableError`, and
    whatever the library raises for a broken voice."""
    folder = Path(options.model)
    onnx_files = [folder] if folder.suffix == ".onnx" and folder.is_file() else sorted(folder.glob("*.onnx"))
    weights = onnx_files[0] if onnx_files and options.model else None
    if weights is None or not Path(f"{weights}.json").is_file():
        raise NotAvailableError(
            "speak",
            tr("The voice in “{folder}” has no .onnx file, or no .onnx.json beside it.").format(folder=folder),
            tr("Choose or get another voice."),
        )
    session_options = onnxruntime.SessionOptions()
    session_options.intra_op_num_threads = _THREAD_COUNT
    session_options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # other threads need the processor
    session_options.log_severity_level = 4
    with Path(f"{weights}.json").open("rb") as file:
        config = read_as(dict[str, Any], parse_json(file.read(_MAX_CONFIG_BYTES)), "its config")
    _check_phonemes(config, folder)
    weight_data = weights.read_bytes()
    if _EXTERNAL_LOCATION in weight_data:
        raise ValueError(tr("its weights name another file"))
    session = onnxruntime.InferenceSession(weight_data, session_options, providers=["CPUExecutionProvider"])
    names, count = dict(config.get("speaker_id_map") or {}), int(config.get("num_speakers", 1))
    if count not in _VALID_SPEAKER_COUNTS:
        raise ValueError("its config names too many speakers")
    return PiperVoice(session, config, speaker_number(options.speaker, names, count))


def _check_phonemes(config: dict[str, Any], folder: Path) -> None:
    """Raises `NotAvailableError` for a voice that expects an input other than eSpeak's phonemes or plain letters."""
    kind = config.get("phoneme_type", "espeak")
    if kind not in ("espeak", "text"):
        message = tr("The voice in “{folder}” expects “{kind}” as its input, which Hark cannot produce.")
        raise NotAvailableError(
            "speak", message.format(folder=folder, kind=str(kind)[:40]), tr("Choose or get another voice.")
        )
