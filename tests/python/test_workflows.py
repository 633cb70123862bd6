"""The GitHub workflows: zizmor's strictest audit, actionlint and ShellCheck find nothing, and would find faults."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import ROOT

pytestmark = pytest.mark.once

PROGRAMS = Path(sys.executable).parent
FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yml"))
# Each commit is that of the tag, checked when it was written down.
ACTIONS = {
    "actions/attest": ("1e69f48acb82d1966a394da916b4c1698aa569d6", "v4.2.2"),
    "actions/checkout": ("3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1"),
    "actions/dependency-review-action": ("2031cfc080254a8a887f58cffee85186f0e49e48", "v4.9.0"),
    "actions/setup-python": ("5fda3b95a4ea91299a34e894583c3862153e4b97", "v7.0.0"),
    "actions/upload-artifact": ("bbbca2ddaa5d8feaa63e36b76fdaad77386f024f", "v7.0.0"),
    "aquasecurity/trivy-action": ("ed142fd0673e97e23eac54620cfb913e5ce36c25", "v0.36.0"),
    "github/codeql-action": ("8aad20d150bbac5944a9f9d289da16a4b0d87c1e", "v4.36.2"),
    "ossf/scorecard-action": ("2d1146689b8cda280b9bc96326124645441f03bc", "v2.4.4"),
    "sigstore/cosign-installer": ("6f9f17788090df1f26f669e9d70d6ae9567deba6", "v4.1.2"),
}
GOOD = """\
name: good
on:
  push:
permissions: {}
concurrency:
  group: good-${{ github.ref }}
  cancel-in-progress: true
jobs:
  one:
    name: One
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions:
      contents: read # to check out
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          persist-credentials: false
      - run: echo "$GITHUB_REF_NAME"
"""


def zizmor(*paths: Path) -> tuple[int, str]:
    command = [
        PROGRAMS / "zizmor",
        "--offline",
        "--persona=auditor",
        "--strict-collection",
        "--no-ignores",
        "--quiet",
        "--color=never",
    ]
    done = subprocess.run([*command, "--format=plain", *paths], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def actionlint(*paths: Path) -> tuple[int, str]:
    """With ShellCheck, which it runs on every `run:`."""
    environment = {"PATH": f"{PROGRAMS}:{os.environ['PATH']}"}
    command = [PROGRAMS / "actionlint", "-shellcheck", PROGRAMS / "shellcheck", *paths]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def shellcheck(*paths: Path) -> tuple[int, str]:
    done = subprocess.run([PROGRAMS / "shellcheck", *paths], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def shell_scripts() -> list[Path]:
    """Tracked files that a shell runs."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = (ROOT / name for name in done.stdout.split("\0") if name)
    return [path for path in files if path.is_file() and re.match(rb"#!.*\b(ba|da)?sh\b", path.read_bytes()[:80])]


def parsed(path: Path) -> dict[Any, Any]:
    """A workflow; YAML reads the key `on` as true."""
    content: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in parsed(path)["jobs"].values() for step in job["steps"]]


def test_the_strictest_audit_finds_nothing() -> None:
    status, said = zizmor(ROOT / ".github", ROOT / ".pre-commit-hooks.yaml")
    assert (status, said) == (0, "No findings to report. Good job!\n")


def test_actionlint_finds_nothing() -> None:
    assert actionlint(*WORKFLOWS) == (0, "")


def test_shellcheck_finds_nothing() -> None:
    scripts = shell_scripts()
    assert {"tools/run", ".ci/run"} <= {path.relative_to(ROOT).as_posix() for path in scripts}
    assert shellcheck(*scripts) == (0, "")


