"""Figure 9: validation MRR over iterations, by epoch and memory parallelism."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from paper_figures import claim_text, convergence_claims, curves, run_sets, speedups, style
from paper_figures.claim import Claim
from paper_figures.curves import TEST_METRIC
from paper_figures.published import published
from paper_figures.records import Record, commands
from paper_figures.run_sets import SINGLE
from paper_figures.series import by_question

NUMBER = "Figure 9"
SHOWS = "validation MRR over iterations by parallelism (Figure 9)"
COMMAND = "python -m benchmark.run suite=convergence"
DIFFERS = (
    "Logical trainers share one process, which changes the order of a sum at most (suite "
    "exactness). The copy of the data has no edge features, and static node memory is off."
)
PANELS = {
    "a": (SINGLE, "1x2x1", "1x4x1", "1x8x1"),
    "b": (SINGLE, "1x8x1", "1x4x2", "1x2x4", "1x1x8"),
}
TITLES = {"a": "(a) epoch parallelism", "b": "(b) eight trainers"}
LAYOUTS = {layout for panel in PANELS.values() for layout in panel}


def select(records: list[Record]) -> list[Record]:
    """Of each data set and protocol, runs that differ in nothing but parallelism and seed.

    Of several such sets with one trainer and another layout of the figure, ``run_sets.foremost``.
    """
    fitting = [r for r in run_sets.with_curves(records) if r.parallelism in LAYOUTS]
    chosen: list[Record] = []
    for group in by_question(fitting).values():
        sets = [s for s in run_sets.alike(group, run_sets.WITHOUT_EFFECT) if _compares(s)]
        chosen += run_sets.foremost(sets)
    return chosen


def _compares(records: list[Record]) -> bool:
    layouts = {record.parallelism for record in records}
    return SINGLE in layouts and len(layouts) > 1


def draw(records: list[Record], out: Path) -> list[Path]:
    """One figure and a table of speed-ups for each data set and protocol."""
    groups = by_question(select(records))
    paths = style.save_each(groups, _drawn, out, "convergence")
    return paths + style.save_tables(groups, _speedups, out, "convergence", "speedups")


def _drawn(records: list[Record]) -> tuple[Figure, pd.DataFrame]:
    table, paper = measured(records), _paper(records)
    return _figure(table, paper, records), pd.concat([table, paper])


def _speedups(records: list[Record]) -> pd.DataFrame:
    return speedup_table(records, _paper(records))


def _paper(records: list[Record]) -> pd.DataFrame:
    return published_curves(records[0].dataset, records[0].protocol)


def claims(records: list[Record]) -> list[Claim]:
    """Iterations saved, and the price of it in test MRR, where the paper shows the data set."""
    found = []
    for (dataset, protocol), group in by_question(select(records)).items():
        paper = published_curves(dataset, protocol)
        if len(paper):
            table = speedup_table(group, paper)
            found += convergence_claims.claims(group, paper, table)
    return found


def measured(records: list[Record]) -> pd.DataFrame:
    """The curves drawn, by panel: mean, lowest and highest validation MRR over seeds."""
    runs = run_sets.by_parallelism(records)
    return pd.concat(
        [
            curves.mean_curve(runs[layout]).assign(
                panel=panel,
                parallelism=layout,
                test_mrr=curves.mean_metric(runs[layout], TEST_METRIC),
                origin="measured",
                source=commands(runs[layout]),
            )
            for panel, layouts in PANELS.items()
            for layout in layouts
            if layout in runs
        ],
        ignore_index=True,
    )


def published_curves(dataset: str, protocol: str) -> pd.DataFrame:
    """Figure 9 where it shows this data set under this protocol, 1x1x1 in both panels."""
    table = published("figure_9_validation", dataset=dataset)
    if protocol != run_sets.PAPER_PROTOCOL:
        table = table[:0]
    single = table[table["parallelism"] == SINGLE].assign(panel="b")
    tests = published("figure_9_test").drop(columns="source")
    single_test = tests[tests["parallelism"] == SINGLE].assign(panel="b")
    return (
        pd.concat([table, single])
        .merge(pd.concat([tests, single_test]), on=["panel", "dataset", "parallelism"])
        .rename(columns={"iterations_trained": "iteration"})
        .drop(columns=["dataset", "iteration_drawn"])
        .assign(origin="published")
    )


def speedup_table(records: list[Record], paper: pd.DataFrame) -> pd.DataFrame:
    """``speedups.speedups`` of measured and published runs, by panel."""
    ours = {
        layout: [record.evaluations for record in group]
        for layout, group in run_sets.by_parallelism(records).items()
    }
    parts = []
    for panel, layouts in PANELS.items():
        drawn = paper[paper["panel"] == panel].groupby("parallelism")
        theirs = {str(layout): [run] for layout, run in drawn}
        for origin, runs in (("measured", ours), ("published", theirs)):
            known = {layout: runs[layout] for layout in layouts if layout in runs}
            if known:
                parts.append(speedups.speedups(known).assign(panel=panel, origin=origin))
    return pd.concat(parts, ignore_index=True)


def _figure(table: pd.DataFrame, paper: pd.DataFrame, records: list[Record]) -> Figure:
    figure, panels = plt.subplots(1, 2, figsize=(style.PAGE, 2.7), sharey=True)
    for axes, panel in zip(panels, PANELS, strict=True):
        _panel(
            axes,
            table[table["panel"] == panel],
            paper[paper["panel"] == panel],
            style.color_of(records[0].system),
        )
        style.log_axis(axes, "x")
        axes.set(xlabel="training iterations", title=TITLES[panel])
    panels[0].set_ylabel("validation MRR")
    style.widen(panels[0], curves.SMALLEST_RANGE)
    style.write_below(figure, _small_print(table, paper, records))
    return figure


def _panel(axes: Axes, table: pd.DataFrame, paper: pd.DataFrame, color: str) -> None:
    layouts = list(dict.fromkeys(table["parallelism"]))
    shades = style.shades(color, len(layouts))
    for layout, shade, marker in zip(layouts, shades, style.MARKERS, strict=False):
        theirs = paper[paper["parallelism"] == layout]
        curves.plot_published(axes, theirs, "iteration", shade)
        ours = table[table["parallelism"] == layout]
        line = curves.plot_measured(axes, ours, "iteration", (shade, marker))
        line.set_label(f"{layout}  {_test_mrr(ours)} {_test_mrr(theirs)}".rstrip())
    title = "test MRR: measured" + (" published" if len(paper) else "")
    axes.legend(
        title=title,
        loc="lower right",
        fontsize=6.5,
        title_fontsize=6.5,
        alignment="right",
        labelspacing=0.25,
    )


def _test_mrr(curve: pd.DataFrame) -> str:
    known = curve[TEST_METRIC].dropna()
    return f"{known.iloc[0]:.4f}"[1:] if len(known) else ""


def _small_print(table: pd.DataFrame, paper: pd.DataFrame, records: list[Record]) -> str:
    text = (
        f"{style.conditions(records)} {records[0].passes:g} passes, summed over trainers; evaluated"
        " after each pass of each trainer."
    )
    text += curves.how_drawn(table)
    if len(paper):
        text += (
            f" Dashed: published, DistTGL Figure 9, {claim_text.PAPER_PASSES} passes, with static"
            " node memory and (where the data set has them) edge features."
        )
    return text
