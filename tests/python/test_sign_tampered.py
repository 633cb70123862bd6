"""Ours and the real cosign verify what the other signed, and reject every variant of tampering.py."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

import cosign
import tampering
from pggit_excellence import cli
from tampering import Case, Variant

pytestmark = pytest.mark.once

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SAID = ["--builder", "https://example.org/builder", "--source", "git+https://example.org/source"]
TIMES = ["--started", "2026-01-01T00:00:00Z", "--finished", "2026-01-01T00:05:00Z"]
IGNORE_LOG = ["--insecure-ignore-tlog=true"]
PRIVATE = [*IGNORE_LOG, "--private-infrastructure=true"]


@dataclass(frozen=True)
class Form:
    """How a form is signed, and verified by both; None: cosign does not know it."""

    sign: list[str]
    verify: list[str]
    variants: Mapping[str, Variant]
    suite: str | None
    cosign: list[str]


PROVENANCE = [
    "provenance",
    "create",
    "file",
    "--build-type",
    "https://example.org/how",
    "--commit",
    COMMIT,
    *SAID,
    *TIMES,
]
ABOUT = ["--type", "slsaprovenance1"]
FORMS = {
    "detached": Form(
        ["sign", "file", "--as", "detached"],
        ["verify", "file", "--signature", "signature"],
        tampering.DETACHED,
        "trixie",
        ["verify-blob", *PRIVATE, "--signature", "signature", "file"],
    ),
    "bundle": Form(
        ["sign", "file"],
        ["verify", "file", "--bundle", "signature"],
        tampering.BUNDLE,
        "sid",
        ["verify-blob", *IGNORE_LOG, "--bundle", "signature", "file"],
    ),
    "attestation": Form(
        PROVENANCE,
        ["provenance", "verify", "file", "--bundle", "signature", *SAID],
        tampering.ATTESTATION,
        "sid",
        ["verify-blob-attestation", *IGNORE_LOG, *ABOUT, "--bundle", "signature", "file"],
    ),
    "envelope": Form(
        [*PROVENANCE, "--as", "dsse"],
        ["provenance", "verify", "file", "--bundle", "signature", *SAID],
        tampering.ENVELOPE,
        "trixie",
        ["verify-blob-attestation", *PRIVATE, *ABOUT, "--signature", "signature", "file"],
    ),
    "embedded": Form(
        ["sign", "document", "--as", "embedded"],
        ["verify", "signature", "--embedded"],
        tampering.EMBEDDED,
        None,
        [],
    ),
}
EVERY = [(form, name) for form, each in FORMS.items() for name in each.variants]


def ours(*arguments: str) -> tuple[int, str]:
    """The status and everything that is printed."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        status = cli.main(list(arguments))
    return status, out.getvalue()


