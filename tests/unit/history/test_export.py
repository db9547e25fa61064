"""Export and import of conversations: exported files load nothing, imported files are checked."""

from __future__ import annotations

import base64
import json
import os
import re
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assistant.errors import InvalidInputError
from assistant.history import export
from assistant.history.conversation_store import ConversationStore
from assistant.history.database import Database
from assistant.history.turn_recorder import TurnRecorder, load_messages
from assistant.pictures import Picture
from assistant.text.markdown import build_commonmark_parser
from tests.support.paths import SHARED_FILES

HOSTILE = (
    "See ![x](https://tracker.example/p.png) and <img src='http://a.example/b'> and <script>alert(1)</script>\n\n"
    "| a | b |\n|---|---|\n| c | **d** |\n"
)


@pytest.fixture
def history(tmp_path: Path) -> TurnRecorder:
    recorder = TurnRecorder(tmp_path / "one")
    conversation = recorder.start_conversation('Tea <"&>')
    for question, answer in (("What is <b>it</b>?", HOSTILE), ("还有呢？", "没有了。")):
        turn = recorder.add_turn(
            conversation, question, (Picture(4, 4, bytes(range(48)), 'a "b" [c].png'),), [(0, 1, 2, 3)]
        )
        recorder.update_turn(turn, question, answer, "tiny", "answered")
        recorder.set_heard_letters(turn, 3)
    return recorder


def test_json_comes_back_whole(history: TurnRecorder, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    export.export_conversation(history.store, 1, file)
    other = TurnRecorder(tmp_path / "two")
    new = export.import_conversation(other.store, file)
    theirs, ours = history.store.last_turns(1), other.store.last_turns(new)
    for a, b in zip(theirs, ours, strict=True):
        assert replace(a, id=b.id, conversation=new) == b and b.regions == ((0, 1, 2, 3),)
    assert other.store.find_title(new) == 'Tea <"&>' and other.store.list_conversations("还有呢")
    assert load_messages(other, new)[0].pictures == load_messages(history, 1)[0].pictures


def test_html_needs_and_loads_nothing(history: TurnRecorder, tmp_path: Path) -> None:
    file = tmp_path / "a.html"
    export.export_conversation(history.store, 1, file)
    page = file.read_text("utf-8")
    assert set(re.findall(r'<img[^>]*src="(.{5})', page)) == {"data:"}
    assert "<script" not in page and "<b>it" not in page and "default-src 'none'" in page
    assert "<table>" in page and "还有呢？" in page and "&lt;b&gt;it" in page


def test_markdown_has_its_pictures_beside_it(history: TurnRecorder, tmp_path: Path) -> None:
    file = tmp_path / "out" / "a tea.md"
    file.parent.mkdir()
    export.export_conversation(history.store, 1, file)
    text = file.read_text("utf-8")
    links = re.findall(r"!\[([^\]]*)\]\(<([^>]*)>\)", text)
    assert len(links) == 2 and all((file.parent / path).is_file() for _, path in links)
    assert "![x](" not in text and "> 还有呢？" in text
    assert sorted(entry.name for entry in file.parent.iterdir()) == ["a tea pictures", "a tea.md"]


def written(tmp_path: Path, *answers: str, question: str = "What?", title: str = "Title") -> str:
    """Return the Markdown of a conversation with these answers."""
    recorder = TurnRecorder(tmp_path / "kept")
    conversation = recorder.start_conversation(title)
    for answer in answers:
        recorder.update_turn(recorder.add_turn(conversation, question), question, answer, "tiny", "answered")
    export.export_conversation(recorder.store, conversation, tmp_path / "a.md")
    recorder.close()
    return (tmp_path / "a.md").read_text("utf-8")


PIXEL = "<img src=http://a.example/p>"
HOSTILE_MARKDOWN = [
    [PIXEL], [f"<div>\n{PIXEL}"], [rf"\\{PIXEL}"], [rf"\\\\{PIXEL}"], ["`a` ![x](http://a.example) `b`"],
    [f"[a](/x`y) {PIXEL} ` b"], [f"\\` {PIXEL} `"], [f"``` x ``` y\n{PIXEL}"], [f"~~~\n~~~ x\n~~~\n{PIXEL}"],
    [f"| ` | b |\n|---|---|\n| `{PIXEL}` |"], [f"| a |\n|---|\n| `b | {PIXEL}` |"],
    ["```\nfirst", f"```\n{PIXEL}\n```"],
    ["```\nfirst", "```\n![x](http://a.example)\n```"], [f"{'> ' * 30}[a](/x`y) {PIXEL} ` b"], [f"    {PIXEL}"],
]  # fmt: skip


@pytest.mark.parametrize("answers", HOSTILE_MARKDOWN)
def test_rendered_markdown_fetches_nothing(tmp_path: Path, answers: list[str]) -> None:
    text = written(tmp_path, *answers, question="\n".join(answers), title=answers[0])
    for tables in (True, False):
        draw = build_commonmark_parser(html=True)
        draw.options["maxNesting"] = 100
        page = draw.render(text) if tables else draw.disable("table").render(text)
        assert "<img" not in page and "a.example" in page, page


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Use `vector<int>` or a < b.", "Use `vector<int>` or a &lt; b."),
        ("```rust\nlet a: Vec<u8> = vec![1];\n```\na<b", "```rust\nlet a: Vec<u8> = vec![1];\n```\na&lt;b"),
        ("- ```\n  a<b\n  ```\n- ``a`<b`` c<d", "- ```\n  a<b\n  ```\n- ``a`<b`` c&lt;d"),
        ("~~~\na<b", "~~~\na<b"),
    ],
)
def test_code_stays_as_it_is(tmp_path: Path, answer: str, expected: str) -> None:
    assert written(tmp_path, answer).endswith(f"\n\n{expected}\n")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_a_pipe_is_refused_and_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.json")
    with pytest.raises(InvalidInputError, match="no regular file"):
        export.import_conversation(ConversationStore(Database(tmp_path), tmp_path), tmp_path / "a.json")


