"""Published numbers: the csv files of ``results/paper``, and the papers' names of networks."""

from functools import cache
from pathlib import Path

import pandas as pd

PAPER = Path(__file__).parents[1] / "results" / "paper"
TGN, NONE, MAJORITY = "TGN-attn", "none", "majority class"
NAMES = {  # of the papers, by the model of a record or a paper's own name
    "tgn_attention": TGN, "tgn_pyg": TGN, "tgn_tgm": TGN, "TGN": TGN, "jodie": "JODIE",
    "tgat": "TGAT", "tgat_one_layer": "TGAT, one layer", "dysat": "DySAT", "apan": "APAN",
    "graph_mixer": "GraphMixer", "dygformer": "DyGFormer", "tpnet": "TPNet",
}  # fmt: skip


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
