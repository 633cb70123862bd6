"""The differential property: what the scanner calls safe is attacked on a real server, and nothing may get through.

A function is created, called with hostile text from each of its sources in turn (and from all at once), and taken back;
the server itself goes through the attacks, so that one round trip is enough for a function.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

import psycopg

import routines
from pggit_excellence.scan.inputs.lexer import Kind, tokens
from pggit_excellence.scan.model import Verdict
from pggit_excellence.server import Server
from probe_set import ATTACKS, WORLD
from properties import Broken, verdict
from routines import Routine

DATABASE = "fuzz"
# Calls a function with each text from each source in turn, and from all at once; an answer or NULL for each call.
CALLER = """
CREATE FUNCTION calls(sources text[], texts text[]) RETURNS TABLE (source text, hostile text, number integer, answer text)
LANGUAGE plpgsql AS $calls$
#variable_conflict use_column
DECLARE a text[];
BEGIN
    FOR source, hostile, number IN
        SELECT s, t, n FROM unnest(sources || 'all'::text) AS s, unnest(texts) AS t, generate_series(0, 2) AS n
    LOOP
        a := ARRAY(
            SELECT CASE WHEN calls.source IN (name, 'all') THEN calls.hostile ELSE 'id' END
            FROM unnest(ARRAY['p_a', 'p_b', 'p_list', 'p_j', 'notes']) WITH ORDINALITY AS w(name, place) ORDER BY place
        );
        answer := NULL;
        BEGIN
            UPDATE public.notes SET note = a[5];
            SELECT string_agg(f, E'\\x01') INTO answer
            FROM fuzzed(a[1], a[2], ARRAY[a[3], a[3]], jsonb_build_object('k', a[4]),
                        number, (ARRAY[true, false, NULL])[number + 1]) AS f;
            RAISE EXCEPTION 'take it back';
        EXCEPTION WHEN OTHERS OR assert_failure OR query_canceled THEN NULL;
        END;
        RETURN NEXT;
    END LOOP;
END
$calls$;
"""
SOURCES = ("p_a", "p_b", "p_list", "p_j", "notes")
# In a statement that is only shown: each leaves what it stands in, and goes on with code that is easily found.
CODE = "@pwn@"
LEAVING = (
    CODE,
    f" {CODE} ",
    f"x' {CODE} '",
    f"x'' {CODE} --",
    f"'' ' {CODE} --",
    f'x" {CODE} "',
    f'x"" {CODE} --',
    f"x\\' {CODE} --",
    f"\\' {CODE} --",
    f"$$ {CODE} $$",
    f"$q$ {CODE} $q$",
    f"*/ {CODE} /*",
    f"\n{CODE}\n",
    f"1_{CODE}_1",
    f"id', {CODE}",
    f"id;{CODE};",
    f"%' {CODE}",
    f"%s{CODE}%I",
    "x" * 62 + f"' {CODE}",
    "x" * 62 + f'" {CODE}',
)
# In a statement that is run: pwn() counts its calls whatever becomes of the transaction.
HOSTILE = [text for text in ATTACKS if text and "pwn(" in text]


@dataclass
class Score:
    """How many functions were called safe and attacked; how many of these the server did not even create."""

    attacked: int = 0
    refused: int = 0


@contextmanager
def world(server: Server) -> Iterator[psycopg.Connection]:
    """A database to attack in; its connection is inside a transaction that is rolled back."""
    with server.connect() as connection:
        connection.execute(f"CREATE DATABASE {DATABASE} TEMPLATE template0")
    try:
        with server.connect(DATABASE) as connection:
            connection.execute(WORLD.read_text(encoding="utf-8"))
            connection.execute(f"{routines.WORLD}; {CALLER}".encode())
            connection.execute("SET statement_timeout = '20s'; SET client_min_messages = error")
            connection.execute("SET escape_string_warning = off; SET check_function_bodies = off")
            with connection.transaction(force_rollback=True):
                yield connection
    finally:
        with server.connect() as connection:
            connection.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


def called(connection: psycopg.Connection, text: str, hostile: list[str], strings: str = "on") -> list[tuple[Any, ...]]:
    """(source, hostile text, p_n, answer) of each call of the function; psycopg.Error where it cannot be created."""
    sources = [source for source in SOURCES if source in text]
    try:
        connection.execute(f"SAVEPOINT f; {text}; SET LOCAL standard_conforming_strings = {strings}".encode())
        return connection.execute("SELECT * FROM calls(%s, %s)", (sources, hostile)).fetchall()
    finally:
        connection.execute("ROLLBACK TO SAVEPOINT f")


def is_code(statement: str) -> bool:
    """Whether what the attacks bring is code in the statement, and not inside a name, a string or a comment."""
    words = [statement[token.start : token.end].lower() for token in tokens(statement) if token.kind is not Kind.COMMENT]
    return any(words[at : at + 3] == ["@", "pwn", "@"] for at in range(len(words)))


def shows_code(connection: psycopg.Connection, routine: Routine) -> str | None:
    """The first attack that becomes code in the statement that the function builds."""
    for source, hostile, number, answer in called(connection, routine.showing, list(LEAVING)):
        if answer is not None and any(map(is_code, answer.split("\x01"))):
            return f"{source} = {hostile!r} with p_n = {number} becomes code in {answer!r}"
    return None


def runs_code(connection: psycopg.Connection, routine: Routine, hostile: list[str], strings: str) -> str | None:
    """Whether one of the attacks reaches pwn() when the function runs."""

    def count() -> object:
        row = connection.execute("SELECT s.last_value + s.is_called::integer FROM public.pwned AS s").fetchone()
        return row and row[0]

    before = count()
    called(connection, routine.text, hostile, strings)
    if count() == before:
        return None
    return f"pwn() was called with standard_conforming_strings = {strings}"


def safe_resists(connection: psycopg.Connection, dice: Random, score: Score, run: float = 0.1) -> str:
    """What is called safe is safe. Every function shows its statement; a share `run` of them runs it as well."""
    routine = dice.choice((*[routines.of_any_kind] * 5, routines.well_quoted))(dice)
    if verdict(routine.text) is not Verdict.SAFE:
        return routine.text
    really = dice.random() < run
    hostile = [dice.choice(HOSTILE) for _ in range(12)]
    strings = dice.choice(("on", "off"))
    try:
        attack = shows_code(connection, routine)
        if attack is None and really:
            attack = runs_code(connection, routine, hostile, strings)
    except psycopg.Error:
        score.refused += 1
        return routine.text
    score.attacked += 1
    if attack is not None:
        raise Broken(f"safe, but {attack}", routine.text)
    return routine.text
