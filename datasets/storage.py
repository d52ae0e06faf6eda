"""Files on disk: whole or absent, locked, known by their checksum, and prepared tensors kept."""

import bz2
import fcntl
import gzip
import hashlib
import lzma
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

UNPACKERS: dict[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}


def sha256_of(path: Path) -> str:
    """The sha256 of a file as it lies, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def open_unpacked(path: Path) -> BufferedIOBase:
    """The bytes of a file, unpacked where it is gzip, bzip2 or xz whatever its name."""
    with path.open("rb") as file:
        start = file.read(6)
    for magic, opener in UNPACKERS.items():
        if start.startswith(magic):
            return cast(BufferedIOBase, opener(path, "rb"))
    return path.open("rb")


def content_checksum(path: Path, cache: Path) -> str:
    """The sha256 of what a file holds, unpacked; kept while its size and times stay the same."""
    status = path.stat()
    identity = f"{path.resolve()} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"
    note = cache / "checksums" / hashlib.sha256(identity.encode()).hexdigest()
    if not note.is_file():
        try:
            with open_unpacked(path) as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
            if getattr(error, "errno", None) is not None:  # of the disk, not of the packing
                raise
            raise ValueError(
                f"{path} is not a whole packed file ({error}): fetch it again"
            ) from error
        with written_whole(note) as temporary:
            temporary.write_text(digest)
    return note.read_text()


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file ``path``; other processes wait, and the lock dies with its holder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary path that becomes ``path`` at the end of the block, or vanishes on an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def prepared_tensors(path: Path, build: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """The tensors in ``path``, built and written first where the file does not exist.

    They are memory-mapped: processes on one machine share them, and what is not used is not read.
    One process builds while others wait. Raises ValueError when the file is damaged.
    """
    if not path.exists():
        with exclusive(path.with_name(path.name + ".lock")):
            if not path.exists():
                tensors = build()
                with written_whole(path) as temporary:
                    torch.save(tensors, temporary)
    try:
        return torch.load(path, weights_only=True, mmap=True)
    except (RuntimeError, EOFError, OSError) as error:
        raise ValueError(f"the cache file {path} is damaged: delete it and run again") from error
