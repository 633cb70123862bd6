"""partition_history(): everything of the table stays, no row is lost under writers and crashes, undo() undoes it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest

from conftest import MakeDatabase
from history_catalog import fingerprint, last_id, snapshot
from pggit_excellence.server import Server

READER = "history_reader"
# A history with everything that a table can have, beside what pgGit gives it.
FURNISHED = f"""
    CREATE ROLE {READER};
    CREATE INDEX "odd ""index"" of history" ON pggit.history (created_at DESC NULLS LAST) WHERE created_at IS NOT NULL;
    COMMENT ON INDEX pggit."odd ""index"" of history" IS 'an index''s comment';
    COMMENT ON TABLE pggit.history IS 'a table''s comment';
    COMMENT ON COLUMN pggit.history.created_by IS 'a column''s comment';
    COMMENT ON CONSTRAINT history_object_id_fkey ON pggit.history IS 'a key''s comment';
    ALTER TABLE pggit.history ADD CONSTRAINT sensible CHECK (new_version > 0);
    ALTER TABLE pggit.history SET (autovacuum_vacuum_threshold = 777);
    GRANT SELECT, INSERT ON pggit.history TO {READER} WITH GRANT OPTION;
    GRANT UPDATE (commit_hash) ON pggit.history TO PUBLIC;
    CREATE FUNCTION pggit.stamp() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN NEW.merge_resolution := ''stamped''; RETURN NEW; END';
    CREATE FUNCTION pggit.refuse() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN RAISE EXCEPTION ''append-only''; END';
    CREATE TRIGGER stamp BEFORE INSERT ON pggit.history FOR EACH ROW EXECUTE FUNCTION pggit.stamp();
    CREATE TRIGGER "on pggit.history" BEFORE UPDATE ON pggit.history FOR EACH ROW EXECUTE FUNCTION pggit.refuse();
    CREATE TRIGGER no_truncate BEFORE TRUNCATE ON pggit.history FOR EACH STATEMENT EXECUTE FUNCTION pggit.refuse();
    COMMENT ON TRIGGER stamp ON pggit.history IS 'a trigger''s comment';
    ALTER TABLE pggit.history ENABLE ALWAYS TRIGGER no_truncate;
    ALTER TABLE pggit.history ENABLE ALWAYS TRIGGER stamp;
    ALTER TABLE pggit.history ENABLE ROW LEVEL SECURITY;
    CREATE POLICY "see all" ON pggit.history FOR SELECT TO {READER} USING (created_by <> 'nobody');
    CREATE POLICY strict ON pggit.history AS RESTRICTIVE USING (true) WITH CHECK (id > 0);
    COMMENT ON POLICY strict ON pggit.history IS 'a policy''s comment';
    ALTER TABLE pggit.history REPLICA IDENTITY FULL;
    CREATE PUBLICATION by_name FOR TABLE pggit.history;
    CREATE PUBLICATION everything FOR ALL TABLES;
    CREATE VIEW pggit.recent WITH (security_barrier = true) AS
        SELECT h.*, 'pggit.history' AS source FROM pggit.history AS h;
    COMMENT ON VIEW pggit.recent IS 'a view''s comment';
    CREATE VIEW pggit.of_the_view AS SELECT id FROM pggit.recent;
    GRANT SELECT ON pggit.recent TO {READER};
    CREATE MATERIALIZED VIEW pggit.counts AS
        SELECT object_id, count(*) AS changes FROM pggit.history GROUP BY object_id;
    CREATE UNIQUE INDEX counts_object ON pggit.counts (object_id);
    CREATE VIEW pggit.of_the_counts AS SELECT c.*, h.created_at FROM pggit.counts AS c, pggit.history AS h;
    COMMENT ON MATERIALIZED VIEW pggit.counts IS 'a matview''s comment';
    GRANT SELECT ON pggit.counts TO {READER};
    CREATE FUNCTION pggit.last_id() RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT max(id) FROM pggit.history; END;
    CREATE TABLE pggit.reviews (history_id integer PRIMARY KEY REFERENCES pggit.history ON DELETE CASCADE, v text);
    INSERT INTO pggit.reviews SELECT max(id), 'good' FROM pggit.history;
    INSERT INTO pggit.history (object_id, change_type, change_severity, created_at, created_by)
    SELECT min(id), 'ALTER', 'MINOR', NULL, 'somebody' FROM pggit.objects;
