"""Panels of curves."""

import matplotlib.pyplot as plt
import pandas as pd

from paper_figures import curves


def curve(origin: str, value: float) -> pd.DataFrame:
    ends = {"lowest": value, "highest": value, "emulated": False, "origin": origin, "label": "a"}
    return pd.DataFrame({"iteration": [10, 100], curves.METRIC: [value, value], **ends})


def test_panels_that_share_an_axis_show_the_curves_of_all() -> None:
    parts = {"published": curve("published", 0.5), "measured": curve("measured", 0.9)}
    panels = [(title, table, curves.looks_of("a")) for title, table in parts.items()]
    figure = curves.draw_panels(panels, (4, 2), sharey=True)
    for axes in figure.axes:
        low, high = axes.get_ylim()
        assert low < 0.5 and high > 0.9
    plt.close(figure)


def test_a_flat_curve_does_not_fill_its_axis() -> None:
    figure = curves.draw_panels([("", curve("measured", 0.5), curves.looks_of("a"))], (4, 2))
    low, high = figure.axes[0].get_ylim()
    assert high - low >= curves.SMALLEST_RANGE
    plt.close(figure)
