"""`tools/run fuzz`: random functions, damaged SQL and random bytes for the scanner, 100,000 cases by default.

Three parts: the properties of tests/fuzz/properties.py, with cases that random.Random makes of a seed; functions that
are called safe, attacked on a private server (attacks.py); and atheris, which is guided by coverage
(coverage_guided.py). Where a property breaks, the SQL is kept in a file under .cache/fuzz, its name and the command
that shows it again are printed, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from rich.table import Table

from pggit_excellence.server import Server, copy_installation, default_major, workspace
from tasks.suites import ROOT, console

FUZZ = ROOT / "tests" / "fuzz"
KEPT = ROOT / ".cache" / "fuzz"
PACKAGES = FUZZ / "atheris.txt"
CASES = 100_000
# Parts of a hundred cases: the cheap ones more often.
SHARES = {
    "well_quoted_is_safe": 4,
    "fault_is_seen": 8,
    "harmless_changes_nothing": 4,
    "damage_is_survived": 12,
    "any_bytes_are_survived": 20,
    "safe_resists": 2,
    "atheris": 50,
}
CHUNK = 200  # cases that a process tries before it tells


@dataclass
class Part:
    """How one part of the run went: cases tried, seconds of all processes together, files of what broke."""

    name: str
    cases: int = 0
    seconds: float = 0.0
    broken: list[Path] = field(default_factory=list)
    note: str = ""


def keep(name: str, seed: int, what: str, text: str) -> Path:
    """Save the case: what broke as a comment, then the SQL."""
    KEPT.mkdir(parents=True, exist_ok=True)
    path = KEPT / f"{name}-{seed}.sql"
    comment = "".join(f"-- {line}\n" for line in what.splitlines())
    path.write_text(f"{comment}-- again: tools/run fuzz --again {name} {seed}\n{text}\n", encoding="utf-8")
    return path


def tried(name: str, seeds: Sequence[int]) -> Part:
    """Try one property with these seeds."""
    sys.path[:0] = [str(FUZZ), str(ROOT / "tests" / "benchmarks")]
    import properties

    check: Callable[[Random], str] = getattr(properties, name)
    return _tried(name, seeds, check)


def _tried(name: str, seeds: Sequence[int], check: Callable[[Random], str]) -> Part:
    from properties import BrokenError

    part, start = Part(name), time.monotonic()
    for seed in seeds:
        part.cases += 1
        try:
            check(Random(seed))  # noqa: S311 - a case, not a secret
        except BrokenError as broken:
            part.broken.append(keep(name, seed, broken.what, broken.text))
    part.seconds = time.monotonic() - start
    return part


def attacked(seeds: Sequence[int]) -> Part:
    """Attack what is called safe on a private server."""
    sys.path[:0] = [str(FUZZ), str(ROOT / "tests" / "benchmarks")]
    import attacks

    score = attacks.Score()
    with (
        workspace() as folder,
        Server(copy_installation(default_major(), folder), folder / "server") as server,
        attacks.world(server) as connection,
    ):
        part = _tried("safe_resists", seeds, lambda dice: attacks.safe_resists(connection, dice, score))
    part.note = f"{score.attacked:,} called safe and attacked, {score.refused:,} refused by the server"
    return part


def programs() -> Path:
    """The folder with atheris' Python, installed once for this state of atheris.txt."""
    digest = hashlib.sha256(PACKAGES.read_bytes()).hexdigest()[:12]
    folder = ROOT / ".cache" / f"atheris-{digest}"
    if not (folder / "complete").exists():
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "-r", str(PACKAGES)], check=True)
        (folder / "complete").touch()
    return folder / "bin"


def guided(cases: int, seed: int) -> Part:
    """Let atheris try so many cases; a case that fails stays in a file of its own."""
    folder = KEPT / f"atheris-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    before = set(folder.iterdir())
    python, start = str(programs() / "python"), time.monotonic()
    command = [python, str(FUZZ / "coverage_guided.py"), str(cases), str(seed), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    (folder / "log").write_text(done.stderr, encoding="utf-8")
    # The first failure ends the run: what counts is how far it came.
    reached = max(map(int, re.findall(r"^#(\d+)\t", done.stderr, re.MULTILINE)), default=0)
    part = Part("atheris", reached if done.returncode else cases, time.monotonic() - start)
    part.broken = sorted(path for path in set(folder.iterdir()) - before if path.is_file() and path.name != "log")
    if done.returncode and not part.broken:
        raise RuntimeError(f"atheris ended with exit status {done.returncode}: {done.stderr[-2000:]}")
    coverage = [line for line in done.stderr.splitlines() if "cov:" in line]
    part.note = " ".join(coverage[-1].split()[1:6]) if coverage else ""
    return part


def chunks(seeds: range) -> Iterator[range]:
    """The seeds in parts."""
    return (seeds[at : at + CHUNK] for at in range(0, len(seeds), CHUNK))


def everything(cases: int, seed: int, jobs: int) -> list[Part]:
    """All parts, so many processes at a time."""
    counts = {name: cases * share // 100 for name, share in SHARES.items()}
    parts = {name: Part(name) for name in SHARES}
    with ProcessPoolExecutor(jobs) as pool:
        waiting = [pool.submit(guided, counts.pop("atheris"), seed)]
        waiting.append(pool.submit(attacked, range(seed, seed + counts.pop("safe_resists"))))
        for name, count in counts.items():
            waiting += [pool.submit(tried, name, chunk) for chunk in chunks(range(seed, seed + count))]
        for done in waiting:
            found = done.result()
            part = parts[found.name]
            part.cases += found.cases
            part.seconds += found.seconds
            part.broken += found.broken
            part.note = found.note or part.note
    return list(parts.values())


def show(parts: Sequence[Part], seconds: float) -> None:
    """A table, and the files of what broke."""
    table = Table("part", "cases", "broken", "seconds", "", title=f"{sum(p.cases for p in parts):,} cases")
    for part in parts:
        table.add_row(part.name, f"{part.cases:,}", str(len(part.broken)), f"{part.seconds:.0f}", part.note)
    console.print(table)
    console.print(f"{seconds:.0f} seconds in all")
    for path in (path for part in parts for path in part.broken):
        console.print(f"broken: {path}")


def again(name: str, seed: int) -> Part:
    """One case once more."""
    return attacked([seed]) if name == "safe_resists" else tried(name, [seed])


def arguments(argv: Sequence[str]) -> Any:
    """The command line."""
    parser = argparse.ArgumentParser(prog="tools/run fuzz", description=__doc__.split("\n\n")[0])
    parser.add_argument("--cases", type=int, default=CASES, metavar="N", help=f"cases in all (default {CASES})")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the first seed (default 1)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N", help="processes (default: as CPUs)")
    parser.add_argument("--again", nargs=2, metavar=("PROPERTY", "SEED"), help="one case once more")
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> int:
    """Run; 1 where a property broke."""
    options, start = arguments(argv), time.monotonic()
    if options.again:
        parts = [again(options.again[0], int(options.again[1]))]
    else:
        parts = everything(options.cases, options.seed, options.jobs)
    show(parts, time.monotonic() - start)
    return int(any(part.broken for part in parts))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
