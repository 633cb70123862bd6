"""One script: every routine with its body, every fact about tables, types and privileges."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import lru_cache

from pggit_excellence.scan.frozen import dataclass, field, replace
from pggit_excellence.scan.inputs.facts import Facts, condensed, says_something
from pggit_excellence.scan.inputs.headers import (
    Header,
    NotUnderstoodError,
    mend,
    read_header,
    read_options,
)
from pggit_excellence.scan.inputs.libpg import RefusedError, Tree, parse
from pggit_excellence.scan.inputs.plain_headers import plain_header
from pggit_excellence.scan.inputs.program import NotUnderstood, OffsetMap, Program, Routine, SourceText
from pggit_excellence.scan.inputs.psql import replace_extension_words
from pggit_excellence.scan.inputs.statements import DOLLAR_TAG, Statement, closing_tag, is_routine, statements
from pggit_excellence.scan.values.sinks import SINKS, calls_of

# Routines in these languages hold no SQL in their body.
_COMPILED = {"c", "internal"}
_EXECUTE = re.compile(r"\bexecute\b", re.IGNORECASE)
# What runs SQL in a body, in small letters; no privilege, and no trigger's function.
_RUNNING = ("execute", "spi_", "plv8")
_RUNS = re.compile(r"\b(?:execute\b(?!\s+(?:on|function|procedure)\b)|spi_\w+|plv8\b)")
_FIRST_BLOCK = re.compile(r"^[ \t]*(?:declare|begin)\b", re.IGNORECASE | re.MULTILINE)
_LINE_COMMENT = re.compile(r"--[^\n]*")
# First words of SQL statements; one that begins otherwise is parsed to see whether it is SQL at all.
_VERBS = frozenset(
    {
        "abort", "alter", "analyze", "begin", "call", "checkpoint", "close", "cluster", "comment", "commit",
        "copy", "create", "deallocate", "declare", "delete", "discard", "drop", "end", "execute", "explain",
        "fetch", "grant", "import", "insert", "listen", "load", "lock", "merge", "move", "notify",
        "prepare", "reassign", "refresh", "reindex", "release", "reset", "revoke", "rollback", "savepoint",
        "security", "select", "set", "show", "start", "table", "truncate", "unlisten", "update", "vacuum",
        "values", "with",
    }
)  # fmt: skip

# What CREATE, ALTER and DROP can be followed by; another word is looked at likewise.
_OBJECTS = frozenset(
    {
        "access", "aggregate", "cast", "collation", "constraint", "conversion", "database", "default", "domain",
        "event", "extension", "foreign", "function", "global", "group", "index", "language", "large", "local",
        "materialized", "operator", "or", "owned", "policy", "procedural", "procedure", "publication", "recursive",
        "role", "routine", "rule", "schema", "sequence", "server", "statistics", "subscription", "system", "table",
        "tablespace", "temp", "temporary", "text", "transform", "trigger", "trusted", "type", "unique", "unlogged",
        "user", "view",
    }
)  # fmt: skip


@dataclass(slots=True)
class Read:
    """What one source defines; `facts` are parsed statements, each with its text and where it begins."""

    routines: list[Routine] = field(default_factory=list)
    facts: list[tuple[list[Tree], str, int]] = field(default_factory=list)
    not_understood: list[NotUnderstood] = field(default_factory=list)
    nested: list[Routine] = field(default_factory=list)  # that its routines generate


def read_script(source: SourceText, calls: Callable[[str], bool]) -> Read:
    """What one source defines; `calls` tells whether a text may call a function that runs SQL (see `calls_to`)."""
    return _Script(source, calls).read()


def program_of(source: SourceText) -> Program:
    """What one source defines by itself."""
    return joined([source], [read_script(source, calls_to(frozenset()))])


def joined(sources: Iterable[SourceText], read: Iterable[Read], facts: Program | None = None) -> Program:
    """What the sources define together, added to `facts` (those of a live database) where given."""
    program = facts or Program()
    collected = Facts(program)
    for source, found in zip(sources, read, strict=True):
        program.sources[source.name] = source
        program.routines += found.routines
        program.nested += found.nested
        program.not_understood += found.not_understood
        for trees, text, start in found.facts:
            for tree in trees:
                collected.add(tree, text, source.name, start)
    collected.finish()
    return program


@lru_cache(maxsize=4)
def calls_to(sinks: frozenset[str]) -> Callable[[str], bool]:
    """Whether a text may call a function that runs its argument as SQL; `sinks` are more names of such functions."""
    names = {name.rsplit(".", 1)[-1] for name in (*SINKS, *sinks)}
    calls = calls_of(names)
    parts = [*(name.lower().replace('"', '""') for name in names), 'u&"']

    def may_call(text: str) -> bool:
        lower = text.lower()  # most texts have none of the names, which is found fast
        return any(part in lower for part in parts) and calls.search(lower) is not None

    return may_call


class _Script:
    """One source on its way into the program."""

    def __init__(self, source: SourceText, calls: Callable[[str], bool]) -> None:
        self.file, self.calls, self.found = source.name, calls, Read()
        self.text = replace_extension_words(source.text)
        self.prepared: set[tuple[str, ...]] = set()
        self.noted: NotUnderstood | None = None

    def read(self) -> Read:
        for statement in statements(self.text, is_understood):
            if is_routine(statement.head):
                self.routine(statement)
            elif says_something(statement.head):
                self.fact(statement)
            else:
                self.other(statement)
        return self.found

    def routine(self, statement: Statement) -> None:
        header = _header(statement.text)
        if header.damage:
            header = _mended(header, statement.text)
            self.not_understood(statement, header.damage, header)
        if header.body is None or header.compiled or header.language in _COMPILED:
            return
        start = statement.start
        pieces = tuple((body, file + start) for body, file in header.map.pieces)
        label = ".".join(part for part in header.name if part) or "DO"
        self.found.routines.append(
            Routine(
                key=f"{self.file}:{start}:{label}",
                file=self.file,
                name=header.name,
                kind=header.kind,
                language=header.language,
                parameters=header.parameters,
                returns=header.returns,
                returns_set=header.returns_set,
                body=header.body,
                map=OffsetMap(pieces),
                start=start,
                end=statement.end,
                security_definer=header.security_definer,
                settings=header.settings,
                atomic=header.atomic,
            )
        )

    def fact(self, statement: Statement) -> None:
        try:
            trees = parse(statement.text)
        except RefusedError as error:
            self.not_understood(statement, str(error))
            return
        trees = [condensed(tree, statement.text) for tree in trees]
        self.found.facts.append((trees, statement.text, statement.start))
        self.sinks(statement)

    def other(self, statement: Statement) -> None:
        """A statement that defines nothing here: only what it runs matters."""
        verb = statement.head[0] if statement.head else ""
        if verb == "prepare":
            self.prepared.add(statement.head[1:2])
        reason = "no semicolon stands before the next statement" if statement.cut else ""
        if verb == "execute" and statement.head[1:2] not in self.prepared:
            reason = "EXECUTE of a statement that nothing here prepares"
        elif statement.executes or not _is_familiar(statement.head) or statement.cut or not statement.closed:
            reason = _trouble(statement) or reason
        if reason:
            self.not_understood(statement, reason)
        else:
            self.sinks(statement)

    def sinks(self, statement: Statement) -> None:
        """What the statement runs, and the code in its constants: of a view, of a row, given to what makes routines."""
        if statement.gexec is None and not self.calls(statement.text) and not _may_hold_code(statement):
            return
        self.found.routines.append(
            Routine(
                key=f"{self.file}:{statement.start}:statement",
                file=self.file,
                name=("", ""),
                kind="statement",
                language="sql",
                parameters=(),
                returns="",
                returns_set=False,
                body=statement.text,
                map=OffsetMap(((0, statement.start),)),
                start=statement.start,
                end=statement.end,
                gexec=statement.gexec,
            )
        )

    def not_understood(self, statement: Statement, reason: str, header: Header | None = None) -> None:
        """Note the statement with every EXECUTE in it that no routine's body holds; a run of statements is one note."""
        text = statement.text
        if header is not None and header.body is not None:
            end = header.map(len(header.body))
            text = text[: header.body_start] + " " * (end - header.body_start) + text[end:]
        text = _LINE_COMMENT.sub(lambda found: " " * len(found.group()), text)
        executes = tuple(statement.start + found.start() for found in _EXECUTE.finditer(text))
        notes, last = self.found.not_understood, self.noted
        self.noted = NotUnderstood(self.file, statement.start, statement.end, reason, executes)
        if last is not None and not self.text[last.end : statement.start].strip(" \t\r\n;"):
            self.noted = replace(self.noted, start=last.start, reason=last.reason, executes=last.executes + executes)
            notes.pop()
        notes.append(self.noted)


