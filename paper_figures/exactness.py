"""Not in the paper: how far runs differ that only other processes or node memories host."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from paper_figures import style
from paper_figures.claim import Claim, Verdict
from paper_figures.records import Record, RecordError

NUMBER = "Not in the paper"
SHOWS = "exactness: how far losses and metrics depend on processes and on where node memory lies"
RUN = "python -m benchmark.run suite=exactness"
COMMAND = (
    f"{RUN} && python -m benchmark.agreement results/runs/exactness "
    "> results/runs/exactness/agreement.csv"
)
DIFFERS = (
    "The paper takes this for granted. It is measured here because Figures 9 to 11 are drawn from "
    "trainers emulated on one process, which is fair only where that changes nothing."
)
SUITE, TABLE = "exactness", "agreement.csv"
COLUMNS = ("i x j x k", "precision", "node_memory", "processes", "losses", "loss", "metric")
ROUNDING = {"float32": 1e-6, "float64": 1e-15}  # relative, a few units in the last place
MARKS = {"replica": "o", "daemon": "s", "sharded": "^"}
APART = 0.22  # of the distance between two numbers of processes


def select(records: list[Record]) -> list[Record]:
    """Runs of the suite beside which its table lies."""
    return [
        record
        for record in records
        if record.suite == SUITE and (record.folder.parent / TABLE).exists()
    ]


def draw(records: list[Record], out: Path) -> list[Path]:
    """One figure; returns the files written."""
    chosen = select(records)
    table = measured(chosen)
    with plt.rc_context(style.RC):
        return style.save(_figure(table, chosen), table, out, SUITE)


def claims(records: list[Record]) -> list[Claim]:
    """One for each precision; reproduced where nothing differs, partly where by rounding only."""
    chosen = select(records)
    table = measured(chosen)
    return [
        _claim(str(name), part, chosen) for name, part in table.groupby("precision", sort=False)
    ]


def measured(records: list[Record]) -> pd.DataFrame:
    """A row for each run: its largest relative ``difference`` from the run on fewest processes."""
    folders = dict.fromkeys(record.folder.parent for record in records)
    table = pd.concat([_read(folder / TABLE) for folder in folders], ignore_index=True)
    table["difference"] = table[["loss", "metric"]].max(axis=1)
    table["label"] = table["i x j x k"] + " " + table["precision"]
    return table.assign(origin="measured", source=COMMAND)


def _read(path: Path) -> pd.DataFrame:
    table = pd.read_csv(path)
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise RecordError(f"{path}: the column {missing[0]!r} is missing; make it again")
    if table.empty or table[["loss", "metric"]].isna().any(axis=None):
        raise RecordError(f"{path}: a difference is missing; make it again")
    return table


def _claim(precision: str, table: pd.DataFrame, records: list[Record]) -> Claim:
    references = table["label"].nunique()  # of each layout the run that the others stand beside
    equal = int((table["difference"] == 0).sum()) - references
    largest = table["difference"].max()
    same = largest == 0
    within = largest <= ROUNDING[precision]
    hosts = sorted(table["processes"].unique())
    layouts = ", ".join(dict.fromkeys(table["i x j x k"]))
    kept = sum(record.settings.get("system.precision") == precision for record in records)
    losses = " to ".join(map(str, dict.fromkeys((table["losses"].min(), table["losses"].max()))))
    return Claim(
        statement="n trainers compute the same on any number of processes, with any node memory",
        published="taken for granted",
        measured=f"{equal} of {len(table) - references} runs the same bit for bit"
        + ("" if same else f", the others to {largest:.0e}"),
        conditions=f"{records[0].dataset}, {precision}; {layouts}, each beside a run on the "
        f"fewest of {', '.join(map(str, hosts))} processes; losses of {losses} iterations, and "
        f"metrics; all in the table {TABLE}, the folders of {kept} runs beside it",
        verdict=Verdict.REPRODUCED if same else Verdict.PARTLY if within else Verdict.CONTRADICTED,
        command=f"{RUN} system.precision={precision}",
    )


def _figure(table: pd.DataFrame, records: list[Record]) -> Figure:
    labels = list(dict.fromkeys(table["label"]))
    hosts = sorted(table["processes"].unique())
    figure, axes = plt.subplots(figsize=(style.COLUMN, 0.6 + 0.24 * len(labels)))
    blue = style.color_of("disttgl")
    for row in table.to_dict("records"):
        shift = APART * (list(MARKS).index(row["node_memory"]) - 1)
        place = hosts.index(row["processes"]) + shift, labels.index(row["label"])
        color = blue if row["difference"] == 0 else style.GREY
        axes.plot(*place, MARKS[row["node_memory"]], color=color)
        if row["difference"] > 0:
            text = f"{row['difference']:.0e}"
            axes.annotate(text, place, (0, 4), textcoords="offset points", fontsize=5, ha="center")
    axes.set_xticks(range(len(hosts)), [str(number) for number in hosts])
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlim(-0.5, len(hosts) - 0.5)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.grid(visible=False)
    axes.set(xlabel="processes that host the trainers")
    names = [name for name in MARKS if name in set(table["node_memory"])]
    handles = [Line2D([], [], color=blue, marker=MARKS[name], lw=0, label=name) for name in names]
    text = (
        f"Measured: {records[0].dataset}, losses of every iteration and all metrics, beside the run"
        " of the same layout on the fewest processes. Blue: the same bit for bit; grey: the largest"
        " relative difference."
    )
    style.write_below(figure, text, handles)
    return figure
