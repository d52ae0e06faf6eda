"""The processes of one run, whether there is one or many, and the network between machines."""

import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from statistics import median
from typing import Any

import psutil
import torch
import torch.distributed as dist
from torch import Tensor

from benchmark.machine.place import Place

# A hang is the runner's to report; a collective call fails only well after that.
COLLECTIVE_PATIENCE = 3


# How gloo and the store of torch say, in a RuntimeError, that another process is gone.
OF_A_PEER = (
    "closed by peer", "reset by peer", "broken pipe", "connection refused", "timed out", "timeout",
)  # fmt: skip


class LostPeerError(RuntimeError):
    """Another process, whose failure is the cause, is gone."""


def is_of_a_peer(error: BaseException | None) -> bool:
    """Whether an error only tells that another process has ended or hangs."""
    while error is not None:
        if isinstance(error, LostPeerError | dist.DistError):
            return True
        if isinstance(error, RuntimeError) and any(
            sign in str(error).lower() for sign in OF_A_PEER
        ):
            return True
        error = error.__cause__ or error.__context__
    return False


@dataclass(frozen=True)
class Processes(Place):
    """The place of a process in its run, and the collective calls that the processes make.

    With one process nothing is initialised and every collective call is the identity. A process
    that reports no progress for ``heartbeat_seconds`` is taken to hang.
    """

    heartbeat_seconds: float = 300.0
    # Bytes that this process has sent to others, by purpose; what a copy of it must not share.
    bytes_sent: Counter[str] = field(default_factory=Counter, compare=False)

    @property
    def timeout(self) -> timedelta:
        """A collective call that waits longer fails."""
        return timedelta(seconds=COLLECTIVE_PATIENCE * self.heartbeat_seconds)

    def count_sent(self, purpose: str, num_bytes: float) -> None:
        """Add bytes that this process sends for a purpose."""
        self.bytes_sent[purpose] += round(num_bytes)

    def count_all_reduce(self, purpose: str, num_bytes: int) -> None:
        """Add what a process sends where so many bytes are summed around a ring."""
        self.count_sent(purpose, 2 * num_bytes * (self.world_size - 1) / self.world_size)

    def sum(self, values: Tensor, purpose: str = "evaluation") -> Tensor:
        """The sum of ``values`` over the processes, on each of them."""
        if self.world_size == 1:
            return values
        self.count_all_reduce(purpose, values.nbytes)
        total = values.clone()
        dist.all_reduce(total)
        return total

    def broadcast(self, values: Tensor, source: int) -> Tensor:
        """The ``values`` of the process ``source``, written over those of the others.

        Counts as evaluation, which starts from what the processes have made equal.
        """
        if self.world_size > 1:
            if self.rank == source:
                self.count_sent("evaluation", values.nbytes * (self.world_size - 1))
            dist.broadcast(values, src=source)
        return values

    def barrier(self) -> None:
        """Wait until every process is here."""
        if self.world_size > 1:
            dist.barrier()

    def gather(self, values: Tensor) -> Tensor:
        """The ``values`` of every process, equally shaped, in order of rank, [world_size, ...].

        Who calls it counts what is sent.
        """
        if self.world_size == 1:
            return values.unsqueeze(0)
        gathered = [torch.empty_like(values) for _ in range(self.world_size)]
        dist.all_gather(gathered, values.contiguous())
        return torch.stack(gathered)

    def gather_objects(self, value: Any) -> list[Any]:
        """The ``value`` of every process, in order of rank, on each of them."""
        if self.world_size == 1:
            return [value]
        gathered: list[Any] = [None] * self.world_size
        dist.all_gather_object(gathered, value)
        return gathered

    def group(self, ranks: Sequence[int]) -> dist.ProcessGroup | None:
        """A group of some of the processes; every process must call this in the same order."""
        if self.world_size == 1 or len(ranks) == 1:
            return None
        return dist.new_group(list(ranks), timeout=self.timeout)


@contextmanager
def started_processes(
    place: Place, device: torch.device, heartbeat_seconds: float
) -> Iterator[Processes]:
    """Join the other processes that the launcher has started.

    gloo carries the traffic on CPUs, nccl on GPUs.
    """
    processes = Processes(place.rank, place.world_size, place.machines, heartbeat_seconds)
    if place.world_size == 1:
        yield processes
        return
    on_gpu = device.type == "cuda"
    backend = "cpu:gloo,cuda:nccl" if on_gpu else "gloo"
    # Without its device NCCL guesses one from the rank, and connects in the first collective call.
    device_id = device if on_gpu else None
    dist.init_process_group(backend, timeout=processes.timeout, device_id=device_id)
    try:
        yield processes
    finally:
        dist.destroy_process_group()


REPEATS = 9  # of a small message
WARM = 3  # times that the same is sent until TCP has found its window
FIRST_BYTES, LAST_BYTES = 2**20, 2**24
ENOUGH_SECONDS = 0.2  # of sending, for a rate


def measure_link(processes: Processes) -> dict[str, float]:
    """``megabits_per_second`` and ``message_ms`` between the machines 0 and 1.

    The first process of machine 0 knows them; what others get is empty, and so with one machine. A
    collective call. It is the link as gloo uses it, over TCP: NCCL may know a faster one. A message
    takes a round trip of the wire, since gloo waits until the receiver is ready.
    """
    asks, answers = 0, processes.local_size
    if processes.machines == 1 or processes.rank not in (asks, answers):
        return {}
    if processes.rank == answers:
        _answer(asks)
        return {}
    there_and_back = median(_seconds(answers, 1) for _ in range(REPEATS))
    size, seconds = FIRST_BYTES // 4, 0.0
    while seconds < ENOUGH_SECONDS and size < LAST_BYTES:
        size *= 4
        seconds = min(_seconds(answers, size) for _ in range(WARM)) - there_and_back
    dist.send(torch.tensor(0), answers)
    rate = 8e-6 * size / max(seconds, 1e-9)
    return {"megabits_per_second": rate, "message_ms": 500 * there_and_back}


def _seconds(other: int, num_bytes: int) -> float:
    """How long so many bytes and the answer to them take."""
    payload = torch.zeros(num_bytes, dtype=torch.uint8)
    dist.send(torch.tensor(num_bytes), other)
    start = time.perf_counter()
    dist.send(payload, other)
    dist.recv(payload[:1], other)
    return time.perf_counter() - start


def _answer(other: int) -> None:
    """Answer every payload until one is announced as empty."""
    length = torch.tensor(0)
    while dist.recv(length, other) is not None and int(length):
        dist.recv(torch.empty(int(length), dtype=torch.uint8), other)
        dist.send(torch.zeros(1, dtype=torch.uint8), other)


def sent_by_interface(processes: Processes) -> int | None:
    """Bytes that this machine's interface to the others has sent so far, headers and all.

    None with one machine, or where gloo was not told which interface that is.
    """
    interfaces = psutil.net_io_counters(pernic=True)
    name = os.environ.get("GLOO_SOCKET_IFNAME")
    if processes.machines == 1 or name not in interfaces:
        return None
    return int(interfaces[name].bytes_sent)
