"""What static node memory gives: Figure 5, to each node, and Figure 6, while training."""

from collections.abc import Iterator
from math import atanh, ceil, sqrt, tanh
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd

from benchmark.records import words
from benchmark.records.series import Runs
from benchmark.records.statistics import Estimate
from paper_figures import curves, style, tables
from paper_figures.figure import Claim, Group, Measured, Output, Rule, figure, published
from paper_figures.selection import APART, WITHOUT_EFFECT, foremost, has, trained_share

SETTING = "settings.system.static_memory"
WITH, WITHOUT = "pretrained", "off"
WORDS = {WITH: "with static node memory", WITHOUT: "without"}
APART_BUT_KIND = {name: usual for name, usual in APART.items() if name not in SETTING}
COLORS = {WITH: style.color_of("disttgl"), WITHOUT: style.GREY}
COLUMNS = {"split": str, "node": int, "degree": int, "num_events": int, "mrr": float}
KINDS = {("tgat_one_layer", "pretrained"): "static", ("tgn_attention", "off"): "dynamic"}
DECIMALS = 4  # those of the file; equal differences must be equal, for ranks and for the zeros
NORMAL_QUANTILE = 1.96  # of a 95 % interval
WINDOWS = 20  # a running mean goes over a twentieth of the nodes


@figure("static_memory", Rule(
    ("static_memory", "static_memory_mooc"), together=True, apart=APART_BUT_KIND,
    varies=(*WITHOUT_EFFECT, "system.static_memory"),
    rank=lambda runs: (runs[SETTING].nunique() == 2, *foremost(runs)),
    needs={"no validation MRR": has("metrics.validation_mrr"),
           "another kind of static memory": lambda runs: runs[SETTING].isin(COLORS)},
))  # fmt: skip
def draw_curves(group: Group) -> Iterator[Output]:
    """A panel for each data set, measured and published: MOOC and Flights, of Figure 6."""
    runs = group.runs.assign(static_memory=group.runs[SETTING])
    splits = [(run["dataset"], trained_share(run)) for _, run in runs.iterrows()]
    runs["dataset"] = [", ".join(filter(None, names)) for names in splits]
    runs = runs.drop_duplicates(["dataset", "static_memory", "parallelism", "seed"])
    runs["label"] = runs["static_memory"] + runs["parallelism"]
    sets = tables.sets_by(runs, "dataset", "static_memory", "parallelism", "label")
    paper = published("figure_6").replace({"static_memory": {"on": WITH, "off": WITHOUT}})
    paper["label"] = paper["static_memory"] + paper["parallelism"]
    both = pd.concat([curves.mean_curves(group, sets), paper])
    panels = [
        (f"{dataset}, {origin}", part, curves.looks_by(part, "static_memory", COLORS.__getitem__))
        for (origin, dataset), part in both.groupby(["origin", "dataset"])
    ]
    many = len(panels) > curves.FEW_PANELS
    size = (style.PAGE, 1.7 * ceil(len(panels) / 3)) if many else (style.COLUMN, 3.1)
    picture = curves.draw_panels(panels, size)
    looks = {WORDS[kind]: (color, "") for kind, color in COLORS.items()}
    style.legend_below(picture, [*curves.handles(looks, {}), style.published_handle()])
    told = " ".join(words.conditions(part) for _, part in runs.groupby("dataset"))
    yield Output(both, picture, facts={"conditions": told})


def _kinds(runs: Runs) -> "pd.Series[Any]":
    keys = zip(runs["model"], runs[SETTING], strict=True)
    return pd.Series([KINDS.get(key) for key in keys], runs.index)


def differences(group: Group) -> dict[int, pd.DataFrame]:
    """By seed that has both kinds: ``degree`` and ``static``, ``dynamic`` and their ``difference``.

    These are mean reciprocal ranks of the test events of which a node is the source.
    """
    tables = {}
    for seed, runs in group.runs.assign(kind=_kinds(group.runs)).groupby("seed"):
        folders = dict(zip(runs["kind"], runs.index, strict=True))
        if {"static", "dynamic"} <= folders.keys():
            nodes = read_nodes(folders["static"]).rename(columns={"mrr": "static"})
            nodes["dynamic"] = read_nodes(folders["dynamic"])["mrr"]
            nodes["difference"] = (nodes["static"] - nodes["dynamic"]).round(DECIMALS)
            tables[int(str(seed))] = nodes.dropna()
    return tables


