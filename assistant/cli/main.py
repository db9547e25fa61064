"""The command `hark`: reads arguments, runs the engine, prints. Knows nothing of models or windows."""

from __future__ import annotations

import os
import sys

from assistant.interrupted import EXIT_INTERRUPTED, exit_at_once

# All else is imported where it is used, typing too: Ctrl-C is answered as soon as this little is here.
try:
    import signal
except KeyboardInterrupt:
    exit_at_once()

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code (see docs/command-line.md). Without `arguments`, those of the program,
    which ends with it."""
    if arguments is not None:
        return _run_and_report(arguments)
    signal.signal(signal.SIGINT, exit_at_once)
    try:
        _open_standard_streams()
        sys.unraisablehook = _interrupt_again
        try:
            code = _run_and_report(sys.argv[1:])
        except SystemExit as end:  # help and version
            code = int(end.code or 0)
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except BrokenPipeError:
        code = 0
    except OSError as error:
        from assistant.cli.console import print_error

        code = 1
        print_error(f"The output cannot be written: {error.strerror}. Free some space, or send it elsewhere.")
    # All is closed and saved; taking the interpreter apart may wait for a sound server, or write to what is full.
    os._exit(code)


def _interrupt_again(unraisable: Any) -> None:
    """Ctrl-C in a place that no exception leaves, such as a callback, is raised once more."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    else:
        sys.__unraisablehook__(unraisable)


def _open_standard_streams() -> None:
    """What was closed leads nowhere: else the next file that is opened, such as the history, would take its number."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115


def _run_and_report(arguments: Sequence[str]) -> int:
    from assistant.cli.arguments import parse_arguments
    from assistant.cli.console import CommandConsole
    from assistant.errors import AssistantError
    from assistant.log import silence_warnings

    silence_warnings()
    options, fault = parse_arguments(arguments)
    console = CommandConsole("--json" in arguments)

    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if fault:
            raise fault
        return _run_command(options, console)
    except AssistantError as error:
        console.print_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        console.end_reason = "interrupted"
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        return 0  # whoever read has seen enough
    except Exception:  # the command's last resort, told whole in the log; the engine has its own
        import logging

        logging.getLogger(__name__).exception("a command failed")
        console.print_error(AssistantError("command", "Something went wrong inside Hark.", "Its log says what."))
        return 1
    finally:
        console.close()


def _run_command(options: Any, console: Any) -> int:
    from importlib import import_module

    from assistant.environment import use_temporary_folder
    from assistant.log import log_to_file
    from assistant.paths import AppPaths
    from assistant.settings_file import load_settings
    from assistant.text import i18n

    i18n.use_inherited_language()  # a terminal has none to give: English
    folders = AppPaths.locate()
    log_to_file(folders)
    use_temporary_folder(folders.temporary_folder)
    settings = load_settings(folders)
    for note in settings.notes:
        console.print_notice(note)
    module, name = options.run.split(":")
    run: Callable[..., int] = getattr(import_module(f"assistant.cli.commands.{module}"), name)
    return run(options, settings, folders, console)
