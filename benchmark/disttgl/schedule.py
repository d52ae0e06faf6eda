"""Who trains which batch when, and who then reads, writes and resets which memory copy."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from benchmark.parallelism import Parallelism


@dataclass(frozen=True)
class Assignment:
    """What one logical trainer does in one iteration.

    It trains from the memory that it read in iteration ``read_at``, for a positive local batch and
    all its negative sets. A trainer whose ``events`` are empty adds
    nothing to loss and gradient but keeps its turn in every exchange.

    All reads of an iteration come before all its writes. Where both ``reads`` and ``reset`` hold
    the copy is empty, so a backend may hand out zeros without a request.
    """

    copy: int  # the copy of the node memory, 0 .. k-1
    batch: int  # the global batch, 0 .. num_batches-1
    events: range  # the positive events of the local batch
    negative_set: int  # 0 .. j-1, which of the negative sets that were read with the batch
    read_at: int
    reads: bool
    writes: bool
    reset: bool  # the copy is emptied before this iteration


class Schedule:
    """The schedule of i x j x k as DistTGL trains (section 3.2, Figure 7): a pure function.

    A global batch is i local batches of ``batch_size`` events in order of time; the ``num_events``
    training events from ``first_event`` on make T = ``num_batches`` of them. The events of a short
    last one fill its members in order, so the last members may get few or none. (The authors' code
    drops such a batch where i > 1; its events would then be missing from memory.)

    **Epoch parallelism.** A memory copy goes through passes of L = T + j - 1 =
    ``iterations_per_round`` positions. In position p sub-group p mod j is on turn: its i trainers
    read batch p, train on it and write it, and go on training on it with another negative set each
    time until they are on turn again. So each batch is written once and trained on j times. As in
    the authors' code, trainers that had no turn yet in a pass train on batch 0 from empty memory,
    and those on turn after the last batch read that batch again. There they also write it again;
    here they do not, so that every event enters memory once.

    **Memory parallelism.** Group g trains on copy g. With S = L // k, copy g is reset in iteration
    S*g of every round. Before its first reset it goes from empty memory through the positions
    S*(k-g) .. S*k-1, where a trainer waits for its first turn on the batch of the turn before.
    (Where j does not divide S*(k-g), the authors' sub-groups are on turn in another order there.)
    Figure 7(c) numbers its trainers the other way round: its P1 .. P(k-1) are groups k-1 .. 1.

    Raises:
        ValueError: If there are no events or ``batch_size`` is not positive.
    """

    def __init__(
        self, parallelism: Parallelism, num_events: int, batch_size: int, first_event: int = 0
    ) -> None:
        if num_events < 1:
            raise ValueError(f"There are {num_events} training events; a schedule needs some.")
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}; it must be at least 1.")
        self.parallelism = parallelism
        self.num_events = num_events
        self.batch_size = batch_size
        self.first_event = first_event
        self.num_batches = -(-num_events // (batch_size * parallelism.i))
        self.iterations_per_round = self.num_batches + parallelism.j - 1
        self.epochs_per_round = parallelism.j * parallelism.k
        self.segment = self.iterations_per_round // parallelism.k

    def num_rounds(self, epochs: int) -> int:
        """Rounds in which all trainers together sweep at least ``epochs`` times over the events."""
        return -(-epochs // self.epochs_per_round)

    def global_events(self, batch: int) -> range:
        """The events of a whole global batch."""
        size = self.batch_size * self.parallelism.i
        events = range(self.first_event, self.first_event + self.num_events)
        return events[batch * size : (batch + 1) * size]

    def local_events(self, batch: int, member: int) -> range:
        """The events of one member's share of a global batch."""
        return self.global_events(batch)[member * self.batch_size :][: self.batch_size]

    def progress(self, copy: int, iteration: int) -> tuple[int, int]:
        """Where a copy started its present pass and where it is now; equal where it is reset."""
        first_reset = self.segment * copy
        if iteration < first_reset:
            start = self.segment * (self.parallelism.k - copy)
            return start, start + iteration
        return 0, (iteration - first_reset) % self.iterations_per_round

    def assignment(self, trainer: int, iteration: int) -> Assignment:
        """What a trainer does in an iteration, counted from 0 over all rounds."""
        group, sub_group, member = self.parallelism.place(trainer)
        start, position = self.progress(group, iteration)
        since_turn = (position - sub_group) % self.parallelism.j
        since_read = min(since_turn, position - start)
        batch = self._nearest_batch(position - since_turn)
        return Assignment(
            copy=group,
            batch=batch,
            events=self.local_events(batch, member),
            negative_set=since_read,
            read_at=iteration - since_read,
            reads=since_read == 0,
            writes=since_turn == 0 and position < self.num_batches,
            reset=position == start,
        )

    def uses(self, trainer: int, iteration: int) -> list[int]:
        """The iterations that train on what a trainer reads in this one, by negative set."""
        times = range(iteration, iteration + self.parallelism.j)
        return [n for n in times if self.assignment(trainer, n).read_at == iteration]

    def _nearest_batch(self, position: int) -> int:
        return min(max(position, 0), self.num_batches - 1)


class Service(NamedTuple):
    """One round of requests to a memory copy; within it the trainers come in any order."""

    kind: Literal["reset", "read", "write"]
    iteration: int
    trainers: tuple[int, ...]


def services(schedule: Schedule, copy: int, iterations: Iterable[int]) -> Iterator[Service]:
    """The rounds of a memory copy in the order of the memory daemon (DistTGL, Algorithm 1).

    For i x j = 2 x 2 they are (R0R1)(W0W1)(R2R3)(W2W3)(R0R1)... The first read of a pass is not
    issued: a "reset" stands for it, which empties the copy and lets its trainers start from zeros.
    A read may be served as soon as the write before it is, ahead of the iteration that needs it.
    """
    for iteration in iterations:
        assignments = {
            trainer: schedule.assignment(trainer, iteration)
            for trainer in schedule.parallelism.trainers_of_group(copy)
        }
        readers = tuple(trainer for trainer, a in assignments.items() if a.reads)
        writers = tuple(trainer for trainer, a in assignments.items() if a.writes)
        if any(a.reset for a in assignments.values()):
            yield Service("reset", iteration, readers)
        elif readers:
            yield Service("read", iteration, readers)
        if writers:
            yield Service("write", iteration, writers)
