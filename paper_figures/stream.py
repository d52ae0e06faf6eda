"""What needs no training: Figure 8, captured events, and Table 2, statistics of the data sets."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.lines import Line2D

from benchmark.records import words
from benchmark.records.statistics import Estimate
from paper_figures import style, tables
from paper_figures.claims import Measured
from paper_figures.figure import Output, PaperFigure
from paper_figures.published import published
from paper_figures.selection import Group, Rule

NUM_BARS = 3000  # as many as the paper draws
COLUMNS = {
    "num_nodes": "nodes", "num_events": "events", "duration": "duration",
    "node_feature_dim": "node features", "edge_feature_dim": "edge features",
    "num_labels": "labels", "num_classes": "classes",
}  # fmt: skip


def bars(group: Group) -> pd.DataFrame:
    """The largest counts of each batch size, rank 1 being the largest."""
    parts = []
    for folder, run in group.runs.sort_values("batch_size").iterrows():
        counts = pd.read_csv(Path(str(folder)) / "bars.csv")["captured_events"]
        parts.append(
            _ranked(counts).assign(batch_size=int(run["batch_size"]), source=run["command"])
        )
    return pd.concat(parts, ignore_index=True).assign(origin="measured")


def published_bars(dataset: str) -> pd.DataFrame:
    """Figure 8, of Wikipedia; otherwise no rows."""
    table = published("figure_8")
    parts = [_ranked(part["captured_events"]).assign(batch_size=size)
             for size, part in table.groupby("batch_size")]  # fmt: skip
    whole = pd.concat(parts).assign(origin="published", source="DistTGL Figure 8 (digitised)")
    return whole if dataset == "wikipedia" else whole[:0]


def _ranked(counts: pd.Series) -> pd.DataFrame:  # type: ignore[type-arg]
    largest = counts.sort_values(ascending=False)[:NUM_BARS].to_list()
    return pd.DataFrame({"rank": range(1, len(largest) + 1), "captured_events": largest})


def measure_bars(group: Group) -> Iterator[Measured]:
    """The largest bar, and the sum of the bars, of all batch sizes counted."""
    sizes = bars(group).groupby("batch_size")["captured_events"].agg(["max", "sum"])
    where = f"{group.dataset}, all events, batches of {words.list_of(sizes.index)} events"
    more = {"max": "", "sum": "; the largest of each size, the paper's are largest at 2400"}
    for kind in ("max", "sum"):
        values = {str(size): Estimate(float(value)) for size, value in sizes[kind].items()}
        command = words.commands(group.runs)
        yield Measured(
            kind, values, words.list_of(sizes[kind]), where + more[kind], command, group.dataset
        )


def draw_bars(group: Group) -> Iterator[Output]:
    """Counts over ranks, measured under published ones."""
    table = bars(group)
    sizes = sorted(table["batch_size"].unique())
    paper = published_bars(group.dataset)
    paper = paper[paper["batch_size"].isin(sizes)]
    figure, axes = plt.subplots(figsize=(style.COLUMN, 2.5))
    for place, size in enumerate(sizes):
        color = plt.get_cmap("viridis")(0.8 * place / max(1, len(sizes) - 1))
        ours, theirs = (part[part["batch_size"] == size] for part in (table, paper))
        axes.plot(ours["rank"], ours["captured_events"], color=color, lw=3, alpha=0.55, label=size)
        axes.plot(
            theirs["rank"], theirs["captured_events"], color=color, lw=1, ls=style.PUBLISHED_DASHES
        )
    axes.set(xlabel="node, by captured events", ylabel="captured events of the node")
    style.log_axis(axes, "x", ticks=(1,))
    style.log_axis(axes, "y")
    first = axes.legend(title="events per batch", loc="lower left", title_fontsize=7)
    caption = f"Counted: {group.dataset}, batches in which a node takes part, over all events."
    if len(paper):
        axes.add_artist(first)
        counted = Line2D([], [], color=style.GREY, lw=3, alpha=0.55, label="counted")
        axes.legend(handles=[counted, style.published_handle()], loc="upper right")
        caption += (
            f" Dashed: DistTGL Figure 8, {NUM_BARS:,} nodes; its legend calls batches of 200, 400,"
            " 600, 1200 and 2400 events 300, 600, 1200, 2400 and 4800."
        )
    yield Output(f"captured_events_{group.dataset}", pd.concat([table, paper]), caption, figure)


def counted(group: Group) -> pd.DataFrame:
    """A row for each data set, in the columns of the papers' tables."""
    rows = []
    for _, run in group.runs.iterrows():
        row = {
            name.removeprefix("metrics."): value
            for name, value in run.items()
            if str(name).startswith("metrics.num") or str(name).endswith("_dim")
        }
        nodes, edges = run["metrics.num_node_labels"], run["metrics.num_edge_labels"]
        rows.append({
            "origin": "measured", "dataset": run["dataset"], "by": "counted here", **row,
            "duration": run["metrics.last_time"] - run["metrics.first_time"],
            "num_labels": nodes or edges, "labels_of": "nodes" if nodes else "edges" if edges else "",
            "source": run["command"],
        })  # fmt: skip
    return pd.DataFrame(rows)


