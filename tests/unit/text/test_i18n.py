"""The window's language: every sentence can be translated, every sentence is, and a form goes with each number."""

from __future__ import annotations

import ast
import gettext
import io
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
from babel.messages import mofile, pofile
from PySide6.QtCore import QLocale, QTranslator
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QMessageBox,
    QPlainTextEdit,
    QWidget,
)
from pytestqt.qtbot import QtBot

from assistant import events
from assistant.errors import InvalidInputError
from assistant.pictures import open_picture
from assistant.settings import Settings
from assistant.text import i18n
from assistant.text.i18n import ntr, tr
from tests.support.paths import ROOT
from tests.support.window_harness import WindowHarness
from ui import app, texts
from ui.dialogs import welcome
from ui.dialogs.settings_dialog import SettingsDialog

LOCALE = ROOT / "resources" / "locale"
SAYERS = {"AssistantError", "NotAvailableError", "InvalidInputError", "Notice", "ErrorOccurred"}
_SLOT = re.compile(r"{\w+[^}]*}")
NAMES = {"Hark", "Ctrl", "Whisper", "Qwen2-VL", "English", "简体中文", "JSON", "Markdown"}


def sentences() -> set[str | tuple[str, str]]:
    """Return the message ids that the sources pass to tr, ntr and tr_noop. Only plain strings are allowed."""
    message_ids: set[str | tuple[str, str]] = set()
    for path in [*(ROOT / "ui").rglob("*.py"), *(ROOT / "assistant").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("tr", "ntr", "tr_noop")
            ):
                literals = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
                if node.func.id == "ntr":
                    assert len(literals) >= 2, f"{path}:{node.lineno}"
                    message_ids.add((literals[0], literals[1]))
                elif literals:
                    message_ids.add(literals[0])
                else:
                    assert not isinstance(node.args[0], ast.JoinedStr), (
                        f"{path}:{node.lineno}: an f-string is never found"
                    )
    return message_ids


def test_every_sentence_is_translated() -> None:
    with (LOCALE / "zh_CN.po").open("rb") as file:
        catalogue = pofile.read_po(file)
    known = {message.id: message.string for message in catalogue if message.id}
    assert set(known) == sentences(), set(known) ^ sentences()
    for message_id, other in known.items():
        forms = other if isinstance(other, tuple) else (other,)
        original = message_id[-1] if isinstance(message_id, tuple) else message_id
        for form in forms:
            assert form, f"not translated: {message_id}"
            assert sorted(_SLOT.findall(form)) == sorted(_SLOT.findall(original)), message_id


def test_the_engine_says_nothing_that_cannot_be_translated() -> None:
    """Errors and notes for the user go through tr; the command line's own texts are English."""
    for path in (ROOT / "assistant").rglob("*.py"):
        if set(path.parts) & {"cli", "bench", "starter"} or path.name == "doctor.py":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SAYERS:
                for argument in node.args:
                    plain = argument.value if isinstance(argument, ast.Constant) else ""
                    if isinstance(argument, ast.JoinedStr):
                        plain = "".join(str(part.value) for part in argument.values if isinstance(part, ast.Constant))
                    assert not re.search(r"[a-z]{2,} [a-z]{2,}", str(plain)), f"{path}:{node.lineno}: {plain}"


def _plain(tree: ast.AST) -> Iterator[str]:
    """Yield strings and f-strings that are not passed to tr, ntr or tr_noop."""
    passed: set[ast.AST] = set()
    for node in ast.walk(tree):
        by = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
        # A docstring; what is raised or printed for a developer; style sheets; names of threads.
        if isinstance(node, (ast.Expr, ast.Raise)) and not isinstance(getattr(node, "value", None), ast.Call):
            passed |= set(ast.walk(node))
        if by in ("tr", "ntr", "tr_noop", "print", "compile", "setStyleSheet", "Thread", "isinstance"):
            passed |= set(ast.walk(node))
        if isinstance(node, (ast.Compare, ast.MatchValue)):
            passed |= set(ast.walk(node))
        if isinstance(node, ast.JoinedStr) and node not in passed:
            passed |= set(ast.walk(node))
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "0" for part in node.values)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in passed:
            yield node.value


def test_no_sentence_goes_past_the_catalogue() -> None:
    """Covers the window, the spoken form of Markdown and the starter kit's answers."""
    paths = [*(ROOT / "ui").rglob("*.py"), *(ROOT / "assistant" / "text").rglob("*.py")]
    paths.append(ROOT / "assistant" / "backends" / "starter.py")
    untranslated = {
        text
        for path in paths
        # A style sheet; the desktop's own entry, in both languages; the terminal's arguments, which are English.
        if path.name not in ("theme.py", "desktop_entry.py", "__main__.py")
        for text in _plain(ast.parse(path.read_text("utf-8")))
        if re.search(r"[A-Za-z]{2,},? [a-z0]{2,}|[A-Za-z]{3,}[,:]? 0|[a-z]{3,}\.$", text)
    }
    commands = {sentence for sentence in untranslated if sentence.startswith(("pip install ", "import sys; "))}
    assert untranslated - commands <= {"[picture: 0]"}, untranslated


