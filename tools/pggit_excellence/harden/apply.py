"""`pggit-excellence harden apply`: harden pgGit, all or nothing."""

from __future__ import annotations

import argparse

import psycopg

from pggit_excellence.errors import EXIT_CLEAN
from pggit_excellence.harden.plan import show
from pggit_excellence.harden.profiles import add_profile
from pggit_excellence.slo.asking import rows
from pggit_excellence.slo.repeating import work_on

APPLY = "SELECT * FROM pggit_excellence.harden(%s, dry_run => false)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of applying."""
    add_profile(parser)


def run(options: argparse.Namespace) -> int:
    """Run the statements that plan shows, and print what was done."""

    def work(connection: psycopg.Connection) -> int:
        connection.read_only = False
        actions = rows(connection, APPLY, options.profile)
        done = sum(action["action_id"] is not None for action in actions)
        show(options.format, actions, f"{done} done; pggit-excellence harden undo puts it back")
        return EXIT_CLEAN

    return work_on(options.dsn, work)
