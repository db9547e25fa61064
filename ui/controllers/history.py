"""The list of conversations: searched, opened, renamed, deleted, exported and imported."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from assistant.text.i18n import tr
from ui.conversation import pager
from ui.widgets.labels import MAX_NAME_LETTERS, open_file, save_file, shorten_text

if TYPE_CHECKING:
    from assistant.history.conversation_store import ConversationSummary
    from ui.history_access import HistoryAccess
    from ui.notifier import Notifier
    from ui.sidebar.conversation_list import ConversationPanel

_REFRESH_DELAY_MS = 100  # the list is not read in the frame that shows the question


class HistoryController(QObject):
    """`current` gives the number of the open conversation, None for one that is not saved yet.

    Signals:
        open_requested(conversation, turns): a conversation is to be opened; `turns` are its last ones.
        current_deleted: the open conversation was deleted.
    """

    open_requested = Signal(object, object)
    current_deleted = Signal()

    def __init__(
        self,
        panel: ConversationPanel,
        history: HistoryAccess,
        notifier: Notifier,
        current: Callable[[], int | None],
    ) -> None:
        super().__init__(panel)
        self._panel, self._history, self._notifier, self._current = panel, history, notifier, current
        self._window = panel.window()
        self._deleted: list[int] = []  # that can be restored, the last one last
        history.opened.connect(self._on_history_opened)
        panel.open_requested.connect(self.open_conversation)
        panel.rename_requested.connect(self.rename_conversation)
        panel.export_requested.connect(self.export_conversation)
        panel.delete_requested.connect(self.delete_conversation)
        panel.search_changed.connect(self.refresh_list)
        panel.undo_requested.connect(self.undo_delete)

    @Slot()
    def refresh_list(self) -> None:
        """Shows the conversations that the search finds."""
        query = self._panel.search_text
        conversations = self._history.query(lambda store: store.list_conversations(query))
        if conversations is not None:
            self._panel.show_search_results(conversations, self._current())

    @Slot()
    def refresh_soon(self) -> None:
        QTimer.singleShot(_REFRESH_DELAY_MS, self, self.refresh_list)

    @Slot()
    def on_turn_ended(self) -> None:
        """The open conversation is the newest now. The list stays as it is while the focus is in it."""
        if not self._panel.has_list_focus:
            self.refresh_list()

    @Slot(object)
    def open_conversation(self, conversation: int) -> None:
        """Shows a conversation's last turns and goes on with it."""
        turns = self._history.query(lambda store: store.last_turns(conversation, limit=pager.FIRST_TURNS))
        if turns is None or conversation == self._current():
            return
        self.open_requested.emit(conversation, turns)
        self._notifier.announce(tr("Opened: {title}").format(title=self._conversation_title(conversation)))

    @Slot(object)
    def rename_conversation(self, conversation: int) -> None:
        """Asks for another title."""
        from PySide6.QtWidgets import QInputDialog, QLineEdit

        title, confirmed = QInputDialog.getText(
            self._window,
            tr("Rename"),
            tr("Title"),
            QLineEdit.EchoMode.Normal,
            self._conversation_title(conversation),
        )
        if confirmed:
            self._history.update(lambda store: store.rename_conversation(conversation, title))
            self.refresh_list()

    @Slot(object)
    def delete_conversation(self, conversation: int) -> None:
        """Deletes at once; for a while it can be undone."""
        from assistant.history.conversation_store import UNDO_SECONDS

        title = self._conversation_title(conversation)
        if not self._history.update(lambda store: store.delete_conversation(conversation)):
            return
        self._deleted.append(conversation)
        if conversation == self._current():
            self.current_deleted.emit()
        self.refresh_list()
        self._panel.offer_undo(True)
        QTimer.singleShot(max(0, int((UNDO_SECONDS - 2) * 1000)), self, lambda: self._expire_undo(conversation))
        QTimer.singleShot(int((UNDO_SECONDS + 1) * 1000), self, self._purge_deleted)
        self._notifier.show_status(tr("Deleted: {title}. Ctrl+Z brings it back.").format(title=title))

    def _expire_undo(self, conversation: int) -> None:
        self._deleted = [deleted for deleted in self._deleted if deleted != conversation]
        self._panel.offer_undo(bool(self._deleted))

    @Slot()
    def _purge_deleted(self) -> None:
        """Removes what can no longer be restored from the disk, its pictures too."""
        self._history.update(lambda store: store.purge_deleted())

    @Slot()
    def undo_delete(self) -> None:
        """Restores the conversation that was deleted last; again, the one before it."""
        if not self._deleted:
            return
        conversation = self._deleted[-1]
        if not self._history.update(lambda store: store.restore_conversation(conversation)):
            return
        self._deleted.pop()
        self._panel.offer_undo(bool(self._deleted))
        self.refresh_list()
        self._notifier.show_status(tr("It is back: {title}").format(title=self._conversation_title(conversation)))

    @Slot()
    def export_current(self) -> None:
        """Exports the open conversation."""
        conversation = self._current()
        if conversation is None:
            self._notifier.show_status(tr("There is nothing to export yet."))
        else:
            self.export_conversation(conversation)

    @Slot(object)
    def export_conversation(self, conversation: int) -> None:
        """Writes a conversation to a file that the user names."""
        kinds = tr("Web page") + " (*.html);;Markdown (*.md);;JSON (*.json)"
        title = re.sub(r'[/\\:*?"<>|]', " ", self._conversation_title(conversation)).strip(" .")
        name, kind = save_file(self._window, tr("Export"), title, kinds)
        if name:
            from assistant.history import export

            path = Path(name)
            if path.suffix.lower() not in export.EXPORT_SUFFIXES:
                path = _free_path(path.with_name(path.name + kind.partition("*")[2].rstrip(")")))
            if self._history.update(lambda store: export.export_conversation(store, conversation, path)):
                self._notifier.show_status(tr("Exported to {name}").format(name=path.name))

    @Slot()
    def import_conversation(self) -> None:
        """Takes in a conversation that was exported as JSON."""
        name = open_file(self._window, tr("Import"), "JSON (*.json)")
        if name:
            from assistant.history import export

            conversation = self._history.query(lambda store: export.import_conversation(store, Path(name)))
            if conversation:
                self.refresh_list()
                self.open_conversation(conversation)

    @Slot(object)
    def _on_history_opened(self, conversations: Sequence[ConversationSummary] | None) -> None:
        if conversations is None or self._panel.search_text:
            self.refresh_list()
        else:
            self._panel.show_conversations(conversations, self._current())

    def _conversation_title(self, conversation: int) -> str:
        title = self._history.query(lambda store: store.find_title(conversation))
        return shorten_text(title or "", MAX_NAME_LETTERS)


def _free_path(path: Path) -> Path:
    """Another name where there is such a file: the user was not asked about this one."""
    number, free = 2, path
    while free.exists():
        free, number = path.with_stem(f"{path.stem} ({number})"), number + 1
    return free
