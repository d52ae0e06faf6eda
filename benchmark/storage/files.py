"""Files on disk: whole or absent, made by one process at a time; nothing stays of killed ones."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from glob import escape
from pathlib import Path
from typing import Any
from uuid import uuid4

from benchmark.errors import FULL_DISK, REFUSALS, PlaceError, UserError, refusal
from benchmark.machine.process_tree import is_alive

TEMPORARY = re.compile(r"\..+\.([0-9a-f]{8})-(\d+)-[0-9a-f]{8}\.tmp")  # machine and process
ABANDONED_SECONDS = 86_400  # after which what another machine left unfinished is nobody's
SCRATCH = "disttgl-benchmark"


def temporary_path(path: Path) -> Path:
    """Beside ``path``, under a name that says which process is at work on it."""
    return path.with_name(f".{path.name}.{_machine()}-{os.getpid()}-{uuid4().hex[:8]}.tmp")


def collect_leftovers(folder: Path) -> None:
    """Remove what processes that were killed left below ``folder``, and of ``scratch``."""
    for leftover in Path(tempfile.gettempdir()).glob(f".{SCRATCH}.*.tmp"):
        collect(leftover)
    for parent, folders, names in os.walk(folder):
        for name in (*folders, *names):
            collect(Path(parent, name))
        folders[:] = [name for name in folders if not TEMPORARY.fullmatch(name)]


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for the temporary files of processes that are started, gone with the block.

    Raises PlaceError where there can be none.
    """
    folder = temporary_path(Path(tempfile.gettempdir(), SCRATCH))
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise PlaceError(refusal(error, folder, "TMPDIR")) from error
    try:
        yield folder
    finally:
        with suppress(OSError):  # what stays is collected by the next
            discard(folder)


def discard(path: Path) -> None:
    """Remove a file or a folder, where there is one; another process may be about it too."""
    while path.is_dir() and not path.is_symlink():
        with suppress(FileNotFoundError):
            shutil.rmtree(path)
    path.unlink(missing_ok=True)


def collect(path: Path) -> None:
    """Remove what is unfinished and whose process has ended."""
    if not (found := TEMPORARY.fullmatch(path.name)):
        return
    with suppress(OSError):
        if found[1] == _machine():
            dead = not is_alive(int(found[2]))
        else:
            dead = path.lstat().st_mtime < time.time() - ABANDONED_SECONDS
        if dead:
            discard(path)


@cache
def _machine() -> str:
    """Names this machine since it started, and those of its processes that see each other."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text())
        parts.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:8]


MANIFEST = "manifest.json"


def sha256_of(path: Path) -> str:
    """The sha256 of a file as it lies, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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


def check_named(path: Path, endings: Collection[str]) -> None:
    """Refuse a file of the user's that is a folder, or whose name says that it holds other things.

    Raises ``UserError``.
    """
    if path.is_dir():
        raise UserError(f"{path} is a folder: name a file in it.")
    if path.suffix not in endings:
        raise UserError(f"{path} ends in none of {', '.join(endings)}: name one that does.")


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