"""


@pytest.fixture
def furnished(pggit: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """The stand-in's history with indexes, triggers, policies, views and more."""
    pggit.execute(FURNISHED)
    yield pggit
    pggit.execute(f"DROP OWNED BY {READER}; DROP ROLE {READER}")


def partition(connection: psycopg.Connection, rows: int = 1000) -> None:
    connection.execute("CALL pggit_excellence.partition_history_online(%s)", [rows])


def undo(connection: psycopg.Connection) -> None:
    connection.execute("SELECT * FROM pggit_excellence.undo_all('partition_history')")


def one(connection: psycopg.Connection, query: str, *values: object) -> object:
    row = connection.execute(query.encode(), values or None).fetchone()
    assert row is not None
    return row[0]


def as_plain(lines: list[str]) -> list[str]:
    """What a snapshot says about the table, with a partitioned one and its indexes called plain ones."""
    kept = [line for line in lines if "_part_" not in line and not line.startswith("publication")]
    return sorted(
        line.replace("kind p", "kind r").replace("kind I", "kind i").replace(" ON ONLY ", " ON ") for line in kept
    )


def test_everything_stays_and_undo_puts_all_back(furnished: psycopg.Connection) -> None:
    end, before = last_id(furnished), snapshot(furnished)
    rows = fingerprint(furnished, end)
    assert one(furnished, "SELECT count(*) FROM pggit_excellence.partition_history(partition_rows => 1000)") != 0
    assert snapshot(furnished) == before, "a dry run changed something"
    partition(furnished)
    assert one(furnished, "SELECT status FROM pggit_excellence.partition_history(partition_rows => 1000)") == "in place"
    assert fingerprint(furnished, end) == rows

    after = snapshot(furnished)
    # Storage parameters are those of the partitions; everything else is where it was.
    wanted = [line.replace("{autovacuum_vacuum_threshold=777}", "") for line in as_plain(before)]
    assert sorted(set(as_plain(after)) ^ set(wanted)) == []
    for name in ("by_name", "everything"):
        assert one(furnished, "SELECT pubviaroot FROM pg_publication WHERE pubname = %s", name) is True
    leaves = "SELECT count(*) FROM pg_publication_tables WHERE schemaname = 'pggit' AND tablename ~ '^history_part'"
    assert one(furnished, leaves) == 0
    # pgGit writes as ever, its rows are stamped, and all readers see them.
    furnished.execute("CREATE TABLE public.afterwards (a integer)")
    assert one(furnished, "SELECT merge_resolution FROM pggit.history ORDER BY id DESC LIMIT 1") == "stamped"
    assert one(furnished, "SELECT max(id) FROM pggit.recent") == one(furnished, "SELECT pggit.last_id()")
    furnished.execute("REFRESH MATERIALIZED VIEW pggit.counts")
    assert one(furnished, "SELECT sum(changes) FROM pggit.counts") == one(
        furnished, "SELECT count(*) FROM pggit.history"
    )

    # Rows in a later partition go along, unstamped; so does what was changed meanwhile.
    furnished.execute(
        "INSERT INTO pggit.history (id, object_id, change_type, change_severity, created_by)"
        " SELECT g, o.id, 'ALTER', 'MINOR', 'x' FROM generate_series(2900, 4100, 400) AS g,"
        " (SELECT min(id) AS id FROM pggit.objects) AS o"
    )
    assert one(furnished, "SELECT count(*) FROM pggit.history_part_default") == 3
    end = last_id(furnished)
    rows = fingerprint(furnished, end)
    undo(furnished)
    assert fingerprint(furnished, end) == rows
    assert sorted(set(snapshot(furnished)) ^ set(before)) == []
    assert one(furnished, "SELECT sum(changes) FROM pggit.counts") == one(
        furnished, "SELECT count(*) FROM pggit.history"
    )
    # And once more.
    partition(furnished)
    assert as_plain(snapshot(furnished)) == as_plain(after)


