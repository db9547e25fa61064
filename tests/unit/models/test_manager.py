"""The models that the engine keeps: when they are loaded, let go, and replaced."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from assistant import backends, events
from assistant.interfaces import Responder
from assistant.models.manager import ModelManager
from assistant.settings import MemorySettings, Settings
from tests.support.engine_harness import QUIET, InProcessEngine


def test_idle_models_are_unloaded_and_loaded_again_for_a_question(
    home: Path, no_thread_left: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    unloaded = threading.Event()
    close_all = ModelManager.close
    monkeypatch.setattr(ModelManager, "close", lambda manager: (close_all(manager), unloaded.set()))
    engine = InProcessEngine(replace(QUIET, memory=MemorySettings(unload_after_minutes=0.2 / 60)))
    engine.until(events.StateChanged, state="ready")
    assert unloaded.wait(120)
    engine.engine.ask("and now?")
    engine.until(events.ModelLoading, role="responder", is_loaded=True)
    engine.until(events.TurnEnded, reason="answered")
    engine.engine.stop()


def test_models_that_are_not_preloaded_are_loaded_for_the_first_question(home: Path, no_thread_left: None) -> None:
    engine = InProcessEngine(replace(QUIET, memory=MemorySettings(preload=False)))
    engine.until(events.StateChanged, state="ready")
    assert not [event for event in engine.seen if isinstance(event, events.ModelLoading)]
    engine.engine.ask("and now?")
    engine.until(events.TurnEnded, reason="answered")
    engine.engine.stop()


def test_model_is_loaded_again_only_for_settings_that_affect_loading(harness: InProcessEngine) -> None:
    harness.until(events.StateChanged, state="ready")
    harness.seen.clear()
    look = replace(QUIET.responder, default_prompt="Say what you see.", auto_describe=True, camera="1", video_frames=4)
    harness.engine.apply_settings(replace(QUIET, responder=look))
    harness.until(events.StateChanged, state="ready")
    assert not [event for event in harness.seen if isinstance(event, events.ModelLoading)]
    harness.engine.apply_settings(replace(QUIET, responder=replace(look, max_new_tokens=9)))
    harness.until(events.ModelLoading, role="responder")


def test_load_warning_is_reported_only_when_the_model_is_loaded(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class SlowResponder(Responder):
        load_warning = "It runs on the processor, slower."

    monkeypatch.setattr(backends, "load_responder", lambda name, options: SlowResponder())
    manager = ModelManager(home)
    first, second = (list(manager.load_backends(QUIET, hears=False)) for _ in range(2))
    assert events.Notice(SlowResponder.load_warning) in first and second == []


def test_voice_that_is_installed_later_replaces_its_fallback(home: Path, checkpoints: Path) -> None:
    settings = replace(QUIET, voice=replace(Settings().voice, id="piper/mine"))
    manager = ModelManager(home)

    def load_voice() -> tuple[str, list[object]]:
        notices = [event for event in manager.load_backends(settings, hears=False) if isinstance(event, events.Notice)]
        return type(manager.loaded_backend("voice")).__name__, notices

    assert load_voice()[0] == "EspeakVoice"
    assert load_voice() == ("EspeakVoice", []), "reported once, and not tried at every question"
    shutil.copytree(checkpoints / "piper-random-1", home / "voices" / "mine")
    assert load_voice()[0] == "EspeakVoice"
    manager.unload_fallbacks()
    assert load_voice() == ("PiperVoice", [])
    piper_voice = manager.loaded_backend("voice")
    manager.unload_fallbacks()
    assert load_voice()[0] == "PiperVoice" and manager.loaded_backend("voice") is piper_voice
    manager.close()
