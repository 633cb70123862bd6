"""A server on which the hardening checks of authentication, TLS, logging, copies, passwords, settings and host pass.

The tests plant one fault after another on it.
"""

from __future__ import annotations

import datetime
import getpass
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from hardening import Row, check, run_sql
from pggit_excellence.server import Installation, Server, server_user

SCRAM_ONLY = "ECDHE-RSA-AES256-GCM-SHA384"
# Modules that Debian has in packages of their own: to the checks a library of that name is enough.
PRETENDED = ("pgaudit", "set_user")

GOOD = {
    "archive_command": "true",
    "archive_mode": "on",
    "fsync": "on",
    "full_page_writes": "on",
    "idle_in_transaction_session_timeout": "10min",
    "idle_session_timeout": "8h",
    "log_connections": "on",
    "log_destination": "stderr,syslog",
    "log_disconnections": "on",
    "log_line_prefix": "%m [%p]: [%l-1] db=%d,user=%u,app=%a,client=%h ",
    "log_replication_commands": "on",
    "log_statement": "ddl",
    "log_timezone": "UTC",
    "log_truncate_on_rotation": "on",
    "logging_collector": "on",
    "max_wal_senders": "4",
    "pgaudit.log": "ddl",
    "shared_preload_libraries": "auth_delay,passwordcheck,pgaudit,set_user",
    "ssl_ciphers": SCRAM_ONLY,
    "unix_socket_permissions": "0770",
    "wal_level": "logical",
}


def free_port() -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def own_address() -> str | None:
    """An address of this machine that is not loopback; None: it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = str(probe.getsockname()[0])
    return None if address.startswith("127.") else address


def make_certificate(folder: Path, days: int = 365, bits: int = 2048) -> None:
    """server.crt and server.key, self-signed, from yesterday and for so many days from now."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    (folder / "server.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    (folder / "server.key").write_bytes(pem)
    (folder / "server.key").chmod(0o600)
    for file in ("server.crt", "server.key"):
        shutil.chown(folder / file, server_user())


@dataclass
class HardenedServer(Server):
    """A server with checksums, TLS where it is built in, peer on the socket, and settings that pass."""

    port: int = field(default_factory=free_port)
    tls: bool = False

    def dsn(self, dbname: str = "postgres", user: str = "postgres") -> str:
        """As the base has it, with this server's port."""
        return f"host={self.folder} port={self.port} user={user} dbname={dbname}"

    @property
    def environment(self) -> dict[str, str]:
        """As the base has it, with this server's port and the programs that remediations call."""
        programs = f"{self.installation.bindir}:{os.environ['PATH']}"
        return super().environment | {"PGPORT": str(self.port), "PGDATABASE": "postgres", "PATH": programs}

    def initdb(self) -> None:
        """With checksums, also before 18."""
        options = ["-D", str(self.data), "-U", "postgres", "-A", "peer", "-E", "UTF8", "--locale=C.UTF-8", "-N", "-k"]
        command = self.as_server_user([str(self.installation.bindir / "initdb"), *options])
        subprocess.run(command, check=True, capture_output=True, cwd="/")

    def configure(self) -> None:
        """Settings, rules for the socket only, and a certificate."""
        ask = [str(self.installation.bindir / "postgres"), "-C", "ssl_library", "-D", str(self.data)]
        answer = subprocess.run(self.as_server_user(ask), check=True, capture_output=True, text=True, cwd="/")
        self.tls = answer.stdout.strip() != ""
        super().configure()
        addresses = ",".join(filter(None, ["127.0.0.1", own_address()]))
        lines = [f"port = {self.port}", f"listen_addresses = '{addresses}'", f"log_directory = '{self.folder}/log'"]
        if self.tls:
            make_certificate(self.data)
            lines.append("ssl = on")
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
        self.write_rules()
        for name in ("postgresql.conf", "pg_hba.conf", "pg_ident.conf"):
            (self.data / name).chmod(0o600)

    def write_rules(self, *hba: str, ident: str = "") -> None:
        """pg_hba.conf and pg_ident.conf: the test's own way in, and these lines."""
        local = "local all postgres peer map=tests\nlocal replication postgres peer map=tests\n"
        (self.data / "pg_hba.conf").write_text(local + "".join(f"{line}\n" for line in hba), encoding="utf-8")
        users = {getpass.getuser(), server_user() or getpass.getuser()}
        maps = "".join(f"tests {user} postgres\n" for user in sorted(users))
        (self.data / "pg_ident.conf").write_text(maps + ident + "\n", encoding="utf-8")

    def restart(self) -> None:
        """Stop and start."""
        self.stop()
        self.start()

    def shell(self, script: str) -> None:
        """Run a shell script on the host as the server's user, as remediations ask for."""
        environment = self.environment | {"HOME": str(self.folder)}
        done = subprocess.run(
            self.as_server_user(["sh", "-e", "-c", script]),
            check=False,
            capture_output=True,
            text=True,
            env=environment,
            cwd=self.folder,
        )
        assert done.returncode == 0, f"{done.stderr}\nwhile running:\n{script}"

    def home(self) -> Path:
        """The home directory of the server's user, as the host helper sees it."""
        return Path(pwd.getpwnam(server_user() or getpass.getuser()).pw_dir)


