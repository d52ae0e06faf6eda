"""Figure 12: training throughput by system and i x j x k, and of one trainer beside peers."""

from collections.abc import Iterator
from itertools import product
from math import inf
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from benchmark.records import words
from benchmark.records.series import (
    SINGLE,
    Runs,
    alike,
    make_series,
    ran_apart,
    size_order,
    system_rank,
)
from benchmark.records.statistics import Estimate
from benchmark.tools.cost_model import Layout, fit
from paper_figures import bars, style, tables
from paper_figures.bars import PALE
from paper_figures.figure import Group, Output, Rule, figure, published
from paper_figures.selection import has
from paper_figures.tables import Row, columns

TOTAL, PER_GPU = "thousand_events_per_second", "thousand_events_per_second_per_gpu"
STRATEGIES = {"mini-batch": "{}x1x1", "epoch": "1x{}x1", "memory": "1x1x{}"}  # i, j, k trainers
PROJECTED_SIZES = (2, 4, 8)  # trainers, on one machine of the paper
BATCH_SIZE = 600  # events of one GPU of the paper, on all data sets but GDELT
SHADES = dict(zip(("single", *STRATEGIES), (0.0, 0.45, 0.2, -0.35), strict=True))
NEEDS = {
    "no throughput": has("throughput_events_per_second"),
    "trainers may have shared a core": ran_apart,
}
BASELINE, OURS = "tgn", "disttgl"
RATIO, SHARE = "times_tgn", "share_of_floor"
COMPARED = {RATIO: "training events per second, by those of TGN",
            SHARE: "share of the floor that dense products set"}  # fmt: skip
FEATURES = "edge_features"
PRECISION = "settings.system.precision"
OF_SYSTEM = ("settings.system.", "settings.model.", "system", "model",
             "settings.random_edge_features", "batch_size")  # fmt: skip
SORTED = {"batch_size": False, "edge_features": False, "label": True, "seed": True}  # ascending


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
    rows = sorted(table.to_dict("records"), key=_order)
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


def repeats(group: Group) -> pd.DataFrame:
    """A row for each run: events per second, by those of TGN in the same repeat, by the floor.

    A repeat is a seed: systems take turns within it. The floor is the operation count of the run's
    mean batch at the largest rate of products among the repeats, as disturbed ones are slower.
    """
    of_systems = alike(group.runs, ("system", "model", "processes"))
    sets = [one for runs in of_systems for _, one in runs.groupby(PRECISION, dropna=False)]
    differing = words.settings_that_differ(pd.DataFrame([runs.iloc[0] for runs in sets]))
    differing = [n for n in differing if n == PRECISION or not n.startswith(OF_SYSTEM)]
    parts = []
    for runs in sets:
        case = _case(runs.iloc[0], differing)
        by_tgn = tables.times(runs, TOTAL, runs["system"] == BASELINE, ["seed"])
        for label, _, one in make_series(runs):
            flops = one["operation_floor.gflop_per_second"]
            floor = one["operation_floor.events_per_second"] * flops.max() / flops
            share = {SHARE: 1000 * one[TOTAL] / floor, RATIO: by_tgn[one.index]}
            parts.append(one.assign(case=case, label=label, source=one["command"], **share))
    table = pd.concat(parts).assign(origin="measured")
    table = table.sort_values([*SORTED], ascending=[*SORTED.values()], ignore_index=True)
    return table[["case", *SORTED, "system", TOTAL, SHARE, RATIO, "origin", "source"]]


def _case(run: "pd.Series[float]", differing: list[str]) -> str:
    """Batch size, edge features and whatever else tells sets of runs apart."""
    named = [f"batch {run['batch_size']:.0f}", f"{run[FEATURES]:.0f} edge features"]
    more = [f"{words.short(name)}={run[name]}" for name in differing]
    return ", ".join([*named, *more]).replace(" 0 edge", " no edge")


def published_ratio(group: Group, table: pd.DataFrame) -> pd.DataFrame:
    """Events per second of DistTGL by TGN's, one GPU each, in the cases with the paper's batch."""
    bars = published("figure_12b", dataset=group.dataset, parallelism=SINGLE)
    rates = bars.set_index("system")[PER_GPU].reindex([OURS, BASELINE])
    cases = table.loc[table["batch_size"] == BATCH_SIZE, "case"].unique()
    paper = {"case": cases, "label": "disttgl 1x1x1", RATIO: rates[OURS] / rates[BASELINE],
             "origin": "published", "source": "DistTGL Figure 12(b) (printed)"}  # fmt: skip
    return pd.DataFrame(paper).dropna()


@figure("peers", Rule(
    ("peers",), ("link_speed",), varies=None, any_stream=True,
    needs={"no throughput": has(TOTAL), "several trainers": lambda runs: runs["num_trainers"] == 1},
))  # fmt: skip
def draw_peers(group: Group) -> Iterator[Output]:
    """A dot for each repeat and a line at their median: by TGN, and by the floor."""
    table = repeats(group)
    paper, cases = published_ratio(group, table), list(table["case"].unique())
    size = (style.PAGE, 0.8 + 0.32 * len(cases))
    picture, panels = plt.subplots(1, 2, figsize=size, sharey=True)
    for axes, (value, title) in zip(panels, COMPARED.items(), strict=True):
        drawn = table[table[value].notna() & (table["system"] != BASELINE)]
        for (case, system, _), runs in drawn.groupby(["case", "system", "label"]):
            color, place = style.color_of(str(system)), cases.index(str(case))
            middle = runs[value].median()
            axes.plot(runs[value], [place] * len(runs), "o", color=color, alpha=0.6, ms=4)
            axes.vlines(middle, place - 0.22, place + 0.22, color=color, lw=1.6)
            style.write(axes, f"{middle:.2f}", middle, place, 8)
        style.categories(axes, "y", cases)
        axes.set(xlabel=title, ylim=(len(cases) - 0.5, -0.5))
    color, places = style.color_of(OURS), paper["case"].map(cases.index)
    dashes = {"color": color, "ls": style.PUBLISHED_DASHES, "lw": 1}
    panels[0].vlines(paper[RATIO], places - 0.4, places + 0.4, **dashes)
    panels[0].axvline(1, color=style.color_of(BASELINE))
    for axes in panels:
        axes.set_xlim(left=0)
    looks = {name: {} if name == BASELINE else {"marker": "o", "lw": 0} for name in table["system"]}
    handles = [style.line(name, color=style.color_of(name), **look) for name, look in looks.items()]
    style.legend_below(picture, [*handles, *([style.published_handle()] if len(paper) else [])])
    yield Output(pd.concat([table, paper]), picture)
