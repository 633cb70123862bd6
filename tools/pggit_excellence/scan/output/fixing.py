"""`--fix` and `--diff`: make the fixes that are certain, and only where the result is at least as good.

Fixes are made in rounds, as one can make room for the next; each round is scanned before it counts. A file is written
once, at the end, atomically and in its own encoding.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from difflib import unified_diff
from pathlib import Path

from pggit_excellence.errors import CommandError
from pggit_excellence.scan.frozen import dataclass, replace
from pggit_excellence.scan.inputs.program import SourceText
from pggit_excellence.scan.model import Edit, Finding, Severity
from pggit_excellence.scan.output.locations import apply, split_lines
from pggit_excellence.scan.output.report import RANKS, Report

# How often everything is scanned anew, at most.
MAX_SCANS = 40

Scan = Callable[[Iterable[SourceText]], Report]
# Which finding a fix belongs to, when places have moved.
Key = tuple[str, str, str, str]


@dataclass(slots=True)
class Fixed:
    """The report after all fixes, with the sources as they are then; how many were made, and how many would do harm."""

    report: Report
    count: int = 0
    refused: int = 0


def fix_all(sources: Iterable[SourceText], scan: Scan) -> Fixed:
    """Make every certain fix that leads to no new finding and no text that does not parse."""
    result = Fixed(scan(sources))
    refused: set[Key] = set()
    most = 1 << 30
    for _ in range(MAX_SCANS):
        chosen = _chosen(result.report, refused)[:most]
        if not chosen:
            break
        after = scan(_edited(result.report, chosen))
        if not harmed(result.report, after):
            result = Fixed(after, result.count + len(chosen))
            most = 1 << 30
        elif len(chosen) > 1:  # one of them does harm: find out which
            most = len(chosen) // 2
        else:
            refused.add(_key(chosen[0]))
            most = 1 << 30
    result.refused = len(refused)
    return result


def _key(finding: Finding) -> Key:
    return finding.place.file, finding.rule, finding.function, finding.message


def _edits(finding: Finding) -> tuple[Edit, ...]:
    return finding.fix.edits if finding.fix is not None and finding.fix.certain else ()


def _chosen(report: Report, refused: set[Key]) -> list[Finding]:
    """Findings with a certain fix whose edits do not overlap those of one before it."""
    taken: dict[str, list[tuple[int, int]]] = {}
    chosen = []
    for finding in report.findings:
        edits = _edits(finding)
        spans = [(edit.place.file, edit.place.start, edit.place.end) for edit in edits]
        if not edits or _key(finding) in refused:
            continue
        if any(start <= e and s <= end for file, start, end in spans for s, e in taken.get(file, ())):
            continue
        for file, start, end in spans:
            taken.setdefault(file, []).append((start, end))
        chosen.append(finding)
    return chosen


def _edited(report: Report, findings: Sequence[Finding]) -> list[SourceText]:
    """Every source, with the fixes of these findings; new lines end as the file's do."""
    edits: dict[str, list[Edit]] = {}
    for edit in dict.fromkeys(edit for finding in findings for edit in _edits(finding)):
        edits.setdefault(edit.place.file, []).append(edit)
    sources = []
    for name, source in report.program.sources.items():
        wanted = edits.get(name, [])
        if "\r\n" in source.text:
            wanted = [replace(edit, text=edit.text.replace("\r\n", "\n").replace("\n", "\r\n")) for edit in wanted]
        sources.append(replace(source, text=apply(source.text, wanted)) if wanted else source)
    return sources


def harmed(before: Report, after: Report) -> bool:
    """Whether there are findings that were not there (hints aside: %L may stand where USING fits), or more problems."""

    def counts(report: Report) -> Counter[tuple[str, str, str]]:
        serious = [f for f in report.findings if RANKS[f.severity] >= RANKS[Severity.WARNING]]
        return Counter((f.place.file, f.function, f.rule) for f in serious)

    return bool(counts(after) - counts(before)) or len(after.errors) > len(before.errors)


def changes(before: Iterable[SourceText], after: Report) -> list[tuple[SourceText, SourceText]]:
    """The sources that are not what they were: as they were, and as they are."""
    pairs = [(source, after.program.sources[source.name]) for source in before]
    return [(old, new) for old, new in pairs if old.text != new.text]


def file_diff(old: SourceText, new: SourceText) -> str:
    """What --diff prints of one file."""
    name = old.name.lstrip("/")
    return "".join(
        line if line.endswith("\n") else line + "\n\\ No newline at end of file\n"
        for line in unified_diff(split_lines(old.text), split_lines(new.text), f"a/{name}", f"b/{name}")
    )


def write(old: SourceText, new: SourceText) -> None:
    """Put the new text in the place of the old: all of it or nothing, with the file's encoding, mode and owner."""
    path = Path(old.name).resolve()
    try:
        content = _encoded(path.read_bytes(), old.text, new.text)
        if content is None:
            raise CommandError(f"--fix: {old.name}: changed while it was scanned, or in no encoding that is kept")
        if not os.access(path, os.W_OK):
            raise CommandError(f"--fix: {old.name}: may not be written")
        _replace(path, content)
    except OSError as error:
        raise CommandError(f"--fix: {old.name}: {error.strerror}") from None


def _encoded(raw: bytes, old: str, new: str) -> bytes | None:
    """The new text in the encoding in which the old one is exactly what the file holds."""
    for encoding in ("utf-8", "utf-8-sig", "latin-1"):
        try:
            if old.encode(encoding) == raw:
                return new.encode(encoding)
        except UnicodeEncodeError:
            continue
    return None


def _replace(path: Path, content: bytes) -> None:
    status = path.stat()
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), status.st_mode & 0o7777)
            if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(file.fileno(), status.st_uid, status.st_gid)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
