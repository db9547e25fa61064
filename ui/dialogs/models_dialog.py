"""Models by job: what is here, what fits, got and paused and removed. Knows nothing of how they are fetched."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, Slot
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QDialog, QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from assistant.models.catalog import CATALOG, CatalogEntry, fits_hardware
from assistant.text.i18n import tr, tr_noop
from ui import theme
from ui.download_manager import QUANTISED, DownloadManager
from ui.widgets.labels import plain_label, scroll_area

_JOBS = {"transcriber": tr_noop("To hear"), "responder": tr_noop("To look and answer"), "voice": tr_noop("To speak")}


def model_facts(entry: CatalogEntry, memory: float, card: float = 0.0) -> str:
    """What a model needs, and whether a computer with so many GB of memory, and of a graphics card, has it."""
    about = [tr("{size} GB to fetch").format(size=f"{entry.size_gb:.1f}")]
    if not entry.quantisation:
        about.append(tr("{memory} GB of memory").format(memory=f"{entry.memory_gb:.1f}"))
    if entry.task != "voice":
        about.append(tr("on a graphics card {memory} GB").format(memory=f"{entry.gpu_memory_gb:.1f}"))
    if entry.quantisation:
        about.append(tr("quantised ({how}), for graphics cards, not tried").format(how=entry.quantisation))
        about.append(tr("needs “{command}”").format(command=QUANTISED))
    if entry.language:
        about.append(tr("English") if entry.language == "en" else tr("Chinese"))
    if not fits_hardware(entry, memory, card):
        about.append(tr("too large for this computer"))
    return " · ".join([*about, entry.licence])


class ModelRow(QWidget):
    """One model with its state, its progress and the buttons that make sense now."""

    def __init__(self, entry: CatalogEntry, downloads: DownloadManager) -> None:
        super().__init__()
        self.entry = entry
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 4)
        column.setSpacing(4)
        line = QHBoxLayout()
        self.about, self.state = plain_label(""), plain_label("")
        self.bar = QProgressBar()
        self.bar.setAccessibleName(tr("Download of {name}").format(name=entry.name))
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        self.bar.setRange(0, 1000)
        line.addWidget(plain_label(entry.name, quiet=False), 1)
        self.download_button = self._make_button(tr("Get"), downloads.download)
        self.pause_button = self._make_button(tr("Pause"), downloads.pause_download)
        self.use_button = self._make_button(tr("Use"), downloads.use_model)
        self.remove_button = self._make_button(tr("Remove"), downloads.remove_model)
        self.cancel_button = self._make_button(tr("Cancel"), downloads.cancel_download)
        self._buttons = (
            self.download_button, self.pause_button, self.use_button, self.remove_button, self.cancel_button,
        )  # fmt: skip
        for button in self._buttons:
            line.addWidget(button)
        column.addLayout(line)
        for widget in (self.about, self.bar, self.state):
            column.addWidget(widget)

    def _make_button(self, text: str, action: Callable[[str], None]) -> QPushButton:
        button = QPushButton()
        button.setAutoDefault(False)
        button.clicked.connect(lambda: action(self.entry.name))
        self._label_button(button, text)
        button.hide()
        return button

    def _label_button(self, button: QPushButton, text: str) -> None:
        button.setText(text)
        button.setAccessibleName(f"{text}: {self.entry.name}")

    def show_state(self, is_installed: bool, is_running: bool, is_partial: bool, state: str) -> None:
        """Shows the buttons that make sense now, and `state` while nothing is downloaded.

        If the button with the focus goes, the focus stays in this row: it would jump to the next one."""
        self._label_button(self.download_button, tr("Go on") if is_partial else tr("Get"))
        self.bar.setVisible(is_running)
        if not is_running:
            self.state.setText(state)
        shown = {
            self.download_button: not is_installed and not is_running,
            self.pause_button: is_running,
            self.use_button: is_installed and not is_running,
            self.remove_button: is_installed and not is_running,
            self.cancel_button: is_running or (is_partial and not is_installed),
        }
        focus = self.window().focusWidget()
        for button in self._buttons:
            if shown[button]:
                button.show()
        first_shown = next(button for button in self._buttons if shown[button])
        for button in self._buttons:
            if not shown[button]:
                if button is focus:
                    first_shown.setFocus()
                button.hide()

    def show_progress(self, done: float, total: float, left: float) -> None:
        self.bar.setValue(int(1000 * done / total) if total else 0)
        told = tr("{done} of {total} GB, about {minutes} min left")
        self.state.setText(
            told.format(done=f"{done / 1e9:.2f}", total=f"{total / 1e9:.2f}", minutes=max(1, round(left / 60)))
        )


class ModelsDialog(QDialog):
    """Shows what `downloads` has and does; closed, it leaves all as it is."""

    def __init__(self, parent: QWidget, downloads: DownloadManager) -> None:
        super().__init__(parent)
        self._downloads = downloads
        self.setWindowTitle(tr("Models"))
        theme.fit_dialog(self, 620, 640)
        self.rows = {entry.name: ModelRow(entry, downloads) for entry in CATALOG.values()}
        self.download_all_button = QPushButton()
        self.download_all_button.clicked.connect(downloads.download_all)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.addWidget(
            plain_label(tr("The starter kit works without any of these. Nothing but the models' own files is fetched."))
        )
        column.addWidget(self.download_all_button)
        for job, title in _JOBS.items():
            heading = plain_label(tr(title), quiet=False)
            heading.setFont(theme.scaled_font(1.1, QFont.Weight.DemiBold))
            column.addWidget(heading)
            for row in self.rows.values():
                if row.entry.task == job:
                    column.addWidget(row)
        column.addStretch(1)
        close = QPushButton(tr("Close"))
        close.clicked.connect(self.accept)
        whole = QVBoxLayout(self)
        whole.addWidget(scroll_area(inside), 1)
        whole.addWidget(close)
        downloads.models_changed.connect(self._show_rows)
        downloads.progress_changed.connect(self._show_progress)
        self._show_rows()
        downloads.refresh()

    @Slot()
    def _show_rows(self) -> None:
        has = self._downloads
        best = has.recommended_models()
        self.download_all_button.setVisible(bool(best))
        self.download_all_button.setText(
            tr("Get what fits this computer: {names} ({size} GB)").format(
                names=" + ".join(entry.name for entry in best), size=f"{sum(entry.size_gb for entry in best):.1f}"
            )
        )
        for name, row in self.rows.items():
            row.about.setText(model_facts(row.entry, has.memory_gb, has.gpu_memory_gb))
            row.show_state(name in has.installed, name in has.running, name in has.partial_bytes, has.model_state(name))
            if name in has.running:
                self._show_progress(name)

    @Slot(str)
    def _show_progress(self, name: str) -> None:
        now = self._downloads.running[name]
        self.rows[name].show_progress(now.bytes_done, now.bytes_total, now.seconds_left)

    def changeEvent(self, event: QEvent) -> None:
        """What is used may have been chosen elsewhere meanwhile."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self._show_rows()
