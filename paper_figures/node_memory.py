"""Figure 2(b): seconds per epoch in node memory, by where it lies and the number of processes."""

from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.patches import Patch

from benchmark.records import words
from benchmark.records.statistics import Estimate
from paper_figures import style
from paper_figures.claims import Measured
from paper_figures.figure import Output, PaperFigure, measured
from paper_figures.published import published
from paper_figures.selection import Group, Rule, has

MEMORIES = {
    "replica": "replica: a copy in every process",
    "daemon": "daemon: one copy in host memory",
    "sharded": "sharded: rows spread over the processes",
}
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
    if 1 not in seconds.index or len(seconds) < 2:
        return
    times = {number: value / seconds[1] for number, value in seconds.items() if number != 1}
    first = group.first
    where = (
        f"{group.dataset}, the same {first['num_trainers']} trainers on processes of one machine "
        f"({first['hardware']}), {words.seeds(group.runs)}"
    )
    text = ", ".join(f"{value:.1f}x on {number} processes" for number, value in times.items())
    values = {str(number): Estimate(value) for number, value in times.items()}
    yield measured(group, "growth", values, text, where)


def draw(group: Group) -> Iterator[Output]:
    """Measured kinds of memory on the left, the published sharded one on the right."""
    names = {"num_machines": "processes"}
    paper = (
        published("figure_2b").rename(columns=names).assign(memory="sharded", origin="published")
    )
    table = bars_of(group)
    figure, panels = plt.subplots(
        1, 2, figsize=(style.PAGE, 2.3), gridspec_kw={"width_ratios": [2.2, 1]}
    )
    colors = dict(
        zip(MEMORIES, style.shades(style.color_of("disttgl"), len(MEMORIES)), strict=True)
    )
    hollow: dict[str, Any] = {
        "facecolor": "white",
        "hatch": style.PUBLISHED_HATCH,
        "edgecolor": colors["sharded"],
    }
    for axes, bars, width in ((panels[0], table, 0.26), (panels[1], paper, 0.55)):
        numbers = sorted(bars["processes"].unique())
        for row in bars.to_dict("records"):
            ours = row["origin"] == "measured"
            shift = 0.28 * (list(MEMORIES).index(row["memory"]) - 1) if ours else 0.0
            x, top = numbers.index(row["processes"]) + shift, row[SECONDS]
            axes.bar(x, top, width=width, **({"color": colors[row["memory"]]} if ours else hollow))
            if ours and row["num_runs"] > 1:
                axes.plot([x, x], [row["lowest"], row["highest"]], color="black", lw=0.9)
                top = row["highest"]
            axes.annotate(f"{row[SECONDS]:.3g}", (x, top), (0, 1.5), textcoords="offset points",
                          ha="center", fontsize=6.5)  # fmt: skip
        axes.set_xticks(range(len(numbers)), [str(number) for number in numbers])
        axes.grid(axis="x", visible=False)
        axes.margins(y=0.12)
    panels[0].set(xlabel="processes on one machine", ylabel="seconds per epoch in node memory")
    panels[1].set(xlabel="machines (published)")
    handles = [Patch(facecolor=colors[name], label=label) for name, label in MEMORIES.items()]
    style.legend_below(figure, [*handles, Patch(**hollow, label="published")], 2)
    caption = (
        f"{words.conditions(group.runs)} The same {group.first['num_trainers']} trainers"
        f" ({group.first['parallelism']}) on every number of processes; reads and writes with the"
        " waiting for other processes, the mean over processes. Bar: median; whisker: lowest to"
        " highest run. Hatched: DistTGL Figure 2(b), memory sharded over machines; its own axis."
    )
    yield Output(f"node_memory_{group.dataset}", pd.concat([table, paper]), caption, figure)


FIGURES = [
    PaperFigure("node_memory", Rule(
            ("node_memory",), varies=("processes", "system.node_memory"), rank=len,
            needs={"no seconds in node memory": has(PARTS[0]),
                   "another memory": lambda runs: runs[MEMORY].isin(MEMORIES)},
        ), draw, measure),
]  # fmt: skip
