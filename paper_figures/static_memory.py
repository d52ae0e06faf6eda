"""Figure 6: validation MRR over iterations with and without pre-trained static node memory."""

from collections.abc import Iterator
from math import ceil

import matplotlib.pyplot as plt
import pandas as pd

from benchmark.records.series import SINGLE, Runs
from benchmark.records.statistics import Estimate
from benchmark.records.targets import target_of
from benchmark.records.words import PAPER_EPOCHS, conditions, epochs, seeds
from paper_figures import curves, style
from paper_figures.claims import Measured
from paper_figures.convergence import too_short
from paper_figures.figure import Output, PaperFigure, measured
from paper_figures.published import on_features, published
from paper_figures.selection import WITHOUT_EFFECT, Group, Rule, foremost

SETTING = "settings.system.static_memory"
WITH, WITHOUT = "pretrained", "off"
WORDS = {WITH: "with static node memory", WITHOUT: "without"}
COLORS = {WITH: style.color_of("disttgl"), WITHOUT: style.GREY}


def published_curves() -> pd.DataFrame:
    """Figure 6: MOOC with 1, 2, 4 and 8 trainers, Flights with one."""
    table = published("figure_6").rename(columns={"iterations_trained": "iteration"})
    kinds = table["static_memory"].map({"on": WITH, "off": WITHOUT})
    return table.assign(static_memory=kinds, origin="published", label=kinds + table["parallelism"])


def mean_curves(group: Group) -> pd.DataFrame:
    """The mean curve of each data set, kind and layout."""
    parts = [
        curves.mean_curve(
            group,
            runs,
            dataset=dataset,
            static_memory=kind,
            parallelism=name,
            label=f"{kind}{name}",
        )
        for (dataset, kind), part in group.runs.groupby(["dataset", SETTING])
        for name, runs in group.by_parallelism(part).items()
    ]
    return pd.concat(parts, ignore_index=True)


def draw(group: Group) -> Iterator[Output]:
    """A panel for each data set, measured and published."""
    table, paper = mean_curves(group), published_curves()
    panels = [(name, part) for frame in (table, paper) for name, part in frame.groupby("dataset")]
    rows = ceil(len(panels) / 2)
    figure, grid = plt.subplots(rows, 2, figsize=(style.COLUMN, 1.55 * rows), squeeze=False)
    for axes, (dataset, part) in zip(grid.flat, panels, strict=False):
        looks: dict[str, curves.Look] = {}
        for kind, color in COLORS.items():
            looks |= curves.looks_of(part.loc[part["static_memory"] == kind, "label"], color)
        curves.draw_lines(axes, part, looks, "iteration")
        axes.set_title(f"{dataset}, {part['origin'].iloc[0]}")
    for axes in list(grid.flat)[len(panels) :]:
        axes.set_visible(False)
    figure.supxlabel("training iterations", fontsize=8)
    figure.supylabel("validation MRR", fontsize=8)
    looks = {WORDS[kind]: (color, "") for kind, color in COLORS.items()}
    style.legend_below(figure, curves.handles(looks, {}))
    texts = [conditions(part) for _, part in group.runs.groupby("dataset")]
    caption = (
        f"{' '.join(texts)} {epochs(group.runs)}.{on_features(group)}{curves.how_drawn(table)} "
        f"Dashed: published, DistTGL Figure 6, {PAPER_EPOCHS} epochs; the darker, the more trainers"
        " (1, 2, 4 and 8 by epoch parallelism on MOOC)."
    )
    name = f"static_memory_{group.protocol}"
    yield Output(name, pd.concat([table, paper]), caption, figure)


def measure(group: Group) -> Iterator[Measured]:
    """What static memory adds to one trainer's best validation MRR, on each data set."""
    for dataset, runs in group.runs[group.runs["parallelism"] == SINGLE].groupby("dataset"):
        best = {
            kind: target_of(group.curves(part), curves.METRIC, fraction=1)
            for kind, part in runs.groupby(SETTING)
        }
        if len(best) == 2:
            gain = best[WITH] - best[WITHOUT]
            where = f"{dataset}, {epochs(runs)} (paper: {PAPER_EPOCHS}), {seeds(runs)}"
            own = Group(runs, group.records)
            text = f"{dataset} {best[WITHOUT]:.4f} to {best[WITH]:.4f}, {gain:+.4f}"
            value = {str(dataset): Estimate(gain)}
            yield measured(own, "gain", value, text, where, unlike=too_short(own))


def _both(runs: Runs) -> tuple[object, ...]:
    return (runs[SETTING].nunique() == 2, *foremost(runs))


FIGURES = [
    PaperFigure("static_memory", Rule(
            ("static_memory",), varies=(*WITHOUT_EFFECT, "system.static_memory"), rank=_both,
            together=True,
            needs={"no validation MRR": curves.has_curve("mrr"),
                   "another kind of static memory": lambda r: r[SETTING].isin(COLORS)},
        ), draw, measure),
]  # fmt: skip
