"""Figure 5: accuracy of each node with static less that with dynamic memory, by degree."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from paper_figures import style
from paper_figures.claim import Claim, Verdict
from paper_figures.claim_text import median_and_range, seeds
from paper_figures.records import Record, RecordError, commands
from paper_figures.run_sets import alike

NUMBER = "Figure 5"
SHOWS = "accuracy of each node with static less that with dynamic memory (Figure 5)"
COMMAND = "python -m benchmark.run suite=node_accuracy"
DIFFERS = (
    "Static only is one layer of TGAT, which has no dynamic memory, with pre-trained static "
    "memory; dynamic only is TGN-attn without it. The copy of the data has no edge features, and "
    "the paper's axis has no numbers."
)
FILE = "nodes.csv"
COLUMNS = {"split": str, "node": int, "degree": int, "num_events": int, "mrr": float}
STATIC, DYNAMIC = {"tgat_one_layer": "pretrained"}, {"tgn_attention": "off"}
SPLIT = "test"
DECIMALS = 4  # those of the file; equal differences must be equal, for ranks and for the zeros
WINDOWS = 20  # a running mean goes over a twentieth of the nodes
NO_LINK, WEAK_LINK = 0.1, 0.3  # rank correlations; Cohen's small and medium


def select(records: list[Record]) -> list[Record]:
    """Runs with the accuracy of each node, of static memory only or of dynamic memory only."""
    return [
        record
        for record in records
        if (_is(record, STATIC) or _is(record, DYNAMIC)) and (record.folder / FILE).exists()
    ]


def _is(record: Record, kind: dict[str, str]) -> bool:
    memory = record.settings.get("system.static_memory")
    return memory is not None and kind.get(record.model) == memory


def draw(records: list[Record], out: Path) -> list[Path]:
    """One figure for each data set with both kinds of memory."""
    paths = []
    for group in pairs(select(records)):
        nodes = mean_over_seeds(group)
        table = nodes.assign(origin="measured", source=commands(group))
        with plt.rc_context(style.RC):
            figure = _figure(nodes, group)
            paths += style.save(figure, table, out, f"node_accuracy_{group[0].dataset}")
    return paths


def pairs(records: list[Record]) -> list[list[Record]]:
    """For each data set its largest set of runs, alike but for memory and seed, with both kinds."""
    varying = ("model", "system.static_memory")
    groups: dict[str, list[Record]] = {}
    for group in alike(records, varying):
        largest = groups.get(group[0].dataset, [])
        if differences(group) and len(group) > len(largest):
            groups[group[0].dataset] = group
    return list(groups.values())


def differences(records: list[Record]) -> dict[int, pd.DataFrame]:
    """By seed that has both kinds: ``degree`` and ``static``, ``dynamic`` and their ``difference``.

    These are mean reciprocal ranks of the test events of which a node is the source.
    """
    static = {record.seed: record for record in records if _is(record, STATIC)}
    dynamic = {record.seed: record for record in records if _is(record, DYNAMIC)}
    tables = {}
    for seed in sorted(static.keys() & dynamic.keys()):
        nodes = read_nodes(static[seed].folder / FILE).rename(columns={"mrr": "static"})
        nodes["dynamic"] = read_nodes(dynamic[seed].folder / FILE)["mrr"]
        nodes["difference"] = (nodes["static"] - nodes["dynamic"]).round(DECIMALS)
        tables[seed] = nodes.dropna()
    return tables


def read_nodes(path: Path) -> pd.DataFrame:
    """The nodes of the test split, by node; raises RecordError if a column cannot be read."""
    try:
        table = pd.read_csv(path).astype(COLUMNS)
    except (OSError, KeyError, ValueError) as error:
        wanted = ", ".join(COLUMNS)
        raise RecordError(f"{path}: not readable as {wanted} ({error}); run it again") from None
    return table[table["split"] == SPLIT].drop(columns="split").set_index("node")


def mean_over_seeds(records: list[Record]) -> pd.DataFrame:
    """The mean of ``differences`` over seeds, the node of the highest degree first."""
    tables = differences(records)
    mean = pd.concat(tables).groupby("node").mean().round(DECIMALS).reset_index()
    mean = mean.sort_values(["degree", "node"], ascending=[False, True], ignore_index=True)
    window = max(1, len(mean) // WINDOWS)
    running = mean["difference"].rolling(window, center=True, min_periods=window).mean()
    whole = {"node": int, "degree": int, "num_events": int}
    return mean.astype(whole).assign(running_mean=running, num_runs=len(tables))


def rank_correlation(nodes: pd.DataFrame) -> float:
    """Spearman's, of degree and difference."""
    return float(nodes["degree"].rank().corr(nodes["difference"].rank()))


