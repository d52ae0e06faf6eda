"""The user's own csv or parquet file, by the names of its columns."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.datasets.assemble import assemble
from benchmark.datasets.chronology import count_out_of_order, split_by_time
from benchmark.datasets.dataset import Dataset, LabelKind, Source
from benchmark.datasets.locations import Locations
from benchmark.datasets.storage import sha256_of
from benchmark.datasets.table_file import numbers, read_table, words
from benchmark.datasets.validate import (
    FileRows,
    FractionalTimes,
    check_features,
    check_ids,
    check_labels,
    check_not_empty,
    check_times,
)


def load_table(
    locations: Locations,
    name: str,
    path: str,
    source: str,
    destination: str,
    time: str,
    bipartite: bool = False,
    features: Sequence[str] = (),
    feature_prefix: str | None = None,
    labels: Sequence[str] = (),
    label_kind: str = "none",
    fractional_times: FractionalTimes = "refuse",
    validation_fraction: float = 0.15,
    test_fraction: float = 0.15,
) -> Dataset:
    """One event per row of the file at ``path`` (as given, or inside the data set folders).

    Ids may be numbers or words; nodes are numbered in their sorted order. With ``bipartite`` the
    destinations are other nodes than the sources, whatever their ids, and follow them in the
    numbering. ``features`` names numeric columns; ``feature_prefix`` adds every column whose name
    starts with it. ``label_kind`` is none, node (class of the source), edge (class of the event)
    or multi_edge (several columns of 0 and 1).
    """
    file = Path(path).expanduser()
    if not file.is_file():
        file = locations.fetch(name, path)
    kind = _label_kind(label_kind, labels)
    table, rows = read_table(file, [source, destination, time, *features, *labels], feature_prefix)
    check_not_empty(len(table), file)
    t = check_times(numbers(table, time, rows), time, rows, fractional_times)
    src, dst, num_nodes = _number_nodes(table, source, destination, rows, bipartite)
    prefixed = [c for c in map(str, table) if feature_prefix and c.startswith(feature_prefix)]
    y, num_classes = _labels(table, kind, labels, rows)
    return assemble(
        name,
        src,
        dst,
        t,
        split=lambda t: split_by_time(t, validation_fraction, test_fraction),
        source=Source(f"table {file}", {file.name: sha256_of(file)}, count_out_of_order(t)),
        num_nodes=num_nodes,
        bipartite=bipartite,
        features=_matrix(table, list(dict.fromkeys([*features, *prefixed])), rows),
        labels=y,
        label_kind=kind,
        num_classes=num_classes,
    )


def _number_nodes(
    table: pd.DataFrame, source: str, destination: str, rows: FileRows, bipartite: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Consecutive source and destination ids, and how many nodes there are."""
    columns = (source, destination)
    if bipartite:
        (src, num_sources), (dst, num_destinations) = (
            _number([_ids(table, column, rows)]) for column in columns
        )
        return src, dst + num_sources, num_sources + num_destinations
    ids = [_ids(table, column, rows) for column in columns]
    if any(values.dtype == object for values in ids):
        ids = [words(table, column, rows) for column in columns]
    numbered, num_nodes = _number(ids)
    src, dst = np.split(numbered, 2)
    return src, dst, num_nodes


def _ids(table: pd.DataFrame, column: str, rows: FileRows) -> NDArray[Any]:
    if pd.api.types.is_numeric_dtype(table[column]):
        return check_ids(numbers(table, column, rows), column, rows)
    return words(table, column, rows)


def _number(ids: list[NDArray[Any]]) -> tuple[NDArray[np.int64], int]:
    """The ids, concatenated, as positions among the sorted distinct ones, and their number."""
    positions, distinct = pd.factorize(np.concatenate(ids), sort=True)
    return positions.astype(np.int64), len(distinct)


def _matrix(table: pd.DataFrame, columns: Sequence[str], rows: FileRows) -> NDArray[np.float32]:
    """Columns as float32 [num_rows, num_columns]."""
    values = np.empty((len(table), len(columns)), np.float32)
    for i, column in enumerate(columns):
        values[:, i] = numbers(table, column, rows)
    check_features(values, rows, list(columns))
    return values


def _label_kind(label_kind: str, labels: Sequence[str]) -> LabelKind:
    if label_kind not in list(LabelKind):
        raise ValueError(
            f"label_kind is {label_kind!r}: it can be {', '.join(kind.value for kind in LabelKind)}"
        )
    kind = LabelKind(label_kind)
    allowed = {LabelKind.NONE: len(labels) == 0, LabelKind.MULTI_EDGE: len(labels) > 1}
    if not allowed.get(kind, len(labels) == 1):
        raise ValueError(
            f"label_kind {label_kind} does not fit {len(labels)} label columns: none needs no "
            "column, node and edge need one, multi_edge needs several"
        )
    return kind


def _labels(
    table: pd.DataFrame, kind: LabelKind, columns: Sequence[str], rows: FileRows
) -> tuple[NDArray[Any] | None, int]:
    """What ``stream.y`` holds, and the number of classes; words are numbered in sorted order."""
    if kind is LabelKind.NONE:
        return None, 0
    if kind is LabelKind.MULTI_EDGE:
        values = _matrix(table, columns, rows)
        wrong = np.argwhere((values != 0) & (values != 1))
        if len(wrong):
            row, column = wrong[0]
            raise ValueError(
                f"{rows.place(row)}: label {columns[column]} is {values[row, column]:g}: a "
                "multi_edge label must be 0 or 1"
            )
        return values, len(columns)
    (column,) = columns
    if not pd.api.types.is_numeric_dtype(table[column]):
        return _number([words(table, column, rows)])
    classes = check_labels(numbers(table, column, rows), column, rows)
    return classes, int(classes.max()) + 1
