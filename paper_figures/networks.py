"""Networks beside each other on links, nodes and edges, measured and published."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from benchmark.records import words
from benchmark.records.series import Series, column, make_series
from benchmark.records.statistics import (
    first_best,
    mean_estimate,
    median_estimate,
    still_rising,
)
from paper_figures import tables
from paper_figures.figure import Group, Output, PaperFigure, Rule, published
from paper_figures.published import (
    MAJORITY,
    NAMES,
    NONE,
    paper_rows,
    published_links,
    published_nodes,
)
from paper_figures.tables import Row, columns

ORDER = (*dict.fromkeys(NAMES.values()), "EdgeBank", MAJORITY)
SHARED = ("epochs", "batch size", "learning rate")  # columns where they differ, else said once
COMPARED_SYSTEMS = ("disttgl", "edgebank", "edgebank_window")  # of the two DyGLib tells the better
F1 = {"f1_micro": "F1-micro (%)", "f1_macro": "F1-macro (%)", "top1": "top-1 (%)"}


def network_of(run: Any) -> str:
    """The network's name in the papers, else that of the model, or of a system without one."""
    if run["model"] == NONE:
        return "EdgeBank" if run["system"].startswith("edgebank") else str(run["system"])
    return NAMES.get(run["model"], run["model"])


def row_of(one: Series, **accuracies: str) -> Row:
    """A series: what it is, all that may tell it apart, and the mean of metrics in per cent."""
    run, row = one.first, Row()
    for name, metric in accuracies.items():
        row |= columns(name, mean_estimate(column(one.runs, f"metrics.{metric}"), 100))
    return {
        "origin": "measured", "network": network_of(run), "system": run["system"],
        "by": run["system"], "i x j x k": run["parallelism"], "dataset": run["dataset"],
        "epochs": words.plain(float(run["epochs"])), "batch size": str(int(run["batch_size"])),
        "learning rate": words.plain(run["learning_rate"]), "with": one.settings,
        "label": f"{network_of(run)}, {one.label}", **row, "ending": "",
        "num_runs": len(one.runs), "source": words.commands(one.runs),
    }  # fmt: skip


def links(group: Group) -> pd.DataFrame:
    """Accuracies in per cent, seconds per epoch and memory."""
    metric, rows = group.first["primary_metric"], []
    for one in make_series(group.runs):
        row = row_of(one, test=f"test_{metric}", inductive=f"test_inductive_{metric}")
        row |= best_epoch(group, one, f"validation_{metric}")
        apart = one.runs[(one.runs["emulated"] == False) & (one.runs["seconds.train"] > 0)]  # noqa: E712
        seconds = median_estimate(apart["seconds.train"] / apart["epochs"])
        memory = median_estimate(one.runs["peak_memory_bytes"] / 2**30)
        rows.append(row | columns("seconds_per_epoch", seconds) | columns("peak_gib", memory))
    return in_order(pd.DataFrame(rows), published_links(group.dataset, group.protocol))


def best_epoch(group: Group, one: Series, metric: str) -> Row:
    """When validation was best, the latest of the seeds; a last one says that more might help."""
    runs = [run for run in group.curves(one.runs) if len(run) > 1 and metric in run]
    if not runs:
        return {"best": ""}
    best = max(first_best(run, metric, "epoch") for run in runs)
    if any(still_rising(run, metric) for run in runs):
        return {"best": f"{best:g}, the last", "ending": ", best at its last epoch"}
    return {"best": f"{best:g}"}


def nodes(group: Group) -> pd.DataFrame:
    """AUC and AP of the states of nodes in per cent."""
    rows = [row_of(one, auc="test_node_auc", ap="test_node_ap") for one in make_series(group.runs)]
    return in_order(pd.DataFrame(rows), published_nodes(group.dataset))


def edges(group: Group) -> pd.DataFrame:
    """Test values in per cent by data set, its majority class the last of each, and Figure 11."""
    rows: list[Row] = []
    unsaid = {"network": MAJORITY, "by": "", "label": MAJORITY, "i x j x k": "", "with": ""}
    for _, runs in group.runs.groupby("dataset"):
        known = make_series(runs)
        rows += [row_of(one, **{name: f"test_{name}" for name in F1}) for one in known]
        rows.append(row_of(known[0], **{name: f"test_{name}_majority" for name in F1}) | unsaid)
    gdelt = published("figure_11_test").assign(model="TGN")
    gdelt["f1_micro"] = 100 * gdelt["test_f1_micro"]
    paper = paper_rows(gdelt, f1_micro="f1_micro", parallelism="i x j x k")
    return pd.concat([pd.DataFrame(rows), paper])


def in_order(ours: pd.DataFrame, paper: pd.DataFrame) -> pd.DataFrame:
    """Each network with what is published of it, then those that were not measured."""
    table, here = pd.concat([ours, paper]), set(ours["network"])
    known = [name for name in ORDER if name in here]
    others = [name for name in (*ORDER, *table["network"].unique()) if name not in here]
    place = {name: n for n, name in enumerate(dict.fromkeys([*known, *here, *others]))}
    return table.sort_values("network", key=lambda names: names.map(place), kind="stable")


def output(group: Group, table: pd.DataFrame, spec: Row) -> Output:
    """The table for people, with a column for every setting that differs between measured rows."""
    ours = table[table["origin"] == "measured"]
    own = ours[ours["network"] != MAJORITY]
    telling = [c for c in ("i x j x k", *SHARED) if own[c].nunique() > 1]
    lead = ["dataset"] if ours["dataset"].nunique() > 1 else []
    names = [*lead, "network", "by", *telling, "with"]
    shown = tables.shown(table, {n: n for n in names} | spec | {"seeds": ("num_runs", ".0f")})
    same = ", ".join(f"{c} {own[c].iloc[0]}" for c in SHARED if c not in telling)
    return Output(table, shown=shown, facts={"same": same})


def draw_links(group: Group) -> Iterator[Output]:
    """Accuracy, seconds and memory."""
    yield output(group, links(group), {
        f"test {group.first['primary_metric'].upper()} (%)": ("test", ".2f"),
        "of new nodes": ("inductive", ".2f"), "best at epoch": "best",
        "s per epoch": ("seconds_per_epoch", ".1f"),
        "peak GiB": ("peak_gib", ".2f"),
    })  # fmt: skip


def draw_nodes(group: Group) -> Iterator[Output]:
    """AUC and AP of node states."""
    titles = {"auc": "test AUC (%)", "ap": "test AP (%)", "balanced_ap": "AP, balanced (%)"}
    yield output(group, nodes(group), {title: (n, ".2f") for n, title in titles.items()})


def draw_edges(group: Group) -> Iterator[Output]:
    """F1 and accuracy beside the majority class."""
    yield output(group, edges(group), {title: (name, ".2f") for name, title in F1.items()})


FIGURES = [
    PaperFigure("edge_classification", Rule(
            ("edge_classification",), ("edge_classification",), varies=None, together=True,
        ), draw_edges),
    PaperFigure("link_prediction", Rule(
            ("variants",), varies=None,
            needs={"TGL's protocol, in its own table": lambda runs: runs["protocol"] != "tgl"},
        ), draw_links),
    PaperFigure("tgl_link_prediction", Rule(
            ("variants",), varies=None,
            needs={"another protocol than TGL's": lambda runs: runs["protocol"] == "tgl"},
        ), draw_links),
    PaperFigure("node_classification", Rule(
            ("node_classification",), ("node_classification",), varies=None,
        ), draw_nodes),
]  # fmt: skip
