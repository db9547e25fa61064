"""Modules that are named in strings, where no import and no renaming tool sees them, must exist."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assistant import backends
from assistant.cli import arguments
from tests.support.paths import ROOT

PACKAGES = ("assistant", "ui", "benchmarks", "tests", "resources")
_OWN = rf"(?:{'|'.join(PACKAGES)})"
# `python -m X` in a document or Makefile, `"-m", "X"` in code.
_RUN = re.compile(rf"(?<![\w-])-m[\"',\s]+({_OWN}(?:\.\w+)*)\b")
_RUN_MODULE = re.compile(r"run_module\(\s*[\"']([\w.]+)[\"']")
_COLLECTED = re.compile(rf"collect_\w+\(\s*[\"']({_OWN}(?:\.\w+)*)[\"']")
_DOTTED = re.compile(rf"{_OWN}(?:\.[a-z_]\w*)+")
_FILE_NAME = re.compile(r"\.(py|md|toml|png|txt|json|yml|spec)$")


def source_file(module: str) -> Path | None:
    """The file of a module or package of the repository."""
    path = ROOT.joinpath(*module.split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py", path)
    return next((file for file in candidates if file.is_file() or (file == path and file.is_dir())), None)


def is_runnable(module: str) -> bool:
    """Whether `python -m module` does something: a package with `__main__`, or a module with more than definitions."""
    if (ROOT.joinpath(*module.split(".")) / "__main__.py").is_file():
        return True
    file = source_file(module)
    if file is None or not file.is_file():
        return False
    return any(not isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef | ast.Assign)
               and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
               for node in ast.parse(file.read_text("utf-8")).body)  # fmt: skip


def top_level_names(file: Path) -> set[str]:
    """The names that a module defines or imports, also under an `if` or `try`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    return names


def exists(target: str) -> bool:
    """Whether a dotted name is a module of the repository, or something in one."""
    if source_file(target) is not None:
        return True
    module, _, name = target.rpartition(".")
    if not module:
        return False
    file = source_file(module)
    if file is None:
        return exists(module) and source_file(module.rpartition(".")[0]) is not None  # a member of a class
    return file.is_file() and name in top_level_names(file)


def missing_runs(text: str) -> set[str]:
    """The modules that a text runs by name and that are not there."""
    return {module for pattern in (_RUN, _RUN_MODULE) for module in pattern.findall(text) if not is_runnable(module)}


