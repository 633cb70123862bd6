"""Hardening checks of the host and of the server's certificate, and fips_status(): real files, modes and processes.

Faults are planted as in test_hardening_server.py. host_security.py and host_fips.py are also tried as plain Python.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

import host_fips
import host_security
from conftest import FIXTURES, ROOT
from hardened_server import (
    GOOD,
    HardenedServer,
    apply,
    database_with_everything,
    eventually,
    make_certificate,
    plant,
    pretended_libraries,
    reset,
    seen,
)
from hardening import run_sql
from pggit_excellence.server import DISK, MEMORY, Installation, server_user, workspace

SERVER_USER = server_user()


@pytest.fixture(scope="module")
def hardened(installation: Installation) -> Iterator[HardenedServer]:
    with (
        workspace() as folder,
        pretended_libraries(installation),
        HardenedServer(installation, folder / "server", GOOD) as server,
    ):
        database_with_everything(server, FIXTURES)
        home_of_the_test(server)
        yield server


def home_of_the_test(server: HardenedServer) -> None:
    """The helper looks into a home directory and an /etc of the test's own, not those of the machine."""
    for name in ("home", "etc"):
        (server.folder / name).mkdir()
        shutil.chown(server.folder / name, SERVER_USER)
    if not server.installation.has_extension("plpython3u"):
        return
    with server.connect() as connection:
        row = connection.execute(
            "SELECT pg_get_functiondef('pggit_excellence.host_security(text)'::regprocedure)"
        ).fetchone()
        assert row is not None
        roots = f"home={str(server.folder / 'home')!r}, etc_root={str(server.folder / 'etc')!r}, postmaster_pid"
        definition = row[0].replace("postmaster_pid=os", roots + "=os")
        assert roots in definition
        connection.execute(definition)


def as_root(script: str) -> None:
    """Run a shell script as root."""
    subprocess.run(["sh", "-e", "-c", script], check=True)


def needs_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")


def prove(server: HardenedServer, check_id: str, found: str, status: str = "fail") -> None:
    """The planted fault is seen, and what the check returned mends it."""
    _, evidence, remediation = eventually(server, check_id, status)
    assert found in json.dumps(evidence), evidence
    apply(server, check_id, remediation)
    eventually(server, check_id, "pass")


# --- TLS


def tls_enabled(server: HardenedServer) -> None:
    """Off, and without a certificate: the remediation makes one."""
    assert seen(server, "tls_enabled")[0] == "pass"
    for name in ("server.key", "server.crt"):
        (server.data / name).unlink()
    plant(server, ("ALTER SYSTEM SET ssl = off",))
    prove(server, "tls_enabled", "off")


def tls_groups(server: HardenedServer) -> None:
    name = "ssl_groups" if server.installation.major >= 18 else "ssl_ecdh_curve"
    plant(server, (f"ALTER SYSTEM SET {name} = 'secp224r1'",))
    prove(server, "tls_groups", "secp224r1")


def tls_certificate_expiry(server: HardenedServer) -> None:
    assert seen(server, "tls_certificate_expiry")[0] == "pass"
    for days, status in ((13, "fail"), (29, "warn")):
        make_certificate(server.data, days)
        day = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)).date().isoformat()
        prove(server, "tls_certificate_expiry", day, status)
    (server.data / "server.crt").write_text("not a certificate")
    assert "no certificate" in eventually(server, "tls_certificate_expiry", "unknown")[1]["reason"]
    make_certificate(server.data)


def tls_certificate_strength(server: HardenedServer) -> None:
    assert seen(server, "tls_certificate_strength")[0] == "pass"
    make_certificate(server.data, bits=1024)
    prove(server, "tls_certificate_strength", "1024")


def tls_key_mode(server: HardenedServer) -> None:
    assert seen(server, "tls_key_mode")[0] == "pass"
    (server.data / "server.key").chmod(0o644)
    prove(server, "tls_key_mode", "0644")


# --- files


