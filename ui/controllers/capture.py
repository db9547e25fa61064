"""Captures pictures for the tray: the screen, a part of it, another program's window, the camera."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtGui import QGuiApplication, QImage, QPixmap
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

from assistant.errors import NotAvailableError
from assistant.text.i18n import tr
from ui.widgets.labels import MAX_NAME_LETTERS, shorten_text

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from ui.engine_bridge import EngineBridge
    from ui.notifier import Notifier
    from ui.settings_store import SettingsStore

_MAX_ASIDE_MS = 5000  # for which the window stays away, whatever the desktop asks of the user meanwhile
_REDRAW_MS = 250  # in which a desktop draws what was behind a window


class CaptureController(QObject):
    """Hides `window` for a capture and restores it. On Wayland the desktop's portal asks the user what to capture."""

    def __init__(self, window: QWidget, bridge: EngineBridge, settings: SettingsStore, notifier: Notifier) -> None:
        super().__init__(window)
        self._window, self._bridge, self._settings, self._notifier = window, bridge, settings, notifier
        self._is_describing, self._is_aside = False, False
        self._focus: QWidget | None = None

    @Slot()
    def capture_screen(self) -> None:
        """Captures the screen that the window is on, without the window."""
        if not self._is_aside:
            self._is_describing = False
            self._step_aside(self._capture_screen)

    @Slot()
    def describe_screen(self) -> None:
        """The same, and asks what is on it."""
        if not self._is_aside:
            self._is_describing = True
            self._step_aside(self._capture_screen)

    @Slot()
    def capture_part(self) -> None:
        """Captures a part of the screen, dragged out with the mouse or chosen by keys."""
        if not self._is_aside:
            self._is_describing = False
            self._step_aside(self._capture_part)

    def _capture_screen(self) -> None:
        if not self._by_portal(chosen=False):
            self._attach_capture(0, tr("screen") + ".png")

    def _capture_part(self) -> None:
        if self._by_portal(chosen=True):
            return
        from ui.desktop import screen_capture

        shot = self._try_capture(0)
        if shot is None:
            return
        self._overlay = screen_capture.RegionOverlay(shot)
        self._overlay.region_captured.connect(self._on_part)
        self._overlay.announced.connect(self._notifier.announce)
        self._overlay.destroyed.connect(self._window.activateWindow)
        self._overlay.showFullScreen()
        self._overlay.activateWindow()

    def _step_aside(self, then: Callable[[], None]) -> None:
        """Shows what is behind the window, if that is in front. Where it can, the window stays there and is seen
        through: it keeps the focus, and screen readers have nothing to tell."""
        if not self._window.isActiveWindow():
            then()
            return
        from ui.desktop import x11_windows

        has_compositor = x11_windows.has_compositor()
        self._is_aside, self._focus = True, QApplication.focusWidget()
        if has_compositor:
            self._window.setWindowOpacity(0)
        else:
            self._window.hide()
        QTimer.singleShot(_REDRAW_MS, then)
        QTimer.singleShot(_MAX_ASIDE_MS, self._step_back)  # whatever went wrong

    @Slot()
    def _step_back(self) -> None:
        if not self._is_aside:
            return
        self._is_aside = False
        self._window.setWindowOpacity(1)
        if not self._window.isHidden():
            return
        self._window.show()
        self._window.activateWindow()
        if self._focus and isValid(self._focus):
            self._focus.setFocus()

    @Slot()
    def capture_window(self) -> None:
        """Captures another program's window, chosen by its title."""
        self._is_describing = False
        if self._by_portal(chosen=True):
            return
        from PySide6.QtWidgets import QInputDialog

        from ui.desktop import x11_windows

        windows = x11_windows.list_windows()
        if not windows:
            self._notifier.show_status(tr("No other window can be captured here. F7 captures the screen."))
            return
        titles = [f"{at}. {shorten_text(title, MAX_NAME_LETTERS)}" for at, (_, title) in enumerate(windows, 1)]
        title, confirmed = QInputDialog.getItem(
            self._window, tr("Capture a window"), tr("Window"), titles, editable=False
        )
        if confirmed:
            self._attach_capture(windows[titles.index(title)][0], tr("window") + ".png")

    @Slot()
    def take_photo(self) -> None:
        """Takes a photograph with the camera."""
        from ui.desktop import screen_capture

        self._notifier.show_status(tr("Taking a photograph …"))
        capture = screen_capture.CameraCapture(self, self._settings.current.responder.camera)
        capture.photo_taken.connect(self._on_photograph)

    @Slot(bytes)
    def _on_photograph(self, data: bytes) -> None:
        if data:
            self._bridge.engine.attach_encoded_picture(data, tr("photograph") + ".png")
            self._notifier.show_status(tr("A photograph was taken."))
        else:
            self._notifier.show_status(
                tr("No camera answers. Connect one, allow Hark to use it, and close other programs that do.")
            )

    def _by_portal(self, chosen: bool) -> bool:
        if QGuiApplication.platformName() != "wayland":
            return False
        from ui.desktop.portal_screenshot import PortalScreenshot

        screenshot = PortalScreenshot(self, chosen)
        screenshot.screenshot_taken.connect(self._on_portal)
        screenshot.start()
        return True

    @Slot(bytes, str)
    def _on_portal(self, data: bytes, reason: str) -> None:
        from ui.desktop import screen_capture

        self._step_back()
        shot = QImage.fromData(data)
        if not shot.isNull() and screen_capture.is_black(shot):
            data, reason = b"", tr(screen_capture.BLACK_SCREEN_TEXT)
        self._notifier.show_status(reason)
        if data:
            self._attach_encoded(data, tr("screen") + ".png")

    @Slot(QPixmap)
    def _on_part(self, part: QPixmap) -> None:
        from ui.desktop import screen_capture

        self._attach_encoded(screen_capture.encode_png(part), tr("part of the screen") + ".png")

    def _attach_capture(self, number: int, name: str) -> None:
        from ui.desktop import screen_capture

        shot = self._try_capture(number)
        if shot is not None:
            self._attach_encoded(screen_capture.encode_png(shot), name)

    def _try_capture(self, number: int) -> QPixmap | None:
        """Captures a window by its X11 number, the screen for 0; None after saying why that was impossible."""
        from ui.desktop import screen_capture

        try:
            shot = screen_capture.capture_screen(self._window, number)
        except NotAvailableError as error:
            self._step_back()
            self._notifier.show_status(error.message)
            return None
        self._step_back()
        return shot

    def _attach_encoded(self, data: bytes, name: str) -> None:
        self._bridge.engine.attach_encoded_picture(data, name)
        if self._is_describing:
            self._bridge.engine.ask(tr("Describe what is on my screen."))
