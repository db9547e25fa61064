"""Exports conversations to Markdown with pictures beside it, JSON or self-contained HTML, and imports the JSON."""

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

_FILE_KIND = "hark-conversation"
_FILE_VERSION = 1
_MAX_FILE_BYTES = 500_000_000  # of an imported file
_MAX_TEXT_BYTES = 16 * 1024**2  # of an imported file without its pictures
_MAX_PNG_BYTES = 48 * 1024**2  # of each picture
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
EXPORT_SUFFIXES = (".md", ".json", ".html")
_CODE_PATTERN = (  # fences, and code spans on one line; approximate: the result is checked by a parser
    r"^[ \t>]*(?:(?:[-*+]|\d+[.)])[ \t]+)?(`{3,}(?=[^`\n]*$)|~{3,}).*?(?:^[ \t>]*\1|\Z)"
    r"|(?<!`)(`++)[^\n]+?(?<!`)\2(?!`)|"
)
_LIVE_PATTERN = r"\\[\\`]|\\?<|!\["
_LIVE_REPLACEMENTS = {"<": "&lt;", "\\<": "&lt;", "![": "!&#91;"}
# `_write_json` writes each picture on a line of its own.
_PNG_LINE = re.compile(rb'(\s*"png": )"([A-Za-z0-9+/=]*)"(,?\s*)')
_HTML_PAGE = """<!doctype html>
<html><head><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<style>body {{ font: 1.05em/1.5 system-ui, sans-serif; max-width: 46em; margin: 2em auto; padding: 0 1em;
color-scheme: light dark }} img {{ max-width: 100%; border-radius: 8px }} h2 {{ font-size: 1em; opacity: .65;
margin-bottom: 0 }} pre {{ overflow-x: auto }} td, th {{ padding: .1em .8em .1em 0; text-align: left }}</style></head>
<body><h1>{title}</h1>
{body}</body></html>
"""


def export_conversation(store: ConversationStore, conversation: int, path: Path) -> None:
    """Writes a conversation in the format of the path's suffix: .md, .json or .html.

    Raises `OSError`, `sqlite3.Error`, and `InvalidInputError` for another suffix."""
    writers = {".md": _write_markdown, ".json": _write_json, ".html": _write_html}
    write = writers.get(path.suffix.lower())
    if write is None:
        raise InvalidInputError(
            "export",
            tr("“{name}” tells no form to write.").format(name=path.name),
            tr("Let the name end in .md, .json or .html."),
        )
    partial_path = path.with_name(f".{path.name}.part")
    try:
        partial_path.write_text(write(store, conversation, path), "utf-8", newline="\n")
        partial_path.replace(path)
    finally:
        partial_path.unlink(missing_ok=True)


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
    digest: Digest
    name: str
    png: str | int  # base64, or the number of its position in the file


@dataclass(frozen=True)
class _ImportedConversation:
    title: str
    turns: tuple[_ImportedTurn, ...]
    pictures: tuple[_ImportedPicture, ...]


def import_conversation(store: ConversationStore, path: Path) -> int:
    """Imports a conversation from JSON that `export_conversation` wrote; returns its id. Raises `InvalidInputError`."""
    try:
        with open_regular_file(path, "import", tr_noop("conversation")) as file:
            if os.fstat(file.fileno()).st_size > _MAX_FILE_BYTES:
                raise ValueError("it is too large")
            text, positions = _read_without_pictures(file)
            imported = _read_imported(parse_json(text, max_bytes=_MAX_TEXT_BYTES))
            for picture in imported.pictures:
                _save_picture(store, picture.digest, _read_png(file, picture.png, positions))
    except (OSError, ValueError) as error:
        message = tr("“{name}” cannot be taken in: {reason}.").format(name=path.name, reason=first_line(error, 120))
        raise InvalidInputError("import", message, tr("Choose a .json file that Hark wrote.")) from error
    turns = [
        TurnRecord(
            0, 0, turn.asked, turn.question, turn.answer, turn.by, turn.state, turn.heard, turn.pictures, turn.regions
        )
        for turn in imported.turns
    ]
    return store.add_conversation(
        imported.title, turns, {picture.digest: _to_one_line(picture.name) for picture in imported.pictures}
    )


def _read_without_pictures(file: BinaryIO) -> tuple[bytes, list[tuple[int, int]]]:
    """Reads a file's JSON with a number in place of each picture; returns it and the pictures' offsets and lengths.

    The pictures are read one by one afterwards. Raises `ValueError` if the text is too large."""
    parts, positions, size = [], list[tuple[int, int]](), 0
    while line := file.readline(2 * _MAX_PNG_BYTES):
        picture = _PNG_LINE.fullmatch(line)
        if picture:
            positions.append((file.tell() - len(line) + picture.start(2), len(picture[2])))
            line = picture[1] + str(len(positions) - 1).encode() + picture[3]
        parts.append(line)
        size += len(line)
        if size > _MAX_TEXT_BYTES:
            raise ValueError("it is too large")
    return b"".join(parts), positions


def _read_imported(table: object) -> _ImportedConversation:
    if not isinstance(table, dict) or table.get("kind") != _FILE_KIND:
        raise ValueError("it is no conversation of Hark")
    if table.get("version") != _FILE_VERSION:
        raise ValueError("a newer Hark wrote it")
    imported = read_as(_ImportedConversation, table, "conversation")
    digests = {picture.digest for picture in imported.pictures}
    for turn in imported.turns:
        if not digests.issuperset(turn.pictures):
            raise ValueError("a picture is missing")
        if turn.heard is not None and turn.heard > len(turn.answer):
            raise ValueError("a number in it makes no sense")
    return imported


