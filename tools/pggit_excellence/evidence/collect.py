"""`pggit-excellence evidence collect`: run every query for a period and put the results into one signed zip file."""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from cryptography.hazmat.primitives.asymmetric import ec
from rich.progress import Progress

from pggit_excellence.errors import EXIT_CLEAN, EXIT_FINDINGS, CommandError
from pggit_excellence.evidence import archive, checking
from pggit_excellence.evidence.gathering import Collection, gather
from pggit_excellence.evidence.manifest import (
    MANIFEST,
    README,
    SIGNATURE,
    as_bytes,
    file_entry,
    manifest,
    query_file,
    result_file,
)
from pggit_excellence.evidence.period import EXAMPLES, evidence_period
from pggit_excellence.evidence.summary import readme
from pggit_excellence.files import said
from pggit_excellence.output import console, plain, print_json, print_rows
from pggit_excellence.printable import printable
from pggit_excellence.signing import bundle
from pggit_excellence.signing.keys import hint, load_private_key
from pggit_excellence.signing.strict import compact
from pggit_excellence.slo.repeating import work_on
from pggit_excellence.slo.report.period import Period

UNSIGNED = (
    "UNSIGNED: anybody can change it unnoticed; --key FILE signs it (pggit-excellence sign --generate-key makes one)"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of collecting."""
    parser.add_argument("--period", type=evidence_period, required=True, metavar="NAME", help=f"in UTC: {EXAMPLES}")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the zip file to write; a new one")
    parser.add_argument("--key", type=Path, metavar="FILE", help="private key that signs (default: unsigned)")
    parser.add_argument("--passphrase-fd", type=int, metavar="N", help="read it there (default: $COSIGN_PASSWORD)")


def run(options: argparse.Namespace) -> int:
    """Collect, write, look at what was written; 1 where a query failed."""
    if os.path.lexists(options.out):
        raise CommandError(said(options.out, "exists already; evidence is never overwritten"))
    key = None if options.key is None else load_private_key(options.key, options.passphrase_fd)

    def work(connection: psycopg.Connection) -> int:
        try:
            with tempfile.TemporaryDirectory(prefix=".evidence-", dir=options.out.parent) as name:
                folder = Path(name)
                collection = collected(connection, options.period, folder)
                write(options.out, folder, collection, options.period, key)
        except OSError as error:
            raise CommandError(said(error.filename or options.out, error)) from None
        return show(options, collection, signed=key is not None)

    return work_on(options.dsn, work)


def collected(connection: psycopg.Connection, period: Period, folder: Path) -> Collection:
    """Ask the server, with a bar on a terminal."""
    with Progress(transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("collecting", total=None)
        return gather(
            connection,
            period,
            folder,
            lambda name, number, of: progress.update(task, description=name, completed=number, total=of),
        )


def write(
    target: Path, folder: Path, collection: Collection, period: Period, key: ec.EllipticCurvePrivateKey | None
) -> None:
    """The bundle, whole or not at all, and only after it was read and found right."""
    texts = {README: readme(collection, period, signed=key is not None)}
    results: dict[str, Path] = {}
    files: dict[str, dict[str, Any]] = {}
    for item in collection.items:
        texts[query_file(item.name)] = (item.query.rstrip() + ";\n").encode()
        if item.file is not None:
            results[result_file(item.name)] = item.file
            files[result_file(item.name)] = {"bytes": item.size, "sha256": item.sha256}
    files |= {name: file_entry(content) for name, content in texts.items()}
    public = None if key is None else key.public_key()
    named = None if public is None else hint(public)
    texts[MANIFEST] = as_bytes(manifest(collection, period, files, named, datetime.now(UTC)))
    if key is not None:
        texts[SIGNATURE] = compact(bundle.sign_message(key, hashlib.sha256(texts[MANIFEST]).digest()))
    made = folder / "bundle.zip"
    with made.open("wb") as file:
        archive.write(file, {**texts, **results})
    with made.open("rb") as file:
        checking.check(file, target, public)
    try:
        target.hardlink_to(made)  # unlike a rename, it refuses to take the place of another file
    except FileExistsError:
        raise CommandError(said(target, "exists already; evidence is never overwritten")) from None


def show(options: argparse.Namespace, collection: Collection, *, signed: bool) -> int:
    """What was collected, and what was not."""
    rows = [
        {"evidence": item.name, "criteria": " ".join(item.criteria), "rows": item.rows} for item in collection.items
    ]
    failed = [{"evidence": item.name, "error": item.error} for item in collection.items if item.error is not None]
    if options.format == "json":
        found = {"written": str(options.out), "signed": signed, "server": collection.server}
        print_json(found | {"evidence": rows, "failed": failed})
    else:
        out = console()
        print_rows(out, rows)
        for each in failed:
            out.print(plain(f"failed: {each['evidence']}: {each['error']}"), style="yellow", soft_wrap=True)
        over = "" if options.period.end <= datetime.now(UTC) else "; the period is not over"
        collected = len(rows) - len(failed)
        print(printable(f"{options.out}: {collected} of {len(rows)} queries collected{over}", keep=""))
        if not signed:
            print(UNSIGNED)
    return EXIT_FINDINGS if failed else EXIT_CLEAN
