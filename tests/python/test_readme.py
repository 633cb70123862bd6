"""README.md and CHANGELOG.md against the extension: every function is named, and no other; every query runs."""

from __future__ import annotations

import re

import psycopg

from conftest import ROOT

COMPANION = {"host_disk", "host_fips", "host_limits", "host_security"}


def named(page: str) -> set[str]:
    """The functions that a page names: `name()`."""
    return set(re.findall(r"`(\w+)\(\)", (ROOT / page).read_text(encoding="utf-8")))


def public(connection: psycopg.Connection) -> set[str]:
    """The functions that the extension has."""
    query = """
        SELECT proname FROM pg_proc
        WHERE pronamespace = 'pggit_excellence'::regnamespace AND proname NOT LIKE '\\_%'
    """
    return {row[0] for row in connection.execute(query)}


def test_pages_name_every_function_and_no_other(plain: psycopg.Connection) -> None:
    known = public(plain)
    assert named("CHANGELOG.md") - COMPANION == known
    assert named("README.md") == known - {"version"}


def test_queries_of_the_readme_run(pggit: psycopg.Connection) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    queries = re.findall(r"^SELECT .*?;", text, flags=re.MULTILINE)
    assert len(queries) >= 5
    for query in queries:
        pggit.execute(query.encode())


def test_links_of_the_readme_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!http)([^)#]+)", text)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
