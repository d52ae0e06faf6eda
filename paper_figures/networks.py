"""Tables: networks on links, nodes and edges, data sets, sampling, and TGL on several trainers."""

from collections.abc import Iterator, Mapping

import pandas as pd

from benchmark.records import tables, words
from benchmark.records.quantities import NAMES, TGN
from benchmark.records.selection import foremost
from benchmark.records.series import SINGLE, Series, column, make_series
from benchmark.records.statistics import first_best, still_rising
from benchmark.records.tables import Row
from paper_figures.figure import Group, Output, figure, published
from paper_figures.throughput import NEEDS, PER_GPU, TOTAL

MAJORITY = "majority class"
ORDER = (*NAMES.values(), "EdgeBank", MAJORITY)
SHARED = ("epochs", "batch size", "learning rate")  # columns where they differ, else said once
F1 = {"test_f1_micro_percent": "F1-micro (%)", "test_f1_macro_percent": "F1-macro (%)",
      "test_top1_percent": "top-1 (%)"}  # fmt: skip
COUNTS = {
    "num_nodes": "nodes", "num_events": "events", "duration": "duration",
    "node_feature_dim": "node features", "edge_feature_dim": "edge features",
    "num_labels": "labels", "num_classes": "classes",
}  # fmt: skip
DESCRIBED = {"TGN": "TGN: 1 layer, most recent", "TGAT": "TGAT: 2 layers, uniform",
             "DySAT": "DySAT: as TGAT, in 3 snapshots"}  # fmt: skip
Files = Mapping[str, Mapping[str, str]]  # names of csv files, and what their rows have in a column
LINKS: dict[str, Files] = {  # by the protocol whose negatives are theirs
    "tgn": {"tgn_table_2": {},
            "dyglib_link_prediction": {"setting": "transductive", "metric": "ap"}},
    "tgl": {"tgl_table_5": {}},
    "disttgl": {"figure_9_test": {"panel": "a", "parallelism": SINGLE}, "taser_table_1": {}},
}  # fmt: skip
NODES = {"tgn_table_3": {}, "dyglib_node_classification": {}, "tgl_table_6": {"metric": "ap"}}
PER_CENT = {"test_mrr": "test_percent", "test_f1_micro": "test_f1_micro_percent"}
SHOWN = r"^(by|source|dataset|i x j x k|origin|network|label|.*_percent.*|seconds_per_epoch)$"


def theirs(files: Files, **where: str) -> pd.DataFrame:
    """Published rows of ``files`` with the columns of ``named``, values in per cent."""
    parts = [published(name, **where, **only) for name, only in files.items()]
    table = pd.concat([pd.DataFrame(columns=["source", "parallelism"]), *parts])
    table = table.rename(columns={"parallelism": "i x j x k"})
    for fraction, of_hundred in PER_CENT.items():
        if fraction in table:
            table[of_hundred] = column(table, of_hundred).fillna(100 * table[fraction])
    code = ", " + column(table, "implementation")
    table["by"] = table["source"].map(words.short_source) + code.fillna("")
    table["network"] = column(table, "model").fillna(TGN).replace(NAMES)
    table["label"] = table["network"] + ", " + table["by"]
    return table.filter(regex=SHOWN)


def named(one: Series) -> tuple[Row, pd.DataFrame]:
    """What a series is, with all that may tell it apart, and its runs."""
    run = one.first
    return {
        "network": run["network"], "system": run["system"], "by": run["system"],
        "i x j x k": run["parallelism"], "dataset": run["dataset"],
        "epochs": words.plain(float(run["epochs"])), "batch size": str(int(run["batch_size"])),
        "learning rate": words.plain(run["learning_rate"]), "with": one.settings,
        "label": f"{run['network']}, {one.label}",
    }, one.runs  # fmt: skip


