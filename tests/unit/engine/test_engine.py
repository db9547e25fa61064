"""The engine with its threads, without devices: calls return at once, and nothing is left behind."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from assistant import events
from assistant.settings import MemorySettings, ResponderSettings, Settings, TranscriberSettings, VoiceSettings
from assistant.starter import demo
from tests.support.engine_harness import QUIET, InProcessEngine, wait_for


def test_every_call_returns_at_once(harness: InProcessEngine, tmp_path: Path) -> None:
    demo.make_demo(1).picture.save(tmp_path / "p.png")
    done, waited = threading.Event(), list[bool]()
    harness.engine._calls.put(lambda: waited.append(done.wait(120)))  # the worker is busy until all were made
    harness.engine.attach_file(str(tmp_path / "p.png"))
    harness.engine.ask("hello")
    harness.engine.press_talk_key()
    harness.engine.release_talk_key()
    harness.engine.tap_talk_key()
    harness.engine.set_hands_free(True)
    harness.engine.read_aloud("hello")
    harness.engine.skip_sentences(1)
    harness.engine.apply_settings(QUIET)
    harness.engine.interrupt()
    harness.engine.open_conversation(None)
    done.set()
    wait_for(lambda: waited)
    assert waited == [True], "no call waited for the worker"


def test_without_devices_it_runs_and_says_what_is_missing(harness: InProcessEngine) -> None:
    listening = harness.until(events.MicrophoneState, microphone=False)
    if not listening.why_not:
        listening = harness.until(events.MicrophoneState, microphone=False)
    assert "typed questions" in listening.why_not
    harness.engine.ask("one two three")
    ended = harness.until(events.TurnEnded)
    assert ended.reason == "answered" and ended.heard == "one two three"


def test_nothing_to_ask_is_a_sentence(harness: InProcessEngine) -> None:
    harness.engine.ask("  ")
    assert "nothing to ask" in harness.until(events.ErrorOccurred).message


def test_two_questions_typed_at_once_are_both_kept(harness: InProcessEngine) -> None:
    harness.engine.ask("first")
    harness.engine.ask("second")
    harness.until(events.TurnEnded, heard="second")
    assert [event.text for event in harness.seen if isinstance(event, events.Heard)] == ["first", "second"]


def test_a_sound_file_is_a_question(harness: InProcessEngine, tmp_path: Path) -> None:
    with demo.make_demo(1).question_recording() as recording:
        (tmp_path / "q.wav").write_bytes(recording.read_bytes())
    harness.engine.apply_settings(replace(QUIET, transcriber=TranscriberSettings(backend="silent")))
    harness.engine.ask_audio_file(str(tmp_path / "q.wav"), "t")
    started, ended = harness.until(events.TurnStarted), harness.until(events.TurnEnded)
    assert started.request_id == "t" and ended.answer.strip() == "hello"
    harness.engine.ask_audio_file(str(tmp_path / "none.wav"))
    assert "no sound file" in harness.until(events.ErrorOccurred).message


def test_where_the_screen_reader_speaks_no_voice_does(home: Path) -> None:
    made = InProcessEngine(
        replace(Settings(), responder=ResponderSettings(backend="silent"), voice=VoiceSettings(speaker="reader"))
    )
    made.until(events.StateChanged, state="ready")
    made.engine.ask("one two three")
    ended = made.until(events.TurnEnded, reason="answered")
    assert ended.heard_until == len(ended.answer)
    assert events.StateChanged("speaking") not in made.seen
    made.engine.stop()


def test_a_voice_that_is_gone_gives_way(harness: InProcessEngine) -> None:
    harness.until(events.StateChanged, state="ready")
    harness.engine.apply_settings(replace(QUIET, voice=VoiceSettings("coqui/nobody")))
    assert "nobody" in harness.until(events.Notice).message
    harness.engine.ask("hello")
    harness.until(events.TurnEnded, reason="answered")


def test_a_change_of_settings_ends_in_ready_again(harness: InProcessEngine) -> None:
    harness.until(events.StateChanged, state="ready")
    harness.engine.apply_settings(replace(QUIET, responder=ResponderSettings(backend="silent", default_prompt="Hm?")))
    harness.until(events.StateChanged, state="loading")
    harness.until(events.StateChanged, state="ready")


def test_a_typed_question_is_told_though_no_model_can_be_loaded(home: Path, no_thread_left: None) -> None:
    made = InProcessEngine(
        replace(
            QUIET,
            responder=ResponderSettings(backend="qwen2-vl", model="/not/here"),
            memory=MemorySettings(preload=False),
        )
    )
    made.engine.ask("what is it?")
    made.until(events.TurnEnded, reason="failed")
    told = [one for one in made.seen if isinstance(one, (events.TurnStarted, events.Heard, events.ErrorOccurred))]
    assert [type(one) for one in told] == [events.TurnStarted, events.Heard, events.ErrorOccurred]
    made.engine.stop()
