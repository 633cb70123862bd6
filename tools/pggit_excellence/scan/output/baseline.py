"""Baselines: findings that were there when scanning began, so that only new ones count."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pggit_excellence.errors import CommandError
from pggit_excellence.scan.frozen import dataclass
from pggit_excellence.scan.model import Finding

if TYPE_CHECKING:
    from pathlib import Path

VERSION = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """Alike findings: how many, and where they were when the file was written, for people who read it."""

    fingerprint: str
    rule: str
    function: str
    file: str
    count: int


def write(path: Path, findings: Sequence[Finding], prints: Sequence[str]) -> None:
    """Write the file anew; `prints` are the fingerprints of the findings."""
    counts, first = Counter(prints), dict(zip(reversed(prints), reversed(findings), strict=True))
    entries = [
        {"rule": f.rule, "file": f.place.file, "function": f.function, "fingerprint": known, "count": counts[known]}
        for known, f in first.items()
    ]
    entries.sort(key=lambda entry: [str(entry[key]) for key in ("file", "rule", "function", "fingerprint")])
    text = json.dumps({"version": VERSION, "findings": entries}, indent=1, ensure_ascii=False) + "\n"
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"--write-baseline: {path}: {error.strerror}") from None


def read(path: Path) -> list[Entry]:
    """The entries of the file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["version"] != VERSION:
            raise CommandError(f"baseline {path}: version {content['version']!r} is not known, only {VERSION}")
        return [
            Entry(str(e["fingerprint"]), str(e["rule"]), str(e["function"]), str(e["file"]), int(e["count"]))
            for e in content["findings"]
        ]
    except OSError as error:
        raise CommandError(f"baseline {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise CommandError(f"baseline {path}: not a file that --write-baseline wrote") from None


def split(
    findings: Iterable[Finding], prints: Iterable[str], entries: Iterable[Entry]
) -> tuple[list[Finding], list[Finding], list[Entry]]:
    """New findings; those of the baseline; and its entries of which some or all are gone, with how many."""
    entries = list(entries)
    left: Counter[str] = Counter()
    for entry in entries:
        left[entry.fingerprint] += entry.count
    new: list[Finding] = []
    known: list[Finding] = []
    for finding, fingerprint in zip(findings, prints, strict=True):
        (known if left[fingerprint] > 0 else new).append(finding)
        left[fingerprint] -= 1
    gone = [Entry(e.fingerprint, e.rule, e.function, e.file, left[e.fingerprint]) for e in entries]
    return new, known, [entry for entry in gone if entry.count > 0]
