"""Signatures and what was signed, tampered with: each variant must be rejected by us, and by cosign where it can be.

A variant says with which status `verify` ends (1: not what was signed, 2: unusable), and whether cosign sees it too
(`LAX`: cosign takes it, or does not say; harmless, as what is accepted is still what was signed).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from pggit_excellence.signing import bundle, dsse, jsf
from pggit_excellence.signing.ecdsa import sign_digest
from pggit_excellence.signing.strict import compact

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
LAX = False


@dataclass(frozen=True)
class Case:
    """What a verifier is given, and for variants the holder's key and another one."""

    content: bytes
    signature: bytes
    key: ec.EllipticCurvePrivateKey
    other: ec.EllipticCurvePrivateKey
    public: str = "k.pub"

    @property
    def json(self) -> dict[str, Any]:
        """The signature as a document."""
        document: dict[str, Any] = json.loads(self.signature)
        return document


@dataclass(frozen=True)
class Variant:
    """A change, the status that it must lead to, whether cosign rejects it as well, and more options for ours."""

    change: Callable[[Case], Case]
    status: int = 1
    cosign: bool = True
    options: tuple[str, ...] = ()


def text(content: bytes) -> bytes:
    return base64.b64encode(content)


def flipped(content: bytes, at: int = -1) -> bytes:
    """One bit of one byte is another."""
    changed = bytearray(content)
    changed[at] ^= 1
    return bytes(changed)


def signature_bytes(case: Case) -> bytes:
    return base64.b64decode(case.signature)


def with_der(case: Case, der: bytes) -> Case:
    return replace(case, signature=text(der) + b"\n")


def with_numbers(case: Case, change: Callable[[int, int], tuple[int, int]]) -> Case:
    return with_der(case, utils.encode_dss_signature(*change(*utils.decode_dss_signature(signature_bytes(case)))))


def long_length(der: bytes) -> bytes:
    """The same in BER, with a length of two bytes."""
    return der[:1] + b"\x81" + der[1:]


def zero_in_front(der: bytes) -> bytes:
    """The first number with a zero byte that it does not need."""
    return bytes([0x30, der[1] + 1, 0x02, der[3] + 1, 0]) + der[4:]


def side_by_side(der: bytes) -> bytes:
    """Both numbers in 32 bytes each, as JOSE has them."""
    return b"".join(number.to_bytes(32, "big") for number in utils.decode_dss_signature(der))


def spare_bits(encoded: bytes) -> bytes:
    """The same bytes in base64, in whose last letter other bits are set that no byte is made of."""
    letters = encoded.rstrip(b"=\n")
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return letters[:-1] + bytes([alphabet[alphabet.index(letters[-1]) + 1]]) + encoded[len(letters) :]


