"""A conversation as a file of its own: Markdown with pictures beside it, JSON, or HTML that needs no network; and JSON
back in. Knows nothing of windows and opens no picture."""

from __future__ import annotations

import base64
import html
import json
import os
import re
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote

from assistant.errors import InvalidInputError, first_line
from assistant.history.conversation_store import ConversationStore, TurnRecord
from assistant.history.rows import Digest, LetterCount, RegionBoxes, Timestamp, TurnState
from assistant.safe_open import open_regular_file
from assistant.text.i18n import tr, tr_noop
from assistant.text.markdown import MAX_NESTING, build_commonmark_parser
from assistant.typed_reader import parse_json, read_as

_MARK = "hark-conversation"
_VERSION = 1
_MAX_FILE_BYTES = 500_000_000  # bytes of a file that is read back
_MAX_TEXT_BYTES = 16 * 1024**2  # of it without its pictures
_MAX_PNG_BYTES = 48 * 1024**2  # of one picture
_PNG = b"\x89PNG\r\n\x1a\n"
EXPORT_SUFFIXES = (".md", ".json", ".html")
_CODE = (  # fences to their ends, and spans on one line; roughly: what comes of it is checked
    r"^[ \t>]*(?:(?:[-*+]|\d+[.)])[ \t]+)?(`{3,}(?=[^`\n]*$)|~{3,}).*?(?:^[ \t>]*\1|\Z)"
    r"|(?<!`)(`++)[^\n]+?(?<!`)\2(?!`)|"
)
_LIVE = r"\\[\\`]|\\?<|!\["
_STILL = {"<": "&lt;", "\\<": "&lt;", "![": "!&#91;"}
_PNG_LINE = re.compile(rb'(\s*"png": )"([A-Za-z0-9+/=]*)"(,?\s*)')  # as `write` has them: one line a picture
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


