"""`pggit-excellence audit`: checkpoints, verification, and the server's log as csvlog and jsonlog."""

from __future__ import annotations

import base64
import contextlib
import csv
import io
import json
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from conftest import ROOT, MakeDatabase
from pggit_excellence.audit.checkpoints import Checkpoint, now, sign
from pggit_excellence.audit.serverlog import event, records
from pggit_excellence.cli import main
from pggit_excellence.server import Installation, Server, workspace
from pggit_excellence.signing.keys import load_private_key
from pggit_excellence.signing.strict import compact
from started import started

Command = Callable[..., tuple[int, str]]
KEY, PUBLIC, FILE = "audit.key", "audit.pub", "checkpoints.jsonl"


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """A function that runs `audit ...` in a folder with a key pair; exit status and output, standard error's last."""
    monkeypatch.chdir(tmp_path)
    assert main(["sign", "--generate-key", "audit", "--no-passphrase"]) == 0
    capsys.readouterr()

    def run(*arguments: str) -> tuple[int, str]:
        try:
            status = main(["audit", *arguments])
        except SystemExit as error:
            status = int(str(error.code))
        output = capsys.readouterr()
        return status, output.out + output.err

    return run


@pytest.fixture
def audited(server: Server, plain: psycopg.Connection) -> tuple[psycopg.Connection, list[str], list[str]]:
    """A database that records DDL, with the arguments of `checkpoint` and `verify`."""
    plain.execute("SELECT * FROM pggit_excellence.enable_audit()")
    plain.execute("CREATE TABLE t (i int)")
    dsn = ["--dsn", server.dsn(plain.info.dbname)]
    return plain, ["checkpoint", "--key", KEY, "--file", FILE, *dsn], ["verify", "--key", PUBLIC, "--file", FILE, *dsn]


def attack(connection: psycopg.Connection, statement: str) -> None:
    """As a superuser who switches off the guards first."""
    with connection.transaction():
        connection.execute("SET LOCAL pggit_excellence.enabled = off")
        for table in ("audit_log_sealed", "audit_checkpoints"):
            connection.execute(f"ALTER TABLE pggit_excellence.{table} DISABLE TRIGGER USER".encode())
        connection.execute(statement.encode())


# --- checkpoint and verify


def test_checkpoint_and_verify(audited: tuple[Any, list[str], list[str]], command: Command) -> None:
    connection, checkpoint, verify = audited
    assert command(*checkpoint) == (0, "signed row 2, 2 more than before\n")
    assert command(*checkpoint) == (0, "nothing new since row 2\n")
    connection.execute("CREATE TABLE u (i int)")
    assert command(*checkpoint) == (0, "signed row 3, 1 more than before\n")
    assert command(*verify) == (
        0,
        "3 rows follow from each other, 0 wait for sealing\nall of them are what was signed\n",
    )
    connection.execute("CREATE TABLE v (i int); SELECT pggit_excellence.seal_audit_log(); CREATE TABLE w (i int)")
    status, output = command(*verify)
    assert (status, output.splitlines()) == (
        0,
        [
            "4 rows follow from each other, 1 wait for sealing",
            "signed to row 3; a superuser could have written the 1 after it anew",
        ],
    )
    status, output = command(*verify, "--format", "json")
    assert json.loads(output) == {
        "findings": [], "checked": 4, "proved": 3, "pending": 1, "purged": 0, "purge": None
    }  # fmt: skip
    assert len(Path(FILE).read_text().splitlines()) == 2
    assert connection.execute("SELECT array_agg(audit_id) FROM pggit_excellence.audit_checkpoints").fetchone() == (
        [2, 3],
    )
    unsigned = [argument for argument in verify if argument not in ("--key", PUBLIC, "--file", FILE)]
    assert "no signature was looked at" in command(*unsigned)[1]