def test_new_partitions_are_like_the_first(furnished: psycopg.Connection) -> None:
    """Each has all indexes, keys, triggers and parameters, and grants nothing to anybody."""
    furnished.execute("ALTER DEFAULT PRIVILEGES IN SCHEMA pggit GRANT ALL ON TABLES TO PUBLIC")
    partition(furnished)
    furnished.execute("SELECT setval('pggit.history_id_seq', 2000)")
    furnished.execute("SELECT * FROM pggit_excellence.maintain()")
    per_table = """
        SELECT (SELECT count(*) FROM pg_index AS i WHERE i.indrelid = c.oid),
               (SELECT count(*) FROM pg_constraint AS k WHERE k.conrelid = c.oid AND k.contype <> 'n'),
               ARRAY(SELECT t.tgname || t.tgenabled::text FROM pg_trigger AS t
                     WHERE t.tgrelid = c.oid AND NOT t.tgisinternal ORDER BY 1),
               c.reloptions, c.relreplident
        FROM pg_class AS c WHERE c.oid = %s::regclass
    """
    first = furnished.execute(per_table, ["pggit.history_part_0"]).fetchone()
    assert first is not None
    assert first[0] == 3
    for name in ("1", "2", "default"):
        assert furnished.execute(per_table, [f"pggit.history_part_{name}"]).fetchone() == first
        acl = one(
            furnished,
            "SELECT count(*) FROM pg_class AS c, aclexplode(c.relacl) AS a"
            " WHERE c.oid = %s::regclass AND a.grantee <> c.relowner",
            f"pggit.history_part_{name}",
        )
        assert acl == 0
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        furnished.execute("TRUNCATE pggit.history_part_2 CASCADE")
    furnished.execute("ALTER DEFAULT PRIVILEGES IN SCHEMA pggit REVOKE ALL ON TABLES FROM PUBLIC")


def test_ids_stay_unique_over_all_partitions(pggit: psycopg.Connection) -> None:
    partition(pggit)
    insert = (
        "INSERT INTO pggit.history (id, object_id, change_type, change_severity, created_at)"
        " SELECT %s, min(id), 'ALTER', 'MINOR', %s FROM pggit.objects"
    )
    for number in (1500, 2500, 99999, -5):
        pggit.execute(insert, [number, "2020-01-01"])
        with pytest.raises(psycopg.errors.UniqueViolation):
            pggit.execute(insert, [number, "2026-01-01"])
    pggit.execute(insert, [2501, None])
    assert one(pggit, "SELECT tableoid::regclass::text FROM pggit.history WHERE id = 2501") == "pggit.history_part_1"


def test_maintain_makes_partitions_and_clears_the_default(pggit: psycopg.Connection) -> None:
    partition(pggit)

    def maintained() -> tuple[int, str | None] | None:
        return pggit.execute(
            "SELECT affected, note FROM pggit_excellence.maintain() WHERE task = 'make partitions'"
        ).fetchone()

    def bounds() -> list[tuple[str, int, int]]:
        return pggit.execute(
            "SELECT partition::text, from_id, to_id FROM pggit_excellence._history_partitions() WHERE NOT is_default"
            " ORDER BY to_id"
        ).fetchall()

    assert maintained() is None
    pggit.execute("SELECT setval('pggit.history_id_seq', 2000)")
    assert maintained() == (1, None)
    assert bounds()[-1] == ("history_part_2", 3000, 4000)
    # Nobody called it for long: the default partition becomes one like the others.
    pggit.execute("SELECT setval('pggit.history_id_seq', 5555)")
    pggit.execute("CREATE TABLE public.late (a integer)")
    end = last_id(pggit)
    rows = fingerprint(pggit, end)
    assert one(pggit, "SELECT count(*) > 0 FROM pggit.history_part_default") is True
    assert maintained() == (2, None)
    assert bounds()[-2:] == [("history_part_3", 4000, 6000), ("history_part_4", 6000, 7000)]
    assert one(pggit, "SELECT count(*) FROM pggit.history_part_default") == 0
    assert fingerprint(pggit, end) == rows
    assert maintained() is None
    # Where it cannot, it says so, and everything else of maintain() is done.
    pggit.execute("SELECT setval('pggit.history_id_seq', 6500)")
    pggit.execute("CREATE TABLE pggit.history_part_5 (a integer)")
    pggit.execute(
        "CREATE FUNCTION public.no() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not now'; END $$"
    )
    pggit.execute("CREATE EVENT TRIGGER no ON ddl_command_start EXECUTE FUNCTION public.no()")
    found = maintained()
    pggit.execute("DROP EVENT TRIGGER no")
    assert found is not None
    assert found[0] == 0
    assert "not now" in str(found[1])
    assert maintained() == (1, None)
    assert bounds()[-1] == ("history_part_6", 7000, 8000)


