"""The set-up installs the lock by uv, told of pip's configuration; where uv fails, pip goes on."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import venv
import zipfile
from pathlib import Path

import pytest
from uv import find_uv_bin

from tests.support.paths import ROOT

SCRIPT = ROOT / ".ci" / "install-packages"
FAILS = "import sys\nprint('no uv here')\nsys.exit(2)\n"
REAL = f"import os, sys\nos.execv({find_uv_bin()!r}, ['uv', *sys.argv[1:]])\n"
NO_HASH = "0" * 64


def locked(folder: Path, name: str, code: str, digest: str = "") -> str:
    """Puts a package with one module into a folder of wheels; returns its line of the lock."""
    info_folder, path = f"{name}-1.0.dist-info", folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{name}/__init__.py", "")
        file.writestr(f"{name}/__main__.py", code)
        file.writestr(f"{info_folder}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        file.writestr(
            f"{info_folder}/WHEEL", "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{info_folder}/RECORD", "")
    return f"{name}==1.0 \\\n    --hash=sha256:{digest or hashlib.sha256(path.read_bytes()).hexdigest()}\n"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True, symlinks=True)
    return folder


@pytest.fixture
def python(environment: Path) -> Path:
    """Return the Python of a virtual environment that has only pip."""
    for name in ("thing", "uv"):
        for left in environment.glob(f"lib/*/site-packages/{name}*"):
            shutil.rmtree(left)
    return environment / "bin" / "python"


def set_up(python: Path, wheels: Path, lock: str) -> subprocess.CompletedProcess[str]:
    """Run the set-up with a folder of wheels that only pip's configuration knows, and no index."""
    (wheels / "pip.conf").write_text(f"[install]\nno-index = true\nfind-links =\n    {wheels}\n")
    (wheels / "lock").write_text(lock)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "PYTHON"))}
    environment |= {"PIP_CONFIG_FILE": str(wheels / "pip.conf"), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    command = [str(python), str(SCRIPT), str(wheels / "lock")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


def has_thing(python: Path) -> bool:
    return subprocess.run([str(python), "-c", "import thing"], capture_output=True).returncode == 0


def test_uv_installs_what_only_pip_was_told_where_to_find(python: Path, tmp_path: Path) -> None:
    done = set_up(python, tmp_path, locked(tmp_path, "thing", "") + locked(tmp_path, "uv", REAL))
    assert done.returncode == 0 and has_thing(python), done.stderr
    assert "pip goes on" not in done.stdout, done.stderr


def test_where_uv_fails_pip_goes_on_and_says_so(python: Path, tmp_path: Path) -> None:
    done = set_up(python, tmp_path, locked(tmp_path, "thing", "") + locked(tmp_path, "uv", FAILS))
    assert done.returncode == 0 and has_thing(python), done.stderr
    assert "no uv here" in done.stdout and "pip goes on" in done.stdout


def test_a_lock_without_uv_is_installed_by_pip(python: Path, tmp_path: Path) -> None:
    done = set_up(python, tmp_path, locked(tmp_path, "thing", ""))
    assert done.returncode == 0 and has_thing(python), done.stderr


@pytest.mark.parametrize("code", [FAILS, REAL])
def test_a_package_with_another_hash_is_installed_by_neither(python: Path, tmp_path: Path, code: str) -> None:
    done = set_up(python, tmp_path, locked(tmp_path, "thing", "", NO_HASH) + locked(tmp_path, "uv", code))
    assert done.returncode == 1 and not has_thing(python)


def test_a_uv_with_another_hash_is_not_run(python: Path, tmp_path: Path) -> None:
    done = set_up(python, tmp_path, locked(tmp_path, "thing", "") + locked(tmp_path, "uv", FAILS, NO_HASH))
    assert done.returncode == 1 and "no uv here" not in done.stdout
