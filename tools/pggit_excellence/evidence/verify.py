"""`pggit-excellence evidence verify`: whether a bundle is what was collected and signed, complete and unchanged."""

from __future__ import annotations

import argparse
import stat
from pathlib import Path
from typing import Any

from pggit_excellence.errors import EXIT_CLEAN, EXIT_FINDINGS, CommandError
from pggit_excellence.evidence.checking import check
from pggit_excellence.evidence.manifest import Manifest
from pggit_excellence.files import said
from pggit_excellence.output import print_json
from pggit_excellence.printable import printable
from pggit_excellence.signing.findings import Rejected
from pggit_excellence.signing.keys import load_public_key

OFFLINE = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of verifying."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a bundle of evidence collect")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--key", type=Path, metavar="FILE", help="the public key of whoever signed")
    how.add_argument("--hashes-only", action="store_true", help="be content with hashes: they show damage, no forgery")


def run(options: argparse.Namespace) -> int:
    """Say what it is; 1 where it is not what was collected, or where nobody looked at a signature."""
    key = None if options.key is None else load_public_key(options.key)
    try:
        if not stat.S_ISREG(options.file.stat().st_mode):  # opening a pipe would wait for its writer
            raise CommandError(said(options.file, "not a regular file"))
        with options.file.open("rb") as file:
            manifest = check(file, options.file, key)
    except OSError as error:
        raise CommandError(said(options.file, error)) from None
    except Rejected as error:
        show(options, {"status": "rejected", "message": str(error).removeprefix(f"{options.file}: ")})
        return EXIT_FINDINGS
    status, message = verdict(options, manifest)
    show(options, {"status": status, "message": message, **facts(manifest)})
    return EXIT_CLEAN if status == "ok" else EXIT_FINDINGS


def verdict(options: argparse.Namespace, manifest: Manifest) -> tuple[str, str]:
    """Status and message for a bundle that is complete and unchanged."""
    if options.key is not None:
        return "ok", "complete, unchanged, and signed by this key"
    signed = manifest.said["signed_with"] is not None
    state = "the signature was not looked at (--key FILE)" if signed else "UNSIGNED, so anybody can have made it"
    if options.hashes_only:
        return "ok", f"complete, and every hash is right; {state}"
    return "unproven", f"every hash is right, but {state}; --hashes-only is content with that"


def facts(manifest: Manifest) -> dict[str, Any]:
    """What a reader of the verdict wants to know about the bundle."""
    told = manifest.said
    server = told["server"]
    return {
        "database": server.get("database"),
        "system_identifier": server.get("system_identifier"),
        "in_recovery": server.get("in_recovery"),
        "period": told["period"],
        "collected_at": told["ended_at"],
        "collected_as": server.get("session_user"),
        "evidence": len(told["evidence"]),
        "failed": [{"evidence": each["name"], "error": each["error"]} for each in manifest.failed],
    }


def show(options: argparse.Namespace, found: dict[str, Any]) -> None:
    """The verdict in one line, and below it what the bundle is about."""
    if options.format == "json":
        print_json({"ok": found["status"] == "ok", "file": str(options.file), **found})
        return
    print(printable(f"{found['status']:8} {options.file}: {found['message']}", keep=""))
    if "database" not in found:
        return
    where = "standby" if found["in_recovery"] else "primary"
    lines = (
        f"database {found['database']} of system {found['system_identifier']} ({where})",
        f"period {found['period']['since']} to {found['period']['until']}",
        f"collected {found['collected_at']} as {found['collected_as']}",
        f"{found['evidence']} queries, {len(found['failed'])} failed",
        *(f"  {each['evidence']}: {each['error']}" for each in found["failed"]),
    )
    for line in lines:
        print(printable(f"         {line}", keep=""))
