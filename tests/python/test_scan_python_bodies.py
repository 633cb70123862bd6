"""PL/Python bodies: what is run, quoted or not, by every way to build a text; and Python itself as the oracle."""

from __future__ import annotations

import contextlib
import re
import time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pggit_excellence.scan.flow.python_bodies import PythonBody, analyse
from pggit_excellence.scan.flow.python_patterns import leaves_a_word, whole
from pggit_excellence.scan.inputs.build import build
from pggit_excellence.scan.inputs.program import SourceText
from pggit_excellence.scan.values.abstract import Alt, Const, Hole, Quoting, Ref, Seq, Star, Text, holes

pytestmark = pytest.mark.once
HEADER = (
    "CREATE FUNCTION f(p text, q name, n int, cols text[], u uuid, r pg_class) RETURNS {} LANGUAGE {} AS $python$\n"
)


def analysed(body: str, returns: str = "void", language: str = "plpython3u") -> tuple[PythonBody, str]:
    """The result for a body, and the file it stands in."""
    text = HEADER.format(returns, language) + body + "\n$python$;"
    program = build([SourceText("f.sql", text)])
    return analyse(program.routines[0], program), text


def show(text: Text) -> str:
    """A value as one line: {quoting:origin} for a hole, (a|b) for a choice, (x)* for any number."""
    match text:
        case Const(written):
            return written
        case Hole(quoting, origin):
            return f"{{{quoting}:{origin.name}}}"
        case Seq(parts):
            return "".join(map(show, parts))
        case Alt(choices):
            return "(" + "|".join(map(show, choices)) + ")"
        case Star(inside):
            return f"({show(inside)})*"
        case Ref():
            raise AssertionError("a reference is left")


def statements(body: str, returns: str = "void") -> list[str]:
    """Each site as `kind: statement`."""
    result, text = analysed(body, returns)
    assert result.problem == ""
    for site in result.sites:
        assert text[site.place.start : site.place.end].strip()
    return [f"{site.kind.removeprefix('plpy.')}: {show(site.statement)}" for site in result.sites]


