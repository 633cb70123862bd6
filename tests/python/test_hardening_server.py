"""Hardening checks of the server (its rules, settings, roles, logs, copies): each fault planted, seen, and mended.

On a server where every check passes one fault after another is planted; the remediation is run as it is returned, SQL
by psql, shell commands as the server's user; then the check passes again. What needs a restart is planted all at once.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from conftest import FIXTURES
from hardened_server import (
    GOOD,
    HardenedServer,
    apply,
    database_with_everything,
    eventually,
    own_address,
    plant,
    pretended_libraries,
    reset,
    seen,
)
from hardening import check, run_sql, without_plant
from pggit_excellence.server import Installation, workspace

CATEGORIES = ("authentication", "tls", "logging", "replication_backup", "patch", "passwords", "settings", "host")


@pytest.fixture(scope="module")
def hardened(installation: Installation) -> Iterator[HardenedServer]:
    with (
        workspace() as folder,
        pretended_libraries(installation),
        HardenedServer(installation, folder / "server", GOOD) as server,
    ):
        database_with_everything(server, FIXTURES)
        yield server


@dataclass(frozen=True)
class Case:
    """A fault for one check: SQL statements, lines of pg_hba.conf or pg_ident.conf.

    `found`: what the evidence must have in it. `mend`: SQL that stands in for an instruction to people; else the
    remediation is run. `near`: what must not be a fault, as lines of pg_hba.conf or SQL. `clean`: SQL.
    """

    check_id: str
    found: str
    sql: tuple[str, ...] = ()
    hba: tuple[str, ...] = ()
    ident: str = ""
    near: tuple[str, ...] = ()
    near_ident: str = ""
    clean: tuple[str, ...] = ()
    mend: str = ""
    status: str = "fail"
    tls: bool = False  # needs a server that is built with TLS


def setting(check_id: str, value: str, name: str = "", **more: Any) -> Case:
    """A parameter of the server set to a bad value."""
    name = name or check_id
    return Case(check_id, json.dumps(value.strip("'")), sql=(f"ALTER SYSTEM SET {name} = {value}",), **more)


def number(check_id: str, value: str, name: str = "", **more: Any) -> Case:
    """The same where the evidence has the number in the base unit."""
    return Case(check_id, name or check_id, sql=(f"ALTER SYSTEM SET {name or check_id} = '{value}'",), **more)


def verifier(password: str, iterations: int = 4096) -> str:
    """A SCRAM verifier by the standard library (RFC 5802)."""
    salt = b"0123456789abcdef"
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    encoded = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${iterations}:{encoded[0]}${encoded[1]}:{encoded[2]}"


def with_password(role: str, stored: str) -> tuple[str, str]:
    """A role whose stored password no module has looked at."""
    return (
        f"CREATE ROLE \"{role}\" LOGIN VALID UNTIL '2999-01-01'",
        f"UPDATE pg_authid SET rolpassword = '{stored}' WHERE rolname = '{role}'",
    )


REMOTE = "10.1.0.0/16"
CASES = [
    Case("hba_parse_error", "no-such-method", hba=(f"host app app {REMOTE} no-such-method",), near=("# host x",)),
    Case(
        "hba_trust",
        f"host app app {REMOTE} trust",
        hba=(f"host app app {REMOTE} trust",),
        near=(f"host app trust {REMOTE} scram-sha-256",),
    ),
    Case("hba_trust", "local app trust trust", hba=("local app trust trust # trust me",)),
    Case("hba_password", "password", hba=(f"hostnossl app password {REMOTE} password",)),
    Case("hba_md5", "md5", hba=(f"host app md5 {REMOTE} md5",)),
    Case("hba_ident", "ident", hba=(f"host app app {REMOTE} ident map=tests",), near=("local app app ident",)),
    Case(
        "hba_external_cleartext",
        "radius",
        near=('host app app 127.0.0.1/32 radius radiusservers="a" radiussecrets="x"',),
        hba=(f'host app app {REMOTE} radius radiusservers="127.0.0.1" radiussecrets="x"',),
    ),
    Case(
        "hba_superuser_remote",
        "postgres",
        hba=("host all all 127.0.0.1/32 scram-sha-256", f"host all all {REMOTE} scram-sha-256"),
        near=(
            "host all postgres 10.0.0.0/8 reject",
            f"host all all {REMOTE} scram-sha-256",
            "host all all ::1/128 scram-sha-256",
            "host all app 10.2.0.0/16 scram-sha-256",
            "host replication all 10.9.0.0/24 scram-sha-256",
        ),
    ),
    Case(
        "hba_superuser_remote",
        "+admins",
        hba=("host app +admins 10.2.0.0 255.255.0.0 scram-sha-256",),
        sql=(
            "CREATE ROLE outer_admins",
            "CREATE ROLE admins",
            'CREATE ROLE "the ""boss""" SUPERUSER LOGIN',
            'GRANT outer_admins TO "the ""boss"""',
            "GRANT admins TO outer_admins",
        ),
        clean=('DROP ROLE IF EXISTS "the ""boss""", admins, outer_admins',),
    ),
    Case(
        "hba_wide_address",
        "0.0.0.0/0",
        hba=("host app app 0.0.0.0/0 scram-sha-256",),
        near=(
            "host app app 10.0.0.0/8 scram-sha-256",
            "host app app fe80::/32 scram-sha-256",
            "host all all all reject",
        ),
    ),
    Case("hba_wide_address", "::/0", hba=("host app app ::/0 scram-sha-256",)),
    Case(
        "hba_wide_address",
        "my app",
        hba=('host "all" "my app" all scram-sha-256', "host a b 64.0.0.0 192.0.0.0 scram-sha-256"),
    ),
    Case(
        "hba_all_databases_and_users",
        "all all",
        hba=(f"host all all {REMOTE} scram-sha-256",),
        near=(
            f"host app all {REMOTE} scram-sha-256",
            f"host all app {REMOTE} scram-sha-256",
            "host all all 127.0.0.1/32 md5",
        ),
    ),
    Case(
        "hba_shadowed",
        "reject",
        hba=("host all all 10.0.0.0/8 scram-sha-256", 'host app "e vil" 10.6.6.0/24 reject'),
        near=(
            "hostnossl app app 10.0.0.0/8 scram-sha-256",
            "host app app 10.6.6.0/24 reject",
            "host all app 10.0.0.0/8 scram-sha-256",
            "host replication app 10.6.6.0/24 md5",
            "host all app ::/0 md5",
            "host app other all md5",
        ),
    ),
    Case("hba_shadowed", "behind_line", hba=("host app,b app,c samenet md5", "host b c samenet scram-sha-256")),
    Case(
        "ident_map_wildcard",
        "/^.*$",
        ident="loose /^.*$ app",
        near_ident=r"good /^([a-z]+)@example\.org$ \1" + "\ngood2 /^(.*)$ \\1",
    ),
    number("authentication_timeout", "10min"),
    Case(
        "role_connection_limit",
        """"Lim'it\"""".replace('"', '\\"'),
        sql=('CREATE ROLE "Lim\'it" LOGIN',),
        near=("CREATE ROLE IF_limited LOGIN CONNECTION LIMIT 3", "CREATE ROLE no_login"),
        clean=('DROP ROLE IF EXISTS "Lim\'it", IF_limited, no_login',),
    ),
    Case(
        "hba_without_tls",
        "hostnossl",
        hba=(f"hostnossl app host {REMOTE} scram-sha-256",),
        near=(
            "hostnossl all all 0.0.0.0/0 reject",
            f"host app app {REMOTE} scram-sha-256",
            "host app app 127.0.0.1/32 md5",
        ),
        tls=True,
    ),
    setting("tls_min_version", "'TLSv1'", "ssl_min_protocol_version"),
    setting("tls_max_version", "'TLSv1.2'", "ssl_max_protocol_version"),
    setting("tls_ciphers", "'HIGH:MEDIUM:+3DES:!aNULL'", "ssl_ciphers", tls=True),
    setting("tls_ciphers", "'ECDHE-RSA-AES256-GCM-SHA384:AES128-SHA'", "ssl_ciphers", tls=True),
    setting("tls_prefer_server_ciphers", "'off'", "ssl_prefer_server_ciphers"),
    setting("log_destination", "''"),
    setting("log_filename", "'postgresql.log'"),
    setting("log_file_mode", "'0644'"),
    setting("log_truncate_on_rotation", "'off'"),
    number("log_rotation_age", "0"),
    number("log_rotation_age", "2d"),
    number("log_rotation_size", "0"),
    setting("syslog_sequence_numbers", "'off'"),
    setting("syslog_split_messages", "'off'"),
    setting("syslog_ident", "''"),
    setting("log_min_messages", "'fatal'"),
    setting("log_min_error_statement", "'panic'"),
    setting("debug_print_parse", "'on'"),
    setting("debug_print_rewritten", "'on'"),
    setting("debug_print_plan", "'on'"),
    setting("debug_pretty_print", "'off'"),
    Case("log_connections", "log_connections", sql=("ALTER SYSTEM SET log_connections = 'off'",)),
    setting("log_disconnections", "'off'"),
    setting("log_error_verbosity", "'terse'"),
    setting("log_hostname", "'on'"),
    setting("log_line_prefix", "'%m [%p] '"),
    setting("log_statement", "'none'"),
    setting("log_timezone", "'Europe/Paris'"),
    Case("log_directory", '"log"', sql=("ALTER SYSTEM SET log_directory = 'log'",)),
    Case(
        "logging_overrides",
        "log_statement = none",
        sql=("CREATE ROLE quiet", "ALTER ROLE quiet SET log_statement = 'none'"),
        near=("CREATE ROLE loud", "ALTER ROLE loud SET log_statement = 'all'", "ALTER ROLE loud SET work_mem = '4MB'"),
        clean=("DROP ROLE IF EXISTS quiet, loud",),
    ),
    Case("pgaudit", '"none"', sql=("ALTER SYSTEM SET pgaudit.log = 'none'",)),
    Case(
        "replication_role_privileges",
        "CREATEDB",
        sql=("CREATE ROLE copies REPLICATION CREATEDB BYPASSRLS",),
        near=("CREATE ROLE copies_only REPLICATION LOGIN",),
        clean=("DROP ROLE IF EXISTS copies, copies_only",),
    ),
    setting("log_replication_commands", "'off'"),
    Case(
        "hba_replication",
        "replication all",
        hba=("hostssl replication all 10.1.1.0/24 cert", "host replication r 10.0.0.0/8 reject"),
        near=("host replication copies 10.1.1.7/32 scram-sha-256", "host all all 10.0.0.0/8 scram-sha-256"),
        tls=True,
    ),
    Case(
        "archive_failures",
        "last_failed_wal",
        sql=(
            "ALTER SYSTEM SET archive_command = 'false'",
            "SELECT pg_reload_conf()",
            "SELECT pg_sleep(0.5)",  # until the archiver, too, has read it
            "SELECT pg_create_restore_point('one')",  # without anything new there is no switch
            "SELECT pg_switch_wal()",
        ),
        mend="ALTER SYSTEM RESET archive_command;\nSELECT pg_reload_conf();\nSELECT pg_switch_wal();",
    ),
    Case(
        "slot_wal_limit",
        "forgotten",
        sql=("SELECT pg_create_physical_replication_slot('forgotten')",),
        clean=("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = 'forgotten'",),
    ),
    Case(
        "primary_conninfo_tls",
        "prefer",
        sql=("ALTER SYSTEM SET primary_conninfo = 'host=10.0.0.1 sslmode = prefer user=copies'",),
        near=("ALTER SYSTEM SET primary_conninfo = 'host=10.0.0.1 sslmode=verify-full'",),
    ),
    Case(
        "primary_conninfo_password",
        "true",
        sql=(r"ALTER SYSTEM SET primary_conninfo = 'host=/x password=''it\''s'' user=copies'",),
        near=("ALTER SYSTEM SET primary_conninfo = 'host=/x passfile=/var/lib/pass sslpassword=x'",),
    ),
    Case(
        "subscription_password",
        "sub scription",
        sql=(
            "CREATE SUBSCRIPTION \"sub scription\" CONNECTION 'host=/nowhere password=secret dbname=d' PUBLICATION p"
            " WITH (connect = false, enabled = false, create_slot = false, slot_name = NONE)",
        ),
        near=(
            "CREATE SUBSCRIPTION clean_one CONNECTION 'host=/nowhere dbname=d' PUBLICATION p"
            " WITH (connect = false, enabled = false, create_slot = false, slot_name = NONE)",
        ),
        clean=('DROP SUBSCRIPTION IF EXISTS "sub scription"', "DROP SUBSCRIPTION IF EXISTS clean_one"),
    ),
    Case(
        "extension_updates",
        "pg_stat_statements 1.4",
        sql=("DROP EXTENSION IF EXISTS pg_stat_statements", "CREATE EXTENSION pg_stat_statements VERSION '1.4'"),
        near=("CREATE EXTENSION pg_stat_statements",),
        clean=("DROP EXTENSION IF EXISTS pg_stat_statements",),
    ),
    setting("password_encryption", "'md5'"),
    Case(
        "password_md5",
        "old",
        sql=with_password("old", "md5" + 32 * "0"),
        near=with_password("new", verifier("x")),
        clean=("DROP ROLE IF EXISTS old, new",),
    ),
    Case(
        "password_is_role_name",
        "Ann",
        sql=with_password("Ann", verifier("Ann")),
        near=with_password("bob", verifier("bob2")),
        clean=('DROP ROLE IF EXISTS "Ann", bob',),
    ),
    Case(
        "password_is_role_name",
        "ann",
        sql=with_password("ann", "md5" + hashlib.md5(b"annann").hexdigest()),  # noqa: S324
        clean=("DROP ROLE IF EXISTS ann",),
    ),
    Case(
        "scram_iterations",
        "quick",
        sql=with_password("quick", verifier("x", 4095)),
        near=with_password("slow", verifier("x")),
        clean=("DROP ROLE IF EXISTS quick, slow",),
    ),
    Case(
        "password_expiry",
        "forever",
        sql=("CREATE ROLE forever LOGIN PASSWORD 'Long.enough.17' VALID UNTIL 'infinity'",),
        near=(
            "CREATE ROLE until LOGIN PASSWORD 'Long.enough.17' VALID UNTIL '2999-01-01'",
            "CREATE ROLE nothing_to_expire LOGIN",
        ),
        clean=("DROP ROLE IF EXISTS forever, until, nothing_to_expire",),
    ),
    Case(
        "password_expired_login",
        "past",
        sql=("CREATE ROLE past LOGIN VALID UNTIL '2001-01-01'",),
        near=("CREATE ROLE past_group VALID UNTIL '2001-01-01'",),
        clean=("DROP ROLE IF EXISTS past, past_group",),
    ),
    Case(
        "login_without_password",
        "nobody_knows",
        sql=("CREATE ROLE nobody_knows LOGIN",),
        hba=("local app by_peer peer",),
        near=("local app by_peer peer", "CREATE ROLE by_peer LOGIN", "CREATE ROLE a_group"),
        clean=("DROP ROLE IF EXISTS nobody_knows, by_peer, a_group",),
    ),
    Case(
        "settings_pending_restart",
        "max_connections",
        sql=("ALTER SYSTEM SET max_connections = 77",),
        status="warn",
        mend="ALTER SYSTEM RESET max_connections;\nSELECT pg_reload_conf();",
    ),
    setting("fsync", "'off'"),
    setting("full_page_writes", "'off'"),
    Case(
        "developer_settings",
        "zero_damaged_pages = on",
        sql=("ALTER SYSTEM SET zero_damaged_pages = on", "ALTER SYSTEM SET allow_system_table_mods = on"),
    ),
    Case("library_path", "/srv", sql=("ALTER SYSTEM SET dynamic_library_path = '/srv/lib:$libdir'",)),
    Case(
        "preload_by_role",
        "session_preload_libraries",
        sql=("CREATE ROLE loader", "ALTER ROLE loader SET session_preload_libraries = 'auth_delay'"),
        near=("CREATE ROLE plain_role", "ALTER ROLE plain_role SET work_mem = '4MB'"),
        clean=("DROP ROLE IF EXISTS loader, plain_role",),
    ),
    Case(
        "string_literals",
        '"off"',
        sql=("ALTER SYSTEM SET standard_conforming_strings = off", "ALTER SYSTEM SET backslash_quote = on"),
    ),
    setting("lo_compat_privileges", "'on'"),
    number("idle_in_transaction_timeout", "0", "idle_in_transaction_session_timeout"),
    number("idle_session_timeout", "2d"),
    setting("track_activities", "'off'"),
    Case("output_plugins", "wal2json", sql=("ALTER SYSTEM SET output_plugin_libraries = 'pgoutput', 'wal2json'",)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.check_id)
