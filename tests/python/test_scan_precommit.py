"""The hook `pggit-scan` with the real pre-commit on a real git repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(shutil.which("git") is None, reason="pre-commit needs git"),
]

# What pip needs of this project to install the command line.
PACKAGE = ("pyproject.toml", "setup.py", "pggit_excellence.control", "README.md", "LICENSE", ".pre-commit-hooks.yaml")
BAD = "CREATE FUNCTION f(p text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DROP TABLE ' || p; END $$;\n"
GOOD = BAD.replace("'DROP TABLE ' || p", "format('DROP TABLE %I', p)")
# Safe because the column is a number, which the scanner knows from a file beside its code.
NUMBERS = """DO $$ DECLARE r record; BEGIN
FOR r IN SELECT c.relpages FROM pg_class AS c LOOP EXECUTE 'ALTER SEQUENCE s RESTART WITH ' || r.relpages; END LOOP;
END $$;
"""
NO_NETWORK = (
    "Temporary failure in name resolution",
    "Failed to establish a new connection",
    "No matching distribution",
)


class Repository:
    """A git repository in which nothing of this machine's configuration counts."""

    def __init__(self, folder: Path, home: Path) -> None:
        """An empty one."""
        self.folder = folder
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PYTHON"))
        }
        identity = {f"GIT_{who}_{what}": "test" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        self.environment |= identity | {
            "HOME": str(home),
            "PRE_COMMIT_HOME": str(home / "cache"),
            "PRE_COMMIT_COLOR": "never",
        }
        folder.mkdir(parents=True, exist_ok=True)
        self.run("git", "init", "-q", "-b", "main")

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A program in its folder."""
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, check=check, capture_output=True, text=True
        )

    def write(self, **files: str) -> None:
        """`a_sql` is a.sql."""
        for name, text in files.items():
            (self.folder / name.replace("_", ".")).write_text(text, encoding="utf-8")
        self.run("git", "add", "-A")

    def pre_commit(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """pre-commit itself."""
        return self.run(sys.executable, "-m", "pre_commit", *arguments, check=False)


@pytest.fixture
def hook(tmp_path: Path) -> Repository:
    """The project as others see it: its hooks and its package, committed."""
    repository = Repository(tmp_path / "hook", tmp_path)
    for name in PACKAGE:
        shutil.copy(ROOT / name, repository.folder / name)
    shutil.copytree(
        ROOT / "tools" / "pggit_excellence",
        repository.folder / "tools" / "pggit_excellence",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    repository.run("git", "add", "-A")
    repository.run("git", "commit", "-q", "-m", "as it is")
    return repository


def consumer(hook: Repository, **settings: str) -> Repository:
    """A repository that uses the hook, with these settings of its own."""
    repository = Repository(hook.folder.parent / "consumer", hook.folder.parent)
    revision = hook.run("git", "rev-parse", "HEAD").stdout.strip()
    lines = ["repos:", f"- repo: {hook.folder}", f"  rev: {revision}", "  hooks:", "  - id: pggit-scan"]
    lines += [f"    {name}: {value}" for name, value in settings.items()]
    (repository.folder / ".pre-commit-config.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return repository


def holds_back_what_is_unsafe(repository: Repository) -> None:
    """Runs on SQL files only, fails for the bad one, passes for the good one, and keeps a commit from being made."""
    repository.write(a_sql=GOOD + NUMBERS, notes_txt=BAD)
    passed = repository.pre_commit("run", "--all-files", "--verbose")
    assert passed.returncode == 0, passed.stdout
    assert "1 input" in passed.stdout
    repository.write(b_sql=BAD)
    failed = repository.pre_commit("run", "--all-files")
    assert failed.returncode == 1
    assert "exit code: 1" in failed.stdout
    assert f"b.sql:1:{BAD.index('p; END') + 1}: PGX101 error" in failed.stdout
    assert repository.pre_commit("install").returncode == 0
    refused = repository.run("git", "commit", "-m", "bad", check=False)
    assert refused.returncode != 0
    assert "PGX101" in refused.stdout + refused.stderr
    repository.write(b_sql=BAD.replace("END $$;", "END $$; -- pggit: ignore[PGX101] a test"))
    repository.run("git", "commit", "-m", "looked at")


def test_the_hook_without_a_network(hook: Repository) -> None:
    """The hook as it is declared, but run by this Python: pre-commit installs nothing."""
    entry = f"env PYTHONPATH={ROOT / 'tools'} {sys.executable} -P -m pggit_excellence scan"
    holds_back_what_is_unsafe(consumer(hook, language="system", entry=entry))


def test_the_hook_takes_options(hook: Repository) -> None:
    entry = f"env PYTHONPATH={ROOT / 'tools'} {sys.executable} -P -m pggit_excellence scan"
    repository = consumer(hook, language="system", entry=entry, args="[--ignore, PGX101]")
    repository.write(b_sql=BAD)
    assert repository.pre_commit("run", "--all-files").returncode == 0


@pytest.mark.long
def test_the_hook_as_pre_commit_installs_it(hook: Repository) -> None:
    """With the package and what it needs from the network, in an environment of pre-commit's own."""
    repository = consumer(hook)
    repository.write(a_sql=GOOD)
    installed = repository.pre_commit("install-hooks")
    if installed.returncode and any(said in installed.stdout for said in NO_NETWORK):
        pytest.skip("no package index is reached")
    assert installed.returncode == 0, installed.stdout
    holds_back_what_is_unsafe(repository)
