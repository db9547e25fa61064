"""The engine with its threads, without devices: calls return at once, and nothing is left behind."""

from __future__ import annotations

import os
import queue
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from assistant import events
from assistant.engine import Engine
from assistant.events import Event
from assistant.library.history import History
from assistant.parts import Shelf
from assistant.settings import Folders, Hear, Look, Memory, Settings, Speak
from assistant.sound.listener import SpeechStarted
from assistant.starter import demo

QUIET = replace(Settings(), look=Look(responder="silent"), speak=Speak("silent/none"))


class Live:
    """An engine in this process; `until` waits for an event."""

    def __init__(self, settings: Settings = QUIET) -> None:
        self.queue: queue.Queue[Event] = queue.Queue()
        self.seen: list[Event] = []
        self.listening: events.Listening | None = None
        self.engine = Engine(settings, Folders.find(), self.queue.put)
        self.engine.start()

    def until(self, kind: type[Event], seconds: float = 20, **fields: object) -> Event:
        end = time.monotonic() + seconds
        while True:
            try:
                event = self.queue.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                came = [one for one in self.seen if not isinstance(one, events.Level)]
                raise AssertionError(f"no {kind.__name__} with {fields} in {seconds} s, but {came}") from None
            self._saw(event)
            if isinstance(event, kind) and all(getattr(event, key) == value for key, value in fields.items()):
                return event

    def drain(self) -> None:
        """Takes what has come meanwhile."""
        while not self.queue.empty():
            self._saw(self.queue.get())

    def _saw(self, event: Event) -> None:
        self.seen.append(event)
        if isinstance(event, events.Listening):
            self.listening = event


def test_models_are_let_go_when_nothing_is_asked_for_a_while(home: Path, no_thread_left: None) -> None:
    made = Live(replace(QUIET, memory=Memory(unload_after=0.2 / 60)))
    made.until(events.StateChanged, state="ready")
    shelf = made.engine._desk.shelf
    end = time.monotonic() + 5
    while shelf.kept("eye") and time.monotonic() < end:
        time.sleep(0.05)
    assert not shelf.kept("eye") and not shelf.kept("voice")
    made.engine.ask("and now?")
    made.until(events.Loading, what="eye", done=True)
    made.until(events.TurnEnded, reason="answered")
    made.engine.stop()


def test_models_may_wait_for_the_first_question(home: Path, no_thread_left: None) -> None:
    made = Live(replace(QUIET, memory=Memory(preload=False)))
    made.until(events.StateChanged, state="ready")
    assert not made.engine._desk.shelf.kept("eye")
    made.engine.ask("and now?")
    made.until(events.TurnEnded, reason="answered")
    made.engine.stop()


def children() -> set[int]:
    """The processes that this one started and that live."""
    found = subprocess.run(["pgrep", "-P", str(os.getpid())], capture_output=True, text=True)
    return {int(pid) for pid in found.stdout.split() if Path(f"/proc/{pid}").exists()}


@pytest.fixture
def live(home: Path, no_thread_left: None) -> Iterator[Live]:
    before = children()
    made = Live()
    yield made
    made.engine.stop()
    assert children() <= before, "no process is left"


def test_every_call_returns_at_once(live: Live, tmp_path: Path) -> None:
    demo.make(1).picture.save(tmp_path / "p.png")
    start = time.monotonic()
    live.engine.show(str(tmp_path / "p.png"))
    live.engine.ask("hello")
    live.engine.press()
    live.engine.release()
    live.engine.tap()
    live.engine.listen(True)
    live.engine.say("hello")
    live.engine.skip(1)
    live.engine.configure(QUIET)
    live.engine.interrupt()
    live.engine.open(None)
    assert time.monotonic() - start < 0.1


def dropped(live: Live, tmp_path: Path, seed: int = 1) -> events.Shown:
    demo.make(seed).picture.save(tmp_path / f"{seed}.png")
    live.engine.show(str(tmp_path / f"{seed}.png"), ticket=str(seed))
    return live.until(events.Shown, name=f"{seed}.png")  # type: ignore[return-value]


def test_a_picture_is_turned_and_cut_in_its_place(live: Live, tmp_path: Path) -> None:
    first, second = dropped(live, tmp_path, 1), dropped(live, tmp_path, 2)
    live.engine.rework(first.digest, 1, (10, 20, 60, 50), ticket="t")
    made = live.until(events.Shown, instead=first.digest)
    assert isinstance(made, events.Shown) and (made.width, made.height, made.ticket) == (50, 30, "t")
    tray = live.engine._floor.tray
    assert [one.digest for one in tray] == [made.digest, second.digest]
    before = demo.make(1).picture.rotate(-90, expand=True).crop((10, 20, 60, 50))
    assert tray[0].rgb == before.tobytes()
    live.engine.rework("gone", 1)
    live.engine.rework(second.digest, 1)
    live.engine.rework(second.digest, 3)  # before the one before was shown
    assert live.until(events.Shown).instead == second.digest  # type: ignore[union-attr]
    assert live.until(events.Shown).digest == second.digest  # type: ignore[union-attr]
    live.engine.rework(made.digest, 0, (0, 0, 900, 900))
    assert "not in it" in live.until(events.Failed).message  # type: ignore[union-attr]
    assert [one.digest for one in tray] == [made.digest, second.digest]


