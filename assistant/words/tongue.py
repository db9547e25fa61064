"""The user's language: sentences by GNU gettext, English where there is no other. Knows nothing of who says them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gettext import NullTranslations

_KNOWN = {"zh": "zh_CN"}  # of a language the catalogue that serves it
_CHOSEN = "HARK_TONGUE"
_now: NullTranslations | None = None  # English needs none, and neither gettext nor its time


def choose(wanted: Sequence[str]) -> str:
    """Takes the first language that Hark speaks of names such as "zh-Hans-CN" or "en_GB"; returns "en" or its name.

    Processes that are started from now on can `inherit` it."""
    os.environ[_CHOSEN] = chosen = _choose(wanted)
    return chosen


def inherit() -> None:
    """Takes the language of the process that started this one; English where it chose none."""
    _choose([os.environ.get(_CHOSEN, "en")])


def _choose(wanted: Sequence[str]) -> str:
    global _now
    for name in wanted:
        language = name.replace("_", "-").split("-")[0].lower()
        if language in ("en", "c"):
            break
        if language in _KNOWN:
            import gettext
            from importlib import resources

            catalogue = resources.files("resources") / "locale" / f"{_KNOWN[language]}.mo"
            with catalogue.open("rb") as file:
                _now = gettext.GNUTranslations(file)
            return _KNOWN[language]
    _now = None
    return "en"


def use(catalogue: NullTranslations) -> None:
    """Another catalogue, such as a test's."""
    global _now
    _now = catalogue


def language() -> str:
    """The code of the language that is spoken now, such as "en" or "zh"."""
    return str(_now.info().get("language", "en"))[:2] if _now else "en"


def tr(text: str) -> str:
    """A sentence in the user's language; names are put in afterwards: `tr("Picture {n}").format(n=1)`."""
    return _now.gettext(text) if _now and text else text


def trn(one: str, many: str, count: int) -> str:
    """The form of a sentence that goes with a number."""
    form = _now.ngettext(one, many, count) if _now else one if count == 1 else many
    return form.format(n=count)


def mark(text: str) -> str:
    """Marks a sentence that is translated where it is shown."""
    return text
