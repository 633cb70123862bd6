"""How often `pggit-excellence scan` is right about the probes, and how often plpgsql_check's security warnings are.

plpgsql_check is the best peer: it reads the same bodies, with a live database at hand. It comes from Debian's package,
unpacked into the private installation. It cannot see DO blocks and other languages.
"""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Group
from rich.table import Table

from pggit_excellence.server import Installation, Server
from probe_answers import judge, scan, verdict_on
from probe_set import PROBES, WORLD, Probe, probes

ROOT = Path(__file__).resolve().parents[2]
OURS, THEIRS = "pggit-excellence scan", "plpgsql_check"
# Every routine of PL/pgSQL that the probe made, each with the table of its trigger (any table will do for the others).
WARNINGS = """
    SELECT count(*) FROM (
        SELECT p.oid, CASE WHEN p.prorettype = 'trigger'::regtype
               THEN coalesce((SELECT min(t.tgrelid) FROM pg_trigger AS t WHERE t.tgfoid = p.oid), 'people'::regclass)
               ELSE 0 END AS relation
        FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang
        WHERE l.lanname = 'plpgsql'
          AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = p.oid AND d.deptype = 'e')
    ) AS f
    CROSS JOIN LATERAL plpgsql_check_function_tb(
        f.oid, f.relation, fatal_errors => false, security_warnings => true, other_warnings => false,
        extra_warnings => false, performance_warnings => false
    ) AS w
    WHERE w.level = 'security'
"""


def install_plpgsql_check(installation: Installation) -> None:
    """Unpack Debian's package into the private installation; its download is kept in .cache."""
    name = f"postgresql-{installation.major}-plpgsql-check"
    folder = ROOT / ".cache" / name
    if not list(folder.glob("*.deb")):
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "--quiet", name], check=True, cwd=folder, capture_output=True)
    (package,) = folder.glob("*.deb")
    subprocess.run(["dpkg", "-x", package, folder / "unpacked"], check=True)
    library = subprocess.run([installation.pg_config, "--pkglibdir"], check=True, capture_output=True, text=True)
    unpacked = folder / "unpacked" / "usr"
    shutil.copy(next(unpacked.rglob("plpgsql_check.so")), Path(library.stdout.strip()))
    for file in unpacked.rglob("extension/plpgsql_check*"):
        shutil.copy(file, installation.sharedir / "extension")


def warned(connection: psycopg.Connection, probe: Probe) -> bool:
    """Whether plpgsql_check warns about a routine of the probe."""
    with connection.transaction(force_rollback=True):
        connection.execute(probe.body.encode())
        row = connection.execute(WARNINGS).fetchone()
    return row is not None and row[0] > 0


def score(tool: str, alarmed: dict[str, bool], right: dict[str, bool]) -> dict[str, Any]:
    """How many of the probes that deserve an alarm got one, how many that do not got one too, how many are `right`."""
    counts: Counter[str] = Counter()
    for probe in probes():
        harmless = "safe" in probe.verdicts
        if alarmed[probe.name]:
            counts["false alarms" if harmless else "caught"] += 1
        else:
            counts["quiet" if harmless else "missed"] += 1
    return {"tool": tool, **counts, "right": sum(right.values())}


def measure(server: Server) -> dict[str, Any]:
    """`scores` of both tools, and for each of the `themes` how many probes each tool got right.

    Theirs is right where it warns of what gets through or keeps quiet about what does not;
    ours needs the right rule too.
    """
    answers = scan(str(PROBES))
    ours = {probe.name: verdict_on(probe, answers) != "safe" for probe in probes()}
    ours_right = {probe.name: judge(probe, answers) == [] for probe in probes()}
    with server.connect() as connection:
        connection.execute("CREATE DATABASE probes TEMPLATE template0")
    with server.connect("probes") as connection:
        connection.execute("CREATE EXTENSION plpgsql_check; SET check_function_bodies = off")
        connection.execute(WORLD.read_text(encoding="utf-8"))
        theirs = {probe.name: warned(connection, probe) for probe in probes()}
    theirs_right = {probe.name: theirs[probe.name] != ("safe" in probe.verdicts) for probe in probes()}
    themes = {}
    for file in sorted({probe.file for probe in probes()}):
        names = [probe.name for probe in probes() if probe.file == file]
        right = [sum(result[name] for name in names) for result in (ours_right, theirs_right)]
        themes[file.stem] = {"probes": len(names), OURS: right[0], THEIRS: right[1]}
    return {
        "probes": len(probes()),
        "scores": [score(OURS, ours, ours_right), score(THEIRS, theirs, theirs_right)],
        "themes": themes,
    }


def report(result: dict[str, Any]) -> Group:
    """Both parts as tables."""
    columns = ("caught", "missed", "false alarms", "quiet", "right")
    scores = Table("tool", *columns, title=f"{result['probes']} probes: alarms where text gets through, and elsewhere")
    for row in result["scores"]:
        scores.add_row(row["tool"], *(str(row.get(column, 0)) for column in columns))
    themes = Table("theme", "probes", OURS, THEIRS, title="Right answers by theme")
    for theme, row in result["themes"].items():
        themes.add_row(theme, *(str(row[column]) for column in ("probes", OURS, THEIRS)))
    return Group(scores, themes)
