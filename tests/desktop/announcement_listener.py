"""Prints what a program announces to screen readers, a line each. Runs in the system's Python, which has GObject."""

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi  # noqa: E402


def on_event(event):
    if event.detail1 and event.source.get_role() == Atspi.Role.NOTIFICATION:
        print(event.source.get_name(), flush=True)


Atspi.init()
listener = Atspi.EventListener.new(on_event)
listener.register("object:state-changed:showing")
print("listening", flush=True)
Atspi.event_main()
