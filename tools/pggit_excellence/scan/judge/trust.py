"""Can the names that a routine uses be taken over? The rules about SECURITY DEFINER, event triggers and search_path.

A name without a schema means what search_path finds first. What can be planted there, each tried on a server:

- No search_path of its own: in a SECURITY DEFINER routine the caller sets it, and every unqualified function, operator,
  table and type can be the caller's. An event trigger function runs with the path of whoever runs the DDL: whoever
  may create functions in a schema of that path offers a better match than pg_catalog's (format(text, text) beats
  the variadic one, quote_ident(name) beats quote_ident(text)), even behind pg_catalog.
- A path with a schema in which others may create: the same better matches, and every name that pg_catalog lacks.
- A path without pg_temp, or with pg_temp before another schema: temporary tables and types (never functions) come
  first, even before pg_catalog. A temporary domain `text` with a CHECK runs the caller's code as the owner, therefore
  `SET search_path = ''` and `SET search_path = pg_catalog` are not safe, and `pg_catalog, pg_temp` is.
- "$user" is the owner's own schema inside a SECURITY DEFINER routine: whoever may create schemas can make it.

BEGIN ATOMIC bodies are bound to objects when they are created: no path can change them.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator

from pggit_excellence.scan.inputs.facts import PUBLIC, same_name
from pggit_excellence.scan.inputs.headers import Cursor
from pggit_excellence.scan.inputs.lexer import Kind, Token, tokens
from pggit_excellence.scan.inputs.literals import identifier, read_string
from pggit_excellence.scan.inputs.program import Program, Routine
from pggit_excellence.scan.model import Confidence, Edit, Finding, Fix, Severity, Site, Verdict
from pggit_excellence.scan.values.abstract import Place

SAFE_PATH = "pg_catalog, pg_temp"
# On their honesty rests what is proved about the statements that they build.
QUOTING = frozenset({"format", "quote_ident", "quote_literal", "quote_nullable"})
BUILDING = frozenset({"concat", "concat_ws", "string_agg", "array_to_string", "replace"})
_TEMPORARY = re.compile(r"\btemp(?:orary)?\b", re.IGNORECASE)
_FROM_CURRENT = "FROM CURRENT"
# Without a path of its own; by whether it is SECURITY DEFINER.
_MISSING = {
    True: (
        "SECURITY DEFINER without SET search_path: the caller decides what every unqualified name means",
        Severity.ERROR,
        Confidence.HIGH,
    ),
    False: (
        "an event trigger function without SET search_path runs with the path of whoever runs the DDL",
        Severity.WARNING,
        Confidence.MEDIUM,
    ),
}


def trust(program: Program, sites: Iterable[Site]) -> list[Finding]:
    """The findings PGX110 and PGX201 to PGX204; `sites` are all dynamic statements of the program's routines."""
    by_file: dict[str, list[Site]] = {}
    for site in sorted(sites, key=lambda site: site.place.start):
        by_file.setdefault(site.place.file, []).append(site)
    return [
        finding
        for routine in program.routines
        if routine.kind in {"function", "procedure"}
        for finding in _of_routine(program, routine, by_file.get(routine.file, []))
    ]


def _of_routine(program: Program, routine: Routine, sites: list[Site]) -> Iterator[Finding]:
    fires = is_event_trigger(program, routine)
    if not routine.security_definer and not fires:
        return
    first = bisect_left(sites, routine.start, key=lambda site: site.place.start)
    own = [site for site in sites[first:] if site.place.start < routine.end]
    header = _Header(program, routine)
    written = dict(routine.settings).get("search_path")
    unsafe = None if routine.atomic else _path_trouble(program, written, routine.security_definer)
    if unsafe is not None:
        yield _path_finding(routine, header, written, unsafe)
        if own:
            yield from _shadowable(program, routine)
    if routine.security_definer and not fires and own and PUBLIC in program.executors.get(routine.key, {PUBLIC}):
        yield _public(routine, header, own, granted=routine.key in program.granted_to_public)


def is_event_trigger(program: Program, routine: Routine) -> bool:
    """Whether the function is one for event triggers."""
    return routine.returns.lower() in {"event_trigger", "pg_catalog.event_trigger"} or any(
        same_name(routine.name, name) for name in program.event_trigger_functions
    )