def _read_png(file: BinaryIO, png: str | int, positions: list[tuple[int, int]]) -> bytes:
    if isinstance(png, int):
        if not 0 <= png < len(positions):
            raise ValueError("a picture is missing")
        start, length = positions[png]
        file.seek(start)
        return base64.b64decode(file.read(length), validate=True)
    return base64.b64decode(png, validate=True)


def _write_markdown(store: ConversationStore, conversation: int, path: Path) -> str:
    names, folder, own_links = store.picture_names(conversation), path.with_name(f"{path.stem} pictures"), set[str]()
    parts = [("# ", f"{_to_one_line(store.find_title(conversation))}\n")]  # pairs: what Hark writes, and what was said
    for turn in store.last_turns(conversation):
        parts.append((f"\n**{_format_time(turn)}**\n\n", "".join(f"> {line}\n" for line in turn.question.splitlines())))
        picture_lines = ""
        for digest, png in _picture_pngs(store, turn):
            folder.mkdir(exist_ok=True)
            (folder / f"{digest[:12]}.png").write_bytes(png)
            own_links.add(f"{folder.name}/{digest[:12]}.png")
            name = re.sub(r"[\[\]\\<>`]", "", _to_one_line(names[digest]))
            picture_lines += f"\n![{name}](<{folder.name}/{digest[:12]}.png>)\n"
        parts.append((f"{picture_lines}\n", f"{turn.answer}\n"))
    text = _escape_live_parts(parts, _CODE_PATTERN)
    return text if _find_picture_links(text) <= own_links else _escape_live_parts(parts)


def _escape_live_parts(parts: list[tuple[str, str]], code: str = "") -> str:
    """Escapes HTML and pictures in what was said, outside of `code`, so that viewers of the file load nothing."""
    live = re.compile(code + _LIVE_PATTERN, re.MULTILINE | re.DOTALL)
    return "".join(
        own_text + live.sub(lambda match: _LIVE_REPLACEMENTS.get(match[0], match[0]), said_text)
        for own_text, said_text in parts
    )


def _find_picture_links(text: str) -> set[str]:
    """Addresses of the pictures in Markdown, with and without tables; "?" for HTML and for too deep nesting."""
    links = set()
    for parser in (build_commonmark_parser(html=True), build_commonmark_parser(html=True).disable("table")):
        for token in parser.parse(text):
            for child in (token, *(token.children or [])):
                if child.type == "image":
                    links.add(unquote(str(child.attrs["src"])))
                elif child.type.startswith("html") or child.level >= MAX_NESTING - 1:
                    links.add("?")
    return links


def _write_json(store: ConversationStore, conversation: int, path: Path) -> str:
    turns, names = store.last_turns(conversation), store.picture_names(conversation)
    pngs = {digest: png for turn in turns for digest, png in _picture_pngs(store, turn)}
    table = {
        "kind": _FILE_KIND,
        "version": _FILE_VERSION,
        "title": store.find_title(conversation),
        "turns": [_turn_to_json(turn, pngs) for turn in turns],
        "pictures": [
            {"digest": digest, "name": names[digest], "png": base64.b64encode(png).decode()}
            for digest, png in pngs.items()
        ],
    }
    return json.dumps(table, ensure_ascii=False, indent=1)


def _turn_to_json(turn: TurnRecord, saved_digests: Collection[str]) -> dict[str, Any]:
    """A turn with its saved pictures; without the last picture, its regions are left out."""
    pictures = [digest for digest in turn.pictures if digest in saved_digests]
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


def _write_html(store: ConversationStore, conversation: int, path: Path) -> str:
    # Pictures in answers stay text; the page's content security policy would not load them either.
    parser = build_commonmark_parser().disable("image")
    names, parts = store.picture_names(conversation), list[str]()
    for turn in store.last_turns(conversation):
        parts.append(f"<h2>{html.escape(_format_time(turn))}</h2>\n<p><b>{html.escape(turn.question)}</b></p>\n")
        for digest, png in _picture_pngs(store, turn):
            data = base64.b64encode(png).decode()
            parts.append(f'<p><img alt="{html.escape(names[digest])}" src="data:image/png;base64,{data}"></p>\n')
        parts.append(str(parser.render(turn.answer)))
    return _HTML_PAGE.format(title=html.escape(store.find_title(conversation)), body="".join(parts))


def _picture_pngs(store: ConversationStore, turn: TurnRecord) -> Iterator[tuple[str, bytes]]:
    """Digests and contents of a turn's pictures, as far as the files exist."""
    for digest in turn.pictures:
        if png := _read_saved_picture(store.picture_file(digest)):
            yield digest, png


def _read_saved_picture(path: Path) -> bytes:
    """The content of a saved picture; b"" if there is none, or a symbolic link in its place."""
    try:
        if path.is_symlink():
            return b""
        with open_regular_file(path, "export", tr_noop("picture")) as file:
            png = file.read(_MAX_PNG_BYTES + 1)
    except (InvalidInputError, OSError):
        return b""
    return png if png.startswith(_PNG_SIGNATURE) and len(png) <= _MAX_PNG_BYTES else b""


def _save_picture(store: ConversationStore, digest: str, png: bytes) -> None:
    """Saves an imported picture; it is decoded only when it is opened, in the limited child process.

    Raises `ValueError` if it is no PNG or too large."""
    if not png.startswith(_PNG_SIGNATURE) or len(png) > _MAX_PNG_BYTES:
        raise ValueError("a picture is no PNG, or too large")
    path = store.picture_file(digest)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial_path = path.with_suffix(".import")
        partial_path.write_bytes(png)
        partial_path.replace(path)


def _format_time(turn: TurnRecord) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(turn.asked_at))


def _to_one_line(text: str) -> str:
    return " ".join(text.split())
