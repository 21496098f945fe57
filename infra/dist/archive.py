"""Zip archives that are the same bytes whenever they are made from the same files."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# The first moment that a zip can hold: no file has the time at which it was built.
# https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.4.6
EPOCH = (1980, 1, 1, 0, 0, 0)
# The upper byte of "version made by": the attributes are those of Unix, on whatever machine the archive is made. Lambda needs the
# permission to execute of a bootstrap (https://docs.aws.amazon.com/lambda/latest/dg/configuration-function-zip.html).
UNIX = 3
REGULAR_FILE = 0o100000


@dataclass(frozen=True)
class Entry:
    """A file of an archive."""

    content: bytes
    executable: bool = False


def from_directory(directory: Path, below: str = "") -> dict[str, Entry]:
    """The files of a directory, but for hidden ones, under their names in an archive."""
    files = (path for path in directory.rglob("*") if path.is_file())
    shown = (path for path in files if not any(part.startswith(".") for part in path.relative_to(directory).parts))
    return {below + path.relative_to(directory).as_posix(): Entry(path.read_bytes()) for path in shown}


def write(file: Path, entries: Mapping[str, Entry], level: int = 9) -> None:
    """Writes an archive whose bytes depend on its entries alone, for one version of zlib and one level of its effort."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for name in sorted(entries):
            # An archive inside does not become smaller.
            how = zipfile.ZIP_STORED if name.endswith(".zip") else zipfile.ZIP_DEFLATED
            archive.writestr(_header(name, entries[name].executable), entries[name].content, how, level)


def _header(name: str, executable: bool) -> zipfile.ZipInfo:
    header = zipfile.ZipInfo(name, EPOCH)
    header.create_system = UNIX
    header.external_attr = (REGULAR_FILE | (0o755 if executable else 0o644)) << 16
    return header
