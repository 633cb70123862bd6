"""`pggit-excellence harden score`: how much of each category is hardened."""

from __future__ import annotations

import argparse

import psycopg

from pggit_excellence.errors import EXIT_CLEAN, EXIT_FINDINGS, EXIT_NOTHING
from pggit_excellence.harden.profiles import add_profile
from pggit_excellence.output import console, print_json, print_rows
from pggit_excellence.slo.asking import rows
from pggit_excellence.slo.repeating import work_on

OVERALL = "overall"


def percentage(text: str) -> float:
    """0 to 100 (for argparse)."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f"not a percentage: {text!r}")
    return value


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the score."""
    add_profile(parser)
    parser.add_argument("--fail-under", type=percentage, metavar="N", help="exit status 1 where the whole is below N")


def run(options: argparse.Namespace) -> int:
    """Print it; 1 where it is too low, 3 where nothing could be decided."""

    def work(connection: psycopg.Connection) -> int:
        scores = rows(connection, "SELECT * FROM pggit_excellence.hardening_score(%s)", options.profile)
        overall = next((row["score"] for row in scores if row["category"] == OVERALL), None)
        low = overall is not None and options.fail_under is not None and overall < options.fail_under
        if options.format == "json":
            print_json({"ok": not low, "profile": options.profile, "score": overall, "categories": scores})
        else:
            print_rows(console(), scores)
        if low:
            return EXIT_FINDINGS
        return EXIT_NOTHING if overall is None else EXIT_CLEAN

    return work_on(options.dsn, work)
