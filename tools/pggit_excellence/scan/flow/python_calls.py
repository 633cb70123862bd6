"""Calls in a Python body: what runs SQL, local functions, and what is known of Python's own functions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable

from pggit_excellence.scan.flow.python_aliases import CHANGES, defaults_of, outer_writes, own_names, parameters_of
from pggit_excellence.scan.flow.python_containers import record_method, same_elements, with_any
from pggit_excellence.scan.flow.python_expressions import Expressions, compiled
from pggit_excellence.scan.flow.python_items import (
    NONE,
    PLAN,
    SINKS,
    Arguments,
    Env,
    Frame,
    Item,
    Thing,
    any_of,
    as_value,
    either,
    join_states,
)
from pggit_excellence.scan.flow.python_texts import (
    brace_format,
    element,
    is_inert,
    item_at,
    merged,
    method,
    number,
    unknown,
)
from pggit_excellence.scan.frozen import dataclass
from pggit_excellence.scan.inputs.program import Routine
from pggit_excellence.scan.values.abstract import (
    EMPTY,
    Array,
    Const,
    Place,
    Quoting,
    Record,
    Source,
    Text,
    Value,
    alt,
    as_text,
    holes,
)
from pggit_excellence.scan.values.texts import changed, placed, printed, requote

MAX_CALLS = 8  # local functions inside each other
QUOTERS = {
    "plpy.quote_ident": Quoting.IDENTIFIER,
    "plpy.quote_literal": Quoting.LITERAL,
    "plpy.quote_nullable": Quoting.LITERAL,
}
_NUMERIC = {"int", "float", "len", "abs", "round", "ord", "hash", "id", "bool", "isinstance", "any", "all",
            "issubclass", "callable", "hasattr", "Decimal", "decimal.Decimal", "UUID", "uuid.UUID"}  # fmt: skip
_SAME_ELEMENTS = {"list", "tuple", "set", "frozenset", "sorted", "reversed", "iter", "filter"}
_RUNS_PYTHON = {"eval", "exec", "compile", "__import__", "importlib.import_module"}
_HARMLESS = {"plpy.debug", "plpy.log", "plpy.info", "plpy.notice", "plpy.warning", "plpy.error", "plpy.fatal",
             "print", "plpy.subtransaction", "plpy.commit", "plpy.rollback"}  # fmt: skip
_MAY_BE_PLPY = {"plpy", "globals()", "locals()", "vars()", "sys.modules"}
_REORDERS = {"sort", "reverse", "clear", "pop", "popitem", "remove"}


@dataclass(frozen=True, slots=True)
class PythonSite:
    """A call that runs or prepares SQL: `kind` is plpy.execute and the like, `place` the function's name."""

    kind: str
    statement: Text
    place: Place


