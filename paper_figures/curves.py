"""Curves of validation MRR over iterations or seconds, and how they are drawn."""

from collections.abc import Iterable
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from paper_figures import style
from paper_figures.records import Record

METRIC = "validation_mrr"
TEST_METRIC = "test_mrr"
SMALLEST_RANGE = 0.05  # of the MRR axis, so that noise does not fill it
MARKERS_PER_CURVE = 8


def mean_curve(records: Iterable[Record]) -> pd.DataFrame:
    """Mean, lowest and highest validation MRR and mean training seconds of seeds, by iteration."""
    runs = pd.concat([record.evaluations for record in records]).dropna(subset=METRIC)
    return runs.groupby("iteration", as_index=False).agg(
        seconds=("seconds", "mean"),
        validation_mrr=(METRIC, "mean"),
        lowest=(METRIC, "min"),
        highest=(METRIC, "max"),
        num_runs=(METRIC, "size"),
    )


def mean_metric(records: Iterable[Record], name: str) -> float | None:
    """Mean of a metric over the seeds that have it, None if none has."""
    values = [record.metrics[name] for record in records if name in record.metrics]
    return sum(values) / len(values) if values else None


def first_reaching(run: pd.DataFrame, x: str, target: float) -> float:
    """``x`` of the first evaluation with a validation MRR of ``target``, infinite if none has."""
    reached = run.loc[run[METRIC] >= target, x]
    return float(reached.min()) if len(reached) else float("inf")


def plot_measured(axes: Axes, curve: pd.DataFrame, x: str, look: tuple[Any, str]) -> Line2D:
    """A solid line with markers, and a band from the lowest to the highest seed."""
    color, marker = look
    if (curve["num_runs"] > 1).any():
        axes.fill_between(
            curve[x], curve["lowest"], curve["highest"], color=color, alpha=style.BAND_ALPHA, lw=0
        )
    every = max(1, len(curve) // MARKERS_PER_CURVE)
    return axes.plot(curve[x], curve[METRIC], color=color, marker=marker, markevery=every)[0]


def plot_published(axes: Axes, curve: pd.DataFrame, x: str, color: Any) -> Line2D:
    """A thin dashed line."""
    return axes.plot(curve[x], curve[METRIC], color=color, lw=1, ls=style.PUBLISHED_DASHES)[0]


def commands(records: Iterable[Record]) -> str:
    """The commands that made the records, for the column ``source``."""
    return ", ".join(dict.fromkeys(record.command for record in records))
