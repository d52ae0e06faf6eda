"""Figure 10: test MRR and iterations to the best validation MRR over the grid of j x k."""

from pathlib import Path
from statistics import median
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from paper_figures import claim_text, curves, run_sets, style, verdicts
from paper_figures.claim import Claim, Verdict
from paper_figures.curves import TEST_METRIC
from paper_figures.published import published
from paper_figures.records import Record, commands
from paper_figures.run_sets import SINGLE
from paper_figures.series import by_question

NUMBER = "Figure 10"
SHOWS = "test MRR and iterations to the best validation MRR by j x k (Figure 10)"
COMMAND = "python -m benchmark.run suite=trainer_grid"
DIFFERS = (
    "Logical trainers share one process, which changes the order of a sum at most (suite "
    "exactness). The copy of the data has no edge features, and static node memory is off."
)
DEGREES = (1, 2, 4, 8)  # of j, from top to bottom, and of k, from left to right
LAYOUTS = {f"1x{j}x{k}": (j, k) for j in DEGREES for k in DEGREES}
ITERATIONS = "iterations_to_best"
LAST = "iterations_trained"
STILL_RISING = 0.9  # of a run, after which a best may be one of a curve that rises still
TITLES = {TEST_METRIC: "(a) test MRR", ITERATIONS: "(b) iterations"}
FORMATS = {TEST_METRIC: "{:.4f}", ITERATIONS: "{:.0f}"}
NORMS = {TEST_METRIC: Normalize, ITERATIONS: LogNorm}
PALEST, DEEPEST = 0.08, 0.55  # of the colour map, all light enough for black numbers

Cells = dict[str, float]  # by "ixjxk"
Parts = dict[str, Any]  # fields of a claim


def select(records: list[Record]) -> list[Record]:
    """Of each data set and protocol, runs that differ in nothing but j, k and seed.

    Of several such sets with two layouts or more, ``run_sets.foremost``.
    """
    fitting = [r for r in run_sets.with_curves(records) if r.parallelism in LAYOUTS]
    chosen: list[Record] = []
    for group in by_question(fitting).values():
        sets = run_sets.alike(group, run_sets.WITHOUT_EFFECT)
        chosen += run_sets.foremost([s for s in sets if len({r.parallelism for r in s}) > 1])
    return chosen


def draw(records: list[Record], out: Path) -> list[Path]:
    """One figure for each data set and protocol; returns the files written."""
    return style.save_each(by_question(select(records)), _drawn, out, "trainer_grid")


def _drawn(records: list[Record]) -> tuple[Figure, pd.DataFrame]:
    table, paper = measured(records), published_grid(records[0].dataset, records[0].protocol)
    return _figure(table, paper, records), pd.concat([table, paper])


def measured(records: list[Record]) -> pd.DataFrame:
    """Of each j x k the mean test MRR and the median of the best iterations over seeds."""
    return pd.DataFrame(
        [
            {
                "parallelism": layout,
                TEST_METRIC: curves.mean_metric(group, TEST_METRIC),
                ITERATIONS: median(best_iteration(record) for record in group),
                LAST: median(record.evaluations["iteration"].max() for record in group),
                "num_runs": len(group),
                "origin": "measured",
                "source": commands(group),
            }
            for layout, group in run_sets.by_parallelism(records).items()
        ]
    )


def best_iteration(record: Record) -> float:
    """The first iteration with the best validation MRR."""
    run = record.evaluations
    return curves.first_reaching(run, "iteration", run[curves.METRIC].max())


def published_grid(dataset: str, protocol: str) -> pd.DataFrame:
    """Figure 10 where it shows this data set under this protocol, otherwise no rows."""
    grid = published("figure_10", dataset=dataset).drop(columns="dataset")
    if protocol != run_sets.PAPER_PROTOCOL:
        grid = grid[:0]
    return grid.assign(origin="published")


def by_layout(grid: pd.DataFrame, quantity: str) -> dict[str, float]:
    """The cells that are known, by "ixjxk"."""
    known = grid.dropna(subset=quantity)
    return dict(zip(known["parallelism"], known[quantity].astype(float), strict=True))


def claims(records: list[Record]) -> list[Claim]:
    """Iterations saved by many trainers, and which eight end higher, on the paper's data set."""
    found: list[Claim] = []
    for (dataset, protocol), group in by_question(select(records)).items():
        paper = published_grid(dataset, protocol)
        if len(paper):
            found += _claims(group, measured(group), paper)
    return found


def _claims(records: list[Record], table: pd.DataFrame, paper: pd.DataFrame) -> list[Claim]:
    ours, theirs = (by_layout(grid, ITERATIONS) for grid in (table, paper))
    ends = by_layout(table, LAST)
    parts = [_saved(ours, theirs, ends, layout) for layout in ("1x1x8", "1x4x8")]
    parts.append(_higher(by_layout(table, TEST_METRIC), by_layout(paper, TEST_METRIC)))
    shared: Parts = {"conditions": claim_text.conditions(records), "command": commands(records)}
    if not claim_text.long_enough(records):
        shared["verdict"] = Verdict.INCOMPARABLE
    return [Claim(**part | shared) for part in parts if part]


