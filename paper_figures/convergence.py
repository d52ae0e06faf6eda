"""Figures 9 and 11: validation metric over iterations by i x j x k, and the iterations saved."""

from collections.abc import Iterator

import pandas as pd

from benchmark.records.series import SINGLE, Runs, size_order
from benchmark.records.statistics import (
    FRACTION,
    target_of,
)
from paper_figures import curves, style, tables
from paper_figures.figure import Group, Output, PaperFigure, Rule, published
from paper_figures.measures import reaches
from paper_figures.selection import APART, WITHOUT_EFFECT, foremost

FRACTIONS = (0.70, 0.80, 0.90, FRACTION)  # of the best value of one trainer
PANELS = {
    "(a) epoch parallelism": ("1x1x1", "1x2x1", "1x4x1", "1x8x1"),
    "(b) eight trainers": ("1x1x1", "1x8x1", "1x4x2", "1x2x4", "1x1x8"),
}
LAYOUTS = list(dict.fromkeys(name for names in PANELS.values() for name in names))
F1 = "validation_f1_micro"
INTERNAL = ["seeds", "rising", "before", "last", "validation"]  # columns that are in no csv


def published_mrr(group: Group) -> pd.DataFrame:
    """Figure 9 where it shows this data set under this protocol, with the MRR of its legend."""
    tests = group.published("figure_9_test").drop(columns=["source", "origin"])
    table = group.published("figure_9_validation").merge(
        tests, on=["panel", "dataset", "parallelism"]
    )
    return table.assign(label=table["parallelism"])


def published_f1() -> pd.DataFrame:
    """Figure 11, of GDELT, with the F1 of its legend, without the point before training."""
    tests = published("figure_11_test")[["parallelism", "test_f1_micro"]]
    table = published("figure_11_validation").merge(tests, on="parallelism")
    return table[table["iteration"] > 0].assign(label=table["parallelism"])


def mean_curves(group: Group, metric: str) -> pd.DataFrame:
    """The mean curve of each layout, with its test value."""
    parts = []
    for name, runs in group.by_parallelism().items():
        test = {f"test_{metric}": curves.mean_metric(runs, f"test_{metric}")}
        curve = curves.mean_curve(
            group, runs, f"validation_{metric}", parallelism=name, label=name, **test
        )
        parts.append(curve)
    return pd.concat(parts, ignore_index=True)


def saved(group: Group, fraction: float) -> pd.DataFrame:
    """By layout the iterations to ``fraction`` of one trainer's best value; empty without it."""
    runs = group.by_parallelism()
    if SINGLE not in runs:
        return pd.DataFrame()
    target = target_of(group.curves(runs[SINGLE]), curves.METRIC, fraction)
    rows = [
        {"parallelism": name, "fraction": fraction, curves.METRIC: target, "num_runs": len(part)}
        | reaches(group, part, curves.METRIC, target)
        for name, part in runs.items()
    ]
    table = pd.DataFrame(rows, index=list(runs))
    return table.assign(speedup=table["iterations"][SINGLE] / table["iterations"])


def draw_mrr(group: Group) -> Iterator[Output]:
    """Two panels of measured and published curves, and the table of iterations saved."""
    table, paper = mean_curves(group, "mrr"), published_mrr(group)
    looks, panels = _looks(table, paper), []
    for title, names in PANELS.items():
        theirs = paper[(paper["panel"] == title[1]) | (paper["parallelism"] == SINGLE)]
        own = {name: looks[name] for name in looks if name in names}
        panels.append((title, pd.concat([table, theirs]), own))
    labels = ("training iterations", "validation MRR")
    picture = curves.draw_panels(panels, (style.PAGE, 2.7), labels, sharey=True)
    style.legend_below(picture, curves.handles(looks, _tests(looks, table, paper, "mrr")), 2)
    drawn = {"drawn": curves.how_drawn(table)}
    yield Output(pd.concat([table, paper]), picture, facts=drawn)
    parts = [saved(group, fraction) for fraction in FRACTIONS]
    if len(parts[0]):
        rows = pd.concat([part.loc[[name]] for name in parts[0].index for part in parts])
        rows = rows.drop(columns=INTERNAL).assign(origin="measured")
        spec = {
            "i x j x k": "parallelism", "of one trainer's best": ("fraction", ".0%"),
            "validation MRR": (curves.METRIC, ".4f"), "iterations": ("iterations", ".0f"),
            "times fewer": ("speedup", ".2f"), "seeds": ("num_runs", ".0f"),
        }  # fmt: skip
        caption = "{conditions} Iterations: the median over seeds."
        yield Output(rows, shown=tables.shown(rows, spec), suffix="_speedups", caption=caption)


def draw_f1(group: Group) -> Iterator[Output]:
    """Measured beside published: the data sets differ."""
    table, paper = mean_curves(group, "f1_micro"), published_f1()
    looks = _looks(table, paper)
    parts = {f"{group.dataset}, measured": table, "GDELT, published (Figure 11)": paper}
    panels = [(title, part, looks) for title, part in parts.items()]
    labels = ("training iterations", "validation F1-micro")
    picture = curves.draw_panels(panels, (style.PAGE, 2.6), labels, F1)
    style.legend_below(picture, curves.handles(looks, _tests(looks, table, paper, "f1_micro")), 2)
    yield Output(pd.concat([table, paper]), picture, facts={"drawn": curves.how_drawn(table)})


def _looks(table: pd.DataFrame, paper: pd.DataFrame) -> dict[str, curves.Look]:
    return curves.looks_of(sorted({*table["label"], *paper["label"]}, key=size_order))


def _tests(
    looks: dict[str, curves.Look], ours: pd.DataFrame, paper: pd.DataFrame, metric: str
) -> dict[str, str]:
    """The test value of each layout, for the legend."""

    def of(table: pd.DataFrame, name: str) -> str:
        values = table.loc[table["label"] == name, f"test_{metric}"].dropna()
        return f"{values.iloc[0]:.4f}" if len(values) else "not run"

    return {n: f"{n}, test {of(ours, n)} (published {of(paper, n)})" for n in looks}


def _compares(runs: Runs) -> tuple[object, ...]:
    layouts = set(runs["parallelism"])
    return (SINGLE in layouts and len(layouts) > 1, *foremost(runs))


SUITES = ("convergence", "convergence_static", "convergence_mooc", "sampler", "trainer_grid")

FIGURES = [
    PaperFigure("convergence", Rule(
            SUITES, varies=WITHOUT_EFFECT, rank=_compares, apart=APART,
            needs={"no validation MRR": curves.has_curve("mrr"),
                   "another layout": lambda r: r["parallelism"].isin(LAYOUTS)},
        ), draw_mrr),
    PaperFigure("edge_convergence", Rule(
            ("edge_convergence",), ("edge_classification",), rank=len,
            needs={"no validation F1-micro": curves.has_curve("f1_micro")},
        ), draw_f1),
]  # fmt: skip
