"""A trainer process's side of the memory daemon: starts, asks and ends the server of a copy."""

import contextlib
import os
import pickle
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Collection
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import psutil

from benchmark.disttgl.memory.service import LOOK_SECONDS, Key, Setup, SharedBuffers, Sizes
from benchmark.machine.process_tree import child_environment, is_alive
from benchmark.training.processes import LostPeerError

GRACE_SECONDS = 5.0


@dataclass(frozen=True)
class Address:
    """Where the server of a copy is found, and the process that has started it."""

    socket: str
    server: int
    owner: int
    owner_rank: int


class ServerProcess:
    """The server of a copy as its owner, the process that starts it, sees it.

    Nothing that it uses has a name in the file system, and it ends with its owner, so nothing
    stays behind whatever dies.
    """

    def __init__(self, setup: Setup) -> None:
        name = f"\0node-memory-{secrets.token_hex(16)}"  # \0: in Linux's abstract namespace
        with contextlib.ExitStack() as until_started:
            listener = until_started.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(name)
            listener.listen(len(setup.sharers))
            memory = os.memfd_create(f"node-memory-{setup.copy}")
            until_started.callback(os.close, memory)
            descriptors = (listener.fileno(), memory)
            self.process = subprocess.Popen(
                [sys.executable, "-m", "benchmark.disttgl.memory.server", *map(str, descriptors)],
                stdin=subprocess.PIPE,
                pass_fds=descriptors,
                env=_environment(),
            )
        self.end = weakref.finalize(self, _end, self.process)
        self.address = Address(name, self.process.pid, os.getpid(), setup.sharers[0])
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError), self.process.stdin as stdin:
            pickle.dump(setup, stdin)  # if it died already, connecting to it will say so

    def how_it_ended(self) -> str:
        """In words; for a server whose connection is closed."""
        try:
            code = self.process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            return "closed the connection"
        if code >= 0:
            return f"ended with exit code {code}"
        return f"died: signal {-code} ({signal.Signals(-code).name})"


def _environment() -> dict[str, str]:
    """Imports as this process does; numpy starts threads on import, which it has no use for."""
    path = os.pathsep.join(sys.path)
    return {**child_environment(), "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def _end(process: subprocess.Popen[bytes]) -> None:
    """Wait for a server whose owner has left it, but not for long."""
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


START_UP_SECONDS = 300.0  # a server may take so long to its first sign of life
OTHERS_PATIENCE = 6  # times the patience with the server: trainers compute, the server does not


class ServerLink:
    """A connection to the server of a copy; ``process`` is given where it was started.

    All waits are bounded: a server that ended, one without a sign of life for ``patience``
    seconds, and one that waits too long for another process, raise a RuntimeError that says so.
    ``post`` may be called by any thread, all else by one.
    """

    def __init__(
        self,
        copy: int,
        sizes: Sizes,
        rank: int,
        address: Address,
        patience: float,
        process: ServerProcess | None,
    ) -> None:
        self.address = address
        self.patience = patience
        self.process = process
        self.server = f"the memory daemon of copy {copy} (pid {address.server})"
        self.posted: set[Key] = set()  # and not done yet
        self.pinged = False
        self.missing: str | None = None  # what the server waits for, as it said last
        self.sending = threading.Lock()
        self.connection, memory = self._connect()
        self.leave = weakref.finalize(self, _leave, self.connection)
        self._send("hello", rank, os.getpid())
        try:
            self.buffers = SharedBuffers(sizes, memory)
        finally:
            os.close(memory)

    def post(self, key: Key, needs: Any = None) -> None:
        """Ask for a service; that the server is gone is told by ``wait`` and ``look``."""
        self.posted.add(key)
        self._send("post", key, needs)

    def forget(self) -> None:
        """Await nothing any more of what has been posted."""
        self.posted.clear()

    def changes(self) -> list[Key]:
        """What has been posted, is not done yet and is more than a read."""
        return [key for key in tuple(self.posted) if key.kind != "read"]

    def wait(self, keys: Collection[Key]) -> None:
        """Sleep until the given services, of those that were posted, are done."""
        start = heard = time.monotonic()
        self.missing = None
        while not self.posted.isdisjoint(keys):
            if self.connection.poll(min(LOOK_SECONDS, self.patience / 4)):
                self._take()
                heard = time.monotonic()
                continue
            silent, waited = time.monotonic() - heard, time.monotonic() - start
            if silent > self.patience:
                raise RuntimeError(f"{self._server_now()} has not answered for {silent:.1f} s")
            if self.missing and waited > OTHERS_PATIENCE * self.patience:
                raise LostPeerError(f"{self.server} has waited {waited:.0f} s for {self.missing}")
            self._ping()

    def look(self) -> None:
        """Take in what has arrived."""
        while self.connection.poll():
            self._take()

    def _connect(self) -> tuple[Connection, int]:
        """A connection, and the descriptor of the shared memory that the server sends with it."""
        start_up = min(START_UP_SECONDS, 2 * self.patience)
        link = socket.socket(socket.AF_UNIX)
        link.settimeout(start_up)
        try:
            link.connect(self.address.socket)
            _, descriptors, _, _ = socket.recv_fds(link, 1, 1)
        except TimeoutError:
            raise RuntimeError(f"{self._server_now()} has not started in {start_up:g} s") from None
        except OSError:
            descriptors = []
        if not descriptors:
            raise self._gone()
        link.settimeout(None)
        return Connection(link.detach()), descriptors[0]

    def _send(self, *message: Any) -> None:
        with self.sending, contextlib.suppress(OSError):
            self.connection.send(message)

    def _take(self) -> None:
        """Take in one message."""
        try:
            kind, content = self.connection.recv()
        except (EOFError, OSError):
            raise self._gone() from None
        match kind:
            case "done":
                self.posted.discard(content)
            case "pong":
                self.pinged, self.missing = False, content
            case "failed":
                raise LostPeerError(f"{self.server} has ended: {content}")

    def _ping(self) -> None:
        """Ask for a sign of life."""
        if not is_alive(self.address.server):
            raise self._gone()
        if not self.pinged:
            self.pinged = True
            self._send("ping")

    def _server_now(self) -> str:
        """A server that does not answer, and why where that is to be seen."""
        with contextlib.suppress(psutil.NoSuchProcess):
            if psutil.Process(self.address.server).status() == psutil.STATUS_STOPPED:
                return f"{self.server} is stopped and"
        return self.server

    def _gone(self) -> RuntimeError:
        owner = self.address.owner
        if self.process is not None:
            how = self.process.how_it_ended()
        elif is_alive(owner):
            how = "died"
        else:
            how = f"ended with rank {self.address.owner_rank} (pid {owner}), which had started it"
        error = RuntimeError if self.process is not None else LostPeerError
        return error(f"{self.server} {how}")


def _leave(connection: Connection) -> None:
    with contextlib.suppress(OSError):
        connection.send(("close",))
    connection.close()
