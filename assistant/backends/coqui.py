"""Speaks with Coqui's VITS voices (Kim et al., 2021) through coqui-tts."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Generator
from pathlib import Path
from typing import Any

import torch

from assistant.audio.clip import AudioClip, to_mono
from assistant.backends import memory_budget
from assistant.backends.voice_errors import speaker_number
from assistant.errors import NotAvailableError
from assistant.interfaces import LoadOptions, Voice
from assistant.text.i18n import tr

_CHARACTER_CLASSES = (
    "TTS.tts.models.vits.VitsCharacters",
    "TTS.tts.utils.text.characters.Graphemes",
    "TTS.tts.utils.text.characters.IPAPhonemes",
)
WEIGHT_FILES = ("model.safetensors", "model_file.pth", "best_model.pth", "model.pth")


class CoquiVoice(Voice):
    """One speaker of a loaded VITS checkpoint."""

    def __init__(self, model: Any, speaker: int | None) -> None:
        self._model, self._speaker = model, speaker
        self._rate = int(model.config.audio.sample_rate)
        self._default_length_scale = float(model.length_scale)

    def synthesize(self, text: str) -> Generator[AudioClip, None, None]:
        """Yields the audio of the text in one block; nothing for text without a letter that the voice knows."""
        with torch.inference_mode(), contextlib.redirect_stdout(io.StringIO()):
            ids = self._model.tokenizer.text_to_ids(text) if any(c.isalnum() for c in text) else []
            if not ids:
                return
            aux_input: dict[str, Any] = {"x_lengths": torch.tensor([len(ids)])}
            if self._speaker is not None:
                aux_input["speaker_ids"] = torch.tensor([self._speaker])
            self._model.length_scale = self._default_length_scale / self.speed
            wave = self._model.inference(torch.tensor([ids]), aux_input=aux_input)["model_outputs"]
            sound = to_mono(wave.squeeze().float().cpu().numpy().reshape(-1), self._rate)
        if len(sound.samples):
            yield sound


def load_voice(options: LoadOptions) -> CoquiVoice:
    """Loads the folder `options.model` (`config.json` and weights) with its speaker `options.speaker`.

    Pickled weights are read weights-only, so that no code in them runs. Raises `NotAvailableError`, and whatever the
    libraries raise for a broken voice."""
    folder = Path(options.model)
    config_path, weights = folder / "config.json", _find_weights(folder)
    if weights is None or not config_path.is_file():
        raise NotAvailableError(
            "speak",
            tr("The voice in “{folder}” has no config.json or no weights.").format(folder=folder),
            tr("Choose or get another voice."),
        )
    with contextlib.redirect_stdout(io.StringIO()):
        state = _load_state(weights)
        # A layer with weight norm registers its weight, and then the two tensors that replace it.
        with memory_budget.parameter_limit(3 * sum(tensor.numel() for tensor in state.values())):
            model = _build_vits(config_path)
        model.load_state_dict(state)
    model.eval()
    names = dict(getattr(getattr(model, "speaker_manager", None), "name_to_id", {}) or {})
    return CoquiVoice(model, speaker_number(options.speaker, names, int(getattr(model, "num_speakers", 0) or 0)))


def _find_weights(folder: Path) -> Path | None:
    return next((folder / name for name in WEIGHT_FILES if (folder / name).is_file()), None)


def _build_vits(config_path: Path) -> Any:
    from TTS.config import load_config
    from TTS.tts.models.vits import Vits
    from TTS.tts.utils.text import cleaners

    config = load_config(str(config_path))
    if config.model != "vits":
        raise ValueError(f"it is a {config.model} model, not VITS")
    if config.characters and (config.characters.characters_class or _CHARACTER_CLASSES[0]) not in _CHARACTER_CLASSES:
        raise ValueError("its config names a class to import")
    if config.text_cleaner and not hasattr(cleaners, config.text_cleaner):
        raise ValueError(f"it needs an unknown text cleaner, {config.text_cleaner}")
    # Paths in a voice's config are those of the machine that trained it, or web addresses: the files are looked for
    # beside the config, and those that only training or voice cloning needs are not opened at all.
    for holder in (config, config.model_args):
        for name in ("speakers_file", "speaker_file", "language_ids_file"):
            if path := getattr(holder, name, None):
                setattr(holder, name, str(config_path.parent / Path(path).name))
        for name in ("d_vector_file", "speaker_encoder_model_path", "speaker_encoder_config_path"):
            if getattr(holder, name, None):
                setattr(holder, name, None)
    config.model_args.init_discriminator = False  # only training needs it
    return Vits(config)


def _load_state(weights: Path) -> dict[str, Any]:
    if weights.suffix == ".safetensors":
        from safetensors.torch import load_file

        state: dict[str, Any] = load_file(str(weights))
    else:
        state = torch.load(str(weights), map_location="cpu", weights_only=True)
        state = dict(state.get("model", state))
    return {name: value for name, value in state.items() if not name.startswith(("disc.", "speaker_encoder."))}
