"""A source tree: its control files, META.json, SQL scripts, licence; and the Python packages that it pins."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from packageurl import PackageURL

from pggit_excellence.errors import CommandError
from pggit_excellence.files import said
from pggit_excellence.sbom.control.control_file import read_control
from pggit_excellence.sbom.control.extension import Extension, extension_name
from pggit_excellence.sbom.control.settings import ControlError
from pggit_excellence.sbom.control.versions import install_path, version_graph
from pggit_excellence.sbom.hashing import listing_hashes
from pggit_excellence.sbom.licences import copyright_line, from_pgxn, spdx
from pggit_excellence.sbom.model import Component, Contact, Inventory, generic_purl, shown
from pggit_excellence.sbom.scripts.needs import script_needs
from pggit_excellence.sbom.sources.extensions import (
    add_crypto,
    add_file,
    add_needs,
    begin,
    problem,
    script_text,
    scripts_of,
)
from pggit_excellence.sbom.sources.python_packages import LOCKS, read_lock

# Never part of what a project ships.
_SKIPPED = frozenset({".git", ".hg", ".svn", "node_modules", ".venv", "venv", ".tox", "__pycache__", "results", "dist"})
_TESTS = re.compile(
    r"(?:^|/)(?:t|tests?|testing|templates?|expected|benchmarks?|examples?|fixtures?|ci)(?:/|_|$)", re.IGNORECASE
)
_LICENCE = re.compile(r"^(?:licen[cs]e|copying|copyright)(?:\.(?:md|txt|rst))?$", re.IGNORECASE)
_SECURITY = re.compile(r"^(?:VULNERABILITY_DISCLOSURE|SECURITY)\.md$|^security\.txt$")
# Control files follow the newest syntax: a tree is for all majors.
NEWEST = 18
MAX_FILES = 200_000


@dataclass
class Tree:
    """A source tree's files, as paths relative to its root, sorted."""

    root: Path
    files: list[Path]

    def name(self, path: Path) -> str:
        """The path below the root."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)

    def named(self, pattern: re.Pattern[str] | str) -> list[Path]:
        """Files whose name matches, those nearest to the root first."""
        found = [path for path in self.files if re.search(pattern, path.name)]
        return sorted(found, key=lambda path: (len(path.parts), path.as_posix().encode(errors="surrogateescape")))


def read_tree(inventory: Inventory, root: Path) -> None:
    """Add what a source tree says. CommandError: it cannot be read at all."""
    tree = Tree(root, [root / path for path in sorted(_walk(root), key=os.fsencode)])
    controls = [path for path in tree.named(r"\.control$") if extension_name(path.name) is not None]
    meta = _meta(inventory, tree)
    project = inventory.lead(_project(tree, meta, controls))
    _describe_project(inventory, tree, project, meta)
    for path in controls:
        if not _TESTS.search(tree.name(path)):
            _add_extension(inventory, tree, project, path)
    _read_scripts(inventory, tree, project)
    for lock in [path for path in tree.files if path.name in LOCKS and path.parent == root]:
        read_lock(inventory, project, lock, tree.name(lock))
    project.hashes, project.hashed = listing_hashes(project.files), "sha256sum of its files, by name"


def _walk(root: Path) -> Iterator[Path]:
    """Every regular file below, relative; links are not followed: what they lead to is not in the tree."""

    def failed(error: OSError) -> None:
        raise CommandError(said(error.filename or root, error))

    count = 0
    for folder, names, files in os.walk(root, onerror=failed):
        names[:] = [name for name in names if name not in _SKIPPED and not name.startswith(".cache")]
        for name in files:
            count += 1
            if count > MAX_FILES:
                raise CommandError(f"{root}: more than {MAX_FILES} files; name the folder of one project")
            path = Path(folder, name)
            if not path.is_symlink():
                yield path.relative_to(root)


def _meta(inventory: Inventory, tree: Tree) -> dict[str, Any]:
    """META.json of the root; what is generated from META.json.in serves as well."""
    for name in ("META.json", "META.json.in"):
        path = tree.root / name
        if not path.is_file():
            continue
        try:
            found = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            inventory.problems.append(f"{name}: no JSON ({error})")
            return {}
        return found if isinstance(found, dict) else {}
    return {}


def _project(tree: Tree, meta: dict[str, Any], controls: list[Path]) -> Component:
    """What the tree as a whole is: by META.json, else by its one extension, else by the folder's name."""
    name, version = str(meta.get("name") or ""), str(meta.get("version") or "")
    if len(controls) and (not name or "@" in version or not version):
        name = name or (extension_name(controls[0].name) or "")
        try:
            version = read_control(controls[0], NEWEST).default_version or ""
        except (ControlError, FileNotFoundError):
            version = ""
    name = shown(name or tree.root.resolve().name)
    purl = generic_purl(name, version)
    component = Component(f"project:{purl}", "project", "application", name, shown(version), purl)
    if meta.get("name") and version:
        component.note("purl", PackageURL("pgxn", None, name, version).to_string())
    return component