def test_verify_names_what_was_done(audited: tuple[Any, list[str], list[str]], command: Command) -> None:
    connection, checkpoint, verify = audited
    for number in range(4):
        connection.execute(f"CREATE TABLE u{number} (i int)".encode())
    command(*checkpoint)
    with connection.transaction(force_rollback=True):
        pass
    attack(connection, "UPDATE pggit_excellence.audit_log_sealed SET actor = 'somebody' WHERE audit_id = 4")
    status, output = command(*verify)
    assert status == 1
    assert re.search(r"^changed +4 +its content is not what was hashed", output, re.MULTILINE)
    status, output = command(*checkpoint)
    assert (status, output) == (0, "nothing new since row 6\n"), "a checkpoint looks at what is new"
    attack(connection, "UPDATE pggit_excellence.audit_log_sealed SET actor = 'postgres' WHERE audit_id = 4")
    assert command(*verify)[0] == 0
    attack(connection, "DELETE FROM pggit_excellence.audit_log_sealed WHERE audit_id > 4")
    status, output = command(*verify, "--format", "json")
    assert status == 1
    assert json.loads(output)["findings"] == [
        {"finding": "removed", "audit_id": 5, "note": "the end of the chain: rows to 6 were signed"}
    ]
    status, output = command(*checkpoint)
    assert (status, output) == (1, "row 6 is not as it was: nothing was signed; run audit verify\n")


def test_checkpoint_signs_nothing_that_was_changed(audited: tuple[Any, list[str], list[str]], command: Command) -> None:
    connection, checkpoint, _ = audited
    connection.execute("SELECT pggit_excellence.seal_audit_log()")
    attack(connection, "UPDATE pggit_excellence.audit_log_sealed SET actor = 'somebody' WHERE audit_id = 2")
    assert command(*checkpoint) == (1, "row 2 is not as it was: nothing was signed; run audit verify\n")
    assert Path(FILE).read_text() == ""


def test_an_interrupted_checkpoint(audited: tuple[Any, list[str], list[str]], command: Command) -> None:
    """Half a line at the end, or a copy that is not in the database: the next one mends both."""
    connection, checkpoint, verify = audited
    command(*checkpoint)
    attack(connection, "DELETE FROM pggit_excellence.audit_checkpoints")
    with Path(FILE).open("a") as file:
        file.write('{"payload":"eyJ')
    assert command(*verify)[0] == 2
    assert command(*checkpoint) == (0, "nothing new since row 2\n")
    assert command(*verify)[0] == 0
    assert connection.execute("SELECT count(*) FROM pggit_excellence.audit_checkpoints").fetchone() == (1,)


def test_restored_backup_of_the_log(audited: tuple[Any, list[str], list[str]], command: Command) -> None:
    """The whole log of another database, whole in itself, is not what was signed."""
    connection, checkpoint, verify = audited
    command(*checkpoint)
    attack(connection, "DELETE FROM pggit_excellence.audit_log_sealed; DELETE FROM pggit_excellence.audit_checkpoints")
    connection.execute("CREATE TABLE u (i int); CREATE TABLE v (i int); SELECT pggit_excellence.seal_audit_log()")
    status, output = command(*verify, "--format", "json")
    assert status == 1
    assert {finding["finding"] for finding in json.loads(output)["findings"]} == {"rewritten", "checkpoint removed"}


