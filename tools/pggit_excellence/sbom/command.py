"""The command line of `pggit-excellence sbom`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pggit_excellence.errors import EXIT_CLEAN, EXIT_FINDINGS, EXIT_NOTHING, CommandError
from pggit_excellence.files import read_limited, said, write_atomically
from pggit_excellence.printable import printable
from pggit_excellence.sbom.documents import DEFAULT_VERSION, MAX_BYTES, VERSIONS, Document, dump, validate
from pggit_excellence.sbom.model import Inventory

EPILOG = """\
pggit-excellence sbom .                              a source tree
pggit-excellence sbom --pg-config /path/to/pg_config an installation
pggit-excellence sbom --dsn dbname=mydb              a running server; the three can be combined
pggit-excellence sbom diff OLD.json NEW.json         what changed
pggit-excellence sbom validate FILE                  is it valid CycloneDX?

Exit status: 0 clean; 1 written, but something was broken, missing or dangerous (or the two differ); 2 usage or error;
3 nothing found. SOURCE_DATE_EPOCH sets the time: with it identical input gives identical bytes."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to read, and what to write."""
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.set_defaults(dsn=None)
    parser.add_argument("paths", nargs="*", metavar="PATH", help="source trees; or diff A B; or validate FILE...")
    parser.add_argument("--pg-config", metavar="PROGRAM", help="read the installation that this pg_config describes")
    parser.add_argument(
        "--extension-control-path",
        metavar="FOLDERS",
        help="the server's extension_control_path, where --dsn does not say it (PostgreSQL 18; default $system)",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the BOM there instead of to standard output")
    parser.add_argument("--spec-version", choices=VERSIONS, default=DEFAULT_VERSION, help="of CycloneDX (default 1.6)")
    parser.add_argument("--xml", action="store_true", help="XML instead of JSON")
    parser.add_argument("--cbom", type=Path, metavar="FILE", help="write the cryptographic algorithms in use there")
    parser.add_argument(
        "--vex", type=Path, action="append", default=[], metavar="FILE", help="add the vulnerabilities of this VEX"
    )
    parser.add_argument("--supplier", metavar="'NAME <MAIL>'", help="who supplies it, where the sources do not say")
    parser.add_argument("--supplier-url", metavar="URL", default="", help="where to reach the supplier")


def run(options: argparse.Namespace) -> int:
    """Make a BOM, compare two or validate some; returns the exit status."""
    action, arguments = options.paths[:1], options.paths[1:]
    if action == ["diff"]:
        return _diff(options, arguments)
    if action == ["validate"]:
        return _validate(options, arguments)
    return _make(options)


def _diff(options: argparse.Namespace, paths: list[str]) -> int:
    from pggit_excellence.output import console, print_json, print_rows
    from pggit_excellence.sbom.diff import compare

    if len(paths) != 2:
        raise CommandError("diff takes two files: diff OLD.json NEW.json")
    rows = compare(Path(paths[0]), Path(paths[1]))
    if options.format == "json":
        print_json(rows)
    elif rows:
        print_rows(console(), rows)
    else:
        print("no difference")
    return EXIT_FINDINGS if rows else EXIT_CLEAN


def _validate(options: argparse.Namespace, paths: list[str]) -> int:
    if not paths:
        raise CommandError("validate takes at least one file")
    found = [{"file": path, "version": validate(read_limited(Path(path), MAX_BYTES, "BOM"), path)} for path in paths]
    if options.format == "json":
        from pggit_excellence.output import print_json

        print_json(found)
    else:
        for one in found:
            print(f"{printable(one['file'], keep='')}: valid CycloneDX {one['version']}")
    return EXIT_CLEAN


def _make(options: argparse.Namespace) -> int:
    from pggit_excellence.sbom.bom import make_bom, seal
    from pggit_excellence.sbom.cbom import link, make_cbom
    from pggit_excellence.sbom.vex import merge_vex

    inventory = read_sources(options)
    if inventory is None:
        print("pggit-excellence sbom: no control file, no META.json and no SQL script there", file=sys.stderr)
        return EXIT_NOTHING
    document = make_bom(inventory, options.spec_version)
    merge_vex(document, options.vex)
    if options.cbom is not None:
        cbom = make_cbom(inventory, options.spec_version)
        link(document, cbom)
        _write(cbom, options.cbom, xml=False)
    else:
        seal(document)
    _write(document, options.output, xml=options.xml)
    return _report(inventory, document, options)


def read_sources(options: argparse.Namespace) -> Inventory | None:
    """Everything that the user named; None where that is nothing."""
    from pggit_excellence.sbom.resolve import resolve
    from pggit_excellence.sbom.sources.checkout import read_tree
    from pggit_excellence.sbom.sources.installation import SYSTEM, read_installation, read_pg_config

    inventory = Inventory()
    live = options.pg_config is not None or options.dsn is not None
    for path in options.paths or ([] if live else ["."]):
        if not Path(path).is_dir():
            raise CommandError(said(path, "no folder; a source tree is one (or: diff A B, validate FILE)"))
        read_tree(inventory, Path(path))
    control_path = None
    if options.dsn is not None:
        from pggit_excellence.sbom.sources.live import read_server

        control_path = read_server(inventory, options.dsn)
    if options.pg_config is not None:
        installation = read_pg_config(options.pg_config)
        read_installation(inventory, installation, options.extension_control_path or control_path or SYSTEM)
    resolve(inventory, looked_everywhere=live)
    _supplier(inventory, options)
    projects = inventory.of_kind("project")
    empty = not live and not inventory.of_kind("extension", "python") and not any(one.files for one in projects)
    return None if empty else inventory


def _supplier(inventory: Inventory, options: argparse.Namespace) -> None:
    from pggit_excellence.sbom.model import Contact, shown

    main = inventory.components[inventory.main]
    if options.supplier or options.supplier_url:
        name, _, mail = (options.supplier or "").partition("<")
        main.supplier = Contact(
            shown(name.strip()) or main.supplier.name,
            shown(mail.rstrip("> ")) or main.supplier.email,
            shown(options.supplier_url) or main.supplier.url,
        )


def _write(document: Document, path: Path | None, *, xml: bool) -> None:
    """Validate, then write: nothing that is not valid is ever seen."""
    content = dump(document)
    validate(content, "the BOM")
    if xml:
        from pggit_excellence.sbom.xml_form import to_xml

        content = to_xml(document)
        validate(content, "the BOM")
    if path is None:
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
    else:
        write_atomically(path, content)


def _report(inventory: Inventory, document: Document, options: argparse.Namespace) -> int:
    """Problems and findings on standard error; what was written on standard output, unless that is the BOM."""
    for word, lines in (("incomplete", inventory.problems), ("danger", inventory.findings)):
        for line in sorted(lines):
            print(f"pggit-excellence sbom: {word}: {printable(line, keep='')}", file=sys.stderr)
    kinds = {kind: len(inventory.of_kind(kind)) for kind in sorted({one.kind for one in inventory.components.values()})}
    if options.output is not None and options.format == "json":
        from pggit_excellence.output import print_json

        print_json({"file": str(options.output), "serialNumber": document["serialNumber"], "components": kinds})
    elif options.output is not None:
        counts = ", ".join(_counted(count, kind) for kind, count in kinds.items())
        print(f"{printable(str(options.output), keep='')}: CycloneDX {document['specVersion']}, {counts}")
    return EXIT_FINDINGS if inventory.problems or inventory.findings else EXIT_CLEAN


def _counted(count: int, kind: str) -> str:
    """As in `1 server`, `2 Python packages`."""
    noun = "Python package" if kind == "python" else kind
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
