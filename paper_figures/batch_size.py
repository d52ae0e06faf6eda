"""Figure 2(a): test F1-micro of edge classification by global batch size."""

from dataclasses import replace
from pathlib import Path
from statistics import median

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from paper_figures import curves, style
from paper_figures.batch_size_claims import METRIC, SIZE, TOLERANCE, fall, free_growth
from paper_figures.claim import Claim, Verdict
from paper_figures.claim_text import seeds
from paper_figures.published import published
from paper_figures.records import Record, commands
from paper_figures.run_sets import alike

NUMBER = "Figure 2(a)"
SHOWS = "test F1-micro of edge classification by global batch size (Figure 2(a))"
COMMAND = "python -m benchmark.run suite=batch_size"
DIFFERS = (
    "ICEWS18 in place of GDELT, which has 400 times its events, so that a batch of one size is a "
    "larger part of the stream. Passes and learning rate are the same for every batch size, so "
    "that a larger batch also takes fewer steps."
)
FLOOR = "test_f1_micro_majority"
CURVE = "validation_f1_micro"


def select(records: list[Record]) -> list[Record]:
    """Edge classification by one trainer, of suite batch_size, tested."""
    return [
        record
        for record in records
        if record.suite == "batch_size" and record.num_trainers == 1 and METRIC in record.metrics
    ]


def draw(records: list[Record], out: Path) -> list[Path]:
    """One figure for each set of runs that differ in batch size and seed only."""
    paper = published_points()
    paths = []
    groups = sweeps(select(records))
    for name, group in zip(file_names(groups), groups, strict=True):
        table = measured(group)
        with plt.rc_context(style.RC):
            figure = _figure(table, paper, group)
            paths += style.save(figure, pd.concat([table, paper]), out, name)
    return paths


def sweeps(records: list[Record]) -> list[list[Record]]:
    """Sets of runs that differ in batch size and seed only, the longest first."""
    return sorted(alike(records, ("batch_size",)), key=len, reverse=True)


def file_names(groups: list[list[Record]]) -> list[str]:
    """batch_size_DATASET, with a number where there are several."""
    names = [f"batch_size_{group[0].dataset}" for group in groups]
    taken = [names[:place].count(name) for place, name in enumerate(names)]
    return [f"{name}_{n + 1}" if n else name for name, n in zip(names, taken, strict=True)]


def measured(records: list[Record]) -> pd.DataFrame:
    """Mean, lowest and highest test F1-micro over seeds, by global batch size."""
    rows = [
        {
            "dataset": record.dataset,
            SIZE: record.batch_size,
            METRIC: record.metrics[METRIC],
            FLOOR: record.metrics.get(FLOOR),
        }
        for record in records
    ]
    points = pd.DataFrame(rows).groupby(["dataset", SIZE], as_index=False)
    table = points.agg(
        lowest=(METRIC, "min"),
        highest=(METRIC, "max"),
        test_f1_micro=(METRIC, "mean"),
        test_f1_micro_majority=(FLOOR, "mean"),
        num_runs=(METRIC, "size"),
    )
    return table.assign(origin="measured", source=commands(records))


def published_points() -> pd.DataFrame:
    """Figure 2(a), of GDELT."""
    columns = ["dataset", SIZE, METRIC, "source"]
    return published("figure_2a")[columns].assign(origin="published")


def claims(records: list[Record]) -> list[Claim]:
    """Of the longest sweep: how far the batch can grow, and what happens then."""
    groups = sweeps(select(records))
    if not groups:
        return []
    ours, paper = measured(groups[0]), published_points()
    if len(ours) < 2:
        return []
    first = groups[0][0]
    conditions = (
        f"{first.dataset} (paper: GDELT), {first.passes:g} passes, "
        f"{ours[SIZE].min():,} to {ours[SIZE].max():,} events a batch, {seeds(groups[0])}"
    )
    found = [claim(ours, paper, conditions, commands(groups[0])) for claim in (free_growth, fall)]
    steps, needed = steps_of_largest(groups[0]), steps_needed(groups[0])
    if steps >= needed:
        return found
    short = f"{conditions}; {steps:,.0f} steps of the largest, the smallest took {needed:,.0f}"
    return [replace(c, conditions=short, verdict=Verdict.INCOMPARABLE) for c in found]


def steps_needed(records: list[Record]) -> float:
    """Iterations after which the smallest batch is within ``TOLERANCE`` of its best validation."""
    runs = [record.evaluations for record in records if record.batch_size == _sizes(records)[0]]
    return median(
        curves.first_reaching(run, "iteration", (1 - TOLERANCE) * run[CURVE].max(), CURVE)
        for run in runs
    )


def steps_of_largest(records: list[Record]) -> float:
    """Iterations that the largest batch had in all: with fewer than needed nothing compares."""
    largest = _sizes(records)[-1]
    return median(r.evaluations["iteration"].max() for r in records if r.batch_size == largest)


def _sizes(records: list[Record]) -> list[int]:
    return sorted(record.batch_size or 0 for record in records)


def _figure(table: pd.DataFrame, paper: pd.DataFrame, records: list[Record]) -> Figure:
    figure, (left, right) = plt.subplots(1, 2, figsize=(style.PAGE, 2.4))
    _measured_line(left, table)
    right.plot(
        paper[SIZE], paper[METRIC], color=style.color_of("disttgl"), ls=style.PUBLISHED_DASHES, lw=1
    )
    left.set(title=f"{table['dataset'].iloc[0]}, measured", ylabel="test F1-micro")
    right.set(title="GDELT, published (Figure 2(a))")
    for axes in (left, right):
        axes.set_xlabel("global batch size (events)")
        style.log_axis(axes, "x", ticks=(1, 3))
        style.widen(axes, 0.05)
    style.write_below(figure, _small_print(table, records), _handles(table))
    return figure


def _measured_line(axes: Axes, table: pd.DataFrame) -> None:
    color = style.color_of("disttgl")
    if (table["num_runs"] > 1).any():
        band = (table[SIZE], table["lowest"], table["highest"])
        axes.fill_between(*band, color=color, alpha=style.BAND_ALPHA, lw=0)
    axes.plot(table[SIZE], table[METRIC], color=color, marker="o")
    if table[FLOOR].notna().any():
        axes.axhline(table[FLOOR].mean(), color=style.GREY, lw=1, ls=":")


def _handles(table: pd.DataFrame) -> list[Line2D]:
    handles = [
        Line2D([], [], color=style.color_of("disttgl"), marker="o", label="DistTGL 1x1x1"),
        style.published_handle(),
    ]
    if table[FLOOR].notna().any():
        label = "most frequent class of the training events"
        handles.append(Line2D([], [], color=style.GREY, lw=1, ls=":", label=label))
    return handles


def _small_print(table: pd.DataFrame, records: list[Record]) -> str:
    first = records[0]
    text = (
        f"Measured: {first.dataset}, {first.model}, {first.passes:g} passes at every batch size,"
        f" learning rate {first.settings.get('learning_rate', 'unrecorded')}, {seeds(records)}."
    )
    if (table["num_runs"] > 1).any():
        text += " Line: mean over seeds; band: lowest to highest seed."
    return text + " The data sets differ, and so do the heights of the two axes."