DETACHED = {
    "content: a bit": Variant(lambda c: replace(c, content=flipped(c.content))),
    "content: cut": Variant(lambda c: replace(c, content=c.content[:-1])),
    "content: longer": Variant(lambda c: replace(c, content=c.content + b"\0")),
    "content: empty": Variant(lambda c: replace(c, content=b"")),
    "another key": Variant(lambda c: replace(c, public="other.pub")),
    "signature: a bit": Variant(lambda c: with_der(c, flipped(signature_bytes(c)))),
    "signature: cut": Variant(lambda c: with_der(c, signature_bytes(c)[:-1])),
    "signature: empty": Variant(lambda c: replace(c, signature=b"")),
    "signature of something else": Variant(lambda c: with_der(c, sign_digest(c.key, hashlib.sha256(b"x").digest()))),
    "signature by SHA-512": Variant(lambda c: with_der(c, c.key.sign(c.content, ec.ECDSA(hashes.SHA512())))),
    "signature of the digest": Variant(
        lambda c: with_der(c, c.key.sign(hashlib.sha256(c.content).digest(), ec.ECDSA(hashes.SHA256())))
    ),
    "numbers: r is 0": Variant(lambda c: with_numbers(c, lambda _, s: (0, s))),
    "numbers: s is 0": Variant(lambda c: with_numbers(c, lambda r, _: (r, 0))),
    "numbers: both 1": Variant(lambda c: with_numbers(c, lambda _, __: (1, 1))),
    "numbers: s + order": Variant(lambda c: with_numbers(c, lambda r, s: (r, s + ORDER))),
    "numbers: swapped": Variant(lambda c: with_numbers(c, lambda r, s: (s, r))),
    "DER: trailing byte": Variant(lambda c: with_der(c, signature_bytes(c) + b"\0")),
    "DER: long length": Variant(lambda c: with_der(c, long_length(signature_bytes(c)))),
    "DER: zero in front": Variant(lambda c: with_der(c, zero_in_front(signature_bytes(c)))),
    "DER: none, r and s side by side": Variant(lambda c: with_der(c, side_by_side(signature_bytes(c))), 1, LAX),
    "base64: twice": Variant(lambda c: replace(c, signature=text(c.signature))),
    "base64: none": Variant(lambda c: replace(c, signature=signature_bytes(c)), 2, LAX),
    "base64: cut": Variant(lambda c: replace(c, signature=c.signature[:-6]), 2),
    "base64: no padding": Variant(lambda c: replace(c, signature=c.signature.rstrip(b"=\n")), 2),
    "base64: other alphabet": Variant(
        lambda c: replace(c, signature=c.signature.translate(bytes.maketrans(b"+/", b"-_"))), 2
    ),
    "base64: bits that nobody reads": Variant(lambda c: replace(c, signature=spare_bits(c.signature)), 2, LAX),
    "base64: blank inside": Variant(lambda c: replace(c, signature=c.signature[:9] + b" " + c.signature[9:]), 2),
    "base64: line inside": Variant(lambda c: replace(c, signature=c.signature[:9] + b"\n" + c.signature[9:]), 2, LAX),
    "base64: text behind": Variant(lambda c: replace(c, signature=c.signature.rstrip() + b"AAAA"), 2),
}


def edited(case: Case, *path: str | int, value: Any = None) -> Case:
    """The document with another value there; None removes it."""
    document: Any = case.json
    at = document
    for step in path[:-1]:
        at = at[step]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return replace(case, signature=compact(document))


def recoded(case: Case, path: tuple[str | int, ...], change: Callable[[bytes], bytes]) -> Case:
    """The document with other bytes in one of its base64 texts."""
    at: Any = case.json
    for step in path:
        at = at[step]
    return edited(case, *path, value=text(change(base64.b64decode(at))).decode())


def digest_of(content: bytes) -> str:
    return text(hashlib.sha256(content).digest()).decode()


SIGNATURE = ("messageSignature", "signature")
DIGEST = ("messageSignature", "messageDigest", "digest")
HINT = ("verificationMaterial", "publicKey", "hint")
BUNDLE = {
    "content: a bit": Variant(lambda c: replace(c, content=flipped(c.content))),
    "content and digest": Variant(
        lambda c: edited(replace(c, content=flipped(c.content)), *DIGEST, value=digest_of(flipped(c.content)))
    ),
    "another key": Variant(lambda c: replace(c, public="other.pub")),
    "signed by another key": Variant(
        lambda c: replace(c, signature=compact(bundle.sign_message(c.other, hashlib.sha256(c.content).digest())))
    ),
    "signed by another key, with this one's name": Variant(
        lambda c: edited(
            replace(c, signature=compact(bundle.sign_message(c.other, hashlib.sha256(c.content).digest()))),
            *HINT,
            value=c.json["verificationMaterial"]["publicKey"]["hint"],
        )
    ),
    "key's name: other": Variant(lambda c: edited(c, *HINT, value=digest_of(b"")), 1, LAX),
    "digest: other": Variant(lambda c: recoded(c, DIGEST, flipped)),
    "digest: other algorithm": Variant(
        lambda c: edited(c, "messageSignature", "messageDigest", "algorithm", value="SHA2_512"), 2, LAX
    ),
    "signature: a bit": Variant(lambda c: recoded(c, SIGNATURE, flipped)),
    "signature: empty": Variant(lambda c: edited(c, *SIGNATURE, value="")),
    "signature: none": Variant(lambda c: edited(c, *SIGNATURE), 2),
    "signature: a number": Variant(lambda c: edited(c, *SIGNATURE, value=7), 2),
    "signature: no padding": Variant(
        lambda c: edited(c, *SIGNATURE, value=c.json["messageSignature"]["signature"].rstrip("=")), 2, LAX
    ),
    "DER: trailing byte": Variant(lambda c: recoded(c, SIGNATURE, lambda der: der + b"\0")),
    "DER: long length": Variant(lambda c: recoded(c, SIGNATURE, long_length)),
    "unsigned": Variant(lambda c: edited(c, "messageSignature"), 2),
    "media type: other": Variant(lambda c: edited(c, "mediaType", value="application/json"), 2),
    "media type: none": Variant(lambda c: edited(c, "mediaType"), 2),
    "media type: 0.1": Variant(
        lambda c: edited(c, "mediaType", value="application/vnd.dev.sigstore.bundle+json;version=0.1"), 2, LAX
    ),
    "material: none": Variant(lambda c: edited(c, "verificationMaterial"), 2),
    "material: certificate": Variant(
        lambda c: edited(c, "verificationMaterial", value={"certificate": {"rawBytes": "AAAA"}}), 2
    ),
    "both kinds": Variant(lambda c: edited(c, "dsseEnvelope", value={"payload": "", "signatures": []}), 2),
    "unknown member": Variant(lambda c: edited(c, "note", value="x"), 2, LAX),
    "key twice": Variant(lambda c: replace(c, signature=b'{"mediaType":"",' + c.signature[1:]), 2),
    "JSON: cut": Variant(lambda c: replace(c, signature=c.signature[:-20]), 2),
    "JSON: two documents": Variant(lambda c: replace(c, signature=c.signature * 2), 2),
    "JSON: none": Variant(lambda c: replace(c, signature=b"\xff\xfe"), 2),
    "empty": Variant(lambda c: replace(c, signature=b""), 2),
}


