"""Figure 12(b), one device: DistTGL beside other implementations on the same stream and machine."""

from collections.abc import Iterator
from statistics import median

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.lines import Line2D

from benchmark.records import words
from benchmark.records.series import SINGLE, alike, make_series
from benchmark.records.statistics import Estimate
from paper_figures import style
from paper_figures.claims import Measured
from paper_figures.figure import Output, PaperFigure
from paper_figures.published import published
from paper_figures.selection import Group, Rule, has
from paper_figures.throughput import BATCH_SIZE, PER_GPU

BASELINE, OURS = "tgn", "disttgl"
RATIO, SHARE = "times_tgn", "share_of_floor"
RATE, FEATURES = "throughput_events_per_second", "settings.random_edge_features"


def measured(group: Group) -> pd.DataFrame:
    """A row for each run: events per second, by those of TGN in the same repeat, by the floor.

    A repeat is a seed: systems take turns within it. The floor is the operation count of the run's
    mean batch at the largest rate of products among the repeats, as disturbed ones are slower.
    """
    sets = alike(group.runs, ("system", "model", "processes"))
    differing = [name for name in words.settings_that_differ(pd.DataFrame([s.iloc[0] for s in sets]))
                 if name not in (FEATURES, "batch_size", "system", "model")
                 and not name.startswith(("settings.system.", "settings.model."))]  # fmt: skip
    tables = []
    for runs in sets:
        first = runs.iloc[0]
        width = int(first[FEATURES]) if pd.notna(first[FEATURES]) else 0
        case = [
            f"batch {first['batch_size']:.0f}",
            f"{width} random edge features" if width else "no edge features",
        ]
        case += [f"{words.short(name)}={first[name]}" for name in differing]
        base = runs[runs["system"] == BASELINE].drop_duplicates("seed").set_index("seed")[RATE]
        for one in make_series(runs):
            flops = one.runs["operation_floor.gflop_per_second"]
            floor = one.runs["operation_floor.events_per_second"] * flops.max() / flops
            tables.append(pd.DataFrame({
                "case": ", ".join(case), "batch_size": first["batch_size"], "edge_features": width,
                "system": one.first["system"], "label": one.label, "seed": one.runs["seed"],
                "events_per_second": one.runs[RATE], RATIO: one.runs[RATE] / one.runs["seed"].map(base),
                SHARE: one.runs[RATE] / floor, "origin": "measured", "source": one.runs["command"],
            }))  # fmt: skip
    table = pd.concat(tables).sort_values(["case", "system", "label", "seed"])
    largest_first = ["batch_size", "edge_features"]
    return table.sort_values(largest_first, ascending=False, kind="stable", ignore_index=True)


def published_ratio(dataset: str) -> float | None:
    """Events per second of DistTGL by TGN's, one GPU each; None where the paper has none."""
    bars = published("figure_12b", dataset=dataset, parallelism=SINGLE).dropna(subset=[PER_GPU])
    rates = bars.set_index("system")[PER_GPU]
    return float(rates[OURS] / rates[BASELINE]) if {OURS, BASELINE} <= set(rates.index) else None


def measure(group: Group) -> Iterator[Measured]:
    """DistTGL by TGN, one for each case of the batch size of the paper."""
    table = measured(group)
    table = table[(table["system"] == OURS) & (table["batch_size"] == BATCH_SIZE)]
    for case, part in table.dropna(subset=RATIO).groupby("case", sort=False):
        ratios = list(part[RATIO])
        repeats = f" over {len(ratios)} repeats" if len(ratios) > 1 else ""
        text = words.median_and_range(ratios, "{:.1f}") + repeats
        where = f"{group.dataset}, {case}, TGN is PyG's"
        width = "with" if part["edge_features"].iloc[0] else "without"
        source = words.as_one(part["source"].unique())
        yield Measured(
            f"ratio {width} edge features",
            {"": Estimate(median(ratios))},
            text,
            where,
            source,
            group.dataset,
        )


def draw(group: Group) -> Iterator[Output]:
    """A dot for each repeat and a line at their median: by TGN, and by the floor."""
    table, ratio = measured(group), published_ratio(group.dataset)
    cases = list(table["case"].unique())
    papers = table.loc[table["batch_size"] == BATCH_SIZE, "case"].unique()
    figure, panels = plt.subplots(1, 2, figsize=(style.PAGE, 0.8 + 0.32 * len(cases)), sharey=True)
    for axes, value in zip(panels, (RATIO, SHARE), strict=True):
        drawn = table[table[value].notna() & (table["system"] != BASELINE)]
        for (case, _), runs in drawn.groupby(["case", "label"], sort=False):
            color, place, middle = (
                style.color_of(runs["system"].iloc[0]),
                cases.index(str(case)),
                runs[value].median(),
            )
            axes.plot(runs[value], [place] * len(runs), "o", color=color, alpha=0.6, ms=4)
            axes.vlines(middle, place - 0.22, place + 0.22, color=color, lw=1.6)
            axes.annotate(
                f"{middle:.2f}",
                (middle, place),
                (0, 8),
                textcoords="offset points",
                ha="center",
                fontsize=6.5,
            )
        axes.grid(axis="y", visible=False)
        axes.set_xlim(left=0)
    panels[0].axvline(1, color=style.color_of(BASELINE))
    panels[0].set_yticks(range(len(cases)), cases)
    panels[0].set(
        ylim=(len(cases) - 0.5, -0.5), xlabel="training events per second, by those of TGN"
    )
    panels[1].set_xlabel("share of the floor that dense products set")
    handles = [
        Line2D([], [], color=style.color_of(name), marker="o", lw=0, label=name)
        for name in table["system"].unique()
    ]
    caption = f"{words.conditions(group.runs)} Dot: a repeat; line: their median. The floor is the time of the products of a mean batch alone."
    paper = pd.DataFrame()
    if ratio is not None and len(papers):
        for case in papers:
            place = cases.index(case)
            panels[0].vlines(
                ratio,
                place - 0.4,
                place + 0.4,
                color=style.color_of(OURS),
                ls=style.PUBLISHED_DASHES,
                lw=1,
            )
        panels[0].set_xlim(right=1.08 * max(ratio, table[RATIO].max()))
        handles.append(style.published_handle())
        caption += f" Dashed: DistTGL Figure 12(b), one NVIDIA T4, batch {BATCH_SIZE}."
        paper = pd.DataFrame({"case": papers, "batch_size": BATCH_SIZE, "system": OURS, RATIO: ratio, "label": "disttgl 1x1x1",
                              "origin": "published", "source": "DistTGL Figure 12(b) (printed)"})  # fmt: skip
    style.legend_below(figure, handles)
    yield Output(
        f"peers_{group.dataset}_{group.protocol}", pd.concat([table, paper]), caption, figure
    )


FIGURES = [
    PaperFigure(
        "peers", "Figure 12(b), one device", "training throughput of one trainer by that of TGN, and by the floor of its products",
        "python -m benchmark.run suite=peers",
        "CPU cores in place of an NVIDIA T4, and PyTorch Geometric's TGN in place of the authors' own "
        "code, which is slower. Edge features, where there are any, are random.",
        Rule(
            ("peers",), ("link_speed",), varies=None, any_stream=True,
            needs={"no throughput": has(RATE), "several trainers": lambda runs: runs["num_trainers"] == 1},
        ),
        draw, measure, "ratio with edge features",
    )
]  # fmt: skip
