"""The command: options, the order of the steps, and the exit status. What it needs is imported when it is needed."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from pggit_excellence.errors import EXIT_CLEAN, EXIT_FINDINGS, EXIT_NOTHING, EXIT_USAGE, CommandError
from pggit_excellence.scan.frozen import replace

if TYPE_CHECKING:
    from pathlib import Path

    from pggit_excellence.scan.config import Config
    from pggit_excellence.scan.inputs.sources import Inputs
    from pggit_excellence.scan.output.report import Report

STDIN = "-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.set_defaults(dsn=None)
    parser.add_argument("paths", nargs="*", metavar="PATH", help="SQL files, folders of them, or - for standard input")
    what = parser.add_argument_group("what to scan")
    what.add_argument("--changed-since", metavar="REV", help="only files that differ from this git revision")
    what.add_argument("--include-extensions", action="store_true", help="with --dsn: members of extensions too")
    what.add_argument("--select", metavar="RULES", help="these rules only: ids or their beginnings, by commas")
    what.add_argument("--ignore", metavar="RULES", help="all but these rules")
    what.add_argument("--config", type=_path, metavar="FILE", help="instead of the nearest pyproject.toml")
    outcome = parser.add_argument_group("the outcome")
    outcome.add_argument("--fail-on", choices=("error", "warning", "hint"), help="exit 1 from here on (warning)")
    outcome.add_argument("--exit-zero", action="store_true", help="exit 0 also with findings")
    outcome.add_argument("--baseline", type=_path, metavar="FILE", help="findings that this file has do not count")
    outcome.add_argument("--write-baseline", type=_path, metavar="FILE", help="write what was found there, and exit 0")
    outcome.add_argument("--output", type=_path, metavar="FILE", help="print into a file")
    outcome.add_argument("--statistics", action="store_true", help="end with numbers")
    fixes = parser.add_argument_group("fixes")
    fixes.add_argument("--fix", action="store_true", help="make the certain ones in the files")
    fixes.add_argument("--diff", action="store_true", help="show what --fix would do, change nothing")
    parser.add_argument("--explain", metavar="RULE", help="say what a rule means, and end")
    parser.add_argument("--jobs", type=int, metavar="N", help="processes (default: one for each processor)")


def _path(name: str) -> Path:
    from pathlib import Path  # few scans need it

    return Path(name)


def run(options: argparse.Namespace) -> int:
    """Scan and print; returns the exit status."""
    try:
        if options.explain is not None:
            return _explain(options)
        return _scan(options)
    except (CommandError, BrokenPipeError):
        raise
    except Exception as error:
        what = " ".join(f"{type(error).__name__} at {_innermost(error)}: {error}".split())[:300]
        raise CommandError(f"internal error: {what} (please report it, with the input)") from error


def _innermost(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "?" if trace is None else f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"


def _explain(options: argparse.Namespace) -> int:
    from pggit_excellence.scan.output.rule_texts import TEXTS, page
    from pggit_excellence.scan.output.rules import RULES

    rule = RULES.get(options.explain.upper())
    if rule is None:
        raise CommandError(f"--explain: no such rule: {options.explain} (there are {', '.join(RULES)})")
    if options.format != "json":
        _print(page(rule), options.output)
        return EXIT_CLEAN
    import json

    about = {name: getattr(rule, name) for name in rule.__match_args__} | {"cwe": rule.cwe or None}
    texts = {name: getattr(TEXTS[rule.id], name).strip() for name in TEXTS[rule.id].__match_args__}
    _print(json.dumps(about | texts, indent=2) + "\n", options.output)
    return EXIT_CLEAN


def _scan(options: argparse.Namespace) -> int:
    config = configuration(options)
    began = time.perf_counter()
    from pggit_excellence.scan.scanning import scan

    if options.fix or options.diff:
        return _fix(options, config)
    inputs = _read(options, config)
    facts = None
    if options.dsn is not None:
        from pggit_excellence.scan.inputs import live

        routines, facts = live.read(options.dsn, include_extensions=options.include_extensions)
        inputs.sources += routines
    report = scan(inputs.sources, facts, config, inputs.problems)
    report.seconds = time.perf_counter() - began
    if options.write_baseline:
        return _write_baseline(options, report)
    show(options, report)
    return status(options, report)


def _fix(options: argparse.Namespace, config: Config) -> int:
    """Fix, then print what is left; or with --diff print what would change and exit 1 where something would."""
    from pggit_excellence.scan.output import fixing
    from pggit_excellence.scan.scanning import scan

    if options.dsn is not None or options.write_baseline or (STDIN in options.paths and len(options.paths) > 1):
        raise CommandError("--fix and --diff take files, or standard input alone; no --dsn, no --write-baseline")
    inputs = _read(options, config)
    fixed = fixing.fix_all(inputs.sources, lambda sources: scan(sources, None, config, inputs.problems))
    report = fixed.report
    changed = fixing.changes(inputs.sources, report)
    if options.diff:
        tell(report.errors)
        _print("".join(fixing.file_diff(old, new) for old, new in changed), options.output)
        return EXIT_USAGE if report.errors else EXIT_FINDINGS if changed else EXIT_CLEAN
    if options.paths == [STDIN]:
        _print("".join(source.text for source in report.program.sources.values()), options.output)
        tell(report.errors)
        return status(options, report)
    written = 0
    for old, new in changed:
        try:
            fixing.write(old, new)
            written += 1
        except CommandError as error:
            report.errors.append(str(error))
    refused = f"; {fixed.refused} not made, as they would lead to another finding" if fixed.refused else ""
    files = f"{written} file{'' if written == 1 else 's'}"
    made = f"{fixed.count} fixed in {files}" if written == len(changed) else f"{files} of {len(changed)} written"
    tell([made + refused])
    show(options, report)
    return status(options, report)


def _read(options: argparse.Namespace, config: Config) -> Inputs:
    """What the user names; the working directory for --changed-since alone. Notes go to standard error."""
    from pggit_excellence.scan.inputs import sources

    paths = options.paths or (["."] if options.changed_since is not None else [])
    inputs = sources.read(paths, options.changed_since, config.excluded)
    tell(inputs.notes)
    return inputs


def configuration(options: argparse.Namespace) -> Config:
    """The configuration file's, overridden by the options."""
    from pggit_excellence.scan import config as configs
    from pggit_excellence.scan.model import Severity

    paths = [path for path in options.paths if path != STDIN]
    config = configs.load(options.config or configs.find(paths[0] if paths else ""))
    if options.select:
        config = replace(config, select=configs.rule_prefixes(options.select.split(",")))
    if options.ignore:
        config = replace(config, ignore=(*config.ignore, *configs.rule_prefixes(options.ignore.split(","))))
    if options.fail_on:
        config = replace(config, fail_on=Severity(options.fail_on))
    if options.baseline:
        config = replace(config, baseline=options.baseline)
    if options.jobs is not None:
        if options.jobs < 1:
            raise CommandError(f"--jobs: must be a whole number from 1, not {options.jobs}")
        config = replace(config, jobs=options.jobs)
    return config


