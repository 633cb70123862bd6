"""Modes, owners and contents on the host that decide who can get at the server. Plain Python, no server needed.

A fact is a dict: path, mode (octal text), owner, detail (dict; None: could not be read), note.
"""

import json
import os
import pwd
import stat
from pathlib import Path

# More log files are not looked at; the newest are.
MOST_LOG_FILES = 1000


def owner_name(uid):
    """The name of a user, or its number."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def fact(path, detail=None, note=None):
    """A fact about something that has no mode of interest."""
    return {"path": str(path), "mode": None, "owner": None, "detail": detail, "note": note}


def file_fact(path, **detail):
    """Mode and owner of a file or directory; links are followed."""
    try:
        found = Path(path).stat()
    except OSError as error:
        return fact(path, note=error.strerror)
    bits = stat.S_IMODE(found.st_mode)
    row = fact(path, {"bits": bits, "server_user": owner_name(os.geteuid()), **detail})
    row["mode"], row["owner"] = f"{bits:04o}", owner_name(found.st_uid)
    return row


# --- X.509: the little of DER that tells a certificate's dates, key and signature (RFC 5280).

SIGNATURES = {
    "1.2.840.113549.1.1.4": "md5WithRSA",
    "1.2.840.113549.1.1.5": "sha1WithRSA",
    "1.2.840.113549.1.1.10": "rsaPSS",
    "1.2.840.113549.1.1.11": "sha256WithRSA",
    "1.2.840.113549.1.1.12": "sha384WithRSA",
    "1.2.840.113549.1.1.13": "sha512WithRSA",
    "1.2.840.10045.4.1": "ecdsaWithSHA1",
    "1.2.840.10045.4.3.2": "ecdsaWithSHA256",
    "1.2.840.10045.4.3.3": "ecdsaWithSHA384",
    "1.2.840.10045.4.3.4": "ecdsaWithSHA512",
    "1.3.101.112": "ed25519",
    "1.3.101.113": "ed448",
}
CURVE_BITS = {
    "1.2.840.10045.3.1.1": 192,
    "1.3.132.0.33": 224,
    "1.2.840.10045.3.1.7": 256,
    "1.3.132.0.10": 256,
    "1.3.132.0.34": 384,
    "1.3.132.0.35": 521,
}


def read_tlv(data, at):
    """(tag, start, end) of the element at `at`; its content is data[start:end]."""
    tag, length, start = data[at], data[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        length = int.from_bytes(data[start : start + size], "big")
        start += size
    if start + length > len(data):
        raise ValueError("the certificate ends too early")
    return tag, start, start + length


def children(data, start, end):
    """The elements in data[start:end]: (tag, start of the element, start of its content, end)."""
    found, at = [], start
    while at < end:
        tag, content, after = read_tlv(data, at)
        found.append((tag, at, content, after))
        at = after
    return found


def object_identifier(content):
    """An OID in dotted form."""
    numbers, value = [], 0
    for byte in content:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(value)
            value = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(str(number) for number in [first, numbers[0] - 40 * first, *numbers[1:]])


def point_in_time(tag, content):
    """UTCTime (tag 23) or GeneralizedTime as ISO 8601."""
    text = content.decode("ascii").rstrip("Z")
    if tag == 23:
        text = ("20" if int(text[:2]) < 50 else "19") + text
    year, month, day, hour, minute, second = text[:4], *(text[at : at + 2] for at in range(4, 14, 2))
    return f"{year}-{month}-{day}T{hour}:{minute}:{second}+00:00"


def public_key(data, start, end):
    """(type, bits) of a SubjectPublicKeyInfo: rsa, ec, or another algorithm's OID with None."""
    algorithm, key = children(data, start, end)
    parts = children(data, algorithm[2], algorithm[3])
    name = object_identifier(data[parts[0][2] : parts[0][3]])
    if name == "1.2.840.113549.1.1.1":
        (_, sequence, after) = read_tlv(data, key[2] + 1)
        modulus = children(data, sequence, after)[0]
        return "rsa", int.from_bytes(data[modulus[2] : modulus[3]], "big").bit_length()
    if name == "1.2.840.10045.2.1":
        return "ec", CURVE_BITS.get(object_identifier(data[parts[1][2] : parts[1][3]]))
    return {"1.3.101.112": ("ed25519", 256), "1.3.101.113": ("ed448", 456)}.get(name, (name, None))