SAFE = {
    "plpy.execute('SELECT 1')": "SELECT 1",
    "plpy.execute('SELECT ' + plpy.quote_literal(p))": "SELECT {literal:p}",
    "plpy.execute(f'DROP TABLE {plpy.quote_ident(p)} /* {n} */')": "DROP TABLE {identifier:p} /* {inert:n} */",
    "plpy.execute('a %s %d %%' % (plpy.quote_nullable(p), p))": "a {literal:p} {inert:p} %",
    "plpy.execute('a %(x)s' % {'x': plpy.quote_ident(p)})": "a {identifier:p}",
    "plpy.execute('{} {x} {{}} {0}'.format(n, x=u))": "{inert:n} {inert:u} {} {inert:n}",
    "plpy.execute('{0[a]}'.format({'a': n}))": "{inert:n}",
    "plpy.execute('LIMIT ' + str(int(p)))": "LIMIT {inert:p}",
    "plpy.execute(f'LIMIT {p:d}')": "LIMIT {inert:p}",
    "plpy.execute('LIMIT ' + str(len(cols) + 1))": "LIMIT {inert:cols}",
    "s = 'a'\nfor c in cols:\n    s += ', ' + plpy.quote_ident(c)\nplpy.execute(s)": "a(, {identifier:cols})*",
    "s = ''\nfor c in cols:\n    if s:\n        s += ','\n    s += plpy.quote_ident(c)\nplpy.execute(s)":
        "((|,){identifier:cols})*",
    "plpy.execute(', '.join(map(plpy.quote_ident, cols)))": "(|{identifier:cols}(, {identifier:cols})*)",
    "plpy.execute(', '.join([plpy.quote_ident(c) for c in cols if c]))": "(|{identifier:cols}(, {identifier:cols})*)",
    "l = ['a']\nl.append(plpy.quote_ident(p))\nplpy.execute(' '.join(l))": "a {identifier:p}",
    "d = {'a': 'x', 'b': 'y'}\nplpy.execute('S ' + d[p])": "S (x|y)",
    "plpy.execute('x' if n else 'y')": "(x|y)",
    "d = dict({'a': plpy.quote_ident(p)})\nplpy.execute(d['a'])": "{identifier:p}",
    "if p not in ('a', 'b'):\n    raise ValueError(p)\nplpy.execute('S ' + p)": "S (a|b)",
    "if p in ['a', 'b'] and n:\n    plpy.execute('S ' + p)": "S (a|b)",
    "if p != 'a' and True:\n    return\nplpy.execute('S ' + p)": "S (a|{raw:p})",
    "if p != 'a':\n    return\nplpy.execute('S ' + p)": "S a",
    "if not p.isidentifier():\n    return\nplpy.execute('S ' + p)": "S {word:p}",
    "import re\nif re.fullmatch(r'[a-z_]\\w*', p):\n    plpy.execute('S ' + p)": "S {word:p}",
    "import re\nif re.match(r'[a-z]+$', p):\n    plpy.execute(p)": "{word:p}",
    "import re\nif re.fullmatch(r'\\w+', p) is not None:\n    plpy.execute(p)": "{word:p}",
    "import re\nw = re.compile(r'[^\\w]+')\nplpy.execute(w.sub('_', p))": "{word:p}",
    "import re\nplpy.execute(re.sub(r'[^A-Za-z0-9_]', '', p))": "{word:p}",
    "plpy.execute(''.join(c for c in p if c.isalnum() or c == '_'))": "(|({word:p}|_)(({word:p}|_))*)",
    "def q(x):\n    return plpy.quote_ident(x)\nplpy.execute('S ' + q(p))": "S {identifier:p}",
    "run = lambda x: plpy.execute('S ' + plpy.quote_ident(x))\nrun(p)": "S {identifier:p}",
    "plpy.execute('{t} x'.replace('{t}', plpy.quote_ident(p)))": "{identifier:p} x",
    "a, b = 'x', plpy.quote_ident(p)\nplpy.execute(a + b)": "x{identifier:p}",
    "try:\n    s = 'a'\nexcept Exception:\n    s = 'b'\nplpy.execute(s)": "(a|b)",
    "with plpy.subtransaction():\n    plpy.execute('x')": "x",
    "s = 'a' * n\nplpy.execute(s)": "(a)*",
    "plpy.execute('%s' % 'it is'.upper())": "IT IS",
    "while n:\n    n -= 1\nplpy.execute('S %s' % n)": "S ({inert:n}|{inert:n})",
    "if plpy.execute is None:\n    pass\nplpy.execute(query='x')": "x",
    "for i, c in enumerate(cols):\n    plpy.execute('S %s %s' % (i, plpy.quote_ident(c)))":
        "S {inert:a number} {identifier:cols}",
    "for k, v in {'a': 'b'}.items():\n    plpy.execute(k + v)": "ab",
    "  x = 'y'\n  plpy.execute(x)": "y",
    "s = 'x'\ndef f():\n    global s\n    s = 'y'\nf()\nplpy.execute(s)": "(x|y)",
}  # fmt: skip


@pytest.mark.parametrize("body", SAFE)
def test_what_is_built_is_known_exactly(body: str) -> None:
    assert statements(body) == ["execute: " + SAFE[body]]


