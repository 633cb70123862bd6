"""`pggit-excellence verify`: whether a file is what the holder of a key signed."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from pggit_excellence.errors import EXIT_CLEAN, EXIT_FINDINGS, EXIT_NOTHING, EXIT_USAGE, CommandError
from pggit_excellence.files import read_limited
from pggit_excellence.output import print_json
from pggit_excellence.printable import printable
from pggit_excellence.signing import LARGEST, LARGEST_SIGNATURE, bundle
from pggit_excellence.signing.digests import sha256
from pggit_excellence.signing.dsse import unseal
from pggit_excellence.signing.ecdsa import verify_digest
from pggit_excellence.signing.findings import Rejected
from pggit_excellence.signing.jsf import verify_embedded
from pggit_excellence.signing.keys import load_public_key
from pggit_excellence.signing.strict import base64_bytes, json_object

OFFLINE = True
STATUSES = {"ok": EXIT_CLEAN, "rejected": EXIT_FINDINGS, "unusable": EXIT_USAGE}


@dataclass(frozen=True)
class Verdict:
    """About one file: `status` is ok, rejected (not what was signed) or unusable (nothing can be said)."""

    file: str
    status: str
    message: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="what was signed")
    parser.add_argument("--key", type=Path, required=True, metavar="FILE", help="the public key")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--bundle", type=Path, metavar="FILE", help="Sigstore bundle (default: FILE.sigstore.json)")
    where.add_argument("--signature", type=Path, metavar="FILE", help="detached signature, base64")
    where.add_argument("--dsse", type=Path, metavar="FILE", help="DSSE envelope whose payload is the file")
    where.add_argument("--embedded", action="store_true", help="the signature is in the JSON document (JSF)")
    parser.add_argument("--payload-type", metavar="TYPE", help="refuse DSSE envelopes of any other type")


def run(options: argparse.Namespace) -> int:
    """Verify each file; 1 where a signature is bad, 2 where there is nothing usable."""
    named = options.bundle or options.signature or options.dsse
    if named is not None and len(options.files) > 1:
        raise CommandError(f"{named} is about one file; several are looked for under their own names")
    key = load_public_key(options.key)
    verdicts = list(_verdicts(options, key))
    _show(options, verdicts)
    return max((STATUSES[verdict.status] for verdict in verdicts), default=EXIT_NOTHING)


def _verdicts(options: argparse.Namespace, key: ec.EllipticCurvePublicKey) -> Iterator[Verdict]:
    verify = _verifier(options)
    for file in options.files:
        try:
            yield Verdict(str(file), "ok", verify(options, file, key))
        except Rejected as error:
            yield Verdict(str(file), "rejected", str(error))
        except CommandError as error:
            yield Verdict(str(file), "unusable", str(error))


def _verifier(
    options: argparse.Namespace,
) -> Callable[[argparse.Namespace, Path, ec.EllipticCurvePublicKey], str]:
    if options.signature is not None:
        return _detached
    if options.dsse is not None:
        return _dsse
    return _embedded if options.embedded else _bundle


def _detached(options: argparse.Namespace, file: Path, key: ec.EllipticCurvePublicKey) -> str:
    what = str(options.signature)
    text = read_limited(options.signature, LARGEST_SIGNATURE, "signature").decode("latin-1").removesuffix("\n")
    verify_digest(key, base64_bytes(text, what), sha256(file), what)
    return f"signed: {what}"


def _bundle(options: argparse.Namespace, file: Path, key: ec.EllipticCurvePublicKey) -> str:
    path = options.bundle or Path(f"{file}.sigstore.json")
    what = str(path)
    kind, content = bundle.content_of(json_object(read_limited(path, 2 * LARGEST, "bundle"), what), key, what)
    if kind == bundle.MESSAGE:
        bundle.verify_message(content, key, sha256(file), what)
        return f"signed: {what}"
    return _payload_is(options, file, key, content, what)


def _dsse(options: argparse.Namespace, file: Path, key: ec.EllipticCurvePublicKey) -> str:
    what = str(options.dsse)
    return _payload_is(options, file, key, json_object(read_limited(options.dsse, 2 * LARGEST, "envelope"), what), what)


def _payload_is(
    options: argparse.Namespace, file: Path, key: ec.EllipticCurvePublicKey, envelope: dict[str, object], what: str
) -> str:
    """The payload of an envelope must be the file, byte for byte."""
    signed = unseal(key, envelope, what)
    if options.payload_type not in (None, signed.payload_type):
        raise Rejected(f"{what}: the payload's type is {signed.payload_type!r}, not {options.payload_type!r}")
    if hashlib.sha256(signed.payload).digest() != sha256(file):
        raise Rejected(f"{what}: holds another content (for attestations about a file: provenance verify)")
    return f"signed as {signed.payload_type}: {what}"


def _embedded(_options: argparse.Namespace, file: Path, key: ec.EllipticCurvePublicKey) -> str:
    form = verify_embedded(json_object(read_limited(file, LARGEST, "document"), str(file)), key, str(file))
    return f"signed within itself ({form})"


def _show(options: argparse.Namespace, verdicts: list[Verdict]) -> None:
    if options.format == "json":
        ok = bool(verdicts) and all(verdict.status == "ok" for verdict in verdicts)
        print_json({"ok": ok, "files": [asdict(verdict) for verdict in verdicts]})
        return
    for verdict in verdicts:
        print(printable(f"{verdict.status:8} {verdict.file}: {verdict.message}", keep=""))
    if not verdicts:
        print("nothing to verify")
