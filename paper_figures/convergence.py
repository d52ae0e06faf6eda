"""Figures 9 to 11: a validation metric over iterations by i x j x k, and the grid of j x k."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, LogNorm, Normalize

from benchmark.records.series import SINGLE, Runs, column, size_order
from benchmark.records.statistics import FRACTION, first_best, target_of
from paper_figures import curves, style, tables
from paper_figures.curves import METRIC
from paper_figures.figure import Group, Output, Rule, figure, published
from paper_figures.measures import reaches
from paper_figures.selection import APART, WITHOUT_EFFECT, foremost, has

SUITES = ("convergence", "convergence_static", "convergence_mooc", "sampler", "trainer_grid")
FRACTIONS = (0.70, 0.80, 0.90, FRACTION)  # of the best value of one trainer
PANELS = {
    "(a) epoch parallelism": ("1x1x1", "1x2x1", "1x4x1", "1x8x1"),
    "(b) eight trainers": ("1x1x1", "1x8x1", "1x4x2", "1x2x4", "1x1x8"),
}
ENDS = ("iterations", "lowest", "highest")
LAYOUTS = list(dict.fromkeys(name for names in PANELS.values() for name in names))
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


def published_mrr(group: Group) -> pd.DataFrame:
    """Figure 9 where it shows this data set under this protocol, with the MRR of its legend."""
    tests = group.published("figure_9_test").drop(columns=["source", "origin"])
    keys = ["panel", "dataset", "parallelism"]
    table = group.published("figure_9_validation").merge(tests, on=keys)
    return table.assign(label=table["parallelism"])


def _compares(runs: Runs) -> tuple[object, ...]:
    layouts = set(runs["parallelism"])
    return (SINGLE in layouts and len(layouts) > 1, *foremost(runs))


@figure("convergence", Rule(
    SUITES, varies=WITHOUT_EFFECT, rank=_compares, apart=APART,
    needs={"no validation MRR": has("metrics.validation_mrr"),
           "another layout": lambda runs: runs["parallelism"].isin(LAYOUTS)},
))  # fmt: skip
def draw_mrr(group: Group) -> Iterator[Output]:
    """Two panels of measured and published curves, and the table of iterations saved."""
    both = pd.concat([mean_curves(group, "mrr"), published_mrr(group)])
    layout, panel = both["parallelism"], both["panel"].fillna("")
    panels = {
        title: both[layout.isin(names) & (panel.isin(["", title[1]]) | (layout == SINGLE))]
        for title, names in PANELS.items()
    }
    yield _picture(both, panels, "mrr", sharey=True)
    table = saved(group)
    spec = {
        "i x j x k": "parallelism", "of one trainer's best": ("fraction", ".0%"),
        "validation MRR": (METRIC, ".4f"), "iterations": ("iterations", ".0f"),
        "times fewer": ("speedup", ".2f"), "seeds": ("num_runs", ".0f"),
    }  # fmt: skip
    if len(table):
        caption = "{conditions} Iterations: the median over seeds."
        shown = tables.shown(table, spec)
        yield Output(table, shown=shown, suffix="_speedups", caption=caption)


@figure("edge_convergence", Rule(
    ("edge_convergence",), ("edge_classification",), rank=len,
    needs={"no validation F1-micro": has("metrics.validation_f1_micro")},
))  # fmt: skip
def draw_f1(group: Group) -> Iterator[Output]:
    """Measured beside published from the first training on: the data sets differ."""
    tests = published("figure_11_test")[["parallelism", "test_f1_micro"]]
    paper = published("figure_11_validation").merge(tests, on="parallelism")
    paper = paper[paper["iteration"] > 0].assign(label=paper["parallelism"])
    table = mean_curves(group, "f1_micro")
    panels = {f"{group.dataset}, measured": table, "GDELT, published (Figure 11)": paper}
    yield _picture(pd.concat([table, paper]), panels, "f1_micro")


def mean_curves(group: Group, metric: str) -> pd.DataFrame:
    """The mean curve of each layout, with its test value."""
    test, sets = f"test_{metric}", []
    for name, runs in group.by_parallelism().items():
        tested = column(runs, f"metrics.{test}").mean()
        sets.append(({"parallelism": name, "label": name, test: tested}, runs))
    return curves.mean_curves(group, sets, f"validation_{metric}")


def _picture(
    both: pd.DataFrame, panels: dict[str, pd.DataFrame], metric: str, **grid: Any
) -> Output:
    """Panels of curves, with the test values of each layout in the legend."""
    looks = curves.looks_of(sorted(both["label"].unique(), key=size_order))
    drawn = [(title, part, looks) for title, part in panels.items()]
    picture = curves.draw_panels(drawn, (style.PAGE, 2.7), f"validation_{metric}", **grid)
    tests = both.groupby(["label", "origin"])[f"test_{metric}"].first().dropna()
    tests = tests.map("{:.4f}".format)
    words = {
        name: f"{name}, test {tests.get((name, 'measured'), 'not run')}"
        f" (published {tests.get((name, 'published'), 'not run')})"
        for name in looks
    }
    style.legend_below(picture, curves.handles(looks, words), 2)
    return Output(both, picture)


def saved(group: Group) -> pd.DataFrame:
    """By layout the iterations to ``FRACTIONS`` of one trainer's best value; empty without it."""
    layouts, rows = group.by_parallelism(), []
    if SINGLE not in layouts:
        return pd.DataFrame()
    for (name, runs), fraction in product(layouts.items(), FRACTIONS):
        target = target_of(group.curves(layouts[SINGLE]), METRIC, fraction)
        found = reaches(group, runs, METRIC, target)
        named = {"parallelism": name, "fraction": fraction, METRIC: target}
        rows.append(named | {"num_runs": len(runs)} | {key: found[key] for key in ENDS})
    table = pd.DataFrame(rows)
    alone = table.groupby("fraction")["iterations"].transform("first")  # of one trainer
    return table.assign(speedup=alone / table["iterations"], origin="measured")


