"""What a condition proves of the variables in it: `IF kind NOT IN ('a', 'b') THEN RAISE`, `name ~ '^[a-z_]+$'`.

Conditions have three outcomes, and NULL passes every `IF ... THEN RAISE`. Therefore a guard that leaves says of what
goes on that its condition was NOT TRUE: `kind` is one of the two, or NULL; but with a NULL in the list, or an array
that can be NULL, it says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

from pggit_excellence.scan.frozen import dataclass, field, replace
from pggit_excellence.scan.inputs.program import Name, Program
from pggit_excellence.scan.values import patterns
from pggit_excellence.scan.values.abstract import (
    EMPTY,
    Array,
    Const,
    Hole,
    Origin,
    Place,
    Quoting,
    Source,
    Text,
    Value,
    alt,
    choices_of,
    holes,
    is_constant,
    join_all,
    leaves,
    seq,
    star,
)
from pggit_excellence.scan.values.catalog import catalog
from pggit_excellence.scan.values.functions import MODELS
from pggit_excellence.scan.values.scope import Scope, Truth
from pggit_excellence.scan.values.texts import array_items, representative

Node = dict[str, Any]
Names = tuple[str, ...]
Evaluate = Callable[[Node, Scope], Value]
Refinements = dict[Names, Value]
Key = TypeVar("Key")

_HARMLESS = {Quoting.INERT, Quoting.WORD, Quoting.FIXED}
# Types whose = compares the text itself. citext ignores case, which changes no word into anything else.
_TEXTS = re.compile(
    r'(?:pg_catalog\.)?(?:text|varchar|character varying|char|character|bpchar|name|"char"|citext|public\.citext)'
    r"(?:\s*\(\s*\d+\s*\))?",
)


_NEGATED = {
    Truth.TRUE: Truth.FALSE,
    Truth.FALSE: Truth.TRUE,
    Truth.NOT_TRUE: Truth.NOT_FALSE,
    Truth.NOT_FALSE: Truth.NOT_TRUE,
}
_HOLDS = {Truth.TRUE, Truth.NOT_FALSE}


@dataclass(slots=True)
class NarrowedScope:
    """A scope in which some variables hold less, for what a condition guards."""

    inner: Scope
    narrowed: Mapping[Names, Value]
    program: Program = field(init=False)
    sinks: Mapping[str, tuple[int, ...]] = field(init=False)

    def __post_init__(self) -> None:
        """What no guard narrows."""
        self.program, self.sinks = self.inner.program, self.inner.sinks

    def place(self, start: int, end: int) -> Place:
        """As in the scope within."""
        return self.inner.place(start, end)

    def variable(self, names: Names) -> Value | None:
        """The narrowed value, else as in the scope within."""
        return self.narrowed[names] if names in self.narrowed else self.inner.variable(names)

    def variable_type(self, names: Names) -> str:
        """As in the scope within."""
        return self.inner.variable_type(names)

    def call(self, name: Name, arguments: list[Value], named: dict[str, Value], place: Place) -> Value | None:
        """As in the scope within."""
        return self.inner.call(name, arguments, named, place)

    def answers(self, name: Name, arguments: list[Value], truth: Truth, given: frozenset[int]) -> Mapping[int, Value]:
        """As in the scope within."""
        return self.inner.answers(name, arguments, truth, given)

    def tested(self, names: Names, truth: Truth) -> Mapping[Names, Value]:
        """As in the scope within."""
        return self.inner.tested(names, truth)

    def is_given(self, names: Names) -> bool:
        """As in the scope within."""
        return self.inner.is_given(names)

    def sink(self, kind: str, statement: Value, place: Place) -> None:
        """As in the scope within."""
        self.inner.sink(kind, statement, place)

    def report(self, rule: str, message: str, place: Place) -> None:
        """As in the scope within."""
        self.inner.report(rule, message, place)


def refinements(node: Node, scope: Scope, truth: Truth, evaluate: Evaluate) -> Refinements:
    """What the variables hold once the condition's outcome is known; only those of which it proves something."""
    (kind, body), *_ = node.items()
    if kind == "BoolExpr":
        return _boolean(body, scope, truth, evaluate)
    if kind == "BooleanTest":
        inner = _TESTS.get((body["booltesttype"], truth))
        return refinements(body["arg"], scope, inner, evaluate) if inner else {}
    if kind == "CoalesceExpr":
        return _coalesce(body, scope, truth, evaluate)
    if kind == "CaseExpr" and "arg" not in body:
        return _case(body, scope, truth, evaluate)
    compared = _with_constant(body) if kind == "A_Expr" else None
    if compared is not None:
        condition, same = compared
        return refinements(condition, scope, truth if same else _NEGATED[truth], evaluate)
    return _Leaf(scope, truth, evaluate).refine(kind, body)


