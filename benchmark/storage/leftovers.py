"""What is unfinished bears the name of the process at work on it, so that nothing of it stays."""

import hashlib
import os
import re
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from uuid import uuid4

from benchmark.errors import PlaceError, refusal
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
