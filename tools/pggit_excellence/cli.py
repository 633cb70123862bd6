"""The command line `pggit-excellence`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

EXIT_USAGE = 2


def main(argv: Sequence[str]) -> int:
    """Run one command; returns the exit status (0 clean, 1 findings, 2 usage or error, 3 nothing to do)."""
    parser = argparse.ArgumentParser(
        prog="pggit-excellence", description="Diagnostics, tuning and observability for databases that run pgGit."
    )
    parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    parser.parse_args(argv)
    return EXIT_USAGE


def run() -> None:
    """Console entry point."""
    try:
        status = main(sys.argv[1:])
    except KeyboardInterrupt:
        status = 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 141
    sys.exit(status)