def pem_to_der(text):
    """The first certificate of a PEM file."""
    import base64

    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    if begin not in text or end not in text:
        raise ValueError("no certificate in the file")
    return base64.b64decode(text.split(begin, 1)[1].split(end, 1)[0])


def certificate_detail(text):
    """What a certificate says: not_before, not_after (ISO 8601), signature, key_type, key_bits, self_signed."""
    data = pem_to_der(text)
    _, start, end = read_tlv(data, 0)
    to_be_signed = children(data, start, end)[0]
    fields = children(data, to_be_signed[2], to_be_signed[3])
    if fields[0][0] == 0xA0:  # the version; absent in version 1
        fields = fields[1:]
    _, signature, issuer, validity, subject, key = fields[:6]
    not_before, not_after = children(data, validity[2], validity[3])
    oid = object_identifier(data[slice(*children(data, signature[2], signature[3])[0][2:])])
    key_type, key_bits = public_key(data, key[2], key[3])
    return {
        "not_before": point_in_time(not_before[0], data[not_before[2] : not_before[3]]),
        "not_after": point_in_time(not_after[0], data[not_after[2] : not_after[3]]),
        "signature": SIGNATURES.get(oid, oid),
        "key_type": key_type,
        "key_bits": key_bits,
        "self_signed": data[issuer[1] : issuer[3]] == data[subject[1] : subject[3]],
    }


# --- the kinds of facts


class Host:
    """What the facts are read from; a test plants other roots."""

    def __init__(self, settings, programs=(), *, proc_root="/proc", etc_root="/etc", home=None, postmaster_pid=None):
        """PostgreSQL's settings as text, the directories of its programs; home: of the server's user."""
        self.settings = settings
        self.programs = programs
        self.proc = Path(proc_root) / ("self" if postmaster_pid is None else str(postmaster_pid))
        self.etc = Path(etc_root)
        self.home = Path(pwd.getpwuid(os.geteuid()).pw_dir if home is None else home)

    def path(self, setting):
        """The path in a setting, absolute; None: empty or hidden from the caller."""
        value = self.settings.get(setting)
        return Path(self.settings["data_directory"]) / value if value else None


def data_directory(host):
    """The data directory."""
    return [file_fact(host.settings["data_directory"])]


def configuration(host):
    """The configuration files, and those that they include."""
    paths = {str(host.path(name)) for name in ("config_file", "hba_file", "ident_file") if host.path(name)}
    paths.add(str(Path(host.settings["data_directory"]) / "postgresql.auto.conf"))
    return [file_fact(path) for path in sorted(paths | set(host.settings.get("included files", ())))]


def private_key(host):
    """The key of the server's certificate."""
    path = host.path("ssl_key_file")
    return [] if path is None else [file_fact(path)]


def certificate(host):
    """The server's certificate."""
    path = host.path("ssl_cert_file")
    if path is None:
        return []
    try:
        text = path.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        return [fact(path, note=error.strerror)]
    try:
        return [file_fact(path, **certificate_detail(text))]
    except (ValueError, IndexError) as error:
        return [fact(path, note=f"cannot be understood: {error}")]


def socket_directory(host):
    """Where the Unix sockets are."""
    names = (name.strip(' "') for name in host.settings.get("unix_socket_directories", "").split(","))
    return [file_fact(name) for name in names if name.startswith("/")]


