"""Node memory on the trainers' own devices, kept equal by sending the rows that were written."""

from collections.abc import Sequence

import torch
import torch.distributed as dist
from torch import Tensor

from benchmark.disttgl.memory.backend import Turn
from benchmark.disttgl.schedule import Schedule
from benchmark.models.node_state import NodeState
from benchmark.parallelism import Parallelism
from benchmark.training.processes import Processes
from benchmark.training.row_layout import WORD, RowLayout


class ReplicaMemory:
    """A replica of every copy whose trainers this process hosts.

    The process of each writing trainer broadcasts its rows to the others that share the copy.
    ``empty`` is the state of all nodes at the start; one trainer writes at most ``max_written``
    rows in an iteration.
    """

    def __init__(
        self, empty: NodeState, max_written: int, parallelism: Parallelism, processes: Processes
    ) -> None:
        self.empty = empty
        self.parallelism = parallelism
        self.processes = processes
        self.layout = RowLayout(empty)
        self.block_shape = (max_written + 1, self.layout.num_words + 1)
        world = processes.world_size
        self.sharers = [parallelism.processes_of(copy, world) for copy in range(parallelism.k)]
        self.groups = [processes.group(sharers) for sharers in self.sharers]
        self.copies = {
            copy: empty.map(Tensor.clone) for copy in parallelism.groups_of(processes.rank, world)
        }
        self.requests: dict[Turn, Sequence[Tensor]] = {}
        self.written: dict[Turn, tuple[Tensor, NodeState]] = {}
        self.arriving: list[tuple[int, Tensor, dist.Work]] = []

    def start(self, schedule: Schedule, iteration: int) -> None:
        self.requests.clear()

    def reset(self, copy: int) -> None:
        self.copies[copy].reset()

    def request(self, turn: Turn, nodes: Sequence[Tensor]) -> None:
        self.requests[turn] = nodes

    def exchange(self) -> None:
        """Nothing to do: every row is at hand."""

    def receive(self, turn: Turn) -> list[NodeState]:
        return [self.copies[turn.copy].rows(nodes) for nodes in self.requests.pop(turn)]

    def write(self, turn: Turn, nodes: Tensor, rows: NodeState) -> None:
        self.written[turn] = (nodes, rows)

    def publish(self, turns: Sequence[Turn]) -> None:
        for turn in turns:
            group = self.groups[turn.copy]
            if turn.copy not in self.copies or group is None:
                continue
            owner = self.parallelism.process_of(turn.trainer, self.processes.world_size)
            mine = owner == self.processes.rank
            block = torch.zeros(self.block_shape, dtype=WORD, device=self.empty.memory.device)
            if mine:
                self._fill(block, *self.written[turn])
            work = dist.broadcast(block, src=owner, group=group, async_op=True)
            self.arriving.append((turn.copy, block, work))

    def commit(self) -> None:
        for turn, (nodes, rows) in self.written.items():
            if self.groups[turn.copy] is None:
                self.copies[turn.copy].write(nodes, rows)
        for copy, block, work in self.arriving:
            work.wait()
            ids, table = block[1 : int(block[0, 0]) + 1].tensor_split([1], dim=1)
            self.copies[copy].write(ids.squeeze(1), self.layout.unpack(table))
        self.written.clear()
        self.arriving.clear()

    def snapshot(self, copy: int) -> NodeState:
        source = self.copies.get(copy, self.empty)
        owner = self.sharers[copy][0]
        return NodeState(*(self.processes.broadcast(field.clone(), owner) for field in source))

    def local_state(self) -> dict[int, NodeState]:
        return dict(self.copies)

    def restore(self, copy: int, state: NodeState) -> None:
        for field, values in zip(self.copies[copy], state, strict=True):
            field.copy_(values)

    def close(self) -> None:
        """Nothing to give back."""

    def _fill(self, block: Tensor, nodes: Tensor, rows: NodeState) -> None:
        """Write into ``block`` how many rows there are, then an id and its row each."""
        count = nodes.numel()
        block[0, 0] = count
        block[1 : count + 1] = torch.cat([nodes.unsqueeze(1), self.layout.pack(rows)], dim=1)
