"""How every figure looks, and how it is saved."""

import textwrap
import zlib
from collections.abc import Callable, Mapping, Sequence
from math import inf, nan
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from paper_figures.records import Record

COLUMN = 3.4  # inches, the width of one column of the paper
PAGE = 7.0  # inches, both columns
PUBLISHED_DASHES = (0, (4, 1.5))
PUBLISHED_HATCH = "//////"
BAND_ALPHA = 0.2
MARKERS = ("o", "s", "^", "D", "v", "<", ">", "p", "h")
# Okabe and Ito's palette, told apart with every common colour blindness.
SYSTEM_COLORS = {"disttgl": "#0072B2", "tgl": "#D55E00", "tgn": "#009E73"}
SIGHT = {  # by visibility
    "event": "all earlier events, also of its own batch",
    "batch": "only events of earlier batches",
}
GREY = "#777777"
LIGHTEST, DARKEST = 0.4, -0.45  # towards white, towards black
OTHER_COLORS = ("#CC79A7", "#E69F00", "#56B4E9", "#000000")

RC: dict[Any, Any] = {
    "figure.dpi": 100,
    "savefig.dpi": 300,
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "legend.columnspacing": 1.4,
    "lines.linewidth": 1.3,
    "lines.markersize": 3.8,
    "lines.markeredgewidth": 0.9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.6,
    "pdf.fonttype": 42,  # text stays text
}


def color_of(system: str) -> str:
    """The colour of a system, the same in every figure."""
    if system in SYSTEM_COLORS:
        return SYSTEM_COLORS[system]
    return OTHER_COLORS[zlib.crc32(system.encode()) % len(OTHER_COLORS)]


def shades(color: str, count: int) -> list[tuple[float, float, float]]:
    """``count`` shades of a system's colour for its configurations, light to dark."""
    if count == 1:
        return [to_rgb(color)]
    return [_mixed(color, LIGHTEST - (LIGHTEST - DARKEST) * n / (count - 1)) for n in range(count)]


def _mixed(color: str, amount: float) -> tuple[float, float, float]:
    """``color`` mixed with white (``amount`` > 0) or black (< 0)."""
    aim = 1.0 if amount > 0 else 0.0
    red, green, blue = (value + (aim - value) * abs(amount) for value in to_rgb(color))
    return red, green, blue


def published_handle() -> Line2D:
    """The legend's entry for published curves."""
    return Line2D([], [], color=GREY, lw=1, ls=PUBLISHED_DASHES, label="published")


def log_axis(axes: Axes, name: str, ticks: Sequence[float] = (1, 2, 5)) -> None:
    """Make axis ``name`` logarithmic, with numbers at ``ticks`` in each decade: 500, 1000, 10k."""
    getattr(axes, f"set_{name}scale")("log")
    axis = getattr(axes, f"{name}axis")
    axis.set_major_locator(LogLocator(subs=ticks))
    axis.set_major_formatter(FuncFormatter(_short))
    axis.set_minor_formatter(NullFormatter())


def _short(value: float, _: int | None = None) -> str:
    return f"{value / 1000:g}k" if value >= 10_000 else f"{value:g}"


def widen(axes: Axes, smallest: float) -> None:
    """Let the y axis span at least ``smallest``."""
    low, high = axes.get_ylim()
    missing = max(0.0, smallest - (high - low))
    axes.set_ylim(low - missing / 2, high + missing / 2)


def conditions(records: Sequence[Record]) -> str:
    """What the drawn runs have in common and, if they differ in it, what each system could see."""
    first = records[0]
    parts = [f"{first.dataset}, protocol {first.protocol}"]
    sizes = sorted({record.batch_size for record in records if record.batch_size})
    if sizes:
        parts.append(f"batch {' and '.join(map(str, sizes))} events per trainer")
    seeds = sorted({record.seed for record in records})
    parts.append(f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}")
    machines = sorted({record.hardware for record in records if record.hardware})
    if len(machines) == 1:
        parts.append(f"on {machines[0]}")
    text = "Measured: " + ", ".join(parts) + "."
    if len(machines) > 1:
        text += f" The machines differ ({'; '.join(machines)}): times do not compare."
    sights = {record.visibility for record in records if record.visibility}
    if len(sights) > 1:
        who = [
            f"{what} ({', '.join(sorted({r.system for r in records if r.visibility == name}))})"
            for name, what in SIGHT.items()
        ]
        text += f" The systems differ in what a query may see: {' or '.join(who)}."
    return text


def write_below(figure: Figure, text: str, handles: Sequence[Artist] = (), ncols: int = 4) -> None:
    """A legend of ``handles`` under the figure, and under that small print, wrapped."""
    bottom = -0.01
    if handles:
        legend = figure.legend(
            handles=list(handles), loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=ncols
        )
        figure.draw_without_rendering()
        box = legend.get_window_extent().transformed(figure.transFigure.inverted())
        bottom = float(box.y0)
    lines = textwrap.fill(text, int(figure.get_size_inches()[0] * 23))
    figure.text(0.005, bottom, lines, va="top", fontsize=6.2, color="#444444")


def save_each(
    groups: Mapping[Any, list[Record]],
    draw: Callable[[list[Record]], tuple[Figure, pd.DataFrame]],
    out: Path,
    name: str,
) -> list[Path]:
    """``save`` what ``draw`` makes of each group; its key, a tuple of texts, ends the name."""
    paths = []
    for key, group in groups.items():
        with plt.rc_context(RC):
            paths += save(*draw(group), out, "_".join((name, *key)))
    return paths


def save_tables(
    groups: Mapping[Any, list[Record]],
    make: Callable[[list[Record]], pd.DataFrame],
    out: Path,
    name: str,
    ending: str,
) -> list[Path]:
    """Write a further table of each group, named as in ``save_each`` and by its ``ending``."""
    paths = []
    for key, group in groups.items():
        paths.append(out / f"{'_'.join((name, *key, ending))}.csv")
        make(group).replace(inf, nan).to_csv(paths[-1], index=False)
    return paths


def save(figure: Figure, table: pd.DataFrame, out: Path, name: str) -> list[Path]:
    """Write NAME.pdf, NAME.png and NAME.csv (the numbers drawn); the same input, the same bytes."""
    out.mkdir(parents=True, exist_ok=True)
    paths = [out / f"{name}.{ending}" for ending in ("pdf", "png", "csv")]
    undated: tuple[Any, Any] = ({"CreationDate": None, "Producer": None}, {"Software": None})
    for path, metadata in zip(paths, undated, strict=False):
        figure.savefig(path, metadata=metadata, bbox_inches="tight", pad_inches=0.03)
    table.to_csv(paths[2], index=False)
    plt.close(figure)
    return paths
