"""The past of a query: what of it may be seen, in how many pieces, and what is found there."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from torch import Tensor


class Visibility(StrEnum):
    """Which earlier events neighbour sampling may return for a query at time t.

    Node memory is stale within a batch under both.
    """

    EVENT = "event"  # every event with time < t, also those of the same batch (DistTGL, TGL, TGN)
    BATCH = "batch"  # every event of earlier batches, none of this one (PyG, TGB)


@dataclass(frozen=True)
class Snapshots:
    """The past of a query in ``number`` windows of ``duration`` each, 0 the newest.

    A query at time t finds an event of time t' in snapshot s if s * duration < t - t' <=
    (s + 1) * duration; the newest has the visible events of time t too. ``duration`` is in the
    time unit of the stream; without one there is a single snapshot, the whole past.

    Raises:
        ValueError: If there is no snapshot, or several without a duration, or one of no length.
    """

    number: int = 1
    duration: int | None = None

    def __post_init__(self) -> None:
        if self.number < 1:
            raise ValueError(f"The number of snapshots is {self.number}; it must be at least 1.")
        if self.duration is None and self.number > 1:
            raise ValueError(f"Give the {self.number} snapshots a duration.")
        if self.duration is not None and self.duration < 1:
            raise ValueError(f"A snapshot lasts {self.duration}; it must last at least 1.")


WHOLE_PAST = Snapshots()


class Neighborhood(NamedTuple):
    """Sampled neighbours of some roots; every field is [num_roots, num_neighbors].

    The neighbours of a root fill its row from slot 0, the most recent, to the oldest; the slots
    after them are padding, with ``mask`` False and all else 0.
    """

    nodes: Tensor  # int64, the node at the other end
    events: Tensor  # int64, id of the event that made it a neighbour
    times: Tensor  # int64, time of that event
    mask: Tensor  # bool, False in padding
