"""`tools/run conformance`: SBOM.json, signed, before the field's own judges; and who sees extensions at all.

The judges are pinned in tools/conformance (npm: cdx-validate and cdxgen; pip: ossbomer, sbomaudit, syft) and installed
into .cache/conformance. Each must accept our BOM and refuse a spoilt copy of it. The coverage counts how many of an
installation's extensions the other generators list. Without npm that part is left out, and said.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from pggit_excellence.cli import main as command_line
from pggit_excellence.sbom.control.extension import extension_name
from pggit_excellence.sbom.documents import dump, load
from pggit_excellence.sbom.vex import all_components
from pggit_excellence.server import copy_installation, default_major
from tasks.suites import ROOT, console

LISTS = ROOT / "tools" / "conformance"
CACHE = ROOT / ".cache" / "conformance"
# Every profile of ossbomer that is about SBOMs. Those about licence policies forbid GPL as such.
PROFILES = (
    "aibom-v0.1",
    "bsi-tr-03183-v2.1",
    "cert-in-v2.0",
    "cisa-2025-min",
    "cisa-2026-min",
    "eu-cra-annex-i",
    "fedramp-sbom",
    "ntia-min-elements",
    "omb-m-26-05",
    "openchain-telco-v1.1",
)
LOWEST_SCORE = 96
# What BSI asks of versions (semantic or calendar) others decide: PL/pgSQL is 1.0.
TOLERATED = {"bsi-tr-03183-v2.1": "bsi-component-version"}
BENCHMARKS = {"scvs": 22, "cra": 8}
SECONDS = 600


class ToolError(Exception):
    """A judge that cannot be had or does not run."""


@dataclass(frozen=True)
class Check:
    """A row of the result. `passed` None: left out."""

    tool: str
    what: str
    result: str
    passed: bool | None


def run(command: Sequence[str | Path], **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a judge; its exit status is the caller's to read."""
    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=SECONDS, env=os.environ | environment
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"{command[0]}: {error}") from None


# Getting the judges


def install(name: str, lists: list[Path], make: Callable[[Path], None]) -> Path:
    """The folder .cache/conformance/<name>, made anew where the lists changed."""
    folder = CACHE / name
    wanted = hashlib.sha256(b"".join(path.read_bytes() for path in lists)).hexdigest()
    stamp = folder / ".stamp"
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        console.print(f"conformance: installing the checkers of {name} into .cache/conformance")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        make(folder)
        stamp.write_text(wanted, encoding="utf-8")
    return folder


