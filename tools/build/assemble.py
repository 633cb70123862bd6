#!/usr/bin/env python3
r"""Assemble the extension scripts from sql/ and plpython/.

Needs a plain Python 3.9 or newer and nothing else, because `make` on a DBA's machine runs it.

    assemble.py --output DIR       write the scripts of the current version into DIR
    assemble.py --psql-scripts     write the \ir lines of sql/install.sql and sql/pggit_performance.sql anew

The result is byte-identical on every machine: files in byte order, `tables.sql` first in its part, one
`-- >>> path` marker before each, no times, no paths of the machine.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import sys
import tokenize
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CORE = "pggit_excellence"
COMPANION = "pggit_excellence_plpython3u"
# The entry scripts for psql, and which parts each takes.
PSQL_SCRIPTS = {"install.sql": r"\d\d_", "pggit_performance.sql": r"(00|10|20|80|90)_"}

# Statements start in column 0 and bodies are indented, so a line start is enough to find them.
CREATED = re.compile(r"^CREATE (?P<kind>FUNCTION|PROCEDURE|VIEW) (?P<name>[a-z0-9_.]+)", re.MULTILINE)
PYTHON_INCLUDE = re.compile(r"^# >>> python (?P<file>[a-z0-9_]+\.py)\n", re.MULTILINE)


class BuildError(Exception):
    """The sources break a rule of the assembly; the message names the file and what to do."""


def control_value(extension: str, key: str, root: Path = ROOT) -> str:
    """The value of `key` in the extension's control file, without its quotes."""
    text = (root / f"{extension}.control").read_text(encoding="utf-8")
    match = re.search(rf"^{key}\s*=?\s*'?([^'\n]*)'?\s*$", text, re.MULTILINE)
    if match is None:
        raise BuildError(f"{extension}.control: no {key}")
    return match.group(1)


def version(root: Path = ROOT) -> str:
    """The project's version; both control files must say the same."""
    core, companion = (control_value(name, "default_version", root) for name in (CORE, COMPANION))
    if core != companion:
        raise BuildError(f"{COMPANION}.control says default_version {companion}, {CORE}.control says {core}")
    return core


def source_files(root: Path = ROOT) -> list[Path]:
    """The parts of the core in installation order, relative to `root`."""
    files: list[Path] = []
    for part in sorted((root / "sql").glob("[0-9][0-9]_*"), key=lambda path: path.name.encode()):
        by_name = sorted(part.glob("*.sql"), key=lambda path: (path.name != "tables.sql", path.name.encode()))
        files.extend(path.relative_to(root) for path in by_name)
    return files


def section(root: Path, path: Path, text: str | None = None) -> str:
    """One source file under its marker."""
    body = text if text is not None else (root / path).read_text(encoding="utf-8")
    return f"-- >>> {path.as_posix()}\n{body.rstrip()}\n"


def header(extension: str, statement: str) -> str:
    """What stops a user who feeds the script to psql, and the setting that lets files stand in any order."""
    stop = f'\\echo Use "{statement} EXTENSION {extension}" to load this file. \\quit'
    return f"{stop}\nSET LOCAL check_function_bodies = off;\n"


def core_script(root: Path = ROOT) -> str:
    """The installation script of the core."""
    return "\n".join([header(CORE, "CREATE"), *(section(root, path) for path in source_files(root))])


def python_source(path: Path) -> str:
    """A PL/Python helper's source, checked for what PL/Python would change or refuse.

    PL/Python indents each line of a body, also inside a string that spans lines, and does not take `__future__`.
    """
    text = path.read_text(encoding="utf-8")
    tree = compile(text, str(path), "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    docstrings = {
        node.body[0].lineno
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
        and isinstance(node.body[0].value, ast.Constant)
    }
    f_strings: list[int] = []  # the lines where the open ones start; a token each from Python 3.12 on
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        first, last = token.start[0], token.end[0]
        if token.type == getattr(tokenize, "FSTRING_START", None):
            f_strings.append(first)
        if token.type == getattr(tokenize, "FSTRING_END", None):
            first = f_strings.pop()
        literal = token.type in (tokenize.STRING, getattr(tokenize, "FSTRING_END", None))
        if literal and first != last and first not in docstrings:
            raise BuildError(f"{path.name}:{first}: a string that spans lines; PL/Python would indent it")
        if token.type == tokenize.NAME and token.string == "__future__":
            raise BuildError(f"{path.name}:{token.start[0]}: PL/Python refuses __future__ imports")
    if "$pggit_py$" in text:
        raise BuildError(f"{path.name}: contains the quote $pggit_py$")
    return text.rstrip() + "\n"