def _may_hold_code(statement: Statement) -> bool:
    """Whether a constant in it may be a routine that runs SQL, or the body of one; a comment is for people."""
    if statement.head[:1] in {("comment",), ("execute",)}:
        return False
    lower = statement.text.lower()
    return any(word in lower for word in _RUNNING) and _RUNS.search(lower) is not None


def _is_familiar(head: tuple[str, ...]) -> bool:
    """Whether a statement that begins with these words can be taken for SQL without parsing it."""
    if head[:1] and head[0] in {"create", "alter", "drop"}:
        return not _OBJECTS.isdisjoint(head[1:2])
    return not _VERBS.isdisjoint(head[:1])


def is_understood(statement: Statement) -> bool:
    """Whether the statement is SQL as a whole, routines with unknown options included."""
    if is_routine(statement.head):
        header = _header(statement.text)
        return not header.damage or mend(header, statement.text) is not None
    return not _trouble(statement)


def _trouble(statement: Statement) -> str:
    """Why the statement is no SQL; '' where it is."""
    if not statement.closed:
        return "a quote, a comment or a parenthesis is not closed"
    try:
        parse(statement.text)
    except RefusedError as error:
        return str(error)
    return ""


@lru_cache(maxsize=1)
def _header(text: str) -> Header:
    """The header of the statement that was asked for last: splitting and building ask for the same one."""
    return plain_header(text) or read_header(text)


def _mended(header: Header, text: str) -> Header:
    """A damaged routine with a body after all: from the first dollar quote to the last one with the same tag.

    Where options follow the first one, it closes a body whose beginning is lost: that is then the first block.
    """
    mended = mend(header, text)
    if mended is not None:
        return replace(mended, language=mended.language or "plpgsql")
    header, opening = replace(header), DOLLAR_TAG.search(text, header.body_start)
    closing = opening and closing_tag(text, opening.group(), opening.start(), len(text))
    if closing:
        with suppress(NotUnderstoodError):
            read_options(header, text, closing.start("options"))
    header.language = header.language or "plpgsql"
    block = _FIRST_BLOCK.search(text)
    if block and (opening is None or (closing and closing.start() == opening.start())):
        end = closing.start() if closing else len(text)
        return _with_body(header, text, block.start(), end, block.start())
    if opening is None:
        return header
    return _with_body(header, text, opening.end(), closing.start() if closing else len(text), opening.start())


def _with_body(header: Header, text: str, start: int, end: int, quote: int) -> Header:
    return replace(header, body=text[start : max(start, end)], map=OffsetMap(((0, start),)), body_start=quote)
