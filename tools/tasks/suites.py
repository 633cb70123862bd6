"""The suites of `tools/run test` and `tools/run matrix`: what each runs, and one line of result for each.

pg_regress and pg_isolation_regress run through `make installcheck`, as a DBA runs them, against a private server.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pggit_excellence.server import Installation, Server, copy_installation, make_install, workspace

ROOT = Path(__file__).resolve().parents[2]
PYTHON_TREES = ("tools", "tests/python", "tests/benchmarks", "tests/fuzz", "plpython", "setup.py")
SQL_TREES = ("sql", "plpython", "tests/regress", "tests/upgrade")
Command = list[str]
Environment = Mapping[str, str] | None
# The tests of one file stay together, in the order that tests/python/conftest.py gives them.
PARALLEL = ["--dist=loadfile", "--no-loadscope-reorder"]
WORKERS = 2  # each with a server of its own
KEPT = ["setpriv", "--pdeathsig", "TERM"]  # a child that does not outlive this process
console = Console(stderr=False, highlight=False)


@dataclass(frozen=True)
class Result:
    """How one suite ended on one major (0: not about a server)."""

    suite: str
    major: int
    passed: bool
    seconds: float
    log: Path | None = None


def run(suite: str, major: int, *commands: Command, environment: Environment = None, log: Path | None = None) -> Result:
    """Run the commands in the checkout until one fails; their output is shown, or kept in `log`."""
    if log is None:
        console.rule(suite if major == 0 else f"{suite}, PostgreSQL {major}")
        sys.stdout.flush()
    start = time.monotonic()
    with log.open("wb") if log else contextlib.nullcontext() as output:
        passed = all(
            subprocess.run(
                [*KEPT, *command], cwd=ROOT, env=environment, stdout=output, stderr=output, check=False
            ).returncode
            == 0
            for command in commands
        )
    return Result(suite, major, passed, time.monotonic() - start, log)


def lint() -> Result:
    """Ruff and mypy over every Python file, our own scanner over the SQL."""
    python = [sys.executable, "-m"]
    mypy = [*python, "mypy", "--no-incremental", "--cache-dir=/dev/null"]
    return run(
        "lint",
        0,
        [*python, "ruff", "check", "--no-cache", *PYTHON_TREES],
        [*python, "ruff", "format", "--no-cache", "--check", *PYTHON_TREES],
        [*mypy, "tools/pggit_excellence", "tools/tasks", "tools/build", "tests/benchmarks", "tests/fuzz"],
        [sys.executable, "-P", "-m", "pggit_excellence", "scan", "--fail-on", "hint", *SQL_TREES],
    )


def installcheck(installation: Installation, log: Path | None = None) -> Result:
    """`make installcheck` against a private server that has the extension's files.

    Its results are in a folder of its own, as several run at once; where it fails its differences are shown.
    """
    with workspace() as folder, Server(installation, folder / "server") as server:
        # pg_regress up to 15 looks for expected files in the output directory.
        (folder / "expected").symlink_to(ROOT / "expected")
        options = [f"PG_CONFIG={installation.pg_config}", f"EXTRA_REGRESS_OPTS=--outputdir={folder}"]
        command = ["make", "--silent", "installcheck", *options]
        show = ["sh", "-c", '"$@" || { cat "$0"; false; }', str(folder / "regression.diffs"), *command]
        return run("installcheck", installation.major, show, environment=server.environment, log=log)


def pytest(major: int, log: Path | None = None, workers: int = WORKERS) -> Result:
    """The tests in tests/python against the same major."""
    options = [f"--pg-major={major}", f"--numprocesses={workers}", *PARALLEL]
    return run("pytest", major, [sys.executable, "-m", "pytest", "-q", *options], log=log)


def run_major(major: int, logs: Path | None = None, workers: int = WORKERS) -> list[Result]:
    """Every suite on one major version; with a folder for logs nothing is shown."""
    with workspace() as folder:
        installation = copy_installation(major, folder)
        make_install(installation, ROOT)
        return [
            installcheck(installation, logs and logs / f"installcheck-{major}.log"),
            pytest(major, logs and logs / f"pytest-{major}.log", workers),
        ]


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
