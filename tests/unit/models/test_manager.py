"""The models that the engine keeps: when they are loaded, let go, and replaced."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from assistant import events
from assistant.models.manager import ModelManager
from assistant.settings import MemorySettings, Settings
from tests.support.engine_harness import QUIET, InProcessEngine, wait_for


def test_models_are_let_go_when_nothing_is_asked_for_a_while(home: Path, no_thread_left: None) -> None:
    made = InProcessEngine(replace(QUIET, memory=MemorySettings(unload_after_minutes=0.2 / 60)))
    made.until(events.StateChanged, state="ready")
    shelf = made.engine._turns.session.models
    wait_for(lambda: not shelf.loaded_settings("responder") and not shelf.loaded_settings("voice"))
    made.engine.ask("and now?")
    made.until(events.ModelLoading, role="responder", done=True)
    made.until(events.TurnEnded, reason="answered")
    made.engine.stop()


def test_models_may_wait_for_the_first_question(home: Path, no_thread_left: None) -> None:
    made = InProcessEngine(replace(QUIET, memory=MemorySettings(preload=False)))
    made.until(events.StateChanged, state="ready")
    assert not made.engine._turns.session.models.loaded_settings("responder")
    made.engine.ask("and now?")
    made.until(events.TurnEnded, reason="answered")
    made.engine.stop()


def test_a_model_is_not_loaded_again_for_what_it_does_not_know(harness: InProcessEngine) -> None:
    harness.until(events.StateChanged, state="ready")
    harness.seen.clear()
    look = replace(QUIET.responder, default_prompt="Say what you see.", auto_describe=True, camera="1", video_frames=4)
    harness.engine.apply_settings(replace(QUIET, responder=look))
    harness.until(events.StateChanged, state="ready")
    assert not [one for one in harness.seen if isinstance(one, events.ModelLoading)]
    harness.engine.apply_settings(replace(QUIET, responder=replace(look, max_new_tokens=9)))
    harness.until(events.ModelLoading, role="responder")


def test_how_a_part_runs_is_told_once(home: Path) -> None:
    class Part:
        load_warning = "It runs on the processor, slower."

    shelf = ModelManager(home)
    told = [list(shelf._load_role("responder", "a model", Part)) for _ in range(2)]
    assert events.Notice(Part.load_warning) in told[0] and told[1] == []


def test_a_voice_that_came_later_takes_the_place_of_what_stood_in(home: Path, checkpoints: Path) -> None:
    settings = replace(Settings(), voice=replace(Settings().voice, id="piper/mine"))
    shelf = ModelManager(home)

    def voice() -> tuple[str, list[object]]:
        told = list(shelf._load_voice(settings))
        return type(shelf.loaded_settings("voice")).__name__, [one for one in told if isinstance(one, events.Notice)]

    assert voice()[0] == "EspeakVoice"
    assert voice() == ("EspeakVoice", []), "told once, and not tried at every question"
    shutil.copytree(checkpoints / "piper-random-1", home / "voices" / "mine")
    assert voice()[0] == "EspeakVoice"
    shelf.unload_fallbacks()
    assert voice() == ("PiperVoice", [])
    kept = shelf.loaded_settings("voice")
    shelf.unload_fallbacks()
    assert voice()[0] == "PiperVoice" and shelf.loaded_settings("voice") is kept
    shelf.close()