def companion_sections(root: Path = ROOT) -> list[str]:
    """plpython/*.sql with each `# >>> python FILE` line replaced by that file's source."""
    sections = []
    for path in sorted((root / "plpython").glob("*.sql"), key=lambda path: path.name.encode()):
        text = path.read_text(encoding="utf-8")
        text = PYTHON_INCLUDE.sub(lambda match: python_source(root / "plpython" / match["file"]), text)
        sections.append(section(root, path.relative_to(root), text))
    return sections


def companion_script(root: Path = ROOT) -> str:
    """The installation script of the PL/Python companion."""
    return "\n".join([header(COMPANION, "CREATE"), *companion_sections(root)])


def or_replace(text: str, released: str) -> str:
    """`text` with CREATE OR REPLACE for what the script `released` creates, plain CREATE for what is new.

    Plain CREATE keeps an update from taking over a stranger's object of the same name.
    """
    known = {(match["kind"], match["name"]) for match in CREATED.finditer(released)}

    def replace(match: re.Match[str]) -> str:
        if (match["kind"], match["name"]) in known:
            return f"CREATE OR REPLACE {match['kind']} {match['name']}"
        return match[0]

    return CREATED.sub(replace, text)


def released_script(extension: str, old: str, root: Path = ROOT) -> str:
    """The installation script of release `old`."""
    path = root / "sql" / "releases" / f"{extension}--{old}.sql"
    if not path.exists():
        raise BuildError(f"sql/updates starts from {old}, but {path.relative_to(root)} is missing")
    return path.read_text(encoding="utf-8")


def update_sources(root: Path = ROOT) -> list[tuple[str, Path]]:
    """(old version, delta) of every sql/updates/A--B.sql whose B is the current version."""
    suffix = f"--{version(root)}.sql"
    deltas = sorted((root / "sql" / "updates").glob(f"*{suffix}"))
    return [(path.name[: -len(suffix)], path) for path in deltas]


def core_update(old: str, delta: Path, root: Path = ROOT) -> str:
    """The core's update script: the stateful delta, then everything that can be replaced."""
    released = released_script(CORE, old, root)
    replaceable = [path for path in source_files(root) if path.name != "tables.sql"]
    sections = [section(root, path) for path in replaceable]
    return "\n".join(
        [
            header(CORE, "ALTER"),
            section(root, delta.relative_to(root)),
            *(or_replace(text, released) for text in sections),
        ]
    )


def companion_update(old: str, root: Path = ROOT) -> str:
    """The companion has no state: its update replaces its functions."""
    released = released_script(COMPANION, old, root)
    return "\n".join([header(COMPANION, "ALTER"), *(or_replace(text, released) for text in companion_sections(root))])


def scripts(root: Path = ROOT) -> dict[str, str]:
    """Every script of the current version: file name to text."""
    new = version(root)
    result = {f"{CORE}--{new}.sql": core_script(root), f"{COMPANION}--{new}.sql": companion_script(root)}
    for old, delta in update_sources(root):
        result[f"{CORE}--{old}--{new}.sql"] = core_update(old, delta, root)
        result[f"{COMPANION}--{old}--{new}.sql"] = companion_update(old, root)
    return result


def psql_script(name: str, root: Path = ROOT) -> str:
    r"""An entry script for psql, its \ir lines those of the tree as it is now."""
    text = (root / "sql" / name).read_text(encoding="utf-8")
    parts = [path.relative_to("sql") for path in source_files(root)]
    lines = "".join(f"\\ir {path.as_posix()}\n" for path in parts if re.match(PSQL_SCRIPTS[name], path.as_posix()))
    first, last = text.index("\\ir "), text.index("\n", text.rindex("\\ir ")) + 1
    return text[:first] + lines + text[last:]


def write(path: Path, text: str) -> None:
    """Write a text file, the same on every system and whatever the umask."""
    path.write_text(text, encoding="utf-8", newline="\n")
    path.chmod(0o644)


def main(argv: list[str]) -> int:
    """Entry point; returns the exit status."""
    parser = argparse.ArgumentParser(description="Assemble the extension scripts.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--output", type=Path, metavar="DIR", help="write the scripts into DIR")
    what.add_argument("--psql-scripts", action="store_true", help="renew the entry scripts for psql")
    options = parser.parse_args(argv)
    try:
        if options.psql_scripts:
            for name in PSQL_SCRIPTS:
                write(ROOT / "sql" / name, psql_script(name))
            return 0
        made = scripts()
        options.output.mkdir(parents=True, exist_ok=True)
        for name, text in made.items():
            write(options.output / name, text)
    except (BuildError, OSError, SyntaxError) as error:
        print(f"assemble: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
