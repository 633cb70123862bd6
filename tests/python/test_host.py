"""The PL/Python helpers as plain Python, with planted faults; and host_report() with and without the companion."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

import host_disk
import host_limits
from conftest import ROOT, MakeDatabase
from pggit_excellence.server import Server

Row = dict[str, Any]
GIGABYTE = 1024**3


# --- host_disk


def filesystem(blocks: int, free: int, available: int, files: int = 1000, free_files: int = 900) -> SimpleNamespace:
    return SimpleNamespace(
        f_frsize=4096, f_blocks=blocks, f_bfree=free, f_bavail=available, f_files=files, f_favail=free_files
    )


def disk(path: Path | None, found: SimpleNamespace, proc_root: str = "/nowhere") -> Row:
    paths = [("data", None if path is None else str(path))]
    (row,) = host_disk.host_disk(paths, proc_root=proc_root, statvfs=lambda _: found)
    return row


@pytest.mark.once
@pytest.mark.parametrize(
    ("found", "status"),
    [
        (filesystem(1000, 300, 201), "ok"),
        (filesystem(1000, 300, 100), "warning"),  # 200 are root's: 100 of 800 are left
        (filesystem(1000, 205, 205), "ok"),
        (filesystem(1000, 200, 200), "warning"),
        (filesystem(1000, 100, 100), "critical"),
        (filesystem(1000, 900, 900, free_files=100), "critical"),
        (filesystem(1000, 900, 900, files=0, free_files=0), "ok"),
        (filesystem(0, 0, 0, files=0, free_files=0), "unknown"),
    ],
)
def test_disk_status(tmp_path: Path, found: SimpleNamespace, status: str) -> None:
    assert disk(tmp_path, found)["status"] == status


@pytest.mark.once
def test_disk_sizes_leave_out_what_root_reserves(tmp_path: Path) -> None:
    row = disk(tmp_path, filesystem(1000, 300, 100))
    assert (row["total_bytes"], row["free_bytes"], row["percent_used"]) == (800 * 4096, 100 * 4096, 87.5)
    assert (row["free_inodes"], row["percent_inodes_used"]) == (900, 10.0)


@pytest.mark.once
def test_disk_uncounted_inodes_are_unknown(tmp_path: Path) -> None:
    row = disk(tmp_path, filesystem(1000, 900, 900, files=0, free_files=0))
    assert (row["free_inodes"], row["percent_inodes_used"]) == (None, None)
    assert "does not count inodes" in row["note"]


@pytest.mark.once
def test_disk_finds_the_innermost_mount(tmp_path: Path) -> None:
    data = tmp_path / "my data"
    data.mkdir()
    (tmp_path / "self").mkdir()
    escaped = str(data).replace(" ", "\\040")
    (tmp_path / "self/mounts").write_text(f"a / ext4 rw 0 0\nb {escaped} xfs rw 0 0\nc {escaped}2 tmpfs rw 0 0\n")
    row = disk(data, filesystem(1000, 900, 900), proc_root=str(tmp_path))
    assert (row["mount"], row["filesystem"]) == (str(data), "xfs")


@pytest.mark.once
def test_disk_that_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    (row,) = host_disk.host_disk([("tablespace x", str(tmp_path / "gone"))])
    assert (row["status"], row["free_bytes"], row["note"]) == (
        "unknown",
        None,
        "cannot be read: No such file or directory",
    )
    hidden = disk(None, filesystem(1, 1, 1))
    assert (hidden["status"], hidden["path"]) == ("unknown", None)
    assert "pg_read_all_settings" in hidden["note"]


@pytest.mark.once
def test_disk_agrees_with_the_system(tmp_path: Path) -> None:
    (row,) = host_disk.host_disk([("here", str(tmp_path))])
    assert row["total_bytes"] > row["free_bytes"] > 0
    if "/" in host_disk.mount_points("/proc"):  # in a chroot it need not be one
        assert os.path.ismount(row["mount"])
    else:
        assert row["mount"] is None or os.path.ismount(row["mount"])


@pytest.mark.once
def test_directories(tmp_path: Path) -> None:
    names = [name for name, _ in host_disk.directories(str(tmp_path), "log", [("fast", "/fast")])]
    assert names == ["data_directory", "pg_wal", "tablespace fast", "temporary files", "log_directory"]
    assert host_disk.directories(None, None, []) == [("data_directory", None)]
    absolute = dict(host_disk.directories(str(tmp_path), "/var/log/postgresql", []))
    assert absolute["log_directory"] == "/var/log/postgresql"


# --- host_limits

SETTINGS = {
    "max_connections": "100",
    "max_files_per_process": "1000",
    "max_worker_processes": "8",
    "shared_buffers": "16384",
    "work_mem": "4096",
    "dynamic_shared_memory_type": "posix",
    "shared_memory_size_in_huge_pages": "70",
}
HEALTHY = {
    "proc/self/limits": "Limit                     Soft Limit           Hard Limit           Units\n"
    "Max processes             8000                 8000                 processes\n"
    "Max open files            65536                65536                files\n"
    "Max locked memory         unlimited            unlimited            bytes\n",
    "proc/self/cgroup": "0::/system.slice/postgresql.service\n",
    "proc/meminfo": "MemTotal:       16777216 kB\nHugePages_Total:       0\n",
    "proc/42/oom_score_adj": "-900\n",
    "proc/sys/fs/file-max": "9223372036854775807\n",
    "proc/sys/vm/overcommit_memory": "2\n",
    "proc/sys/vm/swappiness": "10\n",
    "proc/sys/vm/dirty_background_bytes": "268435456\n",
    "proc/sys/vm/dirty_background_ratio": "0\n",
    "proc/sys/vm/dirty_bytes": "1073741824\n",
    "proc/sys/vm/dirty_ratio": "0\n",
    "proc/sys/vm/zone_reclaim_mode": "0\n",
    "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
    "sys/fs/cgroup/system.slice/postgresql.service/memory.max": "max\n",
    "sys/fs/cgroup/system.slice/memory.max": "8589934592\n",
}
NO_MEMORY_LIMIT: dict[str, str | None] = {"sys/fs/cgroup/system.slice/memory.max": "max"}
Limits = Callable[..., dict[str, Row]]


@pytest.fixture
def limits(tmp_path: Path) -> Limits:
    """Runs the checks on a healthy host with the given files and settings planted (None removes a file)."""

    def check(files: dict[str, str | None] | None = None, shm: int = GIGABYTE, **settings: str) -> dict[str, Row]:
        for name, text in (HEALTHY | (files or {})).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            if text is not None:
                path.write_text(text)
        host = host_limits.Host(
            SETTINGS | settings,
            str(tmp_path / "proc"),
            str(tmp_path / "sys"),
            postmaster_pid=42,
            statvfs=lambda _: SimpleNamespace(f_blocks=shm // 4096, f_frsize=4096),
        )
        return {row["name"]: row for row in host_limits.host_limits(host)}

    return check


@pytest.mark.once
def test_healthy_host_is_ok(limits: Limits) -> None:
    rows = limits()
    assert {name: row["status"] for name, row in rows.items()} == dict.fromkeys(rows, "ok")
    assert len(rows) == len(host_limits.CHECKS)
    assert rows["cgroup_memory"]["value"] == str(8 * GIGABYTE), "the strictest group counts"


def plant_limit(label: str, value: str) -> dict[str, str | None]:
    lines = [line for line in HEALTHY["proc/self/limits"].splitlines() if not line.startswith(label)]
    return {"proc/self/limits": "\n".join([*lines, f"{label}   {value}   {value}   x"])}


@pytest.mark.once
@pytest.mark.parametrize(
    ("name", "files", "settings"),
    [
        ("open_files", plant_limit("Max open files", "1024"), {}),
        ("fs.file-max", {"proc/sys/fs/file-max": "99999"}, {}),
        ("processes", plant_limit("Max processes", "157"), {}),
        ("locked_memory", plant_limit("Max locked memory", "8388608"), {"io_method": "io_uring"}),
        ("vm.overcommit_memory", {"proc/sys/vm/overcommit_memory": "1"}, {}),
        ("vm.overcommit_memory", {"proc/sys/vm/overcommit_memory": "0", "proc/42/oom_score_adj": "0"}, {}),
        ("oom_score_adj", {"proc/sys/vm/overcommit_memory": "0", "proc/42/oom_score_adj": "0"}, {}),
        ("transparent_huge_pages", {"sys/kernel/mm/transparent_hugepage/enabled": "[always] madvise never"}, {}),
        ("huge_pages", NO_MEMORY_LIMIT, {"shared_buffers": "1048576", "shared_memory_size_in_huge_pages": "4200"}),
        ("vm.swappiness", {"proc/sys/vm/swappiness": "60"}, {}),
        (
            "vm.dirty_background",
            {"proc/sys/vm/dirty_background_bytes": "0", "proc/sys/vm/dirty_background_ratio": "10"},
            {},
        ),
        ("vm.dirty", {"proc/sys/vm/dirty_bytes": "0", "proc/sys/vm/dirty_ratio": "40"}, {}),
        ("vm.zone_reclaim_mode", {"proc/sys/vm/zone_reclaim_mode": "1"}, {}),
        ("cgroup_memory", {"sys/fs/cgroup/system.slice/memory.max": "536870912"}, {}),
        (
            "cgroup_memory",
            {"proc/self/cgroup": "5:cpu,memory:/x\n", "sys/fs/cgroup/memory/x/memory.limit_in_bytes": "536870912"},
            {},
        ),
        ("dev_shm", {}, {"shm": 64 * 1024**2}),
    ],
)
def test_each_fault_is_seen_alone(
    limits: Limits, name: str, files: dict[str, str | None], settings: dict[str, Any]
) -> None:
    bad = {name for name, row in limits(files, **settings).items() if row["status"] == "warning"}
    assert name in bad
    assert bad <= {name, "oom_score_adj", "vm.overcommit_memory"}


@pytest.mark.once
@pytest.mark.parametrize(
    ("files", "settings"),
    [
        (plant_limit("Max open files", "1064"), {}),
        (plant_limit("Max processes", "158"), {}),
        (plant_limit("Max locked memory", "65536"), {"io_method": "worker"}),
        ({"proc/sys/vm/overcommit_memory": "0"}, {}),
        (NO_MEMORY_LIMIT | {"proc/meminfo": "MemTotal: 16777216 kB\nHugePages_Total: 4200\n"},
         {"shared_buffers": "1048576", "shared_memory_size_in_huge_pages": "4200"}),
        ({"proc/sys/vm/dirty_bytes": "0", "proc/sys/vm/dirty_ratio": "20"}, {}),
    ],
)  # fmt: skip
def test_near_misses_are_silent(limits: Limits, files: dict[str, str | None], settings: dict[str, Any]) -> None:
    rows = limits(files, **settings)
    assert {name for name, row in rows.items() if row["status"] != "ok"} == set()


@pytest.mark.once
def test_a_host_that_tells_nothing_is_unknown() -> None:
    """Not ok: no /proc, no settings, nonsense."""
    host = host_limits.Host({}, "/nowhere", "/nowhere")
    assert {row["status"] for row in host_limits.host_limits(host)} == {"unknown"}


@pytest.mark.once
def test_nonsense_is_unknown(limits: Limits) -> None:
    row = limits({"proc/42/oom_score_adj": "soon"})["oom_score_adj"]
    assert row["status"] == "unknown"
    assert "not understood" in row["note"]


# --- host_report


def test_without_the_companion(plain: psycopg.Connection) -> None:
    rows = plain.execute("SELECT helper, name, status FROM pggit_excellence.host_report()").fetchall()
    assert rows == [("host_disk", None, "unknown"), ("host_limits", None, "unknown")]
    hints = plain.execute("SELECT DISTINCT note FROM pggit_excellence.host_report()").fetchall()
    assert "CREATE EXTENSION pggit_excellence_plpython3u" in hints[0][0]


def test_without_the_companion_where_psql_installed_the_core(server: Server, make_database: MakeDatabase) -> None:
    """CREATE EXTENSION ... CASCADE would meet the schema that psql made and fail."""
    database = make_database("empty")
    server.psql("-f", str(ROOT / "sql" / "install.sql"), dbname=database)
    with server.connect(database) as connection:
        notes = connection.execute("SELECT DISTINCT note FROM pggit_excellence.host_report()").fetchall()
    assert len(notes) == 1
    assert notes[0][0].endswith("here it was installed with psql")


def test_with_the_companion(server: Server, plain: psycopg.Connection) -> None:
    if not server.installation.has_extension("plpython3u"):
        pytest.skip("this installation has no PL/Python")
    plain.execute("CREATE EXTENSION pggit_excellence_plpython3u CASCADE")
    found = plain.execute("SELECT name, path, total_bytes, status FROM pggit_excellence.host_disk()").fetchall()
    assert [row[0] for row in found] == ["data_directory", "pg_wal", "temporary files"]
    assert found[0][1] == str(server.data)
    disk = os.statvfs(server.data)
    assert found[0][2] == disk.f_frsize * (disk.f_blocks - disk.f_bfree + disk.f_bavail)
    everything = plain.execute("SELECT DISTINCT status FROM pggit_excellence.host_disk(0, 0)").fetchall()
    assert everything == [("critical",)], "the thresholds arrive"
    query = "SELECT name, status FROM pggit_excellence.host_limits()"
    limits = dict(plain.execute(query).fetchall())
    assert limits["open_files"] in {"ok", "warning"}
    assert len(limits) == len(host_limits.CHECKS)
    report = plain.execute(
        "SELECT helper, count(*) FROM pggit_excellence.host_report() GROUP BY 1 ORDER BY 1"
    ).fetchall()
    assert report == [("host_disk", 3), ("host_limits", len(host_limits.CHECKS))]


def test_companion_for_pg_monitor_and_for_others(server: Server, plain: psycopg.Connection) -> None:
    if not server.installation.has_extension("plpython3u"):
        pytest.skip("this installation has no PL/Python")
    plain.execute("CREATE EXTENSION pggit_excellence_plpython3u CASCADE")
    with plain.transaction(force_rollback=True):
        plain.execute("CREATE ROLE host_reader IN ROLE pg_monitor")
        plain.execute("SET LOCAL ROLE host_reader")
        assert plain.execute("SELECT count(*) FROM pggit_excellence.host_report() WHERE name IS NULL").fetchone() == (
            0,
        )
    with plain.transaction(force_rollback=True):
        plain.execute("CREATE ROLE host_stranger")
        plain.execute("GRANT USAGE ON SCHEMA pggit_excellence TO host_stranger")
        plain.execute("GRANT EXECUTE ON FUNCTION pggit_excellence.host_report() TO host_stranger")
        plain.execute("SET LOCAL ROLE host_stranger")
        rows = plain.execute("SELECT status, note FROM pggit_excellence.host_report()").fetchall()
        assert {status for status, _ in rows} == {"unknown"}
        assert all(note.startswith("no privilege: GRANT EXECUTE ON FUNCTION ") for _, note in rows)


def test_roles_that_were_there_before_the_companion(server: Server, plain: psycopg.Connection) -> None:
    """As the note says, one call of grant_privileges() opens the helpers to them."""
    if not server.installation.has_extension("plpython3u"):
        pytest.skip("this installation has no PL/Python")
    with plain.transaction(force_rollback=True):
        plain.execute("SELECT * FROM pggit_excellence.create_roles()")
        plain.execute("CREATE EXTENSION pggit_excellence_plpython3u CASCADE")
        unknown = "SELECT count(*) FROM pggit_excellence.host_report() WHERE name IS NULL"
        plain.execute("SET LOCAL ROLE pggit_excellence_reader")
        assert plain.execute(unknown).fetchone() == (2,)
        assert "grant_privileges()" in plain.execute("SELECT note FROM pggit_excellence.host_report()").fetchall()[0][0]
        plain.execute("RESET ROLE")
        plain.execute("SELECT pggit_excellence.grant_privileges()")
        plain.execute("SET LOCAL ROLE pggit_excellence_reader")
        assert plain.execute(unknown).fetchone() == (0,)