@pytest.mark.once
def test_bad_files_and_keys(
    audited: tuple[Any, list[str], list[str]], command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    _, checkpoint, verify = audited
    command(*checkpoint)
    good = Path(FILE).read_bytes()
    main(["sign", "--generate-key", "other", "--no-passphrase"])
    capsys.readouterr()
    dsn = verify[-2:]
    cases: list[tuple[list[str], bytes, int, str]] = [
        (["verify", "--key", "other.pub", "--file", FILE, *dsn], good, 1, "signature is not this key's"),
        (["checkpoint", "--key", "other.key", "--file", FILE, *dsn], good, 2, "nothing was signed"),
        (verify, b"nonsense\n", 2, "not usable JSON"),
        (verify, b'{"payload": 1}\n', 2, "signatures is missing"),
        (verify, good + good, 2, "does not continue the line before"),
        (verify, good.replace(b"checkpoint.v1", b"checkpoint.v2"), 2, "no checkpoint of an audit log"),
        (["verify", "--file", FILE, *dsn], good, 2, "--file needs --key"),
        (["verify", "--key", KEY, "--file", FILE, *dsn], good, 2, "this is a private key"),
        (["verify", "--key", PUBLIC, "--file", "missing", *dsn], good, 2, "missing: no such file"),
        (["checkpoint", "--key", KEY, "--file", "no/folder", *dsn], good, 2, "no/folder: no such file"),
        (["checkpoint", "--key", KEY, "--file", "x" * 300, *dsn], good, 2, "file name too long"),
        (checkpoint, b"a secret without a line feed", 2, "no file of checkpoints"),
        (checkpoint, b"x" * 100_000, 2, "no file of checkpoints"),
        (checkpoint, good + good, 2, "does not continue the line before"),
        (["logins", "x" * 300, *dsn], good, 2, "file name too long"),
        (["logins", "missing.csv", *dsn], good, 2, "missing.csv: no such file"),
        (["checkpoint", "--key", "missing", "--file", FILE, *dsn], good, 2, "missing: No such file"),
    ]
    for arguments, content, status, message in cases:
        Path(FILE).write_bytes(content)
        found = command(*arguments)
        assert (found[0], message in found[1]) == (status, True), (arguments, found)
        assert "Traceback" not in found[1]
        assert Path(FILE).read_bytes() == content


def test_what_an_operator_may_store_ends_nothing(audited: tuple[Any, list[str], list[str]], command: Command) -> None:
    """A copy that no JSON parser takes is a finding as any other forged one."""
    connection, _, verify = audited
    connection.execute("SELECT pggit_excellence.seal_audit_log()")
    deep = '{"payload": ' + "[" * 3000 + "]" * 3000 + "}"
    connection.execute(
        "SELECT pggit_excellence.record_audit_checkpoint(1, s.row_hash, %s::jsonb)"
        " FROM pggit_excellence.audit_log_sealed AS s WHERE s.audit_id = 1",
        [deep],
    )
    Path(FILE).write_bytes(b"")
    status, output = command(*verify)
    assert (status, "nested too deeply" in output) == (1, True)


def test_a_busy_server_is_signed_too(audited: tuple[Any, list[str], list[str]], command: Command) -> None:
    """There may always be one more event to seal."""
    connection, checkpoint, _ = audited
    connection.execute(
        "ALTER FUNCTION pggit_excellence.seal_audit_log(integer, boolean) RENAME TO really_seal; CREATE SEQUENCE calls;"
        "CREATE FUNCTION pggit_excellence.seal_audit_log(batch_size integer DEFAULT 10000) RETURNS bigint"
        " LANGUAGE plpgsql AS $$ BEGIN ASSERT nextval('public.calls') < 5, 'it never ends';"
        " PERFORM pggit_excellence.record_audit_event('note'); RETURN pggit_excellence.really_seal(batch_size); END $$"
    )
    assert "signed row" in command(*checkpoint)[1]


def test_the_last_signature_proves_all_lines(
    audited: tuple[Any, list[str], list[str]], command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever forges a line, signed or not, meets the next one; whoever forges the last one has no key."""
    connection, checkpoint, verify = audited
    for number in range(3):
        connection.execute(f"CREATE TABLE u{number} (i int)".encode())
        command(*checkpoint)
    main(["sign", "--generate-key", "other", "--no-passphrase"])
    capsys.readouterr()
    other = load_private_key(Path("other.key"), None)
    good = Path(FILE).read_bytes().splitlines(keepends=True)
    for number, status, said in (
        (0, 2, ":2: does not continue"),
        (1, 2, ":3: does not continue"),
        (2, 1, "not this key's"),
    ):
        payload = json.loads(base64.b64decode(json.loads(good[number])["payload"]))
        forged = Checkpoint(**payload | {"row_hash": "00" * 32})
        lines = [*good[:number], compact(sign(other, forged)), *good[number + 1 :]]
        Path(FILE).write_bytes(b"".join(lines))
        found = command(*verify)
        assert (found[0], said in found[1]) == (status, True), found
        assert command(*checkpoint)[0] == 2
    Path(FILE).write_bytes(b"".join(good[1:]))
    assert "lines before it were removed" in command(*verify)[1]
    Path(FILE).write_bytes(b"".join(good))
    assert command(*verify)[0] == 0


def test_a_long_file(audited: tuple[Any, list[str], list[str]], command: Command) -> None:
    """A checkpoint looks at the end of the file only, which may be years long."""
    connection, checkpoint, verify = audited
    key = load_private_key(Path(KEY), None)
    before = None
    lines = []
    for number in range(1, 200):
        before = Checkpoint("00", number, "00" * 32, "d", "1", now(), before.digest() if before else None)
        lines.append(compact(sign(key, before)))
    connection.execute(
        "SELECT pggit_excellence.record_audit_event('note') FROM generate_series(1, 200);"
        " SELECT pggit_excellence.seal_audit_log();"
        "INSERT INTO pggit_excellence.audit_checkpoints SELECT n, '', '{}' FROM generate_series(1, 199) AS n"
    )
    row = connection.execute("SELECT row_hash FROM pggit_excellence.audit_log_sealed WHERE audit_id = 200").fetchone()
    assert row is not None
    assert before is not None
    lines.append(compact(sign(key, Checkpoint("00", 200, row[0].hex(), "d", "1", now(), before.digest()))))
    Path(FILE).write_bytes(b"nonsense\n" + b"".join(lines[1:]))
    assert "signed row 202, 2 more than before" in command(*checkpoint)[1]
    assert command(*verify)[0] == 2, "verify reads all of it"


def test_nothing_recorded(server: Server, plain: psycopg.Connection, command: Command) -> None:
    dsn = ["--dsn", server.dsn(plain.info.dbname)]
    assert command("checkpoint", "--key", KEY, "--file", FILE, *dsn) == (
        3,
        "no events are recorded yet: nothing to sign\n",
    )
    assert command("verify", "--key", PUBLIC, "--file", FILE, *dsn)[0] == 3
    plain.execute("DROP EXTENSION pggit_excellence")
    status, output = command("verify", *dsn)
    assert (status, "pggit_excellence is not in this database" in output) == (2, True)


def test_roles(server: Server, audited: tuple[Any, list[str], list[str]], command: Command) -> None:
    """An operator makes checkpoints, a reader verifies; neither can change what is there."""
    connection, checkpoint, verify = audited
    connection.execute("SET pggit_excellence.enabled = off; SELECT pggit_excellence.create_roles()")
    for role, group in (("audit_signer", "operator"), ("audit_reader", "reader")):
        connection.execute(f"CREATE ROLE {role} LOGIN IN ROLE pggit_excellence_{group}".encode())
    signer, reader = (server.dsn(connection.info.dbname, role) for role in ("audit_signer", "audit_reader"))
    assert command(*checkpoint[:-1], signer)[0] == 0
    assert command(*verify[:-1], reader)[0] == 0
    assert command(*checkpoint[:-1], reader)[0] == 2
    with server.connect(connection.info.dbname, user="audit_signer") as operator:
        for statement in (
            "INSERT INTO pggit_excellence.audit_log_sealed SELECT * FROM pggit_excellence.audit_log_sealed",
            "INSERT INTO pggit_excellence.audit_log_pending (event_kind, actor) VALUES ('ddl', 'postgres')",
            "DELETE FROM pggit_excellence.audit_checkpoints",
            "UPDATE pggit_excellence.audit_state SET triggers = ''",
            "ALTER TABLE pggit_excellence.audit_log_sealed DISABLE TRIGGER ALL",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                operator.execute(statement.encode())
    for role in (
        "audit_signer",
        "audit_reader",
        *(f"pggit_excellence_{name}" for name in ("operator", "reader", "auditor")),
    ):
        connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())


# --- logins


@pytest.fixture(scope="module")
def logging_server(installation: Installation) -> Iterator[tuple[Server, Path]]:
    """A server that logs as csvlog and, from 15 on, jsonlog, and asks one role for a password; with its log folder."""
    formats = "csvlog" if installation.major < 15 else "csvlog,jsonlog"
    settings = {
        "logging_collector": "on",
        "log_destination": formats,
        "log_filename": "pg.log",
        "log_file_mode": "0644",
    }
    with workspace() as folder, Server(installation, folder / "logging", settings) as server:
        hba = server.data / "pg_hba.conf"
        hba.write_text("local all asked scram-sha-256\n" + hba.read_text(encoding="utf-8"), encoding="utf-8")
        with server.connect() as connection:
            connection.execute("CREATE EXTENSION pggit_excellence; CREATE ROLE asked LOGIN PASSWORD 'right'")
            connection.execute("CREATE ROLE app LOGIN; GRANT CREATE ON SCHEMA public TO app; SELECT pg_reload_conf()")
            connection.execute("SELECT pggit_excellence.set_ddl_rate_limit('app', 1, '1 day')")
        yield server, server.data / "log"


def failed_logins(server: Server, *users: str) -> None:
    for user in users:
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(server.dsn(), user=user, password="w" * 5)


def recorded(server: Server, kind: str) -> list[dict[str, Any]]:
    """The details of such events, in order."""
    with server.connect() as connection:
        query = "SELECT details FROM pggit_excellence.audit_log WHERE event_kind = %s ORDER BY event_id"
        return [details for (details,) in connection.execute(query, [kind])]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("suffix", ["csv", "json"])
def test_logins(logging_server: tuple[Server, Path], command: Command, suffix: str) -> None:
    """Failed logins and refused DDL, each once: again, renamed, rotated, and with hostile names."""
    server, folder = logging_server
    if suffix == "json" and server.installation.major < 15:
        pytest.skip("jsonlog came with 15")
    log, dsn = folder / f"pg.{suffix}", ["--dsn", server.dsn()]
    command("logins", str(log), *dsn)
    before, refused = len(recorded(server, "login_failure")), len(recorded(server, "rate_limit"))
    hostile = 'a"b\nx,2026-11-26 00:00:00.000 UTC,"y", \\ é\U0001f600'
    with server.connect(user="app") as connection:
        for _ in range(3):
            with contextlib.suppress(psycopg.errors.ConfigurationLimitExceeded):
                connection.execute("CREATE TEMP TABLE x ()")
    failed_logins(server, "asked", hostile, f"last_{suffix}")
    until(lambda: f"last_{suffix}" in log.read_text("utf-8", "replace"))
    command("logins", str(log), *dsn)
    found = recorded(server, "login_failure")[before:]
    assert [each["user"] for each in found] == ["asked", hostile, f"last_{suffix}"]
    assert {each["action"] for each in found} == {"FAILED_AUTH"}
    assert [each["sqlstate"] for each in found] == ["28P01", "28000", "28000"]
    assert all(each["file"] == log.name and each["logged_at"] and each["session_id"] for each in found)
    refusals = recorded(server, "rate_limit")[refused:]
    assert [(each["user"], each["action"]) for each in refusals][-2:] == [("app", "DDL refused")] * 2

    assert "0 failed logins, 0 refused" in command("logins", str(log), *dsn)[1]
    rotated = log.with_name(f"old.{suffix}")
    log.rename(rotated)
    with server.connect() as connection:
        connection.execute("SELECT pg_rotate_logfile()")
    until(log.exists)
    failed_logins(server, "after_rotation")
    until(lambda: "after_rotation" in log.read_text("utf-8", "replace"))
    for _ in range(2):
        command("logins", str(rotated), str(log), *dsn)
    assert [each["user"] for each in recorded(server, "login_failure")[before + 3 :]] == ["after_rotation"]


def test_logins_of_a_folder(logging_server: tuple[Server, Path], command: Command, tmp_path: Path) -> None:
    """Of one format only; and what is no log is a message, not a traceback."""
    server, folder = logging_server
    dsn = ["--dsn", server.dsn()]
    files = len(list(folder.glob("*.csv")))
    assert command("logins", str(folder), *dsn)[1].startswith(f"{files} files: ")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert command("logins", str(empty), *dsn)[0] == 3
    (tmp_path / "x.log").write_text("x")
    (tmp_path / "damaged.csv").write_text('a,b\n"2026",x\n' + ",".join("abcdefghijklmno") + "\nhalf")
    assert command("logins", "x.log", *dsn)[0] == 2
    assert command("logins", "missing.csv", *dsn)[0] == 2
    status, output = command("logins", "damaged.csv", *dsn)
    assert (status, "2 records could not be read" in output) == (0, True)
    (tmp_path / "damaged.csv").write_text("a,b\n")
    assert "shorter than what was read" in command("logins", "damaged.csv", *dsn)[1]


def test_every_record_once_however_the_file_grows() -> None:
    """A file that grows by pieces of random length, read after each: the records are those of the whole."""
    chance = random.Random(7)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    expected = []
    for number in range(60):
        message = chance.choice(["plain", 'with "quotes"', "two\nlines", "é", ",", ""]) + str(number)
        state = chance.choice(["28P01", "00000", "53400", "28000"])
        fields = [
            f"t{number}",
            "u",
            "d",
            "1",
            "c",
            "s",
            str(number),
            "",
            "",
            "",
            "",
            "FATAL",
            state,
            message,
            *[""] * 12,
        ]
        writer.writerow(fields)
        if state.startswith("28"):
            expected.append(message)
    jsonl = "".join(
        json.dumps({"timestamp": "t", "error_severity": "FATAL", "state_code": "28000", "message": message}) + "\n"
        for message in expected
    )
    for kind, whole in (("csv", text.getvalue().encode()), ("json", jsonl.encode())):
        position, read, messages = 0, 0, []
        while position < len(whole):
            position = min(len(whole), position + chance.choice([1, 3, 40, 200]))
            for record in records(io.BytesIO(whole[:position]), read, kind):
                assert record.fields is not None
                read = record.end
                found = event(record.fields, "f")
                messages += [found["details"]["message"]] if found else []
        assert messages == expected
        assert read == len(whole)


@pytest.mark.once
def test_killed_while_reading(logging_server: tuple[Server, Path], tmp_path: Path) -> None:
    """SIGKILL at random moments, and two at once: each failed login is there once."""
    server, _ = logging_server
    before = len(recorded(server, "login_failure"))
    log = tmp_path / "big.csv"
    with log.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for number in range(30000):
            state = "28P01" if number % 20 == 0 else "00000"
            writer.writerow(
                [f"k{number}", "u", "d", "1", "c", "s", str(number), *[""] * 4, "FATAL", state, "x" * 300, *[""] * 12]
            )
    command = ("audit", "logins", str(log), "--dsn", server.dsn())
    options = {"environment": {"PATH": "/usr/bin:/bin"}, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    for seconds in (0.6, 0.9):
        with started(*command, **options):
            time.sleep(seconds)  # the end of the block kills it
    with started(*command, **options) as one, started(*command, **options) as other:
        assert sorted((one.wait(), other.wait()))[0] == 0
    assert main(command) == 0
    found = [each["logged_at"] for each in recorded(server, "login_failure")[before:]]
    assert found == [f"k{number}" for number in range(0, 30000, 20)]


# --- the guide


@pytest.mark.once
def test_the_guide(
    logging_server: tuple[Server, Path], make_database: MakeDatabase, server: Server, tmp_path: Path
) -> None:
    """Every query and every command, in their order."""
    page = (ROOT / "docs" / "security" / "AUDIT.md").read_text(encoding="utf-8")
    database = make_database("plain")
    with server.connect(database) as connection:
        connection.execute("CREATE ROLE deployer")
        for query in re.findall(r"```sql\n(.*?)```", page, re.DOTALL):
            connection.execute(query.encode())
        connection.execute("DROP ROLE deployer")
    (tmp_path / "log").symlink_to(logging_server[1])
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    lines = [
        line.split("#")[0].split()[1:] for line in "".join(blocks).splitlines() if line.startswith("pggit-excellence")
    ]
    assert len(lines) == 4
    environment = server.environment | {"PGDATABASE": database, "PYTHONPATH": str(ROOT / "tools")}
    for line in lines:
        done = subprocess.run(
            [sys.executable, "-m", "pggit_excellence", *line],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, (line, done)
