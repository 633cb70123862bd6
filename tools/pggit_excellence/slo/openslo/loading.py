"""YAML from strangers: no objects, no growth by aliases, no second meaning of a key, numbers with all their digits."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

import yaml

from pggit_excellence.errors import CommandError

MOST_BYTES = 2**20
# What all aliases together may stand for.
MOST_NODES = 200_000


class Loader(yaml.SafeLoader):
    """Safe values only; a key that comes twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping whose keys are text, each once."""
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be text", key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key.value!r} comes twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def construct_number(loader: Loader, node: yaml.ScalarNode) -> object:
    """A number with a point, as it is written."""
    try:
        return Decimal(str(loader.construct_scalar(node)).replace("_", ""))
    except InvalidOperation:
        return loader.construct_yaml_float(node)


Loader.add_constructor("tag:yaml.org,2002:float", construct_number)


def load_documents(content: bytes, name: str) -> list[object]:
    """The documents of a stream, empty ones left out."""
    if len(content) > MOST_BYTES:
        raise CommandError(f"{name}: larger than {MOST_BYTES // 2**20} MB")
    try:
        found = []
        loader = Loader(content)
        try:
            while loader.check_node() and (node := loader.get_node()):
                refuse_growth(node, name)
                found.append(loader.construct_document(node))
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise CommandError(f"{name}: {reason(error)}") from None
    except (ValueError, OverflowError) as error:
        raise CommandError(f"{name}: a value that is none: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise CommandError(f"{name}: nested too deeply") from None
    return [document for document in found if document is not None]


def reason(error: yaml.YAMLError) -> str:
    """Where and what, in one line."""
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        return f"{where}{' '.join(str(error.problem or error.context).split())}"
    return f"no YAML: {' '.join(str(error).split())}"


def refuse_growth(node: yaml.Node, name: str) -> None:
    """How many values a document has with its aliases written out; one that holds itself has no end."""
    sizes: dict[int, int | None] = {}

    def size(of: yaml.Node) -> int:
        known = sizes.get(id(of), 0)
        if known is None:
            raise CommandError(f"{name}: an alias that holds itself")
        if known:
            return known
        sizes[id(of)] = None
        if isinstance(of, yaml.MappingNode):
            total = 1 + sum(size(key) + size(value) for key, value in of.value)
        elif isinstance(of, yaml.SequenceNode):
            total = 1 + sum(size(value) for value in of.value)
        else:
            total = 1
        sizes[id(of)] = total
        return total

    if size(node) > MOST_NODES:
        raise CommandError(f"{name}: its aliases stand for more than {MOST_NODES:,} values")
