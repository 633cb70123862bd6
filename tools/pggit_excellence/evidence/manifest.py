"""The manifest of a bundle: what was asked, of whom, when, what came back, and the SHA-256 of every file.

It is the one file that is signed, with the key's Sigstore bundle beside it: `cosign verify-blob` checks it as well.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pggit_excellence.errors import CommandError
from pggit_excellence.evidence.gathering import Collection, Item, in_utc
from pggit_excellence.signing.findings import Rejected
from pggit_excellence.signing.strict import json_object, member, only
from pggit_excellence.slo.report.period import Period
from pggit_excellence.version import version

FORMAT = "pggit_excellence evidence v1"
MANIFEST, SIGNATURE, README = "manifest.json", "manifest.json.sigstore.json", "README.txt"
LARGEST = 16 << 20
SHA256 = re.compile(r"[0-9a-f]{64}")
NAME = re.compile(r"[a-z0-9_]{1,63}")


def query_file(name: str) -> str:
    """Where the text of a query is."""
    return f"queries/{name}.sql"


def result_file(name: str) -> str:
    """Where its rows are."""
    return f"results/{name}.jsonl"


def file_entry(content: bytes) -> dict[str, Any]:
    """What the manifest says about a file of this content."""
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def evidence_entry(item: Item) -> dict[str, Any]:
    """What the manifest says about a query and its result."""
    entry: dict[str, Any] = {
        "name": item.name,
        "title": item.title,
        "criteria": item.criteria,
        "query": query_file(item.name),
        "started_at": item.started_at,
        "ended_at": item.ended_at,
    }
    if item.error is not None:
        return entry | {"status": "failed", "error": item.error}
    return entry | {"status": "collected", "result": result_file(item.name), "rows": item.rows}


def manifest(
    collection: Collection, period: Period, files: dict[str, dict[str, Any]], key: str | None, client: datetime
) -> dict[str, Any]:
    """The manifest as JSON; `key` is the hint of the public key that signs it, None: nobody signs."""
    return {
        "format": FORMAT,
        "collected_by": {"program": "pggit-excellence", "version": version(), "client_time": in_utc(client)},
        "signed_with": key,
        "server": collection.server,
        "period": {"name": period.name, "since": in_utc(period.start), "until": in_utc(period.end)},
        "started_at": collection.started_at,
        "ended_at": collection.ended_at,
        "criteria": collection.criteria,
        "evidence": [evidence_entry(item) for item in collection.items],
        "files": files,
    }


def as_bytes(content: dict[str, Any]) -> bytes:
    """Laid out for people; the same content gives the same bytes."""
    return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


@dataclass(frozen=True)
class Result:
    """A result that the manifest names: its file, and how many rows are in it."""

    file: str
    rows: int


@dataclass(frozen=True)
class Manifest:
    """A manifest that was read and makes sense in itself."""

    said: dict[str, Any]
    files: dict[str, tuple[int, str]]
    results: list[Result]

    @property
    def failed(self) -> list[dict[str, Any]]:
        """The queries that failed when the bundle was made."""
        return [each for each in self.said["evidence"] if each["status"] == "failed"]


MEMBERS = {"format", "collected_by", "signed_with", "server", "period", "started_at", "ended_at"}
LISTS = {"criteria", "evidence", "files"}
EVIDENCE = {"name", "title", "criteria", "query", "started_at", "ended_at", "status"}


def parse(content: bytes, what: str) -> Manifest:
    """Read a manifest; CommandError where nobody could have written it here, Rejected where it contradicts itself."""
    said = json_object(content, what)
    if said.get("format") != FORMAT:
        raise CommandError(f"{what}: format is {said.get('format')!r}, known is {FORMAT}")
    only(said, MEMBERS | LISTS, what)
    try:
        canonical = as_bytes(said)
    except UnicodeEncodeError:
        raise CommandError(f"{what}: halves of characters in it (surrogates)") from None
    if canonical != content:
        raise Rejected(f"{what}: not laid out as evidence collect writes it")
    for name, kind in (("collected_by", dict), ("server", dict), ("period", dict), ("criteria", list)):
        member(said, name, kind, what)
    if not isinstance(said.get("signed_with"), str | None):
        raise CommandError(f"{what}: signed_with is neither the name of a key nor null")
    _times(said, what)
    files = {name: _file(name, entry, what) for name, entry in member(said, "files", dict, what).items()}
    results = _evidence(said, files, what)
    return Manifest(said, files, results)


def _times(said: dict[str, Any], what: str) -> None:
    """Nothing ends before it begins."""
    period = said["period"]
    only(period, {"name", "since", "until"}, f"{what}: period")
    since, until = (_moment(period, name, f"{what}: period") for name in ("since", "until"))
    started, ended = (_moment(said, name, what) for name in ("started_at", "ended_at"))
    if since >= until:
        raise Rejected(f"{what}: the period ends before it begins")
    if started > ended:
        raise Rejected(f"{what}: the collection ended before it began")
    if since > ended:
        raise Rejected(f"{what}: collected before the period began")


def _moment(of: dict[str, Any], name: str, what: str) -> datetime:
    text = member(of, name, str, what)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None or in_utc(at) != text:
        raise CommandError(f"{what}: {name} is no time in UTC: {text!r}")
    return at


def _file(name: str, entry: object, what: str) -> tuple[int, str]:
    if not isinstance(entry, dict):
        raise CommandError(f"{what}: files: {name!r} is no object")
    only(entry, {"bytes", "sha256"}, f"{what}: files: {name!r}")
    size, digest = entry.get("bytes"), entry.get("sha256")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise CommandError(f"{what}: files: {name!r} has no number of bytes")
    if not isinstance(digest, str) or SHA256.fullmatch(digest) is None:
        raise CommandError(f"{what}: files: {name!r} has no SHA-256")
    return size, digest


def _evidence(said: dict[str, Any], files: dict[str, tuple[int, str]], what: str) -> list[Result]:
    """What was asked; every file belongs to exactly one query, but the README."""
    criteria = set()
    for each in said["criteria"]:
        if not isinstance(each, dict):
            raise CommandError(f"{what}: criteria: no object")
        only(each, {"criterion", "control", "manual"}, f"{what}: criteria")
        criteria.add(member(each, "criterion", str, f"{what}: criteria"))
    started, ended = said["started_at"], said["ended_at"]
    expected, results, names = {README}, [], []
    for each in member(said, "evidence", list, what):
        if not isinstance(each, dict):
            raise CommandError(f"{what}: evidence: no object")
        name = member(each, "name", str, f"{what}: evidence")
        where = f"{what}: evidence {name!r}"
        if NAME.fullmatch(name) is None:
            raise CommandError(f"{where}: no name")
        names.append(name)
        result = _one(each, criteria, where)
        expected.add(query_file(name))
        if result is not None:
            expected.add(result.file)
            results.append(result)
        _moment(each, "started_at", where)
        _moment(each, "ended_at", where)
        if not started <= each["started_at"] <= each["ended_at"] <= ended:
            raise Rejected(f"{where}: not run while the evidence was collected")
    if names != sorted(set(names)):
        raise Rejected(f"{what}: the evidence is not in order, or stands twice")
    for file in sorted(expected ^ files.keys()):
        raise Rejected(f"{what}: {file!r} {'belongs to no evidence' if file in files else 'is not among the files'}")
    return results


def _one(each: dict[str, Any], criteria: set[str], where: str) -> Result | None:
    """The result of one query, None where it failed."""
    status = member(each, "status", str, where)
    if status == "failed":
        only(each, EVIDENCE | {"error"}, where)
        member(each, "error", str, where)
    elif status == "collected":
        only(each, EVIDENCE | {"result", "rows"}, where)
    else:
        raise CommandError(f"{where}: status is {status!r}")
    member(each, "title", str, where)
    unknown = [c for c in member(each, "criteria", list, where) if not isinstance(c, str) or c not in criteria]
    if unknown:
        raise Rejected(f"{where}: bears on {unknown[0]!r}, which is not among the criteria")
    if each.get("query") != query_file(each["name"]):
        raise CommandError(f"{where}: query is {each.get('query')!r}")
    if status == "failed":
        return None
    rows = each.get("rows")
    if each.get("result") != result_file(each["name"]) or not isinstance(rows, int) or isinstance(rows, bool):
        raise CommandError(f"{where}: no result, or no number of rows")
    return Result(each["result"], rows)
