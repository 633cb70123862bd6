"""The command line of the monitor."""

from __future__ import annotations

import argparse
import os
import socket
import threading
from pathlib import Path

from pggit_excellence.errors import EXIT_CLEAN, EXIT_FINDINGS, CommandError
from pggit_excellence.printable import discard_output
from pggit_excellence.slo.durations import duration
from pggit_excellence.slo.monitor.events import Events
from pggit_excellence.slo.monitor.probing import Server, server_of
from pggit_excellence.slo.monitor.state import State, own
from pggit_excellence.slo.monitor.watching import Plan, Watch
from pggit_excellence.stopping import stop_event


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the monitor."""
    again = "; may be repeated, each server is watched by itself"
    parser.add_argument("--dsn", action="append", default=[], help=f"connection string or URI{again}")
    parser.add_argument("--service", action="append", default=[], help=f"name in libpq's service file{again}")
    parser.add_argument("--interval", type=duration, default=10.0, metavar="TIME", help="between probes (default: 10s)")
    parser.add_argument(
        "--timeout", type=duration, default=5.0, metavar="TIME", help="what takes longer is down (default: 5s)"
    )
    parser.add_argument("--write", action="store_true", help="a server that cannot write to its disk is down as well")
    parser.add_argument(
        "--state",
        type=Path,
        metavar="FILE",
        help="keeps what the server does not have yet (default: in $XDG_STATE_HOME)",
    )
    parser.add_argument("--name", default=socket.gethostname(), help="of this monitor (default: the host's)")
    end = parser.add_mutually_exclusive_group()
    end.add_argument("--once", action="store_true", help="one probe of each server (for cron)")
    end.add_argument("--for", dest="lasting", type=duration, metavar="TIME", help="end after this time")


def default_state() -> Path:
    """Where systemd says, else where the desktop's rules say; the folder is made."""
    known = os.environ.get("STATE_DIRECTORY") or os.environ.get("XDG_STATE_HOME")
    folder = Path(known) if known else Path.home() / ".local" / "state"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"{folder}: {error.strerror} (--state FILE names another place)") from None
    return folder / "pggit-excellence-monitor.sqlite"


def servers_of(options: argparse.Namespace) -> list[Server]:
    """The servers that were named; libpq's default one where none was."""
    servers = [server_of(dsn, "--dsn") for dsn in options.dsn]
    # Quoted as a value of a connection string.
    quoted = [name.replace("\\", "\\\\").replace("'", "\\'") for name in options.service]
    servers += [server_of(f"service='{name}'", f"--service {name}") for name in quoted]
    servers = servers or [server_of("", "--dsn")]
    names = [server.name for server in servers]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise CommandError(f"the same server twice: {', '.join(twice)}")
    return servers


def run(options: argparse.Namespace) -> int:
    """Watch every server; 1 when one was not up at the end of --once or --for."""
    if options.timeout > options.interval and not options.once:
        raise CommandError("--timeout must not be longer than --interval: probes would be left out")
    if not options.name:
        raise CommandError("--name must not be empty")
    servers = servers_of(options)
    state = options.state or default_state()
    lock = own(state)
    events = Events(options.format)
    plan = Plan(options.interval, options.timeout, options.name, options.write, options.once)
    with stop_event() as stop:
        watches = [Watch(server, State(state), plan, events, stop) for server in servers]
        threads = [threading.Thread(target=watch.run) for watch in watches]
        for thread in threads:
            thread.start()
        ended_by_signal = not options.once and stop.wait(options.lasting)
        stop.set()
        for thread in threads:
            thread.join()
    for watch in watches:
        watch.state.close()
    os.close(lock)
    if events.failed:
        discard_output()
        raise CommandError("standard output cannot be written; the outcomes are kept")
    well = all(watch.up for watch in watches)
    return EXIT_CLEAN if well or ended_by_signal else EXIT_FINDINGS
