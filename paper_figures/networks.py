"""Networks beside each other on links, nodes and edges, measured and published (TGL, TGN, DyGLib)."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from benchmark.records import words
from benchmark.records.series import Series, make_series
from benchmark.records.statistics import Estimate, mean_estimate, median_estimate
from paper_figures import tables
from paper_figures.claims import Measured
from paper_figures.figure import Output, PaperFigure
from paper_figures.published import on_features, published
from paper_figures.selection import Group, Rule

TGN, NONE, MAJORITY = "TGN-attn", "none", "majority class"
NAMES = {  # of the papers, by the model of a record or a paper's own name
    "tgn_attention": TGN, "tgn_pyg": TGN, "tgn_tgm": TGN, "TGN": TGN, "jodie": "JODIE",
    "tgat": "TGAT", "tgat_one_layer": "TGAT, one layer", "dysat": "DySAT", "apan": "APAN",
    "graph_mixer": "GraphMixer",
}  # fmt: skip
ORDER = (*dict.fromkeys(NAMES.values()), "EdgeBank", MAJORITY)
CODE_OF = {"baseline": "authors' code", "tgl": "TGL's code"}  # in TGL's table
SHARED = ("epochs", "batch size", "learning rate")  # columns where they differ, else said once
F1 = {"f1_micro": "F1-micro (%)", "f1_macro": "F1-macro (%)", "top1": "top-1 (%)"}

Row = dict[str, Any]


def network_of(run: Any) -> str:
    """The network's name in the papers, else that of the model, or of a system without one."""
    if run["model"] == NONE:
        return "EdgeBank" if run["system"].startswith("edgebank") else str(run["system"])
    return NAMES.get(run["model"], run["model"])


def measured(one: Series, **values: Any) -> Row:
    """The row of a series: what it is, every setting that may tell it apart, and ``values``."""
    run = one.first
    return {
        "origin": "measured", "network": network_of(run), "system": run["system"],
        "by": run["system"], "i x j x k": run["parallelism"], "dataset": run["dataset"],
        "epochs": words.plain(float(run["epochs"])), "batch size": str(int(run["batch_size"])),
        "learning rate": words.plain(run["learning_rate"]), "with": one.settings,
        "label": f"{network_of(run)}, {one.label}", **values,
        "num_runs": len(one.runs), "source": words.commands(one.runs),
    }  # fmt: skip


def by_paper(table: pd.DataFrame, **columns: str) -> list[Row]:
    """Published rows with the given columns of ``table`` under the names of ``measured``."""
    return [
        {
            "origin": "published", "network": NAMES.get(row["model"], row["model"]),
            "by": row.get("by") or words.short_source(row["source"]), "source": row["source"],
            **{name: row[column] for name, column in columns.items()},
        }
        for row in table.to_dict("records")
    ]  # fmt: skip


def published_links(dataset: str, protocol: str) -> list[Row]:
    """What papers report on links, by the protocol whose negatives are theirs, in per cent."""
    if protocol == "tgn":
        tgn = published("tgn_table_2", dataset=dataset)
        wide = tgn.pivot(
            index=["model", "source"],
            columns="setting",
            values=["ap_percent", "standard_deviation"],
        )
        wide.columns = [" ".join(column) for column in wide.columns]
        dyglib = published(
            "dyglib_link_prediction", dataset=dataset, setting="transductive", metric="ap"
        )
        rows = by_paper(
            wide.reset_index(), test="ap_percent transductive", inductive="ap_percent inductive",
            test_deviation="standard_deviation transductive",
            inductive_deviation="standard_deviation inductive",
        ) if len(tgn) else []  # fmt: skip
        return rows + by_paper(dyglib, test="value_percent", test_deviation="standard_deviation")
    if protocol == "tgl":
        table = published("tgl_table_5", dataset=dataset)
        table["by"] = table["source"] + ", " + table["implementation"].map(CODE_OF)
        return by_paper(table, test="ap_percent", seconds_per_epoch="seconds_per_epoch")
    if protocol == "disttgl":
        single = published("figure_9_test", dataset=dataset, panel="a", parallelism="1x1x1")
        single = single.assign(model=TGN, percent=100 * single["test_mrr"])
        taser = published("taser_table_1", dataset=dataset)
        return by_paper(single, test="percent") + by_paper(
            taser, test="test_mrr_percent", test_deviation="standard_deviation"
        )
    return []


