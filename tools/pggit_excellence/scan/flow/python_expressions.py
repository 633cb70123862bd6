"""Expressions of a Python body: what they can be, what assigning them does to the variables, and what tests prove."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from pggit_excellence.scan.flow.python_aliases import aliases
from pggit_excellence.scan.flow.python_containers import concatenated, unordered, with_any
from pggit_excellence.scan.flow.python_items import (
    NONE,
    Env,
    Frame,
    Item,
    Thing,
    TooMuchError,
    any_of,
    as_value,
    either,
    join_states,
)
from pggit_excellence.scan.flow.python_names import loose_names
from pggit_excellence.scan.flow.python_patterns import is_word, leaves_a_word, whole
from pggit_excellence.scan.flow.python_positions import Positions
from pggit_excellence.scan.flow.python_texts import (
    element,
    formatted,
    is_number,
    item_at,
    merged,
    number,
    percent,
    unknown,
)
from pggit_excellence.scan.frozen import replace
from pggit_excellence.scan.inputs.program import Routine
from pggit_excellence.scan.values.abstract import (
    EMPTY,
    WITH_NEWLINE,
    Array,
    Const,
    Hole,
    Origin,
    Quoting,
    Record,
    Source,
    Star,
    Step,
    Text,
    Value,
    alt,
    as_text,
    leaves,
    seq,
    star,
)
from pggit_excellence.scan.values.texts import changed, one_hole, placed, printed, requote

MAX_STEPS = 50_000  # statements and expressions that are evaluated
MAX_CHARACTERS = 4  # of a text in which `in` looks for a character
_COMPILED = "re.compile: "
_MATCHES = {"match", "fullmatch"}
_WORD_TESTS = {"isidentifier", "isalnum", "isalpha", "isdigit", "isdecimal"}


class Expressions:
    """Evaluates expressions of one body; an environment has what each variable holds.

    Calls are left to a subclass.
    """

    def __init__(self, routine: Routine, tree: ast.Module, shift: int) -> None:  # noqa: D107
        self._positions = Positions(routine, shift)
        self._aliases = aliases(tree)
        self._loose = loose_names(tree)
        self._stored: dict[str, Item] = {}  # what SD holds, from any place in the body
        self._held: dict[str, Item] = {}  # what the names hold that are followed loosely
        self._frames = [Frame()]
        self._bases: list[Env] = []  # the caller's variables of each local function that is being run
        self._attempts: list[list[Env]] = []  # the states in each try block around
        self._steps = 0

    def _call(self, node: ast.Call, env: Env) -> Item:
        """The result of a call."""
        raise NotImplementedError

    def _step(self) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise TooMuchError

    def _eval(self, node: ast.expr, env: Env) -> Item:
        self._step()
        if isinstance(node, ast.Call):
            return self._call(node, env)
        reader = _EXPRESSIONS.get(type(node))
        if reader is not None:
            return reader(self, node, env)
        parts = [self._eval(child, env) for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        return changed(*(as_value(part) for part in parts)) if parts else unknown(type(node).__name__)

    def _text(self, node: ast.expr, env: Env) -> Value:
        return as_value(self._eval(node, env))

    def _constant(self, node: ast.Constant, _: Env) -> Item:
        if node.value is None:
            return NONE
        if not isinstance(node.value, str):
            return Const(str(node.value)) if isinstance(node.value, int | float) else unknown("a constant")
        return Const(node.value, self._positions.constant(node, node.value))

    def _name(self, node: ast.Name, env: Env) -> Item:
        known = env.get(node.id, Thing(node.id))
        if node.id in self._loose.unknown:
            return known if isinstance(known, Thing) else unknown(node.id)
        known = self._held.get(node.id, known) if node.id in self._loose.joined else known
        return unordered(known) if node.id in self._loose.shuffled and not isinstance(known, Thing) else known

    def _hold(self, name: str, item: Item) -> None:
        """Note what a name holds now, if it is followed loosely."""
        if name in self._loose.joined:
            self._held[name] = either(self._held[name], item) if name in self._held else item

    def _set(self, name: str, item: Item, env: Env) -> None:
        env[name] = item
        self._hold(name, item)
        if self._attempts:  # an error may follow before the statement has ended
            self._attempts[-1].append(dict(env))

    def _perhaps(self, node: ast.expr, before: Env, env: Env) -> Item:
        """An expression that may not be evaluated, or several times, with these variables; `env` gets what it does."""
        inner = dict(before)
        value = self._eval(node, inner)
        for name, item in inner.items():
            if name in env and item is not before.get(name):
                env[name] = either(env[name], item)
        return value

    def _fstring(self, node: ast.JoinedStr, env: Env) -> Item:
        parts: list[Text] = []
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                conversion = chr(part.conversion) if part.conversion > 0 else ""
                specification = EMPTY if part.format_spec is None else as_text(self._text(part.format_spec, env))
                value = formatted(self._text(part.value, env), conversion, specification)
                parts.append(placed(value, self._positions.place(part.value)))
            else:
                parts.append(Const(str(getattr(part, "value", ""))))
        return seq(parts)

    def _binary(self, node: ast.BinOp, env: Env) -> Item:
        left = self._eval(node.left, env)
        return self._operation(node.op, left, self._eval(node.right, env), node.right)

    def _operation(self, op: ast.operator, left: Item, right: Item, node: ast.expr) -> Item:
        first, second = as_value(left), as_value(right)
        if is_number(first) and is_number(second) and not (isinstance(first, Const) and isinstance(second, Const)):
            return number(first, second)
        if isinstance(op, ast.Add):
            if isinstance(first, Array) and isinstance(second, Array):
                return concatenated(first, second)
            return seq([printed(first), placed(printed(second), self._positions.place(node))])
        if isinstance(op, ast.Mod) and not is_number(first):
            return percent(first, second)
        repeated = next((value for value in (first, second) if not is_number(value)), None)
        if isinstance(op, ast.Mult) and repeated is not None:
            return Array(element(repeated)) if isinstance(repeated, Array) else star(printed(repeated))
        return changed(first, second)

    def _choice(self, node: ast.BoolOp | ast.IfExp, env: Env) -> Item:
        if isinstance(node, ast.BoolOp):
            first, *others = node.values
            return any_of([self._eval(first, env), *(self._perhaps(value, env, env) for value in others)])
        self._eval(node.test, env)
        then = self._perhaps(node.body, self._refined(node.test, env, holds=True), env)
        return either(then, self._perhaps(node.orelse, self._refined(node.test, env, holds=False), env))

    def _test(self, node: ast.Compare | ast.UnaryOp, env: Env) -> Item:
        parts = [self._text(child, env) for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        return number(*parts)

    def _attribute(self, node: ast.Attribute, env: Env) -> Item:
        base = self._eval(node.value, env)
        if isinstance(base, Thing):
            return Thing(f"{base.name}.{node.attr}") if base.node is None else unknown(node.attr)
        return changed(base)

    def _subscript(self, node: ast.Subscript, env: Env) -> Item:
        base = self._eval(node.value, env)
        if base == Thing("SD"):
            return self._from_sd(self._key(node.slice, env))
        if isinstance(node.slice, ast.Slice):
            for bound in (node.slice.lower, node.slice.upper, node.slice.step):
                if bound is not None:
                    self._eval(bound, env)
            value = as_value(self._element(base, node.value) if isinstance(base, Thing) else base)
            return Array(element(value)) if isinstance(value, Array) else changed(value)
        key = self._text(node.slice, env)
        return self._element(base, node.value) if isinstance(base, Thing) else item_at(base, key)

    def _from_sd(self, key: str) -> Item:
        """What SD holds: a text or a plan; lists and dictionaries may be filled elsewhere."""
        found = self._stored.get(key, unknown("SD"))
        return found if self._loose.plain_sd and not isinstance(found, Array | Record) else unknown("SD")

    def _to_sd(self, key: str, item: Item) -> None:
        self._stored[key] = either(self._stored[key], item) if key in self._stored else item

    def _key(self, node: ast.expr, env: Env) -> str:
        value = self._text(node, env)
        return value.text if isinstance(value, Const) else ""

    def _sequence(self, node: ast.List | ast.Tuple | ast.Set, env: Env) -> Item:
        values = []
        known = True
        for part in node.elts:
            known = known and not isinstance(part, ast.Starred)
            values.append(
                element(self._text(part.value, env)) if isinstance(part, ast.Starred) else self._text(part, env)
            )
        return Array(merged(values) or EMPTY, tuple(values) if known else None)

    def _dictionary(self, node: ast.Dict, env: Env) -> Item:
        record = Record(())
        for key, value in zip(node.keys, node.values, strict=True):
            name = None if key is None else self._text(key, env)
            item = self._text(value, env)
            record = record.put(name.text, item) if isinstance(name, Const) else with_any(record, name, item)
        return record

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, env: Env) -> Item:
        outer, env = env, dict(env)
        before: Env = {}
        for generator in node.generators:
            iterated = self._perhaps(generator.iter, env, env)
            self._bind(generator.target, self._element(iterated, generator.iter), env)
            for test in generator.ifs:
                self._perhaps(test, env, env)
                env = self._refined(test, env, holds=True)
        before = dict(env)
        if isinstance(node, ast.DictComp):
            pair = self._perhaps(node.key, env, env), self._perhaps(node.value, env, env)
            result: Item = Record((), alt(as_text(as_value(item)) for item in pair))
        else:
            result = Array(as_value(self._perhaps(node.elt, env, env)))
        own = {
            name.id
            for generator in node.generators
            for name in ast.walk(generator.target)
            if isinstance(name, ast.Name)
        }
        for name in outer.keys() - own:
            if env[name] is not before[name] or before[name] is not outer[name]:
                outer[name] = either(outer[name], env[name])
        return result

    def _lambda(self, node: ast.Lambda, _: Env) -> Item:
        return Thing("lambda", node, len(self._bases), self._frames[-1].number)

    def _walrus(self, node: ast.NamedExpr, env: Env) -> Item:
        value = self._eval(node.value, env)
        self._bind(node.target, value, env)
        return value

    def _starred(self, node: ast.Starred, env: Env) -> Item:
        return element(self._text(node.value, env))

    def _element(self, iterated: Item, node: ast.expr) -> Item:
        """What iterating over it yields; of the result of a query a row."""
        if not isinstance(iterated, Thing):
            return element(iterated)
        if iterated.name != "rows":
            return unknown(iterated.name)
        origin = Origin(Source.TABLE, "a row of plpy.execute()")
        path = (Step(self._positions.place(node), "rows of a query"),)
        return Record((), Hole(Quoting.RAW, origin, path=path))

    # Assignments

    def _bind(self, target: ast.expr, value: Item, env: Env) -> None:
        match target:
            case ast.Name(id=name):
                self._set(name, self._positions.stepped(value, target, f"{name} = ..."), env)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                self._unpack(parts, value, env)
            case ast.Starred(value=inner):
                self._bind(inner, Array(as_value(value)), env)
            case ast.Subscript(value=ast.Name(id="SD"), slice=key):
                self._to_sd(self._key(key, env), value)
            case ast.Subscript(value=base, slice=key):
                self._store(base, self._text(key, env), value, env)
            case ast.Attribute(value=base):
                self._store(base, unknown("an attribute"), value, env)

    def _unpack(self, parts: list[ast.expr], value: Item, env: Env) -> None:
        plain = not any(isinstance(part, ast.Starred) for part in parts)
        for index, part in enumerate(parts):
            known = isinstance(value, Array | Record | Star) or not isinstance(value, Thing)
            item = item_at(as_value(value), Const(str(index))) if known and plain else element(as_value(value))
            self._bind(part, item, env)

    def _store(self, base: ast.expr, key: Value, value: Item, env: Env) -> None:
        """base[key] = value, where base is a variable or an item of one; a part of it may be anything then."""
        if not isinstance(base, ast.Name):
            inner = getattr(base, "value", None)
            if isinstance(inner, ast.expr):
                self._store(inner, unknown("a key"), value, env)
            return
        old, new = env.get(base.id, NONE), as_value(value)
        if isinstance(old, Record) and isinstance(key, Const):
            env[base.id] = old.put(key.text, new)
        elif isinstance(old, Record):
            env[base.id] = with_any(old, key, new)
        elif isinstance(old, Array):
            env[base.id] = Array(merged([element(old), new]) or new)
        else:  # what it is, is not known: what else may be the same
            for other in self._aliases.get(base.id, set()) - {base.id}:
                if isinstance(env.get(other), Array | Record):
                    self._store(ast.Name(other), unknown("a key"), value, env)
            if not isinstance(old, Thing):
                env[base.id] = changed(old, new)
        self._changed(base.id, env)

    def _changed(self, name: str, env: Env) -> None:
        """The list or dictionary in that variable was changed in place: others may hold the same one."""
        new = env.get(name)
        if new is not None:
            self._hold(name, new)
        if not isinstance(new, Array | Record):
            return
        for other in self._aliases.get(name, ()):
            if isinstance(env.get(other), Array | Record) and other != name:
                self._set(other, either(env[other], new), env)

    # Guards

    def _refined(self, test: ast.expr, env: Env, *, holds: bool) -> Env:
        """The state where the test holds, or does not."""
        match test:
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                return self._refined(inner, env, holds=not holds)
            case ast.BoolOp(op=op, values=tests) if isinstance(op, ast.And) is holds:
                for inner in tests:
                    env = self._refined(inner, env, holds=holds)
                return env
            case ast.BoolOp(values=tests):  # one of them
                return join_states([self._refined(inner, env, holds=holds) for inner in tests]) or env
            case ast.Compare(left=ast.Call() as call, ops=[op], comparators=[ast.Constant(value=None)]):
                if _is_match(call) and isinstance(op, ast.Is | ast.Eq) is not holds:
                    env = self._word(call, env)
            case ast.Compare(left=ast.Name(id=name), ops=[op], comparators=[other]):
                allowed = self._allowed(op, other, env, holds=holds)
                return env if allowed is None else {**env, name: allowed}
            case ast.Call() if holds:
                env = self._word(test, env)
        return env

    def _word(self, test: ast.Call, env: Env) -> Env:
        """The state where the call has found its variable to be a word."""
        name, newline = self._tested(test, env)
        known = env.get(name)
        if known is None or isinstance(known, Thing):
            return env
        if not newline:
            return {**env, name: requote(as_text(known), Quoting.WORD)}
        return {**env, name: replace(one_hole(as_text(known), Quoting.WORD), type=WITH_NEWLINE)}

    def _allowed(self, op: ast.cmpop, other: ast.expr, env: Env, *, holds: bool) -> Text | None:
        """What `x in (...)` or `x == ...` leaves of x: constants alone, else None."""
        if not isinstance(op, (ast.In, ast.Eq) if holds else (ast.NotIn, ast.NotEq)):
            return None
        value = self._eval(other, env)
        if isinstance(op, ast.In | ast.NotIn) and isinstance(value, Const):
            if len(value.text) > MAX_CHARACTERS or not value.text.isidentifier():
                return None
            return alt(Const(value.text[start:end]) for start in range(4) for end in range(start, 5))
        if isinstance(op, ast.In | ast.NotIn):
            if not isinstance(value, Array | Record) or (isinstance(value, Record) and value.rest is not None):
                return None
            value = element(value)
        if isinstance(value, Thing | Record | Array) or not all(isinstance(leaf, Const) for leaf in leaves(value)):
            return None
        return value

    def _tested(self, test: ast.Call, env: Env) -> tuple[str, bool]:
        """The variable of which the call proves that it is a word, and whether a newline may stand behind the word."""
        match test:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attribute), args=[]) if (
                attribute in _WORD_TESTS
            ):
                return name, False
            case ast.Call(args=[*patterns, ast.Name(id=name)], keywords=[]):
                called = self._eval(test.func, env)
                known = [self._eval(pattern, env) for pattern in patterns]
                pattern, method = _pattern_of(called, known)
                matched = whole(pattern, method) if pattern is not None and method in _MATCHES else None
                if matched is not None and is_word(matched[0]):
                    return name, matched[1]
        return "", False

    def _substituted(self, called: Thing, items: list[Item]) -> Text | None:
        """What re.sub(pattern, replacement, text) leaves; None where it is not known."""
        pattern, method = _pattern_of(called, items)
        rest = items[-2:]
        if pattern is None or method != "sub" or len(rest) < 2 or isinstance(rest[1], Thing):
            return None
        replacement = rest[0]
        if not isinstance(replacement, Const) or not leaves_a_word(pattern, replacement.text):
            return None
        return requote(as_text(rest[1]), Quoting.WORD)


def _is_match(call: ast.Call) -> bool:
    """Whether it may be re.match() or re.fullmatch(), whose result is None where the text does not match."""
    return isinstance(call.func, ast.Attribute) and call.func.attr in _MATCHES


def compiled(pattern: str) -> Thing:
    """The result of re.compile(pattern)."""
    return Thing(_COMPILED + pattern)


def _pattern_of(called: Item, items: list[Item]) -> tuple[str | None, str]:
    """The pattern of re.match(pattern, ...) or re.compile(pattern).match(...), and the name of the method."""
    if not isinstance(called, Thing):
        return None, ""
    base, _, method = called.name.rpartition(".")
    if base.startswith(_COMPILED):
        return (base.removeprefix(_COMPILED), method) if len(items) < (3 if method == "sub" else 2) else (None, "")
    first = items[0] if base == "re" and len(items) in {1, 3} else None
    return (first.text if isinstance(first, Const) else None), method


_EXPRESSIONS: dict[type[ast.expr], Callable[[Expressions, Any, Env], Item]] = {
    ast.Constant: Expressions._constant,
    ast.Name: Expressions._name,
    ast.JoinedStr: Expressions._fstring,
    ast.BinOp: Expressions._binary,
    ast.BoolOp: Expressions._choice,
    ast.IfExp: Expressions._choice,
    ast.Compare: Expressions._test,
    ast.UnaryOp: Expressions._test,
    ast.Attribute: Expressions._attribute,
    ast.Subscript: Expressions._subscript,
    ast.List: Expressions._sequence,
    ast.Tuple: Expressions._sequence,
    ast.Set: Expressions._sequence,
    ast.Dict: Expressions._dictionary,
    ast.ListComp: Expressions._comprehension,
    ast.SetComp: Expressions._comprehension,
    ast.GeneratorExp: Expressions._comprehension,
    ast.DictComp: Expressions._comprehension,
    ast.Lambda: Expressions._lambda,
    ast.NamedExpr: Expressions._walrus,
    ast.Starred: Expressions._starred,
}
