"""Bars side by side: where they stand, and what each origin looks like."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.patches import Rectangle

from paper_figures import bars, style

TABLE = pd.DataFrame({
    "group": [1, 1, 2, 2], "label": ["a", "b", "b", "b"], "value": [3.0, 5.0, 7.0, 9.0],
    "value_low": [2.0, 5.0, 6.0, None], "value_high": [4.0, 5.0, 8.0, None],
    "origin": ["measured", "measured", "projected", "published"],
})  # fmt: skip
COLORS = {"a": "#FF0000", "b": "#0000FF"}


def test_bars_of_a_group_stand_around_it_and_equal_labels_on_each_other() -> None:
    places, width = bars.places_of(TABLE, "group", "label", list(COLORS))
    assert places.tolist() == pytest.approx([-bars.GROUP / 4, bars.GROUP / 4, 1, 1])
    assert 0 < width < bars.GROUP / 2


@pytest.mark.parametrize("flat", [False, True])
def test_each_origin_has_its_look_and_its_number(flat: bool) -> None:
    figure, axes = plt.subplots()
    places, colors = pd.Series([0.0, 1.0, 2.0, 3.0]), TABLE["label"].map(COLORS)
    bars.draw(axes, TABLE, "value", places, 0.9, colors, "{:.0f}".format, flat=flat)
    drawn = [one for one in axes.patches if isinstance(one, Rectangle)]
    size = Rectangle.get_width if flat else Rectangle.get_height
    assert [size(one) for one in drawn] == [3, 5, 2, 9]
    assert [one.get_hatch() for one in drawn] == [None, None, None, style.PUBLISHED_HATCH]
    assert [text.get_text() for text in axes.texts] == ["3", "5", "projected 6 to 8", "9"]
    plt.close(figure)
