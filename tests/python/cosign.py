"""The real cosign, for tests: unpacked from Debian's packages into .cache, nothing on the machine is changed.

trixie has 2.5, which verifies detached signatures and bare envelopes; sid has 3.x, which knows bundles only.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from conftest import ROOT

FOLDER = ROOT / ".cache" / "cosign"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PASSPHRASE = "correct horse"  # noqa: S105  # of throwaway keys


def program(suite: str) -> Path:
    """The cosign of Debian's suite; skips the test, with the reason, where it cannot be had."""
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None or not KEYRING.exists():
        pytest.skip("cosign comes from Debian's packages, and this is no Debian")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = FOLDER / suite / "usr" / "bin" / "cosign"
        if not found.exists():
            _unpack(suite)
    if subprocess.run([found, "version"], capture_output=True, check=False).returncode != 0:
        pytest.skip(f"cosign of {suite} does not start here")
    return found


def _unpack(suite: str) -> None:
    """With lists, sources and states of its own apt downloads the package; dpkg unpacks it."""
    work = FOLDER / f"{suite}.apt"
    for folder in ("lists/partial", "cache/archives/partial"):
        (work / folder).mkdir(parents=True, exist_ok=True)
    (work / "sources.list").write_text(f"deb [signed-by={KEYRING}] {_mirror()} {suite} main\n")
    paths = {
        "Dir::Etc::sourcelist": work / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State": work,
        "Dir::State::lists": work / "lists",
        "Dir::State::status": "/dev/null",
        "Dir::Cache": work / "cache",
        "APT::Sandbox::User": "",
    }
    options = [f"-o{name}={value}" for name, value in paths.items()]
    try:
        _run(["apt-get", *options, "-q", "update"], work)
        _run(["apt-get", *options, "-q", "download", "cosign"], work)
        (package,) = work.glob("cosign_*.deb")
        _run(["dpkg", "-x", str(package), str(work / "unpacked")], work)
        (work / "unpacked").rename(FOLDER / suite)
    except (subprocess.CalledProcessError, ValueError) as error:
        pytest.skip(f"cosign of {suite} cannot be had here: {error}")
    finally:
        shutil.rmtree(work)


def _mirror() -> str:
    """Where this machine gets its Debian from."""
    wanted = ["--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian", "Label: Debian"]
    done = subprocess.run(["apt-get", "indextargets", *wanted], capture_output=True, text=True, check=False)
    return next(iter(done.stdout.split()), "http://deb.debian.org/debian")


def _run(command: Sequence[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True, stdin=subprocess.DEVNULL)


def run(cosign: Path, folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run it in a folder, which is its home as well."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "COSIGN_PASSWORD": PASSPHRASE}
    command = [str(cosign), *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