@figure("link_prediction", varies=None)
def draw_links(group: Group) -> Iterator[Output]:
    """Accuracies in per cent, seconds per epoch and memory."""
    means, medians = ("test_percent", "test_inductive_percent"), ("seconds_per_epoch", "peak_gib")
    series = make_series(group.runs)
    ours = tables.summary(map(named, series), means, medians)
    ours["best"] = [best_epoch(group, one.runs) for one in series]
    paper = theirs(LINKS.get(group.protocol, {}), dataset=group.dataset)
    yield output(in_order(ours, paper), {
        f"test {group.first['primary_metric'].upper()} (%)": ("test_percent", ".2f"),
        "of new nodes": ("test_inductive_percent", ".2f"), "best at epoch": "best",
        "s per epoch": ("seconds_per_epoch", ".1f"), "peak GiB": ("peak_gib", ".2f"),
    })  # fmt: skip


tgl_links = figure("tgl_link_prediction", varies=None)(draw_links.draw)


def best_epoch(group: Group, runs: pd.DataFrame) -> str:
    """When validation was best, the latest of the seeds; a last one says that more might help."""
    metric, known = group.validations(runs)
    if not known:
        return ""
    best = max(first_best(run, metric, "epoch") for run in known)
    return f"{best:g}" + (", the last" if any(still_rising(run, metric) for run in known) else "")


@figure("node_classification", varies=None)
def draw_nodes(group: Group) -> Iterator[Output]:
    """AUC and AP of the states of nodes in per cent."""
    means = ("test_node_auc_percent", "test_node_ap_percent")
    ours = tables.summary(map(named, make_series(group.runs)), means)
    paper = theirs(NODES, dataset=group.dataset).rename(columns={"value_percent": "balanced_ap"})
    yield output(in_order(ours, paper), {
        "test AUC (%)": ("test_node_auc_percent", ".2f"),
        "test AP (%)": ("test_node_ap_percent", ".2f"), "AP, balanced (%)": ("balanced_ap", ".2f"),
    })  # fmt: skip


@figure("edge_classification", varies=None, together=True)
def draw_edges(group: Group) -> Iterator[Output]:
    """Test values in per cent by data set, its majority class the last of each, and Figure 11."""
    unsaid = {"network": MAJORITY, "by": "", "label": MAJORITY, "i x j x k": "", "with": ""}
    sets = []
    for _, runs in group.runs.groupby("dataset"):
        series = make_series(runs)
        majority = {name: runs[name.replace("_percent", "_majority_percent")] for name in F1}
        known, ran = named(series[0])
        sets += [*map(named, series), (known | unsaid, ran.assign(**majority))]
    table = pd.concat([tables.summary(sets, list(F1)), theirs({"figure_11_test": {}})])
    yield output(table, {title: (name, ".2f") for name, title in F1.items()})


def in_order(ours: pd.DataFrame, paper: pd.DataFrame) -> pd.DataFrame:
    """Each network with what is published of it, then those that were not measured."""
    table, here = pd.concat([ours, paper]), set(ours["network"])
    names = [*filter(here.__contains__, ORDER), *ours["network"], *ORDER, *table["network"]]
    place = list(dict.fromkeys(names)).index
    return table.sort_values("network", key=lambda names: names.map(place), kind="stable")


def output(table: pd.DataFrame, spec: Row) -> Output:
    """The table for people, with a column for every setting that differs between measured rows."""
    ours = table[table["origin"] == "measured"]
    own = ours[ours["network"] != MAJORITY]
    telling = [c for c in ("i x j x k", *SHARED) if own[c].nunique() > 1]
    lead = ["dataset"] if ours["dataset"].nunique() > 1 else []
    names = [*lead, "network", "by", *telling, "with"]
    shown = tables.shown(table, {n: n for n in names} | spec | {"seeds": ("num_runs", ".0f")})
    same = ", ".join(f"{c} {own[c].iloc[0]}" for c in SHARED if c not in telling)
    return Output(table, shown=shown, facts={"same": same})


@figure("dataset_statistics", varies=None, together=True)
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


@figure("sampling_speed", varies=("task", "threads"), rank=len)
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
        "seeds": ("num_runs", ".0f"),
    }))  # fmt: skip


@figure(
    "tgl_scaling", varies=("processes",),
    rank=lambda runs: (runs["parallelism"].nunique(), *foremost(runs)),
    needs=NEEDS,
)  # fmt: skip
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
        "seeds": ("num_runs", ".0f"),
    }))  # fmt: skip
