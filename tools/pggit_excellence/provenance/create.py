"""`pggit-excellence provenance create`: sign who built files, from which commit, with which parameters."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pggit_excellence.errors import EXIT_CLEAN, CommandError
from pggit_excellence.files import write_atomically
from pggit_excellence.output import print_json
from pggit_excellence.printable import printable
from pggit_excellence.provenance.statement import (
    PAYLOAD_TYPE,
    commit,
    leads_out,
    moment,
    parameters,
    statement,
    uri,
)
from pggit_excellence.signing import bundle, dsse
from pggit_excellence.signing.digests import file_digests
from pggit_excellence.signing.keys import load_private_key
from pggit_excellence.signing.strict import compact

OFFLINE = True
ALGORITHMS = ("sha256", "sha512")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="what was built")
    parser.add_argument("--key", type=Path, required=True, metavar="FILE", help="the builder's private key")
    parser.add_argument("--passphrase-fd", type=int, metavar="N", help="read it there (default: $COSIGN_PASSWORD)")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="what to write")
    parser.add_argument("--as", dest="form", choices=("bundle", "dsse"), default="bundle", help="default: bundle")
    parser.add_argument("--directory", type=Path, default=Path(), help="names of FILEs start here (default: .)")
    said = parser.add_argument_group("what is said")
    said.add_argument("--builder", required=True, metavar="URI", help="who built")
    said.add_argument("--build-type", required=True, metavar="URI", help="how: a page that describes it")
    said.add_argument("--source", required=True, metavar="URI", help="from what: git+https://...")
    said.add_argument("--commit", required=True, metavar="HASH", help="which commit of it")
    said.add_argument("--parameter", action="append", default=[], metavar="NAME=VALUE", help="what was asked for")
    said.add_argument(
        "--dependency", action="append", default=[], metavar="URI=sha256:HEX", help="what else went into the build"
    )
    said.add_argument("--invocation", metavar="ID", help="which run of the builder")
    said.add_argument("--started", metavar="TIME", help="RFC 3339")
    said.add_argument("--finished", metavar="TIME", help="RFC 3339 (default: now)")


def run(options: argparse.Namespace) -> int:
    """Write the statement in its envelope."""
    said = _statement(options)
    key = load_private_key(options.key, options.passphrase_fd)
    payload = json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode()
    envelope = dsse.seal(key, dsse.Signed(PAYLOAD_TYPE, payload))
    content = bundle.with_envelope(key.public_key(), envelope) if options.form == "bundle" else envelope
    write_atomically(options.output, compact(content))
    if options.format == "json":
        print_json({"written": str(options.output), "statement": said})
    else:
        print(printable(f"{options.output}: provenance of {len(said['subject'])} files", keep=""))
    return EXIT_CLEAN


def _statement(options: argparse.Namespace) -> dict[str, Any]:
    source = uri(options.source, "--source")
    of = {"uri": source, "digest": {"gitCommit": commit(options.commit, "--commit")}}
    subjects: dict[str, dict[str, str]] = {}
    for file in options.files:
        name = _name(file, options.directory)
        if name in subjects:
            raise CommandError(f"{name}: named twice")
        subjects[name] = {kind: digest.hex() for kind, digest in file_digests(file, ALGORITHMS).items()}
    return statement(
        subjects,
        uri(options.build_type, "--build-type"),
        {"source": source} | parameters(options.parameter),
        [of, *(_dependency(each) for each in options.dependency)],
        {"builder": {"id": uri(options.builder, "--builder")}, "metadata": _metadata(options)},
    )


def _name(file: Path, directory: Path) -> str:
    """How the file is called in the statement: its path below the folder, with slashes."""
    try:
        name = file.resolve().relative_to(directory.resolve()).as_posix()
    except (ValueError, OSError, RuntimeError):
        raise CommandError(f"{str(file)!r}: not below {directory}; name its folder with --directory") from None
    if leads_out(name):
        raise CommandError(f"{name!r}: no name that others could write to their disks")
    return name


def _dependency(text: str) -> dict[str, Any]:
    name, _, digest = text.rpartition("=sha256:")
    if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
        raise CommandError(f"--dependency: URI=sha256:HEX is needed, this is {text!r}")
    return {"uri": uri(name, "--dependency"), "digest": {"sha256": digest}}


def _metadata(options: argparse.Namespace) -> dict[str, str]:
    """Identity and times of the run, times in UTC and whole seconds."""
    found = {} if options.invocation is None else {"invocationId": options.invocation}
    finished = datetime.now(UTC) if options.finished is None else moment(options.finished, "--finished")
    if options.started is not None:
        started = moment(options.started, "--started")
        if started > finished:
            raise CommandError("--started is after the end")
        found["startedOn"] = started.strftime("%Y-%m-%dT%H:%M:%SZ")
    return found | {"finishedOn": finished.strftime("%Y-%m-%dT%H:%M:%SZ")}
