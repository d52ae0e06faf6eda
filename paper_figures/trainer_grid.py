"""Figure 10: test MRR and iterations to the best validation MRR over the grid of j x k."""

from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.patches import Rectangle

from benchmark.records.series import SINGLE
from benchmark.records.statistics import first_best
from paper_figures import curves, style, tables
from paper_figures.convergence import SUITES
from paper_figures.curves import METRIC, TEST_METRIC
from paper_figures.figure import Group, Output, PaperFigure, Rule, published
from paper_figures.selection import APART, WITHOUT_EFFECT

DEGREES = (1, 2, 4, 8)  # of j, from top to bottom, and of k, from left to right
LAYOUTS = {f"1x{j}x{k}": (j, k) for j in DEGREES for k in DEGREES}
ITERATIONS, LAST = "iterations_to_best", "iterations_trained"
QUANTITIES: dict[str, tuple[str, str, type[Normalize]]] = {  # title, form, scale
    TEST_METRIC: ("(a) test MRR", "{:.4f}", Normalize),
    ITERATIONS: ("(b) iterations", "{:.0f}", LogNorm),
}
PALEST, DEEPEST = 0.08, 0.55  # of the colour map, all light enough for black numbers


def cells_of(group: Group) -> pd.DataFrame:
    """Of each j x k the mean test MRR and the median of the best iterations over seeds."""
    runs = pd.concat(group.by_parallelism().values())
    curves_of = dict(zip(runs.index, group.curves(runs), strict=True))
    runs[ITERATIONS] = [first_best(curve, METRIC) for curve in curves_of.values()]
    runs[LAST] = [curve["iteration"].max() for curve in curves_of.values()]
    sets = (({"parallelism": name}, part) for name, part in runs.groupby("parallelism"))
    return tables.summary(
        sets, means=[f"metrics.{TEST_METRIC}"], medians=[ITERATIONS, LAST]
    ).rename(columns={f"metrics.{TEST_METRIC}": TEST_METRIC})


def _cells(grid: pd.DataFrame, quantity: str) -> dict[str, float]:
    known = grid.dropna(subset=quantity)
    return dict(zip(known["parallelism"], known[quantity].astype(float), strict=True))


def draw(group: Group) -> Iterator[Output]:
    """Two grids, beside those of the paper."""
    both = pd.concat([cells_of(group), group.published("figure_10")])
    grids = {str(origin): part for origin, part in both.groupby("origin")}
    across: dict[str, Any] = {"sharex": True, "sharey": True, "squeeze": False}
    figure, panels = plt.subplots(2, len(grids), figsize=(style.COLUMN, 3.6), **across)
    for row, (quantity, (title, form, scale)) in zip(panels, QUANTITIES.items(), strict=True):
        values = both[quantity].dropna().astype(float)
        norm = scale(values.min(), values.max())
        for axes, (origin, grid) in zip(row, grids.items(), strict=True):
            _panel(axes, _cells(grid, quantity), form, norm)
            axes.set_title(f"{title}, {origin}")
        row[0].set_ylabel("j", rotation=0)
    for axes in panels[-1]:
        axes.set_xlabel("k")
    yield Output(both, figure, facts={"misprint": _misprint(group, both)})


def _misprint(group: Group, both: pd.DataFrame) -> str:
    """Where the paper prints two numbers for one run, in this figure and in Figure 9."""
    other = published("figure_9_test", dataset=group.dataset, parallelism=SINGLE)["test_mrr"]
    here = _cells(both[both["origin"] == "published"], TEST_METRIC).get(SINGLE)
    if other.empty or here in (None, other.iloc[0]):
        return ""
    return f" The paper prints {here:.4f} for {SINGLE} here and {other.iloc[0]:.4f} in Figure 9."


def _panel(axes: Axes, cells: dict[str, float], form: str, norm: Normalize) -> None:
    for layout, (j, k) in LAYOUTS.items():
        x, y = DEGREES.index(k), DEGREES.index(j)
        looks: dict[str, Any] = {"facecolor": "white", "hatch": style.PUBLISHED_HATCH}
        text, box = "not\nrun", {"facecolor": "white", "edgecolor": "none", "pad": 1}
        if layout in cells:
            share = PALEST + (DEEPEST - PALEST) * float(norm(cells[layout]))
            looks = {"facecolor": plt.get_cmap("Blues")(share)}
            text, box = form.format(cells[layout]).lstrip("0"), {"alpha": 0}
        axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, edgecolor="#BBBBBB", lw=0.6, **looks))
        axes.text(x, y, text, ha="center", va="center", fontsize=6.5, bbox=box)
    ends = (-0.5, len(DEGREES) - 0.5)
    axes.set(xlim=ends, ylim=ends[::-1], aspect="equal")
    style.categories(axes, "x", DEGREES)
    style.categories(axes, "y", DEGREES)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


FIGURES = [
    PaperFigure("trainer_grid", Rule(
            SUITES, varies=WITHOUT_EFFECT, apart=APART,
            needs={"no validation MRR": curves.has_curve("mrr"),
                   "a layout outside the grid": lambda runs: runs["parallelism"].isin(LAYOUTS)},
        ), draw),
]  # fmt: skip