@figure("trainer_grid", Rule(
    SUITES, varies=WITHOUT_EFFECT, apart=APART,
    needs={"no validation MRR": has("metrics.validation_mrr"),
           "a layout outside the grid": lambda runs: runs["parallelism"].isin(GRID)},
))  # fmt: skip
def draw_grid(group: Group) -> Iterator[Output]:
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
    yield Output(both, picture, facts={"misprint": _misprint(group, both)})


def _panel(axes: Axes, cells: "pd.Series[float]", form: str, norm: Normalize) -> None:
    values = cells.reindex(GRID).to_numpy(float).reshape(len(DEGREES), len(DEGREES))
    axes.pcolormesh(range(len(DEGREES)), range(len(DEGREES)), values, norm=norm, **LINES)
    axes.patch.set(hatch=style.PUBLISHED_HATCH, edgecolor=LINES["edgecolor"], lw=0)
    for (y, x), value in np.ndenumerate(values):
        text, box = (form.format(value).lstrip("0"), None) if value > 0 else ("not\nrun", NOT_RUN)
        axes.text(x, y, text, ha="center", va="center", fontsize=6.5, bbox=box)
    axes.set(aspect="equal", ylim=(len(DEGREES) - 0.5, -0.5))
    for name in "xy":
        style.categories(axes, name, DEGREES)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _misprint(group: Group, both: pd.DataFrame) -> str:
    """Where the paper prints two numbers for one run, in this figure and in Figure 9."""
    mine = both[(both["origin"] == "published") & (both["parallelism"] == SINGLE)][TEST]
    other = published("figure_9_test", dataset=group.dataset, parallelism=SINGLE)[TEST]
    if mine.empty or other.empty or mine.iloc[0] == other.iloc[0]:
        return ""
    here, there = mine.iloc[0], other.iloc[0]
    return f" The paper prints {here:.4f} for {SINGLE} here and {there:.4f} in Figure 9."
