"""The command line of the report."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from pggit_excellence.errors import EXIT_CLEAN, EXIT_FINDINGS, EXIT_NOTHING, CommandError
from pggit_excellence.output import console, print_json
from pggit_excellence.slo.repeating import work_on
from pggit_excellence.slo.report.gathering import Report, gather
from pggit_excellence.slo.report.period import Period, moment, named_period, period_between
from pggit_excellence.slo.report.text import as_json, print_text

MORE_FORMATS = ("html",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the report."""
    parser.add_argument(
        "--period", type=named_period, metavar="NAME", help="2026-11, 2026Q4 or 2026 (default: this month)"
    )
    parser.add_argument("--from", dest="start", type=moment, metavar="TIME", help="first moment, UTC; with --to")
    parser.add_argument("--to", dest="end", type=moment, metavar="TIME", help="end, not included (default: now)")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="where an HTML page goes (default: standard output)"
    )


def period_of(options: argparse.Namespace) -> Period:
    """The period that was asked for."""
    if options.period and (options.start or options.end):
        raise CommandError("--period names the whole period: without --from and --to")
    if options.end and not options.start:
        raise CommandError("--to needs --from")
    now = datetime.now(UTC)
    if options.start:
        end = options.end or now
        if options.start >= end:
            raise CommandError("--from must be earlier than --to")
        return period_between(options.start, end)
    return options.period or named_period(f"{now:%Y-%m}")


def run(options: argparse.Namespace) -> int:
    """Print it; 1 when an objective was missed, 3 when none has data."""
    if options.output and options.format != "html":
        raise CommandError("--output is for --format html")
    period = period_of(options)

    def work(connection: psycopg.Connection) -> int:
        report = gather(connection, period)
        show(options, report)
        if not report.judged:
            return EXIT_NOTHING
        return EXIT_FINDINGS if report.missed else EXIT_CLEAN

    return work_on(options.dsn, work)


def show(options: argparse.Namespace, report: Report) -> None:
    """Print in the format that was asked for."""
    if options.format == "json":
        print_json(as_json(report))
    elif options.format == "text":
        print_text(console(), report)
    else:
        from pggit_excellence.slo.report.page import page

        write(page(report), options.output)


def write(text: str, file: Path | None) -> None:
    """Into a file, or to standard output."""
    if file is None:
        sys.stdout.write(text)
        return
    try:
        file.write_text(text, encoding="ascii")
    except OSError as error:
        raise CommandError(f"--output {file}: {error.strerror}") from None
