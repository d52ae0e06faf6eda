"""Several processes and machines: node memory (Figure 2(b)), and a projection (Figure 12(a))."""

from collections.abc import Iterator
from functools import cache
from math import nan
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd

from benchmark.records import tables
from benchmark.records.statistics import Estimate
from benchmark.tools.cost_model import Layout, Link, Traffic, fit, over
from paper_figures import pictures
from paper_figures.figure import Claim, Group, Measured, Output, figure, published
from paper_figures.throughput import BATCH_SIZE, TOTAL

KIND, SECONDS = "settings.system.node_memory", "memory_seconds_per_epoch"
MEMORIES = {
    "replica": "replica: a copy in every process", "daemon": "daemon: one copy in host memory",
    "sharded": "sharded: rows spread over the processes",
}  # fmt: skip
COLUMNS = {
    "settings.machines.link": "link", "environment.link.megabits_per_second": "rate",
    "environment.link.message_ms": "message",
}  # fmt: skip
FITTED_ON = "unlimited"  # the link whose iterations predict those over others
PURPOSES = [f"megabytes.{name}" for name in ("gradients", "node_memory", "evaluation", "interface")]
MEDIANS = ("rate", "message", "memory_ms", "iteration_ms", "throughput_events_per_second")
RULE: dict[str, Any] = {"varies": ("machines.link", "system.node_memory"), "rank": len}
DATASETS = ("wikipedia", "reddit", "flights", "mooc", "gdelt")
KINDS = {"fitted": "#C5DCEB", "held out": "white"}  # of bars, and what fills them
LOOK = pictures.hollow(pictures.color_of("disttgl"))
NETWORK = 100e9 / 8  # bytes per second, Ethernet of the paper's machines
PREDICTORS = {  # words, marker and colour
    "linear": ("as on one GPU", "^", pictures.GREY),
    "same_efficiency": ("as on 8 GPUs", "x", "black"),
    "model": ("cost model of 1 to 8 GPUs", "o", "#E69F00"),
    "bytes": ("the same, counted bytes over 100 Gbit/s", "s", "#009E73"),
    "model_and_machines": ("the same, cost of a machine from other data sets", "D", "#CC79A7"),
}


@figure("node_memory", varies=("processes", "system.node_memory"), rank=len)
def draw_processes(group: Group) -> Iterator[Output]:
    """Measured kinds of memory on the left, the published sharded one on the right."""
    sets = tables.sets_by(group.runs.assign(memory=group.runs[KIND]), "memory", "processes")
    table = tables.summary(sets, medians=[SECONDS])
    paper = published("figure_2b").assign(memory="sharded")
    paper = paper.rename(columns={"num_machines": "processes", "seconds_per_epoch": SECONDS})
    picture, (left, right) = plt.subplots(1, 2, figsize=(pictures.PAGE, 2.3), width_ratios=[2.2, 1])
    colors = pictures.shades(pictures.color_of("disttgl"), list(MEMORIES))
    for axes, part in ((left, table), (right, paper)):
        own = {name: colors[name] for name in MEMORIES if name in set(part["memory"])}
        pictures.grouped(axes, part, SECONDS, "processes", "memory", own, form="{:.3g}".format)
    left.set(xlabel="processes on one machine", ylabel="seconds per epoch in node memory")
    right.set(xlabel="machines (published)")
    looks = pictures.filled({MEMORIES[name]: color for name, color in colors.items()})
    pictures.legend_below(picture, looks | {"published": pictures.hollow(colors["sharded"])}, 2)
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


def measure_links(_: Claim, group: Group) -> Measured:
    """The largest error of an iteration predicted from bytes."""
    table = over_links(group)
    errors = (table["predicted"] / table["iteration_ms"] - 1).abs().groupby(table["link"]).max()
    text = ", ".join(f"{link!s} {error:.0%}" for link, error in errors.dropna().items())
    return Measured({"": Estimate(float(errors.max()))}, text, group.runs)


