"""Figures 9 and 11: validation metric over iterations by i x j x k, and the iterations saved."""

from collections.abc import Iterator, Sequence
from math import inf, isinf
from statistics import median
from typing import NamedTuple

import pandas as pd

from benchmark.records.series import SINGLE, Runs, size_order
from benchmark.records.statistics import (
    FRACTION,
    Estimate,
    first_reaching,
    mean_difference,
    still_rising,
    target_of,
)
from benchmark.records.words import PAPER_EPOCHS, factor, median_and_range
from paper_figures import curves, style, tables
from paper_figures.figure import Group, Measured, Output, PaperFigure, Rule, measured, published
from paper_figures.selection import APART, WITHOUT_EFFECT, foremost
from paper_figures.tables import Row, rows_of, written

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


class Reach(NamedTuple):
    """The validation that shows a target met: its iteration, that of the one before, its number."""

    iteration: float
    before: float
    validation: int


def reach(run: pd.DataFrame, metric: str, target: float) -> Reach:
    """Where ``run`` first meets ``target``, infinite if it does not; before the first is 0."""
    iteration = first_reaching(run, metric, target)
    earlier = run.loc[run["iteration"] < iteration, "iteration"]
    return Reach(iteration, float(earlier.max()) if len(earlier) else 0.0, len(earlier) + 1)


def saved(group: Group, metric: str, fraction: float) -> pd.DataFrame:
    """By layout the iterations of each seed to ``fraction`` of one trainer's best value."""
    runs = {name: group.curves(part) for name, part in group.by_parallelism().items()}
    if SINGLE not in runs:
        return pd.DataFrame()
    target, rows = target_of(runs[SINGLE], metric, fraction), []
    for name, part in runs.items():
        own = [reach(run, metric, target) for run in part]
        seeds = [one.iteration for one in own]
        rows.append({
            "parallelism": name, "fraction": fraction, metric: target,
            "iterations": median(seeds), "lowest": min(seeds), "highest": max(seeds),
            "num_runs": len(own), "seeds": seeds, "before": min(one.before for one in own),
            "last": max(float(run["iteration"].max()) for run in part),
            "validation": median(one.validation for one in own),
            "rising": any(still_rising(run, metric) for run in part),
        })  # fmt: skip
    table = pd.DataFrame(rows, index=list(runs))
    return table.assign(speedup=table["iterations"][SINGLE] / table["iterations"])


def measure_saved(
    group: Group, metric: str, pairs: Sequence[tuple[str, str]], unlike: str
) -> Iterator[Measured]:
    """How many times fewer iterations the second of a pair needs than the first."""
    for fraction in (FRACTION,) if unlike else FRACTIONS:
        rows = {row["parallelism"]: row for row in rows_of(saved(group, metric, fraction))}
        for few, many in pairs:
            if not {few, many} <= rows.keys():
                continue
            one, other = rows[few], rows[many]
            short = isinf(other["iterations"]) and other["rising"]
            why = f"{many} was still getting better when it ended" if short else ""
            ratio = times_fewer(one, other)
            slow, fast = (median_and_range(r["seeds"], "{:.0f}") for r in (one, other))
            at = "" if isinf(other["iterations"]) else f" (validation {other['validation']:.0f})"
            text = f"{fast}{at} against {slow}{factor(ratio.value) if at else ''}"
            name = f"iterations {few} to {many} at {fraction:.0%}"
            yield measured(group, name, ratio, text, unlike=unlike or why)


def times_fewer(one: Row, other: Row) -> Estimate:
    """The ratio of iterations of two rows of ``saved``, from the least to the most it may be.

    A target is met somewhere between the validation before and the one that shows it; a run that
    never meets it would need more iterations than it had.
    """
    needed = min(other["iterations"], other["last"])
    low = one["before"] / other["highest"]
    high = one["highest"] / other["before"] if other["before"] else inf
    return Estimate(one["iterations"] / needed, low, high)


def by_seed(runs: Runs, metric: str) -> dict[int, float]:
    """A metric of each run that has it, by seed."""
    values = runs.set_index("seed")[f"metrics.{metric}"].dropna()
    return {int(str(seed)): float(value) for seed, value in values.items()}


def too_short(group: Group) -> str:
    """Why runs do not compare with the paper's, where they had fewer epochs."""
    return "too few epochs to compare" if group.first["epochs"] < PAPER_EPOCHS else ""


def tested(group: Group, metric: str, layouts: Sequence[str]) -> dict[str, float]:
    """The mean test value of each of ``layouts`` that has one."""
    runs = group.by_parallelism()
    values = {n: curves.mean_metric(runs[n], metric) for n in runs if n in layouts}
    return {name: value for name, value in values.items() if value is not None}


def measure_mrr(group: Group) -> Iterator[Measured]:
    """Of Figure 9: iterations saved, and the price of it in test MRR."""
    pairs = [(SINGLE, many) for many in LAYOUTS[1:]]
    yield from measure_saved(group, curves.METRIC, pairs, too_short(group))
    known = tested(group, curves.TEST_METRIC, (SINGLE, "1x1x8"))
    if len(known) == 2:
        runs = group.by_parallelism()
        lost = mean_difference(*(by_seed(runs[n], curves.TEST_METRIC) for n in (SINGLE, "1x1x8")))
        text = f"{known[SINGLE]:.4f} to {known['1x1x8']:.4f}, lost {written(lost, '+.4f')}"
        name = "test MRR lost by 1x1x8"
        yield measured(group, name, lost, text, unlike=too_short(group))


def measure_f1(group: Group) -> Iterator[Measured]:
    """Of Figure 11: what a global batch and copies of node memory save, and what they cost."""
    yield from measure_saved(group, F1, ((SINGLE, "8x1x1"), ("8x1x1", "8x1x4")), "")
    known = tested(group, "test_f1_micro", list(published_f1()["parallelism"]))
    if SINGLE in known and len(known) > 1:
        text = ", ".join(f"{name}: {value:.4f}" for name, value in known.items())
        lost = known[SINGLE] - min(known.values())
        yield measured(group, "test F1 lost", lost, text)


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
    parts = [saved(group, curves.METRIC, fraction) for fraction in FRACTIONS]
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
        return f"{values.iloc[0]:.4f}" if len(values) else "none"

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
        ), draw_mrr, measure_mrr),
    PaperFigure("edge_convergence", Rule(
            ("edge_convergence",), ("edge_classification",), rank=len,
            needs={"no validation F1-micro": curves.has_curve("f1_micro")},
        ), draw_f1, measure_f1),
]  # fmt: skip
