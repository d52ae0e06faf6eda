"""How many iterations trainers save on the way to one trainer's accuracy (Figures 9 and 11)."""

from statistics import median
from typing import Any

import pandas as pd

from paper_figures.curves import METRIC, first_reaching
from paper_figures.run_sets import SINGLE

FRACTIONS = (0.70, 0.80, 0.90, 0.95)  # of the best validation metric of one trainer

Runs = dict[str, list[pd.DataFrame]]  # evaluations of each seed, by "ixjxk"


def speedups(runs: Runs, metric: str = METRIC) -> pd.DataFrame:
    """Iterations to each of ``FRACTIONS``, and how many times fewer they are than one trainer's.

    Columns: parallelism, fraction, the ``metric`` (the target, from the mean of the seeds' best),
    iterations (the median over seeds), lowest, highest, num_runs, speedup (of medians). Infinite
    iterations mean never. Raises KeyError without 1x1x1.
    """
    best = [float(run[metric].max()) for run in runs[SINGLE]]
    rows = [
        _row(group, runs[SINGLE], fraction * sum(best) / len(best), metric)
        | {"parallelism": parallelism, "fraction": fraction}
        for parallelism, group in runs.items()
        for fraction in FRACTIONS
    ]
    return pd.DataFrame(rows)


def _row(
    runs: list[pd.DataFrame], single: list[pd.DataFrame], target: float, metric: str
) -> dict[str, Any]:
    iterations, alone = (
        [first_reaching(run, "iteration", target, metric) for run in group]
        for group in (runs, single)
    )
    return {
        metric: target,
        "iterations": median(iterations),
        "lowest": min(iterations),
        "highest": max(iterations),
        "num_runs": len(iterations),
        "speedup": median(alone) / median(iterations),
    }
