"""What needs no training: Figure 8, captured events, and Table 2, statistics of the data sets."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd

from benchmark.records import words
from benchmark.records.series import column
from benchmark.records.statistics import Estimate
from paper_figures import style, tables
from paper_figures.figure import Group, Measured, Output, PaperFigure, Rule, measured, published
from paper_figures.tables import rows_of

NUM_BARS = 3000  # as many as the paper draws
COUNTS = {
    "num_nodes": "nodes", "num_events": "events", "duration": "duration",
    "node_feature_dim": "node features", "edge_feature_dim": "edge features",
    "num_labels": "labels", "num_classes": "classes",
}  # fmt: skip
COMPARED = {  # with Table 2, by measure
    "counts": ("num_nodes", "num_events"), "duration": ("duration",),
    "edge features": ("edge_feature_dim",),
}  # fmt: skip


def bars(group: Group) -> pd.DataFrame:
    """The largest counts of each batch size, rank 1 being the largest."""
    parts = []
    for folder, run in group.runs.sort_values("batch_size").iterrows():
        counts = pd.read_csv(Path(str(folder)) / "bars.csv")["captured_events"]
        parts.append(_ranked(counts, run["batch_size"]).assign(source=run["command"]))
    return pd.concat(parts, ignore_index=True).assign(origin="measured")


def published_bars(dataset: str) -> pd.DataFrame:
    """Figure 8, of Wikipedia; otherwise no rows."""
    sizes = published("figure_8").groupby("batch_size")["captured_events"]
    table = pd.concat([_ranked(counts, int(str(size))) for size, counts in sizes])
    table = table.assign(origin="published", source="DistTGL Figure 8 (digitised)")
    return table if dataset == "wikipedia" else table[:0]


def _ranked(counts: "pd.Series[int]", batch_size: int) -> pd.DataFrame:
    largest = counts.sort_values(ascending=False)[:NUM_BARS].to_list()
    table = pd.DataFrame({"rank": range(1, len(largest) + 1), "captured_events": largest})
    return table.assign(batch_size=int(batch_size))


def measure_bars(group: Group) -> Iterator[Measured]:
    """The largest bar, and the sum of the bars, of all batch sizes counted."""
    sizes = bars(group).groupby("batch_size")["captured_events"].agg(["max", "sum"])
    more = {"max": "", "sum": "; the largest of each size, the paper's are largest at 2400"}
    for kind, said in more.items():
        values = {str(size): Estimate(float(value)) for size, value in sizes[kind].items()}
        told = {"sizes": words.list_of(sizes.index), "more": said}
        yield measured(group, kind, values, words.list_of(sizes[kind]), **told)


def draw_bars(group: Group) -> Iterator[Output]:
    """Counts over ranks, measured under published ones."""
    table, paper = bars(group), published_bars(group.dataset)
    sizes = sorted(table["batch_size"].unique())
    paper = paper[paper["batch_size"].isin(sizes)]
    figure, axes = plt.subplots(figsize=(style.COLUMN, 2.5))
    thick = {"lw": 3, "alpha": 0.55}
    for place, size in enumerate(sizes):
        color = plt.get_cmap("viridis")(0.8 * place / max(1, len(sizes) - 1))
        looks = (thick | {"label": size}, {"lw": 1, "ls": style.PUBLISHED_DASHES})
        for part, look in zip((table, paper), looks, strict=True):
            drawn = part[part["batch_size"] == size]
            axes.plot(drawn["rank"], drawn["captured_events"], color=color, **look)
    axes.set(xlabel="node, by captured events", ylabel="captured events of the node")
    style.log_axis(axes, "x", ticks=(1,))
    style.log_axis(axes, "y")
    axes.legend(title="events per batch", loc="lower left", title_fontsize=7)
    if len(paper):
        counted = style.line("counted", color=style.GREY, **thick)
        style.legend_below(figure, [counted, style.published_handle()])
    yield Output(pd.concat([table, paper]), figure)


def counted(group: Group) -> pd.DataFrame:
    """A row for each data set, in the columns of the papers' tables."""
    table = group.runs.filter(like="metrics.").rename(columns=lambda n: n.removeprefix("metrics."))
    of_nodes = table["num_node_labels"] > 0
    table = table.assign(
        origin="measured", dataset=group.runs["dataset"], by="counted here",
        duration=table["last_time"] - table["first_time"],
        num_labels=table["num_node_labels"].where(of_nodes, table["num_edge_labels"]),
        labels_of=of_nodes.map({True: "nodes", False: "edges"}), source=group.runs["command"],
    )  # fmt: skip
    return table[["origin", "dataset", "by", *COUNTS, "labels_of", "source"]]


