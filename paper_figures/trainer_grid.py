"""Figure 10: test MRR and iterations to the best validation by j x k."""

from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, LogNorm, Normalize

from benchmark.records.statistics import first_best
from paper_figures import style, tables
from paper_figures.convergence import SUITES
from paper_figures.figure import Group, Output, Rule, figure
from paper_figures.marks import METRIC
from paper_figures.selection import APART, WITHOUT_EFFECT, has

DEGREES = (1, 2, 4, 8)  # of j, from top to bottom, and of k, from left to right
GRID = [f"1x{j}x{k}" for j in DEGREES for k in DEGREES]
TEST, ITERATIONS, LAST = "test_mrr", "iterations_to_best", "iterations_trained"
QUANTITIES: dict[str, tuple[str, str, type[Normalize]]] = {  # title, form, scale
    TEST: ("(a) test MRR", "{:.4f}", Normalize),
    ITERATIONS: ("(b) iterations", "{:.0f}", LogNorm),
}
PALE = ListedColormap(plt.get_cmap("Blues")(np.linspace(0.08, 0.55, 256)))  # under black numbers
LINES: dict[str, Any] = {"edgecolor": "#BBBBBB", "lw": 0.6, "cmap": PALE}
NOT_RUN: dict[str, Any] = {"facecolor": "white", "edgecolor": "none", "pad": 1}


@figure("trainer_grid", Rule(
    SUITES, varies=WITHOUT_EFFECT, apart=APART,
    needs={"no validation MRR": has("metrics.validation_mrr"),
           "a layout outside the grid": lambda runs: runs["parallelism"].isin(GRID)},
))  # fmt: skip
def draw(group: Group) -> Iterator[Output]:
    """Mean test MRR and median best iterations over seeds of each j x k, beside the paper's."""
    runs = pd.concat(group.by_parallelism().values()).rename(columns={f"metrics.{TEST}": TEST})
    runs[ITERATIONS] = [first_best(curve, METRIC) for curve in group.curves(runs)]
    runs[LAST] = [curve["iteration"].max() for curve in group.curves(runs)]
    ours = tables.summary(tables.sets_by(runs, "parallelism"), [TEST], [ITERATIONS, LAST])
    both = pd.concat([ours, group.published("figure_10")])
    grids = {str(origin): part.set_index("parallelism") for origin, part in both.groupby("origin")}
    size = (style.COLUMN, 3.6)
    picture, panels = plt.subplots(
        2, len(grids), figsize=size, squeeze=False, sharex=True, sharey=True
    )
    for row, (quantity, (title, form, scale)) in zip(panels, QUANTITIES.items(), strict=True):
        norm = scale(float(both[quantity].min()), float(both[quantity].max()))
        for axes, (origin, grid) in zip(row, grids.items(), strict=True):
            _panel(axes, grid[quantity], form, norm)
            axes.set_title(f"{title}, {origin}")
        row[0].set_ylabel("j", rotation=0)
    for axes in panels[-1]:
        axes.set_xlabel("k")
    yield Output(both, picture)


def _panel(axes: Axes, cells: "pd.Series[float]", form: str, norm: Normalize) -> None:
    values = cells.reindex(GRID).to_numpy(float).reshape(len(DEGREES), len(DEGREES))
    axes.pcolormesh(range(len(DEGREES)), range(len(DEGREES)), values, norm=norm, **LINES)
    axes.patch.set(hatch=style.HATCH, edgecolor=LINES["edgecolor"], lw=0)
    for (y, x), value in np.ndenumerate(values):
        text, box = (form.format(value).lstrip("0"), None) if value > 0 else ("not\nrun", NOT_RUN)
        axes.text(x, y, text, ha="center", va="center", fontsize=6.5, bbox=box)
    axes.set(aspect="equal", ylim=(len(DEGREES) - 0.5, -0.5))
    for name in "xy":
        style.categories(axes, name, DEGREES)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