def _with_constant(body: Node) -> tuple[Node, bool] | None:
    """`condition = true`, `condition <> false`...: the condition, and whether it is the same or its opposite."""
    *schema, name = (item["String"]["sval"] for item in body["name"])
    if body["kind"] != "AEXPR_OP" or name not in {"=", "<>", "!="} or schema not in ([], ["pg_catalog"]):
        return None
    for condition, constant in ((body.get("lexpr"), body["rexpr"]), (body["rexpr"], body.get("lexpr"))):
        value = (constant or {}).get("A_Const", {}).get("boolval")
        if condition is not None and value is not None:
            return condition, (name == "=") == bool(value.get("boolval"))
    return None


def equals(node: Node, values: list[Node], scope: Scope, evaluate: Evaluate) -> Refinements:
    """CASE node WHEN values: the variable is one of these."""
    return _Leaf(scope, Truth.TRUE, evaluate).one_of(node, [evaluate(value, scope) for value in values])


_TESTS = {
    ("IS_TRUE", Truth.TRUE): Truth.TRUE,
    ("IS_TRUE", Truth.NOT_FALSE): Truth.TRUE,
    ("IS_TRUE", Truth.FALSE): Truth.NOT_TRUE,
    ("IS_TRUE", Truth.NOT_TRUE): Truth.NOT_TRUE,
    ("IS_NOT_TRUE", Truth.TRUE): Truth.NOT_TRUE,
    ("IS_NOT_TRUE", Truth.NOT_FALSE): Truth.NOT_TRUE,
    ("IS_NOT_TRUE", Truth.FALSE): Truth.TRUE,
    ("IS_NOT_TRUE", Truth.NOT_TRUE): Truth.TRUE,
    ("IS_FALSE", Truth.TRUE): Truth.FALSE,
    ("IS_FALSE", Truth.NOT_FALSE): Truth.FALSE,
    ("IS_FALSE", Truth.FALSE): Truth.NOT_FALSE,
    ("IS_FALSE", Truth.NOT_TRUE): Truth.NOT_FALSE,
    ("IS_NOT_FALSE", Truth.TRUE): Truth.NOT_FALSE,
    ("IS_NOT_FALSE", Truth.NOT_FALSE): Truth.NOT_FALSE,
    ("IS_NOT_FALSE", Truth.FALSE): Truth.FALSE,
    ("IS_NOT_FALSE", Truth.NOT_TRUE): Truth.FALSE,
}


def _boolean(body: Node, scope: Scope, truth: Truth, evaluate: Evaluate) -> Refinements:
    arguments = body["args"]
    if body["boolop"] == "NOT_EXPR":
        return refinements(arguments[0], scope, _NEGATED[truth], evaluate)
    if (body["boolop"] == "AND_EXPR") == (truth in _HOLDS):
        found: Refinements = {}
        for argument in arguments:  # each of them has that outcome
            found.update(refinements(argument, NarrowedScope(scope, dict(found)), truth, evaluate))
        return found
    return agreed([refinements(argument, scope, truth, evaluate) for argument in arguments])


def agreed(every: Sequence[Mapping[Key, Value]]) -> dict[Key, Value]:
    """What is proved where one of these is: of a variable of which each proves something, any of that."""
    common = set(every[0]).intersection(*every) if every else ()
    return {names: join_all(one[names] for one in every) for names in common}