def read_nodes(folder: str) -> pd.DataFrame:
    """The test split of a run's nodes.csv, by node; ValueError if a column cannot be read."""
    path = Path(folder) / "nodes.csv"
    try:
        table = pd.read_csv(path).astype(COLUMNS)
    except (OSError, KeyError, ValueError) as error:
        wanted = ", ".join(COLUMNS)
        raise ValueError(f"{path}: not readable as {wanted} ({error}); run it again") from None
    return table[table["split"] == "test"].drop(columns="split").set_index("node")


def mean_over_seeds(tables: dict[int, pd.DataFrame]) -> pd.DataFrame:
    """The mean of ``differences`` over seeds, the node of the highest degree first."""
    mean = pd.concat(tables).groupby("node").mean().round(DECIMALS).reset_index()
    mean = mean.sort_values(["degree", "node"], ascending=[False, True], ignore_index=True)
    window = max(1, len(mean) // WINDOWS)
    running = mean["difference"].rolling(window, center=True, min_periods=window).mean()
    return mean.assign(running_mean=running, num_runs=len(tables))


def rank_correlation(nodes: pd.DataFrame) -> float:
    """Spearman's, of degree and difference; NaN where all are alike."""
    return float(nodes[["degree", "difference"]].corr("spearman").to_numpy()[0, 1])


def _better(nodes: pd.DataFrame) -> str:
    static, dynamic = nodes["difference"].gt(0).mean(), nodes["difference"].lt(0).mean()
    return f"static better for {static:.0%} of nodes, dynamic for {dynamic:.0%}"


def measure_nodes(_: Claim, group: Group) -> Measured:
    """Whether degree tells which memory serves a node better."""
    tables = differences(group)
    correlations, nodes = [rank_correlation(t) for t in tables.values()], mean_over_seeds(tables)
    text = f"rank correlation {words.median_and_range(correlations, '{:+.2f}')}; {_better(nodes)}"
    size = abs(rank_correlation(nodes))
    error = NORMAL_QUANTILE / sqrt(len(nodes) - 3)  # Fisher's, of tanh^-1
    ends = [tanh(atanh(size) + sign * error) for sign in (-1, 1)] if size < 1 else [size, size]
    return Measured({"": Estimate(size, *ends)}, text, group.runs, facts={"nodes": len(nodes)})


@figure("node_accuracy", Rule(
    ("node_accuracy",), ("node_accuracy",), varies=("model", "system.static_memory"),
    rank=lambda runs: (_kinds(runs).nunique() == 2, len(runs)),
    needs={"neither static nor dynamic memory only": lambda runs: _kinds(runs).notna()},
), {"correlation": measure_nodes})  # fmt: skip
def draw_nodes(group: Group) -> Iterator[Output]:
    """A dot for each node over its rank by degree, and the degrees below."""
    nodes, color = mean_over_seeds(differences(group)), style.color_of("disttgl")
    size = (style.COLUMN, 3.1)
    picture, (top, bottom) = plt.subplots(2, 1, figsize=size, sharex=True, height_ratios=[3, 1])
    top.plot(nodes["difference"], ls="", marker=".", ms=2, mew=0, color=color, alpha=0.45)
    top.plot(nodes["running_mean"], color="black")
    top.axhline(0, color=style.GREY, lw=0.7)
    top.set(ylabel="reciprocal rank,\nstatic less dynamic", ylim=(-1.05, 1.05))
    bottom.plot(nodes["degree"], color=color)
    style.log_axis(bottom, "y", ticks=(1,))
    bottom.set(xlabel="node, by degree", ylabel="degree")
    window = f"running mean of {max(1, len(nodes) // WINDOWS):,} nodes"
    dot = style.line("a node", ls="", marker=".", color=color)
    style.legend_below(picture, [dot, style.line(window, color="black")], 2)
    facts = {"nodes": len(nodes), "better": _better(nodes).capitalize(),
             "correlation": rank_correlation(nodes)}  # fmt: skip
    numbers = nodes.assign(origin="measured", source=words.commands(group.runs))
    yield Output(numbers, picture, facts=facts)
