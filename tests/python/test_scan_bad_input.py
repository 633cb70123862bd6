"""What a mistake, a broken file or a broken stream makes of `scan`: one clear line, and the rest still scanned."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import ROOT
from scan_reports import FUNCTION
from started import KEPT

pytestmark = pytest.mark.once

PROGRAM = [sys.executable, "-P", "-m", "pggit_excellence", "scan"]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT / "tools")}
# As root a file's mode keeps nobody out; without its capabilities it does.
AS_OTHERS_ARE = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
CERTAIN = FUNCTION.replace("'DROP TABLE ' || p_name", "'DELETE FROM users WHERE name = ''' || p_name || ''''")
DEEP = 10_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The working directory; bad.sql has one finding."""
    (tmp_path / "bad.sql").write_text(FUNCTION)
    return tmp_path


def scan(folder: Path, *argv: str, before: tuple[str, ...] = ()) -> tuple[int, str, list[str]]:
    """Exit status, standard output, and the lines on standard error without their beginning."""
    command = [*before, *PROGRAM, *argv]
    done = subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, check=False, capture_output=True, text=True, timeout=120
    )
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    return (
        done.returncode,
        done.stdout,
        [line.removeprefix("pggit-excellence scan: ") for line in done.stderr.splitlines()],
    )


def redirected(folder: Path, redirection: str, *argv: str) -> tuple[int, str]:
    """Exit status and standard error with the shell's redirection."""
    command = ["bash", "-c", f'"$@" {redirection}', "-", *PROGRAM, *argv]
    done = subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, check=False, capture_output=True, text=True, timeout=120
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "text",
    [
        FUNCTION.replace("p_name;", "(" * DEEP + "p_name" + ")" * DEEP + ";"),
        FUNCTION.replace("p_name;", "p_name" + " || 'x'" * DEEP + ";"),
        FUNCTION.replace("p_name;", "CASE WHEN true THEN " * DEEP + "p_name" + " END" * DEEP + ";"),
        FUNCTION.replace("EXECUTE v_sql;", "BEGIN " * DEEP + "EXECUTE v_sql; " + "END; " * DEEP),
        FUNCTION.replace("EXECUTE v_sql;", "IF true THEN " * DEEP + "EXECUTE v_sql; " + "END IF; " * DEEP),
        "SELECT " + "(" * DEEP + "1" + ")" * DEEP + ";\n" + FUNCTION,
        "/*" * DEEP + "*/" * DEEP + ";\n" + FUNCTION,
        "SELECT 'unbalanced;\n" + FUNCTION,
        'SELECT "unbalanced;\n' + FUNCTION,
        "SELECT $x$ unbalanced;\n" + FUNCTION,
        "/* unbalanced;\n" + FUNCTION,
        "CREATE FUNCTION f(a text) RETURNS void LANGUAGE plpython3u AS $$\nplpy.execute("
        + "(" * DEEP + "a" + ")" * DEEP + ")\n$$;\n" + FUNCTION,
    ],
    ids=lambda text: text[:12] + text[60:90],
)  # fmt: skip
def test_nesting_and_quotes_without_end(folder: Path, text: str) -> None:
    """Each EXECUTE is still a site, and none of them is called safe."""
    (folder / "bad.sql").write_text(text)
    status, printed, _ = scan(folder, "bad.sql", "--format", "json")
    said = json.loads(printed)
    assert status == 1
    assert said["findings"]
    assert "execute" in [site["kind"] for site in said["sites"]]
    assert "safe" not in [site["verdict"] for site in said["sites"]]


def test_a_large_file(folder: Path) -> None:
    """50 MB of data around one function. The whole process stays below a gigabyte."""
    (folder / "large.sql").write_text("COPY t FROM stdin;\n" + "1\ttext\t2\n" * 5_500_000 + "\\.\n" + FUNCTION)
    status, printed, _ = scan(folder, "large.sql", "--format", "json", before=("prlimit", f"--as={2 << 30}"))
    assert status == 1
    assert [site["line"] for site in json.loads(printed)["sites"]] == [5_500_008]
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 1 << 20


