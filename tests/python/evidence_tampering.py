"""Bundles of evidence, tampered with: each variant must be refused, in one line that says why.

A variant of TAMPERED changes files and packs them again as `evidence collect` would; one of RESIGNED is signed by the
holder of the key, who may be careless or dishonest; one of HOSTILE is another zip file, for programs that trust them.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from pggit_excellence.evidence import archive
from pggit_excellence.evidence.manifest import MANIFEST, README, SIGNATURE, as_bytes, file_entry
from pggit_excellence.signing import bundle
from pggit_excellence.signing.keys import hint
from pggit_excellence.signing.strict import compact

ROLES, SERVER, FAILED = "results/roles.jsonl", "results/server.jsonl", "queries/hba.sql"


@dataclass(frozen=True)
class Case:
    """The files of a bundle, the key of its signer and another one."""

    files: dict[str, bytes]
    key: ec.EllipticCurvePrivateKey
    other: ec.EllipticCurvePrivateKey = field(repr=False)
    zipped: bytes | None = None

    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest, to be changed."""
        document: dict[str, Any] = json.loads(self.files[MANIFEST])
        return document

    def packed(self) -> bytes:
        """The bundle as a zip file."""
        if self.zipped is not None:
            return self.zipped
        packed = io.BytesIO()
        archive.write(packed, self.files)
        return packed.getvalue()


Change = Callable[[Case], Case]


def put(case: Case, name: str, content: bytes | None) -> Case:
    """Another content for a file; None removes it."""
    files = {key: value for key, value in case.files.items() if key != name}
    return replace(case, files=files if content is None else files | {name: content})


def content(name: str, change: Callable[[bytes], bytes]) -> Change:
    return lambda case: put(case, name, change(case.files[name]))


def without(name: str) -> Change:
    return lambda case: put(case, name, None)


def told(change: Callable[[dict[str, Any]], object]) -> Change:
    """Another manifest, with the signature of the old one."""

    def apply(case: Case) -> Case:
        document = case.manifest
        change(document)
        return put(case, MANIFEST, as_bytes(document))

    return apply


