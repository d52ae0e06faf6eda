"""Files that are published inside a zip archive."""

import shutil
import zlib
from pathlib import Path
from zipfile import BadZipFile, ZipFile, ZipInfo

from benchmark.datasets.locations import Locations
from benchmark.datasets.storage import exclusive, written_whole


def fetch_member(
    locations: Locations, folder: str, name: str, url: str | None, sha256: str | None = None
) -> Path:
    """The path of file ``name`` of the data set kept in ``folder``, unpacked where it has to be.

    A loose file is taken first; otherwise the zip archive at ``url`` is looked for like any other
    file, or downloaded, and all its files are unpacked into ``cache/folder``, whatever folders the
    archive has. ``sha256`` is that of the archive. Raises ValueError when the archive is damaged
    or does not hold the file.
    """
    if url is None or locations.find(folder, name) is not None:
        return locations.fetch(folder, name)
    archive = locations.fetch(folder, url.rsplit("/", 1)[-1], url, sha256)
    target = locations.cache / folder
    with exclusive(target / f"{archive.name}.unpack.lock"):
        if not (target / name).is_file():
            _unpack(archive, target)
    if not (target / name).is_file():
        raise ValueError(f"{archive} holds no file {name}: get the archive from {url}")
    return target / name


def _unpack(archive: Path, target: Path) -> None:
    try:
        with ZipFile(archive) as opened:
            for member in opened.infolist():
                name = Path(member.filename).name
                # macOS adds a shadow "__MACOSX/._NAME" of every file.
                if not member.is_dir() and not name.startswith("."):
                    with written_whole(target / name) as temporary:
                        _copy(opened, member, temporary)
    except (BadZipFile, EOFError, zlib.error) as error:
        raise ValueError(
            f"{archive} is not a whole zip archive ({error}): fetch it again"
        ) from error


def _copy(opened: ZipFile, member: ZipInfo, path: Path) -> None:
    with opened.open(member) as file, path.open("wb") as copy:
        shutil.copyfileobj(file, copy)
