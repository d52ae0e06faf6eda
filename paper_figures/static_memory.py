"""Figure 6: validation MRR over iterations with and without pre-trained static node memory."""

from collections.abc import Iterator
from math import ceil

import pandas as pd

from benchmark.records.series import SINGLE, Runs
from benchmark.records.statistics import Estimate, target_of
from paper_figures import curves, style
from paper_figures.convergence import too_short
from paper_figures.figure import Group, Measured, Output, PaperFigure, Rule, measured, published
from paper_figures.selection import WITHOUT_EFFECT, foremost

SETTING = "settings.system.static_memory"
WITH, WITHOUT = "pretrained", "off"
WORDS = {WITH: "with static node memory", WITHOUT: "without"}
COLORS = {WITH: style.color_of("disttgl"), WITHOUT: style.GREY}


def published_curves() -> pd.DataFrame:
    """Figure 6: MOOC with 1, 2, 4 and 8 trainers, Flights with one."""
    table = published("figure_6")
    kinds = table["static_memory"].map({"on": WITH, "off": WITHOUT})
    return table.assign(static_memory=kinds, label=kinds + table["parallelism"])


def mean_curves(group: Group) -> pd.DataFrame:
    """The mean curve of each data set, kind and layout."""
    parts = []
    for (dataset, kind), part in group.runs.groupby(["dataset", SETTING]):
        for name, runs in group.by_parallelism(part).items():
            parts.append(curves.mean_curve(
                group, runs, dataset=dataset, static_memory=kind, parallelism=name,
                label=f"{kind}{name}",
            ))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def draw(group: Group) -> Iterator[Output]:
    """A panel for each data set, measured and published."""
    table, paper = mean_curves(group), published_curves()
    panels = []
    for origin, frame in (("measured", table), ("published", paper)):
        for dataset, part in frame.groupby("dataset"):
            looks: dict[str, curves.Look] = {}
            for kind, color in COLORS.items():
                looks |= curves.looks_of(part.loc[part["static_memory"] == kind, "label"], color)
            panels.append((f"{dataset}, {origin}", part, looks))
    size, labels = (
        (style.COLUMN, 1.55 * ceil(len(panels) / 2)),
        ("training iterations", "validation MRR"),
    )
    picture = curves.draw_panels(panels, size, labels)
    looks = {WORDS[kind]: (color, "") for kind, color in COLORS.items()}
    style.legend_below(picture, curves.handles(looks, {}))
    yield Output(pd.concat([table, paper]), picture, facts={"drawn": curves.how_drawn(table)})


def measure(group: Group) -> Iterator[Measured]:
    """What static memory adds to one trainer's best validation MRR, on each data set."""
    for dataset, runs in group.runs[group.runs["parallelism"] == SINGLE].groupby("dataset"):
        kinds = {kind: group.curves(part) for kind, part in runs.groupby(SETTING)}
        best = {kind: target_of(part, curves.METRIC, fraction=1) for kind, part in kinds.items()}
        if len(best) == 2:
            gain = best[WITH] - best[WITHOUT]
            text = f"{dataset} {best[WITHOUT]:.4f} to {best[WITH]:.4f}, {gain:+.4f}"
            value, own = {str(dataset): Estimate(gain)}, group.only(runs)
            yield measured(own, "gain", value, text, unlike=too_short(own))


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
