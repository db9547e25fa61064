"""Gets pictures from outside into the tray: the screen, a part of it, another program's window, the camera.

Knows nothing of events; what cannot be had is told."""

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

    from ui.main_window import MainWindow

_LONGEST = 5000  # milliseconds for which it stays away, whatever the desktop asks of the user meanwhile
_GONE = 250  # milliseconds in which a desktop draws what was behind a window


class CaptureController(QObject):
    """For one window. On Wayland the desktop's portal asks the user, elsewhere Hark looks by itself."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window, self._engine = window, window.bridge.engine
        self._describing, self._aside = False, False
        self._focus: QWidget | None = None

    @Slot()
    def capture_screen(self, then_describe: bool = False) -> None:
        """The screen that the window is on, without the window."""
        if not self._aside:
            self._describing = then_describe
            self._step_aside(self._capture_screen)

    @Slot()
    def capture_part(self) -> None:
        """A part of the screen, dragged out with the mouse or chosen by keys."""
        if not self._aside:
            self._describing = False
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
        self._region = screen_capture.RegionOverlay(shot)
        self._region.region_captured.connect(self._on_part)
        self._region.announced.connect(self._window.presenter.announce)
        self._region.destroyed.connect(self._window.activateWindow)
        self._region.showFullScreen()
        self._region.activateWindow()

    def _step_aside(self, then: Callable[[], None]) -> None:
        """Shows what is behind the window, if that is in front. Where it can, the window stays there and is seen
        through: it keeps the focus, and screen readers have nothing to tell."""
        if not self._window.isActiveWindow():
            then()
            return
        from ui.desktop import x11_windows

        through = x11_windows.has_compositor()
        self._aside, self._focus = True, QApplication.focusWidget()
        if through:
            self._window.setWindowOpacity(0)
        else:
            self._window.hide()
        QTimer.singleShot(_GONE, then)
        QTimer.singleShot(_LONGEST, self._step_back)  # whatever went wrong

    @Slot()
    def _step_back(self) -> None:
        if not self._aside:
            return
        self._aside = False
        self._window.setWindowOpacity(1)
        if not self._window.isHidden():
            return
        self._window.show()
        self._window.activateWindow()
        if self._focus and isValid(self._focus):
            self._focus.setFocus()

    @Slot()
    def capture_window(self) -> None:
        """Another program's window, chosen by its title."""
        self._describing = False
        if self._by_portal(chosen=True):
            return
        from PySide6.QtWidgets import QInputDialog

        from ui.desktop import x11_windows

        found = x11_windows.list_windows()
        if not found:
            self._window.presenter.tell(tr("No other window can be captured here. F7 captures the screen."))
            return
        titles = [f"{at}. {shorten_text(title, MAX_NAME_LETTERS)}" for at, (_, title) in enumerate(found, 1)]
        title, sure = QInputDialog.getItem(self._window, tr("Capture a window"), tr("Window"), titles, editable=False)
        if sure:
            self._attach_capture(found[titles.index(title)][0], tr("window") + ".png")

    @Slot()
    def take_photo(self) -> None:
        """What the camera sees."""
        from ui.desktop import screen_capture

        self._window.presenter.tell(tr("Taking a photograph …"))
        taking = screen_capture.CameraCapture(self, self._window.bridge.settings.responder.camera)
        taking.photo_taken.connect(self._on_photograph)

    @Slot(bytes)
    def _on_photograph(self, data: bytes) -> None:
        if data:
            self._engine.attach_image(data, tr("photograph") + ".png")
            self._window.presenter.tell(tr("A photograph was taken."))
        else:
            self._window.presenter.tell(
                tr("No camera answers. Connect one, allow Hark to use it, and close other programs that do.")
            )

    def _by_portal(self, chosen: bool) -> bool:
        if QGuiApplication.platformName() != "wayland":
            return False
        from ui.desktop.portal_screenshot import PortalScreenshot

        asked = PortalScreenshot(self, chosen)
        asked.screenshot_taken.connect(self._on_portal)
        asked.start()
        return True

    @Slot(bytes, str)
    def _on_portal(self, data: bytes, why_not: str) -> None:
        from ui.desktop import screen_capture

        self._step_back()
        shot = QImage.fromData(data)
        if not shot.isNull() and screen_capture.is_black(shot):
            data, why_not = b"", tr(screen_capture.BLACK)
        self._window.presenter.tell(why_not)
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
            self._window.presenter.tell(error.message)
            return None
        self._step_back()
        return shot

    def _attach_encoded(self, data: bytes, name: str) -> None:
        self._engine.attach_image(data, name)
        if self._describing:
            self._engine.ask(tr("Describe what is on my screen."))