class _Header:
    """Places in the statement that creates the routine, its body left out."""

    def __init__(self, program: Program, routine: Routine) -> None:
        self.file, self.start = routine.file, routine.start
        text = program.sources[routine.file].text
        self.found = [token for token in tokens(text, routine.start, routine.end) if token.kind is not Kind.COMMENT]
        self.words = [text[token.start : token.end].lower() for token in self.found]

    def place(self, *words: str) -> Place | None:
        """The first place of these words, one after the other."""
        for index in range(len(self.words)):
            if tuple(self.words[index : index + len(words)]) == words:
                return Place(self.file, self.found[index].start, self.found[index + len(words) - 1].end)
        return None

    def name(self) -> Place:
        """CREATE ... name."""
        opening = self.words.index("(") if "(" in self.words else len(self.words)
        return Place(self.file, self.start, self.found[max(opening, 1) - 1].end)

    def setting(self) -> Place | None:
        """SET search_path with its value."""
        place = self.place("set", "search_path")
        if place is None:
            return None
        index = next(i for i, token in enumerate(self.found) if token.end == place.end) + 2
        while index + 2 < len(self.words) and self.words[index + 1] == ",":
            index += 2
        return Place(self.file, place.start, self.found[min(index, len(self.found) - 1)].end)


def path_schemas(written: str) -> list[str]:
    """The schemas of a search_path as it is written in SET."""
    cursor, found = Cursor(written), []
    while cursor.token is not None:
        string = read_string(written, cursor.tokens, cursor.index)
        if string is not None:
            found.append(string[0])
            cursor.index = string[2]
        else:
            token: Token = cursor.tokens[cursor.index]
            if token.kind in {Kind.WORD, Kind.QUOTED}:
                found.append(identifier(written, token))
            cursor.index += 1
    return [schema for schema in found if schema]


def _path_trouble(program: Program, written: str | None, definer: bool) -> tuple[str, Severity, Confidence] | None:
    """What is wrong with the path, how bad and how sure; None where nothing is.

    Temporary objects and the schema "$user" belong to whom the routine runs as, unless it is SECURITY DEFINER.
    """
    if written is None:
        return _MISSING[definer]
    if written == _FROM_CURRENT:
        reason = "its search_path is that of the session which creates it, whatever that is"
        return reason, Severity.HINT, Confidence.LOW
    schemas = path_schemas(written)
    for schema in schemas:
        trouble = _schema_trouble(program, schema, definer)
        if trouble is not None:
            return trouble
    return _temporary_trouble(schemas) if definer else None


def _temporary_trouble(schemas: list[str]) -> tuple[str, Severity, Confidence] | None:
    if "pg_temp" not in schemas:
        reason = "pg_temp is not in its search_path: temporary tables and types of the caller come first"
        return reason, Severity.WARNING, Confidence.HIGH
    if schemas[-1] != "pg_temp":
        reason = (
            "pg_temp is not the last in its search_path: temporary tables and types of the caller hide those behind"
        )
        return reason, Severity.WARNING, Confidence.HIGH
    return None


def _schema_trouble(program: Program, schema: str, definer: bool) -> tuple[str, Severity, Confidence] | None:
    if schema == "$user" and definer:
        reason = '"$user" is the schema named like the owner: whoever may create schemas can make it'
        return reason, Severity.WARNING, Confidence.MEDIUM
    if "," in schema:
        reason = f"{schema!r} is one schema's name with a comma in it: write the schemas without quotes around all"
        return reason, Severity.ERROR, Confidence.HIGH
    creators = program.schema_creators.get(schema)
    if creators is None and schema == PUBLIC:
        reason = (
            "public is a schema in which everybody may create objects, unless that was revoked (so up to PostgreSQL 14)"
        )
        return reason, Severity.WARNING, Confidence.MEDIUM
    if creators:
        everybody = PUBLIC in creators
        reason = f"{'everybody' if everybody else ', '.join(sorted(creators))} may create objects in schema {schema}"
        return reason, Severity.ERROR if everybody else Severity.WARNING, Confidence.HIGH
    return None


def _path_finding(
    routine: Routine, header: _Header, written: str | None, trouble: tuple[str, Severity, Confidence]
) -> Finding:
    reason, severity, confidence = trouble
    setting = header.setting()
    if written is None and routine.security_definer:
        place = header.place("security", "definer")
        return Finding("PGX201", reason, place or header.name(), routine.label, severity, confidence, fix=_pin(place))
    if not routine.security_definer:
        return Finding("PGX203", reason, setting or header.name(), routine.label, severity, confidence)
    fix = _temporary_last(routine, setting, written or "")
    return Finding("PGX202", reason, setting or header.name(), routine.label, severity, confidence, fix=fix)


