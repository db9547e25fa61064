"""The developer's commands: `make help`, the hooks before a commit, and the workflow that runs the tests."""

from __future__ import annotations

import re
import subprocess

import yaml

from tests.support.paths import ROOT

MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


def test_make_help_lists_every_target() -> None:
    help_text = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    phony = re.search(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)
    assert phony and re.findall(r"^  make (\S+) +\S", help_text, re.MULTILINE) == phony[1].split()


def test_make_without_a_target_runs_hark() -> None:
    targets = re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE)
    assert targets[0] == "run"


def test_hooks_before_a_commit_fetch_nothing() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    assert [repo["repo"] for repo in config["repos"]] == ["local"]
    assert {hook["language"] for hook in config["repos"][0]["hooks"]} == {"system"}


def test_hooks_before_a_commit_run_the_checks_of_make() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    tools = {hook["entry"].split()[0].removeprefix(".venv/bin/") for hook in config["repos"][0]["hooks"]}
    check = re.search(r"^check: .*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert check and tools == set(re.findall(r"\$\(BIN\)/([\w-]+)", check[1]))


def test_the_workflow_says_that_it_was_not_tried_and_runs_the_tests_on_three_systems() -> None:
    text = (ROOT / ".github" / "workflows" / "test.yml").read_text("utf-8")
    matrix = yaml.safe_load(text)["jobs"]["test"]["strategy"]["matrix"]
    assert text.startswith("# NOT TRIED") and "make test" in text
    assert {system.split("-")[0] for system in matrix["system"]} == {"ubuntu", "windows", "macos"}
