"""Files on disk: whole or absent, made by one process at a time, known by their checksum."""

import bz2
import errno
import fcntl
import gzip
import hashlib
import lzma
import os
import shutil
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from glob import escape
from io import BufferedIOBase
from pathlib import Path
from typing import Any
from uuid import uuid4

UNPACKERS: dict[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}
CLOCK_GRAIN_NS = 1_000_000_000  # two changes of a file within it may leave the same times
FULL_DISK = (errno.ENOSPC, errno.EDQUOT)


def sha256_of(path: Path) -> str:
    """The sha256 of a file as it lies, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def open_unpacked(path: Path) -> Iterator[BufferedIOBase]:
    """The bytes of a file, unpacked where it is gzip, bzip2 or xz whatever its name.

    Raises ValueError, also while they are read, where it is packed and damaged.
    """
    with path.open("rb") as packed:
        start = packed.read(6)
    openers = (opener for magic, opener in UNPACKERS.items() if start.startswith(magic))
    try:
        with next(openers, open)(path, "rb") as file:
            yield file
    except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
        if getattr(error, "errno", None) is not None:  # of the disk, not of the packing
            raise
        raise ValueError(f"{path} is not a whole packed file ({error}): fetch it again") from error


def content_checksum(path: Path, cache: Path) -> str:
    """The sha256 of what a file holds, unpacked; kept while its size and times stay the same.

    Raises ValueError when the file is packed and damaged.
    """
    before = _identity(path)
    note = cache / "checksums" / hashlib.sha256(before.encode()).hexdigest()
    with suppress(OSError, ValueError):
        digest, seal = note.read_text().split()
        if seal == _seal(before, digest):
            return digest
    settled = path.stat().st_ctime_ns < time.time_ns() - CLOCK_GRAIN_NS
    with open_unpacked(path) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if settled and _identity(path) == before:
        with suppress(ValueError), written_whole(note) as temporary:
            temporary.write_text(f"{digest} {_seal(before, digest)}")
    return digest


def _identity(path: Path) -> str:
    status = path.stat()
    return f"{path.resolve()} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


def _seal(identity: str, digest: str) -> str:
    """Tells a checksum that was noted for a file from one that is damaged."""
    return hashlib.sha256(f"{identity} {digest}".encode()).hexdigest()


@contextmanager
def writing_into(folder: Path) -> Iterator[None]:
    """Turn the disk's refusal to write into ``folder`` into a ValueError of one sentence."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL_DISK and not str(error.filename).startswith(str(folder)):
            raise
        raise ValueError(
            f"{folder} cannot be written to ({error.strerror}): set cache_dir to a folder that "
            "can, on a disk with room"
        ) from error


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Make ``path`` while other processes wait; the lock dies with its holder.

    What a process that was killed left unfinished of ``path`` is removed first.
    """
    with writing_into(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.with_name(path.name + ".lock").open("w")
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for leftover in path.parent.glob(f".{escape(path.name)}.*.tmp"):
            discard(leftover)
        yield


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary path, for a file or a folder of files, that becomes ``path`` after the block.

    What is at ``path`` is replaced then, and stays on an error. Raises ValueError when it cannot
    be written there.
    """
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:12]}.tmp")
    with writing_into(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            publish(temporary, path)
        finally:
            discard(temporary)


def publish(finished: Path, path: Path) -> None:
    """Let a file or a folder of files, once it is safely on disk, take the place of ``path``."""
    for part in finished.iterdir() if finished.is_dir() else [finished]:
        with part.open("rb") as file:
            os.fsync(file.fileno())
    if path.is_dir() or finished.is_dir():
        discard(path)
    finished.replace(path)


def discard(path: Path) -> None:
    """Remove a file or a folder, where there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
