"""The node memory that all processes share."""

from dataclasses import dataclass
from typing import Any

import pytest
import torch

from benchmark.baselines.tgl import HostMemory
from benchmark.models.node_state import NodeState
from benchmark.training.processes import Processes
from tests.thread_processes import on_threads

NUM_NODES = 6


def empty() -> NodeState:
    return NodeState.empty(NUM_NODES, memory_dim=3, mail_dim=5, dtype=torch.float64)


def some_rows(number: int) -> NodeState:
    """Rows of two nodes, all of them different."""
    fields = [torch.arange(float(f[:2].numel())).view_as(f[:2]) + 100 * number for f in empty()]
    return NodeState(*(a.to(f.dtype) for a, f in zip(fields, empty(), strict=True)))


def assert_equal(state: NodeState, expected: NodeState) -> None:
    for field, values in zip(state, expected, strict=True):
        assert field.dtype == values.dtype
        assert torch.equal(field, values)


def test_rows_come_back_as_they_were_written() -> None:
    memory = HostMemory(empty(), Processes())
    nodes = torch.tensor([4, 1])
    memory.write(nodes, some_rows(1))
    assert_equal(memory.read(nodes), some_rows(1))
    expected = empty()
    expected.write(nodes, some_rows(1))
    assert_equal(memory.snapshot(), expected)
    memory.reset()
    assert_equal(memory.snapshot(), empty())


def test_a_model_without_memory_has_rows_of_times_only() -> None:
    nothing = NodeState.empty(NUM_NODES, memory_dim=0, mail_dim=0)
    memory = HostMemory(nothing, Processes())
    rows = nothing.rows(torch.tensor([2]))
    rows.mail_event.fill_(7)
    memory.write(torch.tensor([2]), rows)
    assert memory.snapshot().mail_event.tolist() == [-1, -1, 7, -1, -1, -1]
    assert memory.read(torch.tensor([2, 3])).memory.shape == (2, 0)


def test_a_snapshot_and_rows_that_were_read_stay() -> None:
    memory = HostMemory(empty(), Processes())
    nodes = torch.tensor([0, 5])
    snapshot, rows = memory.snapshot(), memory.read(nodes)
    memory.write(nodes, some_rows(1))
    assert_equal(snapshot, empty())
    assert_equal(rows, empty().rows(nodes))


def test_every_process_sees_what_the_others_have_written() -> None:
    def work(processes: Processes) -> list[NodeState]:
        memory = HostMemory(empty(), processes)
        rank = processes.rank
        memory.write(torch.tensor([rank, rank + 3]), some_rows(rank + 1))
        processes.barrier()
        written = memory.snapshot()
        memory.reset()
        return [written, memory.snapshot()]

    expected = empty()
    for rank in range(3):
        expected.write(torch.tensor([rank, rank + 3]), some_rows(rank + 1))
    for written, reset in on_threads(3, work):
        assert_equal(written, expected)
        assert_equal(reset, empty())


@dataclass(frozen=True)
class TwoMachines(Processes):
    """The first of two processes; the other is elsewhere."""

    world_size: int = 2

    def gather_objects(self, value: Any) -> list[Any]:
        return [value, ("elsewhere", *value[1:])]


def test_processes_on_two_machines_are_refused() -> None:
    with pytest.raises(ValueError, match=r"its processes are on 2; choose system=disttgl"):
        HostMemory(empty(), TwoMachines())
