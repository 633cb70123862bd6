"""The command line `pggit-excellence`.

Each command is a module with `add_arguments(parser)` and `run(options) -> int`, `MORE_FORMATS` where it prints more
than text and JSON, `OFFLINE` where it talks to no server; a package with `COMMANDS` is a group of such commands. Only
the chosen one is imported.
"""

from __future__ import annotations

import argparse
import errno
import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from keyword import iskeyword
from types import ModuleType

from pggit_excellence.errors import EXIT_USAGE, CommandError
from pggit_excellence.printable import discard_output, printable

COMMANDS = {
    "audit": "the audit log: sign its end, verify it from outside, feed it failed logins",
    "doctor": "is everything in place, and what to do where it is not",
    "evidence": "what a database can show an auditor, in one signed file",
    "exporter": "serve the metrics of one server or a fleet to Prometheus",
    "harden": "is this database hardened, what would mend it, and do it",
    "provenance": "who built files from what, signed: say it, or verify what others say",
    "report": "what the diagnostics of the installed extension say",
    "sbom": "which extensions, libraries and packages a project, installation or server consists of, as CycloneDX",
    "scan": "is every dynamic EXECUTE of these SQL files safe, and by which path where it is not",
    "sign": "sign files with a key of your own, as cosign does",
    "slo": "service level objectives: what is attained, reports, availability from outside",
    "verify": "is a file what the holder of that key signed?",
}

# While a parser is made, each option is tried in a formatter, for which argparse asks how wide the terminal is.
NARROW = partial(argparse.HelpFormatter, width=80)
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def add_commands(parser: argparse.ArgumentParser, group: ModuleType, argv: Sequence[str]) -> None:
    """The commands of `group.COMMANDS` (name to summary), modules of the same package; options of the chosen one.

    `argv` is what stands behind the name of the group. Where a command comes first, the others are left out.
    """
    # Without `prog` it would format a usage for it, with modules that nothing else needs.
    commands = parser.add_subparsers(metavar="COMMAND", required=True, prog=parser.prog)
    first = argv[0] if argv and argv[0] in group.COMMANDS else None
    for name, summary in group.COMMANDS.items():
        if first in {None, name}:
            # A command may define an option that all have in its own way.
            command = commands.add_parser(
                name, help=summary, description=summary, conflict_handler="resolve", formatter_class=NARROW
            )
            if name in argv:
                add_options(command, f"{group.__package__}.{name}{'_' if iskeyword(name) else ''}", argv)
            if command.formatter_class is NARROW:  # else the command has one of its own
                command.formatter_class = argparse.HelpFormatter


def add_options(command: argparse.ArgumentParser, module_name: str, argv: Sequence[str]) -> None:
    """What this command takes, or the commands of this group."""
    module = import_module(module_name)
    if hasattr(module, "COMMANDS"):
        add_commands(command, module, argv[1:])
        return
    formats = ("text", "json", *getattr(module, "MORE_FORMATS", ()))
    command.add_argument("--format", choices=formats, default="text", help="how to print (default: text)")
    if not getattr(module, "OFFLINE", False):
        command.add_argument("--dsn", default="", help="connection string or URI (default: libpq's PG* variables)")
    module.add_arguments(command)
    command.set_defaults(run=module.run, program=command.prog)


def with_default(argv: Sequence[str]) -> list[str]:
    """The arguments with the command that a group takes where none is named: `evidence --period ...` collects."""
    words = list(argv)
    if len(words) > 1 and words[0] in COMMANDS and words[1].startswith("-") and words[1] not in ("-h", "--help"):
        default = getattr(import_module(f"{__package__}.{words[0]}"), "DEFAULT", None)
        return words if default is None else [words[0], default, *words[1:]]
    return words


def main(argv: Sequence[str]) -> int:
    """Run one command; returns the exit status (0 clean, 1 findings, 2 usage or error, 3 nothing to do)."""
    parser = argparse.ArgumentParser(
        prog="pggit-excellence",
        description="Diagnostics, tuning and observability for databases that run pgGit.",
        epilog="Exit status: 0 clean, 1 findings, 2 usage or error, 3 nothing to do.",
        formatter_class=NARROW,
    )
    words = with_default(argv)
    add_commands(parser, sys.modules[__name__], words)
    parser.formatter_class = argparse.HelpFormatter
    options = parser.parse_args(words)
    try:
        status: int = options.run(options)
    except CommandError as error:
        print(printable(f"{options.program}: {error}", keep=""), file=sys.stderr)
        return EXIT_USAGE
    return status


def run() -> None:
    """Console entry point."""
    gc.disable()  # what one run makes is little, and needed to its end
    for name in ("stdout", "stderr"):  # None where it was closed
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115  # for the whole process
        getattr(sys, name).reconfigure(errors="backslashreplace")
    try:
        status = main(sys.argv[1:])
        sys.stdout.flush()
    except KeyboardInterrupt:
        status = 130
    except BrokenPipeError:
        discard_output()
        status = 141
    except OSError as error:
        if error.errno not in DISK_FULL or error.filename is not None:
            raise
        discard_output()
        print(f"pggit-excellence: standard output: {error.strerror}", file=sys.stderr)
        status = EXIT_USAGE
    else:
        _end_at_once(status)
    gc.freeze()
    sys.exit(status)


def _end_at_once(status: int) -> None:
    """End the process where all that is left to do is to free its memory: that takes as long as to read some files.

    Whoever has more to do then, has asked for one of these modules.
    """
    if sys.modules.keys().isdisjoint({"atexit", "threading"}):
        with suppress(OSError):
            sys.stderr.flush()
        os._exit(status)
