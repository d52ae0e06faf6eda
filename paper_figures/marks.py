"""What is drawn: measured lines and bars solid, published ones dashed and hollow, projected pale.

A table of marks has a column ``origin``, of curves ``label`` too.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import cycle
from math import ceil, nan
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.records.words import commands
from paper_figures import style
from paper_figures.selection import Group
from paper_figures.style import Look
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
PALE: Look = {"alpha": 0.35}
GROUP = 0.85  # of the way from one group of bars to the next


def over_seeds(points: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """Mean, lowest and highest ``y`` of the points at each ``x``."""
    ends = {y: (y, "mean"), "lowest": (y, "min"), "highest": (y, "max"), "num_runs": (y, "size")}
    return points.groupby(x, as_index=False).agg(**ends)


def mean_curves(group: Group, sets: Sets, metric: str = METRIC) -> pd.DataFrame:
    """``over_seeds`` of each set by iteration, and the mean of its training seconds.

    ``emulated`` says whether trainers shared a process, whose seconds mean nothing.
    """
    parts = []
    for named, runs in sets:
        points = pd.concat(group.curves(runs)).dropna(subset=metric)
        emulated = bool(runs["emulated"].any())
        seconds = points.groupby("iteration")["seconds"].mean().to_numpy()
        told = {"emulated": emulated, "seconds": nan if emulated else seconds}
        told |= {**named, "origin": "measured", "source": commands(runs)}
        parts.append(over_seeds(points, "iteration", metric).assign(**told))
    return pd.concat(parts, ignore_index=True)


def looks_of(labels: Sequence[str], colors: Iterable[Any]) -> dict[str, Look]:
    """A colour and a marker for each label."""
    pairs = zip(labels, colors, cycle(style.MARKERS), strict=False)
    return {label: {"color": color, "marker": marker} for label, color, marker in pairs}


def looks_by(
    table: pd.DataFrame, hue: str, color_of: Callable[[str], str] = style.color_of
) -> dict[str, Look]:
    """Of each label, in order, a shade of the colour of what it has in column ``hue``."""
    found: dict[str, Look] = {}
    for name, labels in table.groupby(hue)["label"].unique().items():
        found |= looks_of(labels, style.shades(color_of(str(name)), len(labels)))
    return {label: found[label] for label in table["label"].unique()}


def lines(
    axes: Axes, table: pd.DataFrame, looks: Mapping[str, Look], x: str, y: str = METRIC
) -> None:
    """A line for each label; of measured ones a band over seeds and markers, hollow if emulated."""
    for (origin, label), curve in table.groupby(["origin", "label"], sort=False):
        look = looks[label]
        if origin == "published":
            axes.plot(curve[x], curve[y], **style.PUBLISHED | {"color": look["color"]})
            continue
        ends = curve["lowest"], curve["highest"]
        axes.fill_between(curve[x], *ends, color=look["color"], alpha=0.2, lw=0)
        inside = "white" if curve["emulated"].any() else look["color"]
        every = max(1, len(curve) // MARKERS_PER_CURVE)
        axes.plot(curve[x], curve[y], markevery=every, markerfacecolor=inside, **look)
    style.log_axis(axes, "x", ticks=(1, 3))


def panels_of_lines(
    panels: Sequence[tuple[str, pd.DataFrame, Mapping[str, Look]]], size: tuple[float, float],
    y: str = METRIC, x: str = "iteration", **grid: Any,
) -> Figure:  # fmt: skip
    """A panel of lines for each title, table and looks, two beside each other, three of many."""
    across = min(2 if len(panels) <= FEW_PANELS else 3, len(panels))
    rows = ceil(len(panels) / across)
    figure, all_axes = plt.subplots(rows, across, figsize=size, squeeze=False, **grid)
    for n, (axes, (title, table, looks)) in enumerate(zip(all_axes.flat, panels, strict=False)):
        lines(axes, table, looks, x, y)
        axes.set(title=title, xlabel=AXES[x] if n + across >= len(panels) else "")
        axes.set_ylabel("" if n % across else AXES[y])
    for n, axes in enumerate(all_axes.flat):  # which may share an axis, so after all are drawn
        low, high = axes.get_ylim()
        missing = max(0.0, SMALLEST_RANGE - (high - low))
        axes.set_ylim(low - missing / 2, high + missing / 2)
        axes.set_visible(n < len(panels))
    return figure


def bars(
    axes: Axes, table: pd.DataFrame, value: str, places: Any, width: float, colors: Any,
    form: Callable[[float], str] | None = None, size: float = 6.5, flat: bool = False,
) -> None:  # fmt: skip
    """A bar for each row with a whisker from VALUE_low to VALUE_high, upright or ``flat``.

    ``form`` writes their numbers at their ends, in letters of ``size``.
    """
    bar, error = (axes.barh, "xerr") if flat else (axes.bar, "yerr")
    for origin, rows in table.groupby("origin"):
        at, hues, middle = places[rows.index], list(colors[rows.index]), rows[value]
        low, high = (rows.get(f"{value}_{end}", middle) for end in ("low", "high"))
        texts = list(map(form, middle)) if form else []
        if origin == "projected":
            drawn = bar(at, high - low, width / 3, low, color=hues, **PALE)
            ends = zip(low, high, strict=True)
            texts = [f"projected {form(a)} to {form(b)}" for a, b in ends] if form else []
        elif origin == "published":
            drawn = bar(at, middle, width, **style.hollow(hues))
        else:
            spread: Any = {error: (middle - low, high - middle), "error_kw": {"lw": 0.9}}
            drawn = bar(at, middle, width, color=hues, **spread)
        axes.bar_label(drawn, texts or [""] * len(rows), padding=1.5, fontsize=size)


def grouped(
    axes: Axes, table: pd.DataFrame, value: str, across: str, beside: str,
    colors: Mapping[str, Any], form: Callable[[float], str] | None = None, size: float = 6.5,
) -> Any:  # fmt: skip
    """``bars`` in a group for each ``across``, in the order of ``colors``; returns their places."""
    groups, step = list(table[across].unique()), GROUP / len(colors)
    place = table[beside].map(list(colors).index) - (len(colors) - 1) / 2
    places = table[across].map(groups.index) + step * place
    bars(axes, table, value, places, 0.9 * step, table[beside].map(colors), form, size)
    style.categories(axes, "x", groups)
    return places
