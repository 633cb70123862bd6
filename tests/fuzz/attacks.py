"""The differential property: what the scanner calls safe is attacked on a real server, and nothing may get through.

A function is created, called with hostile text from each of its sources in turn (and from all at once), and taken back;
the server itself goes through the attacks, so that one round trip is enough for a function.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

import psycopg

import routines
from pggit_excellence.scan.model import Verdict
from pggit_excellence.server import Server
from probe_set import ATTACKS, WORLD
from properties import Broken, verdict
from routines import Routine

DATABASE = "fuzz"
# Runs every attack from every source that the function reads; returns the first that reached pwn().
ATTACKER = """
CREATE FUNCTION attack(sources text[], texts text[]) RETURNS text LANGUAGE plpgsql AS $attack$
DECLARE
    source text; hostile text; before bigint; after bigint; number integer; a text[];
BEGIN
    FOREACH source IN ARRAY sources || 'all'::text LOOP
        FOREACH hostile IN ARRAY texts LOOP
            FOREACH number IN ARRAY ARRAY[1, 0, 2] LOOP
                SELECT s.last_value + s.is_called::integer INTO before FROM public.pwned AS s;
                a := ARRAY['id', 'id', 'id', 'id', 'id'];
                FOR i IN 1..5 LOOP
                    IF source = 'all' OR source = (ARRAY['p_a', 'p_b', 'p_list', 'p_j', 'notes'])[i] THEN
                        a[i] := hostile;
                    END IF;
                END LOOP;
                BEGIN
                    UPDATE public.notes SET note = a[5];
                    PERFORM * FROM fuzzed(a[1], a[2], ARRAY[a[3], a[3]], jsonb_build_object('k', a[4]),
                                          number, (ARRAY[true, false, NULL])[number + 1]);
                    RAISE EXCEPTION 'take it back';
                EXCEPTION WHEN OTHERS OR assert_failure OR query_canceled THEN NULL;
                END;
                SELECT s.last_value + s.is_called::integer INTO after FROM public.pwned AS s;
                IF after <> before THEN
                    RETURN format('%s = %s, p_n = %s', source, hostile, number);
                END IF;
            END LOOP;
        END LOOP;
    END LOOP;
    RETURN NULL;
END
$attack$;
"""
SOURCES = ("p_a", "p_b", "p_list", "p_j", "notes")
HOSTILE = [text for text in ATTACKS if text and "pwn(" in text]


@dataclass
class Score:
    """How many functions were called safe and attacked, and how many could not even be created."""

    attacked: int = 0
    broken: int = 0
    exploited: int = 0


@contextmanager
def world(server: Server) -> Iterator[psycopg.Connection]:
    """A database to attack in; its connection is inside a transaction that is rolled back."""
    with server.connect() as connection:
        connection.execute(f"CREATE DATABASE {DATABASE} TEMPLATE template0")
    try:
        with server.connect(DATABASE) as connection:
            connection.execute(WORLD.read_text(encoding="utf-8"))
            connection.execute(f"{routines.WORLD}; {ATTACKER}".encode())
            connection.execute("SET statement_timeout = '20s'; SET client_min_messages = error")
            connection.execute("SET escape_string_warning = off; SET check_function_bodies = off")
            with connection.transaction(force_rollback=True):
                yield connection
    finally:
        with server.connect() as connection:
            connection.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


def through(connection: psycopg.Connection, routine: Routine) -> str | None:
    """The attack that reached pwn(), if any does; psycopg.Error where the function cannot be created."""
    text = routine.text
    sources = [source for source in SOURCES if source in text]
    for strings in ("on", "off"):
        hostile = [attack for attack in HOSTILE if strings == "on" or "\\" in attack + text]
        try:
            connection.execute(f"SAVEPOINT f; SET LOCAL standard_conforming_strings = on; {text}".encode())
            connection.execute(f"SET LOCAL standard_conforming_strings = {strings}".encode())
            row = connection.execute("SELECT attack(%s, %s)", (sources, hostile)).fetchone()
        finally:
            connection.execute("ROLLBACK TO SAVEPOINT f")
        if row is not None and row[0] is not None:
            return f"standard_conforming_strings = {strings}, {row[0]}"
    return None


def safe_resists(connection: psycopg.Connection, dice: Random, score: Score) -> str:
    """What is called safe is safe; other functions are not attacked."""
    make = dice.choice((routines.of_any_kind, routines.of_any_kind, routines.of_any_kind, routines.well_quoted))
    routine = make(dice)
    if verdict(routine.text) is not Verdict.SAFE:
        return routine.text
    try:
        attack = through(connection, routine)
    except psycopg.Error:
        score.broken += 1
        return routine.text
    score.attacked += 1
    if attack is not None:
        raise Broken(f"safe, but {attack} gets through", routine.text)
    return routine.text
