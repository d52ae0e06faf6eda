"""Not in the paper: how far runs differ that only other processes or node memories host."""

from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from benchmark.records import words
from benchmark.records.series import Runs
from paper_figures import style
from paper_figures.figure import Group, Measured, Output, PaperFigure, Rule, measured
from paper_figures.tables import rows_of

RUN = "python -m benchmark.run suite=exactness"
TABLE = "agreement.csv"
COLUMNS = ("i x j x k", "precision", "node_memory", "processes", "losses", "loss", "metric")
MARKS = {"replica": "o", "daemon": "s", "sharded": "^"}


def _path(run: object) -> Path:
    return Path(str(run)).parent / TABLE


def agreement(group: Group) -> pd.DataFrame:
    """A row for each run: its largest relative ``difference`` from the run on fewest processes."""
    parts = []
    for path in dict.fromkeys(map(_path, group.runs.index)):
        part = pd.read_csv(path)
        missing = [name for name in COLUMNS if name not in part]
        if missing or part.empty or part[["loss", "metric"]].isna().any(axis=None):
            what = f"the column {missing[0]!r}" if missing else "a difference"
            raise ValueError(f"{path}: {what} is missing; make it again")
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    label = table["i x j x k"] + " " + table["precision"]
    difference = table[["loss", "metric"]].max(axis=1)
    return table.assign(difference=difference, label=label, origin="measured", source=RUN)


def measure(group: Group) -> Iterator[Measured]:
    """Of each precision, the largest difference."""
    for name, table in agreement(group).groupby("precision", sort=False):
        references = table["label"].nunique()  # of each layout the run that others stand beside
        equal = int((table["difference"] == 0).sum()) - references
        largest = float(table["difference"].max())
        losses = dict.fromkeys((table["losses"].min(), table["losses"].max()))
        text = f"{equal} of {len(table) - references} runs the same bit for bit"
        text += f", the others to {largest:.0e}" if largest else ""
        yield measured(
            group, str(name), largest, text, f"{RUN} system.precision={name}",
            precision=name, layouts=", ".join(table["i x j x k"].unique()),
            hosts=words.list_of(sorted(table["processes"].unique())),
            losses=words.list_of(losses, " to "),
            kept=(group.runs["settings.system.precision"] == name).sum(),
        )  # fmt: skip


def draw(group: Group) -> Iterator[Output]:
    """A row for each layout, a mark for each run."""
    table, blue = agreement(group), style.color_of("disttgl")
    labels, hosts = list(table["label"].unique()), sorted(table["processes"].unique())
    figure, axes = plt.subplots(figsize=(style.COLUMN, 0.6 + 0.24 * len(labels)))
    for row in rows_of(table):
        shift = 0.22 * (list(MARKS).index(row["node_memory"]) - 1)
        x, y, apart = (
            hosts.index(row["processes"]) + shift,
            labels.index(row["label"]),
            row["difference"],
        )
        axes.plot(x, y, MARKS[row["node_memory"]], color=style.GREY if apart else blue)
        if apart:
            style.write(axes, f"{apart:.0e}", x, y, 4, size=5)
    style.categories(axes, "x", hosts)
    style.categories(axes, "y", labels)
    axes.set(xlim=(-0.5, len(hosts) - 0.5), ylim=(len(labels) - 0.4, -0.6))
    axes.set_xlabel("processes that host the trainers")
    names = [name for name in MARKS if name in set(table["node_memory"])]
    style.legend_below(figure, [style.line(n, color=blue, marker=MARKS[n], lw=0) for n in names])
    yield Output(table, figure)


def _has_table(runs: Runs) -> "pd.Series[bool]":
    return pd.Series([_path(run).exists() for run in runs.index], runs.index, dtype=bool)


FIGURES = [
    PaperFigure("exactness", Rule(
            ("exactness",), varies=None, together=True, any_stream=True,
            needs={f"no table {TABLE} beside it": _has_table},
        ), draw, measure),
]  # fmt: skip
