"""Networks beside each other on links, nodes and edges, measured and published."""

from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

from benchmark.records import words
from benchmark.records.series import Series, make_series
from benchmark.records.statistics import first_best, still_rising
from paper_figures import tables
from paper_figures.figure import Group, Output, Rule, figure
from paper_figures.published import LINKS, MAJORITY, NAMES, NODES, networks
from paper_figures.tables import Row

ORDER = (*NAMES.values(), "EdgeBank", MAJORITY)
SHARED = ("epochs", "batch size", "learning rate")  # columns where they differ, else said once
F1 = {"test_f1_micro_percent": "F1-micro (%)", "test_f1_macro_percent": "F1-macro (%)",
      "test_top1_percent": "top-1 (%)"}  # fmt: skip


def rows_of(series: Iterable[Series], *values: Sequence[str]) -> pd.DataFrame:
    """A row for each series: what it is, all that may tell it apart, means and medians."""
    sets = []
    for one in series:
        run = one.first
        sets.append(({
            "network": run["network"], "system": run["system"], "by": run["system"],
            "i x j x k": run["parallelism"], "dataset": run["dataset"],
            "epochs": words.plain(float(run["epochs"])), "batch size": str(int(run["batch_size"])),
            "learning rate": words.plain(run["learning_rate"]), "with": one.settings,
            "label": f"{run['network']}, {one.label}",
        }, one.runs))  # fmt: skip
    return tables.summary(sets, *values)


@figure("link_prediction", Rule(
    ("variants",), varies=None,
    needs={"TGL's protocol, in its own table": lambda runs: runs["protocol"] != "tgl"},
))  # fmt: skip
def draw_links(group: Group) -> Iterator[Output]:
    """Accuracies in per cent, seconds per epoch and memory."""
    means, medians = ("test_percent", "test_inductive_percent"), ("seconds_per_epoch", "peak_gib")
    series = make_series(group.runs)
    ours = rows_of(series, means, medians)
    ours["best"] = [best_epoch(group, one.runs) for one in series]
    paper = networks(LINKS.get(group.protocol, {}), dataset=group.dataset)
    yield output(in_order(ours, paper), {
        f"test {group.first['primary_metric'].upper()} (%)": ("test_percent", ".2f"),
        "of new nodes": ("test_inductive_percent", ".2f"), "best at epoch": "best",
        "s per epoch": ("seconds_per_epoch", ".1f"), "peak GiB": ("peak_gib", ".2f"),
    })  # fmt: skip


tgl_links = figure("tgl_link_prediction", Rule(
    ("variants",), varies=None,
    needs={"another protocol than TGL's": lambda runs: runs["protocol"] == "tgl"},
))(draw_links.draw)  # fmt: skip


def best_epoch(group: Group, runs: pd.DataFrame) -> str:
    """When validation was best, the latest of the seeds; a last one says that more might help."""
    metric, known = group.validations(runs)
    if not known:
        return ""
    best = max(first_best(run, metric, "epoch") for run in known)
    return f"{best:g}" + (", the last" if any(still_rising(run, metric) for run in known) else "")


@figure("node_classification", Rule(
    ("node_classification",), ("node_classification",), varies=None,
))  # fmt: skip
def draw_nodes(group: Group) -> Iterator[Output]:
    """AUC and AP of the states of nodes in per cent."""
    ours = rows_of(make_series(group.runs), ("test_node_auc_percent", "test_node_ap_percent"))
    paper = networks(NODES, dataset=group.dataset).rename(columns={"value_percent": "balanced_ap"})
    yield output(in_order(ours, paper), {
        "test AUC (%)": ("test_node_auc_percent", ".2f"),
        "test AP (%)": ("test_node_ap_percent", ".2f"), "AP, balanced (%)": ("balanced_ap", ".2f"),
    })  # fmt: skip


@figure("edge_classification", Rule(
    ("edge_classification",), ("edge_classification",), varies=None, together=True,
))  # fmt: skip
def draw_edges(group: Group) -> Iterator[Output]:
    """Test values in per cent by data set, its majority class the last of each, and Figure 11."""
    parts = []
    for _, runs in group.runs.groupby("dataset"):
        majority = {name: runs[name.replace("_percent", "_majority_percent")] for name in F1}
        unsaid = {"network": MAJORITY, "by": "", "label": MAJORITY, "i x j x k": "", "with": ""}
        floor = rows_of(make_series(runs.assign(**majority))[:1], list(F1)).assign(**unsaid)
        parts += [rows_of(make_series(runs), list(F1)), floor]
    table = pd.concat([*parts, networks({"figure_11_test": {}})])
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
