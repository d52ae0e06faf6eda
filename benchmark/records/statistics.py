"""Means over seeds and how sure they are, differences paired by seed, and when a target is reached.

One rule each, for figures and the end table.
"""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, median
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from benchmark.records.series import Runs, column

CONFIDENCE = 0.95
NORMAL_QUANTILE = 1.96  # of a 95 % interval
FRACTION = 0.95  # of the best value of one trainer (DistTGL, section 4.1, uses such fractions)


class Interval(NamedTuple):
    """Where a mean lies with the chosen confidence."""

    low: float
    high: float


def mean_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval | None:
    """Student's t interval of the mean; None of fewer than two values.

    Seeds are independent, and their spread is close to normal; with two or three it is wide, as it
    should be. Equal values give an interval of width 0.
    """
    sample = np.asarray(values, dtype=float)
    if sample.size < 2:
        return None
    mean, error = float(sample.mean()), float(sample.std(ddof=1)) / sample.size**0.5
    half = float(stdtrit(sample.size - 1, (1 + confidence) / 2)) * error
    return Interval(mean - half, mean + half)


def paired_differences(first: Mapping[int, float], second: Mapping[int, float]) -> list[float]:
    """``first`` minus ``second`` for every seed that both have, in order of seed."""
    return [first[seed] - second[seed] for seed in sorted(first.keys() & second.keys())]


class Estimate(NamedTuple):
    """A number and where it may lie, by its seeds; of one seed without ``low`` and ``high``."""

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def ends(self) -> tuple[float, float]:
        return (
            self.value if self.low is None else self.low,
            self.value if self.high is None else self.high,
        )


def mean_difference(first: Mapping[int, float], second: Mapping[int, float]) -> Estimate:
    """The mean of ``first`` minus that of ``second``, by seed, and its interval.

    Paired where two seeds or more are in both. Otherwise the interval is that of two samples with
    one spread, which is estimated from whichever has several seeds; without any, there is none.
    """
    paired = paired_differences(first, second)
    if len(paired) > 1:
        return Estimate(fmean(paired), *(mean_interval(paired) or ()))
    sides = [np.asarray(list(one.values()), dtype=float) for one in (first, second)]
    apart = float(sides[0].mean() - sides[1].mean())
    freedom = sum(side.size - 1 for side in sides)
    if freedom < 1:
        return Estimate(apart)
    squares = sum(float(((side - side.mean()) ** 2).sum()) for side in sides)
    error = np.sqrt(squares / freedom * sum(1 / side.size for side in sides))
    half = float(stdtrit(freedom, (1 + CONFIDENCE) / 2) * error)
    return Estimate(apart, apart - half, apart + half)


def is_above(first: Mapping[int, float], second: Mapping[int, float]) -> bool:
    """Whether the interval of the mean difference, paired by seed, lies above 0."""
    interval = mean_interval(paired_differences(first, second))
    return interval is not None and interval.low > 0


def mean_estimate(values: Iterable[Any], scale: float = 1) -> Estimate | None:
    """Mean of those seeds that have a value, and its interval; None if none has."""
    known = [scale * float(value) for value in values if pd.notna(value)]
    if not known:
        return None
    return Estimate(fmean(known), *(mean_interval(known) or (None, None)))


def median_estimate(values: Iterable[Any]) -> Estimate | None:
    """Median, lowest and highest of those seeds that have a value.

    For times, of which a few are far too long where a machine had something else to do.
    """
    known = [float(value) for value in values if pd.notna(value)]
    return Estimate(median(known), min(known), max(known)) if known else None


def first_reaching(run: pd.DataFrame, metric: str, target: float, x: str = "iteration") -> float:
    """``x`` of the first evaluation whose ``metric`` is at least ``target``; infinite if none is.

    ``run`` has a row for each evaluation, in order of training.
    """
    reached = run.loc[run[metric] >= target, x]
    return float(reached.iloc[0]) if len(reached) else float("inf")


def first_best(run: pd.DataFrame, metric: str, x: str = "iteration") -> float:
    """``x`` of the first evaluation with the best ``metric`` of the run."""
    return first_reaching(run, metric, float(run[metric].max()), x)


def target_of(single: list[pd.DataFrame], metric: str, fraction: float = FRACTION) -> float:
    """``fraction`` of the best ``metric`` of one trainer, the mean over its seeds."""
    return fraction * fmean(float(run[metric].max()) for run in single)


def reaching(
    runs: Iterable[pd.DataFrame], metric: str, target: float, x: str = "iteration"
) -> list[float]:
    """``first_reaching`` of each seed."""
    return [first_reaching(run, metric, target, x) for run in runs]


def still_rising(run: pd.DataFrame, metric: str) -> bool:
    """Whether the last evaluation is the best so far: then nobody knows where it would end."""
    return bool(run[metric].idxmax() == run[metric].last_valid_index())


def arrivals(curves: list[pd.DataFrame], metric: str, target: float) -> pd.DataFrame:
    """When each seed first meets ``target``, at which validation, the one before, and the last."""
    rows = []
    for curve in curves:
        met = first_reaching(curve, metric, target)
        earlier = curve.loc[curve["iteration"] < met, "iteration"]
        rows.append({
            "iterations": met, "validation": len(earlier) + 1,
            "before": earlier.iloc[-1] if len(earlier) else 0, "last": curve["iteration"].iloc[-1],
            "rising": still_rising(curve, metric),
        })  # fmt: skip
    return pd.DataFrame(rows).astype({"iterations": float, "before": float})


def rank_correlation(table: pd.DataFrame, one: str, other: str, sign: bool = True) -> Estimate:
    """Spearman's of two columns, or its size, with Fisher's interval; NaN where all are alike."""
    value = float(table[[one, other]].corr("spearman").to_numpy()[0, 1])
    size = value if sign else abs(value)
    error = NORMAL_QUANTILE / np.sqrt(max(len(table) - 3, 1))  # of tanh^-1
    ends = np.tanh(np.arctanh(size) + np.array([-error, error])) if abs(size) < 1 else [size] * 2
    return Estimate(size, *map(float, ends))


def by_seed(metric: str, *sides: Runs) -> list[dict[int, float]]:
    """Of each side the values of the runs that have one, by seed."""
    known = (zip(runs["seed"], column(runs, metric), strict=True) for runs in sides)
    return [{int(seed): float(x) for seed, x in values if pd.notna(x)} for values in known]
