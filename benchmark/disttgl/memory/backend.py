"""The contract of the node memory backends; all of them give the same training trajectory."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from torch import Tensor

from benchmark.disttgl.schedule import Schedule
from benchmark.models.node_state import NodeState


class Turn(NamedTuple):
    """A logical trainer that reads or writes a memory copy."""

    trainer: int
    copy: int


class NodeMemory(Protocol):
    """The k copies of node memory, as one process sees them (DistTGL, sections 3.1 and 3.3).

    In every iteration a process resets the copies that start over, exchanges, receives what its
    reading trainers have requested, announces how much its trainers will write, writes for them,
    publishes and commits. What ``receive`` returns holds the writes of all earlier iterations and
    none of the current one. Rows are handed over on the device that trains; ids too, but
    where all rows lie ``on_host``: then ids and a copy that is released do.
    """

    on_host: bool

    def start(self, schedule: Schedule, iteration: int) -> None:
        """Training goes on with an iteration of ``schedule``; a collective call.

        What was requested before and not received is forgotten.
        """

    def reset(self, copy: int) -> None:
        """Start a copy over; called in every process that hosts one of its trainers."""

    def request(self, turn: Turn, nodes: Sequence[Tensor]) -> None:
        """Ask ahead of time for the state of some nodes, one tensor of ids per negative set."""

    def exchange(self) -> None:
        """Let resets and requests reach other processes; every process calls it once an iteration,
        after its resets and requests, whether it has any or not."""

    def announce(self, counts: Mapping[Turn, int]) -> None:
        """Say how many rows this process's trainers will write in this iteration; every process
        calls it once an iteration, after ``exchange``."""

    def receive(self, turn: Turn) -> list[NodeState]:
        """The rows that the trainer requested, in order."""

    def write(self, turn: Turn, nodes: Tensor, rows: NodeState) -> None:
        """Hand over new rows of the distinct ``nodes``."""

    def publish(self, turns: Sequence[Turn]) -> None:
        """Start to spread what the trainers of all processes have written in this iteration.

        ``turns`` holds them in ascending order; this process's writes have all been handed over.
        """

    def commit(self) -> None:
        """Return when the iteration's writes are what later reads will see."""

    def release(self, copy: int) -> NodeState:
        """All rows of a copy, on every process, for the caller to change; a collective call.

        They may be the copy itself, which has to start over before anything is read of it.
        """

    def local_state(self) -> dict[int, NodeState]:
        """This process's part of a checkpoint, rows by copy; a collective call."""

    def restore(self, copy: int, state: NodeState) -> None:
        """Overwrite a copy with what ``local_state`` gave; ``start`` comes after it."""

    def close(self) -> None:
        """Give back processes and shared memory."""


class RequestsAtHand:
    """What backends without a server share: requests wait in this process, and end with it."""

    def __init__(self) -> None:
        self.requests: dict[Turn, Sequence[Tensor]] = {}

    def start(self, schedule: Schedule, iteration: int) -> None:
        """As ``NodeMemory.start``."""
        self.requests.clear()

    def request(self, turn: Turn, nodes: Sequence[Tensor]) -> None:
        """As ``NodeMemory.request``."""
        self.requests[turn] = nodes

    def close(self) -> None:
        """Nothing to give back."""