def test_fault_is_seen_and_mended(hardened: HardenedServer, case: Case) -> None:
    if case.tls and not hardened.tls:
        pytest.skip("this server is built without TLS")
    with hardened.connect() as connection:
        name = case.sql[0].split()[3] if case.sql and case.sql[0].startswith("ALTER SYSTEM SET") else "work_mem"
        known = connection.execute("SELECT current_setting(%s, true) IS NOT NULL", [name]).fetchone()
    if known == (False,):
        pytest.skip(f"this server has no setting {name}")
    try:
        near = [line for line in case.near if line.split()[0].startswith(("host", "local", "#"))]
        hardened.write_rules(*near, ident=case.near_ident)
        plant(hardened, tuple(line for line in case.near if line not in near))
        eventually(hardened, case.check_id, "pass", "not_applicable")
        hardened.write_rules(*case.hba, ident=case.ident)
        plant(hardened, case.sql)
        status, evidence, remediation = eventually(hardened, case.check_id, case.status)
        assert case.found in json.dumps(evidence), (status, evidence)
        assert remediation
        if case.mend:
            run_sql(hardened, "postgres", case.mend)
        else:
            apply(hardened, case.check_id, remediation)
        eventually(hardened, case.check_id, "pass")
    finally:
        reset(hardened, case.clean)


