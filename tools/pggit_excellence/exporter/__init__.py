"""`pggit-excellence exporter`: serve what prometheus_metrics() of one server or a fleet says to Prometheus."""

from __future__ import annotations

import argparse
import sys

from pggit_excellence.errors import EXIT_CLEAN, EXIT_FINDINGS, CommandError
from pggit_excellence.exporter.addresses import named_targets, parse_listen
from pggit_excellence.exporter.scrape import Target, scrape
from pggit_excellence.exporter.web import MetricsServer
from pggit_excellence.output import print_json
from pggit_excellence.printable import printable
from pggit_excellence.stopping import stop_event

DEFAULT_LISTEN = "127.0.0.1:9719"
DEFAULT_TIMEOUT = 5.0
LONGEST_TIMEOUT = 3600.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the exporter."""
    parser.add_argument(
        "--service",
        action="append",
        default=[],
        metavar="NAME",
        help="a service of pg_service.conf, one for each server of a fleet (may be repeated)",
    )
    parser.add_argument("--service-file", metavar="FILE", help="every service of this file, for a fleet")
    parser.add_argument(
        "--listen",
        default=DEFAULT_LISTEN,
        metavar="HOST:PORT",
        help=f"where to serve; port 0: a free one (default: {DEFAULT_LISTEN})",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=DEFAULT_TIMEOUT,
        metavar="SECONDS",
        help="how long a scrape waits for each server, all at once; less where Prometheus says that it waits less"
        " (default: %(default)g)",
    )
    parser.add_argument("--tls-cert", metavar="FILE", help="serve https with this certificate (PEM)")
    parser.add_argument("--tls-key", metavar="FILE", help="its private key (PEM)")
    parser.add_argument("--tls-client-ca", metavar="FILE", help="accept only clients with a certificate of this CA")
    parser.add_argument("--once", action="store_true", help="print the metrics once and end; 1 where a server is down")


def run(options: argparse.Namespace) -> int:
    """Serve until SIGTERM, or print once."""
    if not 0.1 <= options.timeout <= LONGEST_TIMEOUT:
        raise CommandError(f"--timeout {options.timeout:g}: give 0.1 to {LONGEST_TIMEOUT:g} seconds")
    targets = [Target(name, wanted, options.timeout, log) for name, wanted in named_targets(options)]
    try:
        return print_once(targets, options.timeout) if options.once else serve(targets, options)
    finally:
        for target in targets:
            target.close()


def print_once(targets: list[Target], timeout: float) -> int:
    """For the textfile collector of Prometheus' node exporter, and to look at."""
    found = scrape(targets, timeout)
    sys.stdout.write(found.text)
    return EXIT_CLEAN if found.all_up else EXIT_FINDINGS


def serve(targets: list[Target], options: argparse.Namespace) -> int:
    """Say where, then answer requests until SIGTERM or Ctrl-C."""
    address = parse_listen(options.listen)
    with stop_event() as stop, MetricsServer(address, targets, options) as server:
        names = [target.name for target in targets]
        if options.format == "json":
            print_json({"url": server.url, "servers": names})
        else:
            print(f"serving {server.url} for {printable(', '.join(names))}")
        sys.stdout.flush()
        stop.wait()
    return EXIT_CLEAN


def log(text: str) -> None:
    """One line on stderr, where systemd's journal takes it."""
    print(f"pggit-excellence exporter: {printable(text, keep='')}", file=sys.stderr, flush=True)
