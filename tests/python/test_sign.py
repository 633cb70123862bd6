"""`sign` and `verify`: keys, forms, and what cannot be used. What was tampered with is in test_sign_tampered.py."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
import rfc8785
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from conftest import ROOT
from pggit_excellence import cli
from pggit_excellence.signing import sigstore_key

pytestmark = pytest.mark.once
Capture = pytest.CaptureFixture[str]

FORMS = {
    "bundle": (".sigstore.json", ["--bundle"]),
    "detached": (".sig", ["--signature"]),
    "dsse": (".dsse.json", ["--dsse"]),
    "dsse-bundle": (".dsse.sigstore.json", ["--bundle"]),
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, without a passphrase in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COSIGN_PASSWORD", raising=False)
    return tmp_path


@pytest.fixture
def key(place: Path) -> Path:
    """A key without a passphrase, `k.key` and `k.pub`, and a `file` to sign."""
    assert cli.main(["sign", "--generate-key", "k", "--no-passphrase"]) == 0
    (place / "file").write_bytes(b"content\n")
    return place / "k.key"


def failure(capsys: Capture, *arguments: str) -> str:
    """The one line with which a command refuses."""
    capsys.readouterr()
    assert cli.main(list(arguments)) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    return line


@pytest.mark.parametrize("form", FORMS)
def test_what_was_signed_verifies_and_nothing_else(key: Path, capsys: Capture, form: str) -> None:
    suffix, option = FORMS[form]
    more = ["--payload-type", "text/plain"] if form.startswith("dsse") else []
    assert cli.main(["sign", "file", "--key", str(key), "--as", form, *more]) == 0
    verify = ["verify", "file", "--key", "k.pub", *option, f"file{suffix}"]
    assert cli.main(verify) == 0
    assert cli.main(["sign", "--generate-key", "other", "--no-passphrase"]) == 0
    assert cli.main(["verify", "file", "--key", "other.pub", *option, f"file{suffix}"]) == 1
    Path("file").write_bytes(b"Content\n")
    assert cli.main(verify) == 1
    assert "rejected file: " in capsys.readouterr().out


@pytest.mark.parametrize("form", ["embedded", "jsf"])
def test_signature_inside_a_document(key: Path, capsys: Capture, form: str) -> None:
    document = {"€": "ö", "b": [1, 2.5, None, True], "a": {"z": -0.0, "é": "\u2028"}, "signature": "an older one"}
    Path("d.json").write_text(json.dumps(document))
    assert cli.main(["sign", "d.json", "--key", str(key), "--as", form]) == 0
    assert cli.main(["verify", "d.json", "--key", "k.pub", "--embedded"]) == 0
    assert f"({'jsf' if form == 'jsf' else 'cdxgen'})" in capsys.readouterr().out
    signed = json.loads(Path("d.json").read_text())
    assert list(signed)[-1] == "signature"
    assert {**signed, "signature": "an older one"} == document
    signed["b"][0] = 2
    Path("d.json").write_text(json.dumps(signed))
    assert cli.main(["verify", "d.json", "--key", "k.pub", "--embedded"]) == 1


def test_document_may_be_laid_out_anew(key: Path) -> None:
    Path("d.json").write_text('{"b": 1e2, "a": "\\u20ac"}')
    assert cli.main(["sign", "d.json", "--key", str(key), "--as", "jsf"]) == 0
    document = json.loads(Path("d.json").read_text())
    Path("d.json").write_text(json.dumps(dict(reversed(document.items()))))
    assert cli.main(["verify", "d.json", "--key", "k.pub", "--embedded"]) == 0


@pytest.mark.usefixtures("key")
def test_a_document_keeps_its_mode_and_place() -> None:
    Path("real.json").write_text("{}")
    Path("real.json").chmod(0o640)
    Path("d.json").symlink_to("real.json")
    assert cli.main(["sign", "d.json", "--key", "k.key", "--as", "embedded"]) == 0
    assert Path("d.json").is_symlink()
    assert Path("real.json").stat().st_mode & 0o777 == 0o640
    assert cli.main(["verify", "real.json", "--key", "k.pub", "--embedded"]) == 0


def test_signing_again_gives_the_same_bytes(key: Path) -> None:
    for target in ("1", "2"):
        assert cli.main(["sign", "file", "--key", str(key), "--output", target]) == 0
    assert Path("1").read_bytes() == Path("2").read_bytes()


def test_bundle_names_the_key_as_cosign_does(key: Path) -> None:
    assert cli.main(["sign", "file", "--key", str(key)]) == 0
    public = serialization.load_pem_public_key(Path("k.pub").read_bytes())
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    bundle = json.loads(Path("file.sigstore.json").read_text())
    hint = bundle["verificationMaterial"]["publicKey"]["hint"]
    assert base64.b64decode(hint) == hashlib.sha256(der).digest()


def test_several_files(key: Path, capsys: Capture) -> None:
    Path("second").write_bytes(b"")
    assert cli.main(["sign", "file", "second", "--key", str(key), "--format", "json"]) == 0
    assert [each["written"] for each in json.loads(capsys.readouterr().out)["signed"]] == [
        "file.sigstore.json",
        "second.sigstore.json",
    ]
    assert cli.main(["verify", "file", "second", "--key", "k.pub"]) == 0
    capsys.readouterr()
    Path("second").write_bytes(b"x")
    assert cli.main(["verify", "file", "second", "third", "--key", "k.pub", "--format", "json"]) == 2
    result = json.loads(capsys.readouterr().out)
    assert (result["ok"], [each["status"] for each in result["files"]]) == (False, ["ok", "rejected", "unusable"])
    assert cli.main(["verify", "--key", "k.pub"]) == cli.main(["sign", "--key", str(key)]) == 3


@pytest.mark.parametrize("key_format", ["pkcs8", "sigstore"])
def test_passphrase_from_environment_and_descriptor(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, key_format: str
) -> None:
    monkeypatch.setenv("COSIGN_PASSWORD", "sécret")
    assert cli.main(["sign", "--generate-key", "k", "--key-format", key_format]) == 0
    (place / "file").write_bytes(b"content\n")
    assert cli.main(["sign", "file", "--key", "k.key"]) == 0
    monkeypatch.setenv("COSIGN_PASSWORD", "wrong")
    assert "wrong passphrase" in failure(capsys, "sign", "file", "--key", "k.key")
    reading, writing = os.pipe()
    os.write(writing, "sécret\nmore".encode())
    os.close(writing)
    assert cli.main(["sign", "file", "--key", "k.key", "--passphrase-fd", str(reading)]) == 0
    os.close(reading)
    assert "--passphrase-fd" in failure(capsys, "sign", "file", "--key", "k.key", "--passphrase-fd", str(reading))
    monkeypatch.delenv("COSIGN_PASSWORD")
    monkeypatch.setattr(sys, "stdin", None)
    assert "set COSIGN_PASSWORD" in failure(capsys, "sign", "file", "--key", "k.key")


@pytest.mark.parametrize(("again", "status"), [("typed", 0), ("tipped", 2)])
def test_passphrase_asked_for_in_a_terminal(place: Path, again: str, status: int) -> None:
    """Of a new key twice."""
    ours, theirs = pty.openpty()
    code = "from pggit_excellence.cli import main; raise SystemExit(main(['sign', '--generate-key', 'k']))"
    environment = {"PYTHONPATH": str(ROOT / "tools"), "PATH": os.environ["PATH"]}
    terminal = {"stdin": theirs, "stdout": theirs, "stderr": theirs, "start_new_session": True}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, **terminal) as process:
        os.close(theirs)
        for question, answer in ((b"Passphrase", "typed"), (b"Once more", again)):
            shown = b""
            while question not in shown:
                shown += os.read(ours, 1000)
            os.write(ours, f"{answer}\n".encode())
        assert process.wait(timeout=60) == status
    os.close(ours)
    assert (place / "k.key").exists() == (status == 0)
    assert status or b"ENCRYPTED PRIVATE KEY" in (place / "k.key").read_bytes()


def test_no_key_without_a_decision(place: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSIGN_PASSWORD", "")
    assert "--no-passphrase" in failure(capsys, "sign", "--generate-key", "k")
    assert not list(place.iterdir())


def test_no_key_is_overwritten(key: Path, capsys: Capture) -> None:
    before = key.read_bytes()
    assert "File exists" in failure(capsys, "sign", "--generate-key", "k", "--no-passphrase")
    key.rename("elsewhere")
    assert "k.pub: File exists" in failure(capsys, "sign", "--generate-key", "k", "--no-passphrase")
    assert not key.exists()
    assert Path("elsewhere").read_bytes() == before


def test_a_key_that_others_can_read_is_refused(key: Path, capsys: Capture) -> None:
    assert key.stat().st_mode & 0o777 == 0o600
    for mode in (0o640, 0o604, 0o620, 0o610):
        key.chmod(mode)
        assert "chmod 600" in failure(capsys, "sign", "file", "--key", "k.key")
        assert not Path("file.sigstore.json").exists()
    key.chmod(0o400)
    assert cli.main(["sign", "file", "--key", "k.key"]) == 0


def foreign_keys(folder: Path) -> dict[str, str]:
    """Keys that do not fit, and what is said."""
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    pkcs8, public = serialization.PrivateFormat.PKCS8, serialization.PublicFormat.SubjectPublicKeyInfo
    other, edwards = ec.generate_private_key(ec.SECP384R1()), ed25519.Ed25519PrivateKey.generate()
    files = {
        "p384": other.private_bytes(pem, pkcs8, plain),
        "ed25519": edwards.private_bytes(pem, pkcs8, plain),
        "p384.pub": other.public_key().public_bytes(pem, public),
        "ed25519.pub": edwards.public_key().public_bytes(pem, public),
        "text": b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        "empty": b"",
        "cut": (folder / "k.key").read_bytes()[:60],
        "large": b"-" * 70000,
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600)
    return {
        "p384": "P-256 is needed",
        "ed25519": "P-256 is needed",
        "text": "no private key",
        "empty": "no private key",
        "cut": "no private key",
        "large": "too large",
        ".": "Is a directory",
        "missing": "No such file",
        "k.pub": "chmod 600",
    }


def test_keys_that_do_not_fit(key: Path, capsys: Capture) -> None:
    for name, said in foreign_keys(key.parent).items():
        assert said in failure(capsys, "sign", "file", "--key", name)
    for name, said in {"p384.pub": "P-256", "ed25519.pub": "P-256", "k.key": "private", "empty": "no public"}.items():
        assert said in failure(capsys, "verify", "file", "--key", name)


def damaged_sigstore_keys() -> dict[str, bytes]:
    """What a hostile or broken key file of cosign's format may hold."""
    good = sigstore_key.encrypt(b"der", b"secret")
    body = json.loads(base64.b64decode(b"".join(good.splitlines()[1:-1])))

    def pem(content: object) -> bytes:
        text = base64.b64encode(json.dumps(content).encode()).decode()
        return f"-----BEGIN {sigstore_key.LABELS[0]}-----\n{text}\n-----END {sigstore_key.LABELS[0]}-----\n".encode()

    def with_cost(**params: object) -> bytes:
        return pem({**body, "kdf": {**body["kdf"], "params": {"N": 65536, "r": 8, "p": 1, **params}}})

    return {
        "inside": good,  # decrypts, to what is no key
        "memory": with_cost(N=1 << 19),
        "odd": with_cost(N=3),
        "negative": with_cost(r=-1),
        "text": with_cost(N="many"),
        "parallel": with_cost(p=1 << 20),
        "kdf": pem({**body, "kdf": {**body["kdf"], "name": "none"}}),
        "nonce": pem({**body, "cipher": {**body["cipher"], "nonce": "AAAA"}}),
        "list": pem([]),
        "cut": good[:100],
        "no base64": good.replace(b"\n", b"\n!", 1),
    }


