"""`pggit-excellence slo maintain`: roll up samples and delete old ones, until nothing is left."""

from __future__ import annotations

import argparse
from collections import defaultdict

import psycopg
from psycopg.rows import dict_row

from pggit_excellence.output import console, print_json, print_rows
from pggit_excellence.slo.repeating import add_every, repeat

add_arguments = add_every


def run(options: argparse.Namespace) -> int:
    """Call maintain() until it has nothing to do."""

    def work(connection: psycopg.Connection) -> int:
        show(options.format, maintain(connection))
        return 0

    return repeat(options, work)


def maintain(connection: psycopg.Connection) -> list[dict[str, object]]:
    """Per task how much all the calls did, with the note of the last one.

    Each call is a transaction that is bounded in size; the last one has nothing to do.
    """
    affected: dict[str, int] = defaultdict(int)
    notes: dict[str, str | None] = {}
    while True:
        with connection.cursor(row_factory=dict_row) as cursor:
            tasks = cursor.execute("SELECT * FROM pggit_excellence.maintain()").fetchall()
        for task in tasks:
            affected[task["task"]] += task["affected"] or 0
            notes[task["task"]] = task["note"]
        if not any(task["affected"] for task in tasks):
            return [{"task": task, "affected": affected[task], "note": notes[task]} for task in affected]


def show(how: str, tasks: list[dict[str, object]]) -> None:
    """Print the tasks."""
    if how == "json":
        print_json({"tasks": tasks})
    elif tasks:
        print_rows(console(), tasks)
