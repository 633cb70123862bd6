"""Signed checkpoints: a file outside of the database, one DSSE envelope a line, each naming the one before."""

from __future__ import annotations

import datetime
import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from cryptography.hazmat.primitives.asymmetric import ec

from pggit_excellence.errors import CommandError
from pggit_excellence.files import said
from pggit_excellence.signing.dsse import Signed, seal, unseal
from pggit_excellence.signing.findings import Rejected
from pggit_excellence.signing.strict import compact, json_object, member, only

SHA256 = re.compile(r"[0-9a-f]{64}")
PAYLOAD_TYPE = "application/vnd.pggit-excellence.audit-checkpoint.v1+json"


@dataclass(frozen=True)
class Checkpoint:
    """The end of the chain at a time: row `audit_id` has the hash `row_hash`, and with it all rows before are fixed.

    `chain` identifies the chain (previous_hash of row 1), `previous` is the SHA-256 of the payload before. Hashes are
    hexadecimal digits.
    """

    chain: str
    audit_id: int
    row_hash: str
    database: str
    system_identifier: str
    taken_at: str
    previous: str | None

    def payload(self) -> bytes:
        """What is signed."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":")).encode()

    def digest(self) -> str:
        """By what the next checkpoint names this one."""
        return hashlib.sha256(self.payload()).hexdigest()


def now() -> str:
    """The time for a new checkpoint."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def sign(key: ec.EllipticCurvePrivateKey, checkpoint: Checkpoint) -> dict[str, Any]:
    """The envelope of a checkpoint."""
    return seal(key, Signed(PAYLOAD_TYPE, checkpoint.payload()))


def opened(keys: Sequence[ec.EllipticCurvePublicKey], envelope: dict[str, Any], what: str) -> Checkpoint:
    """The checkpoint in an envelope; Rejected where it is of none of these keys, CommandError where it is none."""
    content = _unsealed(keys, envelope, what)
    if content.payload_type != PAYLOAD_TYPE:
        raise CommandError(f"{what}: no checkpoint of an audit log: {content.payload_type}")
    value = json_object(content.payload, what)
    only(value, set(Checkpoint.__dataclass_fields__), what)
    texts = {name: member(value, name, str, what) for name in ("chain", "row_hash", "database")}
    texts |= {name: member(value, name, str, what) for name in ("system_identifier", "taken_at")}
    if SHA256.fullmatch(texts["row_hash"]) is None:
        raise CommandError(f"{what}: row_hash is no SHA-256")
    previous = None if value.get("previous") is None else member(value, "previous", str, what)
    return Checkpoint(audit_id=member(value, "audit_id", int, what), previous=previous, **texts)


def _unsealed(keys: Sequence[ec.EllipticCurvePublicKey], envelope: dict[str, Any], what: str) -> Signed:
    for key in keys[:-1]:
        with suppress(Rejected):
            return unseal(key, envelope, what)
    return unseal(keys[-1], envelope, what)


@contextmanager
def locked(path: Path) -> Iterator[IO[bytes]]:
    """The file, made where it is missing, for adding to it: nobody else does meanwhile."""
    try:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644), "r+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CommandError(said(path, "another command is adding a checkpoint to it")) from None
            yield file
    except OSError as error:
        raise CommandError(said(path, error)) from None


@dataclass(frozen=True)
class Kept:
    """A checkpoint with the envelope that proves it."""

    checkpoint: Checkpoint
    envelope: dict[str, Any]


def read(content: bytes, keys: Sequence[ec.EllipticCurvePublicKey], path: Path) -> list[Kept]:
    """The checkpoints of a file, every signature verified and each continuing the one before.

    Rejected for a forged one. Half a line at the end is what an interrupted command leaves: `whole` takes it off.
    """
    found: list[Kept] = []
    for number, line in enumerate(content.splitlines(), 1):
        what = f"{path}:{number}"
        envelope = json_object(line, what)
        checkpoint = opened(keys, envelope, what)
        before = found[-1].checkpoint if found else None
        if before and (checkpoint.previous != before.digest() or checkpoint.audit_id <= before.audit_id):
            raise CommandError(f"{what}: does not continue the line before: lines were removed or put in another order")
        if not before and checkpoint.previous is not None:
            raise CommandError(f"{what}: lines before it were removed")
        found.append(Kept(checkpoint, envelope))
    return found


def whole(content: bytes) -> bytes:
    """The content without half a line at its end."""
    return content[: content.rfind(b"\n") + 1]


def append(file: IO[bytes], envelope: dict[str, Any]) -> None:
    """Add an envelope; it is on disk when this returns."""
    file.write(compact(envelope))
    file.flush()
    os.fsync(file.fileno())
