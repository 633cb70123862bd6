"""What the tests of the hardening checks share: a fault to plant for each check, and seeing it caught and mended."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from conftest import DEFAULT_MAJOR
from pggit_excellence.server import Server
from tasks.docs_hardening import REMEDIATIONS

EXAMPLE_LINES = 8


@dataclass(frozen=True)
class Plant:
    """A fault for one check.

    `found` must be part of an item of the evidence; `status` is what the check must say. Without a `fault` the stand-in
    for pgGit has it. The remediation is run as it is returned; `mend` stands in for an instruction to people. `near` is
    a near miss: with it alone the check must stay silent. `clean` removes what would disturb other tests (roles).
    """

    check_id: str
    fault: str
    found: str
    status: str = "fail"
    mend: str = ""
    near: str = ""
    clean: str = ""
    since: int = 0  # the first major version that has what the check looks at


Row = tuple[str, dict[str, Any], str | None]


def check(connection: psycopg.Connection, check_id: str) -> Row:
    """(status, evidence, remediation) of one check, run as hardening_check() does."""
    row = connection.execute(
        "SELECT r.status, r.evidence, r.remediation FROM pggit_excellence._hardening_checks() AS c,"
        " pggit_excellence._run_check(c.category, c.check_id) AS r WHERE c.check_id = %s",
        [check_id],
    ).fetchone()
    assert row is not None, f"no such check: {check_id}"
    return row


def run_sql(server: Server, database: str, script: str) -> None:
    """Run SQL as a user does: psql reads it, each statement by itself."""
    done = subprocess.run(
        ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", "-"],
        input=script,
        check=False,
        capture_output=True,
        text=True,
        env=server.environment,
    )
    assert done.returncode == 0, f"{done.stderr}\nwhile running:\n{script}"


def prove(server: Server, connection: psycopg.Connection, plant: Plant) -> None:
    """The check passes, a near miss leaves it so, the fault is seen with its evidence, the remediation ends it."""
    if connection.info.server_version // 10000 < plant.since:
        pytest.skip(f"PostgreSQL {plant.since} brought it")
    try:
        if plant.near:
            connection.execute(plant.near.encode())
        if plant.fault:
            before = check(connection, plant.check_id)
            assert before[0] == "pass", before
            connection.execute(plant.fault.encode())
        status, evidence, remediation = check(connection, plant.check_id)
        assert status == plant.status, (status, evidence)
        assert any(plant.found in item for item in evidence["found"]), evidence
        assert evidence["count"] >= len(evidence["found"])
        assert remediation
        documented(connection, plant.check_id, remediation)
        run_sql(server, connection.info.dbname, plant.mend or remediation)
        after = check(connection, plant.check_id)
        assert after[0] == "pass", (after, remediation)
    finally:
        if plant.clean:
            connection.execute(plant.clean.encode())


def documented(connection: psycopg.Connection, check_id: str, remediation: str) -> None:
    """The example in docs/security/HARDENING.md is the beginning of what was returned here.

    UPDATE_SNAPSHOTS=1 writes the examples anew; then `tools/run docs`.
    """
    if connection.info.server_version // 10000 != DEFAULT_MAJOR:
        return  # some statements differ by version
    lines = re.sub(r"(RI_ConstraintTrigger_[ac]_)[0-9]+", r"\1NNN", remediation).splitlines()  # OIDs
    example = "\n".join(lines if len(lines) <= EXAMPLE_LINES else [*lines[:EXAMPLE_LINES], "..."])
    stored = json.loads(REMEDIATIONS.read_text(encoding="utf-8"))
    if os.environ.get("UPDATE_SNAPSHOTS"):
        stored[check_id] = example
        REMEDIATIONS.write_text(json.dumps(stored, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    assert stored.get(check_id) == example, "mend with UPDATE_SNAPSHOTS=1, then tools/run docs"


@contextmanager
def scratch(server: Server, template: str, name: str) -> Iterator[psycopg.Connection]:
    """A database for all plants of one file; PUBLIC has nothing in schema public, as from PostgreSQL 15 on."""
    with server.connect() as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            with server.connect(name) as connection:
                connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
                yield connection
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def without_plant(connection: psycopg.Connection, category: str, plants: Sequence[Plant]) -> set[str]:
    """The checks of a category that no plant proves; and plants of no check."""
    listed = connection.execute(
        "SELECT c.check_id FROM pggit_excellence._hardening_checks() AS c WHERE c.category = %s", [category]
    ).fetchall()
    return {name for (name,) in listed} ^ {plant.check_id for plant in plants}


def name_of(plant: Plant) -> str:
    """The check's name, as the test's."""
    return plant.check_id
