"""Functions that make routines of what they are given: what is told of each caller, and how much is read for it."""

from __future__ import annotations

import itertools
import random

import pytest

from pggit_excellence.scan.analysis import analyse
from pggit_excellence.scan.config import Config
from pggit_excellence.scan.flow import making
from pggit_excellence.scan.inputs.build import build
from pggit_excellence.scan.inputs.program import SourceText
from pggit_excellence.scan.judge import verdicts
from pggit_excellence.scan.judge.generated import made_by
from pggit_excellence.scan.model import Analysis

pytestmark = pytest.mark.once

SAFE = "EXECUTE format(''DROP TABLE %I'', a);"
UNSAFE = "EXECUTE ''DROP TABLE '' || a;"
MAKERS = {
    "quoted": "EXECUTE 'CREATE FUNCTION f(a text) RETURNS void LANGUAGE plpgsql AS '"
    " || quote_literal('BEGIN ' || body || ' END')",
    "formatted": "EXECUTE format('CREATE FUNCTION f(a text) RETURNS void LANGUAGE plpgsql AS %L',"
    " 'BEGIN ' || body || ' END')",
    "another statement": "EXECUTE 'CREATE FUNCTION f(a text) RETURNS void LANGUAGE plpgsql AS '"
    " || quote_literal('BEGIN EXECUTE ''SELECT 1''; ' || body || ' END')",
    "anything": "EXECUTE body",
}


def function(name: str, parameters: str, body: str) -> str:
    """A function in PL/pgSQL."""
    return f"CREATE FUNCTION {name}({parameters}) RETURNS void LANGUAGE plpgsql AS $$ BEGIN\n{body};\nEND $$;\n"


def scan(*files: str) -> Analysis:
    """The analysis of the files, in this process."""
    sources = [SourceText(f"f{number}.sql", text) for number, text in enumerate(files)]
    return analyse(build(sources), Config(), isolated=False)


def told(found: Analysis) -> list[tuple[str, str, str, bool]]:
    return sorted((site.function, site.kind, site.verdict.value, site.nested) for site in found.sites)


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("files", [1, 3])
def test_each_caller_has_a_verdict_of_its_own(maker: str, files: int) -> None:
    """One gives safe code and one unsafe: whichever is looked at first, in one file or in several."""
    given = {"safe": SAFE, "unsafe": UNSAFE}
    wrap = "DO $x$ DECLARE a text := current_user; BEGIN {} END $x$" if maker == "anything" else "{}"
    callers = {name: function(name, "", f"PERFORM maker('{wrap.format(code)}')") for name, code in given.items()}
    parts = {**callers, "maker": function("maker", "body text", MAKERS[maker])}
    answers = []
    for order in itertools.permutations(parts):
        texts = [parts[name] for name in order]
        found = scan(*texts) if files > 1 else scan("".join(texts))
        answers.append(told(found))
        assert {(f.function, f.rule) for f in found.findings if f.function in given} >= {("unsafe", "PGX101")}
    of_callers = [site for site in answers[0] if site[0] in given and site[3]]
    assert {(name, verdict) for name, _, verdict, _ in of_callers} >= {("unsafe", "unsafe")}
    assert all(verdict == "safe" for name, _, verdict, _ in of_callers if name == "safe")
    assert all(answer == answers[0] for answer in answers)


def test_sites_are_where_the_statement_stands() -> None:
    """What a function of another file puts around the code has no place in the caller's file."""
    around = "EXECUTE 'CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $f$ BEGIN EXECUTE g(); ' || p || ' END $f$'"
    callers = "".join(function(f"c{number}", "", "PERFORM maker('EXECUTE current_user;')") for number in range(9))
    files = [function("maker", "p text", around).replace("$$", "$m$"), callers]
    found = scan(*files)
    assert sum(site.place.file == "f1.sql" for site in found.sites) == 9
    for site in found.sites:
        text = files[site.place.file == "f1.sql"]
        assert text[site.place.start : site.place.end] == "EXECUTE"


def test_versions_that_make_routines_and_call_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """A history of scripts: each call may mean every version, what these make calls them again."""
    read: list[object] = []

    def counted(*given: object) -> object:
        read.append(given[0])
        return made_by(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(making, "made_by", counted)
    versions = 40
    files = [
        function(
            "remake",
            "p text, q text",
            "EXECUTE 'CREATE FUNCTION ' || p || '() RETURNS void LANGUAGE plpgsql AS ' || quote_literal("
            f"'BEGIN EXECUTE ''SELECT {number} FROM '' || quote_ident(''x''); PERFORM remake(''a'', ''b''); END')",
        )
        + function("again", "p text", f"PERFORM remake(p, 'version {number}')")
        for number in range(versions)
    ]
    found = scan(*files)
    assert len(found.sites) == 2 * versions
    assert {(site.nested, site.verdict.value) for site in found.sites} == {(False, "unsafe"), (True, "safe")}
    assert len(read) <= 2 * versions
    assert not found.errors


def test_what_is_read_once_is_what_is_read_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random callers of random makers, with what was read used again and without."""
    rng = random.Random(3)
    codes = [SAFE, UNSAFE, "PERFORM 1;", "EXECUTE a;", "PERFORM maker1(a);", "PERFORM maker0(''EXECUTE a;'');"]
    ends = ["''", "p", "quote_ident(p)"]
    for _ in range(12):
        makers = [function(f"maker{at}", "body text", rng.choice([*MAKERS.values()])) for at in range(2)]
        calls = [f"PERFORM maker{at % 2}('{rng.choice(codes)}' || {rng.choice(ends)})" for at in range(6)]
        callers = [function(f"c{at}", "p text", call) for at, call in enumerate(calls)]
        texts = rng.sample([*makers, *callers], 8)
        with_reuse = scan(*texts), scan("".join(texts))
        with monkeypatch.context() as patch:
            patch.setattr(making._Makings, "is_told", lambda *_: False)
            for module in (making, verdicts):  # what was read, and what was judged
                patch.setattr(module, "written", lambda _: object())
            without = scan(*texts), scan("".join(texts))
        for one, other in zip(with_reuse, without, strict=True):
            assert (one.sites, one.findings) == (other.sites, other.findings)
