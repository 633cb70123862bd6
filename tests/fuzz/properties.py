"""What must hold of the scanner's answers, whatever it is given; each property raises Broken with the text."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from types import FrameType
from typing import Any

import routines
from damage import damaged, damaged_bytes
from pggit_excellence.scan.analysis import analyse
from pggit_excellence.scan.config import Config
from pggit_excellence.scan.inputs.build import build
from pggit_excellence.scan.inputs.lexer import Kind, tokens
from pggit_excellence.scan.inputs.program import SourceText
from pggit_excellence.scan.model import Analysis, Verdict
from pggit_excellence.scan.output.formats import json_format
from pggit_excellence.scan.scanning import outcome
from routines import Routine

SECONDS = 20
# Rules that say that a statement is not what its author meant it to be, with the verdict that they stand for.
RULES = {
    "PGX101": Verdict.UNSAFE,
    "PGX102": Verdict.BY_DESIGN,
    "PGX103": Verdict.BY_DESIGN,
    "PGX104": Verdict.UNSAFE,
    "PGX109": Verdict.UNSAFE,
    "PGX111": Verdict.UNSAFE,
}
RANK = (Verdict.SAFE, Verdict.NOT_PROVEN, Verdict.BY_DESIGN, Verdict.UNSAFE)


class Broken(AssertionError):
    """A property does not hold of the text."""

    def __init__(self, what: str, text: str) -> None:
        """`text` is the SQL that shows it."""
        super().__init__(f"{what}\n{text}")
        self.what, self.text = what, text


class Slow(BaseException):
    """The scan takes too long."""


@contextmanager
def limited(seconds: int = SECONDS) -> Iterator[None]:
    """Slow after so many seconds."""

    def stop(_: int, __: FrameType | None) -> None:
        raise Slow

    old = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, old)


def scanned(text: str) -> Analysis:
    """The analysis of the text in this process, with the time limit; Broken where it raises or hangs."""
    return report(text)[0]


def report(text: str) -> tuple[Analysis, dict[str, Any]]:
    """The analysis, and the report in JSON."""
    try:
        with limited():
            program = build([SourceText("-", text)])
            analysis = analyse(program, Config(), isolated=False)
            return analysis, json.loads(json_format.render(outcome(program, analysis, Config())))
    except Slow:
        raise Broken(f"more than {SECONDS} seconds", text) from None
    except Exception as error:
        raise Broken(f"{type(error).__name__}: {error}", text) from error


def verdict(text: str, function: str = routines.NAME) -> Verdict:
    """The worst that is said of the function; Broken where its statement is no site."""
    analysis = scanned(text)
    found = [site.verdict for site in analysis.sites if site.function.endswith(function)]
    if not found:
        raise Broken("the EXECUTE is no site", text)
    found += [RULES[item.rule] for item in analysis.findings if item.rule in RULES and item.function.endswith(function)]
    return max(found, key=RANK.index)


# Properties: each makes its case from dice and returns the text that it tried -----------------------------------------


def well_quoted_is_safe(dice: Random) -> str:
    """No false alarm."""
    text = routines.well_quoted(dice).text
    found = verdict(text)
    if found is not Verdict.SAFE:
        raise Broken(f"{found}, but it is well quoted", text)
    return text


def fault_is_seen(dice: Random) -> str:
    """The caller's text without quoting is never called safe."""
    text = routines.with_a_fault(dice).text
    if verdict(text) is Verdict.SAFE:
        raise Broken("safe, but a text of the caller is not quoted", text)
    return text


def harmless_changes_nothing(dice: Random) -> str:
    """Names, dead code, blocks and layout do not change a verdict."""
    make: Callable[[Random], Routine] = dice.choice((routines.well_quoted, routines.with_a_fault))
    routine = make(dice)
    before = verdict(routine.text)
    changed = routine
    for _ in range(dice.randint(1, 3)):
        changed = dice.choice(routines.HARMLESS)(dice, changed)
    after = verdict(changed.text)
    if (before is Verdict.SAFE) is not (after is Verdict.SAFE):
        raise Broken(f"{before} became {after}", f"{routine.text}\n-- became\n{changed.text}")
    return changed.text


def executes(text: str) -> list[int]:
    """Where EXECUTE is a word of the text that PL/pgSQL may mean as a statement."""
    words = [token for token in tokens(text) if token.kind is not Kind.COMMENT]
    return [token.start for token in words if _word(text, token.start, token.end) == "execute"]


def _word(text: str, start: int, end: int) -> str:
    return text[start:end].lower()


def damage_is_survived(dice: Random) -> str:
    """No crash, and no EXECUTE of a damaged body is lost: each is a site, or inside something said not to be parsed."""
    body = damaged(dice, routines.of_any_kind(dice).text if dice.random() < 0.5 else dice.choice(known_bodies()))
    text = body if dice.random() < 0.6 else f"CREATE FUNCTION f(p text) RETURNS void LANGUAGE plpgsql AS $zz${body}$zz$;"
    analysis, found = report(text)
    if analysis.errors:
        raise Broken(f"errors: {analysis.errors}", text)
    if found["sites"] is None or len(found["sites"]) != len(analysis.sites):
        raise Broken("the report in JSON has other sites", text)
    if text is not body and "$zz$" not in body:
        _none_lost(text, body, analysis)
    return text


NO_STATEMENT = re.compile(r"execute\s+(function|procedure|on\b)", re.IGNORECASE)
STATEMENT_BEFORE = re.compile(r"(?:;|\b(?:begin|then|else|loop|query|for|in))\s*$", re.IGNORECASE)


def _none_lost(text: str, body: str, analysis: Analysis) -> None:
    """Each EXECUTE that stands where a statement begins is a site."""
    offset = text.index("$zz$") + len("$zz$")
    sites = {site.place.start for site in analysis.sites}
    for start in executes(body):
        begins = STATEMENT_BEFORE.search(body[:start]) and not NO_STATEMENT.match(body, start)
        if begins and offset + start not in sites and not _in_a_string_of_its_own(body, start):
            raise Broken(f"the EXECUTE at {offset + start} is no site", text)


def _in_a_string_of_its_own(body: str, start: int) -> bool:
    """Whether the word may be a name: after `AS`, a comma or a dot nothing is a statement."""
    return bool(re.search(r"[.,(\w]\s*$", body[:start].rstrip()[-1:])) and not STATEMENT_BEFORE.search(body[:start])


def any_bytes_are_survived(dice: Random) -> str:
    """No crash on what is hardly text."""
    data = damaged_bytes(dice, dice.choice(known_bodies()).encode())
    text = data.decode("utf-8", "replace")
    scanned(text)
    return text


PROPERTIES = (
    well_quoted_is_safe,
    fault_is_seen,
    harmless_changes_nothing,
    damage_is_survived,
    any_bytes_are_survived,
)

_bodies: list[str] = []


def known_bodies() -> list[str]:
    """The probes, one by one."""
    if not _bodies:
        sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "benchmarks"))  # noqa: PTH118, PTH120
        from probe_set import probes

        _bodies.extend(probe.body for probe in probes())
    return _bodies