RAW = {  # body: statement, None where only its being raw counts
    "plpy.execute('SELECT ' + p)": "SELECT {raw:p}",
    "plpy.execute(p)": "{raw:p}",
    "plpy.execute(q)": "{raw:q}",
    "plpy.execute(f'a {p}')": "a {raw:p}",
    "plpy.execute(f'a {p!r}')": None,
    "plpy.execute('a %s' % p)": "a {raw:p}",
    "plpy.execute('a %-10s' % p)": "a {raw:p}",
    "plpy.execute('a {}'.format(p))": "a {raw:p}",
    "plpy.execute('a {x.y}'.format(x=p))": "a {raw:p}",
    "plpy.execute(' '.join(cols))": "(|{raw:cols}( {raw:cols})*)",
    "plpy.execute(cols[0])": "{raw:cols}",
    "plpy.execute(r['relname'])": "{raw:r}",
    "plpy.execute(args[0])": "{raw:p}",
    "plpy.execute(plpy.quote_ident(p)[:10])": "{raw:p}",
    "plpy.execute(plpy.quote_literal(p).replace('a', 'b'))": "(({raw:p}|{fixed:'b'}))*",
    "plpy.execute(p.lower().strip())": "{raw:p}",
    "a = []\nb = a\nb.append(p)\nplpy.execute(''.join(a))": "(|{raw:p}({raw:p})*)",
    "a = []\nd = {'x': a}\nd['x'].append(p)\nplpy.execute(''.join(a))": None,
    "def add(l):\n    l.append(p)\na = ['x']\nadd(a)\nplpy.execute(''.join(a))": "(|(x|{raw:p})((x|{raw:p}))*)",
    "d = {}\nd['a'] = p\nplpy.execute(d['a'])": "{raw:p}",
    "d = {'a': 'x'}\nd.update(a=p)\nplpy.execute(d['a'])": None,
    "d = {'a': 'x'}\ne = d\ne |= {'a': p}\nplpy.execute(d['a'])": None,
    "l = ['a', p]\nm = l\nm.pop(0)\nplpy.execute(l[0])": "(a|{raw:p})",
    "l = ['a']\ndef d(f):\n    f(p)\n    return f\n@d\ndef g(x):\n    l[0] = x\nplpy.execute(l[0])": None,
    "l = ['a']\nm = l\nclass A:\n    def f(self, x):\n        m[0] = x\nA().f(p)\nplpy.execute(l[0])": None,
    "l = ['a']\ndef f(*, m=l):\n    m[0] = p\nf()\nplpy.execute(l[0])": None,
    "plpy.execute('%c' % n)": "{raw:n}",
    "l = ['a', p]\ndef g():\n    yield l\nfor m in g():\n    m.pop(0)\nplpy.execute(l[0])": "(a|{raw:p})",
    "plpy.execute(f'{n:c}')": None,
    "import re\nplpy.execute(re.sub(r'\\W', '', p, 1))": None,
    "import re\nplpy.execute(re.sub(r'[^a-z;]', '', p))": None,
    "if p.isidentifier() or q:\n    plpy.execute(p)": None,
    "s = 'x'\nfor c in cols:\n    s = c + s\nplpy.execute(s)": "({raw:cols})*x",
    "s = 'a'\nwhile n:\n    s, t = t, p\nplpy.execute(s)": None,
    "try:\n    s = 'a'\n    s = p\n    s = 'b'\nexcept Exception:\n    plpy.execute(s)": "(a|{raw:p}|b)",
    "s = 'a'\nfor c in cols:\n    if n:\n        s = p\n        break\nplpy.execute(s)": "(a|{raw:p})",
    "s = 'a'\nwhile n:\n    n -= 1\n    if u:\n        s = p\n        continue\n    s = 'b'\nplpy.execute(s)": (
        "(a|b|{raw:p})"
    ),
    "e = plpy.execute\ne(p)": "{raw:p}",
    "from plpy import execute\nexecute(p)": "{raw:p}",
    "import plpy as x\nx.execute(p)": "{raw:p}",
    "getattr(plpy, 'execute')(p)": "{raw:p}",
    "list(map(plpy.execute, cols))": "{raw:cols}",
    "if p in cols:\n    plpy.execute(p)": "{raw:p}",
    "if p == q:\n    plpy.execute(p)": "{raw:p}",
    "import re\nif re.match(r'[a-z]+', p):\n    plpy.execute(p)": "{raw:p}",
    "import re\nif re.fullmatch(r'.+', p):\n    plpy.execute(p)": "{raw:p}",
    "if p not in ('a', 'b'):\n    plpy.warning(p)\nplpy.execute(p)": "({raw:p}|a|b)",
    "if p not in ('a', 'b'):\n    return\np = q\nplpy.execute(p)": "{raw:q}",
    "def f(s):\n    plpy.execute(s)\nf('a')\nf(p)": "(a|{raw:p})",
    "try:\n    pass\nexcept plpy.SPIError as e:\n    plpy.execute(str(e))": "{raw:an exception}",
}


