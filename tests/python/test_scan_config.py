"""`[tool.pggit-excellence.scan]`: what it says is done, and what is wrong in it is one clear line."""

from __future__ import annotations

from pathlib import Path

import pytest

from pggit_excellence.errors import CommandError
from pggit_excellence.scan.config import TABLE, Config, find, load, rule_prefixes
from pggit_excellence.scan.model import Severity
from pggit_excellence.scan.values.abstract import Quoting

pytestmark = pytest.mark.once


def write(folder: Path, text: str, table: str = TABLE) -> Path:
    file = folder / "pyproject.toml"
    file.write_text(f"[{table}]\n{text}\n", encoding="utf-8")
    return file


def test_every_key(tmp_path: Path) -> None:
    config = load(
        write(
            tmp_path,
            """
            select = ["PGX1", "pgx201"]
            ignore = ["PGX112"]
            exclude = ["vendor"]
            fail-on = "error"
            baseline = "known.json"
            jobs = 3
            returns-identifier = ["util.qname", "QName"]
            returns-literal = ['"Util"."Lit"']
            returns-sql = ["ddl_of"]
            [tool.pggit-excellence.scan.per-file-ignores]
            "tests/*" = ["PGX101"]
            [tool.pggit-excellence.scan.sinks]
            "util.run" = 2
            exec_all = 1
            """,
        )
    )
    assert config == Config(
        root=tmp_path,
        select=("PGX1", "PGX201"),
        ignore=("PGX112",),
        exclude=("vendor",),
        fail_on=Severity.ERROR,
        baseline=tmp_path / "known.json",
        per_file_ignores={"tests/*": ("PGX101",)},
        sinks={("util", "run"): 2, ("", "exec_all"): 1},
        returns={
            ("util", "qname"): Quoting.IDENTIFIER,
            ("", "qname"): Quoting.IDENTIFIER,
            ("Util", "Lit"): Quoting.LITERAL,
            ("", "ddl_of"): Quoting.SQL,
        },
        jobs=3,
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("selct = []", "selct is not known; there are select, ignore"),
        ("select = 'PGX101'", "select must be a list of strings"),
        ("select = [1]", "select must be a list of strings"),
        ("select = ['PGX999']", "select names what is not there: no such rule: PGX999"),
        ("ignore = ['']", "no such rule: ''"),
        ("exclude = 'x'", "exclude must be a list of strings"),
        ("fail-on = 'fatal'", "fail-on must be one of error, warning, hint"),
        ("fail-on = 1", "fail-on must be a string"),
        ("baseline = ['x']", "baseline must be a string"),
        ("jobs = 0", "jobs must be a whole number from 1"),
        ("jobs = true", "jobs must be a whole number from 1"),
        ("per-file-ignores = ['x']", "per-file-ignores must be a table"),
        ("per-file-ignores = {'a.sql' = 'PGX101'}", "per-file-ignores must be a list of strings"),
        ("sinks = {run = '1'}", "sinks must be a whole number from 1"),
        ("sinks = {'a.b.c' = 1}", "sinks has 'a.b.c', which is no function name"),
        ("sinks = {'a..b' = 1}", "which is no function name"),
        ("sinks = {'a.' = 1}", "which is no function name"),
        ("sinks = {'\"a' = 1}", "which is no function name"),
        ("sinks = {'' = 1}", "which is no function name"),
        ("returns-literal = 'x'", "returns-literal must be a list of strings"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(CommandError) as caught:
        load(write(tmp_path, text))
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'pyproject.toml'}: {TABLE}: ")
    assert said in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("tool.pggit-excellence.scans", "tool.pggit-excellence.scans is not known; there is [tool.pggit-excellence."),
        ("tool.pggit_excellence.scan", "tool.pggit_excellence is not read: it is called tool.pggit-excellence"),
    ],
)
def test_a_misspelt_table_is_told(tmp_path: Path, table: str, said: str) -> None:
    """Also beside the right one: what stands in it would be ignored silently."""
    for text in ("", "[tool.pggit-excellence.scan]\n"):
        file = write(tmp_path, text, table=table)
        with pytest.raises(CommandError) as caught:
            find(tmp_path / "x.sql")
        assert str(caught.value).startswith(f"{file}: {said}")
    write(tmp_path, "", table="tool.pggit-excellence.report")  # another command's
    assert find(tmp_path / "x.sql") is None


