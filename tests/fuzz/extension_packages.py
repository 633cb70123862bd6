"""Debian's packages of extensions for PostgreSQL 15, unpacked: control files and scripts as people have them.

None of their content is in this repository. They are kept in .cache/debian-packages, so a second run needs no network.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "debian-packages"
SECONDS = 300
# Several dozen small ones, for every run.
_SOME = """
    asn1oid bgw-replstatus cron debversion decoderbufs dirtyread extra-window-functions first-last-agg hypopg
    icu-ext jsquery londiste-sql mimeo numeral partman periods pg-fact-loader pg-qualstats pg-stat-kcache
    pg-track-settings pg-wait-sampling pgaudit pgextwlist pgfincore pgl-ddl-deploy pglogical-ticker pgmemcache
    pgmp pgpcre pgq-node pgq3 pgrouting-scripts pgtap plproxy plsh powa prefix preprepare prioritize q3c
    rational repack semver set-user similarity snakeoil tablelog tdigest toastinfo unit
"""
SOME = _SOME.split()


class NotThereError(Exception):
    """Packages that cannot be had; the message says why."""


def all_names() -> list[str]:
    """Every package of an extension for 15 that the distribution has."""
    done = subprocess.run(["apt-cache", "pkgnames", "postgresql-15-"], capture_output=True, text=True, check=False)
    return sorted(name for name in done.stdout.split() if not re.search(r"-(?:doc|dbg|dbgsym)$", name))


def unpack(names: list[str], into: Path) -> Path:
    """Download what is missing and unpack all; returns the folder of control files."""
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise NotThereError("packages come with apt-get and dpkg, which are not here")
    CACHE.mkdir(parents=True, exist_ok=True)
    missing = [name for name in names if not list(CACHE.glob(f"{name}_*.deb"))]
    if missing:
        partial = CACHE / "partial"
        partial.mkdir(exist_ok=True)
        command = ["apt-get", "download", "-q", *missing]
        try:
            done = subprocess.run(command, cwd=partial, capture_output=True, text=True, check=False, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            raise NotThereError(f"apt-get download did not end within {SECONDS} seconds") from None
        for path in partial.glob("*.deb"):
            path.replace(CACHE / path.name)
        if done.returncode != 0:
            raise NotThereError(f"apt-get download failed: {done.stderr.strip().splitlines()[-1:]}")
    for name in names:
        subprocess.run(["dpkg", "-x", str(sorted(CACHE.glob(f"{name}_*.deb"))[-1]), str(into)], check=True)
    return into / "usr/share/postgresql/15/extension"
