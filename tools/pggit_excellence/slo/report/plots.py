"""Plots of a report as SVG to put into its page: same data, same bytes; colours are those of the page."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from pggit_excellence.slo.asking import Row
from pggit_excellence.slo.quantities import percent
from pggit_excellence.slo.report.gathering import Report

# Colours that stand for the page's own, which follow the reader's light or dark theme.
THEME = {
    "#010101": "var(--text)", "#020202": "var(--soft)", "#030303": "var(--line)", "#040404": "var(--good)",
    "#050505": "var(--bad)", "#060606": "var(--accent)", "#070707": "var(--second)", "#080808": "var(--none)",
    "#090909": "var(--card)",
}  # fmt: skip
TEXT, SOFT, LINE, GOOD, BAD, ACCENT, SECOND, NONE, CARD = THEME
SETTINGS: Any = {
    "svg.fonttype": "none", "svg.hashsalt": "pggit_excellence", "font.size": 9, "axes.edgecolor": LINE,
    "axes.labelcolor": SOFT, "axes.titlecolor": SOFT, "axes.titlesize": 9, "axes.titlelocation": "left",
    "xtick.color": SOFT, "ytick.color": SOFT, "text.color": TEXT, "grid.color": LINE, "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.spines.top": False, "axes.spines.right": False, "axes.spines.left": False, "legend.frameon": False,
    "legend.fontsize": 8, "legend.labelcolor": SOFT, "ytick.left": False, "lines.linewidth": 1.6, "timezone": "UTC",
}  # fmt: skip
INCHES = 3.9


def figure(height: float, panels: int = 1, bottom: float = 0.25, **options: Any) -> tuple[Figure, Sequence[Axes]]:
    """A transparent figure with panels that share their time axis; `bottom`: inches below them."""
    made = Figure(figsize=(INCHES, height), facecolor="none")
    axes = made.subplots(panels, 1, sharex=True, squeeze=False, **options)[:, 0]
    # Fixed: finding room for labels of unknown width takes longer than drawing.
    made.subplots_adjust(left=0.16, right=0.965, top=1 - 0.22 / height, bottom=bottom / height, hspace=0.3)
    for panel in axes:
        panel.set_facecolor("none")
        panel.set_axisbelow(True)
    return made, list(axes)


def svg(drawn: Figure, label: str) -> str:
    """The figure as an element of the page, which has no identities that could collide with those of another."""
    buffer = io.StringIO()
    drawn.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    content = buffer.getvalue()
    content = content[content.index("<svg") :]
    content = re.sub(r"<metadata>.*?</metadata>", "", content, flags=re.DOTALL)
    content = re.sub(r'<g id="[^"]*"', "<g", content)
    content = re.sub(r'(<svg [^>]*?) width="[^"]*"', r"\1", content, count=1)
    content = re.sub(r'(<svg [^>]*?) height="[^"]*"', r"\1", content, count=1)
    content = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", content)
    for colour, name in THEME.items():
        content = content.replace(colour, name)
    return content.replace("<svg ", f'<svg role="img" aria-label="{html.escape(label)}" ', 1).strip()


def time_axis(axes: Axes, report: Report) -> None:
    """The whole period, also where nothing was measured."""
    axes.set_xlim(day(report.period.start), day(max(report.until, report.period.start + report.step)))
    locator = AutoDateLocator(minticks=3, maxticks=6)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))  # type: ignore[no-untyped-call]
    axes.tick_params(axis="x", length=0)


def day(at: datetime | str) -> float:
    """A time as matplotlib counts it: days since 1970."""
    return (at if isinstance(at, datetime) else datetime.fromisoformat(at)).timestamp() / 86400


def middles(report: Report, lines: Sequence[Row]) -> list[float]:
    """Where the points of steps stand."""
    return [day(line["step_start"]) + report.step / timedelta(days=1) / 2 for line in lines]


def name_of(step: timedelta) -> str:
    """How long a step is."""
    if step < timedelta(days=1):
        return "hour"
    return "day" if step == timedelta(days=1) else f"{step.days} days"


def attainment(report: Report, objective: Row) -> str:
    """Above: the share of good events of each step against the target. Below: what is left of the period's budget."""
    lines = report.counts.get(objective["objective"], [])
    target, total = objective["target"], objective["total"]
    with mpl.rc_context(SETTINGS):
        drawn, (upper, lower) = figure(2.9, 2, height_ratios=[1, 1])
        at = middles(report, lines)
        shares = [line["good"] / line["total"] for line in lines]
        colours = [GOOD if share >= target else BAD for share in shares]
        upper.vlines(at, target, shares, colors=colours, linewidth=2)
        upper.scatter(at, shares, s=10, c=colours, zorder=3)
        upper.axhline(target, color=SOFT, linewidth=1, linestyle=(0, (4, 3)))
        worst = min([*shares, target])
        upper.set_ylim(1 - (1 - worst) * 1.15, 1 + (1 - worst) * 0.08)
        upper.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
        upper.yaxis.set_major_formatter(FuncFormatter(lambda share, _: percent(round(share, 9)) if share <= 1 else ""))
        upper.set_title(f"attained per {name_of(report.step)} (dashed: target)")
        remaining, spent = [1.0], 0
        for line in lines:
            spent += line["total"] - line["good"]
            remaining.append(1 - spent / (total * (1 - target)))
        ends = [day(line["step_start"]) + report.step / timedelta(days=1) for line in lines]
        ends = [day(report.period.start), *(min(end, day(report.until)) for end in ends)]
        over = remaining[-1] < 0
        lower.plot(
            ends, remaining, color=BAD if over else ACCENT, drawstyle="steps-post" if len(ends) < 4 else "default"
        )
        lower.fill_between(ends, remaining, 0, color=BAD if over else ACCENT, alpha=0.15, linewidth=0)
        lower.axhline(0, color=SOFT, linewidth=1)
        lower.set_ylim(min(0, *remaining) * 1.15 - 0.02, 1.08)
        lower.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
        lower.yaxis.set_major_formatter(FuncFormatter(lambda share, _: percent(round(share, 9))))
        lower.set_title("error budget left")
        time_axis(lower, report)
        return svg(drawn, f"Attainment and error budget of {objective['objective']} over time")