def _pin(definer: Place | None) -> Fix | None:
    """SET search_path behind SECURITY DEFINER: never certain, as the body may use names of other schemas."""
    if definer is None:
        return None
    behind = Place(definer.file, definer.end, definer.end)
    edit = Edit(behind, f" SET search_path = {SAFE_PATH}")
    return Fix("pin the search_path, and qualify what is not in pg_catalog", (edit,), certain=False)


def _temporary_last(routine: Routine, setting: Place | None, written: str) -> Fix | None:
    """The same path with pg_temp at its end.

    Certain where pg_temp was only missing, and the body makes no temporary tables which might be meant to come first.
    """
    schemas = path_schemas(written)
    if setting is None or any("," in schema or schema in {"$user", PUBLIC} for schema in schemas):
        return None
    others = [_quoted(schema) for schema in schemas if schema != "pg_temp"] or ["pg_catalog"]
    edit = Edit(setting, f"SET search_path = {', '.join([*others, 'pg_temp'])}")
    certain = "pg_temp" not in schemas and not _TEMPORARY.search(routine.body)
    return Fix("search temporary tables and types last", (edit,), certain)


def _quoted(schema: str) -> str:
    plain = re.fullmatch(r"[a-z_][a-z0-9_$]*", schema)
    return schema if plain else '"' + schema.replace('"', '""') + '"'


def _shadowable(program: Program, routine: Routine) -> Iterator[Finding]:
    """PGX110: unqualified functions that quote or build, in a routine whose names others can take over."""
    calls = list(_unqualified_calls(routine))
    if not any(name in QUOTING for name, _ in calls):
        return
    names = ", ".join(f"{name}()" for name in dict.fromkeys(name for name, _ in calls))
    message = f"{names} without a schema: others can put a function of their own in place, and the quoting is void"
    edits = tuple(Edit(Place(place.file, place.start, place.start), "pg_catalog.") for _, place in calls)
    names_taken = {other.name[1] for other in program.routines}
    certain = not any(
        name in names_taken for name, _ in calls
    )  # else the scanned function may be the one that is meant
    fix = Fix("call pg_catalog's", edits, certain)
    first = next(place for name, place in calls if name in QUOTING)
    yield Finding("PGX110", message, first, routine.label, Severity.WARNING, Confidence.HIGH, fix=fix)


def _unqualified_calls(routine: Routine) -> Iterator[tuple[str, Place]]:
    body = routine.body
    found = [token for token in tokens(body) if token.kind is not Kind.COMMENT]
    words = [body[token.start : token.end].lower() for token in found]
    for index, word in enumerate(words[:-1]):
        if word in QUOTING | BUILDING and words[index + 1] == "(" and (index == 0 or words[index - 1] != "."):
            start, end = routine.map(found[index].start), routine.map(found[index].end - 1) + 1
            yield word, Place(routine.file, start, end)


def _public(routine: Routine, header: _Header, sites: list[Site], *, granted: bool) -> Finding:
    """PGX204; `granted` says that a GRANT to PUBLIC is among what was scanned."""
    proved = all(site.verdict is Verdict.SAFE for site in sites)
    doing = "each proved safe" if proved else "not all of it proved safe"
    why = " by a GRANT to PUBLIC" if granted else ""
    message = f"everybody may run it{why}, and it runs dynamic SQL with its owner's rights ({doing})"
    severity = Severity.HINT if proved else Severity.ERROR
    fix = None if granted else _revoke(routine, header)  # the GRANT would undo it
    place = header.place("security", "definer") or header.name()
    return Finding("PGX204", message, place, routine.label, severity, Confidence.HIGH, fix=fix)


def _revoke(routine: Routine, header: _Header) -> Fix | None:
    """REVOKE behind the statement: never certain, as somebody has to be granted what PUBLIC loses."""
    inputs = ", ".join(
        parameter.type for parameter in routine.parameters if parameter.mode in {"in", "inout", "variadic"}
    )
    name = ".".join(_quoted(part) for part in routine.name if part)
    order = f"REVOKE EXECUTE ON {routine.kind.upper()} {name}({inputs}) FROM PUBLIC"
    edit = Edit(Place(header.file, routine.end, routine.end), f";\n{order}")
    return Fix("take it from PUBLIC, and grant it to those who need it", (edit,), certain=False)
