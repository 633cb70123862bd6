"""cosign's own format of private keys: PKCS #8 in a NaCl secretbox under scrypt, as JSON in PEM.

Source: `cosign generate-key-pair`, go-securesystemslib/encrypted. Parameters that would take more than a few seconds or
MOST_MEMORY are refused.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import textwrap

from pggit_excellence.errors import CommandError
from pggit_excellence.signing.strict import base64_bytes, json_object, member

LABELS = ("ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY")
# What cosign writes.
COST, BLOCK, PARALLEL = 65536, 8, 1
# scrypt needs 128 * N * r bytes; this is four times what cosign asks for.
MOST_MEMORY = 1 << 28


def is_sigstore_key(pem: bytes) -> bool:
    """Whether the PEM text is such a key."""
    return any(pem.lstrip().startswith(f"-----BEGIN {label}-----".encode()) for label in LABELS)


def decrypt(pem: bytes, secret: bytes, what: str) -> bytes:
    """The PKCS #8 DER inside; CommandError for a wrong passphrase or a damaged file."""
    from nacl.exceptions import CryptoError
    from nacl.secret import SecretBox

    lines = pem.decode("ascii", "replace").split("-----")
    if len(lines) < 5:
        raise CommandError(f"{what}: the PEM text is cut off")
    content = json_object(base64_bytes("".join(lines[2].split()), what), what)
    kdf, cipher = member(content, "kdf", dict, what), member(content, "cipher", dict, what)
    if (kdf.get("name"), cipher.get("name")) != ("scrypt", "nacl/secretbox"):
        raise CommandError(f"{what}: only scrypt with nacl/secretbox is known")
    params = member(kdf, "params", dict, what)
    n, r, p = (member(params, name, int, what) for name in ("N", "r", "p"))
    key = _derived(secret, base64_bytes(kdf.get("salt"), what), (n, r, p), what)
    nonce = base64_bytes(cipher.get("nonce"), what)
    try:
        return SecretBox(key).decrypt(base64_bytes(content.get("ciphertext"), what), nonce)
    except (CryptoError, ValueError):
        raise CommandError(f"{what}: wrong passphrase, or the key is damaged") from None


def encrypt(der: bytes, secret: bytes) -> bytes:
    """PEM text that cosign and `decrypt` read."""
    from nacl.secret import SecretBox

    salt, nonce = os.urandom(32), os.urandom(SecretBox.NONCE_SIZE)
    box = SecretBox(_derived(secret, salt, (COST, BLOCK, PARALLEL), "key"))
    content = {
        "kdf": {"name": "scrypt", "params": {"N": COST, "r": BLOCK, "p": PARALLEL}, "salt": _text(salt)},
        "cipher": {"name": "nacl/secretbox", "nonce": _text(nonce)},
        "ciphertext": _text(box.encrypt(der, nonce).ciphertext),
    }
    body = textwrap.fill(_text(json.dumps(content, separators=(",", ":")).encode()), 64)
    return f"-----BEGIN {LABELS[0]}-----\n{body}\n-----END {LABELS[0]}-----\n".encode()


def _derived(secret: bytes, salt: bytes, cost: tuple[int, int, int], what: str) -> bytes:
    n, r, p = cost
    if n < 2 or n & (n - 1) or r < 1 or not 1 <= p <= 4 or 128 * n * r > MOST_MEMORY:
        raise CommandError(f"{what}: scrypt parameters N={n} r={r} p={p} are not usable")
    return hashlib.scrypt(secret, salt=salt, n=n, r=r, p=p, maxmem=2 * MOST_MEMORY, dklen=32)


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
