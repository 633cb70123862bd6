"""The syntax tree of a PL/pgSQL body. Every position counts characters from the start of the body's text."""

from __future__ import annotations

from pggit_excellence.scan.frozen import dataclass, field


@dataclass(frozen=True, slots=True)
class Sql:
    """SQL text of the body from character `start`, verbatim and of equal length.

    What is not SQL is blanked: INTO targets by spaces, PERFORM by `SELECT `. An `expression` is what may follow
    SELECT (`a || b`, also `count(*) FROM t WHERE x`); a statement stands alone.
    """

    text: str
    start: int
    expression: bool = True


@dataclass(frozen=True, slots=True)
class Target:
    """What is assigned to: `names` as written and folded (`rec.field` is two), then subscripts `[i]`, `[a:b]`.

    Fields behind a subscript (`a[i].f := x`) are not kept: something in the element changes.
    """

    names: tuple[str, ...]
    start: int
    subscripts: tuple[Sql, ...] = ()


@dataclass(frozen=True, slots=True)
class Declaration:
    """One variable, cursor or alias of a DECLARE section (or a parameter of a bound cursor)."""

    name: str
    start: int
    type: str = ""  # as written, `%TYPE` and `%ROWTYPE` included; '' for an alias; 'refcursor' for a cursor
    constant: bool = False
    default: Sql | None = None
    alias_of: str = ""
    cursor: Sql | None = None  # the query of a bound cursor
    cursor_parameters: tuple[Declaration, ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """Characters `start` to `end` (exclusive), the closing semicolon included."""

    start: int
    end: int


Body = tuple["Statement", ...]


@dataclass(frozen=True, slots=True)
class Handler:
    """`WHEN conditions THEN body` of an EXCEPTION section; `SQLSTATE '22012'` is the condition 22012."""

    conditions: tuple[str, ...]
    body: Body


@dataclass(frozen=True, slots=True)
class Block(Statement):
    """[<<label>>] [DECLARE ...] BEGIN ... [EXCEPTION ...] END.

    `conflict` of the outermost block: use_variable, use_column or error, as `#variable_conflict` says ('': nothing).
    """

    body: Body
    declarations: tuple[Declaration, ...] = ()
    handlers: tuple[Handler, ...] = ()
    label: str = ""
    conflict: str = ""


@dataclass(frozen=True, slots=True)
class Assign(Statement):
    """Target := value."""

    target: Target
    value: Sql


@dataclass(frozen=True, slots=True)
class If(Statement):
    """IF, ELSIF..., ELSE."""

    branches: tuple[tuple[Sql, Body], ...]
    otherwise: Body = ()


@dataclass(frozen=True, slots=True)
class Case(Statement):
    """CASE [operand] WHEN values THEN body; `otherwise` is None where ELSE is missing (the server raises then)."""

    operand: Sql | None
    branches: tuple[tuple[tuple[Sql, ...], Body], ...]
    otherwise: Body | None = None


@dataclass(frozen=True, slots=True)
class Loop(Statement):
    """LOOP or, with a condition, WHILE."""

    body: Body
    condition: Sql | None = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class ForInteger(Statement):
    """FOR i IN [REVERSE] a..b [BY step]; the variable is the loop's own."""

    variable: str
    bounds: tuple[Sql, ...]
    body: Body
    label: str = ""


@dataclass(frozen=True, slots=True)
class ForQuery(Statement):
    """FOR targets IN query (SELECT, or DML with RETURNING)."""

    targets: tuple[Target, ...]
    query: Sql
    body: Body
    label: str = ""


@dataclass(frozen=True, slots=True)
class ForCursor(Statement):
    """FOR record IN cursor [(arguments)]; the record is the loop's own."""

    variable: str
    cursor: str
    arguments: tuple[Sql, ...]
    body: Body
    label: str = ""


@dataclass(frozen=True, slots=True)
class ForExecute(Statement):
    """FOR targets IN EXECUTE query [USING ...]; `keyword` is where EXECUTE stands."""

    targets: tuple[Target, ...]
    keyword: int
    query: Sql
    using: tuple[Sql, ...]
    body: Body
    label: str = ""


@dataclass(frozen=True, slots=True)
class Foreach(Statement):
    """FOREACH targets [SLICE n] IN ARRAY array."""

    targets: tuple[Target, ...]
    array: Sql
    body: Body
    slice: int = 0
    label: str = ""


@dataclass(frozen=True, slots=True)
class Leave(Statement):
    """EXIT or CONTINUE [label] [WHEN condition]."""

    exits: bool
    label: str = ""
    condition: Sql | None = None


@dataclass(frozen=True, slots=True)
class Return(Statement):
    """RETURN [value], or RETURN NEXT [value] (`next`), which goes on."""

    value: Sql | None = None
    next: bool = False


@dataclass(frozen=True, slots=True)
class ReturnQuery(Statement):
    """RETURN QUERY query."""

    query: Sql


@dataclass(frozen=True, slots=True)
class ReturnQueryExecute(Statement):
    """RETURN QUERY EXECUTE query [USING ...]."""

    keyword: int
    query: Sql
    using: tuple[Sql, ...] = ()


@dataclass(frozen=True, slots=True)
class Raise(Statement):
    """RAISE [level] ...; it leaves unless the level is below exception. `arguments` are its expressions."""

    level: str  # 'exception' where none is written
    arguments: tuple[Sql, ...] = ()


@dataclass(frozen=True, slots=True)
class Assert(Statement):
    """ASSERT condition [, message]."""

    condition: Sql
    message: Sql | None = None


@dataclass(frozen=True, slots=True)
class Execute(Statement):
    """EXECUTE query [INTO targets] [USING ...]."""

    keyword: int
    query: Sql
    targets: tuple[Target, ...] = ()
    using: tuple[Sql, ...] = ()


@dataclass(frozen=True, slots=True)
class SqlStatement(Statement):
    """A static SQL statement, PERFORM and CALL among them; `targets` of its INTO, which is blanked in `sql`."""

    sql: Sql
    targets: tuple[Target, ...] = ()


@dataclass(frozen=True, slots=True)
class GetDiagnostics(Statement):
    """GET [STACKED] DIAGNOSTICS target = ITEM, ..."""

    stacked: bool
    items: tuple[tuple[Target, str], ...]


@dataclass(frozen=True, slots=True)
class Open(Statement):
    """OPEN cursor [(arguments)] | FOR query | FOR EXECUTE query [USING ...] (`keyword` is then set)."""

    cursor: Target
    query: Sql | None = None
    keyword: int | None = None
    using: tuple[Sql, ...] = ()
    arguments: tuple[Sql, ...] = ()


@dataclass(frozen=True, slots=True)
class Fetch(Statement):
    """FETCH ... cursor INTO targets; `number` is what stands before INTO, with the number of rows in it."""

    cursor: Target
    targets: tuple[Target, ...]
    number: Sql


@dataclass(frozen=True, slots=True)
class Inert(Statement):
    """NULL, MOVE, CLOSE, COMMIT, ROLLBACK: nothing that the analysis follows; `number` as of FETCH for MOVE."""

    number: Sql | None = None


@dataclass(frozen=True, slots=True)
class NotParsed(Statement):
    """Text that is no PL/pgSQL statement known here; `keywords` are the positions of EXECUTE in it."""

    reason: str
    keywords: tuple[int, ...] = field(default=())
