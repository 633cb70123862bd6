"""The part of `tools/run demo` that shows the scanner: what it says of a small file, and that it is so on a server."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from pggit_excellence.scan.config import Config
from pggit_excellence.scan.inputs.program import SourceText
from pggit_excellence.scan.output.fixing import fix_all
from pggit_excellence.scan.output.formats.text_format import lines
from pggit_excellence.scan.output.report import Report
from pggit_excellence.scan.scanning import scan
from pggit_excellence.server import Server

EXAMPLE = Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "scan" / "demo.sql"
SHOWN_AS = "shop.sql"
HOSTILE = "SELECT find_customers('nobody'' OR true --')"
PLANTED = "INSERT INTO jobs VALUES ('ALTER ROLE visitor SUPERUSER')"
RUN = "SELECT run_jobs()"
INDENT = 2


def scanned(sources: Iterable[SourceText]) -> Report:
    """As `pggit-excellence scan` does without a configuration."""
    return scan(sources, None, Config())


def customers_found(server: Server, script: str, database: str) -> int:
    """What the hostile call returns where the script made the functions; nobody has that name."""
    server.psql("-c", f"CREATE DATABASE {database}")
    with server.connect(database) as connection:
        connection.execute(script.encode())
        row = connection.execute(HOSTILE.encode()).fetchone()
    return int(row[0]) if row else 0


def becomes_superuser(server: Server, database: str) -> bool:
    """Whether a role without any rights is a superuser after a superuser ran the jobs."""
    with server.connect(database) as connection:
        connection.execute("CREATE ROLE visitor")
        connection.execute("SET ROLE visitor")
        connection.execute(PLANTED.encode())
        connection.execute("RESET ROLE")
        connection.execute(RUN.encode())
        row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = 'visitor'").fetchone()
    return bool(row and row[0])


def show(server: Server, console: Console) -> None:
    """The report, the attacks on what it calls unsafe, and the one that the fix ends."""

    def say(text: Text | str) -> None:
        console.print(Padding(text, (0, 0, 0, INDENT), expand=False))

    def command(options: str) -> None:
        say(Text(f"$ pggit-excellence scan {SHOWN_AS}{options}", style="dim"))

    text = EXAMPLE.read_text(encoding="utf-8")
    command("")
    for line in lines(scanned([SourceText(SHOWN_AS, text)])):
        say(Text.assemble(*line) if line else Text(" "))

    console.print()
    console.print(Text("Is it so? Tried on this server", style="bold"))
    say(Text(f"{HOSTILE};", style="dim"))
    say(f"  finds [bold red]{customers_found(server, text, 'shop')}[/] of 3 customers; nobody has that name")
    say(Text(f"{PLANTED};  -- by visitor, a role without rights\n{RUN};  -- by a superuser", style="dim"))
    said = "[bold red]visitor is a superuser now[/]" if becomes_superuser(server, "shop") else "nothing happened"
    say(f"  {said}")

    console.print()
    command(" --fix")
    fixed = fix_all([SourceText(SHOWN_AS, text)], scanned)
    mended = fixed.report.program.sources[SHOWN_AS].text
    left = ", ".join(finding.rule for finding in fixed.report.counting())
    say(f"  {fixed.count} fixed; left for people to decide: {left}")
    say(Text(f"{HOSTILE};", style="dim"))
    say(f"  finds [bold green]{customers_found(server, mended, 'shop_fixed')}[/]")
