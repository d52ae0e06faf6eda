"""Figure 2(a): test F1-micro of edge classification by global batch size."""

from collections.abc import Iterator
from statistics import median

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.lines import Line2D

from benchmark.records import words
from benchmark.records.series import SINGLE
from benchmark.records.targets import first_reaching
from paper_figures import style
from paper_figures.claims import Measured
from paper_figures.curves import has_curve
from paper_figures.figure import Output, PaperFigure, measured
from paper_figures.published import on_features, published
from paper_figures.selection import Group, Rule, has

METRIC, CURVE, FLOOR = "test_f1_micro", "validation_f1_micro", "test_f1_micro_majority"
SIZE = "global_batch_size"
TOLERANCE = 0.03  # part of the smallest batch's F1 that a larger one may lose; GDELT's noise


def by_size(group: Group) -> pd.DataFrame:
    """Mean, lowest and highest test F1-micro over seeds, by global batch size."""
    named = {"batch_size": SIZE, f"metrics.{METRIC}": METRIC, f"metrics.{FLOOR}": FLOOR}
    points = group.runs.rename(columns=named).groupby(["dataset", SIZE], as_index=False)
    table = points.agg(
        test_f1_micro=(METRIC, "mean"), lowest=(METRIC, "min"), highest=(METRIC, "max"),
        num_runs=(METRIC, "size"), test_f1_micro_majority=(FLOOR, "mean"),
    )  # fmt: skip
    return table.assign(origin="measured", source=words.commands(group.runs))


def growth(table: pd.DataFrame) -> float:
    """How many times the smallest batch the largest is before F1 has fallen by ``TOLERANCE``."""
    enough = table[METRIC] >= (1 - TOLERANCE) * table[METRIC].iloc[0]
    return float(table.loc[enough.cummin(), SIZE].iloc[-1] / table[SIZE].iloc[0])


def measure(group: Group) -> Iterator[Measured]:
    """How far the batch can grow, and what is lost by the largest, where it had enough steps."""
    table, runs = by_size(group), group.runs
    if len(table) < 2:
        return
    smallest, largest = int(table[SIZE].iloc[0]), int(table[SIZE].iloc[-1])
    needed = median(
        first_reaching(run, CURVE, (1 - TOLERANCE) * run[CURVE].max())
        for run in group.curves(runs[runs["batch_size"] == smallest])
    )
    steps = median(c["iteration"].max() for c in group.curves(runs[runs["batch_size"] == largest]))
    unlike = f"{steps:,.0f} steps of the largest, the smallest took {needed:,.0f}"
    unlike = unlike if steps < needed else ""
    where = (
        f"{group.dataset} (paper: GDELT), {words.epochs(runs)}, {smallest:,} to {largest:,} events "
        f"a batch, {words.seeds(runs)}"
    )
    times, (few, many) = growth(table), (float(table[METRIC].iloc[n]) for n in (0, -1))
    text = f"{times:g}x, from {smallest:,} to {times * smallest:,.0f} events"
    yield measured(group, "growth", times, text, where, unlike=unlike)
    loss = 1 - many / few
    if loss <= TOLERANCE and largest / smallest <= growth(published("figure_2a")):
        unlike = unlike or "the sweep is shorter than GDELT's flat part"
    text = f"F1 {few:.4f} at {smallest:,}, F1 {many:.4f} at {largest:,} events ({-loss:+.1%})"
    yield measured(group, "loss", loss, text, where, unlike=unlike)


def draw(group: Group) -> Iterator[Output]:
    """Measured on the left, published of another data set on the right."""
    table, color = by_size(group), style.color_of("disttgl")
    paper = published("figure_2a").assign(origin="published")
    figure, (left, right) = plt.subplots(1, 2, figsize=(style.PAGE, 2.4))
    band = (table[SIZE], table["lowest"], table["highest"])
    left.fill_between(*band, color=color, alpha=style.BAND_ALPHA, lw=0)
    left.plot(table[SIZE], table[METRIC], color=color, marker="o")
    left.axhline(table[FLOOR].mean(), color=style.GREY, lw=1, ls=":")
    right.plot(paper[SIZE], paper[METRIC], color=color, ls=style.PUBLISHED_DASHES, lw=1)
    left.set(title=f"{group.dataset}, measured", ylabel="test F1-micro")
    right.set(title="GDELT, published (Figure 2(a))")
    for axes in (left, right):
        axes.set_xlabel("global batch size (events)")
        style.log_axis(axes, "x", ticks=(1, 3))
        style.widen(axes, 0.05)
    majority = "most frequent class of the training events"
    style.legend_below(figure, [
        Line2D([], [], color=color, marker="o", label="DistTGL 1x1x1"), style.published_handle(),
        Line2D([], [], color=style.GREY, lw=1, ls=":", label=majority),
    ])  # fmt: skip
    first = group.first
    caption = (
        f"Measured: {group.dataset}, {first['model']}, {words.epochs(group.runs)} at every batch"
        f" size, learning rate {first['learning_rate']:g}, {words.seeds(group.runs)}; band: lowest"
        f" to highest seed.{on_features(group)} The data sets and the two axes differ."
    )
    yield Output(f"batch_size_{group.dataset}", pd.concat([table, paper]), caption, figure)


FIGURES = [
    PaperFigure(
        "batch_size",
        Rule(
            ("batch_size",), ("edge_classification",), varies=("batch_size",), rank=len,
            needs={"no test F1-micro": has(f"metrics.{METRIC}"),
                   "no validation F1-micro": has_curve("f1_micro"),
                   "several trainers": lambda runs: runs["parallelism"] == SINGLE},
        ),
        draw, measure,
    )
]  # fmt: skip
