"""Figures 9 and 11: validation metric over iterations by i x j x k, and the iterations saved."""

from collections.abc import Iterator
from math import isfinite
from statistics import median

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.lines import Line2D

from benchmark.records.series import SINGLE, Runs, size_order
from benchmark.records.statistics import Estimate
from benchmark.records.targets import FRACTION, first_reaching, still_rising, target_of
from benchmark.records.words import (
    PAPER_EPOCHS,
    commands,
    conditions,
    epochs,
    factor,
    median_and_range,
    seeds,
)
from paper_figures import curves, style
from paper_figures.claims import Measured
from paper_figures.figure import Output, PaperFigure
from paper_figures.published import on_features, published
from paper_figures.selection import PAPER_PROTOCOL, WITHOUT_EFFECT, Group, Rule, foremost
from paper_figures.tables import shown

FRACTIONS = (0.70, 0.80, 0.90, FRACTION)  # of the best value of one trainer
EIGHT = ("1x1x1", "1x8x1", "1x4x2", "1x2x4", "1x1x8")
PANELS = {
    "(a) epoch parallelism": ("1x1x1", "1x2x1", "1x4x1", "1x8x1"),
    "(b) eight trainers": EIGHT,
}
LAYOUTS = list(dict.fromkeys(name for names in PANELS.values() for name in names))
GDELT = "GDELT, published (Figure 11)"


def published_mrr(dataset: str, protocol: str) -> pd.DataFrame:
    """Figure 9 where it shows this data set under this protocol, with the MRR of its legend."""
    points = published("figure_9_validation", dataset=dataset)
    tests = published("figure_9_test", dataset=dataset).drop(columns="source")
    table = points.merge(tests, on=["panel", "dataset", "parallelism"])
    table = table.rename(columns={"iterations_trained": "iteration"}).assign(
        origin="published", label=table["parallelism"]
    )
    return table if protocol == PAPER_PROTOCOL else table[:0]


def published_f1() -> pd.DataFrame:
    """Figure 11, of GDELT, with the F1 of its legend, without the point before training."""
    tests = published("figure_11_test")[["parallelism", "test_f1_micro"]]
    table = published("figure_11_validation").merge(tests, on="parallelism")
    table = table.rename(columns={"iterations_trained": "iteration"})
    return table[table["iteration"] > 0].assign(origin="published", label=table["parallelism"])


