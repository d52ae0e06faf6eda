"""Figure 2(b): seconds per epoch in node memory, by where it lies and the number of processes."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.patches import Patch

from benchmark.records import words
from benchmark.records.statistics import Estimate
from paper_figures import style
from paper_figures.figure import Group, Measured, Output, PaperFigure, Rule, measured, published
from paper_figures.selection import has
from paper_figures.tables import rows_of

MEMORIES = {
    "replica": "replica: a copy in every process", "daemon": "daemon: one copy in host memory",
    "sharded": "sharded: rows spread over the processes",
}  # fmt: skip
MEMORY, SECONDS = "settings.system.node_memory", "seconds_per_epoch"
PARTS = ("seconds_by_part.memory_read", "seconds_by_part.memory_write")


def bars_of(group: Group) -> pd.DataFrame:
    """Median, lowest and highest seconds per epoch over seeds, by memory and processes."""
    seconds = group.runs[list(PARTS)].sum(axis=1) / group.runs["epochs"]
    runs = group.runs.assign(memory=group.runs[MEMORY], seconds_per_epoch=seconds)
    table = runs.groupby(["memory", "processes"], as_index=False).agg(
        seconds_per_epoch=(SECONDS, "median"), lowest=(SECONDS, "min"), highest=(SECONDS, "max"),
        num_runs=(SECONDS, "size"),
    )  # fmt: skip
    return table.assign(origin="measured", source=words.commands(group.runs))


def measure(group: Group) -> Iterator[Measured]:
    """How many times longer sharded node memory takes on more processes than on one."""
    table = bars_of(group)
    seconds = table[table["memory"] == "sharded"].set_index("processes")[SECONDS]
    if 1 in seconds.index and len(seconds) > 1:
        times = {number: value / seconds[1] for number, value in seconds.items() if number != 1}
        text = ", ".join(f"{value:.1f}x on {number} processes" for number, value in times.items())
        values = {str(number): Estimate(value) for number, value in times.items()}
        yield measured(group, "growth", values, text)


def draw(group: Group) -> Iterator[Output]:
    """Measured kinds of memory on the left, the published sharded one on the right."""
    paper = published("figure_2b").rename(columns={"num_machines": "processes"})
    table, paper = bars_of(group), paper.assign(memory="sharded")
    ratios = {"width_ratios": [2.2, 1]}
    figure, panels = plt.subplots(1, 2, figsize=(style.PAGE, 2.3), gridspec_kw=ratios)
    shades = style.shades(style.color_of("disttgl"), len(MEMORIES))
    colors = dict(zip(MEMORIES, shades, strict=True))
    hollow = style.hollow(colors["sharded"])
    for axes, bars, width in ((panels[0], table, 0.26), (panels[1], paper, 0.55)):
        numbers = sorted(bars["processes"].unique())
        for row in rows_of(bars):
            ours, top = row["origin"] == "measured", row[SECONDS]
            shift = 0.28 * (list(MEMORIES).index(row["memory"]) - 1) if ours else 0.0
            x = numbers.index(row["processes"]) + shift
            axes.bar(x, top, width, **({"color": colors[row["memory"]]} if ours else hollow))
            if ours and row["num_runs"] > 1:
                top = row["highest"]
                style.whisker(axes, x, (row["lowest"], top))
            style.write(axes, f"{row[SECONDS]:.3g}", x, top, 1.5)
        style.categories(axes, "x", numbers)
        axes.margins(y=0.12)
    panels[0].set(xlabel="processes on one machine", ylabel="seconds per epoch in node memory")
    panels[1].set(xlabel="machines (published)")
    handles = [Patch(facecolor=colors[name], label=label) for name, label in MEMORIES.items()]
    style.legend_below(figure, [*handles, Patch(**hollow, label="published")], 2)
    yield Output(pd.concat([table, paper]), figure)


FIGURES = [
    PaperFigure("node_memory", Rule(
            ("node_memory",), varies=("processes", "system.node_memory"), rank=len,
            needs={"no seconds in node memory": has(PARTS[0]),
                   "another memory": lambda runs: runs[MEMORY].isin(MEMORIES)},
        ), draw, measure),
]  # fmt: skip
