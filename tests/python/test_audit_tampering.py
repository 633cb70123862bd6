"""A superuser without the key changes the audit log in 1,000 ways, and each is found.

The attacker may switch off triggers, change, remove, insert and reorder rows, renumber them, compute every hash anew,
delete or change the database's copies of checkpoints, and replace verify_audit_chain(). The key and the file of
checkpoints are elsewhere.
"""

from __future__ import annotations

import random
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from pggit_excellence.audit import chain, checkpoints
from pggit_excellence.audit.checkpoints import Checkpoint
from pggit_excellence.audit.verify import Verdict, verify
from pggit_excellence.server import Server

pytestmark = pytest.mark.once
ROWS, SIGNED = 40, (12, 25, 36)

# What the attacker has: the table without its guards, and the sealing once more from a row on.
PREPARE = """
ALTER TABLE pggit_excellence.audit_log DETACH PARTITION pggit_excellence.audit_log_sealed;
ALTER TABLE pggit_excellence.audit_log_sealed DISABLE TRIGGER ALL, DROP CONSTRAINT audit_log_sealed_pkey;
ALTER TABLE pggit_excellence.audit_checkpoints DISABLE TRIGGER ALL;
CREATE FUNCTION public.rehash(from_id bigint, renumber boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    r record; place bigint := from_id - 1; hash bytea; next_hash bytea;
BEGIN
    SELECT row_hash INTO hash FROM pggit_excellence.audit_log_sealed WHERE audit_id = from_id - 1;
    FOR r IN
        SELECT ctid AS at, * FROM pggit_excellence.audit_log_sealed WHERE audit_id >= from_id ORDER BY audit_id, ctid
    LOOP
        place := CASE WHEN renumber THEN place + 1 ELSE r.audit_id END;
        hash := coalesce(hash, r.previous_hash);
        next_hash := pggit_excellence._audit_hash(
            hash, place, r.event_id, r.occurred_at, r.event_kind, r.actor, r.database, r.details);
        UPDATE pggit_excellence.audit_log_sealed
        SET audit_id = place, previous_hash = hash, row_hash = next_hash WHERE ctid = r.at;
        hash := next_hash;
    END LOOP;
END $$;
"""
LOG = "pggit_excellence.audit_log_sealed"
CHANGES = (
    "actor = actor || 'x'",
    "actor = ''",
    "event_kind = event_kind || '_'",
    "database = upper(database)",
    "details = details || '{\"x\": 1}'",
    "details = '{}'",
    "details = details - 'number'",
    "occurred_at = occurred_at + interval '1 microsecond'",
    "occurred_at = 'infinity'",
    "occurred_at = occurred_at - interval '1 year'",
    "event_id = event_id + 1000",
    "row_hash = sha256(row_hash)",
    "row_hash = ''",
    "previous_hash = sha256(previous_hash)",
    "previous_hash = ''",
    "audit_id = audit_id + 1000",
    "audit_id = -audit_id",
)


@dataclass
class Scene:
    """The database as the attacker finds it, and what is elsewhere."""

    connection: psycopg.Connection
    key: ec.EllipticCurvePublicKey
    file: Path

    def run(self, statement: str, *arguments: object) -> None:
        """As the attacker."""
        self.connection.execute(statement.encode(), arguments or None)

    def verdict(self) -> Verdict:
        """As the auditor."""
        return verify(self.connection, [self.key], self.file)


