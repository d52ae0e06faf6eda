"""Node memory spread row by row over all processes, as a distributed key-value store would."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor

from benchmark.disttgl.memory.backend import RequestsAtHand, Turn
from benchmark.machine.device import to_device
from benchmark.models.node_state import WORD, NodeState, RowLayout
from benchmark.parallelism import Parallelism
from benchmark.training.processes import Processes


class Route(NamedTuple):
    """Where the rows that a process asks for or writes are."""

    order: Tensor  # puts the rows in order of their owners
    outgoing: list[int]  # how many go to each process
    incoming: list[int]  # how many come from each process


class ShardedMemory(RequestsAtHand):
    """The copies whose rows are on process ``node % world_size`` (DistTGL, Figure 2(b)).

    Every read and write of an iteration, of all copies, is one exchange in which all processes
    take part, whether they have rows to ask for or not; so all meet in the same order. An exchange
    tells the others how many rows follow, then sends ids, then rows; ``max_written`` plays no
    part in their size. With one process it is a plain table.
    """

    on_host = False

    def __init__(
        self, empty: NodeState, max_written: int, parallelism: Parallelism, processes: Processes
    ) -> None:
        super().__init__()
        self.num_copies = parallelism.k
        self.processes = processes
        self.world_size = processes.world_size
        self.group = processes.group(range(self.world_size))
        self.layout = RowLayout(empty)
        self.num_nodes = empty.memory.shape[0]
        self.slots_per_copy = -(-self.num_nodes // self.world_size)
        shape = (self.num_copies * self.slots_per_copy, self.layout.num_words)
        self.table = torch.zeros(shape, dtype=WORD, device=empty.memory.device)
        self.layout.fields(self.table).reset()
        self.starting_over: set[int] = set()
        self.received: dict[Turn, list[NodeState]] = {}
        self.written: list[tuple[int, Tensor, NodeState]] = []
        self.arriving: tuple[Tensor, dist.Work | None] | None = None

    def reset(self, copy: int) -> None:
        self.starting_over.add(copy)

    def exchange(self) -> None:
        wanted = [(turn.copy, nodes) for turn, sets in self.requests.items() for nodes in sets]
        slots, owners = self._locate(wanted)
        route = self._route(owners)
        asked, work = self._start(slots[route.order], route.outgoing, route.incoming)
        _finish(work)
        found = self.table.index_select(0, asked)
        rows, work = self._start(found, route.incoming, route.outgoing)
        _finish(work)
        rows = rows.index_select(0, route.order.argsort())
        parts = iter(rows.split([nodes.numel() for _, nodes in wanted]))
        self.received = {
            turn: [self.layout.unpack(next(parts)) for _ in sets]
            for turn, sets in self.requests.items()
        }
        self.requests.clear()

    def announce(self, counts: Mapping[Turn, int]) -> None:
        """Nothing to do: what is published says how much it is."""

    def receive(self, turn: Turn) -> list[NodeState]:
        return self.received.pop(turn)

    def write(self, turn: Turn, nodes: Tensor, rows: NodeState) -> None:
        self.written.append((turn.copy, nodes, rows))

    def publish(self, turns: Sequence[Turn]) -> None:
        if not turns:
            return
        slots, owners = self._locate((copy, nodes) for copy, nodes, _ in self.written)
        rows = [self.table[:0], *(self.layout.pack(rows) for _, _, rows in self.written)]
        addressed = torch.cat([slots.unsqueeze(1), torch.cat(rows)], dim=1)
        route = self._route(owners)
        self.arriving = self._start(addressed[route.order], route.outgoing, route.incoming)
        self.written.clear()

    def commit(self) -> None:
        if self.arriving is not None:
            addressed, work = self.arriving
            _finish(work)
            self.table.index_copy_(0, addressed[:, 0], addressed[:, 1:])
            self.arriving = None

    def release(self, copy: int) -> NodeState:
        shard = self._shard(copy)
        if self.group is None:
            return self.layout.unpack(shard)
        self.processes.count_sent("evaluation", shard.nbytes * (self.world_size - 1))
        shards = [torch.empty_like(shard) for _ in range(self.world_size)]
        dist.all_gather(shards, shard, group=self.group)
        return self.layout.unpack(torch.stack(shards, dim=1).flatten(0, 1)[: self.num_nodes])

    def local_state(self) -> dict[int, NodeState]:
        return {copy: self.layout.unpack(self._shard(copy)) for copy in range(self.num_copies)}

    def restore(self, copy: int, state: NodeState) -> None:
        self._shard(copy).copy_(self.layout.pack(state))

    def _shard(self, copy: int) -> Tensor:
        """This process's rows of a copy, a view [slots_per_copy, num_words]."""
        return self.table[copy * self.slots_per_copy :][: self.slots_per_copy]

    def _locate(self, nodes_of_copies: Iterable[tuple[int, Tensor]]) -> tuple[Tensor, Tensor]:
        """Slot in its owner's table, and owner, of every node."""
        none = torch.empty(0, dtype=torch.int64, device=self.table.device)
        slots, owners = [none], [none]
        for copy, nodes in nodes_of_copies:
            slots.append(copy * self.slots_per_copy + nodes // self.world_size)
            owners.append(nodes % self.world_size)
        return torch.cat(slots), torch.cat(owners)

    def _route(self, owners: Tensor) -> Route:
        """Agree with all processes on how many rows go where and which copies start over."""
        world, copies = self.world_size, self.num_copies
        outgoing = owners.bincount(minlength=world)
        told = torch.zeros(world, copies, dtype=torch.int64)
        told[:, list(self.starting_over)] = 1
        starting_over = to_device(told, owners.device)
        self.starting_over.clear()
        header, work = self._start(
            torch.cat([outgoing.unsqueeze(1), starting_over], dim=1), [1] * world, [1] * world
        )
        _finish(work)
        incoming, *starting_over_by_copy = header.T.tolist()
        for copy, said in enumerate(starting_over_by_copy):
            if any(said):
                self.layout.fields(self._shard(copy)).reset()
        return Route(owners.argsort(stable=True), outgoing.tolist(), incoming)

    def _start(
        self, values: Tensor, outgoing: list[int], incoming: list[int]
    ) -> tuple[Tensor, dist.Work | None]:
        """Send ``values``, ordered by receiver; what arrives is ordered by sender."""
        if self.group is None:
            return values, None
        arriving = values.new_empty(sum(incoming), *values.shape[1:])
        elsewhere = sum(outgoing) - outgoing[self.processes.rank]
        row_bytes = values.shape[1:].numel() * values.itemsize
        self.processes.count_sent("node_memory", elsewhere * row_bytes)
        work = dist.all_to_all_single(
            arriving, values, incoming, outgoing, group=self.group, async_op=True
        )
        return arriving, work


def _finish(work: dist.Work | None) -> None:
    if work is not None:
        work.wait()