# --- faults that are more than SQL and lines


def own_sessions(server: HardenedServer) -> None:
    """A session from another address, without TLS."""
    address = own_address()
    if address is None:
        pytest.skip("this machine has no address but loopback")
    server.write_rules(f"host all tcp_user {address}/32 trust", "host all tcp_user 127.0.0.1/32 trust")
    plant(server, ("CREATE ROLE tcp_user LOGIN",))
    try:
        route = f"port={server.port} user=tcp_user dbname=postgres sslmode=disable"
        with psycopg.connect(f"host=127.0.0.1 {route}"):
            assert eventually(server, "tls_sessions", "pass")
        with psycopg.connect(f"host={address} {route}"):
            _, evidence, remediation = eventually(server, "tls_sessions", "fail")
            assert [(found["role"], found["address"]) for found in evidence["sessions"]] == [("tcp_user", address)]
            apply(server, "tls_sessions", remediation)
            eventually(server, "tls_sessions", "pass")
        if server.tls:
            with psycopg.connect(f"host={address} {route.replace('disable', 'require')}"):
                assert seen(server, "tls_sessions")[0] == "pass", "a session with TLS is a near miss"
    finally:
        reset(server, ("DROP ROLE tcp_user",))


def replication_as_superuser(server: HardenedServer) -> None:
    """A connection for replication by the superuser; the instruction is to use another role."""
    with psycopg.connect(server.dsn() + " replication=true", autocommit=True):
        _, evidence, remediation = eventually(server, "replication_as_superuser", "fail")
        assert [found["role"] for found in evidence["connections"]] == ["postgres"]
        assert remediation is not None
        assert "CREATE ROLE replicator LOGIN REPLICATION" in remediation
    eventually(server, "replication_as_superuser", "pass")


