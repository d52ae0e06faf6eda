"""Figure 12: thousand training events per second, in total and per trainer."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from paper_figures import style
from paper_figures.claim import Claim
from paper_figures.published import published
from paper_figures.records import Record
from paper_figures.series import Series, by_question, make_series

NUMBER = "Figure 12"
SHOWS = "training throughput by system and i x j x k (Figure 12)"
COMMAND = "python -m benchmark.run suite=scaling"
DIFFERS = (
    "CPU cores in place of NVIDIA T4 GPUs, and no edge features: ratios between systems "
    "compare, events per second do not."
)
TOTAL, PER_TRAINER = "thousand_events_per_second", "thousand_events_per_second_per_trainer"


def select(records: list[Record]) -> list[Record]:
    """Runs whose trainers each had their own device or core; emulated ones have no throughput."""
    return [record for record in records if record.throughput and not record.emulated]


def draw(records: list[Record], out: Path) -> list[Path]:
    """One figure for each data set and protocol; returns the files written."""
    paths = []
    for (dataset, protocol), group in by_question(select(records)).items():
        table = measured(group)
        paper = published_bars(dataset, table)
        with plt.rc_context(style.RC):
            figure = _figure(table, paper, group)
            name = f"throughput_{dataset}_{protocol}"
            paths += style.save(figure, pd.concat([table, paper]), out, name)
    return paths


def claims(records: list[Record]) -> list[Claim]:
    """None yet."""
    return []


def measured(records: list[Record]) -> pd.DataFrame:
    """Median, lowest and highest throughput over the runs of each series, total and per trainer."""
    return pd.DataFrame([_bar(series) for series in make_series(records)])


def _bar(series: Series) -> dict[str, Any]:
    total = pd.Series([record.throughput for record in series.records], dtype=float) / 1000
    num_trainers = series.records[0].num_trainers
    return {
        "label": series.label,
        "system": series.system,
        "parallelism": series.parallelism,
        "num_trainers": num_trainers,
        TOTAL: total.median(),
        "lowest": total.min(),
        "highest": total.max(),
        PER_TRAINER: total.median() / num_trainers,
        "num_runs": len(total),
        "origin": "measured",
        "source": ", ".join(dict.fromkeys(record.command for record in series.records)),
    }


def published_bars(dataset: str, table: pd.DataFrame) -> pd.DataFrame:
    """Figure 12(b) for the configurations in ``table``; totals are per GPU times GPUs."""
    bars = published("figure_12b", dataset=dataset).dropna(
        subset=["thousand_events_per_second_per_gpu"]
    )
    bars = bars.rename(
        columns={"thousand_events_per_second_per_gpu": PER_TRAINER, "num_gpus": "num_trainers"}
    )
    bars = bars.merge(table[["label", "system", "parallelism"]], on=["system", "parallelism"])
    bars[TOTAL] = bars[PER_TRAINER] * bars["num_trainers"]
    columns = ["label", "system", "parallelism", "num_trainers", TOTAL, PER_TRAINER, "source"]
    return bars[columns].assign(origin="published")


def _figure(table: pd.DataFrame, paper: pd.DataFrame, records: list[Record]) -> Figure:
    height = 0.75 + len(table) * (0.34 if len(paper) else 0.22)
    figure, panels = plt.subplots(1, 2, figsize=(style.PAGE, height), sharey=True)
    for axes, value in zip(panels, (TOTAL, PER_TRAINER), strict=True):
        _bars(axes, table, paper, value)
    panels[0].set_yticks(range(len(table)), table["label"])
    panels[0].invert_yaxis()
    panels[0].set_xlabel("thousand training events per second")
    panels[1].set_xlabel("thousand training events per second and trainer")
    handles: list[Patch] = []
    if len(paper):
        grey, hatch = style.GREY, style.PUBLISHED_HATCH
        handles = [
            Patch(facecolor=grey, edgecolor=grey, label="measured"),
            Patch(facecolor="white", edgecolor=grey, hatch=hatch, label="published"),
        ]
    style.write_below(figure, _small_print(table, paper, records), handles)
    return figure


def _bars(axes: Axes, table: pd.DataFrame, paper: pd.DataFrame, value: str) -> None:
    theirs = dict(zip(paper["label"], paper[value], strict=True))
    height = 0.38 if theirs else 0.7
    for place, row in enumerate(table.to_dict("records")):
        color = style.color_of(row["system"])
        shift = height / 2 if row["label"] in theirs else 0
        scale = row[value] / row[TOTAL]
        axes.barh(place - shift, row[value], height=height, color=color)
        if row["num_runs"] > 1:
            whisker = [row["lowest"] * scale, row["highest"] * scale]
            axes.plot(whisker, [place - shift] * 2, color="black", lw=0.9)
        _write(axes, row["highest"] * scale, place - shift, row[value])
        if row["label"] in theirs:
            published_value = theirs[row["label"]]
            bar = axes.barh(place + shift, published_value, height=0.94 * height)[0]
            bar.set(facecolor="white", edgecolor=color, hatch=style.PUBLISHED_HATCH)
            _write(axes, published_value, place + shift, published_value)
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.14)


def _write(axes: Axes, end: float, place: float, value: float) -> None:
    axes.annotate(
        f"{value:#.3g}" if value < 100 else f"{value:,.0f}",
        (end, place),
        xytext=(2.5, 0),
        textcoords="offset points",
        va="center",
        fontsize=6.5,
    )


def _small_print(table: pd.DataFrame, paper: pd.DataFrame, records: list[Record]) -> str:
    text = style.conditions(records)
    if (table["num_runs"] > 1).any():
        text += " Bar: median; whisker: lowest to highest run."
    if len(paper):
        text += (
            " Hatched: DistTGL Figure 12(b), one NVIDIA T4 per trainer; totals are per GPU times"
            " GPUs."
        )
    return text
