"""`pggit-excellence harden undo`: put back what `harden apply` changed."""

from __future__ import annotations

import argparse

import psycopg

from pggit_excellence.errors import EXIT_CLEAN, EXIT_NOTHING
from pggit_excellence.output import console, plain, print_json
from pggit_excellence.slo.asking import rows
from pggit_excellence.slo.repeating import work_on

ONE = "SELECT %s::bigint AS action_id, pggit_excellence.undo(%s) AS result"
ALL = "SELECT * FROM pggit_excellence.undo_all('harden')"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of undoing."""
    parser.add_argument("--action", type=int, metavar="N", help="this action only (default: all, the newest first)")


def run(options: argparse.Namespace) -> int:
    """Undo, and print the statements that were run; 3 where there is nothing to undo."""

    def work(connection: psycopg.Connection) -> int:
        connection.read_only = False
        number = options.action
        undone = rows(connection, ALL) if number is None else rows(connection, ONE, number, number)
        if options.format == "json":
            print_json({"undone": undone})
        else:
            out = console()
            for action in undone:
                out.print(plain(f"action {action['action_id']}: {action['result']}"), soft_wrap=True)
            out.print(plain(f"{len(undone)} undone"))
        return EXIT_CLEAN if undone else EXIT_NOTHING

    return work_on(options.dsn, work)
