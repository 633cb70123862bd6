"""From names that scripts and control files need to components; a name that nothing answers becomes a component too."""

from __future__ import annotations

from pggit_excellence.sbom.model import (
    LANGUAGE_CONTROL_HASHES,
    LANGUAGE_VERSION,
    POSTGRESQL_LANGUAGES,
    Component,
    Inventory,
    extension_component,
    generic_purl,
    shown,
)


def resolve(inventory: Inventory, *, looked_everywhere: bool) -> None:
    """Turn every need into a dependency.

    `looked_everywhere`: an installation or a server was read, so that what is not found is missing. Otherwise it was
    only not looked for.
    """
    extensions: dict[str, Component] = {}
    for component in inventory.of_kind("extension"):
        extensions.setdefault(component.name, component)
        if component.found:
            extensions[component.name] = component
    tested: set[str] = set()
    for component in list(inventory.components.values()):
        for kind, name in sorted(component.needs):
            target = _target(inventory, extensions, component, kind, name)
            if target is None or target is component:
                continue
            component.depends_on.add(target.ref)
            target.evidence |= component.seen_in.get((kind, name), set()) if not target.found else set()
            if not target.found and looked_everywhere and kind in {"extension", "language"}:
                message = f"{component.name} needs {kind} {shown(name)}, which is not there"
                if message not in inventory.problems:
                    inventory.problems.append(message)
                component.gaps.add(message)
        for kind, name in sorted(component.test_needs - component.needs):
            target = _target(inventory, extensions, component, kind, name)
            if target is not None and target is not component and not target.found:
                target.evidence |= component.seen_in.get((kind, name), set())
                tested.add(target.ref)
                component.depends_on.add(target.ref)
    _scope_of_tests(inventory, tested)


def _target(
    inventory: Inventory, extensions: dict[str, Component], component: Component, kind: str, name: str
) -> Component | None:
    """The component that a need is about; None: a library that is the component's own."""
    shown_name = shown(name)
    if kind in {"module", "load"}:
        if kind == "module" and component.kind == "extension":
            return None  # it brings the libraries of its functions
        return _module(inventory, extensions, shown_name)
    if shown_name not in extensions:
        version = LANGUAGE_VERSION if name in POSTGRESQL_LANGUAGES else ""
        missing = extension_component(name, version)
        missing.found = False
        missing.gaps.add("only named, not seen")
        if name in LANGUAGE_CONTROL_HASHES:
            missing.gaps.clear()
            missing.hashes = tuple(zip(("SHA-256", "SHA-512"), LANGUAGE_CONTROL_HASHES[name], strict=True))
            missing.hashed = f"{name}.control of PostgreSQL 14 to 18"
        extensions[shown_name] = inventory.add(missing)
    return extensions[shown_name]


def _module(inventory: Inventory, extensions: dict[str, Component], name: str) -> Component:
    """A library: of the extension that has its name, or of nobody known."""
    stem = name.rpartition("/")[2].removesuffix(".so")
    if stem in extensions:
        return extensions[stem]
    purl = generic_purl(stem)
    found = Component(
        f"module:{purl}", "module", "library", stem, purl=purl, found=False, gaps={"only named, not seen"}
    )
    return inventory.add(found)


def _scope_of_tests(inventory: Inventory, tested: set[str]) -> None:
    """What only tests need is excluded from what the project ships."""
    shipped = {ref for one in inventory.components.values() for ref in _needed(inventory, one)}
    for ref in tested - shipped:
        inventory.components[ref].scope = "excluded"


def _needed(inventory: Inventory, component: Component) -> set[str]:
    """Refs of what the component needs other than for tests."""
    by_name = {inventory.components[ref].name: ref for ref in component.depends_on if ref in inventory.components}
    return {by_name[shown(name)] for _, name in component.needs if shown(name) in by_name}
