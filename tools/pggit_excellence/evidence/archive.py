"""The zip file of a bundle, in one form only: the same contents give the same bytes, and nothing else is read.

Any zip program can unpack it. But of all that a zip file may hold, links, comments, gaps, a second file of the same
name, sizes that are not true, only what `write` writes is accepted, so there is no place to hide something in but
the few bits that fill the last byte of a compressed stream.
"""

from __future__ import annotations

import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pggit_excellence.errors import CommandError
from pggit_excellence.files import said

NAME = re.compile(r"[A-Za-z0-9_.]{1,80}(/[a-z0-9_]{1,80}\.[a-z]{1,10})?")
# Limits of what is unpacked: bytes in all, files, and how much smaller than its content a compressed file can be.
MOST_BYTES = 4 << 30
MOST_FILES = 1000
MOST_RATIO = 500
SMALL = 1 << 20
CHUNK = 1 << 18
LARGEST_FILE = (1 << 31) - 1

FIRST_DAY = (1980, 1, 1, 0, 0, 0)
REGULAR_FILE = 0o100644 << 16
LINK = 0o120000 << 16
KIND_OF_FILE = 0o170000 << 16
# Fields: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16.
LOCAL = struct.Struct("<4s5H3I2H")
CENTRAL = struct.Struct("<4s6H3I5H2I")
END = struct.Struct("<4s4H2IH")
VERSION, MADE_BY, DEFLATED, DAY_1980 = 20, 3 << 8 | 20, 8, 1 << 5 | 1


@dataclass(frozen=True)
class Entry:
    """A file within the archive: where its compressed bytes are, and how many they and the content are."""

    name: str
    offset: int
    compressed: int
    size: int
    crc: int


def write(target: BinaryIO, contents: Mapping[str, Path | bytes]) -> None:
    """Put the contents, texts or files on disk, into an archive, in the order of their names."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, allowZip64=False) as archive:
        for name in sorted(contents):
            content = contents[name]
            info = zipfile.ZipInfo(name, FIRST_DAY)
            info.create_system, info.external_attr, info.compress_type = 3, REGULAR_FILE, zipfile.ZIP_DEFLATED
            if isinstance(content, bytes):
                archive.writestr(info, content)
                continue
            info.file_size = content.stat().st_size
            if info.file_size > LARGEST_FILE:
                raise CommandError(f"{name}: {info.file_size} bytes, too many for one file; take a shorter period")
            with content.open("rb") as source, archive.open(info, "w") as file:
                while chunk := source.read(CHUNK):
                    file.write(chunk)


class Archive:
    """A zip file that somebody gave us; CommandError where it is not one that `write` writes."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        """Read the directory, and nothing else."""
        self.file, self.path = file, path
        self.size = os.fstat(file.fileno()).st_size
        self.entries = {entry.name: entry for entry in self._directory()}

    def refuse(self, why: str) -> CommandError:
        """The error that says why the file cannot be used."""
        return CommandError(said(self.path, f"no evidence bundle: {why}"))

    def _read(self, offset: int, length: int) -> bytes:
        self.file.seek(offset)
        content = self.file.read(length)
        if len(content) != length:
            raise self.refuse("cut off")
        return content

    def _directory(self) -> list[Entry]:
        """Its entries: they follow each other from the first byte on, then comes the directory, and then the end."""
        count, start, directory = self._end()
        entries: list[Entry] = []
        at, before = 0, 0
        for _ in range(count):
            if at + CENTRAL.size > len(directory):
                raise self.refuse("its directory is cut off")
            entry, used = self._entry(directory, at, before)
            at, before = at + used, entry.offset + entry.compressed
            entries.append(entry)
        if at != len(directory) or before != start:
            raise self.refuse("bytes that belong to no file")
        names = [entry.name for entry in entries]
        if len(set(names)) != len(names):
            raise self.refuse("a file stands in it twice")
        if names != sorted(names):
            raise self.refuse("its files are not in order")
        if sum(entry.size for entry in entries) > MOST_BYTES:
            raise self.refuse(f"more than {MOST_BYTES} bytes when unpacked")
        return entries

    def _end(self) -> tuple[int, int, bytes]:
        """How many files there are, where the directory starts, and its bytes."""
        if self.size < END.size:
            raise self.refuse("no zip file, or cut off")
        mark, *disks, here, count, length, start, comment = END.unpack(self._read(self.size - END.size, END.size))
        if mark != b"PK\x05\x06":
            raise self.refuse("no zip file, cut off, or something stands behind its end")
        if disks != [0, 0] or here != count or comment or start + length + END.size != self.size:
            raise self.refuse("bytes that belong to no file")
        if not 0 < count <= MOST_FILES:
            raise self.refuse(f"{count} files, expected are 1 to {MOST_FILES}")
        return count, start, self._read(start, length)

    def _entry(self, directory: bytes, at: int, start: int) -> tuple[Entry, int]:
        """The entry of the directory there, whose file must begin at `start`; and its length in the directory."""
        fields = CENTRAL.unpack_from(directory, at)
        crc, compressed, size = fields[7:10]
        name_length, attributes, offset = fields[10], fields[15], fields[16]
        raw = directory[at + CENTRAL.size : at + CENTRAL.size + name_length]
        name = raw.decode("latin-1")
        if not NAME.fullmatch(name) or ".." in name:
            raise self.refuse(f"it holds the name {name!r}, which no bundle has")
        if attributes & KIND_OF_FILE == LINK:
            raise self.refuse(f"{name} is a link")
        common = (VERSION, 0, DEFLATED, 0, DAY_1980, crc, compressed, size, len(raw))
        expected = CENTRAL.pack(b"PK\x01\x02", MADE_BY, *common, 0, 0, 0, 0, REGULAR_FILE, offset)
        if directory[at : at + CENTRAL.size] != expected:
            raise self.refuse(f"{name} is stored in another way than evidence collect stores it")
        if offset != start:
            raise self.refuse(f"{name} overlaps another file, or bytes before it belong to no file")
        local = LOCAL.pack(b"PK\x03\x04", *common, 0) + raw
        if self._read(offset, len(local)) != local:
            raise self.refuse(f"{name} is not what the directory says")
        if size > SMALL and size > MOST_RATIO * compressed:
            raise self.refuse(f"{name}: {compressed} bytes would unpack to {size}")
        return Entry(name, offset + len(local), compressed, size, crc), CENTRAL.size + name_length

    def chunks(self, name: str) -> Iterator[bytes]:
        """The content in pieces; never more than the directory says."""
        entry = self.entries[name]
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        left, size, crc = entry.compressed, 0, 0
        at, pending = entry.offset, b""
        while not inflate.eof:
            if not pending:
                if left == 0:
                    raise self.refuse(f"{name} is cut off")
                pending = self._read(at, min(left, CHUNK))
                at, left = at + len(pending), left - len(pending)
            try:
                content = inflate.decompress(pending, CHUNK)
            except zlib.error:
                raise self.refuse(f"{name} cannot be unpacked") from None
            pending = inflate.unconsumed_tail
            size, crc = size + len(content), zlib.crc32(content, crc)
            if size > entry.size:
                raise self.refuse(f"{name} is larger than the directory says")
            if content:
                yield content
        if left or inflate.unused_data or (size, crc) != (entry.size, entry.crc):
            raise self.refuse(f"{name} is not what the directory says")

    def content(self, name: str, limit: int) -> bytes:
        """The whole content of a small file."""
        if self.entries[name].size > limit:
            raise self.refuse(f"{name} is larger than {limit} bytes")
        return b"".join(self.chunks(name))
