"""`pggit-excellence slo status`: is every objective met now, how much of its budget is left, does an alert fire."""

from __future__ import annotations

import argparse

import psycopg
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pggit_excellence.errors import EXIT_CLEAN, EXIT_FINDINGS, EXIT_NOTHING, CommandError
from pggit_excellence.output import console, plain, print_json
from pggit_excellence.slo.asking import Row, rows
from pggit_excellence.slo.quantities import DASH, percent, quantity
from pggit_excellence.slo.repeating import work_on

STYLES = {"met": "green", "missed": "bold red", "no_data": "yellow", "disabled": "dim"}
BAR = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the status."""
    parser.add_argument("--objective", action="append", metavar="NAME", help="this one only (may be repeated)")


def run(options: argparse.Namespace) -> int:
    """Print it; 1 when an objective is missed or an alert fires, 3 when none has data."""

    def work(connection: psycopg.Connection) -> int:
        objectives = rows(connection, "SELECT * FROM pggit_excellence.slo_status()")
        known = {row["objective"] for row in objectives}
        unknown = sorted(set(options.objective or ()) - known)
        if unknown:
            raise CommandError(f"no such objective: {', '.join(unknown)} (there are: {', '.join(sorted(known))})")
        wanted = set(options.objective or known)
        objectives = [row for row in objectives if row["objective"] in wanted]
        alerts = [
            row
            for row in rows(connection, "SELECT * FROM pggit_excellence.burn_alerts() AS a WHERE a.firing")
            if row["objective"] in wanted
        ]
        return show(options.format, objectives, alerts)

    return work_on(options.dsn, work)


def show(how: str, objectives: list[Row], alerts: list[Row]) -> int:
    """Print and judge."""
    missed = any(row["status"] == "missed" for row in objectives)
    ok = not missed and not alerts
    if how == "json":
        print_json({"ok": ok, "objectives": objectives, "alerts": alerts})
    else:
        print_text(console(), objectives, alerts)
    if not ok:
        return EXIT_FINDINGS
    return EXIT_CLEAN if any(row["status"] == "met" for row in objectives) else EXIT_NOTHING


def print_text(out: Console, objectives: list[Row], alerts: list[Row]) -> None:
    """A line for each objective, then what fires, then what is to be said about any."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    table.add_column("objective")
    table.add_column("status")
    for name in ("attained", "target", "events"):
        table.add_column(name, justify="right")
    table.add_column("budget left")
    table.add_column("good is")
    table.add_column("newest value", justify="right")
    for row in objectives:
        table.add_row(*cells(row, any(alert["objective"] == row["objective"] for alert in alerts), out))
    out.print(table)
    for alert in alerts:
        style = "bold red" if alert["severity"] == "page" else "yellow"
        out.print(Text(f"{alert['severity']}: {describe(alert)}", style=style), soft_wrap=True)
    for row in objectives:
        if row["note"]:
            out.print(plain(f"{row['objective']}: {row['note']}"), style="dim", soft_wrap=True)


def cells(row: Row, fires: bool, out: Console) -> list[Text]:
    """The line of an objective."""
    total = row["total"]
    return [
        plain(row["objective"]),
        Text(row["status"].replace("_", " "), style=STYLES[row["status"]]) + Text(" burning" * fires, style="bold red"),
        Text(percent(row["attained"])),
        Text(percent(row["target"])),
        Text(DASH if total is None else f"{total:,}"),
        bar(row["budget_remaining"], out),
        plain(row["indicator"]),
        Text(quantity(row["metric_type"], row["current_value"])),
    ]


def bar(remaining: float | None, out: Console) -> Text:
    """How much of a budget is left: full, half, none; below zero it is overspent."""
    if remaining is None:
        return Text(DASH)
    full, empty = ("█", "░") if out.encoding.lower().startswith("utf") else ("#", ".")
    filled = round(min(max(remaining, 0), 1) * BAR)
    style = "green" if remaining > 0.25 else "yellow" if remaining > 0 else "bold red"
    return Text(full * filled + empty * (BAR - filled), style=style) + Text(f" {percent(remaining, 1)}")


def describe(alert: Row) -> str:
    """What fires, and why."""
    return (
        f"{alert['objective']} burns its budget {alert['long_burn_rate']:.3g} times as fast as it may over"
        f" {alert['long_window']} and {alert['short_burn_rate']:.3g} times over {alert['short_window']}"
        f" (alert above {alert['burn_rate_threshold']:.3g})"
    )
