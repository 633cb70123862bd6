"""`make`, as a DBA runs it: where it installs, what it leaves, what it says when something is missing."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import assemble
from conftest import ROOT
from pggit_excellence.server import Installation, Server, copy_wheel

pytestmark = pytest.mark.once

# What the build reads.
PARTS = ("Makefile", "META.json.in", "docs", "expected", "plpython", "sql", "tests/isolation", "tests/regress")
INSTALLED = {f"{name}.control" for name in (assemble.CORE, assemble.COMPANION)} | {"pggit_excellence.md"}


def copy_tree(target: Path) -> Path:
    """A copy of what `make` needs, without what was built."""
    for path in [ROOT / "tools" / "build", *ROOT.glob("*.control"), *(ROOT / part for part in PARTS)]:
        destination = target / path.relative_to(ROOT)
        destination.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, destination, ignore=shutil.ignore_patterns("__pycache__"))
        elif path.exists():
            shutil.copy2(path, destination)
    return target


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return copy_tree(tmp_path / "tree")


Done = subprocess.CompletedProcess[str]


def run(tree: Path, installation: Installation, *arguments: str, **environment: str) -> Done:
    """Run make in the tree."""
    return execute(["make", "-C", str(tree), f"PG_CONFIG={installation.pg_config}", *arguments], **environment)


def execute(command: list[str], **environment: str) -> Done:
    clean = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    return subprocess.run(command, env=clean | environment, capture_output=True, text=True, check=False)


def make(tree: Path, installation: Installation, *arguments: str, **environment: str) -> str:
    """Run make in the tree; it must pass."""
    done = run(tree, installation, *arguments, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Relative name -> (mode, content) of every file below."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mode & 0o777, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def contents(folder: Path) -> dict[str, bytes]:
    return {name: content for name, (_, content) in files(folder).items()}


def names(folder: Path) -> set[str]:
    return {Path(name).name for name in files(folder)}


def expected_names(tree: Path) -> set[str]:
    return INSTALLED | set(assemble.scripts(tree)) | {path.name for path in (tree / "sql/releases").glob("*.sql")}


def read_only(tree: Path, command: list[str]) -> list[str]:
    """`command`, for which the tree cannot be written: a read-only mount, another user, or its modes."""
    if os.geteuid() != 0:
        subprocess.run(["chmod", "-R", "a-w", str(tree)], check=True)
        return command
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode == 0:
        script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
        return ["unshare", "--mount", "sh", "-c", script, str(tree), *command]
    return ["setpriv", "--reuid=nobody", "--clear-groups", *command]


@pytest.fixture
def open_path(tmp_path: Path) -> Iterator[Path]:
    """A folder of the test that any user can reach and write; afterwards all can be removed again."""
    own = itertools.takewhile(lambda parent: parent != Path(tempfile.gettempdir()), tmp_path.parents)
    for parent in (tmp_path, *own):
        parent.chmod(0o755)
    tmp_path.chmod(0o777)
    yield tmp_path
    subprocess.run(["chmod", "-R", "u+w", str(tmp_path)], check=True)  # so that pytest can remove it


def test_install_twice_and_uninstall(tree: Path, installation: Installation, tmp_path: Path) -> None:
    stage = tmp_path / "stage"
    make(tree, installation, "install", f"DESTDIR={stage}")
    first = files(stage)
    built = {path: path.stat().st_mtime_ns for path in (tree / "build").iterdir()}
    make(tree, installation, "install", f"DESTDIR={stage}")
    assert files(stage) == first
    assert {path: path.stat().st_mtime_ns for path in (tree / "build").iterdir()} == built
    assert names(stage) == expected_names(tree)
    assert {mode for mode, _ in first.values()} == {0o644}
    make(tree, installation, "uninstall", f"DESTDIR={stage}")
    assert files(stage) == {}
    make(tree, installation, "clean")
    assert not (tree / "build").exists()


@pytest.mark.parametrize("folder", ["a b/tree", "it's here/tree"])
def test_space_in_every_path(installation: Installation, tmp_path: Path, folder: str) -> None:
    tree = copy_tree(tmp_path / folder)
    stage = tmp_path / "the stage"
    make(tree, installation, "-j4", "install", f"DESTDIR={stage}")
    assert names(stage) == expected_names(tree)


@pytest.mark.parametrize("built_before", [False, True])
def test_read_only_checkout(tree: Path, installation: Installation, open_path: Path, built_before: bool) -> None:
    if built_before:
        make(tree, installation)
    before = contents(tree)
    stage, temporary = open_path / "stage", open_path / "tmp"
    for folder in (stage, temporary):
        folder.mkdir()
        folder.chmod(0o777)
    # Reaching pg_config must not depend on who we are; its folder is open to all.
    command = ["make", "-C", str(tree), f"PG_CONFIG={installation.pg_config}", f"DESTDIR={stage}"]
    for goal in ("install", "uninstall", "install"):
        done = execute(read_only(tree, [*command, goal]), TMPDIR=str(temporary))
        assert done.returncode == 0, done.stdout + done.stderr
        assert names(stage) == (set() if goal == "uninstall" else expected_names(tree))
    assert contents(tree) == before
    assert len(list(temporary.iterdir())) == 2  # one folder for each install, none for uninstall


def test_the_wheel_of_18(tree: Path, installation: Installation, tmp_path: Path) -> None:
    """The same built tree installs for any PG_CONFIG."""
    newer = copy_wheel(tmp_path)
    make(tree, installation)
    make(tree, newer, "install")
    assert newer.has_extension(assemble.CORE)


def test_installcheck_on_another_server(tree: Path, server: Server, installation: Installation) -> None:
    """Against whatever PGHOST and PGPORT name; only the deterministic frame is run here, the rest is a suite."""
    where = {name: server.environment[name] for name in ("PGHOST", "PGPORT", "PGUSER")}
    output = make(tree, installation, "installcheck", "REGRESS=extension", "ISOLATION=", **where)
    assert "All 1 tests passed" in output
    (tree / "expected/extension.out").write_text("something else\n", encoding="utf-8")
    assert run(tree, installation, "installcheck", "REGRESS=extension", "ISOLATION=", **where).returncode != 0


def test_removed_and_added_sources_are_noticed(tree: Path, installation: Installation) -> None:
    script = tree / "build" / f"{assemble.CORE}--{assemble.version(tree)}.sql"
    make(tree, installation)
    added = tree / "sql/00_core/zz_added.sql"
    added.write_text("SELECT 'added';\n", encoding="utf-8")
    os.utime(added, (0, 0))
    make(tree, installation)
    assert "zz_added" in script.read_text(encoding="utf-8")
    added.unlink()
    make(tree, installation)
    assert "zz_added" not in script.read_text(encoding="utf-8")


def test_what_is_missing_is_named_in_one_line(tree: Path, installation: Installation, tmp_path: Path) -> None:
    without_pgxs = tmp_path / "pg_config"
    without_pgxs.write_text("#!/bin/sh\necho /nowhere/pgxs.mk\n", encoding="utf-8")
    without_pgxs.chmod(0o755)
    for argument, message in [
        (f"PG_CONFIG={tmp_path}/none", "none does not run"),
        (f"PG_CONFIG={without_pgxs}", "names /nowhere/pgxs.mk, which is missing"),
        ("PY=no-python", "no-python is missing; name a Python 3"),
    ]:
        done = run(tree, installation, argument)
        assert done.returncode == 2
        assert message in done.stderr
        assert (
            len([line for line in done.stderr.splitlines() if "Error 1" not in line and "directory" not in line]) == 1
        )


def test_assembly_is_the_same_everywhere(tree: Path, installation: Installation, tmp_path: Path) -> None:
    """Locale, time zone, hash seed, umask, the order of a folder's entries, parallel makes: none matters."""
    backwards = tmp_path / "backwards"
    for path in sorted((path for path in tree.rglob("*") if path.is_file()), reverse=True):
        (backwards / path.relative_to(tree)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, backwards / path.relative_to(tree))
    results = []
    for where, jobs, umask, environment in [
        (tree, "-j1", 0o022, {"LC_ALL": "C", "TZ": "UTC", "PYTHONHASHSEED": "0"}),
        (backwards, "-j4", 0o077, {"LC_ALL": "C.UTF-8", "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "77"}),
        (backwards, "-j2", 0o002, {"LC_ALL": "tr_TR.UTF-8", "PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"}),
    ]:
        shutil.rmtree(where / "build", ignore_errors=True)
        old = os.umask(umask)
        try:
            make(where, installation, jobs, **environment)
        finally:
            os.umask(old)
        results.append({name: value for name, value in files(where / "build").items() if name.endswith(".sql")})
    assert results[0]
    assert all(result == results[0] for result in results)
    assert {mode for mode, _ in results[0].values()} == {0o644}


Change = Callable[[Path], object]


def write(name: str, text: str) -> Change:
    def change(tree: Path) -> None:
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).write_text(text, encoding="utf-8")

    return change


def helper(source: str) -> Change:
    """A PL/Python helper with this source."""

    def change(tree: Path) -> None:
        write("plpython/zz.py", source)(tree)
        write("plpython/zz.sql", "DO LANGUAGE plpython3u $pggit_py$\n# >>> python zz.py\n$pggit_py$;\n")(tree)

    return change


def other_version(tree: Path) -> None:
    control = tree / f"{assemble.COMPANION}.control"
    control.write_text(control.read_text(encoding="utf-8").replace(assemble.version(tree), "9.9.9"), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (helper("x = '''a\nb'''\n"), "zz.py:1: a string that spans lines"),
        (helper("y = 1\nx = f'''a\n{1}'''\n"), "zz.py:2: a string that spans lines"),
        (helper("x = 'a\\\nb'\n"), "zz.py:1: a string that spans lines"),
        (helper("from __future__ import annotations\n"), "zz.py:1: PL/Python refuses __future__"),
        (helper("x = '$pggit_py$'\n"), "zz.py: contains the quote $pggit_py$"),
        (helper("def broken(:\n"), "invalid syntax"),
        (write("plpython/zz.sql", "# >>> python none.py\n"), "none.py"),
        (other_version, "says default_version 9.9.9"),
        (write(f"sql/updates/0.0.1--{assemble.version()}.sql", "SELECT 1;\n"), "0.0.1.sql is missing"),
    ],
)
def test_refusals(tree: Path, installation: Installation, change: Change, message: str) -> None:
    change(tree)
    done = run(tree, installation)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_docstrings_may_span_lines(tree: Path, installation: Installation) -> None:
    body = 'def f():\n    """One.\n\n    Two.\n    """\n    return ("a"\n            "b")\n'
    helper('"""One line.\n\nAnother.\n"""\n\n\n' + body)(tree)
    make(tree, installation)


def test_installcheck_from_a_read_only_checkout(
    tree: Path, server: Server, installation: Installation, open_path: Path
) -> None:
    before = contents(tree)
    where = {name: server.environment[name] for name in ("PGHOST", "PGPORT", "PGUSER")}
    command = ["make", "-C", str(tree), f"PG_CONFIG={installation.pg_config}", "installcheck"]
    command += ["REGRESS=extension", "ISOLATION="]
    done = execute(read_only(tree, command), TMPDIR=str(open_path), **where)
    assert done.returncode == 0, done.stdout + done.stderr
    assert contents(tree) == before
