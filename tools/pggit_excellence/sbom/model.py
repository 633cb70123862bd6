"""What a BOM lists, before it is one: components, what they need, and what is not known of them.

Everything here is independent of order: sets and dictionaries are sorted where the document is written.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from packageurl import PackageURL

from pggit_excellence.printable import printable

# Names of properties begin with this.
NAMESPACE = "pggit_excellence"
# What PostgreSQL itself runs: not to be found as an extension.
BUILT_IN_LANGUAGES = frozenset({"c", "internal", "sql"})
# Languages that come with PostgreSQL; their extensions have had the same version since 9.1.
POSTGRESQL_LANGUAGES = frozenset({"plpgsql", "plperl", "plperlu", "plpython3u", "pltcl", "pltclu"})
LANGUAGE_VERSION = "1.0"
# SHA-256 and SHA-512 of their control files, the same in every version from 14 to 18. What is only named is known by
# them; a test compares with installations.
LANGUAGE_CONTROL_HASHES = {
    "plpgsql": (
        "9457c3f51d6bdfab93f13080d177795a9274c025e378fb613218342e3a3c7b45",
        "2ec62b6f68fbae634e490181cdedfe6806a582ec413ccb002a65420f4a0c79a0"
        "260bd9ba65c98494466aff15ab3d7bed829a7fdbb7ed0fc765f5e0057ff24fc4",
    ),
    "plpython3u": (
        "efdfc8503fb9e88e0ecf3c8352ea2fd187ef698e10d67f152b37c7855b9a6114",
        "3e0b24c64a6b2f5e3f1fa72af09c4055b00877f2da79786499b43fb952d5983a"
        "13053ae359cda4518ee1d33fd4ac9f37525d4c905468c4915efe71e295bd5602",
    ),
}
POSTGRESQL_COPYRIGHT = "Portions Copyright (c) 1996, PostgreSQL Global Development Group"
POSTGRESQL_SUPPLIER = "PostgreSQL Global Development Group"


@dataclass(frozen=True, order=True)
class File:
    """A shipped file: its name does not depend on where the tree or installation is."""

    name: str
    sha256: str
    sha512: str


@dataclass(frozen=True, order=True)
class Contact:
    """Who supplies something; each part may be empty."""

    name: str = ""
    email: str = ""
    url: str = ""


@dataclass
class Component:
    """One line of the inventory. `ref` is unique, `name` as people say it; empty strings and sets: not known.

    `found` says whether it was seen itself, or only that somebody needs it. `gaps` are what keeps its own description
    from being complete. `parent` is the ref of the package that brings it. `hashed` says what its hashes are of, where
    that is not its files.
    """

    ref: str
    kind: str  # extension, language, module, package, python, project, server
    type: str  # CycloneDX's
    name: str
    version: str = ""
    purl: str = ""
    description: str = ""
    licence: str = ""  # an SPDX expression
    copyright: str = ""
    supplier: Contact = field(default_factory=Contact)
    authors: set[Contact] = field(default_factory=set)
    scope: str = ""
    cpe: str = ""
    found: bool = True
    parent: str = ""
    hashes: tuple[tuple[str, str], ...] = ()
    hashed: str = ""
    files: set[File] = field(default_factory=set)
    needs: set[tuple[str, str]] = field(default_factory=set)  # kind and name, resolved when all sources are read
    test_needs: set[tuple[str, str]] = field(default_factory=set)  # what only its tests need
    seen_in: dict[tuple[str, str], set[tuple[str, int]]] = field(default_factory=dict)  # where each need was seen
    crypto: set[tuple[str, str, str, int]] = field(default_factory=set)  # algorithm, function, file, line
    depends_on: set[str] = field(default_factory=set)
    properties: set[tuple[str, str]] = field(default_factory=set)
    evidence: set[tuple[str, int]] = field(default_factory=set)  # file and line, 0: the whole
    technique: str = "manifest-analysis"
    links: set[tuple[str, str]] = field(default_factory=set)  # kind of external reference, URL
    gaps: set[str] = field(default_factory=set)

    def absorb(self, other: Component) -> None:
        """Take over what another source knows of the same component."""
        for name in ("version", "purl", "description", "licence", "copyright", "cpe", "parent", "hashes", "hashed"):
            if not getattr(self, name):
                setattr(self, name, getattr(other, name))
        if self.supplier == Contact():
            self.supplier = other.supplier
        self.scope = self.scope if self.scope == other.scope else ""
        self.found = self.found or other.found
        for name in (
            "authors",
            "files",
            "needs",
            "test_needs",
            "crypto",
            "depends_on",
            "properties",
            "evidence",
            "links",
            "gaps",
        ):
            getattr(self, name).update(getattr(other, name))
        for need, places in other.seen_in.items():
            self.seen_in.setdefault(need, set()).update(places)

    def note(self, name: str, value: str) -> None:
        """Add a property, in our namespace."""
        self.properties.add((f"{NAMESPACE}:{name}", printable(value, keep="")))


@dataclass
class Inventory:
    """Everything that the sources found.

    `main` is the ref of what the BOM is about. `problems` are what is broken or missing: then nothing is called
    complete. `findings` are dangers, include directives for one.
    """

    components: dict[str, Component] = field(default_factory=dict)
    main: str = ""
    problems: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)

    def add(self, component: Component) -> Component:
        """The component, merged with what is already known under its ref."""
        known = self.components.setdefault(component.ref, component)
        if known is not component:
            known.absorb(component)
        return known

    def lead(self, component: Component) -> Component:
        """Add what the source as a whole is; the first source's is what the BOM is about."""
        added = self.add(component)
        if not self.main:
            self.main = added.ref
        elif added.ref != self.main:
            self.components[self.main].depends_on.add(added.ref)
        return added

    def of_kind(self, *kinds: str) -> list[Component]:
        """Components of these kinds, by ref."""
        return [component for _, component in sorted(self.components.items()) if component.kind in kinds]


def generic_purl(name: str, version: str = "") -> str:
    """`pkg:generic/name@version`; whatever the name holds is escaped."""
    return PackageURL("generic", None, shown(name), shown(version) or None).to_string()


def shown(text: str) -> str:
    """Text that can stand in a document: bytes that are not UTF-8, controls and newlines as escapes."""
    return printable(text.encode(errors="surrogateescape").decode(errors="backslashreplace"), keep="")


def extension_component(name: str, version: str) -> Component:
    """An extension, with nothing known but its name and version."""
    purl = generic_purl(name, version)
    component = Component(purl, "extension", "library", shown(name), shown(version), purl)
    postgres = PackageURL("postgres", None, shown(name), shown(version) or None).to_string()
    component.note("purl", postgres)
    if name in POSTGRESQL_LANGUAGES:
        component.licence, component.copyright = "PostgreSQL", POSTGRESQL_COPYRIGHT
        component.supplier = Contact(POSTGRESQL_SUPPLIER, url="https://www.postgresql.org/")
        component.type = "platform"  # it interprets programs
    return component
