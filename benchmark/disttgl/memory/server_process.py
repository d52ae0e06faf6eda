"""Starting and ending the server of a memory copy."""

import contextlib
import os
import pickle
import secrets
import signal
import socket
import subprocess
import sys
import weakref
from dataclasses import dataclass

from benchmark.disttgl.memory.messages import Setup
from benchmark.machine.process_tree import child_environment

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
