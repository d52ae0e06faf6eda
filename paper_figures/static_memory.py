"""Figure 6: validation MRR over iterations with and without pre-trained static node memory."""

from collections import defaultdict
from math import ceil
from pathlib import Path
from statistics import mean

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from paper_figures import claim_text, curves, run_sets, style, verdicts
from paper_figures.claim import Claim, Verdict
from paper_figures.curves import METRIC
from paper_figures.published import published
from paper_figures.records import Record, commands
from paper_figures.run_sets import PAPER_PROTOCOL, SINGLE
from paper_figures.series import by_question, size_order

NUMBER = "Figure 6"
SHOWS = "validation MRR with and without static node memory (Figure 6)"
COMMAND = "python -m benchmark.run suite=static_memory"
DIFFERS = (
    "Other data sets: the paper shows MOOC and Flights, which gain the most of its five and are "
    "not at hand."
)
SETTING = "system.static_memory"
WITH, WITHOUT = "pretrained", "off"
PUBLISHED_VALUES = {"on": WITH, "off": WITHOUT}
COLORS = {WITH: style.color_of("disttgl"), WITHOUT: style.GREY}
LABELS = {WITH: "with static node memory", WITHOUT: "without"}


def select(records: list[Record]) -> list[Record]:
    """Of each data set and protocol, runs with and without that are alike in all else but seed.

    Of several such sets, ``run_sets.foremost``; of it, the layouts that ran both ways.
    """
    fitting = [r for r in run_sets.with_curves(records) if r.settings.get(SETTING) in COLORS]
    chosen: list[Record] = []
    for group in by_question(fitting).values():
        sets = run_sets.alike(group, (*run_sets.WITHOUT_EFFECT, SETTING))
        both = [s for s in sets if len({record.settings[SETTING] for record in s}) == 2]
        chosen += _paired(run_sets.foremost(both))
    return chosen


def _paired(records: list[Record]) -> list[Record]:
    """The runs of every layout that there is with and without static memory."""
    ran = {(record.parallelism, record.settings[SETTING]) for record in records}
    return [r for r in records if all((r.parallelism, value) in ran for value in COLORS)]


def draw(records: list[Record], out: Path) -> list[Path]:
    """One figure for each protocol, a panel for each data set; returns the files written."""
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in select(records):
        groups[record.protocol].append(record)
    paths = []
    for protocol, group in sorted(groups.items()):
        table = measured(group)
        paper = published_curves() if protocol == PAPER_PROTOCOL else table[:0]
        with plt.rc_context(style.RC):
            figure = _figure(table, paper, group)
            paths += style.save(figure, pd.concat([table, paper]), out, f"static_memory_{protocol}")
    return paths


def measured(records: list[Record]) -> pd.DataFrame:
    """The curves drawn: mean, lowest and highest validation MRR over seeds."""
    parts = []
    for (dataset, _), group in by_question(records).items():
        for value in COLORS:
            runs = run_sets.by_parallelism(r for r in group if r.settings[SETTING] == value)
            parts += [
                curves.mean_curve(seeds).assign(
                    dataset=dataset,
                    static_memory=value,
                    parallelism=layout,
                    origin="measured",
                    source=commands(seeds),
                )
                for layout, seeds in runs.items()
            ]
    return pd.concat(parts, ignore_index=True)


def published_curves() -> pd.DataFrame:
    """Figure 6: MOOC with 1, 2, 4 and 8 trainers, Flights with one."""
    table = published("figure_6").rename(columns={"iterations_trained": "iteration"})
    values = table["static_memory"].map(PUBLISHED_VALUES)
    return table.drop(columns="iteration_drawn").assign(static_memory=values, origin="published")


def claims(records: list[Record]) -> list[Claim]:
    """The gain of one trainer's best validation MRR on each data set."""
    return [
        claim
        for (_, protocol), group in by_question(select(records)).items()
        if protocol == PAPER_PROTOCOL and (claim := _claim(group))
    ]