FAULTS = {
    "template-injection": ('"$GITHUB_REF_NAME"', '"${{ github.head_ref }}"'),
    "unpinned-uses": ("@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "@v7"),
    "artipacked": ("persist-credentials: false", "fetch-depth: 1"),
    "excessive-permissions": ("permissions: {}", "permissions: write-all"),
    "undocumented-permissions": ("contents: read # to check out", "contents: write"),
    "concurrency-limits": ("concurrency:\n  group: good-${{ github.ref }}\n  cancel-in-progress: true\n", ""),
}


@pytest.mark.parametrize("rule", FAULTS)
def test_the_audit_would_find(tmp_path: Path, rule: str) -> None:
    workflow = tmp_path / ".github" / "workflows" / "x.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(GOOD)
    assert zizmor(workflow)[0] == 0
    old, new = FAULTS[rule]
    assert old in GOOD
    workflow.write_text(GOOD.replace(old, new))
    status, said = zizmor(workflow)
    assert status != 0
    assert rule in said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"$GITHUB_REF_NAME"', "$GITHUB_REF_NAME", "SC2086"),
        ("github.ref }}", "github.reff }}", "reff"),
        ("    timeout-minutes: 5", "    needs: two", "two"),
        ("    runs-on: ubuntu-24.04\n", "", "runs-on"),
    ],
)
def test_actionlint_would_find(tmp_path: Path, old: str, new: str, said: str) -> None:
    workflow = tmp_path / "x.yml"
    workflow.write_text(GOOD)
    assert actionlint(workflow) == (0, "")
    workflow.write_text(GOOD.replace(old, new))
    status, output = actionlint(workflow)
    assert status != 0
    assert said in output


def test_actions_are_the_ones_that_were_checked() -> None:
    used = set()
    for path in [*WORKFLOWS]:
        for line in path.read_text(encoding="utf-8").splitlines():
            if match := re.match(r"\s*(?:- )?uses: ([^@\s]+)@(\S+) # (\S+)$", line):
                name = "/".join(match[1].split("/")[:2])
                assert ACTIONS[name] == (match[2], match[3])
                used.add(name)
            assert ("uses:" in line) == bool(match)
    assert used == set(ACTIONS)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflow_has_no_right_and_every_job_an_end(path: Path) -> None:
    content = parsed(path)
    assert content["permissions"] == {}
    assert all(0 < job["timeout-minutes"] <= 60 for job in content["jobs"].values())


def test_commands_of_the_workflows_are_there() -> None:
    """What a step runs of this checkout exists."""
    tasks = {path.stem for path in (ROOT / "tools" / "tasks").glob("*.py")} | {"cli"}
    named = {name for path in WORKFLOWS for step in steps(path) for name in re.findall(r"tools/run (\w+)", str(step))}
    assert named
    assert named <= tasks


WORDS = {
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}


def spdx(name: str) -> set[str]:
    """The SPDX licences that an installed package names: by an expression, a classifier, or a word."""
    metadata = distribution(name).metadata
    classifiers = [
        line.split(" :: ")[-1] for line in metadata.get_all("Classifier") or [] if line.startswith("License ::")
    ]
    named = metadata.get("License-Expression") or " AND ".join(classifiers) or metadata.get("License", "nothing")
    return {WORDS.get(word, word) for word in re.split(r" (?:AND|OR) ", named)}


def test_licences_of_what_is_locked_are_on_the_list() -> None:
    """The action's list holds what we have, and its exceptions are the two that docs/dependencies.md explains."""
    (step,) = (step for step in steps(FOLDER / "dependency-review.yml") if "allow-licenses" in step.get("with", {}))
    allowed = set(step["with"]["allow-licenses"].split(", "))
    excepted = {purl.removeprefix("pkg:pypi/") for purl in step["with"]["allow-dependencies-licenses"].split(", ")}
    lock = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    names = re.findall(r"^([\w.-]+)==", lock, flags=re.MULTILINE)
    assert len(names) > 70
    outside = {name for name in names if not spdx(name) <= allowed}
    assert outside == excepted == {"pglast", "psycopg", "psycopg-binary"}


def test_dependabot_waits_before_it_proposes() -> None:
    updates = parsed(ROOT / ".github" / "dependabot.yml")["updates"]
    assert {update["package-ecosystem"] for update in updates} >= {"github-actions", "pip"}
    assert all(update["cooldown"]["default-days"] >= 7 for update in updates)
