"""What parallelism costs: larger batches (Figures 2(a), 8), Table 1, and equal results or not."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median

import matplotlib.pyplot as plt
import pandas as pd

from benchmark.records import tables, words
from benchmark.records.reader import read_table
from benchmark.records.series import SINGLE, Runs
from benchmark.records.statistics import Estimate, first_reaching, still_rising
from paper_figures import pictures
from paper_figures.figure import Claim, Group, Measured, Output, figure, published
from paper_figures.measures import UNFINISHED
from paper_figures.throughput import NEEDS

METRIC, CURVE, FLOOR = "test_f1_micro", "validation_f1_micro", "test_f1_micro_majority"
SIZE = "global_batch_size"
DIGITS = 12  # of a learning rate by event
TOLERANCE = 0.03  # part of the smallest batch's F1 that a larger one may lose; GDELT's noise
NUM_BARS = 3000  # as many as the paper draws
STRATEGIES = {"one trainer": SINGLE, "mini-batch": "2x1x1", "epoch": "1x2x1", "memory": "1x1x2"}
COUNT = "metrics.sum_of_3000_largest"
TIMES = {"wait_ms_per_batch": "wait for a batch, ms", "peak_gib": "all processes, GiB",
         "memory_ms_per_batch": "node memory, ms a batch"}  # fmt: skip
MEASURED = {COUNT: "captured events, 3,000 nodes", **TIMES, "": "no record"}
QUANTITIES = {  # a line of Table 1, and what is measured behind it
    "captured dependency": COUNT,
    "training overhead (mini-batch generation)": "wait_ms_per_batch",
    "main memory": "peak_gib",
    "synchronisation": "memory_ms_per_batch",
    "gradient variance": "",
}
EXACTNESS, AGREEMENT = "python -m benchmark.run suite=exactness", "agreement.csv"
COLUMNS = {"i x j x k": str, "precision": str, "node_memory": str, "processes": int, "losses": int,
           "loss": float, "metric": float}  # fmt: skip


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


def two_trainers(group: Group) -> pd.DataFrame:
    """A row for each strategy, and for one trainer, with what is measured of it.

    Two trainers of mini-batch parallelism share a batch of twice the events; the batches of the
    other two stay those of one trainer, and so do the events captured.
    """
    counts = group.runs["task"] == "captured_events"
    counted, timed = group.runs[counts], group.runs[~counts]
    captured = counted.drop_duplicates("batch_size").set_index("batch_size")[COUNT]
    layouts, size = group.by_parallelism(timed), timed["batch_size"].max() if len(timed) else 600
    sets = []
    for name, layout in STRATEGIES.items():
        events = 2 * size if name == "mini-batch" else size
        told = {"strategy": name, COUNT: captured.get(events)}
        sets.append((told, layouts.get(layout, timed[:0])))
    return tables.summary(sets, medians=list(TIMES))


@figure("strategies", varies=None, together=True, needs=NEEDS)
def draw_strategies(group: Group) -> Iterator[Output]:
    """Two lines for each quantity: what the paper states, and what was measured."""
    ours, paper = two_trainers(group), published("table_1").replace(SINGLE, "one trainer")
    stated = paper.set_index(["quantity", "strategy"])["against_single_gpu"]
    lines = []
    for quantity, name in QUANTITIES.items():
        form, rows = ".0f" if name == COUNT else ".2f", ours.to_dict("records")
        theirs = {strategy: stated.get((quantity, strategy), "") for strategy in STRATEGIES}
        cells = {row["strategy"]: tables.cell(row, name, form) for row in rows}
        line = {"against one trainer": quantity}
        lines.append(line | {"by": "DistTGL", **theirs, "origin": "published"})
        lines.append(line | {"by": MEASURED[name], **cells, "origin": "measured"})
    timed = group.runs.query("task == 'link_prediction'")
    about = words.conditions(timed if len(timed) else group.runs)
    table = pd.concat([ours, paper])
    yield Output(table, shown=pd.DataFrame(lines), facts={"conditions": about})


def agreement(group: Group) -> pd.DataFrame:
    """A row for each run: its largest relative ``difference`` from the run on fewest processes."""
    paths = dict.fromkeys(map(_table_beside, group.runs.index))
    table = pd.concat([read_table(path, COLUMNS) for path in paths], ignore_index=True)
    table["difference"] = table[["loss", "metric"]].max(axis=1)
    table["label"] = table["i x j x k"] + " " + table["precision"]
    return table.assign(origin="measured", source=EXACTNESS)


def measure_agreement(claim: Claim, group: Group) -> Measured | None:
    """The largest difference of the precision that a claim is of."""
    table = agreement(group).query("precision == @claim.of")
    if table.empty:
        return None
    references = table["label"].nunique()  # of each layout the run that others stand beside
    equal = int((table["difference"] == 0).sum()) - references
    largest, losses = float(table["difference"].max()), table["losses"].agg(["min", "max"])
    text = f"{equal} of {len(table) - references} runs the same bit for bit"
    text += f", the others to {largest:.0e}" if largest else ""
    facts = {
        "precision": claim.of, "layouts": ", ".join(table["i x j x k"].unique()),
        "hosts": words.list_of(sorted(table["processes"].unique())),
        "losses": words.list_of(losses.unique(), " to "),
        "kept": (group.runs["settings.system.precision"] == claim.of).sum(),
    }  # fmt: skip
    return Measured({"": Estimate(largest)}, text, group.runs, facts=facts)


def _table_beside(run: str) -> Path:
    return Path(run).parent / AGREEMENT


@figure(
    "exactness", {"agreement": measure_agreement}, varies=None, together=True, any_stream=True,
    needs={f"no table {AGREEMENT} beside it": lambda runs: runs.index.to_series().map(
        lambda run: _table_beside(run).exists())},
)  # fmt: skip
def draw_agreement(group: Group) -> Iterator[Output]:
    """By layout, precision and node memory how far each number of processes is off."""
    table = agreement(group)
    texts = table["difference"].map(lambda apart: f"{apart:.0e}" if apart else "same")
    shown = table.assign(text=texts, processes=table["processes"].map("{} processes".format))
    rows = ["i x j x k", "precision", "node_memory"]
    shown = shown.pivot(index=rows, columns="processes", values="text").fillna(tables.HOLE)
    yield Output(table, shown=shown.reset_index().assign(origin="measured"))
