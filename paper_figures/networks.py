"""Networks beside each other on links, nodes and edges, measured and published."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from benchmark.records import words
from benchmark.records.series import SINGLE, Series, column, make_series
from benchmark.records.statistics import (
    Estimate,
    first_best,
    mean_estimate,
    median_estimate,
    still_rising,
)
from paper_figures import tables
from paper_figures.figure import Group, Measured, Output, PaperFigure, Rule, measured, published
from paper_figures.published import (
    MAJORITY,
    NAMES,
    NONE,
    OTHER_TGN,
    TGN,
    paper_rows,
    published_links,
    published_nodes,
)
from paper_figures.tables import Row, columns, estimate, rows_of

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


def compared(
    group: Group, table: pd.DataFrame, value: str, kind: str, more: str = ""
) -> Iterator[Measured]:
    """The level of each network, and by how much TGN is above each other of the same system."""
    stated = table[(table["origin"] == "published") & table[value].notna()]
    rows: dict[str, Row] = {}
    for row in rows_of(table[table[value].notna()]):
        if row.get("system") in COMPARED_SYSTEMS:
            known = rows.setdefault(row["network"], row)
            if row["network"] == "EdgeBank" and row[value] > known[value]:
                rows["EdgeBank"] = row
    for network, row in rows.items():
        one = estimate(row, value)
        papers = stated.loc[stated["network"] == network, "by"]
        name = f"{kind} level" if network == TGN else f"{kind} level {network}"
        said = tables.written(one, ".2f") + row["ending"]
        yield measured(group, name, dict.fromkeys(papers, one), said, row["source"], more=more)
    if TGN not in rows:
        return
    of = {name: estimate(row, value) for name, row in rows.items()}
    text = {name: tables.written(one, ".2f") for name, one in of.items()}
    above: dict[str, Estimate] = {}
    low, high = of[TGN].ends
    for rival, other in of.items():
        apart = Estimate(of[TGN].value - other.value, low - other.ends[1], high - other.ends[0])
        papers = stated.loc[(stated["network"] == rival) & (rival != TGN), "by"]
        above |= {f"{rival}, {paper}": apart for paper in papers}
    rivals = list(dict.fromkeys(name.partition(", ")[0] for name in above))
    if rivals:
        against = f"{text[TGN]} against {', '.join(f'{name} {text[name]}' for name in rivals)}"
        used = words.as_one(rows[name]["source"] for name in (TGN, *rivals))
        yield measured(group, f"{kind} order", above, against, used, more=more)


def measure_links(group: Group) -> Iterator[Measured]:
    """Which network is best and how good it is, and how much faster TGL trains it."""
    table = links(group)
    yield from compared(group, table, "test", group.protocol)
    timed = table[(table["origin"] == "measured") & (table["network"] == TGN)]
    seconds = timed.groupby("system")["seconds_per_epoch"].first()
    if group.protocol == "tgl" and {"tgn", "tgl"} <= set(seconds.index):
        slow, fast = float(seconds["tgn"]), float(seconds["tgl"])
        text = f"{slow:.3g} by {fast:.3g} s an epoch, {slow / fast:.3g}x"
        more = " TGN is PyG's example, on CPU cores."
        yield measured(group, "tgl speed", slow / fast, text, unlike=OTHER_TGN, more=more)


def measure_nodes(group: Group) -> Iterator[Measured]:
    """Which network tells states best, and how well."""
    yield from compared(group, nodes(group), "auc", "node")


def measure_edges(group: Group) -> Iterator[Measured]:
    """What a second copy of the node memory costs in test F1-micro, in points."""
    table = edges(group)
    table = table[(table["network"] == TGN) & (table["origin"] == "measured")]
    for dataset, part in table.dropna(subset="f1_micro").groupby("dataset"):
        rows = {row["i x j x k"]: row for row in reversed(rows_of(part))}
        if {SINGLE, "1x1x2"} <= rows.keys():
            both = [rows[name] for name in (SINGLE, "1x1x2")]
            lost = float(both[0]["f1_micro"] - both[1]["f1_micro"])
            cells = [f"{row['i x j x k']} {tables.cell(row, 'f1_micro', '.2f')}" for row in both]
            text, used = " and ".join(cells), words.as_one(row["source"] for row in both)
            own = group.only(group.runs[group.runs["dataset"] == dataset])
            number = both[0]["num_runs"]
            yield measured(own, "lost by a second copy", lost, text, used, number=number)


FIGURES = [
    PaperFigure("edge_classification", Rule(
            ("edge_classification",), ("edge_classification",), varies=None, together=True,
        ), draw_edges, measure_edges),
    PaperFigure("link_prediction", Rule(
            ("variants",), varies=None,
            needs={"TGL's protocol, in its own table": lambda runs: runs["protocol"] != "tgl"},
        ), draw_links, measure_links),
    PaperFigure("tgl_link_prediction", Rule(
            ("variants",), varies=None,
            needs={"another protocol than TGL's": lambda runs: runs["protocol"] == "tgl"},
        ), draw_links, measure_links),
    PaperFigure("node_classification", Rule(
            ("node_classification",), ("node_classification",), varies=None,
        ), draw_nodes, measure_nodes),
]  # fmt: skip
