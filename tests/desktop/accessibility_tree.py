"""Reads Hark's window over AT-SPI, as a screen reader does. Runs in the system's Python, which has GObject.

For every line on standard input one line of JSON comes out: the controls that are showing, in order."""

import json
import sys
import warnings

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi  # noqa: E402

STATES = {
    "focusable": Atspi.StateType.FOCUSABLE,
    "focused": Atspi.StateType.FOCUSED,
    "enabled": Atspi.StateType.ENABLED,
    "checked": Atspi.StateType.CHECKED,
}


def walk(node, nodes):
    try:
        states = node.get_state_set()
        if node.get_role() != Atspi.Role.APPLICATION and not states.contains(Atspi.StateType.SHOWING):
            return
        nodes.append(
            {
                "name": node.get_name() or "",
                "role": node.get_role_name(),
                "id": (node.get_accessible_id() or "").rpartition(".")[2],
                "label": label_of(node),
                "text": text_of(node),
                "description": node.get_description() or "",
                "states": [name for name, state in STATES.items() if states.contains(state)],
            }
        )
        for index in range(node.get_child_count()):
            child = node.get_child_at_index(index)
            if child is not None:
                walk(child, nodes)
    except gi.repository.GLib.Error:
        pass  # it went away while we looked


def label_of(node):
    for relation in node.get_relation_set():
        if relation.get_relation_type() == Atspi.RelationType.LABELLED_BY:
            return relation.get_target(0).get_name()
    return ""


def text_of(node):
    try:
        text = node.get_text_iface()
        return Atspi.Text.get_text(text, 0, Atspi.Text.get_character_count(text)) if text else ""
    except (gi.repository.GLib.Error, AttributeError):
        return ""


warnings.simplefilter("ignore")
Atspi.init()
Atspi.set_timeout(2000, 5000)
for _line in sys.stdin:
    controls = []
    desktop = Atspi.get_desktop(0)
    for at in range(desktop.get_child_count()):
        program = desktop.get_child_at_index(at)
        if program is not None and program.get_name() == "Hark":
            program.clear_cache()
            walk(program, controls)
    print(json.dumps(controls), flush=True)
