"""What the libcrypto of this process does in FIPS terms, asked of itself. Plain Python, no server needed."""

import ctypes
import ctypes.util
from pathlib import Path


def mapped_library(proc_root="/proc"):
    """The path of the libcrypto that this process has loaded; None: none is."""
    try:
        with (Path(proc_root) / "self/maps").open(encoding="utf-8", errors="surrogateescape") as file:
            paths = {line.split(maxsplit=5)[-1].strip() for line in file if "libcrypto" in line}
    except OSError:
        return None
    return min(paths, default=None)


def kernel_mode(proc_root="/proc"):
    """Whether the kernel runs in FIPS mode: on, off; None: it does not say."""
    try:
        text = (Path(proc_root) / "sys/crypto/fips_enabled").read_text(encoding="ascii").strip()
    except OSError:
        return None
    return "on" if text == "1" else "off"


def function(library, name, result, *arguments):
    """A function of the library with its types; None: this version has none."""
    try:
        found = getattr(library, name)
    except AttributeError:
        return None
    found.restype, found.argtypes = result, arguments
    return found


def loaded_library(path):
    """The library that the program itself is linked with; else the one at `path`.

    A Python module may have loaded another libcrypto, for itself only.
    """
    program = ctypes.CDLL(None)
    return ctypes.CDLL(path) if function(program, "OpenSSL_version", ctypes.c_char_p, ctypes.c_int) is None else program


def version(library):
    """The version that the library tells, e.g. "OpenSSL 3.0.17 1 Jul 2025"."""
    tell = function(library, "OpenSSL_version", ctypes.c_char_p, ctypes.c_int)
    return None if tell is None else tell(0).decode("ascii", "replace")


def available_providers(library):
    """Which of OpenSSL 3's providers are active in the process; None: an OpenSSL without providers."""
    ask = function(library, "OSSL_PROVIDER_available", ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p)
    if ask is None:
        return None
    return [name for name in ("fips", "default", "legacy", "base") if ask(None, name.encode("ascii")) == 1]


def default_properties(library):
    """Whether algorithms are taken from FIPS implementations only: on, off; None: not known.

    Before OpenSSL 3 the library has FIPS_mode() where it was built for it.
    """
    ask = function(library, "EVP_default_properties_is_fips_enabled", ctypes.c_int, ctypes.c_void_p)
    if ask is not None:
        return "on" if ask(None) == 1 else "off"
    old = function(library, "FIPS_mode", ctypes.c_int)
    return None if old is None else "on" if old() == 1 else "off"


def digest_provider(library, name, properties=None):
    """The provider that a digest comes from now; "refused" where none gives it; None: not known."""
    fetch = function(library, "EVP_MD_fetch", ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p)
    if fetch is None:
        return None
    digest = fetch(None, name.encode("ascii"), None if properties is None else properties.encode("ascii"))
    if not digest:
        # The library keeps a queue of errors per thread; what fails next must not find this one.
        function(library, "ERR_clear_error", None)()
        return "refused"
    try:
        provider = function(library, "EVP_MD_get0_provider", ctypes.c_void_p, ctypes.c_void_p)(digest)
        return function(library, "OSSL_PROVIDER_get0_name", ctypes.c_char_p, ctypes.c_void_p)(provider).decode("ascii")
    finally:
        function(library, "EVP_MD_free", None, ctypes.c_void_p)(digest)


def host_fips(proc_root="/proc", path=None):
    """Rows with fact, value (None: not known) and note. `path`: another library than the process's own."""
    rows = [
        {"fact": "kernel_mode", "value": kernel_mode(proc_root), "note": "/proc/sys/crypto/fips_enabled"},
    ]
    loaded = mapped_library(proc_root)
    if path is None and loaded is None:
        rows.append({"fact": "library", "value": None, "note": "no libcrypto is loaded in the server's process"})
        return rows
    library = loaded_library(loaded) if path is None else ctypes.CDLL(path)
    path = path or loaded
    providers = available_providers(library)
    facts = {
        "library": version(library),
        "default_properties": default_properties(library),
        "providers": None if providers is None else ", ".join(providers),
        "md5": digest_provider(library, "MD5"),
        "sha256": digest_provider(library, "SHA2-256"),
        "sha256_fips": digest_provider(library, "SHA2-256", "fips=yes"),
    }
    return rows + [{"fact": name, "value": value, "note": path} for name, value in facts.items()]
