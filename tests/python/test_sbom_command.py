"""`pggit-excellence sbom` on source trees: what is found, the same bytes, bad input, diff, validate, VEX, CBOM."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from pggit_excellence.cli import main
from pggit_excellence.errors import CommandError
from pggit_excellence.sbom.algorithms import algorithm
from pggit_excellence.sbom.documents import validate
from pggit_excellence.sbom.licences import copyright_line, from_debian, from_pgxn
from pggit_excellence.sbom.scripts.crypto import crypto_uses
from pggit_excellence.sbom.scripts.needs import script_needs
from pggit_excellence.sbom.vex import all_components

pytestmark = pytest.mark.once  # no server takes part

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """\
\\echo Use "CREATE EXTENSION thing" to load this file. \\quit
CREATE FUNCTION f(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN digest($1, 'sha256'); END $$;
CREATE FUNCTION g() RETURNS int LANGUAGE plpython3u AS 'return 1';
-- CREATE EXTENSION not_this;
DO $$ BEGIN CREATE EXTENSION IF NOT EXISTS "uuid-ossp"; END $$;
LOAD 'auto_explain';
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """An extension with a requirement, a test that needs more, and META.json."""
    root = tmp_path / "thing"
    (root / "test").mkdir(parents=True)
    (root / "thing.control").write_text("default_version = '1.0'\nrequires = 'hstore, pgcrypto'\ncomment = 'a thing'\n")
    (root / "thing--1.0.sql").write_text(SCRIPT)
    (root / "test" / "all.sql").write_text("CREATE EXTENSION pgtap;\n")
    (root / "LICENSE").write_text("PostgreSQL License\n\nCopyright (c) 2026, somebody\n")
    meta = {"name": "thing", "version": "1.0.0", "license": "postgresql", "maintainer": "Some Body <some@body.org>"}
    (root / "META.json").write_text(json.dumps(meta))
    return root


@pytest.fixture(autouse=True)
def epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")


def make(*arguments: object, output: Path, status: int = 0) -> dict[str, Any]:
    assert main(["sbom", *map(str, arguments), "--output", str(output)]) == status
    document: dict[str, Any] = json.loads(output.read_bytes())
    return document


def components(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """All but files and what the BOM is about, by name."""
    about = document["metadata"]["component"]["bom-ref"]
    return {one["name"]: one for one in all_components(document) if one["type"] != "file" and one["bom-ref"] != about}


def depends(document: dict[str, Any], name: str) -> set[str]:
    names = {one["bom-ref"]: one["name"] for one in all_components(document)}
    ref = next(one["bom-ref"] for one in all_components(document) if one["name"] == name and one["type"] == "library")
    return {names[other] for one in document["dependencies"] if one["ref"] == ref for other in one["dependsOn"]}


def test_what_a_tree_needs(tree: Path, tmp_path: Path) -> None:
    document = make(tree, output=tmp_path / "bom.json")
    assert depends(document, "thing") == {
        "hstore", "pgcrypto", "plpgsql", "plpython3u", "uuid-ossp", "auto_explain"
    }  # fmt: skip
    found = components(document)
    assert found["pgtap"]["scope"] == "excluded"
    assert "scope" not in found["hstore"]
    assert found["thing"]["purl"] == "pkg:generic/thing@1.0"
    assert found["thing"]["licenses"] == [{"license": {"id": "PostgreSQL"}}]
    assert found["thing"]["copyright"] == "Copyright (c) 2026, somebody"
    assert found["thing"]["supplier"] == {
        "name": "Some Body",
        "contact": [{"name": "Some Body", "email": "some@body.org"}],
    }
    assert {hashed["alg"] for hashed in found["thing"]["hashes"]} == {"SHA-256", "SHA-512"}
    assert all({"ref", "dependsOn"} == one.keys() for one in document["dependencies"])


def test_hashes_are_those_of_sha256sum(tree: Path, tmp_path: Path) -> None:
    document = make(tree, output=tmp_path / "bom.json")
    files = {one["name"]: one["hashes"][0]["content"] for one in all_components(document) if one["type"] == "file"}
    listing = subprocess.run(["sha256sum", *sorted(files)], cwd=tree, capture_output=True, text=True, check=True).stdout
    assert listing == "".join(f"{files[name]}  {name}\n" for name in sorted(files))
    names = ["thing--1.0.sql", "thing.control"]
    listing = subprocess.run(["sha256sum", *names], cwd=tree, capture_output=True, text=True, check=True).stdout
    total = subprocess.run(["sha256sum"], input=listing, capture_output=True, text=True, check=True).stdout.split()[0]
    assert components(document)["thing"]["hashes"][0]["content"] == total


@pytest.mark.parametrize("version", ["1.6", "1.7"])
def test_both_versions_as_json_and_xml(tree: Path, tmp_path: Path, version: str) -> None:
    output = tmp_path / "bom"
    make(tree, "--spec-version", version, output=output)
    assert validate(output.read_bytes(), "it") == version
    assert main(["sbom", str(tree), "--spec-version", version, "--xml", "--output", str(output)]) == 0
    assert validate(output.read_bytes(), "it") == version
    assert b"<aggregate>incomplete</aggregate>" in output.read_bytes()


CONDITIONS: dict[str, dict[str, str]] = {
    "hash seed 1": {"PYTHONHASHSEED": "1"},
    "hash seed 2": {"PYTHONHASHSEED": "2"},
    "another locale": {"LC_ALL": "C", "LANG": "C"},
    "another time zone": {"TZ": "Asia/Tokyo"},
}


def test_spoilt_values_are_judged_as_by_jsonschema(tree: Path, tmp_path: Path) -> None:
    """Each text of a BOM replaced by what may be wrong there; the judge is the library without our shortcuts."""
    document = make(tree, output=tmp_path / "bom.json")
    validate(json.dumps(document).encode(), "as it was made")
    from jsonschema import Draft7Validator, _keywords  # when the command has kept it from importing a grammar for 2 s
    from jsonschema.validators import extend

    library = JsonStrictValidator(SchemaVersion.V1_6)._validator
    plain = extend(Draft7Validator, {"properties": _keywords.properties, "uniqueItems": _keywords.uniqueItems})
    judge = plain(library.schema, registry=library._registry, format_checker=plain.FORMAT_CHECKER)
    verdicts = set()
    for holder, key in [(holder, key) for holder, key in texts(document) if key != "specVersion"]:
        kept = holder[key]
        for spoilt in ("", "?", 1):
            holder[key] = spoilt
            valid = judge.is_valid(document)
            verdicts.add(valid)
            with nullcontext() if valid else pytest.raises(CommandError, match="CycloneDX"):
                validate(json.dumps(document).encode(), "spoilt")
        holder[key] = kept
    assert verdicts == {True, False}


def texts(node: Any) -> Iterator[tuple[Any, Any]]:
    """Where each kind of text of a document stands, once: who holds it, under which key."""
    seen = set()

    def walk(node: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, Any]]:
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            kind = (*path, key) if isinstance(node, dict) else path
            if isinstance(value, dict | list):
                yield from walk(value, kind)
            elif isinstance(value, str) and kind not in seen:
                seen.add(kind)
                yield node, key

    return walk(node, ())


def test_identical_input_gives_identical_bytes(tree: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "pggit_excellence", "sbom", "--cbom"]
    usual = os.environ | {"PYTHONPATH": str(ROOT / "tools")}
    seen = set()
    for number, (_, environment) in enumerate(CONDITIONS.items()):
        cbom = tmp_path / f"cbom-{number}"
        done = subprocess.run(
            [*command, str(cbom), str(tree)], env=usual | environment, capture_output=True, check=True
        )
        seen.add((done.stdout, cbom.read_bytes()))
    # Another path, and the files made in the opposite order.
    other = tmp_path / "elsewhere" / "thing"
    for path in sorted(tree.rglob("*"), reverse=True):
        if path.is_file():
            (other / path.relative_to(tree)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, other / path.relative_to(tree))
    done = subprocess.run([*command, str(cbom), "thing"], cwd=other.parent, env=usual, capture_output=True, check=True)
    seen.add((done.stdout, cbom.read_bytes()))
    assert len(seen) == 1
    # And it can fail: another second, another document.
    later = subprocess.run(
        [*command, str(cbom), str(tree)], env=usual | {"SOURCE_DATE_EPOCH": "5"}, capture_output=True, check=True
    )
    assert later.stdout != done.stdout


def test_cbom_and_sbom_link_to_each_other(tree: Path, tmp_path: Path) -> None:
    cbom = tmp_path / "cbom.json"
    document = make(tree, "--cbom", cbom, output=tmp_path / "bom.json")
    crypto = json.loads(cbom.read_bytes())
    assert [(one["name"], one["cryptoProperties"]["oid"]) for one in crypto["components"]] == [
        ("sha256", "2.16.840.1.101.3.4.2.1")
    ]
    assert crypto["components"][0]["evidence"]["occurrences"] == [
        {"location": "thing--1.0.sql", "line": 2, "symbol": "digest"}
    ]
    for one, other in ((document, crypto), (crypto, document)):
        assert one["externalReferences"][0]["url"] == f"urn:cdx:{other['serialNumber'].removeprefix('urn:uuid:')}/1"


def test_vex_is_merged(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vex = tmp_path / "vex.json"
    statement = {
        "id": "CVE-2026-1",
        "analysis": {"state": "not_affected"},
        "affects": [{"ref": "pkg:generic/thing@1.0"}],
    }
    vex.write_text(json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", "vulnerabilities": [statement]}))
    assert make(tree, "--vex", vex, output=tmp_path / "bom.json")["vulnerabilities"] == [statement]
    vex.write_text(vex.read_text().replace("thing@1.0", "thing@0.9"))
    assert main(["sbom", str(tree), "--vex", str(vex)]) == 2
    assert "is no component of this BOM" in capsys.readouterr().err


def test_diff_and_validate(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    make(tree, output=before)
    assert main(["sbom", "diff", str(before), str(before)]) == 0
    (tree / "thing.control").write_text("default_version = '1.0'\nrequires = 'pgcrypto'\n")
    make(tree, output=after)
    capsys.readouterr()
    assert main(["sbom", "diff", str(before), str(after), "--format", "json"]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert {
        "change": "removed",
        "component": "pkg:generic/hstore",
        "what": "library",
        "before": "",
        "after": "",
    } in rows
    assert main(["sbom", "validate", str(before)]) == 0
    broken = json.loads(before.read_bytes())
    broken["components"][0]["type"] = "nothing"
    before.write_text(json.dumps(broken))
    assert main(["sbom", "validate", str(before)]) == 2
    broken["components"] = [dict(broken["components"][1])] * 2
    before.write_text(json.dumps(broken))
    assert main(["sbom", "validate", str(before)]) == 2
    assert "there twice" in capsys.readouterr().err


HOSTILE = {
    "syntax": ("comment = 'x\n", "thing.control:1: syntax error"),
    "unknown": ("colour = 'red'\n", 'unrecognized parameter "colour"'),
    "no version": ("comment = 'x'\n", "no default_version"),
    "no script": ("default_version = '9'\n", "no script installs version 9"),
    "version is a path": ("default_version = '../../etc/passwd'\n", "no script installs version ../../etc/passwd"),
    "newline": ("default_version = 'a\\nb'\n", "no script installs version a\\nb"),
    "include loops": ("include 'thing.control'\n", "include of the file itself"),
    "include escapes": ("include '/etc/passwd'\n", "outside of"),
    "include escapes by dots": ("include '../../x'\n", "outside of"),
    "include at all": ("default_version = '1.0'\ninclude_if_exists 'x'\n", "danger"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_broken_and_hostile_control_files(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    content, message = HOSTILE[kind]
    (tree / "thing.control").write_text(content)
    document = make(tree, output=tmp_path / "bom.json", status=1)
    lines = capsys.readouterr().err.splitlines()
    assert any(message in line for line in lines)
    main_ref = document["metadata"]["component"]["bom-ref"]
    complete = [ref for one in document["compositions"] if one["aggregate"] == "complete" for ref in one["assemblies"]]
    assert kind == "include at all" or main_ref not in complete


def test_hostile_names_and_huge_files(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "ev\nil\x1b.control").write_text("default_version = '1'\nrequires = '\"../../up\", thing'\n")
    (tree / "ev\nil\x1b--1.sql").write_text("SELECT 1")
    with (tree / "big.control").open("wb") as file:
        file.truncate(9 * 2**20)
    document = make(tree, output=tmp_path / "bom.json", status=1)
    assert "\x1b" not in capsys.readouterr().err
    assert {"ev\\nil\\x1b", "../../up"} <= components(document).keys()
    assert all("\n" not in one["name"] for one in all_components(document))


def test_requires_may_go_in_circles(tree: Path, tmp_path: Path) -> None:
    for one, other in (("a", "b"), ("b", "a")):
        (tree / f"{one}.control").write_text(f"default_version = '1'\nrequires = {other}\n")
        (tree / f"{one}--1.sql").touch()
    document = make(tree, output=tmp_path / "bom.json")
    assert (depends(document, "a"), depends(document, "b")) == ({"b"}, {"a"})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["/nowhere"], "/nowhere: no folder"),
        (["diff", "x"], "diff takes two files"),
        (["validate"], "validate takes at least one file"),
        (["validate", "/nowhere"], "/nowhere: no such file"),
        (["validate", str(ROOT / "README.md")], "no JSON"),
        (["--pg-config", "/nowhere"], "--pg-config /nowhere"),
        (["--pg-config", "/bin/true"], "its --version is not that of a PostgreSQL"),
        (["--pg-config", "/bin/false"], "says nothing"),
        (["--dsn", "host=/nowhere"], "connection"),
    ],
)
def test_usage_errors_are_one_line(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert main(["sbom", *arguments]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert message in lines[0]


def test_nothing_there_and_bad_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tree: Path
) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["sbom", str(tmp_path / "empty")]) == 3
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    assert main(["sbom", str(tree)]) == 2
    assert "SOURCE_DATE_EPOCH" in capsys.readouterr().err


def test_output_appears_whole_or_not_at_all(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "bom.json"
    output.write_text("old")

    def refuse(*_: object) -> str:
        raise CommandError("not valid")

    monkeypatch.setattr("pggit_excellence.sbom.command.validate", refuse)
    assert main(["sbom", str(tree), "--output", str(output)]) == 2
    assert output.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".bom")] == []


def test_python_packages_of_a_lock(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = (ROOT / "requirements.txt") if (ROOT / "requirements.txt").exists() else ROOT / "requirements.lock"
    shutil.copy(lock, tree)
    shutil.copy(ROOT / "pyproject.toml", tree)
    found = components(make(tree, output=tmp_path / "bom.json"))
    packages = sum(one.get("purl", "").startswith("pkg:pypi") for one in found.values())
    assert f" 7 extensions, 1 module, 1 project, {packages} Python packages" in capsys.readouterr().out
    assert found["pglast"]["licenses"] == [{"license": {"id": "GPL-3.0-or-later"}}]
    assert any(one["name"].endswith("licence-exception") for one in found["pglast"]["properties"])
    assert found["psycopg-binary"]["scope"] == "required"
    assert found["lxml"]["scope"] == "required"
    assert found["matplotlib"]["scope"] == "optional"
    assert found["pytest"]["scope"] == "excluded"
    assert all(
        one["licenses"] and one["hashes"] for one in found.values() if one.get("purl", "").startswith("pkg:pypi")
    )


def test_needs_of_broken_sql() -> None:
    needs = script_needs("CREATE FUNCTION f() RETURNS int LANGUAGE plsh AS 'x' NONSENSE;\nCREATE EXTENSION hstore;\n")
    assert (set(needs.extensions), set(needs.languages), needs.unread) == ({"hstore"}, {"plsh"}, 1)


def test_needs_of_bodies_without_quotes() -> None:
    body = "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;\nCREATE EXTENSION cube;"
    needs = script_needs(body)
    assert (needs.extensions, needs.unread) == ({"cube": 2}, 0)


def test_needs_of_several_kinds() -> None:
    needs = script_needs(SCRIPT)
    assert needs.extensions == {"uuid-ossp": 5}
    assert needs.languages == {"plpgsql": 2, "plpython3u": 3}
    assert (needs.loads, needs.modules) == ({"auto_explain": 6}, {})


def test_crypto_calls() -> None:
    text = """SELECT public.digest(x, 'SHA512'::text), hmac(a, b, 'sha1'), encrypt(a, b, 'aes-cbc/pad:pkcs'),
    gen_salt('bf', 8), pgp_sym_encrypt('a', 'b', 'cipher-algo=aes256'), digest(a, chosen), "digest" (b, $$md5$$);
    CREATE FUNCTION digest(a text) RETURNS text LANGUAGE sql AS 'SELECT md5(''x'')'; -- sha256(x)"""
    assert [use.algorithm for use in crypto_uses(text)] == [
        "sha512", "hmac-sha1", "aes-cbc/pad:pkcs", "crypt-bf", "openpgp-aes256", "sha1", "unknown", "md5", "md5"
    ]  # fmt: skip


OPENSSL = {
    "md5": "MD5", "sha1": "SHA1", "sha224": "SHA224", "sha256": "SHA256", "sha384": "SHA384", "sha512": "SHA512",
    "sha3-224": "SHA3-224", "sha3-256": "SHA3-256", "sha3-384": "SHA3-384", "sha3-512": "SHA3-512",
    "ripemd160": "RIPEMD160", "hmac-md5": "hmac-md5", "hmac-sha1": "hmacWithSHA1", "hmac-sha224": "hmacWithSHA224",
    "hmac-sha256": "hmacWithSHA256", "hmac-sha384": "hmacWithSHA384", "hmac-sha512": "hmacWithSHA512",
    "hmac-sha3-224": "id-hmacWithSHA3-224", "hmac-sha3-256": "id-hmacWithSHA3-256",
    "hmac-sha3-384": "id-hmacWithSHA3-384", "hmac-sha3-512": "id-hmacWithSHA3-512", "bf": "BF-CBC",
    "3des": "DES-EDE3-CBC", "des": "DES-CBC", "des-ecb": "DES-ECB", "cast5": "CAST5-CBC",
    "openpgp-aes128": "AES-128-CFB", "openpgp-aes192": "AES-192-CFB", "openpgp-aes256": "AES-256-CFB",
    "aes128-cbc": "AES-128-CBC", "aes192-ecb": "AES-192-ECB", "aes256-ecb": "AES-256-ECB",
}  # fmt: skip


@pytest.mark.parametrize("name", OPENSSL)
def test_oids_are_those_of_openssl(name: str) -> None:
    assert algorithm(name).oid == ssl._ASN1Object.fromname(OPENSSL[name]).oid  # type: ignore[attr-defined]


def test_licences() -> None:
    assert from_pgxn("postgresql") == "PostgreSQL"
    assert from_pgxn(["mit", "bsd"]) == "MIT OR BSD-3-Clause"
    assert from_pgxn({"Apache-2.0": "https://example.org"}) == "Apache-2.0"
    assert from_pgxn("unknown") == ""
    assert from_debian("GPL-2+ and Expat") == "GPL-2.0-or-later AND MIT"
    assert copyright_line("The copyright holder\n(c) You must\n * Copyright (c) 2020, X") == "Copyright (c) 2020, X"
