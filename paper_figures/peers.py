"""Figure 12(b), one device: DistTGL beside other implementations on the same stream and machine."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import pandas as pd

from benchmark.records import words
from benchmark.records.series import SINGLE, alike, make_series
from paper_figures import style, tables
from paper_figures.figure import Group, Output, Rule, figure, published
from paper_figures.selection import has
from paper_figures.throughput import BATCH_SIZE, PER_GPU

BASELINE, OURS = "tgn", "disttgl"
RATIO, SHARE = "times_tgn", "share_of_floor"
AXES = {RATIO: "training events per second, by those of TGN",
        SHARE: "share of the floor that dense products set"}  # fmt: skip
RATE, FEATURES = "thousand_events_per_second", "edge_features"
PRECISION = "settings.system.precision"
OF_SYSTEM = ("settings.system.", "settings.model.", "system", "model",
             "settings.random_edge_features", "batch_size")  # fmt: skip
ORDER = {"batch_size": False, "edge_features": False, "label": True, "seed": True}  # ascending


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
        by_tgn = tables.times(runs, RATE, runs["system"] == BASELINE, ["seed"])
        for label, _, one in make_series(runs):
            flops = one["operation_floor.gflop_per_second"]
            floor = one["operation_floor.events_per_second"] * flops.max() / flops
            share = {SHARE: 1000 * one[RATE] / floor, RATIO: by_tgn[one.index]}
            parts.append(one.assign(case=case, label=label, source=one["command"], **share))
    table = pd.concat(parts).assign(origin="measured")
    table = table.sort_values(list(ORDER), ascending=list(ORDER.values()), ignore_index=True)
    return table[["case", *ORDER, "system", RATE, SHARE, RATIO, "origin", "source"]]


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
    needs={"no throughput": has(RATE), "several trainers": lambda runs: runs["num_trainers"] == 1},
))  # fmt: skip
def draw(group: Group) -> Iterator[Output]:
    """A dot for each repeat and a line at their median: by TGN, and by the floor."""
    table = repeats(group)
    paper, cases = published_ratio(group, table), list(table["case"].unique())
    size = (style.PAGE, 0.8 + 0.32 * len(cases))
    picture, panels = plt.subplots(1, 2, figsize=size, sharey=True)
    for axes, (value, title) in zip(panels, AXES.items(), strict=True):
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
