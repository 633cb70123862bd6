"""Licences of packages as SPDX expressions: from PGXN's, Debian's and Python's words for them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

# PGXN Meta Spec 1.0.0, "license". Where the word stands for several versions, the SPDX expression says any of them.
PGXN = {
    "agpl_3": "AGPL-3.0-only",
    "apache_1_1": "Apache-1.1",
    "apache_2_0": "Apache-2.0",
    "artistic_1": "Artistic-1.0",
    "artistic_2": "Artistic-2.0",
    "bsd": "BSD-3-Clause",
    "freebsd": "BSD-2-Clause",
    "gfdl_1_2": "GFDL-1.2-only",
    "gfdl_1_3": "GFDL-1.3-only",
    "gpl_1": "GPL-1.0-only",
    "gpl_2": "GPL-2.0-only",
    "gpl_3": "GPL-3.0-only",
    "lgpl_2_1": "LGPL-2.1-only",
    "lgpl_3_0": "LGPL-3.0-only",
    "mit": "MIT",
    "mozilla_1_0": "MPL-1.0",
    "mozilla_1_1": "MPL-1.1",
    "openssl": "OpenSSL",
    "perl_5": "Artistic-1.0-Perl OR GPL-1.0-or-later",
    "postgresql": "PostgreSQL",
    "qpl_1_0": "QPL-1.0",
    "ssleay": "SSLeay-standalone",
    "sun": "SISSL",
    "zlib": "Zlib",
}
_DEBIAN = {
    "expat": "MIT",
    "mit": "MIT",
    "gpl-1+": "GPL-1.0-or-later",
    "gpl-2": "GPL-2.0-only",
    "gpl-2+": "GPL-2.0-or-later",
    "gpl-2.0": "GPL-2.0-only",
    "gpl-2.0+": "GPL-2.0-or-later",
    "gpl-3": "GPL-3.0-only",
    "gpl-3+": "GPL-3.0-or-later",
    "lgpl-2.1": "LGPL-2.1-only",
    "lgpl-2.1+": "LGPL-2.1-or-later",
    "lgpl-3": "LGPL-3.0-only",
    "lgpl-3+": "LGPL-3.0-or-later",
    "apache-2": "Apache-2.0",
    "artistic": "Artistic-1.0",
    "bsd": "BSD-3-Clause",
    "postgresql license": "PostgreSQL",
}
_CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}
_WORDS = {
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd-3": "BSD-3-Clause",
    "gplv3+": "GPL-3.0-or-later",
    "isc license": "ISC",
    "lgpl-3.0": "LGPL-3.0-only",
    "lgpl-3.0-only": "LGPL-3.0-only",
    "mit license": "MIT",
    "mpl 2.0": "MPL-2.0",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "postgresql": "PostgreSQL",
    "the postgresql license": "PostgreSQL",
    "the mit license": "MIT",
    "psf": "PSF-2.0",
}
# "Copyright 2020 X", "Copyright (c) X", "(c) 2020 X"; no sentence about copyright.
_STATEMENT = re.compile(
    r"(?:portions\s+)?(?:copyright\s+(?:\(c\)|©|\d{4}|by\s)|(?:\(c\)|©)\s*(?:copyright\s+)?\d{4})", re.IGNORECASE
)
_PGXN_NOT_LICENCES = {"open_source", "restricted", "unrestricted", "unknown"}


@cache
def spdx(text: str) -> str:
    """The text as an SPDX identifier or expression; empty where it is none."""
    from cyclonedx.spdx import fixup_id, is_expression

    stripped = text.strip()
    known = _WORDS.get(stripped.lower()) or fixup_id(stripped)
    if known:
        return known
    return stripped if " " in stripped and is_expression(stripped) else ""


def from_pgxn(licence: object) -> str:
    """META.json's `license`: a word, a list of words (any of them), or names with URLs."""
    words = [licence] if isinstance(licence, str) else list(licence) if isinstance(licence, (list, dict)) else []
    found = [PGXN.get(str(word)) or ("" if word in _PGXN_NOT_LICENCES else spdx(str(word))) for word in words]
    if not found or not all(found):
        return ""
    return found[0] if len(found) == 1 else " OR ".join(f"({one})" if " " in one else one for one in found)


def from_debian(text: str) -> str:
    """The `License:` of a machine-readable debian/copyright, its first line."""
    parts = re.split(r"\s+(and|or)\s+|,\s*", text.strip())
    words = [part for part in parts if part and part not in {"and", "or"}]
    found = [_DEBIAN.get(word.lower()) or spdx(word) for word in words]
    operators = [part.upper() for part in parts if part in {"and", "or"}]
    if not found or not all(found) or len(set(operators)) > 1:
        return ""
    return f" {operators[0] if operators else 'AND'} ".join(found)


def from_python(expression: str, words: str, classifiers: Iterable[str]) -> str:
    """Core metadata's License-Expression, else License, else its classifiers (all of them)."""
    if expression and (found := spdx(expression)):
        return found
    if words and "\n" not in words and (found := spdx(words)):
        return found
    last = [name.rpartition(" :: ")[2] for name in classifiers if name.startswith("License ::")]
    known = sorted({_CLASSIFIERS[name] for name in last if name in _CLASSIFIERS})
    return " OR ".join(known)


def copyright_line(text: str) -> str:
    """The first copyright statement of a licence text; empty where there is none but that of the licence itself."""
    for line in text.splitlines():
        stripped = line.strip(" \t*#/;.-")
        if _STATEMENT.match(stripped) and "Free Software Foundation" not in stripped:
            return stripped[:300]
    return ""
