"""Figure 12: training throughput in total over trainers, and per trainer beside the published."""

from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from benchmark.records.series import SINGLE, Runs, make_series, ran_apart, size_order, system_rank
from benchmark.records.statistics import Estimate
from benchmark.tools.cost_model import Layout, fit
from paper_figures import style, tables
from paper_figures.figure import Group, Output, PaperFigure, Rule, published
from paper_figures.selection import has
from paper_figures.tables import Row, columns, rows_of

TOTAL, PER_GPU = "thousand_events_per_second", "thousand_events_per_second_per_gpu"
STRATEGIES = ("mini-batch", "epoch", "memory")  # what i, j and k trainers divide
PROJECTED_SIZES = (2, 4, 8)  # trainers, on one machine of the paper
BATCH_SIZE = 600  # events of one GPU of the paper, on all data sets but GDELT
SHADES = dict(zip(("single", *STRATEGIES), (0.0, 0.45, 0.2, -0.35), strict=True))
NEEDS = {
    "no throughput": has("throughput_events_per_second"),
    "trainers may have shared a core": ran_apart,
}
PROJECTED: dict[str, Any] = {"lw": 3, "alpha": 0.35, "solid_capstyle": "butt"}


def strategy_of(parallelism: str) -> str:
    """The paper's name for what "ixjxk" trainers divide: "single", "memory", "epoch + memory"."""
    named = zip(STRATEGIES, parallelism.split("x"), strict=True)
    return " + ".join(name for name, degree in named if degree != "1") or "single"


def bars_of(group: Group) -> pd.DataFrame:
    """Median, lowest and highest throughput of each series, in thousand events per second."""
    sets = []
    for one in make_series(group.runs):
        named = _named(one.label, one.first["system"], one.first["parallelism"])
        told = {"variant": ", ".join(one.difference), "batch_size": int(one.first["batch_size"])}
        sets.append((named | told, one.runs))
    return tables.summary(sets, medians=[TOTAL])


def _named(label: str, system: str, parallelism: str) -> dict[str, Any]:
    number = Layout.parse(parallelism).num_trainers
    return {
        "label": label, "system": system, "parallelism": parallelism,
        "strategy": strategy_of(parallelism), "num_trainers": number,
    }  # fmt: skip


def projected(table: pd.DataFrame) -> pd.DataFrame:
    """What more trainers of DistTGL would reach on one machine with a core or device for each.

    By the cost model fitted on the rows of ``table``, for strategies measured with several
    trainers. Few sizes leave its terms open: the ends are of models that fit equally well.
    """
    rows = []
    ours = table[table["system"] == "disttgl"]
    for variant, part in ours.groupby("variant"):
        size = int(part["batch_size"].iloc[0])
        if SINGLE not in set(part["parallelism"]):
            continue
        layouts = [Layout.parse(name) for name in part["parallelism"]]
        models = fit(layouts, list(part["num_trainers"] * size / (1000 * part[TOTAL])))
        for name in _larger(part):
            totals = [model.throughput(Layout.parse(name), size) / 1000 for model in models]
            label = ", ".join(filter(None, [f"disttgl {name}", str(variant)]))
            rows.append({
                **_named(label, "disttgl", name), "variant": variant, "batch_size": size,
                **columns(TOTAL, Estimate(min(totals), min(totals), max(totals))),
                "num_runs": 0, "origin": "projected",
                "source": f"cost model fitted on the measured {', '.join(part['parallelism'])}",
            })  # fmt: skip
    return pd.DataFrame(rows, columns=table.columns)


def _larger(rows: pd.DataFrame) -> list[str]:
    """``PROJECTED_SIZES`` beyond the largest measured one, of each strategy that was measured."""
    forms = dict(zip(STRATEGIES, ("{}x1x1", "1x{}x1", "1x1x{}"), strict=True))
    return [
        forms[str(strategy)].format(size)
        for strategy, part in rows.groupby("strategy")
        if strategy in forms
        for size in PROJECTED_SIZES
        if size > part["num_trainers"].max()
    ]


def published_bars(dataset: str, most: int) -> pd.DataFrame:
    """Figure 12(b) up to ``most`` trainers; totals are per GPU times GPUs."""
    bars = published("figure_12b", dataset=dataset).dropna(subset=[PER_GPU])
    bars = bars[(bars["num_machines"] == 1) & (bars["num_gpus"] <= most)]
    return bars.rename(columns={"num_gpus": "num_trainers"}).assign(
        origin="published", label=bars["system"] + " " + bars["parallelism"],
        **{TOTAL: bars[PER_GPU] * bars["num_gpus"]},
    )  # fmt: skip


