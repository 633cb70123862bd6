"""Whether a bundle is what was collected: complete, unchanged, and signed by the holder of a key."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from cryptography.hazmat.primitives.asymmetric import ec

from pggit_excellence.errors import CommandError
from pggit_excellence.evidence.archive import Archive
from pggit_excellence.evidence.manifest import LARGEST, MANIFEST, SIGNATURE, Manifest, Result, parse
from pggit_excellence.signing import LARGEST_SIGNATURE, bundle
from pggit_excellence.signing.findings import Rejected
from pggit_excellence.signing.keys import hint
from pggit_excellence.signing.strict import json_object

LONGEST_LINE = 64 << 20


def check(file: BinaryIO, path: Path, key: ec.EllipticCurvePublicKey | None) -> Manifest:
    """What the manifest says, after everything was compared with it; without a key the signature is not looked at.

    Rejected where something is not what the manifest says, CommandError where the file is no bundle at all. Nothing is
    unpacked before the signature is found right.
    """
    archive = Archive(file, path)
    if MANIFEST not in archive.entries:
        raise archive.refuse(f"{MANIFEST} is missing")
    content = archive.content(MANIFEST, LARGEST)
    if key is not None:
        _signature(archive, content, key)
    manifest = parse(content, f"{path}: {MANIFEST}")
    _same_files(archive, manifest, path)
    for name, (size, digest) in sorted(manifest.files.items()):
        if archive.entries[name].size != size:
            raise Rejected(f"{path}: {name} has {archive.entries[name].size} bytes, the manifest says {size}")
        hashed = hashlib.sha256()
        for chunk in archive.chunks(name):
            hashed.update(chunk)
        if hashed.hexdigest() != digest:
            raise Rejected(f"{path}: {name} is not what was collected: its SHA-256 is another one")
    for result in manifest.results:
        _rows(archive, result, path)
    return manifest


def _signature(archive: Archive, content: bytes, key: ec.EllipticCurvePublicKey) -> None:
    """The manifest is what the holder of the key signed."""
    what = f"{archive.path}: {SIGNATURE}"
    if SIGNATURE not in archive.entries:
        raise Rejected(f"{archive.path}: not signed")
    signature = json_object(archive.content(SIGNATURE, LARGEST_SIGNATURE), what)
    kind, message = bundle.content_of(signature, key, what)
    if kind != bundle.MESSAGE:
        raise CommandError(f"{what}: a signature of {MANIFEST} is needed, this is an envelope")
    bundle.verify_message(message, key, hashlib.sha256(content).digest(), what)
    named = json_object(content, f"{archive.path}: {MANIFEST}").get("signed_with")
    if named != hint(key):
        raise Rejected(f"{archive.path}: {MANIFEST} says that another key signed it")


def _same_files(archive: Archive, manifest: Manifest, path: Path) -> None:
    """Nothing is missing, and nothing is there that the manifest does not know."""
    signed = manifest.said["signed_with"] is not None
    expected = manifest.files.keys() | {MANIFEST} | ({SIGNATURE} if signed else set())
    for name in sorted(expected ^ archive.entries.keys()):
        state = "is missing" if name in expected else "is in it, and the manifest does not know of it"
        raise Rejected(f"{path}: {name} {state}")


def _rows(archive: Archive, result: Result, path: Path) -> None:
    """A result holds as many rows as the manifest says, each a JSON object."""
    rows = 0
    for rows, line in enumerate(_lines(archive, result.file), start=1):
        json_object(line, f"{path}: {result.file}, row {rows}")
    if rows != result.rows:
        raise Rejected(f"{path}: {result.file} has {rows} rows, the manifest says {result.rows}")


def _lines(archive: Archive, name: str) -> Iterator[bytes]:
    """The lines of a file, which all end with a line feed."""
    pending = b""
    for chunk in archive.chunks(name):
        *lines, pending = (pending + chunk).split(b"\n")
        yield from lines
        if len(pending) > LONGEST_LINE:
            raise archive.refuse(f"{name} has a line of more than {LONGEST_LINE} bytes")
    if pending:
        raise archive.refuse(f"{name} ends within a line")
