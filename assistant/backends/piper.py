"""Speaks with Piper's voices, VITS (Kim et al., 2021) as ONNX over eSpeak NG's phonemes. Knows nothing of turns."""

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

_THREADS = min(4, os.cpu_count() or 1)
_MAX_CONFIG_BYTES = 1_000_000  # bytes of a config
_INPUTS = ("input", "input_lengths", "scales")
_OTHER_LANGUAGE = re.compile(r"\([^)]+\)")  # eSpeak's note that it reads a word in another one
_TAIL = re.compile(r"(\W*)\w?$")  # what stands between a clause and the letter that was read on
# As the voices were trained: Chinese and Indian marks are not among what they know, but end sentences.
_MARKS = {**{mark: mark for mark in ".,:;!?"}, "–": ";", "—": ";", "،": ",", "؛": ";", "؟": "?"}
_ENDS = (".", "!", "?", "。", "！", "？", "।")
_RATES, _SPEAKERS, _IDS = range(2_000, 192_001), range(10_001), range(1_000_000)
_ELSEWHERE = b"\x0a\x08location"  # how ONNX begins the name of a file that holds weights (external_data, field 1)
_SENTENCE_LIMIT_S, _PHONEME_LIMIT_S = 20.0, 0.2  # a loop in the weights ends then; slow processors take a tenth


class PiperVoice(Voice):
    """One speaker of a voice. A piece in the other one of English and Chinese is left to eSpeak's own voice."""

    def __init__(self, session: onnxruntime.InferenceSession, config: dict[str, Any], speaker: int | None) -> None:
        self._session, self._speaker = session, speaker
        self._rate = int(config["audio"]["sample_rate"])
        usual = config.get("inference", {})
        self._noise, self._length = float(usual.get("noise_scale", 0.667)), float(usual.get("length_scale", 1))
        self._noise_of_lengths = float(usual.get("noise_w", 0.8))
        self._ids = {str(name): [int(one) for one in ids] for name, ids in config["phoneme_id_map"].items()}
        self._pad, self._begin, self._end = (self._ids[name] for name in "_^$")
        if self._rate not in _RATES or not all(one in _IDS for ids in self._ids.values() for one in ids):
            raise ValueError("its config names no sound that can be")
        if {one.name for one in session.get_inputs()} != {*_INPUTS, *(["sid"] if speaker is not None else [])}:
            raise ValueError("its weights want something else than its config says")
        self._reads_letters = config.get("phoneme_type") == "text"
        language = config.get("language", {}).get("code", "en")
        self._espeak = EspeakVoice("en-us" if self._reads_letters else str(config["espeak"]["voice"]))
        self._is_chinese = language.startswith("zh") if self._reads_letters else self._espeak.language in CHINESE_VOICES
        self._stranger = EspeakVoice("en-us")  # which speaks Chinese too

    def synthesize(self, text: str) -> Generator[AudioClip, None, None]:
        """Yields the sound of each sentence; nothing for a text that has none."""
        if is_chinese(text, otherwise=self._is_chinese) != self._is_chinese:
            self._stranger.speed = self.speed
            yield from self._stranger.synthesize(text)
            return
        for ids in self._split_sentences(text):
            sound = to_mono(np.clip(self._run_model(ids), -1, 1), self._rate)
            if len(sound.samples):
                yield sound

    def close(self) -> None:
        self._espeak.close()
        self._stranger.close()

    def _split_sentences(self, text: str) -> Iterator[list[int]]:
        """Each sentence as the voice was trained to read it: begin, phonemes and marks with a pad after each, end. Of a
        voice that reads letters, the text is its own phonemes."""
        if self._reads_letters:
            yield from self._with_boundaries(self._ids_of(text))
            return
        ids: list[int] = []
        for phonemes, read in self._espeak.phonemize_clauses(text):
            mark, ends = closing_marks(read)
            spoken = _OTHER_LANGUAGE.sub("", phonemes) + mark + " " * (mark in (",", ":", ";"))
            ids += self._ids_of(spoken)
            if ends:
                yield from self._with_boundaries(ids)
                ids = []
        yield from self._with_boundaries(ids)

    def _ids_of(self, phonemes: str) -> list[int]:
        known = [self._ids[letter] for letter in unicodedata.normalize("NFD", phonemes) if letter in self._ids]
        return [number for ids in known for number in (*ids, *self._pad)]

    def _with_boundaries(self, ids: list[int]) -> Iterator[list[int]]:
        if ids:
            yield [*self._begin, *self._pad, *ids, *self._end]

    def _run_model(self, ids: list[int]) -> Any:
        scales = [self._noise, self._length / self.speed, self._noise_of_lengths]
        given: dict[str, Any] = {
            "input": np.array([ids], np.int64),
            "input_lengths": np.array([len(ids)], np.int64),
            "scales": np.array(scales, np.float32),
        }
        if self._speaker is not None:
            given["sid"] = np.array([self._speaker], np.int64)
        running = onnxruntime.RunOptions()
        running.log_severity_level = 4
        limit = threading.Timer(_SENTENCE_LIMIT_S + _PHONEME_LIMIT_S * len(ids), setattr, (running, "terminate", True))
        limit.start()
        try:
            return np.asarray(self._session.run(None, given, running)[0], np.float32).reshape(-1)
        except Fail as error:
            if running.terminate:
                raise TimeoutError(tr("its weights did not come to an end")) from error
            raise
        finally:
            limit.cancel()
            limit.join()


