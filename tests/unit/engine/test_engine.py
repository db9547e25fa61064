"""The engine with its threads, without devices: calls return at once, and nothing is left behind."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from assistant import events
from assistant.engine.engine import Engine
from assistant.paths import AppPaths
from assistant.settings import MemorySettings, ResponderSettings, Settings, TranscriberSettings, VoiceSettings
from assistant.starter import demo
from tests.support.engine_harness import QUIET, InProcessEngine, wait_for


def test_every_call_returns_at_once(home: Path, no_thread_left: None, tmp_path: Path) -> None:
    demo.make_demo(1).picture.save(tmp_path / "p.png")
    all_called, waits = threading.Event(), list[bool]()

    def block_worker(event: events.Event) -> None:
        if isinstance(event, events.ConversationOpened):
            waits.append(all_called.wait(120))

    engine = Engine(QUIET, AppPaths.locate(), block_worker)
    engine.start()
    engine.attach_file(str(tmp_path / "p.png"))
    engine.ask("hello")
    engine.press_talk_key()
    engine.release_talk_key()
    engine.tap_talk_key()
    engine.set_hands_free(True)
    engine.read_aloud("hello")
    engine.skip_sentences(1)
    engine.apply_settings(QUIET)
    engine.rescan_models()
    engine.interrupt()
    engine.open_conversation(None)
    all_called.set()
    wait_for(lambda: waits)
    engine.stop()
    assert waits[0], "no call waited for the worker"


def test_engine_without_devices_reports_them_and_answers(harness: InProcessEngine) -> None:
    listening = harness.until(events.MicrophoneState, is_open=False)
    if not listening.why_not:
        listening = harness.until(events.MicrophoneState, is_open=False)
    assert "typed questions" in listening.why_not
    harness.engine.ask("one two three")
    ended = harness.until(events.TurnEnded)
    assert ended.reason == "answered" and ended.heard == "one two three"


def test_empty_question_without_pictures_is_refused(harness: InProcessEngine) -> None:
    harness.engine.ask("  ")
    assert "nothing to ask" in harness.until(events.ErrorOccurred).message


def test_two_questions_typed_at_once_are_both_reported(harness: InProcessEngine) -> None:
    harness.engine.ask("first")
    harness.engine.ask("second")
    harness.until(events.TurnEnded, heard="second")
    assert [event.text for event in harness.seen if isinstance(event, events.Heard)] == ["first", "second"]


def test_audio_file_is_transcribed_and_answered(harness: InProcessEngine, tmp_path: Path) -> None:
    with demo.make_demo(1).question_recording() as recording:
        (tmp_path / "q.wav").write_bytes(recording.read_bytes())
    harness.engine.apply_settings(replace(QUIET, transcriber=TranscriberSettings(backend="silent")))
    harness.engine.ask_audio_file(str(tmp_path / "q.wav"), "t")
    started, ended = harness.until(events.TurnStarted), harness.until(events.TurnEnded)
    assert started.request_id == "t" and ended.answer.strip() == "hello"
    harness.engine.ask_audio_file(str(tmp_path / "none.wav"))
    assert "no sound file" in harness.until(events.ErrorOccurred).message


def test_voice_is_silent_where_the_screen_reader_speaks(home: Path) -> None:
    harness = InProcessEngine(
        replace(Settings(), responder=ResponderSettings(backend="silent"), voice=VoiceSettings(speaker="reader"))
    )
    harness.until(events.StateChanged, state="ready")
    harness.engine.ask("one two three")
    ended = harness.until(events.TurnEnded, reason="answered")
    assert ended.heard_until == len(ended.answer)
    assert events.StateChanged("speaking") not in harness.seen
    harness.engine.stop()


def test_missing_voice_is_replaced_and_reported(harness: InProcessEngine) -> None:
    harness.until(events.StateChanged, state="ready")
    harness.engine.apply_settings(replace(QUIET, voice=VoiceSettings("coqui/nobody")))
    assert "nobody" in harness.until(events.Notice).message
    harness.engine.ask("hello")
    harness.until(events.TurnEnded, reason="answered")


def test_engine_is_ready_again_after_other_settings(harness: InProcessEngine) -> None:
    harness.until(events.StateChanged, state="ready")
    harness.engine.apply_settings(replace(QUIET, responder=ResponderSettings(backend="silent", default_prompt="Hm?")))
    harness.until(events.StateChanged, state="loading")
    harness.until(events.StateChanged, state="ready")


def test_typed_question_is_reported_even_if_no_model_can_be_loaded(home: Path, no_thread_left: None) -> None:
    harness = InProcessEngine(
        replace(
            QUIET,
            responder=ResponderSettings(backend="qwen2-vl", model="/not/here"),
            memory=MemorySettings(preload=False),
        )
    )
    harness.engine.ask("what is it?")
    harness.until(events.TurnEnded, reason="failed")
    reported = [
        event for event in harness.seen if isinstance(event, (events.TurnStarted, events.Heard, events.ErrorOccurred))
    ]
    assert [type(event) for event in reported] == [events.TurnStarted, events.Heard, events.ErrorOccurred]
    harness.engine.stop()
