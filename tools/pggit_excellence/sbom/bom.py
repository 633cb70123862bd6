"""The CycloneDX document of an inventory: everything sorted, so that identical input gives identical bytes.

The document is made as plain dictionaries in the order of the specification: building the library's objects and
serialising them takes as long as everything else together. The library validates it, and makes XML of it.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from pggit_excellence.errors import CommandError
from pggit_excellence.sbom.documents import Document
from pggit_excellence.sbom.hashing import listing_hashes
from pggit_excellence.sbom.model import NAMESPACE, Component, Contact, File, Inventory
from pggit_excellence.version import version

# Serial numbers are UUIDs of this name space and the document's content.
_SERIALS = uuid.UUID("6f0d7f43-6c0a-5b7e-9c39-0c9d5a0c8a51")
_SCHEMA = "http://cyclonedx.org/schema/bom-{version}.schema.json"
# How sure each way of finding something is, from 0 to 1.
_CONFIDENCE = {"manifest-analysis": 1, "filename": 0.9}


def timestamp() -> str:
    """Now, or SOURCE_DATE_EPOCH; CommandError: that is no number of seconds."""
    text = os.environ.get("SOURCE_DATE_EPOCH")
    if text is None or text == "":
        moment = datetime.now(UTC)
    else:
        try:
            moment = datetime.fromtimestamp(int(text), UTC)
        except (ValueError, OverflowError, OSError):
            raise CommandError(f"SOURCE_DATE_EPOCH: {text!r} is no number of seconds since 1970") from None
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def seal(document: Document) -> Document:
    """Give the document the serial number of its content."""
    content = {key: value for key, value in document.items() if key != "serialNumber"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    document["serialNumber"] = uuid.uuid5(_SERIALS, text).urn
    return document


def link_to(document: Document, ref: str = "") -> str:
    """BOM-Link to a document, or to the component with that ref."""
    from urllib.parse import quote

    identifier = document["serialNumber"].removeprefix("urn:uuid:")
    return f"urn:cdx:{identifier}/{document['version']}" + (f"#{quote(ref, safe='')}" if ref else "")


def frame(spec_version: str, component: dict[str, Any], supplier: Contact, lifecycle: str) -> Document:
    """A document with its metadata and nothing else."""
    metadata: dict[str, Any] = {
        "timestamp": timestamp(),
        "lifecycles": [{"phase": lifecycle}],
        "tools": {"components": [_tool()]},
        "component": component,
    }
    if supplier != Contact():
        metadata |= {"manufacturer": organisation(supplier), "supplier": organisation(supplier)}
        metadata["authors"] = [person(Contact(supplier.name, supplier.email))]
    return {
        "$schema": _SCHEMA.format(version=spec_version),
        "bomFormat": "CycloneDX",
        "specVersion": spec_version,
        "serialNumber": "",
        "version": 1,
        "metadata": metadata,
    }


def _tool() -> dict[str, Any]:
    return {
        "type": "application",
        "name": "pggit-excellence",
        "version": version(),
        "licenses": [{"license": {"id": "PostgreSQL"}}],
    }


def make_bom(inventory: Inventory, spec_version: str) -> Document:
    """The BOM of everything in the inventory; `main` is what it is about.

    The files of all components are parts of the main one, where tools that ask each component for a supplier do not
    mistake them for packages. The ref of a file begins with that of the component it belongs to.
    """
    main = inventory.components[inventory.main]
    lifecycle = "operations" if main.kind == "server" else "build"
    about = describe(main)
    about["components"] = [
        _file(ref, file) for ref, one in sorted(inventory.components.items()) for file in sorted(one.files)
    ]
    document = frame(spec_version, about, main.supplier, lifecycle)
    children: dict[str, list[Component]] = {}
    for _, component in sorted(inventory.components.items()):
        if component is not main:
            children.setdefault(component.parent, []).append(component)
    document["components"] = [describe(one, children.get(one.ref, ())) for one in children.get("", ())]
    document["dependencies"] = [
        {"ref": ref, "dependsOn": sorted(component.depends_on & inventory.components.keys())}
        for ref, component in sorted(inventory.components.items())
    ]
    document["compositions"] = list(compositions(inventory))
    for name, lines in (("problem", inventory.problems), ("finding", inventory.findings)):
        for line in sorted(lines):
            document["metadata"].setdefault("properties", []).append({"name": f"{NAMESPACE}:{name}", "value": line})
    return document


def compositions(inventory: Inventory) -> Iterator[dict[str, Any]]:
    """How complete each component's files and dependencies are known: never "complete" where anything was missing.

    A problem with one component makes that of the whole, and so the main component, incomplete.
    """
    broken = {ref for ref, one in inventory.components.items() if one.gaps}
    if inventory.problems or broken:
        broken.add(inventory.main)
    for aggregate, refs in (
        ("complete", inventory.components.keys() - broken),
        ("incomplete", broken),
    ):
        if refs:
            yield {"aggregate": aggregate, "assemblies": sorted(refs), "dependencies": sorted(refs)}


def describe(component: Component, children: Iterable[Component] = ()) -> dict[str, Any]:
    """A component with those that it brings, in the order of the specification."""
    hashes = component.hashes or (listing_hashes(component.files) if component.files else ())
    hashed = component.hashed or ("sha256sum of its files, by name" if component.files else "")
    properties = set(component.properties)
    if hashed:
        properties.add((f"{NAMESPACE}:hashes-cover", hashed))
    properties |= {(f"{NAMESPACE}:gap", gap) for gap in component.gaps}
    described: dict[str, Any] = {
        "type": component.type,
        "bom-ref": component.ref,
        "supplier": organisation(component.supplier),
        "authors": [person(author) for author in sorted(component.authors)],
        "name": component.name,
        "version": component.version,
        "description": component.description,
        "scope": component.scope,
        "hashes": [{"alg": algorithm, "content": content} for algorithm, content in hashes],
        "licenses": licences(component.licence),
        "copyright": component.copyright,
        "cpe": component.cpe,
        "purl": component.purl,
        "externalReferences": [{"type": kind, "url": url} for kind, url in sorted(component.links)],
        "properties": [{"name": name, "value": value} for name, value in sorted(properties)],
        "components": [describe(child) for child in children],
        "evidence": _evidence(component),
    }
    return {key: value for key, value in described.items() if value}


def _file(owner: str, file: File) -> dict[str, Any]:
    from urllib.parse import quote

    return {
        "type": "file",
        "bom-ref": f"{owner}#{quote(file.name)}",
        "name": file.name,
        "hashes": [{"alg": "SHA-256", "content": file.sha256}, {"alg": "SHA-512", "content": file.sha512}],
    }


def licences(expression: str) -> list[dict[str, Any]]:
    """CycloneDX's choice: an identifier where it is one licence, else an expression."""
    if not expression:
        return []
    if " " in expression:
        return [{"expression": expression}]
    return [{"license": {"id": expression}}]


def organisation(contact: Contact) -> dict[str, Any]:
    """An organizational entity; empty where nothing is known."""
    if contact == Contact():
        return {}
    entity: dict[str, Any] = {"name": contact.name}
    if contact.url:
        entity["url"] = [contact.url]
    if contact.email:
        entity["contact"] = [person(contact)]
    return entity


def person(contact: Contact) -> dict[str, str]:
    """An organizational contact."""
    return {key: value for key, value in (("name", contact.name), ("email", contact.email)) if value}


def _evidence(component: Component) -> dict[str, Any]:
    if not component.evidence:
        return {}
    places = sorted(component.evidence)
    confidence = _CONFIDENCE[component.technique] if component.found else 0.5
    method = {"technique": component.technique, "confidence": confidence, "value": places[0][0]}
    return {
        "identity": [{"field": "purl", "confidence": confidence, "methods": [method]}],
        "occurrences": [{"location": place, **({"line": line} if line else {})} for place, line in places[:100]],
    }
