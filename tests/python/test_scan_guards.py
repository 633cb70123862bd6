"""What conditions prove, and what only looks like a proof."""

from __future__ import annotations

import pytest

from pggit_excellence.scan.values.patterns import proves
from scan_bodies import verdict, verdicts

pytestmark = pytest.mark.once

LEAVES = "IF {} THEN RAISE EXCEPTION 'no'; END IF; EXECUTE 'SELECT 1 ORDER BY 1 ' || p;"
ENTERS = "IF {} THEN EXECUTE 'SELECT 1 ORDER BY 1 ' || p; END IF;"


@pytest.mark.parametrize(
    "condition",
    [
        "p NOT IN ('asc', 'desc')",
        "NOT p IN ('asc', 'desc')",
        "NOT (p = 'asc' OR p = 'desc')",
        "p <> 'asc' AND p <> 'desc'",
        "p != 'asc'",
        "'asc' <> p",
        "p <> ALL (ARRAY['asc', 'desc'])",
        "p <> ALL ('{asc,desc}')",
        "NOT (p = ANY (ARRAY['asc', 'desc']))",
        "NOT (p = ANY ('{asc,desc}'::text[]))",
        "NOT p = ANY (allowed)",
        "(p IN ('asc', 'desc')) IS NOT TRUE",
        "p IS DISTINCT FROM 'asc'",
        "p IS NULL OR p NOT IN ('asc', 'desc')",
        "q = '' OR p NOT IN ('asc', 'desc')",
        "lower(p) NOT IN ('asc', 'desc')",
        "coalesce(p, '') NOT IN ('asc', 'desc')",
        "coalesce(p NOT IN ('asc', 'desc'), true)",
        "p !~ '^[a-z]+$'",
        "NOT (p ~ '^(asc|desc)$')",
        "p !~* '^[a-z_][a-z0-9_]*$'",
        "p <> quote_ident(p)",
        "p NOT IN (SELECT unnest(ARRAY['asc', 'desc']))",
        "p::text NOT IN ('asc', 'desc')",
        "p <> ''",
        "length(p) > 0",
    ],
)
def test_guard_that_leaves(condition: str) -> None:
    assert verdict(LEAVES.format(condition), declare="allowed text[] := ARRAY['asc', 'desc'];") == "safe"


