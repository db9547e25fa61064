"""Starts Hark's window: the one place where settings, the engine's process and the window are put together."""

from __future__ import annotations

import gc
import importlib
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QLibraryInfo, QLocale, QSettings, Qt, QTimer, QTranslator
from PySide6.QtWidgets import QApplication

from assistant.paths import AppPaths
from assistant.settings_file import load_settings
from assistant.text import i18n
from assistant.text.i18n import tr
from ui import theme
from ui.desktop.single_instance import SingleInstance
from ui.widgets.labels import show_warning
from ui.wiring import DesktopApp

if TYPE_CHECKING:
    import argparse

    from assistant.engine_api import EngineApi
    from assistant.events import Event
    from assistant.settings import Settings


def set_language(setting: str) -> None:
    """Sets the language of the window: Hark's own sentences, and Qt's buttons, menus and dialogs.

    `setting` is a code such as "de", or "system" for the language of the desktop."""
    chosen = i18n.choose_language(QLocale.system().uiLanguages() if setting == "system" else [setting])
    if chosen != "en":  # Qt's own is English
        QLocale.setDefault(QLocale(chosen))
        qts = QTranslator(QApplication.instance())
        if qts.load(f"qtbase_{chosen}", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
            QApplication.installTranslator(qts)


def _start_warm_up(app: DesktopApp, paths: AppPaths) -> None:
    """In a thread: opens the history, and loads what starting the engine, the first answer and the first change of a
    setting need."""

    def load_modules() -> None:
        importlib.import_module("subprocess")
        app.history_access.open_history(paths.data)
        importlib.import_module("assistant.text.markdown").warm_up()
        importlib.import_module("tomlkit")

    threading.Thread(target=load_modules, name="hark warm", daemon=True).start()


def warn_unanswered(paths: AppPaths) -> int:
    """Says that another Hark has the folder and does not answer; returns the exit code."""
    set_language(load_settings(paths).window.language)
    text = tr(
        "Hark is running already and does not answer: it hangs, or another person has opened it with the same folder, "
        "{folder}. End that one, then start Hark again."
    ).format(folder=paths.data)
    print(text, file=sys.stderr, flush=True)
    show_warning(None, "Hark", text)
    return 1


def _make_engine(settings: Settings, on_event: Callable[[Event], None]) -> EngineApi:
    from assistant.ipc.client import EngineClient  # after the first paint

    return EngineClient(settings, on_event)


def _preload_style_enums() -> None:
    """Loads `QStyle` and its many enums early, because PySide makes an object of each name when it is first used."""
    from PySide6.QtWidgets import QStyle  # noqa: F401


def _warm_up_message_rendering() -> None:
    """Draws a message that nobody sees, so that the first real one is as quick as all others."""
    from ui.conversation import markdown_document

    markdown_document.render_markdown("**1** `2`", None, theme.current_theme()).size()


def _tune_interpreter() -> None:
    """Turns garbage collection on after the first paint, leaving out the objects made so far, and lets threads switch
    every millisecond, so that no frame waits long for the interpreter."""
    gc.freeze()
    gc.enable()
    sys.setswitchinterval(0.001)


def _show_warning(app: DesktopApp, text: str) -> None:
    """Shows a warning, and reads it aloud as soon as the engine can: a screen reader may be out of reach."""
    app.notifier.show_notice(text)
    app.voice.engine_ready.connect(lambda: app.bridge.engine.read_aloud(text), Qt.ConnectionType.SingleShotConnection)


def main(options: argparse.Namespace, silent_bus_text: str = "") -> int:
    """Shows the window first, then starts the engine; `options` are those of `ui.__main__`. Returns the exit code.

    silent_bus_text: an untranslated warning about a message bus of the desktop that does not answer; "" for none."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    application = QApplication(sys.argv[:1])
    application.setApplicationName("Hark")
    application.setDesktopFileName("hark")
    application.setStyle("Fusion")
    application.setQuitOnLastWindowClosed(False)  # the window decides: it may stay in the tray
    paths = AppPaths.locate()
    if options.install:
        from ui.desktop import desktop_entry

        print(desktop_entry.install_with_icon())
        return 0
    # Qt's file dialogs note the folders that were visited, in a file that would lie in the user's home.
    QSettings.setPath(QSettings.Format.NativeFormat, QSettings.Scope.UserScope, str(paths.config))
    instance = SingleInstance(paths.data)
    if not instance.is_first:
        return 0 if instance.send_command(options.command) else warn_unanswered(paths)
    settings = load_settings(paths)
    set_language(settings.window.language)
    theme.set_theme(settings.window.theme)
    theme.set_reduced_motion(settings.window.reduce_motion)
    theme.apply_theme(application)
    app = DesktopApp(settings, paths, partial(_make_engine, settings))
    instance.command_received.connect(app.commands.run_command)
    if options.command != "show":
        app.commands.run_command(options.command)
    # After the first paint, one by one: no frame is late.
    steps: list[tuple[int, Callable[[], object]]] = [
        (0, _tune_interpreter),
        (0, lambda: _start_warm_up(app, paths)),
        (10, _preload_style_enums),
        (20, lambda: app.bridge.engine.start()),
        (200, lambda: importlib.import_module("ui.conversation.markdown_document")),
        (300, app.show_tray_icon),
        (400, _warm_up_message_rendering),
        (600, instance.start_listening),
    ]
    if silent_bus_text:
        steps.insert(0, (0, lambda: _show_warning(app, tr(silent_bus_text))))
    app.window.painted.connect(lambda: _schedule(steps), Qt.ConnectionType.SingleShotConnection)
    if options.away:
        app.window.painted.emit()
    else:
        app.window.show()
    code = application.exec()
    app.bridge.engine.stop()
    return code


def _schedule(steps: Sequence[tuple[int, Callable[[], object]]]) -> None:
    for delay_ms, step in steps:
        QTimer.singleShot(delay_ms, step)
