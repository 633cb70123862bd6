"""Who can do what, and what changed since the last snapshot: each kind of right planted, seen, taken back, gone."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from conftest import MakeDatabase
from pggit_excellence.server import Server

ODD = 'Odd"Role'
ROLES = ("access_user", "access_group", "access_boss", '"Odd""Role"')
CHANGES = """
    SELECT change, fact_type, role_name, object_type, object_name, old_value, new_value
    FROM pggit_excellence.access_changes()"""


@pytest.fixture
def roles(pggit: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """The stand-in's database with four roles, a schema and what is in it."""
    for role in ROLES:
        pggit.execute(f"CREATE ROLE {role}")
    pggit.execute("CREATE SCHEMA shop")
    pggit.execute('CREATE TABLE shop.orders (id int, "Total" int)')
    pggit.execute("CREATE FUNCTION shop.close(order_id int) RETURNS int LANGUAGE sql AS 'SELECT 1'")
    pggit.execute("CREATE SEQUENCE shop.numbers")
    yield pggit
    pggit.execute("RESET ROLE")
    for role in ROLES:
        pggit.execute(f"DROP OWNED BY {role} CASCADE")
        pggit.execute(f"DROP ROLE {role}")


# What is granted, how it is taken back, and the fact that comes and goes; {database} is the database.
GRANTS = [
    ("GRANT SELECT, INSERT ON shop.orders TO access_user", "REVOKE ALL ON shop.orders FROM access_user",
     ("grant", "access_user", "table", "shop.orders", "INSERT, SELECT")),
    ("GRANT UPDATE ON shop.orders TO access_user WITH GRANT OPTION", "REVOKE ALL ON shop.orders FROM access_user",
     ("grant", "access_user", "table", "shop.orders", "UPDATE*")),
    ('GRANT SELECT ("Total") ON shop.orders TO access_user', 'REVOKE SELECT ("Total") ON shop.orders FROM access_user',
     ("grant", "access_user", "column", 'shop.orders."Total"', "SELECT")),
    ("GRANT USAGE ON SEQUENCE shop.numbers TO access_user", "REVOKE ALL ON SEQUENCE shop.numbers FROM access_user",
     ("grant", "access_user", "sequence", "shop.numbers", "USAGE")),
    ("GRANT CREATE ON SCHEMA shop TO access_user", "REVOKE ALL ON SCHEMA shop FROM access_user",
     ("grant", "access_user", "schema", "shop", "CREATE")),
    ("GRANT CREATE ON DATABASE {database} TO access_user", "REVOKE ALL ON DATABASE {database} FROM access_user",
     ("grant", "access_user", "database", "{database}", "CREATE")),
    ("GRANT EXECUTE ON FUNCTION shop.close TO access_user", "REVOKE ALL ON FUNCTION shop.close FROM access_user",
     ("grant", "access_user", "routine", "shop.close(order_id integer)", "EXECUTE")),
    ("GRANT EXECUTE ON FUNCTION pg_read_file(text) TO access_user",
     "REVOKE ALL ON FUNCTION pg_read_file(text) FROM access_user",
     ("grant", "access_user", "routine", "pg_catalog.pg_read_file(text)", "EXECUTE")),
    ("GRANT SELECT ON pg_authid TO access_user", "REVOKE ALL ON pg_authid FROM access_user",
     ("grant", "access_user", "table", "pg_catalog.pg_authid", "SELECT")),
    ("GRANT INSERT ON shop.orders TO PUBLIC", "REVOKE ALL ON shop.orders FROM PUBLIC",
     ("grant", "PUBLIC", "table", "shop.orders", "INSERT")),
    ('GRANT SELECT ON shop.orders TO "Odd""Role"', 'REVOKE ALL ON shop.orders FROM "Odd""Role"',
     ("grant", '"Odd""Role"', "table", "shop.orders", "SELECT")),
    ("GRANT access_group TO access_user", "REVOKE access_group FROM access_user",
     ("membership", "access_user", "role", "access_group", "INHERIT SET")),
    ("GRANT access_group TO access_user WITH ADMIN OPTION", "REVOKE access_group FROM access_user",
     ("membership", "access_user", "role", "access_group", "INHERIT SET ADMIN")),
    ("GRANT pg_read_all_data TO access_user", "REVOKE pg_read_all_data FROM access_user",
     ("membership", "access_user", "role", "pg_read_all_data", "INHERIT SET")),
    ("ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO access_user",
     "ALTER DEFAULT PRIVILEGES IN SCHEMA shop REVOKE ALL ON TABLES FROM access_user",
     ("default privileges", "access_user", "table", "made by postgres in schema shop", "SELECT")),
]  # fmt: skip


