"""The CBOM: cryptographic algorithms that the SQL uses, each with where, and a BOM-Link to the SBOM.

Both documents link to each other. So the CBOM gets its serial number before the link to the SBOM is in it.
"""

from __future__ import annotations

from typing import Any

from pggit_excellence.sbom.algorithms import algorithm
from pggit_excellence.sbom.bom import frame, link_to, seal
from pggit_excellence.sbom.documents import Document
from pggit_excellence.sbom.model import NAMESPACE, Inventory


def make_cbom(inventory: Inventory, spec_version: str) -> Document:
    """The algorithms of all components, without the link to the SBOM."""
    main = inventory.components[inventory.main]
    about = {"type": main.type, "bom-ref": main.ref, "name": main.name}
    about |= {key: value for key, value in (("version", main.version), ("purl", main.purl)) if value}
    document = frame(spec_version, about, main.supplier, "operations" if main.kind == "server" else "build")
    uses: dict[str, list[tuple[str, str, str, int]]] = {}
    for ref, component in sorted(inventory.components.items()):
        for name, function, file, line in sorted(component.crypto):
            uses.setdefault(name, []).append((ref, function, file, line))
    by_title: dict[str, dict[str, Any]] = {}
    for name, places in sorted(uses.items()):
        described = _describe(name, places)
        known = by_title.setdefault(described["bom-ref"], described)
        if known is not described:
            _merge(known, described)
    document["components"] = [by_title[ref] for ref in sorted(by_title)]
    refs = sorted(by_title)
    document["dependencies"] = [{"ref": main.ref, "dependsOn": refs}, *({"ref": ref, "dependsOn": []} for ref in refs)]
    return seal(document)


def _describe(name: str, places: list[tuple[str, str, str, int]]) -> dict[str, Any]:
    found = algorithm(name)
    properties = {
        (f"{NAMESPACE}:called-as", name),
        *((f"{NAMESPACE}:function", function) for _, function, _, _ in places),
    }
    if not found.oid:
        properties.add((f"{NAMESPACE}:oid", "none is registered, or the algorithm is not known from the SQL"))
    return {
        "type": "cryptographic-asset",
        "bom-ref": f"crypto:{found.name}",
        "name": found.name,
        "properties": [{"name": key, "value": value} for key, value in sorted(properties)],
        "evidence": {
            "occurrences": [{"location": file, "line": line, "symbol": name} for _, name, file, line in places]
        },
        "cryptoProperties": found.properties,
    }


def _merge(known: dict[str, Any], other: dict[str, Any]) -> None:
    """The same algorithm under another name."""
    known["properties"] += [one for one in other["properties"] if one not in known["properties"]]
    known["properties"].sort(key=lambda one: (one["name"], one["value"]))
    known["evidence"]["occurrences"] += other["evidence"]["occurrences"]


def link(bom: Document, cbom: Document) -> None:
    """Let the documents refer to each other; the SBOM is sealed between."""
    bom["externalReferences"] = [
        {"type": "bom", "url": link_to(cbom), "comment": "CBOM: cryptographic algorithms that the SQL uses"}
    ]
    seal(bom)
    cbom["externalReferences"] = [{"type": "bom", "url": link_to(bom), "comment": "SBOM"}]
