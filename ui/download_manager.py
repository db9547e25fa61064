"""Downloads, removes and selects models as long as the window lives, whether a dialog shows them or not.

Each download runs in a process of its own: pausing ends the process, and the next one continues where it stopped."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import psutil
from PySide6.QtCore import QCoreApplication, QObject, Signal, Slot

from assistant.models.catalog import CATALOG, CatalogEntry, recommended
from assistant.models.local_store import download_args
from assistant.text.i18n import tr
from ui.child_process import ChildProcess

if TYPE_CHECKING:
    from assistant.settings import Settings

QUANTISED = "pip install optimum gptqmodel"
_STORE_MODULE = "assistant.models.local_store"


class DownloadProcess(QObject):
    """One download that is running.

    `progress_changed` reports that `bytes_done`, `bytes_total` or `seconds_left` have changed. `note_received` carries
    a sentence for the user; `download_ended` why the download failed, "" if it did not."""

    progress_changed, note_received, download_ended = Signal(), Signal(str), Signal(str)

    def __init__(self, entry: CatalogEntry, hub: str, parent: QObject) -> None:
        super().__init__(parent)
        self.bytes_done = self.bytes_total = self.seconds_left = self._bytes_before = 0.0
        self._started_at, self._failure = 0.0, ""  # of the first progress, in seconds; a sentence
        self.is_paused = self.is_cancelled = False
        self._process = ChildProcess(self)
        self._process.readyReadStandardOutput.connect(self._read_progress)
        self._process.finished.connect(self._on_finished)
        self._process.start_module("assistant.models.download", *download_args(entry.name, hub))

    def pause(self) -> None:
        """Pauses the download; what has been downloaded stays on the disk."""
        self.is_paused = True
        self._process.kill()

    @Slot()
    def _read_progress(self) -> None:
        while self._process.canReadLine():
            report = json.loads(bytes(self._process.readLine().data()))
            self.bytes_total = report.get("total", self.bytes_total)
            if "done" in report:
                self._record_progress(report["done"])
            if "note" in report:
                self.note_received.emit(report["note"])
            if "error" in report:
                self._failure = f"{report['error']} {report['hint']}"

    def _record_progress(self, bytes_done: float) -> None:
        progress_at = time.monotonic()
        if not self._started_at:
            self._started_at, self._bytes_before = progress_at, bytes_done
        rate = (bytes_done - self._bytes_before) / max(0.1, progress_at - self._started_at)
        self.bytes_done = bytes_done
        self.seconds_left = (self.bytes_total - bytes_done) / rate if rate > 0 else 0.0
        self.progress_changed.emit()

    @Slot(int)
    def _on_finished(self, code: int) -> None:
        self.download_ended.emit(
            self._failure if code == 0 or self._failure or self.is_paused else tr("The download stopped.")
        )


class DownloadManager(QObject):
    """The models of this computer and their downloads.

    `installed` are the names of complete models, `partial_bytes` the sizes of incomplete ones, `running` the downloads
    that are under way. `memory_gb` and `gpu_memory_gb` are those of the computer and of its largest graphics card.

    `models_changed` reports that any of these has changed, `progress_changed` that the download of the named model goes
    on. `setting_changed` carries a `SettingChange` when a model is selected; `rescan_needed` reports that the engine
    should look again for models: one was deleted, or one was selected that a setting names already. `announced` carries
    what a screen reader should say."""

    setting_changed, announced, models_changed = Signal(object), Signal(str), Signal()
    progress_changed, rescan_needed = Signal(str), Signal()

    def __init__(self, parent: QObject, settings: Callable[[], Settings]) -> None:
        super().__init__(parent)
        self._settings = settings
        self.memory_gb, self.gpu_memory_gb = psutil.virtual_memory().total / 1e9, 0.0
        self.installed: set[str] = set()
        self.partial_bytes: dict[str, int] = {}
        self.running: dict[str, DownloadProcess] = {}
        self._queue: list[str] = []
        self._last_messages: dict[str, str] = {}  # the last result of each model's download or removal
        self._being_removed: set[str] = set()
        self._change_count = 0  # a listing that began before the last change is outdated
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.stop_all)
        self._run_module(self._on_gpu_memory, "assistant.gpu")

    @Slot()
    def refresh(self) -> None:
        """Lists the installed models in a process of its own: the hub's library is slow to import."""
        self._run_module(partial(self._on_listing, self._change_count), _STORE_MODULE)

    def recommended_models(self) -> list[CatalogEntry]:
        """The model of each task that suits this computer best."""
        return recommended(self.memory_gb, gpu_memory_gb=self.gpu_memory_gb)

    @Slot()
    def download_all(self) -> None:
        """Downloads the recommended models, one after another."""
        self._queue = [
            entry.name for entry in self.recommended_models() if entry.name not in self.installed | set(self.running)
        ]
        self._start_next()
        self.models_changed.emit()

    def download(self, name: str) -> None:
        """Starts or continues a download, unless it is running or being removed."""
        if name in self.running or name in self._being_removed:
            return
        self._queue = [queued for queued in self._queue if queued != name]
        self._last_messages.pop(name, None)
        process = self.running[name] = DownloadProcess(CATALOG[name], self._settings().hub.model_hub, self)
        process.progress_changed.connect(lambda: self.progress_changed.emit(name))
        process.note_received.connect(self.announced)
        process.download_ended.connect(lambda failure: self._on_ended(name, failure))
        self.announced.emit(tr("Fetching {name}").format(name=name))
        self.models_changed.emit()

    def pause_download(self, name: str) -> None:
        """Pauses a download; the models that waited for it are not downloaded."""
        if name in self.running:
            self.running[name].pause()

    def cancel_download(self, name: str) -> None:
        """Deletes what has been downloaded of an incomplete model, also while it is running."""
        if name in self.running:
            self.running[name].is_cancelled = True
            self.pause_download(name)
        else:
            self._run_removal(name, "discard", tr("{name} is cancelled: {size} GB are free again."))

    def remove_model(self, name: str) -> None:
        """Deletes an installed model."""
        self._run_removal(name, "remove", tr("{name} is removed: {size} GB are free again."))

    def use_model(self, name: str) -> None:
        """Selects a model in the settings, for the next question on."""
        self._last_messages.pop(name, None)
        settings, changes = self._settings(), CATALOG[name].setting_changes
        for change in changes:
            self.setting_changed.emit(change)
        if any(change.is_applied(settings) for change in changes):
            self.rescan_needed.emit()  # nothing changes for a setting that named the model before it was installed
        self.announced.emit(tr("{name} is used now").format(name=name))
        self.models_changed.emit()

    def model_state(self, name: str) -> str:
        """A sentence on a model that is not being downloaded, "" if there is nothing to say."""
        if name in self._last_messages:
            return self._last_messages[name]
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
        """Ends all processes; what has been downloaded stays on the disk."""
        for process in self.findChildren(ChildProcess):
            process.stop()

    def _run_module(self, callback: Callable[[int, bytes], None], *arguments: str) -> None:
        """Runs `python -m` with arguments; `callback` gets the exit code and the output."""
        process = ChildProcess(self)

        def on_finished(exit_code: int) -> None:
            callback(exit_code, bytes(process.readAllStandardOutput().data()))
            process.deleteLater()

        process.finished.connect(on_finished)
        process.start_module(*arguments)

    def _on_gpu_memory(self, exit_code: int, output: bytes) -> None:
        self.gpu_memory_gb = float(output) if exit_code == 0 else 0.0
        self.models_changed.emit()

    def _on_listing(self, change_count: int, exit_code: int, output: bytes) -> None:
        """Takes the list of models over, or asks again if something has changed since it was requested."""
        if change_count != self._change_count:
            self.refresh()
        elif exit_code == 0:
            listing = json.loads(output)
            self.installed, self.partial_bytes = set(listing["installed"]), listing["partial_bytes"]
            self.models_changed.emit()

    def _start_next(self) -> None:
        if self._queue and not self.running:
            self.download(self._queue[0])

    def _run_removal(self, name: str, action: str, message: str) -> None:
        """Runs an action of the store, "remove" or "discard"; `message` is announced if it succeeds."""
        if name not in self._being_removed:
            self._being_removed.add(name)
            self._run_module(partial(self._on_removed, name, message), _STORE_MODULE, action, name)

    def _on_removed(self, name: str, message: str, exit_code: int, output: bytes) -> None:
        self._change_count += 1
        self._being_removed.discard(name)
        if exit_code:
            message = tr("{name} could not be removed.").format(name=name)
        else:
            message = message.format(name=name, size=f"{int(output) / 1e9:.2f}")
            self.installed.discard(name)
            self.partial_bytes.pop(name, None)
        self._last_messages[name] = message
        self.announced.emit(message)
        self.models_changed.emit()
        self.rescan_needed.emit()
        self.refresh()
        self._start_next()

    def _on_ended(self, name: str, failure: str) -> None:
        self._change_count += 1
        process = self.running.pop(name)
        process.deleteLater()
        if process.is_paused:
            self._on_paused(name, process)
        elif failure:
            self._last_messages[name] = message = f"{failure} {self._clear_queue()}".rstrip()
            self.announced.emit(message)
            self.refresh()
        else:
            self._on_complete(name)
        self.models_changed.emit()

    def _clear_queue(self) -> str:
        """Forgets the models that wait for a download; returns a sentence on it, "" if there were none."""
        had_queue, self._queue = bool(self._queue), []
        return tr("What waited for it is not fetched.") if had_queue else ""

    def _on_paused(self, name: str, process: DownloadProcess) -> None:
        if process.bytes_done:
            self.partial_bytes[name] = int(process.bytes_done)
        if process.is_cancelled:
            self.cancel_download(name)
        else:
            self.announced.emit(tr("Paused: {name}").format(name=name))
            self.refresh()
        if message := self._clear_queue():
            self.announced.emit(message)

    def _on_complete(self, name: str) -> None:
        self.installed.add(name)
        self.partial_bytes.pop(name, None)
        self.announced.emit(tr("{name} is here").format(name=name))
        if not CATALOG[name].quantisation:
            self.use_model(name)
        self._start_next()
