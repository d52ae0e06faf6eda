"""Figure 2(a): test F1-micro of edge classification by global batch size."""

from collections.abc import Iterator
from statistics import median

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.lines import Line2D

from benchmark.records import words
from benchmark.records.series import SINGLE
from benchmark.records.statistics import Estimate
from benchmark.records.targets import first_reaching
from paper_figures import style
from paper_figures.claims import Measured
from paper_figures.curves import has_curve
from paper_figures.figure import Output, PaperFigure
from paper_figures.published import on_features, published
from paper_figures.selection import Group, Rule, has

METRIC, SIZE, FLOOR = "test_f1_micro", "global_batch_size", "test_f1_micro_majority"
TOLERANCE = 0.03  # part of the smallest batch's F1 that a larger one may lose; GDELT's noise


def measured(group: Group) -> pd.DataFrame:
    """Mean, lowest and highest test F1-micro over seeds, by global batch size."""
    runs = group.runs.rename(columns={"batch_size": SIZE})
    points = runs.groupby(["dataset", SIZE], as_index=False)[
        [f"metrics.{METRIC}", f"metrics.{FLOOR}"]
    ]
    table = points.agg(["mean", "min", "max", "size"])
    table.columns = ["dataset", SIZE, METRIC, "lowest", "highest", "num_runs", FLOOR, "_", "_", "_"]
    return table.drop(columns="_").assign(origin="measured", source=words.commands(group.runs))


def growth(table: pd.DataFrame) -> float:
    """How many times the smallest batch the largest is before F1 has fallen by ``TOLERANCE``."""
    enough = table[METRIC] >= (1 - TOLERANCE) * table[METRIC].iloc[0]
    return float(table.loc[enough.cummin(), SIZE].iloc[-1] / table[SIZE].iloc[0])


def measure(group: Group) -> Iterator[Measured]:
    """How far the batch can grow, and what is lost by the largest, where it had enough steps."""
    table, runs = measured(group), group.runs
    if len(table) < 2:
        return
    smallest, largest = int(table[SIZE].iloc[0]), int(table[SIZE].iloc[-1])
    needed = median(
        first_reaching(
            run, "validation_f1_micro", (1 - TOLERANCE) * run["validation_f1_micro"].max()
        )
        for run in group.curves(runs[runs["batch_size"] == smallest])
    )
    steps = median(c["iteration"].max() for c in group.curves(runs[runs["batch_size"] == largest]))
    where = (
        f"{group.dataset} (paper: GDELT), {words.epochs(runs)}, {smallest:,} to {largest:,} events "
        f"a batch, {words.seeds(runs)}"
    )
    few = (
        f"{steps:,.0f} steps of the largest, the smallest took {needed:,.0f}"
        if steps < needed
        else ""
    )
    times, values = growth(table), table[METRIC]
    loss = float(1 - values.iloc[-1] / values.iloc[0])
    flat = largest / smallest <= growth(published("figure_2a")) and loss <= TOLERANCE
    said = (
        ("growth", times, f"{times:g}x, from {smallest:,} to {times * smallest:,.0f} events", few),
        ("loss", loss, f"F1 {values.iloc[0]:.4f} at {smallest:,}, F1 {values.iloc[-1]:.4f} at "
         f"{largest:,} events ({-loss:+.1%})", few or ("shorter than GDELT's flat part" if flat else "")),
    )  # fmt: skip
    for name, value, text, unlike in said:
        command = words.commands(runs)
        yield Measured(name, {"": Estimate(value)}, text, where, command, group.dataset, unlike)


def draw(group: Group) -> Iterator[Output]:
    """Measured on the left, published of another data set on the right."""
    table, paper, color = (
        measured(group),
        published("figure_2a").assign(origin="published"),
        style.color_of("disttgl"),
    )
    figure, (left, right) = plt.subplots(1, 2, figsize=(style.PAGE, 2.4))
    left.fill_between(
        table[SIZE], table["lowest"], table["highest"], color=color, alpha=style.BAND_ALPHA, lw=0
    )
    left.plot(table[SIZE], table[METRIC], color=color, marker="o")
    left.axhline(table[FLOOR].mean(), color=style.GREY, lw=1, ls=":")
    right.plot(paper[SIZE], paper[METRIC], color=color, ls=style.PUBLISHED_DASHES, lw=1)
    left.set(title=f"{group.dataset}, measured", ylabel="test F1-micro")
    right.set(title="GDELT, published (Figure 2(a))")
    for axes in (left, right):
        axes.set_xlabel("global batch size (events)")
        style.log_axis(axes, "x", ticks=(1, 3))
        style.widen(axes, 0.05)
    handles = [
        Line2D([], [], color=color, marker="o", label="DistTGL 1x1x1"), style.published_handle(),
        Line2D([], [], color=style.GREY, lw=1, ls=":", label="most frequent class of the training events"),
    ]  # fmt: skip
    style.legend_below(figure, handles)
    caption = (
        f"Measured: {group.dataset}, {group.first['model']}, {words.epochs(group.runs)} at every batch"
        f" size, learning rate {group.first['learning_rate']:g}, {words.seeds(group.runs)}; band: lowest"
        f" to highest seed.{on_features(group)} The data sets and the heights of the two axes differ."
    )
    yield Output(f"batch_size_{group.dataset}", pd.concat([table, paper]), caption, figure)


FIGURES = [
    PaperFigure(
        "batch_size", "Figure 2(a)", "test F1-micro of edge classification by global batch size",
        "python -m benchmark.run suite=batch_size",
        "ICEWS18 in place of GDELT, which has 400 times its events, so that a batch of one size is a "
        "larger part of the stream. Epochs and learning rate are the same for every batch size, so "
        "that a larger batch also takes fewer steps.",
        Rule(
            ("batch_size",), ("edge_classification",), varies=("batch_size",), rank=lambda runs: (len(runs),),
            needs={"no test F1-micro": has(f"metrics.{METRIC}"), "no validation": has_curve("f1_micro"),
                   "several trainers": lambda runs: runs["parallelism"] == SINGLE},
        ),
        draw, measure, "growth",
    )
]  # fmt: skip
