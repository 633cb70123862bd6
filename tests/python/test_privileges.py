"""Who may do what: the rule against the catalog for every role and object, and real calls."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from conftest import MakeDatabase
from pggit_excellence.server import Server

READERS = ["pg_monitor", "pggit_excellence_reader", "pggit_excellence_auditor"]
OPERATOR = "pggit_excellence_operator"
OURS = [*READERS[1:], OPERATOR]
NOBODY = "plain_role"  # what PUBLIC has

# Tables that are evidence, and the privileges on the whole table that an operator has beside SELECT.
GUARDED: dict[str, set[str]] = {
    "pggit_excellence.access_snapshot_changes": set(),
    "pggit_excellence.access_snapshots": set(),
    "pggit_excellence.action_log": set(),  # by column, see test_operator_cannot_forge_the_log
    "pggit_excellence.archive_runs": set(),
    "pggit_excellence.history_archive": set(),
    "pggit_excellence.history_partitioning": set(),
    "pggit_excellence.legal_holds": set(),
    "pggit_excellence.pseudonyms": set(),
    "pggit_excellence.audit_checkpoints": set(),
    "pggit_excellence.audit_log": set(),
    "pggit_excellence.audit_log_files": set(),
    "pggit_excellence.audit_log_pending": set(),
    "pggit_excellence.audit_log_sealed": set(),
    "pggit_excellence.audit_purges": set(),
    "pggit_excellence.audit_state": set(),
    "pggit_excellence.ddl_rate_limits": set(),
    "pggit_excellence.ddl_tracking_samples": {"DELETE"},  # maintain() runs as the operator
    "pggit_excellence.waiting_samples": set(),
    "pggit_excellence.all_samples": set(),
    "pggit.performance_metrics": set(),
}

# Every object, in our schema and as our wrapper in pgGit's, with the roles that must have each privilege.
ROUTINES = """
    SELECT p.oid::regprocedure::text, p.provolatile = 'v', p.oid FROM pg_proc AS p
    WHERE p.pronamespace = 'pggit_excellence'::regnamespace
       OR p.pronamespace = to_regnamespace('pggit') AND p.prosrc LIKE 'SELECT * FROM pggit_excellence.%'
    ORDER BY 1
"""
RELATIONS = """
    SELECT c.oid::regclass::text, c.oid FROM pg_class AS c
    WHERE c.relkind IN ('r', 'p', 'v', 'm') AND (c.relnamespace = 'pggit_excellence'::regnamespace
       OR c.relnamespace = to_regnamespace('pggit') AND c.relkind = 'v'
          AND pg_get_viewdef(c.oid) LIKE '%FROM pggit_excellence.%')
    ORDER BY 1
"""


@pytest.fixture
def roles(pggit: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """The stand-in's database with every role made."""
    pggit.execute(f"CREATE ROLE {NOBODY}")
    pggit.execute("SELECT * FROM pggit_excellence.create_roles()")
    yield pggit
    pggit.execute("RESET ROLE")
    for role in (*OURS, NOBODY):
        pggit.execute(f"DROP OWNED BY {role}")
        pggit.execute(f"DROP ROLE {role}")


def violations(connection: psycopg.Connection) -> list[str]:
    """Every privilege that differs from the rule, in either direction."""
    found = []

    def check(role: str, what: str, may: bool, must: bool) -> None:
        if may != must:
            found.append(f"{role} {'may' if may else 'may not'} {what}")

    for role in (*READERS, OPERATOR, NOBODY):
        known = role != NOBODY
        usage = connection.execute("SELECT has_schema_privilege(%s, 'pggit_excellence', 'USAGE')", [role]).fetchone()
        create = connection.execute("SELECT has_schema_privilege(%s, 'pggit_excellence', 'CREATE')", [role]).fetchone()
        assert usage is not None
        assert create is not None
        check(role, "use the schema", usage[0], known)
        check(role, "create in the schema", create[0], False)
        for name, writes, oid in connection.execute(ROUTINES).fetchall():
            may = connection.execute("SELECT has_function_privilege(%s, %s::oid, 'EXECUTE')", [role, oid]).fetchone()
            assert may is not None
            check(role, f"execute {name}", may[0], role == OPERATOR if writes else known)
        for name, oid in connection.execute(RELATIONS).fetchall():
            for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "TRIGGER", "REFERENCES"):
                may = connection.execute(
                    "SELECT has_table_privilege(%s, %s::oid, %s)", [role, oid, privilege]
                ).fetchone()
                assert may is not None
                writes = GUARDED.get(name, {"INSERT", "UPDATE", "DELETE"})
                must = known if privilege == "SELECT" else role == OPERATOR and privilege in writes
                check(role, f"{privilege} {name}", may[0], must)
    return found


