"""Names that are no plain words, and other spellings of those that are: nothing may be left out for want of a name."""

from __future__ import annotations

import pytest

from pggit_excellence.scan.analysis import scan_text
from pggit_excellence.scan.config import Config
from pggit_excellence.scan.flow import relevance, summaries
from pggit_excellence.scan.flow.words import words

pytestmark = pytest.mark.once

# A name as it is defined, and as it is used.
SPELLINGS = [
    ("plain", "PLAIN"),
    ("plain", '"plain"'),
    ("plain", r'U&"pl\0061in"'),
    ("plain", "U&\"pl!0061in\" UESCAPE '!'"),
    ('"my-func"', 'public . "my-func"'),
    ('"my-func"', r'u&"my\+00002Dfunc"'),
    ('"My Func"', '"My Func"'),
    ('"my""func"', '"my""func"'),
    ('"a.b"', '"a.b"'),
    ('"1"', '"1"'),
    ('"+"', '"+"'),
    ('"--"', '"--"'),
    ('"$1"', '"$1"'),
    ('"It\'s"', '"It\'s"'),
    ("ünï→x", "üNï→X"),
    ('"ΑΣ"', '"ΑΣ"'),
    ('"😀"', r'U&"\D83D\DE00"'),
]
CALLS = [
    "PERFORM {}(p);",
    "SELECT {}(p) INTO STRICT v;",
    "RAISE NOTICE '%', 'it\"s' || {}('DROP ' || p);",
    "v := 1 + {}(p)::text::integer;",
    "FOR i IN 1..{}(p)::text::integer LOOP NULL; END LOOP;",
]
RUNS = "CREATE FUNCTION {}(a text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN EXECUTE a; RETURN a; END $$;\n"


def caller(body: str, declare: str = "v text;") -> str:
    return (
        f"CREATE FUNCTION caller(p text) RETURNS void LANGUAGE plpgsql AS $f$ DECLARE {declare} BEGIN {body} END $f$;"
    )


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("defined", "used"), SPELLINGS)
def test_a_call_by_any_name_is_followed(defined: str, used: str, call: str) -> None:
    analysis = scan_text(RUNS.format(defined) + caller(call.format(used)))
    assert [f.rule for f in analysis.findings if f.function == "caller"] in (["PGX101"], ["PGX102"])


VARIABLES = [
    "{} := p; EXECUTE {};",
    "SELECT p INTO {}; EXECUTE {};",
    "{} := {} || p; EXECUTE {};",
    "IF p <> '' THEN {} := p; END IF; EXECUTE '/* \" */ ' || {};",
    "FOR {} IN SELECT p LOOP EXECUTE {}; END LOOP;",
]


@pytest.mark.parametrize("body", VARIABLES)
@pytest.mark.parametrize(("defined", "used"), [pair for pair in SPELLINGS if "." not in pair[1]])
def test_a_variable_by_any_name_is_followed(defined: str, used: str, body: str) -> None:
    # PL/pgSQL itself takes no U&"": it stands in expressions only.
    *before, last = body.split("{}")
    text = defined.join(before) + used + last
    [site] = scan_text(caller(text, f"{defined} text := 'SELECT 1';")).sites
    assert site.verdict.value in {"unsafe", "by_design"}


@pytest.mark.parametrize("name", ["my-sink", "+", 'a"b', "Big"])
@pytest.mark.parametrize("statement", ["SELECT {}('DROP ' || x) FROM t;", "SELECT {} /* ( */ ('DROP ' || x) FROM t;"])
def test_a_sink_by_any_name_is_seen(name: str, statement: str) -> None:
    config = Config(sinks={("", name): 1})
    quoted = '"' + name.replace('"', '""') + '"'
    escaped = 'U&"' + "".join(f"\\{ord(character):04X}" for character in name) + '"'
    in_a_body = caller(statement.replace("SELECT", "PERFORM").replace("FROM t", "FROM (SELECT p AS x) t"))
    for text in (statement.format(quoted), statement.format(escaped), in_a_body.format(quoted)):
        [finding] = scan_text(text, config=config).findings
        assert finding.rule in {"PGX101", "PGX111"}


def test_a_name_that_is_missed_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the plain words alone the tests above fail."""

    def plain(code: str) -> frozenset[str]:
        return frozenset(word for word in words(code) if word.isidentifier())

    monkeypatch.setattr(relevance, "words", plain)
    monkeypatch.setattr(summaries, "words", plain)
    analysis = scan_text(RUNS.format('"my-func"') + caller('PERFORM "my-func"(p);'))
    assert [f for f in analysis.findings if f.function == "caller"] == []
    [site] = scan_text(caller('"1" := p; EXECUTE "1";', "\"1\" text := 'SELECT 1';")).sites
    assert site.verdict.value == "safe"


def test_words() -> None:
    assert words('SELECT a_1, B$ FROM "C d" WHERE \'x"\' = y') >= {"select", "a_1", "b$", "c d", "y"}
    assert "x" * 63 in words("x" * 80)
    assert words('""') == frozenset()
    assert "tab\tle" in words(r'U&"tab\0009le"')
    assert words(r'U&"\+FFFFFF\DC00"')  # no such character: no name either
