"""Coverage-guided fuzzing of what reads raw text: atheris calls each reader with bytes that reach new code.

    python coverage_guided.py RUNS SEED FOLDER

A case that raises or takes too long is kept in FOLDER as crash-*, timeout-* or oom-* (libFuzzer's names). Its first
byte says which reader it is for. It is shown with
    python coverage_guided.py FILE
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 20
MAX_LENGTH = 2000
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests" / "fuzz"), str(ROOT / "tests" / "benchmarks")]

with atheris.instrument_imports(include=["pggit_excellence"]):
    from pggit_excellence.scan.analysis import scan_text
    from pggit_excellence.scan.config import Config
    from pggit_excellence.scan.flow import python_bodies
    from pggit_excellence.scan.inputs.build import build
    from pggit_excellence.scan.inputs.lexer import tokens
    from pggit_excellence.scan.inputs.program import SourceText
    from pggit_excellence.scan.inputs.psql import replace_extension_words
    from pggit_excellence.scan.inputs.statements import statements
    from pggit_excellence.scan.plpgsql.parser import parse_body


def lex(text: str) -> None:
    """Tokens cover the text in order."""
    end = 0
    for token in tokens(text):
        assert end <= token.start < token.end <= len(text)
        end = token.end


def split(text: str) -> None:
    """The statements follow one another; psql's part is in here too."""
    for _ in statements(text, lambda _: True):
        pass


def extension(text: str) -> None:
    """The words of extension scripts keep every offset."""
    assert len(replace_extension_words(text)) == len(text)


def body(text: str) -> None:
    """A PL/pgSQL body."""
    parse_body(text)


def python(text: str) -> None:
    """A PL/Python body."""
    sql = f"CREATE FUNCTION f(p text) RETURNS void LANGUAGE plpython3u AS $zz$\n{text}\n$zz$;"
    program = build([SourceText("-", sql)])
    for routine in program.routines:
        python_bodies.analyse(routine, program)


def whole(text: str) -> None:
    """Everything."""
    assert scan_text(text, config=Config()).errors == []


def routine(text: str) -> None:
    """Everything, as the body of a function."""
    whole(f"CREATE FUNCTION f(p text, q text[]) RETURNS void LANGUAGE plpgsql AS $zz$BEGIN {text} END$zz$;")


READERS = (lex, split, extension, body, python, whole, routine)


def one(data: bytes) -> None:
    """One case."""
    if data:
        READERS[data[0] % len(READERS)](data[1:].decode("utf-8", "replace"))


def corpus(folder: Path) -> None:
    """Where atheris begins: the probes, for each reader."""
    from probe_set import probes

    folder.mkdir(parents=True, exist_ok=True)
    for number, probe in enumerate(probes()):
        reader = number % len(READERS)
        text = probe.body.partition("BEGIN")[2].rpartition("END")[0] if READERS[reader] is routine else probe.body
        (folder / f"{number:04}").write_bytes(bytes([reader]) + text.encode())


def main() -> None:
    """Run, or show one case."""
    if len(sys.argv) == 2:
        one(Path(sys.argv[1]).read_bytes())
        return
    runs, seed, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    corpus(folder / "corpus")
    os.chdir(folder)
    options = [f"-runs={runs}", f"-seed={seed}", f"-timeout={SECONDS}", f"-max_len={MAX_LENGTH}", "-rss_limit_mb=2500"]
    atheris.Setup([sys.argv[0], *options, "corpus"], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
