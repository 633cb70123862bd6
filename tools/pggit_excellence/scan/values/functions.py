"""What the server's functions make of their arguments, as far as SQL can be built from it.

`MODELS` is the table; a function that is not in it has a result type in the catalog facts (catalog.py) or is not known.
A model gets a `Call` and returns the result for all run-time arguments; the value of an aggregate's argument stands for
each of its rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pggit_excellence.scan.frozen import dataclass, field, replace
from pggit_excellence.scan.inputs.program import Program
from pggit_excellence.scan.values import regexes
from pggit_excellence.scan.values.abstract import (
    EMPTY,
    Alt,
    Array,
    Const,
    Hole,
    Origin,
    Place,
    Quoting,
    Record,
    Seq,
    Source,
    Star,
    Step,
    Text,
    Value,
    alt,
    choices_of,
    is_constant,
    join,
    join_all,
    seq,
    star,
)
from pggit_excellence.scan.values.formatting import Argument, Formatter, quoted_already, quoted_literal, variadic
from pggit_excellence.scan.values.settings import setting_value
from pggit_excellence.scan.values.sqltypes import Type, cast
from pggit_excellence.scan.values.texts import (
    array_items,
    changed,
    cut,
    each_constant,
    inserted,
    mixed,
    one_hole,
    placed,
    printed,
    representative,
    requote,
    reread,
    substitute,
    trim,
)

Node = dict[str, Any]


@dataclass(slots=True)
class Call:
    """A call: the arguments by position, then what a model may want to know of how they are written.

    `places` are those of the arguments (an empty list where they are not known), `offsets` the place of characters of
    the first argument, `report` takes a rule, a message and a place (None: that of the call).
    """

    name: str
    args: list[Value]
    nodes: list[Node]
    program: Program
    place: Place
    report: Callable[[str, str, Place | None], None]
    places: Callable[[], list[Place]] = list
    offsets: Callable[[int, int], Place | None] = lambda _start, _end: None
    variadic: bool = False
    ordered: list[Value] = field(default_factory=list)

    def text(self, index: int) -> Text:
        """An argument as text; empty where it is not given."""
        return printed(self.args[index]) if index < len(self.args) else EMPTY

    def constant(self, index: int) -> str | None:
        """An argument that is one known text."""
        value = self.args[index] if index < len(self.args) else None
        return value.text if isinstance(value, Const) else None

    def number(self, index: int) -> int | None:
        """An argument that is one known integer."""
        known = self.constant(index)
        return int(known) if known is not None and re.fullmatch(r"\s*[+-]?\d{1,9}\s*", known) else None

    def any(self) -> Text:
        """Text made of all arguments."""
        return mixed(*self.args)

    def null(self, index: int) -> bool:
        """Whether an argument is written as NULL."""
        node = self.nodes[index] if index < len(self.nodes) else {}
        while "TypeCast" in node:
            node = node["TypeCast"]["arg"]
        return bool(node.get("A_Const", {}).get("isnull"))

    def from_server(self, source: Source, type_name: str = "text", quoting: Quoting = Quoting.RAW) -> Hole:
        """Text that the server supplies."""
        name = self.name if source != Source.SESSION or not self.args else f"{self.name}({_written(self.args[0])})"
        path = (Step(self.place, f"{name} is read"),)
        return Hole(quoting, Origin(source, name), type_name, path=path)


Model = Callable[[Call], Value]


def _written(value: Value) -> str:
    return f"'{value.text}'" if isinstance(value, Const) else "..."


# Quoting ------------------------------------------------------------------------------------------------------------


def _quote_ident(call: Call) -> Value:
    text = call.text(0)
    if quoted_already(text):
        call.report("PGX105", f"{call.name}() quotes text again that is quoted already", None)
    return requote(text, Quoting.IDENTIFIER)


def _quote_literal(call: Call) -> Value:
    text = call.text(0)
    if quoted_literal(text):
        call.report("PGX105", f"{call.name}() quotes text again that is a quoted literal already", None)
    if call.name == "quote_nullable" and call.null(0):
        return Const("NULL")
    return requote(text, Quoting.LITERAL)


def _format(call: Call) -> Value:
    given, rest = call.args[1:], None
    places = call.places()
    written = [places[index] if index < len(places) else None for index in range(1, len(call.args))]
    if call.variadic and given:
        more, rest = variadic(given[-1])
        given = [*given[:-1], *more]
        written += [None] * len(given)
    nulls = [call.null(index + 1) for index in range(len(given))]
    arguments = [Argument(value, written[index], nulls[index]) for index, value in enumerate(given)]
    template = call.text(0) if call.args else EMPTY
    return Formatter(arguments, rest, call.report, call.place).format(template, call.offsets)


# Putting texts together ---------------------------------------------------------------------------------------------


def _items(call: Call, first: int) -> list[Text] | None:
    """The arguments from `first` on as texts; None where VARIADIC passes an array that is not known."""
    given = call.args[first:]
    if call.variadic and given:
        more, rest = variadic(given[-1])
        return None if rest is not None else [printed(value) for value in (*given[:-1], *more)]
    texts = [printed(value) for value in given]
    places = call.places() if any(not isinstance(text, Const) for text in texts) else []
    if len(places) != len(call.args):
        return texts
    return [placed(text, place) for text, place in zip(texts, places[first:], strict=True)]


def _concat(call: Call) -> Value:
    items = _items(call, 0)
    return star(changed(*call.args)) if items is None else seq(items)


def _concat_ws(call: Call) -> Value:
    items = _items(call, 1)
    if items is None:
        return _listed(call.args[-1], call.text(0), None)
    return _joined(items, call.text(0))


def _optional(text: Text) -> bool:
    """Whether it can be NULL or empty on purpose (a CASE without ELSE)."""
    return EMPTY in choices_of(text)


def _joined(items: list[Text], separator: Text) -> Text:
    """The items with the separator between them; what can be NULL on purpose is left out together with its separator.

    A hole counts as given: what a NULL parameter leaves out is a separator that the programmer wrote.
    """
    sure = next((index for index, item in enumerate(items) if not _optional(item)), None)
    if sure is None:
        return star(alt([seq([item, separator]) for item in items] + [*items, EMPTY])) if items else EMPTY
    parts: list[Text] = []
    for index, item in enumerate(items):
        whole = item if index == sure else seq([item, separator] if index < sure else [separator, item])
        parts.append(alt([EMPTY, whole]) if _optional(item) else whole)
    return seq(parts)


def _listed(value: Value, separator: Text, null: Text | None) -> Text:
    """array_to_string(): `x (separator x)*` where the elements are not all known."""
    if not isinstance(value, Array):
        return mixed(value, separator)
    if value.items is not None:
        return _joined([_or_null(printed(item), null) for item in value.items], separator)
    return alt([EMPTY, _repeated(_or_null(printed(value.element), null), separator)])


def _or_null(item: Text, null: Text | None) -> Text:
    """An element, or what stands for NULL."""
    known = isinstance(item, Const) and item != EMPTY
    return item if null is None or known else alt([item, null])


def _repeated(element: Text, separator: Text) -> Text:
    return seq([element, star(seq([separator, element]))])


def _array_to_string(call: Call) -> Value:
    return _listed(call.args[0], call.text(1), call.text(2) if len(call.args) > 2 else None)


def _string_agg(call: Call) -> Value:
    return _repeated(call.text(0), call.text(1))


def _repeat(call: Call) -> Value:
    times = call.number(1)
    text = call.text(0)
    if times is not None and times <= 16:
        return seq([text] * max(times, 0))
    return star(text)


# Changing one text --------------------------------------------------------------------------------------------------


def _case(call: Call) -> Value:
    """lower(), upper(), initcap(): quotes stay where they are."""
    exact = {"lower": str.lower, "upper": str.upper, "initcap": _initcap}[call.name]
    whole = call.text(0)

    def change(text: Text) -> Text:
        match text:
            case Const(value):
                found = [exact(value)]
                if call.name == "initcap" and text is not whole:  # it can go on with a word that has begun before it
                    found.append(exact(f"x{value}")[1:])
                text = alt(Const(item, text.place if len(item) == len(value) else None) for item in found)
            case Hole(quoting=quoting) if quoting != Quoting.RAW:
                text = replace(text, derived=True)
            case Seq(parts):
                text = seq(change(part) for part in parts)
            case Alt(choices):
                text = alt(change(choice) for choice in choices)
            case Star(body):
                text = star(change(body))
            case _:
                text = changed(text)
        return text

    return change(whole)


def _initcap(text: str) -> str:
    return re.sub(r"[^\W_]+", lambda match: match.group().capitalize(), text)


def _trim(call: Call) -> Value:
    chars: str | None = " "
    if len(call.args) > 1:
        chars = call.constant(1)
    left, right = call.name != "rtrim", call.name != "ltrim"
    return trim(call.text(0), None if chars is None else frozenset(chars), left, right)


def _less_than_length(call: Call, index: int) -> int | None:
    """N where the argument is written `length(x) - n` of the first argument x."""
    node = call.nodes[index].get("A_Expr", {}) if index < len(call.nodes) else {}
    if node.get("name") != [{"String": {"sval": "-"}}] or "FuncCall" not in node.get("lexpr", {}):
        return None
    function = node["lexpr"]["FuncCall"]
    name = function["funcname"][-1]["String"]["sval"]
    if name not in {"length", "char_length", "character_length"} or len(function.get("args", ())) != 1:
        return None
    written = node["rexpr"].get("A_Const", {}).get("ival")
    return written.get("ival", 0) if written is not None and _same(function["args"][0], call.nodes[0]) else None


def _same(left: Any, right: Any) -> bool:
    """Whether two trees are the same but for their locations."""
    if isinstance(left, dict) and isinstance(right, dict):
        keys = (left.keys() | right.keys()) - {"location"}
        return all(key in left and key in right and _same(left[key], right[key]) for key in keys)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return bool(left == right)


def _left(call: Call) -> Value:
    count = call.number(1)
    if count is not None:
        known = each_constant(call.args[0], lambda text: text[:count])
        if known is not None:
            return known
        if count < 0:
            return cut(call.text(0), -count, at_end=True)
    less = _less_than_length(call, 1)
    return changed(call.args[0]) if less is None else cut(call.text(0), less, at_end=True)


def _right(call: Call) -> Value:
    count = call.number(1)
    if count is not None:
        known = each_constant(call.args[0], lambda text: text[-count:] if count else "")
        if known is not None:
            return known
        if count < 0:
            return cut(call.text(0), -count, at_end=False)
    less = _less_than_length(call, 1)
    return changed(call.args[0]) if less is None else cut(call.text(0), less, at_end=False)


def _substr(call: Call) -> Value:
    start, size = call.number(1), call.number(2)
    if start is None or (size is not None and size < 0):
        return changed(*call.args[:1])
    first = max(start - 1, 0)
    if len(call.args) == 2:
        return cut(call.text(0), first, at_end=False)
    if size is not None:
        last = max(start - 1 + size, 0)
        known = each_constant(call.args[0], lambda text: text[first:last])
        return changed(call.args[0]) if known is None else known
    less = _less_than_length(call, 2)
    if less is None:
        return changed(call.args[0])
    return cut(cut(call.text(0), first, at_end=False), less - (start - 1), at_end=True)


def _replace(call: Call) -> Value:
    search = call.constant(1)
    if search is None or len(call.args) < 3:
        return call.any()
    return substitute(call.text(0), search, call.text(2))


def _translate(call: Call) -> Value:
    old, new = call.constant(1), call.constant(2)
    if old is None or new is None:
        return call.any()
    table = {ord(character): new[index : index + 1] for index, character in reversed(list(enumerate(old)))}
    known = each_constant(call.args[0], lambda text: text.translate(table))
    return inserted(call.text(0), Const(new[: len(old)])) if known is None else known


def _split_part(call: Call) -> Value:
    separator, number = call.constant(1), call.number(2)
    known = None
    if separator and number:
        known = each_constant(call.args[0], lambda text: _part(text.split(separator), number))
    return changed(*call.args[:1]) if known is None else known


def _part(parts: list[str], number: int) -> str:
    index = number - 1 if number > 0 else len(parts) + number
    return parts[index] if 0 <= index < len(parts) else ""


def _reverse(call: Call) -> Value:
    known = each_constant(call.args[0], lambda text: text[::-1])
    return changed(call.args[0]) if known is None else known


def _pad(call: Call) -> Value:
    return changed(call.text(0), call.args[2] if len(call.args) > 2 else Const(" "))


_REFERENCE = re.compile(r"\\[0-9&]")  # in what regexp_replace() puts in: a part of what was there


def _regexp_replace(call: Call) -> Value:
    pattern, insert, flags = call.constant(1), call.constant(2), call.constant(3) or ""
    if pattern is None or insert is None:
        return call.any()
    if len(call.args) <= 4 and regexes.leaves_only_words(pattern, flags) and re.fullmatch(r"\w*", insert, re.ASCII):
        return _computed(call, Quoting.WORD, first_only=True)
    return inserted(call.text(0), Const(_REFERENCE.sub("", insert)))


def _chr(call: Call) -> Value:
    number = call.number(0)
    if number is not None and 0 < number < 0x110000 and not 0xD800 <= number < 0xE000:
        return Const(chr(number))
    made = _computed(call, Quoting.RAW)
    if made.origin.source is Source.CONSTANT:  # a number that is counted: from and to where is not known
        return replace(made, origin=Origin(Source.FUNCTION, "chr()"))
    return made


def _encode(call: Call) -> Value:
    if call.constant(1) == "hex":
        return _computed(call, Quoting.WORD, first_only=True)
    return reread(call.args[0])


def _to_char(call: Call) -> Value:
    """Only quoted text, what a template repeats as it is, TZ and TM put more into it than digits and English names.

    TZ is the time zone's abbreviation, which is any text: SET timezone = '<text>+3'. TM takes the names of months and
    days from lc_time, and some languages write them with an apostrophe.
    """
    template = call.constant(1)
    if template is None:
        return call.any()
    if re.search(r"TZ(?![HM])|TM", template, re.IGNORECASE):
        return _computed(call, Quoting.RAW)
    if re.fullmatch(r"[A-Za-z0-9_:., /-]*", template):
        return _computed(call, Quoting.INERT, first_only=True)
    return call.any()


# Arrays -------------------------------------------------------------------------------------------------------------


def element(value: Value) -> Value:
    """Any element of an array (or of what a raw text is read as)."""
    if isinstance(value, Array):
        return value.element
    return changed(value)


def concat_arrays(left: Value, right: Value) -> Array:
    """The one array behind the other; what is no array is one element."""
    first, second = as_array(left), as_array(right)
    if first.items == ():
        return second
    if second.items == ():
        return first
    items = None if first.items is None or second.items is None else first.items + second.items
    return Array(join(first.element, second.element), items)


def as_array(value: Value) -> Array:
    """The array itself, or the value as the only element."""
    return value if isinstance(value, Array) else Array(value, (value,))


def read_array(value: Value) -> Value:
    """An untyped constant where an array is wanted."""
    if isinstance(value, Const):
        items = array_items(value.text)
        if items is not None:
            return Array(alt(map(Const, items)) if items else EMPTY, tuple(map(Const, items)))
    return value


def _array_append(call: Call) -> Value:
    return concat_arrays(_array_argument(call, 0), as_array(call.args[1]))


def _array_prepend(call: Call) -> Value:
    return concat_arrays(as_array(call.args[0]), _array_argument(call, 1))


def _array_argument(call: Call, index: int) -> Value:
    value = read_array(call.args[index])
    if value == EMPTY:
        return Array(EMPTY, ())
    return value if isinstance(value, Array) else Array(element(value))


def _array_cat(call: Call) -> Value:
    return concat_arrays(_array_argument(call, 0), _array_argument(call, 1))


def _array_agg(call: Call) -> Value:
    value = call.args[0] if call.args else EMPTY
    return value if isinstance(value, Array) else Array(value)


def _array_remove(call: Call) -> Value:
    return Array(element(call.args[0]))


def _array_replace(call: Call) -> Value:
    return Array(join(element(call.args[0]), call.args[2]))


def _split(call: Call) -> Value:
    """string_to_array(), regexp_split_to_array() and kin."""
    separator = call.constant(1)
    literal = call.name == "string_to_array" or (separator is not None and not re.search(r"[^\w ,;:/]", separator))
    known = call.constant(0)
    if separator and literal and known is not None and len(call.args) == 2:
        items = known.split(separator) if known else []
        return Array(alt(map(Const, items)) if items else EMPTY, tuple(map(Const, items)))
    return Array(changed(call.args[0]))


def _unnest(call: Call) -> Value:
    return element(call.args[0])


def _matches(call: Call) -> Value:
    return Array(changed(call.args[0]))


# Documents ----------------------------------------------------------------------------------------------------------


def _build_object(call: Call) -> Value:
    fields: dict[str, Value] = {}
    rest: list[Text] = []
    if call.variadic:
        return Record((), call.any())
    for index in range(0, len(call.args) - 1, 2):
        name, value = call.args[index], call.args[index + 1]
        if isinstance(name, Const):
            fields[name.text] = value
        else:
            rest += [changed(value), changed(name)]
    return object_of(fields, rest)


def object_of(fields: Mapping[str, Value], rest: list[Text]) -> Record:
    """A document of these fields and of others, whose names are not known: one of them may be a name given before."""
    if not rest:
        return Record(tuple(fields.items()))
    other = alt(rest)
    return Record(tuple((name, join(value, other)) for name, value in fields.items()), other)


def _build_array(call: Call) -> Value:
    if call.variadic:
        return Array(element(call.args[-1]))
    return Array(join_all(call.args), tuple(call.args)) if call.args else Array(EMPTY, ())


def _object_agg(call: Call) -> Value:
    return Record((), alt([changed(call.args[0]), changed(*call.args[1:])]))


# Types that a document has without double quotes.
UNQUOTED = frozenset(["bool", "int2", "int4", "int8", "numeric"])


def _to_document(call: Call) -> Value:
    """to_jsonb(), row_to_json(): rows and arrays keep their parts, a text gets double quotes."""
    value = call.args[0] if call.args else EMPTY
    if isinstance(value, Record | Array):
        return value
    number = isinstance(value, Hole) and value.quoting == Quoting.INERT and value.type in UNQUOTED
    if isinstance(value, Hole) and (value.quoting == Quoting.RAW or number):
        return replace(value, derived=True)
    return changed(value, Const('"'))


def field_of(value: Value, key: Value, as_text: bool) -> Value:
    """`value -> key` (`->>` with `as_text`) of a document."""
    if isinstance(value, Record) and isinstance(key, Const):
        found = value.get(key.text)
        found = EMPTY if found is None else found
    elif isinstance(value, Record):  # any of them, or none
        rest = [] if value.rest is None else [value.rest]
        found = join_all([*(item for _, item in value.fields), *rest, EMPTY])
    elif isinstance(value, Array):
        index = key.text if isinstance(key, Const) else ""
        known = value.items if value.items is not None and re.fullmatch(r"\d{1,6}", index) else None
        found = value.element
        if known is not None:
            found = known[int(index)] if int(index) < len(known) else EMPTY
    else:
        return _inside(value)
    if as_text:
        return printed(found)
    return found if isinstance(found, Record | Array) else _inside(found)


def _inside(value: Value) -> Text:
    """Some part of a document."""
    hole = value if isinstance(value, Hole) and value.quoting == Quoting.RAW else None
    return changed(value) if hole is None else replace(hole, derived=True)


def follow(value: Value, keys: Value, as_text: bool) -> Value:
    """`value #> keys` and `#>>`."""
    path = read_array(keys)
    if not isinstance(path, Array) or path.items is None:
        return _inside(value)
    if not path.items:
        return printed(value)
    for key in path.items[:-1]:
        value = field_of(value, key, as_text=False)
    return field_of(value, path.items[-1], as_text)


def _extract_path(call: Call) -> Value:
    keys = call.args[-1] if call.variadic else Array(join_all(call.args[1:]), tuple(call.args[1:]))
    return follow(call.args[0], keys, call.name.endswith("_text"))


def _document_set(call: Call) -> Value:
    target, path = call.args[0], read_array(call.args[1])
    if isinstance(target, Record) and isinstance(path, Array) and path.items is not None and len(path.items) == 1:
        key = path.items[0]
        if isinstance(key, Const):
            return target.put(key.text, join(target.get(key.text) or EMPTY, call.args[2]))
    return Record((), call.any())


def merge(left: Value, right: Value) -> Record:
    """`left || right` of documents of which one at least is known."""
    base = left if isinstance(left, Record) else Record((), changed(left))
    if not isinstance(right, Record):
        rest = changed(base, right)
        return Record(tuple((name, join(item, changed(right))) for name, item in base.fields), rest)
    fields = dict(base.fields)
    for name, item in right.fields:
        fields[name] = item if right.rest is None else join(item, right.rest)
    rests = [rest for rest in (base.rest, right.rest) if rest is not None]
    return Record(tuple(fields.items()), alt(rests) if rests else None)


def _element_rows(call: Call) -> Value:
    value = call.args[0] if call.args else EMPTY
    if isinstance(value, Array):
        return printed(value.element) if call.name.endswith("_text") else value.element
    return _inside(value)


def _keys(call: Call) -> Value:
    value = call.args[0] if call.args else EMPTY
    if isinstance(value, Record):
        names: list[Text] = [Const(name) for name, _ in value.fields]
        return alt(names + ([value.rest] if value.rest is not None else [])) if names or value.rest else EMPTY
    return _inside(value)


# What the server knows ----------------------------------------------------------------------------------------------


def _server(source: Source, type_name: str = "text", quoting: Quoting = Quoting.RAW) -> Model:
    return lambda call: call.from_server(source, type_name, quoting)


def _current_setting(call: Call) -> Value:
    read = call.from_server(Source.SESSION)
    return setting_value(call.constant(0) or "", read.origin, read.path)


def _current_schemas(call: Call) -> Value:
    return Array(call.from_server(Source.CATALOG, "name"))


def _set_config(call: Call) -> Value:
    return changed(call.args[1]) if len(call.args) > 1 and not is_constant(call.args[1]) else call.text(1)


# Shapes that many functions share -----------------------------------------------------------------------------------


def _first(call: Call) -> Value:
    return call.args[0] if call.args else EMPTY


def _lag(call: Call) -> Value:
    return join(call.args[0], call.args[2]) if len(call.args) > 2 else _first(call)


def _ordered(call: Call) -> Value:
    return join_all(call.ordered) if call.ordered else _first(call)


def _made_of(call: Call) -> Value:
    return call.any()


def _part_of_first(call: Call) -> Value:
    return changed(*call.args[:1])


def _decoded(call: Call) -> Value:
    return reread(call.args[0])


def _computed(call: Call, quoting: Quoting, first_only: bool = False) -> Hole:
    """A text that is computed from the arguments and has none of their characters."""
    given = call.args[:1] if first_only else call.args
    if representative(Array(EMPTY, tuple(given))) is None:
        return Hole(quoting, Origin(Source.FUNCTION, call.name), "text", derived=True)
    return replace(one_hole(Array(EMPTY, tuple(given)), quoting, "text"), derived=True)


def _hole(quoting: Quoting) -> Model:
    return lambda call: _computed(call, quoting)


def _cast(type_name: str) -> Model:
    return lambda call: cast(_first(call), Type(type_name), call.program)


_WORD, _INERT = _hole(Quoting.WORD), _hole(Quoting.INERT)


def _names(model: Model, names: str) -> dict[str, Model]:
    return dict.fromkeys(names.split(), model)


MODELS: dict[str, Model] = {
    "quote_ident": _quote_ident,
    "format": _format,
    "concat": _concat,
    "concat_ws": _concat_ws,
    "array_to_string": _array_to_string,
    "string_agg": _string_agg,
    "repeat": _repeat,
    "left": _left,
    "right": _right,
    "replace": _replace,
    "translate": _translate,
    "split_part": _split_part,
    "reverse": _reverse,
    "regexp_replace": _regexp_replace,
    "chr": _chr,
    "encode": _encode,
    "to_char": _to_char,
    "array_append": _array_append,
    "array_prepend": _array_prepend,
    "array_cat": _array_cat,
    "array_replace": _array_replace,
    "current_setting": _current_setting,
    "current_schemas": _current_schemas,
    "set_config": _set_config,
    **_names(_quote_literal, "quote_literal quote_nullable"),
    **_names(_case, "lower upper initcap"),
    **_names(_trim, "btrim ltrim rtrim"),
    **_names(_substr, "substr substring"),
    **_names(_pad, "lpad rpad"),
    **_names(_array_agg, "array_agg json_agg jsonb_agg json_agg_strict jsonb_agg_strict"),
    **_names(_array_remove, "array_remove trim_array array_sort array_reverse array_shuffle array_sample"),
    **_names(lambda call: Array(_first(call)), "array_fill"),
    **_names(_split, "string_to_array regexp_split_to_array"),
    **_names(lambda call: element(_split(call)), "string_to_table regexp_split_to_table"),
    **_names(_unnest, "unnest"),
    **_names(_matches, "regexp_match regexp_matches parse_ident"),
    **_names(_build_object, "json_build_object jsonb_build_object"),
    **_names(_build_array, "json_build_array jsonb_build_array"),
    **_names(_object_agg, "json_object_agg jsonb_object_agg json_object jsonb_object"),
    **_names(
        _object_agg, "json_object_agg_strict jsonb_object_agg_strict json_object_agg_unique jsonb_object_agg_unique"
    ),
    **_names(_to_document, "to_json to_jsonb row_to_json array_to_json"),
    **_names(_extract_path, "json_extract_path json_extract_path_text jsonb_extract_path jsonb_extract_path_text"),
    **_names(_document_set, "jsonb_set"),
    **_names(_element_rows, "json_array_elements json_array_elements_text"),
    **_names(_element_rows, "jsonb_array_elements jsonb_array_elements_text"),
    **_names(_keys, "json_object_keys jsonb_object_keys"),
    **_names(_first, "json_strip_nulls jsonb_strip_nulls max min any_value first_value last_value nth_value"),
    **_names(_first, "text varchar bpchar json_serialize"),
    **_names(_lag, "lag lead"),
    **_names(_ordered, "mode percentile_disc percentile_cont"),
    **_names(_cast("name"), "name"),
    **_names(_WORD, "md5 to_hex to_oct to_bin"),
    "count": lambda call: replace(_computed(call, Quoting.INERT), type="int8"),
    **_names(_INERT, "gen_random_uuid uuid_generate_v1 uuid_generate_v1mc uuid_generate_v3 uuid_generate_v4"),
    **_names(_INERT, "uuid_generate_v5 uuidv4 uuidv7 host pg_size_pretty pg_export_snapshot"),
    **_names(_made_of, "overlay jsonb_insert jsonb_set_lax xmlconcat json_populate_record jsonb_populate_record"),
    **_names(_part_of_first, "regexp_substr jsonb_pretty"),
    **_names(_decoded, "normalize unistr convert convert_from convert_to decode to_ascii json_scalar"),
    **_names(_part_of_first, "xml_text sha224 sha256 sha384 sha512"),
    **_names(_part_of_first, "xmlcomment"),
    # The document, the path or the variables of the path can be what comes out.
    **_names(_made_of, "json_value json_query jsonb_path_query jsonb_path_query_first jsonb_path_query_array"),
    "xpath": lambda call: Array(changed(*call.args[1:2])),
    **_names(_server(Source.CONSTANT, quoting=Quoting.FIXED), "version pg_encoding_to_char getdatabaseencoding"),
    **_names(_server(Source.SESSION), "current_query inet_client_addr application_name"),
    **_names(_server(Source.SESSION, "name"), "current_user session_user user current_role"),
    **_names(_server(Source.SESSION, "name"), "current_schema current_database current_catalog"),
    **_names(_server(Source.CATALOG, "name"), "pg_get_userbyid"),
    **_names(_server(Source.CATALOG), "obj_description col_description shobj_description pg_describe_object"),
    **_names(_server(Source.CATALOG, quoting=Quoting.QUALIFIED), "format_type pg_get_serial_sequence"),
    **_names(
        _server(Source.CATALOG, quoting=Quoting.SQL),
        """pg_get_viewdef pg_get_functiondef pg_get_indexdef pg_get_constraintdef pg_get_triggerdef pg_get_ruledef
        pg_get_expr pg_get_partkeydef pg_get_function_arguments pg_get_function_identity_arguments
        pg_get_function_result pg_get_function_arg_default pg_get_statisticsobjdef pg_get_partition_constraintdef
        pg_get_function_sqlbody pg_get_statisticsobjdef_columns""",
    ),
}