def test_damaged_keys_of_cosign(key: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSIGN_PASSWORD", "secret")
    for name, content in damaged_sigstore_keys().items():
        damaged = key.with_name(f"damaged {name}")
        damaged.write_bytes(content)
        damaged.chmod(0o600)
        said = failure(capsys, "sign", "file", "--key", damaged.name)
        assert f"damaged {name}: " in said
        assert ("scrypt parameters" in said) == (name in ("memory", "odd", "negative", "parallel"))


@pytest.mark.usefixtures("key")
def test_options_that_do_not_go_together(capsys: Capture) -> None:
    assert "--key is missing" in failure(capsys, "sign", "file")
    assert "--payload-type" in failure(capsys, "sign", "file", "--key", "k.key", "--as", "dsse")
    assert "--payload-type" in failure(capsys, "sign", "file", "--key", "k.key", "--payload-type", "a/b")
    assert "--output" in failure(capsys, "sign", "file", "file", "--key", "k.key", "--output", "o")
    assert "--generate-key" in failure(capsys, "sign", "file", "--generate-key", "n")
    assert "one file" in failure(capsys, "verify", "file", "file", "--key", "k.pub", "--bundle", "o")


@pytest.mark.usefixtures("key")
def test_files_that_cannot_be_signed(capsys: Capture) -> None:
    os.mkfifo("pipe")
    for name in ("pipe", "missing", ".", "/dev/zero", "a\nb", "x" * 300):
        for form in ("bundle", "embedded"):
            failure(capsys, "sign", name, "--key", "k.key", "--as", form)
    numbers = ('{"a": NaN}', '{"a": 1e999}', f'{{"a": {2**60}}}')
    for text in ("", "[]", "{", '{"a": 1, "a": 2}', '{"a": "\\ud800"}', *numbers):
        Path("d.json").write_text(text)
        assert "d.json: " in failure(capsys, "sign", "d.json", "--key", "k.key", "--as", "embedded")
        assert Path("d.json").read_text() == text
    Path("d.json").write_text('{"a":' * 100_000)
    assert "nested too deeply" in failure(capsys, "sign", "d.json", "--key", "k.key", "--as", "jsf")
    Path("x" * 250).write_text("")
    assert "name too long" in failure(capsys, "sign", "x" * 250, "--key", "k.key")
    Path("loop").symlink_to("loop")
    assert "loop: " in failure(capsys, "sign", "file", "--key", "k.key", "--output", "loop")
    assert "no-such" in failure(capsys, "sign", "file", "--key", "k.key", "--output", "no-such/o")


def test_an_envelope_is_signed_as_dsse_says(key: Path) -> None:
    """The example of DSSE's protocol.md."""
    Path("hello").write_bytes(b"hello world")
    kind = "http://example.com/HelloWorld"
    assert cli.main(["sign", "hello", "--key", str(key), "--as", "dsse", "--payload-type", kind]) == 0
    envelope = json.loads(Path("hello.dsse.json").read_text())
    public = serialization.load_pem_public_key(Path("k.pub").read_bytes())
    assert isinstance(public, ec.EllipticCurvePublicKey)
    signed = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    public.verify(base64.b64decode(envelope["signatures"][0]["sig"]), signed, ec.ECDSA(hashes.SHA256()))


def test_payload_type_can_be_demanded(key: Path, capsys: Capture) -> None:
    assert cli.main(["sign", "file", "--key", str(key), "--as", "dsse", "--payload-type", "text/plain"]) == 0
    verify = ["verify", "file", "--key", "k.pub", "--dsse", "file.dsse.json", "--payload-type"]
    assert cli.main([*verify, "text/plain"]) == 0
    assert cli.main([*verify, "text/html"]) == 1
    assert "type is 'text/plain'" in capsys.readouterr().out


@pytest.mark.usefixtures("key")
def test_huge_files_are_read_in_pieces() -> None:
    """A file of 450 MiB (of holes) is signed by a process that may have 400 MiB in all."""
    with Path("huge").open("wb") as file:
        file.truncate(450 << 20)
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20));"
        "from pggit_excellence.cli import main; raise SystemExit(main(['sign', 'huge', '--key', 'k.key']))"
    )
    environment = {"PYTHONPATH": str(ROOT / "tools"), "PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_canonical_json_is_that_of_rfc_8785() -> None:
    """The examples of its sections 3.2.2 and 3.2.3."""
    first = r'{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],'
    second = r' "string": "\u20ac$\u000F\u000aA\u0027\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}'
    canonical = r'{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
    canonical += r'"string":"€$\u000f\nA' + "'" + r'B\"\\\\\"/"}'
    assert rfc8785.dumps(json.loads(first + second)).decode() == canonical
    keys = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7}
    assert list(json.loads(rfc8785.dumps(keys)).values()) == [2, 4, 6, 7, 1, 5, 3]
