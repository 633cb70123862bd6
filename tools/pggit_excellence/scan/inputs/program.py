"""What was scanned, as facts: routines, and the tables, types and privileges that decide who writes what.

Names are folded as the server folds them ("My" stays, My becomes my). A qualified name is a tuple (schema, name) with
'' for a schema that is not written; `Program.find_*` match an unwritten schema with any.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import Any

from pggit_excellence.scan.frozen import dataclass, field

Name = tuple[str, str]


@dataclass(frozen=True, slots=True)
class SourceText:
    """One input: `name` is the path as the user gave it, `-` for stdin, or `schema.name(args)` of a live routine."""

    name: str
    text: str

    def line_starts(self) -> list[int]:
        """Offsets of the first character of each line."""
        lengths = map(len, self.text.split("\n"))
        return [start + line for line, start in enumerate(accumulate(lengths, initial=0))][:-1]


@dataclass(frozen=True, slots=True)
class OffsetMap:
    """Maps characters of a body to characters of its file: pieces (body offset, file offset), each running on by one.

    A dollar-quoted body is one piece; each doubled quote of a '...' body begins another.
    """

    pieces: tuple[tuple[int, int], ...]

    def __call__(self, offset: int) -> int:
        """The character of the file."""
        pieces = self.pieces
        body, file = pieces[0 if len(pieces) == 1 else bisect_right(pieces, (offset, 1 << 60)) - 1]
        return file + offset - body


@dataclass(frozen=True, slots=True)
class Parameter:
    """`mode`: in, out, inout, variadic or table. `name` is '' for one that is only positional."""

    name: str
    type: str
    mode: str = "in"
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Routine:
    """A function, procedure or DO block. `key` is unique in the program and stable for the same sources."""

    key: str
    file: str
    name: Name  # ('', '') for a DO block
    kind: str  # function, procedure, do; `statement` for SQL outside of any routine (\gexec, SELECT dblink())
    language: str  # folded: plpgsql, sql, plpython3u...
    parameters: tuple[Parameter, ...]
    returns: str  # type as written, '' for none; 'trigger', 'event_trigger'
    returns_set: bool
    body: str
    map: OffsetMap
    start: int  # of CREATE or DO, in the file
    end: int
    security_definer: bool = False
    settings: tuple[tuple[str, str], ...] = ()  # SET name = value as written, names folded; search_path as "a, b"
    nested: bool = False  # inside the dollar-quoted template of a generated function
    atomic: bool = False  # BEGIN ATOMIC or RETURN expression: nothing dynamic in it, body is ''
    gexec: int | None = None  # of a `statement`: where in the file the \gexec stands that runs its result as SQL

    @property
    def label(self) -> str:
        """How the user calls it: schema.name, name, or DO."""
        return ".".join(part for part in self.name if part) or {"do": "DO"}.get(self.kind, "")


@dataclass(slots=True)
class Table:
    """A table or view: column types as written (in order), and what is known of its privileges.

    `known` is False for one that is only mentioned in GRANT. `whole`: it has these columns in this order and no others,
    as far as the sources tell. `grants` are (privilege, grantee) in lower case, `public`
    for PUBLIC; column grants count as grants. `owner` '' is whoever ran the script.
    """

    name: Name
    columns: dict[str, str] = field(default_factory=dict)
    known: bool = True
    is_view: bool = False
    owner: str = ""
    grants: set[tuple[str, str]] = field(default_factory=set)
    whole: bool = True

    def writers(self) -> set[str]:
        """Roles beside the owner that may INSERT or UPDATE."""
        return {grantee for privilege, grantee in self.grants if privilege in {"insert", "update", "all"}}


@dataclass(frozen=True, slots=True)
class Definition:
    """One CREATE VIEW or CREATE TABLE AS: its query, from the statement `text`, and the column names that it gives."""

    table: Table
    query: dict[str, Any]
    names: tuple[str, ...]
    text: str


@dataclass(slots=True)
class NotUnderstood:
    """Text that was not understood (PGX901): where, and why. Routines in it are still among the routines if found.

    `executes` are file offsets of EXECUTE keywords in it that no routine covers; each becomes a site "not proven".
    """

    file: str
    start: int
    end: int
    reason: str
    executes: tuple[int, ...] = ()


@dataclass(slots=True)
class Program:
    """All that was scanned."""

    sources: dict[str, SourceText] = field(default_factory=dict)
    routines: list[Routine] = field(default_factory=list)
    tables: dict[Name, Table] = field(default_factory=dict)
    views: list[Definition] = field(default_factory=list)  # whose columns have no types yet
    enums: dict[Name, tuple[str, ...]] = field(default_factory=dict)
    domains: dict[Name, str] = field(default_factory=dict)  # base type as written
    composites: dict[Name, dict[str, str]] = field(default_factory=dict)
    # By a routine's key who may EXECUTE it beside its owner; `public` for PUBLIC, who may where nothing revokes it
    executors: dict[str, set[str]] = field(default_factory=dict)
    granted_to_public: set[str] = field(default_factory=set)  # keys of routines that a GRANT lets PUBLIC run
    triggers: dict[Name, set[Name]] = field(default_factory=dict)  # the tables whose triggers call a function
    # Roles beside the owner that may create objects in a schema; a schema that is not here is not known
    schema_creators: dict[str, set[str]] = field(default_factory=dict)
    event_trigger_functions: set[Name] = field(default_factory=set)
    not_understood: list[NotUnderstood] = field(default_factory=list)
    nested: list[Routine] = field(default_factory=list)  # routines inside the templates of those that generate them
