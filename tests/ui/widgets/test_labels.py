"""No text from outside is markup in a widget: the helpers, and a reading of the source for ways around them."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6 import QtGui
from PySide6.QtCore import QEvent, QPoint, Qt, QTimer
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QApplication, QLabel, QListWidgetItem, QMessageBox, QPushButton, QWidget
from pytestqt.qtbot import QtBot

import ui
from assistant import events
from assistant.history.conversation_store import ConversationSummary
from assistant.paths import AppPaths
from assistant.settings import Settings
from tests.support.window_harness import SHOWN, WindowHarness
from ui import app
from ui.widgets import labels

# What can show text as markup, and the modules that may name it: they keep outside text out of it.
GUARDED = {
    **dict.fromkeys(
        ("QLabel", "QMessageBox", "QErrorMessage", "QProgressDialog", "QToolTip", "QWhatsThis", "QTextBrowser",
         "QTextEdit", "QTextDocumentFragment", "QStaticText", "QGraphicsTextItem", "QSplashScreen", "QWizardPage",
         "QFileDialog", "setToolTip", "setWhatsThis", "setStatusTip", "setHtml", "insertHtml", "appendHtml",
         "setMarkdown", "insertMarkdown", "fromHtml", "fromMarkdown", "setTextFormat", "setInformativeText",
         "setDetailedText", "setSubTitle", "setDefaultStyleSheet", "setLabelText", "ToolTipRole", "WhatsThisRole",
         "StatusTipRole"), "labels"),
    "QTextDocument": "markdown_document",
    "setStyleSheet": "theme",
}  # fmt: skip
CONSTANT = {"showMessage": 2, "getText": 3, "getItem": 3, "getInt": 3, "getDouble": 3}  # so many arguments are ours


class BypassVisitor(ast.NodeVisitor):
    """Collects in `found` the places that bypass the helpers; annotations and their imports do not count."""

    def __init__(self, module: str) -> None:
        self.module, self.found = module, list[str]()

    def name(self, name: str, node: ast.AST) -> None:
        if GUARDED.get(name, self.module) != self.module:
            self.found.append(f"{self.module}:{getattr(node, 'lineno', 0)}: {name}")

    def visit_If(self, node: ast.If) -> None:
        if not (isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
            self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for part in (*node.decorator_list, *node.args.defaults, *node.body):
            self.visit(part)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        for part in filter(None, (node.target, node.value)):
            self.visit(part)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            self.name(alias.name, node)
            if alias.name == "*":
                self.found.append(f"{self.module}:{node.lineno}: import *")

    def visit_Name(self, node: ast.Name) -> None:
        self.name(node.id, node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self.name(node.value, node)  # as in getattr(widget, "setToolTip")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.name(node.attr, node)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        arguments = [
            *node.args[: CONSTANT.get(called, 0)],
            *(keyword.value for keyword in node.keywords if called in CONSTANT),
        ]
        if any(isinstance(argument, (ast.JoinedStr, ast.BinOp)) or _is_made(argument) for argument in arguments):
            self.found.append(f"{self.module}:{node.lineno}: {called}")
        self.generic_visit(node)


def _is_made(node: ast.expr) -> bool:
    """Return whether the node is a call other than tr("…")."""
    if not isinstance(node, ast.Call):
        return False
    return not (isinstance(node.func, ast.Name) and node.func.id == "tr" and isinstance(node.args[0], ast.Constant))


def ways_around(source: str, module: str) -> list[str]:
    reading = BypassVisitor(module)
    reading.visit(ast.parse(source))
    return reading.found


@pytest.mark.parametrize("path", sorted(Path(next(iter(ui.__path__))).rglob("*.py")), ids=lambda path: path.stem)
def test_no_window_module_bypasses_the_label_helpers(path: Path) -> None:
    assert not ways_around(path.read_text("utf-8"), path.stem)


@pytest.mark.parametrize(
    "source",
    [
        "from PySide6.QtWidgets import QLabel",
        "from PySide6.QtWidgets import QLabel as Words\nWords(name)",
        "from PySide6 import QtWidgets\nQtWidgets.QMessageBox.warning(self, title, name)",
        "from PySide6.QtWidgets import *",
        "button.setToolTip(name)",
        "def show(self):\n    if self.late:\n        self.action.setToolTip(tr('Speaker'))",
        "getattr(button, 'setToolTip')(name)",
        "item.setData(0, Qt.ItemDataRole.ToolTipRole, name)",
        "document.setHtml(answer)",
        "label.setStyleSheet(f'image: url({name})')",
        "made = QTextDocument(self)",
        "QInputDialog.getText(self, tr('Rename'), tr('Title of {name}').format(name=name))",
        "tray.showMessage('Hark', f'{name} is ready')",
        "tray.showMessage(title='Hark', message=answer())",
    ],
)
def test_bypass_of_the_label_helpers_is_reported(source: str) -> None:
    assert ways_around(source, "window")


def test_type_annotations_and_own_texts_are_not_reported() -> None:
    source = (
        "if TYPE_CHECKING:\n    from PySide6.QtWidgets import QLabel\n"
        "def label(self, one: QLabel) -> QLabel:\n    kept: QLabel = one\n    return kept\n"
        "QInputDialog.getText(self, tr('Rename'), tr('Title'), mode, self.title(number))\n"
        "tray.showMessage('Hark', tr('An answer is ready.'))\n"
    )
    assert ways_around(source, "window") == []


@pytest.fixture
def fifo(tmp_path: Path) -> Iterator[Path]:
    """Yield a FIFO that removes itself once it is opened, which shows that something opened it."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    # Opening it waits for a reader: there must be none.
    code = f"import os; os.close(os.open({str(path)!r}, os.O_WRONLY)); os.unlink({str(path)!r})"
    waiting = subprocess.Popen([sys.executable, "-S", "-c", code])
    yield path
    waiting.kill()
    waiting.wait()


