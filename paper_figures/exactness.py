"""Not in the paper: how far runs differ that only other processes or node memories host."""

from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.lines import Line2D

from benchmark.records import words
from benchmark.records.series import Runs
from benchmark.records.statistics import Estimate
from paper_figures import style
from paper_figures.claims import Measured
from paper_figures.figure import Output, PaperFigure
from paper_figures.selection import Group, Rule

RUN = "python -m benchmark.run suite=exactness"
COMMAND = f"{RUN} && python -m benchmark.agreement results/runs/exactness > results/runs/exactness/agreement.csv"
TABLE = "agreement.csv"
COLUMNS = ("i x j x k", "precision", "node_memory", "processes", "losses", "loss", "metric")
MARKS = {"replica": "o", "daemon": "s", "sharded": "^"}


def _tables(runs: Runs) -> "pd.Series[Path]":
    return pd.Series([Path(str(run)).parent / TABLE for run in runs.index], runs.index)


def measured(group: Group) -> pd.DataFrame:
    """A row for each run: its largest relative ``difference`` from the run on fewest processes."""
    parts = []
    for path in _tables(group.runs).unique():
        part = pd.read_csv(path)
        missing = [name for name in COLUMNS if name not in part]
        if missing or part.empty or part[["loss", "metric"]].isna().any(axis=None):
            what = f"the column {missing[0]!r}" if missing else "a difference"
            raise ValueError(f"{path}: {what} is missing; make it again")
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    label = table["i x j x k"] + " " + table["precision"]
    difference = table[["loss", "metric"]].max(axis=1)
    return table.assign(difference=difference, label=label, origin="measured", source=COMMAND)


def measure(group: Group) -> Iterator[Measured]:
    """Of each precision, the largest difference."""
    for precision, table in measured(group).groupby("precision", sort=False):
        references = table["label"].nunique()  # of each layout the run that the others stand beside
        equal, largest = (
            int((table["difference"] == 0).sum()) - references,
            table["difference"].max(),
        )
        kept = int((group.runs["settings.system.precision"] == precision).sum())
        losses = words.list_of(
            dict.fromkeys((table["losses"].min(), table["losses"].max())), " to "
        )
        yield Measured(
            str(precision), {"": Estimate(float(largest))},
            f"{equal} of {len(table) - references} runs the same bit for bit"
            + (f", the others to {largest:.0e}" if largest else ""),
            f"{group.dataset}, {precision}; {', '.join(table['i x j x k'].unique())}, each beside a "
            f"run on the fewest of {words.list_of(sorted(table['processes'].unique()))} processes; "
            f"losses of {losses} iterations, and metrics; all in the table {TABLE}, the folders of "
            f"{kept} runs beside it",
            f"{RUN} system.precision={precision}", group.dataset,
        )  # fmt: skip


def draw(group: Group) -> Iterator[Output]:
    """A row for each layout, a mark for each run."""
    table, blue = measured(group), style.color_of("disttgl")
    labels, hosts = list(table["label"].unique()), sorted(table["processes"].unique())
    figure, axes = plt.subplots(figsize=(style.COLUMN, 0.6 + 0.24 * len(labels)))
    for row in table.to_dict("records"):
        shift = 0.22 * (list(MARKS).index(row["node_memory"]) - 1)
        place = hosts.index(row["processes"]) + shift, labels.index(row["label"])
        axes.plot(
            *place, MARKS[row["node_memory"]], color=style.GREY if row["difference"] else blue
        )
        if row["difference"]:
            axes.annotate(f"{row['difference']:.0e}", place, (0, 4), textcoords="offset points",
                          fontsize=5, ha="center")  # fmt: skip
    axes.set_xticks(range(len(hosts)), [str(number) for number in hosts])
    axes.set_yticks(range(len(labels)), labels)
    axes.set(xlim=(-0.5, len(hosts) - 0.5), ylim=(len(labels) - 0.4, -0.6))
    axes.set_xlabel("processes that host the trainers")
    axes.grid(visible=False)
    names = [name for name in MARKS if name in set(table["node_memory"])]
    style.legend_below(
        figure, [Line2D([], [], color=blue, marker=MARKS[n], lw=0, label=n) for n in names]
    )
    caption = (
        f"Measured: {group.dataset}, losses of every iteration and all metrics, beside the run of the"
        " same layout on the fewest processes. Blue: the same bit for bit; grey: the largest relative"
        " difference."
    )
    yield Output("exactness", table, caption, figure)


FIGURES = [
    PaperFigure(
        "exactness", "Not in the paper", "how far losses and metrics depend on processes and on where node memory lies",
        COMMAND,
        "The paper takes this for granted. It is measured here because Figures 9 to 11 are drawn from "
        "trainers emulated on one process, which is fair only where that changes nothing.",
        Rule(
            ("exactness",), varies=None, together=True, any_stream=True,
            needs={f"no table {TABLE} beside it": lambda runs: _tables(runs).map(Path.exists)},
        ),
        draw, measure, "float64",
    )
]  # fmt: skip
