"""The user's language: sentences by GNU gettext, English where there is no other. Knows nothing of who says them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gettext import NullTranslations

_KNOWN = {"zh": "zh_CN"}  # of a language the catalogue that serves it
_CHOSEN = "HARK_TONGUE"
_HAN, _LATIN = re.compile("[\u3400-\u9fff]"), re.compile("[A-Za-z']+")
_now: NullTranslations | None = None  # English needs none, and neither gettext nor its time


def choose_language(wanted: Sequence[str]) -> str:
    """Takes the first language that Hark speaks of names such as "zh-Hans-CN" or "en_GB"; returns "en" or its name.

    Processes that are started from now on can `inherit` it."""
    os.environ[_CHOSEN] = chosen = _best_language(wanted)
    return chosen


def use_inherited_language() -> None:
    """Takes the language of the process that started this one; English where it chose none."""
    _best_language([os.environ.get(_CHOSEN, "en")])


def _best_language(wanted: Sequence[str]) -> str:
    global _now
    for name in wanted:
        language = name.replace("_", "-").split("-")[0].lower()
        if language in ("en", "c"):
            break
        if language in _KNOWN:
            _now = _load_catalog(_KNOWN[language])
            return _KNOWN[language]
    _now = None
    return "en"


@cache
def _load_catalog(name: str) -> NullTranslations:
    import gettext
    from importlib import resources

    with (resources.files("resources") / "locale" / f"{name}.mo").open("rb") as file:
        return gettext.GNUTranslations(file)


def use_catalog(catalogue: NullTranslations) -> None:
    """Another catalogue, such as a test's."""
    global _now
    _now = catalogue


def current_language() -> str:
    """The code of the language that is spoken now, such as "en" or "zh"."""
    return str(_now.info().get("language", "en"))[:2] if _now else "en"


def tr(text: str) -> str:
    """A sentence in the user's language; names are put in afterwards: `tr("Picture {n}").format(n=1)`."""
    return _now.gettext(text) if _now and text else text


def ntr(one: str, many: str, count: int) -> str:
    """The form of a sentence that goes with a number."""
    form = _now.ngettext(one, many, count) if _now else one if count == 1 else many
    return form.format(n=count)


def is_chinese(text: str) -> bool:
    """Whether a text is Chinese, whatever names of other languages are in it."""
    return len(_HAN.findall(text)) > len(_LATIN.findall(text))


def translate_like(asked: str, text: str) -> str:
    """A marked sentence in the language of what was asked, whatever the user's: one voice speaks both."""
    return _load_catalog(_KNOWN["zh"]).gettext(text) if is_chinese(asked) else text


def tr_noop(text: str) -> str:
    """Marks a sentence that is translated where it is shown."""
    return text