@pytest.mark.parametrize("body", RAW)
def test_what_is_not_quoted_is_raw(body: str) -> None:
    (found,) = statements(body)
    assert found == f"execute: {RAW[body]}" if RAW[body] else "{raw:" in found


UNKNOWN = [
    "import helper\nplpy.execute(helper.sql())",
    "plpy.execute(GD['sql'])",
    "plpy.execute(SD['never stored'])",
    "plpy.execute(eval(p))",
    "import helper\nhelper.run(plpy)",
    "import helper\nhelper.run(plpy.execute, 'x')",
    "exec('x')",
    "class A:\n    def m(self, x):\n        plpy.execute(x)\nA().m('x')",
    "def f(x):\n    plpy.execute(x)\nimport helper\nhelper.later(f)",
    "def f(x='a'):\n    plpy.execute(x)\nimport helper\nhelper.later(f)",
    "raise ValueError\nplpy.execute('x')",
    "def f(x):\n    f(x + 'a')\n    plpy.execute(x)\nf('a')",
    "import helper\na = []\nhelper.fill(a)\nplpy.execute(''.join(a))",
    "plpy.execute(undefined)",
    "plpy.execute(*cols)",
]


@pytest.mark.parametrize("body", UNKNOWN)
def test_what_is_not_followed_is_unknown(body: str) -> None:
    result, _ = analysed(body)
    assert result.sites
    assert any(hole.quoting == Quoting.RAW for site in result.sites for hole in holes(site.statement))


@pytest.mark.parametrize(
    "body",
    [
        "import re\nre.sub = max",
        "import re\nx = re\nx.sub = max",
        "import re, sys\nx = sys.modules['re']\nx.sub = max",
        "globals()['int'] = str",
        "globals().update(int=str)",
        "setattr(plpy, 'quote_ident', str)",
        "plpy.__dict__['quote_ident'] = str",
        "class A:\n    def __eq__(self, other):\n        return True",
    ],
)
def test_a_body_that_gives_names_another_meaning_is_not_followed(body: str) -> None:
    """Nothing in it is proven; without that line everything is."""
    query = "plpy.execute('S ' + plpy.quote_ident(p))"
    result, _ = analysed(f"{body}\n{query}")
    assert result.problem == "the body says itself what names or operators mean"
    assert statements(query) == ["execute: S {identifier:p}"]
    assert statements(f"import re\nclass A: pass\na = A()\na.sub = re.sub\n{query}") == ["execute: S {identifier:p}"]


@pytest.mark.parametrize(
    ("pattern", "method", "expected"),
    [
        ("a", "fullmatch", ("a", False)),
        ("a$", "fullmatch", ("a", False)),
        ("^a$", "match", ("a", True)),
        ("\\Aa\\Z", "match", ("a", False)),
        ("a", "match", None),
        ("a\\$", "match", None),
    ],
)
def test_what_a_match_is_about(pattern: str, method: str, expected: tuple[str, bool] | None) -> None:
    assert whole(pattern, method) == expected


@pytest.mark.parametrize(
    ("pattern", "replacement", "expected"),
    [
        ("\\W", "", True),
        ("\\W+", "_x1", True),
        ("[^a-z_]", "", True),
        ("\\W", "-", False),
        ("\\W", "\\g<0>", False),
        ("[^a-z;]", "", False),
        ("[^A-z]", "", False),
        ("[^[:alnum:]]", "", False),
        ("[^]a]", "", False),
        ("[^\\w]{9}", "", False),
        ("[^\\w]a", "", False),
        ("[a-z]", "", False),
        ("\\w", "", False),
    ],
)
def test_what_a_substitution_leaves(pattern: str, replacement: str, expected: bool) -> None:
    assert leaves_a_word(pattern, replacement) is expected