def data_directory_mode(server: HardenedServer) -> None:
    server.data.chmod(0o750)
    assert seen(server, "data_directory_mode")[0] == "pass"
    server.data.chmod(0o755)
    prove(server, "data_directory_mode", "0755")


def config_file_mode(server: HardenedServer) -> None:
    (server.data / "pg_hba.conf").chmod(0o640)
    assert seen(server, "config_file_mode")[0] == "pass"
    (server.data / "pg_hba.conf").chmod(0o660)
    prove(server, "config_file_mode", "pg_hba.conf")


def config_file_owner(server: HardenedServer) -> None:
    needs_root()
    shutil.chown(server.data / "pg_hba.conf", "root")
    assert seen(server, "config_file_owner")[0] == "pass"
    shutil.chown(server.data / "pg_ident.conf", "daemon")
    _, evidence, remediation = eventually(server, "config_file_owner", "fail")
    assert [(Path(file["path"]).name, file["owner"]) for file in evidence["files"]] == [("pg_ident.conf", "daemon")]
    as_root(remediation or "")
    eventually(server, "config_file_owner", "pass")
    shutil.chown(server.data / "pg_hba.conf", SERVER_USER)


def log_directory_mode(server: HardenedServer) -> None:
    assert seen(server, "log_directory_mode")[0] == "pass"
    file = min((server.folder / "log").iterdir())
    file.chmod(0o604)
    prove(server, "log_directory_mode", file.name)


def program_directories(server: HardenedServer) -> None:
    assert seen(server, "program_directories")[0] == "pass"
    folder = server.installation.sharedir / "extension"
    mode = folder.stat().st_mode
    folder.chmod(0o775)
    try:
        _, evidence, remediation = eventually(server, "program_directories", "fail")
        assert [file["path"] for file in evidence["files"]] == [str(folder)]
        as_root(remediation or "")
        eventually(server, "program_directories", "pass")
    finally:
        folder.chmod(mode)


def tablespace_in_data_directory(server: HardenedServer) -> None:
    server.shell(f"mkdir {server.data}/inside {server.folder}/data_beside")
    plant(server, (f"CREATE TABLESPACE beside LOCATION '{server.folder}/data_beside'",))
    assert seen(server, "tablespace_in_data_directory")[0] == "pass"
    with server.connect() as connection:
        connection.execute("SET client_min_messages = error")
        connection.execute(f"CREATE TABLESPACE \"in side\" LOCATION '{server.data}/inside'")
    prove(server, "tablespace_in_data_directory", "in side")
    plant(server, ("DROP TABLESPACE beside",))


def password_in_profile(server: HardenedServer) -> None:
    home = server.folder / "home"
    (home / ".bashrc").write_text("# PGPASSWORD=x\nexport PATH\n")
    assert seen(server, "password_in_profile")[0] == "pass"
    (home / ".profile").write_text("export PATH\nexport PGPASSWORD=secret\n")
    shutil.chown(home / ".profile", SERVER_USER)
    prove(server, "password_in_profile", ".profile")
    assert (home / ".profile").read_text() == "export PATH\n"


def password_in_service_file(server: HardenedServer) -> None:
    file = server.folder / "home/.pg_service.conf"
    file.write_text("[a]\nhost=b\nsslpassword=x\n")
    assert seen(server, "password_in_service_file")[0] == "pass"
    file.write_text("[a]\nhost=b\n password = secret\n")
    shutil.chown(file, SERVER_USER)
    prove(server, "password_in_service_file", ".pg_service.conf")
    assert file.read_text() == "[a]\nhost=b\n"


def psql_history(server: HardenedServer) -> None:
    file = server.folder / "home/.psql_history"
    assert seen(server, "psql_history")[0] == "pass"
    file.write_text("ALTER ROLE x PASSWORD 'y';\n")
    prove(server, "psql_history", ".psql_history")
    assert file.readlink() == Path("/dev/null")


