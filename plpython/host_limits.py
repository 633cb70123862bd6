"""Limits of the process and the kernel that matter to PostgreSQL. Plain Python, no server needed.

A check returns (value, recommended, status, note). `settings` has PostgreSQL's settings as text, in base units.
"""

import os
from pathlib import Path

GIGABYTE = 1024**3
MEGABYTE = 1024**2


class Host:
    """The host's files below roots that a test can plant."""

    def __init__(self, settings, proc_root="/proc", sys_root="/sys", postmaster_pid=None, statvfs=os.statvfs):
        """Roots of /proc and /sys, the postmaster's pid (None: this process), and what asks for filesystems."""
        self.settings = settings
        self.proc_root = proc_root
        self.sys_root = sys_root
        self.postmaster = "self" if postmaster_pid is None else str(postmaster_pid)
        self.statvfs = statvfs

    def read(self, root, path):
        """A file's text without the blanks at its ends; None: cannot be read."""
        try:
            return (Path(root) / path).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return None

    def proc(self, path):
        """A file below /proc."""
        return self.read(self.proc_root, path)

    def kernel(self, name):
        """A kernel setting as a number, e.g. vm.swappiness; None: not known."""
        text = self.proc("sys/" + name.replace(".", "/"))
        return int(text) if text is not None and text.lstrip("-").isdigit() else None

    def limit(self, label):
        """The soft limit of this process, e.g. "Max open files"; infinity: unlimited; None: not known."""
        for line in (self.proc("self/limits") or "").splitlines():
            if line.startswith(label):
                soft = line[len(label) :].split()[0]
                return float("inf") if soft == "unlimited" else int(soft)
        return None

    def memory(self, label):
        """A line of meminfo: bytes, or the number where it has no unit; None: not known."""
        for line in (self.proc("meminfo") or "").splitlines():
            if line.startswith(label + ":"):
                fields = line.split()
                return int(fields[1]) * (1024 if fields[-1] == "kB" else 1)
        return None

    def number(self, setting):
        """A numeric setting of PostgreSQL; None: this version does not have it."""
        text = self.settings.get(setting)
        return int(text) if text is not None and text.lstrip("-").isdigit() else None


def shown(value):
    """A number for people."""
    return "unlimited" if value == float("inf") else str(value)


def at_least(value, wanted, note):
    """A limit that must not be below `wanted`."""
    return shown(value), f">= {wanted}", "ok" if value >= wanted else "warning", note


def open_files(host):
    """Each process may open max_files_per_process files; with a lower limit it opens and closes all the time."""
    value, wanted = host.limit("Max open files"), host.number("max_files_per_process")
    if value is None or wanted is None:
        return None
    return at_least(value, wanted + 64, "max_files_per_process and some more (LimitNOFILE)")


def all_files(host):
    """All processes together."""
    value, files = host.kernel("fs.file-max"), host.number("max_files_per_process")
    processes = host.number("max_connections")
    if None in (value, files, processes):
        return None
    return at_least(value, files * processes, "max_files_per_process x max_connections")


def processes(host):
    """One process for each connection and worker."""
    value, connections = host.limit("Max processes"), host.number("max_connections")
    if value is None or connections is None:
        return None
    wanted = connections + (host.number("max_worker_processes") or 0) + 50
    return at_least(value, wanted, "connections, workers and the server's own processes (LimitNPROC)")


def locked_memory(host):
    """Needed by io_uring."""
    value = host.limit("Max locked memory")
    if value is None:
        return None
    if host.settings.get("io_method") != "io_uring":
        return shown(value), "any", "ok", "matters with io_method = io_uring only"
    return at_least(value, 64 * MEGABYTE, "io_method = io_uring locks memory (LimitMEMLOCK)")


def overcommit(host):
    """With heuristics the kernel promises more than it has, and kills the server when it runs out."""
    value = host.kernel("vm.overcommit_memory")
    if value is None:
        return None
    protected = host.proc(host.postmaster + "/oom_score_adj") in ("-1000", "-900")
    status = "ok" if value == 2 or (value == 0 and protected) else "warning"
    return (
        str(value),
        "2",
        status,
        "2: memory runs out with an error, no process is killed; or protect the postmaster",
    )


def oom_score(host):
    """How soon the kernel kills the postmaster."""
    text = host.proc(host.postmaster + "/oom_score_adj")
    if text is None:
        return None
    status = "ok" if int(text) < 0 or host.kernel("vm.overcommit_memory") == 2 else "warning"
    return (
        text,
        "-900 or lower",
        status,
        "of the postmaster (OOMScoreAdjust); its children set their own with PG_OOM_ADJUST_VALUE=0",
    )


def transparent_huge_pages(host):
    """Background compaction stalls processes."""
    text = host.read(host.sys_root, "kernel/mm/transparent_hugepage/enabled")
    if text is None or "[" not in text:
        return None
    value = text.split("[")[1].split("]")[0]
    return (
        value,
        "madvise or never",
        "warning" if value == "always" else "ok",
        "always: the kernel's compaction stalls processes",
    )