def test_qts_own_buttons_and_menus_are_in_the_language(qapp: QApplication, spoken: None) -> None:
    before = QLocale()
    app.set_language("zh_CN")
    try:
        box = QMessageBox()
        kinds = box.StandardButton
        box.setStandardButtons(kinds.Ok | kinds.Cancel | kinds.Yes | kinds.No | kinds.Open)
        line = QLineEdit("text")
        said = [
            control.text()
            for control in (*box.buttons(), *line.createStandardContextMenu().actions())
            if control.text()
        ]
        assert len(said) > 10 and all(re.search("[\u4e00-\u9fff]", label) for label in said), said
        assert QLocale().language() == QLocale.Language.Chinese
    finally:
        for translator in qapp.findChildren(QTranslator):
            qapp.removeTranslator(translator)
            translator.setParent(None)
        QLocale.setDefault(before)
    app.set_language("en")
    assert not qapp.findChildren(QTranslator), "Qt's own is English"


def test_welcome_says_that_the_starter_transcriber_is_english_only(spoken: None) -> None:
    for language, words_of_it in (([], ("English", "no other language", "Whisper")), (["zh"], ("英语", "Whisper"))):
        i18n.choose_language(language)
        assert all(phrase in welcome.welcome_text() for phrase in words_of_it), welcome.welcome_text()
        assert bool(language) == i18n.is_chinese(welcome.welcome_text())


def test_compiled_catalogue_matches_its_source() -> None:
    with (LOCALE / "zh_CN.po").open("rb") as file:
        catalogue = pofile.read_po(file)
    compiled = io.BytesIO()
    mofile.write_mo(compiled, catalogue)
    assert compiled.getvalue() == (LOCALE / "zh_CN.mo").read_bytes(), "run make locale"


@pytest.fixture
def spoken() -> Iterator[None]:
    yield
    i18n.choose_language([])


@pytest.mark.parametrize(
    ("wanted", "chosen", "stop"),
    [
        (["zh-Hans-CN", "en"], "zh_CN", "停止"), (["zh_CN"], "zh_CN", "停止"), (["zh"], "zh_CN", "停止"),
        (["en-GB", "zh"], "en", "Stop"), (["fr", "zh-CN"], "zh_CN", "停止"), (["fr"], "en", "Stop"), ([], "en", "Stop"),
    ],
)  # fmt: skip
def test_the_systems_language_is_taken(wanted: list[str], chosen: str, stop: str, spoken: None) -> None:
    assert i18n.choose_language(wanted) == chosen
    assert tr("Stop") == stop and tr("") == ""


def test_errors_of_the_engine_and_of_its_child_are_in_the_language(tmp_path: Path, spoken: None) -> None:
    i18n.choose_language(["zh"])
    with pytest.raises(InvalidInputError, match="没有图片"):
        open_picture(tmp_path / "none.png")
    (tmp_path / "a.png").write_text("text")
    with pytest.raises(InvalidInputError, match="不是 Hark 能打开的图片"):
        open_picture(tmp_path / "a.png")


def test_plural_forms_follow_the_number(spoken: None) -> None:
    assert [ntr("{n} picture", "{n} pictures", n) for n in (1, 2)] == ["1 picture", "2 pictures"]
    i18n.choose_language(["zh"])
    assert ntr("{n} picture", "{n} pictures", 1) == "1 张图片"


class MarkingTranslations(gettext.NullTranslations):
    """Puts every translated message in brackets, so that untranslated text stands out."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧"

    def ngettext(self, singular: str, many: str, n: int) -> str:
        return f"⟦{many}⟧"


def shown(widget: QWidget) -> Iterator[str]:
    """Yield every text of the widget that the user sees or a screen reader speaks."""
    for child in (widget, *widget.findChildren(QWidget)):
        if child.objectName().startswith("qt_") or type(child).__name__.startswith("QScroll"):
            continue
        yield from (child.accessibleName(), child.accessibleDescription(), child.toolTip(), child.windowTitle())
        if isinstance(child, (QLabel, QAbstractButton)):
            yield child.text()
        if isinstance(child, (QLineEdit, QPlainTextEdit)):
            yield child.placeholderText()
        if isinstance(child, QComboBox):
            yield from (child.itemText(row) for row in range(child.count()))
    yield from (action.text() for action in widget.findChildren(QAction))


def test_every_text_of_the_window_is_translated(qtbot: QtBot, home: Path, spoken: None) -> None:
    i18n.use_catalog(MarkingTranslations())
    harness = WindowHarness(qtbot, home, Settings())
    window = harness.window
    harness.on(
        events.PictureAdded("d" * 64, "9.png", 9, 6, 9, 6, bytes(162)),
        events.PictureCostEstimated("d" * 64, 9, 6, 1, 1.0, 1.0),
        events.StateChanged("thinking"),
        events.TurnStarted(1),
        events.Heard("1"),
        events.Wrote("2"),
        events.RegionPointed("3", "d" * 64, 1, 1, 2, 2),
        events.TurnEnded("answered", "1", "2", "tiny"),
    )
    options = SettingsDialog(window, Settings)
    sentences = [
        *shown(window),
        *shown(options),
        *(f"{a} {b}" for a, b in texts.list_shortcuts()),
        texts.loading_text("transcriber"),
    ]
    sentences += [harness.messages.item_at(row).speech_text for row in range(harness.messages.rowCount())]
    wild = {
        text
        for text in sentences
        if re.search(r"[A-Za-z]{2}", text) and "⟦" not in text and text.strip(" ●■·") not in NAMES
    }
    assert wild <= {"espeak/en-us", "9.png, 9 × 6"}, wild
    options.close()
    harness.close()


def test_the_catalogues_are_in_the_package() -> None:
    assert (resources.files("resources") / "locale" / "zh_CN.mo").is_file()