def claims(records: list[Record]) -> list[Claim]:
    """One for each data set: whether degree tells which memory serves a node better."""
    return [_claim(group) for group in pairs(select(records))]


def _claim(records: list[Record]) -> Claim:
    correlations = [rank_correlation(nodes) for nodes in differences(records).values()]
    nodes = mean_over_seeds(records)
    return Claim(
        "Which memory serves a node better has no link with its degree",
        "none to be seen (no number)",
        f"rank correlation {median_and_range(correlations, '{:+.2f}')}; {_better(nodes)}",
        f"{records[0].dataset}, {len(nodes):,} sources of test events, "
        f"{records[0].passes:g} passes, {seeds(records)}",
        of_correlation(max(correlations, key=abs)),
        commands(records),
    )


def of_correlation(value: float) -> Verdict:
    """No link up to ``NO_LINK``, a weak one up to ``WEAK_LINK``, none where all are alike."""
    if pd.isna(value):
        return Verdict.INCOMPARABLE
    if abs(value) <= NO_LINK:
        return Verdict.REPRODUCED
    return Verdict.PARTLY if abs(value) <= WEAK_LINK else Verdict.CONTRADICTED


def _better(nodes: pd.DataFrame) -> str:
    static, dynamic = (nodes["difference"] > 0).mean(), (nodes["difference"] < 0).mean()
    return f"static better for {static:.0%} of nodes, dynamic for {dynamic:.0%}"


def _figure(nodes: pd.DataFrame, records: list[Record]) -> Figure:
    ratios = {"height_ratios": [3, 1]}
    size = (style.COLUMN, 3.1)
    figure, (top, bottom) = plt.subplots(2, 1, figsize=size, sharex=True, gridspec_kw=ratios)
    color = style.color_of("disttgl")
    top.plot(nodes["difference"], ls="", marker=".", ms=2, mew=0, color=color, alpha=0.45)
    top.plot(nodes["running_mean"], color="black")
    top.axhline(0, color=style.GREY, lw=0.7)
    top.set(ylabel="reciprocal rank,\nstatic less dynamic", ylim=(-1.05, 1.05))
    bottom.plot(nodes["degree"], color=color)
    style.log_axis(bottom, "y", ticks=(1,))
    bottom.set(xlabel="node, by degree", ylabel="degree")
    window = max(1, len(nodes) // WINDOWS)
    handles = [
        Line2D([], [], ls="", marker=".", color=color, label="a node"),
        Line2D([], [], color="black", label=f"running mean of {window:,} nodes"),
    ]
    style.write_below(figure, _small_print(nodes, records), handles, ncols=2)
    return figure


def _small_print(nodes: pd.DataFrame, records: list[Record]) -> str:
    correlation = rank_correlation(nodes)
    first = records[0]
    return (
        f"Measured: {first.dataset}, {len(nodes):,} sources of test events, {seeds(records)}. Above"
        f" 0, static memory only is better. {_better(nodes).capitalize()}. Rank correlation with"
        f" degree: {correlation:+.2f}. The published figure has no numbers to draw here."
    )
