"""Curves of a validation metric over iterations or seconds, and how they are drawn."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import cycle
from math import ceil, nan
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmark.records.words import commands
from paper_figures import style
from paper_figures.selection import Group
from paper_figures.tables import Sets

METRIC = "validation_mrr"
AXES = {
    "iteration": "training iterations", "seconds": "training time (s)", METRIC: "validation MRR",
    "validation_f1_micro": "validation F1-micro", "test_f1_micro": "test F1-micro",
    "global_batch_size": "global batch size (events)",
}  # fmt: skip
SMALLEST_RANGE = 0.05  # of the MRR axis, so that noise does not fill it
MARKERS_PER_CURVE = 8
FEW_PANELS = 4

Look = tuple[Any, str]  # colour and marker


def mean_curves(group: Group, sets: Sets, metric: str = METRIC) -> pd.DataFrame:
    """Mean, lowest and highest ``metric`` and mean training seconds of each set, by iteration.

    ``emulated`` says whether trainers shared a process, whose seconds mean nothing.
    """
    parts = []
    for named, runs in sets:
        points = pd.concat(group.curves(runs)).dropna(subset=metric)
        curve = points.groupby("iteration", as_index=False).agg(**{
            "seconds": ("seconds", "mean"), metric: (metric, "mean"), "lowest": (metric, "min"),
            "highest": (metric, "max"), "num_runs": (metric, "size"),
        })  # fmt: skip
        emulated = bool(runs["emulated"].any())
        curve = curve.assign(emulated=emulated, seconds=nan if emulated else curve["seconds"])
        parts.append(curve.assign(**named, origin="measured", source=commands(runs)))
    return pd.concat(parts, ignore_index=True)


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
        ends = ours["lowest"], ours["highest"]
        axes.fill_between(ours[x], *ends, color=color, alpha=style.BAND_ALPHA, lw=0)
        filled = "white" if ours["emulated"].any() else color
        every = max(1, len(ours) // MARKERS_PER_CURVE)
        look = {"color": color, "marker": marker, "markerfacecolor": filled}
        axes.plot(ours[x], ours[y], markevery=every, **look)
    style.log_axis(axes, "x", ticks=(1, 3))


def draw_panels(
    panels: Sequence[tuple[str, pd.DataFrame, Mapping[str, Look]]], size: tuple[float, float],
    y: str = METRIC, x: str = "iteration", **grid: Any,
) -> Figure:  # fmt: skip
    """A panel of lines for each title, table and looks, two beside each other, three of many."""
    across = min(2 if len(panels) <= FEW_PANELS else 3, len(panels))
    rows = ceil(len(panels) / across)
    figure, all_axes = plt.subplots(rows, across, figsize=size, squeeze=False, **grid)
    for axes in all_axes.flat[len(panels) :]:
        axes.set_visible(False)
    for n, (title, table, looks) in enumerate(panels):
        axes = all_axes.flat[n]
        draw_lines(axes, table, looks, x, y)
        axes.set(title=title, xlabel=AXES[x] if n + across >= len(panels) else "")
        axes.set_ylabel("" if n % across else AXES[y])
    for axes in all_axes.flat[: len(panels)]:  # which may share an axis, so after all are drawn
        low, high = axes.get_ylim()
        missing = max(0.0, SMALLEST_RANGE - (high - low))
        axes.set_ylim(low - missing / 2, high + missing / 2)
    return figure


def looks_of(labels: Iterable[str], color: str = "") -> dict[str, Look]:
    """A marker for each label, and a shade of ``color`` or a colour of its own."""
    names = list(dict.fromkeys(labels))
    steps = 0.9 * np.arange(len(names)) / max(1, len(names) - 1)
    own = plt.get_cmap("turbo")(0.05 + steps)
    shades = style.shades(color, len(names)) if color else list(own)
    return dict(zip(names, zip(shades, cycle(style.MARKERS), strict=False), strict=True))


def looks_by(
    table: pd.DataFrame, hue: str, color_of: Callable[[str], str] = style.color_of
) -> dict[str, Look]:
    """Of each label, in order, a shade of the colour of what it has in column ``hue``."""
    found: dict[str, Look] = {}
    for name, part in table.groupby(hue):
        found |= looks_of(part["label"], color_of(str(name)))
    return {label: found[label] for label in table["label"].unique()}


def handles(looks: Mapping[str, Look], words: Mapping[str, str]) -> list[Line2D]:
    """A legend of the lines, under other words where there are any."""
    return [style.line(words.get(n, n), color=c, marker=marker) for n, (c, marker) in looks.items()]
