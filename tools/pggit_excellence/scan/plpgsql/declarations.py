"""The DECLARE section of a PL/pgSQL block."""

from __future__ import annotations

from pggit_excellence.scan.plpgsql.syntax import Declaration, Sql
from pggit_excellence.scan.plpgsql.token_reader import RESERVED, NotUnderstood, TokenReader

_PLAIN_COLLATIONS = {"C", "POSIX", "default", "ucs_basic", "C.utf8", "en_US.utf8"}
_BEHIND_TYPE = {"collate", "not", "=", ":=", "default", ";"}


def read_declarations(reader: TokenReader) -> tuple[Declaration, ...]:
    """Read what stands before BEGIN, which comes next then; the word DECLARE may stand there again and again."""
    found: list[Declaration] = []
    if not reader.accept("declare"):
        return ()
    while reader.word != "begin":
        if not reader.accept("declare"):
            found.append(_declaration(reader))
    return tuple(found)


def _declaration(reader: TokenReader) -> Declaration:
    start = reader.start
    if reader.word in RESERVED:
        raise NotUnderstood(f"{reader.word.upper()} is no name of a variable")
    name = reader.name()
    if reader.accept("alias", "for"):
        names, _ = reader.dotted()
        reader.expect(";")
        return Declaration(name, start, alias_of=".".join(names))
    if reader.accept("no", "scroll", "cursor") or reader.accept("scroll", "cursor") or reader.accept("cursor"):
        return _cursor(reader, name, start)
    constant = reader.accept("constant")
    type_ = _type(reader)
    if reader.accept("collate"):
        collation = reader.dotted()[0][-1]
        type_ += "" if collation in _PLAIN_COLLATIONS else " COLLATE"  # which may not tell different texts apart
    if reader.accept("not"):
        reader.expect("null")
    return Declaration(name, start, type_, constant, _default(reader))


def _default(reader: TokenReader) -> Sql | None:
    if reader.accept(";"):
        return None
    if not (reader.accept(":=") or reader.accept("=") or reader.accept("default")):
        raise NotUnderstood("; is missing behind a declaration")
    value = reader.sql(";")
    reader.at += 1
    return value


def _type(reader: TokenReader) -> str:
    """Read a type as written; a comma or bracket outside of its own ends it as well."""
    begin, depth = reader.at, 0
    while (word := reader.word) not in _BEHIND_TYPE and not (word in {",", ")"} and depth == 0):
        if not word:
            raise NotUnderstood("; is missing behind a declaration")
        depth += {"(": 1, ")": -1}.get(word, 0)
        reader.at += 1
    if reader.at == begin:
        raise NotUnderstood("a type is missing")
    return reader.text[reader.starts[begin] : reader.end]


def _cursor(reader: TokenReader, name: str, start: int) -> Declaration:
    parameters: list[Declaration] = []
    if reader.accept("("):
        while not parameters or reader.accept(","):
            at = reader.start
            parameters.append(Declaration(reader.name(), at, _type(reader)))
        reader.expect(")")
    if not (reader.accept("for") or reader.accept("is")):
        raise NotUnderstood("FOR is missing behind CURSOR")
    query = reader.sql(";", expression=False)
    reader.at += 1
    return Declaration(name, start, "refcursor", cursor=query, cursor_parameters=tuple(parameters))