def statement_of(case: Case) -> dict[str, Any]:
    """What an attestation says."""
    document = case.json
    statement: dict[str, Any] = json.loads(base64.b64decode(document.get("dsseEnvelope", document)["payload"]))
    return statement


def sealed(
    case: Case, payload: bytes, kind: str = "application/vnd.in-toto+json", by: ec.EllipticCurvePrivateKey | None = None
) -> Case:
    """Another payload, signed by the holder of the key: what a careless or dishonest builder may say."""
    key = by or case.key
    envelope = dsse.seal(key, dsse.Signed(kind, payload))
    as_bundle = "dsseEnvelope" in case.json
    return replace(case, signature=compact(bundle.with_envelope(key.public_key(), envelope) if as_bundle else envelope))


def said(case: Case, *path: str | int, value: Any = None) -> Case:
    """Another statement, signed by the holder of the key."""
    changed = edited(replace(case, signature=compact(statement_of(case))), *path, value=value)
    return sealed(case, changed.signature)


def within(prefix: tuple[str | int, ...]) -> dict[str, Variant]:
    """Variants of an envelope that stands there."""
    signature = (*prefix, "signatures", 0, "sig")

    def signatures(case: Case) -> list[Any]:
        found: list[Any] = case.json.get("dsseEnvelope", case.json)["signatures"]
        return found

    return {
        "about another file": Variant(lambda c: replace(c, content=flipped(c.content))),
        "another key": Variant(lambda c: replace(c, public="other.pub")),
        "signed by another key": Variant(lambda c: sealed(c, compact(statement_of(c)), by=c.other)),
        "payload: a bit": Variant(lambda c: recoded(c, (*prefix, "payload"), lambda p: flipped(p, 20))),
        "payload: cut": Variant(lambda c: recoded(c, (*prefix, "payload"), lambda p: p[:-1])),
        "payload: empty": Variant(lambda c: edited(c, *prefix, "payload", value="")),
        "payload: laid out anew": Variant(
            lambda c: edited(c, *prefix, "payload", value=text(json.dumps(statement_of(c), indent=1).encode()).decode())
        ),
        "payload type: other": Variant(lambda c: edited(c, *prefix, "payloadType", value="text/plain")),
        "payload type: empty": Variant(lambda c: edited(c, *prefix, "payloadType", value="")),
        "payload type: none": Variant(lambda c: edited(c, *prefix, "payloadType"), 2),
        "type and payload: a byte moved": Variant(
            lambda c: edited(
                recoded(c, (*prefix, "payload"), lambda p: p[1:]),
                *prefix,
                "payloadType",
                value="application/vnd.in-toto+json{",
            )
        ),
        "signatures: empty": Variant(lambda c: edited(c, *prefix, "signatures", value=[]), 2),
        "signatures: none": Variant(lambda c: edited(c, *prefix, "signatures"), 2),
        "signatures: one more": Variant(
            lambda c: edited(c, *prefix, "signatures", value=[*signatures(c), {"sig": "AAAA"}]), 2, prefix != ()
        ),
        "signatures: one more in front": Variant(
            lambda c: edited(c, *prefix, "signatures", value=[{"sig": "AAAA"}, *signatures(c)]), 2, prefix != ()
        ),
        "signature: a bit": Variant(lambda c: recoded(c, signature, flipped)),
        "signature: empty": Variant(lambda c: edited(c, *signature, value="")),
        "DER: trailing byte": Variant(lambda c: recoded(c, signature, lambda der: der + b"\0")),
        "over the payload alone": Variant(
            lambda c: edited(
                c,
                *signature,
                value=text(sign_digest(c.key, hashlib.sha256(compact(statement_of(c))).digest())).decode(),
            )
        ),
        "unknown member": Variant(lambda c: edited(c, *prefix, "note", value="x"), 2, LAX),
        "key twice": Variant(
            lambda c: replace(c, signature=c.signature.replace(b'"sig":', b'"sig":"","sig":')), 2, LAX
        ),
        "signed: other payload type": Variant(lambda c: sealed(c, compact(statement_of(c)), "text/plain"), 2),
        "signed: no JSON": Variant(lambda c: sealed(c, b"{"), 2),
        "signed: key twice": Variant(
            lambda c: sealed(c, compact(statement_of(c)).replace(b'{"_type"', b'{"subject":[],"_type"')), 2, LAX
        ),
        "signed: other statement type": Variant(lambda c: said(c, "_type", value="https://example.org"), 2, LAX),
        "signed: other predicate type": Variant(lambda c: said(c, "predicateType", value="https://example.org"), 2),
        "signed: about nothing": Variant(lambda c: said(c, "subject", value=[])),
        "signed: another digest": Variant(lambda c: said(c, "subject", 0, "digest", value={"sha256": "00" * 32})),
        "signed: SHA-256 of something else": Variant(
            lambda c: said(c, "subject", 0, "digest", "sha256", value="00" * 32), 1, LAX
        ),
        "signed: SHA-512 of something else": Variant(
            lambda c: said(c, "subject", 0, "digest", "sha512", value="00" * 64), 1, LAX
        ),
        "signed: SHA-1 only": Variant(
            lambda c: said(
                c, "subject", 0, "digest", value={"sha1": hashlib.sha1(c.content, usedforsecurity=False).hexdigest()}
            )
        ),
        "signed: subject twice": Variant(lambda c: said(c, "subject", value=statement_of(c)["subject"] * 2), 1, LAX),
        "signed: subjects swapped": Variant(
            lambda c: said(
                c,
                "subject",
                value=[
                    {"name": "file", "digest": {"sha256": "00" * 32}},
                    {**statement_of(c)["subject"][0], "name": "second"},
                ],
            ),
            1,
            LAX,
        ),
        "signed: subject leads out": Variant(lambda c: said(c, "subject", 0, "name", value="../../etc/passwd"), 1, LAX),
        "signed: subject is absolute": Variant(lambda c: said(c, "subject", 0, "name", value="/etc/passwd"), 1, LAX),
        "signed: subject with a line end": Variant(lambda c: said(c, "subject", 0, "name", value="a\nb"), 1, LAX),
        "signed: other builder": Variant(
            lambda c: said(c, "predicate", "runDetails", "builder", "id", value="https://example.org/other"), 1, LAX
        ),
        "signed: no builder": Variant(lambda c: said(c, "predicate", "runDetails", "builder"), 2, LAX),
        "signed: other source": Variant(
            lambda c: said(c, "predicate", "buildDefinition", "resolvedDependencies", 0, "uri", value="git+https://x"),
            1,
            LAX,
        ),
        "signed: no source": Variant(
            lambda c: said(c, "predicate", "buildDefinition", "resolvedDependencies", value=[]), 1, LAX
        ),
        "signed: two sources": Variant(
            lambda c: said(
                c,
                "predicate",
                "buildDefinition",
                "resolvedDependencies",
                value=statement_of(c)["predicate"]["buildDefinition"]["resolvedDependencies"] * 2,
            ),
            1,
            LAX,
        ),
        "signed: one more parameter": Variant(
            lambda c: said(c, "predicate", "buildDefinition", "externalParameters", "debug", value="yes"), 1, LAX
        ),
        "signed: finished in the future": Variant(
            lambda c: said(c, "predicate", "runDetails", "metadata", "finishedOn", value="2999-01-01T00:00:00Z"), 1, LAX
        ),
        "signed: started after the end": Variant(
            lambda c: said(c, "predicate", "runDetails", "metadata", "finishedOn", value="2020-01-01T00:00:00Z"), 1, LAX
        ),
        "signed: no time": Variant(
            lambda c: said(c, "predicate", "runDetails", "metadata", "finishedOn", value="yesterday"), 2, LAX
        ),
        "signed: expired": Variant(lambda c: c, 1, LAX, ("--max-age", "30")),
        "signed: age unknown": Variant(
            lambda c: said(c, "predicate", "runDetails", "metadata"), 1, LAX, ("--max-age", "30")
        ),
    }


