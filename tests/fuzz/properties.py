"""What must hold of the scanner's answers, whatever it is given; each property raises BrokenError with the text."""

from __future__ import annotations

import json
import re
import signal
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
from pggit_excellence.scan.output.outcome import outcome
from probe_set import probes
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


class BrokenError(AssertionError):
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
    """The analysis of the text in this process, with the time limit; BrokenError where it raises or hangs."""
    return report(text)[0]


def report(text: str) -> tuple[Analysis, dict[str, Any]]:
    """The analysis, and the report in JSON."""
    try:
        with limited():
            program = build([SourceText("-", text)])
            analysis = analyse(program, Config(), isolated=False)
            return analysis, json.loads(json_format.render(outcome(program, analysis, Config())))
    except Slow:
        raise BrokenError(f"more than {SECONDS} seconds", text) from None
    except Exception as error:
        raise BrokenError(f"{type(error).__name__}: {error}", text) from error


def verdict(text: str, function: str = routines.NAME) -> Verdict:
    """The worst that is said of the function; BrokenError where its statement is no site."""
    analysis = scanned(text)
    found = [site.verdict for site in analysis.sites if site.function.endswith(function)]
    if not found:
        raise BrokenError("the EXECUTE is no site", text)
    found += [RULES[item.rule] for item in analysis.findings if item.rule in RULES and item.function.endswith(function)]
    return max(found, key=RANK.index)


# Properties: each makes its case from dice and returns the text that it tried -----------------------------------------


def well_quoted_is_safe(dice: Random) -> str:
    """No false alarm."""
    text = routines.well_quoted(dice).text
    found = verdict(text)
    if found is not Verdict.SAFE:
        raise BrokenError(f"{found}, but it is well quoted", text)
    return text


def fault_is_seen(dice: Random) -> str:
    """The caller's text without quoting is never called safe."""
    text = routines.with_a_fault(dice).text
    if verdict(text) is Verdict.SAFE:
        raise BrokenError("safe, but a text of the caller is not quoted", text)
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
        raise BrokenError(f"{before} became {after}", f"{routine.text}\n-- became\n{changed.text}")
    return changed.text


def executes(text: str) -> list[int]:
    """Where EXECUTE is a word of the text that PL/pgSQL may mean as a statement."""
    words = [token for token in tokens(text) if token.kind is not Kind.COMMENT]
    return [token.start for token in words if text[token.start : token.end].lower() == "execute"]


def damage_is_survived(dice: Random) -> str:
    """No crash, and no EXECUTE of a damaged body is lost: each is a site, or inside something said not to be parsed."""
    body = damaged(dice, routines.of_any_kind(dice).text if dice.random() < 0.5 else dice.choice(known_bodies()))
    text = (
        body if dice.random() < 0.6 else f"CREATE FUNCTION f(p text) RETURNS void LANGUAGE plpgsql AS $zz${body}$zz$;"
    )
    analysis, found = report(text)
    if analysis.errors:
        raise BrokenError(f"errors: {analysis.errors}", text)
    if found["sites"] is None or len(found["sites"]) != len(analysis.sites):
        raise BrokenError("the report in JSON has other sites", text)
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
        if begins and offset + start not in sites:
            raise BrokenError(f"the EXECUTE at {offset + start} is no site", text)


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
        _bodies.extend(probe.body for probe in probes())
    return _bodies