def _saved(ours: Cells, theirs: Cells, ends: Cells, layout: str) -> Parts:
    """Incomparable where a run was best at its end: that says how long it was, and no more."""
    if not {SINGLE, layout} <= ours.keys():
        return {}
    verdict = verdicts.of_ratio(ours[SINGLE] / ours[layout], theirs[SINGLE] / theirs[layout])
    if any(ours[name] > STILL_RISING * ends[name] for name in (SINGLE, layout)):
        verdict = Verdict.INCOMPARABLE
    return {
        "statement": f"iterations of {layout} to its best validation MRR, against {SINGLE}",
        "measured": _saved_text(ours, layout),
        "published": _saved_text(theirs, layout),
        "verdict": verdict,
    }


def _saved_text(cells: Cells, layout: str) -> str:
    one, many = cells[SINGLE], cells[layout]
    return f"{many:.0f} against {one:.0f}{claim_text.factor(one / many)}"


def _higher(ours: Cells, theirs: Cells) -> Parts:
    memory, epoch = "1x1x8", "1x8x1"
    if not {memory, epoch} <= ours.keys():
        return {}
    gains = [cells[memory] - cells[epoch] for cells in (ours, theirs)]
    texts = (f"{c[memory]:.4f} against {c[epoch]:.4f}" for c in (ours, theirs))
    measured_text, published_text = (
        f"{text}, {gain:+.4f}" for text, gain in zip(texts, gains, strict=True)
    )
    return {
        "statement": f"test MRR of {memory} is above that of {epoch}",
        "measured": measured_text,
        "published": published_text,
        "verdict": verdicts.of_gain(*gains),
    }


def _figure(table: pd.DataFrame, paper: pd.DataFrame, records: list[Record]) -> Figure:
    grids = {"measured": table, "published": paper} if len(paper) else {"measured": table}
    both = pd.concat([table, paper])
    figure, panels = plt.subplots(
        2, len(grids), figsize=(style.COLUMN, 3.6), squeeze=False, sharex=True, sharey=True
    )
    for row, (quantity, make_norm) in zip(panels, NORMS.items(), strict=True):
        values = both[quantity].dropna().astype(float)
        norm = make_norm(values.min(), values.max())
        for axes, (origin, grid) in zip(row, grids.items(), strict=True):
            _panel(axes, by_layout(grid, quantity), FORMATS[quantity], norm)
            axes.set_title(f"{TITLES[quantity]}, {origin}")
    for axes in panels[:, 0]:
        axes.set_ylabel("j", rotation=0)
    for axes in panels[-1]:
        axes.set_xlabel("k")
    style.write_below(figure, _small_print(table, paper, records))
    return figure


def _panel(axes: Axes, cells: Cells, form: str, norm: Normalize) -> None:
    for layout, (j, k) in LAYOUTS.items():
        place = (DEGREES.index(k), DEGREES.index(j))
        if layout in cells:
            _cell(axes, place, form.format(cells[layout]).lstrip("0"), float(norm(cells[layout])))
        else:
            _hole(axes, place)
    ends = (-0.5, len(DEGREES) - 0.5)
    axes.set(xlim=ends, ylim=ends[::-1], aspect="equal")
    axes.set_xticks(range(len(DEGREES)), list(map(str, DEGREES)))
    axes.set_yticks(range(len(DEGREES)), list(map(str, DEGREES)))
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _cell(axes: Axes, place: tuple[int, int], text: str, share: float) -> None:
    color = plt.get_cmap("Blues")(PALEST + (DEEPEST - PALEST) * share)
    axes.add_patch(_square(place, facecolor=color))
    axes.text(*place, text, ha="center", va="center", fontsize=6.5)


def _hole(axes: Axes, place: tuple[int, int]) -> None:
    axes.add_patch(_square(place, facecolor="white", hatch=style.PUBLISHED_HATCH))
    text = axes.text(*place, "not\nrun", ha="center", va="center", fontsize=6)
    text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})


def _square(place: tuple[int, int], **looks: Any) -> Rectangle:
    corner = (place[0] - 0.5, place[1] - 0.5)
    return Rectangle(corner, 1, 1, edgecolor="#BBBBBB", linewidth=0.6, **looks)


def _small_print(table: pd.DataFrame, paper: pd.DataFrame, records: list[Record]) -> str:
    text = (
        f"{style.conditions(records)} {records[0].passes:g} passes, summed over trainers; i = 1."
        " Iterations: to the best validation MRR, in steps of a pass."
    )
    if (table["num_runs"] > 1).any():
        text += " Mean test MRR and median iterations over seeds."
    if len(paper):
        text += (
            f" Published: DistTGL Figure 10, {claim_text.PAPER_PASSES} passes, up to 32 trainers."
        )
    return text
