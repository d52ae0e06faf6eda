"""The memory daemon: the process that serves one copy of node memory (DistTGL, Algorithm 1).

``python -m benchmark.disttgl.memory.server LISTENER MEMORY`` takes the descriptors of a listening
socket and of the shared memory, and a pickled ``Setup`` on standard input.
"""

import contextlib
import os
import pickle
import signal
import socket
import struct
import sys
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from benchmark.disttgl.memory.service import LOOK_SECONDS, Key, ServiceOrder, Setup, SharedBuffers
from benchmark.machine.process_tree import end_with_parent, is_alive


class ClientLostError(Exception):
    """A process that others wait for is gone."""


@dataclass
class Client:
    """A process that shares the copy."""

    connection: Connection
    rank: int | None = None  # unknown until it says hello
    pid: int | None = None

    def __str__(self) -> str:
        return f"rank {self.rank} (pid {self.pid})"

    def tell(self, *message: Any) -> None:
        """Send a message; a process that is gone is missed where it is awaited."""
        with contextlib.suppress(OSError):
            self.connection.send(message)


class MemoryServer:
    """Serves one copy of node memory to the processes that connect to ``listener``.

    ``memory`` is the descriptor behind ``buffers``. The server sleeps while it has nothing to do.
    """

    def __init__(
        self, setup: Setup, buffers: SharedBuffers, memory: int, listener: socket.socket
    ) -> None:
        self.buffers = buffers
        self.memory = memory
        self.listener = listener
        self.owner = setup.sharers[0]
        self.order = ServiceOrder(setup)
        self.clients: list[Client] = []
        self.left: dict[int | None, Client] = {}
        self.posted: dict[Key, tuple[Client, Any]] = {}

    def serve(self) -> None:
        """Serve until the first of the sharers, which owns the copy, has left.

        Raises:
            ClientLostError: If a process died, or left while others wait for it.
        """
        self.buffers.reset()
        while self.owner not in self.left:
            clients = {client.connection: client for client in self.clients}
            ready = wait([self.listener, *clients], LOOK_SECONDS)
            for source in ready:
                if isinstance(source, Connection):
                    self._take(clients[source])
                else:
                    self._accept()
            if not ready:
                self._look_at_clients()
            self._serve_posted()
            self._miss_who_left()

    def part(self, reason: str) -> None:
        """Tell everyone why there is no more service."""
        for client in self.clients:
            client.tell("failed", reason)

    def _accept(self) -> None:
        """Hand the shared memory to a process of the same user."""
        peer, _ = self.listener.accept()
        credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        _, user, _ = struct.unpack("3i", credentials)  # process, user and group: unix(7)
        if user != os.getuid():
            peer.close()
            return
        socket.send_fds(peer, [b"m"], [self.memory])
        self.clients.append(Client(Connection(peer.detach())))

    def _take(self, client: Client) -> None:
        """Take in one message."""
        try:
            kind, *content = client.connection.recv()
        except (EOFError, OSError) as error:
            raise ClientLostError(f"{client} died") from error
        match kind:
            case "hello":
                client.rank, client.pid = content
            case "post":
                key, needs = content
                self.posted[key] = client, needs
            case "ping":
                client.tell("pong", self.order.describe_missing(self.posted))
            case "close":
                self.clients.remove(client)
                self.left[client.rank] = client

    def _look_at_clients(self) -> None:
        """See a death that the connection hides because a forked child holds it open."""
        for client in self.clients:
            if client.pid is not None and not is_alive(client.pid):
                raise ClientLostError(f"{client} died")

    def _serve_posted(self) -> None:
        while keys := self.order.ready(self.posted):
            if keys[0].kind == "start":
                self._start(keys)
            else:
                self._serve_round(keys)

    def _start(self, keys: list[Key]) -> None:
        """Go to another place in the schedule; what was posted before and not served is dropped."""
        starts = [self.posted[key] for key in keys]
        self.posted.clear()
        schedule, iteration = starts[0][1]
        if any(other != iteration for _, (_, other) in starts):
            raise ValueError(f"ranks start at different iterations: {[s[1][1] for s in starts]}")
        self.order.start(schedule, iteration)
        for key, (client, _) in zip(keys, starts, strict=True):
            client.tell("done", key)

    def _serve_round(self, keys: list[Key]) -> None:
        if keys[0].kind == "reset":
            self.buffers.reset()
        for key in keys:
            client, needs = self.posted.pop(key)
            if key.kind == "read":
                for negative_set, num_nodes in enumerate(needs):
                    self.buffers.read(key.number, negative_set, num_nodes)
            elif key.kind == "write":
                self.buffers.write(key.number, needs)
            client.tell("done", key)
        self.order.advance()

    def _miss_who_left(self) -> None:
        missing = self.order.missing(self.posted).values()
        for rank, client in self.left.items():
            if self.posted and rank in missing:
                raise ClientLostError(f"{client} has left")


def main(listener: str, memory: str) -> int:
    """Serve a copy until its trainers end; the exit code is 0 if they ended as they should."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the trainers; this ends with them
    setup: Setup = pickle.load(sys.stdin.buffer)
    buffers = SharedBuffers(setup.sizes, int(memory))
    server = MemoryServer(setup, buffers, int(memory), socket.socket(fileno=int(listener)))
    try:
        server.serve()
    except ClientLostError as loss:
        server.part(str(loss))
        return 1
    except Exception as error:
        server.part(f"{type(error).__name__}: {error}")
        raise
    server.part(f"rank {setup.sharers[0]} has left")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
