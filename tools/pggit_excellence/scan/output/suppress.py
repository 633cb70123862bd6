"""`-- pggit: ignore[PGX101] reason`: findings that somebody looked at.

The comment stands behind the statement or alone above it (or inside it), as `-- ...`, `/* ... */`, or `# ...` in
PL/Python. It counts for findings of that statement: where they are reported, or at the end
of their path, which is the EXECUTE.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pggit_excellence.scan.frozen import dataclass, field
from pggit_excellence.scan.inputs.layout import Comment, Layout, Piece, layout
from pggit_excellence.scan.inputs.program import Program, Routine
from pggit_excellence.scan.model import Finding
from pggit_excellence.scan.output.locations import Locations
from pggit_excellence.scan.output.rules import RULES
from pggit_excellence.scan.values.abstract import Place

RULE = "PGX902"
MARK = re.compile(r"pggit:\s*ignore\b", re.IGNORECASE)
_MARKED = "pggit:"  # found fast in texts that are full of `pggit.`
_SUPPRESSION = re.compile(r"(?:--|/\*|#)[\s*]*" + MARK.pattern + r"(?:\s*\[([^\]]*)\])?(.*)", re.IGNORECASE | re.DOTALL)
EXAMPLE = "-- pggit: ignore[PGX101] reason"


@dataclass(slots=True)
class Suppression:
    """One such comment; `complaints` are what is wrong with it, `used` the ids that it suppressed something of."""

    file: str
    comment: Comment
    rules: tuple[str, ...]
    reason: str
    complaints: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A finding and the reason that the comment gives."""

    finding: Finding
    reason: str


def suppress(
    program: Program, findings: Iterable[Finding], enabled: Iterable[str], locations: Locations
) -> tuple[list[Finding], list[Suppressed]]:
    """Findings that remain, with those about the comments themselves; and those that a comment suppresses.

    A comment is not called unused for rules that are not among the enabled ones.
    """
    routines: dict[str, list[Routine]] = {}
    for routine in program.routines:
        routines.setdefault(routine.file, []).append(routine)
    comments = _Comments(locations)
    for file, source in program.sources.items():
        if _MARKED in source.text.lower() and MARK.search(source.text):
            comments.add(file, layout(source, routines.get(file, ())))
    if not comments.all:
        return list(findings), []
    remaining, suppressed = [], []
    for finding in findings:
        covering = comments.covering(finding)
        for comment in covering:
            comment.used.add(finding.rule)
        if covering:
            suppressed.append(Suppressed(finding, covering[0].reason))
        else:
            remaining.append(finding)
    remaining += _complaints(comments.all, set(enabled), program)
    return remaining, suppressed


class _Comments:
    """The suppressions of all sources, found by the statement that they stand at, or by the line that they end."""

    def __init__(self, locations: Locations) -> None:
        self.all: list[Suppression] = []
        self._locations = locations
        self._layouts: dict[str, Layout] = {}
        self._by_statement: dict[tuple[str, Piece], list[Suppression]] = {}
        self._by_line: dict[tuple[str, int], list[Suppression]] = {}

    def add(self, file: str, layout: Layout) -> None:
        """Those of one source."""
        self._layouts[file] = layout
        for suppression in _read_all(file, layout):
            self.all.append(suppression)
            for piece in suppression.comment.applies_to:
                self._by_statement.setdefault((file, piece), []).append(suppression)
            if suppression.comment.trailing:
                line, _ = self._locations[file].at(suppression.comment.start)
                self._by_line.setdefault((file, line), []).append(suppression)

    def covering(self, finding: Finding) -> list[Suppression]:
        """Those at the finding's statement, or at the end of its path, that name its rule and give a reason."""
        found = [
            suppression
            for place in (finding.place, *(step.place for step in finding.path[-1:]))
            if place.file in self._layouts
            for suppression in self._at(place)
            if finding.rule in suppression.rules and suppression.reason
        ]
        return list({id(suppression): suppression for suppression in found}.values())

    def _at(self, place: Place) -> list[Suppression]:
        piece = self._layouts[place.file].statement(place.start)
        line, _ = self._locations[place.file].at(place.start)
        at_piece = [] if piece is None else self._by_statement.get((place.file, piece), [])
        return [*at_piece, *self._by_line.get((place.file, line), [])]


def _read_all(file: str, layout: Layout) -> list[Suppression]:
    found = (_read(file, comment) for comment in layout.comments)
    return [suppression for suppression in found if suppression is not None]


def _read(file: str, comment: Comment) -> Suppression | None:
    match = _SUPPRESSION.match(comment.text)
    if match is None:
        return None
    ids, behind = match.groups()
    reason = " ".join(behind.removesuffix("*/").split()).strip(" :-\u2013\u2014")
    rules = tuple(dict.fromkeys(name.strip().upper() for name in (ids or "").split(",") if name.strip()))
    result = Suppression(file, comment, rules, reason if re.search(r"\w", reason) else "")
    if not rules:
        result.complaints.append(f"the suppression names no rule: {EXAMPLE}")
    elif not result.reason:
        result.complaints.append(f"the suppression gives no reason, so the finding stays: {EXAMPLE}")
    result.complaints += [f"there is no rule {rule}" for rule in rules if rule not in RULES]
    return result


def _complaints(comments: Iterable[Suppression], enabled: set[str], program: Program) -> list[Finding]:
    if RULE not in enabled:
        return []
    found = []
    for comment in comments:
        messages = list(comment.complaints)
        if comment.reason:
            unused = [rule for rule in comment.rules if rule in enabled and rule not in comment.used]
            messages += [f"nothing of {rule} to suppress here: remove it" for rule in unused]
        found += [_finding(comment, message, program) for message in messages]
    return found


def _finding(comment: Suppression, message: str, program: Program) -> Finding:
    place = Place(comment.file, comment.comment.start, comment.comment.end)
    around = [r for r in program.routines if r.file == comment.file and r.start <= place.start < r.end]
    rule = RULES[RULE]
    return Finding(
        RULE,
        message[0].upper() + message[1:],
        place,
        around[-1].label if around else "",
        rule.severity,
        rule.confidence,
    )