def test_every_picture_is_described_as_it_comes_where_that_is_wanted(home: Path, tmp_path: Path) -> None:
    made = Live(replace(QUIET, look=Look(responder="silent", describe="Describe it.", describe_dropped=True)))
    made.until(events.StateChanged, state="ready")
    for seed in (1, 2):
        picture = dropped(made, tmp_path, seed)
        started = made.until(events.TurnStarted)
        assert isinstance(started, events.TurnStarted) and started.pictures == (picture.digest,)
        ended = made.until(events.TurnEnded, reason="answered")
        assert isinstance(ended, events.TurnEnded) and ended.answer.split() == ["Describe", "it."]
    made.engine.ask("and now?")
    made.until(events.TurnEnded, heard="and now?")
    made.engine.stop()


def test_nobody_is_talked_over_for_a_description(home: Path, tmp_path: Path) -> None:
    made = Live(replace(QUIET, look=Look(responder="silent", describe="Describe it.", describe_dropped=True)))
    made.until(events.StateChanged, state="ready")
    made.engine._calls.put(lambda: made.engine._floor.on_speech(SpeechStarted(0)))
    dropped(made, tmp_path)
    time.sleep(0.3)
    made.drain()
    assert not [event for event in made.seen if isinstance(event, events.TurnStarted)]
    made.engine.interrupt()
    made.engine.ask("and now?")
    assert made.until(events.TurnEnded).heard == "and now?"  # type: ignore[union-attr]
    made.engine.stop()


def test_a_sound_file_is_a_question(live: Live, tmp_path: Path) -> None:
    with demo.make(1).recording() as recording:
        (tmp_path / "q.wav").write_bytes(recording.read_bytes())
    live.engine.configure(replace(QUIET, hear=Hear(transcriber="silent")))
    live.engine.hear(str(tmp_path / "q.wav"), "t")
    started, ended = live.until(events.TurnStarted), live.until(events.TurnEnded)
    assert isinstance(started, events.TurnStarted) and started.ticket == "t"
    assert isinstance(ended, events.TurnEnded) and ended.answer.strip() == "hello"
    live.engine.hear(str(tmp_path / "none.wav"))
    assert "no sound file" in live.until(events.Failed).message  # type: ignore[union-attr]


def test_where_the_screen_reader_speaks_no_voice_does(home: Path) -> None:
    made = Live(replace(Settings(), look=Look(responder="silent"), speak=Speak(by="reader")))
    made.until(events.StateChanged, state="ready")
    made.engine.ask("one two three")
    ended = made.until(events.TurnEnded, reason="answered")
    assert isinstance(ended, events.TurnEnded) and ended.heard_until == len(ended.answer)
    assert events.StateChanged("speaking") not in made.seen
    made.engine.stop()


def test_without_devices_it_runs_and_says_what_is_missing(live: Live) -> None:
    listening = live.until(events.Listening, microphone=False)
    assert isinstance(listening, events.Listening)
    if not listening.why_not:
        listening = live.until(events.Listening, microphone=False)  # type: ignore[assignment]
    assert "typed questions" in listening.why_not  # type: ignore[union-attr]
    live.engine.ask("one two three")
    ended = live.until(events.TurnEnded)
    assert isinstance(ended, events.TurnEnded) and ended.reason == "answered" and ended.heard == "one two three"


def test_nothing_to_ask_is_a_sentence(live: Live) -> None:
    live.engine.ask("  ")
    failed = live.until(events.Failed)
    assert isinstance(failed, events.Failed) and "nothing to ask" in failed.message


def test_a_file_that_is_no_picture_is_a_sentence_and_the_next_call_works(live: Live, tmp_path: Path) -> None:
    (tmp_path / "no.png").write_text("no")
    live.engine.show(str(tmp_path / "no.png"))
    live.until(events.Failed, stage="look")
    live.engine.show(str(tmp_path / "gone.png"))
    live.until(events.Failed, stage="look")
    live.engine.ask("hello")
    live.until(events.TurnEnded, reason="answered")


