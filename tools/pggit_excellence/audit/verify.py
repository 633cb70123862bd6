"""`pggit-excellence audit verify`: whether the audit log is whole, and what was signed."""

from __future__ import annotations

import argparse
import stat
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg
from cryptography.hazmat.primitives.asymmetric import ec
from psycopg.rows import dict_row

from pggit_excellence.audit import chain, checkpoints
from pggit_excellence.connection import one_line
from pggit_excellence.errors import EXIT_CLEAN, EXIT_FINDINGS, EXIT_NOTHING, CommandError
from pggit_excellence.files import said
from pggit_excellence.output import console, print_json, print_rows
from pggit_excellence.printable import printable
from pggit_excellence.signing.findings import Rejected
from pggit_excellence.signing.keys import load_public_key
from pggit_excellence.signing.strict import json_object
from pggit_excellence.slo.repeating import work_on


@dataclass(frozen=True)
class Finding:
    """What is wrong, and the first row that it concerns; None: not about one row."""

    finding: str
    audit_id: int | None
    note: str


@dataclass(frozen=True)
class Verdict:
    """What was found; `checked` rows are as they were, those up to `proved` are what was signed.

    Rows to `purged` are not there any more; `purge` says since when, and who did it.
    """

    findings: list[Finding]
    checked: int
    proved: int
    pending: int
    purged: int = 0
    purge: str | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument(
        "--key",
        type=Path,
        action="append",
        metavar="FILE",
        help="the public key of who signs checkpoints (again for each that signed earlier ones)",
    )
    parser.add_argument(
        "--file", type=Path, metavar="FILE", help="the checkpoints (default: the database's copies, which prove less)"
    )


def run(options: argparse.Namespace) -> int:
    """Verify; 1 where something is not as it was."""
    if options.file is not None and options.key is None:
        raise CommandError("--file needs --key: without the signer's public key the file proves nothing")
    keys = [load_public_key(path) for path in options.key or ()]

    def work(connection: psycopg.Connection) -> int:
        # Sealing, checkpoints and a purge go on meanwhile: everything is read as it was at one moment.
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with connection.transaction():
            verdict = verify(connection, keys, options.file)
        _show(options.format, verdict, signed=bool(keys))
        if verdict.findings:
            return EXIT_FINDINGS
        return EXIT_CLEAN if verdict.checked or verdict.purged else EXIT_NOTHING

    return work_on(options.dsn, work)


def verify(connection: psycopg.Connection, keys: Sequence[ec.EllipticCurvePublicKey], file: Path | None) -> Verdict:
    """The whole chain against itself and, with keys, against the checkpoints of the file and the database."""
    connection.execute("SET client_encoding = 'UTF8'")  # else texts are bytes where the database's is SQL_ASCII
    findings: list[Finding] = []
    known: dict[int, bytes] = {}
    purge = chain.purge(connection)
    purged = purge.audit_id if purge else 0
    if keys:
        try:
            known, copies = _signed(connection, keys, file, findings)
        except Rejected as error:
            return Verdict([Finding("forged", None, str(error))], 0, 0, 0)
        findings += [
            Finding("checkpoint removed", number, "it is in the file and not in the database; checkpoint puts it back")
            for number in sorted(known.keys() - copies)
            if number >= purged
        ]
    walked = chain.walk(chain.rows(connection), purged + 1, known, purge.row_hash if purge else None)
    reached = walked.last.audit_id if walked.last is not None and walked.last.audit_id is not None else purged
    if purge is not None:
        findings += _purge_findings(purge, known, signed=bool(keys))
    findings += _findings(connection, walked, known, reached)
    pending = connection.execute("SELECT count(*) FROM pggit_excellence.audit_log_pending").fetchone()
    proved = 0 if walked.mismatch else max((number for number in known if number <= reached), default=0)
    said = f"on {purge.purged_at} by {purge.purged_by}" if purge else None
    return Verdict(findings, walked.checked, proved, pending[0] if pending else 0, purged, said)


def _purge_findings(purge: chain.Purge, known: dict[int, bytes], *, signed: bool) -> Iterator[Finding]:
    """A beginning that was cut off is no purge where no signed checkpoint ends there, or no event tells of it."""
    if signed and known.get(purge.audit_id) != purge.row_hash:
        yield Finding("removed", 1, f"rows to {purge.audit_id}: said to be purged, and no signed checkpoint ends there")
    elif not purge.told:
        yield Finding("removed", 1, f"rows to {purge.audit_id}: said to be purged, and no event tells of it")


