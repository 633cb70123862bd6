"""What libpg_query's PL/pgSQL parser says of a body, and what ours says, in one form that can be compared.

Both become a list of (kind, line, texts of its expressions without white space), in the order of the text. The line is
0 where libpg_query has another one than the statement's first (blocks) or where we keep none (branches, handlers).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from pglast.parser import ParseError, parse_plpgsql_json

from pggit_excellence.scan.inputs.lexer import Kind, tokens
from pggit_excellence.scan.plpgsql import syntax
from pggit_excellence.scan.plpgsql.syntax import Sql

Entry = tuple[str, int, tuple[str, ...]]
Variable = tuple[str, int, str, str]  # name, line, type ('' for a record), default or a cursor's query
_ROWTYPE = re.compile(r"(?:\w+\s*\.\s*)?\w+\s*%\s*ROWTYPE", re.IGNORECASE)
_NOT_KNOWN = re.compile(r'"(\w+)\.\w+" is not a known variable')
ANY = "any"
# Attributes of libpg_query's nodes, in the order of the text.
_TEXTS = ("t_expr", "cond", "expr", "lower", "upper", "step", "query", "dynquery", "sqlstmt", "argquery", "message")
_CASE = re.compile(r'"__Case__Variable_\d+__"IN\((.*)\)', re.DOTALL)
_LEVELS = {14: "debug", 15: "log", 17: "info", 18: "notice", 19: "warning", 21: "exception"}
_TARGETS = {"execsql", "dynexecute", "fetch", "fors", "dynfors"}
_NO_LINE = {"block", "if_elsif", "case_when", "exception"}


def squeeze(text: str) -> str:
    """The text without white space."""
    return "".join(text.split())


def oracle(statement: str) -> tuple[list[Entry], list[Variable]]:
    """Statements and declared variables by libpg_query of a CREATE FUNCTION or DO.

    pglast.Error where it refuses. As it knows no table and no type, variables of composite types are made records,
    and their type is ANY then.
    """
    records: set[str] = set()
    rewritten = _ROWTYPE.sub("record", statement)
    while True:
        try:
            function = json.loads(parse_plpgsql_json(rewritten))[0]["PLpgSQL_function"]
            break
        except ParseError as problem:
            found = _NOT_KNOWN.match(str(problem))
            if found is None or found.group(1) in records:
                raise
            records.add(found.group(1))
            rewritten = re.sub(
                rf"(\b{found.group(1)}\s+)[\w.]+(\s*(?:;|:=|DEFAULT))", r"\1record\2", rewritten, count=1
            )
    variables = _their_variables(function.get("datums", []))
    return list(_their_statement(function["action"])), sorted(
        (name, line, ANY if name in records else type_, value) for name, line, type_, value in variables
    )


def _their_variables(datums: list[dict[str, Any]]) -> Iterator[Variable]:
    for datum in datums:
        ((kind, content),) = datum.items()
        name, line = content.get("refname", ""), content.get("lineno", 0)
        generated = name.startswith("__Case") or name in {"sqlstate", "sqlerrm"}
        if kind in {"PLpgSQL_var", "PLpgSQL_rec"} and line and not generated:
            type_ = content.get("datatype", {}).get("PLpgSQL_type", {}).get("typname", "")
            value = content.get("default_val") or content.get("cursor_explicit_expr")
            yield (
                name,
                line,
                squeeze(type_.replace("pg_catalog.", "")).replace('"', ""),
                _their_text(value) if value else "",
            )


def _their_targets(content: dict[str, Any]) -> Iterator[str]:
    """Names of the variables that a statement fills; of a record the last part of its name alone."""
    for key in ("target", "var"):
        for kind, target in content.get(key, {}).items():
            if kind == "PLpgSQL_row":
                yield from (">" + field["name"] for field in target["fields"])
            elif kind == "PLpgSQL_rec":
                yield ">" + target["refname"]


def _their_text(node: dict[str, Any]) -> str:
    text = squeeze(node["PLpgSQL_expr"]["query"])
    found = _CASE.fullmatch(text)
    return found.group(1) if found else text


def _their_texts(kind: str, content: dict[str, Any]) -> Iterator[str]:
    if kind == "raise":
        yield _LEVELS[content["elog_level"]]
    if kind == "getdiag":
        yield from (item["PLpgSQL_diag_item"]["kind"].lower() for item in content["diag_items"])
    if kind == "exception":
        yield from (item["PLpgSQL_condition"]["condname"] for item in content["conditions"])
    if kind in _TARGETS:
        yield from _their_targets(content)
    keys = () if kind == "fetch" else _TEXTS  # the number of rows: not kept by us
    yield from (_their_text(content[key]) for key in keys if isinstance(content.get(key), dict))
    yield from (_their_text(item) for item in content.get("params", []))
    yield from (_their_text(item["PLpgSQL_raise_option"]["expr"]) for item in content.get("options", []))


def _their_statement(node: dict[str, Any]) -> Iterator[Entry]:
    ((name, content),) = node.items()
    kind, line = name.removeprefix("PLpgSQL_").removeprefix("stmt_"), content.get("lineno", 0)
    if kind == "return" and not line:  # the server adds one at the end
        return
    if kind != "block" or line:  # it also puts a block around one that has a label or handlers
        yield kind, 0 if kind in _NO_LINE else line, tuple(_their_texts(kind, content))
    parts = ["then_body", "elsif_list", "else_body", "case_when_list", "else_stmts", "body", "stmts", "action"]
    handlers = content.get("exceptions", {}).get("PLpgSQL_exception_block", {}).get("exc_list", [])
    for part in [*(content.get(key, []) for key in parts), handlers]:
        for item in part:
            yield from _their_statement(item)


def _targets(statement: syntax.Statement) -> list[str]:
    found = getattr(statement, "targets", ())
    return [] if isinstance(statement, syntax.Foreach) else [">" + ".".join(target.names) for target in found]


class Ours:
    """The same of our tree: `entries` and `variables`."""

    def __init__(self, body: str, block: syntax.Block) -> None:
        """Flatten the tree of that body."""
        self._body = body
        self._variables: list[Variable] = []
        self.entries = list(self._statement(block))
        self.variables = sorted(self._variables)

    def _line(self, offset: int) -> int:
        return self._body.count("\n", 0, offset) + 1

    def _all(self, statements: Iterable[syntax.Statement]) -> Iterator[Entry]:
        for statement in statements:
            yield from self._statement(statement)

    def _declare(self, declarations: Iterable[syntax.Declaration]) -> None:
        for declaration in declarations:
            if not declaration.alias_of:
                value = declaration.default or declaration.cursor
                text = squeeze(value.text) if value else ""
                written = squeeze(declaration.type).replace('"', "")
                written = written.split("COLLATE")[0]  # which libpg_query does not tell
                type_ = "" if written.lower() == "record" or written.lower().endswith("%rowtype") else written
                self._variables.append((declaration.name, self._line(declaration.start), type_, text))
            self._declare(declaration.cursor_parameters)

    def _first(self, statement: syntax.Statement) -> int:
        label = re.compile(r"<<.*?>>(\s+|--[^\n]*)*").match(self._body, statement.start)
        return label.end() if label else statement.start

    def _statement(self, statement: syntax.Statement) -> Iterator[Entry]:
        line = self._line(self._first(statement))
        kind, parts = self._describe(statement)
        if kind:
            texts = [part.text if isinstance(part, Sql) else part for part in parts if part is not None]
            texts = [*_targets(statement), *(squeeze(text) for text in texts)]
            yield kind, 0 if kind in _NO_LINE else line, tuple(texts)
        yield from self._inside(statement)

    def _describe(self, statement: syntax.Statement) -> tuple[str, tuple[Sql | str | None, ...]]:  # noqa: PLR0911, PLR0912, C901
        """Kind ('' for what libpg_query leaves out) and texts; one case for each class of the tree."""
        match statement:
            case syntax.Block():
                return "block", ()
            case syntax.Assign(start, end):
                return "assign", (self._body[start : end - 1],)
            case syntax.If(branches=branches):
                return "if", (branches[0][0],)
            case syntax.Case(operand=operand):
                return "case", (operand,)
            case syntax.Loop(condition=condition):
                return "loop" if condition is None else "while", (condition,)
            case syntax.ForInteger(bounds=bounds):
                return "fori", bounds
            case syntax.ForQuery(query=query):
                return "fors", (query,)
            case syntax.ForCursor(arguments=arguments):
                return "forc", (",".join(item.text for item in arguments) or None,)
            case syntax.ForExecute(query=query, using=using):
                return "dynfors", (query, *using)
            case syntax.Foreach(array=array):
                return "foreach_a", (array,)
            case syntax.Leave(condition=condition):
                return "exit", (condition,)
            case syntax.Return(value=value, next=goes_on):
                return "return_next" if goes_on else "return", (value,)
            case syntax.ReturnQuery(query=query):
                return "return_query", (query,)
            case syntax.ReturnQueryExecute(query=query, using=using):
                return "return_query", (query, *using)
            case syntax.Raise(level=level, arguments=arguments):
                return "raise", (level, *arguments)
            case syntax.Assert(condition=condition, message=message):
                return "assert", (condition, message)
            case syntax.Execute(query=query, using=using):
                return "dynexecute", (query, *using)
            case syntax.SqlStatement(sql=sql, start=start):
                word = self._body[start : start + 7].lower()
                kinds = {"perform": "perform", "call": "call", "do": "call"}
                return kinds.get(re.split(r"\W", word)[0], "execsql"), (sql,)
            case syntax.GetDiagnostics(items=items):
                return "getdiag", tuple(item for _, item in items)
            case syntax.Open(query=query, using=using, arguments=arguments):
                return "open", (query, ",".join(item.text for item in arguments) or None, *using)
            case syntax.Fetch():
                return "fetch", ()
            case syntax.Inert(start=start):
                word = re.split(r"\W", self._body[start : start + 9].lower())[0]
                return {"null": "", "move": "fetch"}.get(word, word), ()
            case _:
                return type(statement).__name__, ()

    def _inside(self, statement: syntax.Statement) -> Iterator[Entry]:  # noqa: C901 - as above
        match statement:
            case syntax.Block(body=body, declarations=declarations, handlers=handlers):
                self._declare(declarations)
                yield from self._all(body)
                for handler in handlers:
                    yield "exception", 0, handler.conditions
                    yield from self._all(handler.body)
            case syntax.If(branches=branches, otherwise=otherwise):
                for index, (condition, body) in enumerate(branches):
                    if index:
                        yield "if_elsif", 0, (squeeze(condition.text),)
                    yield from self._all(body)
                yield from self._all(otherwise)
            case syntax.Case(branches=cases, otherwise=default):
                for values, body in cases:
                    yield "case_when", 0, (squeeze(",".join(value.text for value in values)),)
                    yield from self._all(body)
                yield from self._all(default or ())
            case syntax.ForInteger(variable=name) | syntax.ForCursor(variable=name):
                type_ = "integer" if isinstance(statement, syntax.ForInteger) else ""
                self._variables.append((name, self._line(self._first(statement)), type_, ""))
                yield from self._all(statement.body)
            case syntax.Loop(body=body) | syntax.ForQuery(body=body) | syntax.ForExecute(body=body):
                yield from self._all(body)
            case syntax.Foreach(body=body):
                yield from self._all(body)


def routines(text: str) -> Iterator[tuple[str, str]]:
    """Each CREATE FUNCTION, CREATE PROCEDURE or DO of a script whose body is PL/pgSQL in dollars, and that body."""
    for statement in _statements(text):
        dollars = [token for token in tokens(statement) if token.kind is Kind.DOLLAR]
        words = [statement[token.start : token.end].lower() for token in tokens(statement) if token.kind is Kind.WORD]
        if not dollars or words[0] not in {"create", "do"} or ("plpgsql" not in words and words != ["do"]):
            continue
        constant = statement[dollars[-1].start : dollars[-1].end]
        tag = constant.index("$", 1) + 1
        yield statement, constant[tag:-tag]


def _statements(text: str) -> Iterator[str]:
    begin: int | None = None
    for token in tokens(text):
        if token.kind is Kind.COMMENT:
            continue
        if text[token.start : token.end] == ";" or token.kind is Kind.META:
            if begin is not None:
                yield text[begin : token.start]
            begin = None
        elif begin is None:
            begin = token.start
