"""When a run first reaches a target in validation: one rule, for figures and the end table."""

from statistics import fmean, median

import pandas as pd

FRACTION = 0.95  # of the best value of one trainer (DistTGL, section 4.1, uses such fractions)


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


def median_reaching(
    runs: list[pd.DataFrame], metric: str, target: float, x: str = "iteration"
) -> float:
    """The median over seeds of ``first_reaching``."""
    return median(first_reaching(run, metric, target, x) for run in runs)


def still_rising(run: pd.DataFrame, metric: str) -> bool:
    """Whether the last evaluation is the best so far: then nobody knows where it would end."""
    return bool(run[metric].idxmax() == run[metric].last_valid_index())
