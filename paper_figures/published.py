"""Published numbers: the csv files of ``results/paper``."""

from pathlib import Path

import pandas as pd

PAPER = Path(__file__).parents[1] / "results" / "paper"


def published(name: str, **where: str | int) -> pd.DataFrame:
    """Rows of ``results/paper/NAME.csv`` whose columns equal ``where``; empty if there are none.

    A column ``origin`` says "published"; ``iterations_trained`` of a curve is its ``iteration``.
    """
    table = pd.read_csv(PAPER / f"{name}.csv").rename(columns={"iterations_trained": "iteration"})
    for key, value in where.items():
        table = table[table[key] == value]
    return table.reset_index(drop=True).assign(origin="published")


def texts_of_figures() -> pd.DataFrame:
    """The rows of ``figures.csv`` by name, in the order of the page."""
    return pd.read_csv(PAPER / "figures.csv").set_index("figure").fillna("")
