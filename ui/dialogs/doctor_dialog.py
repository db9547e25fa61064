"""The check of this computer: the findings of `hark doctor`, and buttons that test the microphone and the speaker.

`hark doctor` runs in a process of its own, so that the window stays responsive."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QDialog, QHBoxLayout, QListWidget, QPushButton, QVBoxLayout

from assistant.text.i18n import ntr, tr, tr_noop
from assistant.typed_reader import InvalidValueError, parse_json, read_as
from ui import theme
from ui.child_process import ChildProcess
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
    """One line of `hark doctor --json`."""

    event: Literal["checked"]
    what: str  # the part that was checked
    state: Literal["ok", "note", "missing"]
    message: str
    hint: str  # the next step for the user, may be empty


def parse_findings(output: bytes) -> Iterator[_DoctorFinding]:
    """The findings in the output; other lines, such as warnings of a library, are ignored."""
    for line in output.splitlines():
        with contextlib.suppress(InvalidValueError):
            yield read_as(_DoctorFinding, parse_json(line), "finding")


class DoctorDialog(QDialog):
    """The dialog with the findings; its meter shows the level of the microphone.

    `speech_requested` carries a sentence to be spoken, `microphone_test_requested` asks for a test of the microphone;
    `announced` carries what a screen reader should say."""

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
            is_quiet=False,
        )
        row = QHBoxLayout()
        for text, slot in (
            (tr("Try the microphone"), self._test_microphone),
            (tr("Say something"), self._test_speaker),
            (tr("Look again"), self.run_checks),
            (tr("Close"), self.accept),
        ):
            button = QPushButton(text)
            button.setAutoDefault(False)
            button.clicked.connect(slot)
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.addWidget(self.results_list, 1)
        column.addWidget(self._hint)
        column.addWidget(self.level_meter)
        column.addLayout(row)
        self.run_checks()

    def add_level(self, level: float) -> None:
        """Shows a new level of the microphone, from 0 to 1."""
        self.level_meter.add_level(level)

    @Slot()
    def run_checks(self) -> None:
        """Starts all checks, which take a few seconds."""
        process = ChildProcess(self)
        process.finished.connect(self._on_results)
        process.start_module("assistant.cli", "doctor", "--json")

    @Slot()
    def _on_results(self) -> None:
        process: Any = self.sender()
        findings = list(parse_findings(bytes(process.readAllStandardOutput().data())))
        process.deleteLater()
        self.results_list.clear()
        for finding in findings:
            sign, state = _STATES[finding.state]
            text = shorten_text(f"{finding.message} {finding.hint}".rstrip())
            self.results_list.addItem(f"{sign}  {finding.what}: {text}")
            item = self.results_list.item(self.results_list.count() - 1)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{finding.what}, {tr(state)}: {text}")
        if not findings:
            self.results_list.addItem(tr("The check itself failed. Try “hark doctor” in a terminal."))
            return self.announced.emit(self.results_list.item(0).text())
        missing = sum(finding.state == "missing" for finding in findings)
        self.announced.emit(ntr("Checked. {n} thing is missing.", "Checked. {n} things are missing.", missing))

    @Slot()
    def _test_microphone(self) -> None:
        self.show_test_result(tr("Speak now, for three seconds. Then you hear it again."))
        self.microphone_test_requested.emit()

    @Slot(str)
    def show_test_result(self, text: str) -> None:
        """Shows and announces how the test of the microphone goes."""
        self._hint.setText(text)
        self.announced.emit(text)

    @Slot()
    def _test_speaker(self) -> None:
        self.speech_requested.emit(tr("This is Hark. If you hear me, the speaker works."))
