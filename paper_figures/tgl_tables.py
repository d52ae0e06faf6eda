"""Table 2 with TGL's Table 3, data sets; TGL's Table 4, sampling, and Figure 7, its trainers."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from benchmark.records import words
from benchmark.records.series import SINGLE, Runs, column
from benchmark.records.statistics import mean_estimate, median_estimate
from paper_figures import tables
from paper_figures.figure import Group, Output, PaperFigure, Rule, published
from paper_figures.tables import Row, columns, rows_of
from paper_figures.throughput import NEEDS, PER_GPU

COUNTS = {
    "num_nodes": "nodes", "num_events": "events", "duration": "duration",
    "node_feature_dim": "node features", "edge_feature_dim": "edge features",
    "num_labels": "labels", "num_classes": "classes",
}  # fmt: skip
COMPARED = {  # with Table 2, by measure
    "counts": ("num_nodes", "num_events"), "duration": ("duration",),
    "edge features": ("edge_feature_dim",),
}  # fmt: skip
LAYOUTS = {  # num_layers, strategy, num_snapshots, num_neighbors, batch_size with which TGL samples
    (1, "recent", 1, 10, 600): "TGN", (2, "uniform", 1, 10, 600): "TGAT",
    (2, "uniform", 3, 10, 600): "DySAT",
}  # fmt: skip
DESCRIBED = {"TGN": "TGN: 1 layer, most recent", "TGAT": "TGAT: 2 layers, uniform",
             "DySAT": "DySAT: as TGAT, in 3 snapshots"}  # fmt: skip


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


def _count(row: Row, name: str) -> str:
    value = row[name]
    if pd.isna(value) or not value:
        return tables.HOLE
    if name == "duration":
        return f"{value:.1e}".replace("e+0", "e")
    pretrained = name == "node_feature_dim" and row.get("node_features") == "pre-trained"
    labelled = f" of {row['labels_of']}" if name == "num_labels" and row["labels_of"] else ""
    return f"{value:,.0f}{'*' if pretrained else ''}{labelled}"


def _sampled(runs: Runs) -> "pd.Series[Any]":
    names = ("num_layers", "strategy", "num_snapshots", "num_neighbors")
    parts = [column(runs, f"settings.task.{name}") for name in names]
    keys = zip(*parts, column(runs, "batch_size"), strict=True)
    return pd.Series([LAYOUTS.get(key) for key in keys], runs.index, dtype=object)


def sampling(group: Group) -> pd.DataFrame:
    """Seconds of an epoch and speed-ups over one thread by seed, by layout and threads."""
    runs = group.runs.assign(layout=_sampled(group.runs), threads=group.runs["settings.threads"])
    rows: list[Row] = []
    for (layout, threads), part in runs.groupby(["layout", "threads"]):
        single = runs[(runs["layout"] == layout) & (runs["threads"] == 1)]
        alone, own = (one.groupby("seed")["seconds.sample"].first() for one in (single, part))
        rows.append({
            "origin": "measured", "layout": layout, "by": "measured", "threads": threads,
            **columns("seconds", median_estimate(own)),
            **columns("speedup", median_estimate((alone / own).dropna())),
            "num_runs": part["seed"].nunique(), "source": words.commands(part),
        })  # fmt: skip
    figure, paper = (
        published(f"tgl_{name}", dataset=group.dataset) for name in ("figure_4", "table_4")
    )
    paper = figure.merge(paper, on=["dataset", "model", "num_threads"], how="outer")
    paper = paper.rename(columns={
        "model": "layout", "num_threads": "threads", "sampling_seconds_per_epoch": "seconds",
    })[["layout", "threads", "seconds", "speedup"]].assign(
        origin="published", by="TGL", source="TGL Table 4 (printed), Figure 4(a) (digitised)"
    )  # fmt: skip
    table = pd.concat([pd.DataFrame(rows), paper])
    table["described"] = pd.Categorical(table["layout"].map(DESCRIBED), list(DESCRIBED.values()))
    return table.sort_values(["described", "origin", "threads"]).astype({"described": str})


def draw_sampling(group: Group) -> Iterator[Output]:
    """A table by layout and threads."""
    spec = {
        "layout": "described", "by": "by", "threads": ("threads", ".0f"),
        "s per epoch": ("seconds", ".3f"), "speed-up": ("speedup", ".2f"),
        "seeds": ("num_runs", ".0f"),
    }  # fmt: skip
    table = sampling(group)
    yield Output(table, shown=tables.shown(table, spec))


def scaling(group: Group) -> pd.DataFrame:
    """TGL's trainers over seeds, what DistTGL reports of TGL, and TGL's own of GDELT."""
    rate, layouts = group.runs["throughput_events_per_second"] / 1000, group.by_parallelism()
    by_seed = {name: rate[r.index].groupby(r["seed"]).first() for name, r in layouts.items()}
    metric, rows = group.first["primary_metric"], []
    for name, runs in layouts.items():
        gain = (by_seed[name] / by_seed.get(SINGLE, by_seed[name] * float("nan"))).dropna()
        rows.append({
            "origin": "measured", "dataset": group.dataset, "by": "measured",
            "label": f"tgl {name}", "trainers": runs["num_trainers"].iloc[0],
            "metric": metric.upper(),
            **columns("seconds", median_estimate(runs["seconds.train"] / runs["epochs"])),
            **columns("rate", median_estimate(by_seed[name])),
            **columns("speedup", median_estimate(gain)),
            **columns("test", mean_estimate(column(runs, f"metrics.test_{metric}"), 100)),
            "num_runs": len(runs), "source": words.commands(runs),
        })  # fmt: skip
    told = published("figure_12b", dataset=group.dataset, system="tgl")
    told = told.assign(rate=told[PER_GPU] * told["num_gpus"])
    told = told.assign(speedup=told["rate"] / told["rate"].head(1).sum())
    own = published("tgl_figure_7", model="TGN")
    own = own.assign(speedup=1 / own["normalised_time"])
    trained = published("tgl_table_7", dataset="gdelt", model="TGN").assign(metric="AP")
    names = {"num_gpus": "trainers", "seconds_per_epoch": "seconds", "ap_percent": "test"}
    paper = pd.concat([told, own, trained]).rename(columns=names)
    return pd.concat([pd.DataFrame(rows), paper.assign(by=paper["source"].map(words.short_source))])


def draw_scaling(group: Group) -> Iterator[Output]:
    """A table by number of trainers."""
    spec = {
        "data set": "dataset", "by": "by", "trainers": ("trainers", ".0f"),
        "s per epoch": ("seconds", ".1f"), "thousand events/s": ("rate", ".1f"),
        "speed-up": ("speedup", ".2f"), "test (%)": ("test", ".2f"), "metric": "metric",
        "seeds": ("num_runs", ".0f"),
    }  # fmt: skip
    table = scaling(group)
    yield Output(table, shown=tables.shown(table, spec))


def _most_layouts(runs: Runs) -> tuple[object, ...]:
    return runs["parallelism"].nunique(), runs["epochs"].iloc[0], len(runs)


FIGURES = [
    PaperFigure("dataset_statistics", Rule(
            ("dataset_statistics",), ("dataset_statistics",), varies=None, together=True,
        ), draw_statistics),
    PaperFigure("sampling_speed", Rule(
            ("sampling_speed",), ("sampling_speed",), varies=("task", "threads"), rank=len,
            needs={"not a layout of TGL's": lambda runs: _sampled(runs).notna()},
        ), draw_sampling),
    PaperFigure("tgl_scaling", Rule(
            ("scaling",), varies=("processes",), rank=_most_layouts,
            needs={"another system": lambda runs: runs["system"] == "tgl", **NEEDS},
        ), draw_scaling),
]  # fmt: skip
