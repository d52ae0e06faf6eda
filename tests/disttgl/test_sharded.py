"""Node memory spread over processes gives what memory that is copied to all of them gives."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmark.disttgl.memory.backend import Turn
from benchmark.disttgl.memory.sharded import ShardedMemory
from benchmark.models.node_state import NO_EVENT, NodeState
from benchmark.parallelism import Parallelism
from benchmark.training.processes import Processes
from tests.disttgl.small import small_system
from tests.worlds import Job, run_jobs


def two_rounds(processes: Processes, parallelism: str, node_memory: str) -> list[Tensor]:
    """Node memory, losses and weights of two rounds, the second resumed by a new system.

    The first tensor is the event of the last mail, for every node of the first copy.
    """
    system = small_system(parallelism, processes, node_memory=node_memory)
    losses = [step.loss for step in system.train_round()]
    state = system.state_dict()
    system.memory.close()
    system = small_system(parallelism, processes, node_memory=node_memory)
    system.load_state_dict(state)
    losses += [step.loss for step in system.train_round()]
    copies = [system.memory.release(copy) for copy in range(system.schedule.parallelism.k)]
    system.memory.close()
    memory = [field for copy in copies for field in reversed(copy)]
    return [*memory, *losses, *system.model.state_dict().values()]


def assert_same_as_replica(layouts: list[tuple[int, str]], folder: Path) -> None:
    """On every process, bit for bit; ``layouts`` are numbers of processes and parallelisms."""
    jobs = [
        Job(world_size, two_rounds, (parallelism, node_memory))
        for world_size, parallelism in layouts
        for node_memory in ("replica", "sharded")
    ]
    results = run_jobs(jobs, folder)
    for layout, replica, sharded in zip(layouts, results[::2], results[1::2], strict=True):
        for expected, tensors in zip(replica, sharded, strict=True):
            assert (expected[0] != NO_EVENT).any(), layout
            pairs = zip(expected, tensors, strict=True)
            assert all(torch.equal(one, other) for one, other in pairs), layout


def test_same_as_replica(tmp_path: Path) -> None:
    two = ["1x1x2", "2x1x1", "1x2x1", "2x2x2"]
    assert_same_as_replica([(1, "1x1x1"), (1, "2x2x2"), *((2, name) for name in two)], tmp_path)


@pytest.mark.slow
def test_same_as_replica_on_four_processes(tmp_path: Path) -> None:
    names = ["2x2x2", "1x4x1", "1x1x4", "4x1x1"]
    assert_same_as_replica([(4, name) for name in names], tmp_path)


def test_a_read_sees_what_was_committed_before() -> None:
    memory = ShardedMemory(NodeState.empty(6, 2, 4), 3, Parallelism(i=1, j=1, k=2), Processes())
    nodes = torch.tensor([5, 0])
    rows = NodeState(
        torch.ones(2, 2), torch.ones(2, 4), *(torch.tensor([n, n + 1]) for n in (10, 20, 30))
    )
    turns = [Turn(0, 0), Turn(1, 1)]

    def last_events(reset: int | None = None) -> list[list[int]]:
        if reset is not None:
            memory.reset(reset)
        for turn in turns:
            memory.request(turn, [torch.tensor([0, 1]), torch.tensor([5])])
        memory.exchange()
        return [torch.cat([s.mail_event for s in memory.receive(turn)]).tolist() for turn in turns]

    empty = [NO_EVENT] * 3
    memory.write(turns[1], nodes, rows)
    memory.publish(turns[1:])
    assert last_events() == [empty, empty]
    memory.commit()
    assert last_events() == [empty, [31, NO_EVENT, 30]]
    assert memory.release(1).memory_time.tolist() == [11, 0, 0, 0, 0, 10]
    memory.restore(0, memory.local_state()[1])
    assert last_events(reset=1) == [[31, NO_EVENT, 30], empty]