def test_a_picture_from_the_clipboard_is_shown_and_let_go(live: Live, tmp_path: Path) -> None:
    demo.make(1).picture.save(tmp_path / "p.png")
    live.engine.show_image((tmp_path / "p.png").read_bytes(), "clipboard")
    shown = live.until(events.Shown)
    assert isinstance(shown, events.Shown)
    assert len(shown.thumbnail) == shown.thumb_width * shown.thumb_height * 3
    live.engine.forget(shown.digest)
    live.until(events.Forgotten, digest=shown.digest)


def test_two_questions_typed_at_once_are_both_kept(live: Live) -> None:
    live.engine.ask("first")
    live.engine.ask("second")
    live.until(events.TurnEnded, heard="second")
    assert [event.text for event in live.seen if isinstance(event, events.Heard)] == ["first", "second"]


def test_a_voice_that_is_gone_gives_way(live: Live) -> None:
    live.until(events.StateChanged, state="ready")
    live.engine.configure(replace(QUIET, speak=Speak("coqui/nobody")))
    noted = live.until(events.Noted)
    assert isinstance(noted, events.Noted) and "nobody" in noted.message
    live.engine.ask("hello")
    live.until(events.TurnEnded, reason="answered")


def test_a_change_of_settings_ends_in_ready_again(live: Live) -> None:
    live.until(events.StateChanged, state="ready")
    live.engine.configure(replace(QUIET, look=Look(responder="silent", describe="Hm?")))
    live.until(events.StateChanged, state="loading")
    live.until(events.StateChanged, state="ready")


def test_a_conversation_is_gone_on_with(home: Path, no_thread_left: None) -> None:
    first = Live()
    first.engine.ask("hello")
    started = first.until(events.TurnStarted)
    first.until(events.TurnEnded)
    first.engine.stop()
    assert isinstance(started, events.TurnStarted) and started.conversation
    second = Live()
    second.engine.open(started.conversation)
    second.engine.ask("again")
    again = second.until(events.TurnStarted)
    second.until(events.TurnEnded)
    second.engine.stop()
    assert isinstance(again, events.TurnStarted) and again.conversation == started.conversation


def test_a_turn_is_asked_again_in_a_branch(live: Live, home: Path, tmp_path: Path) -> None:
    demo.make(1).picture.save(tmp_path / "p.png")
    live.engine.show(str(tmp_path / "p.png"), "1")
    shown = live.until(events.Shown)
    turns = []
    for text in ("first", "second", "third"):
        live.engine.ask(text)
        turns.append(live.until(events.TurnStarted))
        live.until(events.TurnEnded, heard=text)
    live.engine.again(turns[1].id, "second, in other words")  # type: ignore[attr-defined]
    branch = live.until(events.TurnStarted)
    live.until(events.TurnEnded, heard="second, in other words")
    live.engine.again(turns[0].id, "")  # type: ignore[attr-defined]
    whole = live.until(events.TurnStarted)
    live.until(events.TurnEnded, heard="first")
    kept = History(home)
    numbers = [one.conversation for one in (turns[0], branch, whole)]  # type: ignore[attr-defined]
    assert [[turn.question for turn in kept.turns(one)] for one in numbers] == [
        ["first", "second", "third"], ["first", "second, in other words"], ["first"]
    ]  # fmt: skip
    assert kept.turns(numbers[2])[0].pictures == (shown.digest,), "its picture comes along"  # type: ignore[attr-defined]
    live.engine.again(999, "")
    live.until(events.Failed)


def test_an_opened_conversation_has_its_pictures_in_the_tray(live: Live, tmp_path: Path) -> None:
    demo.make(1).picture.save(tmp_path / "p.png")
    live.engine.show(str(tmp_path / "p.png"), "1")
    shown = live.until(events.Shown)
    live.engine.ask("what?")
    started = live.until(events.TurnStarted)
    live.until(events.TurnEnded)
    live.engine.forget(shown.digest)  # type: ignore[attr-defined]
    live.engine.open(None)
    live.until(events.Forgotten)
    live.engine.open(started.conversation)  # type: ignore[attr-defined]
    again = live.until(events.Shown)
    assert (again.digest, again.name, again.ticket) == (shown.digest, "p.png", "")  # type: ignore[attr-defined]


def test_pictures_of_one_conversation_do_not_go_into_the_next(live: Live, home: Path, tmp_path: Path) -> None:
    for seed in (1, 2):
        demo.make(seed).picture.save(tmp_path / f"{seed}.png")
    live.engine.show(str(tmp_path / "1.png"))
    live.engine.ask("what?")
    first = live.until(events.TurnStarted)
    live.until(events.TurnEnded)
    live.engine.open(None)
    live.engine.open(first.conversation)  # type: ignore[attr-defined]
    live.engine.show(str(tmp_path / "2.png"))
    live.engine.open(None)  # before the window has seen either of them
    live.engine.ask("and here?")
    live.until(events.TurnEnded, heard="and here?")
    kept = History(home)
    assert [turn.pictures for turn in kept.turns(2)] == [()]
    kept.close()


