"""The command line `pggit-excellence`.

Each command is a subpackage with `add_arguments(parser)` and `run(options) -> int`; only the chosen one is imported.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from pggit_excellence.errors import EXIT_USAGE, CommandError

COMMANDS = {
    "doctor": "is everything in place, and what to do where it is not",
    "exporter": "serve the metrics of one server or a fleet to Prometheus",
    "report": "what the diagnostics of the installed extension say",
    "scan": "is every dynamic EXECUTE of these SQL files safe, and by which path where it is not",
}
# Beside text and json.
MORE_FORMATS = {"scan": ("sarif", "github")}


def common_options(formats: Sequence[str]) -> argparse.ArgumentParser:
    """What every command takes."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--format", choices=formats, default="text", help="how to print (default: text)")
    parser.add_argument("--dsn", default="", help="connection string or URI (default: libpq's PG* variables)")
    return parser


def main(argv: Sequence[str]) -> int:
    """Run one command; returns the exit status (0 clean, 1 findings, 2 usage or error, 3 nothing to do)."""
    parser = argparse.ArgumentParser(
        prog="pggit-excellence",
        description="Diagnostics, tuning and observability for databases that run pgGit.",
        epilog="Exit status: 0 clean, 1 findings, 2 usage or error, 3 nothing to do.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        common = common_options(("text", "json", *MORE_FORMATS.get(name, ())))
        command = commands.add_parser(name, help=summary, description=summary, parents=[common])
        if name in argv:
            import_module(f"pggit_excellence.{name}").add_arguments(command)
    options = parser.parse_args(argv)
    try:
        status: int = import_module(f"pggit_excellence.{options.command}").run(options)
    except CommandError as error:
        print(f"pggit-excellence {options.command}: {error}", file=sys.stderr)
        return EXIT_USAGE
    return status


def run() -> None:
    """Console entry point."""
    gc.disable()  # what one run makes is little, and needed to its end
    for name in ("stdout", "stderr"):  # None where it was closed
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115  # for the whole process
    try:
        status = main(sys.argv[1:])
        sys.stdout.flush()
    except KeyboardInterrupt:
        status = 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 141
    gc.freeze()
    sys.exit(status)
