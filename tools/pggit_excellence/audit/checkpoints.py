"""Signed checkpoints: a file outside of the database, one DSSE envelope a line, each naming the one before."""

from __future__ import annotations

import datetime
import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from cryptography.hazmat.primitives.asymmetric import ec

from pggit_excellence.errors import CommandError
from pggit_excellence.files import said
from pggit_excellence.signing.dsse import Signed, contents, seal, unseal
from pggit_excellence.signing.findings import Rejected
from pggit_excellence.signing.strict import compact, json_object, member, only

# How a line begins; and so much of a file is looked at when one is added.
BEGINNING = b'{"payload":"'
TAIL = 1 << 16
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

    def continues(self, before: Checkpoint) -> bool:
        """Whether it names that one as the one before it."""
        return self.previous == before.digest() and self.audit_id > before.audit_id

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
    for key in keys[:-1]:
        with suppress(Rejected):
            return _checkpoint(unseal(key, envelope, what), what)
    return _checkpoint(unseal(keys[-1], envelope, what), what)


def _checkpoint(content: Signed, what: str) -> Checkpoint:
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


def read(lines: Iterable[bytes], keys: Sequence[ec.EllipticCurvePublicKey], path: Path) -> Iterator[Kept]:
    """The checkpoints of a file, each continuing the one before.

    The signature of the last one proves them all, because each covers the SHA-256 of the one before: they are proved
    when the iterator has ended. Rejected for a forged one.
    """
    last: Kept | None = None
    for number, line in enumerate(lines, 1):
        what = f"{path}:{number}"
        envelope = json_object(line, what)
        found = Kept(_checkpoint(contents(envelope, what)[0], what), envelope)
        if last is not None and not found.checkpoint.continues(last.checkpoint):
            raise CommandError(f"{what}: does not continue the line before: lines were removed or put in another order")
        if last is None and found.checkpoint.previous is not None:
            raise CommandError(f"{what}: lines before it were removed")
        last = found
        yield found
    if last is not None:
        opened(keys, last.envelope, f"{path}:{number}")


def newest(file: IO[bytes], key: ec.EllipticCurvePublicKey, path: Path) -> list[Kept]:
    """The last checkpoints of a file to which one is to be added, however long it is: all signed, oldest first.

    Half a line at the end, which an interrupted command left, is taken off.
    """
    start = max(0, file.seek(0, os.SEEK_END) - TAIL)
    file.seek(start)
    content = file.read()
    end = content.rfind(b"\n") + 1
    rest = content[end:]
    if rest and not rest.startswith(BEGINNING[: len(rest)]):
        raise CommandError(said(path, "no file of checkpoints"))
    lines = content[:end].splitlines()[1 if start else 0 :]
    found = []
    for number, line in enumerate(lines, 1):
        what = f"{path}:{number}" if start == 0 else f"{path}: line {len(lines) - number + 1} from the end"
        envelope = json_object(line, what)
        found.append(Kept(opened([key], envelope, what), envelope))
        if len(found) > 1 and not found[-1].checkpoint.continues(found[-2].checkpoint):
            raise CommandError(f"{what}: does not continue the line before: lines were removed or put in another order")
    if rest:
        file.truncate(start + end)
    return found


def append(file: IO[bytes], envelope: dict[str, Any]) -> None:
    """Add an envelope; it is on disk when this returns."""
    file.write(compact(envelope))
    file.flush()
    os.fsync(file.fileno())
