"""What works on this computer, and what one more step would bring; microphone and speaker tried by ear.

It is `hark doctor`, run in a process of its own. Knows nothing of the engine."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from PySide6.QtCore import QProcess, Qt, Signal, Slot
from PySide6.QtWidgets import QDialog, QHBoxLayout, QListWidget, QPushButton, QVBoxLayout

from assistant.text.i18n import ntr, tr, tr_noop
from assistant.typed_reader import InvalidValueError, parse_json, read_as
from ui import theme
from ui.widgets.labels import plain_label, shorten_text
from ui.widgets.level_meter import LevelMeter

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

_STATES = {
    "ok": ("✓", tr_noop("works")),
    "note": ("·", tr_noop("could be better")),
    "missing": ("✗", tr_noop("missing")),
}


@dataclass(frozen=True)
class _DoctorFinding:
    event: Literal["checked"]
    what: str
    state: Literal["ok", "note", "missing"]
    message: str
    hint: str


def _parse_findings(output: bytes) -> Iterator[_DoctorFinding]:
    """What the check found; other lines, such as those of a library, are passed over."""
    for line in output.splitlines():
        with contextlib.suppress(InvalidValueError):
            yield read_as(_DoctorFinding, parse_json(line), "finding")


class DoctorDialog(QDialog):
    """`say` asks for a sentence to be spoken, `tries` for the microphone to be tried, `told` gives what a screen reader
    says."""

    speech_requested, microphone_test_requested, announced = Signal(str), Signal(), Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Check this computer"))
        theme.fit_dialog(self, 620, 520)
        self.results_list, self.level_meter = QListWidget(), LevelMeter()
        self.results_list.setAccessibleName(tr("Results"))
        self.results_list.setWordWrap(True)
        self.results_list.addItem(tr("Looking …"))
        self._hint = plain_label(
            tr("Speak: the bars rise when the microphone hears you. The buttons try it by ear, and make Hark speak."),
            quiet=False,
        )
        hear, speak, again, close = (
            QPushButton(text) for text in (tr("Try the microphone"), tr("Say something"), tr("Look again"), tr("Close"))
        )
        hear.clicked.connect(self._on_hear)
        speak.clicked.connect(self._on_speak)
        again.clicked.connect(self.run_checks)
        close.clicked.connect(self.accept)
        row = QHBoxLayout()
        for widget in (hear, speak, again, close):
            widget.setAutoDefault(False)
            row.addWidget(widget)
        column = QVBoxLayout(self)
        column.addWidget(self.results_list, 1)
        for one in (self._hint, self.level_meter):
            column.addWidget(one)
        column.addLayout(row)
        self.run_checks()

    @Slot()
    def run_checks(self) -> None:
        """Runs all checks; it takes a few seconds."""
        process = QProcess(self)
        process.finished.connect(self._on_results)
        process.start(sys.executable, ["-P", "-m", "assistant.cli", "doctor", "--json"])

    @Slot()
    def _on_results(self) -> None:
        process: Any = self.sender()
        findings = list(_parse_findings(bytes(process.readAllStandardOutput().data())))
        process.deleteLater()
        self.results_list.clear()
        for finding in findings:
            sign, state = _STATES[finding.state]
            text = shorten_text(f"{finding.message} {finding.hint}".rstrip())
            self.results_list.addItem(f"{sign}  {finding.what}: {text}")
            said = f"{finding.what}, {tr(state)}: {text}"
            self.results_list.item(self.results_list.count() - 1).setData(Qt.ItemDataRole.AccessibleTextRole, said)
        if not findings:
            self.results_list.addItem(tr("The check itself failed. Try “hark doctor” in a terminal."))
            return self.announced.emit(self.results_list.item(0).text())
        wanting = sum(finding.state == "missing" for finding in findings)
        self.announced.emit(ntr("Checked. {n} thing is missing.", "Checked. {n} things are missing.", wanting))

    @Slot()
    def _on_hear(self) -> None:
        self.show_test_result(tr("Speak now, for three seconds. Then you hear it again."))
        self.microphone_test_requested.emit()

    @Slot(str)
    def show_test_result(self, told: str) -> None:
        """How the microphone's trial goes."""
        self._hint.setText(told)
        self.announced.emit(told)

    @Slot()
    def _on_speak(self) -> None:
        self.speech_requested.emit(tr("This is Hark. If you hear me, the speaker works."))
