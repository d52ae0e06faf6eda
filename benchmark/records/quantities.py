"""Quantities that figures draw and claims name, as columns computed from recorded ones."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.records.reader import Records, read_records
from benchmark.records.series import column, without_disagreements

TGN, NONE = "TGN-attn", "none"
NAMES = {  # of the papers, by the model of a record or a paper's own name
    "tgn_attention": TGN, "tgn_pyg": TGN, "tgn_tgm": TGN, "TGN": TGN, "jodie": "JODIE",
    "tgat": "TGAT", "tgat_one_layer": "TGAT, one layer", "dysat": "DySAT", "apan": "APAN",
    "graph_mixer": "GraphMixer", "dygformer": "DyGFormer", "tpnet": "TPNet",
}  # fmt: skip
SAMPLED = ("num_layers", "strategy", "num_snapshots", "num_neighbors")
LAYOUTS = {  # those and batch_size, with which TGL samples
    (1, "recent", 1, 10, 600): "TGN", (2, "uniform", 1, 10, 600): "TGAT",
    (2, "uniform", 3, 10, 600): "DySAT",
}  # fmt: skip


def read(folder: Path) -> Records:
    """What ``folder`` holds, with these columns, NaN where a run cannot have one.

    Without runs that disagree; FileNotFoundError if there is no such folder.
    """
    records = without_disagreements(read_records(folder))
    runs = records.runs
    if runs.empty:
        return records
    runs = runs.assign(iterations=records.evaluations.groupby("run")["iteration"].max())
    sent = runs.filter(like="bytes_sent.").fillna(0).div(1e6 * runs["iterations"], axis=0)
    sent = sent.rename(columns=lambda name: name.replace("bytes_sent.", "megabytes."))
    runs = runs.assign(**_found(runs)).join([sent, _per_cent(runs)])
    # Texts as plain objects: the many columns then lie in few blocks, and rows are parted often.
    texts = {name: object for name, kind in runs.dtypes.items() if kind == "str"}
    return replace(records, runs=runs.astype(texts).copy())


def _found(runs: pd.DataFrame) -> dict[str, Any]:
    def of(name: str) -> Any:
        return pd.to_numeric(column(runs, name), errors="coerce")

    rate, seconds = of("throughput_events_per_second"), of("seconds.train")
    trainers, epochs = of("num_trainers"), of("epochs")
    memory = of("seconds_by_part.memory_read") + of("seconds_by_part.memory_write")
    batches = rate * seconds / of("batch_size") / trainers  # of one trainer
    alone = runs["emulated"] == False  # noqa: E712
    features, labels = of("metrics.node_feature_dim"), of("metrics.num_node_labels")
    model, system = column(runs, "model"), column(runs, "system")
    other = system.replace("^edgebank.*", "EdgeBank", regex=True)  # of a system without a network
    sampled = [column(runs, f"settings.task.{name}") for name in SAMPLED]
    return {
        "network": model.replace(NAMES).where(model != NONE, other),
        "layout": [*map(LAYOUTS.get, zip(*sampled, column(runs, "batch_size"), strict=True))],
        "edge_features": of("settings.random_edge_features").fillna(0),
        "thousand_events_per_second": rate / 1000,
        "thousand_events_per_second_per_trainer": rate / 1000 / trainers,
        "seconds_per_epoch": (seconds / epochs).where(alone),
        "epochs_per_second": (epochs / seconds).where(alone),
        "roots_per_second": of("metrics.num_roots") / of("seconds.sample"),
        "memory_seconds_per_epoch": memory / epochs,
        "memory_ms_per_batch": 1000 * memory / batches,
        "memory_ms": 1000 * memory / of("iterations"),  # of an iteration
        "iteration_ms": 1000 * seconds / of("iterations"),
        "wait_ms_per_batch": 1000 * of("seconds_by_part.prepare") / batches,
        "peak_gib": of("peak_memory_bytes") / 2**30,
        "node_feature_width": features.where(features > 0, _static_memory(runs)),
        "event_feature_width": _event_features(runs),
        "duration": of("metrics.last_time") - of("metrics.first_time"),
        "labels": labels.where(labels > 0, of("metrics.num_edge_labels")),
    }


def _event_features(runs: pd.DataFrame) -> "pd.Series[Any]":
    """How many features an event has: none, added ones, or those counted of the data set."""
    width = column(runs, "metrics.edge_feature_dim").groupby(runs["dataset"]).first()
    width = runs["dataset"].map(width)
    for name in ("class_features", "random_edge_features"):
        added = pd.to_numeric(column(runs, f"settings.{name}"), errors="coerce")
        width = added.where(added > 0, width)
    return width.where(column(runs, "settings.dataset.use_features") != False, 0)  # noqa: E712


def _static_memory(runs: pd.DataFrame) -> "pd.Series[Any]":
    """How wide the static node memory is that runs have pre-trained for the data set of a run."""
    trained = runs[column(runs, "settings.system.static_memory") == "pretrained"]
    widths = column(trained, "settings.model.memory_dim").groupby(trained["dataset"])
    return runs["dataset"].map(widths.first())


def _per_cent(runs: pd.DataFrame) -> pd.DataFrame:
    """Test metrics times 100; "test_percent" is the one that a run names as its primary."""
    tests = runs.filter(regex=r"^metrics\.test_(?!num_events)")
    tests = 100 * tests.apply(pd.to_numeric, errors="coerce").add_suffix("_percent")
    tests = tests.rename(columns=lambda name: name.removeprefix("metrics."))
    primary = column(runs, "primary_metric").astype(str)
    for kind in ("test", "test_inductive"):
        wanted = f"{kind}_" + primary + "_percent"
        chosen = {run: tests.loc[run].get(name) for run, name in wanted.items()}
        tests[f"{kind}_percent"] = pd.Series(chosen, dtype=float)
    return tests