def _coalesce(body: Node, scope: Scope, truth: Truth, evaluate: Evaluate) -> Refinements:
    """COALESCE(condition, false) is true only where the condition is, and false where it is not true; likewise true."""
    first, *rest = body["args"]
    if len(rest) == 1 and "A_Const" in rest[0] and "boolval" in rest[0]["A_Const"]:
        default = rest[0]["A_Const"]["boolval"].get("boolval", False)
        if truth in _HOLDS:
            return refinements(first, scope, Truth.NOT_FALSE if default else Truth.TRUE, evaluate)
        return refinements(first, scope, Truth.FALSE if default else Truth.NOT_TRUE, evaluate)
    return {}


def _case(body: Node, scope: Scope, truth: Truth, evaluate: Evaluate) -> Refinements:
    """CASE WHEN condition THEN result: what each way proves that can have that outcome."""
    ways: list[Refinements] = []
    before: Refinements = {}
    for branch in body["args"]:
        when, result = branch["CaseWhen"]["expr"], branch["CaseWhen"]["result"]
        scope_here = NarrowedScope(scope, dict(before))
        ways += _way({**before, **refinements(when, scope_here, Truth.TRUE, evaluate)}, result, scope, truth, evaluate)
        before.update(refinements(when, scope_here, Truth.NOT_TRUE, evaluate))
    ways += _way(before, body.get("defresult", _NULL), scope, truth, evaluate)
    return agreed(ways)


def _way(before: Refinements, result: Node, scope: Scope, truth: Truth, evaluate: Evaluate) -> list[Refinements]:
    if not is_possible(result, truth):
        return []
    return [{**before, **refinements(result, NarrowedScope(scope, before), truth, evaluate)}]


def is_possible(node: Node, truth: Truth) -> bool:
    """Whether the condition can have that outcome; a constant has one alone."""
    while "TypeCast" in node:
        node = node["TypeCast"]["arg"]
    constant = node.get("A_Const")
    if constant is None or not ("boolval" in constant or constant.get("isnull")):
        return True
    if constant.get("isnull"):
        return truth in {Truth.NOT_TRUE, Truth.NOT_FALSE}
    return (truth in _HOLDS) == bool(constant["boolval"].get("boolval"))


_NULL: Node = {"A_Const": {"isnull": True}}


