"""Commands that only tell: `read`, `voices`, `models`, `doctor`. Know nothing of turns."""

from __future__ import annotations

import time
from typing import Any

from assistant.console import Console
from assistant.errors import Missing, Usage
from assistant.settings import Folders, Settings


def read(options: Any, settings: Settings, folders: Folders, console: Console) -> int:
    from assistant import backends
    from assistant.commands.turns import with_page
    from assistant.pictures import open_picture

    picture = open_picture(with_page([options.picture], options.page)[0])
    for note in picture.notes:
        console.note(f"{picture.name}: {note}")
    lines = list(backends.load_reader().read(picture))
    for line in lines:
        console.say(line)
    if not lines:
        console.note("There is no text in this picture.")
    return 0


def voices(options: Any, settings: Settings, folders: Folders, console: Console) -> int:
    from assistant.library import voices

    for voice in voices.voices(folders.data):
        console.say(f"{voice.id:<28} {voice.name}")
    return 0


def models(options: Any, settings: Settings, folders: Folders, console: Console) -> int:
    from assistant.library import catalogue, models

    if options.verb == "get":
        if not options.name:
            raise Usage("usage", "hark models get needs a name.", "See hark models.")
        console.note(f"Fetching {options.name} …")
        started, told = time.monotonic(), [0]

        def progress(done: int, total: int) -> None:
            if total and done * 20 // total > told[0]:
                told[0] = done * 20 // total
                console.note(f"{done / 1e9:.2f} of {total / 1e9:.2f} GB")

        folder = models.get(options.name, progress, settings.hub.source, console.note)
        console.say(f"{options.name} is in {folder} ({time.monotonic() - started:.0f} s).")
        return 0
    if options.verb == "remove":
        freed = models.remove(options.name or "")
        console.say(f"{freed / 1e9:.2f} GB are free again.")
        return 0
    console.say("starter              look  here     comes with Hark   Apache-2.0")
    for entry in catalogue.CATALOGUE.values():
        here = "here" if models.is_here(entry) else "begun" if models.begun(entry.name) else "–"
        card = f"{entry.card:.1f} GB of a graphics card" if entry.job != "speak" else ""
        about = ", ".join(one for one in (card, entry.quantised, entry.licence) if one)
        console.say(f"{entry.name:<20} {entry.job:<5} {here:<8} {entry.size:>6.2f} GB        {about}")
    return 0


def doctor(options: Any, settings: Settings, folders: Folders, console: Console) -> int:
    from assistant import doctor

    console.reason = "checked"
    findings = doctor.examine(folders)
    for finding in findings:
        console.finding(finding)
    return Missing.exit_code if any(finding.grave for finding in findings) else 0
