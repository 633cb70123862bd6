"""The rules: what each finding is called, how bad it is and how sure. Their explanations are in rule_texts.py."""

from __future__ import annotations

from pggit_excellence.scan.frozen import dataclass
from pggit_excellence.scan.model import Confidence, Severity


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `severity` and `confidence` are the usual ones: a finding can have its own. `cwe` '' where none fits.

    `since` is the first version of pggit-excellence that has the rule.
    """

    id: str
    name: str
    title: str
    severity: Severity
    confidence: Confidence
    cwe: str
    since: str = "0.1.0"


_ERROR, _WARNING, _HINT = Severity.ERROR, Severity.WARNING, Severity.HINT
_HIGH, _MEDIUM = Confidence.HIGH, Confidence.MEDIUM
_RULES = (
    Rule("PGX101", "unquoted-fragment", "Unquoted text becomes part of a statement", _ERROR, _HIGH, "CWE-89"),
    Rule("PGX102", "callers-statement", "Runs a statement that the caller supplies", _WARNING, _HIGH, "CWE-89"),
    Rule("PGX103", "stored-statement", "Runs a statement that a table supplies", _WARNING, _HIGH, "CWE-89"),
    Rule("PGX104", "wrong-quoting", "Quoting does not fit its position", _ERROR, _HIGH, "CWE-89"),
    Rule("PGX105", "quoted-twice", "Quoted twice", _WARNING, _HIGH, "CWE-116"),
    Rule("PGX106", "glued-identifier", "Text glued to a quoted identifier", _WARNING, _HIGH, "CWE-116"),
    Rule("PGX107", "format-raises", "format() would raise an error", _ERROR, _HIGH, "CWE-628"),
    Rule("PGX108", "never-valid", "The statement can never be valid SQL", _ERROR, _HIGH, "CWE-670"),
    Rule("PGX109", "hand-made-quotes", "Quotes added by hand", _ERROR, _HIGH, "CWE-89"),
    Rule("PGX110", "shadowable-quoting", "The quoting function can be shadowed", _WARNING, _MEDIUM, "CWE-426"),
    Rule("PGX111", "other-sink", "Unquoted text reaches a function that runs SQL", _ERROR, _HIGH, "CWE-89"),
    Rule("PGX112", "value-without-using", "Value spliced where USING fits", _HINT, _MEDIUM, "CWE-89"),
    Rule("PGX201", "definer-without-path", "SECURITY DEFINER without search_path", _ERROR, _HIGH, "CWE-426"),
    Rule("PGX202", "definer-unsafe-path", "SECURITY DEFINER with an unsafe search_path", _WARNING, _HIGH, "CWE-427"),
    Rule("PGX203", "event-trigger-path", "Event trigger function without safe search_path", _WARNING, _HIGH, "CWE-426"),
    Rule("PGX204", "public-definer", "PUBLIC may run SECURITY DEFINER dynamic SQL", _WARNING, _MEDIUM, "CWE-732"),
    Rule("PGX901", "not-parsed", "Not understood, therefore not proven", _WARNING, _HIGH, ""),
    Rule("PGX902", "bad-suppression", "Suppression that is unused or incomplete", _WARNING, _HIGH, "CWE-1164"),
)
RULES: dict[str, Rule] = {rule.id: rule for rule in _RULES}
