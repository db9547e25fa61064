"""Prints what a program announces to screen readers, a line each. Runs in the system's Python, which has GObject."""

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi  # noqa: E402


def on_event(event):
    print(event.any_data, flush=True)


Atspi.init()
listener = Atspi.EventListener.new(on_event)
listener.register("object:announcement")
print("listening", flush=True)
Atspi.event_main()
