"""The queries of docs/guides/PGGIT_NAMES.md run as they stand there, and its checks are those that exist."""

from __future__ import annotations

import re

import psycopg

from conftest import ROOT

GUIDE = (ROOT / "docs" / "guides" / "PGGIT_NAMES.md").read_text(encoding="utf-8")


def test_queries_run(pggit: psycopg.Connection) -> None:
    queries = re.findall(r"^```sql\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    assert len(queries) == 8
    try:
        for query in queries:
            pggit.execute(query)
    finally:
        for role in ("reader", "auditor", "operator"):
            pggit.execute(f"DROP OWNED BY pggit_excellence_{role}; DROP ROLE pggit_excellence_{role}")


def test_names_and_checks_are_complete(pggit: psycopg.Connection) -> None:
    names = pggit.execute("SELECT name FROM pggit_excellence.link_pggit()").fetchall()
    checks = pggit.execute("SELECT check_name FROM pggit_excellence.health_check()").fetchall()
    assert [name for (name,) in names if f"`pggit.{name}" not in GUIDE] == []
    assert re.findall(r"^\| `([a-z_]+)` \| [^|]+ \| [^|]+ \|$", GUIDE, re.MULTILINE) == [name for (name,) in checks]
