"""Order in time: stable sorting, counting what is out of order, splitting by time."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.dataset import Split

ROUNDING_ERROR = 1e-6


def count_out_of_order(times: NDArray[np.int64]) -> int:
    """How many rows are earlier than some row before them, and so must move to sort the file."""
    return int((times < np.maximum.accumulate(times)).sum())


def stable_order(times: NDArray[np.int64]) -> NDArray[Any] | slice:
    """What to index with to sort by time; rows with equal times keep their order."""
    if (times[1:] >= times[:-1]).all():
        return slice(None)
    return np.argsort(times, kind="stable")


def split_by_time(
    times: NDArray[np.int64], validation_fraction: float, test_fraction: float
) -> Split:
    """The rule of PyG's ``TemporalData.train_val_test_split`` on sorted ``times``.

    Events up to the time quantile 1 - validation - test train, those up to 1 - test validate:
    events of one time are never parted. PyG compares in float32, which moves the boundary by up to
    a minute in unix seconds; here the comparison is exact. Raises ValueError for fractions that
    leave a part empty.
    """
    if not (validation_fraction > 0 and test_fraction > 0):
        raise ValueError(
            f"validation_fraction {validation_fraction} and test_fraction {test_fraction}: both "
            "must be above 0"
        )
    if validation_fraction + test_fraction >= 1:
        raise ValueError(
            f"validation_fraction {validation_fraction} and test_fraction {test_fraction} leave "
            "no training event: their sum must be below 1"
        )
    quantiles = np.quantile(times, [1 - validation_fraction - test_fraction, 1 - test_fraction])
    # 1 - 0.3 - 0.3 is a little less than 0.4, which must not move an event across the boundary.
    train_time, validation_time = np.floor(quantiles + ROUNDING_ERROR)
    return Split(
        train_end=int((times <= train_time).sum()),
        validation_end=int((times <= validation_time).sum()),
        num_events=len(times),
    )
