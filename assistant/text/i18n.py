"""Translates sentences for the user with GNU gettext. The sentences in the code are English; Chinese has a
catalogue."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gettext import NullTranslations

_CATALOG_NAMES = {"zh": "zh_CN"}  # language code: name of the catalogue
_LANGUAGE_VARIABLE = "HARK_TONGUE"
_CHINESE_CHARACTER, _LATIN_WORD = re.compile("[\u3400-\u9fff]"), re.compile("[A-Za-z']+")
_catalog: NullTranslations | None = None  # None for English, which then never loads gettext


def choose_language(locales: Sequence[str]) -> str:
    """Switches to the first of `locales`, such as "zh-Hans-CN" or "en_GB", that Hark has a translation for.

    Returns the catalogue's name ("zh_CN"), or "en". Child processes started afterwards can switch to the same language
    with `use_inherited_language`."""
    os.environ[_LANGUAGE_VARIABLE] = language = _select_language(locales)
    return language


def use_inherited_language() -> None:
    """Switches to the language of the parent process; English if it chose none."""
    _select_language([os.environ.get(_LANGUAGE_VARIABLE, "en")])


def _select_language(locales: Sequence[str]) -> str:
    global _catalog
    for locale in locales:
        language = locale.replace("_", "-").split("-")[0].lower()
        if language in ("en", "c"):
            break
        if language in _CATALOG_NAMES:
            _catalog = _load_catalog(_CATALOG_NAMES[language])
            return _CATALOG_NAMES[language]
    _catalog = None
    return "en"


@cache
def _load_catalog(name: str) -> NullTranslations:
    import gettext
    from importlib import resources

    with (resources.files("resources") / "locale" / f"{name}.mo").open("rb") as file:
        return gettext.GNUTranslations(file)


def use_catalog(catalog: NullTranslations) -> None:
    """Installs a catalogue directly; tests use it for a pseudo-translation."""
    global _catalog
    _catalog = catalog


def current_language() -> str:
    """The two-letter code of the current language: "en" or "zh"."""
    return str(_catalog.info().get("language", "en"))[:2] if _catalog else "en"


def tr(text: str) -> str:
    """Translates a sentence into the user's language. Format it afterwards: `tr("Picture {n}").format(n=1)`."""
    return _catalog.gettext(text) if _catalog and text else text


def ntr(singular: str, plural: str, count: int) -> str:
    """Translates a sentence with the plural form for `count`, and puts `count` in for `{n}`."""
    text = _catalog.ngettext(singular, plural, count) if _catalog else singular if count == 1 else plural
    return text.format(n=count)


def is_chinese(text: str) -> bool:
    """Whether a text is mostly Chinese: it has more Chinese characters than Latin words."""
    return len(_CHINESE_CHARACTER.findall(text)) > len(_LATIN_WORD.findall(text))


def translate_like(question: str, text: str) -> str:
    """Translates a sentence marked with `tr_noop` into the language of the question instead of the user's language."""
    return _load_catalog(_CATALOG_NAMES["zh"]).gettext(text) if is_chinese(question) else text


def tr_noop(text: str) -> str:
    """Marks a sentence for the catalogue; the code that shows it calls `tr`."""
    return text
