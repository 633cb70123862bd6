"""What the tests of the hardening checks share: a fault to plant for each check, and seeing it caught and mended."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from pggit_excellence.server import Server


@dataclass(frozen=True)
class Plant:
    """A fault for one check.

    `found` must be among the items of the evidence (a string: part of one of them); `status` is what the check must
    say. `fault` and `clean` are run by psql, statement by statement. The remediation is run as returned; `mend` stands
    in for one that is an instruction to people. `near` is a near miss: planted alone, the check must stay silent.
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
    database = connection.info.dbname
    if connection.info.server_version // 10000 < plant.since:
        pytest.skip(f"PostgreSQL {plant.since} brought it")
    try:
        if plant.near:
            run_sql(server, database, plant.near)
        before = check(connection, plant.check_id)
        assert before[0] == "pass", before
        run_sql(server, database, plant.fault)
        status, evidence, remediation = check(connection, plant.check_id)
        assert status == plant.status, (status, evidence)
        assert any(plant.found in str(item) for item in evidence["found"]), evidence
        assert remediation
        run_sql(server, database, plant.mend or remediation)
        after = check(connection, plant.check_id)
        assert after[0] == "pass", (after, remediation)
    finally:
        if plant.clean:
            run_sql(server, database, plant.clean)


def without_plant(connection: psycopg.Connection, category: str, plants: Sequence[Plant]) -> set[str]:
    """The checks of a category that no plant proves; and plants of no check."""
    listed = connection.execute(
        "SELECT c.check_id FROM pggit_excellence._hardening_checks() AS c WHERE c.category = %s", [category]
    ).fetchall()
    return {name for (name,) in listed} ^ {plant.check_id for plant in plants}


def name_of(plant: Plant) -> str:
    """The check's name, as the test's."""
    return plant.check_id