def _signed(
    connection: psycopg.Connection,
    keys: Sequence[ec.EllipticCurvePublicKey],
    file: Path | None,
    findings: list[Finding],
) -> tuple[dict[int, bytes], set[int]]:
    """Row numbers with their signed hashes, and which of them the database has a copy of.

    Copies count where they are signed, else they are findings.
    """
    known = {} if file is None else _kept(keys, file)
    copies: set[int] = set()
    # As text: what an operator stored may be more than a JSON parser takes.
    for number, row_hash, envelope in connection.execute(
        "SELECT c.audit_id, c.row_hash, c.envelope::text FROM ONLY pggit_excellence.audit_checkpoints AS c ORDER BY 1"
    ):
        what = f"checkpoint of row {number}"
        try:
            copy = checkpoints.opened(keys, json_object(envelope.encode(), what), what)
            if (copy.audit_id, copy.row_hash) != (number, row_hash.hex()):
                raise Rejected(f"{what}: the copy was changed, it is of row {copy.audit_id}")
        except (Rejected, CommandError) as error:
            findings.append(Finding("forged", number, str(error)))
            continue
        copies.add(number)
        if known.setdefault(number, row_hash) != row_hash:
            findings.append(Finding("forged", number, "two signed checkpoints of it differ: one is of another chain"))
    return known, copies


def _kept(keys: Sequence[ec.EllipticCurvePublicKey], path: Path) -> dict[int, bytes]:
    """Row numbers with the hashes that the file's checkpoints have for them."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for its writer
            raise CommandError(said(path, "not a regular file"))
        with path.open("rb") as file:
            kept = checkpoints.read(file, keys, path)
            return {each.checkpoint.audit_id: bytes.fromhex(each.checkpoint.row_hash) for each in kept}
    except OSError as error:
        raise CommandError(said(path, error)) from None


def _findings(
    connection: psycopg.Connection, walked: chain.Walk, known: dict[int, bytes], reached: int
) -> Iterator[Finding]:
    """What the walk says, in the words of the database's own verification where that agrees."""
    if walked.broken is not None:
        yield _explained(connection, walked.broken)
    elif known and max(known) > reached:
        yield Finding("removed", reached + 1, f"the end of the chain: rows to {max(known)} were signed")
    if walked.mismatch is not None:
        begin = max((number for number in known if number < walked.mismatch), default=0) + 1
        yield Finding(
            "rewritten",
            begin,
            f"between this row and row {walked.mismatch}, hashes too: another hash of row {walked.mismatch} was signed",
        )


def _explained(connection: psycopg.Connection, broken: int) -> Finding:
    """What a break in the chain is; that there is one does not hang on whether and what the database answers."""
    try:
        with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute("SET LOCAL statement_timeout = '10min'")
            said = cursor.execute("SELECT * FROM pggit_excellence.verify_audit_chain()").fetchone() or {}
    except psycopg.Error as error:
        if connection.broken:
            raise
        return Finding("changed", broken, f"this database's verify_audit_chain() cannot name it: {one_line(error)}")
    if said.get("intact") is not False or not said.get("finding"):
        return Finding("changed", broken, "this database's verify_audit_chain() does not see it: it was changed too")
    return Finding(str(said["finding"]), said.get("at_audit_id"), str(said.get("note")))


def _show(how: str, verdict: Verdict, *, signed: bool) -> None:
    if how == "json":
        print_json(asdict(verdict))
        return
    if verdict.findings:
        print_rows(console(), [asdict(finding) for finding in verdict.findings])
    unproved = verdict.checked + verdict.purged - verdict.proved
    if verdict.purged:
        print(printable(f"rows to {verdict.purged} were purged {verdict.purge}", keep=""))
    print(f"{verdict.checked} rows follow from each other, {verdict.pending} wait for sealing")
    if not signed:
        print("no signature was looked at (--key): a superuser could have written all of them anew")
    elif unproved > 0 and not verdict.findings:
        print(f"signed to row {verdict.proved}; a superuser could have written the {unproved} after it anew")
    elif not verdict.findings:
        print("all of them are what was signed")
