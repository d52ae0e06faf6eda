"""Fractions of times are cut off only after the rows are sorted by them, in every loader."""

from collections.abc import Callable

import numpy as np
import pytest

from benchmark.datasets.dataset import Dataset
from benchmark.datasets.jodie import JODIE, DyGLib
from benchmark.datasets.plain_text import SNAP
from benchmark.datasets.table import Table
from benchmark.storage.locations import Locations

Rows = list[tuple[int, int, str]]

ROWS: Rows = [
    (0, 1, "0.0"),
    (0, 2, "5.9"),
    (0, 3, "5.1"),
    (1, 2, "6.0"),
    (1, 3, "7"),
    (2, 3, "8"),
    (0, 1, "9"),
    (0, 1, "10"),
    (1, 2, "11"),
    (2, 0, "12"),
]


def as_table(locations: Locations, rows: Rows) -> Dataset:
    write(locations, "a.csv", ["source,destination,time", *(f"{s},{d},{t}" for s, d, t in rows)])
    return Table("a", "a.csv", fractional_times="floor").load(locations)


def as_snap(locations: Locations, rows: Rows) -> Dataset:
    write(locations, "a.txt", [f"{s} {d} {t}" for s, d, t in rows])
    return SNAP("a", "a", ["a.txt"], fractional_times="floor").load(locations)


def as_jodie(locations: Locations, rows: Rows) -> Dataset:
    header = "user_id,item_id,timestamp,state_label"
    write(locations, "a.csv", [header, *(f"{s},{d},{t},0" for s, d, t in rows)])
    return JODIE("a", fractional_times="floor").load(locations)


def as_dyglib(locations: Locations, rows: Rows) -> Dataset:
    lines = [f"{i},{s + 1},{d + 1},{t},0,{i + 1}" for i, (s, d, t) in enumerate(rows)]
    write(locations, "ml_a.csv", [",u,i,ts,label,idx", *lines])
    assert locations.root is not None
    np.save(locations.root / "ml_a.npy", np.zeros((len(rows) + 1, 1)))
    np.save(locations.root / "ml_a_node.npy", np.zeros((9, 1)))
    return DyGLib("a", fractional_times="floor").load(locations)


def write(locations: Locations, file: str, lines: list[str]) -> None:
    assert locations.root is not None
    (locations.root / file).write_text("\n".join(lines))


LOADERS = pytest.mark.parametrize("load", [as_table, as_snap, as_jodie, as_dyglib])
Load = Callable[[Locations, Rows], Dataset]


@LOADERS
def test_the_order_within_a_unit_stays(locations: Locations, load: Load) -> None:
    dataset = load(locations, ROWS)
    stream = dataset.stream
    assert stream.t.tolist() == [0, 5, 5, 6, 7, 8, 9, 10, 11, 12]
    before = (stream.src == 0) & (stream.t < 6)
    shift = int(dataset.bipartite)  # JODIE's items follow 3 users: destinations 0, 1, 2, 3
    latest = int(stream.dst[before][-1]) - (3 if shift else 0)
    assert latest == 2, "at 5.9, not at 5.1"
    assert dataset.source.moved_rows == 1


@LOADERS
def test_equal_exact_times_keep_the_order_of_the_file(locations: Locations, load: Load) -> None:
    rows = [(0, 1, "0"), (0, 3, "5.50"), (0, 2, "5.5"), (0, 1, "5.5000000000000001"), *ROWS[3:]]
    dataset = load(locations, rows)
    assert dataset.source.moved_rows == 0
    shift = 3 if dataset.bipartite else 0
    assert (dataset.stream.dst[:4] - shift).tolist() == [1, 3, 2, 1]


@LOADERS
def test_a_difference_that_float64_does_not_see(locations: Locations, load: Load) -> None:
    large = ["1700000000.0000000019", "1700000000.0000000011"]
    rows = [
        (0, 1, "0"),
        (0, 2, large[0]),
        (0, 3, large[1]),
        *((1, 0, f"200000000{i}") for i in "0123"),
    ]
    dataset = load(locations, rows)
    assert dataset.source.moved_rows == 1
    assert dataset.stream.dst[2] < dataset.stream.dst[1]


@LOADERS
def test_times_that_all_become_equal_are_refused(locations: Locations, load: Load) -> None:
    rows = [(0, 1, f"5.{i}") for i in range(10)]
    with pytest.raises(ValueError, match="in a finer unit, such as 1,000 times the column"):
        load(locations, rows)


def test_moved_rows_of_several_files_are_counted_in_each(locations: Locations) -> None:
    write(locations, "a.txt", ["1 2 5.9", "1 2 5.1", "1 2 9"])
    write(locations, "b.txt", ["1 2 5.5", "1 2 7", "1 2 8", "1 2 6"])
    dataset = SNAP("x", "x", ["a.txt", "b.txt"], fractional_times="floor").load(locations)
    assert dataset.source.moved_rows == 2
    assert dataset.stream.y.tolist() == [0, 1, 0, 1, 1, 1, 0]


@LOADERS
def test_who_cuts_fractions_off_already_is_not_told_to(locations: Locations, load: Load) -> None:
    with pytest.raises(ValueError, match="times must be whole numbers from 0 on") as refused:
        load(locations, [*ROWS, (2, 0, "-3.5")])
    assert "fractional_times" not in str(refused.value)
