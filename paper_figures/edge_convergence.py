"""Figure 11: validation F1-micro of edge classification over iterations, by i x j x k."""

from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from paper_figures import curves, style
from paper_figures.claim import Claim
from paper_figures.claim_text import seeds
from paper_figures.edge_convergence_claims import METRIC, TEST_METRIC, accuracy, savings
from paper_figures.published import published
from paper_figures.records import Record, commands
from paper_figures.run_sets import alike, by_parallelism
from paper_figures.series import size_order

NUMBER = "Figure 11"
SHOWS = "validation F1-micro of edge classification over iterations (Figure 11)"
COMMAND = "python -m benchmark.run suite=edge_convergence"
DIFFERS = (
    "ICEWS18 in place of GDELT, which has 400 times its events, in batches of 600 in place of "
    "3,200 and with iterations in proportion; logical trainers on one process."
)
NONE = "none"  # the test F1-micro of what a side did not run


def select(records: list[Record]) -> list[Record]:
    """Edge classification of suite edge_convergence."""
    return [
        record
        for record in records
        if record.suite == "edge_convergence" and METRIC in record.evaluations
    ]


def draw(records: list[Record], out: Path) -> list[Path]:
    """One figure for each data set, of its set of most runs."""
    paper = published_curves()
    paths = []
    for group in largest_sets(select(records)):
        table = measured(group)
        with plt.rc_context(style.RC):
            figure = _figure(table, paper, group)
            name = f"edge_convergence_{group[0].dataset}"
            paths += style.save(figure, pd.concat([table, paper]), out, name)
    return paths


def largest_sets(records: list[Record]) -> list[list[Record]]:
    """For each data set its largest set of runs that differ in parallelism and seed only."""
    sets: dict[str, list[Record]] = {}
    for group in alike(records, ()):
        if len(group) > len(sets.get(group[0].dataset, [])):
            sets[group[0].dataset] = group
    return list(sets.values())


def measured(records: list[Record]) -> pd.DataFrame:
    """Mean, lowest and highest validation F1-micro over seeds, by i x j x k and iteration."""
    layouts = by_parallelism(records)
    return pd.concat([_curve(name, runs) for name, runs in layouts.items()], ignore_index=True)


def _curve(parallelism: str, records: list[Record]) -> pd.DataFrame:
    return curves.mean_curve(records, METRIC).assign(
        parallelism=parallelism,
        test_f1_micro=curves.mean_metric(records, TEST_METRIC),
        origin="measured",
        source=commands(records),
    )


def published_curves() -> pd.DataFrame:
    """Figure 11, of GDELT, with the test F1-micro of its legend."""
    points = published("figure_11_validation").rename(columns={"iterations_trained": "iteration"})
    legend = published("figure_11_test")[["parallelism", TEST_METRIC]]
    columns = ["iteration", METRIC, "parallelism", TEST_METRIC, "source"]
    return points.merge(legend, on="parallelism")[columns].assign(origin="published")


def claims(records: list[Record]) -> list[Claim]:
    """Of each data set: what a global batch and copies of node memory save, and what they cost."""
    paper = published_curves()
    found = []
    for group in largest_sets(select(records)):
        first = group[0]
        ours = {
            layout: [record.evaluations for record in runs]
            for layout, runs in by_parallelism(group).items()
        }
        theirs = {str(layout): [run] for layout, run in paper.groupby("parallelism")}
        conditions = (
            f"{first.dataset} (paper: GDELT), {first.passes:g} passes, logical trainers, "
            f"{seeds(group)}"
        )
        found += savings(ours, theirs, conditions, commands(group))
        found += accuracy(measured(group), paper, conditions, commands(group))
    return found


def _figure(table: pd.DataFrame, paper: pd.DataFrame, records: list[Record]) -> Figure:
    figure, (left, right) = plt.subplots(1, 2, figsize=(style.PAGE, 2.6))
    ordered = sorted({*table["parallelism"], *paper["parallelism"]}, key=size_order)
    shades = style.shades(style.color_of("disttgl"), len(ordered))
    looks = dict(zip(ordered, zip(shades, cycle(style.MARKERS), strict=False), strict=True))
    for name, look in looks.items():
        ours, theirs = (
            rows[(rows["parallelism"] == name) & (rows["iteration"] > 0)] for rows in (table, paper)
        )
        if len(ours):
            curves.plot_measured(left, ours, "iteration", look, METRIC)
        if len(theirs):
            curves.plot_published(right, theirs, "iteration", look[0], METRIC)
    for axes in (left, right):
        axes.set_xlabel("training iterations")
        style.log_axis(axes, "x", ticks=(1, 3))
        style.widen(axes, 0.05)
    left.set(title=f"{records[0].dataset}, measured", ylabel="validation F1-micro")
    right.set(title="GDELT, published (Figure 11)")
    style.write_below(figure, _small_print(table, records), _handles(looks, table, paper), ncols=2)
    return figure


def _handles(
    looks: dict[str, tuple[Any, str]], table: pd.DataFrame, paper: pd.DataFrame
) -> list[Line2D]:
    """Each i x j x k with its test F1-micro, as in the paper's legend."""
    tested = [dict(zip(t["parallelism"], t[TEST_METRIC], strict=True)) for t in (table, paper)]
    handles = []
    for name, (color, marker) in looks.items():
        here, there = (NONE if pd.isna(v := f1.get(name)) else f"{v:.4f}" for f1 in tested)
        label = f"{name}, test F1-micro {here} (published: {there})"
        handles.append(Line2D([], [], color=color, marker=marker, label=label))
    return handles


def _small_print(table: pd.DataFrame, records: list[Record]) -> str:
    text = style.conditions(records) + curves.how_drawn(table)
    return text + " Dashed: DistTGL Figure 11, without its first point before training."