def checksum_failures(server: HardenedServer) -> None:
    """A page that the disk changed; the instruction ends with forgetting the count."""
    with server.connect() as connection:
        connection.execute("CREATE TABLE damaged AS SELECT generate_series(1, 1000) AS number")
        row = connection.execute("SELECT pg_relation_filepath('damaged')").fetchone()
        assert row is not None
        connection.execute("CHECKPOINT")
    server.stop()
    with (server.data / row[0]).open("r+b") as file:
        file.seek(4000)
        file.write(b"changed by the disk")
    server.start()
    with server.connect() as connection, pytest.raises(psycopg.errors.DataCorrupted):
        connection.execute("SELECT count(*) FROM damaged")
    _, evidence, remediation = eventually(server, "checksum_failures", "fail")
    assert [database["database"] for database in evidence["databases"]] == ["postgres"]
    assert "pg_stat_reset" in (remediation or "")
    plant(server, ("DROP TABLE damaged", "SELECT pg_stat_reset()"))
    eventually(server, "checksum_failures", "pass")


# --- what a restart takes, each by itself


def socket_directory(server: HardenedServer) -> None:
    assert seen(server, "socket_directory")[0] == "pass"
    shared = server.folder / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    plant(server, (f"ALTER SYSTEM SET unix_socket_directories = '{shared}', '{server.folder}'",))
    server.restart()
    _, evidence, remediation = seen(server, "socket_directory")
    assert [(item["path"], item["mode"]) for item in evidence["directories"]] == [(str(shared), "1777")]
    apply(server, "socket_directory", remediation)
    server.restart()
    eventually(server, "socket_directory", "pass")


def data_checksums(server: HardenedServer) -> None:
    program = server.installation.bindir / "pg_checksums"
    if not program.exists():
        pytest.skip("this server comes without pg_checksums")
    assert seen(server, "data_checksums")[0] == "pass"
    server.stop()
    server.shell(f"pg_checksums --disable -D {server.data}")
    server.start()
    status, _, remediation = seen(server, "data_checksums")
    assert status == "fail"
    server.stop()
    server.shell(remediation or "")
    server.start()
    eventually(server, "data_checksums", "pass")


def wal_filesystem(server: HardenedServer) -> None:
    other = next((path for path in (DISK, MEMORY) if path.stat().st_dev != server.data.stat().st_dev), None)
    if other is None:
        pytest.skip("this machine has one filesystem")
    status, evidence, remediation = seen(server, "wal_filesystem")
    assert (status, evidence["same_filesystem"]) == ("warn", True)
    assert "symbolic link" in (remediation or "")
    wal = server.data / "pg_wal"
    elsewhere = other / f"{server.folder.parent.name}-wal"
    server.stop()
    try:
        subprocess.run(["cp", "-a", str(wal), str(elsewhere)], check=True)
        wal.rename(server.data / "pg_wal.old")
        wal.symlink_to(elsewhere)
        server.start()
        assert seen(server, "wal_filesystem")[0] == "pass"
    finally:
        server.stop()
        wal.unlink()
        subprocess.run(["cp", "-a", str(elsewhere), str(wal)], check=True)
        shutil.rmtree(elsewhere)
        shutil.rmtree(server.data / "pg_wal.old")
        server.start()


def server_restarted_after_update(server: HardenedServer) -> None:
    """The program's file is replaced below the running server, as a package does it."""
    assert seen(server, "server_restarted_after_update")[0] == "pass"
    program = server.installation.bindir / "postgres"
    updated = program.with_name("postgres.new")
    shutil.copy2(program, updated)
    updated.rename(program)
    _, evidence, remediation = eventually(server, "server_restarted_after_update", "fail")
    assert evidence["program"] == str(program)
    assert "Restart" in (remediation or "")
    server.restart()
    eventually(server, "server_restarted_after_update", "pass")


