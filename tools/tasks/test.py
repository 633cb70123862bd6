"""`tools/run test`: lint, and every suite on the default server and on the newest that a wheel brings.

    tools/run test [lint | MAJOR ...]      these parts only

The default server's suites are shown as they run. The other parts run beside them, as processes of their own, and are
shown when they have ended: the tests wait as much as they compute.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from pggit_excellence.server import WHEEL_MAJOR, default_major
from tasks.suites import KEPT, ROOT, Result, lint, print_results, run_major

PROCESSORS = os.cpu_count() or 1


@dataclass(frozen=True)
class Part:
    """A part that runs beside this process: where it says what, and its results."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    results: Path


def run_part(name: str, workers: int) -> list[Result]:
    """Run one part here."""
    return [lint()] if name == "lint" else run_major(int(name), workers=workers)


@contextlib.contextmanager
def beside(name: str, folder: Path) -> Iterator[Part]:
    """A part in a process of its own, with half of the workers; ended with the block."""
    log, results = folder / f"{name}.log", folder / f"{name}.json"
    workers = str(max(1, PROCESSORS // 2))
    command = [*KEPT, sys.executable, "-P", "-m", "tasks.test", name, "--workers", workers, "--results", str(results)]
    with log.open("wb") as output, subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output) as process:
        try:
            yield Part(name, process, log, results)
        finally:
            process.terminate()


def shown(part: Part) -> list[Result]:
    """Wait for the part and show what it said; it has failed where it has no results."""
    part.process.wait()
    sys.stdout.write(part.log.read_text(encoding="utf-8", errors="replace"))
    sys.stdout.flush()
    if not part.results.exists():
        return [Result(part.name, 0, passed=False, seconds=0)]
    return [Result(**result) for result in json.loads(part.results.read_text(encoding="utf-8"))]


def main(argv: list[str]) -> int:
    """Run everything; 0 when all passed."""
    everything = [str(default_major()), *({str(WHEEL_MAJOR)} - {str(default_major())}), "lint"]
    parser = argparse.ArgumentParser(prog="tools/run test", description="Lint, and every test.")
    parser.add_argument("parts", metavar="PART", nargs="*", help=f"{', '.join(everything)} (default: all)")
    parser.add_argument("--workers", type=int, default=PROCESSORS, help=argparse.SUPPRESS)
    parser.add_argument("--results", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    first, *others = options.parts or everything
    if not {first, *others} <= set(everything):
        parser.error(f"parts are {', '.join(everything)}")
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as running:
        parts = [running.enter_context(beside(name, Path(folder))) for name in others]
        results = run_part(first, options.workers)
        results += [result for part in parts for result in shown(part)]
    if options.results:
        options.results.write_text(json.dumps([asdict(result) for result in results]), encoding="utf-8")
        return 0
    return print_results(results)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