def private_key(name: str) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(Path(name).read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with two pairs of keys, in which the tests run."""
    folder, before = tmp_path_factory.mktemp("tampered"), Path.cwd()
    os.chdir(folder)
    for name in ("k", "other"):
        assert ours("sign", "--generate-key", name, "--no-passphrase")[0] == 0
    Path("document").write_text('{"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1}')
    yield folder
    os.chdir(before)


@pytest.fixture(scope="module")
def signed(place: Path) -> dict[str, Case]:
    """Each form, signed by us; of files alone so that the base64 has padding and a letter of one alphabet only."""
    key, other = private_key("k.key"), private_key("other.key")
    cases = {}
    for name, form in FORMS.items():
        for number in range(100):
            content = b"content %d\n" % number
            Path("file").write_bytes(content)
            status, said = ours(*form.sign, "--key", "k.key", "--output", "signature")
            assert status == 0, said
            signature = (place / "signature").read_bytes()
            if name not in ("detached", "bundle") or (b"+" in signature and re.search(rb'="?}*\n$', signature)):
                break
        cases[name] = Case(content, signature, key, other)
    return cases


def lay_out(case: Case) -> None:
    Path("file").write_bytes(case.content)
    Path("signature").write_bytes(case.signature)


def cosign_says(place: Path, form: Form, public: str) -> bool:
    """Whether cosign accepts it."""
    assert form.suite is not None
    done = cosign.run(cosign.program(form.suite), place, *form.cosign, "--key", public)
    assert "panic" not in done.stderr
    return done.returncode == 0


@pytest.mark.parametrize("name", FORMS)
def test_cosign_verifies_what_we_signed(place: Path, signed: dict[str, Case], name: str) -> None:
    form = FORMS[name]
    lay_out(signed[name])
    assert ours(*form.verify, "--key", "k.pub")[0] == 0
    if form.suite is not None:
        assert cosign_says(place, form, "k.pub")


@pytest.mark.parametrize(("name", "variant"), EVERY, ids=[f"{form}, {name}" for form, name in EVERY])
def test_variant_is_rejected(place: Path, signed: dict[str, Case], name: str, variant: str) -> None:
    form, changed = FORMS[name], FORMS[name].variants[variant]
    case = changed.change(signed[name])
    assert (case != signed[name]) or changed.options
    lay_out(case)
    status, said = ours(*form.verify, *changed.options, "--key", case.public)
    assert status == changed.status, said
    assert said.count("\n") == 1
    if changed.cosign and form.suite is not None:
        assert not cosign_says(place, form, case.public)


def test_there_are_many_variants_and_most_are_shown_to_cosign() -> None:
    shown = [1 for form, name in EVERY if FORMS[form].suite is not None and FORMS[form].variants[name].cosign]
    assert len(EVERY) > 100
    assert len(shown) > 60


@pytest.mark.parametrize("key_format", ["pkcs8", "sigstore"])
def test_we_verify_what_cosign_signed(place: Path, monkeypatch: pytest.MonkeyPatch, key_format: str) -> None:
    """With a key of cosign's that we can use, and with a key of ours that cosign imports or reads."""
    monkeypatch.setenv("COSIGN_PASSWORD", cosign.PASSPHRASE)
    old, new = cosign.program("trixie"), cosign.program("sid")
    assert ours("sign", "--generate-key", key_format, "--key-format", key_format)[0] == 0
    key = f"{key_format}.key"
    if key_format == "pkcs8":
        done = cosign.run(old, place, "generate-key-pair", "--output-key-prefix", "theirs")
        assert done.returncode == 0, done.stderr
        key = "theirs.key"
    public = key.replace(".key", ".pub")
    Path("file").write_bytes(b"content")
    Path("predicate").write_text('{"buildDefinition": {}, "runDetails": {}}')
    done = cosign.run(new, place, "signing-config", "create", "--out", "config")
    assert done.returncode == 0, done.stderr
    without_log = ["--yes", "--key", key, "--tlog-upload=false"]
    by_config = ["--yes", "--key", key, "--signing-config", "config"]
    assert cosign.run(old, place, "sign-blob", *without_log, "--output-signature", "a", "file").returncode == 0
    assert cosign.run(new, place, "sign-blob", *by_config, "--bundle", "b", "file").returncode == 0
    assert ours("verify", "file", "--key", public, "--signature", "a")[0] == 0
    assert ours("verify", "file", "--key", public, "--bundle", "b")[0] == 0
    attest = [*ABOUT, "--predicate", "predicate"]
    assert (
        cosign.run(old, place, "attest-blob", *without_log, *attest, "--output-signature", "c", "file").returncode == 0
    )
    assert cosign.run(new, place, "attest-blob", *by_config, *attest, "--bundle", "d", "file").returncode == 0
    for statement in ("c", "d"):  # well signed, and says nothing of what is expected
        status, said = ours("provenance", "verify", "file", "--bundle", statement, "--key", public, *SAID)
        assert (status, "resolvedDependencies is missing" in said) == (2, True)
    assert ours("sign", "file", "--key", key, "--output", "e")[0] == 0
    assert ours("verify", "file", "--key", public, "--bundle", "e")[0] == 0


def test_the_twin_of_a_signature_verifies_everywhere(place: Path, signed: dict[str, Case]) -> None:
    """(r, n - s) is a signature as good as (r, s): whoever wants to tell signings apart must not compare them."""
    case = tampering.with_numbers(signed["detached"], lambda r, s: (r, tampering.ORDER - s))
    assert case.signature != signed["detached"].signature
    assert max(utils.decode_dss_signature(base64.b64decode(case.signature))) < tampering.ORDER
    lay_out(case)
    assert ours(*FORMS["detached"].verify, "--key", "k.pub")[0] == 0
    assert cosign_says(place, FORMS["detached"], "k.pub")


def test_the_other_alphabet_of_base64_in_a_bundle(place: Path, signed: dict[str, Case]) -> None:
    """DSSE and the JSON of protocol buffers allow both."""
    case = signed["attestation"]
    envelope = case.json["dsseEnvelope"]
    payload = base64.urlsafe_b64encode(base64.b64decode(envelope["payload"])).decode()
    lay_out(tampering.edited(case, "dsseEnvelope", "payload", value=payload))
    assert ours(*FORMS["attestation"].verify, "--key", "k.pub")[0] == 0
    assert cosign_says(place, FORMS["attestation"], "k.pub")


def test_every_byte_of_a_signature_counts(signed: dict[str, Case]) -> None:
    case = signed["detached"]
    der = base64.b64decode(case.signature)
    lay_out(case)
    for at in range(len(der)):
        Path("signature").write_bytes(base64.b64encode(tampering.flipped(der, at)))
        assert ours(*FORMS["detached"].verify, "--key", "k.pub")[0] == 1


def test_a_bundle_of_one_kind_is_none_of_the_other(signed: dict[str, Case]) -> None:
    lay_out(signed["attestation"])
    status, said = ours("verify", "file", "--bundle", "signature", "--key", "k.pub")
    assert (status, "provenance verify" in said) == (1, True)
    lay_out(signed["bundle"])
    status, said = ours("provenance", "verify", "file", "--bundle", "signature", "--key", "k.pub", *SAID)
    assert (status, "use verify" in said) == (2, True)


def test_statement_has_both_digests(signed: dict[str, Case]) -> None:
    (subject,) = tampering.statement_of(signed["attestation"])["subject"]
    content = signed["attestation"].content
    digests = {"sha256": hashlib.sha256(content).hexdigest(), "sha512": hashlib.sha512(content).hexdigest()}
    assert json.dumps(subject["digest"]) == json.dumps(digests)
