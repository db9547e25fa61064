"""The commands without a turn: `read`, `voices`, `models` and `doctor`."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING, Any

from assistant.cli.console import CommandConsole
from assistant.errors import AssistantError, NotAvailableError, UsageError
from assistant.paths import AppPaths
from assistant.settings import Settings
from assistant.settings_file import save_settings

if TYPE_CHECKING:
    from assistant.setting_change import SettingChange

_TASK_LABELS = {"transcriber": "hear", "responder": "look", "voice": "speak"}  # as `hark models` prints them


def run_read(options: Any, settings: Settings, paths: AppPaths, console: CommandConsole) -> int:
    """Prints the text in a picture."""
    from assistant import backends
    from assistant.cli.commands.ask import with_page
    from assistant.pictures import open_picture

    picture = open_picture(with_page([options.picture], options.page)[0])
    for note in picture.notes:
        console.print_notice(f"{picture.name}: {note}")
    lines = list(backends.load_reader().read_text(picture))
    for line in lines:
        console.print_line(line)
    if not lines:
        console.print_notice("There is no text in this picture.")
    return 0


def run_voices(options: Any, settings: Settings, paths: AppPaths, console: CommandConsole) -> int:
    """Lists the voices."""
    from assistant.models import voices

    for voice in voices.list_voices(paths.data):
        console.print_line(f"{voice.id:<28} {voice.name}")
    return 0


def run_models(options: Any, settings: Settings, paths: AppPaths, console: CommandConsole) -> int:
    """Lists the models, or downloads, uses or removes one."""
    from assistant.models import catalog, local_store

    if options.verb:
        if not options.name:
            raise UsageError("usage", f"hark models {options.verb} needs a name.", "See hark models.")
        {"get": _get_model, "use": _use_model, "remove": _remove_model}[options.verb](
            options.name, settings, paths, console
        )
        return 0
    console.print_line("starter              look  here     comes with Hark   Apache-2.0")
    for entry in catalog.CATALOG.values():
        state = "here" if local_store.is_installed(entry) else "begun" if local_store.partial_bytes(entry.name) else "–"
        card = f"{entry.gpu_memory_gb:.1f} GB of a graphics card" if entry.task != "voice" else ""
        facts = ", ".join(fact for fact in (card, entry.quantisation, entry.licence) if fact)
        console.print_line(
            f"{entry.name:<20} {_TASK_LABELS[entry.task]:<5} {state:<8} {entry.size_gb:>6.2f} GB        {facts}"
        )
    return 0


def _get_model(name: str, settings: Settings, paths: AppPaths, console: CommandConsole) -> None:
    """Downloads a model, and uses it where the settings it would change still have their defaults."""
    from assistant.models import catalog, local_store

    console.print_notice(f"Fetching {name} …")
    started, printed_steps = time.monotonic(), [0]

    def print_progress(done_bytes: int, total_bytes: int) -> None:
        if total_bytes and done_bytes * 20 // total_bytes > printed_steps[0]:
            printed_steps[0] = done_bytes * 20 // total_bytes
            console.print_notice(f"{done_bytes / 1e9:.2f} of {total_bytes / 1e9:.2f} GB")

    folder = local_store.download(name, print_progress, settings.hub.model_hub, console.print_notice)
    console.print_line(f"{name} is in {folder} ({time.monotonic() - started:.0f} s).")
    entry = catalog.CATALOG.get(name)
    changes = local_store.model_settings(name)
    if all(change.is_applied(settings) for change in changes):
        console.print_line("It is used.")
    elif not all(change.is_equal(settings, Settings()) for change in changes):
        console.print_line(f"Something else is used. Use it: hark models use {shlex.quote(name)}")
    elif entry and entry.quantisation:
        needs = "it needs a graphics card and pip install optimum gptqmodel, and is not tried"
        console.print_line(f"It is quantised: {needs}. Use it then: hark models use {name}")
    else:
        _save_changes(name, changes, settings, paths, console)


def _use_model(name: str, settings: Settings, paths: AppPaths, console: CommandConsole) -> None:
    from assistant.models import local_store
    from assistant.models.catalog import backend_settings

    changes = backend_settings("starter", "") if name == "starter" else local_store.model_settings(name)
    _save_changes(name, changes, settings, paths, console)


def _save_changes(
    name: str, changes: list[SettingChange], settings: Settings, paths: AppPaths, console: CommandConsole
) -> None:
    """Saves the settings with these changes. Raises `AssistantError` if they cannot be written."""
    for change in changes:
        settings = change.apply_to(settings)
    why_not = save_settings(settings, paths)
    if why_not:
        raise AssistantError("settings", why_not, "Make room, or check the folder's permissions.")
    console.print_line(f"{name} is used from now on.")


def _remove_model(name: str, settings: Settings, paths: AppPaths, console: CommandConsole) -> None:
    from assistant.models import local_store

    console.print_line(f"{local_store.remove_model(name) / 1e9:.2f} GB are free again.")


def run_doctor(options: Any, settings: Settings, paths: AppPaths, console: CommandConsole) -> int:
    """Checks this machine; returns an error's exit code if Hark cannot answer."""
    from assistant import doctor

    console.end_reason = "checked"
    findings = doctor.check_machine(paths)
    for finding in findings:
        console.print_finding(finding)
    return NotAvailableError.exit_code if any(finding.is_grave for finding in findings) else 0