@pytest.fixture(scope="module")
def scene(
    server: Server, template_databases: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    """40 rows, of which 36 are signed, by three checkpoints."""
    key = ec.generate_private_key(ec.SECP256R1())
    file = tmp_path_factory.mktemp("audit") / "checkpoints.jsonl"
    with server.connect() as admin:
        admin.execute(f"CREATE DATABASE audit_tampering TEMPLATE {template_databases['plain']}")
        with server.connect("audit_tampering") as connection:
            before: Checkpoint | None = None
            for number in range(1, ROWS + 1):
                connection.execute(
                    "SELECT pggit_excellence.record_audit_event('note', jsonb_build_object('number', %s::int))",
                    [number],
                )
                connection.execute("SELECT pggit_excellence.seal_audit_log()")
                if number in SIGNED:
                    before = sign(connection, key, file, before)
            connection.execute(PREPARE.encode())
            yield Scene(connection, key.public_key(), file)
        admin.execute("DROP DATABASE audit_tampering WITH (FORCE)")


def sign(
    connection: psycopg.Connection, key: ec.EllipticCurvePrivateKey, file: Path, before: Checkpoint | None
) -> Checkpoint:
    """A checkpoint of the chain's end into the file and the database."""
    last = list(chain.rows(connection))[-1]
    assert last.audit_id is not None
    assert last.row_hash is not None
    previous = before.digest() if before else None
    new = Checkpoint("00", last.audit_id, last.row_hash.hex(), "d", "1", checkpoints.now(), previous)
    envelope = checkpoints.sign(key, new)
    with checkpoints.locked(file) as opened:
        checkpoints.append(opened, envelope)
    query = "SELECT pggit_excellence.record_audit_checkpoint(%s, %s, %s)"
    connection.execute(query, [new.audit_id, last.row_hash, psycopg.types.json.Jsonb(envelope)])
    return new


# Each takes a signed row at random and returns the first row from which on hashes are to be computed anew.
def change(scene: Scene, chance: random.Random) -> int:
    row, what = chance.randint(1, SIGNED[-1]), chance.choice(CHANGES)
    scene.run(f"UPDATE {LOG} SET {what} WHERE audit_id = {row}")
    return row


def remove(scene: Scene, chance: random.Random) -> int:
    row = chance.randint(1, SIGNED[-1])
    scene.run(f"DELETE FROM {LOG} WHERE audit_id BETWEEN {row} AND {row + chance.choice((0, 0, 1, 5))}")
    return row


def insert(scene: Scene, chance: random.Random) -> int:
    """Between two rows, as a copy of any: shifted, or under a number that is there."""
    row, copied = chance.randint(1, SIGNED[-1]), chance.randint(1, ROWS)
    scene.run(
        f"UPDATE {LOG} SET audit_id = audit_id + 1 WHERE audit_id >= {row}" if chance.random() < 0.7 else "SELECT 1"
    )
    source = copied if copied < row else copied + 1
    scene.run(
        f"INSERT INTO {LOG} SELECT {row}, event_id + 500, occurred_at, event_kind, 'mallory', database, details,"
        f" previous_hash, row_hash FROM {LOG} WHERE audit_id = {source} LIMIT 1"
    )
    return row


def reorder(scene: Scene, chance: random.Random) -> int:
    """Two rows change places: all of their content, or their numbers only."""
    first, second = sorted(chance.sample(range(1, SIGNED[-1] + 1), 2))
    if chance.random() < 0.5:
        scene.run(f"UPDATE {LOG} SET audit_id = {first + second} - audit_id WHERE audit_id IN ({first}, {second})")
    else:
        scene.run(
            f"UPDATE {LOG} AS s SET event_id = o.event_id, occurred_at = o.occurred_at, details = o.details"
            f" FROM {LOG} AS o WHERE s.audit_id IN ({first}, {second}) AND o.audit_id = {first + second} - s.audit_id"
        )
    return first


def truncate(scene: Scene, chance: random.Random) -> int:
    row = chance.randint(1, SIGNED[-1])
    scene.run(f"DELETE FROM {LOG} WHERE audit_id >= {row}")
    return row


def behead(scene: Scene, chance: random.Random) -> int:
    scene.run(f"DELETE FROM {LOG} WHERE audit_id <= {chance.randint(1, SIGNED[-1])}")
    return 1


def another_chain(scene: Scene, chance: random.Random) -> int:
    """All rows as they are, under another beginning."""
    scene.run(f"UPDATE {LOG} SET previous_hash = sha256(%s::text::bytea) WHERE audit_id = 1", str(chance.random()))
    return 1


ATTACKS: dict[str, Callable[[Scene, random.Random], int]] = {
    attack.__name__: attack for attack in (change, remove, insert, reorder, truncate, behead, another_chain)
}
# How the attacker covers it.
COVERS: dict[str, Callable[[Scene, int], None]] = {
    "nothing": lambda _scene, _row: None,
    "hash of the row": lambda scene, row: scene.run(
        f"UPDATE {LOG} SET row_hash = pggit_excellence._audit_hash(previous_hash, audit_id, event_id, occurred_at,"
        f" event_kind, actor, database, details) WHERE audit_id = {row}"
    ),
    "all hashes": lambda scene, row: scene.run(f"SELECT public.rehash({row}, false)"),
    "all hashes, numbers too": lambda scene, row: scene.run(f"SELECT public.rehash({row}, true)"),
    "hashes, and copies of checkpoints gone": lambda scene, row: scene.run(
        f"SELECT public.rehash({row}, true); DELETE FROM pggit_excellence.audit_checkpoints"
    ),
    "hashes, and copies of checkpoints changed": lambda scene, row: scene.run(
        f"SELECT public.rehash({row}, true); UPDATE pggit_excellence.audit_checkpoints AS c SET row_hash = s.row_hash"
        f" FROM {LOG} AS s WHERE s.audit_id = c.audit_id"
    ),
    "hashes, and verify_audit_chain() says yes": lambda scene, row: scene.run(
        f"SELECT public.rehash({row}, true);"
        "CREATE OR REPLACE FUNCTION pggit_excellence.verify_audit_chain(from_id bigint DEFAULT NULL,"
        " to_id bigint DEFAULT NULL) RETURNS TABLE (intact boolean, finding text, at_audit_id bigint, checked bigint,"
        " pending bigint, last_checkpoint bigint, note text) LANGUAGE sql"
        " AS 'SELECT true, NULL, NULL::bigint, 40, 0, 36, NULL'"
    ),
}


def contents(scene: Scene) -> list[Any]:
    """What is recorded in the signed rows, in its order."""
    query = f"SELECT s::text FROM {LOG} AS s WHERE s.audit_id <= {SIGNED[-1]} ORDER BY s.audit_id"
    return scene.connection.execute(query.encode()).fetchall()


def missed(scene: Scene, seed: int, tamperings: int, seen: set[tuple[str, str]]) -> Iterator[tuple[int, str, str, int]]:
    """Those of so many random tamperings that verification does not find."""
    chance = random.Random(seed)
    before = contents(scene)
    done = 0
    while done < tamperings:
        attack, cover = chance.choice(list(ATTACKS)), chance.choice(list(COVERS))
        with scene.connection.transaction(force_rollback=True):
            row = ATTACKS[attack](scene, chance)
            COVERS[cover](scene, row)
            if contents(scene) == before and "gone" not in cover:
                continue  # nothing was done: what was changed was computed anew
            done += 1
            seen.add((attack, cover))
            if not scene.verdict().findings:
                yield done, attack, cover, row


def test_untouched(scene: Scene) -> None:
    verdict = scene.verdict()
    assert (verdict.findings, verdict.checked, verdict.proved) == ([], ROWS, SIGNED[-1])


@pytest.mark.parametrize(("seed", "tamperings"), [(1, 300), pytest.param(2, 1000, marks=pytest.mark.long)])
def test_every_tampering_is_found(scene: Scene, seed: int, tamperings: int) -> None:
    seen: set[tuple[str, str]] = set()
    assert list(missed(scene, seed, tamperings, seen)) == []
    assert len(seen) == len(ATTACKS) * len(COVERS), "each attack was covered in each way"


# What was done without covering it, what it is called, and the first row concerned.
NAMED = [
    ("UPDATE {} SET actor = 'x' WHERE audit_id = 7", "changed", 7),
    ("UPDATE {} SET previous_hash = sha256('') WHERE audit_id = 7", "changed", 7),
    (
        "UPDATE {} SET actor = 'x' WHERE audit_id = 7; UPDATE {} SET row_hash = pggit_excellence._audit_hash("
        "previous_hash, audit_id, event_id, occurred_at, event_kind, actor, database, details) WHERE audit_id = 7",
        "changed",
        7,
    ),
    ("DELETE FROM {} WHERE audit_id = 7", "removed", 7),
    ("DELETE FROM {} WHERE audit_id = 7; UPDATE {} SET audit_id = audit_id - 1 WHERE audit_id > 7", "removed", 7),
    ("DELETE FROM {} WHERE audit_id < 7", "removed", 1),
    ("DELETE FROM {} WHERE audit_id > 30", "removed", 31),
    ("UPDATE {} SET audit_id = 17 - audit_id WHERE audit_id IN (7, 10)", "reordered", 7),
    (
        "UPDATE {} SET audit_id = audit_id + 1 WHERE audit_id >= 7; INSERT INTO {} SELECT 7, 999, occurred_at,"
        " event_kind, actor, database, details, previous_hash, pggit_excellence._audit_hash(previous_hash, 7, 999,"
        " occurred_at, event_kind, actor, database, details) FROM {} WHERE audit_id = 8",
        "inserted",
        7,
    ),
    ("INSERT INTO {} SELECT * FROM {} WHERE audit_id = 7", "inserted", 7),
    ("UPDATE {} SET actor = 'x' WHERE audit_id = 30; SELECT public.rehash(30, false)", "rewritten", 26),
    ("DELETE FROM pggit_excellence.audit_checkpoints WHERE audit_id = 25", "checkpoint removed", 25),
]


def said_in_sql(scene: Scene) -> Any:
    query = "SELECT finding, at_audit_id FROM pggit_excellence.verify_audit_chain()"
    return scene.connection.execute(query.encode()).fetchone()


@pytest.mark.parametrize(("statements", "finding", "row"), NAMED)
def test_without_covering_it_the_row_is_named(scene: Scene, statements: str, finding: str, row: int) -> None:
    with scene.connection.transaction(force_rollback=True):
        scene.run(statements.replace("{}", LOG))
        assert [(each.finding, each.audit_id) for each in scene.verdict().findings] == [(finding, row)]
        assert said_in_sql(scene) == ((finding, row) if finding != "checkpoint removed" else (None, None))


# Faults in the SQL: function, what stands there, what is put in its place. NAMED must notice each of them.
SQL_MUTATIONS = [
    ("verify_audit_chain", "c.audit_id IS DISTINCT FROM c.expected", "false"),
    ("verify_audit_chain", "c.previous_hash IS DISTINCT FROM COALESCE(c.before_hash, c.previous_hash)", "false"),
    ("verify_audit_chain", "c.row_hash IS DISTINCT FROM c.computed", "false"),
    ("verify_audit_chain", "pg_catalog.lag(s.row_hash) OVER w,", "NULL::bytea,"),
    ("verify_audit_chain", "WINDOW w AS (ORDER BY s.audit_id)", "WINDOW w AS (ORDER BY s.event_id)"),
    (
        "verify_audit_chain",
        "pggit_excellence._audit_checkpoint_break(first_id, to_id)",
        "(SELECT NULL, NULL::bigint, NULL)",
    ),
    ("_audit_checkpoint_break", "s.row_hash IS DISTINCT FROM c.row_hash", "s.row_hash IS NULL"),
    ("_audit_checkpoint_break", "s.row_hash IS DISTINCT FROM c.row_hash", "s.row_hash <> c.row_hash"),
    ("_audit_break", "broken.audit_id > expected", "false"),
    ("_audit_break", "broken.audit_id < expected", "false"),
    ("_audit_break", "predecessor >= broken.audit_id", "false"),
    ("_audit_break", "predecessor IS NOT NULL OR was = purged + 1", "false"),
    ("_audit_break", "was IS NULL", "true"),
    ("_audit_hash", "event_kind, actor", "event_kind, 'postgres'::text"),
    ("_audit_hash", "previous_hash OPERATOR(pg_catalog.||) ", ""),
    ("_audit_hash", "audit_id, event_id,", "1, event_id,"),
]


@pytest.mark.parametrize(("function", "original", "mutated"), SQL_MUTATIONS)
def test_a_fault_in_the_sql_is_noticed(scene: Scene, function: str, original: str, mutated: str) -> None:
    query = "SELECT pg_get_functiondef(p.oid) FROM pg_proc AS p WHERE p.proname = %s"
    definition = scene.connection.execute(query, [function]).fetchone()
    assert definition is not None
    assert original in definition[0]
    noticed = False
    with scene.connection.transaction(force_rollback=True):
        scene.run(definition[0].replace(original, mutated))
        noticed = said_in_sql(scene) != (None, None)
        for statements, finding, row in NAMED:
            with scene.connection.transaction(force_rollback=True):
                scene.run(statements.replace("{}", LOG))
                noticed |= finding != "checkpoint removed" and said_in_sql(scene) != (finding, row)
    assert noticed


@pytest.mark.parametrize("number", [9223372036854775807, 10**15])
def test_a_number_in_the_table_does_not_hold_up_the_search(scene: Scene, number: int) -> None:
    """Where a row was before is looked for among as many places as there are rows."""
    with scene.connection.transaction(force_rollback=True):
        scene.run(f"UPDATE {LOG} SET previous_hash = sha256(previous_hash), actor = 'x' WHERE audit_id = 7")
        scene.run(f"UPDATE {LOG} SET audit_id = {number} WHERE audit_id = 38")
        scene.run("SET LOCAL statement_timeout = '20s'")
        assert said_in_sql(scene) == ("changed", 7)


def test_verification_in_the_database_that_fails(scene: Scene) -> None:
    """The finding does not hang on it."""
    with scene.connection.transaction(force_rollback=True):
        scene.run(f"UPDATE {LOG} SET actor = 'x' WHERE audit_id = 7")
        for body in ("RAISE 'no'", "RETURN"):
            scene.run(
                "CREATE OR REPLACE FUNCTION pggit_excellence.verify_audit_chain(from_id bigint DEFAULT NULL,"
                " to_id bigint DEFAULT NULL) RETURNS TABLE (intact boolean, finding text, at_audit_id bigint,"
                " checked bigint, pending bigint, last_checkpoint bigint, note text) LANGUAGE plpgsql"
                f" AS $$ BEGIN {body}; END $$"
            )
            assert [(each.finding, each.audit_id) for each in scene.verdict().findings] == [("changed", 7)]


def test_after_the_last_checkpoint(scene: Scene) -> None:
    """Rows behind the last checkpoint: with their hashes not provable, as the guide says; without, found."""
    with scene.connection.transaction(force_rollback=True):
        scene.run(f"UPDATE {LOG} SET actor = 'x' WHERE audit_id = 38")
        assert [finding.audit_id for finding in scene.verdict().findings] == [38]
        scene.run("SELECT public.rehash(38, false)")
        verdict = scene.verdict()
        assert (verdict.findings, verdict.checked, verdict.proved) == ([], ROWS, SIGNED[-1])


def test_checkpoints_of_another_key(scene: Scene, tmp_path: Path) -> None:
    """The attacker signs a rewritten log with a key of their own, or puts that into the database's copies."""
    mallory = ec.generate_private_key(ec.SECP256R1())
    with scene.connection.transaction(force_rollback=True):
        scene.run(f"UPDATE {LOG} SET actor = 'x' WHERE audit_id = 5; SELECT public.rehash(5, false)")
        scene.run("DELETE FROM pggit_excellence.audit_checkpoints")
        sign(scene.connection, mallory, tmp_path / "forged.jsonl", None)
        assert {finding.finding for finding in scene.verdict().findings} >= {
            "forged",
            "rewritten",
            "checkpoint removed",
        }
        forged = verify(scene.connection, [scene.key], tmp_path / "forged.jsonl")
        assert [finding.finding for finding in forged.findings] == ["forged"]
        assert verify(scene.connection, [mallory.public_key()], tmp_path / "forged.jsonl").findings == []


# Faults in our own verification: the tamperings must notice each of them.
MUTATIONS = {
    "the hash is not compared": ("row.row_hash != row.computed()", "False"),
    "the link is not compared": ("not continues", "False"),
    "numbers are not compared": ("row.audit_id != expected or", ""),
    "checkpoints are not compared": ("known.get(expected, row.row_hash) != row.row_hash", "False"),
    "the actor is not hashed": (
        "(self.event_kind, self.actor, self.database)",
        "(self.event_kind, b'postgres', self.database)",
    ),
    "the time is not hashed": ('time = self.microseconds or b"null"', 'time = b"1"'),
    "the hash before is not hashed": ('(self.previous_hash or b"") + ', ""),
}


@pytest.mark.parametrize("fault", MUTATIONS)
def test_a_fault_in_the_verification_is_noticed(fault: str, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """With it either the untouched log is refused or a tampering gets through."""
    source = Path(str(chain.__file__)).read_text(encoding="utf-8")
    original, mutated = MUTATIONS[fault]
    assert source.count(original) == 1, original
    faulty = types.ModuleType("faulty_chain")
    monkeypatch.setitem(sys.modules, "faulty_chain", faulty)
    exec(compile(source.replace(original, mutated), "faulty_chain", "exec"), faulty.__dict__)  # noqa: S102
    for name in ("walk", "rows"):
        monkeypatch.setattr(chain, name, getattr(faulty, name))
    assert scene.verdict().findings or any(True for _ in missed(scene, 1, 1000, set()))
