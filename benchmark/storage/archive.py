"""Files that are published inside a zip archive."""

import errno
import lzma
import shutil
import zlib
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit
from zipfile import BadZipFile, ZipFile, ZipInfo

from benchmark.storage.files import exclusive, written_whole
from benchmark.storage.formats import packing_of
from benchmark.storage.leftovers import discard
from benchmark.storage.locations import Locations

DAMAGE = (BadZipFile, EOFError, OSError, UnicodeDecodeError, lzma.LZMAError, zlib.error)
OF_THE_CONTENT = (None, errno.EINVAL)  # error numbers: none of bzip2, that of a place outside
ENCRYPTED = 0x1  # a flag of a member
LARGEST_BYTES = 256 << 30  # of one unpacked file


def fetch_member(
    locations: Locations, folder: str, name: str, url: str | None, sha256: str | None = None
) -> Path:
    """The path of file ``name`` of the data set kept in ``folder``, unpacked where it has to be.

    A loose file is taken first; otherwise the zip archive at ``url`` is looked for like any other
    file, or downloaded, and the file, in whatever folder of the archive, is unpacked into
    ``cache/folder``. ``sha256`` is that of the archive. Raises ValueError when it cannot be
    unpacked; an archive in the cache that does not hold it whole is discarded.
    """
    if url is None or locations.find(folder, name) is not None:
        return locations.fetch(folder, name)
    archive_name = PurePosixPath(urlsplit(url).path).name
    archive = locations.fetch(folder, archive_name, url, sha256, kind="zip")
    path = locations.cache / folder / name
    with exclusive(path):
        if path.is_file():  # another process may have unpacked it meanwhile
            return path
        try:
            _unpack(archive, name, path)
        except _UnusableError as problem:
            remedy = f"fetch it again from {url}, or unpack it by hand and put {name} at {path}"
            if locations.owns(archive):
                discard(archive)
                remedy = f"it was discarded; run again, or put {name} by hand at {path}"
            raise ValueError(f"{archive} {problem}: {remedy}") from problem
    return path


class _UnusableError(Exception):
    """What is wrong with an archive, to be said after its name."""


def _unpack(archive: Path, name: str, path: Path) -> None:
    try:
        with ZipFile(archive) as opened:
            member = _member(opened, name)
            _check_room(archive, member, path.parent)
            with (
                opened.open(member) as packed,
                written_whole(path) as temporary,
                temporary.open("wb") as copy,
            ):
                shutil.copyfileobj(packed, copy, 1 << 20)
    except RuntimeError as error:  # what zipfile says of packing that it does not know
        raise _UnusableError(f"is packed in a way that is not supported ({error})") from error
    except DAMAGE as error:
        if getattr(error, "errno", None) not in OF_THE_CONTENT:
            raise
        packing = packing_of(archive)
        if packing not in (None, "a zip archive"):
            raise _UnusableError(f"is {packing} where a zip archive is expected") from error
        raise _UnusableError(f"is not a whole zip archive ({error})") from error


def _member(opened: ZipFile, name: str) -> ZipInfo:
    """The one file of this name; macOS adds a shadow "__MACOSX/._NAME" of every file."""
    found = [
        member
        for member in opened.infolist()
        if PurePosixPath(member.filename).name == name and not member.is_dir()
    ]
    if not found:
        raise _UnusableError(f"holds no file {name}")
    if len(found) > 1:
        raise _UnusableError(f"holds {' and '.join(member.filename for member in found)}")
    if found[0].flag_bits & ENCRYPTED:
        raise _UnusableError(f"holds {name} encrypted")
    return found[0]


def _check_room(archive: Path, member: ZipInfo, folder: Path) -> None:
    room = min(LARGEST_BYTES, shutil.disk_usage(folder).free)
    if member.file_size > room:
        raise ValueError(
            f"{archive} holds {member.filename} of {member.file_size:,} bytes, but at most "
            f"{room:,} can be unpacked into {folder}: set cache_dir to a folder with more room"
        )
