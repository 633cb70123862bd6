"""`-- pggit: ignore[...]` comments, and baselines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pggit_excellence.errors import CommandError
from pggit_excellence.scan.inputs.layout import layout
from pggit_excellence.scan.inputs.program import Program, SourceText
from pggit_excellence.scan.model import Finding
from pggit_excellence.scan.output import baseline
from pggit_excellence.scan.output.fingerprints import fingerprints
from pggit_excellence.scan.output.locations import Locations
from pggit_excellence.scan.output.rules import RULES
from pggit_excellence.scan.output.suppress import suppress
from pggit_excellence.scan.values.abstract import Step
from scan_reports import FUNCTION, finding, place, program

pytestmark = pytest.mark.once

BODY = """CREATE FUNCTION f(p text) RETURNS void LANGUAGE plpgsql {header} AS {open}
DECLARE
    v text := 'a';
BEGIN
    {above}
    EXECUTE 'DROP TABLE '
        || HOLE {inside}
        || '; SELECT 1'; {behind}
    IF p IS NULL THEN {opener}
        PERFORM 1;
    END IF; {below}
    EXECUTE OTHER;
END {close};
"""


def source(*, header: str = "", opening: str = "$$", closing: str = "$$", **comments: str) -> str:
    places = dict.fromkeys(("above", "inside", "behind", "opener", "below"), "") | comments
    return BODY.format(header=header, open=opening, close=closing, **places)


def left(scanned: Program, *findings: Finding) -> list[str]:
    """What remains of these findings, and what is said of the suppressions: `rule message`."""
    remaining, _ = suppress(scanned, findings, list(RULES), Locations(scanned.sources))
    return [f"{found.rule} {found.message}" for found in remaining]


def remaining(text: str, part: str = "HOLE", rule: str = "PGX101") -> list[str]:
    scanned = program(a_sql=text)
    return left(scanned, finding(place(scanned, "a.sql", part), rule))


@pytest.mark.parametrize("where", ["above", "inside", "behind"])
@pytest.mark.parametrize(
    "comment",
    [
        "-- pggit: ignore[PGX101] checked by the caller\n",
        "--pggit:ignore[ pgx101 , PGX101 ]: checked\n",
        "/* pggit: ignore[PGX101] - checked */",
        "/*\n * pggit: ignore[PGX101] checked\n * twice */",
    ],
)
def test_a_comment_at_the_statement_suppresses(where: str, comment: str) -> None:
    assert remaining(source(**{where: comment})) == []


@pytest.mark.parametrize("where", ["opener", "below"])
def test_a_comment_elsewhere_does_not(where: str) -> None:
    said = remaining(source(**{where: "-- pggit: ignore[PGX101] checked"}))
    assert said == ["PGX101 p_name is not quoted", "PGX902 Nothing of PGX101 to suppress here: remove it"]


def test_several_lines_of_comments_above() -> None:
    text = source(above="-- pggit: ignore[PGX101] checked\n    -- more about it\n\n    /* and more */")
    assert remaining(text) == []


def test_several_rules_and_several_comments() -> None:
    text = source(above="-- pggit: ignore[PGX101, PGX104] checked", behind="-- pggit: ignore[PGX109] this one too")
    scanned = program(a_sql=text)
    where = place(scanned, "a.sql", "HOLE")
    assert left(scanned, *(finding(where, rule) for rule in ("PGX101", "PGX104", "PGX109"))) == []
    assert left(scanned, finding(where, "PGX101")) == [
        "PGX902 Nothing of PGX104 to suppress here: remove it",
        "PGX902 Nothing of PGX109 to suppress here: remove it",
    ]


def test_without_a_reason_the_finding_stays() -> None:
    for comment in ("-- pggit: ignore[PGX101]", "-- pggit: ignore[PGX101]: --", "/* pggit: ignore[PGX101] */"):
        said = remaining(source(above=comment))
        assert said[0] == "PGX101 p_name is not quoted"
        assert said[1].startswith("PGX902 The suppression gives no reason")


def test_without_rules_or_with_unknown_ones() -> None:
    said = remaining(source(above="-- pggit: ignore all of it"))
    assert said[1].startswith("PGX902 The suppression names no rule")
    said = remaining(source(above="-- pggit: ignore[PGX101, PGX999] checked"))
    assert said == ["PGX902 There is no rule PGX999"]


def test_what_only_looks_like_one() -> None:
    assert remaining(source(above="v := '-- pggit: ignore[PGX101] no';")) == ["PGX101 p_name is not quoted"]
    assert remaining(source(above='v := "/* pggit: ignore[PGX101] no */";')) == ["PGX101 p_name is not quoted"]
    assert remaining(source(above="-- see pggit: ignore[PGX101] in the guide")) == ["PGX101 p_name is not quoted"]


def test_the_end_of_the_path_counts_as_well() -> None:
    text = FUNCTION.replace("EXECUTE v_sql;", "EXECUTE v_sql; -- pggit: ignore[PGX101] checked")
    scanned = program(a_sql=text)
    path = (Step(place(scanned, "a.sql", "v_sql :="), "x"), Step(place(scanned, "a.sql", "EXECUTE"), "y"))
    assert left(scanned, finding(place(scanned, "a.sql", "p_name;"), path=path)) == []


def test_in_a_quoted_body() -> None:
    text = source(opening="'", closing="'", above="-- pggit: ignore[PGX101] it''s checked")
    text = text.replace("'DROP TABLE '", "''DROP TABLE ''").replace("'; SELECT 1'", "''; SELECT 1''")
    assert remaining(text.replace("'a'", "''a''")) == []


def test_inside_a_generated_function() -> None:
    inner = source(above="-- pggit: ignore[PGX101] checked", opening="$in$", closing="$in$")
    text = f"DO $out$ BEGIN\nEXECUTE $x${inner}$x$;\nEND $out$;"
    assert remaining(text) == []
    assert remaining(text, "OTHER")[0].startswith("PGX101")


def test_at_the_function_itself() -> None:
    text = source(header="SECURITY DEFINER -- pggit: ignore[PGX201] checked\n")
    assert remaining(text, "CREATE", "PGX201") == []
    assert remaining("-- pggit: ignore[PGX201] checked\n" + source(), "CREATE", "PGX201") == []
    assert remaining("-- pggit: ignore[PGX101] checked\n" + source())[0].startswith("PGX101")


def test_behind_what_stands_on_one_line() -> None:
    comment = " -- pggit: ignore[PGX101] checked\n"
    text = f"DO $$ BEGIN EXECUTE HOLE; END $$;{comment}SELECT 1;\n"
    assert remaining(text) == []
    assert remaining(f"DO $$ BEGIN IF a THEN EXECUTE HOLE; END IF; PERFORM 1;{comment}END $$;") == []


@pytest.mark.parametrize(
    "statement",
    [
        "EXECUTE CASE WHEN a THEN b ELSE HOLE END;",
        "EXECUTE CASE x WHEN 1 THEN CASE WHEN b THEN c END ELSE d END || HOLE;",
        "FOR r IN EXECUTE HOLE LOOP NULL; END LOOP;",
        "MERGE INTO a USING b ON c WHEN MATCHED THEN UPDATE SET d = HOLE;",
        "<<label>> BEGIN NULL; END; EXECUTE HOLE;",
        "CASE a WHEN HOLE THEN NULL; ELSE NULL; END CASE;",
        "IF a THEN NULL; ELSIF HOLE THEN NULL; END IF;",
        "WITH a AS (SELECT 1) INSERT INTO b SELECT CASE WHEN c THEN HOLE END;",
    ],
)
def test_statements_of_every_form(statement: str) -> None:
    """The comment stands alone above the part with the hole, and counts for that part alone."""
    first = statement[: statement.index("HOLE")]
    start = max(first.rfind("; ") + 1, first.rfind("END; ") + 4 if "END; " in first else 0)
    comment = "-- pggit: ignore[PGX101] checked"
    text = f"DO $$\nBEGIN\n{statement[:start]}\n{comment}\n{statement[start:]}\nEXECUTE OTHER;\nEND $$;"
    assert remaining(text) == []
    assert remaining(text, "OTHER")[0].startswith("PGX101")


def test_python_bodies() -> None:
    text = """CREATE FUNCTION f(a text) RETURNS void LANGUAGE plpython3u AS $$
