"""`pggit-excellence slo dashboard`: Grafana's own model understands it, promtool its expressions.

Grafana itself takes no part: no distribution package has it. test_prometheus.py has the expressions answered.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from grafana_sdk import lost, understood
from pggit_excellence.cli import main
from pggit_excellence.slo.dashboard import dashboard
from prometheus_programs import promtool
from test_slo_rules import OBJECTIVES

pytestmark = pytest.mark.once
Capture = pytest.CaptureFixture[str]

# The Prometheus data source has fields of its own in an annotation, which the model does not describe.
OF_THE_DATASOURCE = {"/annotations/list/0/titleFormat", "/annotations/list/0/textFormat"}


def panels(content: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every panel, those in collapsed rows too, and the rows."""
    for panel in content["panels"]:
        yield panel
        yield from panel.get("panels", [])


def expressions(content: dict[str, Any]) -> list[str]:
    """Every PromQL expression, with what Grafana puts in for its variables."""
    found = [target["expr"] for panel in panels(content) for target in panel.get("targets", [])]
    found += [annotation["expr"] for annotation in content["annotations"]["list"]]
    return [text.replace("$__rate_interval", "5m").replace("$server", ".*") for text in found]


def refused(texts: list[str], folder: Path) -> str:
    """What promtool says of expressions that do not parse."""
    rules = [{"record": f"r{number}", "expr": text} for number, text in enumerate(texts)]
    path = folder / "expressions.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}), encoding="utf-8")
    return promtool("check", "rules", path).stderr


def test_grafana_understands_every_key() -> None:
    content = dashboard(OBJECTIVES)
    assert set(lost(content, understood(content))) == OF_THE_DATASOURCE
    for path, key in (("gridPos", "with"), ("options", "graphMod"), ("targets", "legend")):
        damaged = copy.deepcopy(content)
        place = next(panel for panel in panels(damaged) if panel["type"] == "stat")[path]
        (place[0] if isinstance(place, list) else place)[key] = 1
        (found,) = set(lost(damaged, understood(damaged))) - OF_THE_DATASOURCE
        assert found.endswith(f"/{key}")


def test_expressions_parse(tmp_path: Path) -> None:
    texts = expressions(dashboard(OBJECTIVES))
    assert len(texts) > 40
    assert "$" not in "".join(texts).replace("$labels", "")
    assert refused(texts, tmp_path) == ""
    assert "unclosed" in refused([*texts, "sum(x"], tmp_path)


def test_layout() -> None:
    """Panels have numbers of their own, stay in the grid and do not overlap."""
    content = dashboard(OBJECTIVES)
    assert len({panel["id"] for panel in panels(content)}) == len(list(panels(content)))
    taken: set[tuple[int, int]] = set()
    for panel in panels(content):
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken
        taken |= cells


def test_every_objective_is_in_it() -> None:
    titles = {panel["title"] for panel in panels(dashboard(OBJECTIVES)) if panel["type"] == "row"}
    assert titles >= {f"Objective: {objective.name}" for objective in OBJECTIVES if objective.kind == "events"}
    assert "Latency: some_ms" in titles


def test_command(capsys: Capture, plain: psycopg.Connection) -> None:
    """Valid JSON, the same each time, with title and identity as wanted."""
    plain.execute(
        "INSERT INTO pggit_excellence.slo_objectives"
        " VALUES ('zz_one', 'd', 'zz_ms', 'events', '<', 1, 0.9) ON CONFLICT DO NOTHING"
    )
    options = ["slo", "dashboard", "--dsn", plain.info.dsn, "--title", "Ours", "--uid", "ours"]
    assert main(options) == 0
    first = capsys.readouterr().out
    assert main(options) == 0
    assert capsys.readouterr().out == first
    content = json.loads(first)
    assert (content["title"], content["uid"]) == ("Ours", "ours")
    assert "Latency: zz_ms" in {panel["title"] for panel in panels(content)}
    plain.execute("UPDATE pggit_excellence.slo_objectives SET enabled = false")
    assert main(options) == 3