def test_plans() -> None:
    assert statements("plan = plpy.prepare('S $1', ['text'])\nplan.execute([p])\nplpy.cursor(plan, [p])") == [
        "prepare: S $1"
    ]
    stored = (
        "if 'k' in SD:\n    plan = SD['k']\nelse:\n    plan = SD['k'] = plpy.prepare('S $1')\nplpy.execute(plan, [p])"
    )
    assert statements(stored) == ["prepare: S $1"]
    assert statements("plan = plpy.prepare('S ' + p)\nplpy.execute(plan)") == ["prepare: S {raw:p}"]
    assert statements("x = plpy.prepare('S') if n else p\nplpy.execute(x)") == ["prepare: S", "execute: {raw:p}"]


def test_rows_of_a_query() -> None:
    body = "for row in plpy.cursor('S'):\n    plpy.execute(row['a'] + plpy.quote_ident(row['b']))\n"
    body += "plpy.execute(plpy.execute('T')[0]['c'])"
    assert statements(body) == ["cursor: S", "execute: {raw:a}{identifier:b}", "execute: {raw:c}", "execute: T"]


def test_trigger_data() -> None:
    body = "plpy.execute(TD['event'] + ' ' + TD['args'][0] + TD['new']['x'] + str(TD['relid']) + TD['table_name'])"
    (found,) = statements(body, "trigger")
    assert found == (
        "execute: (INSERT|UPDATE|DELETE|TRUNCATE) {raw:TG_ARGV}{raw:NEW}{inert:a number}{raw:TG_TABLE_NAME}"
    )


def test_positions_and_the_way() -> None:
    body = "# ünïcödé\nsql = 'é' + p ; plpy . execute(sql)"
    result, text = analysed(body)
    (site,) = result.sites
    assert text[site.place.start : site.place.end] == "plpy . execute"
    (hole,) = holes(site.statement)
    assert hole.place is not None
    assert [text[step.place.start : step.place.end] for step in hole.path] == ["sql"]
    (const, _) = site.statement.parts if isinstance(site.statement, Seq) else (None, None)
    assert isinstance(const, Const)
    assert const.place is not None
    assert text[const.place.start : const.place.end] == "é"


def test_a_body_that_is_no_python_is_unknown() -> None:
    result, text = analysed("x = = 1\nplpy.execute('x')\nplpy.prepare('y')")
    assert result.problem == "the body is no Python: SyntaxError"
    assert [text[site.place.start : site.place.end] for site in result.sites] == ["plpy.execute", "plpy.prepare"]


@pytest.mark.parametrize(
    ("language", "body", "names"),
    [
        ("plperl", "my $r = spi_exec_query('SELECT 1'); spi_query($x);", ["spi_exec_query", "spi_query"]),
        ("pltcl", "spi_exec $x", ["spi_exec"]),
        ("plv8", "plv8.execute(x)", ["plv8.execute"]),
        ("plperl", "return 1;", []),
        ("plr", "x <- 1", []),
    ],
)
def test_other_languages_are_not_analysed(language: str, body: str, names: list[str]) -> None:
    result, _ = analysed(body, language=language)
    assert [site.kind for site in result.sites] == names
    assert bool(result.problem) is bool(names)


