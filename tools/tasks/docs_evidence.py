"""The tables of docs/compliance/SOC2_PREPARATION.md, from the queries of the evidence; its head is written by hand."""

from __future__ import annotations

from pathlib import Path

import psycopg

PAGE = Path(__file__).resolve().parents[2] / "docs" / "compliance" / "SOC2_PREPARATION.md"
MARKER = "<!-- generated from sql/60_evidence by tools/run docs -->\n"
CRITERIA_ROWS = """
SELECT c.criterion, c.control, c.manual,
       (SELECT string_agg('`' || q.evidence || '`', ', ' ORDER BY q.evidence COLLATE "C")
        FROM pggit_excellence._evidence_catalog() AS q WHERE c.criterion = ANY (q.criteria))
FROM pggit_excellence._soc2_criteria() AS c
ORDER BY c.criterion COLLATE "C"
"""
EVIDENCE_ROWS = (
    """SELECT q.evidence, q.title FROM pggit_excellence._evidence_catalog() AS q ORDER BY q.evidence COLLATE "C" """
)


def generated(connection: psycopg.Connection) -> str:
    """What is collected for each criterion and what stays to be shown by people, and what each query is about."""
    lines = ["| criterion | what it asks for, in our words | automated | by hand |", "|---|---|---|---|"]
    for name, control, manual, automated in connection.execute(CRITERIA_ROWS).fetchall():
        lines.append(f"| {name} | {control} | {automated or 'nothing'} | {manual} |")
    lines += ["", "| query | what it shows |", "|---|---|"]
    lines += [f"| `{name}` | {title} |" for name, title in connection.execute(EVIDENCE_ROWS).fetchall()]
    return "\n".join(lines) + "\n"


def write(connection: psycopg.Connection) -> None:
    """Renew what stands behind the marker."""
    head, _, _ = PAGE.read_text(encoding="utf-8").partition(MARKER)
    PAGE.write_text(head + MARKER + "\n" + generated(connection), encoding="utf-8")
