"""Files on disk: whole or absent, made by one process at a time, known by their checksum."""

import bz2
import fcntl
import gzip
import hashlib
import json
import lzma
import os
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from glob import escape
from io import BufferedIOBase
from pathlib import Path
from typing import Any

from benchmark.errors import FULL_DISK, REFUSALS, PlaceError, refusal
from benchmark.storage.leftovers import collect, discard, temporary_path

UNPACKERS: dict[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}
CLOCK_GRAIN_NS = 1_000_000_000  # two changes of a file within it may leave the same times
MANIFEST = "manifest.json"


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
def writing_into(folder: Path, key: str = "cache_dir") -> Iterator[None]:
    """Turn the system's refusal to write into ``folder`` into a ``PlaceError`` of one sentence.

    ``key`` is the setting that names another place.
    """
    try:
        yield
    except OSError as error:
        ours = error.errno in FULL_DISK or str(error.filename).startswith(str(folder))
        if error.errno not in REFUSALS or not (ours or error.filename is None):
            raise
        raise PlaceError(refusal(error, folder, key)) from error


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
        for leftover in _leftovers(path):
            discard(leftover)
        yield


@contextmanager
def written_whole(path: Path, key: str = "cache_dir", durable: bool = True) -> Iterator[Path]:
    """A temporary path, for a file or a folder of files, that becomes ``path`` after the block.

    What is at ``path`` is replaced then, and stays on an error. ``durable`` waits until it would
    survive a power cut. Raises ``PlaceError`` when it cannot be written there.
    """
    temporary = temporary_path(path)
    with writing_into(path.parent, key):
        path.parent.mkdir(parents=True, exist_ok=True)
        for leftover in _leftovers(path) if durable else ():
            collect(leftover)
        try:
            yield temporary
            publish(temporary, path, durable)
        finally:
            discard(temporary)


def _leftovers(path: Path) -> Iterator[Path]:
    """What is, or was until a kill, about to become ``path``."""
    return path.parent.glob(f".{escape(path.name)}.*.tmp")


def write_whole(path: Path, text: str, key: str = "cache_dir", durable: bool = True) -> None:
    """Let ``text`` be what the file holds, or leave it as it was; as ``written_whole``."""
    with written_whole(path, key, durable) as temporary:
        temporary.write_text(text, encoding="utf-8")


def publish(finished: Path, path: Path, durable: bool = True) -> None:
    """Let a file or a folder of files, once it is safely on disk, take the place of ``path``."""
    if durable:
        for part in [finished, *finished.rglob("*")]:
            _sync(part)
    if path.is_dir() or finished.is_dir():
        discard(path)
    finished.replace(path)
    if durable:
        _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def seal(folder: Path, key: str = "cache_dir", **facts: Any) -> None:
    """Say in a manifest what ``folder`` holds, so that ``sealed`` sees any damage.

    ``facts`` is what else there is to say; also, where they are known, its ``name`` to be and the
    checksums ``sha256`` of its files by name.
    """
    if "sha256" not in facts:
        facts["sha256"] = {path.name: sha256_of(path) for path in folder.iterdir()}
    manifest = {"name": folder.name, **facts}
    write_whole(folder / MANIFEST, json.dumps(manifest, indent=1), key)


def sealed(folder: Path, checksum: Callable[[Path], str] = sha256_of) -> dict[str, Any]:
    """The manifest of a folder that holds, byte for byte, what it held when it was sealed.

    Raises ValueError that says what is missing or has changed.
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        name, sums = manifest["name"], dict(manifest["sha256"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{folder.name} has no {MANIFEST} that can be read") from error
    if name != folder.name:
        raise ValueError(f"{folder.name} was {name}")
    for file, expected in sums.items():
        try:
            found = checksum(folder / file)
        except OSError as error:
            raise ValueError(f"{folder.name}/{file} cannot be read ({error.strerror})") from error
        if found != expected:
            raise ValueError(f"{folder.name}/{file} is not what was written")
    return manifest
