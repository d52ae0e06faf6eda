"""Bars side by side: measured ones solid, published ones hollow, projected ones a pale line."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from paper_figures import style

GROUP = 0.85  # of the way from one group to the next
PALE: dict[str, Any] = {"alpha": 0.35}
Form = Callable[[float], str]  # of the number on a bar


def grouped(
    axes: Axes, table: pd.DataFrame, value: str, across: str, beside: str,
    colors: Mapping[str, Any], form: Form | None = None, size: float = 6.5,
) -> "pd.Series[float]":  # fmt: skip
    """A group of bars for each ``across``, beside each other in the order of ``colors``.

    ``form`` writes numbers on them. Returns where each row of ``table`` stands.
    """
    places, width = places_of(table, across, beside, list(colors))
    draw(axes, table, value, places, width, table[beside].map(colors), form, size)
    style.categories(axes, "x", list(table[across].unique()))
    return places


def places_of(
    table: pd.DataFrame, across: str, beside: str, order: Sequence[str]
) -> tuple["pd.Series[float]", float]:
    """Where the bar of each row stands, and how wide it can be; equal ones stand on each other."""
    group = table[across].map(list(table[across].unique()).index)
    place = table[beside].map(order.index).groupby(group).rank("dense")
    count = place.groupby(group).transform("max")
    step = GROUP / count.max()
    return group + step * (place - (count + 1) / 2), 0.9 * step


def draw(
    axes: Axes, table: pd.DataFrame, value: str, places: "pd.Series[float]", width: float,
    colors: "pd.Series[Any]", form: Form | None = None, size: float = 6.5, flat: bool = False,
) -> None:  # fmt: skip
    """A bar for each row with a whisker from VALUE_low to VALUE_high, upright or ``flat``.

    ``form`` writes their numbers at their ends.
    """
    bar, error = (axes.barh, "xerr") if flat else (axes.bar, "yerr")
    for origin, rows in table.groupby("origin"):
        at, hues, middle = places[rows.index], list(colors[rows.index]), rows[value]
        low, high = (rows.get(f"{value}_{end}", middle) for end in ("low", "high"))
        if origin == "projected":
            drawn = bar(at, high - low, width / 3, low, color=hues, **PALE)
        elif origin == "published":
            drawn = bar(at, middle, width, **style.hollow(hues))
        else:
            spread: Any = {error: (middle - low, high - middle), "error_kw": {"lw": 0.9}}
            drawn = bar(at, middle, width, color=hues, **spread)
        if form:
            texts = [
                f"projected {form(least)} to {form(most)}"
                if origin == "projected"
                else form(number)
                for least, number, most in zip(low, middle, high, strict=True)
            ]
            axes.bar_label(drawn, texts, padding=1.5, fontsize=size)


def legend(
    figure: Figure, colors: Mapping[str, Any], more: Sequence[Artist] = (), columns: int = 4
) -> None:
    """What the colours are under the picture, and ``more``."""
    known = [Patch(facecolor=color, label=name) for name, color in colors.items()]
    style.legend_below(figure, [*known, *more], columns)
