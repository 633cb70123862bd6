"""PL/pgSQL bodies to syntax trees, as the server's own grammar reads them (pl_gram.y).

The server ends an expression at the first THEN, LOOP, INTO... outside of brackets, so this does; what stands between is
SQL and not looked at here. What is no statement becomes NotParsed up to where the next one can begin: nothing raises.
"""

from __future__ import annotations

from pggit_excellence.scan.frozen import replace
from pggit_excellence.scan.plpgsql import syntax
from pggit_excellence.scan.plpgsql.declarations import read_declarations
from pggit_excellence.scan.plpgsql.syntax import Block, Body, NotParsed, Sql, Statement, Target
from pggit_excellence.scan.plpgsql.token_reader import RESERVED, STRING, NotUnderstood, TokenReader

# Deeper than any real code; what is nested deeper is not parsed, so that no recursion over the tree can overflow.
MAX_DEPTH = 60
_BEHIND_TARGET = {"=", ":=", "[", "."}
_LEVELS = {"exception", "warning", "notice", "info", "log", "debug"}
_COMPOUND = {"<<", "declare", "begin", "if", "case", "loop", "while", "for", "foreach"}
_BEFORE_STATEMENT = {";", "then", "else", "loop", "begin", ">>"}
# Words that begin a query where a cursor's name followed by a bracket could stand as well.
_QUERIES = {"select", "values", "with", "table", "("}


def parse_body(text: str) -> Block:
    """The tree of a body; statements that are not understood, or all of it, are NotParsed in it."""
    reader = TokenReader(text)
    parser = _Parser(reader)
    try:
        conflict = _options(reader)
        block = replace(parser.outermost(), conflict=conflict)
    except NotUnderstood as problem:
        return Block(0, len(text), (NotParsed(0, len(text), str(problem), reader.executes(0, len(text))),))
    if reader.word:
        start, end = reader.start, len(text)
        rest = NotParsed(start, end, "text behind the end of the body", reader.executes(start, end))
        return replace(block, end=end, body=(*block.body, rest))
    return block


# What PL/pgSQL accepts before the body, and with which values.
OPTIONS = {
    "option": ("dump",),
    "print_strict_params": ("on", "off"),
    "variable_conflict": ("error", "use_variable", "use_column"),
}


def _options(reader: TokenReader) -> str:
    """Read the lines #option dump, #print_strict_params on, #variable_conflict x; returns x."""
    conflict = ""
    while reader.accept("#"):
        option, value = reader.name(), reader.name()
        if value not in OPTIONS.get(option, ()):
            raise NotUnderstood(f"#{option} {value} is no option")
        if option == "variable_conflict":
            conflict = value
    return conflict


