"""Published numbers: the csv files of ``results/paper``."""

from functools import cache
from pathlib import Path

import pandas as pd

from benchmark.records.selection import Group

PAPER = Path(__file__).parents[1] / "results" / "paper"
PAPER_PROTOCOL = "disttgl"  # published MRR is of its negatives


def published(name: str, **where: str | int) -> pd.DataFrame:
    """Rows of ``results/paper/NAME.csv`` whose columns equal ``where``; empty if there are none.

    A column ``origin`` says "published"; ``iterations_trained`` of a curve is its ``iteration``.
    """
    table = _read(PAPER / f"{name}.csv").rename(columns={"iterations_trained": "iteration"})
    for key, value in where.items():
        table = table[table[key] == value]
    return table.reset_index(drop=True).assign(origin="published")


def published_beside(group: Group, name: str, **where: str | int) -> pd.DataFrame:
    """Published rows of the data set of ``group``; none under another protocol than the paper's."""
    table = published(name, dataset=group.dataset, **where)
    return table if group.protocol == PAPER_PROTOCOL else table[:0]


def texts_of_figures() -> pd.DataFrame:
    """The rows of ``figures.csv`` by name, in the order of the page."""
    return _read(PAPER / "figures.csv").set_index("figure").fillna("")


@cache
def _read(path: Path) -> pd.DataFrame:
    """A table that many figures take a part of; none changes it."""
    return pd.read_csv(path)
