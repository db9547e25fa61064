"""The command line's contract, line by line: usage, bad files, faults, and the small commands."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from assistant import __version__
from tests.conftest import Ran, heard_again, missing

Cli = Callable[..., Ran]


@pytest.mark.parametrize(
    "arguments",
    [
        ["ask"], ["ask", "  "], ["ask", "x", "--audio", "y.wav"], ["ask", "--nonsense"], [], ["nonsense"],
        ["models", "get"], ["say", ""], ["demo", "--seed", "many"], ["read"],
    ],
)  # fmt: skip
def test_usage_is_2_and_one_sentence(cli: Cli, arguments: list[str]) -> None:
    ran = cli(*arguments)
    assert ran.code == 2 and len(ran.err.strip().splitlines()) == 1 and ran.err.strip().endswith(".")


def test_usage_with_json_still_ends(cli: Cli) -> None:
    ran = cli("ask", "--json")
    assert [event["event"] for event in ran.events] == ["failed", "ended"]
    assert set(ran.events[0]) == {"event", "stage", "message", "hint"}


def bad_files(folder: Path) -> dict[str, list[str]]:
    good = folder / "good.png"
    Image.new("RGB", (50, 50)).save(good)
    (folder / "empty.png").write_bytes(b"")
    (folder / "renamed.png").write_bytes(b"%PDF-1.4 not a picture")
    os.mkfifo(folder / "pipe")
    return {
        "missing picture": ["x", "--picture", str(folder / "none.png")],
        "folder as picture": ["x", "--picture", str(folder)],
        "empty picture": ["x", "--picture", str(folder / "empty.png")],
        "renamed": ["x", "--picture", str(folder / "renamed.png")],
        "fifo": ["x", "--picture", str(folder / "pipe")],
        "one bad among several": ["x", "--picture", str(good), "--picture", str(folder / "empty.png")],
        "missing sound": ["--audio", str(folder / "none.wav")],
        "picture as sound": ["--audio", str(good)],
        "fifo as sound": ["--audio", str(folder / "pipe")],
        "no folder to write to": ["x", "--speak-to", str(folder / "no" / "a.wav")],
    }


def test_bad_files_are_3_one_sentence_and_quick(cli: Cli, tmp_path: Path) -> None:
    for case, arguments in bad_files(tmp_path).items():
        ran = cli("ask", *arguments, "--json")
        assert ran.code == 3, case
        assert ran.events[-2]["event"] == "failed" and ran.ended["answer"] == "", case
        assert ran.ended["heard"] == ("" if arguments[0] == "--audio" else "x"), case
        assert ran.events[-2]["message"].endswith(".") and ran.events[-2]["hint"], case
        assert len(ran.err.strip().splitlines()) == 1, case


def test_ended_is_last_also_when_the_sound_cannot_be_written(cli: Cli, tmp_path: Path) -> None:
    ran = cli("ask", "Hello?", "--speak-to", tmp_path / ("long" * 100), "--json")
    assert ran.code == 3 and [event["event"] for event in ran.events[-2:]] == ["failed", "ended"]
    assert ran.ended["answer"]


def test_a_device_or_pipe_is_no_file_to_write_to(cli: Cli, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    for target in (tmp_path / "pipe.wav", Path("/dev/null")):
        assert cli("ask", "Hello?", "--speak-to", target).code == 3


def test_a_broken_settings_file_is_said(cli: Cli, home: Path) -> None:
    home.mkdir()
    (home / "settings.toml").write_text("[[[")
    ran = cli("ask", "Hello?")
    assert ran.code == 0 and "kept as" in ran.err


def test_a_fault_of_ours_is_1_and_is_logged(
    cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr("assistant.conversation.turn.run_turn")
    ran = cli("ask", "Hello?", "--json")
    assert ran.code == 1 and ran.ended["reason"] == "failed"
    assert "AttributeError" in (home / "logs" / "hark.log").read_text()
    (home / "logs" / "hark.log").write_text("")
    caplog.clear()


def test_say_read_voices_models_version(cli: Cli, sign: Path, tmp_path: Path) -> None:
    assert cli("say", "Hello. 你好。", "--speak-to", tmp_path / "s.wav").code == 0
    assert heard_again(tmp_path / "s.wav") > 0.5
    assert cli("read", sign).out == "PLATFORM 4\nLeeds 14:05\n"
    assert "espeak/cmn" in cli("voices").out
    assert "qwen2-vl-2b" in cli("models").out
    assert cli("--version").out == f"hark {__version__}\n"


def test_chinese_is_read(cli: Cli, tmp_path: Path) -> None:
    from PIL import ImageFont

    fonts = [
        Path("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc"),
        Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"),
    ]
    font = next((path for path in fonts if path.is_file()), None)
    if font is None:
        missing("no Chinese font: apt install fonts-wqy-zenhei")
    image = Image.new("RGB", (500, 200), "white")
    ImageDraw.Draw(image).text((40, 50), "请勿吸烟", "black", ImageFont.truetype(str(font), 80))
    image.save(tmp_path / "zh.png")
    assert cli("read", tmp_path / "zh.png").out == "请勿吸烟\n"


def test_doctor_says_each_result(cli: Cli) -> None:
    ran = cli("doctor", "--json")
    checks = [event for event in ran.events if event["event"] == "checked"]
    assert {"Python", "disk", "packages", "starter kit", "model to look"} <= {check["what"] for check in checks}
    assert ran.code == 0 and all(check["message"] for check in checks) and ran.ended["reason"] == "checked"


def test_version_and_help_go_to_standard_output(hark: Cli) -> None:
    assert hark("--version").out == f"hark {__version__}\n"
    assert "--picture" in hark("ask", "--help").out
