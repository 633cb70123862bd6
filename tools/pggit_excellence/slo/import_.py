"""`pggit-excellence slo import`: take objectives from OpenSLO v1 documents; a dry run unless --apply."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import psycopg

from pggit_excellence.errors import EXIT_CLEAN, EXIT_NOTHING, CommandError
from pggit_excellence.output import console, plain, print_json
from pggit_excellence.printable import printable
from pggit_excellence.slo.openslo.loading import load_documents
from pggit_excellence.slo.openslo.objective import Objective, changes, stored
from pggit_excellence.slo.openslo.reading import Reading, read
from pggit_excellence.slo.repeating import work_on

SET = """
    SELECT pggit_excellence.set_objective(
        objective => %(objective)s, metric_type => %(metric_type)s, comparison => %(comparison)s,
        threshold => %(threshold)s, target => %(target)s, slo_window => %(window)s::interval, kind => %(kind)s,
        description => %(description)s, minimum_events => %(minimum_events)s::bigint, enabled => %(enabled)s)"""


@dataclass(frozen=True)
class Step:
    """What becomes of one objective: add, change or keep."""

    action: str
    objective: Objective
    differences: list[str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the import."""
    parser.add_argument("file", metavar="FILE", help="YAML with OpenSLO documents; - for standard input")
    parser.add_argument("--apply", action="store_true", help="do it (without: show what would change)")


def run(options: argparse.Namespace) -> int:
    """Show the differences, and with --apply make them in one transaction; 3 when the file has no objective."""
    reading = reading_of(options, options.file)

    def work(connection: psycopg.Connection) -> int:
        steps = plan(connection, reading)
        if options.apply:
            apply(connection, steps)
        show(options, steps)
        return EXIT_CLEAN if reading.objectives else EXIT_NOTHING

    return work_on(options.dsn, work)


def reading_of(options: argparse.Namespace, file: str) -> Reading:
    """The objectives of a file, all of them or an error; what is odd is said on standard error."""
    reading = read(load_documents(content_of(file), file))
    tell(options, [f"{file}: {note}" for note in reading.notes])
    if reading.problems:
        tell(options, [f"{file}: {problem}" for problem in reading.problems[:-1]])
        raise CommandError(printable(f"{file}: {reading.problems[-1]}", keep=""))
    return reading


def content_of(file: str) -> bytes:
    """The bytes of the file."""
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from None


def tell(options: argparse.Namespace, messages: list[str]) -> None:
    """One line each, on standard error."""
    for message in messages:
        print(f"{options.program}: {printable(message, keep='')}", file=sys.stderr)


def plan(connection: psycopg.Connection, reading: Reading) -> list[Step]:
    """What is to be done; metric and kind of an objective that has counted never change."""
    present = {objective.objective: objective for objective in stored(connection)}
    steps = []
    for wanted in reading.objectives:
        former = present.get(wanted.objective)
        if former is None:
            steps.append(Step("add", wanted, []))
            continue
        if (wanted.metric_type, wanted.kind) != (former.metric_type, former.kind):
            raise CommandError(
                f"metric and kind of objective {printable(wanted.objective, keep='')} cannot change"
                " (what it has counted would mean something else; choose another name, or drop_objective() first)"
            )
        differences = changes(former, wanted)
        steps.append(Step("change" if differences else "keep", wanted, differences))
    return steps


def apply(connection: psycopg.Connection, steps: list[Step]) -> None:
    """All or nothing."""
    connection.read_only = False
    with connection.transaction():
        for step in steps:
            if step.action != "keep":
                connection.execute(SET, vars(step.objective) | {"window": step.objective.window})


def show(options: argparse.Namespace, steps: list[Step]) -> None:
    """The differences."""
    if options.format == "json":
        listed = [
            {"action": step.action, "objective": step.objective.objective, "differences": step.differences}
            for step in steps
        ]
        print_json({"applied": options.apply, "objectives": listed})
        return
    out = console()
    signs = {"add": "+", "change": "~", "keep": "="}
    for step in steps:
        one = step.objective
        what = f" ({one.metric_type} {one.comparison} {one.threshold:g})" if step.action == "add" else ""
        out.print(plain(f"{signs[step.action]} {one.objective}{what}"), soft_wrap=True)
        for difference in step.differences:
            out.print(plain(f"    {difference}"), soft_wrap=True)
    pending = sum(step.action != "keep" for step in steps)
    if not steps:
        out.print("no objective in this file")
    elif not pending:
        out.print("nothing to change")
    else:
        out.print(f"{pending} applied" if options.apply else f"{pending} to apply: add --apply")
