"""Figure 2(b) between two machines: what node memory costs over a network, and what crosses it."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd

from benchmark.records.statistics import Estimate
from benchmark.tools.cost_model import Link, Traffic, over
from paper_figures import bars, style, tables
from paper_figures.figure import Claim, Group, Measured, Output, Rule, figure, published
from paper_figures.selection import has
from paper_figures.strategies import KIND

LINK, RATE = "settings.machines.link", "environment.link.megabits_per_second"
FITTED_ON = "unlimited"  # the link whose iterations predict those over others
LOCAL, SHARDED, MINI_BATCH = "1x1x2 daemon", "1x1x2 sharded", "2x1x1 sharded"
PURPOSES = ("gradients", "node_memory", "evaluation", "interface")
COLUMNS = {
    LINK: "link", RATE: "rate", "environment.link.message_ms": "message",
    "seconds.train": "train", **{f"bytes_sent.{name}": name for name in PURPOSES},
}  # fmt: skip
MEDIANS = ("rate", "message", "memory_ms", "iteration_ms", "throughput_events_per_second")


@cache
def over_links(group: Group) -> pd.DataFrame:
    """Medians over seeds by series, links from fast to slow: milliseconds and megabytes of an
    iteration and machine, and the iteration ``predicted`` from that over ``FITTED_ON``."""
    counts = group.records.evaluations.groupby("run")["iteration"].max()
    runs = group.runs.rename(columns=COLUMNS)
    iterations = counts.reindex(runs.index)
    runs["iteration_ms"] = 1000 * runs["train"] / iterations
    runs["memory_ms"] = 1000 * runs["memory_seconds_per_epoch"] * runs["epochs"] / iterations
    runs[[*PURPOSES]] = runs[[*PURPOSES]].fillna(0).div(1e6 * iterations, axis=0)
    runs["series"] = runs["parallelism"] + " " + runs[KIND]
    table = tables.summary(tables.sets_by(runs, "link", "series"), (), (*MEDIANS, *PURPOSES))
    known = {row["series"]: row for row in table.to_dict("records") if row["link"] == FITTED_ON}
    others = table[table["series"].isin(known) & (table["link"] != FITTED_ON)]
    milliseconds = [_predicted(row, known[row["series"]]) for row in others.to_dict("records")]
    table["predicted"] = pd.Series(milliseconds, others.index, dtype=float)
    return table.sort_values(["rate", "series"], ascending=[False, True], ignore_index=True)


def _predicted(row: tables.Row, base: tables.Row) -> float:
    here, there = (Link(1e6 / 8 * one["rate"], one["message"] / 1000) for one in (row, base))
    sent = 1e6 * (base["gradients"] + base["node_memory"])
    traffic = Traffic.of_iteration(sent, 2, row["series"].endswith("sharded"))
    return 1000 * over(here, base["iteration_ms"] / 1000, there, traffic)


def measure_growth(_: Claim, group: Group) -> Measured:
    """How many times longer node memory takes sharded than in a copy of each machine, by link."""
    spent = over_links(group).pivot_table("memory_ms", "link", "series", sort=False)
    times = {str(link): Estimate(x) for link, x in (spent[SHARDED] / spent[LOCAL]).items()}
    text = ", ".join(f"{link} {one.value:.3g}x" for link, one in times.items())
    return Measured(times, text, group.runs)


def measure_prediction(_: Claim, group: Group) -> Measured:
    """The largest error of an iteration predicted from bytes."""
    table = over_links(group)
    errors = (table["predicted"] / table["iteration_ms"] - 1).abs().groupby(table["link"]).max()
    text = ", ".join(f"{link!s} {error:.0%}" for link, error in errors.dropna().items())
    return Measured({"": Estimate(float(errors.max()))}, text, group.runs)


def measure_bytes(_: Claim, group: Group) -> Measured:
    """How much more of node memory crosses by mini-batch than by memory parallelism, as Table 1."""
    sent: Any = over_links(group).groupby("series")[["gradients", "node_memory"]].median()
    text = "MB of an iteration: " + ", ".join(
        f"{name} {sent.loc[one, 'gradients']:.2f} + {sent.loc[one, 'node_memory']:.2f}"
        for name, one in (("memory", LOCAL), ("mini-batch", MINI_BATCH))
    )
    apart = sent["node_memory"][MINI_BATCH] - sent["node_memory"][LOCAL]
    return Measured({"": Estimate(float(apart))}, text, group.runs)


RULE = Rule(
    ("machines",), varies=("machines.link", "system.node_memory"), rank=len,
    needs={"the link has no name": has(LINK), "the link was not measured": has(RATE)},
)  # fmt: skip


@figure("machines", RULE, {
    "growth over links": measure_growth, "prediction over links": measure_prediction,
    "bytes of synchronisation": measure_bytes,
})  # fmt: skip
def draw(group: Group) -> Iterator[Output]:
    """Milliseconds in node memory by link, the published seconds, and whole iterations."""
    table, paper = over_links(group), published("figure_2b")
    names = sorted(table["series"].unique())
    colors = dict(zip(names, style.shades(style.color_of("disttgl"), len(names)), strict=True))
    size = (style.PAGE, 2.5)
    picture, (left, middle, right) = plt.subplots(1, 3, figsize=size, width_ratios=[2, 0.8, 2])
    bars.grouped(left, table, "memory_ms", "link", "series", colors, _short, 4.5)
    grey = {"published": style.GREY}
    spent = "seconds_per_epoch"
    bars.grouped(middle, paper, spent, "num_machines", "origin", grey, "{:.3g}".format)
    places = bars.grouped(right, table, "iteration_ms", "link", "series", colors)
    right.plot(places, table["predicted"], "D", color="black", ms=2.5)
    for axes, what, where in (
        (left, "ms of an iteration in node memory", "link of two machines"),
        (middle, "seconds of an epoch in it", "machines (published)"),
        (right, "ms of an iteration", "link of two machines"),
    ):
        style.log_axis(axes, "y")
        axes.set(ylabel=what, xlabel=where, ymargin=0.15)
    predicted = style.line("predicted from bytes", color="black", marker="D", lw=0, ms=3)
    bars.legend(picture, colors, [predicted], 5)
    yield Output(pd.concat([table, paper]).assign(label=group.dataset), picture)


def _short(milliseconds: float) -> str:
    return f"{milliseconds:.{0 if milliseconds > 10 else 1}f}"
