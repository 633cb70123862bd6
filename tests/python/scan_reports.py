"""Hand-made reports: what the tests of the output give to formats, suppressions, baselines and fixes."""

from __future__ import annotations

from pggit_excellence.scan.config import Config
from pggit_excellence.scan.inputs.build import build
from pggit_excellence.scan.inputs.program import Program, SourceText
from pggit_excellence.scan.model import Analysis, Confidence, Edit, Finding, Fix, Severity, Site, Verdict
from pggit_excellence.scan.output.report import Report
from pggit_excellence.scan.values.abstract import Place, Step

FUNCTION = """CREATE FUNCTION drop_it(p_name text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_sql text;
BEGIN
    v_sql := 'DROP TABLE ' || p_name;
    EXECUTE v_sql;
END $$;
"""


def program(**texts: str) -> Program:
    """A program of these files; `a_sql` is the file a.sql."""
    return build([SourceText(name.replace("_", "."), text) for name, text in texts.items()])


def place(program: Program, file: str, part: str, number: int = 1) -> Place:
    """Where `part` stands in the file for the n-th time."""
    start = -1
    for _ in range(number):
        start = program.sources[file].text.index(part, start + 1)
    return Place(file, start, start + len(part))


def finding(
    where: Place,
    rule: str = "PGX101",
    *,
    severity: Severity = Severity.ERROR,
    path: tuple[Step, ...] = (),
    fix: Fix | None = None,
    message: str = "p_name is not quoted",
) -> Finding:
    """A finding in the function drop_it."""
    return Finding(rule, message, where, "drop_it", severity, Confidence.HIGH, path, fix)


def example(file: str = "a_sql", text: str = FUNCTION) -> Report:
    """One finding with a path and a fix, and its site, in a file that holds FUNCTION."""
    scanned = program(**{file: text})
    name = file.replace("_", ".")
    where = place(scanned, name, "p_name", 2)
    path = (
        Step(place(scanned, name, "p_name text"), "parameter p_name"),
        Step(place(scanned, name, "v_sql :="), "v_sql := 'DROP TABLE ' || p_name"),
        Step(place(scanned, name, "EXECUTE"), "EXECUTE v_sql"),
    )
    fix = Fix("quote it as an identifier", (Edit(where, "quote_ident(p_name)"),), certain=True)
    site = Site(place(scanned, name, "EXECUTE"), "drop_it", "execute", Verdict.UNSAFE)
    return Report(scanned, Config(), [finding(where, path=path, fix=fix)], [site], [])


def analysis(*findings: Finding) -> Analysis:
    """An analysis that found these."""
    return Analysis(list(findings))
