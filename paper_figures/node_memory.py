"""Figure 2(b): seconds per pass in node memory, by where it lies and the number of processes."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from paper_figures import style
from paper_figures.claim import Claim
from paper_figures.claim_text import seeds
from paper_figures.published import published
from paper_figures.records import Record, commands
from paper_figures.run_sets import alike
from paper_figures.verdicts import of_ratio, worst

NUMBER = "Figure 2(b)"
SHOWS = "seconds per pass in node memory on many processes (Figure 2(b))"
COMMAND = "python -m benchmark.run suite=node_memory"
DIFFERS = (
    "Processes of one machine in place of machines: no network lies between them, they share its "
    "cores, and each reads and writes for all trainers that it hosts. The paper does not name its "
    "data set."
)
MEMORIES = {
    "replica": "replica: a copy in every process",
    "daemon": "daemon: one copy in host memory",
    "sharded": "sharded: rows spread over the processes",
}
PARTS = ("memory_read", "memory_write")
MEMORY, SECONDS = "system.node_memory", "seconds_per_pass"


def select(records: list[Record]) -> list[Record]:
    """Runs of suite node_memory that say what they spent in node memory."""
    return [
        record
        for record in records
        if record.suite == "node_memory"
        and record.settings.get(MEMORY) in MEMORIES
        and set(PARTS) <= record.seconds_by_part.keys()
    ]


def draw(records: list[Record], out: Path) -> list[Path]:
    """One figure for each set of runs that differ in memory, processes and seed only."""
    paper = published_bars()
    paths = []
    for number, group in enumerate(comparable(select(records)), start=1):
        table = measured(group)
        name = f"node_memory_{group[0].dataset}" + (f"_{number}" if number > 1 else "")
        with plt.rc_context(style.RC):
            figure = _figure(table, paper, group)
            paths += style.save(figure, pd.concat([table, paper]), out, name)
    return paths


def comparable(records: list[Record]) -> list[list[Record]]:
    """Sets of runs that differ in memory, processes and seed only, that of most runs first."""
    layouts = sorted({record.parallelism for record in records})
    of_layout = [[record for record in records if record.parallelism == name] for name in layouts]
    groups = [group for part in of_layout for group in alike(part, ("processes", MEMORY))]
    return sorted(groups, key=len, reverse=True)


def measured(records: list[Record]) -> pd.DataFrame:
    """Median, lowest and highest seconds per pass over seeds, by memory and processes."""
    rows = [
        {
            "memory": record.settings[MEMORY],
            "processes": record.processes,
            SECONDS: sum(record.seconds_by_part[part] for part in PARTS) / record.passes,
        }
        for record in records
    ]
    bars = pd.DataFrame(rows).groupby(["memory", "processes"], as_index=False)
    table = bars.agg(
        seconds_per_pass=(SECONDS, "median"),
        lowest=(SECONDS, "min"),
        highest=(SECONDS, "max"),
        num_runs=(SECONDS, "size"),
    )
    return table.assign(origin="measured", source=commands(records))


def published_bars() -> pd.DataFrame:
    """Figure 2(b): one process stands for a machine."""
    names = {"num_machines": "processes", "seconds_per_epoch": SECONDS}
    return published("figure_2b").rename(columns=names).assign(memory="sharded", origin="published")


def claims(records: list[Record]) -> list[Claim]:
    """How much longer sharded node memory takes on more processes, of the largest set of runs."""
    groups = comparable(select(records))
    if not groups:
        return []
    group = groups[0]
    ours, paper = growth(measured(group)), growth(published_bars())
    common = sorted((ours.keys() & paper.keys()) - {1})
    if not common:
        return []
    first = group[0]
    return [
        Claim(
            "Node memory sharded over machines takes many times longer than in one place",
            _factors(paper, common, "machines"),
            _factors(ours, common, "processes"),
            f"{first.dataset}, the same {first.num_trainers} trainers on processes of one machine"
            f" ({first.hardware}), {seeds(group)}",
            worst(of_ratio(ours[number], paper[number]) for number in common),
            commands(group),
        )
    ]


def growth(table: pd.DataFrame) -> dict[int, float]:
    """Seconds in sharded memory, by processes, as multiples of those on one; empty without it."""
    bars = table[table["memory"] == "sharded"]
    seconds = dict(zip(bars["processes"], bars[SECONDS], strict=True))
    return {number: value / seconds[1] for number, value in seconds.items()} if 1 in seconds else {}


def _factors(factors: dict[int, float], numbers: list[int], unit: str) -> str:
    return ", ".join(f"{factors[number]:.1f}x on {number} {unit}" for number in numbers)


def _figure(table: pd.DataFrame, paper: pd.DataFrame, records: list[Record]) -> Figure:
    ratios = {"width_ratios": [2.2, 1]}
    figure, (left, right) = plt.subplots(1, 2, figsize=(style.PAGE, 2.3), gridspec_kw=ratios)
    shades = style.shades(style.color_of("disttgl"), len(MEMORIES))
    colors = dict(zip(MEMORIES, shades, strict=True))
    numbers = sorted(table["processes"].unique())
    for place, memory in enumerate(MEMORIES):
        bars = table[table["memory"] == memory]
        shift = 0.28 * (place - (len(MEMORIES) - 1) / 2)
        places = {number: numbers.index(number) + shift for number in bars["processes"]}
        _bars(left, bars, places, 0.26, {"color": colors[memory]})
    machines = list(paper["processes"])
    hollow: dict[str, Any] = {"facecolor": "white", "hatch": style.PUBLISHED_HATCH}
    hollow["edgecolor"] = colors["sharded"]
    _bars(right, paper, {number: n for n, number in enumerate(machines)}, 0.55, hollow)
    left.set_xticks(range(len(numbers)), [str(number) for number in numbers])
    right.set_xticks(range(len(machines)), [str(number) for number in machines])
    left.set(xlabel="processes on one machine", ylabel="seconds per pass in node memory")
    right.set(xlabel="machines (published)")
    handles = [Patch(facecolor=colors[name], label=label) for name, label in MEMORIES.items()]
    handles.append(Patch(**hollow, label="published"))
    style.write_below(figure, _small_print(table, records), handles, ncols=2)
    return figure


def _bars(
    axes: Axes,
    bars: pd.DataFrame,
    places: dict[int, float],
    width: float,
    look: dict[str, Any],
) -> None:
    for row in bars.to_dict("records"):
        x, top = places[row["processes"]], row[SECONDS]
        axes.bar(x, top, width=width, **look)
        if row.get("num_runs", 1) > 1:
            axes.plot([x, x], [row["lowest"], row["highest"]], color="black", lw=0.9)
            top = row["highest"]
        axes.annotate(
            f"{row[SECONDS]:.2f}" if row[SECONDS] < 10 else f"{row[SECONDS]:.1f}",
            (x, top),
            xytext=(0, 1.5),
            textcoords="offset points",
            ha="center",
            fontsize=6.5,
        )
    axes.grid(axis="x", visible=False)
    axes.margins(y=0.12)


def _small_print(table: pd.DataFrame, records: list[Record]) -> str:
    trainers = records[0].num_trainers
    text = style.conditions(records) + (
        f" The same {trainers} trainers ({records[0].parallelism}) on every number of processes;"
        " reads and writes with the waiting for other processes, the mean over processes."
    )
    if (table["num_runs"] > 1).any():
        text += " Bar: median; whisker: lowest to highest run."
    return text + " Hatched: DistTGL Figure 2(b), memory sharded over machines; its own axis."