def measured(group: Group, metric: str, layouts: list[str] | None = None) -> pd.DataFrame:
    """The mean curve of each layout, with its test value."""
    parts = [
        curves.mean_curve(
            group, runs, f"validation_{metric}", parallelism=name, label=name,
            **{f"test_{metric}": curves.mean_metric(runs, f"test_{metric}")},
        )
        for name, runs in group.by_parallelism().items()
        if layouts is None or name in layouts
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def saved(group: Group, metric: str) -> pd.DataFrame:
    """Iterations to ``FRACTIONS`` of one trainer's best, and how many times fewer than its own."""
    runs = {name: group.curves(part) for name, part in group.by_parallelism().items()}
    if SINGLE not in runs:
        return pd.DataFrame()
    rows = []
    for name, seeds_of in runs.items():
        for fraction in FRACTIONS:
            target = target_of(runs[SINGLE], metric, fraction)
            own, single = (
                [first_reaching(run, metric, target) for run in part]
                for part in (seeds_of, runs[SINGLE])
            )
            rows.append({
                "parallelism": name, "fraction": fraction, metric: target,
                "iterations": median(own), "lowest": min(own), "highest": max(own),
                "num_runs": len(own), "speedup": median(single) / median(own),
            })  # fmt: skip
    return pd.DataFrame(rows)


def iterations_saved(
    group: Group, metric: str, few: str, many: str, unlike: str = ""
) -> Iterator[Measured]:
    """How many times fewer iterations ``many`` needs than ``few`` to one trainer's level."""
    runs = {name: group.curves(part) for name, part in group.by_parallelism().items()}
    if not {SINGLE, few, many} <= runs.keys():
        return
    target = target_of(runs[SINGLE], metric)
    own, other = ([first_reaching(r, metric, target) for r in runs[name]] for name in (many, few))
    ratio = median(other) / median(own)
    if not isfinite(median(own)) and any(still_rising(run, metric) for run in runs[many]):
        unlike = unlike or f"{many} was still getting better when it ended"
    yield measured_of(
        group, f"iterations {few} to {many}", ratio, unlike,
        f"{median_and_range(own, '{:.0f}')} against {median_and_range(other, '{:.0f}')}"
        f"{factor(ratio)}",
    )  # fmt: skip


def measured_of(group: Group, measure: str, value: float, unlike: str, text: str) -> Measured:
    """A measurement of runs of several i x j x k, with what they have in common."""
    runs, first = group.runs, group.first
    logical = "logical trainers, " if runs["emulated"].any() else ""
    where = f"{group.dataset}, {epochs(runs)} (paper: {PAPER_EPOCHS}), {logical}{seeds(runs)}"
    if first["task"] == "edge_classification":
        where = f"{group.dataset} (paper: GDELT), {epochs(runs)}, {logical}{seeds(runs)}"
    values = {"": Estimate(value)}
    return Measured(measure, values, text, where, commands(runs), group.dataset, unlike)


def too_short(group: Group) -> str:
    """Why runs do not compare with the paper's, where they had fewer epochs."""
    return "too few epochs to compare" if group.first["epochs"] < PAPER_EPOCHS else ""


def measure_mrr(group: Group) -> Iterator[Measured]:
    """Of Figure 9: iterations saved, and the price of it in test MRR."""
    for many in LAYOUTS[1:]:
        yield from iterations_saved(group, curves.METRIC, SINGLE, many, too_short(group))
    runs = group.by_parallelism()
    tested = {name: curves.mean_metric(part, curves.TEST_METRIC) for name, part in runs.items()}
    one, eight = tested.get(SINGLE), tested.get("1x1x8")
    if one is not None and eight is not None:
        text = f"{one:.4f} to {eight:.4f}, {eight - one:+.4f}"
        yield measured_of(group, "test MRR lost by 1x1x8", one - eight, too_short(group), text)


def measure_f1(group: Group) -> Iterator[Measured]:
    """Of Figure 11: what a global batch and copies of node memory save, and what they cost."""
    for few, many in ((SINGLE, "8x1x1"), ("8x1x1", "8x1x4")):
        yield from iterations_saved(group, "validation_f1_micro", few, many)
    known = set(published_f1()["parallelism"])
    tested = {
        name: value
        for name, runs in group.by_parallelism().items()
        if name in known and (value := curves.mean_metric(runs, "test_f1_micro")) is not None
    }
    if SINGLE in tested and len(tested) > 1:
        text = ", ".join(f"{name}: {value:.4f}" for name, value in tested.items())
        lost = tested[SINGLE] - min(tested.values())
        yield measured_of(group, "test F1 lost", lost, "", text)


def draw_mrr(group: Group) -> Iterator[Output]:
    """Two panels of measured and published curves, and the table of iterations saved."""
    table, paper = measured(group, "mrr", LAYOUTS), published_mrr(group.dataset, group.protocol)
    looks = _looks(table, paper)
    figure, panels = plt.subplots(1, 2, figsize=(style.PAGE, 2.7), sharey=True)
    for axes, (title, names) in zip(panels, PANELS.items(), strict=True):
        theirs = paper[(paper["panel"] == title[1]) | (paper["parallelism"] == SINGLE)]
        both = pd.concat([table, theirs])
        curves.draw_lines(axes, both, {n: looks[n] for n in looks if n in names}, "iteration")
        axes.set(xlabel="training iterations", title=title)
    panels[0].set_ylabel("validation MRR")
    style.legend_below(figure, _handles(looks, table, paper, "mrr"), 2)
    caption = (
        f"{conditions(group.runs)} {epochs(group.runs)}, summed over trainers, evaluated after each"
        f" epoch of each trainer.{on_features(group)}{curves.how_drawn(table)}"
    )
    if len(paper):
        memory = group.first["settings.system.static_memory"]
        caption += f" Dashed: published, DistTGL Figure 9, {PAPER_EPOCHS} epochs, with static node"
        caption += f" memory (measured: {memory})."
    name = f"convergence_{group.dataset}_{group.protocol}"
    yield Output(name, pd.concat([table, paper]), caption, figure)
    yield from _table_of_savings(group, name)


def _table_of_savings(group: Group, name: str) -> Iterator[Output]:
    table = saved(group, curves.METRIC)
    if table.empty:
        return
    spec = {
        "i x j x k": "parallelism", "of one trainer's best": ("fraction", ".0%"),
        "validation MRR": (curves.METRIC, ".4f"), "iterations": ("iterations", ".0f"),
        "times fewer": ("speedup", ".2f"), "seeds": ("num_runs", ".0f"),
    }  # fmt: skip
    table = table.assign(origin="measured")
    caption = f"{conditions(group.runs)} Iterations: the median over seeds."
    yield Output(f"{name}_speedups", table, caption, shown=shown(table, spec))


def draw_f1(group: Group) -> Iterator[Output]:
    """Measured beside published: the data sets differ."""
    table, paper = measured(group, "f1_micro"), published_f1()
    looks = _looks(table, paper)
    figure, panels = plt.subplots(1, 2, figsize=(style.PAGE, 2.6))
    titles = (f"{group.dataset}, measured", GDELT)
    for axes, part, title in zip(panels, (table, paper), titles, strict=True):
        curves.draw_lines(axes, part, looks, "iteration", "validation_f1_micro")
        axes.set(xlabel="training iterations", title=title)
    panels[0].set_ylabel("validation F1-micro")
    style.legend_below(figure, _handles(looks, table, paper, "f1_micro"), 2)
    caption = f"{conditions(group.runs)} {epochs(group.runs)}.{on_features(group)}"
    caption += f"{curves.how_drawn(table)} Dashed: DistTGL Figure 11."
    name = f"edge_convergence_{group.dataset}"
    yield Output(name, pd.concat([table, paper]), caption, figure)


def _looks(table: pd.DataFrame, paper: pd.DataFrame) -> dict[str, curves.Look]:
    names = sorted({*table["label"], *paper["label"]}, key=size_order)
    return curves.looks_of(names)


def _handles(
    looks: dict[str, curves.Look], ours: pd.DataFrame, paper: pd.DataFrame, metric: str
) -> list[Line2D]:
    def tested(table: pd.DataFrame, name: str) -> str:
        values = table.loc[table["label"] == name, f"test_{metric}"].dropna()
        return f"{values.iloc[0]:.4f}" if len(values) else "none"

    said = {n: f"{n}, test {tested(ours, n)} (published {tested(paper, n)})" for n in looks}
    return curves.handles(looks, said)


def _compares(runs: Runs) -> tuple[object, ...]:
    layouts = set(runs["parallelism"])
    return (SINGLE in layouts and len(layouts) > 1, *foremost(runs))


FIGURES = [
    PaperFigure("convergence", Rule(
            ("convergence", "trainer_grid"), varies=WITHOUT_EFFECT, rank=_compares,
            needs={"no validation MRR": curves.has_curve("mrr"),
                   "another layout": lambda r: r["parallelism"].isin(LAYOUTS)},
        ), draw_mrr, measure_mrr),
    PaperFigure("edge_convergence", Rule(
            ("edge_convergence",), ("edge_classification",), rank=len,
            needs={"no validation F1-micro": curves.has_curve("f1_micro")},
        ), draw_f1, measure_f1),
]  # fmt: skip