def base_backup(server: HardenedServer) -> None:
    """The history file of an old backup; the remediation takes a new one."""
    if server.installation.program("pg_basebackup") is None:
        pytest.skip("no pg_basebackup for this server")
    assert seen(server, "base_backup")[0] == "manual"
    old = server.data / "pg_wal" / "000000010000000000000001.00000028.backup"
    server.shell(f"touch -d '8 days ago' {old}")
    _, evidence, remediation = eventually(server, "base_backup", "fail")
    assert evidence["newest_backup"]
    apply(server, "base_backup", remediation)
    eventually(server, "base_backup", "pass")


def settings_valid(server: HardenedServer) -> None:
    """A line in postgresql.conf that is no setting."""
    path = server.data / "postgresql.conf"
    before = path.read_text(encoding="utf-8")
    try:
        path.write_text(before + "no_such_setting = 1\n", encoding="utf-8")
        _, evidence, remediation = eventually(server, "settings_valid", "fail")
        assert "no_such_setting" in evidence["found"][0]["rule"]
        apply(server, "settings_valid", remediation)
        eventually(server, "settings_valid", "pass")
    finally:
        path.write_text(before, encoding="utf-8")
        reset(server)


def settings_not_loaded(server: HardenedServer) -> None:
    """pg_hba.conf is newer than what the server has read."""
    reset(server)
    time.sleep(1.1)  # file times are seconds here
    assert seen(server, "settings_not_loaded")[0] == "pass"
    os.utime(server.data / "pg_hba.conf")
    _, evidence, remediation = eventually(server, "settings_not_loaded", "fail")
    assert [found["file"] for found in evidence["newer"]] == [str(server.data / "pg_hba.conf")]
    apply(server, "settings_not_loaded", remediation)
    eventually(server, "settings_not_loaded", "pass")


