"""ECDSA signatures over a SHA-256 digest, as DER.

With (r, s) the pair (r, n - s) verifies too, for everybody: cosign makes and takes both, and so do we. Nothing here
uses the bytes of a signature to tell one signing from another.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from pggit_excellence.signing.findings import Rejected

_PREHASHED = utils.Prehashed(hashes.SHA256())


def sign_digest(key: ec.EllipticCurvePrivateKey, digest: bytes) -> bytes:
    """The signature by RFC 6979: the same for the same key and digest, and no random number to get wrong."""
    return key.sign(digest, ec.ECDSA(_PREHASHED, deterministic_signing=True))


def verify_digest(key: ec.EllipticCurvePublicKey, signature: bytes, digest: bytes, what: str) -> None:
    """Rejected unless it is this key's signature; OpenSSL takes DER only, and nothing behind it."""
    try:
        key.verify(signature, digest, ec.ECDSA(_PREHASHED))
    except InvalidSignature:
        raise Rejected(f"{what}: the signature is not this key's, or not over this content") from None
