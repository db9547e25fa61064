"""A message bus of the desktop that does not answer is left out before Qt is loaded, and that is said."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.support.message_buses import FAKES, READER, SESSION, clear, fake_bus, owner, real_bus
from ui.desktop import message_bus

__all__ = ["clear"]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="D-Bus is asked at the start on Linux alone")


@pytest.mark.parametrize("how", FAKES)
def test_a_session_bus_that_does_not_answer_is_left_out_and_told(
    clear: pytest.MonkeyPatch, tmp_path: Path, how: str
) -> None:
    with fake_bus(tmp_path / "bus", how) as address:
        clear.setenv(SESSION, f"unix:path={tmp_path / 'none'};{address},guid=12")
        assert message_bus.disable_silent_buses() == message_bus.SESSION_SILENT_TEXT
    assert os.environ[SESSION] == "disabled:" and not os.environ[READER]


@pytest.mark.parametrize("how", FAKES)
def test_a_bus_of_screen_readers_that_does_not_answer_is_left_out_and_the_session_bus_kept(
    clear: pytest.MonkeyPatch, tmp_path: Path, how: str
) -> None:
    with fake_bus(tmp_path / "bus", how) as address, real_bus() as (session, _):
        clear.setenv(READER, address)
        clear.setenv(SESSION, session)
        assert message_bus.disable_silent_buses() == message_bus.READER_SILENT_TEXT
    assert os.environ[READER] == "disabled:" and os.environ[SESSION] == session


def test_the_usual_place_of_a_session_bus_is_looked_at_too(clear: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clear.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert message_bus.disable_silent_buses() == "" and not os.environ[SESSION]
    with fake_bus(tmp_path / "bus", "accepts and is silent"):
        assert message_bus.disable_silent_buses() == message_bus.SESSION_SILENT_TEXT


@pytest.mark.parametrize("address", ["", "disabled:", "autolaunch:", "unix:path=/dev/null", "unix:path=/none", ";,=:%"])
def test_missing_message_bus_is_not_an_error(clear: pytest.MonkeyPatch, address: str) -> None:
    clear.setenv(SESSION, address)
    clear.setenv(READER, address)
    assert message_bus.disable_silent_buses() == ""
    assert os.environ[SESSION] == os.environ[READER] == address


def test_a_bus_that_answers_is_kept(clear: pytest.MonkeyPatch) -> None:
    clear.setattr(message_bus, "_BUS_TIMEOUT_S", 20.0)  # the machine may do other work
    with real_bus() as (session, _), real_bus() as (reader, _), owner(session, "org.a11y.Bus", reader):
        clear.setenv(SESSION, session)
        assert message_bus.disable_silent_buses() == "" and not os.environ[READER]
        bus = message_bus.BusConnection(session)
        assert bus.is_connected and bus.accessibility_address() == reader
        bus.close()


def test_a_bus_that_was_stopped_is_left_out(clear: pytest.MonkeyPatch) -> None:
    with real_bus() as (session, process):
        os.kill(process, signal.SIGSTOP)
        clear.setenv(SESSION, session)
        assert message_bus.disable_silent_buses() == message_bus.SESSION_SILENT_TEXT


def test_a_service_of_screen_readers_that_does_not_answer_is_left_out(clear: pytest.MonkeyPatch) -> None:
    with real_bus() as (session, _), owner(session, "org.a11y.Bus"):
        clear.setenv(SESSION, session)
        assert message_bus.disable_silent_buses() == message_bus.READER_SILENT_TEXT
        assert os.environ[READER] == "disabled:" and os.environ[SESSION] == session
