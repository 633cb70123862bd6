"""Pieces of a Grafana dashboard (classic model): panels, their queries and what they look like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
GREEN, YELLOW, RED, GREY = "green", "yellow", "red", "text"
WIDTH = 24  # of Grafana's grid


@dataclass(frozen=True)
class Query:
    """A PromQL expression and how its series are called; `shape` is time_series, heatmap or table."""

    expr: str
    legend: str = "{{server}}"
    instant: bool = False
    shape: str = "time_series"


@dataclass
class Panel:
    """One panel; `width` and `height` in units of the grid."""

    kind: str
    title: str
    queries: Sequence[Query]
    description: str
    width: int = 12
    height: int = 8
    options: Json = field(default_factory=dict)
    defaults: Json = field(default_factory=dict)

    def json(self, number: int, x: int, y: int) -> Json:
        """As Grafana stores it."""
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": DATASOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "targets": [target(chr(ord("A") + place), query) for place, query in enumerate(self.queries)],
            "options": self.options,
            "fieldConfig": {"defaults": self.defaults, "overrides": []},
        }


def target(letter: str, query: Query) -> Json:
    """A query of a panel."""
    return {
        "refId": letter,
        "datasource": DATASOURCE,
        "expr": query.expr,
        "legendFormat": query.legend,
        "instant": query.instant,
        "range": not query.instant,
        "format": query.shape,
        "editorMode": "code",
    }


def steps(first: str, *higher: tuple[float, str]) -> Json:
    """Colours: `first`, and from each value on another."""
    shown: list[Json] = [{"color": first, "value": None}]
    return {"mode": "absolute", "steps": shown + [{"color": color, "value": value} for value, color in higher]}


def names(mapping: Mapping[int, tuple[str, str]]) -> list[Json]:
    """Words and colours for numbers."""
    shown = {str(value): {"text": text, "color": color, "index": value} for value, (text, color) in mapping.items()}
    return [{"type": "value", "options": shown}]


NEWEST = {"calcs": ["lastNotNull"], "fields": "", "values": False}
STAT = {"reduceOptions": NEWEST, "graphMode": "none", "justifyMode": "auto", "orientation": "auto"}


def stat(title: str, description: str, *queries: Query, width: int = 6, height: int = 4, **defaults: Any) -> Panel:
    """The newest value of each series, large."""
    options = {**STAT, "colorMode": "value", "textMode": "auto"}
    return Panel("stat", title, queries, description, width, height, options, defaults)


def named(title: str, description: str, query: Query, color: str, nothing: str) -> Panel:
    """The name of each series there is, and `nothing` where there is none."""
    options = {**STAT, "colorMode": "background", "textMode": "name"}
    defaults: Json = {"noValue": nothing, "thresholds": steps(color)}
    return Panel("stat", title, [query], description, 12, 8, options, defaults)


def bars(title: str, description: str, query: Query, **defaults: Any) -> Panel:
    """The newest value of each series, as bars."""
    options = {
        "reduceOptions": NEWEST,
        "orientation": "horizontal",
        "displayMode": "basic",
        "valueMode": "color",
        "showUnfilled": True,
    }
    return Panel("bargauge", title, [query], description, 12, 8, options, defaults)


def lines(title: str, description: str, *queries: Query, width: int = 12, **defaults: Any) -> Panel:
    """Values over time; thresholds, where there are some, as lines."""
    options = {
        "legend": {"displayMode": "table", "placement": "bottom", "showLegend": True, "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    look = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 0, "showPoints": "never", "spanNulls": False}
    if "thresholds" in defaults:
        look["thresholdsStyle"] = {"mode": "line"}
    return Panel("timeseries", title, queries, description, width, 8, options, {"custom": look, **defaults})


def heatmap(title: str, description: str, query: Query, unit: str, width: int = 12) -> Panel:
    """How a histogram moves."""
    options = {
        "calculate": False,
        "color": {"mode": "scheme", "scheme": "Oranges", "fill": "dark-orange", "exponent": 0.5, "steps": 64},
        "yAxis": {"unit": unit, "axisPlacement": "left"},
        "legend": {"show": True},
        "tooltip": {"show": True, "yHistogram": False},
        "cellGap": 1,
    }
    return Panel("heatmap", title, [query], description, width, 8, options)


def states(title: str, description: str, query: Query, mapping: Mapping[int, tuple[str, str]]) -> Panel:
    """Which state each series had when."""
    options = {
        "mergeValues": True,
        "showValue": "never",
        "rowHeight": 0.9,
        "alignValue": "left",
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    look: Json = {"mappings": names(mapping), "custom": {"lineWidth": 0, "fillOpacity": 80}}
    return Panel("state-timeline", title, [query], description, WIDTH, 10, options, look)


@dataclass
class Section:
    """Panels under a heading; `collapsed` ones are loaded when somebody opens them."""

    title: str
    panels: Sequence[Panel]
    collapsed: bool = False


def laid_out(sections: Sequence[Section]) -> list[Json]:
    """The panels of all sections, from left to right and from top to bottom, numbered."""
    result: list[Json] = []
    number, y = 1, 0
    for section in sections:
        row: Json = {
            "id": number,
            "type": "row",
            "title": section.title,
            "collapsed": section.collapsed,
            "gridPos": {"x": 0, "y": y, "w": WIDTH, "h": 1},
            "panels": [],
        }
        result.append(row)
        number, y = number + 1, y + 1
        x = height = 0
        for panel in section.panels:
            if x + panel.width > WIDTH:
                x, y, height = 0, y + height, 0
            (row["panels"] if section.collapsed else result).append(panel.json(number, x, y))
            number, x, height = number + 1, x + panel.width, max(height, panel.height)
        y += height
    return result