def replace_list(connection: psycopg.Connection, name: str, columns: str, rows: str) -> None:
    """Other knowledge about releases, until the transaction is taken back."""
    connection.execute(
        f"CREATE OR REPLACE FUNCTION pggit_excellence.{name}() RETURNS TABLE ({columns})"
        f" LANGUAGE sql IMMUTABLE AS $$ {rows} $$"
    )


RELEASES = "major integer, minor integer, released date, security boolean"
MAJOR, MINOR = (f"current_setting('server_version_num')::integer {part}" for part in ("/ 10000", "% 10000"))


def minor_version(server: HardenedServer) -> None:
    """The list of releases with one more, with and without security fixes; an old list; a list without this version.

    The instruction is to install: then the running server is the newest.
    """
    newer = f" UNION ALL SELECT {MAJOR}, {MINOR} + 1, CURRENT_DATE - 3, {{}}"
    own = f"SELECT {MAJOR}, {MINOR}, CURRENT_DATE - {{age}}, true"
    with server.connect() as connection:
        for rows, status in (
            (own.format(age=99), "pass"),
            (own.format(age=101), "unknown"),
            (own.format(age=101) + newer.format("true"), "fail"),
            (own.format(age=101) + newer.format("false"), "warn"),
            (own.format(age=1).replace(MAJOR, "99"), "unknown"),
        ):
            with connection.transaction(force_rollback=True):
                replace_list(connection, "_postgres_releases", RELEASES, rows)
                found, evidence, remediation = check(connection, "minor_version")
                assert found == status, (rows, evidence)
                if status in ("fail", "warn"):
                    assert evidence["days_since_first_missing"] == 3
                    assert remediation is not None
                    assert evidence["newest_known"] in remediation
                if status == "unknown":
                    assert evidence["reason"]


