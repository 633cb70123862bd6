"""`pggit-excellence audit verify`: whether the audit log is whole, and what was signed."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg
from cryptography.hazmat.primitives.asymmetric import ec
from psycopg.rows import dict_row

from pggit_excellence.audit import chain, checkpoints
from pggit_excellence.errors import EXIT_CLEAN, EXIT_FINDINGS, EXIT_NOTHING, CommandError
from pggit_excellence.files import read_limited
from pggit_excellence.output import console, print_json, print_rows
from pggit_excellence.signing.findings import Rejected
from pggit_excellence.signing.keys import load_public_key
from pggit_excellence.slo.repeating import work_on


@dataclass(frozen=True)
class Finding:
    """What is wrong, and the first row that it concerns; None: not about one row."""

    finding: str
    audit_id: int | None
    note: str


@dataclass(frozen=True)
class Verdict:
    """What was found; `checked` rows are as they were, those up to `proved` are what was signed."""

    findings: list[Finding]
    checked: int
    proved: int
    pending: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("--key", type=Path, metavar="FILE", help="the public key of who signs checkpoints")
    parser.add_argument(
        "--file", type=Path, metavar="FILE", help="the checkpoints (default: the database's copies, which prove less)"
    )


def run(options: argparse.Namespace) -> int:
    """Verify; 1 where something is not as it was."""
    if options.file is not None and options.key is None:
        raise CommandError("--file needs --key: without the signer's public key the file proves nothing")
    key = load_public_key(options.key) if options.key is not None else None

    def work(connection: psycopg.Connection) -> int:
        verdict = verify(connection, key, options.file)
        _show(options.format, verdict, signed=key is not None)
        if verdict.findings:
            return EXIT_FINDINGS
        return EXIT_CLEAN if verdict.checked else EXIT_NOTHING

    return work_on(options.dsn, work)


def verify(connection: psycopg.Connection, key: ec.EllipticCurvePublicKey | None, file: Path | None) -> Verdict:
    """The whole chain against itself and, with a key, against the checkpoints of the file and the database."""
    connection.execute("SET client_encoding = 'UTF8'")  # else texts are bytes where the database's is SQL_ASCII
    findings: list[Finding] = []
    known: dict[int, bytes] = {}
    if key is not None:
        try:
            known = _signed(connection, key, file, findings)
        except Rejected as error:
            return Verdict([Finding("forged", None, str(error))], 0, 0, 0)
    walked = chain.walk(chain.rows(connection), 1, known)
    findings += _findings(connection, walked, known)
    pending = connection.execute("SELECT count(*) FROM pggit_excellence.audit_log_pending").fetchone()
    reached = walked.last.audit_id if walked.last is not None and walked.last.audit_id is not None else 0
    proved = 0 if walked.mismatch else max((number for number in known if number <= reached), default=0)
    return Verdict(findings, walked.checked, proved, pending[0] if pending else 0)


def _signed(
    connection: psycopg.Connection, key: ec.EllipticCurvePublicKey, file: Path | None, findings: list[Finding]
) -> dict[int, bytes]:
    """Row numbers with their signed hashes; the database's copies count where they are signed, else are findings."""
    kept = [] if file is None else checkpoints.read(read_limited(file, what="file of checkpoints"), key, file)
    known = {each.checkpoint.audit_id: bytes.fromhex(each.checkpoint.row_hash) for each in kept}
    copies: set[int] = set()
    for number, row_hash, envelope in connection.execute(
        "SELECT c.audit_id, c.row_hash, c.envelope FROM ONLY pggit_excellence.audit_checkpoints AS c ORDER BY 1"
    ):
        try:
            copy = checkpoints.opened(key, envelope, f"checkpoint of row {number}")
            if (copy.audit_id, copy.row_hash) != (number, row_hash.hex()):
                raise Rejected(f"checkpoint of row {number}: the copy was changed, it is of row {copy.audit_id}")
        except (Rejected, CommandError) as error:
            findings.append(Finding("forged", number, str(error)))
            continue
        copies.add(number)
        if known.setdefault(number, row_hash) != row_hash:
            findings.append(Finding("forged", number, "two signed checkpoints of it differ: one is of another chain"))
    findings += [
        Finding("checkpoint removed", number, "it is in the file and not in the database; checkpoint puts it back")
        for number in sorted(known.keys() - copies)
    ]
    return known


def _findings(connection: psycopg.Connection, walked: chain.Walk, known: dict[int, bytes]) -> Iterator[Finding]:
    """What the walk says, in the words of the database's own verification where that agrees."""
    end = walked.checked
    if walked.broken is not None:
        yield _explained(connection, walked.broken)
    elif known and max(known) > end:
        yield Finding("removed", end + 1, f"the end of the chain: rows to {max(known)} were signed")
    if walked.mismatch is not None:
        begin = max((number for number in known if number < walked.mismatch), default=0) + 1
        yield Finding(
            "rewritten",
            begin,
            f"between this row and row {walked.mismatch}, hashes too: another hash of row {walked.mismatch} was signed",
        )


def _explained(connection: psycopg.Connection, broken: int) -> Finding:
    """What a break in the chain is; that there is one does not hang on what the database says."""
    with connection.cursor(row_factory=dict_row) as cursor:
        said = cursor.execute("SELECT * FROM pggit_excellence.verify_audit_chain()").fetchone()
    if said is None or said["intact"] is not False:
        return Finding("changed", broken, "this database's verify_audit_chain() does not see it: it was changed too")
    return Finding(said["finding"], said["at_audit_id"], said["note"])


def _show(how: str, verdict: Verdict, *, signed: bool) -> None:
    if how == "json":
        print_json(asdict(verdict))
        return
    if verdict.findings:
        print_rows(console(), [asdict(finding) for finding in verdict.findings])
    unproved = verdict.checked - verdict.proved
    print(f"{verdict.checked} rows follow from each other, {verdict.pending} wait for sealing")
    if not signed:
        print("no signature was looked at (--key): a superuser could have written all of them anew")
    elif unproved > 0 and not verdict.findings:
        print(f"signed to row {verdict.proved}; a superuser could have written the {unproved} after it anew")
    elif not verdict.findings:
        print("all of them are what was signed")
