"""The commands of the engine: one list, which the engine, its client and the frames between them agree on."""

from __future__ import annotations

import inspect
import io
from dataclasses import fields, replace
from typing import Any, get_args

import pytest

from assistant.engine.engine import Engine
from assistant.engine_api import EngineApi
from assistant.engine_commands import (
    ApplySettings,
    Ask,
    AskAgain,
    AskAudioFile,
    AttachEncodedPicture,
    AttachFile,
    Command,
    EditPicture,
    EngineCommand,
    Interrupt,
    OpenConversation,
    PressTalkKey,
    ReadAloud,
    ReleaseTalkKey,
    RemovePicture,
    RescanModels,
    SetHandsFree,
    SkipSentences,
    Start,
    TapTalkKey,
    TestMicrophone,
    method_name,
)
from assistant.ipc import protocol
from assistant.ipc.client import EngineClient
from assistant.settings import AudioSettings, Settings

SETTINGS = replace(Settings(), audio=AudioSettings(input="Mikrofon", headphones=True))
EXAMPLES: list[EngineCommand] = [
    Ask("红色 \U0001f600", "d", (1, 2, 3, 4), request_id="7"),
    AskAgain(3, "again", 2, request_id="8"),
    AskAudioFile("/tmp/a\udce9\n.wav"),
    ReadAloud("one\ntwo"),
    SkipSentences(-1),
    AttachFile("~/a\udce9.png", is_restored=True),
    AttachEncodedPicture(b"\0\1\2", "clipboard"),
    EditPicture("d", 3, (1, 2, 3, 4)),
    RemovePicture("d"),
    Interrupt(),
    SetHandsFree(True),
    PressTalkKey(),
    TapTalkKey(),
    ReleaseTalkKey(),
    TestMicrophone(),
    ApplySettings(SETTINGS),
    RescanModels(),
    OpenConversation(4, True, 5),
    Start(SETTINGS, 4, True, 5),
]
BETWEEN_CLIENT_AND_ENGINE = {"request_id", "is_restored"}


def parameters(owner: type, method: str) -> dict[str, Any]:
    """The parameters of a method, by name, with type and default."""
    signature = inspect.signature(getattr(owner, method))
    return {
        name: (parameter.annotation, parameter.default)
        for name, parameter in signature.parameters.items()
        if name != "self"
    }


def test_engine_client_and_frames_agree_on_every_command() -> None:
    methods = {method_name(command): command for command in get_args(Command)}
    api_methods = {name for name in vars(EngineApi) if not name.startswith("_")} - {"start", "stop"}
    assert set(methods) == api_methods
    assert set(protocol.COMMAND_TYPES.values()) == {*methods.values(), Start} == {type(each) for each in EXAMPLES}
    for method, command in methods.items():
        api = parameters(EngineApi, method)
        engine = parameters(Engine, method)
        assert parameters(EngineClient, method) == api, method
        assert {name: engine[name] for name in engine if name not in BETWEEN_CLIENT_AND_ENGINE} == api, method
        assert {field.name for field in fields(command)} == set(engine), method
    start_fields = {field.name for field in fields(Start)} - {"settings"}
    assert start_fields == set(parameters(Engine, "start"))


@pytest.mark.parametrize("command", EXAMPLES, ids=lambda command: type(command).__name__)
def test_command_survives_the_codec(command: EngineCommand) -> None:
    frame = protocol.read_frame(io.BytesIO(protocol.encode(command)))
    assert frame
    assert protocol.decode_command(frame) == command


@pytest.mark.parametrize(
    ("name", "sent_fields"),
    [
        ("Stop", {}),
        ("Heard", {"text": "an event"}),
        ("Ask", {}),
        ("Ask", {"text": 5}),
        ("Ask", {"text": "", "nonsense": 1}),
        ("Ask", {"text": "", "is_awaited": True}),
        ("Ask", {"text": "", "request_id": "x"}),
        ("Ask", {"text": "", "box": ["1"]}),
        ("SetHandsFree", {"hands_free": 1}),
        ("OpenConversation", {"conversation_id": 2**63}),
        ("OpenConversation", {"conversation_id": None, "opening_id": -1}),
        ("ApplySettings", {"settings": []}),
        ("ApplySettings", {}),
    ],
)
def test_frame_that_is_no_command_is_refused(name: str, sent_fields: dict[str, Any]) -> None:
    frame = protocol.read_frame(io.BytesIO(protocol.encode_frame(name, sent_fields)))
    assert frame
    with pytest.raises(protocol.InvalidFrameError):
        protocol.decode_command(frame)
