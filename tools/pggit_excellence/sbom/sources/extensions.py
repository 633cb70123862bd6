"""An extension that was read from its files, as a component: the same for source trees and installations."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from pggit_excellence.files import said
from pggit_excellence.sbom.control.extension import Extension, available_versions, version_control
from pggit_excellence.sbom.control.settings import ControlError
from pggit_excellence.sbom.control.versions import install_path
from pggit_excellence.sbom.hashing import hash_file
from pggit_excellence.sbom.model import BUILT_IN_LANGUAGES, Component, Inventory, extension_component, shown
from pggit_excellence.sbom.scripts.crypto import crypto_uses
from pggit_excellence.sbom.scripts.needs import Needs, script_needs

# How a path is named in the BOM.
Naming = Callable[[Path], str]
MAX_SCRIPT = 64 * 2**20


def add_extension(inventory: Inventory, extension: Extension, name_of: Naming, major: int) -> Component:
    """Add what its files say; what is broken or missing in them becomes a problem and a gap."""
    component = begin(inventory, extension, name_of)
    if extension.folder is not None:
        add_scripts(inventory, component, extension, name_of, major)
    return component


def begin(inventory: Inventory, extension: Extension, name_of: Naming) -> Component:
    """The extension with what its control file says, and that file."""
    control = extension.control
    version = (control.default_version or "") if control else ""
    component = extension_component(extension.name, version)
    component.evidence.add((shown(name_of(extension.path)), 0))
    if extension.error is not None:
        problem(inventory, component, explain(extension.error, name_of))
    if control is not None:
        component.description = shown(control.comment or "")
        describe(component, extension)
        for item in control.includes:
            message = f"{shown(name_of(item.path))}:{item.line}: {item.name} makes the server read another file"
            inventory.findings.append(message)
            component.note("finding", message)
    add_file(inventory, component, extension.path, name_of)
    return inventory.add(component)


def describe(component: Component, extension: Extension) -> None:
    """What the control file says besides, as properties."""
    control = extension.control
    assert control is not None  # noqa: S101  # the caller's
    component.note("extension:relocatable", str(control.relocatable).lower())
    component.note("extension:superuser", str(control.superuser).lower())
    component.note("extension:trusted", str(control.trusted).lower())
    for name in ("schema", "module_pathname", "encoding", "directory"):
        value = getattr(control, name)
        if value is not None:
            component.note(f"extension:{name}", shown(value))
    for name in ("requires", "no_relocate"):
        if getattr(control, name):
            component.note(f"extension:{name}", ", ".join(shown(one) for one in getattr(control, name)))


def add_scripts(inventory: Inventory, component: Component, extension: Extension, name_of: Naming, major: int) -> None:
    """Its scripts as files; what those that CREATE EXTENSION runs need; the versions that can be installed."""
    assert extension.folder is not None and extension.control is not None  # noqa: S101, PT018  # the caller's
    for script in extension.scripts:
        add_file(inventory, component, extension.folder / script, name_of)
    try:
        versions = [row.version for row in available_versions(extension, major)]
        for version in extension.versions:
            add_file(inventory, component, extension.folder / f"{extension.name}--{version}.control", name_of)
        if versions:
            component.note("extension:available_versions", ", ".join(sorted(shown(one) for one in versions)))
    except ControlError as error:
        problem(inventory, component, explain(error, name_of))
    default = extension.control.default_version
    if default is None:
        problem(
            inventory, component, f"{shown(name_of(extension.path))}: no default_version, so no version is installed"
        )
        return
    way = install_path(extension.versions, default)
    if way is None:
        problem(inventory, component, f"{shown(name_of(extension.path))}: no script installs version {shown(default)}")
        return
    try:
        required = version_control(extension, default, major).requires
    except ControlError:  # said above
        required = extension.control.requires
    component.needs |= {("extension", name) for name in required}
    for script in scripts_of(extension.name, way):
        read_script(inventory, component, extension.folder / script, name_of, extension.control.module_pathname)


def scripts_of(name: str, path: list[str]) -> list[str]:
    """The scripts that install by way of these versions."""
    updates = [f"{name}--{before}--{after}.sql" for before, after in pairwise(path)]
    return [f"{name}--{path[0]}.sql", *updates]


def read_script(
    inventory: Inventory, component: Component, path: Path, name_of: Naming, module_pathname: str | None = None
) -> None:
    """Note what a script needs and which cryptographic functions it calls."""
    text = script_text(inventory, component, path, name_of)
    if text is None:
        return
    add_needs(component, script_needs(text), shown(name_of(path)), module_pathname)
    add_crypto(component, text, shown(name_of(path)))


def add_crypto(component: Component, text: str, name: str) -> None:
    """Note the cryptographic functions that a script calls."""
    for use in crypto_uses(text):
        component.crypto.add((use.algorithm, use.function, name, use.line))


def script_text(inventory: Inventory, component: Component, path: Path, name_of: Naming) -> str | None:
    """The text of a script, as Latin-1 where it is no UTF-8; None: a problem was noted."""
    try:
        if not path.is_file() or path.stat().st_size > MAX_SCRIPT:
            problem(inventory, component, said(shown(name_of(path)), f"no regular file of at most {MAX_SCRIPT} bytes"))
            return None
        content = path.read_bytes()
    except OSError as error:
        problem(inventory, component, said(shown(name_of(path)), error))
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def add_needs(component: Component, needs: Needs, name: str, module_pathname: str | None) -> None:
    """Extensions, languages and libraries that a script needs, as needs of the component."""
    for kind, found in (
        ("extension", needs.extensions),
        ("language", needs.languages),
        ("module", needs.modules),
        ("load", needs.loads),
    ):
        for needed in found:
            wanted = module_pathname if needed == "MODULE_PATHNAME" else needed
            if wanted and not (kind == "language" and wanted in BUILT_IN_LANGUAGES):
                component.needs.add((kind, wanted))
                component.seen_in.setdefault((kind, wanted), set()).add((name, found[needed]))
    if needs.unread:
        component.gaps.add(f"{name}: {needs.unread} statements were not understood")


def add_file(inventory: Inventory, component: Component, path: Path, name_of: Naming) -> None:
    """One of its files, with hashes."""
    try:
        if path.is_file():
            component.files.add(hash_file(path, name_of(path)))
        elif path.exists():
            problem(inventory, component, said(shown(name_of(path)), "not a regular file"))
    except OSError as error:
        problem(inventory, component, said(shown(name_of(path)), error))


def problem(inventory: Inventory, component: Component, message: str) -> None:
    """Something is broken or missing: said once, and the component is not complete."""
    if message not in inventory.problems:
        inventory.problems.append(message)
    component.gaps.add(message)


def explain(error: ControlError, name_of: Naming) -> str:
    """Where, and what."""
    line = f":{error.line}" if error.line else ""
    return f"{shown(name_of(error.path))}{line}: {shown(str(error))}"
