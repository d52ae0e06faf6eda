"""Published numbers and texts, the csv files of ``results/paper``, and what texts say of runs."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.records import words
from benchmark.records.selection import Group, trained_share, variant_of
from benchmark.records.series import column

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


class Facts(dict[str, Any]):
    """What a text may name: facts that a figure states, then ``FACTS``, then a group's own."""

    def __init__(self, group: Group, stated: Mapping[str, Any]) -> None:
        super().__init__(stated)
        self.group = group

    def __missing__(self, name: str) -> Any:
        return FACTS[name](self.group) if name in FACTS else getattr(self.group, name)


def on_features(group: Group) -> str:
    """A sentence on the edge features of each data set drawn, and of the paper's copy of it."""
    paper = published("table_2").set_index("dataset")["edge_feature_dim"].fillna(0)
    parts = []
    widths = group.runs.groupby("dataset")["event_feature_width"].first()
    for dataset, width in zip(map(str, widths.index), widths, strict=True):
        here = "unrecorded" if pd.isna(width) else f"{width:.0f}"
        there = f" (paper: {paper[dataset]:.0f})" if dataset in paper else ""
        parts.append(f"{here} on {dataset}{there}")
    return f" Edge features: {', '.join(parts)}."


def how_drawn(numbers: pd.DataFrame) -> str:
    """Small print on the bands and markers of measured curves, where numbers are of such."""
    text = ""
    if "lowest" in numbers and (numbers["num_runs"] > 1).any():
        text += " Line: mean over seeds; band: lowest to highest seed."
    if (column(numbers, "emulated") == True).any():  # noqa: E712
        text += " Hollow markers: trainers emulated on fewer processes."
    return text


FACTS: dict[str, Callable[[Group], Any]] = {
    "batches": lambda group: words.list_of(sorted(set(group.runs["batch_size"].astype(int)))),
    "conditions": lambda group: " ".join(
        words.conditions(runs) for _, runs in group.runs.groupby("dataset")
    ),
    "epochs": lambda group: words.epochs(group.runs),
    "features": on_features,
    "largest": lambda group: int(group.runs["batch_size"].max()),
    "logical": lambda group: "logical trainers, " if group.runs["emulated"].any() else "",
    "rates": lambda group: words.list_of(
        dict.fromkeys(group.runs["learning_rate"].agg(["min", "max"])), " to "
    ),
    "seeds": lambda group: words.seeds(group.runs),
    "settings": lambda group: "".join(f", {word}" for word in variant_of(group.first)),
    "smallest": lambda group: int(group.runs["batch_size"].min()),
    "split": lambda group: ", ".join(["", *filter(None, [trained_share(group.first)])]),
    "variant": lambda group: "".join(f"_{w}" for w in variant_of(group.first)).translate(
        {ord(" "): "_", ord("%"): None}
    ),
}
