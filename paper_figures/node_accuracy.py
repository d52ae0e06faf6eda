"""Figure 5: what static and what dynamic node memory alone give each node."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd

from benchmark.records import words
from benchmark.records.reader import read_table
from benchmark.records.series import Runs
from benchmark.records.statistics import rank_correlation
from paper_figures import pictures
from paper_figures.figure import Claim, Group, Measured, Output, figure

COLUMNS = {"split": str, "node": int, "degree": int, "num_events": int, "mrr": float}
KINDS = {("tgat_one_layer", "pretrained"): "static", ("tgn_attention", "off"): "dynamic"}
DECIMALS = 4  # those of the file; equal differences must be equal, for ranks and for the zeros
PAIR = ("degree", "difference")
WINDOWS = 20  # a running mean goes over a twentieth of the nodes


def _kinds(runs: Runs) -> "pd.Series[Any]":
    keys = zip(runs["model"], runs["settings.system.static_memory"], strict=True)
    return pd.Series([KINDS.get(key) for key in keys], runs.index)


def by_seed(group: Group) -> pd.DataFrame:
    """By seed and node ``degree``, ``static`` and ``dynamic``, and their ``difference``.

    These are mean reciprocal ranks of the test events of which a node is the source.
    """
    told = zip(group.runs.index, _kinds(group.runs), group.runs["seed"], strict=True)
    parts = [read_table(Path(run) / "nodes.csv", COLUMNS).assign(kind=kind, seed=seed)
             for run, kind, seed in told]  # fmt: skip
    table = pd.concat(parts).query("split == 'test'")
    keys = ["seed", "node", "degree", "num_events"]
    table = table.pivot_table("mrr", keys, "kind", aggfunc="last").dropna()
    table = table[["static", "dynamic"]].reset_index()
    return table.assign(difference=(table["static"] - table["dynamic"]).round(DECIMALS))


def mean_over_seeds(table: pd.DataFrame) -> pd.DataFrame:
    """The mean of ``by_seed``, the node of the highest degree first, and a running mean."""
    mean = table.drop(columns="seed").groupby("node").mean().round(DECIMALS).reset_index()
    mean = mean.sort_values(["degree", "node"], ascending=[False, True], ignore_index=True)
    window = max(1, len(mean) // WINDOWS)
    running = mean["difference"].rolling(window, center=True, min_periods=window).mean()
    return mean.assign(running_mean=running, num_runs=table["seed"].nunique())


def _better(nodes: pd.DataFrame) -> str:
    static, dynamic = nodes["difference"].gt(0).mean(), nodes["difference"].lt(0).mean()
    return f"static better for {static:.0%} of nodes, dynamic for {dynamic:.0%}"


def measure(_: Claim, group: Group) -> Measured:
    """Whether degree tells which memory serves a node better."""
    table = by_seed(group)
    nodes = mean_over_seeds(table)
    correlations = [rank_correlation(part, *PAIR).value for _, part in table.groupby("seed")]
    text = f"rank correlation {words.median_and_range(correlations, '{:+.2f}')}; {_better(nodes)}"
    size = rank_correlation(nodes, *PAIR, sign=False)
    return Measured({"": size}, text, group.runs, facts={"nodes": len(nodes)})


@figure(
    "node_accuracy", {"correlation": measure}, varies=("model", "system.static_memory"),
    rank=lambda runs: (_kinds(runs).nunique() == len(KINDS), len(runs)),
    needs={"neither static nor dynamic memory only": lambda runs: _kinds(runs).notna()},
)  # fmt: skip
def draw(group: Group) -> Iterator[Output]:
    """A dot for each node over its rank by degree, and the degrees below."""
    nodes, color = mean_over_seeds(by_seed(group)), pictures.color_of("disttgl")
    size = (pictures.COLUMN, 3.1)
    picture, (top, bottom) = plt.subplots(2, 1, figsize=size, sharex=True, height_ratios=[3, 1])
    top.plot(nodes["difference"], ls="", marker=".", ms=2, mew=0, color=color, alpha=0.45)
    top.plot(nodes["running_mean"], color="black")
    top.axhline(0, color=pictures.GREY, lw=0.7)
    top.set(ylabel="reciprocal rank,\nstatic less dynamic", ylim=(-1.05, 1.05))
    bottom.plot(nodes["degree"], color=color)
    pictures.log_axis(bottom, "y", ticks=(1,))
    bottom.set(xlabel="node, by degree", ylabel="degree")
    window = f"running mean of {max(1, len(nodes) // WINDOWS):,} nodes"
    dot = {"ls": "", "marker": ".", "color": color}
    pictures.legend_below(picture, {"a node": dot, window: {"color": "black"}}, 2)
    facts = {"nodes": len(nodes), "better": _better(nodes).capitalize(),
             "correlation": rank_correlation(nodes, *PAIR).value}  # fmt: skip
    numbers = nodes.assign(origin="measured", source=words.commands(group.runs))
    yield Output(numbers, picture, facts=facts)