def links(group: Group) -> pd.DataFrame:
    """Accuracies in per cent, seconds per epoch and memory."""
    metric = group.first["primary_metric"]
    rows = []
    for one in make_series(group.runs):
        runs = one.runs
        seconds = (runs["seconds.train"] / runs["epochs"])[runs["emulated"] != True]  # noqa: E712
        peak = median_estimate(runs["peak_memory_bytes"] / 2**30)
        rows.append(measured(
            one,
            **accuracy(runs, "test", f"metrics.test_{metric}"),
            **accuracy(runs, "inductive", f"metrics.test_inductive_{metric}"),
            **tables.columns("seconds_per_epoch", median_estimate(seconds.replace(0, None))),
            **tables.columns("peak_gib", peak),
        ))  # fmt: skip
    return in_order(rows + published_links(group.dataset, group.protocol))


def nodes(group: Group) -> pd.DataFrame:
    """AUC and AP of node states in per cent; TGL's AP is of as many negatives as positives."""
    rows = [
        measured(one, **accuracy(one.runs, "auc", "metrics.test_node_auc"),
                 **accuracy(one.runs, "ap", "metrics.test_node_ap"))
        for one in make_series(group.runs)
    ]  # fmt: skip
    dataset = group.dataset
    rows += by_paper(
        published("tgn_table_3", dataset=dataset),
        auc="node_classification_auc_percent",
        auc_deviation="standard_deviation",
    )
    rows += by_paper(
        published("dyglib_node_classification", dataset=dataset),
        auc="auc_percent",
        auc_deviation="standard_deviation",
    )
    tgl = published("tgl_table_6", dataset=dataset, metric="ap")
    return in_order(rows + by_paper(tgl, balanced_ap="value_percent"))


def edges(group: Group) -> pd.DataFrame:
    """Test values in per cent by data set, its majority class the last of each, and Figure 11."""
    rows: list[Row] = []
    for _, runs in group.runs.groupby("dataset"):
        known = make_series(runs)
        for kind, some in (("", known), ("_majority", known[:1])):
            for one in some:
                row = measured(one)
                for name in F1:
                    row |= accuracy(one.runs, name, f"metrics.test_{name}{kind}")
                named = {"network": MAJORITY, "label": MAJORITY, "i x j x k": "", "with": ""}
                rows.append(row | named if kind else row)
    gdelt = published("figure_11_test")
    gdelt = gdelt.assign(model="TGN", f1=100 * gdelt["test_f1_micro"])
    rows += by_paper(gdelt, f1_micro="f1", dataset="dataset", **{"i x j x k": "parallelism"})
    return pd.DataFrame(rows)


def accuracy(runs: pd.DataFrame, name: str, column: str) -> Row:
    """Columns of the mean over seeds in per cent."""
    values = runs[column] if column in runs else []
    return tables.columns(name, mean_estimate(values, 100))


def in_order(rows: list[Row]) -> pd.DataFrame:
    """Each network with what is published of it, then those that were not measured."""
    table = pd.DataFrame(rows)
    here = set(table.loc[table["origin"] == "measured", "network"])
    places = {name: place for place, name in enumerate(ORDER)}
    rank = table["network"].map(lambda n: (n not in here, places.get(n, len(ORDER)), n))
    return table.assign(rank=rank).sort_values("rank", kind="stable").drop(columns="rank")


