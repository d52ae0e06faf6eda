"""What captions and conditions of figures.csv may say of the runs drawn, by ``{name}``."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from benchmark.records import words
from benchmark.records.selection import Group, trained_share, variant_of
from benchmark.records.series import column
from paper_figures.published import published


class Facts(dict[str, Any]):
    """What a text may name: facts that a figure states, otherwise those of ``FACTS``."""

    def __init__(self, group: Group, stated: Mapping[str, Any]) -> None:
        super().__init__(stated)
        self.group = group

    def __missing__(self, name: str) -> Any:
        return FACTS[name](self.group)


def on_features(group: Group) -> str:
    """A sentence on the edge features of each data set drawn, and of the paper's copy of it."""
    paper = published("table_2").set_index("dataset")["edge_feature_dim"].fillna(0)
    parts = []
    for dataset, width in group.runs.groupby("dataset")["event_feature_width"].first().items():
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


FILE = str.maketrans({" ": "_", "%": ""})

FACTS: dict[str, Callable[[Group], Any]] = {
    "batches": lambda group: words.list_of(sorted(set(group.runs["batch_size"].astype(int)))),
    "conditions": lambda group: " ".join(
        words.conditions(runs) for _, runs in group.runs.groupby("dataset")
    ),
    "dataset": lambda group: group.dataset,
    "epochs": lambda group: words.epochs(group.runs),
    "features": on_features,
    "first": lambda group: group.first,
    "largest": lambda group: int(group.runs["batch_size"].max()),
    "logical": lambda group: "logical trainers, " if group.runs["emulated"].any() else "",
    "protocol": lambda group: group.protocol,
    "rates": lambda group: words.list_of(
        dict.fromkeys(group.runs["learning_rate"].agg(["min", "max"])), " to "
    ),
    "seeds": lambda group: words.seeds(group.runs),
    "settings": lambda group: "".join(f", {word}" for word in variant_of(group.first)),
    "smallest": lambda group: int(group.runs["batch_size"].min()),
    "split": lambda group: ", ".join(["", *filter(None, [trained_share(group.first)])]),
    "variant": lambda group: "".join(f"_{w}" for w in variant_of(group.first)).translate(FILE),
}
