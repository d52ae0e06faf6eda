"""Published numbers: the csv files of ``results/paper``, and networks of theirs as rows."""

from functools import cache
from pathlib import Path

import pandas as pd

from benchmark.records import words
from benchmark.records.series import SINGLE

PAPER = Path(__file__).parents[1] / "results" / "paper"
TGN, NONE, MAJORITY = "TGN-attn", "none", "majority class"
NAMES = {  # of the papers, by the model of a record or a paper's own name
    "tgn_attention": TGN, "tgn_pyg": TGN, "tgn_tgm": TGN, "TGN": TGN, "jodie": "JODIE",
    "tgat": "TGAT", "tgat_one_layer": "TGAT, one layer", "dysat": "DySAT", "apan": "APAN",
    "graph_mixer": "GraphMixer", "dygformer": "DyGFormer", "tpnet": "TPNet",
}  # fmt: skip
CODE_OF = {"baseline": "authors' code", "tgl": "TGL's code"}  # in TGL's table
DEVIATION = {"standard_deviation": "test_percent_deviation"}


def published(name: str, **where: str | int) -> pd.DataFrame:
    """Rows of ``results/paper/NAME.csv`` whose columns equal ``where``; empty if there are none.

    A column ``origin`` says "published"; ``iterations_trained`` of a curve is its ``iteration``.
    """
    table = _read(PAPER / f"{name}.csv").rename(columns={"iterations_trained": "iteration"})
    for key, value in where.items():
        table = table[table[key] == value]
    return table.reset_index(drop=True).assign(origin="published")


def texts_of_figures() -> pd.DataFrame:
    """The rows of ``figures.csv`` by name, in the order of the page."""
    return _read(PAPER / "figures.csv").set_index("figure").fillna("")


@cache
def _read(path: Path) -> pd.DataFrame:
    """A table that many figures take a part of; none changes it."""
    return pd.read_csv(path)


def paper_rows(table: pd.DataFrame, **names: str) -> pd.DataFrame:
    """Published rows with the columns of ``networks.rows_of_series``; ``names`` rename columns."""
    table = table.rename(columns=names)
    if "by" not in table:
        table["by"] = table["source"].map(words.short_source)
    network = table["model"].replace(NAMES)
    wanted = ["by", "source", "dataset", "i x j x k", *names.values()]
    kept = table[[name for name in dict.fromkeys(wanted) if name in table]]
    return kept.assign(origin="published", network=network, label=network + ", " + table["by"])


def published_links(dataset: str, protocol: str) -> pd.DataFrame:
    """What papers report on links, by the protocol whose negatives are theirs, in per cent."""
    if protocol == "tgn":
        tgn = published("tgn_table_2", dataset=dataset).set_index(["model", "source"])
        test, inductive = (tgn[tgn["setting"] == n] for n in ("transductive", "inductive"))
        wide = test.join(inductive.add_suffix(" inductive")).reset_index()
        where = {"dataset": dataset, "setting": "transductive", "metric": "ap"}
        dyglib = published("dyglib_link_prediction", **where)
        inductive_names = {
            "ap_percent inductive": "test_inductive_percent",
            "standard_deviation inductive": "test_inductive_percent_deviation",
        }
        return pd.concat([
            paper_rows(wide, ap_percent="test_percent", **DEVIATION, **inductive_names),
            paper_rows(dyglib, value_percent="test_percent", **DEVIATION),
        ])  # fmt: skip
    if protocol == "tgl":
        table = published("tgl_table_5", dataset=dataset)
        table["by"] = table["source"] + ", " + table["implementation"].map(CODE_OF)
        return paper_rows(table, ap_percent="test_percent", seconds_per_epoch="seconds_per_epoch")
    if protocol == "disttgl":
        single = published("figure_9_test", dataset=dataset, panel="a", parallelism=SINGLE)
        single = single.assign(model=TGN, test_percent=100 * single["test_mrr"])
        taser = published("taser_table_1", dataset=dataset)
        return pd.concat([
            paper_rows(single, test_percent="test_percent"),
            paper_rows(taser, test_mrr_percent="test_percent", **DEVIATION),
        ])  # fmt: skip
    return pd.DataFrame()


def published_nodes(dataset: str) -> pd.DataFrame:
    """AUC of TGN and DyGLib, and TGL's AP of as many negatives as positives, in per cent."""
    deviation = {"standard_deviation": "test_node_auc_percent_deviation"}
    tgn = published("tgn_table_3", dataset=dataset)
    dyglib = published("dyglib_node_classification", dataset=dataset)
    tgl = published("tgl_table_6", dataset=dataset, metric="ap")
    return pd.concat([
        paper_rows(tgn, node_classification_auc_percent="test_node_auc_percent", **deviation),
        paper_rows(dyglib, auc_percent="test_node_auc_percent", **deviation),
        paper_rows(tgl, value_percent="balanced_ap"),
    ])  # fmt: skip
