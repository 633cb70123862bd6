"""What the formats print: the outcome of one scan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pggit_excellence.scan.config import Config
from pggit_excellence.scan.frozen import dataclass, field
from pggit_excellence.scan.inputs.program import Program
from pggit_excellence.scan.model import Finding, Severity, Site, Verdict
from pggit_excellence.scan.output.baseline import Entry
from pggit_excellence.scan.output.locations import Locations
from pggit_excellence.scan.output.suppress import Suppressed

RANKS = {Severity.HINT: 0, Severity.WARNING: 1, Severity.ERROR: 2}


@dataclass(slots=True)
class Report:
    """`findings` are those that count; `suppressed` by comments and `known` from the baseline do not."""

    program: Program
    config: Config
    findings: list[Finding]
    sites: list[Site]
    errors: list[str]
    suppressed: list[Suppressed] = field(default_factory=list)
    known: list[Finding] = field(default_factory=list)
    gone: list[Entry] = field(default_factory=list)
    seconds: float = 0.0
    statistics: bool = False
    locations: Locations = field(init=False)

    def __post_init__(self) -> None:
        """Lines are counted where they are asked for."""
        self.locations = Locations(self.program.sources)

    def counting(self) -> Sequence[Finding]:
        """Findings at or above the threshold."""
        threshold = RANKS[self.config.fail_on]
        return [finding for finding in self.findings if RANKS[finding.severity] >= threshold]

    def summary(self) -> dict[str, object]:
        """Numbers: of inputs, of sites by verdict, of findings by severity and by rule."""
        sources = self.program.sources.values()
        verdicts = Counter(site.verdict for site in self.sites)
        severities = Counter(finding.severity for finding in self.findings)
        return {
            "files": len(sources),
            "lines": sum(source.text.count("\n") + (source.text[-1:] not in {"", "\n"}) for source in sources),
            "routines": sum(routine.kind != "statement" for routine in self.program.routines),
            "sites": {str(verdict): verdicts[verdict] for verdict in Verdict},
            "findings": {str(severity): severities[severity] for severity in Severity},
            "rules": dict(sorted(Counter(finding.rule for finding in self.findings).items())),
            "counting": len(self.counting()),
            "suppressed": len(self.suppressed),
            "baseline": len(self.known),
            "gone_from_baseline": sum(entry.count for entry in self.gone),
            "errors": len(self.errors),
            "seconds": round(self.seconds, 3),
        }
