"""A table of text in the papers' style: rules above, below and under the header, none between.

Measured cells are black and published ones (``Published``) grey, so that both can share a column.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from paper_figures import style

HOLE = "-"  # neither measured nor published
FONT_SIZE = 7.0
LINE = 0.135  # inches, the height of a line of text
ASCENT = 0.105  # inches, from the top of a line to its baseline
ROW_GAP = 0.035  # inches, above every row
RULE_GAP = 0.05  # inches, on either side of a rule
COLUMN_GAP = 0.16  # inches
THICK, THIN, FAINT = 0.9, 0.5, 0.25  # points, of rules
FIRST_OF_NUMBERS = frozenset("0123456789.-±")

Row = Sequence[str]
Groups = Sequence[Sequence[Row]]


class Published(str):
    """A cell with what a paper says, drawn in grey."""

    __slots__ = ()

    def splitlines(self, keepends: bool = False) -> list[str]:
        return [Published(line) for line in super().splitlines(keepends)]


def draw_table(header: Row, groups: Groups, small_print: str) -> Figure:
    """A figure as wide as its text, with faint rules between the ``groups`` of rows.

    Cells may hold several lines. Columns of single numbers are flush right and all others left;
    one that holds nothing is left out. Raises ValueError if a row has not as many cells as the
    header.
    """
    header, groups = _without_empty_columns(header, groups)
    rows = [row for group in groups for row in group]
    figure = plt.figure(figsize=(style.PAGE, 1))
    lines = [(line, True) for line in _lines(header, above=True)]
    lines += [(line, False) for row in rows for line in _lines(row)]
    grid = [[_write(figure, cell, bold) for cell in line] for line, bold in lines]
    right = [_is_of_numbers(row[column] for row in rows) for column in range(len(header))]
    _place(figure, grid, right, *_heights(header, groups))
    published = any(isinstance(cell, Published) for row in rows for cell in row)
    style.write_below(figure, small_print + (" Grey: published." if published else ""))
    return figure


def rows_of(
    groups: Iterable[pd.DataFrame], heading: str, cells: Callable[[dict[str, Any]], list[str]]
) -> list[list[Row]]:
    """``groups`` for a table, from rows of a csv file with the column ``origin``.

    A row shows its ``heading`` where that is another than in the row above, then its ``cells``.
    """
    return [_rows_of_one(group.to_dict("records"), heading, cells) for group in groups]


def _rows_of_one(
    rows: Any, heading: str, cells: Callable[[dict[str, Any]], list[str]]
) -> list[Row]:
    painted: list[Row] = []
    above = ""
    for row in rows:
        name = row[heading] if row[heading] != above else ""
        line = [name, *cells(row)]
        painted.append([*map(Published, line)] if row["origin"] == "published" else line)
        above = row[heading]
    return painted


def _without_empty_columns(header: Row, groups: Groups) -> tuple[Row, Groups]:
    rows = [row for group in groups for row in group]
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"row {row} has not the {len(header)} cells of the header {header}")
    kept = [n for n in range(len(header)) if any(row[n] not in ("", HOLE) for row in rows)]
    return [header[n] for n in kept], [[[row[n] for n in kept] for row in g] for g in groups]


def _lines(row: Row, above: bool = False) -> list[Row]:
    """One row of text for every line of the highest cell, the others padded below or ``above``."""
    cells = [cell.splitlines() or [""] for cell in row]
    highest = max(map(len, cells))
    padding = [[""] * (highest - len(cell)) for cell in cells]
    filled = [p + c if above else c + p for c, p in zip(cells, padding, strict=True)]
    return list(zip(*filled, strict=True))


def _write(figure: Figure, text: str, bold: bool) -> Text:
    color = style.GREY if isinstance(text, Published) else "black"
    weight = "bold" if bold else "normal"
    return figure.text(0, 0, text, fontsize=FONT_SIZE, color=color, weight=weight)


def _place(
    figure: Figure,
    grid: list[list[Text]],
    right: list[bool],
    tops: list[float],
    rules: list[tuple[float, float]],
    height: float,
) -> None:
    """Give the figure its size and the texts and rules their places."""
    edges = _column_edges(figure, grid)
    width = max(style.COLUMN, edges[-1] - COLUMN_GAP)
    figure.set_size_inches(width, height)
    for texts, top in zip(grid, tops, strict=True):
        for text, (start, stop), flush_right in zip(texts, pairwise(edges), right, strict=True):
            x = stop - COLUMN_GAP if flush_right else start
            text.set_horizontalalignment("right" if flush_right else "left")
            text.set_position((x / width, 1 - (top + ASCENT) / height))
    for depth, thickness in rules:
        y = 1 - depth / height
        figure.add_artist(Line2D([0, 1], [y, y], lw=thickness, color="black"))


def _column_edges(figure: Figure, grid: list[list[Text]]) -> list[float]:
    """Left edges of the columns in inches, and that after the last; a column ends in a gap."""
    figure.draw_without_rendering()
    edges = [0.0]
    for texts in zip(*grid, strict=True):
        widest = max(text.get_window_extent().width for text in texts) / figure.dpi
        edges.append(edges[-1] + widest + COLUMN_GAP)
    return edges


def _is_of_numbers(cells: Iterable[str]) -> bool:
    return all(cell[0] in FIRST_OF_NUMBERS and " " not in cell for cell in cells if cell)


def _heights(header: Row, groups: Groups) -> tuple[list[float], list[tuple[float, float]], float]:
    """Inches from the top: of every line of text, of rules with their thickness, of the end."""
    tops: list[float] = []
    depth = RULE_GAP

    def add(row: Row) -> None:
        nonlocal depth
        for _ in range(max(1 + cell.count("\n") for cell in row)):
            tops.append(depth)
            depth += LINE

    add(header)
    depth += RULE_GAP
    rules = [(0.0, THICK), (depth, THIN)]
    for number, group in enumerate(groups):
        if number:
            depth += RULE_GAP
            rules.append((depth, FAINT))
        for row in group:
            depth += ROW_GAP
            add(row)
    depth += RULE_GAP
    return tops, [*rules, (depth, THICK)], depth
