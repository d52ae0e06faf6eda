"""Tables as pictures, and the numbers of several seeds in their cells."""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from benchmark.records.statistics import mean_interval
from paper_figures.spread import cell, mean_columns, median_columns
from paper_figures.style import GREY
from paper_figures.table_picture import Groups, Published, draw_table, rows_of

HEADER = ("network", "by", "test AP (%)", "s per pass")
GROUPS: Groups = [
    [
        ["TGN-attn", "disttgl", "98.21 [97.90, 98.40]", "8"],
        ["", "tgl,\nsampler=paper", "97.1", "11"],
    ],
    [[Published("TGAT"), Published("TGN Table 2"), Published("95.34 ± 0.10"), Published("-")]],
]


def test_no_text_runs_into_another() -> None:
    figure = draw_table(HEADER, GROUPS, "What was measured.")
    figure.draw_without_rendering()
    boxes = [t.get_window_extent() for t in figure.texts[:-1] if t.get_text()]
    small_print = figure.texts[-1].get_window_extent()
    assert len(boxes) == 4 + 4 + 3 + 1 + 4  # a cell has two lines
    overlapping = [
        (one, other)
        for place, one in enumerate(boxes)
        for other in [*boxes[place + 1 :], small_print]
        if one.overlaps(other)
    ]
    assert overlapping == []
    assert max(box.x1 for box in boxes) <= figure.bbox.x1 + 1
    plt.close(figure)


def test_columns_of_numbers_are_flush_right() -> None:
    figure = draw_table(HEADER, GROUPS, "")
    figure.draw_without_rendering()
    boxes = {text.get_text(): text.get_window_extent() for text in figure.texts}
    assert boxes["8"].x1 == pytest.approx(boxes["11"].x1, abs=1)
    assert boxes["8"].x0 > boxes["11"].x0
    assert boxes["97.1"].x0 == pytest.approx(boxes["98.21 [97.90, 98.40]"].x0, abs=1)
    plt.close(figure)


def test_published_cells_are_grey_and_it_is_said() -> None:
    figure = draw_table(HEADER, GROUPS, "Measured.")
    colors = {text.get_text(): text.get_color() for text in figure.texts}
    assert colors["TGAT"] == GREY
    assert colors["disttgl"] == "black"
    assert figure.texts[-1].get_text() == "Measured. Grey: published."
    without = draw_table(HEADER, GROUPS[:1], "Measured.")
    assert without.texts[-1].get_text() == "Measured."
    plt.close("all")


def test_a_column_that_holds_nothing_is_left_out() -> None:
    figure = draw_table(("a", "empty", "b"), [[["1", "-", "2"], ["3", "", "4"]]], "")
    assert "empty" not in {text.get_text() for text in figure.texts}
    plt.close(figure)


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"row \['1'\] has not the 2 cells"):
        draw_table(("a", "b"), [[["1"]]], "")


def test_rows_are_lower_than_those_above() -> None:
    figure = draw_table(("a",), [[["1"], ["2\n3"]], [["4"]]], "")
    heights = [text.get_position()[1] for text in figure.texts[:-1]]
    assert [text.get_text() for text in figure.texts[:-1]] == ["a", "1", "2", "3", "4"]
    assert all(above > below for above, below in pairwise(heights))
    plt.close(figure)


def test_a_heading_stands_where_it_changes() -> None:
    table = pd.DataFrame(
        {
            "network": ["TGN-attn", "TGN-attn", "JODIE"],
            "origin": ["measured", "published", "published"],
            "value": ["1", "2", "3"],
        }
    )
    (rows,) = rows_of([table], "network", lambda row: [row["value"]])
    assert [list(row) for row in rows] == [["TGN-attn", "1"], ["", "2"], ["JODIE", "3"]]
    assert [isinstance(row[1], Published) for row in rows] == [False, True, True]


def test_accuracies_are_means_with_the_interval_of_the_end_tables() -> None:
    values = [0.70, 0.71, 0.72, 0.75]
    interval = mean_interval([100 * value for value in values], np.random.default_rng(0))
    assert interval
    found = mean_columns("test", values, 100)
    assert found == {
        "test": pytest.approx(72),
        "test_low": interval.low,
        "test_high": interval.high,
    }
    few = mean_columns("test", [0.5, None, 0.7])
    assert few == {"test": pytest.approx(0.6), "test_low": 0.5, "test_high": 0.7}
    assert mean_columns("test", [None]) == {"test": None, "test_low": None, "test_high": None}


def test_times_are_medians_with_their_range() -> None:
    found = median_columns("seconds", [9.0, 1.0, 2.0, None])
    assert found == {"seconds": 2.0, "seconds_low": 1.0, "seconds_high": 9.0}
    assert median_columns("seconds", []) == dict.fromkeys(found)


def test_cells_show_intervals_where_there_are_any() -> None:
    measured = {"origin": "measured", "x": 1.234, "x_low": 1.1, "x_high": 1.4}
    assert cell(measured, "x", ".1f") == "1.2 [1.1, 1.4]"
    assert cell(measured | {"x_low": 1.21, "x_high": 1.24}, "x", ".1f") == "1.2"
    assert cell({"origin": "measured", "x": 3.0}, "x", ".0f") == "3"
    published = {"origin": "published", "x": 98.456, "x_low": float("nan"), "x_deviation": 0.06}
    assert cell(published, "x", ".2f") == "98.46 ± 0.06"
    assert cell(published | {"x_deviation": None}, "x", ".2f") == "98.46"
    assert cell(published, "y", ".2f") == cell({"y": float("nan")}, "y", ".2f") == "-"
