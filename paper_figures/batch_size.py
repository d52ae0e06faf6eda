"""What a larger batch costs: Figure 2(a), test F1-micro, and Figure 8, captured events."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median

import matplotlib.pyplot as plt
import pandas as pd

from benchmark.records import tables, words
from benchmark.records.series import Runs
from benchmark.records.statistics import Estimate, first_reaching, still_rising
from paper_figures import pictures
from paper_figures.figure import Claim, Group, Measured, Output, figure, published
from paper_figures.measures import UNFINISHED

METRIC, CURVE, FLOOR = "test_f1_micro", "validation_f1_micro", "test_f1_micro_majority"
SIZE = "global_batch_size"
DIGITS = 12  # of a learning rate by event
TOLERANCE = 0.03  # part of the smallest batch's F1 that a larger one may lose; GDELT's noise
NUM_BARS = 3000  # as many as the paper draws


def by_size(group: Group) -> pd.DataFrame:
    """Mean, lowest and highest test F1-micro over seeds, by global batch size."""
    names = {"batch_size": SIZE, f"metrics.{METRIC}": METRIC, f"metrics.{FLOOR}": FLOOR}
    runs = group.runs.rename(columns=names)
    table = tables.over_seeds(runs, SIZE, METRIC).assign(**{FLOOR: runs[FLOOR].mean()})
    return table.assign(dataset=group.dataset, origin="measured", source=words.commands(runs))


def growth(table: pd.DataFrame) -> float:
    """How many times the smallest batch the largest is before F1 has fallen by ``TOLERANCE``."""
    enough = table[METRIC] >= (1 - TOLERANCE) * table[METRIC].iloc[0]
    return float(table.loc[enough.cummin(), SIZE].iloc[-1] / table[SIZE].iloc[0])


def measure_growth(_: Claim, group: Group) -> Measured | None:
    """How far the batch can grow, where the largest had enough steps."""
    table = by_size(group)
    smallest, times = int(table[SIZE].iloc[0]), growth(table)
    text = f"{times:g}x, from {smallest:,} to {times * smallest:,.0f} events"
    return Measured({"": Estimate(times)}, text, group.runs, too_short(group))


def measure_loss(_: Claim, group: Group) -> Measured | None:
    """What is lost by the largest batch, where it had enough steps."""
    table, unlike = by_size(group), too_short(group)
    (smallest, largest), (first, last) = (table[name].iloc[[0, -1]] for name in (SIZE, METRIC))
    loss = float(1 - last / first)
    if loss <= TOLERANCE and largest / smallest <= growth(published("figure_2a")):
        unlike = unlike or "the sweep is shorter than GDELT's flat part"
    text = f"F1 {first:.4f} at {smallest:,}, F1 {last:.4f} at {largest:,} events ({-loss:+.1%})"
    return Measured({"": Estimate(loss)}, text, group.runs, unlike)


def too_short(group: Group) -> str:
    """Why the largest batch does not compare, where it had too few steps."""
    sizes = group.runs["batch_size"]
    few, many = (group.curves(group.runs[sizes == end]) for end in (sizes.min(), sizes.max()))
    needed = median(first_reaching(c, CURVE, (1 - TOLERANCE) * c[CURVE].max()) for c in few)
    steps = median(c["iteration"].max() for c in many)
    if steps < needed:
        return f"{steps:,.0f} steps of the largest, the smallest took {needed:,.0f}"
    return UNFINISHED if any(still_rising(c, CURVE) for c in many) else ""


def _of_one_kind(runs: Runs) -> "pd.Series[bool]":
    """Those whose learning rate grows with the batch, as released; all where none does."""
    rates = (runs["learning_rate"] / runs["batch_size"]).round(DIGITS)
    growing = rates.eq(rates.mode().iloc[0] if len(rates) else 0)
    return growing if runs.loc[growing, "batch_size"].nunique() > 1 else rates.notna()


@figure(
    "batch_size", {"batch growth": measure_growth, "batch loss": measure_loss},
    varies=("batch_size", "epochs", "learning_rate"), rank=len,
    needs={"a learning rate that does not grow with the batch": _of_one_kind},
)  # fmt: skip
def draw_size(group: Group) -> Iterator[Output]:
    """Measured on the left, published of another data set on the right."""
    table, paper, name = by_size(group), published("figure_2a"), "DistTGL 1x1x1"
    looks = pictures.looks_of({name: pictures.color_of("disttgl")})
    titled = {f"{group.dataset}, measured": table, "GDELT, published (Figure 2(a))": paper}
    panels = [(title, part.assign(label=name, emulated=False), looks)
              for title, part in titled.items()]  # fmt: skip
    picture = pictures.panels_of_lines(panels, (pictures.PAGE, 2.4), METRIC, SIZE)
    floor: pictures.Look = {"color": pictures.GREY, "lw": 1, "ls": ":"}
    picture.axes[0].axhline(table[FLOOR].mean(), **floor)
    looks |= {"published": pictures.PUBLISHED, "most frequent class of the training events": floor}
    pictures.legend_below(picture, looks)
    yield Output(pd.concat([table, paper]), picture)


@figure("captured_events", varies=("batch_size",), rank=len)
def draw_counts(group: Group) -> Iterator[Output]:
    """The largest counts of each batch size over ranks; those of Figure 8 are of Wikipedia."""
    parts = [
        pd.read_csv(Path(str(folder)) / "bars.csv").assign(
            batch_size=int(run["batch_size"]), source=run["command"], origin="measured"
        )
        for folder, run in group.runs.iterrows()
    ]
    if group.dataset == "wikipedia":
        parts.append(published("figure_8").assign(source="DistTGL Figure 8 (digitised)"))
    table, keys = pd.concat(parts), ["origin", "batch_size"]
    table = table.sort_values([*keys, "captured_events"], ascending=[True, True, False])
    table["rank"] = table.groupby(keys).cumcount() + 1
    drawn = table["batch_size"].isin(group.runs["batch_size"]) & (table["rank"] <= NUM_BARS)
    table = table.loc[drawn, ["rank", "captured_events", "batch_size", "source", "origin"]]
    picture, axes = plt.subplots(figsize=(pictures.COLUMN, 2.5))
    counted: pictures.Look = {"lw": 3, "alpha": 0.55}
    sizes = list(table["batch_size"].unique())
    for (origin, size), part in table.groupby(keys):
        color = plt.get_cmap("viridis")(0.8 * sizes.index(size) / max(1, len(sizes) - 1))
        look = pictures.PUBLISHED if origin == "published" else counted | {"label": size}
        axes.plot(part["rank"], part["captured_events"], **look | {"color": color})
    axes.set(xlabel="node, by captured events", ylabel="captured events of the node")
    pictures.log_axis(axes, "x", ticks=(1,))
    pictures.log_axis(axes, "y")
    axes.legend(title="events per batch", loc="lower left", title_fontsize=7)
    if len(parts) > len(group.runs):
        looks = {"counted": counted | {"color": pictures.GREY}, "published": pictures.PUBLISHED}
        pictures.legend_below(picture, looks)
    yield Output(table, picture)
