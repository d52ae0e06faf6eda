"""How many iterations trainers save on the way to one trainer's accuracy (Figure 9)."""

from statistics import median
from typing import Any

import pandas as pd

from paper_figures.curves import METRIC, first_reaching
from paper_figures.run_sets import SINGLE

FRACTIONS = (0.70, 0.80, 0.90, 0.95)  # of the best validation MRR of one trainer

Runs = dict[str, list[pd.DataFrame]]  # evaluations of each seed, by "ixjxk"


def speedups(runs: Runs) -> pd.DataFrame:
    """Iterations to each of ``FRACTIONS``, and how many times fewer they are than one trainer's.

    Columns: parallelism, fraction, validation_mrr (the target, from the mean of the seeds' best),
    iterations (the median over seeds), lowest, highest, num_runs, speedup (of medians). Infinite
    iterations mean never. Raises KeyError without 1x1x1.
    """
    best = [float(run[METRIC].max()) for run in runs[SINGLE]]
    rows = [
        _row(group, runs[SINGLE], fraction * sum(best) / len(best))
        | {"parallelism": parallelism, "fraction": fraction}
        for parallelism, group in runs.items()
        for fraction in FRACTIONS
    ]
    return pd.DataFrame(rows)


def _row(runs: list[pd.DataFrame], single: list[pd.DataFrame], target: float) -> dict[str, Any]:
    iterations = [first_reaching(run, "iteration", target) for run in runs]
    return {
        "validation_mrr": target,
        "iterations": median(iterations),
        "lowest": min(iterations),
        "highest": max(iterations),
        "num_runs": len(iterations),
        "speedup": median(first_reaching(run, "iteration", target) for run in single)
        / median(iterations),
    }
