"""Curves of a validation metric over iterations or seconds, and how they are drawn."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from math import ceil, nan
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmark.records.series import Runs
from benchmark.records.words import commands
from paper_figures import style
from paper_figures.selection import Group, Mask, has

METRIC = "validation_mrr"
TEST_METRIC = "test_mrr"
SMALLEST_RANGE = 0.05  # of the MRR axis, so that noise does not fill it
MARKERS_PER_CURVE = 8
FEW_PANELS = 4

Look = tuple[Any, str]  # colour and marker


def mean_curve(group: Group, runs: Runs, metric: str = METRIC, **columns: Any) -> pd.DataFrame:
    """Mean, lowest and highest ``metric`` and mean training seconds of seeds, by iteration.

    ``emulated`` says whether trainers shared a process, whose seconds mean nothing; ``columns`` are
    added.
    """
    points = pd.concat(group.curves(runs)).dropna(subset=metric)
    curve = points.groupby("iteration", as_index=False).agg(**{
        "seconds": ("seconds", "mean"), metric: (metric, "mean"), "lowest": (metric, "min"),
        "highest": (metric, "max"), "num_runs": (metric, "size"),
    })  # fmt: skip
    emulated = bool(runs["emulated"].any())
    curve = curve.assign(emulated=emulated, seconds=nan if emulated else curve["seconds"])
    return curve.assign(**columns, origin="measured", source=commands(runs))


def mean_metric(runs: Runs, name: str) -> float | None:
    """Mean of a metric over the seeds that have it, None if none has."""
    value = runs[f"metrics.{name}"].mean() if f"metrics.{name}" in runs else nan
    return None if pd.isna(value) else float(value)


def draw_lines(
    axes: Axes, table: pd.DataFrame, looks: Mapping[str, Look], x: str, y: str = METRIC
) -> None:
    """A line for each ``label`` of ``table``.

    Measured ones are solid with a band from lowest to highest seed and markers, hollow if emulated;
    published ones dashed.
    """
    for label, (color, marker) in looks.items():
        curve = table[table["label"] == label]
        theirs, ours = curve[curve["origin"] == "published"], curve[curve["origin"] == "measured"]
        axes.plot(theirs[x], theirs[y], color=color, lw=1, ls=style.PUBLISHED_DASHES)
        if ours.empty:
            continue
        axes.fill_between(
            ours[x], ours["lowest"], ours["highest"], color=color, alpha=style.BAND_ALPHA, lw=0
        )
        every = max(1, len(ours) // MARKERS_PER_CURVE)
        line = axes.plot(ours[x], ours[y], color=color, marker=marker, markevery=every)[0]
        line.set_markerfacecolor("white" if ours["emulated"].any() else color)
    style.log_axis(axes, "x", ticks=(1, 3))
    style.widen(axes, SMALLEST_RANGE)


def draw_panels(
    panels: Sequence[tuple[str, pd.DataFrame, Mapping[str, Look]]],
    size: tuple[float, float],
    labels: tuple[str, str],
    y: str = METRIC,
    x: str = "iteration",
    **grid: Any,
) -> Figure:
    """A panel of lines for each title, table and looks, two beside each other, three of many."""
    across = min(2 if len(panels) <= FEW_PANELS else 3, len(panels))
    rows = ceil(len(panels) / across)
    figure, all_axes = plt.subplots(rows, across, figsize=size, squeeze=False, **grid)
    for n, axes in enumerate(all_axes.flat):
        if n >= len(panels):
            axes.set_visible(False)
            continue
        title, table, looks = panels[n]
        draw_lines(axes, table, looks, x, y)
        axes.set(title=title, xlabel=labels[0] if n + across >= len(panels) else "")
        axes.set_ylabel("" if n % across else labels[1])
    return figure


def looks_of(labels: Iterable[str], color: str = "") -> dict[str, Look]:
    """A marker for each label, and a shade of ``color`` or a colour of its own."""
    names = list(dict.fromkeys(labels))
    own = plt.get_cmap("turbo")(
        [0.05 + 0.9 * n / max(1, len(names) - 1) for n in range(len(names))]
    )
    shades = style.shades(color, len(names)) if color and names else list(own)
    return dict(zip(names, zip(shades, cycle(style.MARKERS), strict=False), strict=True))


def handles(looks: Mapping[str, Look], words: Mapping[str, str]) -> list[Line2D]:
    """A legend of the lines, under other words where there are any."""
    return [style.line(words.get(n, n), color=c, marker=marker) for n, (c, marker) in looks.items()]


def how_drawn(curves: pd.DataFrame) -> str:
    """Small print on the bands and markers of measured curves, where they have any."""
    text = ""
    if (curves["num_runs"] > 1).any():
        text += " Line: mean over seeds; band: lowest to highest seed."
    if curves["emulated"].any():
        text += " Hollow markers: trainers emulated on fewer processes."
    return text


def has_curve(metric: str) -> Mask:
    """A need of ``selection.Rule``: a validation metric while training."""
    return has(f"metrics.validation_{metric}")
