"""Node memory on the trainers' own devices, kept equal by sending the rows that were written."""

from collections.abc import Mapping, Sequence

import torch
import torch.distributed as dist
from torch import Tensor

from benchmark.disttgl.memory.backend import RequestsAtHand, Turn
from benchmark.machine.host_memory import use_large_pages
from benchmark.models.node_state import WORD, NodeState, RowLayout
from benchmark.parallelism import Parallelism
from benchmark.training.processes import Processes
from benchmark.training.shared_tables import SharedTables, shared_tables


class ReplicaMemory(RequestsAtHand):
    """A replica of every copy whose trainers this process hosts.

    The process of each writing trainer broadcasts its rows to the others that share the copy; how
    many they are is told before, while the trainers compute. CPUs of one machine show them each
    other in memory instead. ``empty`` is the state of all nodes at the start; one trainer writes at
    most ``max_written``.
    """

    on_host = False

    def __init__(
        self, empty: NodeState, max_written: int, parallelism: Parallelism, processes: Processes
    ) -> None:
        super().__init__()
        self.empty = empty
        self.parallelism = parallelism
        self.processes = processes
        self.layout = RowLayout(empty)
        world = processes.world_size
        self.sharers = [parallelism.processes_of(copy, world) for copy in range(parallelism.k)]
        self.groups = [processes.group(sharers) for sharers in self.sharers]
        widest = max_written * (self.layout.num_words + 1) * WORD.itemsize
        self.tables = [self._tables(sharers, widest) for sharers in self.sharers]
        self.copies = {
            copy: empty.map(Tensor.clone) for copy in parallelism.groups_of(processes.rank, world)
        }
        for field in (field for copy in self.copies.values() for field in copy):
            use_large_pages(field)
        self.written: dict[Turn, tuple[Tensor, NodeState]] = {}
        self.counts: dict[int, tuple[Tensor, dist.Work]] = {}  # rows by trainer, of every copy
        self.arriving: list[tuple[int, Tensor, dist.Work]] = []

    def reset(self, copy: int) -> None:
        self.copies[copy].reset()

    def exchange(self) -> None:
        """Nothing to do: every row is at hand."""

    def announce(self, counts: Mapping[Turn, int]) -> None:
        for copy in self.copies:
            if (group := self.groups[copy]) is None:
                continue
            told = torch.zeros(self.parallelism.num_trainers, dtype=torch.int64)  # never on a GPU
            for turn, count in counts.items():
                if turn.copy == copy:
                    told[turn.trainer] = count
            work = dist.all_reduce(told, group=group, async_op=True)
            self.counts[copy] = (told, work)

    def receive(self, turn: Turn) -> list[NodeState]:
        return [self.copies[turn.copy].rows(nodes) for nodes in self.requests.pop(turn)]

    def write(self, turn: Turn, nodes: Tensor, rows: NodeState) -> None:
        self.written[turn] = (nodes, rows)

    def publish(self, turns: Sequence[Turn]) -> None:
        for _, work in self.counts.values():
            work.wait()
        for copy in self.counts:
            of_copy = [turn for turn in turns if turn.copy == copy]
            if tables := self.tables[copy]:
                self._show(tables, copy, of_copy)
            else:
                self._broadcast(copy, of_copy)
        self.counts.clear()

    def commit(self) -> None:
        for turn, (nodes, rows) in self.written.items():
            if self.groups[turn.copy] is None:
                self.copies[turn.copy].write(nodes, rows)
        for copy, block, work in self.arriving:
            work.wait()
            ids, table = block.tensor_split([1], dim=1)
            self.copies[copy].write(ids.squeeze(1), self.layout.unpack(table))
        self.written.clear()
        self.arriving.clear()

    def release(self, copy: int) -> NodeState:
        """As ``NodeMemory.release``: the copy itself, where this process has it."""
        rows = self.copies[copy] if copy in self.copies else self.empty.map(Tensor.clone)
        owner = self.sharers[copy][0]
        return rows.map(lambda field: self.processes.broadcast(field, owner))

    def local_state(self) -> dict[int, NodeState]:
        return dict(self.copies)

    def restore(self, copy: int, state: NodeState) -> None:
        for field, values in zip(self.copies[copy], state, strict=True):
            field.copy_(values)

    def _tables(self, sharers: Sequence[int], table_bytes: int) -> SharedTables | None:
        """A table for each trainer, where those who share a copy are CPUs of one machine."""
        if self.empty.memory.device.type != "cpu":
            return None
        return shared_tables(self.processes, sharers, self.parallelism.num_trainers, table_bytes)

    def _broadcast(self, copy: int, turns: Sequence[Turn]) -> None:
        for turn in turns:
            owner = self.parallelism.process_of(turn.trainer, self.processes.world_size)
            if owner == self.processes.rank:
                block = self._block(turn)
            else:
                device = self.empty.memory.device
                block = torch.empty(self._shape(turn), dtype=WORD, device=device)
            work = dist.broadcast(block, src=owner, group=self.groups[copy], async_op=True)
            self.arriving.append((copy, block, work))

    def _show(self, tables: SharedTables, copy: int, turns: Sequence[Turn]) -> None:
        tables.begin()
        for turn in turns:
            if turn in self.written:
                tables.show(turn.trainer, self._block(turn))
        work = dist.barrier(self.groups[copy], async_op=True)
        for turn in turns:
            block = tables.look(turn.trainer, self._shape(turn), WORD)
            self.arriving.append((copy, block, work))

    def _shape(self, turn: Turn) -> tuple[int, int]:
        return int(self.counts[turn.copy][0][turn.trainer]), self.layout.num_words + 1

    def _block(self, turn: Turn) -> Tensor:
        """An id and its row each, of what this process has written."""
        nodes, rows = self.written[turn]
        block = torch.cat([nodes.unsqueeze(1), self.layout.pack(rows)], dim=1)
        self.processes.count_sent("node_memory", (len(self.sharers[turn.copy]) - 1) * block.nbytes)
        return block