def major_version(server: HardenedServer) -> None:
    """The last release was yesterday, comes soon, comes later; an unknown major version."""
    with server.connect() as connection:
        for day, status in (("- 1", "fail"), ("+ 179", "warn"), ("+ 180", "pass"), (None, "unknown")):
            with connection.transaction(force_rollback=True):
                rows = f"SELECT {MAJOR}, CURRENT_DATE {day}" if day else "SELECT 99, CURRENT_DATE"
                replace_list(connection, "_postgres_majors", "major integer, last_release date", rows)
                found, evidence, remediation = check(connection, "major_version")
                assert found == status, evidence
                assert (remediation is not None) == (status in ("fail", "warn"))


SPECIAL: dict[str, Callable[[HardenedServer], None]] = {
    "tls_sessions": own_sessions,
    "replication_as_superuser": replication_as_superuser,
    "base_backup": base_backup,
    "settings_valid": settings_valid,
    "settings_not_loaded": settings_not_loaded,
    "minor_version": minor_version,
    "major_version": major_version,
}


@pytest.mark.parametrize("check_id", SPECIAL)
def test_special_fault(hardened: HardenedServer, check_id: str) -> None:
    SPECIAL[check_id](hardened)


# --- what a restart takes: all planted at once

RESTART = {
    "auth_delay": ("shared_preload_libraries = 'pg_stat_statements'", "auth_delay"),
    "password_strength_module": ("", "passwordcheck"),
    "pgaudit": ("", "pgaudit"),
    "set_user": ("", "set_user"),
    "listen_addresses": ("listen_addresses = '127.0.0.1, *'", "*"),
    "logging_collector": ("logging_collector = off", "off"),
    "wal_level": ("wal_level = minimal", "minimal"),
    "wal_archiving": ("archive_mode = off", "off"),
    "superuser_reserved_connections": ("superuser_reserved_connections = 0", "0"),
    "socket_permissions": ("unix_socket_permissions = '0777'", "0777"),
}


