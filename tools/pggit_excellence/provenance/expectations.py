"""What the predicate says against what is expected; each function raises Rejected where they differ."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pggit_excellence.errors import CommandError
from pggit_excellence.provenance.statement import OLD_STATEMENT, PREDICATE, STATEMENT, moment
from pggit_excellence.signing.findings import Rejected
from pggit_excellence.signing.strict import member

# Clocks differ.
TOLERANCE = timedelta(minutes=5)
DAY = 86400
COMMITS = ("gitCommit", "sha1")


def predicate(said: dict[str, Any], what: str) -> dict[str, Any]:
    """The SLSA predicate of a statement."""
    if said.get("_type") not in (STATEMENT, OLD_STATEMENT):
        raise CommandError(f"{what}: _type is {said.get('_type')!r}, known is {STATEMENT}")
    if said.get("predicateType") != PREDICATE:
        raise CommandError(f"{what}: predicateType is {said.get('predicateType')!r}, known is {PREDICATE}")
    found: dict[str, Any] = member(said, "predicate", dict, what)
    return found


def builder(found: dict[str, Any], expected: str, what: str) -> None:
    """Who built."""
    name = member(member(_run(found, what), "builder", dict, what), "id", str, what)
    if name != expected:
        raise Rejected(f"{what}: built by {name!r}, not by {expected!r}")


def build_type(found: dict[str, Any], expected: str | None, what: str) -> str:
    """How it was built; returns what is said."""
    name: str = member(_definition(found, what), "buildType", str, what)
    if expected not in (None, name):
        raise Rejected(f"{what}: the build type is {name!r}, not {expected!r}")
    return name


def source(found: dict[str, Any], expected: str, revision: str | None, what: str) -> str:
    """From what: exactly one dependency is the source, with its commit; returns the commit."""
    dependencies = member(_definition(found, what), "resolvedDependencies", list, what)
    commits = [
        each.get("digest")
        for each in dependencies
        if isinstance(each, dict) and expected in (each.get("uri"), _without_reference(each.get("uri")))
    ]
    if len(commits) != 1:
        raise Rejected(f"{what}: built from {_sources(dependencies)}, not from {expected!r}")
    digest = commits[0]
    named = next((digest[kind] for kind in COMMITS if kind in digest), None) if isinstance(digest, dict) else None
    if not isinstance(named, str):
        raise Rejected(f"{what}: does not say from which commit of {expected!r}")
    if revision not in (None, named):
        raise Rejected(f"{what}: built from commit {named!r}, not from {revision!r}")
    return named


def _without_reference(name: object) -> str | None:
    """GitHub's statements append the branch: git+https://github.com/owner/name@refs/heads/main."""
    return name.partition("@refs/")[0] if isinstance(name, str) else None


def _sources(dependencies: list[Any]) -> str:
    names = [str(each.get("uri")) for each in dependencies if isinstance(each, dict)]
    return ", ".join(repr(name) for name in names[:3]) or "nothing that is named"


def external(found: dict[str, Any], expected: Mapping[str, str] | None, from_what: str, what: str) -> None:
    """What the builder was asked for, and nothing that the caller does not know of (None: whatever it was)."""
    said = member(_definition(found, what), "externalParameters", dict, what)
    if expected is None:
        return
    wanted = dict(expected) | {"source": from_what}
    for name in sorted(said.keys() | wanted.keys()):
        if name not in wanted:
            raise Rejected(f"{what}: built with the parameter {name}={said[name]!r}; add --parameter if that is right")
        if said.get(name) != wanted[name]:
            state = f"{name}={said[name]!r}" if name in said else f"no {name}"
            raise Rejected(f"{what}: built with {state}, expected is {wanted[name]!r}")


def times(found: dict[str, Any], max_age: float | None, what: str) -> str | None:
    """When: neither in the future nor longer ago than so many days; returns the end as it is said."""
    metadata = _run(found, what).get("metadata", {})
    if not isinstance(metadata, dict):
        raise CommandError(f"{what}: metadata is no object")
    said = {name: metadata[name] for name in ("startedOn", "finishedOn") if metadata.get(name) is not None}
    moments = {}
    for name, text in said.items():
        moments[name] = moment(text if isinstance(text, str) else repr(text), f"{what}: {name}")
        if moments[name] > datetime.now(UTC) + TOLERANCE:
            raise Rejected(f"{what}: {name} is in the future ({text})")
    end = moments.get("finishedOn")
    if end is not None and moments.get("startedOn", end) > end:
        raise Rejected(f"{what}: ended before it started")
    if max_age is not None and end is None:
        raise Rejected(f"{what}: does not say when the build ended, so nothing about its age")
    if max_age is not None and end is not None and (datetime.now(UTC) - end).total_seconds() > max_age * DAY:
        raise Rejected(f"{what}: expired: built {said['finishedOn']}, more than {max_age:g} days ago")
    return said.get("finishedOn")


def _definition(found: dict[str, Any], what: str) -> dict[str, Any]:
    part: dict[str, Any] = member(found, "buildDefinition", dict, what)
    return part


def _run(found: dict[str, Any], what: str) -> dict[str, Any]:
    part: dict[str, Any] = member(found, "runDetails", dict, what)
    return part
