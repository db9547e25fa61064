"""The models' view, against a hub of our own: got, paused, gone on with, used, removed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from assistant.library.catalogue import CATALOGUE, fitting
from tests import hub as hubs
from tests.hub import Hub
from ui.models import Models, facts

FILES = {"config.json": b"{}", "model.bin": b"\1" * 2_000_000, "tokenizer.json": b"{}"}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with hubs.started(Hub(dict(FILES))) as made:
        for name, value in (
            ("HF_ENDPOINT", made.address), ("HF_HOME", str(tmp_path / "hf")), ("HF_HUB_OFFLINE", "0"),
            ("NO_PROXY", "127.0.0.1"),
        ):  # fmt: skip
            monkeypatch.setenv(name, value)
        yield made


@pytest.fixture
def view(hub: Hub) -> Iterator[Models]:
    application = QApplication.instance() or QApplication([])
    parent = QWidget()
    made = Models(parent)
    made.choices, made.words = [], []  # type: ignore[attr-defined]
    made.chosen.connect(lambda *given: made.choices.append(given))  # type: ignore[attr-defined]
    made.told.connect(made.words.append)  # type: ignore[attr-defined]
    made.show()
    yield made
    made.done(0)
    QTest.qWait(50)
    parent.deleteLater()
    application.processEvents()


def until(met: Any) -> None:
    for _ in range(400):
        if met():
            return
        QTest.qWait(50)
    pytest.fail("not within 20 s")


def test_a_model_is_got_used_and_removed(view: Models, hub: Hub) -> None:
    row = view.rows["whisper-tiny"]
    row.buttons["get"].click()
    assert row.buttons["stop"].isVisible() and not row.buttons["get"].isVisible()
    until(lambda: "used" in row.state.text())
    assert view.choices == [("hear", "model", "whisper-tiny"), ("hear", "transcriber", "whisper")]  # type: ignore[attr-defined]
    assert view.words == ["Fetching whisper-tiny", "whisper-tiny is here", "whisper-tiny is used now"]  # type: ignore[attr-defined]
    view.look()
    until(lambda: row.buttons["remove"].isVisible())
    row.buttons["remove"].click()
    until(lambda: row.buttons["get"].isVisible())


def test_it_is_paused_and_goes_on(view: Models, hub: Hub) -> None:
    hub.cuts = 3  # each makes it wait a little
    row = view.rows["whisper-tiny"]
    row.buttons["get"].click()
    until(lambda: row.bar.value() > 100)
    row.buttons["stop"].click()
    until(lambda: "Paused" in row.state.text())
    hub.cuts = 0
    hub.asked.clear()
    row.buttons["get"].click()
    until(lambda: "used" in row.state.text())
    assert any(wanted for name, wanted in hub.asked if name == "model.bin"), hub.asked


def test_a_failure_is_a_sentence(view: Models, hub: Hub) -> None:
    hub.wrong["model.bin"] = b"\2" * 2_000_000
    row = view.rows["whisper-tiny"]
    row.buttons["get"].click()
    until(lambda: "other content" in row.state.text())
    assert row.buttons["get"].isVisible()


@pytest.mark.parametrize(
    ("memory", "names"),
    [(1, []), (4, ["whisper-small"]), (16, ["whisper-small", "qwen2-vl-2b"]), (64, ["whisper-small", "qwen2-vl-7b"])],
)
def test_what_fits_a_computer(memory: float, names: list[str]) -> None:
    voice = ["piper-ljspeech"] if memory > 1 else []
    assert [one.name for one in fitting(memory)] == names + voice
    assert [one.name for one in fitting(memory, "zh")] == names + ["piper-huayan"] * len(voice)


def test_a_voice_is_got_and_used(view: Models, hub: Hub) -> None:
    row = view.rows["piper-ljspeech"]
    for file in ("a.onnx", "a.onnx.json"):
        hub.files[f"{row.entry.folder}/{file}"] = file.encode()
    row.buttons["get"].click()
    until(lambda: "used" in row.state.text())
    assert view.choices == [("speak", "voice", "piper/piper-ljspeech")]  # type: ignore[attr-defined]


def test_a_quantised_model_is_not_used_before_its_packages_are_here(view: Models, hub: Hub) -> None:
    row = view.rows["qwen2-vl-2b-awq"]
    weights = b"\x02\0\0\0\0\0\0\0{}"
    hub.files |= {"tokenizer_config.json": b"{}", "model.safetensors": weights}
    row.buttons["get"].click()
    until(lambda: "pip install optimum gptqmodel" in row.state.text())
    assert view.choices == [] and row.buttons["use"].isVisible()  # type: ignore[attr-defined]


def test_what_each_needs_is_said() -> None:
    assert facts(CATALOGUE["qwen2-vl-2b"], 4) == (
        "4.4 GB to fetch · 6.4 GB of memory · on a graphics card 5.5 GB · too large for this computer · Apache-2.0"
    )
    assert "quantised (AWQ, 4 bits), for graphics cards" in facts(CATALOGUE["qwen2-vl-7b-awq"], 64)
    assert facts(CATALOGUE["piper-cori"], 64) == "0.1 GB to fetch · 0.6 GB of memory · English · MIT"
