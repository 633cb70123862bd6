"""Lists and dictionaries of a Python body: what their methods and the functions that copy them yield."""

from __future__ import annotations

from pggit_excellence.scan.flow.python_items import NONE, Item
from pggit_excellence.scan.flow.python_texts import element, item_at, merged
from pggit_excellence.scan.values.abstract import EMPTY, Array, Const, Record, Value, alt, as_text, join
from pggit_excellence.scan.values.texts import changed


def concatenated(first: Array, second: Array) -> Array:
    """One list behind the other."""
    if first.items is not None and second.items is not None:
        items = first.items + second.items
        return Array(merged(items) or EMPTY, items)
    return Array(merged([element(array) for array in (first, second) if array.items != ()]) or EMPTY)


def unordered(value: Value) -> Value:
    """The value with the items of each list in any order."""
    if isinstance(value, Array):
        return Array(EMPTY, ()) if value.items == () else Array(unordered(element(value)))
    if isinstance(value, Record):
        return Record(tuple((name, unordered(item)) for name, item in value.fields), value.rest)
    return value


def with_any(record: Record, key: Value | None, item: Value) -> Record:
    """The dictionary with an item whose key is not known, or (no key) with all items of another one."""
    if key is None and isinstance(item, Record) and item.rest is None:
        return Record(tuple({**dict(record.fields), **dict(item.fields)}.items()), record.rest)
    if isinstance(item, Record):
        for name, value in item.fields:
            record = record.put(name, value)
        item = changed(item)
    rest = [as_text(item), *([] if key is None else [as_text(key)]), *([] if record.rest is None else [record.rest])]
    return Record(tuple((name, join(known, item)) for name, known in record.fields), alt(rest))


def same_elements(name: str, values: list[Value]) -> Item:
    """list(x), sorted(x)...: the same elements, in the same order where it is known."""
    if not values:
        return Array(EMPTY, ())
    value = values[-1] if name == "filter" else values[0]
    if isinstance(value, Array) and name in {"list", "tuple", "iter"}:
        return value
    if isinstance(value, Array) and value.items == ():
        return value
    return Array(element(value))


def record_method(record: Record, name: str, values: list[Value]) -> Item:
    """What a method of a dictionary yields that does not change it (of pop() what it takes out)."""
    contents = merged([item for _, item in record.fields] + ([] if record.rest is None else [record.rest]))
    match name:
        case "get" | "pop" if values:
            found = [item_at(record, values[0])] if _has(record, values[0]) else []
            return merged([*found, *values[1:2]]) or NONE
        case "keys":
            return Array(element(record))
        case "values":
            return Array(contents or EMPTY)
        case "items":
            pair = (element(record), contents or EMPTY)
            return Array(Array(merged(pair) or EMPTY, pair))
        case "copy":
            return record
        case _:
            return changed(record, *values)


def _has(record: Record, key: Value) -> bool:
    return not isinstance(key, Const) or record.get(key.text) is not None