def _describe_project(inventory: Inventory, tree: Tree, project: Component, meta: dict[str, Any]) -> None:
    """Licence, copyright, people and links."""
    project.description = shown(str(meta.get("abstract") or ""))
    project.licence = from_pgxn(meta.get("license"))
    for path in [path for path in tree.files if path.parent == tree.root and _LICENCE.match(path.name)]:
        add_file(inventory, project, path, tree.name)
        text = path.read_text(encoding="utf-8", errors="replace")[:20_000]
        project.copyright = project.copyright or copyright_line(text)
        project.licence = project.licence or _licence_of(text)
    for path in tree.named(r"^META\.json(?:\.in)?$"):
        if path.parent == tree.root:
            add_file(inventory, project, path, tree.name)
            project.evidence.add((tree.name(path), 0))
    maintainers = meta.get("maintainer") or []
    people = [_contact(str(one)) for one in ([maintainers] if isinstance(maintainers, str) else maintainers)]
    resources = meta.get("resources") if isinstance(meta.get("resources"), dict) else {}
    _links(project, resources or {})
    policies = [quote(tree.name(path)) for path in tree.named(_SECURITY) if not _TESTS.search(tree.name(path))]
    project.links |= {("security-contact", policy) for policy in policies}
    if people:
        url = next((url for kind, url in sorted(project.links) if kind in {"issue-tracker", "website"}), "")
        project.supplier = Contact(people[0].name, people[0].email, url or "".join(policies[:1]))
        project.authors |= set(people)
    runtime = ((meta.get("prereqs") or {}).get("runtime") or {}).get("requires") or {}
    for name in sorted(runtime) if isinstance(runtime, dict) else ():
        if name == "PostgreSQL":
            project.note("requires:postgresql", str(runtime[name]))
        else:
            project.needs.add(("extension", str(name)))


def _links(project: Component, resources: dict[str, Any]) -> None:
    """META.json's resources as external references."""
    bugs, repository = resources.get("bugtracker") or {}, resources.get("repository") or {}
    for kind, url in (
        ("website", resources.get("homepage")),
        ("issue-tracker", bugs.get("web") if isinstance(bugs, dict) else None),
        ("vcs", (repository.get("web") or repository.get("url")) if isinstance(repository, dict) else None),
    ):
        if isinstance(url, str) and re.fullmatch(r"[a-z]+://[^\s<>\"{}|\\^`]+", url):
            project.links.add((kind, url))


def _contact(text: str) -> Contact:
    name, _, address = text.partition("<")
    return Contact(shown(name.strip()), shown(address.rstrip("> ").strip()))


def _licence_of(text: str) -> str:
    """The licence that a licence file names in its first line."""
    first = next((line.strip(" #*=") for line in text.splitlines() if line.strip(" #*=")), "")
    return spdx(re.sub(r"(?i)^the\s+|\s+licen[cs]e.*$", "", first)) or spdx(first)


def _add_extension(inventory: Inventory, tree: Tree, project: Component, path: Path) -> None:
    """An extension whose scripts lie somewhere in the tree: beside the control file, in sql/, or built."""
    name = path.name.removesuffix(".control")
    extension = Extension(name, path, folder=path.parent)
    scripts = [file for file in tree.named(r"\.sql$") if file.name.startswith(f"{name}--")]
    extension.scripts = sorted({file.name for file in scripts}, key=os.fsencode)
    extension.versions = version_graph(name, extension.scripts)
    try:
        extension.control = read_control(path, NEWEST)
    except (ControlError, FileNotFoundError) as error:
        extension.error = error if isinstance(error, ControlError) else ControlError(path, 0, "no such file")
    component = begin(inventory, extension, tree.name)
    project.depends_on.add(component.ref)
    for attribute in ("licence", "copyright", "supplier"):
        if not getattr(component, attribute) or getattr(component, attribute) == Contact():
            setattr(component, attribute, getattr(project, attribute))
    for file in scripts:
        add_file(inventory, component, file, tree.name)
    control = extension.control
    if control is None or control.default_version is None:
        if control is not None:
            problem(inventory, component, f"{shown(tree.name(path))}: no default_version, so no version is installed")
        return
    component.needs |= {("extension", required) for required in control.requires}
    wanted = install_path(extension.versions, control.default_version)
    if wanted is None:
        message = f"{shown(tree.name(path))}: no script installs version {shown(control.default_version)}"
        problem(inventory, component, f"{message}; build the project first, if it makes one")
        return
    by_name = {file.name: file for file in reversed(scripts)}
    for script in scripts_of(name, wanted):
        text = script_text(inventory, component, by_name[script], tree.name)
        if text is not None:
            add_needs(component, script_needs(text), shown(tree.name(by_name[script])), control.module_pathname)
            add_crypto(component, text, shown(tree.name(by_name[script])))


def _read_scripts(inventory: Inventory, tree: Tree, project: Component) -> None:
    """The other SQL scripts: what they need is needed by the project, what tests need by its tests alone."""
    owned = {file.name for component in inventory.of_kind("extension") for file in component.files}
    for path in tree.named(r"\.sql$"):
        name = tree.name(path)
        if name in owned:
            continue
        testing = _TESTS.search(name) is not None
        if not testing:
            add_file(inventory, project, path, tree.name)
        text = script_text(inventory, project, path, tree.name)
        if text is None:
            continue
        found = Component("", "", "", "")
        add_needs(found, script_needs(text), shown(name), None)
        if testing:
            project.test_needs |= found.needs
        else:
            project.needs |= found.needs
            project.gaps |= found.gaps
            add_crypto(project, text, shown(name))
        for need, places in found.seen_in.items():
            project.seen_in.setdefault(need, set()).update(places)