def writers(
    server: Server, database: str, stop: threading.Event, waits: list[float], lost: list[str]
) -> list[threading.Thread]:
    """Sessions that run tracked DDL until `stop`, noting how long each statement took."""

    def write(number: int) -> None:
        with server.connect(database) as connection:
            serial = 0
            while not stop.is_set():
                serial += 1
                began = time.monotonic()
                try:
                    connection.execute(f"CREATE TABLE public.w{number}_{serial} (a integer)".encode())
                    connection.execute(f"DROP TABLE public.w{number}_{serial}".encode())
                except psycopg.Error as error:
                    lost.append(str(error))
                waits.append(time.monotonic() - began)

    return [threading.Thread(target=write, args=(number,)) for number in range(3)]


def test_nothing_is_lost_while_others_write(server: Server, make_database: MakeDatabase) -> None:
    """Every DDL of three sessions is recorded exactly once, before, during and after; none fails."""
    database = make_database("pggit")
    stop, waits, lost = threading.Event(), list[float](), list[str]()
    with server.connect(database) as connection:
        began = one(connection, "SELECT count(*) FROM pggit.history")
        threads = writers(server, database, stop, waits, lost)
        for thread in threads:
            thread.start()
        try:
            partition(connection, 1000)
            undo(connection)
            partition(connection, 2000)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert lost == []
        recorded = connection.execute(
            "SELECT count(*) FILTER (WHERE sql_executed LIKE 'CREATE TABLE public.w%'),"
            " count(*) FILTER (WHERE sql_executed LIKE 'DROP TABLE public.w%'), count(DISTINCT id) = count(*)"
            " FROM pggit.history"
        ).fetchone()
        assert recorded == (len(waits), len(waits), True)
        assert isinstance(began, int)


STEPS = 4


@pytest.mark.parametrize("killed_in", range(STEPS))
def test_a_killed_run_goes_on(server: Server, furnished: psycopg.Connection, killed_in: int) -> None:
    """Ended at the end of each of its four parts, it leaves a table that works, and the next run completes it."""
    end, database = last_id(furnished), furnished.info.dbname
    rows = fingerprint(furnished, end)
    one_part = "SELECT count(*) FROM pggit_excellence.partition_history(false, 1000) WHERE status = 'applied'"
    for _ in range(killed_in):
        furnished.execute(one_part.encode())
    with server.connect(database) as doomed:
        doomed.execute("BEGIN")
        doomed.execute(one_part.encode())
        furnished.execute("SELECT pg_terminate_backend(%s, 10000)", [doomed.info.backend_pid])
        with contextlib.suppress(psycopg.OperationalError):
            doomed.execute("COMMIT")
    furnished.execute("CREATE TABLE public.meanwhile (a integer)")
    furnished.execute("DROP TABLE public.meanwhile")
    partition(furnished)
    assert fingerprint(furnished, end) == rows
    assert one(furnished, "SELECT array_agg(relname::text) FROM pg_class WHERE relname LIKE 'counts\\_%%new'") is None


def test_whoever_holds_the_table_is_not_waited_for(server: Server, pggit: psycopg.Connection) -> None:
    """It gives up soon, says so, changes nothing and makes nobody queue; the procedure tries again."""
    with server.connect(pggit.info.dbname) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM pggit.history")
        with pytest.raises(psycopg.errors.LockNotAvailable, match="lock timeout") as caught:
            pggit.execute("SELECT * FROM pggit_excellence.partition_history(false)")
        assert caught.value.diag.message_hint is not None
        assert "run it again" in caught.value.diag.message_hint
        threading.Timer(1.5, reader.execute, ["COMMIT"]).start()
        partition(pggit)
    assert one(pggit, "SELECT relkind FROM pg_class WHERE oid = 'pggit.history'::regclass") == "p"