def test_matrix(roles: psycopg.Connection) -> None:
    routines = roles.execute(ROUTINES).fetchall()
    assert len(routines) > 20
    assert any(str(name).startswith("pggit.") for name, _, _ in routines)
    assert {writes for _, writes, _ in routines} == {True, False}
    assert violations(roles) == []


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        ("GRANT EXECUTE ON FUNCTION pggit_excellence.link_pggit TO PUBLIC", "plain_role may execute"),
        ("GRANT EXECUTE ON FUNCTION pggit.health_check() TO PUBLIC", "plain_role may execute pggit.health_check()"),
        ("REVOKE EXECUTE ON FUNCTION pggit.health_check() FROM pg_monitor", "pg_monitor may not execute pggit.health"),
        ("GRANT USAGE ON SCHEMA pggit_excellence TO plain_role", "plain_role may use the schema"),
        ("GRANT UPDATE ON pggit_excellence.action_log TO pggit_excellence_operator", "may UPDATE"),
        ("GRANT INSERT ON pggit.upgrade_log TO pggit_excellence_reader", "may INSERT pggit.upgrade_log"),
    ],
)
def test_matrix_sees_a_fault(roles: psycopg.Connection, fault: str, seen: str) -> None:
    roles.execute(fault)
    assert any(seen in violation for violation in violations(roles))


