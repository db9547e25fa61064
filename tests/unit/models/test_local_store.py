"""History, models and voices on disk."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import sqlite3
from pathlib import Path

import pytest
from PIL import Image

from assistant.errors import NotAvailableError
from assistant.history.database import NewerHistoryError
from assistant.history.turn_recorder import TurnRecorder
from assistant.models import local_store, voices
from assistant.pictures import Picture


def picture(level: int = 90) -> Picture:
    return Picture.from_image(Image.new("RGB", (20, 10), (level, 0, 0)), "red.png")


def test_turn_is_saved_with_its_question_and_updated_with_its_answer(tmp_path: Path) -> None:
    history = TurnRecorder(tmp_path)
    turn = history.add_turn(history.start_conversation("What?"), "What?", (picture(), picture()))
    again = TurnRecorder(tmp_path)
    [(conversation, title)] = [(summary.id, summary.title) for summary in again.store.list_conversations()]
    [saved_turn] = again.store.last_turns(conversation)
    assert (title, saved_turn.question, saved_turn.state, saved_turn.pictures) == (
        "What?",
        "What?",
        "asked",
        (picture().digest,) * 2,
    )
    history.update_turn(turn, "What?", "Red.", "tiny", "answered")
    assert [(t.answer, t.model_name, t.state) for t in again.store.last_turns(conversation)] == [
        ("Red.", "tiny", "answered")
    ]
    assert Image.open(again.store.picture_file(picture().digest)).getpixel((3, 3)) == (90, 0, 0)
    assert len(list((tmp_path / "pictures").iterdir())) == 1


def test_hostile_text_is_kept(tmp_path: Path) -> None:
    history = TurnRecorder(tmp_path)
    turn = history.add_turn(history.start_conversation("\ud800"), "a\ud800\x00b")
    history.update_turn(turn, "q", "'; DROP TABLE turn; --", "x", "answered")
    assert history.store.last_turns(1)[0].answer == "'; DROP TABLE turn; --"


def _ask_many(folder: Path) -> None:
    history = TurnRecorder(folder)
    for number in range(25):
        history.add_turn(history.start_conversation(f"c{number}"), f"q{number}", (picture(number),))


def test_several_processes_write_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_ask_many, args=(tmp_path,)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert len(TurnRecorder(tmp_path).store.list_conversations()) == 75


def test_a_newer_database_is_left_alone(tmp_path: Path) -> None:
    TurnRecorder(tmp_path).close()
    with sqlite3.connect(tmp_path / "history.sqlite") as base:
        base.execute("PRAGMA user_version = 99")
    with pytest.raises(NewerHistoryError):
        TurnRecorder(tmp_path)


def test_a_whole_model_folder_is_found(tiny: Path) -> None:
    assert local_store.find_model(str(tiny), "qwen2-vl") == str(tiny)


@pytest.mark.parametrize("gone", ["config.json", "model.safetensors", "tokenizer_config.json"])
def test_model_folder_with_a_missing_file_is_refused(tiny: Path, tmp_path: Path, gone: str) -> None:
    folder = shutil.copytree(tiny, tmp_path / "model")
    (folder / gone).unlink()
    with pytest.raises(NotAvailableError, match=gone):
        local_store.find_model(str(folder), "qwen2-vl")


@pytest.mark.parametrize("left", [0, 7, 1000, -1])
def test_truncated_shard_is_refused(tiny: Path, tmp_path: Path, left: int) -> None:
    folder = shutil.copytree(tiny, tmp_path / "model")
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[:left])
    with pytest.raises(NotAvailableError, match="cut off"):
        local_store.find_model(str(folder), "qwen2-vl")


def test_missing_shard_is_refused(tiny: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "model")
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(NotAvailableError, match="00002-of-00002"):
        local_store.find_model(str(folder), "qwen2-vl")


@pytest.mark.parametrize("name", ["qwen2-vl-2b", "nobody/nothing"])
def test_refusal_of_a_missing_model_says_how_to_get_it(name: str) -> None:
    with pytest.raises(NotAvailableError, match="hark models get"):
        local_store.find_model(name, "qwen2-vl")


def test_voices_are_listed_and_opened(home: Path, checkpoints: Path) -> None:
    shutil.copytree(checkpoints / "vits-random-3", home / "voices" / "random")
    shutil.copytree(checkpoints / "piper-random-1", home / "voices" / "piper")
    ids = [voice.id for voice in voices.list_voices(home)]
    assert "piper/piper" in ids and list(voices.open_voice("piper/piper", home).synthesize("Hello."))
    assert {"espeak/en-us", "espeak/en-gb", "espeak/cmn", "coqui/random"} <= set(ids)
    assert list(voices.open_voice("coqui/random:speaker-1", home).synthesize("Hello."))


@pytest.mark.parametrize(
    "voice", ["coqui/gone", "coqui/", "nobody/x", "espeak/xx-none", "", "coqui/../..", "piper/x", "piper/piper-cori"]
)
def test_missing_voice_is_refused(home: Path, voice: str) -> None:
    with pytest.raises(NotAvailableError):
        voices.open_voice(voice, home)


def test_turn_left_unfinished_by_a_crash_is_marked_when_opened(tmp_path: Path) -> None:
    from assistant.history import turn_recorder as module

    history = TurnRecorder(tmp_path)
    conversation = history.start_conversation("x")
    turn = history.add_turn(conversation, "q")
    history.update_turn(turn, "q", "half an", "tiny", "answering")
    assert [message.text for message in module.load_messages(history, conversation)] == ["q", "half an"]
    assert history.store.last_turns(conversation)[0].state == "interrupted"
    history.close()
