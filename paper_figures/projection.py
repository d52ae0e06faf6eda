"""Figure 12(a): 2x8 and 4x8 GPUs as a cost model fitted on 1 to 8 GPUs predicts them."""

from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from benchmark.records.statistics import Estimate
from benchmark.tools.cost_model import CostModel, Layout, fit
from paper_figures import style, throughput
from paper_figures.figure import Claim, Group, Measured, Output, PaperFigure, Rule, published
from paper_figures.tables import rows_of
from paper_figures.throughput import TOTAL

DATASETS = ("wikipedia", "reddit", "flights", "mooc", "gdelt")
FITTED = "#C5DCEB"
PREDICTORS = {  # words, marker and colour
    "linear": ("as on one GPU", "^", style.GREY),
    "same_efficiency": ("as on 8 GPUs", "x", "black"),
    "model": ("cost model of 1 to 8 GPUs", "o", "#E69F00"),
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


def predicted() -> pd.DataFrame:
    """The bars of Figure 12(a) with a column for each of ``PREDICTORS``, in thousand events/s.

    ``held_out`` are the bars of several machines, which no predictor has seen.
    """
    tables = []
    for dataset in DATASETS:
        table, model = published("figure_12a", dataset=dataset), one_machine_model(dataset)
        layouts = [layout for layout, _ in observed(dataset)]
        rates, gpus = table.set_index("num_gpus")[TOTAL], table["num_gpus"]
        tables.append(table.assign(
            held_out=table["num_machines"] > 1, linear=rates[1] * gpus,
            same_efficiency=rates[8] / 8 * gpus,
            model=[model.throughput(one, batch_size(dataset)) / 1000 for one in layouts],
        ))  # fmt: skip
    return pd.concat(tables, ignore_index=True)


def errors(bars: pd.DataFrame) -> pd.DataFrame:
    """What each of ``PREDICTORS`` is off by, as a share of the published bar."""
    return bars[list(PREDICTORS)].div(bars[TOTAL], axis=0) - 1


def measure(claim: Claim, group: Group) -> Measured:
    """The mean error of the model on as many GPUs as a claim is of, and its speed-up."""
    table = predicted()
    single = table.loc[table["num_gpus"] == 1, TOTAL].to_numpy()
    bars = table[table["num_gpus"] == int(claim.of)]
    error = errors(bars).abs()
    mean, speedup = error.mean(), (bars["model"].to_numpy() / single).mean()
    text = (
        f"{speedup:.2f} predicted; error of a bar {mean['model']:.1%} in the mean, "
        f"{error['model'].max():.1%} at most ({mean['same_efficiency']:.1%} if as efficient as "
        "on 8 GPUs)"
    )
    return Measured({"": Estimate(float(mean["model"]))}, text, group.runs)


def draw(_: Group) -> Iterator[Output]:
    """A panel for each data set, and the mean errors."""
    table = predicted()
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


FIGURES = [
    PaperFigure("projection", Rule(
            ("scaling",), needs=throughput.NEEDS, varies=None, together=True,
        ), draw, {"prediction": measure}),
]  # fmt: skip
