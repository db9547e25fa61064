"""Models that are fetched as long as the window lives, whatever shows them. Knows nothing of widgets or of the engine.

Each runs in a process of its own: to pause is to end it, and the next one goes on where it was."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import psutil
from PySide6.QtCore import QCoreApplication, QObject, QProcess, QProcessEnvironment, Signal, Slot
from shiboken6 import isValid

from assistant.models.catalog import CATALOG, CatalogEntry, recommended
from assistant.models.local_store import download_args
from assistant.text.i18n import tr

if TYPE_CHECKING:
    from assistant.settings import Settings

QUANTISED = "pip install optimum gptqmodel"
_MODELS = "assistant.models.local_store"


class DownloadProcess(QObject):
    """`moved`: `done` bytes are here of `total`, and `left` seconds remain. `noted` gives a sentence to know; `ended`
    why it failed, or ""."""

    progress_changed, note_received, download_ended = Signal(), Signal(str), Signal(str)

    def __init__(self, entry: CatalogEntry, hub: str, parent: QObject) -> None:
        super().__init__(parent)
        self.bytes_done = self.bytes_total = self.seconds_left = self._from = 0.0
        self._since, self._why = 0.0, ""
        self.is_paused = self.is_cancelled = False
        self._process = QProcess(self)
        self._process.setProcessEnvironment(QProcessEnvironment.systemEnvironment())
        self._process.readyReadStandardOutput.connect(self._read_progress)
        self._process.finished.connect(self._on_finished)
        self._process.start(sys.executable, ["-P", "-m", "assistant.models.download", *download_args(entry.name, hub)])

    def stop(self) -> None:
        """What is here stays."""
        self.is_paused = True
        self._process.kill()

    @Slot()
    def _read_progress(self) -> None:
        while self._process.canReadLine():
            facts = json.loads(bytes(self._process.readLine().data()))
            self.bytes_total = facts.get("total", self.bytes_total)
            if "done" in facts:
                self._record_progress(facts["done"])
            if "note" in facts:
                self.note_received.emit(facts["note"])
            if "error" in facts:
                self._why = f"{facts['error']} {facts['hint']}"

    def _record_progress(self, done: float) -> None:
        now = time.monotonic()
        if not self._since:
            self._since, self._from = now, done
        rate = (done - self._from) / max(0.1, now - self._since)
        self.bytes_done, self.seconds_left = done, (self.bytes_total - done) / rate if rate > 0 else 0.0
        self.progress_changed.emit()

    @Slot(int)
    def _on_finished(self, code: int) -> None:
        self.download_ended.emit(self._why if code == 0 or self._why or self.is_paused else tr("The download stopped."))


class DownloadManager(QObject):
    """What is `here`, `begun` (bytes by name), `running`, or waits. `memory` and `card`: GB of this computer and of its
    largest graphics card. `chosen` gives section, field and value of a setting, `told` what a screen reader says;
    `changed`: something is not as it was; `moved`: this one goes on; `gone`: a model was removed."""

    setting_changed, announced, models_changed = Signal(object), Signal(str), Signal()
    progress_changed, model_removed = Signal(str), Signal()

    def __init__(self, parent: QObject, settings: Callable[[], Settings]) -> None:
        super().__init__(parent)
        self._settings = settings
        self.memory_gb, self.gpu_memory_gb = psutil.virtual_memory().total / 1e9, 0.0
        self.installed: set[str] = set()
        self.partial_bytes: dict[str, int] = {}
        self.running: dict[str, DownloadProcess] = {}
        self._queue: list[str] = []
        self._said: dict[str, str] = {}  # of a model what last came of it
        self._leaving: set[str] = set()
        self._changes = 0  # what was seen before the last one may be so no longer
        QCoreApplication.instance().aboutToQuit.connect(self.stop_all)  # type: ignore[union-attr]
        self._query_installed(self._on_card, "assistant.gpu")

    @Slot()
    def refresh(self) -> None:
        """Finds out what is here, in a process of its own: the hub's library is slow to import."""
        self._query_installed(partial(self._on_installed, self._changes), _MODELS)

    def recommended_models(self) -> list[CatalogEntry]:
        """Of each job what fits this computer best."""
        return recommended(self.memory_gb, gpu_memory_gb=self.gpu_memory_gb)

    @Slot()
    def download_all(self) -> None:
        """Fetches what fits, one after another."""
        self._queue = [
            one.name for one in self.recommended_models() if one.name not in self.installed | set(self.running)
        ]
        self._start_next()
        self.models_changed.emit()

    def download(self, name: str) -> None:
        """Begins a download, or goes on with it; not twice, and not while it is thrown away."""
        if name in self.running or name in self._leaving:
            return
        self._queue = [one for one in self._queue if one != name]
        self._said.pop(name, None)
        made = self.running[name] = DownloadProcess(CATALOG[name], self._settings().hub.model_hub, self)
        made.progress_changed.connect(lambda: self.progress_changed.emit(name))
        made.note_received.connect(self.announced)
        made.download_ended.connect(lambda why: self._on_end(name, why))
        self.announced.emit(tr("Fetching {name}").format(name=name))
        self.models_changed.emit()

    def pause_download(self, name: str) -> None:
        """What is here of it stays; what waited does so no longer."""
        if name in self.running:
            self.running[name].stop()

    def cancel_download(self, name: str) -> None:
        """Throws away what is here of one that is not whole, also while it runs."""
        if name in self.running:
            self.running[name].is_cancelled = True
            self.pause_download(name)
        else:
            self._run_removal(name, "discard", tr("{name} is cancelled: {size} GB are free again."))

    def remove_model(self, name: str) -> None:
        self._run_removal(name, "remove", tr("{name} is removed: {size} GB are free again."))

    def use_model(self, name: str) -> None:
        """From the next question on."""
        self._said.pop(name, None)
        for change in CATALOG[name].setting_changes:
            self.setting_changed.emit(change)
        self.announced.emit(tr("{name} is used now").format(name=name))
        self.models_changed.emit()

    def model_state(self, name: str) -> str:
        """A sentence on a model that does not run, or ""."""
        if name in self._said:
            return self._said[name]
        if name in self._queue:
            return tr("It waits for its turn.")
        if name in self.partial_bytes and name not in self.installed:
            return tr("Paused. {size} GB of it are here.").format(size=f"{self.partial_bytes[name] / 1e9:.2f}")
        if name not in self.installed:
            return ""
        settings = self._settings()
        if all(change.is_applied(settings) for change in CATALOG[name].setting_changes):
            return tr("It is used now.")
        if CATALOG[name].quantisation:
            return tr("It is here. Before it is used: {command}").format(command=QUANTISED)
        return tr("It is here.")

    @Slot()
    def stop_all(self) -> None:
        """Ends all that runs; what was fetched stays."""
        for one in self.findChildren(QProcess):
            one.blockSignals(True)
            one.kill()
            one.waitForFinished(1000)

    def _query_installed(self, then: Callable[[int, bytes], None], *module: str) -> None:
        """Runs a module with arguments; `then` takes its exit code and what it printed."""
        process = QProcess(self)

        def end(code: int) -> None:
            if not isValid(process):
                return  # the window is being deleted
            then(code, bytes(process.readAllStandardOutput().data()))
            process.deleteLater()

        process.finished.connect(end)
        process.start(sys.executable, ["-P", "-m", *module])

    def _on_card(self, code: int, told: bytes) -> None:
        self.gpu_memory_gb = float(told) if code == 0 else 0.0
        self.models_changed.emit()

    def _on_installed(self, changes: int, code: int, told: bytes) -> None:
        if changes != self._changes:
            self.refresh()
        elif code == 0:
            found = json.loads(told)
            self.installed, self.partial_bytes = set(found["here"]), found["begun"]
            self.models_changed.emit()

    def _start_next(self) -> None:
        if self._queue and not self.running:
            self.download(self._queue[0])

    def _run_removal(self, name: str, how: str, said: str) -> None:
        if name not in self._leaving:
            self._leaving.add(name)
            self._query_installed(partial(self._on_freed, name, said), _MODELS, how, name)

    def _on_freed(self, name: str, said: str, code: int, told: bytes) -> None:
        self._changes += 1
        self._leaving.discard(name)
        if code:
            said = tr("{name} could not be removed.").format(name=name)
        else:
            said = said.format(name=name, size=f"{int(told) / 1e9:.2f}")
            self.installed.discard(name)
            self.partial_bytes.pop(name, None)
        self._said[name] = said
        self.announced.emit(said)
        self.models_changed.emit()
        self.model_removed.emit()
        self.refresh()
        self._start_next()

    def _on_end(self, name: str, why: str) -> None:
        self._changes += 1
        made = self.running.pop(name)
        made.deleteLater()
        if made.is_paused:
            self._on_stopped(name, made)
        elif why:
            self._said[name] = why = f"{why} {self._release_download()}".rstrip()
            self.announced.emit(why)
            self.refresh()
        else:
            self._on_arrived(name)
        self.models_changed.emit()

    def _release_download(self) -> str:
        """Of all that waits; tells of it, if anything did."""
        waited, self._queue = bool(self._queue), []
        return tr("What waited for it is not fetched.") if waited else ""

    def _on_stopped(self, name: str, made: DownloadProcess) -> None:
        if made.bytes_done:
            self.partial_bytes[name] = int(made.bytes_done)
        if made.is_cancelled:
            self.cancel_download(name)
        else:
            self.announced.emit(tr("Paused: {name}").format(name=name))
            self.refresh()
        if rest := self._release_download():
            self.announced.emit(rest)

    def _on_arrived(self, name: str) -> None:
        self.installed.add(name)
        self.partial_bytes.pop(name, None)
        self.announced.emit(tr("{name} is here").format(name=name))
        if not CATALOG[name].quantisation:
            self.use_model(name)
        self._start_next()
