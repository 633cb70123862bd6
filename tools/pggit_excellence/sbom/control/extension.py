"""An extension as its files say: control file, versions, the way to install the default one."""

from __future__ import annotations

import os
from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import islice, takewhile
from pathlib import Path

from pggit_excellence.sbom.control.control_file import Control, read_control, read_version_control
from pggit_excellence.sbom.control.settings import ControlError
from pggit_excellence.sbom.control.versions import Versions, install_path, version_graph

SUFFIX = ".control"
# The sorted names in each folder that was read.
Listings = dict[Path, list[bytes]]


@dataclass
class Extension:
    """What one control file stands for.

    `control` is None where `error` says why the server refuses it. `scripts` are the files in `folder` from which the
    versions come.
    """

    name: str
    path: Path
    control: Control | None = None
    error: ControlError | None = None
    folder: Path | None = None
    scripts: list[str] = field(default_factory=list)
    versions: Versions = field(default_factory=dict)


@dataclass(frozen=True)
class Available:
    """One row of pg_available_extension_versions."""

    version: str
    superuser: bool
    trusted: bool
    relocatable: bool
    schema: str | None
    requires: tuple[str, ...]
    comment: str | None


def extension_name(file_name: str) -> str | None:
    """The extension whose control file has this name; None: it is none, or that of a version."""
    name = file_name.removesuffix(SUFFIX)
    return None if name == file_name or "--" in name else name


def read_extension(path: Path, base: Path, major: int, listings: Listings | None = None) -> Extension:
    """The extension with the control file `path`; `base` is what a relative `directory` is below (SHAREDIR).

    `listings` keeps what is in a folder for the next extension of it.
    """
    extension = Extension(path.name.removesuffix(SUFFIX), path)
    try:
        extension.control = read_control(path, major)
        extension.folder = script_folder(extension.control, path, base)
        extension.scripts = _scripts(extension.name, extension.folder, path, {} if listings is None else listings)
    except ControlError as error:
        extension.error = error
    except FileNotFoundError:
        extension.error = ControlError(path, 0, "no such file")
    extension.versions = version_graph(extension.name, extension.scripts)
    return extension


def script_folder(control: Control, path: Path, base: Path) -> Path:
    """Where the scripts are: beside the control file, or in `directory`."""
    return path.parent if control.directory is None else base / control.directory


def _scripts(name: str, folder: Path, path: Path, listings: Listings) -> list[str]:
    try:
        if folder not in listings:
            listings[folder] = sorted(os.listdir(os.fsencode(folder)))  # noqa: PTH208  # as bytes, whatever the locale
    except (OSError, ValueError) as error:
        why = (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
        raise ControlError(path, 0, f"its scripts should be in {folder}: {why}") from None
    names, prefix = listings[folder], os.fsencode(name) + b"--"
    first = bisect_left(names, prefix)
    ours = takewhile(lambda one: one.startswith(prefix), islice(names, first, None))
    return [os.fsdecode(one) for one in ours if one.endswith(b".sql")]


def version_control(extension: Extension, version: str, major: int) -> Control:
    """The parameters of a version. ControlError: the server refuses its control file."""
    if extension.control is None or extension.folder is None:
        raise extension.error or ControlError(extension.path, 0, "cannot be read")
    path = extension.folder / f"{extension.name}--{version}{SUFFIX}"
    return read_version_control(extension.control, path, major)


def available_versions(extension: Extension, major: int) -> list[Available]:
    """What pg_available_extension_versions shows. ControlError: the server refuses one of the control files.

    A version that only update scripts lead to has comment and schema of the version that it is installed from.
    """
    if extension.error is not None:
        raise extension.error
    rows = []
    for name in extension.versions:
        path = install_path(extension.versions, name)
        if path is not None:
            control = version_control(extension, name, major)
            first = version_control(extension, path[0], major)
            rows.append(
                Available(
                    version=name,
                    superuser=control.superuser,
                    trusted=control.trusted,
                    relocatable=control.relocatable,
                    schema=first.schema,
                    requires=control.requires,
                    comment=first.comment,
                )
            )
    return rows
