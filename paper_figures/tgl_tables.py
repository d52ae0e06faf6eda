"""Table 2 with TGL's Table 3, data sets; TGL's Table 4, sampling, and Figure 7, its trainers."""

from collections.abc import Iterator

import pandas as pd

from benchmark.records import words
from benchmark.records.series import SINGLE
from paper_figures import tables
from paper_figures.figure import Group, Output, Rule, figure, published
from paper_figures.selection import foremost, has
from paper_figures.tables import Row
from paper_figures.throughput import NEEDS, PER_GPU, TOTAL

COUNTS = {
    "num_nodes": "nodes", "num_events": "events", "duration": "duration",
    "node_feature_dim": "node features", "edge_feature_dim": "edge features",
    "num_labels": "labels", "num_classes": "classes",
}  # fmt: skip
DESCRIBED = {"TGN": "TGN: 1 layer, most recent", "TGAT": "TGAT: 2 layers, uniform",
             "DySAT": "DySAT: as TGAT, in 3 snapshots"}  # fmt: skip
SEEDS = {"seeds": ("num_runs", ".0f")}


@figure("dataset_statistics", Rule(
    ("dataset_statistics",), ("dataset_statistics",), varies=None, together=True,
))  # fmt: skip
def draw_statistics(group: Group) -> Iterator[Output]:
    """Rows of data sets that were counted, published ones below each, then of all others."""
    ours = group.runs.rename(columns=lambda name: name.removeprefix("metrics."))
    labelled = (ours["num_node_labels"] > 0).map({True: "nodes", False: "edges"})
    ours = ours.assign(origin="measured", by="counted here", source=ours["command"],
                       num_labels=ours["labels"], labels_of=labelled)  # fmt: skip
    paper = pd.concat([published("table_2"), published("tgl_table_3")], ignore_index=True)
    paper = paper.assign(labels_of="", by=paper["source"].map(words.short_source))
    table = pd.concat([ours, paper])
    table["elsewhere"] = ~table["dataset"].isin(set(group.runs["dataset"]))
    table = table.sort_values(["elsewhere", "dataset"], kind="stable")
    table = table[["origin", "dataset", "by", *COUNTS, "labels_of", "node_features", "source"]]
    texts = table.assign(
        **{name: [_count(row, name) for row in table.to_dict("records")] for name in COUNTS}
    )
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


@figure("sampling_speed", Rule(
    ("sampling_speed",), ("sampling_speed",), varies=("task", "threads"), rank=len,
    needs={"not a layout of TGL's": has("layout")},
))  # fmt: skip
def draw_sampling(group: Group) -> Iterator[Output]:
    """Seconds of an epoch and speed-ups over one thread, by layout and threads."""
    runs = group.runs.rename(columns={"settings.threads": "threads", "seconds.sample": "seconds"})
    runs["speedup"] = 1 / tables.times(runs, "seconds", runs["threads"] == 1, ["layout", "seed"])
    sets = tables.sets_by(runs, "layout", "threads")
    speedups, seconds = (
        published(name, dataset=group.dataset)[["layout", "threads", value]]
        for name, value in (("tgl_figure_4", "speedup"), ("tgl_table_4", "seconds"))
    )
    paper = seconds.merge(speedups, on=["layout", "threads"], how="outer").assign(
        origin="published", by="TGL", source="TGL Table 4 (printed), Figure 4(a) (digitised)"
    )
    table = pd.concat([tables.summary(sets, medians=("seconds", "speedup")), paper])
    table["described"] = pd.Categorical(table["layout"].map(DESCRIBED), list(DESCRIBED.values()))
    table = table.sort_values(["described", "origin", "threads"]).astype({"described": str})
    yield Output(table, shown=tables.shown(table, {
        "layout": "described", "by": "by", "threads": ("threads", ".0f"),
        "s per epoch": ("seconds", ".3f"), "speed-up": ("speedup", ".2f"),
    } | SEEDS))  # fmt: skip


@figure("tgl_scaling", Rule(
    ("scaling",), varies=("processes",),
    rank=lambda runs: (runs["parallelism"].nunique(), *foremost(runs)),
    needs={"another system": lambda runs: runs["system"] == "tgl", **NEEDS},
))  # fmt: skip
def draw_scaling(group: Group) -> Iterator[Output]:
    """TGL's trainers over seeds, what DistTGL reports of TGL, and TGL's own of GDELT."""
    runs = pd.concat(group.by_parallelism().values())
    runs["speedup"] = tables.times(runs, TOTAL, runs["parallelism"] == SINGLE, ["seed"])
    runs = runs.assign(trainers=runs["num_trainers"], label="tgl " + runs["parallelism"])
    runs["metric"] = runs["primary_metric"].str.upper()
    sets = tables.sets_by(runs, "dataset", "metric", "label", "trainers")
    ours = tables.summary(sets, ["test_percent"], ["seconds_per_epoch", TOTAL, "speedup"])
    told = published("figure_12b", dataset=group.dataset, system="tgl")
    told[TOTAL] = told[PER_GPU] * told["num_gpus"]
    told["speedup"] = told[TOTAL] / told[TOTAL].head(1).sum()
    own = published("tgl_figure_7", model="TGN")
    own["speedup"] = 1 / own["normalised_time"]
    trained = published("tgl_table_7", dataset="gdelt", model="TGN").assign(metric="AP")
    paper = pd.concat([told, own, trained]).rename(columns={"num_gpus": "trainers"})
    table = pd.concat([ours, paper.assign(by=paper["source"].map(words.short_source))])
    yield Output(table, shown=tables.shown(table, {
        "data set": "dataset", "by": "by", "trainers": ("trainers", ".0f"),
        "s per epoch": ("seconds_per_epoch", ".1f"), "thousand events/s": (TOTAL, ".1f"),
        "speed-up": ("speedup", ".2f"), "test (%)": ("test_percent", ".2f"), "metric": "metric",
    } | SEEDS))  # fmt: skip
