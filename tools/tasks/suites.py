"""The suites of `tools/run test` and `tools/run matrix`: what each runs, and one line of result for each.

pg_regress and pg_isolation_regress run through `make installcheck`, as a DBA runs them, against a private server.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pggit_excellence.server import Installation, Server, copy_installation, make_install, workspace

ROOT = Path(__file__).resolve().parents[2]
PYTHON_TREES = ("tools", "tests/python", "tests/benchmarks", "plpython", "setup.py")
console = Console(stderr=False, highlight=False)


@dataclass(frozen=True)
class Result:
    """How one suite ended on one major (0: not about a server)."""

    suite: str
    major: int
    passed: bool
    seconds: float


def run(suite: str, major: int, *commands: list[str], environment: Mapping[str, str] | None = None) -> Result:
    """Run the commands in the checkout, their output shown, until one fails."""
    title = suite if major == 0 else f"{suite}, PostgreSQL {major}"
    console.rule(title)
    sys.stdout.flush()
    start = time.monotonic()
    passed = all(
        subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0 for command in commands
    )
    return Result(suite, major, passed, time.monotonic() - start)


def lint() -> Result:
    """Ruff and mypy over every Python file."""
    python = [sys.executable, "-m"]
    return run(
        "lint",
        0,
        [*python, "ruff", "check", "--no-cache", *PYTHON_TREES],
        [*python, "ruff", "format", "--no-cache", "--check", *PYTHON_TREES],
        [
            *python,
            "mypy",
            "--no-incremental",
            "--cache-dir=/dev/null",
            "tools/pggit_excellence",
            "tools/tasks",
            "tools/build",
            "tests/benchmarks",
        ],
    )


def installcheck(installation: Installation) -> Result:
    """`make installcheck` against a private server that has the extension's files."""
    with workspace() as folder, Server(installation, folder / "server") as server:
        command = ["make", "--silent", "installcheck", f"PG_CONFIG={installation.pg_config}"]
        return run("installcheck", installation.major, command, environment=server.environment)


def pytest(major: int) -> Result:
    """The tests in tests/python against the same major."""
    return run("pytest", major, [sys.executable, "-m", "pytest", "-q", f"--pg-major={major}"])


def run_major(major: int, copy: Callable[[int, Path], Installation] = copy_installation) -> list[Result]:
    """Every suite on one major version."""
    with workspace() as folder:
        installation = copy(major, folder)
        make_install(installation, ROOT)
        return [installcheck(installation), pytest(major)]


def print_results(results: list[Result]) -> int:
    """A table major x suite, and the closing line; returns the exit status."""
    suites = list(dict.fromkeys(result.suite for result in results))
    table = Table("PostgreSQL", *suites)
    for major in sorted({result.major for result in results}):
        row = {result.suite: result for result in results if result.major == major}
        cells = [cell(row.get(suite)) for suite in suites]
        table.add_row(str(major) if major else "-", *cells)
    console.print(table)
    failed = sum(not result.passed for result in results)
    console.print(f"suites: {len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


def cell(result: Result | None) -> str:
    """A suite's result in the table."""
    if result is None:
        return ""
    return f"[green]passed[/] {result.seconds:.0f} s" if result.passed else f"[red]failed[/] {result.seconds:.0f} s"
