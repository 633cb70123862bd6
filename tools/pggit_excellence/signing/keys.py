"""Keys: ECDSA P-256 as PEM, private ones in PKCS #8 (plain or encrypted) or in cosign's format."""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pggit_excellence.errors import CommandError
from pggit_excellence.signing import sigstore_key
from pggit_excellence.signing.passphrase import passphrase

LARGEST = 64 * 1024
ENCRYPTED = (b"-----BEGIN ENCRYPTED PRIVATE KEY-----", b"Proc-Type: 4,ENCRYPTED")


def load_private_key(path: Path, passphrase_fd: int | None) -> ec.EllipticCurvePrivateKey:
    """A private key that nobody but its owner can read; asks for its passphrase only where it has one."""
    pem = _read(path, private=True)
    what = str(path)
    try:
        if sigstore_key.is_sigstore_key(pem):
            der = sigstore_key.decrypt(pem, passphrase(passphrase_fd, what), what)
            key = serialization.load_der_private_key(der, None)
        else:
            secret = passphrase(passphrase_fd, what) if any(mark in pem for mark in ENCRYPTED) else None
            key = serialization.load_pem_private_key(pem, secret or None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise CommandError(f"{path}: no private key in PEM form, or a wrong passphrase") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise CommandError(f"{path}: an ECDSA key on the curve P-256 is needed; make one with sign --generate-key")
    return key


def load_public_key(path: Path) -> ec.EllipticCurvePublicKey:
    """A public key."""
    pem = _read(path, private=False)
    if b"PRIVATE KEY-----" in pem:
        raise CommandError(f"{path}: this is a private key; the public one is needed, and keep this one to yourself")
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise CommandError(f"{path}: no public key in PEM form") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise CommandError(f"{path}: an ECDSA key on the curve P-256 is needed")
    return key


def _read(path: Path, *, private: bool) -> bytes:
    """The file's content; its mode is that of the open file, so that nothing can be put in its place between."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise CommandError(f"{path}: not a regular file")
            if private and status.st_mode & 0o077:
                mode = stat.S_IMODE(status.st_mode)
                raise CommandError(f"{path}: its mode is {mode:04o}, so that others can use it; chmod 600 {path}")
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None
    if len(content) > LARGEST:
        raise CommandError(f"{path}: too large for a key")
    return content


def private_pem(key: ec.EllipticCurvePrivateKey, secret: bytes | None, form: str) -> bytes:
    """The key as PEM text, in the form `pkcs8` or `sigstore`; without a passphrase always plain PKCS #8."""
    if secret is not None and form == "sigstore":
        plain = key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return sigstore_key.encrypt(plain, secret)
    encryption = serialization.NoEncryption() if secret is None else serialization.BestAvailableEncryption(secret)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def write_pair(prefix: Path, private: bytes, public: bytes) -> tuple[Path, Path]:
    """Write PREFIX.key (mode 0600) and PREFIX.pub; nothing that is there already is overwritten."""
    paths = Path(f"{prefix}.key"), Path(f"{prefix}.pub")
    made: list[Path] = []
    for path, content, mode in zip(paths, (private, public), (0o600, 0o644), strict=True):
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb") as file:
                made.append(path)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            for each in made:
                each.unlink()
            hint = " (no key is overwritten)" if isinstance(error, FileExistsError) else ""
            raise CommandError(f"{path}: {error.strerror}{hint}") from None
    return paths


def public_pem(key: ec.EllipticCurvePublicKey) -> bytes:
    """The public key as PEM text."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def hint(key: ec.EllipticCurvePublicKey) -> str:
    """What a Sigstore bundle calls the key, as cosign does: base64 of the SHA-256 of its SubjectPublicKeyInfo."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(der).digest()).decode()
