"""Figures 1 and 9: validation MRR over training seconds and over training iterations."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from paper_figures import style
from paper_figures.claim import Claim
from paper_figures.published import published
from paper_figures.records import Record
from paper_figures.series import Series, by_question, make_series, size_order

NUMBER = "Figures 1 and 9"
SHOWS = "validation MRR over training seconds (Figure 1) and iterations (Figure 9)"
COMMAND = "python -m benchmark.run suite=quick"
DIFFERS = "The copy of the data has no edge features, and trainers share two CPU cores."
METRIC = "validation_mrr"
KIND = ["system", "parallelism", "model"]  # what decides how a curve looks
MARKERS_PER_CURVE = 8
CHANGES_OF_STREAM = ("max_events", "random_edge_features")
SMALLEST_RANGE = 0.05  # of the MRR axis, so that noise does not fill it
PUBLISHED_MODELS = {"tgn": "tgn_pyg", "tgl": "tgn_attention", "disttgl": "tgn_attention"}
PUBLISHED_NAMES = {"tgn": "TGN", "tgl": "TGL-TGN", "disttgl": "DistTGL"}


def select(records: list[Record]) -> list[Record]:
    """Link prediction on whole streams as they are, with a validation MRR after each round."""
    return [
        record
        for record in records
        if record.task == "link_prediction"
        and METRIC in record.evaluations
        and not any(record.settings.get(name) for name in CHANGES_OF_STREAM)
    ]


def draw(records: list[Record], out: Path) -> list[Path]:
    """One figure for each data set and protocol; returns the files written."""
    paths = []
    for (dataset, protocol), group in by_question(select(records)).items():
        table = measured(group)
        ours = table[table["system"] == "disttgl"]
        paper = published_curves(dataset, set(ours["parallelism"]))
        with plt.rc_context(style.RC):
            figure = _figure(table, paper, group)
            name = f"time_to_accuracy_{dataset}_{protocol}"
            paths += style.save(figure, pd.concat([table, paper]), out, name)
    return paths


def claims(records: list[Record]) -> list[Claim]:
    """None yet."""
    return []


def measured(records: list[Record]) -> pd.DataFrame:
    """The curves drawn: mean, lowest and highest validation MRR over the seeds of each series.

    Seconds are the mean over seeds, and missing for emulated trainers: what many trainers on one
    process take says nothing about what they would take side by side.
    """
    return pd.concat([_curve(series) for series in make_series(records)], ignore_index=True)


def _curve(series: Series) -> pd.DataFrame:
    runs = pd.concat([record.evaluations for record in series.records]).dropna(subset=METRIC)
    points = runs.groupby("iteration", as_index=False)
    curve = points.agg(
        seconds=("seconds", "mean"),
        validation_mrr=(METRIC, "mean"),
        lowest=(METRIC, "min"),
        highest=(METRIC, "max"),
        num_runs=(METRIC, "size"),
    )
    if series.emulated:
        curve["seconds"] = None
    curve = curve.astype({"seconds": float})
    return curve.assign(
        origin="measured",
        label=series.label,
        system=series.system,
        parallelism=series.parallelism,
        model=series.records[0].model,
        emulated=series.emulated,
        source=", ".join(dict.fromkeys(record.command for record in series.records)),
    )


def published_curves(dataset: str, configurations: set[str]) -> pd.DataFrame:
    """Figure 1 for ``dataset``, and Figure 9 for those configurations that were also measured."""
    seconds = published("figure_1", dataset=dataset)
    seconds["label"] = [
        f"{PUBLISHED_NAMES[system]} {gpus} GPU{'s' if gpus > 1 else ''}"
        for system, gpus in zip(seconds["system"], seconds["num_gpus"], strict=True)
    ]
    iterations = published("figure_9_validation", dataset=dataset)
    iterations = iterations[iterations["parallelism"].isin(configurations)]
    repeated = (iterations["panel"] == "b") & (iterations["parallelism"] == "1x8x1")
    iterations = iterations[~repeated].rename(columns={"iterations_trained": "iteration"})
    iterations = iterations.assign(
        system="disttgl", label="DistTGL " + iterations["parallelism"].astype(str)
    )
    columns = ["label", "system", "parallelism", "iteration", "seconds", METRIC, "source"]
    parts = [part.reindex(columns=columns) for part in (seconds, iterations) if len(part)]
    table = pd.concat(parts) if parts else pd.DataFrame(columns=columns)
    return table.assign(origin="published", model=table["system"].map(PUBLISHED_MODELS))


def _figure(table: pd.DataFrame, paper: pd.DataFrame, records: list[Record]) -> Figure:
    figure, panels = plt.subplots(1, 2, figsize=(style.PAGE, 2.6), sharey=True)
    looks = _looks(pd.concat([table, paper]))
    handles: dict[tuple[str, str], Line2D] = {}
    for axes, x in zip(panels, ("seconds", "iteration"), strict=True):
        for curves in (paper, table):
            for label, curve in curves.groupby("label", sort=False):
                if curve[x].notna().any():
                    key = tuple(curve[name].iloc[0] for name in KIND)
                    line = _line(axes, curve, x, looks[key])
                    handles[curve["origin"].iloc[0], str(label)] = line
        style.log_axis(axes, "x")
    panels[0].set(xlabel="training time (s)", ylabel="validation MRR")
    panels[1].set(xlabel="training iterations")
    style.widen(panels[0], SMALLEST_RANGE)
    legend = _legend(handles, table, paper)
    style.write_below(figure, _small_print(table, paper, records), legend)
    return figure


def _looks(table: pd.DataFrame) -> dict[tuple[str, ...], tuple[Any, str]]:
    """Colour and marker of each ``KIND``: hue by system, shade by number of trainers and model."""
    looks = {}
    for system, part in table.groupby("system"):
        kinds = sorted(
            part[KIND].drop_duplicates().itertuples(index=False, name=None),
            key=lambda kind: (size_order(kind[1]), kind[2]),
        )
        shades = style.shades(style.color_of(str(system)), len(kinds))
        for n, (kind, color) in enumerate(zip(kinds, shades, strict=True)):
            looks[kind] = (color, style.MARKERS[n % len(style.MARKERS)])
    return looks


def _line(axes: Axes, curve: pd.DataFrame, x: str, look: tuple[Any, str]) -> Line2D:
    color, marker = look
    label = curve["label"].iloc[0]
    if curve["origin"].iloc[0] == "published":
        return axes.plot(
            curve[x], curve[METRIC], color=color, label=label, lw=1, ls=style.PUBLISHED_DASHES
        )[0]
    if (curve["num_runs"] > 1).any():
        axes.fill_between(
            curve[x], curve["lowest"], curve["highest"], color=color, alpha=style.BAND_ALPHA, lw=0
        )
    return axes.plot(
        curve[x],
        curve[METRIC],
        color=color,
        label=label,
        marker=marker,
        markevery=max(1, len(curve) // MARKERS_PER_CURVE),
        markerfacecolor="white" if curve["emulated"].iloc[0] else color,
    )[0]


def _legend(
    handles: dict[tuple[str, str], Line2D], table: pd.DataFrame, paper: pd.DataFrame
) -> list[Line2D]:
    """Measured curves, then published ones over time that have no measured one to go with."""
    timed = table[table["seconds"].notna()]
    drawn = set(zip(timed["system"], timed["parallelism"], strict=True))
    alone = [
        label
        for label, part in paper.dropna(subset="seconds").groupby("label", sort=False)
        if (part["system"].iloc[0], part["parallelism"].iloc[0]) not in drawn
    ]
    chosen = [line for (origin, _), line in handles.items() if origin == "measured"]
    chosen += [handles["published", str(label)] for label in alone]
    if len(paper):
        chosen.append(style.published_handle())
    return chosen


def _small_print(table: pd.DataFrame, paper: pd.DataFrame, records: list[Record]) -> str:
    text = style.conditions(records)
    if (table["num_runs"] > 1).any():
        text += " Line: mean over seeds; band: lowest to highest seed."
    if table["emulated"].any():
        text += (
            " Hollow markers: trainers emulated on fewer processes, which have iterations but no"
            " training time to compare."
        )
    if len(paper):
        text += (
            " Dashed: published, DistTGL Figures 1 (time, NVIDIA T4 GPUs) and 9 (iterations), with"
            " edge features (where the data set has them) and static node memory."
        )
    return text
