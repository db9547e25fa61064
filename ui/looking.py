"""Gets pictures from outside into the tray: the screen, a part of it, another program's window, the camera.

Knows nothing of events; what cannot be had is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QGuiApplication, QPixmap

from assistant.words.tongue import tr

if TYPE_CHECKING:
    from ui.window import Window


class Looking(QObject):
    """For one window. On Wayland the desktop's portal asks the user, elsewhere Hark looks by itself."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window, self._engine = window, window.bridge.engine
        self._describing = False

    @Slot()
    def whole(self, then_describe: bool = False) -> None:
        """The screen that the window is on."""
        self._describing = then_describe
        if not self._by_portal(chosen=False):
            self._take(0, tr("screen") + ".png")

    @Slot()
    def part(self) -> None:
        """A part of the screen, dragged out with the mouse."""
        self._describing = False
        if self._by_portal(chosen=True):
            return
        from ui import capture

        shot, why_not = capture.whole(self._window)
        self._window.presenter.tell(why_not)
        if not why_not:
            self._region = capture.Region(shot)
            self._region.taken.connect(self._on_part)
            self._region.showFullScreen()

    @Slot()
    def other(self) -> None:
        """Another program's window, chosen by its title."""
        self._describing = False
        if self._by_portal(chosen=True):
            return
        from PySide6.QtWidgets import QInputDialog

        from ui import others

        found = others.windows()
        if not found:
            self._window.presenter.tell(tr("No other window can be captured here. F7 captures the screen."))
            return
        titles = [f"{at}. {title}" for at, (_, title) in enumerate(found, 1)]
        title, sure = QInputDialog.getItem(self._window, tr("Capture a window"), tr("Window"), titles, editable=False)
        if sure:
            self._take(found[titles.index(title)][0], tr("window") + ".png")

    @Slot()
    def photograph(self) -> None:
        """What the camera sees."""
        from ui import capture

        self._window.presenter.tell(tr("Taking a photograph …"))
        taking = capture.Photograph(self, self._window.bridge.settings.look.camera)
        taking.taken.connect(self._on_photograph)

    @Slot(bytes)
    def _on_photograph(self, data: bytes) -> None:
        if data:
            self._engine.show_image(data, tr("photograph") + ".png")
            self._window.presenter.tell(tr("A photograph was taken."))
        else:
            self._window.presenter.tell(
                tr("No camera answers. Connect one, allow Hark to use it, and close other programs that do.")
            )

    def _by_portal(self, chosen: bool) -> bool:
        if QGuiApplication.platformName() != "wayland":
            return False
        from ui.portal import Screenshot

        asked = Screenshot(self, chosen)
        asked.taken.connect(self._on_portal)
        asked.start()
        return True

    @Slot(bytes, str)
    def _on_portal(self, data: bytes, why_not: str) -> None:
        self._window.presenter.tell(why_not)
        if data:
            self._show(data, tr("screen") + ".png")

    @Slot(QPixmap)
    def _on_part(self, part: QPixmap) -> None:
        from ui import capture

        self._show(capture.encoded(part), tr("part of the screen") + ".png")

    def _take(self, number: int, name: str) -> None:
        from ui import capture

        shot, why_not = capture.whole(self._window, number)
        self._window.presenter.tell(why_not)
        if not why_not:
            self._show(capture.encoded(shot), name)

    def _show(self, data: bytes, name: str) -> None:
        self._engine.show_image(data, name)
        if self._describing:
            self._engine.ask(tr("Describe what is on my screen."))