@dataclass(slots=True)
class _Leaf:
    """One comparison or test."""

    scope: Scope
    truth: Truth
    evaluate: Evaluate

    def refine(self, kind: str, body: Node) -> Refinements:
        """What it proves."""
        names = _variable_of({kind: body}) if kind in {"ColumnRef", "ParamRef"} else None
        if names is not None:
            return dict(self.scope.tested(names, self.truth))
        if kind == "NullTest":
            return self._null_test(body)
        if kind == "SubLink":
            return self._subquery(body)
        if kind == "A_Expr":
            return self._operator(body)
        if kind == "FuncCall":
            return self._answer(body)
        return {}

    def _answer(self, call: Node) -> Refinements:
        """`is_valid(x)`: what a scanned function has seen of x where that is its answer."""
        arguments = call.get("args", [])
        if set(call) - _PLAIN_CALL or any("NamedArgExpr" in argument for argument in arguments):
            return {}
        *schema, name = (item["String"]["sval"] for item in call["funcname"])
        if _is_server(call, {"regexp_like"}) and len(arguments) == 2 and self.truth in _HOLDS:
            return self._pattern(*arguments)
        if not schema and name in catalog().results:  # the server's own is meant
            return {}
        values = [self.evaluate(argument, self.scope) for argument in arguments]
        given = given_constants(arguments, values, self.scope)
        answers = self.scope.answers((schema[-1] if schema else "", name), values, self.truth, given)
        variables = {index: _variable_of(arguments[index]) for index in answers if index < len(arguments)}
        return {
            names: answers[index] for index, names in variables.items() if names is not None and self._comparable(names)
        }

    def _found(self, call: Node) -> Refinements:
        """`array_position(constants, x) IS NOT NULL`, `regexp_match(x, '^[a-z]+$') IS NOT NULL`."""
        arguments = call.get("args", [])
        certain = replace(self, truth=Truth.TRUE)  # IS NOT NULL is never NULL itself
        if len(arguments) != 2 or set(call) - _PLAIN_CALL:
            return {}
        if _is_server(call, {"array_position"}):
            return certain._elements(arguments[1], arguments[0])
        return certain._pattern(*arguments) if _is_server(call, {"regexp_match"}) else {}

    def _null_test(self, body: Node) -> Refinements:
        """A row `IS NOT NULL` only if every field is; that it is not says nothing of each."""
        is_null = body["nulltesttype"] == "IS_NULL"
        if "FuncCall" in body["arg"] and is_null != (self.truth in _HOLDS):
            return self._found(body["arg"]["FuncCall"])
        nullif = body["arg"].get("A_Expr", {})
        if nullif.get("kind") == "AEXPR_NULLIF" and _is_empty_text(nullif["rexpr"]):
            return self._nothing(nullif["lexpr"]) if is_null == (self.truth in _HOLDS) else {}
        names = _variable_of(body["arg"])
        if is_null != (self.truth in _HOLDS) or not names or self.scope.variable(names) is None:
            return {}
        return {names: EMPTY} if is_null or self._is_text(names) else {}

    def _operator(self, body: Node) -> Refinements:
        *schema, name = (item["String"]["sval"] for item in body["name"])
        kind, holds = body["kind"], self.truth in _HOLDS
        left, right = body.get("lexpr"), body["rexpr"]
        if left is None or schema not in ([], ["pg_catalog"]):
            return {}
        if kind in {"AEXPR_DISTINCT", "AEXPR_NOT_DISTINCT"}:
            same = (kind == "AEXPR_NOT_DISTINCT") == holds
            return replace(self, truth=Truth.TRUE)._equal(left, right) if same else {}
        if kind == "AEXPR_IN" and (name == "=") == holds:
            return self._items(left, right["List"]["items"])
        if kind == "AEXPR_SIMILAR" and (name == "~") == holds:
            return self._similar(left, right)
        if (kind, name, holds) in _ARRAY_FORMS:
            return self._elements(left, right)
        return self._comparison(name, left, right) if kind == "AEXPR_OP" else {}

    def _comparison(self, name: str, left: Node, right: Node) -> Refinements:
        """An operator between two values."""
        holds = self.truth in _HOLDS
        if (name, holds) in _NOT_LONGER and _is_length(_with_default(left)[0]) and _is_zero(right):
            return self._nothing(_with_default(left)[0])
        if name in {"=", "<>", "!="}:
            return self._equal(left, right) if (name == "=") == holds else {}
        if name in {"@>", "<@"} and holds:
            return self._contained(left, right) if name == "@>" else self._contained(right, left)
        if name in {"~", "!~", "~*", "!~*"} and name.startswith("~") == holds:
            return self._pattern(left, right)
        return {}

    def _equal(self, left: Node, right: Node) -> Refinements:
        for one, other in ((left, right), (right, left)):
            if _is_empty_text(other):
                return self._nothing(one)
            if _target(_with_default(one)[0])[0]:
                found = self._word_of_itself(one, other) or self._items(one, [other])
                if found:
                    return found
        return {}

    def _nothing(self, left: Node) -> Refinements:
        """`x = ''` holds, or is NULL: in both cases nothing stands there; with trim(x) blanks at most."""
        found: Text = EMPTY
        left = _with_default(left)[0]
        call = left.get("FuncCall", {})
        if call and call["funcname"][-1]["String"]["sval"] in _EMPTY_ONLY_OF_EMPTY:
            left = call["args"][0]
        elif _is_server(call, _TRIMS) and len(call["args"]) == 1:
            left, found = call["args"][0], _BLANKS
        names, _ = _target(_with_default(left)[0])
        return {names: found} if names is not None and self._comparable(names) else {}

    def _contained(self, array: Node, one: Node) -> Refinements:
        """`constants @> ARRAY[x]`: NULL is in no array."""
        elements = one.get("A_ArrayExpr", {}).get("elements", [])
        certain = self.truth is Truth.TRUE or "A_ArrayExpr" in array
        if len(elements) != 1 or not certain:
            return {}
        return replace(self, truth=Truth.TRUE)._elements(elements[0], array)

    def _similar(self, left: Node, right: Node) -> Refinements:
        """`x SIMILAR TO '[a-z]+'`, which is about the whole text."""
        call = right.get("FuncCall", {})
        if not _is_server(call, {"similar_to_escape"}) or len(call["args"]) != 1 or not is_literal(call["args"][0]):
            return {}
        pattern = self.evaluate(call["args"][0], self.scope)
        if not isinstance(pattern, Const) or _ANYTHING.search(_CLASS.sub("", pattern.text)):
            return {}
        return self._matched(left, f"^({pattern.text})$")

    def _word_of_itself(self, left: Node, right: Node) -> Refinements:
        """`x = quote_ident(x)`: a name that needs no quotes."""
        names, _ = _target(left)
        call = right.get("FuncCall", {})
        named = [item["String"]["sval"] for item in call.get("funcname", ())]
        if named not in _QUOTE_IDENT or len(call.get("args", ())) != 1:
            return {}
        if names is None or _variable_of(call["args"][0]) != names:
            return {}
        return self._narrowed(names, lambda hole: replace(hole, quoting=Quoting.WORD))

    def _subquery(self, body: Node) -> Refinements:
        """`x IN (SELECT unnest(constants))`."""
        operator = body.get("operName", [{"String": {"sval": "="}}])[-1]["String"]["sval"]
        if body["subLinkType"] != "ANY_SUBLINK" or operator != "=" or self.truth not in _HOLDS:
            return {}
        rows = self.evaluate({"SubLink": {**body, "subLinkType": "ARRAY_SUBLINK"}}, self.scope)
        if not isinstance(rows, Array):
            return {}
        # No row at all is no NULL here; what operators make may be.
        certain = not _has(body["subselect"], "A_Expr")
        return self.one_of(body["testexpr"], list(rows.items or [rows.element]), certain=certain)

    def _elements(self, left: Node, right: Node) -> Refinements:
        array = self.evaluate(right, self.scope)
        if isinstance(array, Const):
            array = _array_constant(array.text)
        if not isinstance(array, Array):
            return {}
        if array.items is None:
            return self.one_of(left, [array.element], certain=False)
        return self.one_of(left, list(array.items), certain=is_given(right, self.scope, array=True))

    def _items(self, left: Node, items: list[Node]) -> Refinements:
        if any("CollateClause" in item for item in items):  # it may not tell different texts apart
            return {}
        values = [self.evaluate(item, self.scope) for item in items]
        return self.one_of(left, values, certain=all(is_given(item, self.scope) for item in items))

    def one_of(self, left: Node, values: list[Value], *, certain: bool = True) -> Refinements:
        """The variable is one of the values, where they are better than what it holds.

        `certain`: none of the values can be NULL, and there is one.
        """
        left, may_be_null = _with_default(left)
        names, changes_case = _target(left)
        if names is None or not values or not self._comparable(names):
            return {}
        choices = [choice for value in values for choice in choices_of(value)]
        nulls = EMPTY in choices
        weak = self.truth in {Truth.NOT_TRUE, Truth.NOT_FALSE}  # the outcome is NULL where one of the values is
        if weak and (nulls or not certain or not all(is_constant(value) for value in values)):
            return {}
        texts: list[Text] = [choice for choice in choices if isinstance(choice, Text) and choice != EMPTY]
        if not texts or len(texts) + nulls < len(dict.fromkeys(choices)):
            return {}
        if not all(is_harmless(text) for text in texts):
            return {}
        if changes_case:
            if not all(is_constant(text) for text in texts):
                return {}
            texts = [_any_case(text, ".".join(names)) for text in texts]
        return {names: alt([*texts, EMPTY] if weak or may_be_null else texts)}

    def _comparable(self, names: Names) -> bool:
        return is_comparable(names, self.scope)

    def _is_text(self, names: Names) -> bool:
        """Whether the variable is declared as a text."""
        return bool(_TEXTS.fullmatch(self.scope.variable_type(names).strip().lower()))

    def _pattern(self, left: Node, right: Node) -> Refinements:
        names, _ = _target(left)
        pattern = self.evaluate(right, self.scope)
        if names is None or not isinstance(pattern, Const) or not self._comparable(names):
            return {}
        if self.truth not in {Truth.TRUE, Truth.FALSE} and not is_given(right, self.scope):  # NULL where the pattern is
            return {}
        return self._matched(left, pattern.text)

    def _matched(self, left: Node, pattern: str) -> Refinements:
        names, _ = _target(left)
        proved = patterns.proves(pattern)
        if names is None or proved is None or not self._comparable(names):
            return {}
        return self._narrowed(names, lambda hole: replace(hole, quoting=proved))

    def _narrowed(self, names: Names, change: Callable[[Hole], Hole]) -> Refinements:
        value = self.scope.variable(names)
        if value is None or not isinstance(value, Text) or not self._comparable(names):
            return {}
        first = representative(value)
        if first is None or not any(holes(value)):
            return {}
        # The text as a whole is proved, whatever it was made of.
        return {names: change(replace(first, derived=True) if value != first else first)}


