"""Figure 12(a): 2x8 and 4x8 GPUs as a cost model fitted on 1 to 8 GPUs predicts them."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from paper_figures import style, throughput
from paper_figures.claim import Claim, Verdict
from paper_figures.predictions import DATASETS, PREDICTORS, PUBLISHED, errors, predicted
from paper_figures.records import Record

NUMBER = "Figure 12(a), predicted"
SHOWS = "how well the cost model behind projected throughput predicts the paper's bars"
COMMAND = throughput.COMMAND
DIFFERS = (
    "Nothing is measured here: the cost model that projects our runs is fitted on the paper's bars "
    "of 1 to 8 GPUs of one machine and tested on those of two and four. What it costs to cross "
    "machines is not in one machine's bars, and taken for nothing."
)
LOOKS = {  # marker and colour
    "linear": ("^", style.GREY),
    "same_efficiency": ("x", "black"),
    "model": ("o", "#E69F00"),
    "model_and_machines": ("D", "#CC79A7"),
}
FITTED = "#C5DCEB"
APART = 0.19  # of predictions for one bar
CLOSE = 0.1  # of the published bar: a mean error within it makes a prediction good


def select(records: list[Record]) -> list[Record]:
    """Runs of the suite whose figure has projections; no number of theirs is drawn here."""
    return [record for record in throughput.select(records) if record.suite == "scaling"]


def draw(records: list[Record], out: Path) -> list[Path]:
    """One figure; returns the files written."""
    table = predicted()
    numbers = table.join(errors(table).add_suffix("_error"))
    numbers = numbers.assign(label=table["dataset"], origin="published")
    with plt.rc_context(style.RC):
        return style.save(_figure(table), numbers, out, "projection")


def claims(records: list[Record]) -> list[Claim]:
    """The speed-ups on several machines beside those predicted from one machine."""
    table = predicted()
    several = table[table["held_out"]]
    return [_claim(bars, table[table["num_gpus"] == 1]) for _, bars in several.groupby("num_gpus")]


def _claim(bars: pd.DataFrame, single: pd.DataFrame) -> Claim:
    """A prediction measures nothing, so that a good one counts as partly and any other not."""
    first, error = bars.iloc[0], errors(bars).abs()
    speedup = (bars["model"].to_numpy() / single[PUBLISHED].to_numpy()).mean()
    mean = error.mean()
    return Claim(
        statement=f"{first['num_gpus']} GPUs on {first['num_machines']} machines by one GPU, "
        f"mean of {len(bars)} data sets",
        published=f"{bars['speedup'].mean():.2f}",
        measured=f"{speedup:.2f} predicted; error of a bar {mean['model']:.1%} in the mean, "
        f"{error['model'].max():.1%} at most ({mean['same_efficiency']:.1%} if as efficient as on "
        f"8 GPUs, {mean['model_and_machines']:.1%} with a machine's cost from other data sets)",
        conditions="fitted on the paper's own bars of 1, 2, 4 and 8 GPUs",
        verdict=Verdict.PARTLY if mean["model"] <= CLOSE else Verdict.INCOMPARABLE,
        command="python -m paper_figures projection",
    )


def _figure(table: pd.DataFrame) -> Figure:
    figure, panels = plt.subplots(2, 3, figsize=(style.PAGE, 3.6))
    for axes, dataset in zip(panels.flat, DATASETS, strict=False):
        _draw_dataset(axes, table[table["dataset"] == dataset])
        axes.set_title(dataset)
    for axes in panels.flat[2:5]:
        axes.set_xlabel("GPUs")
    for axes in panels[:, 0]:
        axes.set_ylabel("thousand events\nper second and GPU")
    _draw_errors(panels.flat[-1], table[table["held_out"]])
    style.write_below(figure, _small_print(), _legend(), ncols=2)
    return figure


def _draw_dataset(axes: Axes, bars: pd.DataFrame) -> None:
    """Published bars per GPU; every predictor over the held-out ones, the model over all."""
    sizes = []
    for place, bar in enumerate(bars.to_dict("records")):
        gpus = bar["num_gpus"]
        drawn = axes.bar(place, bar[PUBLISHED] / gpus, width=0.72)[0]
        drawn.set(**_bar_look(bar["held_out"]))
        shown = LOOKS if bar["held_out"] else {"model": LOOKS["model"]}
        for step, (name, (marker, color)) in enumerate(shown.items()):
            x = place + APART * (step - (len(shown) - 1) / 2)
            axes.plot(x, bar[name] / gpus, marker, color=color, ms=3.5)
        sizes.append(f"{bar['num_machines']}x8" if bar["held_out"] else str(gpus))
    axes.set_xticks(range(len(sizes)), sizes)
    axes.set_ylim(0, 1.15 * bars[PUBLISHED].iloc[0])
    axes.grid(axis="x", visible=False)


def _bar_look(held_out: bool) -> dict[str, Any]:
    color = style.color_of("disttgl")
    face = "white" if held_out else FITTED
    return {"facecolor": face, "edgecolor": color, "hatch": style.PUBLISHED_HATCH}


def _draw_errors(axes: Axes, bars: pd.DataFrame) -> None:
    """The mean error over data sets of each predictor, on two and on four machines."""
    mean = 100 * errors(bars).abs().groupby(bars["num_machines"]).mean()
    for row, (name, (_, color)) in enumerate(LOOKS.items()):
        for shift, machines in ((-0.2, 2), (0.2, 4)):
            error = mean[name][machines]
            axes.barh(row + shift, error, height=0.36, color=color)
            text = f" {machines}x8: {error:.1f} %"
            axes.text(error, row + shift, text, va="center", fontsize=6.5)
    axes.set_yticks([])
    axes.invert_yaxis()
    axes.set(title="held-out bars", xlabel="mean error (% of the published bar)")
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.4)


def _legend() -> list[Artist]:
    handles: list[Artist] = [
        Patch(**_bar_look(held_out), label=f"published, {what}")
        for held_out, what in ((False, "fitted"), (True, "held out"))
    ]
    for name, (marker, color) in LOOKS.items():
        text = f"predicted: {PREDICTORS[name]}"
        handles.append(Line2D([], [], color=color, marker=marker, lw=0, ms=4, label=text))
    return handles


def _small_print() -> str:
    return (
        "Bars: DistTGL Figure 12(a), NVIDIA T4 GPUs on one machine, or 2 or 4 machines with 8 each."
        " The cost model is fitted on each data set's bars of one machine, which say nothing of"
        " what crossing machines costs; diamonds take that from the four other data sets' bars of"
        " several machines. Nothing is measured here."
    )
