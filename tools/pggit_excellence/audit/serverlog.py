"""The server's log files, csvlog and jsonlog: their complete records, and which of them belong into the audit log.

https://www.postgresql.org/docs/current/runtime-config-logging.html says what the fields are.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

# More than any record that PostgreSQL writes: what does not end by then was cut off by a crash.
LARGEST_RECORD = 16 << 20
# Places of the fields in a csvlog record; the same in PostgreSQL 14 to 18.
CSV_FIELDS = {
    "timestamp": 0,
    "user": 1,
    "dbname": 2,
    "remote_host": 4,
    "session_id": 5,
    "line_num": 6,
    "error_severity": 11,
    "state_code": 12,
    "message": 13,
}
FAILED_LOGIN = "28"  # the class of SQLSTATE: invalid authorization specification, invalid password
REFUSED_DDL = "53400"  # configuration_limit_exceeded
OUR_REFUSAL = re.compile(r'role ("(?:[^"]|"")+"|\S+) has run its \d+ DDL statements per ')


@dataclass(frozen=True)
class Record:
    """One record of a log: its fields by jsonlog's names, None where it cannot be read; and where it ends."""

    fields: dict[str, Any] | None
    end: int


def records(file: IO[bytes], start: int, kind: str) -> Iterator[Record]:
    """The complete records from position `start` on; what the server has not written to its end comes another time."""
    file.seek(start)
    parse = _json_record if kind == "json" else _csv_record
    while line := file.readline(LARGEST_RECORD):
        lines, size, after_first = [line], len(line), file.tell()
        inside = kind == "csv" and line.count(b'"') % 2 == 1  # a text in quotes goes on in the next line
        while inside and size < LARGEST_RECORD and (line := file.readline(LARGEST_RECORD)):
            lines.append(line)
            size += len(line)
            inside ^= line.count(b'"') % 2 == 1
        if size >= LARGEST_RECORD:
            file.seek(after_first)
            yield Record(None, after_first)
        elif inside or not lines[-1].endswith(b"\n"):
            return
        else:
            yield Record(parse(b"".join(lines)), file.tell())


def _csv_record(text: bytes) -> dict[str, Any] | None:
    csv.field_size_limit(LARGEST_RECORD)
    try:
        (values,) = csv.reader([text.decode("utf-8", "replace").replace("\0", "\ufffd")], strict=True)
        return {name: values[place] for name, place in CSV_FIELDS.items()}
    except (csv.Error, ValueError, IndexError):
        return None


def _json_record(text: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(text.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return {name: value.get(name, "") for name in CSV_FIELDS} if isinstance(value, dict) else None


def event(fields: dict[str, Any], file_name: str) -> dict[str, Any] | None:
    """The event that the record is, as record_log_events() takes it; None: it is none."""
    state, message = str(fields["state_code"]), str(fields["message"])
    if state.startswith(FAILED_LOGIN) and fields["error_severity"] == "FATAL":
        kind, action = "login_failure", "FAILED_AUTH"
    elif state == REFUSED_DDL and OUR_REFUSAL.match(message):
        kind, action = "rate_limit", "DDL refused"
    else:
        return None
    details = {
        "action": action,
        "user": fields["user"],
        "database": fields["dbname"],
        "client": fields["remote_host"],
        "sqlstate": state,
        "message": message,
        "logged_at": fields["timestamp"],
        "session_id": fields["session_id"],
        "session_line": fields["line_num"],
        "file": file_name,
    }
    return {"kind": kind, "details": {name: _storable(value) for name, value in details.items() if value != ""}}


def _storable(value: object) -> str:
    """Text that a database takes: without NUL and halves of surrogates, and of a bounded length."""
    return str(value).replace("\0", "\ufffd").encode("utf-8", "replace").decode()[:2000]
