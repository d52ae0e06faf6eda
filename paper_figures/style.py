"""How every picture looks, and how it is saved."""

import textwrap
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
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
HATCH = "//////"
PUBLISHED: Look = {"color": GREY, "lw": 1, "ls": (0, (4, 1.5))}  # a curve
RC: Any = matplotlib.rc_params_from_file(
    Path(__file__).with_name("paper.mplstyle"), use_default_template=False
)


def color_of(name: str) -> str:
    """The colour of a system or a network, the same in every figure."""
    return COLORS.get(name, OTHER_COLORS[zlib.crc32(name.encode()) % len(OTHER_COLORS)])


def mixed(color: str, amount: float) -> tuple[float, ...]:
    """``color`` mixed with white (``amount`` > 0) or black (< 0)."""
    return tuple(value + (float(amount > 0) - value) * abs(amount) for value in to_rgb(color))


def shades(color: str, count: int) -> list[tuple[float, ...]]:
    """``count`` shades of a colour, light to dark; one is the colour itself."""
    amounts = np.linspace(LIGHTEST, DARKEST, count) if count > 1 else [0.0]
    return [mixed(color, amount) for amount in amounts]


def hollow(color: Any) -> Look:
    """How a published bar looks."""
    return {"facecolor": "white", "edgecolor": color, "hatch": HATCH}


def categories(axes: Axes, name: str, texts: Sequence[object]) -> None:
    """Words in place of numbers on axis ``name``, which then needs no lines of a grid."""
    getattr(axes, f"set_{name}ticks")(range(len(texts)), list(map(str, texts)))
    axes.grid(axis=name, visible=False)  # type: ignore[arg-type]


def log_axis(axes: Axes, name: str, ticks: Sequence[float] = (1, 2, 5)) -> None:
    """Make axis ``name`` logarithmic, numbers at ``ticks`` in each decade: 500, 1000, 10k, 1M."""
    getattr(axes, f"set_{name}scale")("log")
    axis = getattr(axes, f"{name}axis")
    axis.set_major_locator(LogLocator(subs=ticks))
    axis.set_major_formatter(FuncFormatter(_short))
    axis.set_minor_formatter(NullFormatter())


def _short(value: float, _: int | None = None) -> str:
    if value >= 1_000_000:
        return f"{value / 1_000_000:g}M"
    return f"{value / 1000:g}k" if value >= 10_000 else f"{value:g}"


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
    lines = textwrap.fill(caption, int(figure.get_size_inches()[0] * 23))
    figure.text(0.005, bottom, lines, va="top", fontsize=6.2, color="#444444")
    ConstrainedLayoutEngine().execute(figure)
    whole = figure.get_tightbbox().padded(0.03)
    undated: dict[str, Any] = {".png": {"Software": None},
                               ".pdf": {"CreationDate": None, "Producer": None}}  # fmt: skip
    for ending, metadata in undated.items():
        figure.savefig(stem.with_suffix(ending), metadata=metadata, bbox_inches=whole)
    plt.close(figure)
    return [stem.with_suffix(ending) for ending in undated]
