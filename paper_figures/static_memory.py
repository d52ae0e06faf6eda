"""Figure 6: validation MRR over iterations with and without pre-trained static node memory."""

from collections.abc import Iterator
from math import ceil
from statistics import fmean

import pandas as pd

from benchmark.records.series import SINGLE, Runs
from benchmark.records.statistics import mean_difference
from paper_figures import curves, style
from paper_figures.convergence import by_seed, too_short
from paper_figures.figure import Group, Measured, Output, PaperFigure, Rule, measured, published
from paper_figures.selection import APART, WITHOUT_EFFECT, foremost, trained_share
from paper_figures.tables import written

SETTING = "settings.system.static_memory"
WITH, WITHOUT = "pretrained", "off"
WORDS = {WITH: "with static node memory", WITHOUT: "without"}
APART_BUT_KIND = {name: usual for name, usual in APART.items() if name not in SETTING}
COLORS = {WITH: style.color_of("disttgl"), WITHOUT: style.GREY}


def published_curves() -> pd.DataFrame:
    """Figure 6: MOOC with 1, 2, 4 and 8 trainers, Flights with one."""
    table = published("figure_6")
    kinds = table["static_memory"].map({"on": WITH, "off": WITHOUT})
    return table.assign(static_memory=kinds, label=kinds + table["parallelism"])


def mean_curves(group: Group) -> pd.DataFrame:
    """The mean curve of each data set, kind and layout."""
    parts = []
    for (dataset, kind), part in group.runs.groupby([panel_of(group.runs), SETTING]):
        for name, runs in group.by_parallelism(part).items():
            parts.append(curves.mean_curve(
                group, runs, dataset=dataset, static_memory=kind, parallelism=name,
                label=f"{kind}{name}",
            ))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def panel_of(runs: Runs) -> "pd.Series[str]":
    """The data set, with the share of its events that train where that is not the usual one."""
    shares = [trained_share(run) for _, run in runs.iterrows()]
    return runs["dataset"] + pd.Series([s and f", {s}" for s in shares], runs.index, dtype=object)


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
    single = group.runs[group.runs["parallelism"] == SINGLE]
    for dataset, runs in single.groupby(panel_of(single)):
        kinds = {str(kind): part for kind, part in runs.groupby(SETTING)}
        if len(kinds) < 2:
            continue
        own, parts = group.only(runs), []
        for metric in (f"{curves.METRIC}_best", curves.TEST_METRIC):
            sides = [by_seed(kinds[kind], metric) for kind in (WITH, WITHOUT)]
            gain = mean_difference(*sides)
            high, low = (fmean(side.values()) for side in sides)
            parts.append((gain, f"{low:.4f} to {high:.4f}, {written(gain, '+.4f')}"))
        (gain, text), (_, test) = parts
        text = f"{dataset} {text}; test {test}"
        split = str(dataset).removeprefix(own.dataset)
        yield measured(own, "gain", gain, text, unlike=too_short(own), split=split)
        yield measured(own, "gain at all", gain, text, split=split)


def _both(runs: Runs) -> tuple[object, ...]:
    return (runs[SETTING].nunique() == 2, *foremost(runs))


FIGURES = [
    PaperFigure("static_memory", Rule(
            ("static_memory", "static_memory_mooc"), together=True, rank=_both,
            apart=APART_BUT_KIND, varies=(*WITHOUT_EFFECT, "system.static_memory"),
            needs={"no validation MRR": curves.has_curve("mrr"),
                   "another kind of static memory": lambda r: r[SETTING].isin(COLORS)},
        ), draw, measure),
]  # fmt: skip
