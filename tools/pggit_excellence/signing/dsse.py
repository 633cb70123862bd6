"""DSSE envelopes, v1.0.2: https://github.com/secure-systems-lab/dsse."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from pggit_excellence.errors import CommandError
from pggit_excellence.signing.ecdsa import sign_digest, verify_digest
from pggit_excellence.signing.strict import base64_bytes, member, only


@dataclass(frozen=True)
class Signed:
    """What the signature of an envelope covers."""

    payload_type: str
    payload: bytes


def seal(key: ec.EllipticCurvePrivateKey, content: Signed) -> dict[str, Any]:
    """The envelope, as JSON. It has no keyid, which nothing would protect."""
    return {
        "payload": base64.b64encode(content.payload).decode(),
        "payloadType": content.payload_type,
        "signatures": [{"sig": base64.b64encode(sign_digest(key, _digest(content))).decode()}],
    }


def unseal(key: ec.EllipticCurvePublicKey, envelope: dict[str, Any], what: str) -> Signed:
    """What was signed; Rejected where it was not by this key."""
    content, signature = contents(envelope, what)
    verify_digest(key, signature, _digest(content), what)
    return content


def contents(envelope: dict[str, Any], what: str) -> tuple[Signed, bytes]:
    """What it says that was signed, and the signature, which nobody looked at yet.

    Exactly one signature: more could be added by anybody, and the reader would have to say which ones counted.
    """
    only(envelope, {"payload", "payloadType", "signatures"}, what)
    signatures = member(envelope, "signatures", list, what)
    if len(signatures) != 1 or not isinstance(signatures[0], dict):
        raise CommandError(f"{what}: one signature is needed, there are {len(signatures)}")
    only(signatures[0], {"sig", "keyid"}, what)
    payload = base64_bytes(envelope.get("payload"), f"{what}: payload", url_safe=True)
    content = Signed(member(envelope, "payloadType", str, what), payload)
    return content, base64_bytes(signatures[0].get("sig"), f"{what}: sig", url_safe=True)


def _digest(content: Signed) -> bytes:
    """SHA-256 of the pre-authentication encoding."""
    kind = content.payload_type.encode("utf-8", "surrogatepass")
    head = b"DSSEv1 %d %s %d " % (len(kind), kind, len(content.payload))
    return hashlib.sha256(head + content.payload).digest()