def is_comparable(names: Names, scope: Scope) -> bool:
    """Whether the variable can carry SQL and = compares its text."""
    value = scope.variable(names)
    kind = scope.variable_type(names).strip().lower()
    if value is None or not isinstance(value, Text) or (kind and not _TEXTS.fullmatch(kind)):
        return False
    return any(not isinstance(leaf, Const) for leaf in leaves(value))


def _is_server(call: Node, names: Collection[str]) -> bool:
    """Whether the server's function of that name is called."""
    *schema, name = (item["String"]["sval"] for item in call.get("funcname", [{"String": {"sval": ""}}]))
    return name in names and schema in ([], ["pg_catalog"])


_TRIMS = {"btrim", "ltrim", "rtrim"}
_BLANKS = star(Const(" "))
# What stands for any text in SIMILAR TO, or is not understood here; _ may stand in a class.
_ANYTHING = re.compile(r'[%_\\$^."]')
_CLASS = re.compile(r"(?<=\[)[\w-]+(?=\])")
_PLAIN_CALL = {"funcname", "args", "funcformat", "location"}
_ARRAY_FORMS = {
    ("AEXPR_OP_ANY", "=", True),
    ("AEXPR_OP_ALL", "<>", False),
    ("AEXPR_OP_ALL", "!=", False),
}
# length(x) > 0 does not hold, length(x) = 0 does...
_NOT_LONGER = {(">", False), ("=", True), ("<>", False), ("!=", False), ("<=", True)}
_LENGTHS = {"length", "char_length", "character_length", "octet_length"}
_EMPTY_ONLY_OF_EMPTY = _LENGTHS | {"lower", "upper"}
_QUOTE_IDENT = (["quote_ident"], ["pg_catalog", "quote_ident"])
_SPLITS = {"string_to_array", "regexp_split_to_array"}
_KEEPS_TEXT = {"text", "varchar", "bpchar"}  # name keeps 63 bytes of it


