"""Figure 2(a): test F1-micro of edge classification by global batch size."""

from collections.abc import Iterator
from statistics import median
from typing import Any

import pandas as pd

from benchmark.records import words
from benchmark.records.series import SINGLE, Runs
from benchmark.records.statistics import first_reaching, still_rising
from paper_figures import curves, style
from paper_figures.figure import Group, Measured, Output, PaperFigure, Rule, measured, published
from paper_figures.selection import has

METRIC, CURVE, FLOOR = "test_f1_micro", "validation_f1_micro", "test_f1_micro_majority"
SIZE = "global_batch_size"
DIGITS = 12  # of a learning rate by event
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


def rates(group: Group) -> str:
    """ "1e-4 to 1.28e-2" over batch sizes, or the one learning rate of all."""
    ends = [group.runs["learning_rate"].min(), group.runs["learning_rate"].max()]
    return " to ".join(dict.fromkeys(f"{end:g}" for end in ends))


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
    few, many = (group.curves(runs[runs["batch_size"] == n]) for n in (smallest, largest))
    needed = median(first_reaching(c, CURVE, (1 - TOLERANCE) * c[CURVE].max()) for c in few)
    steps = median(c["iteration"].max() for c in many)
    unlike = f"{steps:,.0f} steps of the largest, the smallest took {needed:,.0f}"
    unlike = unlike if steps < needed else ""
    if not unlike and any(still_rising(c, CURVE) for c in many):
        unlike = "the largest batch was still getting better when it ended"
    sizes: dict[str, Any] = {"smallest": smallest, "largest": largest, "rates": rates(group)}
    times, first, last = growth(table), float(table[METRIC].iloc[0]), float(table[METRIC].iloc[-1])
    text = f"{times:g}x, from {smallest:,} to {times * smallest:,.0f} events"
    yield measured(group, "growth", times, text, unlike=unlike, **sizes)
    loss = 1 - last / first
    if loss <= TOLERANCE and largest / smallest <= growth(published("figure_2a")):
        unlike = unlike or "the sweep is shorter than GDELT's flat part"
    text = f"F1 {first:.4f} at {smallest:,}, F1 {last:.4f} at {largest:,} events ({-loss:+.1%})"
    yield measured(group, "loss", loss, text, unlike=unlike, **sizes)


def draw(group: Group) -> Iterator[Output]:
    """Measured on the left, published of another data set on the right."""
    table, paper, name = by_size(group), published("figure_2a"), "DistTGL 1x1x1"
    looks = curves.looks_of([name], style.color_of("disttgl"))
    titles = (f"{group.dataset}, measured", "GDELT, published (Figure 2(a))")
    parts = [part.assign(label=name, emulated=False) for part in (table, paper)]
    panels = [(title, part, looks) for title, part in zip(titles, parts, strict=True)]
    labels = ("global batch size (events)", "test F1-micro")
    picture = curves.draw_panels(panels, (style.PAGE, 2.4), labels, METRIC, SIZE)
    floor: dict[str, Any] = {"color": style.GREY, "lw": 1, "ls": ":"}
    picture.axes[0].axhline(table[FLOOR].mean(), **floor)
    majority = style.line("most frequent class of the training events", **floor)
    legend = [*curves.handles(looks, {}), style.published_handle(), majority]
    style.legend_below(picture, legend)
    yield Output(pd.concat([table, paper]), picture, facts={"rates": rates(group)})


def _of_one_kind(runs: Runs) -> "pd.Series[bool]":
    """Those whose learning rate grows with the batch, as released; all where none does."""
    rates = (runs["learning_rate"] / runs["batch_size"]).round(DIGITS)
    growing = rates.eq(rates.mode().iloc[0] if len(rates) else 0)
    return growing if runs.loc[growing, "batch_size"].nunique() > 1 else rates.notna()


FIGURES = [
    PaperFigure("batch_size", Rule(
            ("batch_size",), ("edge_classification",), rank=len,
            varies=("batch_size", "epochs", "learning_rate"),
            needs={"no test F1-micro": has(f"metrics.{METRIC}"),
                   "no validation F1-micro": curves.has_curve("f1_micro"),
                   "a learning rate that does not grow with the batch": _of_one_kind,
                   "several trainers": lambda runs: runs["parallelism"] == SINGLE},
        ), draw, measure),
]  # fmt: skip
