"""`pggit-excellence harden plan`: the statements that would harden pgGit, without running any."""

from __future__ import annotations

import argparse
from collections import Counter

import psycopg
from rich.text import Text

from pggit_excellence.errors import EXIT_CLEAN, EXIT_FINDINGS
from pggit_excellence.harden.profiles import add_profile
from pggit_excellence.output import console, plain, print_json, print_to_copy, statement
from pggit_excellence.slo.asking import Row, rows
from pggit_excellence.slo.repeating import work_on

# A literal, for psycopg to know that nobody's text is in it.
PLAN = "SELECT * FROM pggit_excellence.harden(%s, dry_run => true)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the plan."""
    add_profile(parser)


def run(options: argparse.Namespace) -> int:
    """Print it; 1 where there is something to do."""

    def work(connection: psycopg.Connection) -> int:
        actions = rows(connection, PLAN, options.profile)
        count = Counter(action["status"] for action in actions)
        to_do = count["missing"] + count["blocked"]
        how = f", {count['blocked']} blocked: these first, after review" if count["blocked"] else ""
        show(options.format, actions, f"{count['missing']} to run{how or ': pggit-excellence harden apply'}")
        return EXIT_FINDINGS if to_do else EXIT_CLEAN

    return work_on(options.dsn, work)


def show(how: str, actions: list[Row], last: str) -> None:
    """Each action: why, the statement to copy, and what undoes it."""
    if how == "json":
        print_json({"actions": actions})
        return
    out = console()
    for action in actions:
        number = "" if action["action_id"] is None else f"action {action['action_id']}, "
        out.print(
            plain(f"-- {number}{action['status']}: {action['item']}: {action['reason']}"), style="dim", soft_wrap=True
        )
        if action["statement"]:
            out.print(statement(action["statement"]), soft_wrap=True)
        if action["undo_statement"]:
            out.print(Text("  undone by", style="dim"))
            print_to_copy(out, statement(action["undo_statement"]), 4)
    out.print(plain(last), soft_wrap=True)
