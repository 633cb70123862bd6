"""What differs between two BOMs: components that came, went or changed, and dependencies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pggit_excellence.sbom.documents import Document, load
from pggit_excellence.sbom.vex import all_components

# What of a component is compared, beside its version.
_COMPARED = ("version", "hashes", "licenses", "scope", "supplier", "copyright", "purl")


def compare(before: Path, after: Path) -> list[dict[str, str]]:
    """Rows of `change` (added, removed, changed), `component`, `what`, `before`, `after`, sorted."""
    old, new = load(before), load(after)
    return sorted([*_components(old, new), *_dependencies(old, new)], key=lambda row: tuple(row.values()))


def _components(old: Document, new: Document) -> list[dict[str, str]]:
    first, second = _by_name(old), _by_name(new)
    rows = []
    for name in first.keys() | second.keys():
        if name not in second or name not in first:
            change = "removed" if name not in second else "added"
            known = (first if name in first else second)[name]
            version = str(known.get("version", ""))
            there, gone = ("", version) if change == "added" else (version, "")
            rows.append(_row(change, name, known["type"], there, gone))
            continue
        for what in _COMPARED:
            one, other = first[name].get(what), second[name].get(what)
            if one != other:
                rows.append(_row("changed", name, what, _said(one), _said(other)))
    return rows


def _row(change: str, component: str, what: str, before: str, after: str) -> dict[str, str]:
    return {"change": change, "component": component, "what": what, "before": before, "after": after}


def _by_name(document: Document) -> dict[str, dict[str, Any]]:
    """Components by what stays when a version changes: their purl without it, or type and name."""
    found: dict[str, dict[str, Any]] = {}
    for component in all_components(document):
        found[_name(component)] = component
    return found


def _name(component: dict[str, Any]) -> str:
    purl = str(component.get("purl", ""))
    if not purl:
        owner, separator, _ = component["bom-ref"].partition("#")
        inside = f"{_without_version(owner)}: " if separator else ""
        return f"{inside}{component['name']}"
    kind = "" if component["type"] in {"library", "platform"} else f" ({component['type']})"
    return _without_version(purl) + kind


def _without_version(purl: str) -> str:
    return purl.partition("?")[0].rpartition("@")[0] or purl


def _said(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(_said(one) for one in value)
    if isinstance(value, dict):
        inner = value.get("content") or value.get("expression") or value.get("name") or value.get("id")
        return _said(inner if inner is not None else value.get("license", ""))
    text = str(value)
    return text if len(text) < 100 else text[:16] + "..."


def _dependencies(old: Document, new: Document) -> list[dict[str, str]]:
    first, second = _edges(old), _edges(new)
    rows = [_row("added", one, "dependency", "", other) for one, other in second - first]
    return rows + [_row("removed", one, "dependency", other, "") for one, other in first - second]


def _edges(document: Document) -> set[tuple[str, str]]:
    names = {component["bom-ref"]: _name(component) for component in all_components(document)}
    return {
        (names.get(one["ref"], one["ref"]), names.get(other, other))
        for one in document.get("dependencies", [])
        for other in one.get("dependsOn", [])
    }