@figure("machines", {"prediction over links": measure_links}, **RULE)
def draw_links(group: Group) -> Iterator[Output]:
    """Milliseconds in node memory by link, the published seconds, and whole iterations."""
    table, paper = over_links(group), published("figure_2b")
    colors = pictures.shades(pictures.color_of("disttgl"), sorted(table["series"].unique()))
    size = (pictures.PAGE, 2.5)
    picture, (left, middle, right) = plt.subplots(1, 3, figsize=size, width_ratios=[2, 0.8, 2])
    told: pictures.Look = {"form": lambda ms: f"{ms:.{0 if ms > 10 else 1}f}", "size": 4.5}
    pictures.grouped(left, table, "memory_ms", "link", "series", colors, **told)
    grey, spent = {"published": pictures.GREY}, "seconds_per_epoch"
    pictures.grouped(middle, paper, spent, "num_machines", "origin", grey, form="{:.3g}".format)
    places = pictures.grouped(right, table, "iteration_ms", "link", "series", colors)
    predicted: pictures.Look = {"color": "black", "marker": "D", "lw": 0, "ms": 2.5}
    right.plot(places, table["predicted"], **predicted)
    for axes in (left, middle, right):
        pictures.log_axis(axes, "y")
        axes.set(xlabel="link of two machines", ymargin=0.15)
    left.set_ylabel("ms of an iteration in node memory")
    middle.set(ylabel="seconds of an epoch in it", xlabel="machines (published)")
    right.set_ylabel("ms of an iteration")
    looks = pictures.filled(colors) | {"predicted from bytes": predicted}
    pictures.legend_below(picture, looks, 5)
    yield Output(pd.concat([table, paper]).assign(label=group.dataset), picture)


@cache
def predicted(group: Group) -> pd.DataFrame:
    """The bars of Figure 12(a) with a column for each of ``PREDICTORS``, in thousand events/s.

    ``held_out`` are the bars of several machines. No predictor has seen those of its own data set;
    ``model_and_machines`` has seen those of the others.
    """
    parts = [published("figure_12a", dataset=dataset) for dataset in DATASETS]
    table = pd.concat(parts, ignore_index=True)
    dataset, gpus, further = table["dataset"], table["num_gpus"], table["num_machines"] - 1
    events = gpus * dataset.map(lambda name: 3200 if name == "gdelt" else BATCH_SIZE)
    seconds = events / (1000 * table[TOTAL])
    alone = pd.concat([without_network(part, seconds) for _, part in table.groupby("dataset")])
    weights = 1e6 * float(over_links(group)["megabytes.gradients"].median())
    ring = (further > 0) * 2 * (gpus - 1) / gpus * weights / NETWORK
    each, missed = further / seconds, 1 - alone / seconds
    of = {other: dataset != other for other in DATASETS}
    cost = {name: (each * missed)[rows].sum() / (each**2)[rows].sum() for name, rows in of.items()}
    machines = further * dataset.map(cost).clip(lower=0)
    rates = table.pivot(index="dataset", columns="num_gpus", values=TOTAL)
    return table.assign(
        held_out=further > 0, linear=dataset.map(rates[1]) * gpus,
        same_efficiency=dataset.map(rates[8]) / 8 * gpus, model=events / alone / 1000,
        bytes=events / (alone + ring) / 1000, model_and_machines=events / (alone + machines) / 1000,
    )  # fmt: skip


def without_network(bars: pd.DataFrame, seconds: "pd.Series[float]") -> "pd.Series[float]":
    """Seconds of an iteration by the fit to the bars of one machine, which determine it.

    The strategy drawn: GDELT's GPUs of a machine share one copy, others have one each.
    """
    shares = bars["dataset"].iloc[0] == "gdelt"
    sizes = zip(bars["num_machines"], bars["gpus_per_machine"], strict=True)
    layouts = pd.Series(
        [Layout(n, 1, m, m) if shares else Layout(1, 1, n * m, m) for m, n in sizes], bars.index
    )
    single = layouts[bars["num_machines"] == 1]
    (model,) = fit(list(single), list(seconds[single.index]))
    return layouts.map(model.seconds)