def _claim(records: list[Record]) -> Claim | None:
    """Comparable where the paper shows the data set, and with as many passes."""
    dataset = records[0].dataset
    runs = _single_trainer(records)
    if len(runs) < 2:
        return None
    ours = {value: _best(seeds) for value, seeds in runs.items()}
    used = [record for seeds in runs.values() for record in seeds]
    theirs = published_best()
    verdict = Verdict.INCOMPARABLE
    if dataset in theirs and claim_text.long_enough(used):
        verdict = verdicts.of_gain(
            *(best[WITH] - best[WITHOUT] for best in (ours, theirs[dataset]))
        )
    shown = [dataset] if dataset in theirs else list(theirs)
    return Claim(
        statement="best validation MRR without and with static node memory, one trainer",
        published="; ".join(f"{name} {_gain(theirs[name])}" for name in shown),
        measured=f"{dataset} {_gain(ours)}",
        conditions=claim_text.conditions(used),
        verdict=verdict,
        command=commands(used),
    )


def _single_trainer(records: list[Record]) -> dict[str, list[Record]]:
    """A run of one trainer for each seed, with and without, where there are any."""
    found = {}
    for value in COLORS:
        runs = run_sets.by_parallelism(r for r in records if r.settings[SETTING] == value)
        if SINGLE in runs:
            found[value] = runs[SINGLE]
    return found


def _best(records: list[Record]) -> float:
    """The mean over seeds of the best validation MRR."""
    return mean(float(record.evaluations[METRIC].max()) for record in records)


def published_best() -> dict[str, dict[str, float]]:
    """The same of the paper's curves, by data set."""
    paper = published_curves()
    paper = paper[paper["parallelism"] == SINGLE]
    return {
        str(dataset): {
            value: float(part.loc[part["static_memory"] == value, METRIC].max()) for value in COLORS
        }
        for dataset, part in paper.groupby("dataset")
    }


def _gain(best: dict[str, float]) -> str:
    without, with_it = best[WITHOUT], best[WITH]
    return f"{without:.4f} to {with_it:.4f}, {with_it - without:+.4f}"


def _figure(table: pd.DataFrame, paper: pd.DataFrame, records: list[Record]) -> Figure:
    panels = [(name, part) for frame in (table, paper) for name, part in frame.groupby("dataset")]
    rows = ceil(len(panels) / 2)
    figure, grid = plt.subplots(rows, 2, figsize=(style.COLUMN, 1.55 * rows), squeeze=False)
    for axes, (dataset, part) in zip(grid.flat, panels, strict=False):
        _panel(axes, part)
        axes.set_title(f"{dataset}, {part['origin'].iloc[0]}")
    for axes in list(grid.flat)[len(panels) :]:
        axes.set_visible(False)
    figure.supxlabel("training iterations", fontsize=8)
    figure.supylabel("validation MRR", fontsize=8)
    handles = [Line2D([], [], color=color, label=LABELS[v]) for v, color in COLORS.items()]
    style.write_below(figure, _small_print(table, paper, records), handles)
    return figure


def _panel(axes: Axes, table: pd.DataFrame) -> None:
    layouts = sorted(set(table["parallelism"]), key=size_order)
    for value, color in COLORS.items():
        shades = style.shades(color, len(layouts))
        for layout, shade, marker in zip(layouts, shades, style.MARKERS, strict=False):
            curve = table[(table["parallelism"] == layout) & (table["static_memory"] == value)]
            if set(curve["origin"]) == {"measured"}:
                curves.plot_measured(axes, curve, "iteration", (shade, marker))
            else:
                curves.plot_published(axes, curve, "iteration", shade)
    style.log_axis(axes, "x", ticks=(1, 3))
    style.widen(axes, curves.SMALLEST_RANGE)


def _small_print(table: pd.DataFrame, paper: pd.DataFrame, records: list[Record]) -> str:
    passes = " and ".join(f"{number:g}" for number in sorted({r.passes for r in records}))
    text = (
        f"Measured: protocol {records[0].protocol}, {passes} passes, batch"
        f" {records[0].batch_size} events per trainer, {claim_text.seeds(records)}."
    )
    text += curves.how_drawn(table)
    if len(paper):
        text += (
            f" Dashed: published, DistTGL Figure 6, {claim_text.PAPER_PASSES} passes; the darker,"
            " the more trainers (1, 2, 4 and 8 by epoch parallelism on MOOC)."
        )
    return text
