"""What a finding is known by when lines move: its rule, its function and the text of its statement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pggit_excellence.scan.inputs.layout import Layout, layout
from pggit_excellence.scan.inputs.lexer import Kind, tokens
from pggit_excellence.scan.inputs.program import Program
from pggit_excellence.scan.model import Finding


def fingerprints(program: Program, findings: Iterable[Finding]) -> list[str]:
    """The fingerprint of each finding, in the same order: 32 hexadecimal digits; alike findings have the same."""
    import hashlib  # with OpenSSL behind it; most scans print none

    layouts: dict[str, Layout] = {}
    result = []
    for finding in findings:
        file = finding.place.file
        if file not in layouts:
            routines = [routine for routine in program.routines if routine.file == file]
            layouts[file] = layout(program.sources[file], routines)
        parts = (finding.rule, finding.function, _statement(program.sources[file].text, layouts[file], finding))
        result.append(hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32])
    return result


def numbered(prints: Iterable[str]) -> list[str]:
    """`fingerprint/n` for the n-th finding with that fingerprint, from 1."""
    seen: Counter[str] = Counter()
    result = []
    for fingerprint in prints:
        seen[fingerprint] += 1
        result.append(f"{fingerprint}/{seen[fingerprint]}")
    return result


def _statement(text: str, layout: Layout, finding: Finding) -> str:
    """The tokens of the statement, without comments and without what stands between dollar quotes."""
    piece = layout.statement(finding.place.start)
    if piece is None:
        return ""
    return " ".join(
        "$$" if token.kind is Kind.DOLLAR else text[token.start : token.end]
        for token in tokens(text, piece.start, piece.end)
        if token.kind is not Kind.COMMENT
    )