def password_in_environment(server: HardenedServer) -> None:
    assert seen(server, "password_in_environment")[0] == "pass"
    server.stop()
    os.environ["PGPASSWORD"] = "secret"
    try:
        server.start()
    finally:
        del os.environ["PGPASSWORD"]
    _, evidence, remediation = eventually(server, "password_in_environment", "fail")
    assert "secret" not in json.dumps(evidence)
    assert "PGPASSWORD" in (remediation or "")
    server.restart()
    eventually(server, "password_in_environment", "pass")


def core_dumps(server: HardenedServer) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if hard == 0:
        pytest.skip("this machine lets no process dump")
    try:
        for limit, status in ((4096 if hard == resource.RLIM_INFINITY else hard, "fail"), (0, "pass")):
            resource.setrlimit(resource.RLIMIT_CORE, (limit, hard))
            server.restart()
            eventually(server, "core_dumps", status)
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


def fips_cryptography(server: HardenedServer) -> None:
    """A session in which OpenSSL takes FIPS implementations only, of which there are none here: md5 is refused."""
    assert "server_md5" in seen(server, "fips_cryptography")[1]["items"]
    with server.connect() as connection:
        if not take_fips_only(connection):
            pytest.skip("this server has an OpenSSL before 3, which cannot be told")
        row = connection.execute("SELECT status FROM pggit_excellence._check_fips_cryptography()").fetchone()
        assert row == ("pass",)


def take_fips_only(connection: psycopg.Connection) -> bool:
    """What an operating system in FIPS mode does to OpenSSL 3, for this session; False: it is an older OpenSSL."""
    connection.execute(
        "CREATE OR REPLACE FUNCTION pg_temp.take_fips_only() RETURNS boolean LANGUAGE plpython3u AS $$\n"
        "import ctypes\n"
        "path = next(line.split()[-1] for line in open('/proc/self/maps') if 'libcrypto' in line)\n"
        "enable = getattr(ctypes.CDLL(path), 'EVP_default_properties_enable_fips', None)\n"
        "return enable is not None and enable(None, 1) == 1\n$$"
    )
    return connection.execute("SELECT pg_temp.take_fips_only()").fetchone() == (True,)


NEEDS_TLS = {"tls_enabled", "tls_groups", "tls_certificate_expiry", "tls_certificate_strength", "tls_key_mode"}
WITHOUT_HELPER = {"tls_enabled", "tls_groups", "tablespace_in_data_directory", "checksum_failures", "data_checksums"}
FAULTS: list[Callable[[HardenedServer], None]] = [
    tls_enabled,
    tls_groups,
    tls_certificate_expiry,
    tls_certificate_strength,
    tls_key_mode,
    data_directory_mode,
    config_file_mode,
    config_file_owner,
    log_directory_mode,
    program_directories,
    tablespace_in_data_directory,
    password_in_profile,
    password_in_service_file,
    psql_history,
    checksum_failures,
    socket_directory,
    data_checksums,
    wal_filesystem,
    server_restarted_after_update,
    password_in_environment,
    core_dumps,
    fips_cryptography,
]
PROVED = {fault.__name__ for fault in FAULTS}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_fault_is_seen_and_mended(hardened: HardenedServer, fault: Callable[[HardenedServer], None]) -> None:
    if fault.__name__ in NEEDS_TLS and not hardened.tls:
        pytest.skip("this server is built without TLS")
    if fault.__name__ not in WITHOUT_HELPER and not hardened.installation.has_extension("plpython3u"):
        row = seen(hardened, fault.__name__)
        assert row[0] == "unknown" or fault is fips_cryptography
        pytest.skip(f"this server has no PL/Python: {row[1]}")
    try:
        fault(hardened)
    finally:
        reset(hardened)


# --- fips_status()


def items(connection: psycopg.Connection) -> dict[str, tuple[str, str | None]]:
    """Status and value of each item."""
    rows = connection.execute("SELECT item, status, value FROM pggit_excellence.fips_status()").fetchall()
    return {item: (status, value) for item, status, value in rows}


