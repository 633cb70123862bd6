"""Each rule: its page, its examples and its fixtures, by the scanner itself.

PGGIT_UPDATE_SNAPSHOTS=1 writes tests/fixtures/scan/rules/*.txt anew.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from conftest import FIXTURES
from pggit_excellence.scan.config import Config
from pggit_excellence.scan.inputs.program import SourceText
from pggit_excellence.scan.model import Finding
from pggit_excellence.scan.output.formats import text_format
from pggit_excellence.scan.output.report import Report
from pggit_excellence.scan.output.rule_texts import TEXTS, page
from pggit_excellence.scan.output.rules import RULES
from pggit_excellence.scan.scanning import scan
from tasks.docs import RULE_PAGES, rule_pages

pytestmark = pytest.mark.once

FOLDER = FIXTURES / "scan" / "rules"


def scanned(name: str, text: str) -> Report:
    return scan([SourceText(name, text)], None, Config())


def found(text: str) -> list[Finding]:
    return scanned("a.sql", text).findings


def test_pages_are_up_to_date() -> None:
    """Mend with: tools/run docs."""
    written = {path.name: path.read_text(encoding="utf-8") for path in RULE_PAGES.glob("*.md")}
    assert written == rule_pages()


def test_every_rule_is_explained() -> None:
    assert list(TEXTS) == list(RULES)
    for rule in RULES.values():
        sections = re.findall(r"^## (.*)$", page(rule), re.MULTILINE)
        assert sections == ["What it does", "Why it is bad", "Example", "Fix", "When to ignore"]
        assert re.fullmatch(r"(CWE-[1-9]\d*)?", rule.cwe)
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.name)
    assert len({rule.name for rule in RULES.values()}) == len(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_examples_of_the_page(rule: str) -> None:
    assert rule in [finding.rule for finding in found(TEXTS[rule].bad)]
    assert found(TEXTS[rule].good) == []


@pytest.mark.parametrize("rule", RULES)
def test_bad_fixtures(rule: str) -> None:
    """Each function in the file has the finding, and what is printed is the snapshot."""
    file = FOLDER / f"{rule}_bad.sql"
    text = file.read_text(encoding="utf-8")
    report = scanned(file.name, text)
    functions = set(re.findall(r"^CREATE (?:FUNCTION|PROCEDURE) (\w+)", text, re.MULTILINE))
    assert functions
    assert {finding.function for finding in report.findings if finding.rule == rule} == functions
    compare(file.with_suffix(".txt"), text_format.render(report))


@pytest.mark.parametrize("rule", RULES)
def test_ok_fixtures(rule: str) -> None:
    assert found((FOLDER / f"{rule}_ok.sql").read_text(encoding="utf-8")) == []


def compare(snapshot: Path, printed: str) -> None:
    if os.environ.get("PGGIT_UPDATE_SNAPSHOTS"):
        snapshot.write_text(printed, encoding="utf-8")
    assert printed == snapshot.read_text(encoding="utf-8")
