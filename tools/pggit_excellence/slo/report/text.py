"""A report for terminals and for programs."""

from __future__ import annotations

from dataclasses import asdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pggit_excellence.output import plain
from pggit_excellence.slo.asking import Row
from pggit_excellence.slo.durations import spoken
from pggit_excellence.slo.quantities import DASH, percent, quantity
from pggit_excellence.slo.report.gathering import Report
from pggit_excellence.slo.report.period import shown
from pggit_excellence.slo.status import STYLES

MOST_OUTAGES = 50


def summary(report: Report) -> str:
    """The report in a sentence."""
    judged, missed = len(report.judged), len(report.missed)
    if not judged:
        return "No objective has data in this period."
    if missed:
        names = ", ".join(row["objective"] for row in report.missed)
        said = f"{missed} of {judged} objectives with data {'was' if missed == 1 else 'were'} missed: {names}"
    else:
        said = "The objective with data was met" if judged == 1 else f"All {judged} objectives with data were met"
    return f"{said}{outages_in_all(report)}."


def outages_in_all(report: Report) -> str:
    """How many, and how long those lasted of which that is known."""
    if not report.outages:
        return ""
    count, known = len(report.outages), [row["seconds"] for row in report.outages if row["seconds"] is not None]
    said = f"; {count} outage{'s' if count > 1 else ''}"
    if len(known) == count:
        return f"{said}, {spoken(sum(known))} in all"
    lasted = f", {spoken(sum(known))} in all but {count - len(known)}" if known else ""
    return f"{said}{lasted} of unknown length"


def subtitle(report: Report) -> str:
    """Which period of which database, and how much of it is over."""
    over = "" if report.until == report.period.end else f", which is not over: until {report.until:%Y-%m-%d %H:%M}"
    return f"Database {report.database}, {shown(report.period.start)} to {shown(report.period.end)} UTC{over}"


def numbers(row: Row) -> list[str]:
    """Attained, target, events, budget used, p50, p95, p99; of a limit its worst value and what it must keep to."""
    metric = row["metric_type"]
    if row["kind"] == "limit":
        limit = f"{row['comparison']} {quantity(metric, row['threshold'])}"
        return [quantity(metric, row["worst"]), limit, *[DASH] * 5]
    # Percentiles of what is 0 or 1 say nothing.
    percentiles = [quantity(metric, row[name]) if metric.endswith("_ms") else DASH for name in ("p50", "p95", "p99")]
    total = f"{row['total'] or 0:,}"
    return [percent(row["attained"]), percent(row["target"]), total, percent(row["budget_consumed"], 1), *percentiles]


def note(row: Row) -> str:
    """What is to be said about one objective; not what the subtitle says of all, nor what numbers() says of a limit."""
    parts = [part for part in (row["note"] or "").split("; ") if part and part != "the period is not over"]
    return "; ".join(part for part in parts if not part.startswith(("largest value", "smallest value")))


def print_text(out: Console, report: Report) -> None:
    """A line for each objective, then the outages."""
    out.print(plain(subtitle(report)), style="bold", soft_wrap=True)
    out.print(plain(summary(report)), soft_wrap=True)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for name in ("objective", "status"):
        table.add_column(name)
    for name in ("attained", "target", "events", "budget used", "p50", "p95", "p99"):
        table.add_column(name, justify="right")
    for row in report.objectives:
        status = Text(row["status"].replace("_", " "), style=STYLES[row["status"]])
        table.add_row(plain(row["objective"]), status, *numbers(row))
    out.print(table)
    notes: dict[str, list[str]] = {}
    for row in report.objectives:
        notes.setdefault(note(row), []).append(row["objective"])
    for said, names in notes.items():
        if said:
            out.print(plain(f"{', '.join(names)}: {said}"), style="dim", soft_wrap=True)
    for row in report.outages[:MOST_OUTAGES]:
        out.print(plain(f"outage: {outage(row)}"), soft_wrap=True)
    if len(report.outages) > MOST_OUTAGES:
        out.print(f"and {len(report.outages) - MOST_OUTAGES} more outages (all: --format json)")
    if unprobed(report):
        out.print(unprobed(report))


def unprobed(report: Report) -> str:
    """How long nobody knows whether the server was up; nothing where that is less than an hour."""
    return f"not probed for {spoken(report.unwatched)} in all" if report.unwatched >= 3600 else ""


def outage(row: Row) -> str:
    """When the server was down, and who saw it."""
    start, end = when(row["outage_start"]), when(row["outage_end"]) if row["outage_end"] else "?"
    lasted = f" ({spoken(row['seconds'])})" if row["seconds"] else ""
    seen = f", seen by {row['monitor']}" if row["monitor"] else ""
    said = f": {row['note']}" if row["note"] else ""
    return f"{start} to {end}{lasted}, {row['failed_probes']:,} failed probes{seen}{said}"


def when(at: str) -> str:
    """A time of the server for people."""
    return at[:19].replace("T", " ")


def as_json(report: Report) -> dict[str, object]:
    """Everything that was gathered."""
    content = asdict(report)
    content["period"] = {
        "name": report.period.name,
        "start": shown(report.period.start),
        "end": shown(report.period.end),
    }
    return content | {
        "ok": not report.missed,
        "summary": summary(report),
        "until": report.until.isoformat(),
        "step": report.step.total_seconds(),
    }
