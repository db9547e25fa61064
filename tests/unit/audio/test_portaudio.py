"""A broken ALSA or PulseAudio configuration or a silent sound server: text still works and the reason is reported."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assistant.audio import portaudio, portaudio_check
from assistant.audio.portaudio_check import PortAudioCheck
from assistant.errors import NotAvailableError
from tests.conftest import Ran

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="ALSA and PulseAudio are Linux's")

BASE = "</usr/share/alsa/alsa.conf>\n"
ABORTING = {
    "an empty configuration": "",
    "a number for all devices": "pcm 5\n",
    "a definition in terms of itself": BASE
    + "pcm.!default { @func concat strings [ { @func refer name pcm.default } ] }\n",
}
FAILING = {
    "garbage": "\0\1\2}{ [",
    "a block that does not end": "pcm.!default { type pulse",
    "an unknown kind of device": BASE + "pcm.!default { type nosuch }\n",
    "devices that lead to each other": BASE
    + 'pcm.!default { type plug slave.pcm "b" }\npcm.b { type plug slave.pcm "default" }\n',
}


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Takes an ALSA configuration for this process and its children."""

    def configure(text: str) -> None:
        (tmp_path / "asound.conf").write_text(text)
        monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "asound.conf"))

    return configure


@pytest.fixture
def silent_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, configured: Callable[[str], None]) -> Iterator[None]:
    """A sound server that accepts connections and never answers."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "native"))
        server.listen()
        monkeypatch.setenv("PULSE_SERVER", f"unix:{tmp_path / 'native'}")
        configured(BASE + "pcm.!default { type pulse }\nctl.!default { type pulse }\n")
        yield


@pytest.mark.parametrize("fault", ABORTING)
def test_configuration_that_aborts_portaudio_is_found_out_in_a_child(
    fault: str, configured: Callable[[str], None]
) -> None:
    configured(ABORTING[fault])
    assert PortAudioCheck().wait_for_outcome() == "broken", fault


@pytest.mark.parametrize("fault", ABORTING | FAILING)
def test_question_with_a_broken_configuration_is_answered(
    fault: str, configured: Callable[[str], None], hark: Callable[..., Ran]
) -> None:
    configured((ABORTING | FAILING)[fault])
    ran = hark("ask", "Hello?", "--json")
    assert ran.code == 0 and ran.ended["answer"], fault
    if fault in ABORTING:
        assert "The sound system cannot be started. Check the configuration" in ran.err


@pytest.mark.usefixtures("silent_server")
def test_question_with_a_silent_sound_server_is_answered(hark: Callable[..., Ran]) -> None:
    ran = hark("ask", "Hello?", "--json")
    assert ran.code == 0 and ran.ended["answer"] and "The sound server does not answer." in ran.err


def test_listening_with_a_broken_configuration_ends_in_a_sentence(
    configured: Callable[[str], None], hark: Callable[..., Ran]
) -> None:
    configured(ABORTING["an empty configuration"])
    ran = hark("listen")
    assert ran.code == 4 and "The sound system cannot be started. Check" in ran.err


def test_doctor_says_that_the_configuration_is_broken(
    configured: Callable[[str], None], hark: Callable[..., Ran]
) -> None:
    configured(ABORTING["an empty configuration"])
    checks = {event["what"]: event for event in hark("doctor", "--json").events if event["event"] == "checked"}
    assert checks["sound"]["state"] == "missing" and "cannot be started" in str(checks["sound"]["message"])


def test_check_is_made_again_when_the_configuration_changes_and_only_then(
    configured: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []
    popen = subprocess.Popen
    monkeypatch.setattr(portaudio_check.subprocess, "Popen", lambda *a, **k: started.append(a) or popen(*a, **k))
    check = PortAudioCheck()
    configured(BASE + "pcm.!default { type null }\n")
    assert (check.wait_for_outcome(), check.wait_for_outcome()) == ("", "") and len(started) == 1
    configured("pcm 5\n")
    assert (check.wait_for_outcome(), check.wait_for_outcome()) == ("broken", "broken") and len(started) == 2
    configured(BASE + "pcm.!default { type null }\n# mended\n")
    assert check.wait_for_outcome() == "" and len(started) == 3


@pytest.mark.usefixtures("silent_server")
def test_check_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portaudio_check, "_CHECK_TIMEOUT_S", 1.0)
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen
    monkeypatch.setattr(
        portaudio_check.subprocess, "Popen", lambda *a, **k: started.append(popen(*a, **k)) or started[-1]
    )
    assert PortAudioCheck().wait_for_outcome() == "silent"
    assert len(started) == 1 and started[0].poll() is not None


def test_check_that_hangs_is_ended_by_its_own_alarm(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "asound.conf")
    script = "from assistant.audio import portaudio_check as c; c._CHECK_TIMEOUT_S = 1.0; c.main()"
    environment = {**os.environ, "ALSA_CONFIG_PATH": str(tmp_path / "asound.conf")}
    assert subprocess.run([sys.executable, "-c", script], env=environment, timeout=60).returncode == -14


class UnlistedError(Exception):
    """An exception that PortAudio is not known to raise."""


def test_whatever_portaudio_raises_becomes_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    class FailingLibrary:
        def __getattr__(self, _: str) -> Callable[..., Any]:
            def fail(*_: Any, **__: Any) -> Any:
                raise UnlistedError

            return fail

    monkeypatch.setattr(portaudio, "load_sounddevice", lambda _stage: FailingLibrary())
    assert portaudio.device_names("input") == []
    for call in (
        lambda: portaudio.choose_device("input", ""),
        lambda: portaudio.choose_device("output", "x"),
        portaudio.refresh_devices,
    ):
        with pytest.raises(NotAvailableError):
            call()
    portaudio.close_stream(FailingLibrary())  # raises nothing
