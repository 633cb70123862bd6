"""Whole psql scripts: meta-commands, variables, COPY data and what is broken, with all that is found in each."""

from __future__ import annotations

import pytest

from pggit_excellence.scan.analysis import scan_text

pytestmark = pytest.mark.once

BODY = """
DECLARE
    n bigint;
BEGIN
    EXECUTE 'SELECT count(*) FROM ' || {} INTO n;
    RETURN n;
END """
RAW, QUOTED = BODY.format("t"), BODY.format("quote_ident(t)")
HEAD = "(t text) RETURNS bigint LANGUAGE plpgsql AS"

GENERATED_QUOTED = r"""\set ON_ERROR_STOP on
\timing on
SELECT format('ANALYZE %I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = 'public' \gexec
\echo done
"""
GENERATED_RAW = r"""\set ON_ERROR_STOP on
SELECT 'ANALYZE ' || tablename
  FROM pg_tables
 WHERE schemaname = 'public'
\gexec
"""
VARIABLES = rf"""\set schema_name public
\if :{{?tablespace}}
\else
  \set tablespace pg_default
\endif
CREATE SCHEMA IF NOT EXISTS :"schema_name";
CREATE FUNCTION :"schema_name".f{HEAD} $${QUOTED}$$;
COMMENT ON FUNCTION :schema_name.f(text) IS :'tablespace';
"""
PROMPTED = rf"""\prompt 'schema? ' schema_name
CREATE FUNCTION :schema_name.f{HEAD} $fn${RAW}$fn$;
\df+ :schema_name.*
"""
DATA = rf"""CREATE TABLE copied (a text, b text);
COPY copied (a, b) FROM stdin;
EXECUTE 'x' || y	it's $$ unbalanced
$_$	'"
\.
CREATE FUNCTION f{HEAD} $${RAW}$$;
"""
BROKEN_STATEMENT = f"""CREATE TABEL oops (a int);
CREATE FUNCTION f{HEAD} $${QUOTED}$$;
CREATE FUNCTION g{HEAD} $${RAW}$$;
"""
BROKEN_BODY = f"""CREATE FUNCTION f{HEAD} $$
BEGIN
    IF t IS NULL THEN
        RETURN 0;
    END LOOP;
    EXECUTE 'SELECT count(*) FROM ' || t INTO n;
    RETURN n;
END $$;
CREATE FUNCTION g{HEAD} $${RAW}$$;
"""


@pytest.mark.parametrize(
    ("script", "sites", "rules"),
    [
        (GENERATED_QUOTED, [(3, "gexec", "safe")], []),
        (GENERATED_RAW, [(5, "gexec", "unsafe")], [(2, "PGX111")]),
        (VARIABLES, [(11, "execute", "safe")], []),
        (PROMPTED, [(6, "execute", "unsafe")], [(6, "PGX101")]),
        (DATA, [(10, "execute", "unsafe")], [(10, "PGX101")]),
        (BROKEN_STATEMENT, [(6, "execute", "safe"), (13, "execute", "unsafe")], [(1, "PGX901"), (13, "PGX101")]),
        (
            BROKEN_BODY,
            [(6, "execute", "not_proven"), (13, "execute", "unsafe")],
            [(6, "PGX901"), (13, "PGX101")],
        ),
    ],
    ids=["gexec_quoted", "gexec_raw", "variables", "prompted", "copy_data", "broken_statement", "broken_body"],
)
def test_script(script: str, sites: list[tuple[int, str, str]], rules: list[tuple[int, str]]) -> None:
    """Everything is found at its line, whatever stands around it."""
    found = scan_text(script)

    def line(start: int) -> int:
        return script.count("\n", 0, start) + 1

    assert [(line(site.place.start), site.kind, site.verdict.value) for site in found.sites] == sites
    assert sorted((line(finding.place.start), finding.rule) for finding in found.findings) == rules
