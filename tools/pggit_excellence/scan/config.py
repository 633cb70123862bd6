"""Configuration: the table `[tool.pggit-excellence.scan]` of a pyproject.toml, overridden by the command line."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pggit_excellence.cli import COMMANDS
from pggit_excellence.errors import CommandError
from pggit_excellence.scan.frozen import dataclass, field, replace
from pggit_excellence.scan.inputs.program import Name
from pggit_excellence.scan.model import Severity
from pggit_excellence.scan.output.rules import RULES
from pggit_excellence.scan.values.abstract import Quoting

if TYPE_CHECKING:
    from pathlib import Path

_TOOL = "pggit-excellence"
TABLE = f"tool.{_TOOL}.scan"
FILE = "pyproject.toml"
# In a file that has our table: its name, or a character that may be a part of it (escaped, UTF-16).
_MENTION = re.compile(rb"pggit[-_]excellence|\\u|\0", re.IGNORECASE)
# What a function that is declared safe returns, by the key that declares it.
RETURNS = {
    "returns-identifier": Quoting.IDENTIFIER,
    "returns-qualified-name": Quoting.QUALIFIED,
    "returns-literal": Quoting.LITERAL,
    "returns-number": Quoting.INERT,
    "returns-word": Quoting.WORD,
    "returns-sql": Quoting.SQL,
}


@dataclass(frozen=True, slots=True)
class Config:
    """What the user wants. Paths of patterns are relative to `root`, the folder of the configuration file.

    `sinks` are functions that run SQL: the number of that argument, from 1. `returns` are functions whose result is
    known: how it is quoted. Both by name (schema, function), '' for any schema.
    """

    root: Path | None = None  # the working directory
    select: tuple[str, ...] = ()  # prefixes of rule ids; none: every rule
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    fail_on: Severity = Severity.WARNING
    baseline: Path | None = None
    per_file_ignores: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sinks: Mapping[Name, int] = field(default_factory=dict)
    returns: Mapping[Name, Quoting] = field(default_factory=dict)
    jobs: int = 0  # processes; 0: one for each processor

    def enabled(self, rule: str) -> bool:
        """Whether findings of the rule are wanted at all."""
        return (not self.select or rule.startswith(self.select)) and not (self.ignore and rule.startswith(self.ignore))

    def excluded(self, file: str) -> bool:
        """Whether the file is not to be scanned."""
        return any(self._matches(file, pattern) for pattern in self.exclude)

    def ignored_in(self, rule: str, file: str) -> bool:
        """Whether findings of the rule are not wanted in this file."""
        return any(
            rule.startswith(prefixes) and self._matches(file, pattern)
            for pattern, prefixes in self.per_file_ignores.items()
        )

    def _matches(self, file: str, pattern: str) -> bool:
        """Whether a glob matches the path, one of its folders or, without a slash in it, one of their names.

        As in fnmatch, `*` also stands for slashes.
        """
        from pathlib import Path  # as few other scans need it

        pattern, root = pattern.rstrip("/"), self.root or Path.cwd()
        path = Path(os.path.abspath(file))  # Path.resolve() would follow links, absolute() keeps ".."
        relative = path.relative_to(root) if path.is_relative_to(root) else path
        above = [part.as_posix() for part in (relative, *relative.parents)]
        names = () if "/" in pattern else relative.parts
        return any(fnmatchcase(name, pattern) for name in (*above, *names))


class _MistakeError(Exception):
    """What is wrong with one key."""


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _MistakeError('must be a list of strings, like ["a", "b"]')
    return tuple(value)


def rule_prefixes(names: Iterable[str]) -> tuple[str, ...]:
    """Rule ids or beginnings of them, each of which some rule must have."""
    prefixes = tuple(name.strip().upper() for name in names)
    for prefix in prefixes:
        if not prefix or not any(rule.startswith(prefix) for rule in RULES):
            raise CommandError(f"no such rule: {prefix or chr(39) * 2} (there are {', '.join(RULES)})")
    return prefixes


def _rules(value: object) -> tuple[str, ...]:
    try:
        return rule_prefixes(_texts(value))
    except CommandError as error:
        raise _MistakeError(f"names what is not there: {error}") from None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _MistakeError("must be a string")
    return value


def _severity(value: object) -> Severity:
    text = _text(value)
    if text not in set(Severity):
        raise _MistakeError(f"must be one of {', '.join(Severity)}")
    return Severity(text)


def _table(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _MistakeError("must be a table")
    return value


def _per_file_ignores(value: object) -> dict[str, tuple[str, ...]]:
    return {pattern: _rules(rules) for pattern, rules in _table(value).items()}


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise _MistakeError("must be a whole number from 1")
    return value


def function_name(text: str) -> Name:
    """`function` or `schema.function`, as PostgreSQL folds names: "Quoted" keeps its case."""
    parts, rest = [], text
    while rest:
        if rest.startswith('"'):
            end = rest.find('"', 1)
            part, rest = rest[1:end], rest[end + 1 :]
        else:
            part, dot, behind = rest.partition(".")
            part, rest = part.lower(), dot + behind
        parts.append(part)
        if rest and not (rest.startswith(".") and len(rest) > 1):
            break
        rest = rest[1:]
    if rest or not 1 <= len(parts) <= 2 or not all(parts):
        raise _MistakeError(f"has {text!r}, which is no function name (schema.function)")
    return (parts[0] if len(parts) == 2 else "", parts[-1])


def _sinks(value: object) -> dict[Name, int]:
    return {function_name(name): _count(argument) for name, argument in _table(value).items()}


# key -> (field of Config, how its value is read)
KEYS: dict[str, tuple[str, Callable[[object], object]]] = {
    "select": ("select", _rules),
    "ignore": ("ignore", _rules),
    "exclude": ("exclude", _texts),
    "fail-on": ("fail_on", _severity),
    "baseline": ("baseline", _text),
    "per-file-ignores": ("per_file_ignores", _per_file_ignores),
    "sinks": ("sinks", _sinks),
    "jobs": ("jobs", _count),
}


def find(first_path: Path | str) -> Path | None:
    """The nearest pyproject.toml that has our table, from the first path upwards."""
    folder = os.path.join(os.getcwd(), first_path)
    while True:
        name = os.path.join(folder, FILE)
        # To import the parser alone takes longer than to scan a small file.
        if os.path.isfile(name) and _MENTION.search(_content(name)):
            from pathlib import Path

            file = Path(name)
            if _our_table(file) is not None:
                return file
        if folder == os.path.dirname(folder):
            return None
        folder = os.path.dirname(folder)


def load(file: Path | None) -> Config:
    """The configuration of that file; the defaults without one."""
    if file is None:
        return Config()
    table = _our_table(file)
    if table is None:
        raise CommandError(f"{file}: no table [{TABLE}]")
    if not isinstance(table, dict):
        raise CommandError(f"{file}: {TABLE} must be a table")
    return _from_table(file, table)


def _content(file: Path | str) -> bytes:
    try:
        with open(file, "rb") as opened:
            return opened.read()
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from None


def _our_table(file: Path) -> object:
    """What the file has under TABLE, None where it is not there; CommandError where the name is misspelt."""
    import tomllib

    try:
        document = tomllib.loads(_content(file).decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CommandError(f"{file}: no valid TOML: {' '.join(str(error).split())}") from None
    tools = document.get("tool", {})
    for name in tools:
        if name != _TOOL and name.lower().replace("_", "-") == _TOOL:
            raise CommandError(f"{file}: tool.{name} is not read: it is called tool.{_TOOL}")
    sections = tools.get(_TOOL)
    for name in sections if isinstance(sections, dict) else ():
        if name not in COMMANDS:
            raise CommandError(f"{file}: tool.{_TOOL}.{name} is not known; there is [{TABLE}]")
    return sections.get("scan") if isinstance(sections, dict) else None


def _from_table(file: Path, table: Mapping[str, object]) -> Config:
    values: dict[str, object] = {}
    returns: dict[Name, Quoting] = {}
    for key, value in table.items():
        try:
            if key in RETURNS:
                returns.update({function_name(name): RETURNS[key] for name in _texts(value)})
            elif key in KEYS:
                name, read = KEYS[key]
                values[name] = read(value)
            else:
                raise _MistakeError(f"is not known; there are {', '.join([*KEYS, *RETURNS])}")
        except _MistakeError as mistake:
            raise CommandError(f"{file}: {TABLE}: {key} {mistake}") from None
    root = file.absolute().parent
    if "baseline" in values:
        values["baseline"] = root / str(values["baseline"])
    return replace(Config(root=root, returns=returns), **values)  # type: ignore[arg-type]  # read by KEYS
