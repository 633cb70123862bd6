"""Debian packages that tests use and nobody installs: downloaded into .cache/debian once."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from conftest import ROOT

CACHE = ROOT / ".cache" / "debian"
SECONDS = 120  # for one download; then the network is not there


def fetch(name: str) -> Path:
    """The .deb of `name`, from .cache or else from the distribution; skips the test where neither has it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        pytest.skip(f"{name}: comes with apt-get and dpkg, which are not here")
    if kept := sorted(CACHE.glob(f"{name}_*.deb")):
        return kept[-1]
    # Into a folder of its own and then renamed: a download that broke off is not taken for a package.
    with TemporaryDirectory(dir=CACHE) as folder:
        command = ["apt-get", "download", "-q", name]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            pytest.skip(f"{name}: apt-get download did not end within {SECONDS} seconds")
        fetched = sorted(Path(folder).glob(f"{name}_*.deb"))
        if done.returncode != 0 or not fetched:
            pytest.skip(f"{name}: apt-get download failed: {(done.stderr.strip() or 'nothing came').splitlines()[-1]}")
        return fetched[-1].replace(CACHE / fetched[-1].name)


def unpack(name: str, into: Path) -> Path:
    """Unpack `name` below `into`; returns its archive, whose name holds the version."""
    archive = fetch(name)
    subprocess.run(["dpkg", "-x", str(archive), str(into)], check=True)
    return archive


def unpacked(name: str) -> Path:
    """The folder with the files of `name`, unpacked once; several tests may ask at once."""
    archive = fetch(name)
    folder = archive.with_suffix("")
    if not folder.exists():
        with TemporaryDirectory(dir=CACHE) as fresh:
            unpack(name, Path(fresh) / "files")
            try:
                (Path(fresh) / "files").rename(folder)
            except OSError:  # another was faster
                assert folder.exists()
    return folder
