"""Replicated memory in one process; what processes share is in test_exactness.py."""

import torch

from benchmark.disttgl.memory.backend import Turn
from benchmark.disttgl.memory.replica import ReplicaMemory
from benchmark.models.node_state import NodeState
from benchmark.parallelism import Parallelism
from benchmark.training.processes import Processes

NUM_NODES = 6


def replica(parallelism: str = "1x1x2") -> ReplicaMemory:
    empty = NodeState.empty(NUM_NODES, 2, 4)
    return ReplicaMemory(empty, NUM_NODES, Parallelism.parse(parallelism), Processes())


def rows_of(nodes: torch.Tensor, value: float) -> NodeState:
    rows = NodeState.empty(nodes.numel(), 2, 4)
    for field in rows:
        field.fill_(value)
    return rows


def write(memory: ReplicaMemory, turn: Turn, nodes: list[int], value: float) -> None:
    ids = torch.tensor(nodes)
    memory.write(turn, ids, rows_of(ids, value))


def test_reads_see_committed_writes_only() -> None:
    memory = replica("2x1x1")
    write(memory, Turn(0, 0), [1, 2], 5)
    write(memory, Turn(1, 0), [4], 7)
    memory.publish([Turn(0, 0), Turn(1, 0)])
    asked = [torch.tensor([0, 1, 4]), torch.tensor([2])]
    memory.request(Turn(0, 0), asked)
    before = memory.receive(Turn(0, 0))
    assert [rows.mail_event.tolist() for rows in before] == [[-1, -1, -1], [-1]]
    memory.commit()
    memory.request(Turn(0, 0), asked)
    after = memory.receive(Turn(0, 0))
    assert [rows.mail_event.tolist() for rows in after] == [[-1, 5, 7], [5]]
    assert after[0].memory[:, 0].tolist() == [0, 5, 7]


def test_a_request_before_a_commit_is_answered_with_what_was_committed() -> None:
    memory = replica()
    memory.request(Turn(0, 0), [torch.tensor([3])])
    write(memory, Turn(0, 0), [3], 9)
    memory.publish([Turn(0, 0)])
    memory.commit()
    assert memory.receive(Turn(0, 0))[0].mail_event.tolist() == [9]


def test_copies_are_apart_and_reset_alone() -> None:
    memory = replica()
    write(memory, Turn(0, 0), [3], 1)
    write(memory, Turn(1, 1), [3], 2)
    memory.publish([Turn(0, 0), Turn(1, 1)])
    memory.commit()
    assert [memory.release(copy).mail_event[3].item() for copy in (0, 1)] == [1, 2]
    memory.reset(1)
    assert [memory.release(copy).mail_event[3].item() for copy in (0, 1)] == [1, -1]
    assert not memory.release(1).memory.any()


def test_what_is_received_does_not_follow_later_writes() -> None:
    memory = replica()
    memory.request(Turn(0, 0), [torch.tensor([3])])
    rows = memory.receive(Turn(0, 0))[0]
    write(memory, Turn(0, 0), [3], 9)
    memory.publish([Turn(0, 0)])
    memory.commit()
    assert rows.mail_event.tolist() == [-1]


def test_what_is_released_takes_no_memory_and_is_forgotten_by_the_next_pass() -> None:
    memory = replica()
    given = memory.release(0)
    assert [field.data_ptr() for field in given] == [f.data_ptr() for f in memory.copies[0]]
    given.memory[3], given.mail_event[3] = 1.0, 7
    memory.reset(0)
    memory.request(Turn(0, 0), [torch.tensor([3])])
    rows = memory.receive(Turn(0, 0))[0]
    assert (rows.memory.sum().item(), rows.mail_event.tolist()) == (0.0, [-1])


def test_restore_brings_local_state_back() -> None:
    memory, other = replica(), replica()
    write(memory, Turn(1, 1), [0, 5], 4)
    memory.publish([Turn(1, 1)])
    memory.commit()
    for copy, state in memory.local_state().items():
        other.restore(copy, state)
    for copy in (0, 1):
        for mine, its in zip(memory.release(copy), other.release(copy), strict=True):
            assert torch.equal(mine, its)
