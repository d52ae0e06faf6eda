"""Bars side by side and panels of curves: where they stand, and what each origin looks like."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.patches import Rectangle

from paper_figures import pictures

TABLE = pd.DataFrame({
    "group": [1, 1, 2, 2], "label": ["a", "b", "b", "b"], "value": [3.0, 5.0, 7.0, 9.0],
    "value_low": [2.0, 5.0, 6.0, None], "value_high": [4.0, 5.0, 8.0, None],
    "origin": ["measured", "measured", "projected", "published"],
})  # fmt: skip
COLORS = {"a": "#FF0000", "b": "#0000FF"}
LOOKS = pictures.looks_of(COLORS)


def test_bars_of_a_group_stand_around_it() -> None:
    figure, axes = plt.subplots()
    table = TABLE.assign(label=["a", "b", "a", "b"])
    places = pictures.grouped(axes, table, "value", "group", "label", COLORS)
    apart = pictures.GROUP / 4
    assert places.tolist() == pytest.approx([-apart, apart, 1 - apart, 1 + apart])
    widths = {one.get_width() for one in axes.patches if isinstance(one, Rectangle)}
    assert all(0 < width < pictures.GROUP / 2 for width in widths)
    plt.close(figure)


@pytest.mark.parametrize("flat", [False, True])
def test_each_origin_has_its_look_and_its_number(flat: bool) -> None:
    figure, axes = plt.subplots()
    places, colors = pd.Series([0.0, 1.0, 2.0, 3.0]), TABLE["label"].map(COLORS)
    pictures.bars(axes, TABLE, "value", places, 0.9, colors, "{:.0f}".format, flat=flat)
    drawn = [one for one in axes.patches if isinstance(one, Rectangle)]
    size = Rectangle.get_width if flat else Rectangle.get_height
    assert [size(one) for one in drawn] == [3, 5, 2, 9]
    assert [one.get_hatch() for one in drawn] == [None, None, None, pictures.HATCH]
    assert [text.get_text() for text in axes.texts] == ["3", "5", "projected 6 to 8", "9"]
    plt.close(figure)


def curve(origin: str, value: float) -> pd.DataFrame:
    ends = {"lowest": value, "highest": value, "emulated": False, "origin": origin, "label": "a"}
    return pd.DataFrame({"iteration": [10, 100], pictures.METRIC: [value, value], **ends})


def test_panels_that_share_an_axis_show_the_curves_of_all() -> None:
    parts = {"published": curve("published", 0.5), "measured": curve("measured", 0.9)}
    panels = [(title, table, LOOKS) for title, table in parts.items()]
    figure = pictures.panels_of_lines(panels, (4, 2), sharey=True)
    for axes in figure.axes:
        low, high = axes.get_ylim()
        assert low < 0.5 and high > 0.9
    plt.close(figure)


def test_a_flat_curve_does_not_fill_its_axis() -> None:
    figure = pictures.panels_of_lines([("", curve("measured", 0.5), LOOKS)], (4, 2))
    low, high = figure.axes[0].get_ylim()
    assert high - low >= pictures.SMALLEST_RANGE
    plt.close(figure)