def statistics(group: Group) -> pd.DataFrame:
    """Rows of data sets that were counted, published ones below each, then of all others."""
    paper = pd.concat([published("table_2"), published("tgl_table_3")], ignore_index=True)
    paper = paper.rename(columns={"max_time": "duration"}).assign(labels_of="")
    table = pd.concat([counted(group), paper.assign(by=paper["source"].map(words.short_source))])
    table["elsewhere"] = ~table["dataset"].isin(set(group.runs["dataset"]))
    return table.sort_values(["elsewhere", "dataset"], kind="stable").drop(columns="elsewhere")


def draw_statistics(group: Group) -> Iterator[Output]:
    """A table of all data sets."""
    table = statistics(group)
    texts = table.assign(**{name: [_count(row, name) for row in rows_of(table)] for name in COUNTS})
    spec = {"data set": "dataset", "by": "by"} | {title: name for name, title in COUNTS.items()}
    yield Output(table, shown=tables.shown(texts, spec))


def _count(row: tables.Row, name: str) -> str:
    value = row[name]
    if pd.isna(value) or not value:
        return tables.HOLE
    if name == "duration":
        return f"{value:.1e}".replace("e+0", "e")
    pretrained = name == "node_feature_dim" and row.get("node_features") == "pre-trained"
    labelled = f" of {row['labels_of']}" if name == "num_labels" and row["labels_of"] else ""
    return f"{value:,.0f}{'*' if pretrained else ''}{labelled}"


def measure_statistics(group: Group) -> Iterator[Measured]:
    """What Table 2 says of each data set, of this copy of it."""
    paper = set(published("table_2")["dataset"])
    for row in rows_of(counted(group)):
        if row["dataset"] not in paper:
            continue
        own = group.only(group.runs[group.runs["dataset"] == row["dataset"]])
        for measure, names in COMPARED.items():
            values = {name: Estimate(float(row[name])) for name in names}
            named: Any = values if len(names) > 1 else values[names[0]]
            text = ", ".join(f"{row[n]:,.0f}" if n != "duration" else _count(row, n) for n in names)
            yield measured(own, measure, named, text, row["source"])
        yield _node_features(own, row)


def _node_features(group: Group, row: tables.Row) -> Measured:
    """Of the data set, or the width of the static node memory that runs have pre-trained for it."""
    runs, width = group.records.runs, float(row["node_feature_dim"])
    text, used = f"{width:,.0f}", row["source"]
    kinds = column(runs, "settings.system.static_memory")
    trained = runs[(kinds == "pretrained") & (runs["dataset"] == row["dataset"])]
    trained = trained[column(trained, "settings.model.memory_dim").notna()]
    if not width and len(trained):
        width = float(trained["settings.model.memory_dim"].iloc[0])
        text, used = f"{width:,.0f}, pre-trained", trained["command"].iloc[0]
    return measured(group, "node features", width, text, used)


FIGURES = [
    PaperFigure("captured_events", Rule(
            ("captured_events",), ("captured_events",), varies=("batch_size",), rank=len,
        ), draw_bars, measure_bars),
    PaperFigure("dataset_statistics", Rule(
            ("dataset_statistics",), ("dataset_statistics",), varies=None, together=True,
        ), draw_statistics, measure_statistics),
]  # fmt: skip
