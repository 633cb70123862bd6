"""`pggit-excellence provenance verify`: whether a signed statement says about files what is expected."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

from pggit_excellence.errors import EXIT_CLEAN, EXIT_FINDINGS, CommandError
from pggit_excellence.files import read_limited
from pggit_excellence.output import print_json
from pggit_excellence.printable import printable
from pggit_excellence.provenance import expectations, subjects
from pggit_excellence.provenance.statement import PAYLOAD_TYPE, commit, parameters, uri
from pggit_excellence.signing import LARGEST, bundle, dsse
from pggit_excellence.signing.findings import Rejected
from pggit_excellence.signing.keys import load_public_key
from pggit_excellence.signing.strict import json_object

OFFLINE = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="what the statement must be about")
    parser.add_argument("--bundle", type=Path, required=True, metavar="FILE", help="Sigstore bundle, or DSSE envelope")
    parser.add_argument("--directory", type=Path, metavar="DIR", help="instead of FILEs: all subjects, found below DIR")
    parser.add_argument("--key", type=Path, required=True, metavar="FILE", help="the builder's public key")
    expected = parser.add_argument_group("what it must say")
    expected.add_argument("--builder", required=True, metavar="URI", help="who built")
    expected.add_argument("--source", required=True, metavar="URI", help="from what")
    expected.add_argument("--commit", metavar="HASH", help="which commit of it (default: any)")
    expected.add_argument("--build-type", metavar="URI", help="how (default: any)")
    expected.add_argument(
        "--parameter", action="append", default=[], metavar="NAME=VALUE", help="what was asked for, and nothing else"
    )
    expected.add_argument("--any-parameters", action="store_true", help="whatever was asked for")
    expected.add_argument("--max-age", type=days, metavar="DAYS", help="since the build ended (default: any)")


def days(text: str) -> float:
    """A number of days, for argparse."""
    number = float(text)
    if not 0 <= number < math.inf:
        raise ValueError
    return number


def run(options: argparse.Namespace) -> int:
    """Verify; 1 where the signature is bad or something else is said, 2 where nothing usable is there."""
    if bool(options.files) == (options.directory is not None):
        raise CommandError("name FILEs, or --directory DIR for all that the statement is about")
    if options.any_parameters and options.parameter:
        raise CommandError("--any-parameters and --parameter exclude each other")
    for check, value in ((uri, "builder"), (uri, "source"), (uri, "build_type"), (commit, "commit")):
        if getattr(options, value) is not None:
            check(getattr(options, value), f"--{value.replace('_', '-')}")
    try:
        said = _signed_statement(options)
        found = _examine(options, said)
    except Rejected as error:
        _show(options, {"ok": False, "message": str(error)})
        return EXIT_FINDINGS
    _show(options, {"ok": True, "message": f"{options.bundle}: as expected"} | found)
    return EXIT_CLEAN


def _signed_statement(options: argparse.Namespace) -> dict[str, Any]:
    what = str(options.bundle)
    key = load_public_key(options.key)
    content = json_object(read_limited(options.bundle, LARGEST, "provenance"), what)
    if "payloadType" not in content:
        kind, content = bundle.content_of(content, key, what)
        if kind != bundle.ENVELOPE:
            raise CommandError(f"{what}: a signature over a file, no statement; use verify")
    signed = dsse.unseal(key, content, what)
    if signed.payload_type != PAYLOAD_TYPE:
        raise CommandError(f"{what}: the payload is {signed.payload_type!r}, not {PAYLOAD_TYPE}")
    return json_object(signed.payload, f"{what}: statement")


def _examine(options: argparse.Namespace, said: dict[str, Any]) -> dict[str, Any]:
    """What was found to be as expected; Rejected where something is not."""
    what = str(options.bundle)
    predicate = expectations.predicate(said, what)
    external = None if options.any_parameters else parameters(options.parameter)
    revision = expectations.source(predicate, options.source, options.commit, what)
    expectations.builder(predicate, options.builder, what)
    build_type = expectations.build_type(predicate, options.build_type, what)
    expectations.external(predicate, external, options.source, what)
    finished = expectations.times(predicate, options.max_age, what)
    known = subjects.read(said, what)
    if options.directory is not None:
        files = subjects.verify_folder(known, options.directory, what)
    else:
        files = [subjects.verify_file(known, file, what) for file in options.files]
    return {
        "files": [str(file) for file in files],
        "commit": revision,
        "buildType": build_type,
        "finishedOn": finished,
    }


def _show(options: argparse.Namespace, found: dict[str, Any]) -> None:
    if options.format == "json":
        print_json(found)
        return
    print(printable(f"{'ok' if found['ok'] else 'rejected':8} {found['message']}", keep=""))
    for file in found.get("files", ()):
        print(printable(f"ok       {file}: built from {found['commit']}, {found['buildType']}", keep=""))
