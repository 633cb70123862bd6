"""`tools/run docs`: write what is generated in docs/; tests compare.

docs/pggit_excellence.md, the reference, comes from the catalog's own comments; its head, down to the marker, is written
by hand. docs/rules/ comes from the scanner's rules, docs/security/HARDENING.md from the lists of the hardening checks,
the tables of docs/compliance/SOC2_PREPARATION.md from the queries of the evidence.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import psycopg

from pggit_excellence.scan.output.rule_texts import index, page
from pggit_excellence.scan.output.rules import RULES
from pggit_excellence.server import Server, copy_installation, make_install, workspace
from tasks import docs_evidence, docs_hardening

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "pggit_excellence.md"
RULE_PAGES = ROOT / "docs" / "rules"
MARKER = "<!-- generated from the comments in sql/ by tools/run docs -->\n"

PARTS = {
    "00_core": "Core",
    "10_metrics": "Metrics and snapshots",
    "20_performance": "Performance",
    "30_slo": "Health and service level objectives",
    "35_tracking": "How well pgGit tracks",
    "40_hardening": "Hardening",
    "50_audit": "Audit",
    "55_retention": "Retention and privacy",
    "60_evidence": "Access and evidence",
    "80_pggit_names": "Names in schema pggit",
    "90_privileges": "Roles and privileges",
}

ROUTINES = """
SELECT p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), p.provolatile,
       obj_description(p.oid, 'pg_proc')
FROM pg_proc AS p
WHERE p.pronamespace = 'pggit_excellence'::regnamespace AND p.proname NOT LIKE '\\_%'
ORDER BY p.proname, 2
"""

RELATIONS = """
SELECT c.relname, c.relkind, obj_description(c.oid, 'pg_class'),
       (SELECT array_agg(ARRAY[a.attname::text, format_type(a.atttypid, a.atttypmod), col_description(c.oid, a.attnum)]
                         ORDER BY a.attnum)
        FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
FROM pg_class AS c
WHERE c.relnamespace = 'pggit_excellence'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
ORDER BY c.relname
"""


def part_of(kind: str, name: str) -> str:
    """The folder in sql/ whose files create the object."""
    pattern = re.compile(rf"^CREATE {kind} pggit_excellence\.{name}\b", re.MULTILINE)
    for path in sorted((ROOT / "sql").glob("[0-9][0-9]_*/*.sql")):
        if pattern.search(path.read_text(encoding="utf-8")):
            return path.parent.name
    raise LookupError(f"no file in sql/ creates {kind} {name}")


def routine_text(name: str, arguments: str, result: str | None, volatility: str, comment: str) -> str:
    """One function: its signature, what it returns, what its comment says. A procedure has no result."""
    signature = f"pggit_excellence.{name}({arguments})"
    if result is None:
        signature = f"CALL {signature.replace('(IN ', '(').replace(', IN ', ', ')}"
        return f"### `{name}`\n\n```\n{signature}\n```\n\n{comment}\n\nA procedure; changes something.\n"
    table = re.fullmatch(r"TABLE\((.*)\)", result)
    returned = ", ".join(f"`{column}`" for column in table[1].split(", ")) if table else f"`{result}`"
    effect = "changes something" if volatility == "v" else "reads only"
    return f"### `{name}`\n\n```\n{signature}\n```\n\n{comment}\n\nReturns {returned}; {effect}.\n"


def relation_text(name: str, kind: str, comment: str, columns: list[list[str]]) -> str:
    """One table or view with its columns."""
    rows = "".join(f"| `{column}` | {kind} | {text} |\n" for column, kind, text in columns)
    title = "view" if kind == "v" else "table"
    return f"### {title} `{name}`\n\n{comment}\n\n| column | type | meaning |\n|---|---|---|\n{rows}"


def reference(connection: psycopg.Connection) -> str:
    """The generated half of the reference, from a database that has the extension."""
    sections: dict[str, list[str]] = {part: [] for part in PARTS}
    for name, arguments, result, volatility, comment in connection.execute(ROUTINES).fetchall():
        sections[part_of("(FUNCTION|PROCEDURE)", name)].append(
            routine_text(name, arguments, result, volatility, comment)
        )
    for name, kind, comment, columns in connection.execute(RELATIONS).fetchall():
        sections[part_of("(TABLE|VIEW)", name)].append(relation_text(name, kind, comment, columns))
    return "\n".join(f"## {PARTS[part]}\n\n" + "\n".join(texts) for part, texts in sections.items() if texts)


def rule_pages() -> dict[str, str]:
    """File name and text of each page in docs/rules."""
    return {"README.md": index()} | {f"{rule.id}.md": page(rule) for rule in RULES.values()}


def write_rule_pages() -> None:
    """Pages of rules that are gone go as well."""
    RULE_PAGES.mkdir(exist_ok=True)
    pages = rule_pages()
    for old in RULE_PAGES.glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        (RULE_PAGES / name).write_text(text, encoding="utf-8")


def main() -> int:
    """Write the pages of the rules, of the hardening checks and the reference; returns the exit status."""
    write_rule_pages()
    with workspace() as folder:
        installation = copy_installation(15, folder)
        make_install(installation, ROOT)
        with Server(installation, folder / "server") as server, server.connect() as connection:
            connection.execute("CREATE EXTENSION pggit_excellence")
            generated = reference(connection)
            docs_hardening.write(connection)
            docs_evidence.write(connection)
    head, _, _ = REFERENCE.read_text(encoding="utf-8").partition(MARKER)
    REFERENCE.write_text(head + MARKER + "\n" + generated, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
