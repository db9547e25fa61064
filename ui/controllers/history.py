"""Between the history on disk and the views: what is opened, renamed, deleted, exported. Knows nothing of events."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from assistant.errors import AssistantError
from assistant.text.i18n import tr
from ui.conversation import pager
from ui.widgets.labels import MAX_NAME_LETTERS, open_file, save_file, shorten_text

if TYPE_CHECKING:
    from assistant.history.conversation_store import ConversationStore, ConversationSummary
    from ui.main_window import MainWindow

T = TypeVar("T")
_SOON = 100  # milliseconds: the list is not read anew in the frame that shows the question


class HistoryController(QObject):
    """`current` is the open conversation's number, None for one that is not saved yet. `opened` gives the history, or
    None, what the user should know of it, and its conversations."""

    opened = Signal(object, str, object)

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window, self._past = window, window.side.conversation_panel
        self._archive: ConversationStore | None = None
        self._gone: list[int] = []  # what was deleted and can be brought back, the last one last
        self.current: int | None = None
        self.opened.connect(self._on_opened)
        self._past.open_requested.connect(self.open_conversation)
        self._past.rename_requested.connect(self.rename_conversation)
        self._past.export_requested.connect(self.export_conversation)
        self._past.delete_requested.connect(self.delete_conversation)
        self._past.search_changed.connect(self.refresh_list)
        self._past.undo_requested.connect(self.undo_delete)
        self.pages = pager.MessagePager(
            window.conversation, self._try_store, lambda: self.current, lambda: window.presenter.live
        )

    @property
    def is_saving(self) -> bool:
        """Whether conversations are kept: else none can branch off."""
        kept = self._archive is not None and not self._archive.is_read_only
        return kept and self._window.bridge.settings.history.save_conversations

    def open_history(self, folder: Path) -> None:
        """Opens the history, and shows what is in it; may run in another thread, so that no frame waits for it."""
        import sqlite3  # after the first paint

        from assistant.history import conversation_store

        kept, why = conversation_store.open_store(folder)
        found = None
        if kept:
            with contextlib.suppress(sqlite3.Error, OSError):  # the same fault is told as soon as something is asked
                if not kept.is_read_only:
                    kept.purge_deleted()
                found = kept.list_conversations()
        self.opened.emit(kept, why, found)

    @Slot(object, str, object)
    def _on_opened(
        self, archive: ConversationStore | None, why: str, found: Sequence[ConversationSummary] | None
    ) -> None:
        self._archive = archive
        if why:
            self._window.presenter.note(why)
        if found is None or self._past.search_field.text():
            self.refresh_list()
        else:
            self._past.show_conversations(found, self.current)

    @Slot()
    def refresh_list(self) -> None:
        """Shows the conversations that the search finds."""
        found = self._try_store(lambda kept: kept.list_conversations(self._past.search_field.text()))
        if found is not None:
            self._past.show_conversations(found, self.current)
            self._past.conversation_list.setAccessibleName(
                tr("Conversations found: {n}").format(n=len(found))
                if self._past.search_field.text()
                else tr("Conversations")
            )

    def on_turn(self, conversation: int | None, turn: int | None) -> None:
        """A turn began: it may be the first of its conversation, or of a branch, whose turns have other numbers."""
        if conversation == self.current or conversation is None or turn is None:
            return
        self.current = conversation
        QTimer.singleShot(_SOON, self, self.refresh_list)
        messages = self._window.conversation.messages
        if messages.rowCount() and messages.message_at(0).turn_id:
            before = self._try_store(lambda kept: kept.last_turns(conversation, turn, pager.FIRST))
            if before is not None:
                self.pages.show_turns(before)

    def on_end(self) -> None:
        """A turn ended: its conversation is the newest now. A list that one is in stays as it is."""
        if not self._past.conversation_list.hasFocus():
            self.refresh_list()

    @Slot(object)
    def open_conversation(self, conversation: int) -> None:
        """Shows a conversation's last turns and goes on with it."""
        turns = self._try_store(lambda kept: kept.last_turns(conversation, limit=pager.FIRST))
        if turns is None or conversation == self.current:
            return
        self.current = conversation
        self._window.do.open_conversation(conversation)
        self.pages.show_turns(turns)
        self._window.folding.show_middle()
        self._window.conversation.scrollToBottom()
        self._window.presenter.announce(tr("Opened: {title}").format(title=self._conversation_title(conversation)))

    @Slot(object)
    def rename_conversation(self, conversation: int) -> None:
        """Asks for another title."""
        from PySide6.QtWidgets import QInputDialog, QLineEdit

        title, sure = QInputDialog.getText(
            self._window, tr("Rename"), tr("Title"), QLineEdit.EchoMode.Normal, self._conversation_title(conversation)
        )
        if sure:
            self._try_store(lambda kept: kept.rename_conversation(conversation, title))
            self.refresh_list()

    @Slot(object)
    def delete_conversation(self, conversation: int) -> None:
        """Deletes at once; for a while it can be undone."""
        from assistant.history.conversation_store import UNDO_SECONDS

        title = self._conversation_title(conversation)
        if not self._try_store(lambda kept: kept.delete_conversation(conversation) or True):
            return
        self._gone.append(conversation)
        if conversation == self.current:
            self._window.do.new_conversation()
        self.refresh_list()
        self._past.offer_undo(True)
        QTimer.singleShot(max(0, int((UNDO_SECONDS - 2) * 1000)), self, lambda: self._expire_undo(conversation))
        QTimer.singleShot(int((UNDO_SECONDS + 1) * 1000), self, self._purge_deleted)
        self._window.presenter.tell(tr("Deleted: {title}. Ctrl+Z brings it back.").format(title=title))

    def _expire_undo(self, conversation: int) -> None:
        """It is too late to bring this one back."""
        self._gone = [one for one in self._gone if one != conversation]
        self._past.offer_undo(bool(self._gone))

    @Slot()
    def _purge_deleted(self) -> None:
        """What can no longer be brought back leaves the disk, its pictures too."""
        self._try_store(lambda kept: kept.purge_deleted())

    @Slot()
    def undo_delete(self) -> None:
        """Brings back what was deleted last; again, what was deleted before."""
        if self._gone:
            gone = self._gone[-1]
            if not self._try_store(lambda kept: kept.restore_conversation(gone) or True):
                return
            self._gone.pop()
            self._past.offer_undo(bool(self._gone))
            self.refresh_list()
            self._window.presenter.tell(tr("It is back: {title}").format(title=self._conversation_title(gone)))

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
            if self._try_store(lambda kept: export.export_conversation(kept, conversation, path) or True):
                self._window.presenter.tell(tr("Exported to {name}").format(name=path.name))

    @Slot()
    def import_conversation(self) -> None:
        """Takes in a conversation that was exported as JSON."""
        name = open_file(self._window, tr("Import"), "JSON (*.json)")
        if name:
            from assistant.history import export

            new = self._try_store(lambda kept: export.import_conversation(kept, Path(name)))
            if new:
                self.refresh_list()
                self.open_conversation(new)

    def close(self) -> None:
        if self._archive:
            self._archive.close()

    def _conversation_title(self, conversation: int) -> str:
        return shorten_text(self._try_store(lambda kept: kept.find_title(conversation)) or "", MAX_NAME_LETTERS)

    def _try_store(self, work: Callable[[ConversationStore], T]) -> T | None:
        """What the history gave, or None after telling why it could not."""
        import sqlite3  # after the first paint

        if self._archive is None:
            return None
        try:
            return work(self._archive)
        except AssistantError as error:
            self._window.presenter.note(str(error))
        except (sqlite3.Error, OSError) as error:
            self._window.presenter.note(tr("The history could not be changed: {why}.").format(why=error))
        return None


def _free_path(path: Path) -> Path:
    """Another name where there is such a file: nobody was asked about it."""
    number, made = 2, path
    while made.exists():
        made, number = path.with_stem(f"{path.stem} ({number})"), number + 1
    return made
