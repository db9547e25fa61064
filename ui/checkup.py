"""What works on this computer, and what one more step would bring; microphone and speaker tried by ear.

It is `hark doctor`, run in a process of its own. Knows nothing of the engine."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QProcess, Qt, Signal, Slot
from PySide6.QtWidgets import QDialog, QHBoxLayout, QListWidget, QPushButton, QVBoxLayout

from assistant.words.tongue import mark, tr
from ui import style
from ui.plain import label
from ui.talk import Meter

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

_STATES = {"ok": ("✓", mark("works")), "note": ("·", mark("could be better")), "missing": ("✗", mark("missing"))}


class Checkup(QDialog):
    """`say` asks for a sentence to be spoken, `told` gives what a screen reader says."""

    say, told = Signal(str), Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Check this computer"))
        style.fit(self, 620, 520)
        self.list, self.meter = QListWidget(), Meter()
        self.list.setAccessibleName(tr("Results"))
        self.list.setWordWrap(True)
        self.list.addItem(tr("Looking …"))
        hint = label(
            tr("Speak: the bars rise when the microphone hears you. The button makes Hark speak."), quiet=False
        )
        speak, again, close = (QPushButton(text) for text in (tr("Say something"), tr("Look again"), tr("Close")))
        speak.clicked.connect(self._on_speak)
        again.clicked.connect(self.look)
        close.clicked.connect(self.accept)
        row = QHBoxLayout()
        for widget in (speak, again, close):
            widget.setAutoDefault(False)
            row.addWidget(widget)
        column = QVBoxLayout(self)
        column.addWidget(self.list, 1)
        for one in (hint, self.meter):
            column.addWidget(one)
        column.addLayout(row)
        self.look()

    @Slot()
    def look(self) -> None:
        """Runs all checks; it takes a few seconds."""
        process = QProcess(self)
        process.finished.connect(self._on_results)
        process.start(sys.executable, ["-P", "-m", "assistant.cli", "doctor", "--json"])

    @Slot()
    def _on_results(self) -> None:
        process: Any = self.sender()
        lines = bytes(process.readAllStandardOutput().data()).decode("utf-8", "replace").splitlines()
        found = [one for one in map(json.loads, lines) if one.get("event") == "checked"]
        process.deleteLater()
        self.list.clear()
        for one in found:
            sign, state = _STATES[one["state"]]
            self.list.addItem(f"{sign}  {one['what']}: {one['message']} {one['hint']}".rstrip())
            said = f"{one['what']}, {tr(state)}: {one['message']} {one['hint']}".rstrip()
            self.list.item(self.list.count() - 1).setData(Qt.ItemDataRole.AccessibleTextRole, said)
        wanting = sum(one["state"] == "missing" for one in found)
        self.told.emit(tr("Checked. {n} of {total} are missing.").format(n=wanting, total=len(found)))

    @Slot()
    def _on_speak(self) -> None:
        self.say.emit(tr("This is Hark. If you hear me, the speaker works."))