def huge_pages(host):
    """Page tables of large shared memory cost each connection memory."""
    total, wanted = host.memory("HugePages_Total"), host.number("shared_memory_size_in_huge_pages")
    blocks = host.number("shared_buffers")
    if total is None or blocks is None:
        return None
    note = "with shared_buffers of 8 GB and more: vm.nr_hugepages = shared_memory_size_in_huge_pages, huge_pages = on"
    large = blocks * 8192 >= 8 * GIGABYTE
    recommended = f">= {wanted}" if large and wanted is not None and wanted > 0 else "any"
    enough = total >= wanted if wanted is not None and wanted > 0 else total > 0
    return str(total), recommended, "ok" if enough or not large else "warning", note


def swappiness(host):
    """How eagerly the kernel swaps out processes to keep its cache."""
    value = host.kernel("vm.swappiness")
    if value is None:
        return None
    return (
        str(value),
        "1 to 10",
        "ok" if value <= 10 else "warning",
        "higher: idle parts of the server are swapped out for cache",
    )


def dirty_limit(host, kind, wanted):
    """Bytes of unwritten data, from dirty_bytes or dirty_ratio, whichever is set."""
    value, ratio, total = host.kernel(f"vm.{kind}_bytes"), host.kernel(f"vm.{kind}_ratio"), host.memory("MemTotal")
    if value is None or (value == 0 and None in (ratio, total)):
        return None
    effective = value if value > 0 else total * ratio // 100
    note = f"bytes; from vm.{kind}_bytes" if value > 0 else f"bytes; vm.{kind}_ratio = {ratio} % of memory at most"
    return (
        str(effective),
        f"<= {wanted}",
        "ok" if effective <= wanted else "warning",
        note + "; more makes checkpoints stall",
    )


def dirty_background(host):
    """From here the kernel writes in the background."""
    return dirty_limit(host, "dirty_background", GIGABYTE)


def dirty(host):
    """From here processes that write are made to wait."""
    return dirty_limit(host, "dirty", 4 * GIGABYTE)


def zone_reclaim(host):
    """On machines with several memory nodes."""
    value = host.kernel("vm.zone_reclaim_mode")
    if value is None:
        return None
    return (
        str(value),
        "0",
        "ok" if value == 0 else "warning",
        "else the kernel drops cache rather than use another node's memory",
    )


def cgroup_limits(host):
    """The memory limits of this process's control group and of those above it, in bytes (version 2, then 1)."""
    limits = []
    for line in (host.proc("self/cgroup") or "").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            base, name = "fs/cgroup", "memory.max"
        elif "memory" in controllers.split(","):
            base, name = "fs/cgroup/memory", "memory.limit_in_bytes"
        else:
            continue
        parts = [part for part in path.split("/") if part]
        for depth in range(len(parts) + 1):
            text = host.read(host.sys_root, "/".join([base, *parts[:depth], name]))
            if text is not None:
                limits.append(float("inf") if text == "max" else int(text))
    return limits


def cgroup_memory(host):
    """What a container or a service may use; at the limit the kernel kills."""
    limits, blocks, work = cgroup_limits(host), host.number("shared_buffers"), host.number("work_mem")
    connections, total = host.number("max_connections"), host.memory("MemTotal")
    if not limits or None in (blocks, work, connections, total):
        return None
    value = min(limits)
    # Version 1 says "no limit" with a huge number.
    if value >= total:
        return "unlimited", "any", "ok", "no limit below the machine's memory"
    wanted = blocks * 8192 + connections * work * 1024
    return at_least(value, wanted, "bytes; shared_buffers + max_connections x work_mem")


def shared_memory_filesystem(host):
    """Parallel queries keep their shared memory in /dev/shm; containers often have 64 MB."""
    if host.settings.get("dynamic_shared_memory_type") != "posix":
        return None
    try:
        disk = host.statvfs("/dev/shm")  # noqa: S108
    except OSError:
        return None
    return at_least(
        disk.f_blocks * disk.f_frsize, 256 * MEGABYTE, "bytes of /dev/shm, which parallel queries use (--shm-size)"
    )


CHECKS = (
    ("open_files", open_files),
    ("fs.file-max", all_files),
    ("processes", processes),
    ("locked_memory", locked_memory),
    ("vm.overcommit_memory", overcommit),
    ("oom_score_adj", oom_score),
    ("transparent_huge_pages", transparent_huge_pages),
    ("huge_pages", huge_pages),
    ("vm.swappiness", swappiness),
    ("vm.dirty_background", dirty_background),
    ("vm.dirty", dirty),
    ("vm.zone_reclaim_mode", zone_reclaim),
    ("cgroup_memory", cgroup_memory),
    ("dev_shm", shared_memory_filesystem),
)


def host_limits(host):
    """A row (dict) for each check; status unknown where the host does not tell."""
    rows = []
    for name, check in CHECKS:
        try:
            answer = check(host)
        except ValueError as error:
            answer = (None, None, "unknown", f"not understood: {error}")
        if answer is None:
            answer = (None, None, "unknown", "this host does not tell, or it does not apply")
        rows.append(dict(zip(("name", "value", "recommended", "status", "note"), (name, *answer), strict=True)))
    return rows
