"""The chain of `audit_log`, recomputed from its rows: what docs/security/AUDIT.md says, in Python.

Nothing here trusts a function of the database but what reads its tables.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import psycopg

# Texts come as bytes in UTF-8 (in a database of SQL_ASCII as they are), times as microseconds since 1970.
ROWS = """
SELECT r.audit_id, r.event_id,
       pg_catalog.convert_to(pg_catalog.trim_scale(EXTRACT(epoch FROM r.occurred_at) * 1000000)::text, e.name),
       pg_catalog.convert_to(r.event_kind, e.name), pg_catalog.convert_to(r.actor, e.name),
       pg_catalog.convert_to(r.database, e.name), pg_catalog.convert_to(r.details::text, e.name),
       r.previous_hash, r.row_hash
FROM ONLY pggit_excellence.audit_log_sealed AS r
CROSS JOIN (SELECT CASE pg_catalog.getdatabaseencoding() WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END AS name) AS e
WHERE r.audit_id IS NULL OR r.audit_id >= %s
ORDER BY r.audit_id
"""


@dataclass(frozen=True)
class Row:
    """One row of the chain. `audit_id` is None, and hashes are, only where somebody changed the table itself."""

    audit_id: int | None
    event_id: int | None
    microseconds: bytes | None
    event_kind: bytes | None
    actor: bytes | None
    database: bytes | None
    details: bytes | None
    previous_hash: bytes | None
    row_hash: bytes | None

    def content(self) -> bytes:
        """What is hashed behind the hash before: the text of a JSON array, as PostgreSQL's jsonb prints it."""
        numbers = (b"null" if value is None else str(value).encode() for value in (self.audit_id, self.event_id))
        time = self.microseconds or b"null"
        # jsonb prints an infinite number as a string.
        parts = [*numbers, b'"%s"' % time if b"finit" in time else time]
        parts += [_string(text) for text in (self.event_kind, self.actor, self.database)]
        parts.append(b"null" if self.details is None else self.details)
        return b"[" + b", ".join(parts) + b"]"

    def computed(self) -> bytes:
        """The hash that the row should have."""
        return hashlib.sha256((self.previous_hash or b"") + self.content()).digest()


def _string(text: bytes | None) -> bytes:
    if text is None:
        return b"null"
    return json.dumps(text.decode("utf-8", "surrogateescape"), ensure_ascii=False).encode("utf-8", "surrogateescape")


def rows(connection: psycopg.Connection, first: int = 1) -> Iterator[Row]:
    """The rows from `first` on, in the order of their numbers, in one snapshot and without holding them in memory."""
    with connection.transaction(), connection.cursor("audit_chain") as cursor:
        cursor.itersize = 5000
        cursor.execute(ROWS, [first])
        for row in cursor:
            yield Row(*row)


@dataclass(frozen=True)
class Purge:
    """What went from the beginning of the chain: rows to `audit_id`, whose hash the next row continues."""

    audit_id: int
    row_hash: bytes
    chain: bytes
    purged_at: str
    purged_by: str
    told: bool  # whether an event of the audit log tells of it


PURGE = """
SELECT p.last_audit_id, p.row_hash, p.chain,
       pg_catalog.to_char(p.purged_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"'), p.purged_by,
       EXISTS (SELECT FROM pggit_excellence.audit_log AS l
               WHERE l.event_id = p.event_id AND l.event_kind = 'audit' AND l.details ->> 'action' = 'purged'
                 AND l.details ->> 'last_audit_id' = p.last_audit_id::text)
FROM ONLY pggit_excellence.audit_purges AS p
ORDER BY p.last_audit_id DESC
LIMIT 1
"""


def purge(connection: psycopg.Connection) -> Purge | None:
    """The newest purge; None: nothing was ever purged."""
    row = connection.execute(PURGE).fetchone()
    return None if row is None else Purge(*row)


@dataclass
class Walk:
    """How far the chain holds: `last` is the last good row, `broken` the number where it does not go on as it must."""

    last: Row | None = None
    checked: int = 0
    broken: int | None = None
    mismatch: int | None = None  # the first signed row with another hash


def walk(found: Iterable[Row], first: int, known: dict[int, bytes], before: bytes | None = None) -> Walk:
    """Follow the chain from row `first`, which continues the hash `before` (None: not known).

    `known` are row numbers with their signed hashes.
    """
    result = Walk()
    for row in found:
        expected = first if result.last is None or result.last.audit_id is None else result.last.audit_id + 1
        previous = before if result.last is None else result.last.row_hash
        continues = previous is None or row.previous_hash == previous
        if row.audit_id != expected or not continues or row.row_hash != row.computed():
            result.broken = expected
            return result
        if known.get(expected, row.row_hash) != row.row_hash and result.mismatch is None:
            result.mismatch = expected
        result.last = row
        result.checked += 1
    return result
