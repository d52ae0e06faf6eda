"""The two panels of Figure 12: totals over trainers, and bars per trainer."""

from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from paper_figures import style
from paper_figures.series import size_order, system_rank
from paper_figures.throughput_table import PER_TRAINER, SINGLE, STRATEGIES, TOTAL

PROJECTED_HATCH = "......"
Colors = dict[tuple[str, str], Any]  # by system and strategy


def draw_bars(table: pd.DataFrame, paper: pd.DataFrame, conditions: str) -> Figure:
    """``table`` holds measured and projected rows, ``paper`` published ones or none."""
    bars = pd.concat([table, paper])
    labels, colors = _in_order(bars), _colors(bars)
    height = 0.9 + len(labels) * (0.26 if len(paper) else 0.22)
    figure, (left, right) = plt.subplots(1, 2, figsize=(style.PAGE, max(height, 2.1)))
    _draw_totals(left, table, paper, colors)
    _draw_per_trainer(right, bars, labels, colors)
    style.write_below(figure, conditions + _small_print(table, paper), _legend(bars, colors))
    return figure


def _in_order(bars: pd.DataFrame) -> list[str]:
    """Labels by system, number of trainers and strategy."""
    known = bars.drop_duplicates("label")[["system", "parallelism", "label"]]
    rows = sorted(
        known.itertuples(index=False, name=None),
        key=lambda row: (system_rank(row[0]), size_order(row[1]), row[2]),
    )
    return [label for _, _, label in rows]


def _colors(bars: pd.DataFrame) -> Colors:
    """The system's colour, in shades where it has several strategies."""
    colors: Colors = {}
    for system in sorted(bars["system"].unique(), key=system_rank):
        used = set(bars.loc[bars["system"] == system, "strategy"]) - {SINGLE}
        known = [strategy for strategy in STRATEGIES if strategy in used]
        strategies = known + sorted(used.difference(known))
        color = style.color_of(system)
        shades = style.shades(color, len(strategies)) if strategies else []
        colors[system, SINGLE] = color
        colors |= {(system, s): shade for s, shade in zip(strategies, shades, strict=True)}
    return colors


def _draw_totals(axes: Axes, table: pd.DataFrame, paper: pd.DataFrame, colors: Colors) -> None:
    """Bars grouped by the number of trainers; a dashed line across a bar is its published total."""
    theirs = dict(zip(paper["label"], paper[TOTAL], strict=True))
    groups = table.groupby("num_trainers")
    width = min(0.85 / groups.size().max(), 0.4)
    for place, (_, group) in enumerate(groups):
        labels = _in_order(group)
        for row in group.to_dict("records"):
            x = place + width * (labels.index(row["label"]) - (len(labels) - 1) / 2)
            bar = axes.bar(x, row[TOTAL], width=0.9 * width)[0]
            _look(bar, row["origin"], colors[row["system"], row["strategy"]])
            if row["num_runs"] != 1:
                axes.plot([x, x], [row["lowest"], row["highest"]], color="black", lw=0.9)
            if row["label"] in theirs:
                ends, level = [x - width / 2, x + width / 2], [theirs[row["label"]]] * 2
                axes.plot(ends, level, color=style.GREY, lw=1.1, ls=style.PUBLISHED_DASHES)
            place_above = {"xytext": (0, 3), "ha": "center", "va": "bottom", "rotation": 90}
            _write(axes, (x, row["highest"]), _value(row, 1), place_above)
    axes.set_xticks(range(len(groups)), [str(size) for size, _ in groups])
    axes.set(xlabel="trainers", ylabel="thousand training events\nper second")
    axes.grid(axis="x", visible=False)
    axes.margins(y=0.25)


def _draw_per_trainer(axes: Axes, bars: pd.DataFrame, labels: list[str], colors: Colors) -> None:
    """A row for each configuration, in it the published bar below ours."""
    both = (bars["origin"] == "published").any()
    height = 0.4 if both else 0.7
    for row in bars.to_dict("records"):
        ours, size = row["origin"] != "published", row["num_trainers"]
        y = labels.index(row["label"]) + (0 if not both else -height / 2 if ours else height / 2)
        bar = axes.barh(y, row[PER_TRAINER], height=0.94 * height)[0]
        _look(bar, row["origin"], colors[row["system"], row["strategy"]])
        if ours and row["num_runs"] != 1:
            axes.plot([row["lowest"] / size, row["highest"] / size], [y, y], color="black", lw=0.9)
        end = row["highest"] / size if ours else row[PER_TRAINER]
        place_right = {"xytext": (3, 0), "ha": "left", "va": "center"}
        _write(axes, (end, y), _value(row, size), place_right)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_xlabel("thousand training events per second and trainer")
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.2)


def _look(bar: Patch, origin: str, color: Any) -> None:
    """Filled where measured, hollow and hatched where not."""
    bar.set(facecolor=color, edgecolor=color)
    if origin != "measured":
        hatch = PROJECTED_HATCH if origin == "projected" else style.PUBLISHED_HATCH
        bar.set(facecolor="white", hatch=hatch)


def _value(row: dict[Any, Any], num_trainers: int) -> str:
    """Per so many trainers; of a projected row its range."""
    ends = ["lowest", "highest"] if row["origin"] == "projected" else [TOTAL]
    values = [row[end] / num_trainers for end in ends]
    texts = [f"{value:#.3g}" if value < 100 else f"{value:,.0f}" for value in values]
    return " to ".join(dict.fromkeys(texts))


def _write(axes: Axes, end: tuple[float, float], text: str, place: dict[str, Any]) -> None:
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.3}
    axes.annotate(text, end, textcoords="offset points", fontsize=6, bbox=box, **place)


def _legend(bars: pd.DataFrame, colors: Colors) -> list[Artist]:
    handles: list[Artist] = []
    for (system, strategy), color in colors.items():
        others = [name for of, name in colors if of == system and name != SINGLE]
        if strategy != SINGLE or not others:
            name = f"{system}, {strategy}" if len(others) > 1 else system
            handles.append(Patch(facecolor=color, label=name))
    origins = bars["origin"].unique()
    for origin in origins if len(origins) > 1 else []:
        patch = Patch(label=origin)
        _look(patch, origin, style.GREY)
        handles.append(patch)
    return handles


def _small_print(table: pd.DataFrame, paper: pd.DataFrame) -> str:
    text = ""
    if (table["num_runs"] > 1).any():
        text += " Bar: median; whisker: lowest to highest run."
    if (table["origin"] == "projected").any():
        text += (
            " Projected: a cost model fitted on the measured bars, for one machine with a core or"
            " device per trainer; bar: the lowest, whisker: to the highest that fits equally well."
        )
    if len(paper):
        text += (
            " Hatched, and dashed on the left: DistTGL Figure 12(b), one NVIDIA T4 per trainer;"
            " totals are per GPU times GPUs."
        )
    return text
