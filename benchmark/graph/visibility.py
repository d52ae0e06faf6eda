"""What a query may see of the batch it belongs to."""

from enum import StrEnum


class Visibility(StrEnum):
    """Which earlier events neighbour sampling may return for a query at time t.

    Node memory is stale within a batch under both.
    """

    EVENT = "event"  # every event with time < t, also those of the same batch (DistTGL, TGL, TGN)
    BATCH = "batch"  # every event of earlier batches, none of this one (PyG, TGB)