def output(
    group: Group, table: pd.DataFrame, name: str, forms: dict[str, tuple[str, str]]
) -> Output:
    """The table for people: a column for every setting that differs between its measured rows.

    ``forms`` are title and format by column of ``table``.
    """
    ours = table[table["origin"] == "measured"]
    telling = [column for column in ("i x j x k", *SHARED) if ours[column].nunique() > 1]
    lead = ["dataset"] if ours["dataset"].nunique() > 1 else []
    rows = []
    for row in table.to_dict("records"):
        known = {
            c: row[c]
            for c in (*lead, "network", "by", *telling, "with")
            if isinstance(row.get(c), str)
        }
        values = {title: tables.cell(row, column, form) for column, (title, form) in forms.items()}
        seeds = tables.cell(row, "num_runs", ".0f")
        rows.append({**dict.fromkeys((*lead, "network", "by", *telling, "with"), ""), **known, **values,
                     "seeds": seeds, "origin": row["origin"]})  # fmt: skip
    same = ", ".join(
        f"{column} {ours[column].iloc[0]}" for column in SHARED if column not in telling
    )
    conditions = (
        words.conditions(group.runs) if not lead else f"Measured: {words.seeds(group.runs)}."
    )
    caption = f"{conditions} All: {same}.{on_features(group)}{tables.ACCURACIES}"
    caption += tables.COSTS if "seconds_per_epoch" in forms else ""
    return Output(name, table, caption, shown=tables.shown(rows))


def draw_links(group: Group) -> Iterator[Output]:
    metric = f"{group.first['primary_metric'].upper()} (%)"
    yield output(group, links(group), f"link_prediction_{group.dataset}_{group.protocol}", {
        "test": (f"test {metric}", ".2f"), "inductive": ("of new nodes", ".2f"),
        "seconds_per_epoch": ("s per epoch", ".1f"), "peak_gib": ("peak GiB", ".2f"),
    })  # fmt: skip


def draw_nodes(group: Group) -> Iterator[Output]:
    yield output(group, nodes(group), f"node_classification_{group.dataset}_{group.protocol}", {
        "auc": ("test AUC (%)", ".2f"), "ap": ("test AP (%)", ".2f"),
        "balanced_ap": ("AP, balanced (%)", ".2f"),
    })  # fmt: skip


def draw_edges(group: Group) -> Iterator[Output]:
    forms = {name: (title, ".2f") for name, title in F1.items()}
    yield output(group, edges(group), "edge_classification", forms)


def compared(
    group: Group, table: pd.DataFrame, value: str, kind: str, where: str
) -> Iterator[Measured]:
    """The level of TGN, and by how much it is above each other network of the same system."""
    known = table[(table["origin"] == "measured") & (table["system"] == "disttgl")]
    known = known[known[value].notna()].drop_duplicates("network").set_index("network")
    if TGN not in known.index:
        return
    names = (value, f"{value}_low", f"{value}_high")
    of = {
        name: Estimate(*(None if pd.isna(row[n]) else row[n] for n in names))
        for name, row in known.iterrows()
    }
    text = {name: tables.written(estimate, ".2f") for name, estimate in of.items()}
    command = known["source"]
    stated = table[(table["origin"] == "published") & table[value].notna()]
    papers = {by: Estimate(of[TGN].value, *of[TGN].ends) for by in stated["by"]}
    yield Measured(f"{kind} level", papers, text[TGN], where, command[TGN], group.dataset)
    above: dict[str, Estimate] = {}
    for rival in (name for name in of if name != TGN):
        (low, high), (other_low, other_high) = of[TGN].ends, of[rival].ends
        apart = Estimate(of[TGN].value - of[rival].value, low - other_high, high - other_low)
        above |= {f"{rival}, {by}": apart for by in stated.loc[stated["network"] == rival, "by"]}
    rivals = [name for name in of if any(key.startswith(f"{name}, ") for key in above)]
    if rivals:
        against = ", ".join(f"{name} {text[name]}" for name in rivals)
        used = words.as_one(command[name] for name in (TGN, *rivals))
        yield Measured(
            f"{kind} order", above, f"{text[TGN]} against {against}", where, used, group.dataset
        )