def test_endless_nesting_and_long_bodies_end() -> None:
    began = time.monotonic()
    for body in (
        "plpy.execute(" + "(" * 5000 + ")" * 5000 + ")",
        "plpy.execute(" + "'a' + " * 20_000 + "p)",
        "\n".join(" " * depth + "for i in cols:" for depth in range(90)) + "\n" + " " * 90 + "plpy.execute(p)",
        "\n".join(" " * depth + f"while s{depth}:" for depth in range(18))
        + "\n"
        + " " * 18
        + "s1 += p; plpy.execute(s1)",
        "\n".join(f"def f{i}(x):\n    f{i + 1}(x); f{i + 1}(x + 'a')" for i in range(60))
        + "\ndef f60(x):\n    plpy.execute(x)\nf0(p)",
        "plpy.execute(p)\n" * 30_000,
    ):
        result, _ = analysed(body)
        assert result.sites
        assert all("{raw:" in show(site.statement) for site in result.sites)
    assert time.monotonic() - began < 120, "seconds: about 5 in all"


class Recorder:
    """Stands for the module plpy while Python itself runs a body."""

    def __init__(self) -> None:  # noqa: D107
        self.run: list[str] = []

    def execute(self, query: str) -> list[dict[str, str]]:
        """Note the query; one row."""
        self.run.append(query)
        return [{"a": "x'y", "b": 'k"'}]

    def quote_ident(self, text: str) -> str:
        """As the server does."""
        return text if re.fullmatch("[a-z_]+", text) else '"' + text.replace('"', '""') + '"'

    def quote_literal(self, text: str) -> str:
        """As the server does without backslashes."""
        return "'" + text.replace("'", "''") + "'"


PATTERNS = {
    Quoting.RAW: "(?s:.*)",
    Quoting.FIXED: "(?s:.*)",
    Quoting.IDENTIFIER: '(?:[a-z_]+|"(?:[^"]|"")*")',
    Quoting.LITERAL: "(?:'(?:[^']|'')*')",
    Quoting.INERT: r"(?:-?[\d.]+|True|False|[0-9a-f-]{36})",
    Quoting.WORD: r"[\w$]*",
}


def pattern(text: Text) -> str:
    """A regular expression for every text that the value stands for."""
    match text:
        case Const(written):
            return re.escape(written)
        case Hole(quoting):
            return PATTERNS[quoting]
        case Seq(parts):
            return "".join(map(pattern, parts))
        case Alt(choices):
            return "(?:" + "|".join(map(pattern, choices)) + ")"
        case Star(inside):  # what may be anything is so once: else the matching takes exponential time
            anything = any(hole.quoting in {Quoting.RAW, Quoting.FIXED} for hole in holes(inside))
            return "(?s:.*)" if anything else f"(?:{pattern(inside)})*"
        case Ref():
            raise AssertionError("a reference is left")


ARGUMENTS: dict[str, Any] = {
    "p": "a'b\"; --",
    "q": "Name\n",
    "n": 2,
    "cols": ["x", "y'z"],
    "u": "0" * 36,
    "r": {"a": "'"},
}


def outside(body: str) -> list[str]:
    """Statements that Python runs and that are in no site's language; the body may raise what it likes."""
    recorder = Recorder()
    scope: dict[str, Any] = {"plpy": recorder, "SD": {}, "GD": {}}
    source = "def body(p, q, n, cols, u, r):\n    " + body.replace("\n", "\n    ") + "\n    return None\n"
    exec(source, scope)  # noqa: S102 - the test's own programs
    with contextlib.suppress(TypeError, ValueError, NameError, KeyError, IndexError, AttributeError):
        scope["body"](**{name: list(value) if name == "cols" else value for name, value in ARGUMENTS.items()})
    recorder.run = [query for query in recorder.run if len(str(query)) < 2000]  # loops double texts
    known = [pattern(site.statement) for site in analysed(body)[0].sites]
    return [
        query for query in recorder.run if isinstance(query, str) and not any(re.fullmatch(one, query) for one in known)
    ]


@pytest.mark.parametrize("body", [*SAFE, *RAW])
def test_what_python_really_runs_is_covered(body: str) -> None:
    if "import plpy" not in body and "from plpy" not in body and not body.startswith("  "):
        assert outside(body) == []


