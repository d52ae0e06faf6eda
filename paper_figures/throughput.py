"""Figure 12: training throughput by system and i x j x k, and of one trainer beside peers."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd

from benchmark.records import tables
from benchmark.records.series import (
    SINGLE,
    make_series,
    ran_apart,
    size_order,
    system_rank,
)
from benchmark.records.statistics import Estimate
from benchmark.tools.cost_model import Layout, fit
from paper_figures import pictures
from paper_figures.figure import Group, Output, figure, published

TOTAL, PER_GPU = "thousand_events_per_second", "thousand_events_per_second_per_gpu"
STRATEGIES = ("1x{}x1", "1x1x{}", "{}x1x1")  # by epoch, memory and mini-batch
SIZES = (2, 4, 8)  # trainers, on one machine of the paper
BATCH_SIZE = 600  # events of one GPU of the paper, on all data sets but GDELT
SUITES = ("quick", "time_to_accuracy", "scaling")  # that which takes the most care last
NEEDS = {"trainers may have shared a core": ran_apart}
BASELINE, OURS = "tgn", "disttgl"
RATIO, SHARE, FASTEST = "times_tgn", "share_of_floor", "times_fastest_tgn"
COMPARED = {RATIO: "training events/s by those of TGN", SHARE: "share of the products' floor"}
DIAMOND = {"marker": "D", "lw": 0, "ms": 4, "mfc": "white"}
SOURCE = "DistTGL Figure 12(b) (printed)"
PRECISION = "settings.system.precision"
ABOVE: dict[str, Any] = {"textcoords": "offset points", "ha": "center", "fontsize": 6.5}
ORDER = ("batch_size", "edge_features", "case", "label", "seed")  # the first three falling


def bars_of(group: Group) -> pd.DataFrame:
    """Median, lowest and highest throughput of each series, in thousand events per second."""
    kept, sets = ["system", "parallelism", "num_trainers", "batch_size"], []
    for label, difference, runs in make_series(group.runs):
        told = {"label": label, "variant": ", ".join(difference), **runs.iloc[0][kept]}
        sets.append((told, runs))
    return tables.summary(sets, medians=[TOTAL])


def projected(table: pd.DataFrame) -> pd.DataFrame:
    """What more trainers of DistTGL would reach on one machine with a core or device for each.

    By the cost model fitted on the rows of ``table``, for strategies measured with several
    trainers. Few sizes leave its terms open: the ends are of models that fit equally well.
    """
    rows = []
    for variant, part in table[table["system"] == OURS].groupby("variant"):
        known, batch_size = list(part["parallelism"]), part["batch_size"].iloc[0]
        seconds = part["num_trainers"] * batch_size / (1000 * part[TOTAL])
        models = fit(list(map(Layout.parse, known)), list(seconds))
        for strategy, size in product(STRATEGIES, SIZES if SINGLE in known else ()):
            name = strategy.format(size)
            most = max((n for n in SIZES if strategy.format(n) in known), default=size)
            if size <= most:
                continue
            totals = [model.throughput(Layout.parse(name), batch_size) / 1000 for model in models]
            rows.append({
                "label": ", ".join(filter(None, [f"{OURS} {name}", str(variant)])),
                "system": OURS, "parallelism": name, "num_trainers": size, "variant": variant,
                **tables.columns(TOTAL, Estimate(min(totals), min(totals), max(totals))),
                "batch_size": batch_size, "num_runs": 0, "origin": "projected",
                "source": f"cost model fitted on the measured {', '.join(known)}",
            })  # fmt: skip
    return pd.DataFrame(rows, columns=table.columns)


@figure(
    "throughput", needs=NEEDS, varies=("system", "model", "processes"),
    rank=lambda runs: (max(map(SUITES.index, runs["suite"])), len(runs)),
)  # fmt: skip
def draw(group: Group) -> Iterator[Output]:
    """Totals on the left, per trainer on the right; each published bar below the measured one."""
    ours = bars_of(group)
    table = pd.concat([ours, projected(ours)])
    paper = published("figure_12b", dataset=group.dataset, num_machines=1).dropna(subset=[PER_GPU])
    paper = paper.rename(columns={"num_gpus": "num_trainers"})
    paper = paper[paper["num_trainers"] <= table["num_trainers"].max()]
    paper["label"] = paper["system"] + " " + paper["parallelism"]
    paper[TOTAL] = paper[PER_GPU] * paper["num_trainers"]
    table = pd.concat([table, paper], ignore_index=True)
    names = set(zip(table["system"], table["parallelism"], table["label"], strict=True))
    ranks = {(*system_rank(system), *size_order(size), one): one for system, size, one in names}
    labels = [ranks[rank] for rank in sorted(ranks)]
    hues, places = table["system"].map(pictures.color_of), table["label"].map(labels.index)
    places += 0.4 * (table["origin"] == "published") - 0.2
    size = (pictures.PAGE, 0.9 + 0.24 * len(labels))
    picture, panels = plt.subplots(1, 2, figsize=size, sharey=True)
    shares: Any = [1, table["num_trainers"]]
    for axes, share, of in zip(panels, shares, ("", " and trainer"), strict=True):
        each = table.assign(**table.filter(like=TOTAL).div(share, axis=0))
        pictures.bars(axes, each, TOTAL, places, 0.36, hues, "{:.1f}".format, 5.5, flat=True)
        pictures.categories(axes, "y", labels)
        axes.set(xlabel=f"thousand training events per second{of}", xmargin=0.15)
        axes.set_ylim(len(labels) - 0.5, -0.5)
    looks = pictures.filled({name: pictures.color_of(name) for name in table["system"]})
    others = {"published": pictures.hollow(pictures.GREY),
              "projected": {"facecolor": pictures.GREY, **pictures.PALE}}  # fmt: skip
    looks |= {name: others[name] for name in others if name in set(table["origin"])}
    pictures.legend_below(picture, looks)
    yield Output(table, picture)


def repeats(group: Group) -> pd.DataFrame:
    """A row for each run: events per second, by those of TGN in the same repeat, by the floor.

    A repeat is a seed: systems take turns within it. TGN is that of the same precision, and beside
    it the fastest of all. The floor is the operation count of the run's mean batch at the largest
    rate of products among the repeats, as disturbed ones are slower.
    """
    table = group.runs.assign(case="batch " + group.runs["batch_size"].map("{:.0f}".format))
    table["case"] += ", " + table["edge_features"].map("{:.0f} edge features".format)
    table["case"] = table["case"].str.replace(" 0 edge", " no edge")
    if table[PRECISION].nunique() > 1:
        table["case"] += ", precision=" + table[PRECISION]
    table["label"] = table["system"] + " " + table["parallelism"]
    table = table.sort_values(TOTAL, ascending=False)  # of several of TGN the fastest counts
    alone, alike = table["system"] == BASELINE, ["batch_size", "edge_features", "seed"]
    table[RATIO] = tables.times(table, TOTAL, alone, ["case", "seed"])
    table[FASTEST] = tables.times(table, TOTAL, alone, alike)
    flops = table["operation_floor.gflop_per_second"]
    most = flops.groupby([table["case"], table["label"]]).transform("max")
    floor = table["operation_floor.events_per_second"] * most / flops
    table = table.assign(origin="measured", source=table["command"])
    table[SHARE] = 1000 * table[TOTAL] / floor
    table = table.sort_values([*ORDER], ascending=[False] * 3 + [True] * 2, ignore_index=True)
    return table[[*ORDER, "system", TOTAL, SHARE, RATIO, FASTEST, "origin", "source"]]


@figure(
    "peers", any_stream=True, rank=len,
    varies=("system", "model", "processes", "batch_size", "random_edge_features"),
)  # fmt: skip
def draw_peers(group: Group) -> Iterator[Output]:
    """A dot for each repeat and a line at their median: by TGN, and by the floor."""
    table = repeats(group)
    bars = published("figure_12b", dataset=group.dataset, parallelism=SINGLE)
    rates = bars.set_index("system")[PER_GPU].reindex([OURS, BASELINE])
    paper = table.loc[table["batch_size"] == BATCH_SIZE, ["case"]].drop_duplicates()
    paper = paper.assign(label=f"{OURS} {SINGLE}", origin="published", source=SOURCE)
    paper = paper.assign(**{RATIO: rates[OURS] / rates[BASELINE]}).dropna()
    cases = list(table["case"].unique())
    size = (pictures.PAGE, 0.8 + 0.32 * len(cases))
    picture, panels = plt.subplots(1, 2, figsize=size, sharey=True)
    for axes, (value, title) in zip(panels, COMPARED.items(), strict=True):
        drawn = table[table[value].notna() & (table["system"] != BASELINE)]
        for (case, system, _), runs in drawn.groupby(["case", "system", "label"]):
            color, place = pictures.color_of(str(system)), cases.index(str(case))
            middle = runs[value].median()
            axes.plot(runs[value], [place] * len(runs), "o", color=color, alpha=0.6, ms=4)
            axes.vlines(middle, place - 0.22, place + 0.22, color=color, lw=1.6)
            axes.annotate(f"{middle:.2f}", (middle, place), (0, 8), **ABOVE)
            slower = runs[FASTEST].median()
            if value == RATIO and slower < middle:
                axes.plot(slower, place, color=color, **DIAMOND)
                axes.annotate(f"{slower:.2f}", (slower, place), (0, 8), **ABOVE)
        pictures.categories(axes, "y", cases)
        axes.set(xlabel=title, ylim=(len(cases) - 0.5, -0.5))
    places = paper["case"].map(cases.index)
    dashes = pictures.PUBLISHED | {"color": pictures.color_of(OURS)}
    panels[0].vlines(paper[RATIO], places - 0.4, places + 0.4, **dashes)
    panels[0].axvline(1, color=pictures.color_of(BASELINE))
    for axes in panels:
        axes.set_xlim(left=0)
    dots = {"marker": "o", "lw": 0}
    looks = {name: dots | {"color": pictures.color_of(name)} for name in table["system"]}
    looks[BASELINE] = {"color": pictures.color_of(BASELINE)}
    if (table[FASTEST] < table[RATIO]).any():
        looks["median by TGN in its faster precision"] = looks[OURS] | DIAMOND
    looks |= {"published": pictures.PUBLISHED} if len(paper) else {}
    pictures.legend_below(picture, looks)
    yield Output(pd.concat([table, paper]), picture)