def unreadable(folder: Path) -> None:
    (folder / "x").touch(mode=0o000)


def unreadable_folder(folder: Path) -> None:
    (folder / "x").mkdir(mode=0o000)


def pipe(folder: Path) -> None:
    os.mkfifo(folder / "x")


def dangling(folder: Path) -> None:
    (folder / "x").symlink_to("nowhere")


def to_itself(folder: Path) -> None:
    (folder / "x").symlink_to("x")


def nothing(_: Path) -> None:
    """The file is missing."""


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (unreadable, "x: permission denied"),
        (unreadable_folder, "x: permission denied"),
        (pipe, "x: not a regular file; pipe it in and name - instead"),
        (dangling, "x: no such file or directory"),
        (to_itself, "x: too many levels of symbolic links"),
        (nothing, "x: no such file or directory"),
    ],
)
def test_what_cannot_be_read(folder: Path, make: Callable[[Path], None], said: str) -> None:
    make(folder)
    status, printed, lines = scan(folder, "x", "bad.sql", before=(*AS_OTHERS_ARE,))
    assert (status, lines) == (2, [said])
    assert "PGX101" in printed


def test_a_folder_that_cannot_be_entered(folder: Path) -> None:
    """Nor can the configuration be looked for there."""
    (folder / "closed").mkdir(mode=0o000)
    status, _, lines = scan(folder, "closed/x.sql", before=(*AS_OTHERS_ARE,))
    assert (status, lines) == (2, ["closed/x.sql: permission denied"])


def test_no_name_is_not_the_working_directory(folder: Path) -> None:
    """As in `scan "$UNSET"`."""
    assert scan(folder, "")[::2] == (2, ["an empty name is no file"])


def test_a_fix_that_cannot_be_written(folder: Path) -> None:
    (folder / "closed").mkdir()
    (folder / "closed" / "a.sql").write_text(CERTAIN)
    (folder / "closed").chmod(0o555)
    (folder / "closed" / "a.sql").chmod(0o444)
    (folder / "open.sql").write_text(CERTAIN)
    status, _, lines = scan(folder, "closed", "open.sql", "--fix", before=(*AS_OTHERS_ARE,))
    assert (status, lines) == (2, ["1 file of 2 written", "--fix: closed/a.sql: may not be written"])
    assert (folder / "closed" / "a.sql").read_text() == CERTAIN
    assert "quote_literal(p_name)" in (folder / "open.sql").read_text()


@pytest.mark.parametrize(
    ("redirection", "status", "said"),
    [
        (">/dev/full", 2, "pggit-excellence scan: standard output: No space left on device\n"),
        (">&-", 1, ""),
        (">&- 2>&-", 1, ""),
    ],
)
@pytest.mark.parametrize("form", ["text", "json"])
def test_standard_output_that_takes_nothing(folder: Path, redirection: str, status: int, said: str, form: str) -> None:
    assert redirected(folder, redirection, "bad.sql", "--format", form) == (status, said)


def test_standard_output_that_ends_early(folder: Path) -> None:
    (folder / "bad.sql").write_text("\n".join(FUNCTION.replace("drop_it", f"f_{number}") for number in range(50)))
    assert redirected(folder, "| true; exit ${PIPESTATUS[0]}", "bad.sql") == (141, "")


def test_standard_input_that_is_closed(folder: Path) -> None:
    """Nothing was scanned, so it is not clean."""
    assert redirected(folder, "<&- >/dev/null", "-") == (2, "pggit-excellence scan: standard input: is closed\n")


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for the processes in /proc")
def test_interrupted(folder: Path) -> None:
    """Ctrl-C reaches all processes of the terminal: no traceback, and none is left."""
    (folder / "bad.sql").write_text("\n".join(FUNCTION.replace("drop_it", f"f_{number}") for number in range(20_000)))
    with subprocess.Popen(
        [*KEPT, *PROGRAM, "bad.sql"],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2.5)
        os.killpg(process.pid, signal.SIGINT)
        printed, said = process.communicate(timeout=30)
    assert (process.returncode, printed, said) == (130, b"", b"")
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
