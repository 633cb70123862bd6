"""How fast `pggit-excellence scan` is, as a whole process: against pgspot and sqlfluff on the same files, and by size.

The peers are the nearest that exist: pgspot checks what a SECURITY DEFINER script leaves open, sqlfluff the style.
Neither follows a value into an EXECUTE. They run from a virtual environment of their own, pinned in peers.txt.
"""

from __future__ import annotations

import hashlib
import os
import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
PEERS = Path(__file__).with_name("peers.txt")
RUNS = 5
SIZES = (1, 10, 100, 1_000, 10_000)
LINES = 22_000
# By default sqlfluff skips files of more than 20,000 bytes, which would be most of the work.
SQLFLUFF_SETTINGS = "[sqlfluff]\nlarge_file_skip_byte_limit = 0\n"

FUNCTION = """
-- Keeps {name} small: old rows go to its archive.
CREATE OR REPLACE FUNCTION app.archive_{name}(p_before timestamptz, p_limit integer DEFAULT 1000)
RETURNS bigint
LANGUAGE plpgsql
AS $$
DECLARE
    v_columns text;
    v_moved bigint;
BEGIN
    SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO v_columns
    FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = 'app.{name}'::regclass AND a.attnum > 0 AND NOT a.attisdropped;
    IF v_columns IS NULL THEN
        RAISE EXCEPTION 'table % has no columns', 'app.{name}';
    END IF;
    EXECUTE format('INSERT INTO %I.%I (%s) SELECT %s FROM app.{name} WHERE created_at < $1 LIMIT %s',
                   'archive', '{name}', v_columns, v_columns, p_limit)
    USING p_before;
    GET DIAGNOSTICS v_moved = ROW_COUNT;
    RETURN v_moved;
END
$$;
"""


def make_functions(folder: Path, count: int) -> list[Path]:
    """Files of up to 100 functions each."""
    files = []
    for first in range(0, count, 100):
        path = folder / f"functions_{first:05}.sql"
        names = (f"t{number}" for number in range(first, min(first + 100, count)))
        path.write_text("".join(FUNCTION.format(name=name) for name in names), encoding="utf-8")
        files.append(path)
    return files


def peers() -> Path:
    """The folder with the peers' programs, installed once for this state of peers.txt."""
    digest = hashlib.sha256(PEERS.read_bytes()).hexdigest()[:12]
    folder = ROOT / ".cache" / f"peers-{digest}"
    if not (folder / "complete").exists():
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "-r", str(PEERS)], check=True)
        (folder / "complete").touch()
    return folder / "bin"


def seconds(commands: Sequence[Sequence[str]], runs: int = RUNS) -> list[float]:
    """The median wall time of each whole process, in turns; their findings do not matter.

    One round more goes before several: Python's bytecode is on disk then, as after an installation.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tools")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    rounds = []
    for _ in range(runs + (runs > 1)):
        times = []
        for command in commands:
            start = time.perf_counter()
            subprocess.run(command, check=False, capture_output=True, env=environment)
            times.append(time.perf_counter() - start)
        rounds.append(times)
    return [statistics.median(times) for times in zip(*rounds[-runs:], strict=True)]


def our_command(paths: Sequence[Path]) -> list[str]:
    """The scan of these paths."""
    return [sys.executable, "-P", "-m", "pggit_excellence", "scan", "--format", "json", *map(str, paths)]


def compare(paths: Sequence[Path], folder: Path) -> list[dict[str, Any]]:
    """One record for each tool on the same files: `tool`, `seconds`, `ratio` to ours."""
    settings = folder / "sqlfluff.cfg"
    settings.write_text(SQLFLUFF_SETTINGS, encoding="utf-8")
    names = [str(path) for path in paths]
    programs = peers()
    sqlfluff = [str(programs / "sqlfluff"), "lint", "--dialect", "postgres", "--config", str(settings)]
    ours, pgspot = seconds([our_command(paths), [str(programs / "pgspot"), *names]])
    (slow,) = seconds([[*sqlfluff, "--processes", "0", *names]], runs=1)
    found = [("pggit-excellence scan", ours), ("pgspot", pgspot), ("sqlfluff lint, all processors", slow)]
    return [{"tool": tool, "seconds": taken, "ratio": taken / ours} for tool, taken in found]


def growth(folder: Path) -> list[dict[str, Any]]:
    """One record for each number of functions: `functions`, `megabytes`, `seconds`, `megabytes_per_second`."""
    found = []
    for count in SIZES:
        part = folder / f"growth-{count}"
        part.mkdir()
        files = make_functions(part, count)
        megabytes = sum(path.stat().st_size for path in files) / 1e6
        (taken,) = seconds([our_command(files)], runs=3)
        found.append(
            {
                "functions": count,
                "megabytes": megabytes,
                "seconds": taken,
                "megabytes_per_second": megabytes / taken,
            }
        )
    return found


def measure(folder: Path, paths: Sequence[Path] = ()) -> dict[str, Any]:
    """`compared` and `growth`; without paths the comparison runs on as many made functions as give LINES lines."""
    if not paths:
        part = folder / "compared"
        part.mkdir()
        paths = make_functions(part, LINES // FUNCTION.count("\n"))
    files = [file for path in paths for file in (sorted(path.rglob("*.sql")) if path.is_dir() else [path])]
    lines = sum(file.read_bytes().count(b"\n") for file in files)
    return {"lines": lines, "compared": compare(files, folder), "growth": growth(folder)}


def report(result: dict[str, Any]) -> Group:
    """Both parts as tables."""
    compared = Table("tool", "seconds", "ratio", title=f"Whole process on the same {result['lines']:,} lines")
    for row in result["compared"]:
        compared.add_row(row["tool"], f"{row['seconds']:.2f}", f"{row['ratio']:.1f}")
    sizes = Table("functions", "MB", "seconds", "MB/s", title="Growth, whole process")
    for row in result["growth"]:
        sizes.add_row(
            f"{row['functions']:,}",
            f"{row['megabytes']:.2f}",
            f"{row['seconds']:.2f}",
            f"{row['megabytes_per_second']:.2f}",
        )
    return Group(compared, sizes)
