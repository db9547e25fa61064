"""Which models fit a computer and its graphics card, and how that is said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from assistant import gpu as driver
from assistant.gpu import GraphicsCard
from assistant.models.catalog import CATALOG, recommended
from ui.dialogs.models_dialog import model_facts


@pytest.mark.parametrize(
    ("memory", "names"),
    [(1, []), (4, ["whisper-small"]), (16, ["whisper-small", "qwen2-vl-2b"]), (64, ["whisper-small", "qwen2-vl-7b"])],
)
def test_recommended_models_fit_the_memory(memory: float, names: list[str]) -> None:
    voice = ["piper-ljspeech"] if memory > 1 else []
    assert [entry.name for entry in recommended(memory)] == names + voice
    assert [entry.name for entry in recommended(memory, "zh")] == names + ["piper-huayan"] * len(voice)


def smi(folder: Path, smi_output: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """NVIDIA's driver on a machine that has none."""
    script = folder / "nvidia-smi"
    script.write_text(f"#!/bin/sh\nprintf '{smi_output}'\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


@pytest.mark.parametrize(
    ("smi_output", "cards"),
    [
        ("", []),
        ("NVIDIA GB10, [N/A]\\n", [GraphicsCard("NVIDIA GB10", 0.0)]),
        ("A, B, 1000 MiB\\nC, 2000 MiB\\n", [GraphicsCard("A, B", 1.048576), GraphicsCard("C", 2.097152)]),
        ("Failed to initialize NVML: Driver/library version mismatch\\n", []),
        ("No devices were found\\n' && exit 6 '", []),
        ("\\377\\200, 16 MiB\\n", [GraphicsCard("\N{REPLACEMENT CHARACTER}" * 2, 16 * 2**20 / 1e9)]),
        (
            "A\\033[2J, -5 MiB\\nB, 1e999 MiB\\nC, " + "9" * 5000 + " MiB\\n",
            [GraphicsCard("A[2J", 0), GraphicsCard("B", 0), GraphicsCard("C", 0)],
        ),
        ("A, ² MiB\\n" * 100, [GraphicsCard("A", 0.0)] * 64),
    ],
)
def test_cards_are_read_from_the_drivers_output(
    smi_output: str, cards: list[GraphicsCard], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    smi(tmp_path, smi_output, monkeypatch)
    assert driver.list_cards() == cards


def test_quantised_model_fits_by_the_memory_of_the_card() -> None:
    entry = CATALOG["qwen2-vl-7b-awq"]
    assert (
        "too large" in model_facts(entry, 64)
        and "too large" in model_facts(entry, 64, 8)
        and "too large" not in model_facts(entry, 4, 9)
    )


def test_needed_memory_of_each_model_is_shown() -> None:
    assert model_facts(CATALOG["qwen2-vl-2b"], 4) == (
        "4.4 GB to fetch · 6.4 GB of memory · on a graphics card 5.5 GB · too large for this computer · Apache-2.0"
    )
    assert "quantised (AWQ, 4 bits), for graphics cards, not tried" in model_facts(CATALOG["qwen2-vl-7b-awq"], 64)
    assert model_facts(CATALOG["piper-cori"], 64) == "0.1 GB to fetch · 0.6 GB of memory · English · MIT"
