"""The part of `tools/run demo` that shows hardening: an ordinary role becomes superuser, then no longer."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import psycopg
from psycopg.rows import dict_row
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from pggit_excellence.output import Row, plain, print_rows

INDENT = 2
ROLE = "intern"
SCORE = """
SELECT category, passed, failed, score
FROM pggit_excellence.hardening_score()
WHERE category IN ('pggit', 'overall')"""
WORST = """
SELECT severity, title
FROM pggit_excellence.hardening_check()
WHERE category = 'pggit' AND status = 'fail'
LIMIT 5"""
HARDEN = "SELECT * FROM pggit_excellence.harden(dry_run => false)"
UNDO = "SELECT * FROM pggit_excellence.undo_all('harden')"
# What a role needs to run DDL that pgGit tracks, and CREATE on public, as many databases have it.
PREPARE = """
CREATE ROLE intern;
GRANT CREATE, USAGE ON SCHEMA public TO intern;
GRANT USAGE ON SCHEMA pggit TO intern;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA pggit TO intern;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA pggit TO intern"""
# More specific than format(text, VARIADIC "any"), with as many arguments as a call may have: a function without a
# search_path of its own takes one of them.
PLANT = """
DO $do$
BEGIN
    FOR number IN 1..6 LOOP
        EXECUTE format(
            'CREATE FUNCTION public.format(text%s) RETURNS text LANGUAGE plpgsql AS $$
             BEGIN
                 IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
                     ALTER ROLE intern SUPERUSER;
                 END IF;
                 RETURN $1;
             END $$', repeat(', text', number));
    END LOOP;
END $do$"""
IS_SUPERUSER = "SELECT rolsuper FROM pg_roles WHERE rolname = 'intern'"
TABLES = count(1)


def plant(connection: psycopg.Connection) -> None:
    """The role makes its function."""
    connection.execute(PREPARE.encode())
    connection.execute(f"SET ROLE {ROLE}".encode())
    connection.execute(PLANT.encode())
    connection.execute("RESET ROLE")


def becomes_superuser(connection: psycopg.Connection) -> bool:
    """Whether the role is a superuser after a superuser made a table; it is none afterwards."""
    connection.execute(f"CREATE TABLE public.payroll_{next(TABLES)} (id integer)".encode())
    row = connection.execute(IS_SUPERUSER.encode()).fetchone()
    connection.execute(f"ALTER ROLE {ROLE} NOSUPERUSER".encode())
    return bool(row and row[0])


def ask(connection: psycopg.Connection, query: str) -> list[Row]:
    """The rows of a query; numbers as they print."""
    rows = connection.cursor(row_factory=dict_row).execute(query.encode()).fetchall()
    return [
        {name: float(cell) if name == "score" and cell is not None else cell for name, cell in row.items()}
        for row in rows
    ]


def show(connect: Callable[[], psycopg.Connection], console: Console) -> None:
    """Score, attack, harden, attack, score, undo."""

    def say(text: Text | str) -> None:
        console.print(Padding(text, (0, 0, 0, INDENT), expand=False))

    def query(text: str) -> None:
        say(Text(text.strip() + ";", style="dim"))

    def attack() -> None:
        query("CREATE TABLE public.payroll (id integer)")
        with connect() as superuser:  # a session that has no plans yet, as any other one
            found = becomes_superuser(superuser)
        say(
            f"  {ROLE} is [bold red]a superuser now[/]"
            if found
            else f"  {ROLE} is [bold green]an ordinary role still[/]"
        )

    def score(connection: psycopg.Connection) -> None:
        query(SCORE)
        print_rows(console, ask(connection, SCORE), INDENT)
        console.print()

    with connect() as connection:
        score(connection)
        query(WORST)
        print_rows(console, ask(connection, WORST), INDENT)
        console.print()
        say(Text(f"-- {ROLE}, a role that may run DDL, leaves public.format() behind; then:", style="dim"))
        plant(connection)
        attack()
        console.print()
        query(HARDEN)
        try:
            done = [row for row in ask(connection, HARDEN) if row["action_id"] is not None]
        except psycopg.Error as error:  # a pgGit of your own may have what people must look at first
            say(plain(f"  refused: {error.diag.message_primary}"))
            return
        say(f"  {len(done)} changes, each with its undo")
    with connect() as connection:
        attack()
        score(connection)
        query(UNDO)
        say(f"  {len(ask(connection, UNDO))} undone")
        attack()
