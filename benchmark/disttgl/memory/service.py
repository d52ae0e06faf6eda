"""What the server of a memory copy and its clients share: buffers, what is asked, what comes next.

A process sends ("hello", rank, pid), ("post", key, needs), ("ping",) and ("close",); the server
answers ("done", key), ("pong", what it waits for) and, before it ends early, ("failed", reason).
"""

import mmap
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import accumulate, count
from math import prod
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.disttgl.schedule import Schedule, Service, services

Array = NDArray[Any]


@dataclass(frozen=True)
class Field:
    """A field of node memory: type and shape of a row, and what an empty row is filled with."""

    dtype: str
    shape: tuple[int, ...]
    empty: float


@dataclass(frozen=True)
class Sizes:
    """What is shared for one copy: i*j trainers read up to j negative sets and write up to
    ``max_written`` rows at a time."""

    fields: tuple[Field, ...]
    num_nodes: int
    num_trainers: int
    num_sets: int
    max_written: int


class SharedBuffers:
    """The node memory of a copy and, for each trainer, buffers for one read and one write.

    Source: DistTGL, section 3.3. Of every field f, ``table[f]`` [num_nodes, ...] is the memory,
    ``read_rows[f]`` [num_trainers, num_sets, num_nodes, ...] the answers to ``read_nodes``
    [num_trainers, num_sets, num_nodes], and ``written_rows[f]`` [num_trainers, max_written, ...]
    the new rows of ``written_nodes`` [num_trainers, max_written]. A trainer may ask for as many
    nodes as there are, because pages that nobody touches take no memory.

    ``descriptor`` is an anonymous file: it has no name that could be taken already, and is gone
    with the last process that has it open, however that ends.
    """

    def __init__(self, sizes: Sizes, descriptor: int) -> None:
        self.sizes = sizes
        reads = (sizes.num_trainers, sizes.num_sets, sizes.num_nodes)
        writes = (sizes.num_trainers, sizes.max_written)
        parts = [(sizes.num_nodes,), reads, writes]
        blocks = [(f.dtype, (*part, *f.shape)) for part in parts for f in sizes.fields]
        *rows, self.read_nodes, self.written_nodes = _mapped(
            descriptor, [*blocks, ("int64", reads), ("int64", writes)]
        )
        count = len(sizes.fields)
        self.table = rows[:count]
        self.read_rows = rows[count : 2 * count]
        self.written_rows = rows[2 * count :]

    def reset(self) -> None:
        """Forget everything about all nodes."""
        for field, column in zip(self.sizes.fields, self.table, strict=True):
            column.fill(field.empty)

    def read(self, trainer: int, negative_set: int, count: int) -> None:
        """Answer a trainer's read of ``count`` nodes; raises IndexError for one there is not."""
        nodes = self._checked(self.read_nodes[trainer, negative_set, :count])
        for column, rows in zip(self.table, self.read_rows, strict=True):
            # In any mode but "clip" numpy gathers into a buffer of its own first.
            np.take(column, nodes, axis=0, out=rows[trainer, negative_set, :count], mode="clip")

    def write(self, trainer: int, count: int) -> None:
        """Take over the ``count`` rows that a trainer has written; IndexError as for a read."""
        nodes = self._checked(self.written_nodes[trainer, :count])
        for column, rows in zip(self.table, self.written_rows, strict=True):
            column[nodes] = rows[trainer, :count]

    def _checked(self, nodes: Array) -> Array:
        if nodes.size and not 0 <= nodes.min() <= nodes.max() < self.sizes.num_nodes:
            raise IndexError(
                f"nodes {nodes.min()} to {nodes.max()} were asked for, "
                f"but there are only 0 to {self.sizes.num_nodes - 1}"
            )
        return nodes