class _Parser:
    """Reads statements; each method that is named after one begins behind the words that led to it."""

    def __init__(self, reader: TokenReader) -> None:
        self._reader = reader
        self._depth = 0
        self._cursors: dict[str, tuple[str, ...]] = {}  # the parameters of each bound cursor

    def outermost(self) -> Block:
        """The block that is the body; a semicolon may follow its END."""
        start = self._reader.start
        block = self._block(start, self._label())
        self._reader.accept(";")
        return replace(block, end=self._reader.end)

    def _statements(self, *stops: str) -> Body:
        """Statements up to END, the end of the text, or a word that ends them here."""
        found: list[Statement] = []
        while not self._stops(stops):
            found.append(self._statement())
        return tuple(found)

    def _stops(self, stops: tuple[str, ...]) -> bool:
        word = self._reader.word
        return word in {"", "end"} or (word in stops and not self._is_assignment())

    def _is_assignment(self) -> bool:
        """Whether the next word is a variable: a keyword is one, too, where := or the like follows."""
        reader = self._reader
        behind = reader.words[reader.at + 1]
        return behind in _BEHIND_TARGET and reader.word not in RESERVED and reader.word not in {"", ";"}

    def _statement(self) -> Statement:
        reader = self._reader
        begin = reader.at
        self._depth += 1
        try:
            if self._depth > MAX_DEPTH:
                raise NotUnderstood(f"statements are nested more than {MAX_DEPTH} deep")
            return self._read(reader.start)
        except NotUnderstood as problem:
            return self._skip(begin, str(problem))
        finally:
            self._depth -= 1

    def _skip(self, begin: int, reason: str) -> NotParsed:
        """The statement that begins with that token, up to where the next one can begin."""
        reader = self._reader
        if reader.word != "end" or reader.at == begin:  # else a wrong END, which may be that of the statement around
            reader.at = self._resume(begin)
        start, end = reader.starts[begin], reader.end
        return NotParsed(start, end, reason, reader.executes(start, end))

    def _resume(self, index: int) -> int:
        """The token behind the semicolon of the statement that begins there, or an END that is not its own."""
        words = self._reader.words
        nests = words[index] in _COMPOUND
        depth, declaring = 0, False
        while word := words[index]:
            if word == ";" and depth == 0 and not declaring:
                return index + 1
            if nests and word == "end":
                if depth == 0:
                    return index
                depth -= 1
                index += words[index + 1] in {"if", "loop", "case"}
            elif nests and _opens(word, words[index - 1]):
                depth += 1
                declaring = False
            elif nests and word == "declare":
                declaring = True
            index += 1
        return index

    def _read(self, start: int) -> Statement:
        reader = self._reader
        if self._is_assignment():
            return self._assignment(start)
        if reader.word == "<<" or reader.word in _LABELLED:
            label = self._label()
            read = _LABELLED.get(reader.word)
            if read is None:
                raise NotUnderstood("a block or a loop is missing behind the label")
            return read(self, start, label)
        plain = _PLAIN.get(reader.word)
        return self._sql_statement(start) if plain is None else plain(self, start)

    def _label(self) -> str:
        if not self._reader.accept("<<"):
            return ""
        label = self._reader.name()
        self._reader.expect(">>")
        return label

    def _semicolon(self) -> int:
        """Read the semicolon that ends a statement, and return the character behind it."""
        self._reader.expect(";")
        return self._reader.end

    def _end(self, *words: str) -> int:
        """Read END, the words that belong to it, perhaps a label, and the semicolon."""
        reader = self._reader
        if reader.words[reader.at : reader.at + 1 + len(words)] != ["end", *words]:
            raise NotUnderstood(f"END {' '.join(words).upper()}".rstrip() + " is missing")
        reader.at += 1 + len(words)
        if words != ("if",) and reader.names[reader.at] and reader.word not in RESERVED:
            reader.at += 1
        return self._semicolon()

    # Blocks

    def _block(self, start: int, label: str) -> Block:
        """A block up to its END and label; the semicolon is left."""
        reader = self._reader
        declarations = read_declarations(reader)
        for declaration in declarations:
            if declaration.cursor is not None:
                self._cursors[declaration.name] = tuple(item.name for item in declaration.cursor_parameters)
        reader.expect("begin")
        body = self._statements("exception")
        handlers = self._handlers() if reader.accept("exception") else ()
        reader.expect("end")
        if reader.names[reader.at] and reader.word not in RESERVED:
            reader.at += 1
        return Block(start, reader.end, body, declarations, handlers, label)

    def _inner_block(self, start: int, label: str) -> Block:
        block = self._block(start, label)
        return replace(block, end=self._semicolon())

    def _handlers(self) -> tuple[syntax.Handler, ...]:
        reader = self._reader
        found: list[syntax.Handler] = []
        while not found or reader.word == "when":
            reader.expect("when")
            conditions = [self._condition()]
            while reader.accept("or"):
                conditions.append(self._condition())
            reader.expect("then")
            found.append(syntax.Handler(tuple(conditions), self._statements("when")))
        return tuple(found)

    def _condition(self) -> str:
        reader = self._reader
        name = reader.name()
        if name != "sqlstate" or reader.word != STRING:
            return name
        reader.at += 1
        return reader.text[reader.starts[reader.at - 1] : reader.end].strip("'")

    # Branches and loops

    def _if(self, start: int) -> syntax.If:
        reader = self._reader
        branches: list[tuple[Sql, Body]] = []
        more = True
        while more:
            reader.at += 1
            condition = reader.sql("then")
            reader.at += 1
            branches.append((condition, self._statements("elsif", "elseif", "else")))
            more = reader.word in {"elsif", "elseif"}
        otherwise = self._statements() if reader.accept("else") else ()
        return syntax.If(start, self._end("if"), tuple(branches), otherwise)

    def _case(self, start: int) -> syntax.Case:
        reader = self._reader
        reader.at += 1
        operand = None if reader.word == "when" else reader.sql("when")
        branches: list[tuple[tuple[Sql, ...], Body]] = []
        while not branches or reader.word == "when":
            reader.expect("when")
            values = reader.list_of_sql("then")
            reader.at += 1
            branches.append((values, self._statements("when", "else")))
        otherwise = self._statements() if reader.accept("else") else None
        return syntax.Case(start, self._end("case"), operand, tuple(branches), otherwise)

    def _loop_body(self) -> tuple[Body, int]:
        """Read LOOP ... END LOOP; and return the statements and where it ends."""
        self._reader.expect("loop")
        return self._statements(), self._end("loop")

    def _loop(self, start: int, label: str) -> syntax.Loop:
        condition = self._reader.sql("loop") if self._reader.accept("while") else None
        body, end = self._loop_body()
        return syntax.Loop(start, end, body, condition, label)

    def _for(self, start: int, label: str) -> Statement:
        reader = self._reader
        reader.at += 1
        targets = reader.targets()
        reader.expect("in")
        keyword = reader.start
        if reader.accept("execute"):
            query = reader.sql("loop", "using")
            using = reader.list_of_sql("loop") if reader.accept("using") else ()
            body, end = self._loop_body()
            return syntax.ForExecute(start, end, targets, keyword, query, using, body, label)
        if self._is_cursor_loop():
            cursor, _ = reader.dotted()
            arguments = self._cursor_arguments(cursor[-1])
            body, end = self._loop_body()
            return syntax.ForCursor(start, end, _variable(targets), ".".join(cursor), arguments, body, label)
        return self._for_range(start, targets, label)

    def _is_cursor_loop(self) -> bool:
        """Whether `name LOOP` or `name (...) LOOP` follows."""
        reader = self._reader
        begin = reader.at
        if reader.word in _QUERIES or not reader.names[begin]:
            return False
        reader.dotted()
        if reader.accept("("):
            try:
                while not reader.accept(")"):
                    reader.sql(",", ")")
                    reader.accept(",")
            except NotUnderstood:
                pass  # then LOOP does not follow either
        found = reader.word == "loop"
        reader.at = begin
        return found

    def _for_range(self, start: int, targets: tuple[Target, ...], label: str) -> Statement:
        reader = self._reader
        reader.accept("reverse")
        first = reader.sql("..", "loop", expression=False)
        if not reader.accept(".."):
            body, end = self._loop_body()
            return syntax.ForQuery(start, end, targets, first, body, label)
        bounds = [replace(first, expression=True), reader.sql("by", "loop")]
        if reader.accept("by"):
            bounds.append(reader.sql("loop"))
        body, end = self._loop_body()
        return syntax.ForInteger(start, end, _variable(targets), tuple(bounds), body, label)

    def _foreach(self, start: int, label: str) -> syntax.Foreach:
        reader = self._reader
        reader.at += 1
        targets = reader.targets()
        depth = 0
        if reader.accept("slice"):
            number = reader.text[reader.start : reader.ends[reader.at]]
            reader.expect("0")
            depth = int(number) if number.isdigit() else 1
        reader.expect("in")
        reader.expect("array")
        array = reader.sql("loop")
        body, end = self._loop_body()
        return syntax.Foreach(start, end, targets, array, body, depth, label)

    def _leave(self, start: int) -> syntax.Leave:
        reader = self._reader
        exits = reader.word == "exit"
        reader.at += 1
        label = "" if reader.word in {";", "when"} else reader.name()
        condition = reader.sql(";") if reader.accept("when") else None
        return syntax.Leave(start, self._semicolon(), exits, label, condition)

    # Dynamic SQL

    def _execute(self, start: int) -> syntax.Execute:
        reader = self._reader
        reader.at += 1
        query = reader.sql("into", "using", ";")
        targets: tuple[Target, ...] = ()
        using: tuple[Sql, ...] = ()
        while reader.word != ";":
            if not targets and reader.accept("into"):
                reader.accept("strict")
                targets = reader.targets()
            elif not using and reader.accept("using"):
                using = reader.list_of_sql("into", ";")
            else:
                raise NotUnderstood("INTO, USING or ; is missing")
        return syntax.Execute(start, self._semicolon(), start, query, targets, using)

    def _using(self) -> tuple[Sql, ...]:
        return self._reader.list_of_sql(";") if self._reader.accept("using") else ()

    def _return(self, start: int) -> Statement:
        reader = self._reader
        reader.at += 1
        if reader.word == "query" and reader.words[reader.at + 1] != ".":
            return self._return_query(start)
        goes_on = reader.word == "next" and reader.words[reader.at + 1] != "."
        reader.at += goes_on
        value = None if reader.word == ";" else reader.sql(";")
        return syntax.Return(start, self._semicolon(), value, goes_on)

    def _return_query(self, start: int) -> Statement:
        reader = self._reader
        reader.at += 1
        keyword = reader.start
        if not reader.accept("execute"):
            query = reader.sql(";", expression=False)
            return syntax.ReturnQuery(start, self._semicolon(), query)
        query = reader.sql("using", ";")
        using = self._using()
        return syntax.ReturnQueryExecute(start, self._semicolon(), keyword, query, using)

    # Cursors

    def _open(self, start: int) -> syntax.Open:
        reader = self._reader
        reader.at += 1
        cursor = Target(*reader.dotted())
        reader.accept("no")
        reader.accept("scroll")
        if not reader.accept("for"):
            arguments = self._cursor_arguments(cursor.names[-1])
            return syntax.Open(start, self._semicolon(), cursor, arguments=arguments)
        keyword = reader.start
        if not reader.accept("execute"):
            query = reader.sql(";", expression=False)
            return syntax.Open(start, self._semicolon(), cursor, query)
        query = reader.sql("using", ";")
        using = self._using()
        return syntax.Open(start, self._semicolon(), cursor, query, keyword, using)

    def _cursor_arguments(self, cursor: str) -> tuple[Sql, ...]:
        """Read `(value, name := value...)` if there; the values in the order of the cursor's parameters."""
        reader = self._reader
        if not reader.accept("("):
            return ()
        names = self._cursors.get(cursor, ())
        found: list[tuple[int, Sql]] = []
        while not found or reader.accept(","):
            position = len(found)
            if reader.words[reader.at + 1] in {":=", "=>"}:
                name = reader.name()
                position = names.index(name) if name in names else position
                reader.at += 1
            found.append((position, reader.sql(",", ")")))
        reader.at += 1
        return tuple(value for _, value in sorted(found, key=lambda item: item[0]))

    def _fetch(self, start: int) -> syntax.Fetch:
        reader = self._reader
        number = reader.sql("into")  # the direction and the cursor
        into = reader.at
        reader.at -= 1
        while reader.words[reader.at - 1] == ".":
            reader.at -= 2
        cursor = Target(*reader.dotted())
        if reader.at != into:
            raise NotUnderstood("a cursor's name is missing before INTO")
        reader.at += 1
        targets = reader.targets()
        return syntax.Fetch(start, self._semicolon(), cursor, targets, number)

    # What else there is

    def _assignment(self, start: int) -> syntax.Assign:
        reader = self._reader
        names, begin = reader.dotted()
        subscripts = []
        while reader.word in {"[", "."}:
            if reader.accept("["):
                subscripts.append(reader.sql("]"))
                reader.at += 1
            else:
                reader.at += 1
                reader.name()
        if not (reader.accept(":=") or reader.accept("=")):
            raise NotUnderstood(":= is missing")
        value = reader.sql(";")
        return syntax.Assign(start, self._semicolon(), Target(names, begin, tuple(subscripts)), value)

    def _raise(self, start: int) -> syntax.Raise:
        reader = self._reader
        reader.at += 1
        level = "exception"
        if reader.word in _LEVELS:
            level = reader.word
            reader.at += 1
        arguments: tuple[Sql, ...] = ()
        if reader.word == STRING:
            while reader.word == STRING:  # a constant may go on in the next line
                reader.at += 1
            arguments = reader.list_of_sql("using", ";") if reader.accept(",") else ()
        elif reader.word not in {"using", ";"} and reader.name() == "sqlstate" and reader.word == STRING:
            reader.at += 1
        if reader.accept("using"):
            arguments += self._raise_options()
        return syntax.Raise(start, self._semicolon(), level, arguments)

    def _raise_options(self) -> tuple[Sql, ...]:
        reader = self._reader
        found: list[Sql] = []
        while not found or reader.accept(","):
            reader.name()
            if not (reader.accept("=") or reader.accept(":=")):
                raise NotUnderstood("= is missing in an option of RAISE")
            found.append(reader.sql(",", ";"))
        return tuple(found)

    def _assert(self, start: int) -> syntax.Assert:
        reader = self._reader
        reader.at += 1
        condition = reader.sql(",", ";")
        message = reader.sql(";") if reader.accept(",") else None
        return syntax.Assert(start, self._semicolon(), condition, message)

    def _get_diagnostics(self, start: int) -> syntax.GetDiagnostics:
        reader = self._reader
        reader.at += 1
        stacked = reader.accept("stacked")
        reader.accept("current")
        reader.expect("diagnostics")
        items: list[tuple[Target, str]] = []
        while not items or reader.accept(","):
            target = Target(*reader.dotted())
            if not (reader.accept("=") or reader.accept(":=")):
                raise NotUnderstood("= is missing in GET DIAGNOSTICS")
            items.append((target, reader.name()))
        return syntax.GetDiagnostics(start, self._semicolon(), stacked, tuple(items))

    def _perform(self, start: int) -> syntax.SqlStatement:
        sql = self._reader.sql(";", expression=False)
        behind = sql.text[len("PERFORM") :]
        if not behind:
            raise NotUnderstood("an expression is missing")
        return syntax.SqlStatement(start, self._semicolon(), replace(sql, text="SELECT " + behind))

    def _call(self, start: int) -> syntax.SqlStatement:
        sql = self._reader.sql(";", expression=False)
        return syntax.SqlStatement(start, self._semicolon(), sql)

    def _move(self, start: int) -> syntax.Inert:
        number = self._reader.sql(";")
        return syntax.Inert(start, self._semicolon(), number)

    def _inert(self, start: int) -> syntax.Inert:
        self._reader.sql(";")
        return syntax.Inert(start, self._semicolon())

    def _sql_statement(self, start: int) -> syntax.SqlStatement:
        """Any other statement: an INTO that is not SQL's own is PL/pgSQL's, wherever it stands."""
        reader = self._reader
        if not reader.names[reader.at] or reader.word in RESERVED:
            raise NotUnderstood("no statement begins like this")
        begin = reader.at
        imports = reader.word == "import"
        in_routine = _defines_routine(reader.words[begin : begin + 4])
        targets: tuple[Target, ...] = ()
        blanked, depth = (start, start), 0
        while reader.word != ";" or depth:
            word = reader.word
            reader.at += 1
            if not word:
                raise NotUnderstood("; is missing")
            if in_routine and word in {"begin", "case", "end"}:
                depth += -1 if word == "end" else word == "begin" or depth > 0
            if word == "into" and not imports and reader.words[reader.at - 2] not in {"insert", "merge"}:
                if targets:
                    raise NotUnderstood("INTO stands there twice")
                at = reader.starts[reader.at - 1]
                reader.accept("strict")
                targets = reader.targets()
                blanked = (at, reader.start)
        text, end = reader.text, reader.end
        text = text[start : blanked[0]] + " " * (min(blanked[1], end) - blanked[0]) + text[min(blanked[1], end) : end]
        return syntax.SqlStatement(start, self._semicolon(), Sql(text, start, expression=False), targets)