def export_conversation(archive: ConversationStore, conversation: int, path: Path) -> None:
    """Writes a conversation in the form that the name asks for: .md, .json or .html. Raises `OSError`, and `BadInput`
    for another name."""
    forms = {".md": _write_markdown, ".json": _write_json, ".html": _write_html}
    form = forms.get(path.suffix.lower())
    if form is None:
        raise InvalidInputError(
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


@dataclass(frozen=True)
class _ImportedTurn:
    asked: Timestamp
    question: str
    answer: str
    by: str
    state: TurnState
    heard: LetterCount | None
    pictures: tuple[Digest, ...]
    regions: RegionBoxes = ()


@dataclass(frozen=True)
class _ImportedPicture:
    """`png`: in base64, or as the number of its place in the file."""

    digest: Digest
    name: str
    png: str | int


@dataclass(frozen=True)
class _ImportedConversation:
    title: str
    turns: tuple[_ImportedTurn, ...]
    pictures: tuple[_ImportedPicture, ...]


def import_conversation(archive: ConversationStore, path: Path) -> int:
    """Takes a conversation in that `write` wrote as JSON; returns its id. Raises `BadInput`."""
    try:
        with open_regular_file(path, "import", tr_noop("conversation")) as file:
            if os.fstat(file.fileno()).st_size > _MAX_FILE_BYTES:
                raise ValueError("it is too large")
            text, places = _without_pictures(file)
            imported = _read_imported(parse_json(text, max_bytes=_MAX_TEXT_BYTES))
            for picture in imported.pictures:
                _keep_picture(archive, picture.digest, _read_png(file, picture.png, places))
    except (OSError, ValueError) as error:
        what = tr("“{name}” cannot be taken in: {reason}.").format(name=path.name, reason=first_line(error, 120))
        raise InvalidInputError("import", what, tr("Choose a .json file that Hark wrote.")) from error
    turns = [
        TurnRecord(
            0, 0, turn.asked, turn.question, turn.answer, turn.by, turn.state, turn.heard, turn.pictures, turn.regions
        )
        for turn in imported.turns
    ]
    return archive.add_conversation(
        imported.title, turns, {picture.digest: _to_one_line(picture.name) for picture in imported.pictures}
    )


def _without_pictures(file: BinaryIO) -> tuple[bytes, list[tuple[int, int]]]:
    """The text of a file with a number in place of each picture that stands on a line of its own, and where those begin
    and how long they are: they are read one by one."""
    parts, places, size = [], list[tuple[int, int]](), 0
    while line := file.readline(2 * _MAX_PNG_BYTES):
        picture = _PNG_LINE.fullmatch(line)
        if picture:
            places.append((file.tell() - len(line) + picture.start(2), len(picture[2])))
            line = picture[1] + str(len(places) - 1).encode() + picture[3]
        parts.append(line)
        size += len(line)
        if size > _MAX_TEXT_BYTES:
            raise ValueError("it is too large")
    return b"".join(parts), places


def _read_imported(table: object) -> _ImportedConversation:
    if not isinstance(table, dict) or table.get("kind") != _MARK:
        raise ValueError("it is no conversation of Hark")
    if table.get("version") != _VERSION:
        raise ValueError("a newer Hark wrote it")
    imported = read_as(_ImportedConversation, table, "conversation")
    here = {picture.digest for picture in imported.pictures}
    for turn in imported.turns:
        if not here.issuperset(turn.pictures):
            raise ValueError("a picture is missing")
        if turn.heard is not None and turn.heard > len(turn.answer):
            raise ValueError("a number in it makes no sense")
    return imported


def _read_png(file: BinaryIO, png: str | int, places: list[tuple[int, int]]) -> bytes:
    if isinstance(png, int):
        if not 0 <= png < len(places):
            raise ValueError("a picture is missing")
        start, length = places[png]
        file.seek(start)
        return base64.b64decode(file.read(length), validate=True)
    return base64.b64decode(png, validate=True)


def _write_markdown(archive: ConversationStore, conversation: int, path: Path) -> str:
    names, folder, ours = archive.picture_names(conversation), path.with_name(f"{path.stem} pictures"), set[str]()
    parts = [("# ", f"{_to_one_line(archive.find_title(conversation))}\n")]  # what Hark writes, and what was said
    for turn in archive.last_turns(conversation):
        parts.append((f"\n**{_format_time(turn)}**\n\n", "".join(f"> {line}\n" for line in turn.question.splitlines())))
        shown = ""
        for digest, png in _picture_pngs(archive, turn):
            folder.mkdir(exist_ok=True)
            (folder / f"{digest[:12]}.png").write_bytes(png)
            ours.add(f"{folder.name}/{digest[:12]}.png")
            name = re.sub(r"[\[\]\\<>`]", "", _to_one_line(names[digest]))
            shown += f"\n![{name}](<{folder.name}/{digest[:12]}.png>)\n"
        parts.append((f"{shown}\n", f"{turn.answer}\n"))
    readable = _escape_live_parts(parts, _CODE)
    return readable if _escape_links(readable) <= ours else _escape_live_parts(parts)


def _escape_live_parts(parts: list[tuple[str, str]], code: str = "") -> str:
    """What was said names nothing that whoever shows the file would fetch; code is as it was."""
    live = re.compile(code + _LIVE, re.MULTILINE | re.DOTALL)
    return "".join(ours + live.sub(lambda one: _STILL.get(one[0], one[0]), said) for ours, said in parts)


def _escape_links(text: str) -> set[str]:
    """The pictures that Markdown shows, by viewers that know tables or do not; "?" for HTML, and what is too deep."""
    found = set()
    for draw in (build_commonmark_parser(html=True), build_commonmark_parser(html=True).disable("table")):
        for token in draw.parse(text):
            for one in (token, *(token.children or [])):
                if one.type == "image":
                    found.add(unquote(str(one.attrs["src"])))
                elif one.type.startswith("html") or one.level >= MAX_NESTING - 1:
                    found.add("?")
    return found


def _write_json(archive: ConversationStore, conversation: int, path: Path) -> str:
    turns, names = archive.last_turns(conversation), archive.picture_names(conversation)
    kept = {digest: png for turn in turns for digest, png in _picture_pngs(archive, turn)}
    told = {
        "kind": _MARK,
        "version": _VERSION,
        "title": archive.find_title(conversation),
        "turns": [_turn_to_json(turn, kept) for turn in turns],
        "pictures": [
            {"digest": digest, "name": names[digest], "png": base64.b64encode(png).decode()}
            for digest, png in kept.items()
        ],
    }
    return json.dumps(told, ensure_ascii=False, indent=1)


def _turn_to_json(turn: TurnRecord, kept: Collection[str]) -> dict[str, Any]:
    """A turn with the pictures that are there; without the last one nothing is told of its regions."""
    pictures = [one for one in turn.pictures if one in kept]
    return {
        "id": turn.id,
        "conversation": turn.conversation,
        "asked": turn.asked_at,
        "question": turn.question,
        "answer": turn.answer,
        "by": turn.model_name,
        "state": turn.state,
        "heard": turn.heard_letters,
        "pictures": pictures,
        "regions": turn.regions if pictures[-1:] == [*turn.pictures[-1:]] else (),
    }


def _write_html(archive: ConversationStore, conversation: int, path: Path) -> str:
    # Pictures that an answer names stay words; the policy in the page's head would not let them load either.
    draw = build_commonmark_parser().disable("image")
    names, parts = archive.picture_names(conversation), list[str]()
    for turn in archive.last_turns(conversation):
        parts.append(f"<h2>{html.escape(_format_time(turn))}</h2>\n<p><b>{html.escape(turn.question)}</b></p>\n")
        for digest, png in _picture_pngs(archive, turn):
            data = base64.b64encode(png).decode()
            parts.append(f'<p><img alt="{html.escape(names[digest])}" src="data:image/png;base64,{data}"></p>\n')
        parts.append(str(draw.render(turn.answer)))
    return _PAGE.format(title=html.escape(archive.find_title(conversation)), body="".join(parts))


def _picture_pngs(archive: ConversationStore, turn: TurnRecord) -> Iterator[tuple[str, bytes]]:
    """A turn's pictures that are still there."""
    for digest in turn.pictures:
        if png := _read_kept_picture(archive.picture_file(digest)):
            yield digest, png


def _read_kept_picture(path: Path) -> bytes:
    """A kept picture; nothing where there is none, or a link to a file of somebody else."""
    try:
        if path.is_symlink():
            return b""
        with open_regular_file(path, "export", tr_noop("picture")) as file:
            png = file.read(_MAX_PNG_BYTES + 1)
    except (InvalidInputError, OSError):
        return b""
    return png if png.startswith(_PNG) and len(png) <= _MAX_PNG_BYTES else b""


def _keep_picture(archive: ConversationStore, digest: str, png: bytes) -> None:
    """What it shows is looked at where all pictures are: in the limited child, when it is opened."""
    if not png.startswith(_PNG) or len(png) > _MAX_PNG_BYTES:
        raise ValueError("a picture is no PNG, or too large")
    path = archive.picture_file(digest)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".import")
        part.write_bytes(png)
        part.replace(path)


def _format_time(turn: TurnRecord) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(turn.asked_at))


def _to_one_line(text: str) -> str:
    return " ".join(text.split())
