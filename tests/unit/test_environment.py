"""Environment variables that stop telemetry and place caches in HARK_HOME are set before any library is imported."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant import environment
from assistant.ipc.client import EngineClient
from assistant.settings import Settings
from tests.conftest import Ran
from tests.support.engine_harness import wait_for
from tests.support.paths import ROOT

PROGRAMS = sorted(
    path for folder in ("assistant", "ui", "benchmarks", "resources/packages") for path in (ROOT / folder).rglob("*.py")
    if '__name__ == "__main__"' in path.read_text() and path.name != "appdir.py"
)  # fmt: skip
# Imports a program, and prints what the environment is when it asks for the first library, or at the end.
FIRST = """
import importlib, json, os, runpy, sys
OURS = {"assistant", "ui", "benchmarks", "resources", "org"}  # pickle asks for Java's org
def tell():
    print(json.dumps(dict(os.environ)), flush=True)
    os._exit(0)
class First:
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] not in sys.stdlib_module_names | OURS:
            tell()
sys.meta_path.insert(0, First)
program = sys.argv[1]
runpy.run_path(program, run_name="imported") if "/" in program else importlib.import_module(program)
tell()
"""


def bare(**more: str) -> dict[str, str]:
    """Return the environment of a fresh machine, without this process's own variables."""
    environment = {
        name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONDONTWRITEBYTECODE") if name in os.environ
    }
    return {**environment, "PYTHONPATH": str(ROOT), **more}


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_program_switches_reports_off_before_it_imports_a_library(program: Path, home: Path) -> None:
    name = ".".join(program.relative_to(ROOT).with_suffix("").parts)
    program_name = str(program) if program.parent.name == "packages" else name
    environment = bare(HARK_HOME=str(home), ORT_DISABLE_TELEMETRY="0", QT_QPA_PLATFORM="offscreen")
    done = subprocess.run(
        [sys.executable, "-P", "-c", FIRST, program_name], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout)
    assert [values[name] for name in ("ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK")] == ["1"] * 3
    for variable in ("MPLCONFIGDIR", "NUMBA_CACHE_DIR", "TTS_HOME", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"):
        assert Path(values[variable]).is_relative_to(home)
    assert not home.exists(), "and being imported makes no folder"


def test_a_cache_that_the_user_placed_elsewhere_stays_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "environ", {"HARK_HOME": str(tmp_path), "TORCH_HOME": "/elsewhere"})
    environment.prepare_environment()
    assert os.environ["TORCH_HOME"] == "/elsewhere"
    assert os.environ["NUMBA_CACHE_DIR"] == str(tmp_path / "cache" / "numba")


def test_without_a_home_of_its_own_caches_are_in_the_users_cache_for_hark(monkeypatch: pytest.MonkeyPatch) -> None:
    import platformdirs

    monkeypatch.setattr(os, "environ", dict(bare()))
    environment.prepare_environment()
    assert Path(os.environ["MPLCONFIGDIR"]).parent == platformdirs.user_cache_path("hark", appauthor=False)


def test_the_command_lines_temporary_files_are_in_its_home(cli: Callable[..., Ran], home: Path) -> None:
    cli("voices")
    assert os.environ["TMPDIR"] == os.environ["TEMP"] == str(home / "temporary")
    assert (home / "temporary").is_dir()


def test_the_engines_temporary_files_and_its_childrens_are_in_its_home(home: Path) -> None:
    import psutil

    engine = EngineClient(Settings(), lambda event: None)
    engine.start()
    try:
        children: list[dict[str, str]] = []

        def has_told_its_child() -> bool:
            # Between fork and exec a child shows what its parent was started with: not yet what it was told.
            with contextlib.suppress(psutil.Error):  # one has ended meanwhile
                children[:] = [child.environ() for child in psutil.Process(engine.pid).children()]
            return any("TMPDIR" in child for child in children)

        wait_for(has_told_its_child)
        child = next(child for child in children if "TMPDIR" in child)
        assert child["TMPDIR"] == str(home / "temporary") and child["ORT_DISABLE_TELEMETRY"] == "1"
    finally:
        engine.stop()


def test_only_old_temporary_files_are_removed(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setattr(os, "environ", {})
    folder = home / "temporary"
    folder.mkdir(parents=True)
    for name, days in (("new", 0.5), ("old", 1.5)):
        (folder / name).write_text("words")
        os.utime(folder / name, (time.time() - days * 86_400,) * 2)
    environment.use_temporary_folder(folder)
    assert [path.name for path in folder.iterdir()] == ["new"]


def test_where_no_folder_can_be_made_the_systems_temporary_folder_stays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "environ", {"TMPDIR": "/somewhere"})
    (tmp_path / "file").touch()
    environment.use_temporary_folder(tmp_path / "file" / "temporary")
    assert os.environ == {"TMPDIR": "/somewhere"}


def test_where_the_folder_cannot_be_listed_the_systems_temporary_folder_stays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "environ", {})
    monkeypatch.setattr(Path, "iterdir", refuse)  # the tests may run as root, who may list everything
    environment.use_temporary_folder(tmp_path)
    assert os.environ == {}