def changes(connection: psycopg.Connection) -> list[tuple[object, ...]]:
    return connection.execute(CHANGES).fetchall()


def test_every_kind_of_grant_is_seen_and_gone(roles: psycopg.Connection) -> None:
    """Against the snapshot before, and in the next one's log."""
    database = roles.info.dbname
    roles.execute("SELECT pggit_excellence.take_access_snapshot()")
    assert changes(roles) == []
    for grant, revoke, fact in GRANTS:
        expected = tuple(part.format(database=database) for part in fact)
        roles.execute(grant.format(database=database))
        try:
            assert changes(roles) == [("added", *expected[:4], None, expected[4])], grant
        finally:
            roles.execute(revoke.format(database=database))
        left = changes(roles)
        # A revoke may leave the defaults written out, which are the same rights.
        assert left == [], revoke


def test_attributes_and_owners(roles: psycopg.Connection) -> None:
    roles.execute("SELECT pggit_excellence.take_access_snapshot()")
    roles.execute("ALTER ROLE access_boss SUPERUSER LOGIN BYPASSRLS VALID UNTIL '2030-01-01 00:00+00'")
    roles.execute("ALTER TABLE shop.orders OWNER TO access_boss")
    roles.execute("CREATE ROLE access_new")
    attributes = "SUPERUSER LOGIN BYPASSRLS VALID UNTIL 2030-01-01 00:00:00+00"
    try:
        assert changes(roles) == [
            ("changed", "attributes", "access_boss", "role", "access_boss", "", attributes),
            ("added", "attributes", "access_new", "role", "access_new", None, ""),
            ("added", "ownership", "access_boss", "table", "shop.orders", None, ""),
            ("removed", "ownership", "postgres", "table", "shop.orders", "", None),
        ]
    finally:
        roles.execute(
            "DROP ROLE access_new; ALTER ROLE access_boss NOSUPERUSER; ALTER TABLE shop.orders OWNER TO postgres"
        )


def test_snapshots_are_a_log(roles: psycopg.Connection) -> None:
    """Any two can be compared; what came and went in between does not show; each is as it was then."""
    take = "SELECT pggit_excellence.take_access_snapshot()"
    grant, revoke = "GRANT SELECT ON shop.orders TO access_user", "REVOKE SELECT ON shop.orders FROM access_user"
    numbers = []
    for statement in ("SELECT 1", grant, revoke, grant, "SELECT 1"):
        roles.execute(statement)
        row = roles.execute(take).fetchone()
        assert row is not None
        numbers.append(row[0])

    def compare(first: int, second: int) -> list[str]:
        query = "SELECT change FROM pggit_excellence.access_changes(%s, %s)"
        return [row[0] for row in roles.execute(query, (numbers[first], numbers[second])).fetchall()]

    assert [compare(0, 1), compare(1, 2), compare(0, 2)] == [["added"], ["removed"], []]
    assert [compare(2, 3), compare(1, 3), compare(3, 4)] == [["added"], [], []]
    stored = roles.execute(
        "SELECT added, removed, facts FROM pggit_excellence.access_snapshots ORDER BY 1 DESC"
    ).fetchall()
    assert [row[:2] for row in stored] == [(stored[0][0], 0), (1, 0), (1, 0), (0, 1), (0, 0)]
    assert stored[0][2] == stored[0][0]
    intact = (
        "SELECT bool_and(pggit_excellence._access_snapshot_intact(snapshot_id)) FROM pggit_excellence.access_snapshots"
    )
    assert roles.execute(intact).fetchone() == (True,)
    # Whoever changes the log is seen: one row, added, changed or removed.
    for fault in (
        "DELETE FROM pggit_excellence.access_snapshot_changes WHERE role_name = 'access_user'",
        "UPDATE pggit_excellence.access_snapshot_changes SET value = 'X' WHERE role_name = 'access_user' AND added",
        "INSERT INTO pggit_excellence.access_snapshot_changes"
        " SELECT min(snapshot_id), true, 'grant', 'x', 'table', 'y', 'z' FROM pggit_excellence.access_snapshots",
    ):
        with roles.transaction(force_rollback=True):
            roles.execute(fault)
            assert roles.execute(intact).fetchone() == (False,), fault
    event = """SELECT details ->> 'facts_sha256' FROM pggit_excellence.audit_log
               WHERE event_kind = 'access_snapshot' ORDER BY event_id"""
    newest = "SELECT facts_sha256 FROM pggit_excellence.access_snapshots ORDER BY snapshot_id"
    assert roles.execute(event).fetchall() == roles.execute(newest).fetchall()


