"""A report as one HTML file: nothing is fetched, light or dark as the reader's system is, for a phone, for paper.

It is ASCII with character references, so no encoding can break it, and the same data give the same bytes.
"""

from __future__ import annotations

import html
from importlib.util import find_spec

from pggit_excellence.slo.asking import Row
from pggit_excellence.slo.durations import spoken
from pggit_excellence.slo.quantities import DASH, percent
from pggit_excellence.slo.report.gathering import Report
from pggit_excellence.slo.report.style import STYLE
from pggit_excellence.slo.report.text import MOST_OUTAGES, note, numbers, subtitle, summary, unprobed, when

WITHOUT_PLOTS = "Plots are drawn where matplotlib is installed: pip install 'pggit-excellence[plots]'."


def page(report: Report) -> str:
    """The HTML document."""
    drawn = find_spec("matplotlib") is not None
    title = f"Service levels, {report.period.name}"
    state = "missed" if report.missed else "met" if report.judged else "no_data"
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{text(title)}</title><style>{STYLE}</style></head><body><main>",
        f'<h1>{text(title)}</h1><div class="soft">{text(subtitle(report))}</div>',
        f'<p class="lead {state}">{text(summary(report))}</p>',
        f"<h2>Objectives</h2>{objectives_table(report)}",
        *([] if drawn else [f'<p class="soft">{text(WITHOUT_PLOTS)}</p>']),
        *budgets(report, drawn),
        *latencies(report, drawn),
        *outages(report, drawn),
        '<footer class="small">Attained is the share of good events; an error budget is what may go wrong: 1 - target.'
        " Times are UTC. Source: slo_report() of pggit_excellence.</footer>",
        "</main></body></html>",
    ]
    return ("\n".join(parts) + "\n").encode("ascii", "xmlcharrefreplace").decode("ascii")


def text(content: object) -> str:
    """Literal text; characters that HTML cannot hold are replaced."""
    return html.escape("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(content)))


def chip(status: str) -> str:
    """A status as a badge."""
    return f'<span class="chip {text(status)}">{text(status.replace("_", " "))}</span>'


def table(names: list[str], lines: list[list[str]], numeric: range) -> str:
    """A table of cells that are HTML; the columns `numeric` to the right."""
    kind = [' class="n"' if column in numeric else "" for column in range(len(names))]
    head = "".join(f"<th{kind[column]}>{text(name)}</th>" for column, name in enumerate(names))
    body = "".join(
        "<tr>" + "".join(f"<td{kind[column]}>{cell}</td>" for column, cell in enumerate(line)) + "</tr>"
        for line in lines
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def objectives_table(report: Report) -> str:
    """All of them at a glance."""
    names = ["objective", "status", "attained", "target", "events", "budget used", "p50", "p95", "p99"]
    lines = []
    for row in report.objectives:
        name = f'{text(row["objective"])}<div class="small">{text(row["description"])}</div>'
        if row["status"] == "no_data" and note(row):  # the others have a card
            name += f'<div class="small">{text(note(row))}</div>'
        lines.append([name, chip(row["status"]), *(text(cell) for cell in numbers(row))])
    return table(names, lines, range(2, 9))


def budgets(report: Report, drawn: bool) -> list[str]:
    """A card for each objective that has a budget."""
    cards = [card(report, row, drawn) for row in report.objectives if row["kind"] == "events" and row["total"]]
    return ["<h2>Attainment and error budgets</h2>", f'<div class="grid">{"".join(cards)}</div>'] if cards else []


def card(report: Report, row: Row, drawn: bool) -> str:
    """What was attained of one objective, what is left of its budget, and how it went."""
    used = row["budget_consumed"] or 0
    style = "over" if used > 1 else "warn" if used > 0.75 else ""
    left = f"{percent(1 - used, 1)} of the budget left" if used <= 1 else f"budget overspent: {percent(used, 1)} used"
    bad = row["total"] - row["good"]
    graph = ""
    if drawn:
        from pggit_excellence.slo.report.plots import attainment

        graph = attainment(report, row)
    said = f'<div class="small">{text(note(row))}</div>' if note(row) else ""
    return (
        f'<section class="card"><div class="head"><h3>{text(row["objective"])}</h3>{chip(row["status"])}</div>'
        f'<p class="what">{text(row["description"])}</p>'
        f'<div class="head"><span class="big">{text(percent(row["attained"]))}</span>'
        f'<span class="soft">target {text(percent(row["target"]))}</span></div>'
        f'<div class="bar"><i class="{style}" style="width:{1 if used > 1 else 1 - used:.1%}"></i></div>'
        f'<div class="small">{text(left)}; {bad:,} of {row["total"]:,} events were bad</div>{said}{graph}</section>'
    )


def latencies(report: Report, drawn: bool) -> list[str]:
    """A card with percentiles over time for each metric of durations, as a plot, or the last steps as a table."""
    found = {metric: lines for metric, lines in report.latencies.items() if lines}
    if not found or not drawn:
        return []
    from pggit_excellence.slo.report.plots import percentiles

    cards = [
        f'<section class="card"><h3>{text(metric)}</h3>{percentiles(report, metric, lines)}</section>'
        for metric, lines in found.items()
    ]
    return ["<h2>Latency</h2>", f'<div class="grid">{"".join(cards)}</div>']


def outages(report: Report, drawn: bool) -> list[str]:
    """When the server was down: a strip of the period, and a line for each."""
    if not report.watched and not report.outages:
        return []
    strip = ""
    if drawn:
        from pggit_excellence.slo.report.plots import timeline

        strip = f'<section class="card">{timeline(report)}<p class="small">{text(legend(report))}</p></section><p></p>'
    if not report.outages:
        return ["<h2>Outages</h2>", f'<p class="soft">{text(none_seen(report))}</p>', strip]
    lines = [
        [
            text(when(row["outage_start"])),
            text(when(row["outage_end"]) if row["outage_end"] else "?"),
            text(spoken(row["seconds"]) if row["seconds"] else DASH),
            f"{row['failed_probes']:,}",
            text(row["monitor"] or DASH),
            text(row["note"] or ""),
        ]
        for row in report.outages[:MOST_OUTAGES]
    ]
    names = ["from", "to", "lasted", "failed probes", "seen by", ""]
    rest = len(report.outages) - MOST_OUTAGES
    more = f'<p class="soft">and {rest} more (all: --format json)</p>' if rest > 0 else ""
    return ["<h2>Outages</h2>", strip, table(names, lines, range(2, 4)), more]


def legend(report: Report) -> str:
    """What the colours of the strip mean."""
    grey = f"; grey: {unprobed(report)}, nobody knows" if unprobed(report) else ""
    return f"Green: probed and up; red: down{grey}."


def none_seen(report: Report) -> str:
    """That there was no outage, as far as anybody knows."""
    return f"None was seen; {unprobed(report)}." if unprobed(report) else "None was seen."