def _opens(word: str, before: str) -> bool:
    """Whether the word begins what an END closes."""
    return word in {"case", "loop", "begin"} or (word == "if" and before in _BEFORE_STATEMENT)


def _defines_routine(words: list[str]) -> bool:
    """CREATE [OR REPLACE] FUNCTION or PROCEDURE, whose BEGIN ATOMIC body has semicolons."""
    return words[0] == "create" and not {"function", "procedure"}.isdisjoint(words[1:2] + words[3:4])


def _variable(targets: tuple[Target, ...]) -> str:
    """The one variable of a loop over integers or a cursor; `r.f` names a new variable of its own there."""
    if len(targets) != 1:
        raise NotUnderstood("this loop has one variable")
    return ".".join(targets[0].names)


_LABELLED = {
    "declare": _Parser._inner_block,
    "begin": _Parser._inner_block,
    "loop": _Parser._loop,
    "while": _Parser._loop,
    "for": _Parser._for,
    "foreach": _Parser._foreach,
}
_PLAIN = {
    "if": _Parser._if,
    "case": _Parser._case,
    "exit": _Parser._leave,
    "continue": _Parser._leave,
    "return": _Parser._return,
    "raise": _Parser._raise,
    "assert": _Parser._assert,
    "execute": _Parser._execute,
    "perform": _Parser._perform,
    "call": _Parser._call,
    "do": _Parser._call,
    "get": _Parser._get_diagnostics,
    "open": _Parser._open,
    "fetch": _Parser._fetch,
    "move": _Parser._move,
    "close": _Parser._inert,
    "null": _Parser._inert,
    "commit": _Parser._inert,
    "rollback": _Parser._inert,
}
