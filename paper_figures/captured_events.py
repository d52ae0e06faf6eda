"""Figure 8: captured events per node, the batches in which a node takes part, by batch size."""

from collections.abc import Iterable
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from paper_figures import style
from paper_figures.claim import Claim, Verdict
from paper_figures.published import published
from paper_figures.records import COUNTING_TASK, Record, commands
from paper_figures.run_sets import on_whole_stream
from paper_figures.series import by_dataset

NUMBER = "Figure 8"
SHOWS = "captured events per node by batch size (Figure 8)"
COMMAND = "python -m benchmark.run suite=captured_events dataset=wikipedia"
DIFFERS = (
    "The events are the paper's, and counting them needs no training. Each batch size has its own "
    "3,000 largest counts here, where the paper shows the same 3,000 nodes for all."
)
NUM_BARS = 3000  # as many as the paper draws
SUMS_AGREE = 0.01  # relative: which 3,000 nodes are drawn differs in its rule
CLOSE = 0.1  # relative; further apart is a contradiction


def select(records: list[Record]) -> list[Record]:
    """Counts over whole streams."""
    return [r for r in records if r.task == COUNTING_TASK and on_whole_stream(r)]


def draw(records: list[Record], out: Path) -> list[Path]:
    """One figure for each data set; returns the files written."""
    return style.save_each(by_dataset(select(records)), _drawn, out, "captured_events")


def _drawn(records: list[Record]) -> tuple[Figure, pd.DataFrame]:
    table, dataset = measured(records), records[0].dataset
    paper = published_counts(dataset, set(table["batch_size"]))
    return _figure(dataset, table, paper), pd.concat([table, paper])


def claims(records: list[Record]) -> list[Claim]:
    """Of wikipedia, over all batch sizes counted: the largest bar, and the sum of the bars."""
    chosen = [record for record in select(records) if record.dataset == "wikipedia"]
    if not chosen:
        return []
    table = measured(chosen)
    ours, theirs = (
        part.groupby("batch_size")["captured_events"].agg(["max", "sum"])
        for part in (table, published_counts("wikipedia", set(table["batch_size"])))
    )
    ours = ours.loc[theirs.index]
    if theirs.empty:
        return []
    sizes = "batches of " + _listed(theirs.index) + " events"
    return [
        _claim("largest bar", sizes, ours["max"], theirs["max"], 0.0, chosen),
        _claim(
            f"sum of {NUM_BARS:,} bars",
            f"{sizes}; the largest of each size, the paper's are largest at 2400",
            ours["sum"],
            theirs["sum"],
            SUMS_AGREE,
            chosen,
        ),
    ]


def _claim(
    what: str,
    conditions: str,
    ours: pd.Series,
    theirs: pd.Series,
    tolerance: float,
    records: list[Record],
) -> Claim:
    """Reproduced where no batch size differs by more than ``tolerance``, partly by ``CLOSE``."""
    apart = float((ours / theirs - 1).abs().max())
    close = Verdict.PARTLY if apart <= CLOSE else Verdict.CONTRADICTED
    return Claim(
        statement=f"captured events per node, {what}",
        published=_listed(theirs),
        measured=_listed(ours),
        conditions=f"wikipedia, all events, {conditions}",
        verdict=Verdict.REPRODUCED if apart <= tolerance else close,
        command=commands(records),
    )


def _listed(values: Iterable[int]) -> str:
    return ", ".join(f"{value}" for value in values)


def measured(records: list[Record]) -> pd.DataFrame:
    """The largest counts of each batch size, rank 1 being the largest."""
    by_size = {record.batch_size: record for record in records}
    return pd.concat(
        [
            _ranked(list(record.bars), size).assign(origin="measured", source=record.command)
            for size, record in sorted(by_size.items(), key=lambda item: item[0] or 0)
        ],
        ignore_index=True,
    )


def published_counts(dataset: str, batch_sizes: set[int]) -> pd.DataFrame:
    """Figure 8 for those batch sizes that were counted too, in the same order."""
    if dataset != "wikipedia":
        return pd.DataFrame(columns=["rank", "batch_size", "captured_events", "origin", "source"])
    parts = [
        _ranked(list(part["captured_events"]), int(str(size)))
        for size, part in published("figure_8").groupby("batch_size")
        if size in batch_sizes
    ]
    table = pd.concat(parts) if parts else _ranked([], None)
    return table.assign(origin="published", source="DistTGL Figure 8 (digitised)")


def _ranked(bars: list[int], batch_size: int | None) -> pd.DataFrame:
    largest = sorted(bars, reverse=True)[:NUM_BARS]
    table = pd.DataFrame({"rank": range(1, len(largest) + 1), "captured_events": largest})
    return table.assign(batch_size=batch_size)


def _figure(dataset: str, table: pd.DataFrame, paper: pd.DataFrame) -> Figure:
    figure, axes = plt.subplots(figsize=(style.COLUMN, 2.5))
    sizes = sorted(table["batch_size"].unique())
    colors = plt.get_cmap("viridis")([0.8 * n / max(1, len(sizes) - 1) for n in range(len(sizes))])
    for size, color in zip(sizes, colors, strict=True):
        ours = table[table["batch_size"] == size]
        axes.plot(ours["rank"], ours["captured_events"], color=color, lw=3, alpha=0.55, label=size)
        theirs = paper[paper["batch_size"] == size]
        axes.plot(
            theirs["rank"], theirs["captured_events"], color=color, lw=1, ls=style.PUBLISHED_DASHES
        )
    axes.set(xlabel="node, by captured events", ylabel="captured events of the node")
    style.log_axis(axes, "x", ticks=(1,))
    style.log_axis(axes, "y")
    _legends(axes, len(paper) > 0)
    text = f"Counted: {dataset}, batches in which a node takes part, over all events."
    if len(paper):
        text += (
            f" Dashed: DistTGL Figure 8, {NUM_BARS:,} nodes; its legend calls batches of 200, 400,"
            " 600, 1200 and 2400 events 300, 600, 1200, 2400 and 4800."
        )
    style.write_below(figure, text)
    return figure


def _legends(axes: Axes, with_paper: bool) -> None:
    sizes = axes.legend(title="events per batch", loc="lower left", title_fontsize=7)
    if with_paper:
        axes.add_artist(sizes)
        axes.legend(
            handles=[
                Line2D([], [], color=style.GREY, lw=3, alpha=0.55, label="counted"),
                style.published_handle(),
            ],
            loc="upper right",
        )
