"""`pggit-excellence sign`: sign files with a key of one's own, so that cosign and `verify` can check them."""

from __future__ import annotations

import argparse
import base64
import json
import stat
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from pggit_excellence.errors import EXIT_CLEAN, EXIT_NOTHING, CommandError
from pggit_excellence.files import read_limited, said, write_atomically
from pggit_excellence.output import print_json
from pggit_excellence.printable import printable
from pggit_excellence.signing import LARGEST, bundle, dsse
from pggit_excellence.signing.digests import sha256
from pggit_excellence.signing.ecdsa import sign_digest
from pggit_excellence.signing.jsf import embed
from pggit_excellence.signing.keys import load_private_key, private_pem, public_pem, write_pair
from pggit_excellence.signing.passphrase import passphrase
from pggit_excellence.signing.strict import compact, json_object

OFFLINE = True
# What is written, and its name beside that of the file; None: into the file itself.
SUFFIXES = {
    "bundle": ".sigstore.json",
    "detached": ".sig",
    "dsse": ".dsse.json",
    "dsse-bundle": ".dsse.sigstore.json",
    "embedded": None,
    "jsf": None,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="what to sign")
    parser.add_argument("--key", type=Path, metavar="FILE", help="the private key, readable by its owner alone")
    parser.add_argument(
        "--as",
        dest="form",
        choices=SUFFIXES,
        default="bundle",
        help="bundle: Sigstore bundle (default); detached: base64; dsse, dsse-bundle: envelope with the content; "
        "embedded: in the JSON document itself, as cdxgen verifies; jsf: likewise, by the text of JSF",
    )
    parser.add_argument("--payload-type", metavar="TYPE", help="of the content, for dsse and dsse-bundle")
    parser.add_argument("--output", type=Path, metavar="FILE", help="instead of FILE with the form's suffix")
    parser.add_argument("--passphrase-fd", type=int, metavar="N", help="read it there (default: $COSIGN_PASSWORD)")
    new = parser.add_argument_group("a new key")
    new.add_argument("--generate-key", type=Path, metavar="PREFIX", help="write PREFIX.key and PREFIX.pub, and end")
    new.add_argument("--key-format", choices=("pkcs8", "sigstore"), default="pkcs8", help="sigstore: as cosign's own")
    new.add_argument("--no-passphrase", action="store_true", help="leave the key unencrypted; its file's mode is 0600")


def run(options: argparse.Namespace) -> int:
    """Sign each file, or make a key."""
    if options.generate_key is not None:
        if options.files or options.key is not None:
            raise CommandError("--generate-key makes a key and signs nothing: no FILE, no --key")
        return _generate(options)
    if not options.files:
        _show(options, [])
        return EXIT_NOTHING
    if options.key is None:
        raise CommandError("--key is missing; make one with --generate-key PREFIX (keyless signing needs cosign)")
    if options.output is not None and len(options.files) > 1:
        raise CommandError("--output takes one FILE")
    if (options.payload_type is not None) != options.form.startswith("dsse"):
        raise CommandError("--payload-type belongs to --as dsse and --as dsse-bundle, which need it")
    key = load_private_key(options.key, options.passphrase_fd)
    written = []
    for file in options.files:
        suffix = SUFFIXES[options.form]
        target = options.output or (file if suffix is None else Path(f"{file}{suffix}"))
        _write(target, _signed(options, file, key))
        written.append({"file": str(file), "written": str(target)})
    _show(options, written)
    return EXIT_CLEAN


def _write(target: Path, content: bytes) -> None:
    """Where a link leads, and with the mode that is there."""
    mode = 0o644
    try:
        target = target.resolve()
        mode = stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        pass
    except (OSError, RuntimeError) as error:
        raise CommandError(said(target, error if isinstance(error, OSError) else "a loop of links")) from None
    write_atomically(target, content, mode)


def _signed(options: argparse.Namespace, file: Path, key: ec.EllipticCurvePrivateKey) -> bytes:
    """What is to be written for one file."""
    match options.form:
        case "bundle":
            return compact(bundle.sign_message(key, sha256(file)))
        case "detached":
            return base64.b64encode(sign_digest(key, sha256(file))) + b"\n"
        case "dsse" | "dsse-bundle":
            return _envelope(options, file, key)
        case form:
            return _embedded(file, key, "jsf" if form == "jsf" else "cdxgen")


def _envelope(options: argparse.Namespace, file: Path, key: ec.EllipticCurvePrivateKey) -> bytes:
    content = dsse.Signed(options.payload_type, read_limited(file, LARGEST, "what to sign"))
    envelope = dsse.seal(key, content)
    return compact(bundle.with_envelope(key.public_key(), envelope) if options.form == "dsse-bundle" else envelope)


def _embedded(file: Path, key: ec.EllipticCurvePrivateKey, form: str) -> bytes:
    document = json_object(read_limited(file, LARGEST, "what to sign"), str(file))
    return (json.dumps(embed(document, key, form, str(file)), indent=2, ensure_ascii=False) + "\n").encode()


def _generate(options: argparse.Namespace) -> int:
    secret = None if options.no_passphrase else passphrase(options.passphrase_fd, "the new key", new=True)
    if secret == b"":
        raise CommandError("the passphrase is empty; --no-passphrase makes a key without one")
    key = ec.generate_private_key(ec.SECP256R1())
    pem = private_pem(key, secret, options.key_format)
    private, public = write_pair(options.generate_key, pem, public_pem(key.public_key()))
    _show(options, [{"file": "new key", "written": str(path)} for path in (private, public)])
    return EXIT_CLEAN


def _show(options: argparse.Namespace, written: list[dict[str, str]]) -> None:
    if options.format == "json":
        print_json({"signed": written})
        return
    for each in written:
        print(printable(f"{each['file']}: wrote {each['written']}", keep=""))
    if not written:
        print("nothing to sign")
