r"""What a script needs of the server: extensions, languages, libraries that are loaded or that functions are in.

libpg_query reads the statements that can say so. The code of DO blocks and functions is searched for statements that
create extensions or load libraries, which are then read the same way.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pggit_excellence.scan.inputs.pg_parser import ParseError, parse_sql_json, split

# Statements without one of these words need nothing. Asked of texts in lower case, and what stands before a word last:
# re then skips what begins none of them, and is six times as fast.
_INTERESTING = re.compile(r"(?:extension(?<!\w.{9})|language(?<!\w.{8})|load(?<!\w.{4}))\b", re.DOTALL)
_DO = re.compile(r"\s*do\b")
_ATOMIC = re.compile(r"begin\s+atomic\b")
# Lines for psql; the server drops them too (\echo ... \quit).
_META = re.compile(r"^[ \t]*\\.*$", re.MULTILINE)
_TEMPLATE = re.compile(r"@(ext(?:schema(?::[A-Za-z_][\w$]*)?|owner)|[A-Z][A-Z0-9_]*)@")
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_BEFORE = re.compile(r"(?:\s+|--[^\n]*|/\*.*?\*/)*", re.DOTALL)
_INNER = re.compile(r"\bcreate\s+extension\s[^;']*|\bload\s+'[^']*'", re.IGNORECASE)
# Where each statement begins, for scripts that libpg_query cannot cut.
_STATEMENT = re.compile(
    r"^[ \t]*(?:create\s+(?:or\s+replace\s+)?(?:function|procedure|extension|(?:trusted\s+|procedural\s+)*language)"
    r"|do|load)\b",
    re.IGNORECASE | re.MULTILINE,
)
_LANGUAGE = re.compile(r"\blanguage\s+'?\"?([A-Za-z_][\w$]*)", re.IGNORECASE)


@dataclass
class Needs:
    """Names, each with the line where it was first seen.

    `modules` are the libraries of its own functions, `loads` those that it loads, as the script names them.
    """

    extensions: dict[str, int] = field(default_factory=dict)
    languages: dict[str, int] = field(default_factory=dict)
    modules: dict[str, int] = field(default_factory=dict)
    loads: dict[str, int] = field(default_factory=dict)
    unread: int = 0  # statements that were not understood

    def see(self, where: str, name: str, line: int) -> None:
        """Note a name."""
        getattr(self, where).setdefault(name, line)


def script_needs(text: str) -> Needs:
    """What the statements of one script need."""
    needs = Needs()
    blank = _META.sub(lambda found: " " * len(found[0]), text)
    readable = _TEMPLATE.sub(lambda found: "_" + found[1].replace(":", "_") + "_", blank)
    line, done = 1, 0
    for start, statement in _statements(readable):
        line += readable.count("\n", done, start)
        done = start
        lower = statement.lower()
        if _INTERESTING.search(lower) or _DO.match(lower):
            _read(statement, line, needs)
    return needs


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Offset and text of each statement.

    Only the parser knows the semicolons in BEGIN ATOMIC bodies; the scanner is faster, and cuts broken scripts as well.
    """
    for with_parser in (True, False) if _ATOMIC.search(text.lower()) else (False,):
        with contextlib.suppress(ParseError):
            slices = [one for one in split(text, with_parser, only_slices=True) if isinstance(one, slice)]
            break
    else:
        begins = [found.start() for found in _STATEMENT.finditer(text)]
        slices = [slice(begin, end) for begin, end in zip(begins, [*begins[1:], len(text)], strict=True)]
    for one in slices:
        yield one.start, text[one]


def _read(statement: str, line: int, needs: Needs) -> None:
    try:
        trees = json.loads(parse_sql_json(statement)).get("stmts", ())
    except (ParseError, ValueError, RecursionError):
        _guess(statement, line, needs)
        return
    before = _BEFORE.match(statement)
    first = line + statement.count("\n", 0, before.end() if before else 0)
    for tree in trees:
        for kind, node in tree["stmt"].items():
            _HANDLERS.get(kind, _nothing)(node, first, needs)


def _guess(statement: str, line: int, needs: Needs) -> None:
    """What words say, where the statement is none for libpg_query."""
    code = _COMMENT.sub(" ", statement)
    if re.match(r"\s*create\b.*\b(?:function|procedure)\b", code, re.IGNORECASE | re.DOTALL):
        for found in _LANGUAGE.finditer(code):
            needs.see("languages", found[1].lower(), line)
    _inner(code, line, needs)
    needs.unread += 1


def _inner(code: str, line: int, needs: Needs) -> None:
    """Statements in code that creates extensions or loads libraries."""
    if not _INTERESTING.search(code.lower()):
        return
    for found in _INNER.finditer(_COMMENT.sub(lambda c: " " * len(c[0]), code)):
        try:
            trees = json.loads(parse_sql_json(found[0])).get("stmts", ())
        except (ParseError, ValueError):
            continue
        for tree in trees:
            for kind, node in tree["stmt"].items():
                _HANDLERS.get(kind, _nothing)(node, line + code.count("\n", 0, found.start()), needs)


def _nothing(_node: dict[str, Any], _line: int, _needs: Needs) -> None:
    """For statements that need nothing."""


def _create_extension(node: dict[str, Any], line: int, needs: Needs) -> None:
    needs.see("extensions", node["extname"], line)


def _create_language(node: dict[str, Any], line: int, needs: Needs) -> None:
    needs.see("languages", node["plname"], line)


def _load(node: dict[str, Any], line: int, needs: Needs) -> None:
    needs.see("loads", node["filename"], line)


def _do(node: dict[str, Any], line: int, needs: Needs) -> None:
    options = {arg["DefElem"]["defname"]: arg["DefElem"]["arg"] for arg in node.get("args", ())}
    needs.see("languages", options.get("language", {}).get("String", {}).get("sval", "plpgsql"), line)
    _inner(options.get("as", {}).get("String", {}).get("sval", ""), line, needs)


def _create_function(node: dict[str, Any], line: int, needs: Needs) -> None:
    options = {option["DefElem"]["defname"]: option["DefElem"].get("arg", {}) for option in node.get("options", ())}
    language = options.get("language", {}).get("String", {}).get("sval", "sql").lower()
    needs.see("languages", language, line)
    texts = [item.get("String", {}).get("sval", "") for item in options.get("as", {}).get("List", {}).get("items", ())]
    if language == "c" and texts:
        needs.see("modules", texts[0], line)
    elif language not in {"c", "internal"}:
        for text in texts:
            _inner(text, line, needs)


_HANDLERS = {
    "CreateExtensionStmt": _create_extension,
    "CreatePLangStmt": _create_language,
    "LoadStmt": _load,
    "DoStmt": _do,
    "CreateFunctionStmt": _create_function,
}