it = "don't"  # an apostrophe
# pggit: ignore[PGX111] checked
plpy.execute(
    "DROP TABLE " + HOLE)
plpy.execute(OTHER)  # pggit: ignore[PGX111] checked too
plpy.execute(THIRD)
$$;
"""
    assert remaining(text, "plpy.execute", "PGX111")[1:] == []
    scanned = program(a_sql=text)
    parts = [finding(place(scanned, "a.sql", part), "PGX111") for part in ("HOLE", "OTHER")]
    assert left(scanned, *parts) == []
    assert left(scanned, *parts, finding(place(scanned, "a.sql", "THIRD"), "PGX111"))[0].startswith("PGX111")


def test_data_and_commands_of_psql_are_no_sql() -> None:
    text = "\\echo don't\nCOPY t FROM stdin;\nit's -- pggit: ignore[PGX101] data\n\\.\n"
    assert remaining(text + source(above="-- pggit: ignore[PGX101] checked")) == []


def test_rules_that_are_off_are_not_called_unused() -> None:
    scanned = program(a_sql=source(above="-- pggit: ignore[PGX104] checked"))
    locations = Locations(scanned.sources)
    assert suppress(scanned, [], [rule for rule in RULES if rule != "PGX104"], locations)[0] == []
    assert suppress(scanned, [], [rule for rule in RULES if rule != "PGX902"], locations)[0] == []
    (complaint,) = suppress(scanned, [], list(RULES), locations)[0]
    assert (complaint.rule, complaint.function) == ("PGX902", "f")


def test_reasons_are_kept() -> None:
    scanned = program(a_sql=source(above="-- pggit: ignore[PGX101]: checked\tby  the caller"))
    found = finding(place(scanned, "a.sql", "HOLE"))
    (item,) = suppress(scanned, [found], list(RULES), Locations(scanned.sources))[1]
    assert (item.finding, item.reason) == (found, "checked by the caller")


def test_endless_nesting() -> None:
    text = "".join(f"$a{number}$ " for number in range(5000))
    assert layout(SourceText("a.sql", text), []).comments == []


def findings_of(scanned: Program) -> tuple[list[Finding], list[str]]:
    found = [finding(place(scanned, "a.sql", part), rule) for part, rule in (("HOLE", "PGX101"), ("OTHER", "PGX102"))]
    return found, fingerprints(scanned, found)


def test_baseline(tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    found, prints = findings_of(program(a_sql=source()))
    baseline.write(file, found, prints)
    first = file.read_bytes()
    baseline.write(file, found[::-1], prints[::-1])
    assert file.read_bytes() == first

    moved = program(a_sql="SELECT 1;\n\n" + source())
    assert baseline.split(*findings_of(moved), baseline.read(file)) == ([], findings_of(moved)[0], [])

    found, prints = findings_of(moved)
    new, known, gone = baseline.split([*found, found[0]], [*prints, prints[0]], baseline.read(file))
    assert (new, known, gone) == ([found[0]], found, [])

    new, known, gone = baseline.split(found[:1], prints[:1], baseline.read(file))
    assert (new, known, [(entry.rule, entry.count) for entry in gone]) == ([], found[:1], [("PGX102", 1)])


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"version": 1}', '{"version": 1, "findings": [1]}', "\xff"])
def test_a_baseline_that_is_none(tmp_path: Path, content: str) -> None:
    file = tmp_path / "baseline.json"
    file.write_text(content, encoding="latin-1")
    with pytest.raises(CommandError, match="not a file that --write-baseline wrote"):
        baseline.read(file)


def test_a_baseline_that_is_missing_or_newer(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        baseline.read(tmp_path / "none.json")
    (tmp_path / "new.json").write_text(json.dumps({"version": 2, "findings": []}))
    with pytest.raises(CommandError, match="version 2 is not known"):
        baseline.read(tmp_path / "new.json")
    with pytest.raises(CommandError, match="No such file"):
        baseline.write(tmp_path / "none" / "b.json", [], [])
