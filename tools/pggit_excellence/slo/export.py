"""`pggit-excellence slo export`: the objectives as OpenSLO v1 documents, on standard output."""

from __future__ import annotations

import argparse
import json
import sys

import psycopg

from pggit_excellence.errors import EXIT_CLEAN, EXIT_NOTHING
from pggit_excellence.slo.openslo.objective import stored
from pggit_excellence.slo.openslo.writing import as_yaml, documents
from pggit_excellence.slo.repeating import work_on


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """No options of its own."""


def run(options: argparse.Namespace) -> int:
    """YAML, or the same documents as a JSON list; 3 when there is no objective."""

    def work(connection: psycopg.Connection) -> int:
        objectives = stored(connection)
        made = documents(objectives)
        if options.format == "json":
            print(json.dumps(made, indent=2, default=float))
        else:
            sys.stdout.write(as_yaml(made))
        return EXIT_CLEAN if objectives else EXIT_NOTHING

    return work_on(options.dsn, work)
