"""`pggit-excellence audit logins`: failed logins and refused DDL from the server's log files into the audit log.

Each record counts once: how far a file is read is stored with the events, in the same transaction, under the hash of
the file's first line, which a renamed file keeps. So the command may be killed, repeated and run twice at once.
"""

from __future__ import annotations

import argparse
import hashlib
import stat
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from pggit_excellence.audit.serverlog import event, records
from pggit_excellence.connection import value
from pggit_excellence.errors import EXIT_CLEAN, EXIT_NOTHING, CommandError
from pggit_excellence.files import said
from pggit_excellence.output import print_json
from pggit_excellence.slo.repeating import add_every, repeat

BATCH_BYTES = 8 << 20
KINDS = {".csv": "csv", ".json": "json"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument(
        "logs", nargs="+", type=Path, metavar="PATH", help="files of csvlog (.csv) or jsonlog (.json), or their folder"
    )
    add_every(parser)


def run(options: argparse.Namespace) -> int:
    """Read what is new in the files."""

    def work(connection: psycopg.Connection) -> int:
        files = list(_files(options.logs))
        counts: Counter[str] = Counter()
        for file in files:
            counts += _read(connection, file)
        _show(options.format, len(files), counts)
        return EXIT_CLEAN if files else EXIT_NOTHING

    return repeat(options, work)


def _files(paths: list[Path]) -> Iterator[Path]:
    """The log files; in a folder those of one format, because csvlog and jsonlog tell the same twice."""
    for path in paths:
        try:
            found = [path]
            if stat.S_ISDIR(path.stat().st_mode):
                found = sorted(each for each in path.iterdir() if each.suffix in KINDS and each.is_file())
                kind = min((each.suffix for each in found), default=None)
                found = [each for each in found if each.suffix == kind]
        except OSError as error:
            raise CommandError(said(path, error)) from None
        for each in found:
            if each.suffix not in KINDS:
                raise CommandError(said(each, "neither csvlog (.csv) nor jsonlog (.json)"))
            yield each


def _read(connection: psycopg.Connection, path: Path) -> Counter[str]:
    """Record the new events of one file; how many of each kind, and `damaged` records."""
    counts: Counter[str] = Counter()
    try:
        with path.open("rb") as file:
            first_line = file.readline(1 << 20)
            if not first_line.endswith(b"\n"):
                return counts
            fingerprint = hashlib.sha256(first_line).hexdigest()
            size = file.seek(0, 2)
            start = _read_to(connection, fingerprint)
            if start > size:
                raise CommandError(said(path, f"shorter than what was read of it ({start} bytes): was it cut?"))
            events: list[dict[str, Any]] = []
            position = start
            for record in records(file, start, KINDS[path.suffix]):
                found = event(record.fields, path.name) if record.fields is not None else None
                counts["damaged"] += record.fields is None
                if found is not None:
                    events.append(found)
                if record.end - start >= BATCH_BYTES:
                    counts += _store(connection, fingerprint, path, (start, record.end), events)
                    start, events = record.end, []
                position = record.end
            if position > start:
                counts += _store(connection, fingerprint, path, (start, position), events)
    except OSError as error:
        raise CommandError(said(path, error)) from None
    return counts


def _read_to(connection: psycopg.Connection, fingerprint: str) -> int:
    found = value(
        connection, "SELECT f.read_to FROM pggit_excellence.audit_log_files AS f WHERE f.fingerprint = %s", fingerprint
    )
    return int(str(found)) if found is not None else 0


def _store(
    connection: psycopg.Connection, fingerprint: str, path: Path, part: tuple[int, int], events: list[dict[str, Any]]
) -> Counter[str]:
    """Events and position, in one transaction; another reader of the same file ends this one."""
    query = "SELECT pggit_excellence.record_log_events(%s, %s, %s, %s, %s)"
    if not value(connection, query, fingerprint, path.name, *part, Jsonb(events)):
        raise CommandError(said(path, "another command is reading it"))
    return Counter(each["kind"] for each in events)


def _show(how: str, files: int, counts: Counter[str]) -> None:
    result = {
        "files": files,
        "login_failures": counts["login_failure"],
        "refused_ddl": counts["rate_limit"],
        "damaged_records": counts["damaged"],
    }
    if how == "json":
        print_json(result)
        return
    print(f"{files} files: {counts['login_failure']} failed logins, {counts['rate_limit']} refused statements recorded")
    if counts["damaged"]:
        print(f"{counts['damaged']} records could not be read", file=sys.stderr)
