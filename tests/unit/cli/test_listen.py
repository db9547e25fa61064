"""`hark listen` without a microphone, and what its options put into the settings."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from assistant.cli.arguments import parse_arguments
from assistant.cli.commands import listen as command
from assistant.cli.console import CommandConsole
from assistant.engine import engine as engine_module
from assistant.errors import AssistantError, NotAvailableError
from assistant.events import MicrophoneState, StateChanged
from assistant.paths import AppPaths
from assistant.settings import Settings, VoiceSettings
from tests.conftest import Ran


class FakeEngine:
    """Stands in for the engine and records the settings applied. `why_not` simulates a missing microphone."""

    created: ClassVar[list[FakeEngine]] = []
    why_not = ""

    def __init__(self, settings: Settings, _folders: AppPaths, on_event: Callable[[Any], None]) -> None:
        self.settings, self.configured, self._on_event = settings, [], on_event
        FakeEngine.created.append(self)

    def start(self) -> None:
        self._on_event(StateChanged("ready"))

    def set_hands_free(self, hands_free: bool) -> None:
        self._on_event(MicrophoneState(not FakeEngine.why_not, hands_free, FakeEngine.why_not))

    def apply_settings(self, settings: Settings) -> None:
        self.configured.append(settings)
        raise AssistantError("listen", "Ended.", "")

    def stop(self) -> None:
        pass


@pytest.fixture
def listen(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., FakeEngine]:
    """Runs the command until models would be loaded."""
    monkeypatch.setattr(engine_module, "Engine", FakeEngine)
    monkeypatch.setattr(FakeEngine, "why_not", "")

    def run(*arguments: str, settings: Settings | None = None) -> FakeEngine:
        options: argparse.Namespace = parse_arguments(["listen", *arguments])[0]
        console = CommandConsole(False)
        try:
            command.run_listen(options, settings or Settings(), AppPaths.locate(), console)
        except AssistantError as error:
            if error.message != "Ended.":
                raise
        finally:
            console.close()
        return FakeEngine.created[-1]

    return run


def test_models_are_loaded_only_when_there_is_a_microphone(
    listen: Callable[..., FakeEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = listen()
    assert not engine.settings.memory.preload and engine.configured[0].memory.preload
    monkeypatch.setattr(FakeEngine, "why_not", "There is no microphone. Connect one.")
    with pytest.raises(NotAvailableError, match="There is no microphone"):
        listen()
    assert not FakeEngine.created[-1].configured


def test_sound_system_that_says_nothing_ends_it(
    listen: Callable[..., FakeEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_MICROPHONE_TIMEOUT_S", 0.1)
    monkeypatch.setattr(FakeEngine, "set_hands_free", lambda *_, **__: None)
    with pytest.raises(NotAvailableError, match="does not answer"):
        listen()


def test_voice_option_leaves_speed_and_speaker_as_they_are(listen: Callable[..., FakeEngine]) -> None:
    chosen = replace(Settings(), voice=VoiceSettings("espeak/de", 2.0, "reader"))
    assert listen("--voice", "espeak/fr-fr", settings=chosen).configured[0].voice == VoiceSettings(
        "espeak/fr-fr", 2.0, "reader"
    )


def test_models_are_named_as_for_ask(listen: Callable[..., FakeEngine]) -> None:
    settings = listen("--transcriber", "whisper", "--model", "somewhere").configured[0]
    assert (settings.transcriber.backend, settings.transcriber.model) == ("whisper", "somewhere")
    settings = listen("--responder", "qwen2-vl", "--model", "elsewhere").configured[0]
    assert (settings.responder.backend, settings.responder.model) == ("qwen2-vl", "elsewhere")
    with pytest.raises(AssistantError, match="takes no --model"):
        listen("--responder", "starter", "--model", "x")


def test_listening_without_a_microphone_ends_before_models_are_loaded(
    hark: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "asound.conf").write_text("</usr/share/alsa/alsa.conf>\npcm.!default { type nosuch }\n")
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "asound.conf"))
    started = time.monotonic()
    ran = hark("listen", "--json", "--responder", "qwen2-vl", "--model", str(tmp_path / "none"))
    assert ran.code == 4 and ran.ended["reason"] == "failed" and time.monotonic() - started < 60
    failed = [event["message"] for event in ran.events if event["event"] == "failed"]
    assert failed == ["There is no microphone."], "the missing model was not looked for"