def test_fips_status_is_behaviour(hardened: HardenedServer) -> None:
    """Without FIPS md5 works and is a finding; where OpenSSL is told so, in this session, it is refused."""
    with hardened.connect() as connection:
        before = items(connection)
        assert before["server_md5"] == ("fail", "works")
        assert before["server_sha256"] == ("pass", "works")
        assert before["password_encryption"] == ("pass", "scram-sha-256")
        assert before["pgcrypto"][0] == "not_applicable"
        if not hardened.installation.has_extension("plpython3u"):
            assert before["library_md5"][0] == "unknown"
            return
        assert "OpenSSL" in str(before["library_version"][1])
        if "OpenSSL 1" in str(before["library_version"][1]):
            assert before["library_md5"] == ("unknown", None)
            return
        assert before["library_md5"] == ("fail", "default")
        assert before["library_default_properties"] == ("fail", "off")
        if hardened.installation.has_extension("pgcrypto"):
            connection.execute('CREATE SCHEMA "odd one"; CREATE EXTENSION pgcrypto SCHEMA "odd one"')
        assert take_fips_only(connection)
        after = items(connection)
        assert after["library_default_properties"] == ("pass", "on")
        assert after["library_md5"] == ("pass", "refused")
        assert after["server_md5"][0] == "pass"
        assert after["server_md5"][1].startswith("refused: ")
        assert after["library_sha256"] == ("fail", "refused"), "no FIPS provider is here: that is a finding too"
        if hardened.installation.has_extension("pgcrypto"):
            assert after["pgcrypto_md5"][0] == "pass"
            assert after["pgcrypto_builtin"][0] == "fail"
            connection.execute('DROP SCHEMA "odd one" CASCADE')


def test_fips_status_of_hashes(hardened: HardenedServer) -> None:
    """64 hexadecimal digits are SHA-256; one MD5 among them, or a function that makes it, is a finding."""
    column = "pggit_hashes pggit.objects.content_hash"
    with hardened.connect() as connection, connection.transaction(force_rollback=True):
        assert items(connection)[column] == ("not_applicable", None)
        connection.execute("ALTER TABLE pggit.objects DISABLE TRIGGER ALL")
        insert = (
            "INSERT INTO pggit.objects (object_type, schema_name, object_name, content_hash)"
            " SELECT 'TABLE', 'public', 'hashed' || n, encode(sha256(n::text::bytea), 'hex')"
            " FROM generate_series(1, 30) AS n"
        )
        connection.execute(insert)
        assert items(connection)[column] == ("pass", "sha256: 30")
        connection.execute("UPDATE pggit.objects SET content_hash = upper(md5('x')) WHERE object_name = 'hashed7'")
        assert items(connection)[column] == ("fail", "md5: 1, sha256: 29")
        connection.execute("UPDATE pggit.objects SET content_hash = 'v2:abc' WHERE object_name = 'hashed7'")
        assert items(connection)[column] == ("manual", "other: 1, sha256: 29")
        assert items(connection)["pggit_functions_md5"] == ("pass", None)
        connection.execute("CREATE FUNCTION pggit.old_hash(t text) RETURNS text LANGUAGE sql AS 'SELECT md5 (t)'")
        assert items(connection)["pggit_functions_md5"] == ("fail", "pggit.old_hash(text)")
        connection.execute("CREATE ROLE hash_reader; GRANT USAGE ON SCHEMA pggit_excellence TO hash_reader")
        connection.execute("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pggit_excellence TO hash_reader")
        connection.execute("SET ROLE hash_reader")
        status, value = items(connection)[column]
        assert (status, value) == ("unknown", None)


# --- the helpers as plain Python