def draw(group: Group) -> Iterator[Output]:
    """Totals over trainers on the left; per trainer, measured beside published, on the right."""
    ours = bars_of(group)
    table = pd.concat([ours, projected(ours)], ignore_index=True)
    paper = published_bars(group.dataset, int(table["num_trainers"].max()))
    bars = pd.concat([table, paper], ignore_index=True)
    order = sorted(rows_of(bars), key=lambda row: (*_order(row), row["label"]))
    labels = list(dict.fromkeys(row["label"] for row in order))
    size = (style.PAGE, 0.9 + 0.24 * len(labels))
    figure, (left, right) = plt.subplots(1, 2, figsize=size)
    _totals(left, bars, labels)
    _per_trainer(right, bars, labels)
    style.legend_below(figure, _legend(bars))
    yield Output(bars, figure)


def _totals(axes: Axes, bars: pd.DataFrame, labels: list[str]) -> None:
    """Measured bars by the number of trainers; published totals as points, projections as lines."""
    sizes = sorted(bars["num_trainers"].unique())
    for place, size in enumerate(sizes):
        part = bars[bars["num_trainers"] == size]
        names = [name for name in labels if name in set(part["label"])]
        width = 0.85 / max(4, len(names))
        for row in rows_of(part):
            x = place + width * (names.index(row["label"]) - (len(names) - 1) / 2)
            color, ends = _color(row), [row[f"{TOTAL}_low"], row[f"{TOTAL}_high"]]
            if row["origin"] == "published":
                axes.plot(x, row[TOTAL], "_", color=color, ms=8, mew=1.4)
            elif row["origin"] == "projected":
                axes.plot([x, x], ends, color=color, **PROJECTED)
            else:
                axes.bar(x, row[TOTAL], width=0.9 * width, color=color)
                style.whisker(axes, x, ends)
    style.categories(axes, "x", sizes)
    axes.set(xlabel="trainers", ylabel="thousand training events per second")


def _per_trainer(axes: Axes, bars: pd.DataFrame, labels: list[str]) -> None:
    """A row for each configuration, the published bar below ours; values at the right edge."""
    edge = 1.04 * (bars[[TOTAL, f"{TOTAL}_high"]].max(axis=1) / bars["num_trainers"]).max()
    for row in rows_of(bars):
        ours, value = row["origin"] != "published", row[TOTAL] / row["num_trainers"]
        y, color = labels.index(row["label"]) + (-0.2 if ours else 0.2), _color(row)
        ends = [row[f"{TOTAL}_{name}"] / row["num_trainers"] for name in ("low", "high")]
        text = f"{value:.1f}"
        if row["origin"] == "projected":
            axes.plot(ends, [y, y], color=color, **PROJECTED)
            text = "projected " + " to ".join(f"{end:.1f}" for end in ends)
        else:
            axes.barh(y, value, 0.36, **({"color": color} if ours else style.hollow(color)))
            style.whisker(axes, y, ends, flat=True)
        axes.text(edge, y, text, va="center", fontsize=5.5, color="black" if ours else style.GREY)
    style.categories(axes, "y", labels)
    axes.set(xlabel="thousand training events per second and trainer", xlim=(0, 1.3 * edge))
    axes.set_ylim(len(labels) - 0.5, -0.5)


def _color(row: Any) -> Any:
    """The system's colour, in the shade of the strategy."""
    shade = 0.0 if row["system"] != "disttgl" else SHADES.get(row["strategy"], -0.5)
    return style.mixed(style.color_of(row["system"]), shade)


def _order(row: Row) -> tuple[Any, ...]:
    return (*system_rank(row["system"]), *size_order(row["parallelism"]))


def _legend(bars: pd.DataFrame) -> list[Patch]:
    known = {
        f"disttgl, {r['strategy']}" if r["system"] == "disttgl" else r["system"]: _color(r)
        for r in sorted(rows_of(bars), key=_order)
    }
    handles = [Patch(facecolor=color, label=name) for name, color in known.items()]
    if (bars["origin"] == "published").any():
        handles.append(Patch(**style.hollow(style.GREY), label="published (left: a line)"))
    if (bars["origin"] == "projected").any():
        handles.append(Patch(facecolor=style.GREY, alpha=0.35, label="projected, a range"))
    return handles


def _rank(runs: Runs) -> tuple[object, ...]:
    """The suite that takes the most care first."""
    suites = ("quick", "time_to_accuracy", "scaling")
    return max(map(suites.index, runs["suite"])), len(runs)


FIGURES = [
    PaperFigure("throughput", Rule(
            ("scaling", "time_to_accuracy", "quick"), needs=NEEDS, rank=_rank,
            varies=("system", "model", "processes"),
        ), draw),
]  # fmt: skip
