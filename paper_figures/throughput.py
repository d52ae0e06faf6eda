"""Figure 12: training throughput in total over trainers, and per trainer beside the published."""

from collections.abc import Iterator
from itertools import product
from math import inf
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from benchmark.records.series import SINGLE, Runs, make_series, ran_apart, size_order, system_rank
from benchmark.records.statistics import Estimate
from benchmark.tools.cost_model import Layout, fit
from paper_figures import bars, style, tables
from paper_figures.bars import PALE
from paper_figures.figure import Group, Output, Rule, figure, published
from paper_figures.selection import has
from paper_figures.tables import Row, columns, rows_of

TOTAL, PER_GPU = "thousand_events_per_second", "thousand_events_per_second_per_gpu"
STRATEGIES = {"mini-batch": "{}x1x1", "epoch": "1x{}x1", "memory": "1x1x{}"}  # i, j, k trainers
PROJECTED_SIZES = (2, 4, 8)  # trainers, on one machine of the paper
BATCH_SIZE = 600  # events of one GPU of the paper, on all data sets but GDELT
SHADES = dict(zip(("single", *STRATEGIES), (0.0, 0.45, 0.2, -0.35), strict=True))
NEEDS = {
    "no throughput": has("throughput_events_per_second"),
    "trainers may have shared a core": ran_apart,
}


def strategy_of(parallelism: str) -> str:
    """The paper's name for what "ixjxk" trainers divide: "single", "memory", "epoch + memory"."""
    named = zip(STRATEGIES, parallelism.split("x"), strict=True)
    return " + ".join(name for name, degree in named if degree != "1") or "single"


def bars_of(group: Group) -> pd.DataFrame:
    """Median, lowest and highest throughput of each series, in thousand events per second."""
    sets = []
    for label, difference, runs in make_series(group.runs):
        told = {"variant": ", ".join(difference), "batch_size": int(runs["batch_size"].iloc[0])}
        sets.append((_named(label, *runs[["system", "parallelism"]].iloc[0]) | told, runs))
    return tables.summary(sets, medians=[TOTAL])


def _named(label: str, system: str, parallelism: str) -> dict[str, Any]:
    return {
        "label": label, "system": system, "parallelism": parallelism,
        "strategy": strategy_of(parallelism),
        "num_trainers": Layout.parse(parallelism).num_trainers,
    }  # fmt: skip


def projected(table: pd.DataFrame) -> pd.DataFrame:
    """What more trainers of DistTGL would reach on one machine with a core or device for each.

    By the cost model fitted on the rows of ``table``, for strategies measured with several
    trainers. Few sizes leave its terms open: the ends are of models that fit equally well.
    """
    rows = []
    for variant, part in table[table["system"] == "disttgl"].groupby("variant"):
        if SINGLE not in set(part["parallelism"]):
            continue
        most = part.groupby("strategy")["num_trainers"].max()
        batch_size = part["batch_size"].iloc[0]
        seconds = part["num_trainers"] * batch_size / (1000 * part[TOTAL])
        models = fit(list(map(Layout.parse, part["parallelism"])), list(seconds))
        for strategy, size in product(sorted(STRATEGIES), PROJECTED_SIZES):
            if size <= most.get(strategy, inf):
                continue
            name = STRATEGIES[strategy].format(size)
            totals = [model.throughput(Layout.parse(name), batch_size) / 1000 for model in models]
            label = ", ".join(filter(None, [f"disttgl {name}", str(variant)]))
            rows.append({
                **_named(label, "disttgl", name), "variant": variant, "batch_size": batch_size,
                **columns(TOTAL, Estimate(min(totals), min(totals), max(totals))),
                "num_runs": 0, "origin": "projected",
                "source": f"cost model fitted on the measured {', '.join(part['parallelism'])}",
            })  # fmt: skip
    return pd.DataFrame(rows, columns=table.columns)


