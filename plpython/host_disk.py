"""How full the filesystems below PostgreSQL's directories are. Plain Python, no server needed."""

import os
from pathlib import Path


def unescape(text):
    """A path of /proc/mounts, where blanks and backslashes are octal numbers."""
    parts = text.split("\\")
    return parts[0] + "".join(chr(int(part[:3], 8)) + part[3:] for part in parts[1:])


def mount_points(proc_root):
    """{mount point: filesystem type}; empty where there is no /proc."""
    try:
        with (Path(proc_root) / "self/mounts").open(encoding="utf-8", errors="surrogateescape") as file:
            fields = [line.split() for line in file]
    except OSError:
        return {}
    return {unescape(field[1]): field[2] for field in fields if len(field) >= 3}


def mount_of(path, mounts):
    """The mount point that holds `path`, or None."""
    below = [point for point in mounts if path == point or path.startswith(point.rstrip("/") + "/")]
    return max(below, key=len, default=None)


def percent_used(total, free):
    """Share in use, 0..100, of what the server's user may have; None where the filesystem does not count."""
    return round(100 * (total - free) / total, 1) if total > 0 else None


def judge(percents, thresholds):
    """The status for the fullest of what is known."""
    worst = max((percent for percent in percents if percent is not None), default=None)
    if worst is None:
        return "unknown"
    warning, critical = thresholds
    return "critical" if worst >= critical else "warning" if worst >= warning else "ok"


def directory_row(name, path, mounts, statvfs, thresholds):
    """One row of host_disk: sizes in bytes, percent 0..100; None with a note where it cannot be had."""
    row = {
        "name": name,
        "path": path,
        "mount": None,
        "filesystem": None,
        "total_bytes": None,
        "free_bytes": None,
        "percent_used": None,
        "free_inodes": None,
        "percent_inodes_used": None,
        "status": "unknown",
        "note": None,
    }
    if path is None:
        row["note"] = "the path is hidden: the caller needs pg_read_all_settings (or pg_monitor)"
        return row
    try:
        row["path"] = str(Path(path).resolve())
        disk = statvfs(row["path"])
    except OSError as error:
        row["note"] = f"cannot be read: {error.strerror}"
        return row
    row["mount"] = mount_of(row["path"], mounts)
    row["filesystem"] = mounts.get(row["mount"])
    # Blocks that are reserved for root are not free for the server, and not its total either.
    usable = disk.f_blocks - disk.f_bfree + disk.f_bavail
    row["total_bytes"] = usable * disk.f_frsize
    row["free_bytes"] = disk.f_bavail * disk.f_frsize
    row["percent_used"] = percent_used(usable, disk.f_bavail)
    row["percent_inodes_used"] = percent_used(disk.f_files, disk.f_favail)
    row["free_inodes"] = disk.f_favail if disk.f_files > 0 else None
    row["status"] = judge([row["percent_used"], row["percent_inodes_used"]], thresholds)
    if disk.f_files == 0:
        row["note"] = "the filesystem does not count inodes"
    return row


def directories(data_directory, log_directory, tablespaces):
    """(name, path) of what PostgreSQL writes to; a log_directory of None: the server writes no log files."""
    if data_directory is None:
        return [("data_directory", None)]
    data = Path(data_directory)
    found = [("data_directory", data_directory), ("pg_wal", str(data / "pg_wal"))]
    found += [(f"tablespace {name}", path) for name, path in tablespaces]
    # PostgreSQL makes the directory for temporary files when it needs it.
    temporary = data / "base" / "pgsql_tmp"
    found.append(("temporary files", str(temporary if temporary.is_dir() else temporary.parent)))
    if log_directory is not None:
        found.append(("log_directory", str(data / log_directory)))
    return found


def host_disk(paths, thresholds=(80, 90), proc_root="/proc", statvfs=os.statvfs):
    """A row (dict) for each (name, path); `thresholds` are the percentages of warning and critical."""
    mounts = mount_points(proc_root)
    return [directory_row(name, path, mounts, statvfs, thresholds) for name, path in paths]
