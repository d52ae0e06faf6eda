"""Where the files of a data set are looked for, in zip archives too, and where they are put."""

import errno
import lzma
import shutil
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit
from zipfile import BadZipFile, ZipFile, ZipInfo

from benchmark.storage.download import download
from benchmark.storage.files import discard, exclusive, sha256_of, written_whole
from benchmark.storage.formats import Kind, content_checksum, kind_by_name, packing_of, problem_of


class NotDownloadedError(FileNotFoundError):
    """A file that could be fetched, and must not be now."""


@dataclass(frozen=True)
class Locations:
    """The user's own folder of data, which is only read, and a cache, which may be deleted.

    Without ``may_download`` what would be fetched raises ``NotDownloadedError``.
    """

    root: Path | None
    cache: Path
    may_download: bool = True

    def __post_init__(self) -> None:
        if self.root is not None and self.cache.resolve().is_relative_to(self.root.resolve()):
            raise ValueError(
                f"cache_dir {self.cache} lies inside datasets_root {self.root}, which is never "
                "written to: choose a cache_dir outside it"
            )

    def fetch(
        self,
        folder: str,
        name: str,
        url: str | None = None,
        sha256: str | None = None,
        kind: Kind | None = None,
    ) -> Path:
        """The path of file ``name``, plain or gzipped, of the data set kept in ``folder``.

        It is looked for in ``root/folder``, ``root`` and ``cache/folder``, then fetched from
        ``url`` into ``cache/folder``. A file in the cache that cannot be of ``kind`` (None: that
        of its name) is discarded. Raises FileNotFoundError when it cannot be had and ValueError
        when its checksum is not ``sha256``.
        """
        if self.root is not None and not self.root.is_dir():
            raise FileNotFoundError(
                f"datasets_root {self.root} is no folder: correct datasets_root or DATASETS_ROOT"
            )
        found = self.find(folder, name, kind)
        if found is None:
            if url is None:
                home = self.root or self.cache
                raise FileNotFoundError(
                    f"{name} is in none of {', '.join(map(str, self._folders(folder)))}: put it at "
                    f"{home / folder / name} or set datasets_root to the folder that holds it"
                )
            if not self.may_download:
                raise NotDownloadedError(f"{name} is not there yet and would be fetched from {url}")
            zipped = urlsplit(url).path.endswith(".gz") and not name.endswith(".gz")
            target = self.cache / folder / (f"{name}.gz" if zipped else name)
            with exclusive(target):
                found = self.find(folder, name, kind)  # another process may have fetched it
                if found is None:
                    download(url, target, sha256, kind)
                    return target
        if sha256 is not None and (digest := sha256_of(found)) != sha256:
            remedy = f"delete {found}" if self.owns(found) else "replace the file"
            raise ValueError(
                f"{found} has sha256 {digest} but {sha256} is expected: {remedy}, or set "
                "dataset.sha256=null to take it as it is"
            )
        return found

    def find(self, folder: str, name: str, kind: Kind | None = None) -> Path | None:
        """Like ``fetch``, but None where the file is in none of the folders."""
        for place in self._folders(folder):
            for path in (place / name, place / f"{name}.gz"):
                if path.is_file() and not self._discarded(path, kind):
                    return path
        return None

    def owns(self, path: Path) -> bool:
        """Whether a file lies in the cache, where it can be had again."""
        return path.is_relative_to(self.cache)

    def _discarded(self, path: Path, kind: Kind | None) -> bool:
        """Remove a wrong file, such as a web page, that an earlier run left in the cache."""
        if not self.owns(path):
            return False
        problem = problem_of(path, kind or kind_by_name(path))
        if problem is None:
            try:
                content_checksum(path, self.cache)  # reads to the end, once
                return False
            except ValueError:
                problem = "is not whole"
        print(f"{path} {problem}: it is discarded", file=sys.stderr, flush=True)
        discard(path)
        return True

    def _folders(self, folder: str) -> list[Path]:
        own = [] if self.root is None else [self.root / folder, self.root]
        return [*own, self.cache / folder]


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
