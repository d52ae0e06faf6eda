"""Figure 12(a): 2x8 and 4x8 GPUs as a cost model of 1 to 8 GPUs and counted bytes predict them."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache, partial
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from benchmark.records.statistics import Estimate
from benchmark.tools.cost_model import CostModel, Layout, Link, Traffic, fit
from paper_figures import style
from paper_figures.figure import Claim, Group, Measured, Output, figure, published
from paper_figures.machines import RULE, over_links
from paper_figures.throughput import BATCH_SIZE, TOTAL

DATASETS = ("wikipedia", "reddit", "flights", "mooc", "gdelt")
KINDS = {"fitted": "#C5DCEB", "held out": "white"}  # of bars, and what fills them
LOOK: dict[str, Any] = style.hollow(style.color_of("disttgl"))
NETWORK = Link(100e9 / 8)  # Ethernet of the paper's machines; what a message takes is not known
PREDICTORS = {  # words, marker and colour
    "linear": ("as on one GPU", "^", style.GREY),
    "same_efficiency": ("as on 8 GPUs", "x", "black"),
    "model": ("cost model of 1 to 8 GPUs", "o", "#E69F00"),
    "bytes": ("the same, counted bytes over 100 Gbit/s", "s", "#009E73"),
    "model_and_machines": ("the same, cost of a machine from other data sets", "D", "#CC79A7"),
}


def observed(dataset: str) -> pd.DataFrame:
    """The bars of Figure 12(a), with the layout and the seconds of an iteration of each.

    The strategy drawn: GDELT's GPUs of a machine share one copy, others have one each.
    """
    table, shares = published("figure_12a", dataset=dataset), dataset == "gdelt"
    sizes = zip(table["num_machines"], table["gpus_per_machine"], strict=True)
    layouts: Any = [Layout(n, 1, m, m) if shares else Layout(1, 1, n * m, m) for m, n in sizes]
    events = table["num_gpus"] * (3200 if shares else BATCH_SIZE)  # of an iteration
    return table.assign(layout=layouts, events=events, seconds=events / (1000 * table[TOTAL]))


def one_machine_model(bars: pd.DataFrame) -> CostModel:
    """The fit to the bars of one machine, which they determine."""
    single = bars[bars["num_machines"] == 1]
    (model,) = fit(list(single["layout"]), list(single["seconds"]))
    return model


def machine_cost(observations: Iterable[pd.DataFrame]) -> float:
    """Seconds per further machine that best explain what one-machine models miss, at least 0."""
    further, missed = [], []
    for bars in observations:
        several = bars[bars["num_machines"] > 1]
        expected = several["layout"].map(one_machine_model(bars).seconds)
        further.append((several["num_machines"] - 1) / several["seconds"])
        missed.append(1 - expected / several["seconds"])
    one, other = np.concatenate(further), np.concatenate(missed)
    return max(0.0, float(one @ other / (one @ one)))


def over_network(weights: float, layout: Layout) -> float:
    """Seconds in which a ring between machines passes on the bytes of all weights."""
    around = 2 * (layout.num_trainers - 1) / layout.num_trainers * weights
    sent = Traffic.of_iteration(around, layout.machines, sharded=False)
    return sent.seconds(NETWORK) if layout.machines > 1 else 0.0


@cache
def predicted(group: Group) -> pd.DataFrame:
    """The bars of Figure 12(a) with a column for each of ``PREDICTORS``, in thousand events/s.

    ``held_out`` are the bars of several machines. No predictor has seen those of its own data set;
    ``model_and_machines`` has seen those of the others.
    """
    weights = 1e6 * float(over_links(group)["gradients"].median())
    known = {dataset: observed(dataset) for dataset in DATASETS}
    for dataset, table in known.items():
        model = one_machine_model(table)
        cost = machine_cost(bars for other, bars in known.items() if other != dataset)
        alone = table["layout"].map(model.seconds)
        seconds = {
            "model": alone, "bytes": alone + table["layout"].map(partial(over_network, weights)),
            "model_and_machines": table["layout"].map(replace(model, machine=cost).seconds),
        }  # fmt: skip
        rates, gpus = table.set_index("num_gpus")[TOTAL], table["num_gpus"]
        table["held_out"] = table["num_machines"] > 1
        table["linear"], table["same_efficiency"] = rates[1] * gpus, rates[8] / 8 * gpus
        for name, of in seconds.items():
            table[name] = table["events"] / of / 1000
    table = pd.concat(known.values(), ignore_index=True)
    return table.drop(columns=["layout", "events", "seconds"])


def errors(bars: pd.DataFrame) -> pd.DataFrame:
    """What each of ``PREDICTORS`` is off by, as a share of the published bar."""
    return bars[list(PREDICTORS)].div(bars[TOTAL], axis=0) - 1


def measure(claim: Claim, group: Group) -> Measured:
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
@figure("projection", replace(RULE, any_stream=True), {"prediction": measure})
def draw(group: Group) -> Iterator[Output]:
    """A panel for each data set, and the mean errors."""
    table = predicted(group)
    picture, panels = plt.subplots(2, 3, figsize=(style.PAGE, 3.6))
    for axes, dataset in zip(panels.flat, DATASETS, strict=False):
        _bars(axes, table[table["dataset"] == dataset].reset_index())
        axes.set(title=dataset, xlabel="GPUs")
    for axes in panels[:, 0]:
        axes.set_ylabel("thousand events\nper second and GPU")
    _errors(panels.flat[-1], table[table["held_out"]])
    known = [Patch(**LOOK | {"facecolor": c}, label=f"published, {n}") for n, c in KINDS.items()]
    dots = [style.line(f"predicted: {said}", color=color, marker=marker, lw=0, ms=4)
            for said, marker, color in PREDICTORS.values()]  # fmt: skip
    style.legend_below(picture, [*known, *dots], 2)
    numbers = table.drop(columns="origin").join(errors(table).add_suffix("_error"))
    yield Output(numbers.assign(label=table["dataset"], origin="published"), picture)


def _bars(axes: Axes, bars: pd.DataFrame) -> None:
    """Published bars per GPU; every predictor over the held-out ones, the model over all."""
    held_out, gpus = bars["held_out"], bars["num_gpus"]
    each = bars[[TOTAL, *PREDICTORS]].div(gpus, axis=0)
    inside = held_out.map({False: KINDS["fitted"], True: KINDS["held out"]})
    axes.bar(bars.index, each[TOTAL], 0.72, **LOOK | {"facecolor": inside})
    for step, (name, (_, marker, color)) in enumerate(PREDICTORS.items()):
        dots = each.loc[held_out | (name == "model"), name]
        axes.plot(dots.index + 0.19 * (step - 2), dots, marker, color=color, ms=3.5)
    machines = bars["num_machines"].map("{}x8".format)
    style.categories(axes, "x", list(machines.where(held_out, gpus)))
    axes.set_ylim(0, 1.15 * each[TOTAL].iloc[0])


def _errors(axes: Axes, bars: pd.DataFrame) -> None:
    """The mean error over data sets of each predictor, on two and on four machines."""
    mean = 100 * errors(bars).abs().groupby(bars["num_machines"]).mean()
    colors = [color for _, _, color in PREDICTORS.values()]
    for shift, (machines, row) in zip((-0.2, 0.2), mean.iterrows(), strict=True):
        drawn = axes.barh(np.arange(len(row)) + shift, row, 0.36, color=colors)
        axes.bar_label(drawn, [f" {machines}x8: {error:.1f} %" for error in row], fontsize=6.5)
    about = {"title": "held-out bars", "xlabel": "mean error (% of the published bar)"}
    axes.set(**about, yticks=[], xmargin=0.4)
    axes.invert_yaxis()
