"""Models by job: what is here, what fits, got and paused and removed. Knows nothing of the engine.

Downloads run in a process of their own: to pause is to end it, and the next one goes on where it was."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import psutil
from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, Signal, Slot
from PySide6.QtWidgets import QDialog, QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from assistant.library.catalogue import CATALOGUE, ModelEntry, fitting
from assistant.library.models import wanted
from assistant.words.tongue import mark, tr
from ui import style
from ui.plain import label, scrolled

_QUANTISED = "pip install optimum gptqmodel"
_JOBS = {"hear": mark("To hear"), "look": mark("To look and answer"), "speak": mark("To speak")}


class Download(QObject):
    """`moved` gives bytes done, bytes in all and seconds left; `ended` why it failed, or ""."""

    moved, ended = Signal(float, float, float), Signal(str)

    def __init__(self, entry: ModelEntry, hub: str, parent: QObject) -> None:
        super().__init__(parent)
        self._total = self._from = 0.0
        self._since, self._why = 0.0, ""
        self.stopped = False
        self._process = QProcess(self)
        self._process.setProcessEnvironment(QProcessEnvironment.systemEnvironment())
        self._process.readyReadStandardOutput.connect(self._read)
        self._process.finished.connect(self._end)
        self._process.start(sys.executable, ["-P", "-m", "assistant.library.fetch", *wanted(entry.name, hub)])

    def stop(self) -> None:
        """What is here stays."""
        self.stopped = True
        self._process.kill()

    @Slot()
    def _read(self) -> None:
        while self._process.canReadLine():
            facts = json.loads(bytes(self._process.readLine().data()))
            self._total = facts.get("total", self._total)
            if "done" in facts:
                self._move(facts["done"])
            if "error" in facts:
                self._why = f"{facts['error']} {facts['hint']}"

    def _move(self, done: float) -> None:
        now = time.monotonic()
        if not self._since:
            self._since, self._from = now, done
        rate = (done - self._from) / max(0.1, now - self._since)
        self.moved.emit(done, self._total, (self._total - done) / rate if rate > 0 else 0.0)

    @Slot(int)
    def _end(self, code: int) -> None:
        self.ended.emit(self._why if code == 0 or self._why or self.stopped else tr("The download stopped."))


def facts(entry: ModelEntry, memory: float) -> str:
    """What a model needs, and whether a computer with so many GB of memory has it."""
    about = [tr("{size} GB to fetch").format(size=f"{entry.size:.1f}")]
    if not entry.quantised:
        about.append(tr("{memory} GB of memory").format(memory=f"{entry.memory:.1f}"))
    if entry.job != "speak":
        about.append(tr("on a graphics card {memory} GB").format(memory=f"{entry.card:.1f}"))
    if entry.quantised:
        about.append(tr("quantised ({how}), for graphics cards").format(how=entry.quantised))
        about.append(tr("needs “{command}”").format(command=_QUANTISED))
    if entry.language:
        about.append(tr("English") if entry.language == "en" else tr("Chinese"))
    if entry.memory > memory:
        about.append(tr("too large for this computer"))
    return " · ".join([*about, entry.licence])


class Row(QWidget):
    """One model. `wanted` tells what is to be done with it: "get", "stop", "remove" or "use"."""

    wanted = Signal(str)

    def __init__(self, entry: ModelEntry, memory: float) -> None:
        super().__init__()
        self.entry = entry
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 4)
        column.setSpacing(4)
        line = QHBoxLayout()
        name = label(entry.name, quiet=False)
        self.state = label("")
        self.bar = QProgressBar()
        self.bar.setAccessibleName(tr("Download of {name}").format(name=entry.name))
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        self.bar.hide()
        line.addWidget(name, 1)
        self.buttons: dict[str, QPushButton] = {}
        for what, text in (
            ("get", tr("Get")), ("stop", tr("Pause")), ("use", tr("Use")), ("remove", tr("Remove"))
        ):  # fmt: skip
            button = QPushButton(text)
            button.setAutoDefault(False)
            button.setAccessibleName(f"{text}: {entry.name}")
            button.clicked.connect(lambda _=False, what=what: self.wanted.emit(what))
            self.buttons[what] = button
            line.addWidget(button)
        column.addLayout(line)
        for widget in (label(facts(entry, memory)), self.bar, self.state):
            column.addWidget(widget)
        self.show_state(here=False, busy=False)

    def show_state(self, here: bool, busy: bool) -> None:
        """Which buttons make sense now."""
        for what, shown in (("get", not here and not busy), ("stop", busy), ("use", here), ("remove", here)):
            self.buttons[what].setVisible(shown)
        self.bar.setVisible(busy)
        self.state.setText(tr("It is here.") if here else "")

    def move(self, done: float, total: float, left: float) -> None:  # type: ignore[override]
        self.bar.setRange(0, 1000)
        self.bar.setValue(int(1000 * done / total) if total else 0)
        told = tr("{done} of {total} GB, about {minutes} min left")
        self.state.setText(
            told.format(done=f"{done / 1e9:.2f}", total=f"{total / 1e9:.2f}", minutes=max(1, round(left / 60)))
        )


class Models(QDialog):
    """`chosen` gives a settings' section, field and value; `told` what a screen reader says; `changed`: one went."""

    chosen, told, changed = Signal(str, str, object), Signal(str), Signal()

    def __init__(self, parent: QWidget, hub: str = "huggingface") -> None:
        super().__init__(parent)
        self._hub = hub
        self.setWindowTitle(tr("Models"))
        style.fit(self, 620, 640)
        self._memory = psutil.virtual_memory().total / 1e9
        self._downloads: dict[str, Download] = {}
        self._queue: list[str] = []
        self._here: set[str] = set()
        self.rows = {entry.name: Row(entry, self._memory) for entry in CATALOGUE.values()}
        best = fitting(self._memory)
        self.all = QPushButton(
            tr("Get what fits this computer: {names} ({size} GB)").format(
                names=" + ".join(entry.name for entry in best), size=f"{sum(entry.size for entry in best):.1f}"
            )
        )
        self.all.clicked.connect(self._get_all)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.addWidget(
            label(tr("The starter kit works without any of these. Nothing but the models' own files is fetched."))
        )
        column.addWidget(self.all)
        for job, title in _JOBS.items():
            heading = label(tr(title), quiet=False)
            heading.setFont(style.font(1.1, style.QFont.Weight.DemiBold))
            column.addWidget(heading)
            for row in self.rows.values():
                if row.entry.job == job:
                    row.wanted.connect(self._on_wanted)
                    column.addWidget(row)
        column.addStretch(1)
        close = QPushButton(tr("Close"))
        close.clicked.connect(self.accept)
        whole = QVBoxLayout(self)
        whole.addWidget(scrolled(inside), 1)
        whole.addWidget(close)
        self.look()

    @Slot()
    def look(self) -> None:
        """Finds out what is here, in a process of its own: the hub's library is slow to import."""
        process = QProcess(self)
        process.finished.connect(self._on_here)
        process.start(sys.executable, ["-P", "-m", "assistant.library.models"])

    @Slot()
    def _on_here(self) -> None:
        process: Any = self.sender()
        self._here = set(json.loads(bytes(process.readAllStandardOutput().data()) or b"[]"))
        for name, row in self.rows.items():
            row.show_state(name in self._here, name in self._downloads)
        process.deleteLater()

    @Slot()
    def _get_all(self) -> None:
        self._queue = [one.name for one in fitting(self._memory) if one.name not in self._here | set(self._downloads)]
        self._next()

    def _next(self) -> None:
        if self._queue:
            self.get(self._queue.pop(0))

    @Slot(str)
    def _on_wanted(self, what: str) -> None:
        row: Any = self.sender()
        getattr(self, what)(row.entry.name)

    def get(self, name: str) -> None:
        """Begins a download, or goes on with it."""
        row = self.rows[name]
        made = self._downloads[name] = Download(row.entry, self._hub, self)
        row.show_state(here=False, busy=True)
        made.moved.connect(row.move)
        made.ended.connect(lambda why: self._on_end(name, why))
        self.told.emit(tr("Fetching {name}").format(name=name))

    def stop(self, name: str) -> None:
        self._queue = []
        self._downloads[name].stop()

    def use(self, name: str) -> None:
        """From the next question on."""
        entry = CATALOGUE[name]
        if entry.job == "speak":
            self.chosen.emit("speak", "voice", f"{entry.part}/{name}")
        else:
            self.chosen.emit(entry.job, "model", name)
            self.chosen.emit(entry.job, "transcriber" if entry.job == "hear" else "responder", entry.part)
        self.rows[name].state.setText(tr("It is used now."))
        self.told.emit(tr("{name} is used now").format(name=name))

    def remove(self, name: str) -> None:
        process = QProcess(self)
        process.finished.connect(lambda code, _: self._on_removed(name, code))
        code = "import sys; from assistant.library import models; models.remove(sys.argv[1])"
        process.start(sys.executable, ["-P", "-c", code, name])

    def _on_removed(self, name: str, code: int) -> None:
        self.look()
        self.changed.emit()
        if code:
            self.told.emit(tr("{name} could not be removed.").format(name=name))

    def _on_end(self, name: str, why: str) -> None:
        stopped = self._downloads.pop(name).stopped
        row = self.rows[name]
        row.show_state(here=not why and not stopped, busy=False)
        if stopped:
            row.state.setText(tr("Paused. What is here stays."))
            return
        row.state.setText(why or tr("It is here."))
        self.told.emit(why or tr("{name} is here").format(name=name))
        if not why:
            self._here.add(name)
            if CATALOGUE[name].quantised:
                row.state.setText(tr("It is here. Before it is used: {command}").format(command=_QUANTISED))
            else:
                self.use(name)
            self._next()

    def done(self, code: int) -> None:
        """A closed dialog goes on with nothing: what was fetched stays."""
        for one in self._downloads.values():
            one.stop()
        super().done(code)
