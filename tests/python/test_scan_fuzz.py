"""A bounded part of `tools/run fuzz`: random functions and damaged SQL, and defects planted in the scanner."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import attacks
import routines
from pggit_excellence.scan.flow import interpreter, loops, summaries
from pggit_excellence.scan.model import Verdict
from pggit_excellence.scan.plpgsql.token_reader import TokenReader
from pggit_excellence.scan.values import functions, terms
from pggit_excellence.scan.values.abstract import EMPTY
from pggit_excellence.server import Server
from properties import PROPERTIES, BrokenError, damage_is_survived, fault_is_seen, verdict

pytestmark = pytest.mark.once
Check = Callable[[Random], str]


@pytest.mark.parametrize("check", PROPERTIES, ids=lambda check: check.__name__)
def test_property(check: Check) -> None:
    @settings(
        derandomize=True,
        database=None,
        deadline=None,
        max_examples=25,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.randoms(use_true_random=False))
    def holds(dice: Random) -> None:
        check(dice)

    holds()


@pytest.fixture(scope="module")
def world(server: Server) -> Iterator[psycopg.Connection]:
    with attacks.world(server) as connection:
        yield connection


def test_what_is_called_safe_resists_attacks(world: psycopg.Connection) -> None:
    score = attacks.Score()
    for seed in range(40):
        attacks.safe_resists(world, Random(seed), score)
    assert score.attacked > 5
    assert score.refused == 0


def test_attacks_get_through_what_is_not_quoted(world: psycopg.Connection) -> None:
    found = [attacks.shows_code(world, routines.with_a_fault(Random(seed))) for seed in range(10)]
    assert sum(attack is not None for attack in found) > 6


# What the long run has found -----------------------------------------------------------------------------------------


def function(body: str) -> str:
    return (
        "CREATE FUNCTION first(VARIADIC x text[]) RETURNS text LANGUAGE plpgsql AS $h$ BEGIN RETURN x[1]; END $h$;\n"
        f"CREATE FUNCTION fuzzed({routines.PARAMETERS}) RETURNS SETOF text LANGUAGE plpgsql AS $f$\n"
        f"DECLARE t text[]; j jsonb; q people;\nBEGIN {body} END $f$;"
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("t := array_append(ARRAY['x'], 'TRUNCATE ' || first(p_a, 'id')); EXECUTE t[2];", Verdict.UNSAFE),
        ("EXECUTE 'TRUNCATE ' || first(quote_ident(p_a), 'people');", Verdict.SAFE),
        ("j := jsonb_build_object('k', quote_ident(p_a)); EXECUTE 'TRUNCATE ' || (j->>'k');", Verdict.SAFE),
        ("j := jsonb_build_object('k', p_a); EXECUTE 'TRUNCATE ' || (j->>'k');", Verdict.UNSAFE),
        ("q := ROW(1, p_a); EXECUTE 'TRUNCATE ' || q.name;", Verdict.UNSAFE),
        ("q := ROW(1, p_a); EXECUTE 'TRUNCATE ' || quote_ident(q.name);", Verdict.SAFE),
        ("EXECUTE 'TRUNCATE ' || coalesce('a' || NULL, p_a);", Verdict.UNSAFE),
    ],
)
def test_found_by_fuzzing(body: str, expected: Verdict) -> None:
    assert verdict(function(body)) is expected


def test_a_body_that_ends_in_create_is_survived() -> None:
    assert verdict(f"CREATE FUNCTION fuzzed({routines.PARAMETERS}) RETURNS void LANGUAGE plpgsql AS $f$\n"
                   "BEGIN EXECUTE p_a; CREATE $f$;") is not Verdict.SAFE  # fmt: skip


# Defects in the scanner that a property must see ----------------------------------------------------------------------


def nothing(*_: Any, **__: Any) -> Any:
    return EMPTY


def first_only(values: Any, *_: Any) -> Any:
    return next((value for value in values if value is not None), None)


Patch = Callable[[pytest.MonkeyPatch], None]


def instead(where: Any, what: str, broken: Any) -> Patch:
    """A patch of one attribute."""
    return lambda patch: patch.setattr(where, what, broken)


def without_loops(patch: pytest.MonkeyPatch) -> None:
    """Loops end as they began, and nobody looks twice."""
    patch.setattr(loops, "close", lambda entries, _: dict(entries))
    patch.setattr(loops, "covers", lambda *_, **__: True)


DEFECTS: dict[str, tuple[Patch, Check]] = {
    "loops change nothing": (without_loops, fault_is_seen),
    "only one branch counts": (instead(interpreter, "join_states", first_only), fault_is_seen),
    "a handler sees what was before its block": (
        instead(interpreter.Flow, "_caught", lambda _, entry, __: entry),
        fault_is_seen,
    ),
    "records have no fields": (instead(interpreter, "get_path", nothing), fault_is_seen),
    "arrays have no elements": (instead(terms.Terms, "subscript", nothing), fault_is_seen),
    "functions return nothing": (instead(summaries, "instantiate", nothing), fault_is_seen),
    "documents have no keys": (instead(terms.functions, "field_of", nothing), fault_is_seen),
    "rows are empty": (instead(interpreter, "spread", lambda _, count: [EMPTY] * count), fault_is_seen),
    "concat() gives nothing": (lambda patch: patch.setitem(functions.MODELS, "concat", nothing), fault_is_seen),
    "what was not parsed is lost": (instead(TokenReader, "executes", lambda *_: ()), damage_is_survived),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_planted_defect_is_seen(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    plant, check = DEFECTS[name]
    plant(monkeypatch)

    def run() -> None:
        for seed in range(200):
            check(Random(seed))

    with pytest.raises(BrokenError):
        run()
