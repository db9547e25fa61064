"""Pictures on their way into a question: added to the tray, edited, removed, pointed at by an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QGuiApplication

from assistant import events
from assistant.text.i18n import tr
from ui.picture_tray.picture_tray import MAX_PICTURES_AT_ONCE, SOUND_SUFFIXES

if TYPE_CHECKING:
    from ui.conversation.view import ConversationView
    from ui.engine_bridge import EngineBridge
    from ui.notifier import Notifier
    from ui.picture_tray.picture_tray import PictureTray


class PictureController(QObject):
    """Keeps the tray as the engine has it, and the thumbnails of the messages.

    Signals:
        paste_handled(is_handled): whether what is in the clipboard goes to the tray.
        places_named(text): the places that the answer pointed at, one a line.
    """

    paste_handled = Signal(bool)
    places_named = Signal(str)

    def __init__(self, tray: PictureTray, view: ConversationView, bridge: EngineBridge, notifier: Notifier) -> None:
        super().__init__(tray)
        self._tray, self._view, self._bridge, self._notifier = tray, view, bridge, notifier
        self._places: list[str] = []  # that the answer pointed at so far
        tray.files_added.connect(self.attach_files)
        tray.picture_data_added.connect(self._attach_encoded)
        tray.removal_requested.connect(self._remove_picture)
        tray.edit_requested.connect(self._edit_picture)
        tray.drop_rejected.connect(notifier.show_notice)
        bridge.picture_added.connect(self._on_picture_added)
        bridge.picture_cost_estimated.connect(tray.show_cost)
        bridge.picture_removed.connect(self._on_picture_removed)
        bridge.region_pointed.connect(self._on_region_pointed)

    @Slot(list)
    def attach_files(self, paths: list[str]) -> None:
        """Adds files to the tray; what is said in a sound file is a question."""
        if len(paths) > MAX_PICTURES_AT_ONCE:
            self._notifier.show_notice(
                tr("Only the first {most} of {n} files were taken.").format(most=MAX_PICTURES_AT_ONCE, n=len(paths))
            )
        paths = paths[:MAX_PICTURES_AT_ONCE]
        sounds = [path for path in paths if path.lower().endswith(SOUND_SUFFIXES)]
        for path in paths:
            if path not in sounds:
                self._bridge.engine.attach_file(path)
        if sounds:
            self._bridge.engine.ask_audio_file(sounds[0])
        if len(sounds) > 1:
            self._notifier.show_notice(tr("One sound file is a question; the others were not taken."))

    @Slot()
    def take_paste(self) -> None:
        """Takes a picture or files from the clipboard; a text goes where it always goes."""
        data = QGuiApplication.clipboard().mimeData()
        accepted = bool(data) and self._tray.accepts_drop(data)
        self.paste_handled.emit(accepted)
        if accepted:
            self._tray.add_dropped(data)

    @Slot()
    def clear_places(self) -> None:
        """The answer that pointed at them is shown no longer."""
        self._places = []

    @Slot()
    def clear_pictures(self) -> None:
        """Another conversation comes: removes all pictures."""
        self._view.clear_thumbnails()
        self._tray.clear_pictures()

    @Slot()
    def report_places(self) -> None:
        """The answer is complete: says in words where it pointed."""
        places, self._places = "\n".join(filter(None, self._places)), []
        if places:
            self.places_named.emit(places)
            self._notifier.announce(places)

    @Slot(bytes, str)
    def _attach_encoded(self, data: bytes, name: str) -> None:
        self._bridge.engine.attach_encoded_picture(data, name)

    @Slot(str)
    def _remove_picture(self, digest: str) -> None:
        self._bridge.engine.remove_picture(digest)

    @Slot(str, int, tuple)
    def _edit_picture(self, digest: str, quarters: int, box: tuple[int, ...]) -> None:
        self._bridge.engine.edit_picture(digest, quarters, box)

    @Slot(object)
    def _on_picture_added(self, event: events.PictureAdded) -> None:
        self._view.set_thumbnail(event.digest, self._tray.add_picture(event))
        number = self._tray.current_number
        text = tr("Picture {n} was changed") if event.replaces else tr("Picture {n}: {name}")
        self._notifier.announce(text.format(n=number, name=event.name), detail=not event.replaces)
        self._view.refresh()

    @Slot(object)
    def _on_picture_removed(self, event: events.PictureRemoved) -> None:
        self._tray.remove_picture(event.digest)

    @Slot(object)
    def _on_region_pointed(self, event: events.RegionPointed) -> None:
        self._places.append(self._tray.mark_region(event))
