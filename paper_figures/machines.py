"""Figure 2(b) between two machines: what node memory costs over a network, and what crosses it."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import pandas as pd

from benchmark.records.series import column
from benchmark.records.statistics import Estimate
from benchmark.tools.cost_model import Link, Traffic, over
from paper_figures import style, tables
from paper_figures.figure import Group, Measured, Output, PaperFigure, Rule, measured, published
from paper_figures.selection import has
from paper_figures.strategies import KIND, PARTS
from paper_figures.tables import rows_of

LINK, RATE, MESSAGE = (
    "settings.machines.link", "environment.link.megabits_per_second", "environment.link.message_ms",
)  # fmt: skip
PURPOSES = ("gradients", "node_memory", "evaluation", "interface")  # megabytes
FITTED_ON = "unlimited"  # the link whose iterations predict those over others
SERIES = (("1x1x2", "replica"), ("1x1x2", "daemon"), ("1x1x2", "sharded"), ("2x1x1", "sharded"))
LOCAL, SHARDED, MINI_BATCH = SERIES[1:]


def over_links(group: Group) -> pd.DataFrame:
    """Medians over seeds, links from fast to slow: of an iteration and machine milliseconds and
    megabytes, and the milliseconds ``predicted`` from the bytes and those over ``FITTED_ON``."""
    runs, drawn = group.runs, group.records.evaluations
    iterations = runs.index.map(drawn.groupby("run")["iteration"].max())
    megabytes = {name: column(runs, f"bytes_sent.{name}") / iterations / 1e6 for name in PURPOSES}
    runs = runs.assign(
        link=runs[LINK], memory=runs[KIND], rate=runs[RATE], message=runs[MESSAGE],
        iteration_ms=1000 * runs["seconds.train"] / iterations,
        memory_ms=1000 * runs[PARTS].sum(axis=1) / iterations,
        **megabytes,
    )  # fmt: skip
    by = ["link", "parallelism", "memory"]
    names = ("rate", "message", "iteration_ms", "throughput_events_per_second", *PURPOSES)
    more = {name: (name, "median") for name in names}
    table = tables.spread(runs, by, "memory_ms", "median", **more).fillna({"node_memory": 0.0})
    table["series"] = list(zip(table["parallelism"], table["memory"], strict=True))
    known = table[table["link"] == FITTED_ON].set_index("series")
    table["predicted"] = [_predicted(row, known) for row in rows_of(table)]
    return table.sort_values(["rate", "series"], ascending=[False, True], ignore_index=True)


def _predicted(row: tables.Row, known: pd.DataFrame) -> float | None:
    if row["link"] == FITTED_ON or row["series"] not in known.index:
        return None
    base = known.loc[row["series"]]
    here, there = (Link(1e6 / 8 * one["rate"], one["message"] / 1000) for one in (row, base))
    sent = 1e6 * (base["gradients"] + base["node_memory"])
    traffic = Traffic.of_iteration(sent, 2, row["memory"] == "sharded")
    return 1000 * over(here, base["iteration_ms"] / 1000, there, traffic)


def measure(group: Group) -> Iterator[Measured]:
    """How many times longer sharding takes, the prediction's error, and the bytes of Table 1."""
    table = over_links(group)
    milliseconds = table.pivot_table("memory_ms", "link", "series", sort=False)
    times = milliseconds[SHARDED] / milliseconds[LOCAL]
    text = ", ".join(f"{times[link]:.1f}x ({link})" for link in times.index)
    yield measured(group, "growth over links", {str(k): Estimate(v) for k, v in times.items()}, text)
    errors = (table["predicted"] / table["iteration_ms"] - 1).abs().groupby(table["link"]).max()
    text = ", ".join(f"{error:.0%} ({link})" for link, error in errors.dropna().items())
    yield measured(group, "prediction over links", float(errors.max()), text)
    sent = table.groupby("series")[list(PURPOSES)].median()
    less, more = (sent.loc[[one]].iloc[0] for one in (LOCAL, MINI_BATCH))
    text = ", ".join(
        f"{name} {one['gradients']:.2f} + {one['node_memory']:.2f}"
        for name, one in (("memory", less), ("mini-batch", more))
    )
    apart = float(more["node_memory"] - less["node_memory"])
    yield measured(group, "bytes of synchronisation", apart, f"MB an iteration: {text}")


def draw(group: Group) -> Iterator[Output]:
    """Milliseconds in node memory by link, the published seconds, and whole iterations."""
    table, paper = over_links(group), published("figure_2b")
    figure, panels = plt.subplots(1, 3, figsize=(style.PAGE, 2.5), width_ratios=[2, 0.8, 2])
    colors = dict(zip(SERIES, style.shades(style.color_of("disttgl"), len(SERIES)), strict=True))
    links = list(table["link"].unique())
    for row in rows_of(table):
        x = links.index(row["link"]) + 0.2 * (SERIES.index(row["series"]) - 1.5)
        for axes, name in ((panels[0], "memory_ms"), (panels[2], "iteration_ms")):
            axes.bar(x, row[name], 0.19, color=colors[row["series"]])
        style.whisker(panels[0], x, (row["lowest"], row["highest"]))
        style.write(panels[0], f"{row['memory_ms']:.2g}", x, row["highest"], 1.5, size=5)
        panels[2].plot(x, row["predicted"], "D", color="black", ms=2.5)
    for place, row in enumerate(rows_of(paper)):
        panels[1].bar(place, row["seconds_per_epoch"], 0.6, **style.hollow(style.GREY))
        style.write(panels[1], f"{row['seconds_per_epoch']:.3g}", place, row["seconds_per_epoch"], 1.5)
    for axes, texts in zip(panels, (links, paper["num_machines"], links), strict=True):
        style.log_axis(axes, "y")
        style.categories(axes, "x", texts)
        axes.margins(y=0.15)
    panels[0].set(ylabel="ms of an iteration in node memory", xlabel="link of two machines")
    panels[1].set(ylabel="seconds per epoch in it", xlabel="machines (published)")
    panels[2].set(ylabel="ms of an iteration", xlabel="link of two machines")
    handles = [style.line(" ".join(one), color=colors[one], lw=4) for one in SERIES]
    handles.append(style.line("predicted from bytes", color="black", marker="D", lw=0, ms=3))
    style.legend_below(figure, handles, 5)
    numbers = pd.concat([table.drop(columns="series"), paper]).assign(dataset=group.dataset)
    yield Output(numbers, figure)


RULE = Rule(
    ("machines",), varies=("machines.link", "system.node_memory"), rank=len,
    needs={
        "the link has no name or was not measured": lambda runs: has(LINK)(runs) & has(RATE)(runs),
        "another layout": lambda runs: pd.Series(
            [pair in SERIES for pair in zip(runs["parallelism"], runs[KIND], strict=True)],
            runs.index, dtype=bool),
    },
)  # fmt: skip

FIGURES = [PaperFigure("machines", RULE, draw, measure)]
