"""Documents, docstrings and comments name files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.paths import ROOT

TOP = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
DOCUMENTS = [*TOP, *sorted((ROOT / "docs").rglob("*.md"))]
FOLDERS = ("assistant", "ui", "tests", "benchmarks", "resources", "docs", ".ci", ".github")
FILES = {
    path.relative_to(ROOT).as_posix() for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()
} | {path.name for path in ROOT.iterdir() if path.is_file()}
CODE = [ROOT / name for name in FILES if name.endswith(".py") and name != "tests/project/test_documents.py"]
QUOTED = re.compile(r"`([^`\n]+)`")
# A file of a checkout by its ending, or a path that begins with one of its folders.
OUR_FILE = re.compile(r"[\w./-]*[\w-]\.(py|md|ya?ml|jsgf|po|lock|spec)")
OUR_PATH = re.compile(rf"(?:{'|'.join(map(re.escape, FOLDERS))})(?:/[\w.-]+)+/?")


def missing_files(text: str) -> list[str]:
    """The paths in backticks that look like a file or folder of the checkout, and are none. A path may leave its first
    folders out, as `test_x.py` or `qwen2_vl/loader.py` do."""
    paths = [path for path in QUOTED.findall(text) if OUR_FILE.fullmatch(path) or OUR_PATH.fullmatch(path)]
    return [path for path in paths if not (ROOT / path).exists() and not any(f.endswith(f"/{path}") for f in FILES)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_a_document_names_files_that_exist(document: Path) -> None:
    assert missing_files(document.read_text("utf-8")) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_a_document_links_to_files_that_exist(document: Path) -> None:
    targets = re.findall(r"\]\(([^)\s#]+)[^)]*\)", document.read_text("utf-8"))
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (document.parent / target).exists()] == []


def test_docstrings_and_comments_name_files_that_exist() -> None:
    missing = {str(path.relative_to(ROOT)): missing_files(path.read_text("utf-8")) for path in CODE}
    assert {name: paths for name, paths in missing.items() if paths} == {}


def test_a_missing_file_in_backticks_is_found() -> None:
    text = "`ui/nowhere.py`, `tests/unit/`, `loader.py`, `nowhere/loader.py`, `settings.toml`, `assistant/nothing/`"
    assert missing_files(text) == ["ui/nowhere.py", "nowhere/loader.py", "assistant/nothing/"]


def test_architecture_names_every_package() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    packages = [
        path.parent.relative_to(ROOT) for name in ("assistant", "ui") for path in ROOT.glob(f"{name}/**/__init__.py")
    ]
    assert [str(package) for package in packages if f"`{package.as_posix()}/" not in text] == []


def test_security_names_a_test_for_every_promise() -> None:
    rows = [
        line for line in (ROOT / "docs" / "security.md").read_text("utf-8").splitlines()
        if line.startswith("|") and not re.match(r"\| (promise|---)", line)
    ]  # fmt: skip
    assert len(rows) > 20
    assert [row for row in rows if "test_" not in row and "the same test" not in row] == []
