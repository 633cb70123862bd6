"""Names of a Python body that are followed loosely: no single statement decides what they hold.

`joined` names hold all that is ever assigned to them: those that are assigned in the midst of an expression or by
another function. Of `unknown` ones nothing is known: functions fill them that are called from nobody knows where.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pggit_excellence.scan.flow.python_aliases import (
    CHANGES,
    aliases,
    captured,
    outer_writes,
    own_names,
    parameters_of,
    root_of,
)
from pggit_excellence.scan.frozen import dataclass

_IN_PLACE = CHANGES | {"__setitem__", "__iadd__", "__ior__", "__init__", "__setstate__"}
_NOT_FOLLOWED = {"plpy", "SD", "GD", "TD"}
_MEANINGS = {
    "__eq__", "__ne__", "__hash__", "__contains__", "__format__", "__abs__", "__round__", "__radd__", "__add__",
    "__getattr__", "__getattribute__", "isidentifier", "isalnum", "isalpha", "isdigit", "isdecimal",
}  # fmt: skip
_READS = {"get", "setdefault"}
_REORDERS = {"sort", "reverse", "clear", "pop", "popitem", "popleft", "remove", "discard", "insert", "rotate",
             "move_to_end", "__delitem__", "__imul__"}  # fmt: skip
_TYPES = {"list", "dict", "set"}
_FETCHES = {"modules", "import_module", "__import__", "__self__", "__globals__"}
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@dataclass(frozen=True, slots=True)
class LooseNames:
    """`plain_sd`: SD is only used with constant keys. `own_quoting`: plpy's functions may be others.

    What `shuffled` names hold has no order: it is sorted, or items are taken out, by another name or in a function.
    """

    joined: frozenset[str]
    unknown: frozenset[str]
    shuffled: frozenset[str]
    plain_sd: bool
    own_quoting: bool


def loose_names(tree: ast.AST) -> LooseNames:
    """Those of a body."""
    unknown = set(_unknown(tree)) - _NOT_FOLLOWED
    groups = aliases(tree)
    unknown |= {other for name in unknown for other in groups.get(name, ())} - _NOT_FOLLOWED
    if any(isinstance(node, ast.Name) and node.id == "globals" for node in ast.walk(tree)):
        unknown |= {name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names}
    own_quoting = any(
        isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load) and root_of(node) == "plpy"
        for node in ast.walk(tree)
    )
    shuffled = {other for name in _shuffled(tree, groups) for other in {name, *groups.get(name, ())}}
    return LooseNames(
        frozenset(_joined(tree)), frozenset(unknown), frozenset(shuffled), _is_plain_sd(tree), own_quoting
    )


def own_meaning(tree: ast.AST) -> bool:
    """Whether ==, format(), int() and the like may mean something else in the body: what they prove is then not known.

    A class says so, or something is put into a module or among the names of all.
    """
    modules = {"plpy", "__builtins__"} | {
        (item.asname or item.name).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for item in node.names
    }
    if _are_handed_on(modules, tree):
        groups = aliases(tree)
        modules = modules.union(*(groups.get(name, ()) for name in modules))
    return _has_own_operators(tree) or any(_replaces(node, modules) for node in ast.walk(tree))


def _are_handed_on(modules: set[str], tree: ast.AST) -> bool:
    """Whether one of the modules may go by another name: it stands by itself, or is fetched from where all are."""
    used = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    used |= {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return any(
        (isinstance(node, ast.Name) and ((node.id in modules and id(node) not in used) or node.id in _FETCHES))
        or (isinstance(node, ast.Attribute) and node.attr in _FETCHES)
        for node in ast.walk(tree)
    )


def _replaces(node: ast.AST, modules: set[str]) -> bool:
    """Whether the node puts something into one of the modules, or where any name may be."""
    match node:
        case ast.Attribute(ctx=ast.Store() | ast.Del()):
            return root_of(node) in {"", *modules}
        case ast.Subscript(value=base, ctx=ast.Store() | ast.Del()):
            return _is_namespace(base)
        case ast.Call(func=ast.Name(id="setattr" | "delattr")):
            return True
        case ast.Call(func=ast.Attribute(value=base, attr=attribute)):
            return attribute in {"__setattr__", "__delattr__"} or (_is_namespace(base) and attribute in CHANGES)
    return False


def _is_namespace(base: ast.expr) -> bool:
    """Whether it is a dictionary that holds what names mean."""
    match base:
        case ast.Call(func=ast.Name(id="globals" | "vars" | "locals")) | ast.Attribute(attr="__dict__"):
            return True
    return root_of(base) == "__builtins__"


def _has_own_operators(tree: ast.AST) -> bool:
    return any(
        isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef) and inner.name in _MEANINGS
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for inner in ast.walk(node)
    )


def _joined(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                yield from names
            case ast.NamedExpr(target=ast.Name(id=name)):
                yield name
    yield from captured(tree)


def _unknown(tree: ast.AST) -> Iterator[str]:
    callees = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    handed = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in callees}
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name, decorator_list=decorators) if decorators or name in handed:
                yield from _writes(node)
            case ast.ClassDef() | ast.Lambda():
                yield from _writes(node)
            case ast.Attribute(value=base, attr=attribute) if attribute in _IN_PLACE:
                if id(node) not in callees or attribute not in CHANGES or not root_of(base):
                    yield from _names(base, functions)
            case ast.Subscript(value=base, ctx=ast.Store()) if not root_of(base):
                yield from _names(base, functions)
            case ast.Call(func=ast.Name(id="getattr"), args=[base, *_]):
                yield from _names(base, functions)


def _shuffled(tree: ast.AST, groups: dict[str, set[str]]) -> Iterator[str]:
    """Names of lists whose items move where the flow of the body itself does not show it."""
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    inside = {id(inner) for node in ast.walk(tree) if isinstance(node, _SCOPES) for inner in ast.walk(node)}
    callees = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=base, attr=attribute) if attribute in _REORDERS:
                plain = id(node) in callees
            case ast.Subscript(value=base, ctx=ast.Del()):
                plain = True
            case _:
                continue
        if isinstance(base, ast.Name) and base.id in _TYPES:  # of a list that is given to it
            yield from (name.id for name in ast.walk(tree) if isinstance(name, ast.Name))
        elif not (plain and isinstance(base, ast.Name)) or id(node) in inside or len(groups.get(base.id, ())) > 1:
            yield from _names(base, functions)


def _writes(node: ast.AST) -> set[str]:
    """What a function fills or assigns outside of itself."""
    return set(outer_writes(node)) - (own_names(node) - parameters_of(node))


def _names(base: ast.expr, functions: dict[str, ast.FunctionDef]) -> Iterator[str]:
    """The names in an expression, and in the functions that it calls."""
    for node in ast.walk(base):
        if isinstance(node, ast.Name):
            yield node.id
            if node.id in functions:
                yield from (inner.id for inner in ast.walk(functions[node.id]) if isinstance(inner, ast.Name))


def _is_plain_sd(tree: ast.AST) -> bool:
    plain = set()
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=ast.Name(id="SD") as name, slice=ast.Constant(value=str())):
                plain.add(id(name))
            case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[ast.Name(id="SD") as name]):
                plain.add(id(name))
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="SD") as name, attr=attribute), args=[ast.Constant(), *_]
            ) if attribute in _READS:
                plain.add(id(name))
    return all(id(node) in plain for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "SD")