def _variable_of(node: Node) -> Names | None:
    """The name of a column reference, through casts that keep the text."""
    cast = node.get("TypeCast")
    if cast:
        kind = cast["typeName"]
        *schema, name = (item["String"]["sval"] for item in kind["names"])
        usual = name in _KEEPS_TEXT and schema in ([], ["pg_catalog"])
        if usual and not kind.get("typmods") and not kind.get("arrayBounds"):
            return _variable_of(cast["arg"])
        return None
    parameter = node.get("ParamRef")
    if parameter:
        return (str(parameter["number"]),)
    fields = node.get("ColumnRef", {}).get("fields")
    if not fields or not all("String" in item for item in fields):
        return None
    return tuple(item["String"]["sval"] for item in fields)


def _is_empty_text(node: Node) -> bool:
    constant = node.get("A_Const", {})
    return "sval" in constant and not constant["sval"].get("sval")


def _is_zero(node: Node) -> bool:
    constant = node.get("A_Const", {})
    return "ival" in constant and not constant["ival"].get("ival", 0)


def _is_length(node: Node) -> bool:
    call = node.get("FuncCall", {})
    return bool(call) and call["funcname"][-1]["String"]["sval"] in _LENGTHS and len(call.get("args", [])) == 1


def _has(tree: Any, kind: str) -> bool:
    """Whether a node of that kind stands somewhere in the tree."""
    if isinstance(tree, list):
        return any(_has(item, kind) for item in tree)
    return isinstance(tree, dict) and (kind in tree or any(_has(item, kind) for item in tree.values()))


