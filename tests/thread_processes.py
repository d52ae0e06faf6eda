"""Processes that are threads of one process, for code that only needs their collective calls."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier
from typing import Any

import torch
from torch import Tensor

from benchmark.training.processes import Processes

TIMEOUT = 300.0  # seconds, on a busy machine


class KilledError(BaseException):
    """Stands for a SIGKILL."""


@dataclass
class Meeting:
    """Where the threads wait for each other and leave what they exchange."""

    barrier: Barrier
    values: dict[int, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ThreadProcesses(Processes):
    """One of them; it is killed before its call number ``fatal`` of ``barrier``."""

    meeting: Meeting = field(default_factory=lambda: Meeting(Barrier(1)))
    fatal: int | None = None
    calls: list[str] = field(default_factory=list)

    def barrier(self) -> None:
        self.calls.append("barrier")
        if self.calls.count("barrier") == self.fatal:
            self.meeting.barrier.abort()
            raise KilledError
        self.meeting.barrier.wait(timeout=TIMEOUT)

    def sum(self, values: Tensor) -> Tensor:
        return self.gather(values).sum(0)

    def gather(self, values: Tensor) -> Tensor:
        return torch.stack(self.gather_objects(values))

    def gather_objects(self, value: Any) -> list[Any]:
        self.meeting.values[self.rank] = value
        self.meeting.barrier.wait(timeout=TIMEOUT)
        gathered = [self.meeting.values[rank] for rank in range(self.world_size)]
        self.meeting.barrier.wait(timeout=TIMEOUT)
        return gathered


def on_threads(
    world_size: int,
    work: Callable[[Processes], Any],
    fatal: int | None = None,
    machines: int = 1,
) -> list[Any]:
    """What ``work`` returns on each of them; with ``fatal`` the last one is killed there."""
    meeting = Meeting(Barrier(world_size))

    def run(rank: int) -> Any:
        dies_at = fatal if rank == world_size - 1 else None
        return work(ThreadProcesses(rank, world_size, machines, meeting=meeting, fatal=dies_at))

    with ThreadPoolExecutor(world_size) as pool:
        futures = [pool.submit(run, rank) for rank in range(world_size)]
        return [future.result() for future in futures]
