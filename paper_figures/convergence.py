"""A metric while training, over seconds (Figure 1), iterations (6, 9, 11), and by j x k (10)."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import ceil
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from benchmark.records import tables, words
from benchmark.records.selection import APART, WITHOUT_EFFECT, foremost, trained_share
from benchmark.records.series import (
    SINGLE,
    SYSTEM_ORDER,
    column,
    make_series,
    ran_apart,
    size_order,
)
from benchmark.records.statistics import FRACTION, first_best, median_estimate, reaching, target_of
from paper_figures import pictures
from paper_figures.figure import Group, Output, figure, published
from paper_figures.pictures import METRIC
from paper_figures.published import published_beside

FRACTIONS = (0.70, 0.80, 0.90, FRACTION)  # of the best value of one trainer
PANELS = {
    "(a) epoch parallelism": ("1x1x1", "1x2x1", "1x4x1", "1x8x1"),
    "(b) eight trainers": ("1x1x1", "1x8x1", "1x4x2", "1x2x4", "1x1x8"),
}
DEGREES = (1, 2, 4, 8)  # of j, from top to bottom, and of k, from left to right
GRID = [f"1x{j}x{k}" for j in DEGREES for k in DEGREES]
TEST, ITERATIONS, LAST = "test_mrr", "iterations_to_best", "iterations_trained"
QUANTITIES = {  # title, form, scale
    TEST: ("(a) test MRR", "{:.4f}", "linear"), ITERATIONS: ("(b) iterations", "{:.0f}", "log"),
}  # fmt: skip
TARGETS = (0.7, 0.8)  # of validation MRR
STATIC = "settings.system.static_memory"
KINDS = {"pretrained": "with static node memory", "off": "without"}
COLORS = {"pretrained": pictures.color_of("disttgl"), "off": pictures.GREY}
APART_BUT_KIND = {name: usual for name, usual in APART.items() if name not in STATIC}


def reached(
    named: Mapping[str, Any], curves: Sequence[pd.DataFrame], target: float, x: str
) -> dict[str, Any]:
    """A row of where on ``x`` the seeds meet a target: the median, the lowest and the highest."""
    where = median_estimate(reaching(curves, METRIC, target, x))
    return {**named, METRIC: target, **tables.columns(x, where), "num_runs": len(curves)}


@figure(
    "time_to_accuracy", varies=("system", "model", "processes"),
    rank=lambda runs: (len({*runs["system"]} & {*SYSTEM_ORDER}), runs["epochs"].iloc[0],
                       runs.groupby(["system", "parallelism"]).ngroups),
    needs={"static node memory": lambda runs: column(runs, STATIC).fillna("off") == "off",
           "trainers may have shared a core": ran_apart},
)  # fmt: skip
def draw_seconds(group: Group) -> Iterator[Output]:
    """Curves over seconds, and the table of seconds to some levels, by one rule for all curves."""
    known, paper = make_series(group.runs), published_beside(group, "figure_1")
    kept = ["system", "parallelism", "network"]
    sets = [({"label": one.label, **one.first[kept]}, one.runs) for one in known]
    both = pd.concat([tables.mean_curves(group, sets, METRIC), paper], ignore_index=True)
    apart = both["network"].nunique() > 1  # then colours tell networks apart
    looks = pictures.looks_by(both, "network" if apart else "system")
    size = (pictures.WIDE if apart else pictures.COLUMN, 2.6)
    picture = pictures.panels_of_lines([("", both, looks)], size, x="seconds")
    parts = {one.label: (one.first["network"], one.name, one.settings) for one in known}
    said = {n: ", ".join(filter(None, part)) for n, part in parts.items() if apart}
    for label in paper["label"]:
        looks[label] = pictures.PUBLISHED | {"color": looks[label]["color"]}
    legend = {said.get(label, label): look for label, look in looks.items()}
    pictures.legend_below(picture, legend, 2)
    yield Output(both, picture)
    curves = [(one.label, "measured", group.curves(one.runs)) for one in known]
    curves += [(str(n), "published", [curve]) for n, curve in paper.groupby("label", sort=False)]
    table = pd.DataFrame([
        reached({"label": label, "origin": origin}, runs, target, "seconds")
        for label, origin, runs in curves for target in TARGETS
    ])  # fmt: skip
    spec = {"run": "label", "validation MRR": (METRIC, ".2f"), "seconds": ("seconds", ".3g"),
            "seeds": ("num_runs", ".0f"), "by": "origin"}  # fmt: skip
    yield Output(table, shown=tables.shown(table, spec), suffix="_targets")


@figure(
    "static_memory", together=True, apart=APART_BUT_KIND,
    varies=(*WITHOUT_EFFECT, "system.static_memory"),
    rank=lambda runs: (runs[STATIC].nunique() == len(KINDS), *foremost(runs)),
)  # fmt: skip
def draw_static(group: Group) -> Iterator[Output]:
    """A panel for each data set, measured and published: MOOC and Flights, of Figure 6."""
    runs = group.runs.assign(static_memory=group.runs[STATIC])
    splits = [(run["dataset"], trained_share(run)) for _, run in runs.iterrows()]
    runs["dataset"] = [", ".join(filter(None, names)) for names in splits]
    runs = runs.drop_duplicates(["dataset", "static_memory", "parallelism", "seed"])
    sets = tables.sets_by(runs, "dataset", "static_memory", "parallelism")
    both = pd.concat([tables.mean_curves(group, sets, METRIC), published("figure_6")])
    both["label"] = both["static_memory"] + both["parallelism"]
    panels = [
        (f"{dataset}, {origin}", part, pictures.looks_by(part, "static_memory", COLORS.__getitem__))
        for (origin, dataset), part in both.groupby(["origin", "dataset"])
    ]
    picture = pictures.panels_of_lines(panels, (pictures.PAGE, 1.7 * ceil(len(panels) / 3)))
    legend = {KINDS[kind]: {"color": color} for kind, color in COLORS.items()}
    pictures.legend_below(picture, legend | {"published": pictures.PUBLISHED})
    told = " ".join(words.conditions(part) for _, part in runs.groupby("dataset"))
    yield Output(both, picture, facts={"conditions": told})


@figure(
    "convergence", varies=WITHOUT_EFFECT, apart=APART,
    rank=lambda runs: ({SINGLE} < set(runs["parallelism"]), *foremost(runs)),
)  # fmt: skip
def draw_mrr(group: Group) -> Iterator[Output]:
    """Two panels of measured and published curves, and the table of iterations saved."""
    both = pd.concat([layout_curves(group, "mrr"), published_mrr(group)])
    layout, panel = both["parallelism"], both["panel"].fillna("")
    panels = {
        title: both[layout.isin(names) & (panel.isin(["", title[1]]) | (layout == SINGLE))]
        for title, names in PANELS.items()
    }
    yield by_layout(both, panels, "mrr", sharey=True)
    layouts = group.by_parallelism()
    if SINGLE not in layouts:
        return
    single = group.curves(layouts[SINGLE])
    table = pd.DataFrame([
        reached({"parallelism": name, "fraction": fraction}, group.curves(runs),
                target_of(single, METRIC, fraction), "iteration")
        for (name, runs), fraction in product(layouts.items(), FRACTIONS)
    ])  # fmt: skip
    alone = table.groupby("fraction")["iteration"].transform("first")  # of one trainer
    table = table.assign(speedup=alone / table["iteration"], origin="measured")
    spec = {
        "i x j x k": "parallelism", "of one trainer's best": ("fraction", ".0%"),
        "validation MRR": (METRIC, ".4f"), "iterations": ("iteration", ".0f"),
        "times fewer": ("speedup", ".2f"), "seeds": ("num_runs", ".0f"),
    }  # fmt: skip
    caption = "{conditions} Iterations: the median over seeds, the lowest and the highest."
    yield Output(table, shown=tables.shown(table, spec), suffix="_speedups", caption=caption)


def published_mrr(group: Group) -> pd.DataFrame:
    """Figure 9 where it shows this data set under this protocol, with the MRR of its legend."""
    tests = published_beside(group, "figure_9_test").drop(columns=["source", "origin"])
    keys = ["panel", "dataset", "parallelism"]
    table = published_beside(group, "figure_9_validation").merge(tests, on=keys)
    return table.assign(label=table["parallelism"])


@figure("edge_convergence", rank=len)
def draw_f1(group: Group) -> Iterator[Output]:
    """Measured beside published from the first training on: the data sets differ."""
    tests = published("figure_11_test")[["parallelism", "test_f1_micro"]]
    paper = published("figure_11_validation").merge(tests, on="parallelism")
    paper = paper[paper["iteration"] > 0].assign(label=paper["parallelism"])
    table = layout_curves(group, "f1_micro")
    panels = {f"{group.dataset}, measured": table, "GDELT, published (Figure 11)": paper}
    yield by_layout(pd.concat([table, paper]), panels, "f1_micro")


def layout_curves(group: Group, metric: str) -> pd.DataFrame:
    """The mean curve of each layout, with its test value."""
    sets = [
        ({"parallelism": name, "label": name,
          f"test_{metric}": column(runs, f"metrics.test_{metric}").mean()}, runs)
        for name, runs in group.by_parallelism().items()
    ]  # fmt: skip
    return tables.mean_curves(group, sets, f"validation_{metric}")


def by_layout(
    both: pd.DataFrame, panels: Mapping[str, pd.DataFrame], metric: str, **grid: Any
) -> Output:
    """Panels of curves, with the test values of each layout in the legend."""
    labels = sorted(both["label"].unique(), key=size_order)
    colors = plt.get_cmap("turbo")(np.linspace(0.05, 0.95, len(labels)))
    looks = pictures.looks_of(dict(zip(labels, colors, strict=True)))
    drawn = [(title, part, looks) for title, part in panels.items()]
    picture = pictures.panels_of_lines(drawn, (pictures.PAGE, 2.7), f"validation_{metric}", **grid)
    known = both.groupby(["label", "origin"])[f"test_{metric}"].first().dropna()
    tests = known.map("{:.4f}".format).unstack().fillna("not run")
    tests = tests.reindex(index=labels, columns=["measured", "published"], fill_value="not run")
    tested = zip(labels, tests["measured"], tests["published"], strict=True)
    legend = [f"{name}, test {ours} (published {theirs})" for name, ours, theirs in tested]
    pictures.legend_below(picture, dict(zip(legend, looks.values(), strict=True)), 2)
    return Output(both, picture)


@figure("trainer_grid", varies=WITHOUT_EFFECT, apart=APART)
def draw_grid(group: Group) -> Iterator[Output]:
    """Mean test MRR and median best iterations over seeds of each j x k, beside the paper's."""
    runs = pd.concat(group.by_parallelism().values())
    runs = runs.rename(columns={f"metrics.{TEST}": TEST, "iterations": LAST})
    runs[ITERATIONS] = [first_best(curve, METRIC) for curve in group.curves(runs)]
    ours = tables.summary(tables.sets_by(runs, "parallelism"), [TEST], [ITERATIONS, LAST])
    both = pd.concat([ours, published_beside(group, "figure_10")])
    origins, size = sorted(both["origin"].unique()), (pictures.COLUMN, 3.6)
    shape: Any = {"squeeze": False, "sharex": True, "sharey": True}
    picture, panels = plt.subplots(2, len(origins), figsize=size, **shape)
    for row, (value, (title, form, norm)) in zip(panels, QUANTITIES.items(), strict=True):
        ends = {"vmin": both[value].min(), "vmax": both[value].max()}
        for axes, origin in zip(row, origins, strict=True):
            cells = both[both["origin"] == origin].set_index("parallelism")[value].reindex(GRID)
            cells = cells.to_numpy(float).reshape(len(DEGREES), len(DEGREES))
            axes.imshow(cells, "Blues", norm=norm, alpha=0.55, **ends)
            for (j, k), number in np.ndenumerate(cells):
                text = form.format(number).lstrip("0") if number > 0 else "not\nrun"
                axes.text(k, j, text, ha="center", va="center", fontsize=6.5)
            axes.set(title=f"{title}, {origin}", xlabel="k", ylabel="j")
            for name in "xy":
                pictures.categories(axes, name, DEGREES)
            axes.label_outer()
    yield Output(both, picture)
