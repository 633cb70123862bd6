"""Which variables of a Python body may hold the same list or dictionary, and which a function changes outside of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

CHANGES = {"append", "appendleft", "extend", "extendleft", "insert", "add", "update", "setdefault"}


def aliases(tree: ast.AST) -> dict[str, set[str]]:
    """Variables that may hold the same list or dictionary, or one inside the other, by what is assigned to what."""
    groups: dict[str, set[str]] = {}
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    elsewhere: list[ast.AST] = [ast.Name(name) for name in _parameters_elsewhere(tree)]
    for node in ast.walk(tree):
        for targets, value in (*_bindings(node), *_function_bindings(node, functions), *_passed(node, elsewhere)):
            names = {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}
            group = names.union(_shared(value))
            for name in list(group):
                group |= groups.get(name, set())
            groups.update(dict.fromkeys(group, group))
    return groups


def _bindings(node: ast.AST) -> Iterator[tuple[list[ast.AST], ast.expr]]:
    match node:
        case ast.Assign(targets=targets, value=value):
            yield list(targets), value
        case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.NamedExpr(target=target, value=value):
            yield [target], value
        case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
            yield [target], value
        case ast.Match(subject=value, cases=cases):
            yield [ast.Name(name) for name in captured(*cases)], value


def _passed(node: ast.AST, parameters: list[ast.AST]) -> Iterator[tuple[list[ast.AST], ast.expr]]:
    """What any call may hand to these parameters."""
    if isinstance(node, ast.Call) and parameters:
        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
            yield parameters, argument


def _parameters_elsewhere(tree: ast.AST) -> set[str]:
    """Parameters of lambdas and methods, which are called by any name."""
    return {
        parameter
        for node in ast.walk(tree)
        if isinstance(node, ast.Lambda | ast.ClassDef)
        for parameter in parameters_of(node) - {"self", "cls"}
    }


def _function_bindings(
    node: ast.AST, functions: dict[str, ast.FunctionDef]
) -> Iterator[tuple[list[ast.AST], ast.expr]]:
    """What parameters hold, what a function returns, and what is put into an object."""
    match node:
        case ast.arguments():
            for name, value in defaults_of(node):
                yield [ast.Name(name)], value
        case ast.FunctionDef(name=name):  # f() is what f returns or yields
            for inner in ast.walk(node):
                if isinstance(inner, ast.Return | ast.Yield | ast.YieldFrom) and inner.value is not None:
                    yield [ast.Name(name)], inner.value
        case ast.Call(func=ast.Attribute(value=base), args=arguments):
            for argument in arguments:
                yield [base], argument
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=keywords) if name in functions:
            parameters = ast.walk(functions[name].args)
            names: list[ast.AST] = [ast.Name(item.arg) for item in parameters if isinstance(item, ast.arg)]
            for argument in (*arguments, *(keyword.value for keyword in keywords)):
                yield names, argument


def defaults_of(parameters: ast.arguments) -> list[tuple[str, ast.expr]]:
    """The parameters that have a default, each with it."""
    positional = [*parameters.posonlyargs, *parameters.args]
    with_default = positional[len(positional) - len(parameters.defaults) :]
    pairs = [*zip(with_default, parameters.defaults, strict=True)]
    by_name = zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True)
    pairs += [(parameter, value) for parameter, value in by_name if value is not None]
    return [(parameter.arg, value) for parameter, value in pairs]


def _shared(value: ast.expr) -> Iterator[str]:
    """Variables whose list or dictionary is the value, or is in it."""
    match value:
        case ast.Name(id=name):
            yield name
        case ast.IfExp() | ast.BoolOp() | ast.List() | ast.Tuple() | ast.Set() | ast.Dict() | ast.Starred():
            for inner in ast.iter_child_nodes(value):
                if isinstance(inner, ast.expr):
                    yield from _shared(inner)
        case (
            ast.Subscript(value=inner)
            | ast.Attribute(value=inner)
            | ast.NamedExpr(value=inner)
            | ast.Lambda(body=inner)
        ):
            yield from _shared(inner)
        case ast.ListComp(elt=inner) | ast.SetComp(elt=inner) | ast.GeneratorExp(elt=inner) | ast.DictComp(value=inner):
            yield from _shared(inner)
        case ast.Call(func=called, args=arguments, keywords=keywords):
            for inner in (called, *arguments, *(keyword.value for keyword in keywords)):
                yield from _shared(inner)


def captured(*nodes: ast.AST) -> Iterator[str]:
    """Names that the patterns of `match` bind."""
    for node in nodes:
        for part in ast.walk(node):
            match part:
                case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                    yield name


def own_names(node: ast.AST) -> set[str]:
    """Names that are a function's own: its parameters, and what it assigns unless it says global or nonlocal."""
    stored = {name.id for name in ast.walk(node) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)}
    declared = {
        name for inner in ast.walk(node) if isinstance(inner, ast.Global | ast.Nonlocal) for name in inner.names
    }
    return (stored - declared) | parameters_of(node)


def outer_writes(node: ast.AST) -> Iterator[str]:
    """Names that a function may change outside of itself: global, nonlocal, and containers that it fills."""
    for inner in ast.walk(node):
        match inner:
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                yield from names
            case ast.Call(func=ast.Attribute(value=base, attr=attribute)) if attribute in CHANGES:
                yield root_of(base)
            case ast.Subscript(value=base, ctx=ast.Store()) | ast.Attribute(value=base, ctx=ast.Store()):
                yield root_of(base)
            case ast.AugAssign(target=ast.Name(id=name)):  # a list grows in its place
                yield name


def root_of(node: ast.expr) -> str:
    """The variable in which base[key].attribute is; '' where it is in none."""
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def parameters_of(node: ast.AST) -> set[str]:
    """Names of the parameters of a function and of those inside it."""
    return {inner.arg for inner in ast.walk(node) if isinstance(inner, ast.arg)}