def test_faults_that_need_a_restart(hardened: HardenedServer) -> None:
    """Each is seen after one restart; all remediations, one after another, work with one more."""
    try:
        with hardened.connect() as connection:
            for fault in [fault for fault, _ in RESTART.values() if fault] + ["max_wal_senders = 0"]:
                connection.execute(f"ALTER SYSTEM SET {fault}")
        hardened.restart()
        for check_id, (_, found) in RESTART.items():
            status, evidence, _ = seen(hardened, check_id)
            assert status == "fail", (check_id, evidence)
            assert found in json.dumps(evidence), (check_id, evidence)
        for check_id in RESTART:
            apply(hardened, check_id, seen(hardened, check_id)[2])
        run_sql(hardened, "postgres", "ALTER SYSTEM RESET max_wal_senders;")
        hardened.restart()
        for check_id in RESTART:
            eventually(hardened, check_id, "pass")
        with hardened.connect() as connection:
            connection.execute("SELECT pg_switch_wal()")
            eventually(hardened, "archive_failures", "pass")
    finally:
        reset(hardened)
        hardened.restart()


# --- everything at once


def test_nothing_is_found_on_a_hardened_server(hardened: HardenedServer) -> None:
    """What is neither planted nor decided by the machine passes: no check cries wolf."""
    with hardened.connect() as connection:
        rows = connection.execute(
            "SELECT check_id, status FROM pggit_excellence.hardening_check('strict') WHERE category = ANY (%s)",
            [list(CATEGORIES)],
        ).fetchall()
    bad = {name for name, status in rows if status in ("fail", "warn")}
    machine = {"fips_cryptography", "wal_filesystem", "minor_version", "major_version", "core_dumps"}
    assert bad - machine - (set() if hardened.tls else {"tls_enabled"}) == set()