def _write_baseline(options: argparse.Namespace, report: Report) -> int:
    from pggit_excellence.scan.output import baseline
    from pggit_excellence.scan.output.fingerprints import fingerprints

    found = [*report.findings, *report.known]
    baseline.write(options.write_baseline, found, fingerprints(report.program, found))
    tell(report.errors)
    print(f"{options.write_baseline}: {len(found)} findings", file=sys.stderr)
    return status(options, report) if report.errors or not report.program.sources else EXIT_CLEAN


def show(options: argparse.Namespace, report: Report) -> None:
    """Print the report in the format that is wanted, and problems as one line each on standard error."""
    report.statistics = options.statistics
    tell(report.errors)
    printer = import_module(f"pggit_excellence.scan.output.formats.{options.format}_format")
    if options.format == "text" and options.output is None and sys.stdout.isatty():
        printer.print_styled(report)
    else:
        _print(printer.render(report), options.output)


def status(options: argparse.Namespace, report: Report) -> int:
    """2 where something could not be scanned, 3 without any input, 1 with findings that count, else 0.

    That nothing changed is no lack of input.
    """
    if report.errors:
        return EXIT_USAGE
    if not report.program.sources and options.changed_since is None:
        tell(["nothing to scan: name .sql files, folders of them, - for standard input, or --dsn"])
        return EXIT_NOTHING
    return EXIT_FINDINGS if report.counting() and not options.exit_zero else EXIT_CLEAN


def tell(errors: Sequence[str]) -> None:
    """One line each, on standard error."""
    from pggit_excellence.printable import printable

    for error in errors:
        print(f"pggit-excellence scan: {printable(error, keep='')}", file=sys.stderr)


def _print(text: str, file: Path | None) -> None:
    """UTF-8, whatever the locale; what no encoding can hold is escaped."""
    content = text.encode("utf-8", "backslashreplace")
    if file is not None:
        try:
            file.write_bytes(content)
        except OSError as error:
            raise CommandError(f"--output: {file}: {error.strerror}") from None
        return
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        # Else the interpreter tries again what is left when it ends, and fails with a status of its own.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise CommandError(f"standard output: {error.strerror}") from None
