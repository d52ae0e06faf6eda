"""Tables that processes of one machine show each other in memory, where sending takes longer."""

import contextlib
import mmap
import os
from collections.abc import Sequence

import torch
from torch import Tensor

from benchmark.machine.place import machine_identity
from benchmark.training.processes import Processes

LINE = 64  # bytes; no two tables share a line of a cache
HALVES = 2  # one is written while the other may still be read


class SharedTables:
    """Rounds, in each of which processes show tables before a collective call and look after it.

    The call is all they wait for, and the sign that a table is there. Who makes the call of the
    next round has looked, so that the round after that may overwrite what this one has shown.
    """

    def __init__(self, memory: mmap.mmap, processes: Processes, num_tables: int) -> None:
        self.processes = processes
        self.halves = torch.frombuffer(memory, dtype=torch.uint8).view(HALVES, num_tables, -1)
        self.round = 0

    def begin(self) -> None:
        """Begin a round, in which the tables of the one before stay."""
        self.round += 1

    def show(self, table: int, values: Tensor) -> None:
        """Have others see a copy of ``values`` after the collective call."""
        self._bytes(table, values.nbytes).view(values.dtype).copy_(values.flatten())

    def look(self, table: int, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Where this round's table is after its call and until that of the next; shape known."""
        num_bytes = torch.Size(shape).numel() * dtype.itemsize
        return self._bytes(table, num_bytes).view(dtype).view(*shape)

    def gather(self, values: Tensor) -> Tensor:
        """As ``Processes.gather``, of whom each has a table: a round of its own."""
        self.begin()
        self.show(self.processes.rank, values)
        self.processes.barrier()
        ranks = range(self.processes.world_size)
        return torch.stack([self.look(rank, values.shape, values.dtype) for rank in ranks])

    def _bytes(self, table: int, num_bytes: int) -> Tensor:
        return self.halves[self.round % HALVES, table, :num_bytes]


def shared_tables(
    processes: Processes, ranks: Sequence[int], num_tables: int, table_bytes: int
) -> SharedTables | None:
    """Tables of at most ``table_bytes`` between ``ranks``, or None where these must send.

    They must where they are not on one Linux machine; one alone has nothing to send. Every process
    calls this in the same order. The memory has no name, so nothing of it is left behind.
    """
    if len(ranks) == 1:
        return None
    num_bytes = HALVES * num_tables * -(-table_bytes // LINE) * LINE
    descriptor = _memory(num_bytes) if processes.rank == ranks[0] else None
    name = None if descriptor is None else _name(descriptor)
    told = processes.gather_objects((machine_identity(), name))
    together = len({told[rank][0] for rank in ranks}) == 1
    name = told[ranks[0]][1] if together and processes.rank in ranks else None
    memory = _mapped(*name) if name else None
    has_mapped = processes.gather_objects(memory is not None)
    if descriptor is not None:
        os.close(descriptor)
    if memory is None or not all(has_mapped[rank] for rank in ranks):
        return None
    return SharedTables(memory, processes, num_tables)


def _memory(num_bytes: int) -> int | None:
    """A descriptor of so much memory, where the system has such."""
    if not hasattr(os, "memfd_create"):
        return None
    descriptor = os.memfd_create("tables")
    os.ftruncate(descriptor, num_bytes)
    return descriptor


def _name(descriptor: int) -> tuple[str, tuple[int, int]]:
    """Where other processes find what is open here, and what tells that it is the same."""
    return f"/proc/{os.getpid()}/fd/{descriptor}", _identity(descriptor)


def _identity(descriptor: int) -> tuple[int, int]:
    found = os.fstat(descriptor)
    return found.st_dev, found.st_ino


def _mapped(path: str, identity: tuple[int, int]) -> mmap.mmap | None:
    """The memory of that name; None where it is not for us, or, in a container, another's."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:  # in another container there is nothing of that name, or anything
        return None
    with contextlib.closing(os.fdopen(descriptor, "r+b", buffering=0)):
        return mmap.mmap(descriptor, 0) if _identity(descriptor) == identity else None
