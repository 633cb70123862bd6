"""Signatures inside a JSON document: JSF (JSON Signature Format 0.82), ES256, as CycloneDX has them.

The text of JSF signs the document with `signature` in it, less its `value`. cdxgen, the CycloneDX tool that verifies
such signatures (cdx-verify, cdx-validate), signs the document without `signature`. Both are written, and both are
verified: in either case everything but the signature itself is covered, and algorithm and key are compared with what
the caller expects.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric import ec, utils

from pggit_excellence.errors import CommandError
from pggit_excellence.signing.ecdsa import sign_digest, verify_digest
from pggit_excellence.signing.findings import Rejected
from pggit_excellence.signing.strict import member, only

ALGORITHM = "ES256"
FORMS = ("cdxgen", "jsf")
# Bytes of one coordinate, or of one half of a signature.
HALF = 32


def embed(document: dict[str, Any], key: ec.EllipticCurvePrivateKey, form: str, what: str) -> dict[str, Any]:
    """The document with `signature` as its last member, in the place of one that it had."""
    block = {"algorithm": ALGORITHM, "publicKey": _jwk(key.public_key())}
    bare = {name: value for name, value in document.items() if name != "signature"}
    r, s = utils.decode_dss_signature(sign_digest(key, _digest(bare, block, form, what)))
    value = r.to_bytes(HALF, "big") + s.to_bytes(HALF, "big")
    return bare | {"signature": block | {"value": _text(value)}}


def verify_embedded(document: dict[str, Any], key: ec.EllipticCurvePublicKey, what: str) -> str:
    """The form of the document's signature; Rejected where it has none of this key."""
    if "signature" not in document:
        raise Rejected(f"{what}: not signed (no top-level member signature)")
    block = member(document, "signature", dict, what)
    only(block, {"algorithm", "publicKey", "value"}, f"{what}: signature")
    if block.get("algorithm") != ALGORITHM:
        raise CommandError(f"{what}: signed by {block.get('algorithm')!r}, {ALGORITHM} is needed")
    if "publicKey" in block and block["publicKey"] != _jwk(key):
        raise Rejected(f"{what}: signed with another key")
    signature = _der(member(block, "value", str, what), what)
    bare = {name: value for name, value in document.items() if name != "signature"}
    unsigned = {name: value for name, value in block.items() if name != "value"}
    for form in FORMS:
        try:
            verify_digest(key, signature, _digest(bare, unsigned, form, what), what)
        except Rejected as error:
            rejected = error
        else:
            return form
    raise rejected


def _digest(bare: dict[str, Any], block: dict[str, Any], form: str, what: str) -> bytes:
    try:
        return hashlib.sha256(rfc8785.dumps(bare | {"signature": block} if form == "jsf" else bare)).digest()
    except (rfc8785.CanonicalizationError, RecursionError) as error:
        raise CommandError(f"{what}: has no canonical form (RFC 8785): {error}") from None


def _der(value: str, what: str) -> bytes:
    """A signature of two numbers side by side, as DER."""
    try:
        raw = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except ValueError:
        raw = b""
    if len(raw) != 2 * HALF or _text(raw) != value:
        raise CommandError(f"{what}: signature: value is not 64 bytes in base64url without padding")
    return utils.encode_dss_signature(int.from_bytes(raw[:HALF], "big"), int.from_bytes(raw[HALF:], "big"))


def _jwk(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    x, y = (_text(number.to_bytes(HALF, "big")) for number in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