def closing_marks(read: str) -> tuple[str, bool]:
    """The mark that ends a clause for which eSpeak read so much, "" for none, and whether it ends a sentence too (as
    Piper has it: not three dots)."""
    found = _TAIL.search(read)
    tail = found[1] if found else ""
    mark = next((one for one in tail if one in _MARKS or one in _ENDS), "") if "..." not in tail else ""
    return _MARKS.get(mark, ""), _MARKS.get(mark, mark) in _ENDS


def load_voice(options: LoadOptions) -> PiperVoice:
    """Loads the folder `options.model` (one `*.onnx` and its `*.onnx.json`), or an `*.onnx` in it, with its speaker
    `options.speaker`.

    The weights are handed over as bytes, and refused where they name another file. Raises `Missing`, and whatever
    the library raises for a broken voice."""
    folder = Path(options.model)
    voices = [folder] if folder.suffix == ".onnx" and folder.is_file() else sorted(folder.glob("*.onnx"))
    weights = voices[0] if voices and options.model else None
    if weights is None or not Path(f"{weights}.json").is_file():
        raise NotAvailableError(
            "speak",
            tr("The voice in “{folder}” has no .onnx file, or no .onnx.json beside it.").format(folder=folder),
            tr("Choose or get another voice."),
        )
    wanted = onnxruntime.SessionOptions()
    wanted.intra_op_num_threads = _THREADS
    wanted.add_session_config_entry("session.intra_op.allow_spinning", "0")  # others need the processor in between
    wanted.log_severity_level = 4
    with Path(f"{weights}.json").open("rb") as file:
        config = read_as(dict[str, Any], parse_json(file.read(_MAX_CONFIG_BYTES)), "its config")
    _check_phonemes(config, folder)
    stored = weights.read_bytes()
    if _ELSEWHERE in stored:
        raise ValueError(tr("its weights name another file"))
    session = onnxruntime.InferenceSession(stored, wanted, providers=["CPUExecutionProvider"])
    names, count = dict(config.get("speaker_id_map") or {}), int(config.get("num_speakers", 1))
    if count not in _SPEAKERS:
        raise ValueError("its config names too many speakers")
    return PiperVoice(session, config, speaker_number(options.speaker, names, count))


def _check_phonemes(config: dict[str, Any], folder: Path) -> None:
    """Raises `Missing` for a voice that reads what Hark does not write: it would speak nonsense."""
    kind = config.get("phoneme_type", "espeak")
    if kind not in ("espeak", "text"):
        what = tr("The voice in “{folder}” expects “{kind}” as its input, which Hark cannot produce.")
        raise NotAvailableError(
            "speak", what.format(folder=folder, kind=str(kind)[:40]), tr("Choose or get another voice.")
        )
