"""Means over seeds and how sure they are: bootstrap intervals, and differences paired by seed."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

MINIMUM_SEEDS = 4  # with fewer, resampling says nothing of how far off the mean may be
CONFIDENCE = 0.95
RESAMPLES = 10_000


class Interval(NamedTuple):
    """Where a mean lies with the chosen confidence."""

    low: float
    high: float


def mean_interval(
    values: Sequence[float],
    generator: np.random.Generator,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
) -> Interval | None:
    """The studentised bootstrap interval of the mean (Efron and Tibshirani, 1993, section 12.5).

    It keeps its confidence with few values, where the usual percentile interval is too narrow: of
    five normal values, that covers the mean some 82 times in 100. None with fewer than
    ``MINIMUM_SEEDS`` values, or where too many of them are equal to bound the mean; equal values
    alone give an interval of width 0.
    """
    sample = np.asarray(values, dtype=float)
    if sample.size < MINIMUM_SEEDS:
        return None
    mean, deviation = sample.mean(), sample.std()
    if np.ptp(sample) == 0:
        return Interval(float(mean), float(mean))
    resampled = sample[generator.integers(0, sample.size, (resamples, sample.size))]
    shifts = resampled.mean(axis=1) - mean
    deviations = np.where(np.ptp(resampled, axis=1) == 0, 0, resampled.std(axis=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(shifts == 0, 0, shifts / deviations)
    tail = (1 - confidence) / 2
    low, high = np.quantile(t, [tail, 1 - tail], method="inverted_cdf")
    if not np.isfinite([low, high]).all():
        return None
    return Interval(float(mean - high * deviation), float(mean - low * deviation))


def paired_differences(first: Mapping[int, float], second: Mapping[int, float]) -> list[float]:
    """``first`` minus ``second`` for every seed that both have, in order of seed."""
    return [first[seed] - second[seed] for seed in sorted(first.keys() & second.keys())]


def is_above(
    first: Mapping[int, float], second: Mapping[int, float], generator: np.random.Generator
) -> bool:
    """Whether the interval of the mean difference, paired by seed, lies above 0."""
    interval = mean_interval(paired_differences(first, second), generator)
    return interval is not None and interval.low > 0
