"""A conversation as a file of its own: Markdown with pictures beside it, JSON, or HTML that needs no network; and JSON
back in. Knows nothing of windows and opens no picture."""

from __future__ import annotations

import base64
import html
import json
import re
import time
from collections.abc import Collection, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from assistant.errors import BadInput, first_line
from assistant.files import open_regular
from assistant.library.archive import Archive, Turn
from assistant.words.markdown import DEEPEST, common
from assistant.words.tongue import mark, tr

_MARK = "hark-conversation"
_VERSION = 1
_LARGEST = 500_000_000  # bytes of a file that is read back
_FAR = 4e9  # seconds since 1970 that no clock shows yet
_PNG = b"\x89PNG\r\n\x1a\n"
FORMS = (".md", ".json", ".html")
_CODE = (  # fences to their ends, and spans on one line; roughly: what comes of it is checked
    r"^[ \t>]*(?:(?:[-*+]|\d+[.)])[ \t]+)?(`{3,}(?=[^`\n]*$)|~{3,}).*?(?:^[ \t>]*\1|\Z)"
    r"|(?<!`)(`++)[^\n]+?(?<!`)\2(?!`)|"
)
_LIVE = r"\\[\\`]|\\?<|!\["
_STILL = {"<": "&lt;", "\\<": "&lt;", "![": "!&#91;"}
_STATES = {"asked", "answering", "answered", "failed", "interrupted"}
_PAGE = """<!doctype html>
<html><head><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<style>body {{ font: 1.05em/1.5 system-ui, sans-serif; max-width: 46em; margin: 2em auto; padding: 0 1em;
color-scheme: light dark }} img {{ max-width: 100%; border-radius: 8px }} h2 {{ font-size: 1em; opacity: .65;
margin-bottom: 0 }} pre {{ overflow-x: auto }} td, th {{ padding: .1em .8em .1em 0; text-align: left }}</style></head>
<body><h1>{title}</h1>
{body}</body></html>
"""


def write(archive: Archive, conversation: int, path: Path) -> None:
    """Writes a conversation in the form that the name asks for: .md, .json or .html. Raises `OSError`, and `BadInput`
    for another name."""
    forms = {".md": _markdown, ".json": _json, ".html": _html}
    form = forms.get(path.suffix.lower())
    if form is None:
        raise BadInput(
            "export",
            tr("“{name}” tells no form to write.").format(name=path.name),
            tr("Let the name end in .md, .json or .html."),
        )
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(form(archive, conversation, path), "utf-8", newline="\n")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read(archive: Archive, path: Path) -> int:
    """Takes a conversation in that `write` wrote as JSON; returns its id. Raises `BadInput`."""
    try:
        with open_regular(path, "import", mark("conversation")) as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise ValueError("it is too large")
        told = json.loads(data.decode())
        if not isinstance(told, dict) or told.get("kind") != _MARK:
            raise ValueError("it is no conversation of Hark")
        if told.get("version") != _VERSION:
            raise ValueError("a newer Hark wrote it")
        pictures = {_digest(one["digest"]): one for one in told["pictures"]}
        turns = [_turn(one, pictures) for one in told["turns"]]
        title, names = str(told["title"]), {digest: _name(one["name"]) for digest, one in pictures.items()}
        for digest, one in pictures.items():
            _keep(archive, digest, base64.b64decode(one["png"], validate=True))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        what = tr("“{name}” cannot be taken in: {reason}.").format(name=path.name, reason=first_line(error, 120))
        raise BadInput("import", what, tr("Choose a .json file that Hark wrote.")) from error
    return archive.add(title, turns, names)


def _markdown(archive: Archive, conversation: int, path: Path) -> str:
    names, folder, ours = archive.names(conversation), path.with_name(f"{path.stem} pictures"), set[str]()
    parts = [("# ", f"{_line(archive.title(conversation))}\n")]  # what Hark writes, and what was said
    for turn in archive.turns(conversation):
        parts.append((f"\n**{_when(turn)}**\n\n", "".join(f"> {line}\n" for line in turn.question.splitlines())))
        shown = ""
        for digest, png in _pngs(archive, turn):
            folder.mkdir(exist_ok=True)
            (folder / f"{digest[:12]}.png").write_bytes(png)
            ours.add(f"{folder.name}/{digest[:12]}.png")
            name = re.sub(r"[\[\]\\<>`]", "", _line(names[digest]))
            shown += f"\n![{name}](<{folder.name}/{digest[:12]}.png>)\n"
        parts.append((f"{shown}\n", f"{turn.answer}\n"))
    readable = _still(parts, _CODE)
    return readable if _fetched(readable) <= ours else _still(parts)


