"""Curves of a validation metric over iterations or seconds, and how they are drawn."""

from collections.abc import Iterable
from math import nan
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


def mean_curve(records: list[Record], metric: str = METRIC) -> pd.DataFrame:
    """Mean, lowest and highest ``metric`` and mean training seconds of seeds, by iteration.

    ``emulated`` says whether trainers shared a process, whose seconds mean nothing.
    """
    runs = pd.concat([record.evaluations for record in records]).dropna(subset=metric)
    measures = {
        "seconds": ("seconds", "mean"),
        metric: (metric, "mean"),
        "lowest": (metric, "min"),
        "highest": (metric, "max"),
        "num_runs": (metric, "size"),
    }
    curve = runs.groupby("iteration", as_index=False).agg(**measures)
    emulated = any(record.emulated for record in records)
    return curve.assign(emulated=emulated, seconds=nan if emulated else curve["seconds"])


def mean_metric(records: Iterable[Record], name: str) -> float | None:
    """Mean of a metric over the seeds that have it, None if none has."""
    values = [record.metrics[name] for record in records if name in record.metrics]
    return sum(values) / len(values) if values else None


def first_reaching(run: pd.DataFrame, x: str, target: float, metric: str = METRIC) -> float:
    """``x`` of the first evaluation with a ``metric`` of ``target``, infinite if none has."""
    reached = run.loc[run[metric] >= target, x]
    return float(reached.min()) if len(reached) else float("inf")


def plot_measured(
    axes: Axes, curve: pd.DataFrame, x: str, look: tuple[Any, str], y: str = METRIC
) -> Line2D:
    """A solid line with markers, hollow if emulated, and a band from lowest to highest seed."""
    color, marker = look
    if (curve["num_runs"] > 1).any():
        axes.fill_between(
            curve[x], curve["lowest"], curve["highest"], color=color, alpha=style.BAND_ALPHA, lw=0
        )
    every = max(1, len(curve) // MARKERS_PER_CURVE)
    line = axes.plot(curve[x], curve[y], color=color, marker=marker, markevery=every)[0]
    line.set_markerfacecolor("white" if curve["emulated"].any() else color)
    return line


def plot_published(axes: Axes, curve: pd.DataFrame, x: str, color: Any, y: str = METRIC) -> Line2D:
    """A thin dashed line."""
    return axes.plot(curve[x], curve[y], color=color, lw=1, ls=style.PUBLISHED_DASHES)[0]


def how_drawn(curves: pd.DataFrame) -> str:
    """Small print on the bands and markers of measured curves, where they have any."""
    text = ""
    if (curves["num_runs"] > 1).any():
        text += " Line: mean over seeds; band: lowest to highest seed."
    if curves["emulated"].any():
        text += " Hollow markers: trainers emulated on fewer processes."
    return text
