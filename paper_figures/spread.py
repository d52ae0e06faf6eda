"""What several seeds say of one number: their mean and how sure it is."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from benchmark.statistics import CONFIDENCE, MINIMUM_SEEDS, mean_interval

RESAMPLING_SEED = 0  # as in the tables that benchmark.run prints
EXPLAINED = (
    f" In brackets: the {CONFIDENCE:.0%} bootstrap interval of the mean, of fewer than "
    f"{MINIMUM_SEEDS} seeds the lowest and the highest."
)


class Spread(NamedTuple):
    """A mean over ``num_runs`` seeds and the interval around it."""

    mean: float
    low: float
    high: float
    num_runs: int

    def text(self, form: str) -> str:
        """The mean and, of several seeds, the interval: "98.21 [97.95, 98.40]"."""
        mean, low, high = (format(value, form) for value in self[:3])
        return mean if self.num_runs == 1 else f"{mean} [{low}, {high}]"


def spread(values: Iterable[float | None]) -> Spread | None:
    """Over those seeds that have a value; None if none has."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    interval = mean_interval(known, np.random.default_rng(RESAMPLING_SEED))
    low, high = interval or (min(known), max(known))
    return Spread(sum(known) / len(known), low, high, len(known))