def log_file(host):
    """The newest log files."""
    directory = host.path("log_directory")
    if directory is None:
        return []
    try:
        files = [entry for entry in os.scandir(directory) if entry.is_file()]
    except OSError as error:
        return [fact(directory, note=error.strerror)]
    files.sort(key=lambda entry: entry.stat().st_mtime, reverse=True)
    return [file_fact(entry.path) for entry in files[:MOST_LOG_FILES]]


def program_directory(host):
    """Where programs, libraries and extension scripts are."""
    return [file_fact(path) for path in host.programs]


def wal_directory(host):
    """Whether WAL is on the filesystem of the data."""
    data = Path(host.settings["data_directory"])
    wal = data / "pg_wal"
    try:
        return [file_fact(wal, same_filesystem=wal.stat().st_dev == data.stat().st_dev)]
    except OSError as error:
        return [fact(wal, note=error.strerror)]


def program(host):
    """The file of the running server: whether it was replaced."""
    try:
        path = str((host.proc / "exe").readlink())
    except OSError as error:
        return [fact(host.proc / "exe", note=error.strerror)]
    suffix = " (deleted)"
    return [fact(path.removesuffix(suffix), {"replaced": path.endswith(suffix)})]


def environment(host):
    """Whether the server was started with a password in its environment, and its limit for core dumps in bytes."""
    try:
        names = [item.split(b"=", 1)[0] for item in (host.proc / "environ").read_bytes().split(b"\0")]
        limits = (host.proc / "limits").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError as error:
        return [fact(host.proc, note=error.strerror)]
    label = "Max core file size"
    core = next((line[len(label) :].split()[0] for line in limits if line.startswith(label)), None)
    return [fact(host.proc, {"password": b"PGPASSWORD" in names, "core_file_size": core})]


def searched(path, found):
    """Whether a line of a text file is what is looked for; no fact where there is no such file."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        return [fact(path, note=error.strerror)]
    return [file_fact(path, password=any(found(line.strip()) for line in lines))]


def profile(host):
    """Files that a login of the server's user reads: whether they set PGPASSWORD."""
    names = (".profile", ".bash_profile", ".bashrc", ".bash_login", ".zshrc", ".pam_environment")
    paths = [*(host.home / name for name in names), host.etc / "environment", host.etc / "profile"]
    return [
        row
        for path in paths
        for row in searched(path, lambda line: not line.startswith("#") and "PGPASSWORD" in line.replace(" ", ""))
    ]


def service_file(host):
    """Connection service files: whether they have a password."""
    folders = (host.etc, host.etc / "postgresql-common")
    paths = [host.home / ".pg_service.conf", *(folder / "pg_service.conf" for folder in folders)]
    return [row for path in paths for row in searched(path, lambda line: line.replace(" ", "").startswith("password="))]


def history(host):
    """Psql's history of the server's user: kept, unless it is a link to a device such as /dev/null."""
    path = host.home / ".psql_history"
    return [file_fact(path, kept=path.is_file())] if path.exists() else []


KINDS = {
    "certificate": certificate,
    "configuration": configuration,
    "data_directory": data_directory,
    "environment": environment,
    "history": history,
    "log_file": log_file,
    "private_key": private_key,
    "profile": profile,
    "program": program,
    "program_directory": program_directory,
    "service_file": service_file,
    "socket_directory": socket_directory,
    "wal_directory": wal_directory,
}


def host_security(host, kind=None):
    """The facts of one kind, or of all: rows with kind, path, mode, owner, detail (JSON text), note."""
    if host.settings.get("data_directory") is None:
        note = "paths are hidden: the caller needs pg_read_all_settings (or pg_monitor)"
        found = [(name, fact("", note=note)) for name in KINDS if kind in (None, name)]
    else:
        found = [(name, row) for name, look in KINDS.items() if kind in (None, name) for row in look(host)]
    return [
        {**row, "kind": name, "detail": None if row["detail"] is None else json.dumps(row["detail"])}
        for name, row in found
    ]
