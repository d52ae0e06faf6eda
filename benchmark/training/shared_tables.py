"""Tables that processes of one machine show each other in memory, where sending takes longer."""

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
    descriptor = None
    if processes.rank == ranks[0] and hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("tables")
        widest = -(-table_bytes // LINE) * LINE
        lines = _num_lines(len(ranks), num_tables) * LINE
        os.ftruncate(descriptor, lines + HALVES * num_tables * widest)
    path = None if descriptor is None else f"/proc/{os.getpid()}/fd/{descriptor}"
    told = processes.gather_objects((machine_identity(), path))
    together = len({told[rank][0] for rank in ranks}) == 1
    memory = _mapped(told[ranks[0]][1]) if together and processes.rank in ranks else None
    has_mapped = processes.gather_objects(memory is not None)
    if descriptor is not None:
        os.close(descriptor)
    if memory is None or not all(has_mapped[rank] for rank in ranks):
        return None
    return SharedTables(memory, processes, ranks, num_tables)


def _num_lines(num_processes: int, num_tables: int) -> int:
    return num_processes + HALVES * num_tables


def _mapped(path: str | None) -> mmap.mmap | None:
    """The memory behind ``path``, None where there is none or another process's is not for us."""
    if path is None:
        return None
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return None
    memory = mmap.mmap(descriptor, 0)
    os.close(descriptor)
    return memory


def _keep_order() -> None:
    """Let no processor move what was written or read before behind what follows.

    To let go of the interpreter's lock and take it again does so.
    """
    time.sleep(0)
