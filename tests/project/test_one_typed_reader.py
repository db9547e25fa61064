"""All external data goes through the typed reader; no module parses JSON or TOML by itself."""

from __future__ import annotations

import ast
import io
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from assistant.audio.source_monitor import SourceMonitor
from assistant.backends.espeak import EspeakVoice
from assistant.cli.commands import bench
from tests.support.paths import ROOT

PARSERS = {
    "json": {"load", "loads", "JSONDecoder"}, "tomllib": {"load", "loads"}, "pickle": {"load", "loads", "Unpickler"},
    "marshal": {"load", "loads"}, "shelve": {"open"}, "yaml": {"load", "safe_load"}, "ast": {"literal_eval"},
}  # fmt: skip
ALLOWED = {
    "assistant/typed_reader.py": "the reader itself",
    "assistant/settings_file.py": "TOML, within a limit; `settings.checked` reads its values by type",
    "assistant/starter/untrained_model.py": "what the tokenizers library has just made in this process",
    "assistant/backends/espeak_process.py": "its own parent's requests",
    "assistant/models/download.py": "its own parent's arguments",
    "assistant/models/local_store.py": "lines of our own child, and its note of what it fetches",
    "ui/download_manager.py": "lines of our own child",
    # Checked where they are read, by the errors that a wrong shape raises:
    "assistant/backends/piper.py": "a voice's config",
    "assistant/backends/qwen2_vl/loader.py": "a model's config",
}


def parsers_used(source: str) -> set[str]:
    """Return dotted names such as "json.loads", however they are imported."""
    names: dict[str, str] = {}
    used = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            used |= {f"{node.module}.{alias.name}" for alias in node.names}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            used.add(f"{names.get(node.value.id, '')}.{node.attr}")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "json":
            used.add("requests.json")
    return used & ({f"{module}.{name}" for module, parsers in PARSERS.items() for name in parsers} | {"requests.json"})


def test_no_module_parses_outside_data_by_itself() -> None:
    using = {
        path.relative_to(ROOT).as_posix()
        for folder in ("assistant", "ui")
        for path in (ROOT / folder).rglob("*.py")
        if parsers_used(path.read_text("utf-8"))
    }
    assert using <= set(ALLOWED), using - set(ALLOWED)


@pytest.mark.parametrize(
    "source",
    ["import json\njson.loads(x)", "import json as j\nmap(j.loads, x)", "from json import loads", "answer.json()",
     "def f():\n    import tomllib\n    tomllib.load(x)", "from pickle import Unpickler as U"],
)  # fmt: skip
def test_a_parser_is_found_however_it_is_called(source: str) -> None:
    assert parsers_used(source) and not parsers_used("import json\njson.dumps(x)")


class PipedProcess:
    """A child process whose output the test writes."""

    def __init__(self, *_: object, **__: object) -> None:
        reader, self._writer = os.pipe()
        self.stdin, self.stdout = io.BytesIO(), os.fdopen(reader, "rb")

    def write_output(self, output: bytes) -> None:
        os.write(self._writer, output)

    def poll(self) -> None:
        """It is running."""

    def kill(self) -> None:
        os.close(self._writer)

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None:
        self.stdout.close()


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> PipedProcess:
    """What is started instead of the next child process."""
    piped_process = PipedProcess()
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: piped_process)
    return piped_process


@pytest.mark.parametrize("line", [b"5", b"null", b"[" * 50_000, b'{"on_monitor": 5}', b"not json", b'{"a": NaN}'])
@pytest.mark.skipif(sys.platform != "linux", reason="PulseAudio is Linux's")
def test_nonsensical_line_of_the_source_monitor_is_ignored(
    line: bytes, process: PipedProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: True)
    monitor = SourceMonitor()
    process.write_output(b'{"on_monitor": true}\n')
    assert monitor.is_on_monitor
    process.write_output(line + b"\n")
    assert monitor.is_on_monitor
    process.write_output(b'{"on_monitor": false}\n')
    assert not monitor.is_on_monitor
    monitor.close()


@pytest.mark.parametrize(
    "text", ["5", "null", "[" * 50_000, '{"machine": 5}', "x", '{"machine": "m", "rows": {"a": 5}}']
)
def test_rows_of_an_earlier_bench_that_make_no_sense_are_measured_anew(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "describe_machine", lambda: "m")
    (tmp_path / "rows.json").write_text(text)
    assert bench.load_results(tmp_path / "rows.json") == {}
    (tmp_path / "rows.json").write_text(json.dumps({"machine": "m", "rows": {"a": [1]}}))
    assert bench.load_results(tmp_path / "rows.json") == {"a": [1]}


@pytest.mark.parametrize("answer", [b"5", b"null", b"[" * 50_000, b"x", None], ids=str)
def test_nonsensical_answer_of_espeak_counts_as_its_end(answer: bytes | None, process: PipedProcess) -> None:
    voice = EspeakVoice("en-us")
    data = struct.pack("<cI", b"!", 2**32 - 1) if answer is None else struct.pack("<cI", b"!", len(answer)) + answer
    process.write_output(data)
    with pytest.raises(EOFError):
        voice.list_voices()
    voice.close()


def test_lines_of_the_doctor_that_are_no_findings_are_passed_over() -> None:
    from ui.dialogs.doctor_dialog import parse_findings

    good = {"event": "checked", "what": "sound", "state": "ok", "message": "It works.", "hint": ""}
    lines = [
        b"a library prints",
        b"5",
        b"[" * 5_000,
        b'{"event": "checked"}',
        json.dumps({**good, "state": "x"}).encode(),
    ]
    assert [finding.what for finding in parse_findings(b"\n".join([*lines, json.dumps(good).encode()]))] == ["sound"]
