"""HARDENING_COVERAGE.md says what the checks' own references say; FIPS_COMPLIANCE.md names what is there."""

from __future__ import annotations

import re
from collections import defaultdict

import psycopg
import pytest

from conftest import ROOT

pytestmark = pytest.mark.once
PAGE = ROOT / "docs" / "security" / "HARDENING_COVERAGE.md"
FIPS = ROOT / "docs" / "compliance" / "FIPS_COMPLIANCE.md"
HEADINGS = {"cis": "## CIS PostgreSQL 18", "pgdsat": "## pgdsat"}


def named(text: str, source: str) -> dict[str, tuple[str, set[str]]]:
    """By number: how it is decided, and the checks named in the row."""
    section = text.split(HEADINGS[source], 1)[1].split("\n## ", 1)[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:3] != "|--"]
    found = [row for row in rows if re.fullmatch(r"\d+(\.\d+)+", row[0])]
    assert len({row[0] for row in found}) == len(found)
    return {row[0]: (row[-2], set(re.findall(r"`([a-z0-9_]+)`", row[-1]))) for row in found}


def differences(text: str, checks: dict[str, dict[str, list[str]]]) -> list[str]:
    """What the page and the references do not agree on."""
    wrong = []
    for source in HEADINGS:
        wanted = defaultdict(set)
        for check_id, refs in checks.items():
            for number in refs.get(source, []):
                wanted[number].add(check_id)
        page = named(text, source)
        wrong += [f"{source} {number}: not in the page" for number in wanted if number not in page]
        for number, (decided, names) in page.items():
            if decided == "automated" and names != wanted[number]:
                wrong.append(f"{source} {number}: {sorted(names ^ wanted[number])}")
            if (decided == "automated") != bool(wanted[number]):
                wrong.append(f"{source} {number}: {decided}, but by {sorted(wanted[number])}")
            if decided not in ("automated", "manual", "not applicable"):
                wrong.append(f"{source} {number}: {decided}")
    beyond = set(re.findall(r"`([a-z0-9_]+)`", text.split("## Beyond both", 1)[1]))
    alone = {name for name, refs in checks.items() if not refs.keys() & HEADINGS.keys()}
    return wrong + [f"beyond: {name}" for name in sorted(beyond ^ alone)]


def numbers(text: str, source: str) -> dict[str, int]:
    """How many rows of a table are decided in each way."""
    decided = [how for how, _ in named(text, source).values()]
    return {how: decided.count(how) for how in ("automated", "manual", "not applicable")}


def test_coverage_is_what_the_checks_say(plain: psycopg.Connection) -> None:
    """The page, and that a planted difference of each kind is seen."""
    rows = plain.execute("SELECT check_id, refs FROM pggit_excellence._hardening_checks()").fetchall()
    checks: dict[str, dict[str, list[str]]] = dict(rows)
    text = PAGE.read_text(encoding="utf-8")
    assert differences(text, checks) == []
    assert f"has {len(checks)} checks" in text
    for source, total in (("cis", 72), ("pgdsat", 93)):
        count = numbers(text, source)
        assert sum(count.values()) == total
        words = "{automated} automated( here)?, {manual} manual( here)?, {not applicable} not applicable"
        assert re.search(words.format(**count), text), count
    for old, new in (
        ("`log_statement`", "`log_statemend`"),
        ("| 6.9 |", "| 6.99 |"),
        ("`hba_ident`, ", ""),
        ("| 5.1 | no password on a command line | manual | manual |", "| 5.1 | no | manual | automated |"),
        ("`hba_shadowed`", "`hba_trust`"),
    ):
        assert old in text, old
        assert differences(text.replace(old, new), checks) != [], old


def test_fips_page_has_every_item(pggit: psycopg.Connection) -> None:
    page = FIPS.read_text(encoding="utf-8")
    items = pggit.execute("SELECT item FROM pggit_excellence.fips_status()").fetchall()
    for (item,) in items:
        assert f"`{item.split(' ')[0]}" in page, item
