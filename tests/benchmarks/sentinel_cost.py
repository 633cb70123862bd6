"""What the sentinels cost: the same DDL in three databases, without sentinels, with ours, and with the barest.

Once with event triggers under pgGit's names that do nothing, so that the difference is the sentinels' alone, and once
with the stand-in, which shows what it is beside the tracking itself. What counts is the time that the server process
spends on a processor: other load on the machine disturbs it least. Each database is measured by a session that did
nothing else: the plans that a session has cached are looked at when DDL invalidates something, and make it slower.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import psycopg
from rich.table import Table

from pggit_excellence.server import Server

STAND_IN = Path(__file__).resolve().parents[1] / "fixtures" / "pggit_standin.sql"
DO_NOTHING = """
CREATE FUNCTION public.nothing() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER pggit_ddl_trigger ON ddl_command_end EXECUTE FUNCTION public.nothing();
CREATE EVENT TRIGGER pggit_drop_trigger ON sql_drop EXECUTE FUNCTION public.nothing();
"""
OURS = "SELECT * FROM pggit_excellence.enable_sentinels()"
# The least that could work: a clock, a setting, two sequences, a row. Nothing is looked up, checked, locked or caught.
BAREST = """
CREATE SCHEMA barest;
CREATE SEQUENCE barest.started;
CREATE SEQUENCE barest.tracked;
CREATE TABLE barest.samples (recorded_at timestamptz, began_at timestamptz, event text, command text);
CREATE FUNCTION barest.begin() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    began text := CASE WHEN nextval('barest.started') > 0
                       THEN set_config('barest.began', EXTRACT(epoch FROM clock_timestamp())::text, true) END;
BEGIN
END $$;
CREATE FUNCTION barest.end() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ended   timestamptz := clock_timestamp();
    counted bigint := nextval('barest.tracked');
BEGIN
    INSERT INTO barest.samples
    VALUES (ended, to_timestamp(current_setting('barest.began')::double precision), TG_EVENT, TG_TAG);
END $$;
CREATE EVENT TRIGGER "pggis~barest_drop" ON sql_drop EXECUTE FUNCTION barest.begin();
CREATE EVENT TRIGGER "pggiu!barest_drop" ON sql_drop EXECUTE FUNCTION barest.end();
CREATE EVENT TRIGGER "pggis~barest_ddl" ON ddl_command_end EXECUTE FUNCTION barest.begin();
CREATE EVENT TRIGGER "pggiu!barest_ddl" ON ddl_command_end EXECUTE FUNCTION barest.end();
"""
SIDES = {"without": "", "ours": OURS, "barest": BAREST}
# In this order, over and over; with the number of events that each is.
STATEMENTS = {
    "CREATE TABLE": (1, "CREATE TABLE public.t (id integer, name text)"),
    "COMMENT": (1, "COMMENT ON TABLE public.t IS 'x'"),
    "DROP TABLE": (2, "DROP TABLE public.t"),
}
ROUNDS = {"nothing": 1500, "stand-in": 300}


def make_database(server: Server, name: str, pggit: str, sentinels: str) -> psycopg.Connection:
    """A database with that pgGit, the extension, and those sentinels; returns a new session in it."""
    with server.connect() as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}")
    with server.connect(name) as connection:
        connection.execute((DO_NOTHING if pggit == "nothing" else STAND_IN.read_text(encoding="utf-8")).encode())
        connection.execute("CREATE EXTENSION pggit_excellence")
        connection.execute(sentinels.encode())
    return server.connect(name)


def processor_time(pid: int) -> float:
    """Microseconds that the process has spent on a processor."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1000


def timed(connection: psycopg.Connection, statement: str) -> float:
    """Microseconds of processor time that the statement takes in the server."""
    start = processor_time(connection.info.backend_pid)
    connection.execute(statement.encode())
    return processor_time(connection.info.backend_pid) - start


def measure(server: Server, database: str) -> list[dict[str, Any]]:
    """One record per kind of pgGit and statement.

    `without_us` is the statement alone, `cost_us` what our sentinels add to it and `event_us` that per event,
    `barest_us` what the barest add (medians of processor time); `ratio` is the statement with ours to it without,
    `to_barest` our cost to the barest one.
    """
    records: list[dict[str, Any]] = []
    for pggit, rounds in ROUNDS.items():
        sides = {side: make_database(server, f"{database}_{side}", pggit, make) for side, make in SIDES.items()}
        times: dict[str, dict[str, list[float]]] = {name: {side: [] for side in sides} for name in STATEMENTS}
        for number in range(rounds):
            # One after the other, each as often after this one as after that one: who comes next finds caches cold.
            order = list(sides.items())
            for name, (_, statement) in STATEMENTS.items():
                for side, connection in order if number % 2 else reversed(order):
                    times[name][side].append(timed(connection, statement))
        for connection in sides.values():
            connection.close()
        records += [record(pggit, name, events, times[name]) for name, (events, _) in STATEMENTS.items()]
    return records


def record(pggit: str, statement: str, events: int, times: dict[str, list[float]]) -> dict[str, Any]:
    """What measure() returns for one statement."""
    without = statistics.median(times["without"])
    costs = {
        side: statistics.median(with_it - alone for with_it, alone in zip(times[side], times["without"], strict=True))
        for side in ("ours", "barest")
    }
    return {
        "pggit": pggit,
        "statement": statement,
        "without_us": without,
        "cost_us": costs["ours"],
        "event_us": costs["ours"] / events,
        "barest_us": costs["barest"],
        "ratio": statistics.median(times["ours"]) / without,
        "to_barest": costs["ours"] / costs["barest"],
    }


def report(result: list[dict[str, Any]]) -> Table:
    """The records as a table."""
    table = Table(
        "triggers", "statement", "alone", "ours", "an event", "barest", "with/alone", "ours/barest",
        title="Sentinels: processor time in microseconds",
    )  # fmt: skip
    for line in result:
        table.add_row(
            line["pggit"],
            line["statement"],
            *(f"{line[key]:.0f}" for key in ("without_us", "cost_us", "event_us", "barest_us")),
            *(f"{line[key]:.2f}" for key in ("ratio", "to_barest")),
        )
    return table