class Calls(Expressions):
    """Follows the calls of one body and notes those that run SQL; statements are left to a subclass."""

    def __init__(self, routine: Routine, tree: ast.Module, shift: int) -> None:  # noqa: D107
        super().__init__(routine, tree, shift)
        self._found: dict[tuple[str, int], tuple[Place, list[Value]]] = {}
        self._visited: set[ast.AST] = set()
        functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.Lambda))
        self._written = {name for node in functions for name in outer_writes(node)}
        self._calls = 0
        self._muted = 0
        self._gave_up = False

    def _run(self, statements: Iterable[ast.stmt], env: Env | None) -> Env | None:
        """The state behind the statements; None where it is not reached."""
        raise NotImplementedError

    def _call(self, node: ast.Call, env: Env) -> Item:
        self._visited.add(node)
        if isinstance(node.func, ast.Attribute):
            base = self._eval(node.func.value, env)
            if not isinstance(base, Thing) or base.name == "rows":
                return self._call_method(node, base, node.func.attr, env)
        called = self._eval(node.func, env)
        positional, named = self._arguments(node, env)
        if isinstance(called, Thing):
            return self._call_thing(called, node, positional, named, env)
        if _runs(called):
            self._site("plpy.execute", node, as_value(positional[0]) if positional else unknown("an argument"))
        return self._call_unknown("a function", node, [called, *positional, *named.values()], env)

    def _arguments(self, node: ast.Call, env: Env) -> tuple[list[Item], dict[str, Item]]:
        """By position and by name; under * and ** what is spread over nobody knows which of them."""
        positional: list[Item] = []
        named: dict[str, Item] = {}
        for argument in node.args:
            value = self._eval(argument.value if isinstance(argument, ast.Starred) else argument, env)
            if not isinstance(argument, ast.Starred):
                positional.append(value)
            elif isinstance(value, Array) and value.items is not None:
                positional += value.items
            else:
                named["*"] = unknown("an argument")
                positional.append(element(as_value(value)))
        for keyword in node.keywords:
            value = self._eval(keyword.value, env)
            if keyword.arg is not None:
                named[keyword.arg] = value
            elif isinstance(value, Record) and value.rest is None:
                named.update(value.fields)
            else:
                named["**"] = merged([as_value(value), as_value(named.get("**", value))]) or EMPTY
        return positional, named

    def _call_thing(
        self, called: Thing, node: ast.Call, positional: list[Item], named: dict[str, Item], env: Env
    ) -> Item:
        name = called.name.removeprefix("builtins.")
        values = [as_value(item) for item in positional]
        if called.node is not None and not {"*", "**"} & named.keys():
            return self._call_local(called, (positional, named), env)
        if called.node is not None:
            return self._call_local(called, ([], {}), env, unknown("an argument"))
        if name in SINKS:
            return self._run_sink(name, node, positional, named)
        known = self._known(name, node, values)
        if known is None and not named and not self._has_star(node):
            known = self._regex(called, positional)
        if known is not None:
            return known
        special = _FUNCTIONS.get(name)
        if special is not None:
            return special(self, node, positional, env)
        attribute = name.rpartition(".")[2]
        if f"plpy.{attribute}" in SINKS and values and not isinstance(values[0], Array):  # perhaps plpy by another name
            self._site(f"plpy.{attribute}", node, values[0])
        elif name.startswith("plpy.") and "__" in name:
            self._site("plpy.execute", node, unknown(name))
        return self._call_unknown(name, node, [*positional, *named.values()], env)

    def _known(self, name: str, node: ast.Call, values: list[Value]) -> Item | None:
        """The result of a function that does nothing but compute it."""
        result: Item | None = None
        if name.startswith("plan."):
            result = NONE if name == "plan.status" else Thing("rows")
        elif name in QUOTERS and values and not self._loose.own_quoting:
            result = placed(requote(as_text(values[0]), QUOTERS[name]), self._positions.place(node))
        elif name in _NUMERIC or (name == "sum" and len(values) == 1):
            result = number(*values)
        elif name == "str" and values:
            result = printed(values[0])
        elif name in _SAME_ELEMENTS:
            result = same_elements(name, values)
        elif name in _HARMLESS:
            result = NONE
        return result

    @staticmethod
    def _has_star(node: ast.Call) -> bool:
        return any(isinstance(argument, ast.Starred) for argument in node.args)

    def _regex(self, called: Thing, items: list[Item]) -> Item | None:
        """re.compile() and re.sub() of a known pattern."""
        if called.name == "re.compile" and len(items) == 1:
            return compiled(items[0].text) if isinstance(items[0], Const) else None
        return self._substituted(called, items)

    def _call_unknown(self, name: str, node: ast.Call, items: list[Item], env: Env) -> Item:
        """Any other function: a sink that it is given may run anything, a local function be called with anything.

        A list that it is given may hold more afterwards.
        """
        for item in items:
            if isinstance(item, Thing) and item.node is not None:
                self._call_local(item, ([], {}), env, unknown("an argument"))
            if isinstance(item, Thing) and (item.name in SINKS or item.name == "plpy"):
                self._site(item.name if item.name in SINKS else "plpy.execute", node, unknown(f"what {name}() runs"))
            elif not isinstance(item, Thing) and item is not items[0] and _runs(item):
                self._site("plpy.execute", node, unknown(f"what {name}() runs"))
        if name in _RUNS_PYTHON:
            self._site("plpy.execute", node, unknown(f"what {name}() runs"))
        given = [as_value(item) for item in items]
        for argument in node.args:
            known = env.get(argument.id) if isinstance(argument, ast.Name) else None
            if isinstance(argument, ast.Name) and isinstance(known, Array | Record):
                env[argument.id] = Array(unknown(f"{name}()", Source.FUNCTION))
                self._changed(argument.id, env)
        if given and all(is_inert(value) for value in given) and name.split(".", 1)[0] in {"math", "min", "max"}:
            return number(*given)
        return unknown(f"{name}()", Source.FUNCTION)

    def _call_method(self, node: ast.Call, base: Item, name: str, env: Env) -> Item:
        positional, named = self._arguments(node, env)
        values = [as_value(item) for item in positional]
        if not isinstance(base, Thing) and f"plpy.{name}" in SINKS and values and not isinstance(values[0], Array):
            self._site(f"plpy.{name}", node, values[0])  # perhaps plpy by another name
            return Thing("rows")
        if isinstance(base, Thing):  # rows of a query
            return number() if name in {"nrows", "status"} else Array(unknown(f"{name}()", Source.TABLE))
        if name in CHANGES and isinstance(node.func, ast.Attribute):
            added = [*values, *(as_value(item) for item in named.values())]
            return self._change(node.func.value, base, name, added, env)
        if isinstance(base, Record):
            return record_method(base, name, values)
        if isinstance(base, Array):
            return self._list_method(node, base, name, env)
        return _format(node, base, values, named) if name == "format" else method(base, name, values)

    def _list_method(self, node: ast.Call, base: Array, name: str, env: Env) -> Item:
        target = node.func.value if isinstance(node.func, ast.Attribute) else None
        if name in _REORDERS and isinstance(target, ast.Name):
            env[target.id] = Array(element(base))
            self._changed(target.id, env)
        return element(base) if name in {"pop", "__getitem__"} else Array(element(base))

    def _change(self, target: ast.expr, base: Value, name: str, added: list[Value], env: Env) -> Item:
        """list.append() and the like: the variable holds more from here on."""
        new: Value | None = None
        if isinstance(base, Array):
            if name == "append" and len(added) == 1:
                items = None if base.items is None else (*base.items, added[0])
                new = Array(merged([*([] if base.items == () else [base.element]), added[0]]) or EMPTY, items)
            else:
                more = [element(value) if name in {"extend", "update"} else value for value in added]
                kept = [] if base.items == () else [element(base)]
                new = Array(merged([*kept, *more]) or EMPTY)
        elif isinstance(base, Record):
            rest = [as_text(value) for value in added] + ([] if base.rest is None else [base.rest])
            new = Record(
                tuple((key, merged([item, *added]) or item) for key, item in base.fields), alt(rest or [EMPTY])
            )
        if isinstance(target, ast.Name) and new is not None:
            env[target.id] = new
            self._changed(target.id, env)
        else:
            self._store(target, unknown("a key"), merged(added) or EMPTY, env)
        if name == "setdefault":
            return merged([base, *added]) or EMPTY
        return NONE

    # What runs SQL

    def _run_sink(self, name: str, node: ast.Call, positional: list[Item], named: dict[str, Item]) -> Item:
        statement = positional[0] if positional else named.get("query", named.get("**", unknown("an argument")))
        if statement != PLAN:
            self._site(name, node, as_value(statement))
        return PLAN if name == "plpy.prepare" else Thing("rows")

    def _site(self, name: str, node: ast.Call, statement: Value) -> None:
        if self._muted:
            return
        place = self._positions.place(node.func)
        self._found.setdefault((name, place.start), (place, []))[1].append(statement)

    # Local functions

    def _call_local(self, called: Thing, given: Arguments, env: Env, default: Text | None = None) -> Item:
        """Run a function of the body; `default` is what any parameter holds that gets no argument."""
        node = called.node
        assert node is not None  # noqa: S101 - callers see to it
        self._visited.add(node)
        if len(self._bases) >= MAX_CALLS:
            return self._give_up(node)
        bound = self._bound(node.args, given, env, default)
        inner = {**self._around(called, env), **bound}
        for name, item in bound.items():
            self._hold(name, item)
        self._bases.append(env)
        self._calls += 1
        self._frames.append(Frame(self._calls))
        if isinstance(node, ast.Lambda):
            result = self._eval(node.body, inner)
            self._write_back(node, inner, env)
        else:
            behind = self._run(node.body, inner)
            returned = self._frames[-1].returned
            result = any_of(returned) if returned else NONE
            if any(isinstance(inner_node, ast.Yield | ast.YieldFrom) for inner_node in ast.walk(node)):
                result = Array(unknown("what a generator yields"))
            self._write_back(node, join_states([behind, *self._frames[-1].left]) or inner, env)
        self._frames.pop()
        self._bases.pop()
        return result

    def _around(self, called: Thing, env: Env) -> Env:
        """The variables around a function's definition; they are not known where that call has ended."""
        depth = len(self._bases)
        if called.depth <= depth and self._frames[called.depth].number == called.frame:
            return env if called.depth == depth else self._bases[called.depth]
        return {name: item if isinstance(item, Thing) else unknown(name) for name, item in env.items()}

    def _give_up(self, node: ast.AST) -> Item:
        """Calls nested too deeply, as recursion is: what runs inside is not known, nor with what others are called."""
        self._gave_up = True
        for inner in ast.walk(node):
            if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute):
                name = f"plpy.{inner.func.attr}"
                if name in SINKS:
                    self._site(name, inner, unknown("a recursive call"))
        return unknown("a recursive call", Source.FUNCTION)

    def _bound(self, arguments: ast.arguments, given: Arguments, env: Env, default: Text | None) -> Env:
        positional, named = given
        names = [item.arg for item in (*arguments.posonlyargs, *arguments.args)]
        found: Env = dict(zip(names, positional, strict=False))
        found.update(named)
        for name, value in defaults_of(arguments):
            if name not in found:
                found[name] = self._default(value, env) if default is None else default
        rest = [as_value(item) for item in positional[len(names) :]]
        if arguments.vararg is not None:
            found[arguments.vararg.arg] = Array(merged(rest) or default or EMPTY, None if default else tuple(rest))
        if arguments.kwarg is not None:
            others = [as_text(as_value(item)) for item in named.values()]
            found[arguments.kwarg.arg] = Record((), alt(others) if others else default or unknown("an argument"))
        missing = [item.arg for item in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        for name in missing:
            found.setdefault(name, default or unknown("an argument"))
        return found

    def _default(self, node: ast.expr, env: Env) -> Item:
        """What a parameter holds without an argument: made when the function is defined, a list grows from then on."""
        value = self._eval(node, env)
        if isinstance(node, ast.Constant) or isinstance(value, Thing):
            return value
        made = unknown("a default")
        return Array(made) if isinstance(value, Array) else Record((), made) if isinstance(value, Record) else made

    def _write_back(self, node: ast.AST, inner: Env, env: Env) -> None:
        """Variables of the caller that the function may have changed."""
        written = set(outer_writes(node)) | (self._written - own_names(node))  # those by functions that it calls
        for name in written.union(*(self._aliases.get(changed_one, set()) for changed_one in written)):
            if name in inner and (name in env or name not in parameters_of(node)):
                env[name] = either(env[name], inner[name]) if name in env else inner[name]

    # Functions of Python with a meaning of their own

    def _sd_get(self, node: ast.Call, positional: list[Item], env: Env) -> Item:
        """SD.get(key, default)."""
        default = positional[1] if len(positional) > 1 else NONE
        key = self._key(node.args[0], env) if node.args else ""
        return either(self._from_sd(key), default) if key in self._stored else default

    def _sd_setdefault(self, node: ast.Call, positional: list[Item], env: Env) -> Item:
        """SD.setdefault(key, value)."""
        if not node.args:
            return NONE
        key = self._key(node.args[0], env)
        self._to_sd(key, positional[1] if len(positional) > 1 else NONE)
        return self._from_sd(key)

    def _getattr(self, _: ast.Call, positional: list[Item], __: Env) -> Item:
        base, name = positional[0], as_value(positional[1]) if len(positional) > 1 else unknown("an attribute")
        if isinstance(base, Thing):
            if isinstance(name, Const):
                return Thing(f"{base.name}.{name.text}")
            return Thing("plpy.execute") if base.name == "plpy" else unknown("getattr()")
        return item_at(base, name)

    def _map(self, node: ast.Call, positional: list[Item], env: Env) -> Item:
        if len(positional) < 2:
            return unknown("map()")
        called, items = positional[0], [self._element(item, node) for item in positional[1:]]
        if isinstance(called, Thing):
            return Array(as_value(self._call_thing(called, node, items, {}, env)))
        return Array(unknown("map()", Source.FUNCTION))

    def _range(self, _: ast.Call, positional: list[Item], __: Env) -> Item:
        return Array(number(*(as_value(item) for item in positional)))

    def _enumerate(self, node: ast.Call, positional: list[Item], _: Env) -> Item:
        item = as_value(self._element(positional[0], node)) if positional else EMPTY
        pair = (number(), item)
        return Array(Array(merged(pair) or EMPTY, pair))

    def _zip(self, node: ast.Call, positional: list[Item], _: Env) -> Item:
        items = tuple(as_value(self._element(item, node)) for item in positional)
        return Array(Array(merged(items) or EMPTY, items))

    def _dict(self, node: ast.Call, positional: list[Item], env: Env) -> Item:
        record = positional[0] if positional else Record(())
        if not isinstance(record, Record):
            return Record((), changed(as_value(record)))
        for keyword in node.keywords:
            item = self._text(keyword.value, env)
            record = record.put(keyword.arg, item) if keyword.arg is not None else with_any(record, None, item)
        return record


def _runs(item: Item) -> bool:
    """Whether it may be what runs SQL, taken out of a list or dictionary."""
    return any(
        hole.origin.name in _MAY_BE_PLPY or hole.origin.name.startswith("plpy.") for hole in holes(as_value(item))
    )


def _format(node: ast.Call, base: Text, values: list[Value], named: dict[str, Item]) -> Text:
    """str.format(): with arguments that are not known one by one, as in format(*x), anything made of them."""
    spread = as_value(named["**"]) if "**" in named else None
    if any(isinstance(argument, ast.Starred) for argument in node.args):
        return changed(base, *values, *(as_value(item) for item in named.values()))
    return brace_format(base, values, {key: as_value(item) for key, item in named.items() if key[:1] != "*"}, spread)


_FUNCTIONS: dict[str, Callable[[Calls, ast.Call, list[Item], Env], Item]] = {
    "getattr": Calls._getattr,
    "SD.get": Calls._sd_get,
    "SD.setdefault": Calls._sd_setdefault,
    "map": Calls._map,
    "range": Calls._range,
    "enumerate": Calls._enumerate,
    "zip": Calls._zip,
    "dict": Calls._dict,
}
