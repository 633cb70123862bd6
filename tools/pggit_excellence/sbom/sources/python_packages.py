"""The Python packages that a project pins: names and versions from its lock, the rest from what is installed here.

What is installed counts only where it is the version of the lock. Markers of requirements are not evaluated, so that
the result is the same on every machine: a requirement counts where the lock has the package and no extra is asked for.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass
from email.utils import getaddresses
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any, NamedTuple

from packageurl import PackageURL

from pggit_excellence.files import read_limited
from pggit_excellence.sbom.licences import copyright_line, from_python
from pggit_excellence.sbom.model import Component, Contact, Inventory, shown

LOCKS = ("requirements.lock", "requirements.txt", "uv.lock")
# Extras with these names are for the project's own development.
DEVELOPMENT = frozenset({"dev", "test", "tests", "testing", "docs", "lint"})
_PIN = re.compile(r"^([A-Za-z0-9][\w.\-]*)(?:\[[^\]]*\])?\s*==\s*([^\s;#\\]+)")
_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9][\w.\-]*)\s*(?:\[([^\]]*)\])?([^;]*)(?:;(.*))?$", re.DOTALL)
_LICENCE_FILE = re.compile(r"(?:^|/)(?:licen[cs]e|copying|notice|authors)[^/]*$", re.IGNORECASE)
# Licences that our own policy names as exceptions, and why they are none of a problem.
EXCEPTIONS = {
    "pglast": "command line only, never part of the extension",
    "psycopg": "command line only, never part of the extension",
    "psycopg-binary": "command line only, never part of the extension",
}


@dataclass
class Pin:
    """A package of the lock: its name, version, hashes of its source archive, and what it requires (None: unknown)."""

    name: str
    version: str
    sha256: str = ""
    requires: list[str] | None = None


def normal(name: str) -> str:
    """The name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock(inventory: Inventory, project: Component, path: Path, name: str) -> None:
    """Add the packages of a lock; those that the project's pyproject.toml does not reach are for development only."""
    content = read_limited(path, what="lock")
    try:
        pins = _uv(content) if path.name == "uv.lock" else _requirements(content.decode())
        toml = _toml(path.with_name("pyproject.toml"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        inventory.problems.append(f"{name}: cannot be read ({str(error).splitlines()[0]})")
        project.gaps.add(f"{name} cannot be read")
        return
    table = toml.get("project") or {}
    pins.pop(normal(str(table.get("name") or "")), None)
    installed = {normal(found.name): found for found in distributions() if found.name}
    components = {key: _component(inventory, pin, installed.get(key), name) for key, pin in sorted(pins.items())}
    direct = _named(table.get("dependencies") or [], pins)
    extras = table.get("optional-dependencies") or {}
    wished = _named([text for key in sorted(extras.keys() - DEVELOPMENT) for text in extras[key]], pins)
    requirements = {key: _requirements_of(pin, installed.get(key)) for key, pin in pins.items()}
    edges = _edges(direct + wished, requirements)
    for key, required in edges.items():
        components[key].depends_on |= {components[one].ref for one in required}
    _scopes(project, {one.name for one in direct}, {one.name for one in wished}, components, edges)


def _named(texts: list[str], pins: dict[str, Pin]) -> list[Requirement]:
    """Requirements of the project that the lock has."""
    found = [_requirement(text) for text in texts]
    return [one for one in found if one is not None and one.name in pins]


def _requirements(text: str) -> dict[str, Pin]:
    found = (_PIN.match(line) for line in text.splitlines())
    return {normal(pin[1]): Pin(pin[1], pin[2]) for pin in found if pin}


def _uv(content: bytes) -> dict[str, Pin]:
    pins = {}
    for package in tomllib.loads(content.decode()).get("package", []):
        digest = str((package.get("sdist") or {}).get("hash") or "")
        requires = [str(one["name"]) for one in package.get("dependencies", [])]
        version = str(package.get("version") or "")
        pins[normal(package["name"])] = Pin(package["name"], version, digest.removeprefix("sha256:"), requires)
    return pins


def _toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _component(inventory: Inventory, pin: Pin, found: Distribution | None, lock: str) -> Component:
    purl = PackageURL("pypi", None, normal(pin.name), pin.version).to_string()
    component = Component(purl, "python", "library", shown(pin.name), shown(pin.version), purl)
    component.evidence.add((lock, 0))
    if pin.sha256:
        component.hashes, component.hashed = (("SHA-256", pin.sha256),), "the source archive, as in the lock"
    if found is not None and found.version == pin.version:
        _describe(component, found)
    else:
        component.gaps.add(f"{pin.name} {pin.version} is not installed here: its licence is not known")
    reason = EXCEPTIONS.get(normal(pin.name))
    if reason:
        component.note("licence-exception", reason)
    return inventory.add(component)


def _describe(component: Component, found: Distribution) -> None:
    """What the package's core metadata and licence files say."""
    metadata = found.metadata

    def first(name: str) -> str:
        return str((metadata.get_all(name) or [""])[0])

    component.description = shown(first("Summary"))
    component.licence = from_python(first("License-Expression"), first("License"), metadata.get_all("Classifier") or [])
    component.copyright = _copyright(found)
    # Several are a list: newer Pythons' parseaddr() refuses it.
    person, _ = (getaddresses([first("Author-email") or first("Maintainer-email")]) or [("", "")])[0]
    who = first("Author") or first("Maintainer") or person or component.name
    component.supplier = Contact(shown(who), url=f"https://pypi.org/project/{normal(component.name)}/")
    component.links.add(("distribution", f"https://pypi.org/project/{normal(component.name)}/{component.version}/"))
    text = found.read_text("METADATA")
    if text is not None and not component.hashes:
        content = text.encode()
        component.hashes = (
            ("SHA-256", hashlib.sha256(content).hexdigest()),
            ("SHA-512", hashlib.sha512(content).hexdigest()),
        )
        component.hashed = "its core metadata (METADATA), the same in each of its wheels"


def _copyright(found: Distribution) -> str:
    files = sorted(
        str(path) for path in found.files or () if _LICENCE_FILE.search(str(path)) and ".dist-info/" in str(path)
    )
    for name in files:
        try:
            text = Path(str(found.locate_file(name))).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if line := copyright_line(text):
            return shown(line)
    return "NOASSERTION"


class Requirement(NamedTuple):
    """A package's name, the extras that are asked of it, and the extras that ask for it (none: always needed)."""

    name: str
    extras: frozenset[str]
    only_for: frozenset[str]


def _requirement(text: str) -> Requirement | None:
    match = _REQUIREMENT.match(text)
    if match is None:
        return None
    only_for = frozenset(normal(one) for one in re.findall(r"\bextra\s*==\s*['\"]([^'\"]+)", match[4] or ""))
    wanted = frozenset(normal(one.strip()) for one in (match[2] or "").split(",") if one.strip())
    return Requirement(normal(match[1]), wanted, only_for)


def _requirements_of(pin: Pin, found: Distribution | None) -> list[Requirement]:
    if pin.requires is not None:
        return [Requirement(normal(name), frozenset(), frozenset()) for name in pin.requires]
    texts = (found.requires or ()) if found is not None and found.version == pin.version else ()
    return [requirement for requirement in map(_requirement, texts) if requirement is not None]


def _edges(direct: list[Requirement], requirements: dict[str, list[Requirement]]) -> dict[str, set[str]]:
    """What each package requires, with the extras that the project and the packages ask for."""
    edges: dict[str, set[str]] = {key: set() for key in requirements}
    done: set[tuple[str, str]] = set()
    waiting = [(one.name, extra) for one in direct for extra in one.extras] + [(key, "") for key in requirements]
    while waiting:
        key, extra = waiting.pop()
        if (key, extra) in done or key not in requirements:
            continue
        done.add((key, extra))
        for requirement in requirements[key]:
            wanted = extra in requirement.only_for if extra else not requirement.only_for
            if wanted and requirement.name in requirements:
                if requirement.name != key:
                    edges[key].add(requirement.name)
                waiting += [(requirement.name, one) for one in requirement.extras]
    return edges


def _scopes(
    project: Component,
    direct: set[str],
    optional: set[str],
    components: dict[str, Component],
    edges: dict[str, set[str]],
) -> None:
    """What the project itself requires, all that follows from it, and the rest: extras optional, others excluded."""
    needed = _closure(direct, edges) if direct else set(components)
    wished = _closure(optional, edges) - needed
    for key, component in components.items():
        component.scope = "required" if key in needed else "optional" if key in wished else "excluded"
    reached = needed | wished
    project.depends_on |= {components[key].ref for key in (direct | optional if direct else components)}
    leaves = {key for key in components if key not in reached}
    project.depends_on |= {components[key].ref for key in leaves - _closure_of_others(leaves, edges)}


def _closure_of_others(keys: set[str], edges: dict[str, set[str]]) -> set[str]:
    """Those that another of them requires."""
    return {required for key in keys for required in edges[key] if required != key}


def _closure(start: set[str], edges: dict[str, set[str]]) -> set[str]:
    reached, waiting = set(start), list(start)
    while waiting:
        new = edges[waiting.pop()] - reached
        reached |= new
        waiting += new
    return reached
