"""Import times of libraries, and that the wheel works away from the checkout."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.paths import ROOT

ALL = ("assistant", "ui", "tests", "benchmarks")


def test_importing_hark_loads_no_model_library() -> None:
    code = "import sys, ui, assistant.cli.main, assistant.engine.engine; print([m for m in HEAVY if m in sys.modules])"
    heavy = ["torch", "transformers", "TTS", "faster_whisper", "ctranslate2", "sounddevice", "PySide6", "rapidocr"]
    done = subprocess.run(
        [sys.executable, "-c", f"HEAVY = {heavy}; {code}"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_window_is_painted_before_the_engine_client_is_imported() -> None:
    code = "import sys, ui.app; print([name for name in sys.modules if name.startswith('assistant.ipc')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def modules(*folders: str) -> list[Path]:
    return [path for folder in folders for path in ROOT.glob(f"{folder}/**/*.py")]


def test_files_are_short() -> None:
    lines = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in modules(*ALL)}
    assert {"assistant/engine/engine.py", "ui/main_window.py", "tests/project/test_package.py"} <= set(lines)
    assert not {name: count for name, count in lines.items() if count > 300}


def test_threads_start_only_where_they_are_expected() -> None:
    starters = {
        str(path.relative_to(ROOT))
        for path in modules("assistant", "ui")
        if "threading.Thread(" in path.read_text() or "threading.Timer(" in path.read_text()
    }
    assert starters == {
        "assistant/backends/piper.py",
        "assistant/engine/engine.py",
        "assistant/limited_child.py",
        "assistant/ipc/client.py",
        "assistant/ipc/engine_child.py",
        "assistant/ipc/server.py",
        "assistant/audio/decode.py",
        "ui/desktop/portal_screenshot.py",
        "ui/desktop/portal_shortcuts.py",
        "ui/app.py",
    }


def test_a_modules_first_line_says_what_it_is() -> None:
    docstrings = {str(path): ast.get_docstring(ast.parse(path.read_text())) or "" for path in modules(*ALL)}
    first = {name: re.split(r"[.?!]\s", text)[0] for name, text in docstrings.items() if Path(name).stat().st_size}
    assert not {name: sentence for name, sentence in first.items() if len(sentence.split()) < 4}


def test_the_lock_names_no_place() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock and "--hash=sha256:" in lock


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_all_three_packages(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert wheel.name.startswith("hark_assistant-")
    assert {"assistant/cli/main.py", "ui/__init__.py", "resources/starter/tiny/model.safetensors"} <= names
    assert {"resources/samples/shape.flac", "resources/starter/spoken.jsgf"} <= names


def test_the_installed_wheel_answers_elsewhere(wheel: Path, tmp_path: Path, home: Path) -> None:
    site = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(site), str(wheel)], check=True
    )
    environment = {**os.environ, "PYTHONPATH": str(site)}
    where = subprocess.run(
        [sys.executable, "-c", "import assistant; print(assistant.__file__)"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert where.stdout.startswith(str(site))
    done = subprocess.run(
        [sys.executable, "-P", "-m", "assistant.cli", "demo", "--seed", "2"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.splitlines()[-1]).is_relative_to(home)