@contextmanager
def pretended_libraries(installation: Installation) -> Iterator[None]:
    """Libraries with the names of modules that are not installed here: copies of one without settings."""
    answer = subprocess.run([installation.pg_config, "--pkglibdir"], check=True, capture_output=True, text=True)
    folder = Path(answer.stdout.strip())
    made = [folder / f"{name}.so" for name in PRETENDED if not (folder / f"{name}.so").exists()]
    for library in made:
        shutil.copyfile(folder / "tablefunc.so", library)
    try:
        yield
    finally:
        for library in made:
            library.unlink()


def database_with_everything(server: HardenedServer, fixtures: Path) -> None:
    """Database postgres: the stand-in, the extension, and the companion where there is PL/Python."""
    server.psql("-f", str(fixtures / "pggit_standin.sql"))
    with server.connect() as connection:
        connection.execute("CREATE EXTENSION pggit_excellence")
        if server.installation.has_extension("plpython3u"):
            connection.execute("CREATE EXTENSION pggit_excellence_plpython3u CASCADE")


def reset(server: HardenedServer, clean: tuple[str, ...] = ()) -> None:
    """The server as it was."""
    server.write_rules()
    with server.connect() as connection:
        for statement in ("ALTER SYSTEM RESET ALL", "SELECT pg_reload_conf()", *clean):
            connection.execute(statement)


def seen(server: HardenedServer, check_id: str) -> Row:
    """The check in a session of its own: some parameters are new sessions' only."""
    with server.connect() as connection:
        return check(connection, check_id)


def eventually(server: HardenedServer, check_id: str, *statuses: str) -> Row:
    """The check's row as soon as it has one of the statuses: a reload and the archiver take their time."""
    deadline = time.monotonic() + 3
    while True:
        row = seen(server, check_id)
        if row[0] in statuses or time.monotonic() > deadline:
            assert row[0] in statuses, row
            return row
        time.sleep(0.01)


def apply(server: HardenedServer, check_id: str, remediation: str | None) -> None:
    """Do what the check returned, as its kind says."""
    assert remediation
    with server.connect() as connection:
        kind = connection.execute(
            "SELECT remediation_kind FROM pggit_excellence._hardening_checks() WHERE check_id = %s", [check_id]
        ).fetchone()
    if kind == ("shell",):
        server.shell(remediation)
    else:
        assert kind in (("sql",), ("restart",)), kind
        run_sql(server, "postgres", remediation)


def plant(server: HardenedServer, statements: tuple[str, ...]) -> None:
    """Run the statements and have the server read its files."""
    with server.connect() as connection:
        for statement in statements:
            connection.execute(statement)
        connection.execute("SELECT pg_reload_conf()")
