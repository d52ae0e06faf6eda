"""Figure 1: validation MRR over training seconds, system by system."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from paper_figures import curves, races, run_sets, style
from paper_figures.claim import Claim
from paper_figures.networks import UNTRAINED
from paper_figures.published import published
from paper_figures.records import Record
from paper_figures.series import SYSTEM_ORDER, by_question, make_series, size_order

NUMBER = "Figure 1"
SHOWS = "validation MRR over training seconds (Figure 1)"
COMMAND = "python -m benchmark.run suite=time_to_accuracy"
DIFFERS = (
    "Each trainer has a CPU core in place of a GPU, so there are one or two in place of up to 16. "
    "The copy of the data has no edge features, and static node memory is off."
)
STATIC_MEMORY = "system.static_memory"
VARYING = ("system", "model", "processes")


def select(records: list[Record]) -> list[Record]:
    """Of each data set and protocol, runs on one machine with the same batch size and passes.

    Of several such sets the one with most of the paper's systems, then most passes. Trainers that
    shared a core are left out, systems that train nothing, and static node memory.
    """
    timed = [
        record
        for record in run_sets.with_curves(records)
        if run_sets.ran_apart(record)
        and record.model != UNTRAINED
        and record.settings.get(STATIC_MEMORY, "off") == "off"
    ]
    sets = [run_sets.alike(group, VARYING) for group in by_question(timed).values()]
    return [record for alike in sets for record in max(alike, key=_rank)]


def _rank(records: list[Record]) -> tuple[float, ...]:
    kinds = {(record.system, record.parallelism) for record in records}
    systems = {system for system, _ in kinds} & set(SYSTEM_ORDER)
    return (len(systems), records[0].passes, len(kinds))


def draw(records: list[Record], out: Path) -> list[Path]:
    """One figure and a table of seconds to some MRR for each data set and protocol.

    What the paper shows comes first.
    """
    questions = by_question(select(records))
    groups = dict(sorted(questions.items(), key=lambda item: _paper(item[1]).empty))
    paths = style.save_each(groups, _drawn, out, "time_to_accuracy")
    return paths + style.save_tables(groups, _targets, out, "time_to_accuracy", "targets")


def _drawn(records: list[Record]) -> tuple[Figure, pd.DataFrame]:
    table, paper = measured(records), _paper(records)
    return _figure(table, paper, records), pd.concat([table, paper])


def _targets(records: list[Record]) -> pd.DataFrame:
    return races.seconds_to_targets(records, _paper(records))


def _paper(records: list[Record]) -> pd.DataFrame:
    return published_curves(records[0].dataset, records[0].protocol)


def claims(records: list[Record]) -> list[Claim]:
    """Who reaches which MRR first, and by how much, in those of the paper's pairs that ran."""
    found = []
    for (dataset, protocol), group in by_question(select(records)).items():
        paper = published_curves(dataset, protocol)
        if len(paper):
            found += races.claims(group, paper)
    return found


def measured(records: list[Record]) -> pd.DataFrame:
    """The curves drawn: mean, lowest and highest validation MRR over the seeds of each series."""
    return pd.concat(
        [
            curves.mean_curve(series.records).assign(
                origin="measured",
                label=series.label,
                system=series.system,
                parallelism=series.parallelism,
                model=series.records[0].model,
                source=series.source,
            )
            for series in make_series(records)
        ],
        ignore_index=True,
    )


def published_curves(dataset: str, protocol: str) -> pd.DataFrame:
    """Figure 1 where it shows this data set under this protocol, otherwise no rows."""
    table = published("figure_1", dataset=dataset)
    if protocol != run_sets.PAPER_PROTOCOL:
        table = table[:0]
    names = [
        f"{races.NAMES[system]}, {gpus} GPU{'s' if gpus > 1 else ''}"
        for system, gpus in zip(table["system"], table["num_gpus"], strict=True)
    ]
    models = table["system"].map(races.MODELS)
    return table.assign(label=names, origin="published", model=models)


def _figure(table: pd.DataFrame, paper: pd.DataFrame, records: list[Record]) -> Figure:
    figure, axes = plt.subplots(figsize=(style.COLUMN, 2.4))
    colors = _colors(pd.concat([table, paper]))
    handles: list[Line2D] = []
    for n, (label, curve) in enumerate(table.groupby("label", sort=False)):
        look = (colors[_kind(curve)], style.MARKERS[n % len(style.MARKERS)])
        handles.append(curves.plot_measured(axes, curve, "seconds", look))
        handles[-1].set_label(str(label))
    for label, curve in paper.groupby("label", sort=False):
        handles.append(curves.plot_published(axes, curve, "seconds", colors[_kind(curve)]))
        handles[-1].set_label(str(label))
    style.log_axis(axes, "x", ticks=(1, 3))
    style.widen(axes, curves.SMALLEST_RANGE)
    axes.set(xlabel="training time (s)", ylabel="validation MRR")
    style.write_below(figure, _small_print(table, paper, records), handles, ncols=2)
    return figure


def _kind(curve: pd.DataFrame) -> tuple[str, ...]:
    return tuple(str(curve[name].iloc[0]) for name in ("system", "parallelism", "model"))


def _colors(table: pd.DataFrame) -> dict[tuple[str, ...], Any]:
    """Of each system, layout and network: hue by system, shade by number of trainers."""
    colors: dict[tuple[str, ...], Any] = {}
    for system, part in table.groupby("system"):
        kinds = sorted(
            {_kind(curve) for _, curve in part.groupby("label")},
            key=lambda kind: (size_order(kind[1]), kind[2]),
        )
        shades = style.shades(style.color_of(str(system)), len(kinds))
        colors |= dict(zip(kinds, shades, strict=True))
    return colors


def _small_print(table: pd.DataFrame, paper: pd.DataFrame, records: list[Record]) -> str:
    text = f"{style.conditions(records)} {records[0].passes:g} passes, summed over trainers."
    text += curves.how_drawn(table)
    if len(paper):
        text += (
            " Dashed: published, DistTGL Figure 1, NVIDIA T4 GPUs, with edge features and static"
            " node memory."
        )
    return text