def test_shell_words_and_passwords(hardened: HardenedServer) -> None:
    """Pure helpers against other judges: the shell, and by hand."""
    with hardened.connect() as connection:
        words = ["a b", "it's", '$HOME `id` \\ "', "''", "\n"]
        for word in words:
            quoted = connection.execute("SELECT pggit_excellence._shell_quoted(%s)", [word]).fetchone()
            assert quoted is not None
            hardened.shell(f"test {quoted[0]} = \"$(cat <<'E'\n{word}\nE\n)\"" if word != "\n" else "true")
        for given, wanted in (
            ("host=h password=x user=u", "host=h user=u"),
            (r"password = 'a \' b' host=h", "host=h"),
            ("host=h sslpassword=x passfile=y", "host=h sslpassword=x passfile=y"),
            ("postgresql://u:p@h/d", "postgresql://u@h/d"),
            ("postgres://h/d?password=p&user=u", "postgres://h/d?user=u"),
            ("", ""),
        ):
            assert connection.execute("SELECT pggit_excellence._without_password(%s)", [given]).fetchone() == (wanted,)
        for password, candidate in (("secret", "secret"), ("secret", "other"), ("", ""), ("päss", "päss")):
            query = "SELECT pggit_excellence._scram_matches(%s, %s)"
            assert connection.execute(query, [verifier(password), candidate]).fetchone() == (password == candidate,)


def test_who_may_see_what(hardened: HardenedServer) -> None:
    """For pg_monitor and for a stranger each check runs; what is hidden is unknown, with what would show it."""
    plant(hardened, ("CREATE ROLE watcher IN ROLE pg_monitor", "CREATE ROLE stranger"))
    try:
        with hardened.connect() as connection:
            connection.execute(
                "GRANT USAGE ON SCHEMA pggit_excellence TO stranger;"
                "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pggit_excellence TO stranger;"
                "GRANT SELECT ON ALL TABLES IN SCHEMA pggit_excellence TO stranger"
            )
            hidden = {}
            for role in ("watcher", "stranger"):
                connection.execute(f"SET ROLE {role}")
                rows = connection.execute(
                    "SELECT check_id, status, evidence FROM pggit_excellence.hardening_check('strict')"
                    " WHERE category = ANY (%s)",
                    [list(CATEGORIES)],
                ).fetchall()
                hidden[role] = {name for name, status, _ in rows if status == "unknown"}
                reasons = {name: evidence["reason"] for name, status, evidence in rows if status == "unknown"}
                assert all(
                    any(word in reason for word in ("GRANT", "superuser", "pg_monitor", "CREATE EXTENSION", "releases"))
                    for reason in reasons.values()
                ), reasons
                connection.execute("RESET ROLE")
        assert hidden["watcher"] < hidden["stranger"]
        assert {"hba_trust", "password_md5"} <= hidden["watcher"]
        assert {"log_directory", "tls_sessions", "base_backup"} <= hidden["stranger"] - hidden["watcher"]
    finally:
        plant(hardened, ("DROP OWNED BY stranger", "DROP ROLE watcher, stranger"))


@dataclass(frozen=True)
class Proved:
    """A name in the shape that without_plant() looks at."""

    check_id: str


def test_every_check_has_a_plant(hardened: HardenedServer) -> None:
    """Here or in test_hardening_host.py."""
    from test_hardening_host import PROVED as ON_HOST

    proved = {case.check_id for case in CASES} | set(SPECIAL) | set(RESTART) | ON_HOST
    missing = set()
    with hardened.connect() as connection:
        for category in CATEGORIES:
            missing |= without_plant(connection, category, [])
    assert missing == proved