def statistics(group: Group) -> pd.DataFrame:
    """Rows of data sets that were counted, published ones below each, then of all others."""
    paper = pd.concat([published("table_2"), published("tgl_table_3")], ignore_index=True)
    paper = paper.rename(columns={"max_time": "duration"}).assign(origin="published", labels_of="")
    table = pd.concat([counted(group), paper.assign(by=paper["source"].map(words.short_source))])
    here = set(group.runs["dataset"])
    rank = [(name not in here, name) for name in table["dataset"]]
    return table.assign(rank=rank).sort_values("rank", kind="stable").drop(columns="rank")


def draw_statistics(group: Group) -> Iterator[Output]:
    table = statistics(group)
    caption = (
        "Counted over the streams as they are loaded. Duration: from the first event to the last, in "
        "s, of icews18 in h; the papers state the last time. Labels: of nodes those other than the "
        "usual state, 0; of edges all. *: pre-trained. TGL rounds its counts."
    )
    rows = [
        {"data set": row["dataset"], "by": row["by"], **_cells(row), "origin": row["origin"]}
        for row in table.to_dict("records")
    ]
    yield Output("dataset_statistics", table, caption, shown=tables.shown(rows))


def _cells(row: Any) -> dict[str, str]:
    cells = {title: f"{row[name]:,.0f}" if pd.notna(row.get(name)) and row[name] else tables.HOLE
             for name, title in COLUMNS.items()}  # fmt: skip
    cells["duration"] = f"{row['duration']:.1e}".replace("e+0", "e")
    cells["node features"] += "*" if row.get("node_features") == "pre-trained" else ""
    cells["labels"] += f" of {row['labels_of']}" if row["labels_of"] else ""
    return cells


def measure_statistics(group: Group) -> Iterator[Measured]:
    """Nodes, events and duration of each data set, beside the paper's copy of it."""
    paper = published("table_2").set_index("dataset")
    for row in counted(group).to_dict("records"):
        name = row["dataset"]
        if name in paper.index:
            values = {
                key: Estimate(float(row[key])) for key in ("num_nodes", "num_events", "duration")
            }
            cells = _cells(row)
            text = ", ".join(cells[COLUMNS[key]] for key in values)
            where = (
                f"{row['edge_feature_dim']:.0f} edge features in this copy of the data, "
                f"{paper.loc[name, 'edge_feature_dim']:.0f} in the paper's"
            )
            yield Measured("counts", values, text, where, row["source"], name)


FIGURES = [
    PaperFigure(
        "captured_events", "Figure 8", "captured events per node by batch size",
        "python -m benchmark.run suite=captured_events dataset=wikipedia",
        "Counting needs no training. Each batch size has its own 3,000 largest counts here, where the "
        "paper shows the same 3,000 nodes for all.",
        Rule(("captured_events",), ("captured_events",), varies=("batch_size",), rank=lambda runs: (len(runs),)),
        draw_bars, measure_bars, "max",
    ),
    PaperFigure(
        "dataset_statistics", "Table 2", "statistics of the data sets (also TGL Table 3)",
        "python -m benchmark.run suite=dataset_statistics",
        "Data sets that are at hand stand in for those that are not. Static node memory (100* in the "
        "paper) is an option here and no part of a data set.",
        Rule(("dataset_statistics",), ("dataset_statistics",), varies=None, together=True),
        draw_statistics, measure_statistics, "counts",
    ),
]  # fmt: skip
