"""VEX merged into a BOM: vulnerabilities of a CycloneDX document whose `affects` name components of this one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from pggit_excellence.errors import CommandError
from pggit_excellence.sbom.documents import Document, dump, load, validate


def merge_vex(document: Document, paths: list[Path]) -> None:
    """Add the vulnerabilities of these files, sorted.

    `affects` may name a component by its bom-ref, its purl, or a BOM-Link that ends with either. CommandError: it names
    none of this BOM.
    """
    refs = {
        name: one["bom-ref"] for one in all_components(document) for name in (one.get("purl"), one["bom-ref"]) if name
    }
    merged = {}
    for path in paths:
        vex = load(path)
        validate(dump(vex), str(path))
        vulnerabilities = vex.get("vulnerabilities") or []
        if not vulnerabilities:
            raise CommandError(f"--vex {path}: it holds no vulnerabilities")
        for vulnerability in vulnerabilities:
            found = dict(vulnerability)
            found["affects"] = [_resolve(one, refs, path, str(found.get("id"))) for one in found.get("affects") or []]
            merged[str(found.get("id")), str(found.get("bom-ref"))] = found
    if merged:
        document["vulnerabilities"] = [merged[key] for key in sorted(merged)]


def _resolve(affected: dict[str, Any], refs: dict[str, str], path: Path, identifier: str) -> dict[str, Any]:
    wanted = str(affected.get("ref") or "")
    name = unquote(wanted.partition("#")[2]) if wanted.startswith("urn:cdx:") else wanted
    if name not in refs:
        raise CommandError(f"--vex {path}: {identifier} affects {wanted!r}, which is no component of this BOM")
    return affected | {"ref": refs[name]}


def all_components(document: Document) -> Iterator[dict[str, Any]]:
    """Every component that has a ref, the main one and nested ones included."""
    waiting = [document.get("metadata", {}).get("component", {}), *document.get("components", [])]
    while waiting:
        component = waiting.pop()
        if "bom-ref" in component:
            yield component
        waiting += component.get("components", [])
