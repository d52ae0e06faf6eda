"""Published numbers, and what the records say of the data beside what the papers say."""

from pathlib import Path

import pandas as pd

from benchmark.records.series import column
from paper_figures.selection import Group

PAPER = Path(__file__).parents[1] / "results" / "paper"


def published(name: str, **where: str | int) -> pd.DataFrame:
    """Rows of ``results/paper/NAME.csv`` whose columns equal ``where``; empty if there are none."""
    table = pd.read_csv(PAPER / f"{name}.csv")
    for key, value in where.items():
        table = table[table[key] == value]
    return table.reset_index(drop=True)


def edge_features(group: Group, dataset: str) -> int | None:
    """Features of each event of the runs drawn: added ones, or as counted; None if unrecorded."""
    drawn = group.runs[group.runs["dataset"] == dataset]
    for name in ("random_edge_features", "class_features"):
        added = column(drawn, f"settings.{name}").dropna()
        if len(added) and added.iloc[0]:
            return int(added.iloc[0])
    runs = group.records.runs
    counted = runs[(runs["task"] == "dataset_statistics") & (runs["dataset"] == dataset)]
    width = column(counted, "metrics.edge_feature_dim").dropna()
    return int(width.iloc[0]) if len(width) else None


def on_features(group: Group) -> str:
    """A sentence on the edge features of each data set drawn, and of the paper's copy of it."""
    paper = published("table_2").set_index("dataset")["edge_feature_dim"].fillna(0)
    texts = []
    for dataset in sorted(group.runs["dataset"].unique()):
        width = edge_features(group, dataset)
        here = "unrecorded" if width is None else str(width)
        there = f" (paper: {paper[dataset]:.0f})" if dataset in paper else ""
        texts.append(f"{here} on {dataset}{there}")
    return f" Edge features: {', '.join(texts)}."