def test_a_question_asked_again_goes_with_its_own_pictures(live: Live, home: Path, tmp_path: Path) -> None:
    shown, turns = [], []
    for seed in (1, 2):
        demo.make(seed).picture.save(tmp_path / f"{seed}.png")
        live.engine.show(str(tmp_path / f"{seed}.png"))
        shown.append(live.until(events.Shown).digest)  # type: ignore[attr-defined]
        live.engine.ask(f"what is in {seed}?")
        turns.append(live.until(events.TurnStarted))
        live.until(events.TurnEnded)
    live.engine.again(turns[0].id, "")  # type: ignore[attr-defined]
    live.until(events.TurnEnded, heard="what is in 1?")
    live.engine.ask("and now?")
    live.until(events.TurnEnded, heard="and now?")
    kept = History(home)
    assert [turn.pictures for turn in kept.turns(2)] == [(shown[0],), (shown[1],)], "the other one stays in the tray"
    kept.close()


def test_a_typed_question_is_told_though_no_model_can_be_loaded(home: Path, no_thread_left: None) -> None:
    made = Live(replace(QUIET, look=Look(responder="qwen2-vl", model="/not/here"), memory=Memory(preload=False)))
    made.engine.ask("what is it?")
    made.until(events.TurnEnded, reason="failed")
    told = [one for one in made.seen if isinstance(one, (events.TurnStarted, events.Heard, events.Failed))]
    assert [type(one) for one in told] == [events.TurnStarted, events.Heard, events.Failed]
    made.engine.stop()


def test_a_model_is_not_loaded_again_for_what_it_does_not_know(live: Live) -> None:
    live.until(events.StateChanged, state="ready")
    live.seen.clear()
    look = replace(QUIET.look, describe="Say what you see.", describe_dropped=True, camera="1", video_frames=4)
    live.engine.configure(replace(QUIET, look=look))
    live.until(events.StateChanged, state="ready")
    assert not [one for one in live.seen if isinstance(one, events.Loading)]
    live.engine.configure(replace(QUIET, look=replace(look, max_new_tokens=9)))
    live.until(events.Loading, what="eye")


def test_a_private_conversation_is_not_saved(live: Live, home: Path) -> None:
    live.engine.open(None, private=True)
    live.engine.ask("a secret")
    started = live.until(events.TurnStarted)
    live.until(events.TurnEnded, heard="a secret")
    live.engine.ask("another")
    live.until(events.TurnEnded, heard="another")
    live.engine.open(None)
    live.engine.ask("no secret")
    live.until(events.TurnEnded, heard="no secret")
    assert isinstance(started, events.TurnStarted) and started.id is None
    assert [one.title for one in History(home).archive.conversations()] == ["no secret"]


def test_a_part_of_a_picture_is_asked_about(live: Live, home: Path, tmp_path: Path) -> None:
    demo.make(1).picture.save(tmp_path / "p.png")
    live.engine.show(str(tmp_path / "p.png"), "1")
    shown = live.until(events.Shown)
    live.engine.ask("what is there?", picture=shown.digest, box=[10, 20, 60, 90])  # type: ignore[attr-defined]
    live.until(events.TurnEnded, heard="what is there?")
    kept = History(home)
    (turn,) = kept.turns(1)
    assert [one.digest for one in kept.pictures(turn)] == [shown.digest]  # type: ignore[attr-defined]


def test_how_a_part_runs_is_told_once(home: Path) -> None:
    class Part:
        note = "It runs on the processor, slower."

    shelf = Shelf(home)
    told = [list(shelf._take("eye", "a model", Part)) for _ in range(2)]
    assert events.Noted(Part.note) in told[0] and told[1] == []


def test_a_voice_that_came_later_takes_the_place_of_what_stood_in(home: Path, checkpoints: Path) -> None:
    import shutil

    settings = replace(Settings(), speak=replace(Settings().speak, voice="piper/mine"))
    shelf = Shelf(home)

    def voice() -> tuple[str, list[object]]:
        told = list(shelf._voice(settings))
        return type(shelf.kept("voice")).__name__, [one for one in told if isinstance(one, events.Noted)]

    assert voice()[0] == "Espeak"
    assert voice() == ("Espeak", []), "told once, and not tried at every question"
    shutil.copytree(checkpoints / "piper-random-1", home / "voices" / "mine")
    assert voice()[0] == "Espeak"
    shelf.look_again()
    assert voice() == ("Piper", [])
    kept = shelf.kept("voice")
    shelf.look_again()
    assert voice()[0] == "Piper" and shelf.kept("voice") is kept
    shelf.close()
