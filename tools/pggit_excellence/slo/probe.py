"""`pggit-excellence slo probe`: time pgGit's version queries and take a health sample."""

from __future__ import annotations

import argparse

import psycopg

from pggit_excellence.output import console, print_json, print_rows
from pggit_excellence.slo.repeating import add_every, repeat

add_arguments = add_every


def run(options: argparse.Namespace) -> int:
    """Call run_probes()."""

    def work(connection: psycopg.Connection) -> int:
        probes = [row[0] for row in connection.execute("SELECT row_to_json(p) FROM pggit_excellence.run_probes() AS p")]
        if options.format == "json":
            print_json({"probes": probes})
        elif probes:
            print_rows(console(), probes)
        return 0

    return repeat(options, work)