def certificate(key: Any, days: int, algorithm: hashes.HashAlgorithm | None, issuer: str = "me") -> bytes:
    """A certificate of `me`, by cryptography, which is the judge here."""
    me, by = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("me", issuer))
    start = datetime.datetime(2024, 2, 29, 23, 59, 58, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(me).issuer_name(by).public_key(key.public_key())
    builder = builder.serial_number(2**150).not_valid_before(start)
    made = builder.not_valid_after(start + datetime.timedelta(days=days)).sign(key, algorithm)
    return made.public_bytes(serialization.Encoding.PEM)


@pytest.mark.once
@pytest.mark.parametrize(
    ("key", "algorithm", "wanted"),
    [
        (lambda: rsa.generate_private_key(65537, 2048), hashes.SHA256(), ("rsa", 2048, "sha256WithRSA")),
        (lambda: rsa.generate_private_key(65537, 3072), hashes.SHA512(), ("rsa", 3072, "sha512WithRSA")),
        (lambda: ec.generate_private_key(ec.SECP224R1()), hashes.SHA256(), ("ec", 224, "ecdsaWithSHA256")),
        (lambda: ec.generate_private_key(ec.SECP521R1()), hashes.SHA384(), ("ec", 521, "ecdsaWithSHA384")),
        (ed25519.Ed25519PrivateKey.generate, None, ("ed25519", 256, "ed25519")),
    ],
)
@pytest.mark.parametrize("days", [1, 30 * 365])  # UTCTime up to 2049, GeneralizedTime after
@pytest.mark.parametrize("issuer", ["me", "somebody else"])
def test_certificates_against_cryptography(
    key: Callable[[], Any], algorithm: hashes.HashAlgorithm | None, wanted: tuple[str, int, str], days: int, issuer: str
) -> None:
    text = certificate(key(), days, algorithm, issuer).decode()
    judge = x509.load_pem_x509_certificate(text.encode())
    found = host_security.certificate_detail("leading words\n" + text + text)
    assert (found["key_type"], found["key_bits"], found["signature"]) == wanted
    assert found["not_before"] == judge.not_valid_before_utc.isoformat()
    assert found["not_after"] == judge.not_valid_after_utc.isoformat()
    assert found["self_signed"] == (issuer == "me")


@pytest.mark.once
def test_damaged_certificates_are_errors() -> None:
    """Every cut and many changed bytes: understood or a ValueError or IndexError, nothing else."""
    text = certificate(ec.generate_private_key(ec.SECP256R1()), 9, hashes.SHA256()).decode()
    data = bytearray(host_security.pem_to_der(text))
    for at in range(len(data)):
        for changed in (bytes(data[:at]), bytes(data[:at]) + bytes([data[at] ^ 0x55]) + bytes(data[at + 1 :])):
            pem = f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(changed).decode()}\n-----END CERTIFICATE-----\n"
            with contextlib.suppress(ValueError, IndexError):
                host_security.certificate_detail(pem)


def planted_host(tmp_path: Path, **settings: str) -> host_security.Host:
    """A host below a test's folder."""
    proc = tmp_path / "proc/7"
    proc.mkdir(parents=True)
    (proc / "environ").write_bytes(b"PATH=/bin\0PGPASSWORD=x\0")
    (proc / "limits").write_text("Limit  Soft  Hard\nMax core file size        unlimited   unlimited   bytes\n")
    (proc / "exe").symlink_to("/usr/bin/postgres (deleted)")
    folders = {"proc_root": str(tmp_path / "proc"), "etc_root": str(tmp_path), "home": str(tmp_path)}
    return host_security.Host({"data_directory": str(tmp_path)} | settings, postmaster_pid=7, **folders)


@pytest.mark.once
def test_facts_of_a_planted_host(tmp_path: Path) -> None:
    host = planted_host(tmp_path, unix_socket_directories=f"{tmp_path}/proc, @abstract", ssl_cert_file="none.crt")
    (tmp_path / "proc").chmod(0o1777)
    rows = {row["kind"]: row for row in host_security.host_security(host)}
    assert json.loads(rows["environment"]["detail"]) == {"password": True, "core_file_size": "unlimited"}
    assert (rows["program"]["path"], rows["program"]["detail"]) == ("/usr/bin/postgres", '{"replaced": true}')
    assert (rows["socket_directory"]["path"], rows["socket_directory"]["mode"]) == (f"{tmp_path}/proc", "1777")
    assert (rows["certificate"]["detail"], rows["certificate"]["note"]) == (None, "No such file or directory")
    assert "secret" not in json.dumps(rows)
    only = host_security.host_security(host, "program")
    assert [row["kind"] for row in only] == ["program"]


