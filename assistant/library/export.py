"""A conversation as a file of its own: Markdown with pictures beside it, JSON, or HTML that needs no network; and JSON
back in. Knows nothing of windows and opens no picture."""

from __future__ import annotations

import base64
import html
import json
import re
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from assistant.errors import BadInput
from assistant.library.archive import Archive, Turn
from assistant.words.tongue import tr

_MARK = "hark-conversation"
_VERSION = 1
_LARGEST = 500_000_000  # bytes of a file that is read back
_FAR = 4e9  # seconds since 1970 that no clock shows yet
_PNG = b"\x89PNG\r\n\x1a\n"
FORMS = (".md", ".json", ".html")
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
        if path.stat().st_size > _LARGEST:
            raise ValueError("it is too large")
        told = json.loads(path.read_text("utf-8"))
        if not isinstance(told, dict) or told.get("kind") != _MARK:
            raise ValueError("it is no conversation of Hark")
        if told.get("version") != _VERSION:
            raise ValueError("a newer Hark wrote it")
        pictures = {_digest(one["digest"]): one for one in told["pictures"]}
        turns = [_turn(one, pictures) for one in told["turns"]]
        title = str(told["title"])
        for digest, one in pictures.items():
            _keep(archive, digest, base64.b64decode(one["png"], validate=True))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        what = tr("“{name}” cannot be taken in: {reason}.").format(name=path.name, reason=reason)
        raise BadInput("import", what, tr("Choose a .json file that Hark wrote.")) from error
    return archive.add(title, turns, {digest: str(one["name"]) for digest, one in pictures.items()})


def _markdown(archive: Archive, conversation: int, path: Path) -> str:
    names, parts = archive.names(conversation), [f"# {_line(archive.title(conversation))}\n"]
    folder = path.with_name(f"{path.stem} pictures")
    for turn in archive.turns(conversation):
        parts.append(f"\n**{_when(turn)}**\n\n" + "".join(f"> {line}\n" for line in turn.question.splitlines()))
        for digest, png in _pngs(archive, turn):
            folder.mkdir(exist_ok=True)
            (folder / f"{digest[:12]}.png").write_bytes(png)
            shown = re.sub(r"[\[\]\\]", "", _line(names[digest]))
            parts.append(f"\n![{shown}](<{folder.name}/{digest[:12]}.png>)\n")
        # A picture that an answer names would be fetched by whoever shows the file.
        parts.append(f"\n{turn.answer.replace('![', '!&#91;')}\n")
    return "".join(parts)


def _json(archive: Archive, conversation: int, path: Path) -> str:
    turns, names = archive.turns(conversation), archive.names(conversation)
    kept = {digest: png for turn in turns for digest, png in _pngs(archive, turn)}
    told = {
        "kind": _MARK,
        "version": _VERSION,
        "title": archive.title(conversation),
        "turns": [{**asdict(turn), "pictures": [one for one in turn.pictures if one in kept]} for turn in turns],
        "pictures": [
            {"digest": digest, "name": names[digest], "png": base64.b64encode(png).decode()}
            for digest, png in kept.items()
        ],
    }
    return json.dumps(told, ensure_ascii=False, indent=1)


def _html(archive: Archive, conversation: int, path: Path) -> str:
    from markdown_it import MarkdownIt

    # Pictures that an answer names stay words; the policy in the page's head would not let them load either.
    draw = MarkdownIt("commonmark", {"html": False, "maxNesting": 20}).enable(["table", "strikethrough"])
    draw.disable("image")
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
    question, answer, by = (str(told[name]) for name in ("question", "answer", "by"))
    return Turn(0, 0, asked, question, answer, by, told["state"], heard, shown)


def _digest(text: Any) -> str:
    """It becomes a file's name: nothing else may come through."""
    if not isinstance(text, str) or not re.fullmatch(r"[0-9a-f]{64}", text):
        raise ValueError("a picture's digest is damaged")
    return text


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