def errors(bars: pd.DataFrame) -> pd.DataFrame:
    """What each of ``PREDICTORS`` is off by, as a share of the published bar."""
    return bars[list(PREDICTORS)].div(bars[TOTAL], axis=0) - 1


def measure_gpus(claim: Claim, group: Group) -> Measured:
    """The mean error from bytes on as many GPUs as a claim is of, and the speed-up they predict."""
    table = predicted(group)
    single = table.loc[table["num_gpus"] == 1, TOTAL].to_numpy()
    bars = table[table["num_gpus"] == int(claim.of)]
    error = errors(bars).abs()
    mean, speedup = error.mean(), (bars["bytes"].to_numpy() / single).mean()
    text = (
        f"{speedup:.2f} predicted from bytes; error of a bar {mean['bytes']:.1%} in the mean, "
        f"{error['bytes'].max():.1%} at most ({mean['model']:.1%} without the network, "
        f"{mean['same_efficiency']:.1%} if as efficient as on 8 GPUs, "
        f"{mean['model_and_machines']:.1%} with a machine's cost from other data sets)"
    )
    return Measured({"": Estimate(float(mean["bytes"]))}, text, group.runs)


# Bytes do not depend on how much of a stream was read.
@figure("projection", {"prediction": measure_gpus}, **RULE, any_stream=True)
def draw_gpus(group: Group) -> Iterator[Output]:
    """A panel for each data set, published bars per GPU below what is predicted, and the errors."""
    table = predicted(group)
    picture, panels = plt.subplots(2, 3, figsize=(pictures.PAGE, 3.6))
    for axes, dataset in zip(panels.flat, DATASETS, strict=False):
        bars = table[table["dataset"] == dataset].reset_index()
        each = bars[[TOTAL, *PREDICTORS]].div(bars["num_gpus"], axis=0)
        inside = bars["held_out"].map({False: KINDS["fitted"], True: KINDS["held out"]})
        axes.bar(bars.index, each[TOTAL], 0.72, **LOOK | {"facecolor": inside})
        for step, (name, (_, marker, color)) in enumerate(PREDICTORS.items()):
            dots = each.loc[bars["held_out"] | (name == "model"), name]
            axes.plot(dots.index + 0.19 * (step - 2), dots, marker, color=color, ms=3.5)
        machines = bars["num_machines"].map("{}x8".format)
        pictures.categories(axes, "x", list(machines.where(bars["held_out"], bars["num_gpus"])))
        axes.set(title=dataset, xlabel="GPUs", ylim=(0, 1.15 * each[TOTAL].iloc[0]))
    for axes in panels[:, 0]:
        axes.set_ylabel("thousand events\nper second and GPU")
    held_out, axes = table[table["held_out"]], panels.flat[-1]
    machines = held_out["num_machines"].map("{}x8".format)
    mean = 100 * errors(held_out).abs().groupby(machines).mean()
    colors: Any = [color for _, _, color in PREDICTORS.values()]
    mean.plot.barh(ax=axes, color=colors, width=0.8, legend=False)
    for drawn in axes.containers:
        axes.bar_label(drawn, fmt=" %.1f %%", fontsize=5.5)
    axes.set(title="held-out bars", xlabel="mean error (% of the published bar)", ylabel="")
    axes.set(xmargin=0.4, ylim=axes.get_ylim()[::-1])
    looks = {f"published, {name}": LOOK | {"facecolor": color} for name, color in KINDS.items()}
    for said, marker, color in PREDICTORS.values():
        looks[f"predicted: {said}"] = {"color": color, "marker": marker, "lw": 0, "ms": 4}
    pictures.legend_below(picture, looks, 2)
    numbers = table.drop(columns="origin").join(errors(table).add_suffix("_error"))
    yield Output(numbers.assign(label=table["dataset"], origin="published"), picture)
