"""Columns of the runs that figures draw and claims name, computed once from recorded ones."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.records.reader import Records, read_records
from benchmark.records.series import column, without_disagreements
from paper_figures.published import NAMES, NONE

LAYOUTS = {  # num_layers, strategy, num_snapshots, num_neighbors, batch_size with which TGL samples
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

    def of(name: str) -> Any:
        return pd.to_numeric(column(runs, name), errors="coerce")

    rate, seconds, trainers = (
        of("throughput_events_per_second"),
        of("seconds.train"),
        of("num_trainers"),
    )
    memory = of("seconds_by_part.memory_read") + of("seconds_by_part.memory_write")
    batches = rate * seconds / of("batch_size") / trainers  # of one trainer
    features = of("metrics.node_feature_dim")
    labels = of("metrics.num_node_labels")
    found = {
        "network": [_network(run) for _, run in runs[["system", "model"]].iterrows()]
        if {"system", "model"} <= set(runs) else NONE,
        "layout": _layouts(runs),
        "edge_features": of("settings.random_edge_features").fillna(0),
        "thousand_events_per_second": rate / 1000,
        "thousand_events_per_second_per_trainer": rate / 1000 / trainers,
        "seconds_per_epoch": (seconds / of("epochs")).where(runs["emulated"] == False),  # noqa: E712
        "epochs_per_second": (of("epochs") / seconds).where(runs["emulated"] == False),  # noqa: E712
        "roots_per_second": of("metrics.num_roots") / of("seconds.sample"),
        "memory_seconds_per_epoch": memory / of("epochs"),
        "memory_ms_per_batch": 1000 * memory / batches,
        "wait_ms_per_batch": 1000 * of("seconds_by_part.prepare") / batches,
        "peak_gib": of("peak_memory_bytes") / 2**30,
        "node_feature_width": features.where(features > 0, _static_memory(runs)),
        "duration": of("metrics.last_time") - of("metrics.first_time"),
        "labels": labels.where(labels > 0, of("metrics.num_edge_labels")),
    }  # fmt: skip
    return replace(records, runs=runs.assign(**found | _per_cent(runs)))


def _static_memory(runs: pd.DataFrame) -> "pd.Series[Any]":
    """How wide the static node memory is that runs have pre-trained for the data set of a run."""
    trained = runs[column(runs, "settings.system.static_memory") == "pretrained"]
    widths = column(trained, "settings.model.memory_dim").groupby(trained["dataset"])
    return runs["dataset"].map(widths.first())


def _per_cent(runs: pd.DataFrame) -> dict[str, Any]:
    """Test metrics times 100; "test_percent" is the one that a run names as its primary."""
    tests = runs.filter(regex=r"^metrics\.test_(?!num_events)").apply(
        pd.to_numeric, errors="coerce"
    )
    tests = 100 * tests.rename(columns=lambda name: name.removeprefix("metrics."))
    named = ("test_{}", "test_inductive_{}")
    primary = column(runs, "primary_metric")
    chosen = {
        form.format("percent"): [
            tests.at[run, name] if (name := form.format(metric)) in tests else None
            for run, metric in primary.items()
        ]
        for form in named
    }
    return {f"{name}_percent": tests[name] for name in tests} | chosen


def _network(run: Any) -> str:
    """The network's name in the papers, else that of the model, or of a system without one."""
    if run["model"] == NONE:
        return "EdgeBank" if str(run["system"]).startswith("edgebank") else str(run["system"])
    return NAMES.get(run["model"], str(run["model"]))


def _layouts(runs: pd.DataFrame) -> list[str | None]:
    """By which layout of TGL's a run samples."""
    names = ("num_layers", "strategy", "num_snapshots", "num_neighbors")
    parts = [column(runs, f"settings.task.{name}") for name in names]
    return [LAYOUTS.get(key) for key in zip(*parts, column(runs, "batch_size"), strict=True)]
