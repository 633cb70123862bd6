"""in-toto Statement v1 with SLSA provenance v1 as its predicate: https://slsa.dev/spec/v1.0/provenance."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from pggit_excellence.errors import CommandError

STATEMENT = "https://in-toto.io/Statement/v1"
# What cosign attest-blob 3.1 writes.
OLD_STATEMENT = "https://in-toto.io/Statement/v0.1"
PREDICATE = "https://slsa.dev/provenance/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def moment(text: str, what: str) -> datetime:
    """A time by RFC 3339, with its zone."""
    try:
        if TIME.fullmatch(text) is None:
            raise ValueError
        # More digits than microseconds have are cut off.
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise CommandError(f"{what}: a time like 2026-01-31T12:00:00Z is needed, this is {text!r}") from None


def uri(text: str, what: str) -> str:
    """A URI; one with a password in it would publish it."""
    if URI.fullmatch(text) is None:
        raise CommandError(f"{what}: a URI is needed, this is {text!r}")
    if re.match(r"[^/]*//[^/@]*:[^/@]*@", text):
        raise CommandError(f"{what}: holds a password, which everybody would read")
    return text


def commit(text: str, what: str) -> str:
    """The full hash of a git commit."""
    if COMMIT.fullmatch(text) is None:
        raise CommandError(f"{what}: the full hash of a commit is needed (git rev-parse HEAD), this is {text!r}")
    return text


def parameters(given: Sequence[str]) -> dict[str, str]:
    """NAME=VALUE, each name once."""
    found: dict[str, str] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not name or not equals or name == "source" or name in found:
            raise CommandError(f"--parameter: NAME=VALUE is needed, each name once and not source; this is {each!r}")
        found[name] = value
    return found


def leads_out(name: str) -> bool:
    """Whether a subject's name is more than a path below its folder."""
    path = PurePosixPath(name)
    unprintable = not name.isprintable() or "\\" in name
    return not name or unprintable or path.is_absolute() or ".." in path.parts or str(path) in (".", "")


def statement(
    subjects: Mapping[str, Mapping[str, str]],
    build_type: str,
    external: Mapping[str, str],
    dependencies: Sequence[Mapping[str, Any]],
    run: Mapping[str, Any],
) -> dict[str, Any]:
    """The statement, as JSON: `subjects` are names with digests, `external` is what the builder was told."""
    return {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": dict(subjects[name])} for name in sorted(subjects)],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": build_type,
                "externalParameters": dict(external),
                "resolvedDependencies": [dict(dependency) for dependency in dependencies],
            },
            "runDetails": dict(run),
        },
    }
