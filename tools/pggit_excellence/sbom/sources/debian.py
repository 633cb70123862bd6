"""Which Debian package a file comes from, asked once for all files, and what the package says of itself."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from packageurl import PackageURL

from pggit_excellence.sbom.licences import copyright_line, from_debian
from pggit_excellence.sbom.model import Component, Contact, Inventory

INFO = Path("/var/lib/dpkg/info")
DOC = Path("/usr/share/doc")
_FIELDS = (
    "${Package}\\t${Version}\\t${Architecture}\\t${source:Package}\\t${Maintainer}\\t${Homepage}\\t${binary:Package}\\n"
)
_BATCH = 3_000  # names in one command


class Owners:
    """The packages of an installation's files; none where dpkg is not here or the files are nobody's."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        """`paths` are the files, by the name that the BOM gives them."""
        self.owner: dict[str, str] = {}
        if shutil.which("dpkg-query"):
            real = {name: os.path.realpath(path) for name, path in paths.items()}
            found = _search(sorted(set(real.values()) | {str(path) for path in paths.values()}))
            for name, path in paths.items():
                package = found.get(str(path)) or found.get(real[name])
                if package:
                    self.owner[name] = package

    def add_to(self, inventory: Inventory, server: Component) -> None:
        """Add the packages, as parents of the extensions whose files they own."""
        packages = _packages(sorted(set(self.owner.values())))
        for component in inventory.of_kind("extension", "server"):
            evidence = min((place for place, _ in component.evidence), default="")
            package = packages.get(self.owner.get(evidence, ""))
            if package is None:
                continue
            added = inventory.add(package)
            server.depends_on.add(added.ref)
            if component.kind == "extension":
                component.parent = added.ref
                component.licence = component.licence or added.licence
                component.copyright = component.copyright or added.copyright
                component.supplier = component.supplier if component.supplier.name else added.supplier


def _search(paths: list[str]) -> dict[str, str]:
    """Path and package, for those that a package owns."""
    owners = {}
    for start in range(0, len(paths), _BATCH):
        command = [
            "dpkg-query",
            "--search",
            *(re.sub(r"([\\*?\[])", r"\\\1", path) for path in paths[start : start + _BATCH]),
        ]
        done = subprocess.run(command, capture_output=True, check=False, env=os.environ | {"LC_ALL": "C.UTF-8"})
        for line in done.stdout.decode(errors="surrogateescape").splitlines():
            names, separator, path = line.partition(": ")
            if separator and not names.startswith("diversion "):
                owners[path] = names.split(", ")[0]
    return owners


def _packages(names: list[str]) -> dict[str, Component]:
    """The packages as components, by the name that --search gives them."""
    if not names:
        return {}
    command = ["dpkg-query", "--show", f"--showformat={_FIELDS}", *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"LC_ALL": "C.UTF-8"})
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    by_binary = {row[6]: row for row in rows if len(row) == 7} | {row[0]: row for row in rows if len(row) == 7}
    return {name: _package(by_binary[name]) for name in names if name in by_binary}


def _package(row: list[str]) -> Component:
    name, version, architecture, source, maintainer, homepage, binary = row
    distribution, release = _release()
    qualifiers = {"arch": architecture, "distro": f"{distribution}-{release}"} if release else {"arch": architecture}
    purl = PackageURL("deb", distribution, name, version, qualifiers).to_string()
    person, _, address = maintainer.rpartition(" <")
    component = Component(
        ref=purl,
        kind="package",
        type="library",
        name=name,
        version=version,
        purl=purl,
        supplier=Contact(person or maintainer, address.rstrip(">") if person else ""),
    )
    component.technique = "filename"
    component.note("debian:source", source)
    if homepage:
        component.links.add(("website", homepage))
    component.licence, component.copyright = _copyright(name)
    component.evidence.add((f"dpkg:{name}", 0))
    for path in (INFO / f"{binary}.md5sums", INFO / f"{name}.md5sums"):
        if path.is_file():
            content = path.read_bytes()
            component.hashes = (
                ("SHA-256", hashlib.sha256(content).hexdigest()),
                ("SHA-512", hashlib.sha512(content).hexdigest()),
            )
            component.hashed = "dpkg's list of the package's files (md5sums)"
            break
    return component


@cache
def _release() -> tuple[str, str]:
    """Distribution and release, as in `debian`, `12`."""
    import platform

    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return "debian", ""
    return release.get("ID", "debian"), release.get("VERSION_ID", "")


def _copyright(name: str) -> tuple[str, str]:
    """Licence and first copyright statement of the package's main part (`Files: *`)."""
    try:
        text = (DOC / name / "copyright").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "", ""
    paragraphs = re.split(r"\n[ \t]*\n", text)
    main = next((part for part in paragraphs if re.search(r"^Files:\s*\*\s*$", part, re.MULTILINE)), "")
    licence = re.search(r"^License:[ \t]*(\S.*)$", main, re.MULTILINE)
    statement = re.search(r"^Copyright:\s*(\S.*)$", main, re.MULTILINE)
    said = statement[1].strip() if statement else copyright_line(text)
    said = said if not said or re.match(r"(?i)(portions )?copyright|\(c\)|©", said) else f"Copyright {said}"
    return from_debian(licence[1]) if licence else "", said
