"""The history on disk, opened after the first paint and asked by the controllers."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject, Signal, Slot

from assistant.errors import AssistantError
from assistant.text.i18n import tr

if TYPE_CHECKING:
    from assistant.history.conversation_store import ConversationStore, ConversationSummary
    from ui.notifier import Notifier
    from ui.settings_store import SettingsStore

T = TypeVar("T")


class HistoryAccess(QObject):
    """The store of conversations, which may be missing or read-only. Its errors become notices.

    Signals:
        opened(conversations): the store was opened, or could not be; `conversations` is None where the list of them
            could not be read.
    """

    opened = Signal(object)
    _loaded = Signal(object, str, object)

    def __init__(self, settings: SettingsStore, notifier: Notifier) -> None:
        super().__init__(notifier)
        self._settings, self._notifier = settings, notifier
        self._store: ConversationStore | None = None
        self._loaded.connect(self._on_loaded)

    @property
    def is_saving(self) -> bool:
        """Whether turns are saved; a conversation that is not cannot branch."""
        is_writable = self._store is not None and not self._store.is_read_only
        return is_writable and self._settings.current.history.save_conversations

    def open_history(self, folder: Path) -> None:
        """Opens the store in `folder` and reads the list. May run in another thread, so that no frame waits for it."""
        import sqlite3  # after the first paint

        from assistant.history import conversation_store

        store, reason = conversation_store.open_store(folder)
        conversations = None
        if store:
            with contextlib.suppress(sqlite3.Error, OSError):  # reported as soon as something is asked
                if not store.is_read_only:
                    store.purge_deleted()
                conversations = store.list_conversations()
        self._loaded.emit(store, reason or "", conversations)

    @Slot(object, str, object)
    def _on_loaded(
        self, store: ConversationStore | None, reason: str, conversations: Sequence[ConversationSummary] | None
    ) -> None:
        self._store = store
        if reason:
            self._notifier.show_notice(reason)
        self.opened.emit(conversations)

    def query(self, ask: Callable[[ConversationStore], T]) -> T | None:
        """What the store answers, or None after a notice that says why it could not."""
        import sqlite3  # after the first paint

        if self._store is None:
            return None
        try:
            return ask(self._store)
        except AssistantError as error:
            self._notifier.show_notice(str(error))
        except (sqlite3.Error, OSError) as error:
            self._notifier.show_notice(tr("The history could not be changed: {why}.").format(why=error))
        return None

    def update(self, change: Callable[[ConversationStore], object]) -> bool:
        """Changes the store; False after a notice that says why it could not."""

        def apply(store: ConversationStore) -> bool:
            change(store)
            return True

        return bool(self.query(apply))

    def close(self) -> None:
        if self._store:
            self._store.close()