def test_without_a_snapshot_nothing_is_known(plain: psycopg.Connection) -> None:
    row = plain.execute("SELECT change, note FROM pggit_excellence.access_changes()").fetchall()
    assert [(change, "take_access_snapshot" in note) for change, note in row] == [("unknown", True)]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("access_changes(77)", "there is no access snapshot 77"),
        ("access_changes(1, 77)", "there is no access snapshot"),
        ("access_changes(1, 1)", "snapshot 1 is not older than snapshot 1"),
        ("access_review(ARRAY['no such'])", "no such schema: 'no such'"),
    ],
)
def test_bad_arguments(plain: psycopg.Connection, call: str, says: str) -> None:
    plain.execute("SELECT pggit_excellence.take_access_snapshot()")
    with pytest.raises(psycopg.Error, match=says) as caught:
        plain.execute(f"SELECT * FROM pggit_excellence.{call}")
    assert caught.value.diag.message_hint


def test_not_in_a_read_only_transaction(plain: psycopg.Connection) -> None:
    plain.execute("SET default_transaction_read_only = on")
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction, match="read-only") as caught:
        plain.execute("SELECT pggit_excellence.take_access_snapshot()")
    assert "primary" in str(caught.value.diag.message_hint)


def test_not_with_an_old_view_of_the_log(server: Server, make_database: MakeDatabase) -> None:
    """Whoever does not see the snapshot before would log everything once more."""
    with server.connect(make_database("plain")) as connection, server.connect(connection.info.dbname) as late:
        late.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        connection.execute("SELECT pggit_excellence.take_access_snapshot()")
        with pytest.raises(psycopg.errors.ActiveSqlTransaction, match="repeatable read"):
            late.execute("SELECT pggit_excellence.take_access_snapshot()")


REVIEW = """
    SELECT role_name, object_type, schema_name, privileges, grantable, granted_through, objects, note
    FROM pggit_excellence.access_review(ARRAY['shop'])
    WHERE role_name IN ('access_user', 'access_group', 'access_boss', %s)"""


def test_review_says_who_can_do_what_and_through_what(roles: psycopg.Connection) -> None:
    roles.execute("GRANT SELECT ON shop.orders TO access_group WITH GRANT OPTION; GRANT access_group TO access_user")
    roles.execute('ALTER TABLE shop.orders OWNER TO access_boss; ALTER ROLE "Odd""Role" NOINHERIT CREATEROLE')
    roles.execute('GRANT access_group TO "Odd""Role"; GRANT pg_write_all_data TO access_user')
    roles.execute("ALTER ROLE access_user VALID UNTIL '2020-01-01'")
    expired = "its password expired on 2020-01-01"
    rows = roles.execute(REVIEW, (ODD,)).fetchall()
    assert sorted(rows, key=str) == sorted(
        [
            (ODD, "cluster", None, ["CREATEROLE"], None, "attribute of the role", None, None),
            (ODD, "table", "shop", ["SELECT"], ["SELECT"], "member of access_group", ["orders"], "only after SET ROLE"),
            ("access_boss", "table", "shop", ["OWNER"], None, "owner", ["orders"], None),
            ("access_group", "table", "shop", ["SELECT"], ["SELECT"], "grant", ["orders"], None),
            ("access_user", "predefined role", None, ["MEMBER"], None, "membership", ["pg_write_all_data"], expired),
            ("access_user", "table", "shop", ["SELECT"], ["SELECT"], "member of access_group", ["orders"], expired),
        ],
        key=str,
    )
    public = "SELECT object_type, objects FROM pggit_excellence.access_review(ARRAY['shop']) WHERE role_name = 'PUBLIC'"
    assert ("routine", ["close(order_id integer)"]) in roles.execute(public).fetchall()
    roles.execute("ALTER ROLE access_user SUPERUSER")
    rows = roles.execute(REVIEW, (ODD,)).fetchall()
    assert [row[1:6] for row in rows if row[0] == "access_user"] == [("everything", None, ["ALL"], None, "superuser")]
    roles.execute("ALTER ROLE access_user NOSUPERUSER")