def missing_strings(source: str) -> set[str]:
    """The dotted names in the strings of Python code that name nothing."""
    strings = {
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return {s for s in strings if _DOTTED.fullmatch(s) and not _FILE_NAME.search(s) and not exists(s)}


def missing_imports(source: str) -> set[str]:
    """The imports of the repository's own modules that would fail, also inside functions."""
    targets: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            targets |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            targets |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {target for target in targets if target.partition(".")[0] in PACKAGES and not exists(target)}


def missing_configured(project: dict[str, Any]) -> set[str]:
    """The entry points and the modules of import-linter's contracts in a pyproject.toml that are not there."""
    targets = set(linted_modules(project["tool"]["importlinter"]))
    entries = {**project["project"].get("scripts", {}), **project["project"].get("gui-scripts", {})}
    targets |= {entry.replace(":", ".") for entry in entries.values()}
    return {target for target in targets if target.partition(".")[0] in PACKAGES and not exists(target)}


def linted_modules(linter: dict[str, Any]) -> Iterator[str]:
    yield from linter["root_packages"]
    for contract in linter["contracts"]:
        for key in ("modules", "source_modules", "forbidden_modules", "containers"):
            yield from (module.removesuffix(".*").removesuffix(".**") for module in contract.get(key, ()))
        for layer in contract.get("layers", ()):
            for module in re.split(r"[|:]", layer):
                name = module.strip(" ()")
                yield from (f"{container}.{name}" for container in contract.get("containers", ()))
                if not contract.get("containers"):
                    yield name
        for pair in contract.get("ignore_imports", ()):
            yield from (module.strip() for module in pair.split("->") if "*" not in module)


def repository_files(*suffixes: str) -> list[Path]:
    folders = [ROOT / name for name in (*PACKAGES, "docs", ".ci", ".github")]
    files = [file for folder in folders for file in folder.rglob("*")] + list(ROOT.iterdir())
    return [file for file in files if file.is_file() and (file.suffix in suffixes or file.name in suffixes)]


def findings(missing: dict[Path, set[str]]) -> dict[str, set[str]]:
    return {str(file.relative_to(ROOT)): names for file, names in missing.items() if names}


def test_every_module_that_is_run_by_name_exists() -> None:
    files = repository_files(".py", ".md", ".yml", ".yaml", ".spec", ".toml", "Makefile", "run")
    assert {"Makefile", "CONTRIBUTING.md", "client.py", "hark.spec"} <= {file.name for file in files}
    files = [file for file in files if file != Path(__file__)]
    assert not findings({file: missing_runs(file.read_text("utf-8")) for file in files})


def test_every_module_named_in_a_string_of_the_code_exists() -> None:
    files = [file for file in repository_files(".py") if file != Path(__file__)]
    assert not findings({file: missing_strings(file.read_text("utf-8")) for file in files})


def test_every_import_finds_its_module() -> None:
    assert not findings({file: missing_imports(file.read_text("utf-8")) for file in repository_files(".py")})


def test_entry_points_and_import_contracts_name_existing_modules() -> None:
    assert not missing_configured(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8")))


def test_the_bundle_collects_existing_packages_and_files() -> None:
    spec = (ROOT / "resources" / "packages" / "hark.spec").read_text("utf-8")
    collected = _COLLECTED.findall(spec)
    assert {"assistant", "ui", "resources"} <= set(collected)
    assert not [name for name in collected if source_file(name) is None]
    paths = re.findall(r"root((?: / \"[^\"]+\")+)", spec)
    assert paths and all(ROOT.joinpath(*re.findall(r'"([^"]+)"', path)).exists() for path in paths)


@pytest.mark.parametrize("table", [backends.TRANSCRIBERS, backends.RESPONDERS, backends.VOICES])
def test_every_back_end_in_the_catalog_has_its_loader(table: dict[str, str]) -> None:
    assert all(exists(f"assistant.backends.{target.replace(':', '.')}") for target in table.values())


def test_every_command_has_its_handler() -> None:
    handlers = re.findall(r'"(\w+):(\w+)"', Path(arguments.__file__).read_text("utf-8"))
    assert len(handlers) >= 8
    assert all(exists(f"assistant.cli.commands.{module}.{function}") for module, function in handlers)


def test_an_invented_module_is_found_wherever_it_stands() -> None:
    assert missing_runs("Run `python -m assistant.invented FOLDER`.") == {"assistant.invented"}
    assert missing_runs("\t@$(BIN)/python -m benchmarks.invented") == {"benchmarks.invented"}
    assert missing_runs('[sys.executable, "-P", "-m", "ui.invented", "1"]') == {"ui.invented"}
    assert missing_runs('runpy.run_module("assistant.invented")') == {"assistant.invented"}
    assert missing_runs("python -m assistant.errors") == {"assistant.errors"}  # it is there, and runs nothing
    assert missing_strings('query(card, "assistant.invented")') == {"assistant.invented"}
    assert missing_strings('monkeypatch.setattr("assistant.gpu.invented", None)') == {"assistant.gpu.invented"}
    assert missing_imports("def f():\n    from assistant.gpu import invented") == {"assistant.gpu.invented"}
    project = {
        "project": {"scripts": {"hark": "assistant.cli.main:invented"}},
        "tool": {"importlinter": {"root_packages": ["assistant"], "contracts": [
            {"containers": ["assistant"], "layers": ["invented | errors"]},
            {"forbidden_modules": ["ui.invented", "torch"]}]}},
    }  # fmt: skip
    assert missing_configured(project) == {"assistant.cli.main.invented", "assistant.invented", "ui.invented"}


def test_modules_that_are_there_are_not_reported() -> None:
    assert not missing_runs("python -m assistant.cli; python -m ui; python -m pytest -m 'not slow'")
    assert not missing_strings('["assistant.gpu", "assistant.gpu.list_cards", "ui.py", "assistant is here"]')