def test_files_that_are_none(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    with pytest.raises(CommandError, match="No such file"):
        load(file)
    file.write_text("[tool")
    with pytest.raises(CommandError, match="no valid TOML"):
        load(file)
    file.write_bytes(b"\xff")
    with pytest.raises(CommandError, match="no valid TOML"):
        load(file)
    file.write_text("[tool.other]")
    with pytest.raises(CommandError, match=r"no table \[tool.pggit-excellence.scan\]"):
        load(file)
    file.write_text("[tool.pggit-excellence]\nscan = 1")
    with pytest.raises(CommandError, match="must be a table"):
        load(file)
    assert load(None) == Config()


def test_the_nearest_file_with_the_table(tmp_path: Path) -> None:
    """A pyproject.toml without it is somebody else's, whatever is wrong in it; ours that cannot be read is told."""
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "x.sql").touch()
    assert find(deep / "x.sql") is None
    ours = write(tmp_path, "")
    write(deep, "", table="tool.other")
    assert find(deep / "x.sql") == ours
    assert find(deep) == ours
    nearer = write(tmp_path / "a", "")
    assert find(deep / "none.sql") == nearer
    (deep / "pyproject.toml").write_text("[")
    assert find(deep) == nearer
    table = "[tool.pggit-excellence.scan]\n"
    escaped = '[tool."pggit\\u002Dexcellence".scan]\n'
    for broken in (f"{table}jobs = ".encode(), f"{table}jobs = 1".encode("utf-16"), f"{escaped}[".encode()):
        (deep / "pyproject.toml").write_bytes(broken)
        with pytest.raises(CommandError, match="no valid TOML"):
            find(deep)
    (deep / "pyproject.toml").write_text(escaped)
    assert find(deep) == deep / "pyproject.toml"


def test_rules() -> None:
    config = Config(select=("PGX1", "PGX902"), ignore=("PGX11",))
    assert [rule for rule in ("PGX101", "PGX110", "PGX201", "PGX902") if config.enabled(rule)] == ["PGX101", "PGX902"]
    assert rule_prefixes([" pgx101", "PGX"]) == ("PGX101", "PGX")
    with pytest.raises(CommandError, match=r"no such rule: PGX9999 \(there are PGX101, "):
        rule_prefixes(["PGX9999"])


@pytest.mark.parametrize(
    ("pattern", "excluded"),
    [
        ("vendor", ["vendor/a.sql", "sub/vendor/deep/a.sql"]),
        ("vendor/", ["vendor/a.sql", "sub/vendor/deep/a.sql"]),
        ("sub/vendor", ["sub/vendor/deep/a.sql"]),
        ("a.sql", ["vendor/a.sql", "sub/vendor/deep/a.sql", "a.sql"]),
        ("*/deep/*", ["sub/vendor/deep/a.sql"]),
        ("*_old.sql", ["sub/x_old.sql"]),
        ("sub/*.sql", ["sub/vendor/deep/a.sql", "sub/x_old.sql"]),
        ("Vendor", []),
    ],
)
def test_patterns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, excluded: list[str]) -> None:
    """Relative to the configuration file, from whatever folder the command runs."""
    files = ["vendor/a.sql", "sub/vendor/deep/a.sql", "sub/x_old.sql", "a.sql"]
    config = Config(root=tmp_path, exclude=(pattern,), per_file_ignores={pattern: ("PGX10",)})
    monkeypatch.chdir(tmp_path)
    assert [file for file in files if config.excluded(file)] == excluded
    assert [file for file in files if config.excluded(str(tmp_path / file))] == excluded
    assert [file for file in files if config.ignored_in("PGX101", file)] == excluded
    assert not any(config.ignored_in("PGX201", file) for file in files)
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    assert config.excluded("x_old.sql") == ("sub/x_old.sql" in excluded)
    assert config.excluded("../sub/x_old.sql") == ("sub/x_old.sql" in excluded)