def test_real_calls(roles: psycopg.Connection) -> None:
    """Each role reads what it may; writing, and anything at all as a plain role, is refused."""
    roles.execute("GRANT USAGE ON SCHEMA pggit TO " + ", ".join([*READERS, OPERATOR, NOBODY]))
    reads = (
        "SELECT * FROM pggit_excellence.health_check()",
        "SELECT * FROM pggit_excellence.system_overview()",
        "SELECT * FROM pggit_excellence.upgrade_error_rate()",
        "SELECT * FROM pggit_excellence.upgrade_log",
        "SELECT * FROM pggit.health_check()",
        "SELECT * FROM pggit.upgrade_log",
    )
    for role in (*READERS, OPERATOR):
        roles.execute(f"SET ROLE {role}")
        for query in reads:
            roles.execute(query)
        if role != OPERATOR:
            for query in (
                "SELECT pggit_excellence.start_upgrade('2')",
                "SELECT * FROM pggit_excellence.unlink_pggit()",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    roles.execute(query)
        roles.execute("RESET ROLE")
    roles.execute(f"SET ROLE {OPERATOR}")
    roles.execute("SELECT pggit_excellence.finish_upgrade(pggit_excellence.start_upgrade('2'))")
    roles.execute(f"SET ROLE {NOBODY}")
    for query in reads:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            roles.execute(query)


def test_reader_without_rights_on_pggit_sees_unknown(roles: psycopg.Connection) -> None:
    """What privileges hide is said in the row, never called healthy."""
    roles.execute("REVOKE ALL ON SCHEMA pggit FROM PUBLIC")
    roles.execute("SET ROLE pggit_excellence_reader")
    rows = roles.execute("SELECT check_name, status, message FROM pggit_excellence.health_check()").fetchall()
    hidden = {name: (status, message) for name, status, message in rows}
    for name in ("history_recording", "untracked_tables", "function_names"):
        assert hidden[name] == ("unknown", "this role may not read pggit.objects and pggit.history")
    assert hidden["sequences"][0] == "unknown"
    overview = roles.execute("SELECT value, note FROM pggit_excellence.system_overview() WHERE fact = 'last change'")
    assert overview.fetchall() == [(None, "this role may not read pggit.objects and pggit.history")]


def test_operator_cannot_forge_the_log(roles: psycopg.Connection) -> None:
    """Who did something, and when: stamped by the server. What a row says: final. Only its undoing is added."""
    writable = dict(
        roles.execute(
            """
            SELECT a.attname::text, (has_column_privilege(%(role)s, a.attrelid, a.attnum, 'INSERT'),
                                     has_column_privilege(%(role)s, a.attrelid, a.attnum, 'UPDATE'))::text
            FROM pg_attribute AS a
            WHERE a.attrelid = 'pggit_excellence.action_log'::regclass AND a.attnum > 0 AND NOT a.attisdropped
            """,
            {"role": OPERATOR},
        ).fetchall()
    )
    stamped = {"action_id", "applied_at", "applied_by"}
    undoing = {name for name in writable if name.startswith(("undone_", "undo_note"))}
    assert undoing >= {"undone_at", "undone_by"}
    for name, privileges in writable.items():
        insert, update = name not in stamped | undoing, name in undoing
        assert privileges == f"({'t' if insert else 'f'},{'t' if update else 'f'})", name
    roles.execute(f"SET ROLE {OPERATOR}")
    for statement in (
        "INSERT INTO pggit_excellence.action_log (applied_by) VALUES ('postgres')",
        "UPDATE pggit_excellence.action_log SET undo_sql = 'ALTER ROLE pggit_excellence_operator SUPERUSER'",
        "DELETE FROM pggit_excellence.action_log",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            roles.execute(statement)
    roles.execute("SELECT * FROM pggit_excellence.action_log FOR UPDATE")
    roles.execute("UPDATE pggit_excellence.action_log SET undone_at = now(), undone_by = session_user")


def test_create_extension_creates_no_roles(plain: psycopg.Connection) -> None:
    assert plain.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'pggit%'").fetchall() == []


def test_create_roles_reports_what_existed(pggit: psycopg.Connection) -> None:
    pggit.execute(
        "CREATE ROLE pggit_excellence_reader LOGIN; CREATE ROLE sneaky; GRANT pggit_excellence_reader TO sneaky"
    )
    try:
        first = pggit.execute("SELECT * FROM pggit_excellence.create_roles()").fetchall()
        assert first == [
            ("pggit_excellence_reader", "existed", "can log in; members: sneaky"),
            ("pggit_excellence_auditor", "created", None),
            ("pggit_excellence_operator", "created", None),
        ]
        logins = pggit.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname IN (%s, %s)", OURS[1:]).fetchall()
        assert logins == [(False,), (False,)]
        again = pggit.execute("SELECT status FROM pggit_excellence.create_roles()").fetchall()
        assert again == [("existed",)] * 3
    finally:
        for role in (*OURS, "sneaky"):
            pggit.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_create_roles_needs_createrole_and_ownership(server: Server, make_database: MakeDatabase) -> None:
    database = make_database("plain")
    with server.connect(database) as admin, server.connect(database) as connection:
        admin.execute("CREATE ROLE owner_only; CREATE ROLE maker CREATEROLE")
        admin.execute("GRANT USAGE ON SCHEMA pggit_excellence TO maker, owner_only")
        admin.execute("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pggit_excellence TO maker, owner_only")
        try:
            connection.execute("SET ROLE maker")
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only the owner") as caught:
                connection.execute("SELECT * FROM pggit_excellence.create_roles()")
            assert caught.value.diag.message_hint is not None
            connection.execute("RESET ROLE")
            admin.execute("ALTER SCHEMA pggit_excellence OWNER TO owner_only")
            connection.execute("SET ROLE owner_only")
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="may not create roles") as caught:
                connection.execute("SELECT * FROM pggit_excellence.create_roles()")
            assert caught.value.diag.message_hint is not None
        finally:
            admin.execute("ALTER SCHEMA pggit_excellence OWNER TO postgres")
            admin.execute("DROP OWNED BY maker, owner_only; DROP ROLE maker, owner_only")
