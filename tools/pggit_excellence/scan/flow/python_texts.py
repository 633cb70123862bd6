"""Abstract values of Python's text operations: `%`, format(), f-strings, join(), and the methods of str."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from string import Formatter

from pggit_excellence.scan.frozen import replace
from pggit_excellence.scan.values.abstract import (
    EMPTY,
    Alt,
    Array,
    Const,
    Hole,
    Origin,
    Quoting,
    Record,
    Ref,
    Source,
    Text,
    Value,
    alt,
    as_text,
    holes,
    is_constant,
    join,
    map_leaves,
    seq,
    star,
)
from pggit_excellence.scan.values.texts import changed, each_constant, printed, substitute

_PERCENT = re.compile(r"%(?:\(([^()]*)\))?[#0\- +]*(?:\*|\d+)?(?:\.(?:\*|\d+))?[hlL]?([a-zA-Z%])")
_PLAIN_PERCENT = re.compile(r"%(?:\([^()]*\))?[sdi%]")
_FIELD = re.compile(r"(\w*)((?:\.\w+|\[[^]]*\])*)")
_NUMBERS = set("diouxXeEfFgG")
# Format specifications that raise for a str, and those that put nothing but blanks and digits beside a value.
_NUMBER_SPEC = re.compile(r"[-+ #0-9.,_<>=^]*[bdoxXeEfFgG%]")
_PLAIN_SPEC = re.compile(r"[ 0]?[<>=^]?[-+ ]?#?0?\d*[,_]?(?:\.\d+)?[sn]?")
# Methods whose result for a constant is computed.
EXACT: dict[str, Callable[[str], str]] = {
    "lower": str.lower,
    "upper": str.upper,
    "strip": str.strip,
    "lstrip": str.lstrip,
    "rstrip": str.rstrip,
    "title": str.title,
    "capitalize": str.capitalize,
    "casefold": str.casefold,
}
TESTS = {"startswith", "endswith", "isdigit", "isdecimal", "isalpha", "isalnum", "isidentifier", "isnumeric", "find",
         "index", "count", "isupper", "islower", "isspace", "__len__", "nrows", "status"}  # fmt: skip


def unknown(name: str, source: Source = Source.UNKNOWN) -> Hole:
    """Text of which nothing is known."""
    return Hole(Quoting.RAW, Origin(source, name))


def number(*values: Value) -> Text:
    """A number made of the values, whatever they are."""
    known = next((hole for value in values for hole in holes(value)), None)
    origin = known.origin if known else Origin(Source.CONSTANT, "a number")
    return Hole(Quoting.INERT, origin, "numeric", derived=True, path=known.path if known else ())


def is_inert(value: Value) -> bool:
    """Whether neither a quote nor a statement can be in it, and it is more than constants."""
    return not is_constant(value) and all(hole.quoting in {Quoting.INERT, Quoting.WORD} for hole in holes(value))


def is_number(value: Value) -> bool:
    """Whether it is nothing but a number."""
    if isinstance(value, Alt):
        return all(map(is_number, value.choices))
    if isinstance(value, Const):
        return bool(re.fullmatch(r"-?\d+(?:\.\d+)?", value.text))
    return isinstance(value, Hole) and value.quoting == Quoting.INERT


def element(value: Value) -> Value:
    """Any element of an array, key of a dictionary, or character of a text."""
    match value:
        case Array(_, items) if items:
            found = items[0]
            for item in items[1:]:
                found = join(found, item)
            return found
        case Array(inside):
            return inside
        case Record(fields, rest):
            names: list[Text] = [Const(name) for name, _ in fields]
            return alt(names + ([changed(rest)] if rest is not None else [])) if names or rest is not None else EMPTY
        case _:
            return changed(value)


def item_at(value: Value, key: Value) -> Value:
    """value[key] with a known or unknown key."""
    if isinstance(value, Record):
        return _field(value, key)
    if isinstance(value, Array):
        if isinstance(key, Const) and value.items is not None and re.fullmatch(r"-?\d{1,9}", key.text):
            index = int(key.text)
            if -len(value.items) <= index < len(value.items):
                return value.items[index]
        return element(value)
    return changed(value)


def _field(record: Record, key: Value) -> Value:
    if isinstance(key, Const):
        found = record.get(key.text)
        if isinstance(found, Hole) and found.origin.source == Source.TABLE and not found.origin.column:
            return replace(found, origin=replace(found.origin, name=key.text, column=key.text))
        return unknown(f"[{key.text!r}]") if found is None else found
    values = [item for _, item in record.fields] + ([] if record.rest is None else [record.rest])
    found = None
    for item in values:
        found = item if found is None else join(found, item)
    return unknown("an element") if found is None else found


def joined(separator: Text, values: Value) -> Text:
    """separator.join(values)."""
    if isinstance(values, Array) and values.items is not None:
        parts: list[Text] = []
        for index, item in enumerate(values.items):
            parts += [separator, printed(item)] if index else [printed(item)]
        return seq(parts)
    item = printed(element(values))
    return alt([EMPTY, seq([item, star(seq([separator, item]))])])


def percent(template: Value, arguments: Value) -> Text:
    """The result of template % arguments; a tuple is an Array with known items."""
    if not isinstance(template, Const):
        choices = getattr(template, "choices", None)
        if choices and all(isinstance(choice, Const) for choice in choices):
            return alt(percent(choice, arguments) for choice in choices)
        return changed(template, arguments)
    given_width = any("*" in found.group() for found in _PERCENT.finditer(template.text))
    if given_width or "%" in _PERCENT.sub("", template.text):
        return changed(template, arguments)
    parts: list[Text] = []
    at, count = 0, 0
    for found in _PERCENT.finditer(template.text):
        name, kind = found.groups()
        parts.append(Const(template.text[at : found.start()]))
        at = found.end()
        if kind == "%":
            parts.append(Const("%"))
            continue
        value = _argument(arguments, name, count)
        count += 1
        parts.append(_converted(value, kind, plain=bool(_PLAIN_PERCENT.fullmatch(found.group()))))
    return seq([*parts, Const(template.text[at:])])


def _argument(arguments: Value, name: str | None, count: int) -> Value:
    if name is not None:
        return item_at(arguments, Const(name))
    if isinstance(arguments, Array):
        return item_at(arguments, Const(str(count)))
    return arguments


def _converted(value: Value, kind: str, *, plain: bool) -> Text:
    if kind in _NUMBERS:
        return number(value)
    if kind == "s":
        return printed(value) if plain or is_inert(value) else changed(value)
    return anything_of(changed(value)) if kind == "c" else _quoted_by_python(value)


def formatted(value: Value, conversion: str, specification: Text) -> Text:
    """format(value, specification) after !r, !s or !a."""
    if conversion in {"r", "a"}:
        return _quoted_by_python(value)
    if specification == EMPTY:
        return printed(value)
    if isinstance(specification, Const) and is_inert(value) and _PLAIN_SPEC.fullmatch(specification.text):
        return printed(value)
    if isinstance(specification, Const) and _NUMBER_SPEC.fullmatch(specification.text):
        return number(value)
    return anything_of(changed(value, specification))


def anything_of(value: Text) -> Text:
    """Text made of the value in any way: each character of a word or a number can become any other."""
    return value if is_constant(value) else changed(as_text(map_leaves(value, _any_text)))


def _any_text(leaf: Const | Hole | Ref) -> Text:
    return replace(leaf, quoting=Quoting.RAW, derived=True) if isinstance(leaf, Hole) else leaf


def _quoted_by_python(value: Value) -> Text:
    """repr(): in quotes that a text can leave; what is nothing but a number has none."""
    return as_text(value) if is_number(value) else changed(Const("'"), value)


def brace_format(template: Value, positional: Sequence[Value], named: Mapping[str, Value], rest: Value | None) -> Text:
    """template.format(...); `rest` stands for arguments that are not known one by one."""
    if not isinstance(template, Const):
        return changed(template, *positional, *named.values(), *([rest] if rest is not None else []))
    try:
        pieces = list(Formatter().parse(template.text))
    except ValueError:
        return unknown("a template that format() refuses")
    parts: list[Text] = []
    count = 0
    for literal, name, specification, conversion in pieces:
        parts.append(Const(literal))
        if name is None:
            continue
        found = _FIELD.fullmatch(name)
        if found is None or "{" in (specification or ""):
            return changed(template, *positional, *named.values())
        key = found.group(1) or str(count)
        count += not found.group(1)
        value = _named(key, positional, named, rest)
        for step in re.findall(r"\.(\w+)|\[([^]]*)\]", found.group(2)):
            value = changed(value) if step[0] else item_at(value, Const(step[1]))
        parts.append(formatted(value, conversion or "", Const(specification or "")))
    return seq(parts)


def _named(key: str, positional: Sequence[Value], named: Mapping[str, Value], rest: Value | None) -> Value:
    if key.isdigit() and int(key) < len(positional):
        return positional[int(key)]
    if key in named:
        return named[key]
    if isinstance(rest, Record):
        return item_at(rest, Const(key))
    return unknown(f"{{{key}}}") if rest is None else element(rest)


# Methods that leave words and numbers what they are.
_KEEPING = {"swapcase", "split", "rsplit", "splitlines", "partition", "rpartition", "removeprefix", "removesuffix",
            "zfill", "strip", "lstrip", "rstrip", *EXACT}  # fmt: skip


def method(text: Text, name: str, arguments: Sequence[Value]) -> Value:
    """text.name(*arguments) of a str; text made of all of them where the method is not known."""
    if name in EXACT and not arguments:
        exact = each_constant(text, EXACT[name])
        return changed(text) if exact is None else exact
    if name == "join" and len(arguments) == 1:
        return joined(text, arguments[0])
    if name == "replace" and len(arguments) >= 2 and isinstance(arguments[0], Const):
        return substitute(text, arguments[0].text, as_text(arguments[1]))
    if name in TESTS:
        return number(text)
    made = changed(text, *arguments)
    result = made if name in _KEEPING and all(map(is_constant, arguments)) else anything_of(made)
    return Array(result) if name in {"split", "rsplit", "splitlines", "partition", "rpartition"} else result


def merged(values: Iterable[Value]) -> Value | None:
    """What the value can be when it is one of these; None where there are none. An empty list has no element."""
    found: Value | None = None
    for value in values:
        if found is None or found == value:
            found = value
        elif isinstance(found, Array) and isinstance(value, Array) and () in (found.items, value.items):
            found = Array(element(value if found.items == () else found))
        else:
            found = join(found, value)
    return found
