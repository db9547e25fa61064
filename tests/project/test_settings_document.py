"""docs/settings.md shows every setting with its default."""

from __future__ import annotations

import re
import tomllib

from assistant.settings import Settings, from_table, to_table
from tests.support.paths import ROOT


def test_the_document_shows_every_setting_with_its_default() -> None:
    example = re.search(r"```toml\n(.*?)```", (ROOT / "docs" / "settings.md").read_text("utf-8"), re.DOTALL)
    assert example
    table, defaults = tomllib.loads(example[1]), to_table(Settings())
    assert defaults["responder"]["system_prompt"].startswith(table["responder"].pop("system_prompt").rstrip("…"))
    del defaults["responder"]["system_prompt"]
    assert table == defaults and not from_table(table).notes