def measure_links(group: Group) -> Iterator[Measured]:
    """Which network is best and how good it is, and how much faster TGL trains it."""
    table, runs = links(group), group.runs
    where = (
        f"protocol {group.protocol}, {words.epochs(runs)}, {words.seeds(runs)}{on_features(group)}"
    )
    yield from compared(group, table, "test", group.protocol, where)
    timed = table[(table["origin"] == "measured") & (table["network"] == TGN)]
    if group.protocol == "tgl" and {"tgn", "tgl"} <= set(timed["system"]):
        seconds = timed.drop_duplicates("system").set_index("system")["seconds_per_epoch"]
        factor = seconds["tgn"] / seconds["tgl"]
        text = f"{seconds['tgn']:.3g} by {seconds['tgl']:.3g} s an epoch, {factor:.3g}x"
        where += " TGN is PyG's example, on CPU cores."
        yield Measured(
            "tgl speed", {"": Estimate(factor)}, text, where, words.commands(runs), group.dataset
        )


def measure_nodes(group: Group) -> Iterator[Measured]:
    where = f"{words.seeds(group.runs)}{on_features(group)}"
    yield from compared(group, nodes(group), "auc", "node", where)


def measure_edges(group: Group) -> Iterator[Measured]:
    """What a second copy of the node memory costs in test F1-micro, in points."""
    table = edges(group)
    table = table[(table["network"] == TGN) & (table["origin"] == "measured")]
    for dataset, part in table.dropna(subset="f1_micro").groupby("dataset"):
        rows = part.drop_duplicates("i x j x k").set_index("i x j x k")
        if {"1x1x1", "1x1x2"} <= set(rows.index):
            both = [(name, rows.loc[name]) for name in ("1x1x1", "1x1x2")]
            lost = both[0][1]["f1_micro"] - both[1][1]["f1_micro"]
            text = " and ".join(f"{n} {tables.cell(dict(r), 'f1_micro', '.2f')}" for n, r in both)
            used = words.as_one(row["source"] for _, row in both)
            where = f"{dataset}, seeds: {both[0][1]['num_runs']:.0f}"
            yield Measured(
                "lost by a second copy", {"": Estimate(lost)}, text, where, used, str(dataset)
            )


FIGURES = [
    PaperFigure(
        "edge_classification", "Figure 11, test", "dynamic edge classification beside the majority class",
        "python -m benchmark.run suite=edge_classification",
        "GDELT is not at hand: mathoverflow has 3 classes and ICEWS18 256, one for each event, where "
        "an event of GDELT has several of 56. F1 compares within a data set only.",
        Rule(("edge_classification",), ("edge_classification",), varies=None, together=True),
        draw_edges, measure_edges, "lost by a second copy",
    ),
    PaperFigure(
        "link_prediction", "TGL Table 5", "accuracy, seconds and memory of networks (also TGN Table 2, DyGLib Table 1)",
        "python -m benchmark.run suite=variants dataset=wikipedia protocol=tgn",
        "Runs are shorter than the papers', and seconds are of CPU cores in place of a GPU. AP is "
        "pooled over all events, where TGL averages it over batches.",
        Rule(("variants",), varies=None), draw_links, measure_links, "tgn level",
    ),
    PaperFigure(
        "node_classification", "TGL Table 6", "dynamic node classification (also TGN Table 3, DyGLib Table 15)",
        "python -m benchmark.run suite=node_classification",
        "AP here is of all events, of which few are positive; TGL's is of as many negatives as "
        "positives and compares with nothing else.",
        Rule(("node_classification",), ("node_classification",), varies=None),
        draw_nodes, measure_nodes, "node level",
    ),
]  # fmt: skip
