"""A BOM as XML: cyclonedx-python-lib writes it, and what its model lacks, `compositions`, is put in."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, quoteattr

from pggit_excellence.sbom.documents import Document

# The elements that follow `compositions` in the schema's sequence.
_AFTER = re.compile(
    r"^  <(?:properties|vulnerabilities|annotations|formulation|declarations|definitions)>|^</bom>", re.MULTILINE
)


def to_xml(document: Document) -> bytes:
    """The document as XML."""
    from cyclonedx.model.bom import Bom
    from cyclonedx.output import make_outputter
    from cyclonedx.schema import OutputFormat, SchemaVersion

    bom = Bom.from_json(document)  # type: ignore[attr-defined]
    version = SchemaVersion.from_version(document["specVersion"])
    text = make_outputter(bom, OutputFormat.XML, version).output_as_string(indent=2)
    place = _AFTER.search(text)
    assert place is not None  # noqa: S101  # the root element ends
    return (text[: place.start()] + _compositions(document) + text[place.start() :]).rstrip().encode() + b"\n"


def _compositions(document: Document) -> str:
    lines = ["  <compositions>"]
    for one in document["compositions"]:
        lines += ["    <composition>", f"      <aggregate>{one['aggregate']}</aggregate>"]
        for name, element in (("assemblies", "assembly"), ("dependencies", "dependency")):
            refs = "".join(f"        <{element} ref={quoteattr(ref)}/>\n" for ref in one[name])
            lines.append(f"      <{name}>\n{refs}      </{escape(name)}>")
        lines.append("    </composition>")
    return "\n".join([*lines, "  </compositions>\n"])
