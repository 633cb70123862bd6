"""`tools/run oracle`: control files against PostgreSQL itself, the long run.

Every control file of every Debian package of an extension for PostgreSQL 15, and 10,000 random ones, on each of the
majors (15 and 18 by default). Each disagreement with the server is printed, and the exit status is then 1.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from pggit_excellence.server import MAJORS, WHEEL_MAJOR, default_major, workspace
from tasks.suites import ROOT, console

sys.path.insert(0, str(ROOT / "tests" / "fuzz"))
from control_cases import case  # found by the line above
from control_oracle import Oracle, oracle
from extension_packages import NotThereError, all_names, unpack


def random_files(judge: Oracle, cases: range) -> Iterator[str]:
    """Disagreements about random files, one extension at a time."""
    for seed in cases:
        judge.fill(case(seed))
        yield from (f"case({seed}): {line}" for line in judge.differences())


def packaged_files(judge: Oracle, folder: Path) -> Iterator[str]:
    """Disagreements about packages' files, all of them at once."""
    judge.fill({})
    for path in folder.iterdir():
        if path.name.endswith((".control", ".sql")):
            content = path.read_bytes() if path.name.endswith(".control") else b""
            (judge.folder / path.name).write_bytes(content)
    yield from judge.differences()


def main() -> int:
    """Both kinds on each major; 1 where one disagreed."""
    parser = argparse.ArgumentParser(prog="tools/run oracle", description=__doc__)
    parser.add_argument("majors", nargs="*", type=int, default=sorted({default_major(), WHEEL_MAJOR}))
    parser.add_argument("--cases", type=int, default=10_000, help="random control files (default 10,000)")
    parser.add_argument("--first", type=int, default=0, help="seed of the first (default 0)")
    options = parser.parse_args()
    if unknown := set(options.majors) - set(MAJORS):
        parser.error(f"PostgreSQL {sorted(unknown)}; known are {MAJORS}")
    disagreed = 0
    with workspace() as folder:
        packages = folder / "packages"
        try:
            controls = unpack(all_names(), packages)
        except NotThereError as error:
            console.print(f"oracle: packages left out: {error}")
            controls = packages
            controls.mkdir()
        count = len([path for path in controls.glob("*.control") if "--" not in path.name])
        for major in options.majors:
            with oracle(major, folder) as judge:
                cases = range(options.first, options.first + options.cases)
                packaged = [*packaged_files(judge, controls), *packaged_files(judge, judge.own)]
                lines = [*packaged, *random_files(judge, cases)]
                own = len(list(judge.own.glob("*.control")))
            disagreed += len(lines)
            for line in lines:
                print(line)
            files = f"{count} packaged, {own} of its own, {options.cases} random"
            console.print(f"PostgreSQL {major}: {files}: {len(lines)} disagreements")
    return 1 if disagreed else 0


if __name__ == "__main__":
    sys.exit(main())