def _still(parts: list[tuple[str, str]], code: str = "") -> str:
    """What was said names nothing that whoever shows the file would fetch; code is as it was."""
    live = re.compile(code + _LIVE, re.MULTILINE | re.DOTALL)
    return "".join(ours + live.sub(lambda one: _STILL.get(one[0], one[0]), said) for ours, said in parts)


def _fetched(text: str) -> set[str]:
    """The pictures that Markdown shows, by viewers that know tables or do not; "?" for HTML, and what is too deep."""
    found = set()
    for draw in (common(html=True), common(html=True).disable("table")):
        for token in draw.parse(text):
            for one in (token, *(token.children or [])):
                if one.type == "image":
                    found.add(unquote(str(one.attrs["src"])))
                elif one.type.startswith("html") or one.level >= DEEPEST - 1:
                    found.add("?")
    return found


def _json(archive: Archive, conversation: int, path: Path) -> str:
    turns, names = archive.turns(conversation), archive.names(conversation)
    kept = {digest: png for turn in turns for digest, png in _pngs(archive, turn)}
    told = {
        "kind": _MARK,
        "version": _VERSION,
        "title": archive.title(conversation),
        "turns": [_told(turn, kept) for turn in turns],
        "pictures": [
            {"digest": digest, "name": names[digest], "png": base64.b64encode(png).decode()}
            for digest, png in kept.items()
        ],
    }
    return json.dumps(told, ensure_ascii=False, indent=1)


def _told(turn: Turn, kept: Collection[str]) -> dict[str, Any]:
    """A turn with the pictures that are there; without the last one nothing is told of its regions."""
    pictures = [one for one in turn.pictures if one in kept]
    return {
        **asdict(turn),
        "pictures": pictures,
        "regions": turn.regions if pictures[-1:] == [*turn.pictures[-1:]] else (),
    }


def _html(archive: Archive, conversation: int, path: Path) -> str:
    # Pictures that an answer names stay words; the policy in the page's head would not let them load either.
    draw = common().disable("image")
    names, parts = archive.names(conversation), list[str]()
    for turn in archive.turns(conversation):
        parts.append(f"<h2>{html.escape(_when(turn))}</h2>\n<p><b>{html.escape(turn.question)}</b></p>\n")
        for digest, png in _pngs(archive, turn):
            data = base64.b64encode(png).decode()
            parts.append(f'<p><img alt="{html.escape(names[digest])}" src="data:image/png;base64,{data}"></p>\n')
        parts.append(str(draw.render(turn.answer)))
    return _PAGE.format(title=html.escape(archive.title(conversation)), body="".join(parts))


def _pngs(archive: Archive, turn: Turn) -> Iterator[tuple[str, bytes]]:
    """A turn's pictures that are still there."""
    for digest in turn.pictures:
        try:
            yield digest, archive.picture_file(digest).read_bytes()
        except OSError:
            continue


def _turn(told: Any, pictures: dict[str, Any]) -> Turn:
    heard, asked = told["heard"], float(told["asked"])
    if told["state"] not in _STATES or not (heard is None or (type(heard) is int and heard >= 0)):
        raise ValueError("a turn in it is damaged")
    if not 0 <= asked < _FAR or (heard is not None and heard > len(str(told["answer"]))):
        raise ValueError("a number in it makes no sense")
    shown = tuple(_digest(one) for one in told["pictures"])
    if not set(shown) <= set(pictures):
        raise ValueError("a picture is missing")
    regions = tuple(tuple(box) for box in told.get("regions", ()))
    if not all(len(box) == 4 and all(type(side) is int and side >= 0 for side in box) for box in regions):
        raise ValueError("a region in it makes no sense")
    question, answer, by = (str(told[name]) for name in ("question", "answer", "by"))
    return Turn(0, 0, asked, question, answer, by, told["state"], heard, shown, regions)


def _digest(text: Any) -> str:
    """It becomes a file's name: nothing else may come through."""
    if not isinstance(text, str) or not re.fullmatch(r"[0-9a-f]{64}", text):
        raise ValueError("a picture's digest is damaged")
    return text


def _name(text: Any) -> str:
    if not isinstance(text, str):
        raise ValueError("a picture's name is damaged")
    return _line(text)


def _keep(archive: Archive, digest: str, png: bytes) -> None:
    """What it shows is looked at where all pictures are: in the limited child, when it is opened."""
    if not png.startswith(_PNG):
        raise ValueError("a picture is no PNG")
    path = archive.picture_file(digest)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".import")
        part.write_bytes(png)
        part.replace(path)


def _when(turn: Turn) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(turn.asked))


def _line(text: str) -> str:
    return " ".join(text.split())