def test_an_unfinished_run_refuses_no_row(pggit: psycopg.Connection) -> None:
    """The CHECK of an unfinished run is renewed by the next one, and dropped by maintain() before an id meets it."""
    bound = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'pggit_excellence_bound'"
    pggit.execute("SELECT * FROM pggit_excellence.partition_history(false, 1000)")
    assert one(pggit, bound) == "CHECK ((id < 2000)) NOT VALID"
    pggit.execute("SELECT setval('pggit.history_id_seq', 1700)")
    pggit.execute("SELECT * FROM pggit_excellence.partition_history(false, 1000)")
    assert one(pggit, bound) == "CHECK ((id < 3000)) NOT VALID"
    pggit.execute("SELECT setval('pggit.history_id_seq', 2600)")
    note = one(pggit, "SELECT note FROM pggit_excellence.maintain() WHERE task = 'make partitions'")
    assert "never finished" in str(note)
    assert pggit.execute(bound.encode()).fetchone() is None


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("ALTER TABLE pggit.history DROP CONSTRAINT history_pkey", "no primary key or unique index on id"),
        (
            "CREATE UNIQUE INDEX only_hash ON pggit.history (new_hash)",
            "index pggit.only_hash is not unique within a partition",
        ),
        ("CREATE TABLE public.child () INHERITS (pggit.history)", "table public.child depends on it"),
        ("CREATE FUNCTION public.f(pggit.history) RETURNS int LANGUAGE sql AS 'SELECT 1'", "function public.f"),
        ("CREATE RULE r AS ON INSERT TO pggit.history DO ALSO NOTHING", "rule r on table pggit.history depends on it"),
        ("CREATE TABLE pggit.history_part_7 ()", "the name pggit.history_part_7 is taken"),
        (
            "CREATE MATERIALIZED VIEW pggit.m AS SELECT id FROM pggit.history;"
            "CREATE MATERIALIZED VIEW pggit.v AS TABLE pggit.m",
            "depends on pggit.m, which has to be made anew",
        ),
        (
            "ALTER TABLE pggit.history ADD CONSTRAINT k FOREIGN KEY (new_version) REFERENCES pggit.objects NOT VALID",
            "constraint k is not valid: ALTER TABLE pggit.history VALIDATE CONSTRAINT k",
        ),
        (
            "ALTER TABLE pggit.history ALTER id DROP DEFAULT,"
            " ALTER id ADD GENERATED BY DEFAULT AS IDENTITY (START 100000)",
            "identity column",
        ),
        ("SELECT setval('pggit.history_id_seq', 2147000000)", "so few ids are left"),
    ],
)
def test_what_cannot_be_carried_over_is_named(pggit: psycopg.Connection, fault: str, said: str) -> None:
    pggit.execute(fault.encode())
    before = snapshot(pggit)
    for dry_run in (True, False):
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="cannot be partitioned") as caught:
            pggit.execute("SELECT * FROM pggit_excellence.partition_history(%s)", [dry_run])
        assert said in str(caught.value.diag.message_primary)
    assert snapshot(pggit) == before


def test_bad_calls(plain: psycopg.Connection, pggit: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable, match="pgGit is not installed"):
        plain.execute("SELECT * FROM pggit_excellence.partition_history()")
    for arguments in ("NULL", "true, NULL", "true, 999", "true, 100000001"):
        with pytest.raises((psycopg.errors.NullValueNotAllowed, psycopg.errors.InvalidParameterValue)):
            pggit.execute(f"SELECT * FROM pggit_excellence.partition_history({arguments})".encode())
    pggit.execute("CREATE ROLE history_nobody; GRANT USAGE ON SCHEMA pggit_excellence, pggit TO history_nobody")
    pggit.execute("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pggit_excellence TO history_nobody")
    pggit.execute("GRANT SELECT ON ALL TABLES IN SCHEMA pggit_excellence, pggit TO history_nobody")
    pggit.execute("GRANT SELECT ON ALL SEQUENCES IN SCHEMA pggit TO history_nobody")
    pggit.execute("SET ROLE history_nobody")
    try:
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="only its owner or a superuser"):
            pggit.execute("SELECT * FROM pggit_excellence.partition_history(false)")
    finally:
        pggit.execute("RESET ROLE")
        pggit.execute("DROP OWNED BY history_nobody; DROP ROLE history_nobody")


def test_a_forged_row_of_the_log_undoes_nothing(pggit: psycopg.Connection) -> None:
    partition(pggit)
    forged = pggit.execute(
        "INSERT INTO pggit_excellence.action_log (action, kind, schema_name, relation_name, item, new_value, apply_sql,"
        " undo_sql, reason) VALUES ('x', 'partitioning', 'public', 'history', 'history', 'x', '', '', '')"
        " RETURNING action_id"
    ).fetchone()
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="was not made by this extension"):
        pggit.execute("SELECT pggit_excellence.undo(%s)", forged)
