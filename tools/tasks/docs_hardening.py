"""The generated half of docs/security/HARDENING.md: every check of hardening_check(), from the lists in the SQL.

The examples of remediations are those that the tests ran: tests/fixtures/hardening_remediations.json, which the tests
of the checks compare, and write with UPDATE_SNAPSHOTS=1.
"""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "security" / "HARDENING.md"
REMEDIATIONS = ROOT / "tests" / "fixtures" / "hardening_remediations.json"
MARKER = "<!-- generated from sql/40_hardening by tools/run docs -->\n"

TITLES = {
    "pggit": "pgGit itself",
    "privileges": "Privileges and roles",
    "functions": "Routines, operators and triggers",
    "row_security": "Row-level security",
    "bypass": "Ways past the records",
    "authentication": "Authentication",
    "passwords": "Passwords",
    "tls": "TLS",
    "logging": "Logging and auditing",
    "settings": "Settings",
    "replication_backup": "Replication and backup",
    "patch": "Patch level",
    "host": "The host",
}
SOURCES = {"cis": "CIS PostgreSQL 18", "stig": "STIG", "soc2": "SOC 2", "cwe": "", "pgdsat": "pgdsat"}
KINDS = {
    "sql": "by SQL, which hardening_check() returns",
    "restart": "by SQL, which hardening_check() returns, and a restart of the server",
    "shell": "by a command on the server's machine, which hardening_check() returns",
    "text": "by people: the remediation says what to do",
}
CHECKS = r"""
SELECT c.category, c.check_id, c.title, c.severity, c.profiles, c.remediation_kind, c.refs, c.rationale,
       regexp_replace(obj_description(f.oid, 'pg_proc'), '^Internal: hardening check: ', '')
FROM pggit_excellence._hardening_checks() AS c
CROSS JOIN LATERAL to_regprocedure(format('pggit_excellence.%I()', '_check_' || c.check_id)) AS f (oid)
ORDER BY array_position(ARRAY['critical', 'high', 'medium', 'low'], c.severity), c.check_id COLLATE "C"
"""


class Check(NamedTuple):
    """One check, as the lists and the comment of its function have it."""

    category: str
    check_id: str
    title: str
    severity: str
    profiles: list[str]
    kind: str
    refs: dict[str, list[str]]
    rationale: str
    looks_at: str


def references(refs: dict[str, list[str]]) -> str:
    """The numbers, with whose they are."""
    return "; ".join(f"{SOURCES[source]} {', '.join(refs[source])}".strip() for source in SOURCES if source in refs)


def check_text(check: Check, example: str | None) -> str:
    """The section of one check."""
    lines = [
        f"### `{check.check_id}`\n",
        f"**{check.title}.** Severity {check.severity}; profiles {', '.join(check.profiles)}.\n",
        check.rationale + "\n",
        f"Looks at {check.looks_at}\n",
        f"Mended {KINDS[check.kind]}" + (", for example:\n" if example else ".\n"),
    ]
    if example:
        lines.append(f"```sql\n{example}\n```\n")
    if check.refs:
        lines.append(f"References: {references(check.refs)}.\n")
    return "\n".join(lines)


def generated(connection: psycopg.Connection) -> str:
    """Everything below the marker, from a database that has the extension."""
    rows = [Check(*row) for row in connection.execute(CHECKS).fetchall()]
    unknown = {check.category for check in rows} - TITLES.keys()
    if unknown:
        raise LookupError(f"{__file__}: no title for categories {', '.join(sorted(unknown))}")
    rows.sort(key=lambda check: list(TITLES).index(check.category))
    examples: dict[str, Any] = json.loads(REMEDIATIONS.read_text(encoding="utf-8"))
    overview, sections = [], []
    for category, group in groupby(rows, key=lambda check: check.category):
        checks = list(group)
        links = ", ".join(f"[{check.check_id}](#{check.check_id})" for check in checks)
        overview.append(f"| {TITLES[category]} | `{category}` | {len(checks)} | {links} |")
        sections.append(f"## {TITLES[category]}\n")
        sections += [check_text(check, examples.get(check.check_id)) for check in checks]
    table = "| category | name | checks | |\n|---|---|---:|---|\n" + "\n".join(overview)
    return f"{len(rows)} checks.\n\n{table}\n\n" + "\n".join(sections)


def write(connection: psycopg.Connection) -> None:
    """Write the page anew; its head, down to the marker, is kept."""
    head, _, _ = PAGE.read_text(encoding="utf-8").partition(MARKER)
    PAGE.write_text(head + MARKER + "\n" + generated(connection), encoding="utf-8")
