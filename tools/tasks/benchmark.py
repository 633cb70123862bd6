"""`tools/run benchmark`: what things cost, as ratios to a baseline of the same run. It reports and fails no time.

Each part is a module of tests/benchmarks with `measure(server, database)` and `report(result)`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from pggit_excellence.server import Server, copy_installation, make_install, workspace
from tasks.suites import ROOT, console

DATABASE = "big"
SETTINGS = {"shared_preload_libraries": "pg_stat_statements", "shared_buffers": "512MB", "max_wal_size": "4GB"}


def main() -> int:
    """Make the database, run the parts, print their tables; 0 unless something could not be run at all."""
    sys.path.insert(0, str(ROOT / "tests" / "benchmarks"))
    import big_database
    import function_times
    import metric_cost

    parser = argparse.ArgumentParser(prog="tools/run benchmark", description=__doc__)
    parser.add_argument("--major", type=int, default=15, help="PostgreSQL major version (default 15)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    parser.add_argument("--tables", type=int, default=big_database.TABLES, help="tables in the database")
    options = parser.parse_args()

    results: dict[str, object] = {"major": options.major, "tables": options.tables}
    with workspace() as folder:
        installation = copy_installation(options.major, folder)
        make_install(installation, ROOT)
        with Server(installation, folder / "server", SETTINGS) as server:
            with console.status(f"making a database with {options.tables:,} tables"):
                big_database.make(server, DATABASE, options.tables)
            for part in (function_times, metric_cost):
                with console.status(part.__name__):
                    result = part.measure(server, DATABASE)
                results[part.__name__] = result
                console.print(part.report(result))
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
