"""Tables that processes of one machine show each other in memory, where sending takes longer."""

import contextlib
import mmap
import os
import time
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from benchmark.machine.place import machine_identity
from benchmark.training.processes import LostPeerError, Processes

LINE = 64  # bytes; what one process writes while others look has a line of their caches for itself
HALVES = 2  # one is written while the other may still be read
SPINS = 2000  # looks, before one who waits leaves the core for longer
NAP_SECONDS = 1e-4


class SharedTables:
    """Rounds in which each of some processes may show tables to the others.

    All of ``ranks`` take part in every round. Between its ``begin`` and ``end``, ``show`` gives a
    table and ``look`` waits for one, which is there until ``end``.
    """

    def __init__(
        self, memory: mmap.mmap, processes: Processes, ranks: Sequence[int], num_tables: int
    ) -> None:
        self.place = ranks.index(processes.rank)
        self.num_processes = len(ranks)
        self.num_tables = num_tables
        self.patience = processes.timeout.total_seconds()
        self.round = 0
        num_lines = _num_lines(len(ranks), num_tables)
        numbers = np.frombuffer(memory, np.int64, num_lines * LINE // 8).reshape(num_lines, -1)
        self.ended = numbers[: len(ranks), 0]  # the last round that a process is through with
        self.shown = numbers[len(ranks) :, 0]  # the round of which a table is
        self.num_bytes = numbers[len(ranks) :, 1]
        rows = torch.frombuffer(memory, dtype=torch.uint8, offset=num_lines * LINE)
        self.tables = rows.view(HALVES * num_tables, -1)

    def begin(self) -> None:
        """Begin a round, as soon as nobody reads what it will overwrite."""
        self.round += 1
        for place in range(self.num_processes):
            self._wait(self.ended, place, self.round - HALVES)

    def show(self, table: int, values: Tensor) -> None:
        """Show a copy of ``values`` to the others."""
        row = self._row(table)
        self.tables[row, : values.nbytes].view(values.dtype).copy_(values.flatten())
        self.num_bytes[row] = values.nbytes
        _keep_order()
        self.shown[row] = self.round

    def look(self, table: int, dtype: torch.dtype) -> Tensor:
        """What is shown in this round, [num_values].

        Raises:
            LostPeerError: If nobody shows it for as long as a collective call would wait.
        """
        row = self._row(table)
        self._wait(self.shown, row, self.round)
        return self.tables[row, : int(self.num_bytes[row])].view(dtype)

    def end(self) -> None:
        """End the round: what it showed may be overwritten."""
        _keep_order()
        self.ended[self.place] = self.round

    def gather(self, values: Tensor) -> Tensor:
        """The ``values`` of every process, equally shaped, in order of rank: a round of its own.

        [num_processes, ...]; ``num_tables`` must be as many.
        """
        self.begin()
        self.show(self.place, values)
        found = [self.look(place, values.dtype) for place in range(self.num_processes)]
        gathered = torch.stack(found).view(-1, *values.shape)
        self.end()
        return gathered

    def _row(self, table: int) -> int:
        return self.round % HALVES * self.num_tables + table

    def _wait(self, numbers: np.ndarray, place: int, least: int) -> None:
        looks, end = 0, time.monotonic() + self.patience
        while numbers[place] < least:
            looks += 1
            time.sleep(0 if looks < SPINS else NAP_SECONDS)  # other threads may go on meanwhile
            os.sched_yield()
            if time.monotonic() > end:
                raise LostPeerError(f"a process has shown nothing for {self.patience:.0f} s")
        _keep_order()


def shared_tables(
    processes: Processes, ranks: Sequence[int], num_tables: int, table_bytes: int
) -> SharedTables | None:
    """Tables of at most ``table_bytes`` between ``ranks``, or None where these must send.

    They must where they are not on one Linux machine; one alone has nothing to send. Every process
    calls this in the same order. The memory has no name, so nothing of it is left behind.
    """
    if len(ranks) == 1:
        return None
    widest = -(-table_bytes // LINE) * LINE
    num_bytes = _num_lines(len(ranks), num_tables) * LINE + HALVES * num_tables * widest
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
    return SharedTables(memory, processes, ranks, num_tables)


def _num_lines(num_processes: int, num_tables: int) -> int:
    return num_processes + HALVES * num_tables


def _memory(num_bytes: int) -> int | None:
    """A descriptor of so much memory, where the system has such."""
    with contextlib.suppress(AttributeError, OSError):
        descriptor = os.memfd_create("tables")
        os.ftruncate(descriptor, num_bytes)
        return descriptor
    return None


def _name(descriptor: int) -> tuple[str, tuple[int, int]]:
    """Where other processes find what is open here, and what tells that it is the same."""
    return f"/proc/{os.getpid()}/fd/{descriptor}", _identity(descriptor)


def _identity(descriptor: int) -> tuple[int, int]:
    found = os.fstat(descriptor)
    return found.st_dev, found.st_ino


def _mapped(path: str, identity: tuple[int, int]) -> mmap.mmap | None:
    """The memory of that name; None where it is not for us, or, in a container, another's."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDWR)
        try:
            if _identity(descriptor) == identity:
                return mmap.mmap(descriptor, 0)
        finally:
            os.close(descriptor)
    return None


def _keep_order() -> None:
    """Let no processor move what was written or read before behind what follows.

    To let go of the interpreter's lock and take it again does so.
    """
    time.sleep(0)
