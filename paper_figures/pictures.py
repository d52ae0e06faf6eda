"""How everything is drawn and saved: measured lines and bars solid, published ones dashed and
hollow, projected ones pale.

A table of marks has a column ``origin``, of curves ``label`` too.
"""

import textwrap
import zlib
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from math import ceil
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

Look = dict[str, Any]  # what matplotlib is told of a line or a bar

COLUMN, WIDE, PAGE = 3.4, 5.0, 7.0  # inches: a column of the paper, between, both columns
MARKERS = ("o", "s", "^", "D", "v", "<", ">", "p", "h")
# Okabe and Ito's palette, told apart with every common colour blindness.
COLORS = {
    "disttgl": "#0072B2", "tgl": "#D55E00", "tgl_softmax": "#E69F00", "tgn": "#009E73",
    "TGN-attn": "#0072B2", "JODIE": "#D55E00", "TGAT": "#009E73", "DySAT": "#CC79A7",
    "APAN": "#E69F00", "GraphMixer": "#000000",
}  # fmt: skip
OTHER_COLORS = ("#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY, WARNING = "#777777", "#B3261E"
LIGHTEST, DARKEST = 0.4, -0.45  # towards white, towards black
PUBLISHED: Look = {"color": GREY, "lw": 1, "ls": (0, (4, 1.5))}  # a curve
HATCH = "//////"
PALE: Look = {"alpha": 0.35}
BAND: Look = {"alpha": 0.2, "lw": 0}  # over seeds
RC: Any = matplotlib.rc_params_from_file(
    Path(__file__).with_name("paper.mplstyle"), use_default_template=False
)
METRIC = "validation_mrr"
AXES = {
    "iteration": "training iterations", "seconds": "training time (s)", METRIC: "validation MRR",
    "validation_f1_micro": "validation F1-micro", "test_f1_micro": "test F1-micro",
    "global_batch_size": "global batch size (events)",
}  # fmt: skip
SMALLEST_RANGE = 0.05  # of the MRR axis, so that noise does not fill it
GROUP = 0.85  # of the way from one group of bars to the next


def color_of(name: str) -> str:
    """The colour of a system or a network, the same in every figure."""
    return COLORS.get(name, OTHER_COLORS[zlib.crc32(name.encode()) % len(OTHER_COLORS)])


def mixed(color: str, amount: float) -> tuple[float, ...]:
    """``color`` mixed with white (``amount`` > 0) or black (< 0)."""
    return tuple(value + (float(amount > 0) - value) * abs(amount) for value in to_rgb(color))


def shades(color: str, names: Sequence[Any]) -> dict[Any, tuple[float, ...]]:
    """A shade of a colour for each of ``names``, light to dark; of one the colour itself."""
    amounts = np.linspace(LIGHTEST, DARKEST, len(names)) if len(names) > 1 else [0.0]
    return {name: mixed(color, amount) for name, amount in zip(names, amounts, strict=True)}


def hollow(color: Any) -> Look:
    """How a published bar looks."""
    return {"facecolor": "white", "edgecolor": color, "hatch": HATCH}


def filled(colors: Mapping[str, Any]) -> dict[str, Look]:
    """How measured bars look in a legend."""
    return {name: {"facecolor": color} for name, color in colors.items()}


def looks_of(colors: Mapping[str, Any]) -> dict[str, Look]:
    """A colour and a marker for each label."""
    pairs = zip(colors.items(), cycle(MARKERS), strict=False)
    return {label: {"color": color, "marker": marker} for (label, color), marker in pairs}


def looks_by(
    table: pd.DataFrame, hue: str, color_of: Callable[[str], str] = color_of
) -> dict[str, Look]:
    """Of each label, in order, a shade of the colour of what it has in column ``hue``."""
    found: dict[str, Look] = {}
    for name, labels in table.groupby(hue)["label"].unique().items():
        found |= looks_of(shades(color_of(str(name)), labels))
    return {label: found[label] for label in table["label"].unique()}


def categories(axes: Axes, name: str, texts: Sequence[object]) -> None:
    """Words in place of numbers on axis ``name``, which then needs no lines of a grid."""
    getattr(axes, f"set_{name}ticks")(range(len(texts)), list(map(str, texts)))
    axes.grid(axis=name, visible=False)  # type: ignore[arg-type]


def log_axis(axes: Axes, name: str, ticks: Sequence[float] = (1, 2, 5)) -> None:
    """Make axis ``name`` logarithmic, numbers at ``ticks`` in each decade: 500, 1000, 10k, 1M."""

    def short(value: float, _: int | None = None) -> str:
        if value >= 1_000_000:
            return f"{value / 1_000_000:g}M"
        return f"{value / 1000:g}k" if value >= 10_000 else f"{value:g}"

    getattr(axes, f"set_{name}scale")("log")
    axis = getattr(axes, f"{name}axis")
    axis.set_major_locator(LogLocator(subs=ticks))
    axis.set_major_formatter(FuncFormatter(short))
    axis.set_minor_formatter(NullFormatter())


def panels_of_lines(
    panels: Sequence[tuple[str, pd.DataFrame, Mapping[str, Look]]], size: tuple[float, float],
    y: str = METRIC, x: str = "iteration", **grid: Any,
) -> Figure:  # fmt: skip
    """A panel of lines for each title, table and looks, two beside each other, three of many.

    Measured lines have a band over seeds and markers, hollow if emulated.
    """
    across = min(2 if len(panels) <= 4 else 3, len(panels))
    rows = ceil(len(panels) / across)
    figure, all_axes = plt.subplots(rows, across, figsize=size, squeeze=False, **grid)
    for n, (axes, (title, table, looks)) in enumerate(zip(all_axes.flat, panels, strict=False)):
        for (origin, label), curve in table.groupby(["origin", "label"], sort=False):
            look, color = looks[str(label)], looks[str(label)]["color"]
            if origin == "published":
                axes.plot(curve[x], curve[y], **PUBLISHED | {"color": color})
                continue
            axes.fill_between(curve[x], curve["lowest"], curve["highest"], color=color, **BAND)
            inside = "white" if curve["emulated"].any() else color
            every = max(1, len(curve) // 8)  # markers
            axes.plot(curve[x], curve[y], markevery=every, markerfacecolor=inside, **look)
        log_axis(axes, "x", ticks=(1, 3))
        axes.set(title=title, xlabel=AXES[x] if n + across >= len(panels) else "")
        axes.set_ylabel("" if n % across else AXES[y])
    for n, axes in enumerate(all_axes.flat):  # which may share an axis, so after all are drawn
        low, high = axes.get_ylim()
        missing = max(0.0, SMALLEST_RANGE - (high - low))
        axes.set_ylim(low - missing / 2, high + missing / 2)
        axes.set_visible(n < len(panels))
    return figure


def bars(
    axes: Axes, table: pd.DataFrame, value: str, places: Any, width: float, colors: Any,
    form: Callable[[float], str] = lambda _: "", size: float = 6.5, flat: bool = False,
) -> None:  # fmt: skip
    """A bar for each row with a whisker from VALUE_low to VALUE_high, upright or ``flat``.

    ``form`` writes their numbers at their ends, in letters of ``size``.
    """
    bar, error = (axes.barh, "xerr") if flat else (axes.bar, "yerr")
    for origin, rows in table.groupby("origin"):
        at, hues, middle = places[rows.index], list(colors[rows.index]), rows[value]
        low, high = (rows.get(f"{value}_{end}", middle) for end in ("low", "high"))
        texts = list(map(form, middle))
        if origin == "projected":
            drawn = bar(at, high - low, width / 3, low, color=hues, **PALE)
            ends = zip(map(form, low), map(form, high), strict=True)
            texts = [f"projected {least} to {most}" for least, most in ends]
        elif origin == "published":
            drawn = bar(at, middle, width, **hollow(hues))
        else:
            spread: Any = {error: (middle - low, high - middle), "error_kw": {"lw": 0.9}}
            drawn = bar(at, middle, width, color=hues, **spread)
        axes.bar_label(drawn, texts, padding=1.5, fontsize=size)


def grouped(
    axes: Axes, table: pd.DataFrame, value: str, across: str, beside: str,
    colors: Mapping[str, Any], **look: Any,
) -> Any:  # fmt: skip
    """``bars`` in a group for each ``across``, in the order of ``colors``; returns their places."""
    groups, step = list(table[across].unique()), GROUP / len(colors)
    place = table[beside].map(list(colors).index) - (len(colors) - 1) / 2
    places = table[across].map(groups.index) + step * place
    bars(axes, table, value, places, 0.9 * step, table[beside].map(colors), **look)
    categories(axes, "x", groups)
    return places


def legend_below(figure: Figure, looks: Mapping[str, Look], ncols: int = 4) -> None:
    """A legend under the picture, of filled looks a patch, of others a line."""
    handles = [
        Patch(label=text, **look) if "facecolor" in look else Line2D([], [], label=text, **look)
        for text, look in looks.items()
    ]
    figure.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=ncols)


def write_picture(figure: Figure, caption: str, stem: Path) -> list[Path]:
    """Write STEM.png and STEM.pdf with the caption under them; the same input, the same bytes.

    Both have one layout, which takes longer than to draw either.
    """
    figure.dpi = RC["savefig.dpi"]
    bottom = -0.01
    for legend in figure.legends:
        bottom = legend.get_window_extent().transformed(figure.transFigure.inverted()).y0
    text = textwrap.fill(caption, int(figure.get_size_inches()[0] * 23))
    figure.text(0.005, bottom, text, va="top", fontsize=6.2, color="#444444")
    ConstrainedLayoutEngine().execute(figure)
    whole = figure.get_tightbbox().padded(0.03)
    undated: dict[str, Any] = {".png": {"Software": None},
                               ".pdf": {"CreationDate": None, "Producer": None}}  # fmt: skip
    for ending, metadata in undated.items():
        figure.savefig(stem.with_suffix(ending), metadata=metadata, bbox_inches=whole)
    plt.close(figure)
    return [stem.with_suffix(ending) for ending in undated]
