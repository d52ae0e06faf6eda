"""Figure 2(b): what node memory costs on many processes, and over a network between machines."""

from collections.abc import Iterator
from functools import cache
from math import nan

import matplotlib.pyplot as plt
import pandas as pd

from benchmark.records.statistics import Estimate
from benchmark.tools.cost_model import Link, Traffic, over
from paper_figures import marks, style, tables
from paper_figures.figure import Claim, Group, Measured, Output, Rule, figure, published
from paper_figures.selection import has

KIND, SECONDS = "settings.system.node_memory", "memory_seconds_per_epoch"
MEMORIES = {
    "replica": "replica: a copy in every process", "daemon": "daemon: one copy in host memory",
    "sharded": "sharded: rows spread over the processes",
}  # fmt: skip
LINK, RATE = "settings.machines.link", "environment.link.megabits_per_second"
COLUMNS = {LINK: "link", RATE: "rate", "environment.link.message_ms": "message"}
FITTED_ON = "unlimited"  # the link whose iterations predict those over others
PURPOSES = [f"megabytes.{name}" for name in ("gradients", "node_memory", "evaluation", "interface")]
MEDIANS = ("rate", "message", "memory_ms", "iteration_ms", "throughput_events_per_second")
RULE = Rule(
    ("machines",), varies=("machines.link", "system.node_memory"), rank=len,
    needs={"the link has no name": has(LINK), "the link was not measured": has(RATE)},
)  # fmt: skip


@figure("node_memory", Rule(
    ("node_memory",), varies=("processes", "system.node_memory"), rank=len,
    needs={"no seconds in node memory": has(SECONDS),
           "another memory": lambda runs: runs[KIND].isin(MEMORIES)},
))  # fmt: skip
def draw_processes(group: Group) -> Iterator[Output]:
    """Measured kinds of memory on the left, the published sharded one on the right."""
    sets = tables.sets_by(group.runs.assign(memory=group.runs[KIND]), "memory", "processes")
    table = tables.summary(sets, medians=[SECONDS])
    paper = published("figure_2b").assign(memory="sharded")
    paper = paper.rename(columns={"num_machines": "processes", "seconds_per_epoch": SECONDS})
    picture, (left, right) = plt.subplots(1, 2, figsize=(style.PAGE, 2.3), width_ratios=[2.2, 1])
    shades = style.shades(style.color_of("disttgl"), len(MEMORIES))
    colors = dict(zip(MEMORIES, shades, strict=True))
    for axes, part in ((left, table), (right, paper)):
        own = {name: colors[name] for name in MEMORIES if name in set(part["memory"])}
        marks.grouped(axes, part, SECONDS, "processes", "memory", own, "{:.3g}".format)
    left.set(xlabel="processes on one machine", ylabel="seconds per epoch in node memory")
    right.set(xlabel="machines (published)")
    looks = {text: {"facecolor": colors[name]} for name, text in MEMORIES.items()}
    style.legend_below(picture, looks | {"published": style.hollow(colors["sharded"])}, 2)
    yield Output(pd.concat([table, paper]), picture)


@cache
def over_links(group: Group) -> pd.DataFrame:
    """Medians over seeds by series, links from fast to slow: milliseconds and megabytes of an
    iteration and machine, and the iteration ``predicted`` from that over ``FITTED_ON``."""
    runs = group.runs.rename(columns=COLUMNS)
    runs["series"] = runs["parallelism"] + " " + runs[KIND]
    table = tables.summary(tables.sets_by(runs, "link", "series"), (), (*MEDIANS, *PURPOSES))
    rows = table.to_dict("records")
    known = {row["series"]: row for row in rows if row["link"] == FITTED_ON}
    table["predicted"] = [_predicted(row, known.get(row["series"], row)) for row in rows]
    return table.sort_values(["rate", "series"], ascending=[False, True], ignore_index=True)


def _predicted(row: tables.Row, base: tables.Row) -> float:
    """Milliseconds of an iteration from another one and its bytes; NaN where it is the same."""
    here, there = (Link(1e6 / 8 * one["rate"], one["message"] / 1000) for one in (row, base))
    sent = 1e6 * (base["megabytes.gradients"] + base["megabytes.node_memory"])
    traffic = Traffic.of_iteration(sent, 2, row["series"].endswith("sharded"))
    return 1000 * over(here, base["iteration_ms"] / 1000, there, traffic) if row != base else nan


def measure(_: Claim, group: Group) -> Measured:
    """The largest error of an iteration predicted from bytes."""
    table = over_links(group)
    errors = (table["predicted"] / table["iteration_ms"] - 1).abs().groupby(table["link"]).max()
    text = ", ".join(f"{link!s} {error:.0%}" for link, error in errors.dropna().items())
    return Measured({"": Estimate(float(errors.max()))}, text, group.runs)


@figure("machines", RULE, {"prediction over links": measure})
def draw_links(group: Group) -> Iterator[Output]:
    """Milliseconds in node memory by link, the published seconds, and whole iterations."""
    table, paper = over_links(group), published("figure_2b")
    names = sorted(table["series"].unique())
    colors = dict(zip(names, style.shades(style.color_of("disttgl"), len(names)), strict=True))
    size = (style.PAGE, 2.5)
    picture, (left, middle, right) = plt.subplots(1, 3, figsize=size, width_ratios=[2, 0.8, 2])
    short = lambda ms: f"{ms:.{0 if ms > 10 else 1}f}"  # noqa: E731
    marks.grouped(left, table, "memory_ms", "link", "series", colors, short, 4.5)
    grey, spent = {"published": style.GREY}, "seconds_per_epoch"
    marks.grouped(middle, paper, spent, "num_machines", "origin", grey, "{:.3g}".format)
    places = marks.grouped(right, table, "iteration_ms", "link", "series", colors)
    predicted = {"color": "black", "marker": "D", "lw": 0, "ms": 2.5}
    right.plot(places, table["predicted"], **predicted)
    for axes, what, where in (
        (left, "ms of an iteration in node memory", "link of two machines"),
        (middle, "seconds of an epoch in it", "machines (published)"),
        (right, "ms of an iteration", "link of two machines"),
    ):
        style.log_axis(axes, "y")
        axes.set(ylabel=what, xlabel=where, ymargin=0.15)
    looks = {name: {"facecolor": color} for name, color in colors.items()}
    style.legend_below(picture, looks | {"predicted from bytes": predicted}, 5)
    yield Output(pd.concat([table, paper]).assign(label=group.dataset), picture)
