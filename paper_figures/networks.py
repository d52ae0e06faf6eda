"""Networks beside each other on links, nodes and edges, measured and published."""

from collections.abc import Iterator, Mapping

import pandas as pd

from benchmark.records import words
from benchmark.records.series import SINGLE, Series, column, make_series
from benchmark.records.statistics import first_best, still_rising
from paper_figures import tables
from paper_figures.figure import Group, Output, Rule, figure, published
from paper_figures.published import MAJORITY, NAMES, TGN
from paper_figures.tables import Row

ORDER = (*NAMES.values(), "EdgeBank", MAJORITY)
SHARED = ("epochs", "batch size", "learning rate")  # columns where they differ, else said once
F1 = {"test_f1_micro_percent": "F1-micro (%)", "test_f1_macro_percent": "F1-macro (%)",
      "test_top1_percent": "top-1 (%)"}  # fmt: skip
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


@figure("link_prediction", Rule(
    ("variants",), varies=None,
    needs={"TGL's protocol, in its own table": lambda runs: runs["protocol"] != "tgl"},
))  # fmt: skip
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
    means = ("test_node_auc_percent", "test_node_ap_percent")
    ours = tables.summary(map(named, make_series(group.runs)), means)
    paper = theirs(NODES, dataset=group.dataset).rename(columns={"value_percent": "balanced_ap"})
    yield output(in_order(ours, paper), {
        "test AUC (%)": ("test_node_auc_percent", ".2f"),
        "test AP (%)": ("test_node_ap_percent", ".2f"), "AP, balanced (%)": ("balanced_ap", ".2f"),
    })  # fmt: skip


@figure("edge_classification", Rule(
    ("edge_classification",), ("edge_classification",), varies=None, together=True,
))  # fmt: skip
def draw_edges(group: Group) -> Iterator[Output]:
    """Test values in per cent by data set, its majority class the last of each, and Figure 11."""
    sets, unsaid = (
        [],
        {"network": MAJORITY, "by": "", "label": MAJORITY, "i x j x k": "", "with": ""},
    )
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
