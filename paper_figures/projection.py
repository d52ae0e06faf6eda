"""Figure 12(a): 2x8 and 4x8 GPUs as a cost model of 1 to 8 GPUs and counted bytes predict them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from benchmark.records.statistics import Estimate
from benchmark.tools.cost_model import CostModel, Layout, Link, Traffic, fit
from paper_figures import style, throughput
from paper_figures.figure import Claim, Group, Measured, Output, PaperFigure, published
from paper_figures.machines import RULE, over_links
from paper_figures.tables import rows_of
from paper_figures.throughput import TOTAL

DATASETS = ("wikipedia", "reddit", "flights", "mooc", "gdelt")
FITTED = "#C5DCEB"
NETWORK = Link(100e9 / 8)  # Ethernet of the paper's machines; what a message takes is not known
PREDICTORS = {  # words, marker and colour
    "linear": ("as on one GPU", "^", style.GREY),
    "same_efficiency": ("as on 8 GPUs", "x", "black"),
    "model": ("cost model of 1 to 8 GPUs", "o", "#E69F00"),
    "bytes": ("the same, counted bytes over 100 Gbit/s", "s", "#009E73"),
    "model_and_machines": ("the same, cost of a machine from other data sets", "D", "#CC79A7"),
}


def batch_size(dataset: str) -> int:
    """Events of one GPU and iteration."""
    return 3200 if dataset == "gdelt" else throughput.BATCH_SIZE


def observed(dataset: str) -> list[tuple[Layout, float]]:
    """Layout and seconds per iteration of each bar of Figure 12(a).

    The strategy drawn: GDELT's GPUs of a machine share one copy, others have one each.
    """
    bars = []
    for row in rows_of(published("figure_12a", dataset=dataset)):
        machines, gpus = row["num_machines"], row["gpus_per_machine"]
        i, k = (gpus, machines) if dataset == "gdelt" else (1, machines * gpus)
        layout = Layout(i, 1, k, machines)
        bars.append((layout, layout.num_trainers * batch_size(dataset) / (1000 * row[TOTAL])))
    return bars


def one_machine_model(dataset: str) -> CostModel:
    """The fit to the bars of one machine, which they determine."""
    layouts, seconds = zip(*(bar for bar in observed(dataset) if bar[0].machines == 1), strict=True)
    (model,) = fit(list(layouts), list(seconds))
    return model


def machine_cost(datasets: Sequence[str]) -> float:
    """Seconds per further machine that best explain what one-machine models miss, at least 0."""
    known = [(one_machine_model(n), *bar) for n in datasets for bar in observed(n)]
    known = [bar for bar in known if bar[1].machines > 1]
    further = [(layout.machines - 1) / seconds for _, layout, seconds in known]
    missed = [1 - model.seconds(layout) / seconds for model, layout, seconds in known]
    return max(0.0, float(np.dot(further, missed) / np.dot(further, further)))


def over_network(model: CostModel, layout: Layout, weights: float) -> float:
    """Seconds of an iteration; between machines a ring passes on the bytes of all weights."""
    if layout.machines == 1:
        return model.seconds(layout)
    around = 2 * (layout.num_trainers - 1) / layout.num_trainers * weights
    sent = Traffic.of_iteration(around, layout.machines, sharded=False)
    return model.seconds(layout) + sent.seconds(NETWORK)


def predicted(group: Group) -> pd.DataFrame:
    """The bars of Figure 12(a) with a column for each of ``PREDICTORS``, in thousand events/s.

    ``held_out`` are the bars of several machines. No predictor has seen those of its own data set;
    ``model_and_machines`` has seen those of the others.
    """
    tables, weights = [], 1e6 * float(over_links(group)["gradients"].median())
    for dataset in DATASETS:
        table, model = published("figure_12a", dataset=dataset), one_machine_model(dataset)
        cost = machine_cost([other for other in DATASETS if other != dataset])
        by_model, by_both = (
            [one.throughput(layout, batch_size(dataset)) / 1000 for layout, _ in observed(dataset)]
            for one in (model, replace(model, machine=cost))
        )
        by_bytes = [
            layout.num_trainers * batch_size(dataset) / 1000 / over_network(model, layout, weights)
            for layout, _ in observed(dataset)
        ]
        rates, gpus = table.set_index("num_gpus")[TOTAL], table["num_gpus"]
        tables.append(table.assign(
            held_out=table["num_machines"] > 1, linear=rates[1] * gpus,
            same_efficiency=rates[8] / 8 * gpus, model=by_model, bytes=by_bytes,
            model_and_machines=by_both,
        ))  # fmt: skip
    return pd.concat(tables, ignore_index=True)


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


def draw(group: Group) -> Iterator[Output]:
    """A panel for each data set, and the mean errors."""
    table = predicted(group)
    figure, panels = plt.subplots(2, 3, figsize=(style.PAGE, 3.6))
    for axes, dataset in zip(panels.flat, DATASETS, strict=False):
        _bars(axes, table[table["dataset"] == dataset])
        axes.set(title=dataset, xlabel="GPUs")
    for axes in panels[:, 0]:
        axes.set_ylabel("thousand events\nper second and GPU")
    _errors(panels.flat[-1], table[table["held_out"]])
    kinds = {"fitted": False, "held out": True}
    handles: list[Artist] = [Patch(**_look(k), label=f"published, {n}") for n, k in kinds.items()]
    for said, marker, color in PREDICTORS.values():
        handles.append(style.line(f"predicted: {said}", color=color, marker=marker, lw=0, ms=4))
    style.legend_below(figure, handles, 2)
    numbers = table.drop(columns="origin").join(errors(table).add_suffix("_error"))
    yield Output(numbers.assign(label=table["dataset"], origin="published"), figure)


def _bars(axes: Axes, bars: pd.DataFrame) -> None:
    """Published bars per GPU; every predictor over the held-out ones, the model over all."""
    sizes = []
    for place, bar in enumerate(rows_of(bars)):
        gpus, held_out = bar["num_gpus"], bar["held_out"]
        axes.bar(place, bar[TOTAL] / gpus, width=0.72, **_look(held_out))
        names = list(PREDICTORS) if held_out else ["model"]
        for step, name in enumerate(names):
            x = place + 0.19 * (step - (len(names) - 1) / 2)
            axes.plot(x, bar[name] / gpus, PREDICTORS[name][1], color=PREDICTORS[name][2], ms=3.5)
        sizes.append(f"{bar['num_machines']}x8" if held_out else str(gpus))
    style.categories(axes, "x", sizes)
    axes.set_ylim(0, 1.15 * bars[TOTAL].iloc[0])


def _errors(axes: Axes, bars: pd.DataFrame) -> None:
    """The mean error over data sets of each predictor, on two and on four machines."""
    mean = 100 * errors(bars).abs().groupby(bars["num_machines"]).mean()
    for row, name in enumerate(PREDICTORS):
        places = (row - 0.2, row + 0.2)
        for place, (machines, error) in zip(places, mean[name].items(), strict=True):
            axes.barh(place, error, height=0.36, color=PREDICTORS[name][2])
            axes.text(error, place, f" {machines}x8: {error:.1f} %", va="center", fontsize=6.5)
    axes.set(title="held-out bars", xlabel="mean error (% of the published bar)", yticks=[])
    axes.invert_yaxis()
    axes.margins(x=0.4)


def _look(held_out: bool) -> dict[str, Any]:
    look = style.hollow(style.color_of("disttgl"))
    return look if held_out else look | {"facecolor": FITTED}


# Bytes do not depend on how much of a stream was read.
FIGURES = [PaperFigure("projection", replace(RULE, any_stream=True), draw, {"prediction": measure})]
