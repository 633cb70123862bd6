"""`pggit-excellence harden check`: every hardening check with its evidence, and what mends it."""

from __future__ import annotations

import argparse
import json
from collections import Counter

import psycopg
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pggit_excellence.errors import EXIT_CLEAN, EXIT_FINDINGS, EXIT_NOTHING, CommandError
from pggit_excellence.harden.profiles import SEVERITIES, STYLES, add_profile
from pggit_excellence.output import console, plain, print_json, print_to_copy
from pggit_excellence.slo.asking import Row, rows
from pggit_excellence.slo.repeating import work_on

NEVER = "never"
DECIDED = ("pass", "fail", "warn")
# What nobody has to do anything about is shown with --all only.
QUIET = ("pass", "not_applicable")
REFERENCES = {"cis": "CIS", "stig": "STIG", "soc2": "SOC 2", "cwe": "", "pgdsat": "pgdsat"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the check."""
    add_profile(parser)
    parser.add_argument(
        "--fail-on",
        choices=(*SEVERITIES, NEVER),
        default="low",
        help="exit status 1 from a failed check of this severity on (default: low, any)",
    )
    parser.add_argument("--category", action="append", metavar="NAME", help="this category only (may be repeated)")
    parser.add_argument("--all", action="store_true", help="also what passed and what does not apply")


def run(options: argparse.Namespace) -> int:
    """Print them; 1 where a check failed that counts, 3 where nothing could be decided."""

    def work(connection: psycopg.Connection) -> int:
        checks = rows(connection, "SELECT * FROM pggit_excellence.hardening_check(%s)", options.profile)
        checks = chosen(checks, options.category)
        failed = [check for check in checks if counts(check, options.fail_on)]
        show(options, checks, failed)
        if failed:
            return EXIT_FINDINGS
        return EXIT_CLEAN if any(check["status"] in DECIDED for check in checks) else EXIT_NOTHING

    return work_on(options.dsn, work)


def chosen(checks: list[Row], categories: list[str] | None) -> list[Row]:
    """Those of the categories that were named."""
    known = sorted({check["category"] for check in checks})
    unknown = sorted(set(categories or ()) - set(known))
    if unknown:
        raise CommandError(f"no such category: {', '.join(unknown)} (there are: {', '.join(known)})")
    return [check for check in checks if categories is None or check["category"] in categories]


def counts(check: Row, fail_on: str) -> bool:
    """Whether it failed and is severe enough."""
    if fail_on == NEVER or check["status"] != "fail":
        return False
    return SEVERITIES.index(check["severity"]) >= SEVERITIES.index(fail_on)


def show(options: argparse.Namespace, checks: list[Row], failed: list[Row]) -> None:
    """Print in the format that was asked for."""
    summary = Counter(check["status"] for check in checks)
    if options.format == "json":
        found = {"ok": not failed, "profile": options.profile, "fail_on": options.fail_on}
        print_json(found | {"summary": {status: summary[status] for status in STYLES}, "checks": checks})
        return
    out = console()
    shown = [check for check in checks if options.all or check["status"] not in QUIET]
    for check in shown:
        print_check(out, check)
    if shown:
        out.print(overview(shown))
        out.print()
    told = ", ".join(f"{summary[status]} {status.replace('_', ' ')}" for status in STYLES if summary[status])
    out.print(plain(f"{len(checks)} checks of profile {options.profile}: {told or 'none'}"), soft_wrap=True)


def print_check(out: Console, check: Row) -> None:
    """What was found, and what mends it."""
    head = Text.assemble(
        (f"{check['severity']} {check['status'].replace('_', ' ')}", STYLES[check["status"]]),
        f"  {check['check_id']}",
        (f"  {references(check)}", "dim"),
    )
    out.print(head, soft_wrap=True)
    out.print(Padding(plain(check["title"]), (0, 0, 0, 2), expand=False))
    if check["evidence"]:
        evidence = json.dumps(check["evidence"], ensure_ascii=False)
        out.print(Padding(plain(f"found: {evidence}"), (0, 0, 0, 2), expand=False), style="dim")
    if check["remediation"]:
        remediation = plain(check["remediation"])
        remediation.stylize("cyan")
        print_to_copy(out, remediation, 4)
    out.print()


def references(check: Row) -> str:
    """Where others ask for it."""
    refs = check["refs"] or {}
    return "; ".join(f"{name} {', '.join(refs[key])}".strip() for key, name in REFERENCES.items() if refs.get(key))


def overview(checks: list[Row]) -> Table:
    """A line for each check."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for name in ("status", "severity", "category", "check"):
        table.add_column(name)
    for check in checks:
        status = Text(check["status"].replace("_", " "), style=STYLES[check["status"]])
        table.add_row(status, plain(check["severity"]), plain(check["category"]), plain(check["check_id"]))
    return table