def published_bars(dataset: str, most: int) -> pd.DataFrame:
    """Figure 12(b) up to ``most`` trainers; totals are per GPU times GPUs."""
    bars = published("figure_12b", dataset=dataset).dropna(subset=[PER_GPU])
    bars = bars[(bars["num_machines"] == 1) & (bars["num_gpus"] <= most)]
    return bars.rename(columns={"num_gpus": "num_trainers"}).assign(
        origin="published", label=bars["system"] + " " + bars["parallelism"],
        **{TOTAL: bars[PER_GPU] * bars["num_gpus"]},
    )  # fmt: skip


def _rank(runs: Runs) -> tuple[object, ...]:
    """The suite that takes the most care first."""
    suites = ("quick", "time_to_accuracy", "scaling")
    return max(map(suites.index, runs["suite"])), len(runs)


@figure("throughput", Rule(
    ("scaling", "time_to_accuracy", "quick"), needs=NEEDS, rank=_rank,
    varies=("system", "model", "processes"),
))  # fmt: skip
def draw(group: Group) -> Iterator[Output]:
    """Totals over trainers on the left; per trainer, measured beside published, on the right."""
    ours = bars_of(group)
    table = pd.concat([ours, projected(ours)], ignore_index=True)
    paper = published_bars(group.dataset, int(table["num_trainers"].max()))
    table = pd.concat([table, paper], ignore_index=True)
    rows = sorted(rows_of(table), key=_order)
    colors = {row["label"]: _color(row) for row in rows}
    picture, (left, right) = plt.subplots(1, 2, figsize=(style.PAGE, 0.9 + 0.24 * len(colors)))
    _totals(left, table, colors)
    _per_trainer(right, table, colors)
    named = {f"disttgl, {r['strategy']}" if r["system"] == "disttgl" else r["system"]: _color(r)
             for r in rows}  # fmt: skip
    looks = {"published": style.hollow(style.GREY), "projected": {"facecolor": style.GREY, **PALE}}
    told = {"published": "published (left: a line)", "projected": "projected, a range"}
    origins = [name for name in looks if name in set(table["origin"])]
    bars.legend(picture, named, [Patch(label=told[name], **looks[name]) for name in origins])
    yield Output(table, picture)


def _totals(axes: Axes, table: pd.DataFrame, colors: dict[str, Any]) -> None:
    """Bars by the number of trainers; published totals as points."""
    table = table.sort_values("num_trainers")
    places, width = bars.places_of(table, "num_trainers", "label", list(colors))
    theirs, hues = table["origin"] == "published", table["label"].map(colors)
    bars.draw(axes, table[~theirs], TOTAL, places, width, hues)
    axes.scatter(
        places[theirs], table.loc[theirs, TOTAL], 60, hues[theirs], marker="_", lw=1.4, zorder=2
    )
    style.categories(axes, "x", list(table["num_trainers"].unique()))
    axes.set(xlabel="trainers", ylabel="thousand training events per second")


def _per_trainer(axes: Axes, table: pd.DataFrame, colors: dict[str, Any]) -> None:
    """A row for each configuration, the published bar below ours."""
    totals = [TOTAL, f"{TOTAL}_low", f"{TOTAL}_high"]
    each = table.assign(**table[totals].div(table["num_trainers"], axis=0))
    rows = table["label"].map(list(colors).index) - 0.2
    rows += 0.4 * (table["origin"] == "published")
    hues = table["label"].map(colors)
    bars.draw(axes, each, TOTAL, rows, 0.36, hues, "{:.1f}".format, 5.5, flat=True)
    style.categories(axes, "y", list(colors))
    axes.set(xlabel="thousand training events per second and trainer", xmargin=0.1)
    axes.set_ylim(len(colors) - 0.5, -0.5)


def _color(row: Any) -> Any:
    """The system's colour, in the shade of the strategy."""
    shade = 0.0 if row["system"] != "disttgl" else SHADES.get(row["strategy"], -0.5)
    return style.mixed(style.color_of(row["system"]), shade)


def _order(row: Row) -> tuple[Any, ...]:
    return (*system_rank(row["system"]), *size_order(row["parallelism"]), row["label"])