def test_a_file_that_is_too_large_is_refused(
    history: TurnRecorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export.export_conversation(history.store, 1, tmp_path / "a.json")
    monkeypatch.setattr(export, "_MAX_FILE_BYTES", 100)
    with pytest.raises(InvalidInputError, match="too large"):
        export.import_conversation(history.store, tmp_path / "a.json")


def test_the_name_of_a_picture_is_words_on_one_line(history: TurnRecorder, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    export.export_conversation(history.store, 1, file)
    document = change(json.loads(file.read_text("utf-8")), "pictures.0.name", f"a\n\n`{PIXEL} ](http://a.example)")
    file.write_text(json.dumps(document))
    new = export.import_conversation(history.store, file)
    (name,) = history.store.picture_names(new).values()
    assert name == f"a `{PIXEL} ](http://a.example)"
    export.export_conversation(history.store, new, tmp_path / "b.md")
    assert "![a img src=http://a.example/p (http://a.example)](<b pictures/" in (tmp_path / "b.md").read_text("utf-8")


def test_another_form_is_refused(history: TurnRecorder, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="tells no form"):
        export.export_conversation(history.store, 1, tmp_path / "a.pdf")


def change(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Replace one value of an exported document; `path` is like turns.0.state."""
    place: Any = document
    *steps, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    for step in steps:
        place = place[step]
    place[last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("kind", "other"), ("version", 2), ("title", None), ("turns", 5), ("turns.0", []), ("turns.0.state", "x"),
        ("turns.0.heard", -1), ("turns.0.heard", "1"), ("turns.0.pictures", ["../../etc/passwd"]),
        ("turns.0.pictures", ["0" * 64]), ("turns.0.asked", "now"), ("turns.0.asked", float("inf")),
        ("turns.0.asked", 1e300), ("turns.0.heard", 2**63), ("pictures.0.digest", "../x"),
        ("pictures.0.png", "!!"), ("pictures.0.png", "AAAA"), ("pictures", None), ("pictures.0.name", {"a": 1}),
        ("turns.0.asked", 10**400), ("turns.0.asked", True), ("turns.0.question", None), ("turns.0.by", 5),
        ("pictures.0.png", 0), ("pictures.0.png", -1), ("pictures.0.png", 10**30), ("pictures.0.png", None),
        ("turns.0.regions", [[2**31, 0, 1, 1]]),
        ("turns.0.regions", [[1, 2, 3]]), ("turns.0.regions", [["a", 1, 2, 3]]), ("turns.0.regions", 5),
    ],
)  # fmt: skip
@pytest.mark.parametrize("indent", [1, None])
def test_damaged_files_are_refused_and_leave_nothing(
    history: TurnRecorder, tmp_path: Path, path: str, value: Any, indent: int | None
) -> None:
    file = tmp_path / "a.json"
    export.export_conversation(history.store, 1, file)
    document = change(json.loads(file.read_text("utf-8")), path, value)
    file.write_text(json.dumps(document, indent=indent))
    archive = ConversationStore(Database(tmp_path / "two"), tmp_path / "two")
    with pytest.raises(InvalidInputError, match="cannot be taken in"):
        export.import_conversation(archive, file)
    assert not archive.list_conversations()


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff\xfe", b'"x"', b"[" * 100_000])
def test_file_without_a_conversation_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.json").write_bytes(data)
    with pytest.raises(InvalidInputError):
        export.import_conversation(ConversationStore(Database(tmp_path), tmp_path), tmp_path / "a.json")


def test_a_large_import_takes_no_more_memory_than_one_picture(tmp_path: Path) -> None:
    archive = ConversationStore(Database(tmp_path / "two"), tmp_path / "two")
    png = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(3_000_000)).decode()
    pictures = [{"digest": f"{number:064x}", "name": "p", "png": png} for number in range(20)]
    document = {"kind": "hark-conversation", "version": 1, "title": "t", "turns": [], "pictures": pictures}
    (tmp_path / "a.json").write_text(json.dumps(document, indent=1))
    tracemalloc.start()
    try:
        export.import_conversation(archive, tmp_path / "a.json")
        assert tracemalloc.get_traced_memory()[1] < 30_000_000, "of a file of 80 MB"
    finally:
        tracemalloc.stop()
    assert len(list((tmp_path / "two" / "pictures").iterdir())) == 20


def test_an_import_of_too_much_text_or_too_large_a_picture_is_refused(
    history: TurnRecorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export.export_conversation(history.store, 1, tmp_path / "a.json")
    for limit, low in (("_MAX_TEXT_BYTES", 500), ("_MAX_PNG_BYTES", 50)):
        with monkeypatch.context() as patch, pytest.raises(InvalidInputError, match="too large"):
            patch.setattr(export, limit, low)
            export.import_conversation(history.store, tmp_path / "a.json")


@pytest.mark.parametrize("path", sorted(SHARED_FILES.glob("conversation-*.json")), ids=lambda path: path.name)
def test_a_hostile_conversation_of_the_collection_is_refused(path: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="cannot be taken in"):
        export.import_conversation(ConversationStore(Database(tmp_path), tmp_path), path)
