"""Which part of the past a model looks at, and in how many pieces."""

from dataclasses import dataclass


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