def test_a_wrong_value_is_seen_by_the_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pggit_excellence.scan.flow.python_expressions.printed", lambda _: Const("?"))
    assert outside("plpy.execute('SELECT ' + p)") == ["SELECT a'b\"; --"]


TEXTS = st.sampled_from(
    [
        "p",
        "q",
        "s",
        "t",
        "'k'",
        "'a, '",
        "plpy.quote_ident(p)",
        "plpy.quote_literal(s)",
        "str(n)",
        "f'{s} {n}'",
        "'%s-%d' % (t, n)",
        "'{}|{}'.format(s, t)",
        "', '.join(l)",
        "s.lower()",
        "t.strip()",
        "s.replace('a', t)",
        "s[1:]",
        "l[0]",
        "d['x']",
        "d.get('y', s)",
        "(s if n else t)",
        "(s or t)",
        "' '.join(x + 'c' for x in l)",
        "helper(s)",
        "add(l)",
        "''.join(sorted(l))",
        "l.pop()",
        "plpy.execute('S')[0]['a']",
        "''.join([plpy.quote_ident(x) for x in cols])",
        "{'a': s, 'b': t}[d.get('k', 'a')]",
    ]
)
SIMPLE = st.one_of(
    st.builds("s = {}".format, TEXTS),
    st.builds("t = {} + {}".format, TEXTS, TEXTS),
    st.builds("s += {}".format, TEXTS),
    st.builds("l.append({})".format, TEXTS),
    st.builds("m = l\nm.append({})".format, TEXTS),
    st.builds("l = [{}, {}]".format, TEXTS, TEXTS),
    st.builds("l += [{}]".format, TEXTS),
    st.builds("d['x'] = {}".format, TEXTS),
    st.builds("d[{}] = {}".format, TEXTS, TEXTS),
    st.builds("s, t = t, {}".format, TEXTS),
    st.builds("plpy.execute({})".format, TEXTS),
    st.sampled_from(
        [
            "break",
            "continue",
            "return",
            "n -= 1",
            "raise ValueError",
            "d = {'x': t}",
            "l.sort()",
            "d['l'] = l",
            "l = []",
        ]
    ),
)


def _indent(body: list[str]) -> str:
    return "\n".join(("\n".join(body) or "pass").split("\n")).replace("\n", "\n    ")


def _nest(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    body = st.lists(inner, min_size=1, max_size=3).map(_indent)
    return st.one_of(
        st.builds("if {} == 'k':\n    {}\nelse:\n    {}".format, TEXTS, body, body),
        st.builds("if s not in ('k', 'm'):\n    {}".format, body),
        st.builds("for c in cols:\n    s = s + c\n    {}".format, body),
        st.builds("for c in l[:2]:\n    {}".format, body),
        st.builds("for i in range(n):\n    {}".format, body),
        st.builds("try:\n    {}\nexcept Exception:\n    {}".format, body, body),
    )


START = """s = 'k'
t = 'start'
l = ['one']
d = {'x': 'two'}
def helper(x):
    return plpy.quote_ident(x) + t
def add(y):
    y.append(s)
    return y[0]
"""


@settings(deadline=None, max_examples=100)
@given(st.lists(st.recursive(SIMPLE, _nest, max_leaves=3), min_size=1, max_size=6))
@example(["s = add(l)"])
@example(["l.append(p)", "m = l\nm.append(q)", "plpy.execute(', '.join(l))"])
def test_what_python_runs_of_random_bodies_is_covered(parts: list[str]) -> None:
    body = (
        START + "\n".join(parts) + "\nplpy.execute(s)\nplpy.execute(t)\nplpy.execute(' '.join(l))\nplpy.execute(d['x'])"
    )
    try:
        compile("def f():\n  while True:\n    " + body.replace("\n", "\n    "), "", "exec")
        compile("def f():\n    " + body.replace("\n", "\n    "), "", "exec")
    except SyntaxError:  # break outside of a loop
        return
    assert outside(body) == []
