"""The entry point of `hark`: parses the arguments, runs one command, and turns errors into exit codes."""

from __future__ import annotations

import os
import sys

from assistant.interrupted import EXIT_INTERRUPTED, exit_at_once

# Everything else, even typing, is imported where it is used, so that Ctrl-C works as early as possible.
try:
    import signal
except KeyboardInterrupt:
    exit_at_once()

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from assistant.cli.console import CommandConsole
    from assistant.errors import AssistantError


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code (docs/command-line.md).

    Without `arguments` it takes those of the program, and ends the process instead of returning."""
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
    # Everything is closed and saved. Tearing the interpreter down could wait for a sound server or fail on a full disk.
    os._exit(code)


def _interrupt_again(unraisable: Any) -> None:
    """Raises Ctrl-C again where its exception got lost, as in a callback."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    else:
        sys.__unraisablehook__(unraisable)


def _open_standard_streams() -> None:
    """Opens closed standard streams to the null device: otherwise the next file opened would get their numbers."""
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
    from assistant.log import silence_warnings

    silence_warnings()
    options, usage_error = parse_arguments(arguments)
    console = CommandConsole("--json" in arguments)

    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return _run_reporting_errors(options, usage_error, console)
    except KeyboardInterrupt:  # also one that came while an error was being printed
        console.end_reason = "interrupted"
        return EXIT_INTERRUPTED
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the last line is written whole
        console.close()
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _run_reporting_errors(options: Any, usage_error: AssistantError | None, console: CommandConsole) -> int:
    from assistant.errors import AssistantError

    try:
        if usage_error:
            raise usage_error
        return _run_command(options, console)
    except AssistantError as error:
        console.print_error(error)
        return error.exit_code
    except BrokenPipeError:
        return 0  # the reader of the output has closed it
    except Exception:  # the last resort of a command, logged with its traceback; the engine has its own
        import logging

        logging.getLogger(__name__).exception("a command failed")
        console.print_error(AssistantError("command", "Something went wrong inside Hark.", "Its log says what."))
        return 1


def _run_command(options: Any, console: CommandConsole) -> int:
    from importlib import import_module

    from assistant.environment import use_temporary_folder
    from assistant.log import log_to_file
    from assistant.paths import AppPaths
    from assistant.settings_file import load_settings
    from assistant.text import i18n

    i18n.use_inherited_language()  # of the parent process; English in a terminal
    paths = AppPaths.locate()
    log_to_file(paths)
    use_temporary_folder(paths.temporary_folder)
    settings = load_settings(paths)
    for note in settings.notes:
        console.print_notice(note)
    module, name = options.run.split(":")
    run: Callable[..., int] = getattr(import_module(f"assistant.cli.commands.{module}"), name)
    return run(options, settings, paths, console)
