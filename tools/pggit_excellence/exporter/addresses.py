"""Which servers the exporter asks and where it listens: the user's words, checked before anything starts."""

from __future__ import annotations

import argparse
import os
import re
from collections import Counter
from pathlib import Path

import psycopg
from psycopg import conninfo, pq

from pggit_excellence.errors import CommandError

# A socket that is nowhere: libpq reads its service file and checks all settings, and then connects to nothing.
NOWHERE = "/nonexistent"
# As libpq reads its service file.
SERVICE = re.compile(r"^\s*\[([^\]\n]+)\]", re.MULTILINE)


def named_targets(options: argparse.Namespace) -> list[tuple[str, str]]:
    """(value of the label `server`, connection string) of each service and of --dsn; alone, libpq's environment."""
    names = [*services(options.service_file), *options.service] if options.service_file else options.service
    wanted = [(name, conninfo.make_conninfo(service=name)) for name in names]
    if options.dsn or not wanted:
        wanted.append((label(options.dsn), options.dsn))
    for name, dsn in wanted:
        settings(dsn, name)
    twice = [name for name, count in Counter(name for name, _ in wanted).items() if count > 1]
    if twice:
        raise CommandError(f"{twice[0]}: given twice; each server needs a name of its own")
    return wanted


def services(file: str) -> list[str]:
    """The names of all services in a file, which libpq reads from now on too."""
    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"--service-file {file}: {getattr(error, 'strerror', None) or 'not UTF-8'}") from None
    found = list(dict.fromkeys(SERVICE.findall(text)))
    if not found:
        raise CommandError(f"--service-file {file}: no [service] in it")
    os.environ["PGSERVICEFILE"] = file
    return found


def settings(dsn: str, name: str) -> dict[str, str]:
    """What libpq would connect with: `dsn`, service file, environment; but nowhere. Refuses what it refuses."""
    try:
        checked = conninfo.make_conninfo(dsn, host=NOWHERE, hostaddr="")
    except psycopg.ProgrammingError as error:
        raise CommandError(f"--dsn: {' '.join(str(error).split())}") from None
    started = pq.PGconn.connect_start(checked.encode())
    said = " ".join(started.error_message.decode(errors="replace").split())
    if NOWHERE not in said:  # refused before the attempt to connect
        raise CommandError(f"{name}: {said}")
    return {option.keyword.decode(): option.val.decode() for option in started.info if option.val is not None}


def label(dsn: str) -> str:
    """The name of a server that was given without one: its service, else host:port/database. Never a password."""
    found = settings(dsn, "--dsn" if dsn else "the environment")
    if found.get("service"):
        return found["service"]
    given = conninfo.conninfo_to_dict(dsn)
    inherited = {option.keyword.decode(): option.val.decode() for option in pq.Conninfo.get_defaults() if option.val}
    hosts = (given.get("host"), given.get("hostaddr"), inherited.get("host"), inherited.get("hostaddr"), "localhost")
    host = next(str(host) for host in hosts if host)
    return f"{host}:{found['port']}/{found['dbname']}"


def parse_listen(text: str) -> tuple[str, int]:
    """HOST:PORT, :PORT for every address, [ADDRESS]:PORT for IPv6."""
    host, separator, port = text.rpartition(":")
    if not separator or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise CommandError(f"--listen {text}: give HOST:PORT, for example 127.0.0.1:9719 or [::1]:9719")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise CommandError(f"--listen {text}: an IPv6 address stands in brackets: [{host}]:{port}")
    return host, int(port)
