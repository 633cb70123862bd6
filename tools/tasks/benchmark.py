"""`tools/run benchmark`: what things cost, as ratios to a baseline of the same run. It reports and fails no time.

`database` (the default) measures the extension on a database with 10,000 tables: each part is a module of
tests/benchmarks with `measure(server, database)` and `report(result)`. `slo` does so with a history of 10 M samples
(`--samples`; 3 GB of disk, ten minutes). `history` archives and partitions a history of as many changes under DDL.
`sbom` times BOMs by the number of extensions, `scan` the scanner (scan_speed.py); `probes` says how often that is
right (scan_probes.py). `hardening` times the hardening checks in a database with `--functions` of them, `audit` DDL
with the audit log and without (audit_cost.py), `sentinels` DDL with sentinels and without (sentinel_cost.py, a part
of `database` as well). `fleet` times the exporter by the number of databases that it asks.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from pggit_excellence.server import DISK, Server, copy_installation, make_install, workspace
from tasks.suites import ROOT, console

DATABASE = "big"
DATABASE_PARTS = ("function_times", "metric_cost", "sentinel_cost")
SLO_PARTS = ("metric_history", "objective_times")
SETTINGS = {"shared_preload_libraries": "pg_stat_statements", "shared_buffers": "512MB", "max_wal_size": "1GB"}


def main() -> int:
    """Run one of the benchmarks and print its tables; 0 unless something could not be run at all."""
    sys.path.insert(0, str(ROOT / "tests" / "benchmarks"))
    parser = argparse.ArgumentParser(prog="tools/run benchmark", description=__doc__)
    parser.add_argument(
        "benchmark",
        nargs="?",
        choices=("database", "slo", "history", "sbom", "scan", "probes", "audit", "sentinels", "hardening", "fleet"),
        default="database",
    )
    parser.add_argument("--files", type=Path, nargs="+", default=[], help="scan: compare on these files or folders")
    parser.add_argument("--major", type=int, default=15, help="PostgreSQL major version (default 15)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    parser.add_argument("--tables", type=int, default=10_000, help="database: tables in the database")
    parser.add_argument("--samples", type=int, default=10_000_000, help="slo, history: rows (default 10 M)")
    parser.add_argument("--functions", type=int, default=10_000, help="hardening: functions in the database")
    options = parser.parse_args()
    measures = {
        "database": measure_database,
        "slo": measure_slo,
        "history": measure_history,
        "sbom": measure_sbom,
        "scan": measure_scan,
        "probes": measure_probes,
        "audit": measure_audit,
        "sentinels": measure_sentinels,
        "hardening": measure_hardening,
        "fleet": measure_fleet,
    }
    results = measures[options.benchmark](options)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return 0


def measure_scan(options: argparse.Namespace) -> dict[str, object]:
    """The scanner's speed."""
    import scan_speed

    with tempfile.TemporaryDirectory() as folder, console.status("scanning, and letting the peers do so"):
        result = scan_speed.measure(Path(folder), options.files)
    console.print(scan_speed.report(result))
    return result


def measure_sbom(_options: argparse.Namespace) -> dict[str, object]:
    """The time that a BOM of an installation takes, by the number of extensions."""
    import sbom_speed

    with workspace() as folder, console.status("making BOMs"):
        result = sbom_speed.measure(folder)
    console.print(sbom_speed.report(result))
    return result


def measure_probes(options: argparse.Namespace) -> dict[str, object]:
    """The scanner's answers about the probes, beside plpgsql_check's."""
    import scan_probes

    with workspace() as folder:
        installation = copy_installation(options.major, folder)
        scan_probes.install_plpgsql_check(installation)
        with Server(installation, folder / "server") as server, console.status("asking both tools"):
            result = scan_probes.measure(server)
    console.print(scan_probes.report(result))
    return result


def measure_hardening(options: argparse.Namespace) -> dict[str, object]:
    """How long the hardening checks take."""
    import hardening_times

    results: dict[str, object] = {"major": options.major, "functions": options.functions}
    with installed(options.major) as server:
        with console.status(f"making a database with {options.functions:,} functions"):
            hardening_times.make(server, DATABASE, options.functions)
        run_parts(server, ("hardening_times",), results)
    return results


def measure_audit(options: argparse.Namespace) -> dict[str, object]:
    """What the audit costs DDL on a server that flushes commits to a disk, which memory would hide."""
    import audit_cost

    with workspace() as folder, tempfile.TemporaryDirectory(dir=DISK, prefix="pgx-") as disk:
        Path(disk).chmod(0o755)
        installation = copy_installation(options.major, folder)
        make_install(installation, ROOT)
        settings = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
        with Server(installation, Path(disk) / "server", SETTINGS | settings) as server, console.status("running DDL"):
            result = audit_cost.measure(server, DATABASE)
    console.print(audit_cost.report(result))
    return {"major": options.major, "audit": result}


def measure_sentinels(options: argparse.Namespace) -> dict[str, object]:
    """What the sentinels cost DDL, beside the barest that could work."""
    results: dict[str, object] = {"major": options.major}
    with installed(options.major) as server:
        run_parts(server, ("sentinel_cost",), results)
    return results


def measure_fleet(options: argparse.Namespace) -> dict[str, object]:
    """What the exporter takes to ask many databases."""
    results: dict[str, object] = {"major": options.major}
    with installed(options.major, max_connections="300") as server:
        run_parts(server, ("exporter_fleet",), results)
    return results


def measure_slo(options: argparse.Namespace) -> dict[str, object]:
    """What objectives, samples and their history cost."""
    results: dict[str, object] = {"major": options.major, "samples": options.samples}
    with installed(options.major) as server:
        with server.connect() as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}")
        with server.connect(DATABASE) as connection:
            connection.execute("CREATE EXTENSION pggit_excellence")
        run_parts(server, SLO_PARTS, results, samples=options.samples)
    return results


def measure_history(options: argparse.Namespace) -> dict[str, object]:
    """What archiving and partitioning a long history cost DDL meanwhile."""
    results: dict[str, object] = {"major": options.major}
    with installed(options.major) as server:
        run_parts(server, ("history_cost",), results, rows=options.samples)
    return results


def measure_database(options: argparse.Namespace) -> dict[str, object]:
    """What the extension's functions cost in a database of the size that pgGit promises."""
    import big_database

    results: dict[str, object] = {"major": options.major, "tables": options.tables}
    with installed(options.major) as server:
        with console.status(f"making a database with {options.tables:,} tables"):
            big_database.make(server, DATABASE, options.tables)
        run_parts(server, DATABASE_PARTS, results)
    return results


@contextlib.contextmanager
def installed(major: int, **settings: str) -> Iterator[Server]:
    """A running server that has the extension."""
    with workspace() as folder:
        installation = copy_installation(major, folder)
        make_install(installation, ROOT)
        with Server(installation, folder / "server", SETTINGS | settings) as server:
            yield server


def run_parts(server: Server, parts: Sequence[str], results: dict[str, object], **arguments: int) -> None:
    """Run modules of tests/benchmarks one after the other; print what each found and add it to the results."""
    for name in parts:
        part = importlib.import_module(name)
        with console.status(name):
            result = part.measure(server, DATABASE, **arguments)
        results[name] = result
        console.print(part.report(result))


if __name__ == "__main__":
    sys.exit(main())
