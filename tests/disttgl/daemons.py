"""Memory daemons for tests, and ranks that are threads of one process."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from benchmark.disttgl.memory.daemon import DaemonMemory
from benchmark.disttgl.schedule import Schedule
from benchmark.models.node_state import NodeState
from benchmark.parallelism import Parallelism
from benchmark.training.processes import Processes

NUM_NODES = 12
TIMEOUT = 300.0  # seconds, on a busy machine


def schedule_of(parallelism: str) -> Schedule:
    return Schedule(Parallelism.parse(parallelism), num_events=24, batch_size=2)


def daemon_memory(
    parallelism: str,
    processes: Processes = Processes(),  # noqa: B008 - frozen
) -> DaemonMemory:
    """Memory of a few nodes, of which a trainer writes at most four."""
    empty = NodeState.empty(NUM_NODES, memory_dim=2, mail_dim=4)
    return DaemonMemory(empty, 4, Parallelism.parse(parallelism), processes)


class Meeting:
    """Where ranks hand over values."""

    def __init__(self, world_size: int) -> None:
        self.barrier = threading.Barrier(world_size, timeout=TIMEOUT)
        self.values: list[Any] = [None] * world_size


@dataclass(frozen=True)
class ThreadRank(Processes):
    """A rank with the collective calls that a node memory makes."""

    meeting: Meeting = field(default_factory=lambda: Meeting(1))

    def barrier(self) -> None:
        self.meeting.barrier.wait()

    def gather_objects(self, value: Any) -> list[Any]:
        self.meeting.values[self.rank] = value
        self.barrier()
        gathered = list(self.meeting.values)
        self.barrier()
        return gathered

    def broadcast(self, values: Tensor, source: int) -> Tensor:
        return values.copy_(self.gather_objects(values.clone())[source])


def on_ranks(world_size: int, function: Callable[[Processes], Any]) -> list[Future[Any]]:
    """``function`` on every rank, when all of them have ended."""
    meeting = Meeting(world_size)
    with ThreadPoolExecutor(world_size) as threads:
        futures = [
            threads.submit(function, ThreadRank(rank, world_size, meeting=meeting))
            for rank in range(world_size)
        ]
        wait(futures)
    return futures