def npm_packages() -> Path:
    """The programs of cdxgen. Their install scripts do not run."""
    lists = [LISTS / "package.json", LISTS / "package-lock.json"]

    def make(folder: Path) -> None:
        for path in (*lists, LISTS / ".npmrc"):
            shutil.copy(path, folder)
        # Not `npm ci`: cdxgen's optional packages for other platforms have no version in the registry.
        done = run(["npm", "install", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund"])
        if done.returncode != 0:
            raise ToolError(f"npm install failed: {(done.stdout + done.stderr).strip()[-500:]}")

    return install("npm", lists, make) / "node_modules" / "@cyclonedx" / "cdxgen" / "bin"


def pip_packages() -> Path:
    """The programs of an environment of its own: these packages are not ours."""
    pinned = LISTS / "checkers.txt"

    def make(folder: Path) -> None:
        venv.create(folder, with_pip=True)
        pip = (folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps")
        done = run((*pip, "-r", pinned))
        if done.returncode != 0:
            raise ToolError(f"pip install failed: {done.stderr.strip()}")

    return install("pip", [pinned], make) / "bin"


# The judges


def cdx_validate(programs: Path, bom: Path, key: Path) -> Check:
    """Schema, references, signature, OWASP SCVS and the Cyber Resilience Act."""
    report = bom.with_suffix(".cdx-validate.json")
    options = ["--strict", "--require-signature", "--public-key", str(key), "-r", "json", "-o", str(report)]
    done = run(["node", programs / "validate.js", "-i", bom, *options])
    if not report.is_file():
        raise ToolError(f"cdx-validate says nothing: {done.stderr.strip()[-300:]}")
    found = {one["id"]: (one["pass"], one["automatable"]) for one in json.loads(report.read_bytes())["benchmarks"]}
    said = ", ".join(f"{name.upper()} {found[name][0]}/{found[name][1]}" for name in BENCHMARKS)
    passed = done.returncode == 0 and all(found[name] == (count, count) for name, count in BENCHMARKS.items())
    return Check("cdx-validate", "--strict --require-signature", f"{said}, status {done.returncode}", passed)


def ossbomer(programs: Path, bom: Path) -> Iterator[Check]:
    """Each profile: no violation but the tolerated one, and a high score."""
    options = [text for profile in PROFILES for text in ("--profile", profile)]
    done = run([programs / "ossbomer", "validate", "--file", bom, "--format", "json", *options])
    try:
        results = json.loads(done.stdout)["results"]
    except (ValueError, KeyError):
        raise ToolError(f"ossbomer says nothing: {done.stderr.strip()[-300:]}") from None
    for result in results:
        failed = {one["rule_id"] for one in result["findings"] if one["verdict"] == "FAIL"}
        failed.discard(TOLERATED.get(result["profile"], ""))
        verdict = f"{result['verdict']}, score {result['score']}" + (f", {', '.join(sorted(failed))}" if failed else "")
        yield Check("ossbomer", result["profile"], verdict, not failed and result["score"] >= LOWEST_SCORE)


def sbomaudit(programs: Path, bom: Path) -> Check:
    """NTIA's minimum elements; its exit status says the opposite, so its text counts."""
    done = run([programs / "sbomaudit", "--offline", "--verbose", "-i", bom], COLUMNS="200")
    found = re.search(r"^\[(.)\] NTIA conformant", done.stdout, re.MULTILINE)
    if found is None:
        raise ToolError(f"sbomaudit says nothing of NTIA: {(done.stdout + done.stderr).strip()[-300:]}")
    passed = found[1] == "x"
    return Check("sbomaudit", "NTIA minimum elements", "conformant" if passed else "not conformant", passed)


# Spoilt copies: a judge that accepts one is no judge.


def spoil(document: dict[str, Any]) -> dict[str, Any]:
    """Without suppliers, licences and versions, and another name than was signed."""
    for component in all_components(document):
        for name in ("supplier", "licenses", "version"):
            component.pop(name, None)
    document["metadata"]["component"]["name"] = "something else"
    return document


def judge(folder: Path) -> Iterator[Check]:
    """Our BOM and a spoilt copy before all judges."""
    key, bom, spoilt = folder / "key", folder / "SBOM.json", folder / "spoilt.json"
    shutil.copyfile(ROOT / "SBOM.json", bom)
    ours("sign", "--generate-key", str(key), "--no-passphrase")
    ours("sign", str(bom), "--as", "embedded", "--key", f"{key}.key")
    spoilt.write_bytes(dump(spoil(load(bom))))
    programs = pip_packages()
    yield from ossbomer(programs, bom)
    yield refused("ossbomer", all(check.passed for check in ossbomer(programs, spoilt)))
    yield sbomaudit(programs, bom)
    yield refused("sbomaudit", bool(sbomaudit(programs, spoilt).passed))
    if not shutil.which("npm"):
        yield Check("cdx-validate", "SCVS, CRA, signature", "left out: npm is not here", None)
        return
    node = npm_packages()
    public = Path(f"{key}.pub")
    yield cdx_validate(node, bom, public)
    yield refused("cdx-validate", bool(cdx_validate(node, spoilt, public).passed))


def refused(tool: str, accepted: bool) -> Check:
    """The row of a spoilt copy."""
    return Check(tool, "a spoilt copy", "accepted" if accepted else "refused", not accepted)


def ours(*arguments: str) -> None:
    """Our own command line, quietly."""
    with contextlib.redirect_stdout(io.StringIO()):
        status = command_line(arguments)
    if status not in {0, 1}:
        raise ToolError(f"pggit-excellence {' '.join(arguments)}: status {status}")


# Coverage


def coverage(folder: Path) -> Iterator[Check]:
    """How many of an installation's extensions each generator lists."""
    installation = copy_installation(default_major(), folder)
    root = installation.bindir.parents[3]
    control = installation.sharedir / "extension"
    names = {name for path in control.iterdir() if (name := extension_name(path.name)) is not None}
    made = folder / "ours.json"
    ours("sbom", "--pg-config", str(installation.pg_config), "--output", str(made))
    yield covered("pggit-excellence", made, names, all_of_them=True)
    made = folder / "syft.json"
    run([pip_packages() / "syft", "scan", f"dir:{root}", "--quiet", "--output", f"cyclonedx-json={made}"])
    yield covered("syft", made, names)
    if shutil.which("npm"):
        made = folder / "cdxgen.json"
        options = ["--no-install-deps", "--no-babel", "-o", str(made)]
        run(["node", npm_packages() / "cdxgen.js", "-r", root, *options])
        yield covered("cdxgen", made, names)
    else:
        yield Check("cdxgen", "extensions listed", "left out: npm is not here", None)
    yield Check("trivy", "extensions listed", "left out: no package of it on PyPI, npm or Debian", None)


def covered(tool: str, bom: Path, names: set[str], *, all_of_them: bool = False) -> Check:
    """A row; ours has to list all."""
    if not bom.is_file():
        raise ToolError(f"{tool} wrote no BOM")
    listed = names & {component["name"] for component in all_components(load(bom))}
    return Check(tool, "extensions listed", f"{len(listed)} of {len(names)}", listed == names or not all_of_them)


def show(checks: list[Check]) -> int:
    """The table and the closing line; returns the exit status."""
    table = Table("tool", "what", "result", "")
    for check in checks:
        word = {True: "[green]passed[/]", False: "[red]failed[/]", None: "[yellow]left out[/]"}[check.passed]
        table.add_row(check.tool, check.what, check.result, word)
    console.print(table)
    failed = sum(check.passed is False for check in checks)
    skipped = sum(check.passed is None for check in checks)
    console.print(f"conformance: {len(checks) - failed - skipped} passed, {failed} failed, {skipped} left out")
    return 1 if failed else 0


def main() -> int:
    """All checks; 1 where one failed, 2 where a judge cannot be had."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            return show([*judge(Path(folder)), *coverage(Path(folder))])
        except ToolError as error:
            print(f"conformance: {error}", file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main())
