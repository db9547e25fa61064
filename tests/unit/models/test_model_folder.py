"""A model that the command line is given: missing, of another kind, damaged, or hostile."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Ran

Cli = Callable[..., Ran]


@pytest.mark.parametrize(
    "arguments",
    [
        ["ask", "x", "--responder", "qwen2-vl", "--model", "nobody/here"], ["ask", "x", "--responder", "nobody"],
        ["ask", "x", "--voice", "espeak/xx-none"], ["ask", "x", "--voice", "coqui/none"], ["ask", "x", "--voice", "no"],
        ["ask", "x", "--responder", "qwen2-vl"], ["say", "x", "--voice", "espeak/xx-none"], ["models", "get", "nobody"],
        ["models", "get", "nobody/here"],
    ],
)  # fmt: skip
def test_missing_model_is_4(cli: Cli, arguments: list[str]) -> None:
    ran = cli(*arguments)
    assert ran.code == 4 and ran.err.strip()


def test_whisper_without_a_model_is_4(cli: Cli, samples: Path) -> None:
    ran = cli("ask", "--audio", samples / "shape.flac", "--transcriber", "whisper")
    assert (ran.code == 4 and "hark models get" in ran.err) or "get one of" in ran.err


def test_a_model_of_another_kind_is_4(cli: Cli, tmp_path: Path, tiny: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "other")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "bert"}))
    ran = cli("ask", "x", "--responder", "qwen2-vl", "--model", folder)
    assert ran.code == 4 and "not Qwen2-VL" in ran.err


@pytest.mark.parametrize("setting", ['device = "cuda:7"', 'dtype = "float99"', 'device = "toaster"'])
def test_missing_device_is_4(cli: Cli, home: Path, tiny: Path, setting: str) -> None:
    home.mkdir()
    (home / "settings.toml").write_text(f"[responder]\n{setting}\n")
    ran = cli("ask", "x", "--responder", "qwen2-vl", "--model", tiny)
    assert ran.code == 4 and "cannot be loaded" in ran.err


@pytest.mark.parametrize("gone", ["tokenizer.json", "chat_template.jinja", "processor_config.json"])
def test_a_folder_with_a_small_file_missing_is_4_or_answers(cli: Cli, tiny: Path, tmp_path: Path, gone: str) -> None:
    folder = shutil.copytree(tiny, tmp_path / "model")
    (folder / gone).unlink()
    ran = cli("ask", "x", "--responder", "qwen2-vl", "--model", folder)
    assert ran.code == 4 and ran.err.strip()


def test_a_model_folder_runs_no_code(cli: Cli, tiny: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "evil")
    config = json.loads((folder / "config.json").read_text())
    for kind in ("evil", "qwen2_vl"):
        auto = {"AutoConfig": "evil.EvilConfig", "AutoModel": "evil.Evil", "AutoProcessor": "evil.Evil"}
        (folder / "config.json").write_text(json.dumps({**config, "model_type": kind, "auto_map": auto}))
        (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
        cli("ask", "x", "--responder", "qwen2-vl", "--model", folder)
    assert not (tmp_path / "ran").exists()