def names(fifo: Path) -> list[str]:
    """Return names with markup, as a device, voice, file or title could have."""
    return [
        f"<img src='{fifo}'>", f'<img src="file://{fifo}">', f"&lt; <img src='{fifo}'>", f"Mic <img src='{fifo}'> 2",
        f"<!DOCTYPE html><link rel=stylesheet href='{fifo}'><b>b</b>", f"<a href='{fifo}'>a</a>",
        f"<table background='{fifo}'><td>a", f"![a]({fifo})",
    ]  # fmt: skip


def told_by_tool_tip(widget: QWidget, at: QPoint | None = None) -> str:
    """The tool tip that comes up over a widget, as it is read there."""
    at = at or widget.rect().center()
    QApplication.sendEvent(widget, QHelpEvent(QEvent.Type.ToolTip, at, widget.mapToGlobal(at)))
    (tip,) = (
        tip_widget
        for tip_widget in QApplication.topLevelWidgets()
        if tip_widget.inherits("QTipLabel") and tip_widget.isVisible()
    )
    assert isinstance(tip, QLabel)
    tip.grab()
    text = tip.text()
    tip.hide()
    tip.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    if QtGui.Qt.mightBeRichText(text):  # then Qt must be given markup for that very text
        document = QtGui.QTextDocument()
        document.setHtml(text)
        return document.toPlainText()
    return text


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_names_with_markup_are_shown_as_they_are_and_nothing_they_name_is_opened(
    qtbot: QtBot, qapp: QApplication, harness: WindowHarness, fifo: Path
) -> None:
    window = harness.window
    with qtbot.waitSignal(qapp.focusWindowChanged):  # a tool tip goes when the focus does
        harness.app.dialogs.open_settings()
    for name in names(fifo):
        harness.on(events.MicrophoneState(False, False, f"{name} cannot be opened."))
        assert told_by_tool_tip(window.input_bar.talk_button) == f"{name} cannot be opened."
        harness.on(
            events.VoicesAvailable((name,), (name,)),
            events.AudioDevicesAvailable((name,), (name,)),
            events.PartialTranscript(name),
            events.TurnStarted(1),
            events.Heard(name),
            events.Wrote(name),
            events.Notice(name),
            events.ErrorOccurred("look", name, name),
            SHOWN,
            events.PictureAdded("e" * 64, name, 900, 600, 9, 6, bytes(162)),
            events.RegionPointed(name, "e" * 64, 1, 1, 20, 20),
            events.TurnEnded("answered", name, name, name),
        )
        row = window.picture_tray.picture_list.item(window.picture_tray.picture_list.count() - 1)
        place = window.picture_tray.picture_list.visualItemRect(row).center()
        assert told_by_tool_tip(window.picture_tray.picture_list.viewport(), place).splitlines()[0] == name
        harness.past.show_conversations([ConversationSummary(7, name, 0.0, 0)], None)
        window.picture_tray.remove_picture("e" * 64)
        for widget in (window, *window.findChildren(QWidget)):
            widget.grab() if widget.isWindow() else widget.repaint()
        label = window.input_bar.status_label
        assert label.textFormat() == Qt.TextFormat.PlainText
        window.input_bar.status_label.setText(name)
        assert window.input_bar.status_label.text() == name
    assert fifo.exists(), "something opened it"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_a_message_box_shows_markup_as_it_is(
    qapp: QApplication, fifo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts: list[str] = []

    def read() -> None:
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox) and box.textFormat() == Qt.TextFormat.PlainText
        box.grab()
        texts.append(box.text())
        box.reject()

    for show in (labels.show_information, labels.show_warning, labels.ask_confirmation):
        for name in names(fifo):
            QTimer.singleShot(50, read)
            show(None, name, name)
            assert texts.pop() == name
    # Another Hark has a folder with such a name.
    monkeypatch.setenv("HARK_HOME", str(tmp_path / f"<img src='{fifo.name}'>"))
    monkeypatch.chdir(tmp_path)
    QTimer.singleShot(50, read)
    app.warn_unanswered(AppPaths.locate())
    assert str(AppPaths.locate().data) in texts.pop() and fifo.exists()


