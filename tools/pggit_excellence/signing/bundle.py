"""Sigstore bundles, v0.3, with a public key: https://github.com/sigstore/protobuf-specs, sigstore_bundle.proto."""

from __future__ import annotations

import base64
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from pggit_excellence.errors import CommandError
from pggit_excellence.signing.ecdsa import sign_digest, verify_digest
from pggit_excellence.signing.findings import Rejected
from pggit_excellence.signing.keys import hint
from pggit_excellence.signing.strict import base64_bytes, member, only

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
MESSAGE, ENVELOPE = "messageSignature", "dsseEnvelope"


def sign_message(key: ec.EllipticCurvePrivateKey, digest: bytes) -> dict[str, Any]:
    """A bundle with the signature over a file of this SHA-256."""
    signature = {
        "messageDigest": {"algorithm": "SHA2_256", "digest": base64.b64encode(digest).decode()},
        "signature": base64.b64encode(sign_digest(key, digest)).decode(),
    }
    return _bundle(key.public_key(), MESSAGE, signature)


def with_envelope(key: ec.EllipticCurvePublicKey, envelope: dict[str, Any]) -> dict[str, Any]:
    """A bundle around a DSSE envelope."""
    return _bundle(key, ENVELOPE, envelope)


def _bundle(key: ec.EllipticCurvePublicKey, kind: str, content: dict[str, Any]) -> dict[str, Any]:
    return {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {"publicKey": {"hint": hint(key)}},
        kind: content,
    }


def content_of(bundle: dict[str, Any], key: ec.EllipticCurvePublicKey, what: str) -> tuple[str, dict[str, Any]]:
    """Which kind it is (MESSAGE or ENVELOPE) and its content, after a look at everything around it.

    Entries of transparency logs and timestamps of others are taken and not looked at: they add to a signature, and the
    key alone decides here.
    """
    if bundle.get("mediaType") != MEDIA_TYPE:
        raise CommandError(f"{what}: mediaType is {bundle.get('mediaType')!r}, known is {MEDIA_TYPE}")
    only(bundle, {"mediaType", "verificationMaterial", MESSAGE, ENVELOPE}, what)
    material = member(bundle, "verificationMaterial", dict, what)
    if material.keys() & {"certificate", "x509CertificateChain"}:
        raise CommandError(f"{what}: signed keyless, with a certificate; verify it with cosign or gh attestation")
    only(material, {"publicKey", "tlogEntries", "timestampVerificationData"}, what)
    named = member(material, "publicKey", dict, what)
    only(named, {"hint"}, what)
    if named.get("hint", "") not in ("", hint(key)):
        raise Rejected(f"{what}: made with another key (it names {named['hint']})")
    kinds = [kind for kind in (MESSAGE, ENVELOPE) if kind in bundle]
    if len(kinds) != 1:
        raise CommandError(f"{what}: one of {MESSAGE} and {ENVELOPE} is needed")
    return kinds[0], member(bundle, kinds[0], dict, what)


def verify_message(message: dict[str, Any], key: ec.EllipticCurvePublicKey, digest: bytes, what: str) -> None:
    """Rejected unless it is the key's signature over a file of this SHA-256."""
    only(message, {"messageDigest", "signature"}, what)
    if "messageDigest" in message:
        named = member(message, "messageDigest", dict, what)
        only(named, {"algorithm", "digest"}, what)
        if named.get("algorithm") != "SHA2_256":
            raise CommandError(f"{what}: the digest is by {named.get('algorithm')!r}, SHA2_256 is needed")
        if base64_bytes(named.get("digest"), f"{what}: digest", url_safe=True) != digest:
            raise Rejected(f"{what}: made for a file with another SHA-256")
    signature = base64_bytes(message.get("signature"), f"{what}: signature", url_safe=True)
    verify_digest(key, signature, digest, what)