def is_literal(node: Node) -> bool:
    """Whether it is a constant and not NULL, with casts or not."""
    while "TypeCast" in node:
        node = node["TypeCast"]["arg"]
    return "A_Const" in node and not node["A_Const"].get("isnull")


def is_given(node: Node, scope: Scope, *, array: bool = False) -> bool:
    """Whether it is certainly not NULL: a constant, an array of such, or a variable that holds one.

    An `array` that a scanned function returns says itself what in it may be NULL.
    """
    while "TypeCast" in node:
        node = node["TypeCast"]["arg"]
    if "A_ArrayExpr" in node:
        return all(is_given(element, scope) for element in node["A_ArrayExpr"].get("elements", []))
    call = node.get("FuncCall", {})
    if call and array and not set(call) - _PLAIN_CALL:
        *_, name = (item["String"]["sval"] for item in call["funcname"])
        known = name in catalog().results or name in MODELS
        return not known or (name in _SPLITS and all(map(is_literal, call.get("args", []))))
    names = _variable_of(node)
    return is_literal(node) if names is None else scope.is_given(names)


def given_constants(arguments: Sequence[Node], values: Sequence[Value], scope: Scope) -> frozenset[int]:
    """Positions of the arguments that are constants and not NULL."""
    pairs = enumerate(zip(arguments, values, strict=True))
    return frozenset(index for index, (node, value) in pairs if is_constant(value) and is_given(node, scope))


def _with_default(node: Node) -> tuple[Node, bool]:
    """coalesce(x, default) is x, or x is NULL."""
    arguments = node.get("CoalesceExpr", {}).get("args", [])
    return (arguments[0], True) if arguments else (node, False)


def _target(node: Node) -> tuple[Names | None, bool]:
    """The variable that is compared, and whether only its lower() or upper() is."""
    call = node.get("FuncCall")
    if call and call["funcname"][-1]["String"]["sval"] in {"lower", "upper"} and len(call.get("args", ())) == 1:
        return _variable_of(call["args"][0]), True
    return _variable_of(node), False


def is_harmless(text: Value) -> bool:
    """Whether it is better than a text that anyone may have chosen: constants and what cannot carry SQL."""
    return all(
        isinstance(leaf, Const) or (isinstance(leaf, Hole) and leaf.quoting in _HARMLESS) for leaf in leaves(text)
    )


def _any_case(text: Text, name: str) -> Text:
    """What has this lower() or upper(): the same with letters of another case."""
    printed = "".join(leaf.text for leaf in leaves(text) if isinstance(leaf, Const))
    word = Hole(Quoting.WORD, Origin(Source.CONSTANT, name), derived=True)
    return seq(word if part[0].isalnum() or part[0] == "_" else Const(part) for part in re.findall(r"\w+|\W+", printed))


def _array_constant(text: str) -> Value:
    """'{a,b}' as an array; EMPTY where it is no array constant of one dimension."""
    items = array_items(text)
    if not items:
        return EMPTY
    constants = tuple(Const(item) for item in items)
    return Array(alt(constants), constants)