def test_review_is_what_the_server_grants(roles: psycopg.Connection) -> None:
    """Oracle: has_table_privilege() for every role and table of the schema."""
    for statement in (
        "GRANT SELECT, UPDATE ON shop.orders TO access_group",
        "GRANT access_group TO access_boss",
        "GRANT INSERT ON shop.orders TO PUBLIC",
        "GRANT DELETE ON shop.orders TO access_user",
        "ALTER TABLE shop.orders OWNER TO access_boss",
    ):
        roles.execute(statement)
    reviewed = roles.execute(
        """
        SELECT r.role_name, p.privilege
        FROM pggit_excellence.access_review(ARRAY['shop']) AS r, unnest(r.privileges) AS p (privilege)
        WHERE r.object_type = 'table' AND r.schema_name = 'shop' AND r.note IS DISTINCT FROM 'only after SET ROLE'"""
    ).fetchall()
    everybody = {privilege for role, privilege in reviewed if role == "PUBLIC"}
    for role in ("access_user", "access_group", "access_boss"):
        granted = {privilege for name, privilege in reviewed if name == role} | everybody
        for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "TRIGGER", "REFERENCES"):
            row = roles.execute("SELECT has_table_privilege(%s, 'shop.orders', %s)", (role, privilege)).fetchone()
            assert row == (privilege in granted or "OWNER" in granted,), (role, privilege)


@pytest.mark.once
def test_review_of_many_objects_is_short(roles: psycopg.Connection) -> None:
    """Objects with the same rights are one row, so a thousand tables do not hide one that differs."""
    roles.execute(
        "DO $$ BEGIN FOR i IN 1..300 LOOP EXECUTE"
        " format('CREATE TABLE shop.t%s (); GRANT SELECT ON shop.t%s TO access_user', i, i); END LOOP; END $$"
    )
    roles.execute("GRANT DELETE ON shop.t7 TO access_user")
    rows = roles.execute(
        "SELECT privileges, object_count, objects[1] FROM pggit_excellence.access_review(ARRAY['shop'])"
        " WHERE role_name = 'access_user' AND schema_name = 'shop'"
    ).fetchall()
    assert rows == [(["DELETE", "SELECT"], 1, "t7"), (["SELECT"], 299, "t1")]


@pytest.mark.once
def test_concurrent_snapshots_and_the_dump(server: Server, make_database: MakeDatabase) -> None:
    """Two at once wait for each other, and the second one sees nothing new."""
    database = make_database("plain")
    with server.connect(database) as one, server.connect(database) as two:
        one.execute("BEGIN")
        one.execute("SELECT pggit_excellence.take_access_snapshot()")
        two.execute("SET statement_timeout = '200ms'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            two.execute("SELECT pggit_excellence.take_access_snapshot()")
        two.execute("RESET statement_timeout")
        assert two.execute("SELECT count(*) FROM pggit_excellence.access_snapshots").fetchone() == (0,)
        one.execute("COMMIT")
        two.execute("SELECT pggit_excellence.take_access_snapshot()")
        assert two.execute("SELECT added, removed FROM pggit_excellence.access_snapshots ORDER BY 1").fetchone() == (
            0,
            0,
        )
