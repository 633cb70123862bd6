"""Versions of an extension and the ways between them, from the names of its scripts, as extension.c finds them.

Names are compared as bytes, as strcmp() does: they are kept as str with surrogates for what is not UTF-8, and encoded
where their order counts.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Version:
    """A version: whether a script installs it, and which versions an update script leads to."""

    name: str
    installable: bool = False
    reachable: list[Version] = field(default_factory=list)

    @property
    def order(self) -> bytes:
        """What strcmp() compares."""
        return os.fsencode(self.name)


Versions = dict[str, Version]


def script_versions(extension: str, file_name: str) -> tuple[str, ...] | None:
    """What a file installs (one version) or updates (two), None: it is no script of the extension."""
    prefix = extension + "--"
    if not file_name.startswith(prefix) or not file_name.endswith(".sql"):
        return None
    first, separator, second = file_name.removeprefix(prefix).removesuffix(".sql").partition("--")
    if not separator:
        return (first,)
    return None if "--" in second else (first, second)


def version_graph(extension: str, file_names: Iterable[str]) -> Versions:
    """Every version that a script installs, comes from or leads to."""
    graph: Versions = {}
    for file_name in sorted(file_names, key=os.fsencode):
        found = script_versions(extension, file_name)
        if found is None:
            continue
        versions = [graph.setdefault(name, Version(name)) for name in found]
        if len(versions) == 1:
            versions[0].installable = True
        else:
            versions[0].reachable.append(versions[1])
    return graph


def _predecessors(graph: Versions, source: str, *, through_installable: bool = True) -> dict[str, str]:
    """For each version that can be reached from `source`: the one before it on the shortest way.

    Dijkstra's algorithm with every script of length 1: breadth first. Of equally long ways the one whose version before
    the last comes first by name, and so on backwards.
    """
    previous: dict[str, str] = {}
    level = [graph[source]]
    while level:
        reached: dict[str, Version] = {}
        for version in sorted(level, key=lambda version: version.order):
            for following in version.reachable:
                skipped = following.installable and not through_installable
                if following.name == source or following.name in previous or skipped:
                    continue
                previous[following.name] = version.name
                reached[following.name] = following
        level = list(reached.values())
    return previous


def _path(previous: dict[str, str], source: str, target: str) -> list[str] | None:
    if target not in previous:
        return None
    path = [target]
    while path[-1] != source:
        path.append(previous[path[-1]])
    return path[::-1]


def install_path(graph: Versions, target: str) -> list[str] | None:
    """The versions that CREATE EXTENSION goes through to install `target`, the first by its script; None: it cannot.

    Of equally short ways the one from the version that comes last by name.
    """
    if target not in graph:
        return None
    if graph[target].installable:
        return [target]
    best: list[str] | None = None
    for version in sorted(graph.values(), key=lambda version: version.order, reverse=True):
        if version.installable:
            previous = _predecessors(graph, version.name, through_installable=False)
            path = _path(previous, version.name, target)
            if path is not None and (best is None or len(path) < len(best)):
                best = path
    return best


def update_paths(graph: Versions) -> dict[tuple[str, str], list[str] | None]:
    """The way between each two versions, both included, as pg_extension_update_paths() shows them."""
    ways: dict[tuple[str, str], list[str] | None] = {}
    for source in graph:
        previous = _predecessors(graph, source)
        ways |= {(source, target): _path(previous, source, target) for target in graph if target != source}
    return ways