@pytest.mark.once
def test_hidden_paths_are_said(tmp_path: Path) -> None:
    host = host_security.Host({}, home=str(tmp_path))
    rows = host_security.host_security(host)
    assert {row["kind"] for row in rows} == set(host_security.KINDS)
    assert {row["detail"] for row in rows} == {None}
    assert all("pg_read_all_settings" in row["note"] for row in rows)


@pytest.mark.once
def test_fips_of_another_process(tmp_path: Path) -> None:
    """A process whose OpenSSL is configured for FIPS implementations only says so; one without does not."""
    configuration = tmp_path / "openssl.cnf"
    configuration.write_text(
        "openssl_conf = main\n[main]\nalg_section = properties\n[properties]\ndefault_properties = fips=yes\n"
    )
    (tmp_path / "sys/crypto").mkdir(parents=True)
    code = (
        "import ctypes.util, json, sys, host_fips\n"
        "path = ctypes.util.find_library('crypto')\n"
        "print(json.dumps({r['fact']: r['value'] for r in host_fips.host_fips(sys.argv[1], path)}))"
    )

    def facts(kernel: str, **more: str) -> dict[str, Any]:
        (tmp_path / "sys/crypto/fips_enabled").write_text(kernel)
        environment = os.environ | {"PYTHONPATH": str(ROOT / "plpython")} | more
        command = [sys.executable, "-c", code, str(tmp_path)]
        answer = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        found: dict[str, Any] = json.loads(answer.stdout)
        return found

    plain = facts("0\n")
    assert plain["kernel_mode"] == "off"
    assert plain["default_properties"] == "off"
    assert plain["md5"] != "refused"
    strict = facts("1\n", OPENSSL_CONF=str(configuration))
    assert (strict["kernel_mode"], strict["default_properties"], strict["md5"]) == ("on", "on", "refused")


@pytest.mark.once
def test_fips_without_openssl(tmp_path: Path) -> None:
    """No library loaded, no /proc: not known, and why."""
    (tmp_path / "self").mkdir()
    (tmp_path / "self/maps").write_text("7f00 r-xp 0 0 0 /lib/libc.so.6\n")
    assert [(row["fact"], row["value"]) for row in host_fips.host_fips(str(tmp_path))] == [
        ("kernel_mode", None),
        ("library", None),
    ]
    assert host_fips.mapped_library("/nowhere") is None


def test_real_server_sees_itself(hardened: HardenedServer) -> None:
    """Facts of the running server, against stat() of this process."""
    if not hardened.installation.has_extension("plpython3u"):
        pytest.skip("this server has no PL/Python")
    with hardened.connect() as connection:
        rows = connection.execute("SELECT kind, path, mode, detail FROM pggit_excellence.host_security()").fetchall()
        fips = connection.execute("SELECT fact FROM pggit_excellence.host_fips()").fetchall()
    kinds = {kind for kind, *_ in rows}
    assert {"data_directory", "configuration", "log_file", "program", "environment", "wal_directory"} <= kinds
    for kind, path, mode, _ in rows:
        if mode is not None and kind != "log_file":
            assert int(mode, 8) == Path(path).stat().st_mode & 0o7777, (kind, path)
    program = next(detail for kind, _, _, detail in rows if kind == "program")
    assert json.loads(program) == {"replaced": False}
    assert ("kernel_mode",) in fips
    run_sql(hardened, "postgres", "SELECT * FROM pggit_excellence.host_security('no such kind');")
