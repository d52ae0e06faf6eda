"""Published numbers: the csv files of ``results/paper``, and networks of theirs as rows."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pandas as pd

from benchmark.records import words
from benchmark.records.series import SINGLE, column

PAPER = Path(__file__).parents[1] / "results" / "paper"
TGN, NONE, MAJORITY = "TGN-attn", "none", "majority class"
NAMES = {  # of the papers, by the model of a record or a paper's own name
    "tgn_attention": TGN, "tgn_pyg": TGN, "tgn_tgm": TGN, "TGN": TGN, "jodie": "JODIE",
    "tgat": "TGAT", "tgat_one_layer": "TGAT, one layer", "dysat": "DySAT", "apan": "APAN",
    "graph_mixer": "GraphMixer", "dygformer": "DyGFormer", "tpnet": "TPNet",
}  # fmt: skip
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


def networks(files: Files, **where: str) -> pd.DataFrame:
    """Rows of ``files`` with the columns of ``networks.rows_of``, values in per cent."""
    tables = [published(name, **where, **only) for name, only in files.items()]
    if not tables:
        return pd.DataFrame()
    table = pd.concat(tables).rename(columns={"parallelism": "i x j x k"})
    for fraction, of_hundred in PER_CENT.items():
        if fraction in table:
            known = column(table, of_hundred)
            table[of_hundred] = known.where(known.notna(), 100 * table[fraction])
    table["by"] = table["source"].map(words.short_source)
    if "implementation" in table:
        table["by"] += ", " + table["implementation"]
    table["network"] = column(table, "model").fillna(TGN).replace(NAMES)
    table["label"] = table["network"] + ", " + table["by"]
    return table.filter(regex=SHOWN)
