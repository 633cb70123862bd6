"""hardening_check() and hardening_score() themselves; the checks are proved in test_hardening_<category>.py."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tasks import docs_hardening

STATUSES = ["fail", "warn", "unknown", "manual", "pass", "not_applicable"]
WEIGHTS = {"critical": 10, "high": 6, "medium": 3, "low": 1}
OURS = ("pggit", "privileges", "functions", "row_security", "bypass")  # others look at the server and its host
CHECK = "bypass_trigger_not_always"


def rows(connection: psycopg.Connection, profile: str = "strict") -> dict[str, dict[str, Any]]:
    """hardening_check() by check_id."""
    cursor = connection.execute("SELECT * FROM pggit_excellence.hardening_check(%s)", [profile])
    assert cursor.description is not None
    names = [column.name for column in cursor.description]
    return {row[0]: dict(zip(names, row, strict=True)) for row in cursor.fetchall()}


def replace_check(connection: psycopg.Connection, body: str) -> None:
    """Put another body into one check, for what checks may do."""
    connection.execute(
        f"""CREATE OR REPLACE FUNCTION pggit_excellence._check_{CHECK}()
            RETURNS TABLE (status text, evidence jsonb, remediation text)
            LANGUAGE plpgsql STABLE AS $$ BEGIN {body} END $$"""
    )


def test_lists(plain: psycopg.Connection) -> None:
    """Names, words and numbers of the lists are from what the contract allows; each check has its function."""
    listed = plain.execute(
        "SELECT check_id, title, severity, profiles, remediation_kind, refs, rationale"
        " FROM pggit_excellence._hardening_checks()"
    ).fetchall()
    names = [row[0] for row in listed]
    assert len(names) == len(set(names))
    for check_id, title, severity, profiles, kind, refs, rationale in listed:
        assert re.fullmatch(r"[a-z][a-z0-9_]{2,49}", check_id), check_id
        assert title
        assert rationale
        assert not title.endswith(".")
        assert rationale.endswith("."), check_id
        assert severity in WEIGHTS, check_id
        assert profiles in (["minimal", "standard", "strict"], ["standard", "strict"], ["strict"]), check_id
        assert kind in ("sql", "restart", "shell", "text"), check_id
        assert set(refs) <= {"cis", "stig", "soc2", "cwe", "pgdsat"}, check_id
        assert all(isinstance(number, str) for numbers in refs.values() for number in numbers), check_id
    functions = plain.execute(
        "SELECT substr(proname, 8) FROM pg_proc WHERE pronamespace = 'pggit_excellence'::regnamespace"
        r" AND proname LIKE '\_check\_%' AND pg_get_function_result(oid) LIKE '%remediation text)'"
    ).fetchall()
    assert sorted(names) == sorted(name for (name,) in functions)


def test_rows_and_order(pggit: psycopg.Connection) -> None:
    found = list(rows(pggit).values())
    assert {row["check_id"] for row in found} == {
        name for (name,) in pggit.execute("SELECT check_id FROM pggit_excellence._hardening_checks()").fetchall()
    }
    assert found == sorted(
        found,
        key=lambda row: (STATUSES.index(row["status"]), -WEIGHTS[row["severity"]], row["category"], row["check_id"]),
    )
    for row in found:
        assert (row["remediation"] is not None) == (row["status"] in ("fail", "warn")), row
        assert row["status"] in ("fail", "warn") or "found" not in row["evidence"] or "excluded" in row["evidence"], row
    for row in found:
        # For a superuser nothing is unknown because of a right (42501) or an error in the query (42...).
        assert row["status"] != "unknown" or not row["evidence"]["reason"].startswith("42"), row


def test_profiles_contain_each_other(plain: psycopg.Connection) -> None:
    minimal, standard, strict = (set(rows(plain, profile)) for profile in ("minimal", "standard", "strict"))
    assert minimal < standard <= strict
    default = plain.execute("SELECT check_id FROM pggit_excellence.hardening_check()").fetchall()
    assert {name for (name,) in default} == standard


@pytest.mark.parametrize("profile", ["Standard", "", None, "x'; --"])
@pytest.mark.parametrize("function", ["hardening_check", "hardening_score"])
def test_unknown_profile(plain: psycopg.Connection, function: str, profile: str | None) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="no such profile") as caught:
        plain.execute(f"SELECT * FROM pggit_excellence.{function}(%s)", [profile])
    assert "standard" in str(caught.value.diag.message_hint)


def test_without_pggit(plain: psycopg.Connection) -> None:
    """The category pggit is not applicable and says why; what is about pgGit in others finds nothing."""
    found = rows(plain)
    for row in found.values():
        if row["category"] == "pggit":
            assert (row["status"], row["evidence"]) == (
                "not_applicable",
                {"reason": "pgGit is not installed in this database"},
            )
        if row["category"] == "bypass":
            assert row["status"] in ("pass", "not_applicable"), row


def test_a_check_that_raises_is_unknown(pggit: psycopg.Connection) -> None:
    before = rows(pggit)
    for body, reason in (
        ("RAISE EXCEPTION 'made to fail';", "P0001: made to fail"),
        ("RETURN QUERY SELECT 'pass', '{}'::jsonb, NULL FROM pggit.no_such_table;", "42P01: relation"),
        ("RAISE insufficient_privilege USING MESSAGE = 'no right';", "as a superuser"),
    ):
        replace_check(pggit, body)
        after = rows(pggit)
        assert after[CHECK]["status"] == "unknown"
        assert after[CHECK]["remediation"] is None
        assert reason in after[CHECK]["evidence"]["reason"]
        assert {name: row for name, row in after.items() if name != CHECK} == {
            name: row for name, row in before.items() if name != CHECK
        }


def test_a_cancelled_check_ends_all(pggit: psycopg.Connection) -> None:
    replace_check(pggit, "PERFORM pg_sleep(60);")
    pggit.execute("SET statement_timeout = '300ms'")
    with pytest.raises(psycopg.errors.QueryCanceled):
        rows(pggit)


def test_exclusions(pggit: psycopg.Connection) -> None:
    """An excluded check shows who, why, until when, and what it found; past its end it shows again."""
    assert rows(pggit)[CHECK]["status"] == "fail"
    pggit.execute("SELECT pggit_excellence.exclude_finding(%s, 'meant', '2999-01-01 UTC')", [f"hardening:{CHECK}"])
    pggit.execute("SELECT pggit_excellence.exclude_finding('hardening:bypass_trigger', 'no such check')")
    row = rows(pggit)[CHECK]
    assert (row["status"], row["remediation"]) == ("not_applicable", None)
    until = row["evidence"].pop("until")
    assert row["evidence"] == {"excluded": "meant", "by": "postgres", "found": "fail"}
    assert until.startswith(("2998-12-31", "2999-01-01"))
    pggit.execute("UPDATE pggit_excellence.finding_exclusions SET expires_at = now()")
    assert rows(pggit)[CHECK]["status"] == "fail"
    pggit.execute("UPDATE pggit_excellence.finding_exclusions SET expires_at = NULL")
    assert rows(pggit)[CHECK]["evidence"]["until"] is None
    pggit.execute("SELECT pggit_excellence.include_finding(%s)", [f"hardening:{CHECK}"])
    assert rows(pggit)[CHECK]["status"] == "fail"


def test_score_is_what_the_checks_add_up_to(pggit: psycopg.Connection) -> None:
    found = list(rows(pggit).values())
    scores = pggit.execute(
        "SELECT category, passed, failed, warned, unknown, manual, not_applicable, score, note"
        " FROM pggit_excellence.hardening_score('strict')"
    ).fetchall()
    assert [row[0] for row in scores] == [*sorted({row["category"] for row in found}), "overall"]
    for category, *counts, score, _ in scores:
        mine = [row for row in found if category in (row["category"], "overall")]
        count = Counter(row["status"] for row in mine)
        assert counts == [count[s] for s in ("pass", "fail", "warn", "unknown", "manual", "not_applicable")]
        decided = [row for row in mine if row["status"] in ("pass", "fail", "warn")]
        attained = sum(WEIGHTS[row["severity"]] * {"pass": 1, "warn": 0.5, "fail": 0}[row["status"]] for row in decided)
        attainable = sum(WEIGHTS[row["severity"]] for row in decided)
        assert (float(score) if score is not None else None) == (
            int(1000 * attained / attainable) / 10 if attainable else None
        )


def test_nothing_decided_has_no_score(plain: psycopg.Connection) -> None:
    plain.execute(
        "INSERT INTO pggit_excellence.finding_exclusions (finding_key, reason)"
        " SELECT 'hardening:' || check_id, 'all' FROM pggit_excellence._hardening_checks()"
    )
    scores = plain.execute("SELECT score, note FROM pggit_excellence.hardening_score()").fetchall()
    assert set(scores) == {(None, "nothing was decided")}


def test_the_guides_queries_run(pggit: psycopg.Connection) -> None:
    head = docs_hardening.PAGE.read_text(encoding="utf-8").partition(docs_hardening.MARKER)[0]
    blocks = re.findall(r"^```sql\n(.*?)^```", head, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        pggit.execute(block.encode())
    excluded = pggit.execute("SELECT finding_key FROM pggit_excellence.finding_exclusions").fetchall()
    assert excluded == [("hardening:role_superuser_login",)]


def test_every_category_is_proved(plain: psycopg.Connection) -> None:
    """Each category is named in a test that holds that every check of it has a plant."""
    categories = plain.execute("SELECT DISTINCT category FROM pggit_excellence._hardening_checks()").fetchall()
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_hardening_*.py"))
    assert "without_plant(" in tests
    assert [name for (name,) in categories if f'"{name}"' not in tests] == []


def test_what_a_reader_may_not_see(pggit: psycopg.Connection) -> None:
    """A member of pg_monitor without rights in pgGit: what reads its tables is unknown, all else as for a superuser."""
    pggit.execute("REVOKE USAGE ON SCHEMA pggit FROM PUBLIC")
    all_rows = rows(pggit)
    pggit.execute("SET ROLE pg_monitor")
    seen = {name: row for name, row in rows(pggit).items() if row["category"] in OURS}
    hidden = {name for name, row in seen.items() if row["status"] == "unknown"}
    assert hidden == {
        "pggit_function_names",
        "pggit_history_secrets",
        "pggit_kinds_unrecorded",
        "pggit_untracked_tables",
    }
    for name in hidden:
        assert seen[name]["evidence"]["reason"].startswith("42501: permission denied for ")
    assert {name: row for name, row in seen.items() if name not in hidden} == {
        name: row for name, row in all_rows.items() if name not in hidden and row["category"] in OURS
    }


def test_an_instruction_stays_a_comment(plain: psycopg.Connection) -> None:
    """What follows a line break in a name would be run by psql."""
    remediation = plain.execute(
        "SELECT v.remediation FROM pggit_excellence._verdict('warn', ARRAY[('a', E'-- see x\\nDROP TABLE t'),"
        " ('b', 'SELECT 1')]::pggit_excellence._fault[]) AS v"
    ).fetchone()
    assert remediation == ("-- see x DROP TABLE t\nSELECT 1;",)


def test_evidence_is_short_and_remediation_whole(plain: psycopg.Connection) -> None:
    status, evidence, remediation = plain.execute(
        "SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(SELECT ('item ' || n, 'SELECT ' || n)"
        "::pggit_excellence._fault FROM generate_series(1001, 1100) AS n)) AS v"
    ).fetchone() or ("", {}, "")
    assert (status, evidence["count"], len(evidence["found"])) == ("fail", 100, 20)
    assert evidence["found"][0] == "item 1001"
    assert remediation.count("\n") == 99


def test_harden_mends_what_the_checks_find(pggit: psycopg.Connection) -> None:
    """After harden() no check about pgGit fails; after its undo they find what they found."""
    pggit.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")  # PostgreSQL up to 14 grants it

    def failed() -> set[str]:
        return {name for name, row in rows(pggit).items() if row["category"] in OURS and row["status"] == "fail"}

    before = failed()
    assert {"pggit_trigger_search_path", "pggit_migrations_writable", "pggit_history_cascade"} <= before
    pggit.execute("SELECT * FROM pggit_excellence.harden('strict', dry_run => false)")
    assert failed() == set()
    pggit.execute("SELECT * FROM pggit_excellence.undo_all('harden')")
    assert failed() == before
