"""`pggit-excellence report`: what the diagnostics of the installed extension say.

A diagnostic is a public set-returning function of schema pggit_excellence that only reads and needs no argument. They
are found in the catalog, so the report knows the diagnostics of every version.
"""

from __future__ import annotations

import argparse
import re
from dataclasses import asdict, dataclass, field

import psycopg
from psycopg import sql

from pggit_excellence.connection import connect, one_line, value
from pggit_excellence.errors import EXIT_CLEAN, EXIT_NOTHING, EXIT_USAGE, CommandError
from pggit_excellence.output import console, plain, print_json, print_rows

DIAGNOSTICS = """
    SELECT p.proname::text, 'schemas' = ANY (coalesce(p.proargnames[1:p.pronargs], '{}')),
           obj_description(p.oid, 'pg_proc')
    FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
    WHERE n.nspname = 'pggit_excellence' AND p.prokind = 'f' AND p.proretset AND p.provolatile = 's'
      AND p.pronargs = p.pronargdefaults AND p.proname NOT LIKE '\\_%'
    ORDER BY p.proname COLLATE "C", p.oid"""


@dataclass(frozen=True)
class Diagnostic:
    """A function that can be called; `scoped`: it takes `schemas`."""

    name: str
    scoped: bool
    description: str | None


@dataclass
class Section:
    """What one diagnostic said; `error` says why it could not."""

    name: str
    description: str | None
    rows: list[dict[str, object]] = field(default_factory=list)
    error: str | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the report."""
    parser.add_argument("--schemas", metavar="NAME,...", help="schemas to look at; * for all (default: pgGit's)")
    parser.add_argument("--only", metavar="NAME", action="append", help="this diagnostic only (may be repeated)")


def find(connection: psycopg.Connection, only: list[str] | None) -> list[Diagnostic]:
    """The diagnostics of the installed version; those that were named."""
    if not value(connection, "SELECT count(*) FROM pg_namespace WHERE nspname = 'pggit_excellence'"):
        raise CommandError("pggit_excellence is not in this database (CREATE EXTENSION pggit_excellence;)")
    found = [Diagnostic(*row) for row in connection.execute(DIAGNOSTICS)]
    unknown = sorted(set(only or []) - {diagnostic.name for diagnostic in found})
    if unknown:
        known = ", ".join(diagnostic.name for diagnostic in found) or "none"
        raise CommandError(f"no such diagnostic: {', '.join(unknown)} (there are: {known})")
    if not value(connection, "SELECT has_schema_privilege('pggit_excellence', 'USAGE')"):
        role = value(connection, "SELECT quote_ident(current_user)")
        raise CommandError(f"{role} may not use schema pggit_excellence (GRANT pg_monitor TO {role};)")
    return [diagnostic for diagnostic in found if only is None or diagnostic.name in only]


def ask(connection: psycopg.Connection, diagnostic: Diagnostic, schemas: list[str] | None) -> Section:
    """Run one diagnostic."""
    section = Section(diagnostic.name, diagnostic.description)
    scope = diagnostic.scoped and schemas is not None
    query = sql.SQL("SELECT row_to_json(d) FROM pggit_excellence.{}({}) AS d").format(
        sql.Identifier(diagnostic.name), sql.SQL("schemas => %s::text[]" if scope else "")
    )
    try:
        with connection.transaction():  # of its own: read-only, and ended when the diagnostic fails
            section.rows = [row[0] for row in connection.execute(query, [schemas] if scope else None)]
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        section.error = one_line(error)
    return section


def run(options: argparse.Namespace) -> int:
    """Print every section; 2 when a diagnostic could not run, 3 when there is none."""
    schemas = options.schemas.split(",") if options.schemas is not None else None
    with connect(options.dsn) as connection:
        sections = [ask(connection, diagnostic, schemas) for diagnostic in find(connection, options.only)]
    if options.format == "json":
        print_json({"diagnostics": [asdict(section) for section in sections]})
    else:
        print_text(sections)
    if not sections:
        return EXIT_NOTHING
    return EXIT_USAGE if any(section.error for section in sections) else EXIT_CLEAN


def first_sentence(text: str) -> str:
    """What a comment says before it explains the columns."""
    return re.split(r"(?<=\.)\s|\n", text, maxsplit=1)[0]


def print_text(sections: list[Section]) -> None:
    """For each a heading, the first sentence of its description, and its rows."""
    out = console()
    for number, section in enumerate(sections):
        if number:
            out.print()
        out.rule(section.name, align="left")
        if section.description:
            out.print(plain(first_sentence(section.description)), style="dim")
        if section.error:
            out.print("[bold red]not run:[/]", plain(section.error))
        elif section.rows:
            print_rows(out, section.rows)
        else:
            out.print("no rows")
    if not sections:
        out.print("This version has no diagnostics.")
