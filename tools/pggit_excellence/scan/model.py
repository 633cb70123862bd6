"""What the scan reports: sites, findings and their fixes. Rules are in rules.py."""

from __future__ import annotations

from enum import StrEnum

from pggit_excellence.scan.frozen import dataclass, field
from pggit_excellence.scan.values.abstract import Place, Step


class Verdict(StrEnum):
    """Of one dynamic statement."""

    SAFE = "safe"
    UNSAFE = "unsafe"
    BY_DESIGN = "by_design"
    NOT_PROVEN = "not_proven"


class Severity(StrEnum):
    """How bad; `hint` never makes the exit code 1 by default."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


class Confidence(StrEnum):
    """How sure."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the characters of `place` by `text`."""

    place: Place
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """What mends a finding. `--fix` applies it only where `certain`: honest input means the same, no exploit stays."""

    summary: str
    edits: tuple[Edit, ...]
    certain: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding at `place`; severity and confidence may differ from the rule's own."""

    rule: str
    message: str
    place: Place
    function: str  # Routine.label
    severity: Severity
    confidence: Confidence
    path: tuple[Step, ...] = ()
    fix: Fix | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """One dynamic statement; `place` is its keyword EXECUTE, or the name of the function that is the sink."""

    place: Place
    function: str
    kind: str
    verdict: Verdict
    nested: bool = False


@dataclass(slots=True)
class Analysis:
    """What the analysis of a program found; `errors` are lines for the user about what could not be scanned."""

    findings: list[Finding] = field(default_factory=list)
    sites: list[Site] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