def _mapped(descriptor: int, blocks: list[tuple[str, tuple[int, ...]]]) -> list[Array]:
    """Arrays of the given types and shapes, each on pages of its own."""
    lengths = [np.dtype(dtype).itemsize * prod(shape) for dtype, shape in blocks]
    *starts, end = accumulate((_whole_pages(length) for length in lengths), initial=0)
    os.ftruncate(descriptor, end)
    content = mmap.mmap(descriptor, end)
    return [
        np.frombuffer(content, dtype, prod(shape), start).reshape(shape)
        for (dtype, shape), start in zip(blocks, starts, strict=True)
    ]


def _whole_pages(length: int) -> int:
    return -(-length // mmap.PAGESIZE) * mmap.PAGESIZE


LOOK_SECONDS = 2.0  # who waits looks so often whether the other side still lives


class Key(NamedTuple):
    """Names what is posted: the read or write of a trainer, the reset or start of a rank.

    Trainers are numbered within their group. A read needs the number of nodes of every set, a
    write the number of rows, a start the schedule and an iteration. A key is posted again only
    after the server has said that it is done.
    """

    kind: Literal["read", "write", "reset", "start"]
    number: int


@dataclass(frozen=True)
class Setup:
    """What the server of ``copy`` has to know; ``sharers`` are the ranks that will connect."""

    copy: int
    sizes: Sizes
    sharers: tuple[int, ...]
    world_size: int


class ServiceOrder:
    """Walks through the rounds of ``services``, from where all ranks that share the copy start.

    ``posted`` is always what has been posted and not served yet.
    """

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.rounds: Iterator[tuple[Service, dict[Key, int]]] = iter(())
        self.service: Service | None = None
        self.awaited: dict[Key, int] = {}  # what the next round is made of, and which rank posts it
        self.starts = {Key("start", rank): rank for rank in setup.sharers}

    def ready(self, posted: Collection[Key]) -> list[Key]:
        """What can be served now: a whole round, or a start; empty if something is missing."""
        for keys in (self.awaited, self.starts):
            if keys and all(key in posted for key in keys):
                return list(keys)
        return []

    def start(self, schedule: Schedule, iteration: int) -> None:
        """Make the first round of an iteration the next one."""
        self.rounds = self._rounds(schedule, iteration)
        self.advance()

    def advance(self) -> None:
        """Go on to the round after the next one."""
        self.service, self.awaited = next(self.rounds)

    def missing(self, posted: Collection[Key]) -> dict[Key, int]:
        """What must be posted before anything is served, and which rank is to do it."""
        starting = self.service is None or any(key in posted for key in self.starts)
        wanted = self.starts if starting else self.awaited
        return {key: rank for key, rank in wanted.items() if key not in posted}

    def describe_missing(self, posted: Collection[Key]) -> str:
        """Who is to do what next, in words."""
        missing = self.missing(posted).items()
        steps = sorted({f"rank {rank} to {key.kind}" for key, rank in missing})
        where = f" in iteration {self.service.iteration}" if self.service else ""
        return " and ".join(steps) + where

    def _rounds(
        self, schedule: Schedule, iteration: int
    ) -> Iterator[tuple[Service, dict[Key, int]]]:
        """The rounds in which anyone has something to do."""
        for service in services(schedule, self.setup.copy, count(iteration)):
            if awaited := self._keys(schedule, service):
                yield service, awaited

    def _keys(self, schedule: Schedule, service: Service) -> dict[Key, int]:
        """What is posted for a round; trainers without events of their own post nothing."""
        parallelism = schedule.parallelism
        ranks = {
            trainer: parallelism.process_of(trainer, self.setup.world_size)
            for trainer in parallelism.trainers_of_group(self.setup.copy)
        }
        if service.kind == "reset":
            return {Key("reset", rank): rank for rank in ranks.values()}
        return {
            Key(service.kind, trainer % parallelism.trainers_per_copy): ranks[trainer]
            for trainer in service.trainers
            if schedule.assignment(trainer, service.iteration).events
        }
