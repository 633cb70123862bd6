"""The probes of tests/fixtures/scan/probes: small routines, each with what is true of its dynamic SQL.

A probe begins with `-- probe: NAME  verdict: V` and ends where the next one begins. Between them its SQL, and lines
    -- call: SQL       an honest use, which works and does no harm
    -- attack: SQL     a hostile use, several if needed
In these :attack is replaced by every hostile text in turn as a literal, :"attack" as a quoted name, and :body by the
probe's own SQL (which is then not run beforehand: a DO block, say).

More words of the first line:
    rule: A|B       one of these rules must be reported (also beside `safe`, for what is only untidy)
    verdict: A|B    either will do
    function: F     whose statement is judged, where it is not the routine NAME
    exploit: none   the quoting is wrong for its place, but hostile text only ever ends in an error
    exploit: yes    something gets through, whatever the verdict on the statement: the quoting itself can be replaced
    sites: none     it runs nothing itself, but hands a text to a routine of the probes that does
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROBES = Path(__file__).resolve().parents[1] / "fixtures" / "scan" / "probes"
WORLD = PROBES / "world.sql"
VERDICTS = ("safe", "unsafe", "by_design", "not_proven")

# A hostile text that ends a name, a literal or a statement, or is one, before and after something that shows.
ATTACKS: tuple[str | None, ...] = (
    None,
    "",
    " ",
    "'",
    "''",
    '"',
    '""',
    "\\",
    "\\'",
    "%",
    "%s",
    "%I",
    "%L",
    "%1$s",
    "%2$s",
    "$1",
    "((((",
    "))))",
    "/*",
    "--",
    "-1",
    ".",
    "a.b.c",
    "public.people",
    '"public"."people"',
    "null",
    "asc",
    "people; SELECT pwn(); --",
    "people; SELECT pwn()",
    "people;SELECT/**/pwn();--",
    "people\n; SELECT pwn(); --",
    "people\r; SELECT pwn(); --",
    "people WHERE pwn() > 0",
    "people WHERE pwn() > 0 --",
    "people, pwn()",
    "people; DROP TABLE victim; --",
    'people"; SELECT pwn(); --',
    'people"; DROP TABLE victim; --',
    "people'; SELECT pwn(); --",
    "people'; DROP TABLE victim; --",
    'people""; SELECT pwn(); --',
    'people" WHERE pwn() > 0 --',
    "; SELECT pwn(); --",
    "; SELECT pwn()",
    "'; SELECT pwn(); --",
    "''; SELECT pwn(); --",
    "'''; SELECT pwn(); --",
    '"; SELECT pwn(); --',
    "\\'; SELECT pwn(); --",
    "\\''; SELECT pwn(); --",
    "\\\\'; SELECT pwn(); --",
    "'); SELECT pwn(); --",
    "')); SELECT pwn(); --",
    "\\'); SELECT pwn(); --",
    "'' || pwn() || ''",
    "' || pwn() || '",
    "'||pwn()||'",
    "\" || pwn() || \"",
    "||pwn()||",
    "' OR pwn() > 0 --",
    "' OR pwn() > 0 OR '",
    "1 OR pwn() > 0",
    "true AND pwn() > 0",
    "true; SELECT pwn(); --",
    "1; SELECT pwn(); --",
    "1); SELECT pwn(); --",
    "1, pwn()",
    "pwn()",
    "(SELECT pwn())",
    "id, pwn()",
    "id); SELECT pwn(); --",
    "id; SELECT pwn(); --",
    "id FROM people; SELECT pwn(); --",
    'id" FROM people; SELECT pwn(); --',
    "asc, pwn()",
    "DESC; SELECT pwn(); --",
    "integer); SELECT pwn(); --",
    "integer; SELECT pwn(); --",
    "SELECT pwn()",
    "$$; SELECT pwn(); --",
    "$$ || pwn() || $$",
    "$body$; SELECT pwn(); --",
    "$q$; SELECT pwn(); --",
    "*/ SELECT pwn(); /*",
    "\nSELECT pwn();\n--",
    "x\n; SELECT pwn(); --",
    "\u2019; SELECT pwn(); --",
    "\u02bc || pwn() || \u02bc",
    "\uff07; SELECT pwn(); --",
    "\uff02; SELECT pwn(); --",
    "\u00a0; SELECT pwn(); --",
    "x" * 70,
    "\u00e9" * 40,
    "x" * 61 + "''; SELECT pwn(); --",
    "x" * 62 + "'; SELECT pwn(); --",
    "x" * 62 + '"; SELECT pwn(); --',
    "x" * 63 + '"; SELECT pwn(); --',
    '"' * 31 + "; SELECT pwn(); --",
    "'" * 30 + "; SELECT pwn(); --",
    "'" * 31 + "; SELECT pwn(); --",
)  # fmt: skip
LONGEST_NAME = 63


def literal(text: str | None) -> str:
    """`text` as a literal that means the same whatever standard_conforming_strings says."""
    return "NULL" if text is None else "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def name(text: str | None) -> str | None:
    """`text` as a quoted name; None if there is no such name."""
    return None if not text else '"' + text.replace('"', '""') + '"'


@dataclass(frozen=True)
class Probe:
    """One probe: where it is, its SQL, how it is used and attacked, and what is true of it.

    `first` and `last` are its lines in `file`, counted from 1.
    """

    name: str
    file: Path
    first: int
    last: int
    body: str
    calls: tuple[str, ...]
    attacks: tuple[str, ...]
    verdicts: frozenset[str]
    rules: frozenset[str]
    function: str
    exploit: str
    has_site: bool

    @property
    def gets_through(self) -> bool:
        """Whether some hostile use must do harm; else none may."""
        return self.exploit == "yes" or (self.exploit != "none" and "safe" not in self.verdicts)

    @property
    def runs_when_used(self) -> bool:
        """Whether its SQL is part of each use instead of being run once beforehand."""
        return any(":body" in use for use in (*self.calls, *self.attacks))

    def honest(self) -> list[str]:
        """The honest uses as SQL."""
        return [use.replace(":body", self.body) for use in self.calls]

    def hostile(self) -> Iterator[str]:
        """The hostile uses as SQL, each with every hostile text."""
        for use in self.attacks:
            for text in ATTACKS if re.search(r':"?attack\b', use) else (None,):
                if ':"attack"' in use and name(text) is None:
                    continue
                filled = use.replace(':"attack"', name(text) or "").replace(":attack", literal(text))
                yield filled.replace(":body", self.body)


HEADER = re.compile(r"-- probe: (?P<name>\w+)(?P<words>(?:  \w+: \S+)+)$")
USE = re.compile(r"-- (call|attack): (.+)$")


def read_probe(file: Path, first: int, lines: list[str]) -> Probe:
    """The probe whose lines begin at line `first` of `file`; ValueError where it says something unknown."""
    header = HEADER.match(lines[0])
    if header is None:
        raise ValueError(f"{file.name}:{first}: not a probe's first line: {lines[0]}")
    words = dict(re.findall(r"(\w+): (\S+)", header["words"]))
    uses = [match.groups() for match in map(USE.match, lines) if match]
    probe = Probe(
        name=header["name"],
        file=file,
        first=first,
        last=first + len(lines) - 1,
        body="\n".join(line for line in lines[1:] if not USE.match(line)),
        calls=tuple(text for kind, text in uses if kind == "call"),
        attacks=tuple(text for kind, text in uses if kind == "attack"),
        verdicts=frozenset(words.pop("verdict").split("|")),
        rules=frozenset(filter(None, words.pop("rule", "").split("|"))),
        function=words.pop("function", header["name"]),
        exploit=words.pop("exploit", ""),
        has_site=words.pop("sites", "") != "none",
    )
    if words or not probe.verdicts <= set(VERDICTS) or not probe.calls or not probe.attacks:
        raise ValueError(f"{file.name}:{first}: a verdict, a call and an attack are needed, and nothing unknown")
    return probe


def read_probes(file: Path, text: str) -> Iterator[Probe]:
    """The probes of a file with this text."""
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("-- probe:")]
    for start, end in itertools.pairwise([*starts, len(lines)]):
        yield read_probe(file, start + 1, lines[start:end])


def probes() -> list[Probe]:
    """All probes in the order of their files; ValueError where two have the same name."""
    found: list[Probe] = []
    for file in sorted(PROBES.glob("*.sql")):
        found += read_probes(file, file.read_text(encoding="utf-8"))
    names = [probe.name for probe in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"more than one probe is called {', '.join(sorted(twice))}")
    return found