def test_a_file_is_overwritten_only_after_a_question_of_our_own(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PySide6.QtWidgets import QFileDialog

    (tmp_path / "<b>.json").write_text("old")
    options: list[object] = []
    questions: list[str] = []
    answers = [QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes]
    path = str(tmp_path / "<b>.json")
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *arguments: (options.append(arguments[-1]), (path, "JSON"))[1]
    )
    monkeypatch.setattr(QMessageBox, "exec", lambda box: (questions.append(box.text()), answers.pop(0))[1])
    parent = QWidget()
    assert labels.save_file(parent, "Export", "x", "JSON") == ("", "")
    assert labels.save_file(parent, "Export", "x", "JSON") == (path, "JSON")
    assert options == [QFileDialog.Option.DontConfirmOverwrite] * 2
    assert questions == ["There is a file <b>.json already. Replace it?"] * 2


def test_a_tool_tip_of_our_own_words_is_given_as_it_is_and_markup_is_read_without_its_marks(
    qapp: QApplication,
) -> None:
    button, item = QPushButton("x"), QListWidgetItem()
    labels.set_tool_tip(button, "Ask what is typed (Enter)")
    assert button.toolTip() == "Ask what is typed (Enter)" and not button.accessibleDescription()
    labels.set_tool_tip(button, "<b>x</b>")
    assert "&lt;b&gt;" in button.toolTip() and button.accessibleDescription() == "<b>x</b>"
    labels.set_tool_tip(item, "x" * 300_000)
    assert len(item.toolTip()) == labels.MAX_LABEL_LETTERS and item.toolTip().endswith("…")


def test_labels_and_lists_show_only_the_beginning_of_a_long_name(harness: WindowHarness) -> None:
    long = "QUJD" * 50_000
    label = labels.plain_label(long)
    assert len(label.text()) == labels.MAX_LABEL_LETTERS
    harness.on(
        events.VoicesAvailable((long,), (long,)), events.PictureAdded("d" * 64, long, 900, 600, 9, 6, bytes(162))
    )
    harness.past.show_conversations([ConversationSummary(7, long, 0.0, 0)], None)
    side, tray = harness.window.sidebar, harness.window.picture_tray
    assert max(len(side.voice_box.itemText(row)) for row in range(side.voice_box.count())) <= 220
    assert side.voice_box.itemData(0) == long, "what is chosen is still the voice's own name"
    assert len(harness.titles()[0]) == labels.MAX_NAME_LETTERS and len(tray.region_label.text()) < 250
    assert Settings().voice.id
