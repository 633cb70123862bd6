"""`pggit-excellence audit checkpoint`: seal, verify what is new since the last checkpoint, and sign the chain's end."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import IO

import psycopg
from cryptography.hazmat.primitives.asymmetric import ec
from psycopg.types.json import Jsonb

from pggit_excellence.audit import chain, checkpoints
from pggit_excellence.audit.checkpoints import Checkpoint, Kept
from pggit_excellence.connection import value
from pggit_excellence.errors import EXIT_CLEAN, EXIT_FINDINGS, EXIT_NOTHING, CommandError
from pggit_excellence.output import print_json
from pggit_excellence.printable import printable
from pggit_excellence.signing.findings import Rejected
from pggit_excellence.signing.keys import load_private_key
from pggit_excellence.slo.repeating import add_every, repeat

SEALED_AT_ONCE = 10000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument(
        "--key", type=Path, required=True, metavar="FILE", help="the private key (sign --generate-key makes one)"
    )
    parser.add_argument(
        "--file", type=Path, required=True, metavar="FILE", help="where checkpoints are kept: out of the DBA's reach"
    )
    parser.add_argument("--passphrase-fd", type=int, metavar="N", help="read it there (default: $COSIGN_PASSWORD)")
    add_every(parser)


def run(options: argparse.Namespace) -> int:
    """Make a checkpoint, once or again and again."""
    key = load_private_key(options.key, options.passphrase_fd)

    def work(connection: psycopg.Connection) -> int:
        with checkpoints.locked(options.file) as file:
            return _take(options, connection, key, file)

    return repeat(options, work)


def _take(
    options: argparse.Namespace, connection: psycopg.Connection, key: ec.EllipticCurvePrivateKey, file: IO[bytes]
) -> int:
    """Seal, verify, sign, keep; the exit status."""
    connection.execute("SET client_encoding = 'UTF8'")  # else texts are bytes where the database's is SQL_ASCII
    while value(connection, "SELECT pggit_excellence.seal_audit_log(%s)", SEALED_AT_ONCE) == SEALED_AT_ONCE:
        pass  # less than that: all that there was, and on a busy server there is always more
    try:
        kept = checkpoints.newest(file, key.public_key(), options.file)
    except Rejected as error:
        raise CommandError(f"{error}: nothing was signed") from None
    # A purge may go on meanwhile: all is read as it was at one moment.
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    with connection.transaction():
        purge = chain.purge(connection)
        wrong, reached = _followed(connection, kept, purge)
        last = kept[-1].checkpoint if kept else None
        new = None if wrong or reached is None else _checkpoint(connection, reached, last)
    purged = purge.audit_id if purge else 0
    signed = last.audit_id if last else 0
    if wrong is not None:
        return _show(options, EXIT_FINDINGS, None, f"{wrong}: nothing was signed; run audit verify")
    if new is not None:
        kept.append(Kept(new, checkpoints.sign(key, new)))
        checkpoints.append(file, kept[-1].envelope)
        message = f"signed row {new.audit_id}, {new.audit_id - max(signed, purged)} more than before"
    elif max(signed, purged) == 0:
        return _show(options, EXIT_NOTHING, None, "no events are recorded yet: nothing to sign")
    else:
        message = f"nothing new since row {max(signed, purged)}"
    _copy(connection, kept, purged)
    return _show(options, EXIT_CLEAN, kept[-1].checkpoint if kept else None, message)


def _followed(
    connection: psycopg.Connection, kept: list[Kept], purge: chain.Purge | None
) -> tuple[str | None, chain.Row | None]:
    """What is not as it was, from the last signed row on; and the last row, where it was not signed yet."""
    known = {each.checkpoint.audit_id: bytes.fromhex(each.checkpoint.row_hash) for each in kept}
    purged = purge.audit_id if purge else 0
    if purge and kept and kept[0].checkpoint.audit_id <= purged and known.get(purged) != purge.row_hash:
        return f"rows to {purged} were purged, and no checkpoint of this file ends there", None
    signed = kept[-1].checkpoint.audit_id if kept else 0
    first = max(signed, purged + 1)
    before = purge.row_hash if purge and first == purged + 1 else None
    walked = chain.walk(chain.rows(connection, first), first, known, before)
    if walked.broken is not None or walked.mismatch is not None or (walked.last is None and signed > purged):
        return f"row {walked.broken or first} is not as it was", None
    new = walked.last is not None and walked.last.audit_id is not None and walked.last.audit_id > signed
    return None, walked.last if new else None


def _checkpoint(connection: psycopg.Connection, last: chain.Row, before: Checkpoint | None) -> Checkpoint:
    """About the last row."""
    row = connection.execute(
        "SELECT pg_catalog.encode(b.chain, 'hex'), pg_catalog.current_database()::text,"
        " (SELECT c.system_identifier::text FROM pg_catalog.pg_control_system() AS c)"
        " FROM (SELECT s.previous_hash AS chain FROM ONLY pggit_excellence.audit_log_sealed AS s WHERE s.audit_id = 1"
        " UNION ALL SELECT p.chain FROM ONLY pggit_excellence.audit_purges AS p LIMIT 1) AS b"
    ).fetchone()
    if row is None or last.audit_id is None or last.row_hash is None:
        raise CommandError("the first row of the audit log is gone; run audit verify")
    return Checkpoint(
        chain=row[0],
        audit_id=last.audit_id,
        row_hash=last.row_hash.hex(),
        database=row[1],
        system_identifier=row[2],
        taken_at=checkpoints.now(),
        previous=before.digest() if before else None,
    )


def _copy(connection: psycopg.Connection, kept: list[Kept], purged: int) -> None:
    """Into the database, also what an interrupted run left out; not of rows that were purged long ago."""
    if not kept:
        return
    query = "SELECT c.audit_id FROM pggit_excellence.audit_checkpoints AS c WHERE c.audit_id >= %s"
    there = {row[0] for row in connection.execute(query, [kept[0].checkpoint.audit_id])}
    for each in kept:
        if each.checkpoint.audit_id >= purged and each.checkpoint.audit_id not in there:
            connection.execute(
                "SELECT pggit_excellence.record_audit_checkpoint(%s, %s, %s)",
                [each.checkpoint.audit_id, bytes.fromhex(each.checkpoint.row_hash), Jsonb(each.envelope)],
            )


def _show(options: argparse.Namespace, status: int, checkpoint: Checkpoint | None, message: str) -> int:
    if options.format == "json":
        print_json({"message": message, "checkpoint": asdict(checkpoint) if checkpoint else None})
    else:
        print(printable(message, keep=""))
    return status
