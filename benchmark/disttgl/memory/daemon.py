"""Node memory in host memory, one server process per copy (DistTGL, section 3.3)."""

import os
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from benchmark.disttgl.memory.backend import Turn
from benchmark.disttgl.memory.server_link import Address, ServerLink, ServerProcess
from benchmark.disttgl.memory.service import Array, Field, Key, Setup, Sizes
from benchmark.disttgl.schedule import Schedule
from benchmark.machine.device import to_device, to_host
from benchmark.machine.place import machine_identity
from benchmark.models.node_state import NodeState
from benchmark.parallelism import Parallelism
from benchmark.training.processes import Processes


class DaemonMemory:
    """The paper's memory daemon: a server per copy reads and writes while the trainers compute.

    The first of the processes that share a copy owns it: it starts the server, and the server ends
    with it. Trainers and server exchange rows through buffers in shared memory; requests are
    answered as soon as the writes before them are done, and nobody waits for a write.
    ``empty`` is the state of all nodes at the start; one trainer writes at most ``max_written``
    rows in an iteration and has one read under way at a time. Rows reach a trainer's device in one
    copy and leave it in another one while it goes on; a copy that is released stays in host memory.
    A server that gives no sign of life is taken to hang before its trainers are, so that it is the
    one that is named.

    Raises:
        ValueError: If the system is not Linux or a copy is shared between machines.
    """

    on_host = True

    def __init__(
        self,
        empty: NodeState,
        max_written: int,
        parallelism: Parallelism,
        processes: Processes,
    ) -> None:
        if not hasattr(os, "memfd_create"):
            raise ValueError("node_memory=daemon needs Linux; choose node_memory=replica.")
        self.empty = empty
        self.device = empty.memory.device
        self.processes = processes
        self.trainers_per_copy = parallelism.trainers_per_copy
        rank, world = processes.rank, processes.world_size
        sharers = [parallelism.processes_of(copy, world) for copy in range(parallelism.k)]
        self.owners = [ranks[0] for ranks in sharers]
        self._check_machines(sharers)
        sizes = Sizes(
            tuple(_field(field) for field in empty),
            empty.memory.shape[0],
            parallelism.trainers_per_copy,
            parallelism.j,
            max_written,
        )
        self.servers = {
            copy: ServerProcess(Setup(copy, sizes, tuple(ranks), world))
            for copy, ranks in enumerate(sharers)
            if ranks[0] == rank
        }
        addresses = self._addresses()
        patience = processes.heartbeat_seconds / 2
        self.links = {
            copy: ServerLink(copy, sizes, rank, addresses[copy], patience, self.servers.get(copy))
            for copy in parallelism.groups_of(rank, world)
        }
        self.requested: dict[Turn, list[int]] = {}
        # Writes whose rows are on their way from the device: turn, nodes, and what waits for them.
        self.leaving: list[tuple[Turn, Tensor, Callable[[], NodeState]]] = []

    def start(self, schedule: Schedule, iteration: int) -> None:
        self.requested.clear()
        key = Key("start", self.processes.rank)
        for link in self.links.values():
            link.forget()
            link.post(key, (schedule, iteration))
        for link in self.links.values():
            link.wait([key])

    def reset(self, copy: int) -> None:
        link, key = self.links[copy], Key("reset", self.processes.rank)
        link.wait([key])
        link.post(key)

    def request(self, turn: Turn, nodes: Sequence[Tensor]) -> None:
        link, place = self.links[turn.copy], self._place(turn)
        if turn in self.requested:
            raise RuntimeError(f"trainer {turn.trainer} requests again before it has received")
        counts = [ids.numel() for ids in nodes]
        for negative_set, (ids, count) in enumerate(zip(nodes, counts, strict=True)):
            _tensor(link.buffers.read_nodes[place, negative_set, :count]).copy_(ids)
        self.requested[turn] = counts
        link.post(Key("read", place), counts)

    def exchange(self) -> None:
        """Nothing to do: resets and requests have been posted."""

    def announce(self, counts: Mapping[Turn, int]) -> None:
        """Nothing to do: what is posted says how much it is."""

    def receive(self, turn: Turn) -> list[NodeState]:
        link, place = self.links[turn.copy], self._place(turn)
        link.wait([Key("read", place)])
        read = tuple(
            NodeState(*(_tensor(rows[place, number, :count]) for rows in link.buffers.read_rows))
            for number, count in enumerate(self.requested.pop(turn))
        )
        if self.device.type == "cpu":
            return [rows.map(torch.clone) for rows in read]
        return list(to_device(read, self.device))

    def write(self, turn: Turn, nodes: Tensor, rows: NodeState) -> None:
        self.leaving.append((turn, nodes, to_host(rows)))
        if self.device.type == "cpu":
            self._hand_over()

    def publish(self, turns: Sequence[Turn]) -> None:
        """Nothing to do: writes have been posted."""

    def commit(self) -> None:
        """Hand over what has left the device by now; servers serve later reads after the writes."""
        self._hand_over()
        for link in self.links.values():
            link.look()

    def release(self, copy: int) -> NodeState:
        self._settle()
        state = self._rows_of(copy) if copy in self.servers else self._nothing()
        return state.map(lambda field: self.processes.broadcast(field, self.owners[copy]))

    def local_state(self) -> dict[int, NodeState]:
        self._settle()
        state = {copy: self._rows_of(copy) for copy in self.servers}
        self.processes.barrier()  # nobody writes again before
        return state

    def restore(self, copy: int, state: NodeState) -> None:
        link = self.links[copy]
        link.wait(link.changes())
        for column, values in zip(link.buffers.table, state, strict=True):
            _tensor(column).copy_(values)

    def close(self) -> None:
        for link in self.links.values():
            link.leave()
        for server in self.servers.values():
            server.end()

    def _hand_over(self) -> None:
        """Post the writes whose rows are, or will be in a moment, in the host's memory."""
        for turn, nodes, arrive in self.leaving:
            link, place, count = self.links[turn.copy], self._place(turn), nodes.numel()
            key, buffers = Key("write", place), link.buffers
            link.wait([key])  # the write before this one has been taken out of the buffer
            _tensor(buffers.written_nodes[place, :count]).copy_(nodes)
            for buffer, values in zip(buffers.written_rows, arrive(), strict=True):
                _tensor(buffer[place, :count]).copy_(values)
            link.post(key, count)
        self.leaving.clear()

    def _settle(self) -> None:
        """Wait until all that all processes have written is in the tables."""
        for link in self.links.values():
            link.wait(link.changes())
        self.processes.barrier()

    def _rows_of(self, copy: int) -> NodeState:
        return NodeState(*(_tensor(field).clone() for field in self.links[copy].buffers.table))

    def _nothing(self) -> NodeState:
        """As many rows, without anything in them."""
        nobody = self.empty.map(lambda field: field[:1].cpu())
        return nobody.repeated(len(self.empty.memory)).map(torch.clone)

    def _place(self, turn: Turn) -> int:
        """A trainer's number among those that use a copy at the same time."""
        return turn.trainer % self.trainers_per_copy

    def _check_machines(self, sharers: Sequence[range]) -> None:
        """Refuse copies that would cross machines; a collective call."""
        machines = self.processes.gather_objects(machine_identity())
        for copy, ranks in enumerate(sharers):
            if len({machines[rank] for rank in ranks}) > 1:
                raise ValueError(
                    f"node_memory=daemon cannot share copy {copy} between the machines of ranks "
                    f"{ranks[0]} and {ranks[-1]}; choose a parallelism.k that is a multiple of the "
                    "number of machines."
                )

    def _addresses(self) -> dict[int, Address]:
        """Where the servers of all copies are; a collective call."""
        mine = {copy: server.address for copy, server in self.servers.items()}
        addresses: dict[int, Address] = {}
        for found in self.processes.gather_objects(mine):
            addresses |= found
        return addresses


def _field(field: Tensor) -> Field:
    """How a field of all nodes, all of them empty, is shared."""
    row = field[:1].cpu().numpy()
    return Field(row.dtype.name, row.shape[1:], row.flat[0].item() if row.size else 0)


def _tensor(array: Array) -> Tensor:
    """A view."""
    return torch.from_numpy(array)
