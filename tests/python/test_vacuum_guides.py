"""The queries of the guides on vacuum, cache and connections run as they stand."""

from __future__ import annotations

import re

import psycopg
import pytest

from conftest import ROOT


@pytest.mark.parametrize("guide", ["VACUUM.md", "CACHE_AND_CONNECTIONS.md"])
def test_queries_of_the_guide(pggit: psycopg.Connection, guide: str) -> None:
    text = (ROOT / "docs" / "guides" / guide).read_text(encoding="utf-8")
    queries = re.findall(r"^```sql\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(queries) >= 2
    for query in queries:
        pggit.execute(query)
