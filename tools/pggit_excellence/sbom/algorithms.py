"""The cryptographic algorithms of pgcrypto and PostgreSQL: object identifiers and CycloneDX's words for them.

OIDs are those of NIST's, RSA's and OIW's arcs as OpenSSL's objects.txt lists them. An empty OID: none is registered.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Algorithm:
    """One algorithm: `bits` its classical security level, `quantum` NIST's category (0: none)."""

    name: str
    primitive: str
    oid: str = ""
    bits: int | None = None
    quantum: int = 0
    parameter: str = ""
    mode: str = ""
    functions: tuple[str, ...] = ()

    @property
    def properties(self) -> dict[str, Any]:
        """`cryptoProperties` of CycloneDX."""
        details: dict[str, Any] = {"primitive": self.primitive}
        if self.parameter:
            details["parameterSetIdentifier"] = self.parameter
        details |= {"executionEnvironment": "software-plain-ram", "implementationPlatform": "generic"}
        if self.mode:
            details["mode"] = self.mode
        if self.functions:
            details["cryptoFunctions"] = list(self.functions)
        if self.bits is not None:
            details |= {"classicalSecurityLevel": self.bits, "nistQuantumSecurityLevel": self.quantum}
        return {"assetType": "algorithm", "algorithmProperties": details} | ({"oid": self.oid} if self.oid else {})


_NIST = "2.16.840.1.101.3.4"
# Digest: OID, OID of HMAC with it, classical security level against collisions, NIST's category.
_DIGESTS = {
    "md5": ("1.2.840.113549.2.5", "1.3.6.1.5.5.8.1.1", 0, 0),
    "sha1": ("1.3.14.3.2.26", "1.2.840.113549.2.7", 63, 0),
    "sha224": (f"{_NIST}.2.4", "1.2.840.113549.2.8", 112, 0),
    "sha256": (f"{_NIST}.2.1", "1.2.840.113549.2.9", 128, 2),
    "sha384": (f"{_NIST}.2.2", "1.2.840.113549.2.10", 192, 4),
    "sha512": (f"{_NIST}.2.3", "1.2.840.113549.2.11", 256, 5),
    "sha3-224": (f"{_NIST}.2.7", f"{_NIST}.2.13", 112, 0),
    "sha3-256": (f"{_NIST}.2.8", f"{_NIST}.2.14", 128, 2),
    "sha3-384": (f"{_NIST}.2.9", f"{_NIST}.2.15", 192, 4),
    "sha3-512": (f"{_NIST}.2.10", f"{_NIST}.2.16", 256, 5),
    "ripemd160": ("1.3.36.3.2.1", "1.3.6.1.5.5.8.1.4", 80, 0),
}
# Cipher: (OID in CBC mode, in ECB mode, in CFB mode), key length, classical security level, NIST's category.
_CIPHERS = {
    "aes128": ((f"{_NIST}.1.2", f"{_NIST}.1.1", f"{_NIST}.1.4"), "128", 128, 1),
    "aes192": ((f"{_NIST}.1.22", f"{_NIST}.1.21", f"{_NIST}.1.24"), "192", 192, 3),
    "aes256": ((f"{_NIST}.1.42", f"{_NIST}.1.41", f"{_NIST}.1.44"), "256", 256, 5),
    "bf": (("1.3.6.1.4.1.3029.1.2", "", ""), "", 64, 0),
    "blowfish": (("1.3.6.1.4.1.3029.1.2", "", ""), "", 64, 0),
    "3des": (("1.2.840.113549.3.7", "", ""), "168", 112, 0),
    "des3": (("1.2.840.113549.3.7", "", ""), "168", 112, 0),
    "des": (("1.3.14.3.2.7", "1.3.14.3.2.6", "1.3.14.3.2.9"), "56", 56, 0),
    "cast5": (("1.2.840.113533.7.66.10", "", ""), "128", 64, 0),
}
_MODES = {"cbc": 0, "ecb": 1, "cfb": 2}
# crypt()'s own: none has a registered identifier.
_CRYPT = {"bf": ("bcrypt", 128), "md5": ("md5-crypt", 0), "xdes": ("extended-des-crypt", 56), "des": ("des-crypt", 56)}
_OTHERS = {
    "csprng": Algorithm("operating system's random generator", "drbg", functions=("generate",)),
    "crypt": Algorithm("crypt, as its salt says", "kdf", functions=("keyderive",)),
    "openpgp": Algorithm("OpenPGP, as key or message say", "unknown"),
    "unknown": Algorithm("chosen by the caller", "unknown", functions=("unknown",)),
}


def algorithm(name: str) -> Algorithm:
    """The algorithm that a call names: `sha256`, `hmac-sha256`, `crypt-bf`, `aes-cbc/pad:pkcs`, `openpgp-aes256`..."""
    if name in _OTHERS:
        return _OTHERS[name]
    kind, _, rest = name.partition("-")
    if kind == "crypt" and rest in _CRYPT:
        title, bits = _CRYPT[rest]
        return Algorithm(title, "kdf", bits=bits, functions=("keyderive",))
    if kind == "hmac" and rest in _DIGESTS:
        return _hmac(rest)
    if kind == "openpgp":
        return _cipher(rest, "cfb") or Algorithm(name, "unknown")
    if name in _DIGESTS:
        oid, _, bits, quantum = _DIGESTS[name]
        return Algorithm(name, "hash", oid, bits, quantum, _length(name), functions=("digest",))
    found = re.fullmatch(r"([a-z0-9]+?)(?:-(cbc|ecb|cfb))?(?:/pad:(?:pkcs|none))?", name)
    return (found and _cipher(found[1], found[2] or "cbc")) or Algorithm(name, "unknown")


def _length(digest: str) -> str:
    found = re.search(r"(224|256|384|512|160)$", digest)
    return found[1] if found else {"md5": "128", "sha1": "160"}.get(digest, "")


def _hmac(digest: str) -> Algorithm:
    _, oid, bits, quantum = _DIGESTS[digest]
    return Algorithm(f"hmac-{digest}", "mac", oid, max(bits, 128), max(quantum, 1), _length(digest), functions=("tag",))


def _cipher(name: str, mode: str) -> Algorithm | None:
    """The cipher in that mode; pgcrypto's `aes` takes the key's length from the key: its OID is the arc of AES."""
    functions = ("encrypt", "decrypt")
    if name == "aes":
        return Algorithm(f"aes-{mode}", "block-cipher", f"{_NIST}.1", 128, 1, mode=mode, functions=functions)
    if name not in _CIPHERS:
        return None
    oids, key, bits, quantum = _CIPHERS[name]
    oid = oids[_MODES[mode]]
    return Algorithm(f"{name}-{mode}", "block-cipher", oid, bits, quantum, key, mode, functions)