@pytest.mark.parametrize(
    "condition",
    [
        "p NOT IN ('asc', q)",
        "p NOT IN ('asc', NULL)",
        "p <> ALL (ARRAY['asc', NULL])",
        "p <> ALL ('{asc,NULL}')",
        "NOT (p = ANY (never))",
        "p <> md5(q)",
        "p <> q",
        "p NOT IN ('asc', 'desc') AND q = ''",
        "p <> 'asc' AND NULL",
        "p IN ('asc', 'desc')",
        "p = 'asc'",
        "lower(q) NOT IN ('asc', 'desc')",
        "left(p, 3) NOT IN ('asc', 'des')",
        "p NOT LIKE 'asc%'",
        "p !~ '[a-z]+$'",
        "p !~ '^[a-z]+'",
        "p !~ '^.*$'",
        "p !~ '^[a-z ;]+$'",
        "p !~ '(?n)^[a-z]+$'",
        "p !~ '^a|b$'",
        "p !~ '^[^;]+$'",
        "p !~ q",
        "NOT EXISTS (SELECT 1 FROM pg_class WHERE relname = p)",
        "to_regclass(p) IS NULL",
        "p IS NULL",
        "p || q NOT IN ('asc', 'desc')",
        "(p IN ('asc', 'desc')) IS TRUE",
        "p NOT IN (SELECT relname FROM pg_class)",
    ],
)
def test_no_guard(condition: str) -> None:
    assert verdict(LEAVES.format(condition), declare="never text[];") == "unsafe"


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("p IN ('asc', 'desc')", "safe"),
        ("p IN ('asc', NULL)", "safe"),
        ("p = 'asc' OR p = 'desc'", "safe"),
        ("p = 'asc' AND q = 'x'", "safe"),
        ("p = 'asc' OR q = 'x'", "unsafe"),
        ("NOT p = 'asc'", "unsafe"),
        ("NOT (p <> 'asc')", "safe"),
        ("p = md5(q)", "safe"),
        ("p ~ '^[a-z]+$'", "safe"),
        ("p IS NULL", "safe"),
        ("p IS NOT NULL", "unsafe"),
        ("p <> 'asc'", "unsafe"),
        ("p = quote_ident(q)", "unsafe"),
        ("nullif(p, q) IS NULL", "unsafe"),
    ],
)
def test_inside_of_a_branch(condition: str, expected: str) -> None:
    assert verdict(ENTERS.format(condition)) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("IF p NOT IN ('a') THEN RAISE EXCEPTION 'no'; END IF; p := q; EXECUTE p;", "by_design"),
        ("IF p NOT IN ('a') THEN RAISE WARNING 'no'; END IF; EXECUTE 'ANALYZE ' || p;", "unsafe"),
        ("IF p NOT IN ('a') THEN p := 'a'; END IF; EXECUTE 'ANALYZE ' || p;", "safe"),
        ("IF p IN ('a') THEN NULL; ELSE RETURN; END IF; EXECUTE 'ANALYZE ' || p;", "safe"),
        ("IF p IN ('a') THEN NULL; END IF; EXECUTE 'ANALYZE ' || p;", "unsafe"),
        ("ASSERT p IN ('a'); EXECUTE 'ANALYZE ' || p;", "unsafe"),
        ("CASE p WHEN 'a', 'b' THEN EXECUTE 'ANALYZE ' || p; ELSE NULL; END CASE;", "safe"),
        ("CASE p WHEN 'a' THEN NULL; ELSE EXECUTE 'ANALYZE ' || p; END CASE;", "unsafe"),
        ("CASE WHEN p = 'a' THEN NULL; END CASE; EXECUTE 'ANALYZE ' || p;", "safe"),
        ("EXECUTE 'ANALYZE ' || CASE WHEN p IN ('a', 'b') THEN p ELSE 'a' END;", "safe"),
        ("EXECUTE 'ANALYZE ' || CASE WHEN p NOT IN ('a', 'b') THEN 'a' ELSE p END;", "safe"),
        ("EXECUTE 'ANALYZE ' || CASE WHEN p NOT IN ('a', 'b') THEN p ELSE 'a' END;", "unsafe"),
        ("EXECUTE 'ANALYZE ' || CASE p WHEN 'a' THEN p ELSE 'b' END;", "safe"),
        ("LOOP EXIT WHEN p = 'a'; END LOOP; EXECUTE 'ANALYZE ' || p;", "safe"),
        ("WHILE p <> 'a' LOOP p := q; END LOOP; EXECUTE 'ANALYZE ' || p;", "safe"),
        ("FOR i IN 1..2 LOOP CONTINUE WHEN p <> 'a'; EXECUTE 'ANALYZE ' || p; END LOOP;", "safe"),
        ("IF p <> 'a' THEN RETURN; END IF; FOR i IN 1..2 LOOP EXECUTE 'ANALYZE ' || p; p := q; END LOOP;", "unsafe"),
        ("IF p <> 'a' THEN RAISE 'no'; END IF; SELECT q INTO p; EXECUTE 'ANALYZE ' || p;", "unsafe"),
        ("BEGIN IF p <> 'a' THEN RAISE 'no'; END IF; EXCEPTION WHEN OTHERS THEN NULL; END; EXECUTE 'ANALYZE ' || p;",
         "unsafe"),
        ("IF p <> 'a' THEN RAISE 'no'; END IF; DECLARE p text := q; BEGIN EXECUTE 'ANALYZE ' || p; END;", "unsafe"),
    ],
)  # fmt: skip
def test_guards_in_the_flow(body: str, expected: str) -> None:
    assert verdicts(body)[-1] == expected


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        ("ARRAY['a', 'b']", "safe"),
        ("'{a,b}'::text[]", "safe"),
        ("string_to_array('a,b', ',')", "safe"),
        ("string_to_array('a,b', ',', 'b')", "unsafe"),
        ("string_to_array('a,b' || n, ',')", "unsafe"),
        ("ARRAY['a', 'b' || n]", "unsafe"),
        ("array_append('{a}', 'b' || n)", "unsafe"),
        ("l", "safe"),
        ("m", "unsafe"),
    ],
)
def test_null_in_a_list(array: str, expected: str) -> None:
    """It lets everything pass, and may be where a constant seems to be: 'b' || n is NULL where n is."""
    declare = "n text; l text[] := ARRAY['a', 'b']; m text[] := ARRAY['a', 'b' || n];"
    assert verdict(LEAVES.format(f"p <> ALL ({array})"), declare=declare) == expected


@pytest.mark.parametrize(
    ("between", "expected"),
    [
        ("", "safe"),
        ("q := 'x';", "safe"),
        ("IF ok THEN NULL; END IF;", "safe"),
        ("ok := ok AND q = 'x';", "safe"),
        ("p := q;", "unsafe"),
        ("ok := true;", "unsafe"),
        ("IF q = 'x' THEN ok := true; END IF;", "unsafe"),
        ("WHILE NOT ok LOOP ok := true; END LOOP;", "unsafe"),
        ("FOR i IN 1..2 LOOP p := q; END LOOP;", "unsafe"),
        ("SELECT q INTO p;", "unsafe"),
        ("BEGIN p := q; PERFORM 1 / 0; EXCEPTION WHEN others THEN NULL; END;", "unsafe"),
        ("BEGIN PERFORM 1 / 0; EXCEPTION WHEN others THEN ok := true; END;", "unsafe"),
        ("SELECT true INTO ok;", "unsafe"),
        ("ok := ok OR q = 'x';", "unsafe"),
    ],
)
def test_an_outcome_that_is_kept(between: str, expected: str) -> None:
    """It proves something until it or the text is assigned; NULL counts as with the condition itself."""
    body = f"ok := p IN ('a', 'b'); {between} IF NOT ok THEN RAISE EXCEPTION 'no'; END IF; EXECUTE 'ANALYZE ' || p;"
    assert verdict(body, declare="ok boolean;") == expected


