"""The documents name tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.paths import ROOT

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_a_document_names_tests_that_exist(document: Path) -> None:
    named = re.findall(r"(?:tests/)?((?:desktop/)?\b(?:test_\w+\.py))|tests/(\w+\.py)", document.read_text("utf-8"))
    paths = {first or second for first, second in named}
    assert [path for path in sorted(paths) if not (ROOT / "tests" / path).is_file()] == []


def test_security_names_a_test_for_every_promise() -> None:
    rows = [
        line for line in (ROOT / "docs" / "security.md").read_text("utf-8").splitlines()
        if line.startswith("|") and not re.match(r"\| (promise|---)", line)
    ]  # fmt: skip
    assert len(rows) > 20
    assert [row for row in rows if "test_" not in row and "the same test" not in row] == []
