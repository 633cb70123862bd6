"""CycloneDX documents: read, write, validate.

JSON is written here and nowhere else: indented by two, keys as they stand, no escapes but the necessary ones, one
newline at the end. So signing, and generating again, meet the same bytes.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pggit_excellence.errors import CommandError
from pggit_excellence.files import read_limited
from pggit_excellence.printable import printable

Document = dict[str, Any]

DEFAULT_VERSION = "1.6"
VERSIONS = ("1.6", "1.7")
READABLE = ("1.4", "1.5", *VERSIONS)
MAX_BYTES = 256 * 2**20
_XML_VERSION = re.compile(rb'<bom[^>]*\bxmlns="http://cyclonedx\.org/schema/bom/(\d\.\d)"')
# What a schema says of a text by the first four is looked at here; the others say nothing of what is valid.
_TEXT_KEYWORDS = frozenset(
    {"type", "enum", "minLength", "pattern", "title", "description", "examples", "default", "meta:enum", "$comment"}
)
# RFC 3987: no spaces, controls or delimiters, and each % begins an escape.
_IRI_REFERENCE = re.compile(r'(?:%[0-9A-Fa-f]{2}|[^\x00-\x20<>"{}|\\^`%\x7f])*')


def dump(document: Document) -> bytes:
    """The JSON text of a BOM."""
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def load(path: Path) -> Document:
    """The CycloneDX JSON document in a file."""
    return parse(read_limited(path, MAX_BYTES, "BOM"), str(path))


def parse(content: bytes, what: str) -> Document:
    """The CycloneDX JSON document in `content`, which comes from `what`."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{printable(what, keep='')}: no JSON ({error})") from None
    if not isinstance(document, dict) or document.get("bomFormat") != "CycloneDX":
        raise CommandError(f"{printable(what, keep='')}: JSON, but no CycloneDX document (bomFormat is missing)")
    return document


def validate(content: bytes, what: str) -> str:
    """Check a BOM (JSON or XML) by CycloneDX's schema of its version, which is returned; CommandError: where not."""
    if content.lstrip()[:1] == b"<":
        return _validate_xml(content, what)
    document = parse(content, what)
    version = document.get("specVersion")
    _require_version(version, what)
    error = _json_error(content, str(version))
    if error is not None:
        raise CommandError(f"{printable(what, keep='')}: not valid CycloneDX {version}: {error}")
    return str(version)


def _require_version(version: object, what: str) -> None:
    if version not in READABLE:
        raise CommandError(f"{printable(what, keep='')}: CycloneDX {version!r}; known are {', '.join(READABLE)}")


def _json_error(content: bytes, version: str) -> str | None:
    # jsonschema compiles a grammar of IRIs when it is imported, which takes two seconds. The regular expression above
    # says the same of every character that a BOM of ours can hold. CycloneDX's draft of JSON Schema has no durations,
    # for which a library of dates would be imported.
    for grammar in ("rfc3987_syntax", "isoduration"):
        sys.modules.setdefault(grammar, None)  # type: ignore[arg-type]
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator
    from jsonschema.validators import Draft7Validator

    Draft7Validator.FORMAT_CHECKER.checks("iri-reference")(_is_iri_reference)
    Draft7Validator.VALIDATORS.update(uniqueItems=_unique_items, properties=_properties)
    validator = JsonStrictValidator(SchemaVersion.from_version(version))
    _inline(validator._validator.schema)  # the library has no other way to the schema that it read
    found = validator.validate_str(content.decode())
    if found is None:
        return None
    path = getattr(found.data, "json_path", "$")
    return f"{path}: {printable(str(getattr(found.data, 'message', found.data)), keep='')[:300]}"


def _inline(schema: dict[str, Any]) -> None:
    """Put the definitions in the place of references to them: looking each up again is half of a validation's time."""
    definitions, seen = schema["definitions"], set()

    def inlined(node: Any) -> Any:
        reference = node.get("$ref") if isinstance(node, dict) else None
        if isinstance(reference, str) and reference.startswith("#/definitions/"):
            return inlined(definitions[reference.removeprefix("#/definitions/")])
        if isinstance(node, dict | list) and id(node) not in seen:
            seen.add(id(node))
            for key, value in node.items() if isinstance(node, dict) else enumerate(node):
                node[key] = inlined(value)
        return node

    inlined(schema)


def _unique_items(_validator: object, unique: bool, items: object, _schema: object) -> Iterator[Exception]:
    """What jsonschema does by comparing each two items, which takes seconds for a thousand files."""
    from jsonschema.exceptions import ValidationError

    if unique and isinstance(items, list):
        texts = {json.dumps(item, sort_keys=True) for item in items}
        if len(texts) < len(items):
            yield ValidationError(f"{len(items) - len(texts)} items of a list are there twice")


def _properties(validator: Any, properties: dict[str, Any], instance: object, _schema: object) -> Iterator[Exception]:
    """What jsonschema does, but texts, which most values are, need no validator of their own while they are valid."""
    if not isinstance(instance, dict):
        return
    for name, schema in properties.items():
        if name in instance and not _is_valid_text(instance[name], schema):
            yield from validator.descend(instance[name], schema, path=name, schema_path=name)


def _is_valid_text(value: object, schema: Any) -> bool:
    """Whether it is a text of a schema for texts, and keeps to it; False: that is for jsonschema to say."""
    return (
        isinstance(value, str)
        and isinstance(schema, dict)
        and schema.keys() <= _TEXT_KEYWORDS
        and schema.get("type") == "string"
        and value in schema.get("enum", (value,))
        and len(value) >= schema.get("minLength", 0)
        and re.search(schema.get("pattern", ""), value) is not None
    )


def _is_iri_reference(value: object) -> bool:
    return not isinstance(value, str) or _IRI_REFERENCE.fullmatch(value) is not None


def _validate_xml(content: bytes, what: str) -> str:
    found = _XML_VERSION.search(content[:4096])
    if found is None:
        raise CommandError(f"{printable(what, keep='')}: XML, but no CycloneDX document")
    version = found[1].decode()
    _require_version(version, what)
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.xml import XmlValidator

    try:
        error = XmlValidator(SchemaVersion.from_version(version)).validate_str(content.decode())
    except (SyntaxError, UnicodeDecodeError) as problem:
        raise CommandError(f"{printable(what, keep='')}: no XML ({problem})") from None
    if error is not None:
        raise CommandError(f"{printable(what, keep='')}: not valid CycloneDX {version}: {error.data}")
    return version
