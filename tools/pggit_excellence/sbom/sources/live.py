"""A running server: what it could install, what is installed in the database, languages, preloaded libraries."""

from __future__ import annotations

import psycopg

from pggit_excellence.connection import connect, one_line, value
from pggit_excellence.sbom.model import Component, Inventory, extension_component, generic_purl, shown
from pggit_excellence.sbom.sources.extensions import problem
from pggit_excellence.sbom.sources.installation import server_component

AVAILABLE = """
SELECT e.name::text, e.default_version, e.installed_version, e.comment,
       coalesce(v.requires::text[], '{}'), v.superuser, v.trusted, v.relocatable, v.schema::text
FROM pg_catalog.pg_available_extensions AS e
LEFT JOIN pg_catalog.pg_available_extension_versions AS v
       ON v.name = e.name AND v.version = coalesce(e.installed_version, e.default_version)
"""
INSTALLED = "SELECT e.extname::text, e.extversion FROM pg_catalog.pg_extension AS e"
LANGUAGES = "SELECT l.lanname::text FROM pg_catalog.pg_language AS l WHERE l.lanispl"
PRELOADED = "SELECT current_setting('shared_preload_libraries')"
CONTROL_PATH = "SELECT current_setting('extension_control_path', true)"


def read_server(inventory: Inventory, dsn: str) -> str | None:
    """Add what the server says; returns its extension_control_path, None before 18."""
    with connect(dsn) as connection:
        version = str(value(connection, "SELECT current_setting('server_version')")).split(" ")[0]
        server = inventory.lead(server_component(version))
        database = str(value(connection, "SELECT current_database()"))
        server.evidence.add((f"database {shown(database)}", 0))
        installed = dict(connection.execute(INSTALLED).fetchall())
        _available(inventory, server, connection, installed)
        known = {component.name for component in inventory.of_kind("extension")}
        for name, number in sorted(installed.items()):
            if name not in known:
                component = inventory.add(_installed(name, number))
                server.depends_on.add(component.ref)
                problem(inventory, component, f"{shown(name)} is installed, but the server has no control file for it")
        server.needs |= {("language", name) for (name,) in connection.execute(LANGUAGES).fetchall()}
        for name in str(value(connection, PRELOADED) or "").split(","):
            if name.strip():
                _preloaded(inventory, server, name.strip().strip('"'))
        found = value(connection, CONTROL_PATH)
        return None if found is None else str(found)


def _available(
    inventory: Inventory, server: Component, connection: psycopg.Connection, installed: dict[str, str]
) -> None:
    try:
        rows = connection.execute(AVAILABLE).fetchall()
    except psycopg.errors.OperationalError:
        raise
    except psycopg.Error as error:
        # One broken control file makes the view fail for all.
        problem(inventory, server, f"the server cannot list its extensions: {one_line(error)}")
        for name, number in sorted(installed.items()):
            server.depends_on.add(inventory.add(_installed(name, number)).ref)
        return
    for name, default, current, comment, requires, superuser, trusted, relocatable, schema in rows:
        component = extension_component(name, current or default or "")
        component.description = shown(comment or "")
        component.evidence.add(("pg_available_extensions", 0))
        component.needs |= {("extension", one) for one in requires}
        for key, said in (("superuser", superuser), ("trusted", trusted), ("relocatable", relocatable)):
            if said is not None:
                component.note(f"extension:{key}", str(said).lower())
        if schema is not None:
            component.note("extension:schema", shown(schema))
        if current is not None:
            component.note("extension:installed_version", shown(current))
        if default is not None and default != current:
            component.note("extension:default_version", shown(default))
        server.depends_on.add(inventory.add(component).ref)


def _installed(name: str, number: str) -> Component:
    component = extension_component(name, number)
    component.evidence.add(("pg_extension", 0))
    component.note("extension:installed_version", shown(number))
    return component


def _preloaded(inventory: Inventory, server: Component, name: str) -> None:
    """A library of shared_preload_libraries: its extension, or a component of its own."""
    stem = shown(name.rpartition("/")[2].removesuffix(".so"))
    for component in inventory.of_kind("extension"):
        if component.name == stem:
            component.note("preloaded", "shared_preload_libraries")
            return
    purl = generic_purl(stem)
    component = inventory.add(Component(f"module:{purl}", "module", "library", stem, purl=purl))
    component.evidence.add(("shared_preload_libraries", 0))
    component.note("preloaded", "shared_preload_libraries")
    component.gaps.add("a library without an extension: its version is not known")
    server.depends_on.add(component.ref)