def test_fields() -> None:
    body = "IF r.a <> 'x' THEN RETURN; END IF; EXECUTE 'ANALYZE ' || r.{};"
    declare = "r record;"
    first = "SELECT p AS a, q AS b INTO r; "
    assert verdict(first + body.format("a"), declare=declare) == "safe"
    assert verdict(first + body.format("b"), declare=declare) == "unsafe"


@pytest.mark.parametrize("kind", ["json", "bytea", "my_type"])
def test_equality_of_other_types_proves_nothing(kind: str) -> None:
    """Their = need not compare the text."""
    assert verdict(LEAVES.format("p <> 'a'"), parameters=f"p {kind}") == "unsafe"


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("^[a-z]+$", "word"),
        (r"^\d+$", "inert"),
        (r"^\w*$", "word"),
        ("^[[:alnum:]_]{1,63}$", "word"),
        ("^(?:a|b_c)+$", "word"),
        (r"^[a-z\d_]+$", "word"),
        (r"^[a-z_][a-z\d_$]*$", "word"),
        (r"^[a-z\d_$]+$", None),  # $$ begins a quote
        (r"^[a-z]?[a-z$]*$", None),
        (r"^[a-z\d][a-z$]*$", None),
        (r"^(?:a|\$)[a-z$]*$", None),
        ("^[0-9]{4}$", "inert"),
        ("^a$|^b$", None),
        ("^[a-z]+", None),
        ("[a-z]+$", None),
        ("^[a-z.]+$", None),
        ("^[A-z]+$", None),
        ("^[a-z-]+$", None),
        ("^[^a]$", None),
        ("^(a$", None),
        (r"^\S+$", None),
        (r"\A[a-z]+\Z", None),
        ("(?n)^a$", None),
        ("***:^a$", None),
        ("^.$", None),
        ("", None),
        ("^(?=a)b$", None),
    ],
)
def test_patterns(pattern: str, expected: str | None) -> None:
    assert proves(pattern) == expected


CHECKS = """
    CREATE FUNCTION named(x text) RETURNS void LANGUAGE plpgsql STRICT AS $$
    BEGIN IF x !~ '^[a-z_]+$' THEN RAISE EXCEPTION 'no name'; END IF; END $$;
    CREATE PROCEDURE listed(x text, what text) LANGUAGE plpgsql AS $$
    BEGIN IF x IS NULL OR x NOT IN ('a', 'b') THEN RAISE EXCEPTION '%', what; END IF; END $$;
    CREATE FUNCTION often(x text, what text) RETURNS void LANGUAGE plpgsql STRICT AS $$
    BEGIN IF x !~ '^[a-z_]+$' THEN RAISE EXCEPTION '%', what; END IF; END $$;
    CREATE FUNCTION early(x text) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN IF x LIKE 'p%' THEN RETURN; END IF; IF x !~ '^[a-z_]+$' THEN RAISE EXCEPTION 'no'; END IF; END $$;
    CREATE FUNCTION other(x text) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN x := 'a'; IF x !~ '^[a-z_]+$' THEN RAISE EXCEPTION 'no'; END IF; END $$;
    CREATE FUNCTION caught(x text) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN IF x !~ '^[a-z_]+$' THEN RAISE EXCEPTION 'no'; END IF; EXCEPTION WHEN others THEN RAISE NOTICE 'no'; END $$;
    CREATE FUNCTION shorter(x name) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN IF x::text !~ '^[a-z_]+$' THEN RAISE EXCEPTION 'no'; END IF; END $$;
"""


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        ("PERFORM named(p);", "safe"),
        ("CALL listed(p, 'x');", "safe"),
        ("PERFORM named('a');", "unsafe"),
        ("PERFORM named(p || '');", "unsafe"),
        ("PERFORM named(p) WHERE p > '';", "unsafe"),
        ("BEGIN PERFORM named(p); EXCEPTION WHEN others THEN NULL; END;", "unsafe"),
        ("IF p > '' THEN PERFORM named(p); END IF;", "unsafe"),
        ("PERFORM often(p, NULL);", "unsafe"),
        ("PERFORM early(p);", "unsafe"),
        ("PERFORM other(p);", "unsafe"),
        ("PERFORM caught(p);", "unsafe"),
        ("PERFORM shorter(p);", "unsafe"),
    ],
)
def test_check_in_a_function_of_its_own(check: str, expected: str) -> None:
    """What a called function refuses by an error, on each of its ways, is not in the variable behind the call."""
    assert verdict(f"{check} EXECUTE 'ANALYZE ' || p;", before=CHECKS) == expected
