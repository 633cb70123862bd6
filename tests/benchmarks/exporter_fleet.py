"""What a scrape of many databases costs: seconds, processor time and memory, against one database.

All databases are on one server of this machine, whose processors their work shares; a real fleet has its own. The
first scrape connects and plans; the others ask on the kept connections, and their median is shown. Twenty databases are
made: two services that lead to one database are two connections all the same.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

from rich.table import Table

from pggit_excellence.exporter.scrape import Target, scrape
from pggit_excellence.server import Server

STANDIN = Path(__file__).resolve().parents[1] / "fixtures" / "pggit_standin.sql"
SIZES = (1, 10, 50, 200)
DATABASES, WARM, PATIENCE = 20, 5, 300.0
FILL = """
SELECT pggit_excellence.record_metric('ddl_tracking_ms', n) FROM generate_series(1, 100) AS n;
SELECT pggit_excellence.record_metric('availability', 1);
SELECT pggit_excellence.maintain();
"""


def processes(server: Server) -> list[int]:
    """The server's processes but the first."""
    assert server.process is not None
    command = ["ps", "-o", "pid=", "--ppid", str(server.process.pid)]
    return [int(pid) for pid in subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()]


def told(pid: int, file: str) -> str:
    """What the kernel tells of a process; nothing of one that has ended."""
    try:
        return Path(f"/proc/{pid}/{file}").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def server_seconds(server: Server) -> float:
    """Processor time that the server's processes took."""
    return sum(int((told(pid, "schedstat") or "0").split()[0]) for pid in processes(server)) / 1e9


def private_megabytes(pids: list[int]) -> float:
    """Memory that nobody shares."""
    lines = (line for pid in pids for line in told(pid, "smaps_rollup").split("\n"))
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private")) / 1024


def measured(server: Server, targets: list[Target]) -> dict[str, float]:
    """One scrape: `seconds`, and processor time of `server` and `exporter`."""
    began, exporter, spent = time.monotonic(), time.process_time(), server_seconds(server)
    found = scrape(targets, PATIENCE)
    assert found.all_up
    return {
        "seconds": time.monotonic() - began,
        "exporter": time.process_time() - exporter,
        "server": server_seconds(server) - spent,
    }


def silent(_: str) -> None:
    """No log."""


def of_size(server: Server, size: int) -> dict[str, Any]:
    """`cold` and `warm`: a scrape of so many databases; `exporter_mb`, `backend_mb` (of each)."""
    own = [os.getpid()]
    before = private_megabytes(own), private_megabytes(processes(server))
    targets = [
        Target(f"s{number}", server.dsn(f"fleet_{number % DATABASES}"), PATIENCE, silent) for number in range(size)
    ]
    try:
        cold = measured(server, targets)
        runs = [measured(server, targets) for _ in range(WARM)]
        warm = {name: statistics.median(run[name] for run in runs) for name in cold}
        exporter, backend = private_megabytes(own) - before[0], private_megabytes(processes(server)) - before[1]
    finally:
        for target in targets:
            target.close()
    return {"databases": size, "cold": cold, "warm": warm, "exporter_mb": exporter, "backend_mb": backend / size}


def measure(server: Server, database: str) -> dict[str, Any]:
    """`sizes`: one of of_size() for each of SIZES."""
    with server.connect() as admin:
        admin.execute(f"CREATE DATABASE {database}".encode())
    server.psql("-f", str(STANDIN), "-c", "CREATE EXTENSION pggit_excellence", "-c", FILL, dbname=database)
    with server.connect() as admin:
        for number in range(DATABASES):
            admin.execute(f"CREATE DATABASE fleet_{number} TEMPLATE {database}".encode())
    of_size(server, 1)  # the server's own caches
    return {"sizes": [of_size(server, size) for size in SIZES]}


def report(result: dict[str, Any]) -> Table:
    """The result as a table; "times" is against one database."""
    table = Table(
        "databases", "first", "later", "times", "server CPU", "exporter CPU", "exporter MB", "backend MB",
        title="One scrape of all databases (/metrics); CPU and memory of a backend for each",
    )  # fmt: skip
    alone = result["sizes"][0]["warm"]["seconds"]
    for row in result["sizes"]:
        cold, warm, size = row["cold"], row["warm"], row["databases"]
        table.add_row(
            str(size),
            f"{cold['seconds']:.2f} s",
            f"{warm['seconds']:.2f} s",
            f"{warm['seconds'] / alone:.0f}",
            f"{1000 * warm['server'] / size:.0f} ms",
            f"{1000 * warm['exporter'] / size:.1f} ms",
            f"{row['exporter_mb']:.0f}",
            f"{row['backend_mb']:.0f}",
        )
    return table