def set_at(*path: str | int, value: object) -> Callable[[dict[str, Any]], object]:
    def change(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = value

    return change


def sign(case: Case, key: ec.EllipticCurvePrivateKey) -> Case:
    signature = bundle.sign_message(key, hashlib.sha256(case.files[MANIFEST]).digest())
    return put(case, SIGNATURE, compact(signature))


def signed_by_other(case: Case) -> Case:
    changed = told(set_at("signed_with", value=hint(case.other.public_key())))(case)
    return sign(changed, case.other)


def other_key_under_this_name(case: Case) -> Case:
    changed = sign(case, case.other)
    document = json.loads(changed.files[SIGNATURE])
    document["verificationMaterial"]["publicKey"]["hint"] = hint(case.key.public_key())
    return put(changed, SIGNATURE, compact(document))


def forged(case: Case) -> Case:
    """A row changed, and its hash in the manifest as well."""
    rows = case.files[ROLES].replace(b'"mallory"', b'"trusted"')
    return told(set_at("files", ROLES, value=file_entry(rows)))(put(case, ROLES, rows))


def smuggled(name: str, text: bytes) -> Change:
    """A file that is listed in the manifest, as if it had been collected."""
    return lambda case: told(set_at("files", name, value=file_entry(text)))(put(case, name, text))


def stripped(case: Case) -> Case:
    return told(set_at("signed_with", value=None))(without(SIGNATURE)(forged(case)))


def swapped(case: Case) -> Case:
    return put(put(case, ROLES, case.files[SERVER]), SERVER, case.files[ROLES])


def hidden_failure(document: dict[str, Any]) -> None:
    """The query that failed was never asked."""
    document["evidence"] = [each for each in document["evidence"] if each["status"] != "failed"]
    del document["files"][FAILED]


def flip(text: bytes, at: int = -2) -> bytes:
    changed = bytearray(text)
    changed[at] ^= 1
    return bytes(changed)


# Change, and what is said.
TAMPERED: dict[str, tuple[Change, str]] = {
    "result: a bit": (content(ROLES, flip), "its SHA-256 is another one"),
    "result: a row less": (content(ROLES, lambda t: t[t.index(b"\n") + 1 :]), "bytes, the manifest says"),
    "result: a row more": (content(ROLES, lambda t: t + b"{}\n"), "bytes, the manifest says"),
    "result: empty": (content(ROLES, lambda _: b""), "has 0 bytes"),
    "result: same length": (content(ROLES, lambda t: t.replace(b"mallory", b"trusted")), "its SHA-256 is another one"),
    "result: missing": (without(ROLES), "roles.jsonl is missing"),
    "results: swapped": (swapped, "the manifest says"),
    "query: other": (content("queries/roles.sql", lambda t: t.replace(b"pg_roles", b"my_roles")), "SHA-256"),
    "query: missing": (without("queries/roles.sql"), "queries/roles.sql is missing"),
    "query: comment": (content("queries/roles.sql", lambda t: b"-- approved\n" + t), "bytes, the manifest says"),
    "README: other": (content(README, lambda t: t.replace(b"FAILED", b"passed")), "SHA-256"),
    "README: missing": (without(README), "README.txt is missing"),
    "manifest: missing": (without(MANIFEST), "manifest.json is missing"),
    "manifest: empty": (content(MANIFEST, lambda _: b""), "signature is not this key's|another SHA-256"),
    "manifest: database": (told(set_at("server", "database", value="other")), "another SHA-256"),
    "manifest: system": (told(set_at("server", "system_identifier", value="1")), "another SHA-256"),
    "manifest: standby": (told(set_at("server", "in_recovery", value=True)), "another SHA-256"),
    "manifest: version": (told(set_at("server", "version", value="PostgreSQL 18")), "another SHA-256"),
    "manifest: who": (told(set_at("server", "session_user", value="auditor")), "another SHA-256"),
    "manifest: since": (told(set_at("period", "since", value="2026-07-01T00:00:00.000000Z")), "another SHA-256"),
    "manifest: until": (told(set_at("period", "until", value="2027-07-01T00:00:00.000000Z")), "another SHA-256"),
    "manifest: when": (told(set_at("ended_at", value="2026-11-20T00:00:00.000000Z")), "another SHA-256"),
    "manifest: rows": (told(set_at("evidence", 1, "rows", value=3)), "another SHA-256"),
    "manifest: failed": (told(set_at("evidence", 0, "error", value="nothing")), "another SHA-256"),
    "manifest: failure hidden": (told(hidden_failure), "another SHA-256"),
    "manifest: criteria": (told(set_at("evidence", 1, "criteria", value=[])), "another SHA-256"),
    "manifest: by hand": (told(set_at("criteria", 0, "manual", value="nothing")), "another SHA-256"),
    "manifest: hash": (told(set_at("files", ROLES, "sha256", value="0" * 64)), "another SHA-256"),
    "manifest: laid out anew": (content(MANIFEST, lambda t: json.dumps(json.loads(t)).encode()), "another SHA-256"),
    "manifest: a blank": (content(MANIFEST, lambda t: t + b"\n"), "another SHA-256"),
    "row and hash forged": (forged, "another SHA-256"),
    "file smuggled in": (smuggled("results/approval.jsonl", b"{}\n"), "another SHA-256"),
    "file of nobody": (lambda c: put(c, "results/approval.jsonl", b"{}\n"), "does not know of it"),
    "file of nobody beside": (lambda c: put(c, "approval.txt", b"ok"), "does not know of it"),
    "signature: missing": (without(SIGNATURE), "not signed"),
    "signature: stripped, and the manifest says so": (stripped, "not signed"),
    "signature: empty": (content(SIGNATURE, lambda _: b""), "not usable JSON"),
    "signature: by another key": (signed_by_other, "made with another key"),
    "signature: by another key under this one's name": (other_key_under_this_name, "signature is not this key's"),
    "signature: of a file that is empty": (
        lambda c: put(c, SIGNATURE, compact(bundle.sign_message(c.key, hashlib.sha256(b"").digest()))),
        "another SHA-256",
    ),
    "signature: unknown member": (
        content(SIGNATURE, lambda t: t.replace(b'{"mediaType"', b'{"note":1,"mediaType"')),
        "unknown member",
    ),
    "signature: an envelope": (
        content(SIGNATURE, lambda t: t.replace(b"messageSignature", b"dsseEnvelope")),
        "this is an envelope",
    ),
}


def resigned(change: Callable[[dict[str, Any]], object]) -> Change:
    return lambda case: sign(told(change)(case), case.key)


def resigned_files(change: Change) -> Change:
    return lambda case: sign(change(case), case.key)


def rows_of(text: bytes) -> Change:
    """Another result, with its right hash, signed."""
    return resigned_files(lambda case: told(set_at("files", ROLES, value=file_entry(text)))(put(case, ROLES, text)))


def twice(document: dict[str, Any]) -> None:
    document["evidence"].insert(1, document["evidence"][1])


RESIGNED: dict[str, tuple[Change, str]] = {
    "rows: too many": (resigned(set_at("evidence", 1, "rows", value=3)), "has 2 rows, the manifest says 3"),
    "rows: true": (resigned(set_at("evidence", 1, "rows", value=True)), "no number of rows"),
    "hash: other": (resigned(set_at("files", ROLES, "sha256", value="0" * 64)), "its SHA-256 is another one"),
    "hash: none": (resigned(set_at("files", ROLES, "sha256", value="")), "has no SHA-256"),
    "bytes: other": (resigned(set_at("files", ROLES, "bytes", value=1)), "the manifest says 1"),
    "bytes: negative": (resigned(set_at("files", ROLES, "bytes", value=-1)), "has no number of bytes"),
    "file: not listed": (resigned(lambda m: m["files"].pop(ROLES)), "is not among the files"),
    "file: not there": (resigned_files(without(ROLES)), "roles.jsonl is missing"),
    "file: of no evidence": (resigned_files(smuggled("results/approval.jsonl", b"{}\n")), "belongs to no evidence"),
    "file: outside": (
        resigned(set_at("files", "../x", value={"bytes": 0, "sha256": "0" * 64})),
        "belongs to no evidence",
    ),
    "evidence: twice": (resigned(twice), "stands twice"),
    "evidence: none": (resigned(set_at("evidence", value=None)), "not a list"),
    "evidence: outside": (resigned(set_at("evidence", 1, "name", value="../../etc/passwd")), "no name"),
    "evidence: another result": (resigned(set_at("evidence", 1, "result", value=SERVER)), "no result"),
    "evidence: another query": (resigned(set_at("evidence", 1, "query", value="x.sql")), "query is"),
    "evidence: status": (resigned(set_at("evidence", 1, "status", value="passed")), "status is 'passed'"),
    "evidence: criterion": (resigned(set_at("evidence", 1, "criteria", value=["CC6.9"])), "not among the criteria"),
    "evidence: unknown member": (resigned(set_at("evidence", 1, "note", value="")), "unknown member 'note'"),
    "unknown member": (resigned(set_at("note", value="")), "unknown member 'note'"),
    "format": (resigned(set_at("format", value="evidence v2")), "known is"),
    "period: reversed": (
        resigned(set_at("period", "since", value="2028-01-01T00:00:00.000000Z")),
        "the period ends before it begins",
    ),
    "period: in the future": (
        resigned(set_at("period", "since", value="2026-12-01T00:00:00.000000Z")),
        "collected before the period began",
    ),
    "time: local": (resigned(set_at("started_at", value="2026-11-26T00:00:00")), "no time in UTC"),
    "times: reversed": (
        resigned(set_at("started_at", value="2026-11-27T00:00:00.000000Z")),
        "ended before it began",
    ),
    "query: run later": (
        resigned(set_at("evidence", 1, "ended_at", value="2026-11-27T00:00:00.000000Z")),
        "not run while",
    ),
    "signed with: another": (resigned(set_at("signed_with", value="x")), "another key signed it"),
    "signed with: a number": (resigned(set_at("signed_with", value=7)), "another key signed it"),
    "row: no JSON": (rows_of(b"{}\nyes\n"), "row 2: not usable JSON"),
    "row: a list": (rows_of(b"{}\n[]\n"), "a JSON object is needed"),
    "row: key twice": (rows_of(b'{}\n{"a":1,"a":2}\n'), "stands twice in one object"),
    "row: cut": (rows_of(b"{}\n{}"), "ends within a line"),
    "manifest: laid out anew": (
        resigned_files(content(MANIFEST, lambda t: json.dumps(json.loads(t)).encode())),
        "not laid out",
    ),
    "manifest: key twice": (
        resigned_files(
            content(MANIFEST, lambda t: t.replace(b'{\n "collected_by"', b'{\n "format": "x",\n "collected_by"'))
        ),
        "stands twice in one object",
    ),
    "manifest: no JSON": (resigned_files(content(MANIFEST, lambda _: b"{")), "not usable JSON"),
    "manifest: nested": (resigned_files(content(MANIFEST, lambda _: b"[" * 100_000)), "nested too deeply|not usable"),
}


def packed(case: Case, change: Callable[[bytes], bytes]) -> Case:
    return replace(case, zipped=change(case.packed()))


def raw(change: Callable[[bytes], bytes]) -> Change:
    return lambda case: packed(case, change)


def made(build: Callable[[zipfile.ZipFile, Case], None], kind: int = zipfile.ZIP_DEFLATED) -> Change:
    """A zip file that Python's own library writes."""

    def apply(case: Case) -> Case:
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", kind) as file:
            build(file, case)
        return replace(case, zipped=target.getvalue())

    return apply


def with_entry(name: str, text: bytes = b"x", attributes: int = archive.REGULAR_FILE) -> Change:
    """The bundle, and a file of such a name in front: in order, and in everything else as it should be."""

    def build(file: zipfile.ZipFile, case: Case) -> None:
        for each, value in sorted([*case.files.items(), (name, text)]):
            info = zipfile.ZipInfo(each, archive.FIRST_DAY)
            info.create_system, info.compress_type = 3, zipfile.ZIP_DEFLATED
            info.external_attr = attributes if each == name else archive.REGULAR_FILE
            file.writestr(info, value)

    return made(build)


def repeated(file: zipfile.ZipFile, case: Case) -> None:
    for each in sorted([*case.files, ROLES]):
        info = zipfile.ZipInfo(each, archive.FIRST_DAY)
        info.create_system, info.external_attr, info.compress_type = 3, archive.REGULAR_FILE, zipfile.ZIP_DEFLATED
        file.NameToInfo.clear()  # else it warns
        file.writestr(info, case.files[each])


def with_date(file: zipfile.ZipFile, case: Case) -> None:
    for each in sorted(case.files):
        file.writestr(zipfile.ZipInfo(each, (2026, 11, 26, 0, 0, 0)), case.files[each])


def out_of_order(file: zipfile.ZipFile, case: Case) -> None:
    for each in sorted(case.files, reverse=True):
        info = zipfile.ZipInfo(each, archive.FIRST_DAY)
        info.create_system, info.external_attr, info.compress_type = 3, archive.REGULAR_FILE, zipfile.ZIP_DEFLATED
        file.writestr(info, case.files[each])


def crowd(file: zipfile.ZipFile, _case: Case) -> None:
    for number in range(archive.MOST_FILES + 1):
        file.writestr(zipfile.ZipInfo(f"{number:05}.x", archive.FIRST_DAY), b"")


def end_at(text: bytes) -> tuple[int, ...]:
    return struct.unpack("<4s4H2IH", text[-22:])[1:]  # type: ignore[return-value]


def patched(pattern: bytes, offset: int, form: str, value: int, which: int = 0) -> Callable[[bytes], bytes]:
    """Another number in a header: `offset` bytes behind the `which`-th place of the pattern."""

    def change(text: bytes) -> bytes:
        at = [match.start() for match in re.finditer(re.escape(pattern), text)][which] + offset
        return text[:at] + struct.pack(form, value) + text[at + struct.calcsize(form) :]

    return change


LOCAL, CENTRAL = b"PK\x03\x04", b"PK\x01\x02"


def gap(text: bytes) -> bytes:
    """Bytes between the files and the directory, which unpackers do not look at."""
    *_, length, start, _ = end_at(text)
    moved = text[:start] + b"hidden" + text[start : start + length] + text[-22:]
    return moved[:-6] + struct.pack("<I", start + 6) + moved[-2:]


def in_front(text: bytes) -> bytes:
    """Bytes before the first file, as a self-extracting archive has them; the offsets are right."""
    *_, length, start, _ = end_at(text)
    directory = bytearray(text[start : start + length])
    for match in list(re.finditer(re.escape(CENTRAL), bytes(directory))):
        at = match.start() + 42
        struct.pack_into("<I", directory, at, struct.unpack_from("<I", directory, at)[0] + 6)
    moved = b"hidden" + text[:start] + bytes(directory) + text[-22:]
    return moved[:-6] + struct.pack("<I", start + 6) + moved[-2:]


def overlapping(text: bytes) -> bytes:
    """The second entry of the directory is the first file once more, as the zip bombs of David Fifield have it."""
    second = [match.start() for match in re.finditer(re.escape(CENTRAL), text)][1]
    return text[: second + 42] + struct.pack("<I", 0) + text[second + 46 :]


def behind_the_stream(text: bytes) -> bytes:
    """Bytes behind the compressed content of the first file, within what the headers call its size."""
    (name_length,), (compressed,) = struct.unpack_from("<H", text, 26), struct.unpack_from("<I", text, 18)
    start = end_at(text)[-2]
    until = 30 + name_length + compressed
    grown = text[:18] + struct.pack("<I", compressed + 6) + text[22:until] + b"hidden" + text[until:]
    directory = bytearray(grown[start + 6 :])
    struct.pack_into("<I", directory, 20, compressed + 6)
    for match in list(re.finditer(re.escape(CENTRAL), bytes(directory)))[1:]:
        at = match.start() + 42
        struct.pack_into("<I", directory, at, struct.unpack_from("<I", directory, at)[0] + 6)
    struct.pack_into("<I", directory, len(directory) - 6, start + 6)
    return grown[: start + 6] + bytes(directory)


def bomb(file: zipfile.ZipFile, case: Case) -> None:
    """Ten million zeros where a result should be."""
    for each in sorted(case.files):
        info = zipfile.ZipInfo(each, archive.FIRST_DAY)
        info.create_system, info.external_attr, info.compress_type = 3, archive.REGULAR_FILE, zipfile.ZIP_DEFLATED
        file.writestr(info, b"\0" * 10_000_000 if each == ROLES else case.files[each])


def huge(text: bytes) -> bytes:
    """Every file says that it holds 2 GiB."""
    for match in list(re.finditer(re.escape(CENTRAL), text)):
        at = match.start()
        offset = struct.unpack_from("<I", text, at + 42)[0]
        for place in (at + 24, offset + 22):
            text = text[:place] + struct.pack("<I", 0x7FFFFFFF) + text[place + 4 :]
    return text


def manifest_of_size(more: int) -> Callable[[bytes], bytes]:
    """The manifest, the second file, claims to be larger or smaller than it is."""

    def change(text: bytes) -> bytes:
        at = [match.start() for match in re.finditer(re.escape(LOCAL), text)][1] + 22
        size = struct.unpack_from("<I", text, at)[0] + more
        return patched(CENTRAL, 24, "<I", size, 1)(patched(LOCAL, 22, "<I", size, 1)(text))

    return change


def broken_stream(text: bytes) -> bytes:
    """The first file's compressed bytes begin with a block of a kind that does not exist."""
    at = 30 + struct.unpack_from("<H", text, 26)[0]
    return text[:at] + b"\x07" + text[at + 1 :]


def other_checksum(text: bytes) -> bytes:
    wrong = zlib.crc32(b"something else")
    return patched(CENTRAL, 16, "<I", wrong)(patched(LOCAL, 14, "<I", wrong)(text))


def encrypted(text: bytes) -> bytes:
    return patched(CENTRAL, 8, "<H", 1)(patched(LOCAL, 6, "<H", 1)(text))


HOSTILE: dict[str, tuple[Change, str]] = {
    "empty": (raw(lambda _: b""), "no zip file, or cut off"),
    "no zip": (raw(lambda _: b"x" * 1000), "no zip file"),
    "cut at the end": (raw(lambda t: t[:-1]), "no zip file, cut off"),
    "cut in the middle": (raw(lambda t: t[: len(t) // 2]), "no zip file, cut off"),
    "end alone": (raw(lambda t: t[-22:]), "bytes that belong to no file"),
    "bytes behind": (raw(lambda t: t + b"hidden"), "something stands behind its end"),
    "bytes in front": (raw(lambda t: b"hidden" + t), "bytes that belong to no file"),
    "bytes in front, offsets right": (raw(in_front), "overlaps another file, or bytes before it"),
    "bytes between": (raw(gap), "bytes that belong to no file"),
    "bytes behind a stream": (raw(behind_the_stream), "is not what the directory says"),
    "comment": (raw(lambda t: t[:-2] + b"\x06\x00hidden"), "something stands behind its end"),
    "twice": (raw(lambda t: t + t), "bytes that belong to no file"),
    "other number of files": (raw(lambda t: t[:-14] + b"\x01\x00\x01\x00" + t[-10:]), "bytes that belong to no file"),
    "no files": (made(lambda *_: None), "0 files"),
    "a thousand files": (made(crowd), "1001 files"),
    "name: a way out": (with_entry("../../etc/cron.d/x"), "which no bundle has"),
    "name: a way out within": (with_entry("results/../../x.jsonl"), "which no bundle has"),
    "name: absolute": (with_entry("/etc/passwd"), "which no bundle has"),
    "name: backslash": (with_entry("..\\x"), "which no bundle has"),
    "name: drive": (with_entry("C:x"), "which no bundle has"),
    "name: two dots": (with_entry("..."), "which no bundle has"),
    "name: folder": (with_entry("results/"), "which no bundle has"),
    "name: not ASCII": (with_entry("\u202etxt.exe"), "which no bundle has"),
    "name: escape sequence": (with_entry("\x1b[2Jx"), "which no bundle has"),
    "name: deep": (with_entry("results/a/b.jsonl"), "which no bundle has"),
    "name: long": (with_entry("x" * 81), "which no bundle has"),
    "link": (with_entry("link", b"/etc/passwd", 0o120777 << 16), "link is a link"),
    "device": (with_entry("null", b"", 0o020666 << 16), "stored in another way"),
    "executable": (with_entry("run", b"#!/bin/sh", 0o100755 << 16), "stored in another way"),
    "file twice": (made(repeated), "stands in it twice"),
    "order": (made(out_of_order), "not in order"),
    "dates": (made(with_date), "stored in another way"),
    "not compressed": (
        made(lambda f, c: [f.writestr(n, c.files[n]) for n in sorted(c.files)] and None, zipfile.ZIP_STORED),
        "stored in another way",
    ),
    "bzip2": (
        made(lambda f, c: [f.writestr(n, c.files[n]) for n in sorted(c.files)] and None, zipfile.ZIP_BZIP2),
        "stored in another way",
    ),
    "encrypted": (raw(encrypted), "stored in another way"),
    "two names for a file": (raw(lambda t: t.replace(b"README.txt", b"readme.txt", 1)), "not what the directory says"),
    "other checksum": (raw(other_checksum), "is not what the directory says"),
    "other size": (raw(manifest_of_size(1)), "is not what the directory says"),
    "smaller size": (raw(manifest_of_size(-1)), "larger than the directory says"),
    "broken stream": (raw(broken_stream), "cannot be unpacked"),
    "overlapping files": (raw(overlapping), "overlaps another file"),
    "bomb": (made(bomb), "would unpack to 10000000"),
    "bomb by its sizes": (raw(huge), "would unpack to 2147483647"),
}
