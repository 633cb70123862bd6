"""Scans small PL/pgSQL bodies for the tests: what the scanner says of each dynamic statement in them."""

from __future__ import annotations

from pggit_excellence.scan.analysis import scan_text
from pggit_excellence.scan.model import Analysis


def routine(body: str, *, declare: str = "", parameters: str = "p text, q text", returns: str = "void") -> str:
    """CREATE FUNCTION f with that body."""
    declared = f"DECLARE {declare} " if declare else ""
    return (
        f"CREATE FUNCTION f({parameters}) RETURNS {returns} LANGUAGE plpgsql AS $body$ "
        f"{declared}BEGIN {body} END $body$;\n"
    )


def scan(body: str, *, before: str = "", **options: str) -> Analysis:
    """The analysis of a function with that body, behind other statements."""
    return scan_text(before + routine(body, **options), "t.sql")


def verdicts(body: str, *, before: str = "", **options: str) -> list[str]:
    """The verdict of each dynamic statement of the body, in the order of the text."""
    return [site.verdict.value for site in scan(body, before=before, **options).sites if site.function == "f"]


def verdict(body: str, *, before: str = "", **options: str) -> str:
    """The verdict of the only one."""
    (only,) = verdicts(body, before=before, **options)
    return only


def rules(text: str) -> list[str]:
    """The rules of all findings in a text that say something of safety."""
    found = scan_text(text, "t.sql").findings
    return [finding.rule for finding in found if finding.rule not in {"PGX112", "PGX110", "PGX201", "PGX204"}]