def percentiles(report: Report, metric: str, lines: Sequence[Row]) -> str:
    """p50, p95 and p99 per step on a logarithmic scale, with the thresholds that were promised."""
    with mpl.rc_context(SETTINGS):
        drawn, (axes,) = figure(2.5, bottom=0.5)
        for share, colour, style in ((0.5, GOOD, "-"), (0.95, ACCENT, "-"), (0.99, SECOND, "-")):
            chosen = [line for line in lines if line["percentile"] == share]
            values = [line["value"] for line in chosen]
            axes.plot(
                middles(report, chosen),
                values,
                style,
                color=colour,
                label=f"p{share * 100:.0f}",
                marker="o",
                markersize=2,
            )
        for row in report.objectives:
            if row["metric_type"] == metric and row["kind"] == "events":
                axes.axhline(row["threshold"], color=SOFT, linewidth=1, linestyle=(0, (4, 3)))
        if all(line["value"] > 0 for line in lines):
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
            axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} ms"))
        axes.set_title(f"per {name_of(report.step)} (dashed: thresholds)")
        axes.legend(loc="upper center", ncols=3, bbox_to_anchor=(0.5, -0.1), handlelength=1.4)
        time_axis(axes, report)
        return svg(drawn, f"Percentiles of {metric} over time")


def timeline(report: Report) -> str:
    """The period as a strip: up, down, and not probed."""
    with mpl.rc_context(SETTINGS):
        drawn = Figure(figsize=(INCHES * 2.6, 0.75), facecolor="none")
        axes = drawn.add_axes((0.02, 0.36, 0.96, 0.6), facecolor="none")
        start, end = day(report.period.start), day(report.until)
        axes.barh(0, end - start, left=start, height=1, color=NONE, alpha=0.35, linewidth=0)
        for row in report.watched:
            begin = day(row["watch_start"])
            for colour, alpha in ((CARD, 1), (GOOD, 0.25)):
                width = day(row["watch_end"]) - begin
                axes.barh(0, width, left=begin, height=1, color=colour, alpha=alpha, linewidth=0)
        for row in report.outages:
            begin = day(row["outage_start"])
            width = day(row["outage_end"]) - begin if row["outage_end"] else 0
            # However short, it is seen.
            axes.barh(0, max(width, (end - start) / 400), left=begin, height=1, color=BAD, linewidth=0)
        axes.set_yticks([])
        axes.grid(visible=False)
        axes.spines["bottom"].set_visible(False)
        axes.set_ylim(-0.5, 0.5)
        time_axis(axes, report)
        return svg(drawn, f"{len(report.outages)} outages in the period")