ATTESTATION = within(("dsseEnvelope",)) | {
    "media type: other": BUNDLE["media type: other"],
    "key's name: other": BUNDLE["key's name: other"],
    "material: none": BUNDLE["material: none"],
    "unsigned": Variant(lambda c: edited(c, "dsseEnvelope"), 2),
}
ENVELOPE = within(())


def value_of(case: Case) -> bytes:
    value: str = case.json["signature"]["value"]
    return base64.urlsafe_b64decode(value + "==")


def with_value(case: Case, value: bytes) -> Case:
    return edited(case, "signature", "value", value=base64.urlsafe_b64encode(value).rstrip(b"=").decode())


EMBEDDED = {
    "content: another value": Variant(lambda c: edited(c, "version", value=2)),
    "content: one more member": Variant(lambda c: edited(c, "note", value="x")),
    "content: one member less": Variant(lambda c: edited(c, "bomFormat")),
    "another key": Variant(lambda c: replace(c, public="other.pub")),
    "signed by another key": Variant(
        lambda c: replace(c, signature=compact(jsf.embed(c.json, c.other, "jsf", "document")))
    ),
    "signed by another key, which it does not name": Variant(
        lambda c: edited(
            replace(c, signature=compact(jsf.embed(c.json, c.other, "cdxgen", "document"))), "signature", "publicKey"
        )
    ),
    "names another key": Variant(
        lambda c: edited(
            c, "signature", "publicKey", value=jsf.embed({}, c.other, "jsf", "document")["signature"]["publicKey"]
        )
    ),
    "unsigned": Variant(lambda c: edited(c, "signature")),
    "signature: a bit": Variant(lambda c: with_value(c, flipped(value_of(c)))),
    "signature: zeros": Variant(lambda c: with_value(c, bytes(64))),
    "signature: halves swapped": Variant(lambda c: with_value(c, value_of(c)[32:] + value_of(c)[:32])),
    "signature: cut": Variant(lambda c: with_value(c, value_of(c)[:-1]), 2),
    "signature: empty": Variant(lambda c: with_value(c, b""), 2),
    "signature: padded": Variant(
        lambda c: edited(c, "signature", "value", value=c.json["signature"]["value"] + "=="), 2
    ),
    "signature: none": Variant(lambda c: edited(c, "signature", "value"), 2),
    "signature: text": Variant(lambda c: edited(c, "signature", value="x"), 2),
    "algorithm: none": Variant(lambda c: edited(c, "signature", "algorithm", value="none"), 2),
    "algorithm: HS256": Variant(lambda c: edited(c, "signature", "algorithm", value="HS256"), 2),
    "excludes": Variant(lambda c: edited(c, "signature", "excludes", value=["version"]), 2),
    "signers": Variant(lambda c: edited(c, "signature", value={"signers": [c.json["signature"]]}), 2),
    "key twice": Variant(lambda c: replace(c, signature=b'{"version":9,' + c.signature.lstrip()[1:]), 2),
    "JSON: cut": Variant(lambda c: replace(c, signature=c.signature[:-9]), 2),
}
