"""The dialog that lists models by task, and downloads, removes and selects them."""

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

_TASK_TITLES = {
    "transcriber": tr_noop("To hear"),
    "responder": tr_noop("To look and answer"),
    "voice": tr_noop("To speak"),
}


def model_facts(entry: CatalogEntry, memory_gb: float, gpu_memory_gb: float = 0.0) -> str:
    """What a model needs, and whether a computer with so much memory, and a graphics card with so much, can run it."""
    facts = [tr("{size} GB to fetch").format(size=f"{entry.size_gb:.1f}")]
    if not entry.quantisation:
        facts.append(tr("{memory} GB of memory").format(memory=f"{entry.memory_gb:.1f}"))
    if entry.task != "voice":
        facts.append(tr("on a graphics card {memory} GB").format(memory=f"{entry.gpu_memory_gb:.1f}"))
    if entry.quantisation:
        facts.append(tr("quantised ({how}), for graphics cards, not tried").format(how=entry.quantisation))
        facts.append(tr("needs “{command}”").format(command=QUANTISED))
    if entry.language:
        facts.append(tr("English") if entry.language == "en" else tr("Chinese"))
    if not fits_hardware(entry, memory_gb, gpu_memory_gb):
        facts.append(tr("too large for this computer"))
    return " · ".join([*facts, entry.licence])


class ModelRow(QWidget):
    """One model with its state, its progress and the buttons that make sense now."""

    def __init__(self, entry: CatalogEntry, downloads: DownloadManager) -> None:
        super().__init__()
        self.entry = entry
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 4)
        column.setSpacing(4)
        line = QHBoxLayout()
        self.facts_label, self.state_label = plain_label(""), plain_label("")
        self.progress_bar = QProgressBar()
        self.progress_bar.setAccessibleName(tr("Download of {name}").format(name=entry.name))
        self.progress_bar.setTextVisible(False)
        self.progress_bar.setFixedHeight(6)
        self.progress_bar.setRange(0, 1000)
        line.addWidget(plain_label(entry.name, is_quiet=False), 1)
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
        for widget in (self.facts_label, self.progress_bar, self.state_label):
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

    def show_facts(self, memory_gb: float, gpu_memory_gb: float) -> None:
        """Shows the model's size, and whether it fits the memory of this computer and of its graphics card."""
        self.facts_label.setText(model_facts(self.entry, memory_gb, gpu_memory_gb))

    def show_state(self, is_installed: bool, is_running: bool, is_partial: bool, state: str) -> None:
        """Shows the buttons that make sense now, and `state` while nothing is downloaded.

        If the button with the focus goes, the focus stays in this row: it would jump to the next one."""
        self._label_button(self.download_button, tr("Go on") if is_partial else tr("Get"))
        self.progress_bar.setVisible(is_running)
        if not is_running:
            self.state_label.setText(state)
        is_useful = {
            self.download_button: not is_installed and not is_running,
            self.pause_button: is_running,
            self.use_button: is_installed and not is_running,
            self.remove_button: is_installed and not is_running,
            self.cancel_button: is_running or (is_partial and not is_installed),
        }
        focus = self.window().focusWidget()
        for button in self._buttons:
            if is_useful[button]:
                button.show()
        first_useful = next(button for button in self._buttons if is_useful[button])
        for button in self._buttons:
            if not is_useful[button]:
                if button is focus:
                    first_useful.setFocus()
                button.hide()

    def show_progress(self, bytes_done: float, bytes_total: float, seconds_left: float) -> None:
        """Shows how far a download is."""
        self.progress_bar.setValue(int(1000 * bytes_done / bytes_total) if bytes_total else 0)
        self.state_label.setText(
            tr("{done} of {total} GB, about {minutes} min left").format(
                done=f"{bytes_done / 1e9:.2f}",
                total=f"{bytes_total / 1e9:.2f}",
                minutes=max(1, round(seconds_left / 60)),
            )
        )


class ModelsDialog(QDialog):
    """Shows the models of a download manager. Downloads go on when the dialog is closed."""

    def __init__(self, parent: QWidget, downloads: DownloadManager) -> None:
        super().__init__(parent)
        self._downloads = downloads
        self.setWindowTitle(tr("Models"))
        theme.fit_dialog(self, 620, 640)
        self.rows = {entry.name: ModelRow(entry, downloads) for entry in CATALOG.values()}
        self.download_all_button = QPushButton()
        self.download_all_button.clicked.connect(downloads.download_all)
        page = QWidget()
        column = QVBoxLayout(page)
        column.addWidget(
            plain_label(tr("The starter kit works without any of these. Nothing but the models' own files is fetched."))
        )
        column.addWidget(self.download_all_button)
        for task, title in _TASK_TITLES.items():
            heading = plain_label(tr(title), is_quiet=False)
            heading.setFont(theme.scaled_font(1.1, QFont.Weight.DemiBold))
            column.addWidget(heading)
            for row in self.rows.values():
                if row.entry.task == task:
                    column.addWidget(row)
        column.addStretch(1)
        close = QPushButton(tr("Close"))
        close.clicked.connect(self.accept)
        layout = QVBoxLayout(self)
        layout.addWidget(scroll_area(page), 1)
        layout.addWidget(close)
        downloads.models_changed.connect(self._show_rows)
        downloads.progress_changed.connect(self._show_progress)
        self._show_rows()
        downloads.refresh()

    @Slot()
    def _show_rows(self) -> None:
        downloads = self._downloads
        recommended = downloads.recommended_models()
        self.download_all_button.setVisible(bool(recommended))
        self.download_all_button.setText(
            tr("Get what fits this computer: {names} ({size} GB)").format(
                names=" + ".join(entry.name for entry in recommended),
                size=f"{sum(entry.size_gb for entry in recommended):.1f}",
            )
        )
        for name, row in self.rows.items():
            row.show_facts(downloads.memory_gb, downloads.gpu_memory_gb)
            row.show_state(
                name in downloads.installed,
                name in downloads.running,
                name in downloads.partial_bytes,
                downloads.model_state(name),
            )
            if name in downloads.running:
                self._show_progress(name)

    @Slot(str)
    def _show_progress(self, name: str) -> None:
        process = self._downloads.running[name]
        self.rows[name].show_progress(process.bytes_done, process.bytes_total, process.seconds_left)

    def changeEvent(self, event: QEvent) -> None:
        """Shows the states again: another model may have been selected elsewhere in the meantime."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self._show_rows()
